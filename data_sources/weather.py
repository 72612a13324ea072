"""Weather for a place: a file of the user's, the nearest typical year, or a past period."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError, NetworkError
from data_sources.reanalysis import fetch_reanalysis, parse_period
from data_sources.weather_catalogue import URL, Station, nearest_stations
from data_sources.weather_file import apart, bring_epw
from heatmat.errors import HeatMatError, InputError
from heatmat.times import offset_text

if TYPE_CHECKING:
    from data_sources.cache import Provenance
    from data_sources.http import Session
    from heatmat.weather import Weather

FAR_KM = 50.0
HIGH_M = 300.0
"""A station farther away, or higher or lower by more, is warned of: beyond about 50 km weather is
another, and 300 m of height are 2 K in the standard atmosphere (6.5 K/km, ISO 2533)."""

BETTER = "give a file or address, for example one of climate.onebuilding.org"

TRIES = 3
"""Stations of the catalogue that are tried for one within `HIGH_M`."""


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
    session: Session,
    folder: Path,
    *,
    period: tuple[str, str] | None = None,
    epw: str | None = None,
) -> WeatherResult:
    """Bring weather for a place into a city folder.

    Without `period` and `epw`: the nearest typical year of EnergyPlus' catalogue; of the three
    nearest stations the first whose height is within 300 m, where the height of the place is known.

    Parameters
    ----------
    longitude, latitude, elevation : float
        Of the place [degrees, degrees, m]; elevation NaN where unknown.
    session : data_sources.http.Session
    folder : Path
    period : tuple of str, optional
        First and last day, ISO dates: hourly weather of that time from a reanalysis.
    epw : str, optional
        A file or an http(s) address of an .epw file or of a zip archive that holds one.

    Raises
    ------
    InputError
        When both are given, or the file or the period must be mended.
    NetworkError
        When a service does not give what was asked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = (longitude, latitude, elevation)
    if period is not None and epw is not None:
        raise InputError("two sources of weather", where="--weather", remedy="give one of them")
    if period is not None:
        return _past(place, period, session, folder)
    if epw is not None:
        path, weather, station, provenance = bring_epw(epw, session, folder)
        return _from_epw(place, path, weather, station, (), provenance)
    return _nearest(place, session, folder)


def _nearest(place: tuple[float, float, float], session: Session, folder: Path) -> WeatherResult:
    """The nearest station whose file can be used, a level one before a nearer one far above."""
    best: WeatherResult | None = None
    failed: list[str] = []
    problem: HeatMatError | None = None
    for station in nearest_stations(place[0], place[1], session):
        if best is not None and (station.distance_km > FAR_KM or len(failed) >= TRIES):
            break
        try:
            result = _from_station(place, station, session, folder, tuple(failed))
        except (NetworkError, InputError) as error:
            problem = problem or error
            failed.append(f"the file of {station.title} cannot be used: {error}")
            continue
        level = not abs(result.height_difference_m) > HIGH_M
        if best is None or level:
            if best is not None and best.path != result.path:
                best.path.unlink(missing_ok=True)
            best = result
        elif result.path != best.path:
            result.path.unlink(missing_ok=True)
        if level:
            break
        failed.append(f"{result.station} lies {_rise(result.height_difference_m)}")
    if best is None:
        if isinstance(problem, NetworkError):
            raise problem
        # The user named no file: it is the service that has none to give.
        raise MalformedError(
            "no file of the catalogue can be used", where=URL, got=str(problem), remedy=BETTER
        )
    return best


def _from_station(
    place: tuple[float, float, float],
    station: Station,
    session: Session,
    folder: Path,
    failed: tuple[str, ...],
) -> WeatherResult:
    path, weather, name, provenance = bring_epw(
        station.url,
        session,
        folder,
        licence="as stated in the file and at https://energyplus.net/weather/sources",
        attribution=f"EnergyPlus weather data, {station.title}",
    )
    off = apart(weather, station.longitude, station.latitude, math.nan)[0]
    if off > FAR_KM:
        path.unlink(missing_ok=True)
        raise InputError(
            "the file is of another place than the catalogue says",
            where=station.url,
            expected=f"{station.latitude:.2f} N, {station.longitude:.2f} E",
            got=f"{weather.latitude:.2f} N, {weather.longitude:.2f} E",
        )
    return _from_epw(place, path, weather, name, failed, provenance)


def _from_epw(
    place: tuple[float, float, float],
    path: Path,
    weather: Weather,
    station: str,
    failed: tuple[str, ...],
    provenance: tuple[Provenance, ...],
) -> WeatherResult:
    distance, rise = apart(weather, *place)
    start, end = summer_day(weather)
    unknown = []
    if math.isnan(rise):
        unknown.append(
            "the height of the place is not known without terrain: not compared with the "
            f"station's {weather.elevation:.0f} m"
        )
    return WeatherResult(
        path=path,
        kind="epw",
        scenario={"epw": path.name},
        station=station,
        distance_km=distance,
        height_difference_m=rise,
        utc_offset_h=weather.utc_offset,
        clock=clock_line(weather.utc_offset, place[0], "as the file says"),
        start=start,
        end=end,
        warnings=(
            *failed,
            *_warnings(station, distance, rise, weather, place[0]),
            *unknown,
            *weather.notes,
        ),
        provenance=provenance,
    )


