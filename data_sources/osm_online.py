"""OpenStreetMap through osmnx, with every request going over our own HTTP layer.

osmnx composes the queries and assembles the geometries; its own HTTP has no limit of size, pauses
that cannot be interrupted, and settings that are global. So for the time of a call its two modules
that ask servers get a stand-in for `requests`, and its settings are put back afterwards. What a
server answered is checked before osmnx sees it: a remark that a query broke off is an error, not a
city with a hole in it.
"""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from data_sources.errors import BusyError, MalformedError, NetworkError
from data_sources.http import Request
from data_sources.osm import ATTRIBUTION, LICENCE
from heatmat.errors import InputError
from heatmat.features import Features
from heatmat.ground import AREAS

if TYPE_CHECKING:
    from data_sources.http import Session

OVERPASS = "https://overpass-api.de/api"
NOMINATIM = "https://nominatim.openstreetmap.org"
SERVER_SECONDS = 180
"""Time that the Overpass server may take for one query [s]: its own default."""

TILE_AREA = 4e6
"""Largest area of one query [m2]: a dense centre of this size answers some 20 MB."""

MAX_ANSWER = 256 << 20  # bytes
REMEDY = "try again later, or give --osm FILE to work from an extract on disk"

TAGS: dict[str, bool | str | list[str]] = {
    "building": True,
    "building:part": True,
    "highway": True,
    "area:highway": True,
    "landuse": True,
    "natural": True,
    "leisure": True,
    "landcover": True,
    "railway": ["rail", "light_rail", *AREAS["railway"]],
    "waterway": list(AREAS["waterway"]),
    "amenity": list(AREAS["amenity"]),
    "place": list(AREAS["place"]),
    "public_transport": list(AREAS["public_transport"]),
    "man_made": list(AREAS["man_made"]),
}
"""What is asked for: what `heatmat` makes buildings, ground and trees of."""

_lock = threading.Lock()


def fetch_features(
    bounds: tuple[float, float, float, float], session: Session, counts: Counter[str]
) -> Features:
    """Every feature of `TAGS` that touches a box.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north [degrees].
    session : Session
    counts : Counter
        ``elements_malformed``, ``no_geometry`` and ``repaired`` (outlines that cross themselves,
        which osmnx mends) are added.

    Raises
    ------
    NetworkError
        When a part of the area is not to be had.
    InputError
        When there is nothing in it.
    """
    import osmnx
    import shapely
    from osmnx._errors import InsufficientResponseError

    bridge = _Bridge(session, counts)
    with bridge.crossed():
        try:
            table = osmnx.features.features_from_polygon(shapely.box(*bounds), TAGS)
        except InsufficientResponseError:
            raise InputError(
                "OpenStreetMap has nothing there",
                where=", ".join(f"{value:.5f}" for value in bounds),
                remedy="check the place, or give a larger --radius",
            ) from None
    features = _features(table)
    lost = bridge.tagged - {
        (kind, int(n)) for kind, n in (name.split("/") for name in features.ids)
    }
    counts["no_geometry"] += len(lost)
    counts["repaired"] += bridge.crossing_outlines()
    return features


def find_place(query: str, session: Session) -> tuple[str, float, float, tuple[float, ...]]:
    """Name, longitude, latitude and box (west, south, east, north) of a place by Nominatim.

    Raises
    ------
    InputError
        When nothing of that name is found.
    NetworkError
    """
    import osmnx
    from osmnx._errors import InsufficientResponseError

    with _Bridge(session, Counter()).crossed():
        try:
            table = osmnx.geocoder.geocode_to_gdf(query, which_result=1)
        except InsufficientResponseError:
            raise InputError(
                f"no place {query!r} found",
                where="nominatim.openstreetmap.org",
                remedy="write it as 'street, city, country', or give --bbox W,S,E,N",
            ) from None
    row = table.iloc[0]
    box = tuple(float(row[f"bbox_{side}"]) for side in ("west", "south", "east", "north"))
    return str(row.get("display_name", query)), float(row["lon"]), float(row["lat"]), box


