"""OpenStreetMap extracts from disk, with the guards that a file from anywhere needs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from data_sources.pbf import scan
from data_sources.untrusted import check_xml, opened
from heatmat.errors import InputError
from heatmat.features import Features, read_features
from heatmat.footprints import building_rows, is_polygon
from heatmat.ground import AREAS, area_ground, is_open_ground, way_kind, way_width_source
from heatmat.osm import is_osm

LICENCE = "ODbL 1.0 (https://opendatacommons.org/licenses/odbl/1-0/)"
ATTRIBUTION = "(c) OpenStreetMap contributors (https://www.openstreetmap.org/copyright)"


def read_extract(path: Path) -> Features:
    """The features of an .osm, .osm.gz or .osm.pbf file.

    Raises
    ------
    InputError
        When it is something else, declares XML entities, unpacks without end, or is damaged.
    """
    if not path.exists():
        raise InputError("no such file", where=str(path), remedy="check the path")
    if not is_osm(path):
        raise InputError(
            "not the name of an OpenStreetMap extract",
            where=str(path),
            expected=".osm, .osm.gz or .osm.pbf",
            remedy="other vector files go into a scenario as city.buildings",
        )
    if not path.name.lower().endswith(".pbf") and check_xml(path) != "osm":
        raise InputError("not an OpenStreetMap document", where=str(path), expected="<osm>")
    return read_features(path)


AREA_TAGS = {"building", "building:part", *AREAS, "area:highway"}
"""Keys that make a closed relation something we use."""


@dataclass
class Survey:
    """What the text of an extract says that its features do not.

    Attributes
    ----------
    bounds : tuple of float or None
        West, south, east, north that it states [degrees]. What lies at its border overhangs these
        bounds, so they are a better window than the features'.
    areas : set of str
        Ids of the relations that should become areas.
    """

    bounds: tuple[float, float, float, float] | None = None
    areas: set[str] = field(default_factory=set)

    def lost(self, features: Features) -> int:
        """Areas that the reader could not close: they were cut by the border of the extract."""
        return len(self.areas - set(features.ids))


def survey(path: Path) -> Survey:
    """Read through an extract for what its features do not say."""
    if path.name.lower().endswith(".pbf"):
        return _survey_pbf(path)
    found = Survey()
    relation: list[str] = []  # id, and the tags that matter, of the relation being read
    wanted = AREA_TAGS

    def start(name: str, values: dict[str, str]) -> None:
        if name == "bounds":
            found.bounds = _bounds(values)
        elif name == "relation":
            relation[:] = [values.get("id", "")]
        elif name == "tag" and relation:
            key = values.get("k", "")
            if (key, values.get("v")) == ("type", "multipolygon") or key in wanted:
                relation.append(key)

    def end(name: str) -> None:
        if name == "relation" and relation:
            if "type" in relation and len(relation) > 2:
                found.areas.add(f"relation/{relation[0]}")
            relation.clear()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        with opened(path) as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise InputError("not well-formed XML", where=str(path), got=str(error)) from None
    return found


def _survey_pbf(path: Path) -> Survey:
    bounds, relations = scan(path)
    areas = {
        f"relation/{number}"
        for number, tags in relations
        if tags.get("type") == "multipolygon" and AREA_TAGS & tags.keys()
    }
    return Survey(None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]), areas)


def _bounds(values: dict[str, str]) -> tuple[float, float, float, float] | None:
    try:
        w, s, e, n = (float(values[k]) for k in ("minlon", "minlat", "maxlon", "maxlat"))
    except (KeyError, ValueError):
        return None
    right = -180 <= w < e <= 180 and -90 <= s < n <= 90
    return (w, s, e, n) if right and all(map(math.isfinite, (w, s, e, n))) else None


def building_bounds(features: Features) -> tuple[float, float, float, float]:
    """West, south, east, north of the buildings [degrees]."""
    import numpy as np
    import shapely

    rows = building_rows(features, Counter())
    bounds = shapely.bounds([features.geometry[i] for i in rows]) if rows else np.empty((0, 4))
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if len(bounds) == 0:
        raise InputError("no building in it", where=features.source)
    # The few long ones at the border of an extract do not make its window.
    low, high = np.percentile(bounds, 0.5, axis=0), np.percentile(bounds, 99.5, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def account(features: Features, box: Any) -> Counter[str]:
    """What becomes of every feature that was read; the counts sum to their number.

    Parameters
    ----------
    features : Features
        In metres, as read.
    box : shapely Polygon
        The window and its margin.

    Returns
    -------
    Counter
        ``buildings``, ``ground_areas``, ``ways_width_tagged``, ``ways_width_lanes``,
        ``ways_width_class``, ``rails``, ``trees``, ``tree_rows``, and what is not used:
        ``outside``, ``no_geometry``, ``underground``, ``untagged``, ``points_other``,
        ``lines_other``, ``areas_other``.
    """
    import shapely

    counts: Counter[str] = Counter()
    buildings = set(building_rows(features, Counter()))
    shapes = [shapely.Point() if shape is None else shape for shape in features.geometry]
    inside = shapely.intersects(box, shapes)
    for i, (shape, tags) in enumerate(zip(shapes, features.tags, strict=True)):
        if shape.is_empty:
            counts["no_geometry"] += 1
        elif i in buildings:
            counts["buildings" if inside[i] else "outside"] += 1
        elif not inside[i]:
            counts["outside"] += 1
        else:
            counts[_role(shape, tags)] += 1
    return counts


def _role(shape: Any, tags: dict[str, Any]) -> str:
    """What a feature that is no building is used as."""
    if tags.get("natural") == "tree" and not is_polygon(shape):
        return "trees"
    if tags.get("natural") == "tree_row" and not is_polygon(shape):
        return "tree_rows"
    if not tags:
        return "untagged"
    known = area_ground(tags, shape) is not None if is_polygon(shape) else way_kind(tags) != ""
    if known and not is_open_ground(tags):
        return "underground"
    if is_polygon(shape):
        return "ground_areas" if known else "areas_other"
    if shape.geom_type not in ("LineString", "MultiLineString"):
        return "points_other"
    if not known:
        return "lines_other"
    return "rails" if way_kind(tags) == "rail" else f"ways_width_{way_width_source(tags)}"
