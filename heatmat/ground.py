"""The ground between the buildings: OpenStreetMap areas and ways to polygons with constructions.

Where ways are lines they are widened: by `width`, else by their lanes, else by their class.
"""

from __future__ import annotations

import math
from typing import Any

from heatmat.errors import InputError
from heatmat.features import Features
from heatmat.footprints import is_polygon, is_underground
from heatmat.heights import parse_length
from heatmat.tag_constructions import SURFACES

LANE_WIDTH = 3.25
"""Width of a traffic lane where only `lanes` is tagged [m]: our rule, between the 2.75 m and 3.75 m
that German urban guidelines give as bounds (RASt 06)."""

WAY_WIDTHS = {
    "motorway": 15.0,
    "trunk": 13.0,
    "primary": 12.0,
    "secondary": 10.0,
    "tertiary": 8.0,
    "motorway_link": 7.0,
    "trunk_link": 7.0,
    "primary_link": 6.0,
    "secondary_link": 6.0,
    "tertiary_link": 6.0,
    "unclassified": 7.0,
    "residential": 7.0,
    "living_street": 6.0,
    "road": 6.0,
    "service": 4.0,
    "busway": 4.0,
    "track": 3.0,
    "pedestrian": 6.0,
    "footway": 2.5,
    "steps": 2.5,
    "path": 2.0,
    "cycleway": 2.5,
    "bridleway": 2.5,
    "platform": 3.0,
}
"""Widths of ways that carry neither `width` nor `lanes` [m], by `highway` class: our rule, kerb to
kerb without the pavements beside it."""

RAIL_WIDTH = 3.4  # m, ballast under one track: gauge 1.435 m and a metre beside each rail
MAX_WIDTH = 60.0  # m, a `width` above this is taken for a mistake
FOOT_WAYS = frozenset({"footway", "steps", "path", "cycleway", "bridleway", "platform"})
SMALL_GREEN = 2000.0
"""Mapped lawns smaller than this [m2] lie over widened streets: verges and islands are drawn more
exactly than the width of a street is known."""

AREAS = {
    "landuse": {
        "grass": "grass",
        "meadow": "grass",
        "village_green": "grass",
        "recreation_ground": "grass",
        "cemetery": "grass",
        "allotments": "grass",
        "forest": "grass",
        "orchard": "grass",
        "vineyard": "grass",
        "flowerbed": "grass",
        "greenfield": "grass",
        "farmland": "bare_soil",
        "brownfield": "bare_soil",
        "construction": "bare_soil",
        "railway": "gravel_ground",
        "basin": "water",
        "pond": "water",
        "reservoir": "water",
        "lane": "asphalt_street",
        "lanes": "asphalt_street",
        "road": "asphalt_street",
        "lane;parking": "asphalt_street",
        "bus_stop": "concrete_paving",
        "steps": "concrete_paving",
    },
    "natural": {
        "water": "water",
        "bay": "water",
        "grassland": "grass",
        "heath": "grass",
        "scrub": "grass",
        "shrubbery": "grass",
        "wood": "grass",
        "wetland": "grass",
        "sand": "bare_soil",
        "beach": "bare_soil",
        "bare_rock": "gravel_ground",
        "scree": "gravel_ground",
        "shingle": "gravel_ground",
    },
    "leisure": {
        "park": "grass",
        "garden": "grass",
        "golf_course": "grass",
        "dog_park": "grass",
        "pitch": "gravel_ground",
        "playground": "gravel_ground",
        "track": "asphalt_street",
        "swimming_pool": "water",
    },
    "landcover": {"grass": "grass", "trees": "grass", "water": "water"},
    "waterway": {"riverbank": "water", "dock": "water"},
    "amenity": {
        "parking": "asphalt_street",
        "bicycle_parking": "concrete_paving",
        "fountain": "water",
        "marketplace": "concrete_paving",
    },
    "place": {"square": "concrete_paving"},
    "railway": {"platform": "concrete_paving"},
    "public_transport": {"platform": "concrete_paving"},
    "man_made": {"pier": "concrete_paving", "courtyard": "concrete_paving"},
}
"""Ground construction of an area by key and value: our choice; `surface` overrules it."""

RANKS = {
    "square": 0,
    "landuse": 1,
    "green": 2,
    "water": 3,
    "rail": 4,
    "paved": 5,
    "street": 6,
    "verge": 7,
    "footway": 8,
}
"""Order in which the kinds lie over one another, the last on top."""


def ground_from_osm(features: Features, box: Any) -> list[tuple[str, str, Any]]:
    """Ground polygons of OpenStreetMap features, in the order in which they lie over one another.

    Parameters
    ----------
    features : Features
        In metres.
    box : shapely Polygon
        Area to cover.

    Returns
    -------
    list of (kind, construction, shapely geometry)
        Polygons or multipolygons, one row per kind and construction; later rows lie over earlier.
    """
    import shapely

    groups: dict[tuple[str, str], list[Any]] = {}
    touching = shapely.intersects(box, [_or_empty(g) for g in features.geometry])
    for shape, tags, inside in zip(features.geometry, features.tags, touching, strict=True):
        if not inside or not is_open_ground(tags):
            continue
        piece = area_ground(tags, shape) if is_polygon(shape) else way_ground(tags, shape)
        if piece is not None:
            groups.setdefault(piece[:2], []).append(piece[2])
    rows = []
    for kind, construction in sorted(groups, key=lambda key: (RANKS[key[0]], key[1])):
        shapes = [shapely.make_valid(shape) for shape in groups[kind, construction]]
        merged = _only_areas(shapely.intersection(shapely.union_all(shapes), box))
        if merged is not None:
            rows.append((kind, construction, merged))
    return rows