def _features(table: Any) -> Features:
    """An osmnx table as plain features with ids like ``way/1``."""
    ids = [f"{kind}/{number}" for kind, number in table.index]
    tags: list[dict[str, Any]] = [{} for _ in ids]
    for name in table.columns:
        if name == table.geometry.name:
            continue
        for i, value in enumerate(table[name].tolist()):
            if isinstance(value, str):
                tags[i][str(name)] = value
    rows = list(range(len(ids)))
    return Features(list(table.geometry), tags, ids, rows, "EPSG:4326", "OpenStreetMap", True)


class _Bridge:
    """Stands where osmnx expects `requests`, and hands everything to a Session."""

    def __init__(self, session: Session, counts: Counter[str]) -> None:
        self.session = session
        self.counts = counts
        self.tagged: set[tuple[str, int]] = set()  # what should come out as features
        self._seen: set[tuple[str, int]] = set()  # what crosses a border is in two answers
        self._nodes: dict[int, tuple[float, float]] = {}
        self._outlines: list[list[int]] = []

    @contextmanager
    def crossed(self) -> Iterator[None]:
        """Inside, osmnx asks through the session; afterwards it is as it was."""
        import osmnx
        import requests
        from osmnx import _http, _nominatim, _overpass

        stand_in = SimpleNamespace(
            get=self._get, post=self._post, Request=requests.Request, exceptions=requests.exceptions
        )
        at_once = SimpleNamespace(sleep=lambda _: None)  # the session keeps the distance
        swaps: list[tuple[Any, str, Any]] = [
            (_overpass, "requests", stand_in),
            (_nominatim, "requests", stand_in),
            (_overpass, "time", at_once),
            (_nominatim, "time", at_once),
            (_http, "_config_dns", lambda _: None),  # it would bend socket.getaddrinfo for good
        ]
        settings = {
            "use_cache": False,
            "cache_only_mode": False,
            "log_console": False,
            "log_file": False,
            "overpass_rate_limit": False,
            "overpass_url": OVERPASS,
            "overpass_settings": "[out:json][timeout:{timeout}]{maxsize}",
            "overpass_memory": None,
            "nominatim_url": NOMINATIM + "/",
            "nominatim_key": None,
            "requests_kwargs": {},
            "requests_timeout": SERVER_SECONDS,
            "max_query_area_size": TILE_AREA,
            "default_crs": "epsg:4326",
        }
        swaps += [(osmnx.settings, name, value) for name, value in settings.items()]
        with _lock:
            before = [(owner, name, getattr(owner, name)) for owner, name, _ in swaps]
            try:
                for owner, name, value in swaps:
                    setattr(owner, name, value)
                yield
            finally:
                for owner, name, value in before:
                    setattr(owner, name, value)

    def _get(self, url: str, *, params: Mapping[str, Any], **_: Any) -> Any:
        request = Request(
            url,
            dict(params),
            accept=("application/json",),
            max_bytes=16 << 20,
            licence=LICENCE,
            attribution=ATTRIBUTION,
            remedy="give --bbox W,S,E,N in place of a name, or --osm FILE to work from disk",
            validate=check_places,
        )
        return _answer(self.session.fetch(request).json(), url)

    def _post(self, url: str, *, data: Mapping[str, Any], **_: Any) -> Any:
        request = Request(
            url,
            form=dict(data),
            accept=("application/json",),
            max_bytes=MAX_ANSWER,
            read_timeout=SERVER_SECONDS + 30.0,  # it is silent while it searches
            licence=LICENCE,
            attribution=ATTRIBUTION,
            remedy=REMEDY,
            validate=check_overpass,
        )
        table = self.session.fetch(request).json()
        return _answer({"elements": self._sound(table["elements"])}, url)

    def _sound(self, elements: list[Any]) -> list[dict[str, Any]]:
        """The elements that osmnx can take; the others are counted."""
        kept = []
        for element in elements:
            if not _is_element(element):
                self.counts["elements_malformed"] += 1
                continue
            name = (element["type"], element["id"])
            if name in self._seen:
                continue
            self._seen.add(name)
            tags = element.get("tags")
            element["tags"] = tags if isinstance(tags, dict) else {}
            if _is_wanted(element["tags"]):
                self.tagged.add(name)
            if name[0] == "node":
                self._nodes[name[1]] = (element["lon"], element["lat"])
            elif name[0] == "way" and {"building", "building:part"} & set(element["tags"]):
                self._outlines.append(element["nodes"])
            kept.append(element)
        return kept

    def crossing_outlines(self) -> int:
        """Outlines of buildings that cross themselves."""
        import shapely

        rings = [
            shapely.Polygon([self._nodes[n] for n in nodes])
            for nodes in self._outlines
            if len(nodes) > 3 and nodes[0] == nodes[-1] and all(n in self._nodes for n in nodes)
        ]
        return sum(not ring.is_valid for ring in rings)


