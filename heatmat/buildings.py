"""The table of buildings: heights, roofs and constructions of every footprint, with sources."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from heatmat.errors import InputError
from heatmat.footprints import Footprint
from heatmat.heights import (
    FILL_RULES,
    HEIGHT_SOURCES,
    Heights,
    TagReader,
    fill_heights,
    heights_from_tags,
    is_one_storey,
    weighted_median,
)
from heatmat.tag_constructions import facade_of, roof_of

if TYPE_CHECKING:
    import geopandas as gpd


def building_table(
    footprints: list[Footprint],
    lenient: bool,
    default_facade: str,
    default_roof: str,
    counts: Counter[str],
) -> gpd.GeoDataFrame:
    """The `buildings` table of a City from its footprints; heights are filled here.

    Raises
    ------
    InputError
        When there is no footprint left, or an attribute of one must be mended.
    """
    import geopandas as gpd

    if not footprints:
        raise InputError("no building with an area", got=f"{counts['too_small_dropped']} without")
    reader = TagReader(lenient, counts)
    stated = [heights_from_tags(f.tags, f.polygon, f.where, reader) for f in footprints]
    heights, rules = fill_heights(
        [f.polygon for f in footprints],
        [s.height for s in stated],
        [is_one_storey(f.tags) for f in footprints],
    )
    heights = _limit_leftovers(footprints, heights)
    rows = [
        _row(f, s, h, default_facade, default_roof) | _height_origin(f.tags, s.source, rule)
        for f, s, h, rule in zip(footprints, stated, heights, rules, strict=True)
    ]
    _count_parts_above(footprints, heights, counts)
    return gpd.GeoDataFrame(rows, geometry="geometry")


def _limit_leftovers(footprints: list[Footprint], heights: list[float]) -> list[float]:
    """Leftovers of an outline that its parts cover are not higher than the parts' median."""
    limited = list(heights)
    children: dict[str, list[int]] = {}
    for k, item in enumerate(footprints):
        children.setdefault(item.parent_id.split("#")[0], []).append(k)
    for i, item in enumerate(footprints):
        if item.height_limit >= 0.0:
            continue
        parts = children.get(item.building_id.split("#")[0], [])
        if parts:
            median = weighted_median(
                [heights[k] for k in parts], [footprints[k].polygon.area for k in parts]
            )
            limited[i] = min(heights[i], median)
    return limited


def _row(
    footprint: Footprint, stated: Heights, height: float, facade: str, roof: str
) -> dict[str, Any]:
    """One row of the `buildings` table."""
    composition, facade_source, confidence = facade_of(footprint.tags, facade, footprint.where)
    roof_construction, roof_source = roof_of(footprint.tags, roof, footprint.where)
    low = stated.min_height if stated.min_height < height else 0.0
    return {
        "building_id": footprint.building_id,
        "parent_id": footprint.parent_id,
        "geometry": footprint.polygon,
        "height": height,
        "min_height": low,
        "roof_shape": stated.roof_shape,
        # A filled height was not measured for this roof: the roof is at most half of it.
        "roof_height": min(stated.roof_height, height - low if stated.source else 0.5 * height),
        "roof_direction_deg": stated.roof_direction_deg,
        "facade_composition": composition,
        "facade_source": facade_source,
        "facade_confidence": confidence,
        "roof_construction": roof_construction,
        "roof_source": roof_source,
        "tags": footprint.tags,
    }


def _height_origin(tags: dict[str, Any], source: str, rule: str) -> dict[str, str]:
    """Source and rule of a height; a file that was filled before says so in its own columns."""
    said, how = str(tags.get("height_source", "")), str(tags.get("height_rule", ""))
    if source == "tagged" and said in HEIGHT_SOURCES:
        return {"height_source": said, "height_rule": how if how in FILL_RULES else ""}
    return {"height_source": source or "filled", "height_rule": rule}


def _count_parts_above(
    footprints: list[Footprint], heights: list[float], counts: Counter[str]
) -> None:
    """Parts higher than their outline says that the whole is; the part is believed."""
    for item, height in zip(footprints, heights, strict=True):
        if height > item.outline_height + 0.5:
            counts["parts_above_outline"] += 1


def count_buildings(buildings: gpd.GeoDataFrame, counts: Counter[str]) -> None:
    """What the kept buildings are, for the pictures and the report."""
    import shapely

    counts["buildings"] = len(buildings)
    source = buildings["height_source"]
    counts["height_tagged"] = int((source == "tagged").sum())
    counts["height_from_levels"] = int((source == "levels").sum())
    counts["height_from_dsm"] = int((source == "dsm").sum())
    counts["height_filled"] = int((source == "filled").sum())
    for rule in FILL_RULES:
        counts[f"height_filled_{rule}"] = int((buildings["height_rule"] == rule).sum())
    counts["courtyards"] = int(shapely.get_num_interior_rings(buildings.geometry.values).sum())
    counts["roofs_pitched"] = int((buildings["roof_shape"] != "flat").sum())
    counts["min_height_filled"] = _count_raised(buildings)


def _count_raised(buildings: gpd.GeoDataFrame) -> int:
    """Rows that start above ground with more than 1 m2 of open ground under them.

    A height field cannot hold the gap: they stand as if filled down to the ground.
    """
    import shapely

    raised = buildings.index[buildings["min_height"] > 0.0]
    low = buildings["min_height"].to_numpy()
    tree = shapely.STRtree(buildings.geometry.values)
    count = 0
    for i in raised:
        polygon = buildings.geometry.iloc[i]
        below = [k for k in tree.query(polygon, predicate="intersects") if low[k] < low[i]]
        support = shapely.union_all(buildings.geometry.values[below])
        count += bool(shapely.difference(polygon, support).area > 1.0)
    return count