def _past(
    place: tuple[float, float, float], period: tuple[str, str], session: Session, folder: Path
) -> WeatherResult:
    """A past period: read back as the solver will read it, so that no bad file is left behind."""
    import datetime

    from heatmat.weather import Weather

    first, last = parse_period(period)
    found = fetch_reanalysis(place[0], place[1], period, session, folder)
    height = found.elevation if math.isfinite(found.elevation) else place[2]
    table: dict[str, Any] = {"csv": found.path.name}
    table["latitude"], table["longitude"] = round(place[1], 5), round(place[0], 5)
    if math.isfinite(height):
        table["elevation_m"] = round(height, 1)
    try:
        weather = Weather.from_csv(
            found.path,
            latitude=place[1],
            longitude=place[0],
            elevation=height if math.isfinite(height) else 0.0,
        )
    except InputError:
        found.path.unlink(missing_ok=True)
        raise
    cell = (found.longitude, found.latitude)
    distance = _distance(place, cell) if all(map(math.isfinite, cell)) else math.nan
    rise = found.elevation - place[2]
    how = f"zone {found.zone}" if found.zone else "of the longitude"
    station = "Open-Meteo archive, reanalysis (ERA5 and ECMWF IFS), a cell of 9 to 25 km"
    return WeatherResult(
        path=found.path,
        kind="csv",
        scenario=table,
        station=station,
        distance_km=distance,
        height_difference_m=rise,
        utc_offset_h=found.utc_offset_h,
        clock=clock_line(found.utc_offset_h, place[0], how),
        start=f"{first}T00:00",
        end=f"{last + datetime.timedelta(days=1)}T00:00",
        warnings=(
            *found.notes,
            *_warnings("the model's cell", distance, rise, weather, place[0]),
            *weather.notes,
        ),
        provenance=found.provenance,
    )


def _distance(place: tuple[float, float, float], cell: tuple[float, float]) -> float:
    import pyproj

    _, _, metres = pyproj.Geod(ellps="WGS84").inv(place[0], place[1], *cell)
    return float(metres) / 1000.0


def _warnings(
    station: str, distance: float, rise: float, weather: Weather, longitude: float
) -> list[str]:
    """What makes a station a doubtful one for the place."""
    from heatmat.solar import radiation_lead

    lines = []
    if distance > FAR_KM:
        lines.append(f"{station} lies {distance:.0f} km away, more than {FAR_KM:g} km")
    if abs(rise) > HIGH_M:
        lines.append(
            f"{station} lies {_rise(rise)}, more than {HIGH_M:g} m: its air is some "
            f"{abs(rise) * 0.0065:.1f} K {'colder' if rise > 0.0 else 'warmer'}"
        )
    if abs(weather.utc_offset - longitude / 15.0) > 3.0:
        lines.append(
            f"the file's clock is UTC{offset_text(weather.utc_offset)}, the sun's at this "
            f"longitude {longitude / 15.0:+.1f} h: is it the file of this place?"
        )
    lead = radiation_lead(weather) if weather.kind == "record" else None
    if lead is not None and lead != weather.interval / 120.0:
        lines.append(
            f"radiation fits the sun {lead:g} min before the stamp, not half an hour: east and "
            "west walls are off by the difference"
        )
    return lines


def _rise(metres: float) -> str:
    return f"{abs(metres):.0f} m {'higher' if metres > 0.0 else 'lower'}"


def clock_line(utc_offset: float, longitude: float, how: str) -> str:
    """What clock the times of a scenario are read on, for people.

    Parameters
    ----------
    utc_offset : float
        Hours east of UTC.
    longitude : float
        Of the place [degrees].
    how : str
        Where the offset is from.
    """
    noon = 12.0 + utc_offset - longitude / 15.0
    minutes = round(noon * 60.0) % 1440
    return (
        f"times are standard time, UTC{offset_text(utc_offset)} ({how}), without daylight saving: "
        f"where clocks go forward in summer, 12:00 here is 13:00 there; the sun is highest about "
        f"{minutes // 60:02d}:{minutes % 60:02d}"
    )


def summer_day(weather: Weather) -> tuple[str, str]:
    """A day to begin with: the warmest of the sunniest quarter, as start and end without a year."""
    import numpy as np

    rows = round(86400.0 / weather.interval)
    days = len(weather.time) // rows
    sun, air = (
        values[: days * rows].reshape(days, rows).mean(axis=1)
        for values in (weather.ghi, weather.air_temperature)
    )
    bright = sun >= np.percentile(sun, 75.0)
    day = int(np.argmax(np.where(bright, air, -np.inf)))
    start = weather.time[day * rows] - np.timedelta64(int(weather.interval), "s")
    end = start + np.timedelta64(1, "D")
    return str(start)[5:16], str(end)[5:16]
