"""The vector files of a city folder: buildings with trees, ground, roads. One feature a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from heatmat.city import City
from heatmat.features import Features
from heatmat.ground import is_open_ground, way_construction, way_kind, way_width, way_width_source

KEPT_TAGS = (
    *("name", "start_date", "building", "building:part", "building:levels", "building:min_level"),
    *("building:material", "building:colour", "roof:levels", "roof:material", "roof:colour"),
    *("man_made", "facade", "roof", "facade_composition"),
    *("facade_source", "facade_confidence", "facade_evidence"),
)
TREE_TAGS = (
    *("natural", "height", "diameter_crown", "circumference", "genus", "species", "taxon"),
    *("leaf_type", "leaf_cycle", "denotation"),
)
DECIMALS = 8
"""Of a degree: a millimetre, so that neighbours still share their walls."""

GROUND_TOLERANCE = 0.05
"""Ground polygons are simplified by this [m]: far below what a widened street knows."""


def write_buildings(city: City, path: Path) -> int:
    """Buildings and parts with their heights, and the trees; the number of features."""
    import shapely

    table = city.buildings
    shapes = _degrees(table.geometry.to_numpy(), city.crs)
    rows = [_building(row) for row in table.to_dict("records")]
    if city.trees is not None:
        trees = city.trees
        shapes = [*shapes, *_degrees(trees.geometry.to_numpy(), city.crs)]
        for name, tags in zip(trees["tree_id"], trees["tags"], strict=True):
            rows.append({"id": str(name), **{k: tags[k] for k in TREE_TAGS if k in tags}})
    _write(path, rows, shapely.to_geojson(shapes))
    return len(rows)


def _building(row: Mapping[str, Any]) -> dict[str, Any]:
    tags = row["tags"]
    found: dict[str, Any] = {
        "id": row["building_id"],
        **{key: tags[key] for key in KEPT_TAGS if key in tags},
        "height": round(float(row["height"]), 3),
        "height_source": row["height_source"],
    }
    if row["height_rule"]:
        found["height_rule"] = row["height_rule"]
    if row["min_height"] > 0.0:
        found["min_height"] = round(float(row["min_height"]), 3)
    if row["roof_shape"] != "flat":
        found["roof:shape"] = row["roof_shape"]
        found["roof:height"] = round(float(row["roof_height"]), 3)
    if math.isfinite(row["roof_direction_deg"]):
        found["roof:direction"] = round(float(row["roof_direction_deg"]), 2)
    if row["parent_id"]:
        found["part_of"] = row["parent_id"]
    if "building" not in found and "building:part" not in found:
        found["building"] = "yes"
    return found


def write_ground(city: City, path: Path) -> int:
    """Ground polygons in the order in which they lie over one another."""
    import shapely

    table = city.ground
    shapes = shapely.simplify(table.geometry.to_numpy(), GROUND_TOLERANCE)
    rows = [
        {"id": f"ground/{i + 1}", "ground": construction, "kind": kind}
        for i, (construction, kind) in enumerate(
            zip(table["construction"], table["kind"], strict=True)
        )
    ]
    _write(path, rows, shapely.to_geojson(_degrees(shapes, city.crs)))
    return len(rows)


def write_roads(features: Features, box: Any, crs: Any, path: Path) -> int:
    """Centre lines of the ways that became ground, each with its width and where that is from.

    For reading only: a simulation takes their surfaces from the ground file.
    """
    import shapely

    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for i, (shape, tags) in enumerate(zip(features.geometry, features.tags, strict=True)):
        kind = way_kind(tags)
        line = shape is not None and shape.geom_type in ("LineString", "MultiLineString")
        if not line or kind in ("", "rail") or not is_open_ground(tags):
            continue
        if not shape.intersects(box):
            continue
        named: dict[str, Any] = {
            key: tags[key] for key in ("name", "highway", "surface", "lanes") if key in tags
        }
        rows.append(
            {
                "id": features.ids[i],
                **named,
                "kind": kind,
                "construction": way_construction(tags),
                "width_m": round(way_width(tags), 2),
                "width_source": way_width_source(tags),
            }
        )
        shapes.append(shape)
    _write(path, rows, shapely.to_geojson(_degrees(shapes, crs)))
    return len(rows)


def _degrees(shapes: Any, crs: Any) -> Any:
    """The shapes in WGS 84 (RFC 7946), coordinates rounded to `DECIMALS`."""
    import numpy as np
    import shapely
    from pyproj import Transformer

    if len(shapes) == 0:
        return np.empty(0, dtype=object)
    turn = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    return shapely.transform(
        np.asarray(shapes, dtype=object),
        lambda xy: np.round(np.column_stack(turn.transform(xy[:, 0], xy[:, 1])), DECIMALS),
    )


def _write(path: Path, rows: Iterable[Mapping[str, Any]], geometries: Iterable[str]) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write('{"type":"FeatureCollection","features":[')
        comma = "\n"
        for row, geometry in zip(rows, geometries, strict=True):
            properties = json.dumps(row, ensure_ascii=False)
            out.write(
                f'{comma}{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'
            )
            comma = ",\n"
        out.write("\n]}\n")
