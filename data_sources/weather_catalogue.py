"""The catalogue of typical years that EnergyPlus publishes, and the stations nearest to a place.

Shape: https://github.com/NREL/EnergyPlus/blob/develop/weather/master.geojson, a FeatureCollection
of points [longitude, latitude] with `title` (``COUNTRY_Place.WMO_KIND``) and, in `epw`, an HTML
anchor whose target is the file (in `all`: an archive with it).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from data_sources.errors import MalformedError

if TYPE_CHECKING:
    from data_sources.http import Session

URL = "https://github.com/NREL/EnergyPlus/raw/develop/weather/master.geojson"
HOSTS = frozenset(
    {"energyplus-weather.s3.amazonaws.com", "energyplus.net", "www.energyplus.net"}
    | {"climate.onebuilding.org", "github.com", "raw.githubusercontent.com"}
)
"""Where the catalogue's files may lie; an entry that leads elsewhere is not followed."""

MONTH = 30 * 86400.0
MAX_BYTES = 32 << 20  # the catalogue has 3.8 MB
KINDS = ("TMYx", "TMY3", "IWEC2", "IWEC", "CWEC", "TMY2", "TMY")
"""Of several files for one station the first of these is taken: younger records first."""

SAME_PLACE = 3.0
"""Files within this distance of each other count as one station's [km]."""

_ANCHOR = re.compile(
    r"""href\s*=\s*["']?(https://[^\s"'<>]+?\.(?:epw|zip))["'\s>]""", re.IGNORECASE
)
_EARTH = 6371.0  # km


@dataclass(frozen=True)
class Station:
    """A file of the catalogue."""

    title: str
    url: str
    longitude: float
    latitude: float
    distance_km: float


def nearest_stations(
    longitude: float, latitude: float, session: Session, count: int = 5
) -> list[Station]:
    """The stations nearest to a place, one file each, nearest first.

    Raises
    ------
    NetworkError
        When the catalogue cannot be had, or has no usable entry.
    """
    table = session.get_json(
        URL,
        accept=("application/json", "application/geo+json", "text/plain", "application/octet"),
        max_bytes=MAX_BYTES,
        expires=MONTH,
        licence="EnergyPlus licence (BSD-3)",
        attribution="EnergyPlus weather catalogue",
        remedy="give --weather FILE, for example from climate.onebuilding.org",
    )
    features = table.get("features") if isinstance(table, dict) else None
    if not isinstance(features, list):
        raise MalformedError("the catalogue has no features", where=URL, got=type(table).__name__)
    found = [s for f in features if (s := _station(f, longitude, latitude)) is not None]
    if not found:
        raise MalformedError(
            "no usable station in the catalogue",
            where=URL,
            expected="points with an epw address",
            got=f"{len(features)} entries",
            remedy="give --weather FILE",
        )
    found.sort(key=lambda s: (s.distance_km, s.title))
    return _one_each(found, count)


def _one_each(found: list[Station], count: int) -> list[Station]:
    """Of the files near one another the best kind, for the `count` nearest stations."""
    chosen: list[Station] = []
    while found and len(chosen) < count:
        first = found[0]
        same = [s for s in found if distance_km(first, s) <= SAME_PLACE]
        chosen.append(min(same, key=lambda s: (_rank(s.title), s.distance_km)))
        found = [s for s in found if distance_km(first, s) > SAME_PLACE]
    return chosen


def _rank(title: str) -> int:
    kind = title.rsplit("_", 1)[-1].split(".")[0].lower()
    names = [name.lower() for name in KINDS]
    return names.index(kind) if kind in names else len(names)


def _station(feature: Any, longitude: float, latitude: float) -> Station | None:
    """An entry of the catalogue; None where it is not usable."""
    try:
        x, y = (float(v) for v in feature["geometry"]["coordinates"][:2])
        about = feature["properties"]
        match = _ANCHOR.search(f"{about.get('epw', '')} {about.get('all', '')} ")
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None
    if match is None or not (abs(x) <= 180.0 and abs(y) <= 90.0):
        return None
    url = match[1]
    if (urlsplit(url).hostname or "").lower() not in HOSTS:
        return None
    title = "".join(c for c in str(about.get("title", "")) if c.isprintable())[:80] or "unnamed"
    return Station(title, url, x, y, _great_circle(longitude, latitude, x, y))


def distance_km(a: Station, b: Station) -> float:
    """Distance between two stations."""
    return _great_circle(a.longitude, a.latitude, b.longitude, b.latitude)


def _great_circle(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Haversine distance on a sphere [km]: the order of stations needs no better."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    a = math.sin(0.5 * (phi2 - phi1)) ** 2
    a += math.cos(phi1) * math.cos(phi2) * math.sin(0.5 * math.radians(lon2 - lon1)) ** 2
    return 2.0 * _EARTH * math.asin(min(1.0, math.sqrt(a)))
