"""Weather for a place: a file of the user's, the nearest typical year, or a past period."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_sources.cache import Provenance


@dataclass(frozen=True)
class WeatherResult:
    """What `fetch_weather` brought into the city folder.

    Attributes
    ----------
    path : Path
        The file, in the folder.
    kind : str
        ``epw`` or ``csv``: the key of [weather] in the scenario.
    scenario : dict
        The whole [weather] table of the scenario, paths relative to the folder.
    station : str
        Name of the station or grid cell.
    distance_km : float
        From the place to it.
    height_difference_m : float
        Station minus place; NaN where one is unknown.
    utc_offset_h : float
        Standard time of the file, in which a scenario's `start` and `end` are read.
    clock : str
        One sentence about that time, to be printed.
    start, end : str
        A window that fits the file: the period asked for, or a summer day of the typical year.
    warnings : tuple of str
    provenance : tuple of Provenance
    """

    path: Path
    kind: str
    scenario: dict[str, Any]
    station: str
    distance_km: float
    height_difference_m: float
    utc_offset_h: float
    clock: str
    start: str
    end: str
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = field(default=())


def fetch_weather(
    longitude: float,
    latitude: float,
    elevation: float,
    session: Any,
    folder: Path,
    *,
    period: tuple[str, str] | None = None,
    epw: str | None = None,
) -> WeatherResult:
    """Bring weather for a place into a city folder.

    Parameters
    ----------
    longitude, latitude, elevation : float
        Of the place [degrees, degrees, m]; elevation NaN where unknown.
    session : data_sources.http.Session
    folder : Path
    period : tuple of str, optional
        First and last day, ISO dates: hourly weather of that time from a reanalysis.
    epw : str, optional
        A file or an https address of an .epw file or of a zip archive that holds one.
    """
    raise NotImplementedError
