"""From features to footprints: which polygons are buildings, their repair, outlines and parts.

OpenStreetMap's Simple 3D Buildings scheme: a `building` outline may hold `building:part` areas that
differ in height. Parts replace the outline where they lie; what they leave uncovered stays with it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from heatmat.errors import InputError
from heatmat.features import Features
from heatmat.heights import parse_length

MIN_AREA = 0.1
"""Smaller footprints are dropped and counted [m2]: slips of the pen, no building."""

MIN_REST_WIDTH = 0.5
"""A strip between an outline and its parts narrower than this is dropped [m]: two drawings of one
wall that do not quite agree."""

COVERED = 0.9
"""From this covered share on the rest of an outline is taken for leftovers of the drawing, and not
higher than the median of its parts: the outline's height is then that of a tower or spire."""

INHERITED = (
    "building:material",
    "building:colour",
    "roof:material",
    "roof:colour",
    "facade",
    "roof",
    "facade_composition",
    "facade_source",
    "facade_confidence",
    "facade_evidence",
)
HEIGHT_TAGS = ("height", "height_m", "building:levels")
NO = ("no", "false", "0", "")


@dataclass
class Footprint:
    """One polygon of a building or part, in metres."""

    polygon: Any
    tags: dict[str, Any]
    building_id: str
    where: str
    is_part: bool
    parent_id: str = ""
    height_limit: float = math.inf  # m, for leftovers of an outline
    outline_height: float = math.inf  # m, for parts: what the outline says of the whole


def is_polygon(geometry: Any) -> bool:
    """Whether a geometry has an area."""
    return geometry is not None and geometry.geom_type in ("Polygon", "MultiPolygon")


def building_rows(features: Features, counts: Counter[str]) -> list[int]:
    """Numbers of the features that are buildings or building parts above ground.

    In OpenStreetMap data, and in tables with a `building` or `building:part` attribute, only the
    features that have one; in other tables every polygon without a `ground` attribute.
    """
    tagged = features.lenient or any("building" in tags for tags in features.tags)
    rows: list[int] = []
    for i, (shape, tags) in enumerate(zip(features.geometry, features.tags, strict=True)):
        if shape is None or shape.is_empty:
            counts["no_geometry"] += _is_building(tags, tagged)
        elif not is_polygon(shape) or "ground" in tags:
            continue
        elif not _is_building(tags, tagged):
            counts["polygons_not_buildings"] += 1
        elif is_underground(tags):
            counts["underground_dropped"] += 1
        else:
            rows.append(i)
    return rows


def _is_building(tags: dict[str, Any], tagged: bool) -> bool:
    if str(tags.get("building", "no")).lower() not in NO:
        return True
    if _is_part(tags):
        return True
    return not tagged and "building" not in tags


def _is_part(tags: dict[str, Any]) -> bool:
    return str(tags.get("building:part", "no")).lower() not in NO


def is_underground(tags: dict[str, Any]) -> bool:
    """Whether the tags say that the thing lies below ground or indoors."""
    if tags.get("location") in ("underground", "indoor") or tags.get("indoor") not in (None, "no"):
        return True
    for key in ("layer", "level"):
        try:
            if float(str(tags.get(key, 0)).split(";")[-1]) < 0.0:
                return True
        except ValueError:
            continue
    return False


def make_footprints(features: Features, rows: list[int], counts: Counter[str]) -> list[Footprint]:
    """Repaired single polygons of the features at `rows`, whose geometry is already in metres.

    Raises
    ------
    InputError
        On coordinates that are not finite, and on ids given twice.
    """
    import numpy as np
    import shapely

    footprints: list[Footprint] = []
    seen: dict[str, int] = {}
    # In bulk, since nearly every outline is one sound polygon; the others one by one.
    shapes = np.array([features.geometry[i] for i in rows], dtype=object)
    lone = (shapely.get_type_id(shapes) == 6) & (shapely.get_num_geometries(shapes) == 1)
    shapes[lone] = shapely.get_geometry(shapes[lone], 0)
    sound = (shapely.get_type_id(shapes) == 3) & shapely.is_valid(shapes)
    sound &= np.isfinite(shapely.bounds(shapes)).all(axis=1) & (shapely.area(shapes) >= MIN_AREA)
    for i, shape, single in zip(rows, shapes, sound, strict=True):
        name = features.ids[i]
        if name in seen:
            raise InputError(
                f"the id {name!r} is given twice",
                where=features.where(i),
                expected="an id of its own for every feature",
                got=f"the id of feature {features.rows[seen[name]] + 1}",
            )
        seen[name] = i
        tags = features.tags[i]
        where = features.where(i)
        polygons = [shape] if single else _polygons(shape, where, counts)
        for k, polygon in enumerate(polygons):
            own = name if len(polygons) == 1 else f"{name}#{k + 1}"
            footprints.append(Footprint(polygon, tags, own, where, _is_part(tags)))
    return _without_twins(footprints, features.lenient, counts)


