"""Answers of the OpenStreetMap services, in the shape of their published examples.

Overpass API, JSON: https://dev.overpass-api.de/output_formats.html#json and
https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL#Output_format_(out:json)
(``version``, ``generator``, ``osm3s``, ``elements``; nodes with lat and lon, ways with node ids,
relations with members; a ``remark`` where a query ran out of time).

Nominatim, search with ``format=json&polygon_geojson=1``:
https://nominatim.org/release-docs/latest/api/Search/#examples and
https://nominatim.org/release-docs/latest/api/Output/ (numbers of coordinates are strings, the
bounding box is south, north, west, east).
"""

from __future__ import annotations

import math
from typing import Any

OVERPASS_HOST = "overpass-api.de"
NOMINATIM_HOST = "nominatim.openstreetmap.org"
LON, LAT = 4.8320, 45.7578  # Place Bellecour

METRE_NORTH = 1.0 / 111_150.0
METRE_EAST = 1.0 / (111_320.0 * math.cos(math.radians(LAT)))


class Town:
    """Elements of a small made-up town; x and y in metres from the middle of the place."""

    def __init__(self) -> None:
        self.elements: list[dict[str, Any]] = []
        self._id = 100

    def _next(self) -> int:
        self._id += 1
        return self._id

    def node(self, x: float, y: float, tags: dict[str, str] | None = None) -> int:
        element: dict[str, Any] = {
            "type": "node",
            "id": self._next(),
            "lat": round(LAT + y * METRE_NORTH, 7),
            "lon": round(LON + x * METRE_EAST, 7),
        }
        if tags:
            element["tags"] = tags
        self.elements.append(element)
        return element["id"]

    def way(
        self, points: list[tuple[float, float]], tags: dict[str, str] | None = None,
        closed: bool = False,
    ) -> int:  # fmt: skip
        nodes = [self.node(x, y) for x, y in points]
        element: dict[str, Any] = {
            "type": "way",
            "id": self._next(),
            "nodes": [*nodes, nodes[0]] if closed else nodes,
        }
        if tags:
            element["tags"] = tags
        self.elements.append(element)
        return element["id"]

    def box(
        self, x: float, y: float, w: float, h: float, tags: dict[str, str] | None = None
    ) -> int:
        return self.way([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], tags, closed=True)

    def relation(self, members: list[tuple[int, str]], tags: dict[str, str]) -> int:
        element = {
            "type": "relation",
            "id": self._next(),
            "members": [{"type": "way", "ref": ref, "role": role} for ref, role in members],
            "tags": tags,
        }
        self.elements.append(element)
        return element["id"]

    def answer(self, **more: Any) -> dict[str, Any]:
        return {
            "version": 0.6,
            "generator": "Overpass API 0.7.62.5 1bd436f1",
            "osm3s": {
                "timestamp_osm_base": "2026-06-01T12:00:00Z",
                "copyright": "The data included in this document is from www.openstreetmap.org. "
                "The data is made available under ODbL.",
            },
            "elements": self.elements,
            **more,
        }


def small_town() -> Town:
    """A block with a court, a tower of parts, houses of every kind of height, streets, trees."""
    town = Town()
    outer = town.box(-60, -60, 50, 50)
    inner = town.box(-50, -50, 30, 30)
    town.relation(
        [(outer, "outer"), (inner, "inner")],
        {"type": "multipolygon", "building": "yes", "building:levels": "5"},
    )
    town.box(10, 10, 20, 20, {"building": "yes", "height": "40'"})  # 12.192 m
    town.box(40, 10, 20, 20, {"building": "yes", "building:levels": "3;4", "roof:levels": "1",
                              "roof:shape": "gabled"})  # fmt: skip
    town.box(10, 40, 20, 20, {"building": "yes", "height": "12 m", "building:material": "brick"})
    town.box(40, 40, 20, 20, {"building": "yes"})  # filled from its neighbours
    town.box(70, 40, 5, 5, {"building": "garage"})
    town.box(-60, 10, 40, 40, {"building": "office", "height": "20"})
    town.box(-60, 10, 20, 40, {"building:part": "yes", "height": "30"})  # above its outline
    town.box(-40, 10, 20, 40, {"building:part": "yes", "height": "8"})
    bow = [(80, -60), (100, -40), (100, -60), (80, -40)]
    town.way(bow, {"building": "yes", "height": "6"}, closed=True)  # crosses itself
    town.way([(-100, 0), (100, 0)], {"highway": "residential", "width": "9.5 m"})
    town.way([(0, -100), (0, 100)], {"highway": "primary", "lanes": "4"})
    town.way([(-100, 75), (100, 75)], {"highway": "footway", "surface": "gravel"})
    town.way([(-100, -5), (100, -5)], {"highway": "service", "tunnel": "yes"})
    town.box(20, -60, 40, 40, {"leisure": "park"})
    town.box(30, -50, 10, 10, {"natural": "water"})
    town.node(25, -25, {"natural": "tree", "height": "14"})
    town.way([(20, -15), (60, -15)], {"natural": "tree_row"})
    town.node(5, 5, {"amenity": "bench"})
    return town


def place_found(**more: Any) -> list[dict[str, Any]]:
    """Nominatim's answer for the square."""
    south, north = LAT - 0.0012, LAT + 0.0012
    west, east = LON - 0.0018, LON + 0.0018
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return [
        {
            "place_id": 100149,
            "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
            "osm_type": "way",
            "osm_id": 128245365,
            "lat": str(LAT),
            "lon": str(LON),
            "class": "place",
            "type": "square",
            "place_rank": 25,
            "importance": 0.4,
            "addresstype": "square",
            "name": "Place Bellecour",
            "display_name": "Place Bellecour, Lyon, Métropole de Lyon, France",
            "boundingbox": [str(south), str(north), str(west), str(east)],
            "geojson": {"type": "Polygon", "coordinates": [ring]},
            **more,
        }
    ]