def _answer(table: Any, url: str) -> Any:
    """What osmnx reads of a response; of the content it only logs the length."""
    return SimpleNamespace(
        status_code=200, ok=True, reason="OK", url=url, content=b"", text="", json=lambda: table
    )


def _is_wanted(tags: Mapping[str, Any]) -> bool:
    """Whether the tags are among those asked for; nodes of ways come with any."""
    for key in tags.keys() & TAGS.keys():
        values = TAGS[key]
        if values is True or (isinstance(values, list) and tags[key] in values):
            return True
    return False


def _is_element(element: Any) -> bool:
    """Whether an element has what its kind must have."""
    if not isinstance(element, dict) or not isinstance(element.get("id"), int):
        return False
    kind = element.get("type")
    if kind == "node":
        lat, lon = element.get("lat"), element.get("lon")
        if not (isinstance(lat, (int, float)) and isinstance(lon, (int, float))):
            return False
        return abs(lat) <= 90.0 and abs(lon) <= 180.0  # false of what is not a number
    if kind == "way":
        nodes = element.get("nodes")
        return isinstance(nodes, list) and bool(nodes) and all(isinstance(n, int) for n in nodes)
    if kind == "relation":
        members = element.get("members")
        return isinstance(members, list) and all(
            isinstance(m, dict) and {"type", "ref", "role"} <= set(m) for m in members
        )
    return False


def check_overpass(content: bytes) -> None:
    """Refuse an answer that is no Overpass JSON, or that says that its query broke off.

    Overpass answers 200 with a remark when a query ran out of time or memory, and sends what it had
    found by then (https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL).
    """
    table = _json(content, "overpass-api.de")
    if not isinstance(table, dict) or not isinstance(table.get("elements"), list):
        raise MalformedError(
            "answered something else than map data",
            host="overpass-api.de",
            expected="a JSON object with elements",
            remedy=REMEDY,
        )
    remark = str(table.get("remark", ""))
    if "error" in remark.lower():
        raise BusyError(
            "gave up on the query", host="overpass-api.de", got=remark[:120], remedy=REMEDY
        )


def check_places(content: bytes) -> None:
    """Refuse an answer that is no list of Nominatim's results."""
    table = _json(content, "nominatim.openstreetmap.org")
    right = isinstance(table, list)
    for row in table if right else []:
        right = right and isinstance(row, dict) and _is_place(row)
    if not right:
        raise MalformedError(
            "answered something else than places",
            host="nominatim.openstreetmap.org",
            remedy="give --bbox W,S,E,N in place of a name",
        )


def _is_place(row: dict[str, Any]) -> bool:
    try:
        numbers = [float(row[key]) for key in ("lat", "lon", "importance")]
        numbers += [float(value) for value in row["boundingbox"]]
        return all(map(math.isfinite, numbers)) and len(numbers) == 7 and "type" in row["geojson"]
    except (KeyError, TypeError, ValueError):
        return False


def _json(content: bytes, host: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise MalformedError(
            "the answer is not JSON",
            host=host,
            got=repr(content[:60].decode("utf-8", "replace")),
            remedy=REMEDY,
        ) from None


__all__ = ["NetworkError", "fetch_features", "find_place"]