def _polygons(geometry: Any, where: str, counts: Counter[str]) -> list[Any]:
    """The valid, non-empty polygons of one geometry; repairs and losses are counted."""
    import numpy as np
    import shapely

    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise InputError("a coordinate is not a finite number", where=where)
    if not geometry.is_valid:
        counts["repaired"] += 1
        geometry = shapely.make_valid(geometry)
    parts = [p for p in shapely.get_parts(geometry) if is_polygon(p)]
    parts = [single for part in parts for single in shapely.get_parts(part)]
    good = [p for p in parts if p.area >= MIN_AREA]
    counts["too_small_dropped"] += len(parts) - len(good) if parts else 1
    return good


def _without_twins(
    footprints: list[Footprint], lenient: bool, counts: Counter[str]
) -> list[Footprint]:
    """Of footprints with the same outer ring keep one: the one with courtyards.

    The outer way of a multipolygon often repeats the relation's `building` tag. In a user's table
    equal outlines without a courtyard between them stay: they may differ in height.
    """
    import numpy as np
    import shapely

    best: dict[tuple[bool, bytes], int] = {}
    dropped: set[int] = set()
    rings = shapely.polygons(shapely.get_exterior_ring([f.polygon for f in footprints]))
    rounded = shapely.normalize(shapely.set_precision(rings, 0.001))
    forms = np.asarray(shapely.to_wkb(rounded)).tolist()
    for i, item in enumerate(footprints):
        key = (item.is_part, forms[i])
        other = best.setdefault(key, i)
        if other == i:
            continue
        holes, others = len(item.polygon.interiors), len(footprints[other].polygon.interiors)
        if not lenient and holes == others:
            continue
        dropped.add(other if holes > others else i)
        best[key] = i if holes > others else other
    counts["twins_dropped"] += len(dropped)
    return [item for i, item in enumerate(footprints) if i not in dropped]


def resolve_parts(footprints: list[Footprint], counts: Counter[str]) -> list[Footprint]:
    """Parts in place of their outlines, and of each outline what its parts leave uncovered.

    A part belongs to the outline that holds most of it (half of it at least). It takes over the
    outline's materials, and its height where it has none of its own.
    """
    import shapely

    outlines = [f for f in footprints if not f.is_part]
    parts = [f for f in footprints if f.is_part]
    counts["parts"] += len(parts)
    if not parts or not outlines:
        return footprints
    tree = shapely.STRtree([f.polygon for f in outlines])
    owned: dict[int, list[Footprint]] = {}
    for part in parts:
        near = tree.query(part.polygon, predicate="intersects")
        if len(near) == 0:
            counts["parts_without_outline"] += 1
            continue
        shared = shapely.area(shapely.intersection(part.polygon, tree.geometries[near]))
        if shared.max() >= 0.5 * part.polygon.area:
            owner = int(near[int(shared.argmax())])
            part.parent_id = outlines[owner].building_id
            part.outline_height = _stated_height(outlines[owner].tags)
            part.tags = _with_inherited(part.tags, outlines[owner].tags)
            owned.setdefault(owner, []).append(part)
        else:
            counts["parts_without_outline"] += 1
    kept: list[Footprint] = []
    for i, outline in enumerate(outlines):
        kept += _rest(outline, owned[i], counts) if i in owned else [outline]
    return kept + parts


def _stated_height(tags: dict[str, Any]) -> float:
    """The `height` of an outline [m]; infinite where it has none that is readable."""
    height = parse_length(tags.get("height", tags.get("height_m", "none")))
    return height if height > 0.0 else math.inf


def _with_inherited(tags: dict[str, Any], outline: dict[str, Any]) -> dict[str, Any]:
    keys = list(INHERITED)
    if not any(key in tags for key in HEIGHT_TAGS):
        keys += [*HEIGHT_TAGS, "roof:levels"]
    return {key: outline[key] for key in keys if key in outline} | tags


def _rest(outline: Footprint, parts: list[Footprint], counts: Counter[str]) -> list[Footprint]:
    """What the parts leave of an outline, without strips narrower than `MIN_REST_WIDTH`."""
    import shapely

    union = shapely.union_all([part.polygon for part in parts])
    rest = shapely.difference(outline.polygon, union)
    pieces = [p for p in shapely.get_parts(rest) if p.geom_type == "Polygon"]
    # A strip of width w and length l has an area of w l and half a perimeter of about l.
    wide = [p for p in pieces if p.area >= 0.5 * MIN_REST_WIDTH * p.length]
    pieces = [p for p in wide if p.area >= MIN_AREA]
    if not pieces:
        counts["outlines_replaced"] += 1
        return []
    limit = math.inf
    if shapely.intersection(outline.polygon, union).area >= COVERED * outline.polygon.area:
        limit = -1.0  # resolved by the parts' heights, once they are known
    names = [f"{outline.building_id}#{k + 1}" for k in range(len(pieces))]
    names = [outline.building_id] if len(pieces) == 1 else names
    return [
        Footprint(p, outline.tags, name, outline.where, False, height_limit=limit)
        for p, name in zip(pieces, names, strict=True)
    ]