def _or_empty(geometry: Any) -> Any:
    import shapely

    return shapely.Point() if geometry is None else geometry


def _only_areas(geometry: Any) -> Any | None:
    """The polygons of a geometry as one Polygon or MultiPolygon; None without any."""
    import shapely

    parts = [p for part in shapely.get_parts(geometry) for p in shapely.get_parts(part)]
    parts = [p for p in parts if p.geom_type == "Polygon" and p.area > 0.0]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def is_open_ground(tags: dict[str, Any]) -> bool:
    """Whether the thing lies at the surface under the sky, and is no building."""
    if "building" in tags or "building:part" in tags or is_underground(tags):
        return False
    return tags.get("tunnel", "no") == "no" and tags.get("covered", "no") == "no"


def area_ground(tags: dict[str, Any], polygon: Any) -> tuple[str, str, Any] | None:
    """Kind, construction and polygon of a mapped area; None where it is no ground."""
    surface = SURFACES.get(str(tags.get("surface", "")))
    way = tags.get("highway") or tags.get("area:highway")
    if way:
        kind = "paved" if way in FOOT_WAYS or way == "pedestrian" else "street"
        return kind, surface or _way_default(str(way)), polygon
    for key, values in AREAS.items():
        construction = values.get(str(tags.get(key, "")))
        if construction:
            construction = surface or construction
            return _area_kind(key, str(tags[key]), construction, polygon), construction, polygon
    return None


def _area_kind(key: str, value: str, construction: str, polygon: Any) -> str:
    if key == "place":
        return "square"
    if construction == "water":
        return "water"
    if construction == "grass":
        exact = key in ("landuse", "landcover", "natural") and polygon.area < SMALL_GREEN
        return "verge" if exact else "green"
    if key == "landuse" and value in ("farmland", "brownfield", "construction", "railway"):
        return "landuse"
    return "paved"


def way_ground(tags: dict[str, Any], line: Any) -> tuple[str, str, Any] | None:
    """Kind, construction and polygon of a way drawn as a line; None where it is no way."""
    kind = way_kind(tags)
    if line.geom_type not in ("LineString", "MultiLineString") or not kind:
        return None
    if kind == "rail":
        return kind, "gravel_ground", line.buffer(0.5 * RAIL_WIDTH, quad_segs=2)
    return kind, way_construction(tags), line.buffer(0.5 * way_width(tags), quad_segs=4)


def way_kind(tags: dict[str, Any]) -> str:
    """``rail``, ``footway``, ``street``, or empty for what is no way with a surface."""
    if tags.get("railway") in ("rail", "light_rail"):
        return "rail"
    way = str(tags.get("highway", ""))
    if way not in WAY_WIDTHS:
        return ""
    return "footway" if way in FOOT_WAYS else "street"


def way_construction(tags: dict[str, Any]) -> str:
    """Ground construction of a way: by its `surface`, else by its class."""
    return SURFACES.get(str(tags.get("surface", ""))) or _way_default(str(tags["highway"]))


def _way_default(way: str) -> str:
    """Construction of a way without a known surface."""
    if way in ("footway", "steps", "pedestrian", "platform"):
        return "concrete_paving"
    return "gravel_ground" if way in ("path", "track", "bridleway") else "asphalt_street"


def way_width(tags: dict[str, Any]) -> float:
    """Width of a way [m]: tagged, else its lanes, else by class (`WAY_WIDTHS`)."""
    source = way_width_source(tags)
    if source == "tagged":
        return parse_length(tags["width"])
    if source == "lanes":
        return max(LANE_WIDTH * parse_length(tags["lanes"]), 4.0)
    return WAY_WIDTHS[str(tags["highway"])]


def way_width_source(tags: dict[str, Any]) -> str:
    """Where the width of a way is from: ``tagged``, ``lanes`` or ``class``."""
    if 0.0 < parse_length(tags.get("width", "nothing")) <= MAX_WIDTH:
        return "tagged"
    lanes = parse_length(tags.get("lanes", "nothing"))
    return "lanes" if 1.0 <= lanes <= 12.0 and math.isfinite(lanes) else "class"


def ground_from_table(features: Features, box: Any) -> list[tuple[str, str, Any]]:
    """Ground polygons of a table: features with a `ground` attribute, in the file's order.

    Raises
    ------
    InputError
        Where `ground` is not a name.
    """
    import shapely

    rows = []
    for i, (shape, tags) in enumerate(zip(features.geometry, features.tags, strict=True)):
        if "ground" not in tags or not is_polygon(shape):
            continue
        name = tags["ground"]
        if not isinstance(name, str) or not name.strip():
            raise InputError(
                "ground is not a construction's name", where=features.where(i), got=repr(name)
            )
        piece = _only_areas(shapely.intersection(shapely.make_valid(shape), box))
        if piece is not None:
            rows.append((str(tags.get("kind", "ground")), name.strip(), piece))
    return rows
