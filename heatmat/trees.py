"""Trees of OpenStreetMap as crowns: height, width, base and kind of leaf, each by a stated rule."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from heatmat.heights import parse_length

if TYPE_CHECKING:
    import geopandas as gpd

CROWN_PER_TRUNK = 25.0
"""Diameter of the crown over that of the trunk at 1.3 m: 24 to 27 in 400 free-standing urban trees
of four species (Coombes, Martin and Slater 2019, doi:10.1016/j.ufug.2019.126421)."""

CROWN_PER_HEIGHT = {"broadleaved": 0.75, "needleleaved": 0.4}
"""Diameter of the crown over the height of the tree where no trunk is tagged: our rule. 0.755 is
the median of 12 street trees of Paris whose height and trunk are in OpenStreetMap."""

DEFAULT_HEIGHT = 10.0
"""Height of a tree without any size [m]: our rule, a street tree half grown."""

BASE_FRACTION = 0.25
"""Height of the crown's base over that of the tree (Lindberg and Grimmond 2011, The influence of
vegetation and building morphology on shadow patterns, doi:10.1007/s00704-010-0382-8)."""

ROW_SPACING = 8.0
"""Distance of the trees in a row that is drawn as a line [m]: our rule."""

SAME_TREE = 4.0
"""A tree of a row within this distance of a tree drawn by itself is that one [m]."""

SMALLEST_CROWN = 1.0
"""A crown between walls is at least this wide [m]."""

LIMITS = {"height": (1.0, 80.0), "crown": (0.5, 40.0), "trunk": (0.02, 12.0)}
"""What is believed of a tag [m]; the trunk's is a circumference."""

NEEDLES = frozenset(
    {
        *("abies", "araucaria", "cedrus", "chamaecyparis", "cryptomeria", "cupressus", "juniperus"),
        *("larix", "metasequoia", "picea", "pinus", "platycladus", "pseudolarix", "pseudotsuga"),
        *("sequoia", "sequoiadendron", "taxodium", "taxus", "thuja", "tsuga"),
    }
)
BARE_NEEDLES = frozenset({"larix", "metasequoia", "taxodium", "pseudolarix"})
EVERGREEN = frozenset(
    {"ceratonia", "citrus", "eucalyptus", "ficus", "ilex", "laurus", "ligustrum", "olea"}
)
"""Genera with needles, those of them that shed, and broad-leaved ones that do not: our lists."""


def crowns(
    trees: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame | None = None,
    base_fraction: float = BASE_FRACTION,
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """A crown for every tree.

    Parameters
    ----------
    trees : GeoDataFrame
        Points and lines with ``tree_id`` and ``tags``, projected, metres (`City.trees`).
    buildings : GeoDataFrame, optional
        Crowns end at the walls of these; trees inside one are left out.
    base_fraction : float, optional
        Height of a crown's base over that of the tree.

    Returns
    -------
    GeoDataFrame
        Points with ``tree_id``, ``height_m``, ``crown_diameter_m``, ``crown_base_m``,
        ``leaf_type`` (broadleaved, needleleaved), ``leaf_cycle`` (deciduous, evergreen) and
        ``size_source``: ``tagged`` (height and crown), ``trunk``, ``height``, ``crown`` (the rest
        follows from it) or ``assumed``.
    dict of str to int
        What was read, placed, assumed and left out.
    """
    import geopandas as gpd
    import shapely

    counts: Counter[str] = Counter()
    shapes = trees.geometry.to_numpy()
    single = [i for i, shape in enumerate(shapes) if shape.geom_type == "Point"]
    rows = [
        {**_crown(trees["tags"].iloc[i], counts, base_fraction), **_at(trees, i, shapes[i])}
        for i in single
    ]
    known = shapely.STRtree(shapes[single])
    for i, shape in enumerate(shapes):
        if shape.geom_type == "Point":
            continue
        counts["tree_rows"] += 1
        size = _crown(trees["tags"].iloc[i], Counter(), base_fraction)
        for k, point in enumerate(_along(shape)):
            if len(known.query(point, predicate="dwithin", distance=SAME_TREE)):
                counts["tree_in_row_drawn_too"] += 1
                continue
            counts["trees_from_rows"] += 1
            rows.append({**size, **_at(trees, i, point), "tree_id": f"{_id(trees, i)}#{k + 1}"})
    columns = ["tree_id", "height_m", "crown_diameter_m", "crown_base_m"]
    columns += ["leaf_type", "leaf_cycle", "size_source", "geometry"]
    table = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=trees.crs)
    counts["trees_single"] = len(single)
    if buildings is not None and len(table):
        table = _clear_of_walls(table, buildings, counts)
    counts["trees_placed"] = len(table)
    return table, dict(counts)


def _id(trees: gpd.GeoDataFrame, i: int) -> str:
    return str(trees["tree_id"].iloc[i])


def _at(trees: gpd.GeoDataFrame, i: int, point: Any) -> dict[str, Any]:
    return {"tree_id": _id(trees, i), "geometry": point}


def _along(line: Any) -> list[Any]:
    """Points of a row, as evenly spaced as the spacing allows, half a step from its ends."""
    import shapely

    parts = shapely.get_parts(line)
    points = []
    for part in parts:
        count = max(1, round(part.length / ROW_SPACING))
        step = part.length / count
        points += [part.interpolate((k + 0.5) * step) for k in range(count)]
    return points


def _crown(tags: dict[str, Any], counts: Counter[str], base_fraction: float) -> dict[str, Any]:
    """Size and leaves from the tags of a tree."""
    leaf, cycle = leaves(tags)
    height = _length(tags, ("height", "est_height"), "height", counts)
    crown = _length(tags, ("diameter_crown",), "crown", counts)
    trunk = _length(tags, ("circumference",), "trunk", counts)
    ratio = CROWN_PER_HEIGHT[leaf]
    if not math.isnan(height) and not math.isnan(crown):
        source = "tagged"
    elif not math.isnan(crown):
        source, height = "crown", crown / ratio
    elif not math.isnan(trunk):
        source, crown = "trunk", CROWN_PER_TRUNK * trunk / math.pi
        height = crown / ratio if math.isnan(height) else height
    elif not math.isnan(height):
        source, crown = "height", ratio * height
    else:
        source, height, crown = "assumed", DEFAULT_HEIGHT, ratio * DEFAULT_HEIGHT
    height = min(height, 40.0) if source in ("crown", "trunk") else height
    counts[f"tree_size_{source}"] += 1
    return {
        "height_m": round(height, 2),
        "crown_diameter_m": round(crown, 2),
        "crown_base_m": round(base_fraction * height, 2),
        "leaf_type": leaf,
        "leaf_cycle": cycle,
        "size_source": source,
    }


def _length(tags: dict[str, Any], keys: tuple[str, ...], kind: str, counts: Counter[str]) -> float:
    """A length in metres that can be believed, NaN where there is none."""
    low, high = LIMITS[kind]
    for key in keys:
        if key in tags:
            value = parse_length(tags[key])
            if kind == "trunk" and value > high:  # written in centimetres by mistake
                value *= 0.01
            if low <= value <= high:
                return value
            counts["tree_tags_not_usable"] += 1
    return math.nan


def leaves(tags: dict[str, Any]) -> tuple[str, str]:
    """Type (broadleaved, needleleaved) and cycle (deciduous, evergreen) of a tree's leaves.

    From `leaf_type` and `leaf_cycle`, else from the genus, else broad and shed.
    """
    words = str(tags.get("genus") or tags.get("species") or tags.get("taxon") or "").lower().split()
    genus = words[0] if words else ""
    leaf = str(tags.get("leaf_type", "")).lower()
    if leaf not in ("broadleaved", "needleleaved"):
        leaf = "needleleaved" if genus in NEEDLES else "broadleaved"
    cycle = str(tags.get("leaf_cycle", "")).lower().replace("semi_", "")
    if cycle not in ("deciduous", "evergreen"):
        sheds = genus in BARE_NEEDLES if leaf == "needleleaved" else genus not in EVERGREEN
        cycle = "deciduous" if sheds else "evergreen"
    return leaf, cycle


def _clear_of_walls(
    table: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, counts: Counter[str]
) -> gpd.GeoDataFrame:
    """Crowns cut back to the nearest wall; trees inside a building left out."""
    import numpy as np
    import shapely

    tree = shapely.STRtree(buildings.geometry.to_numpy())
    points = table.geometry.to_numpy()
    _, distance = tree.query_nearest(points, return_distance=True, all_matches=False)
    inside = distance <= 0.0
    counts["trees_inside_buildings"] = int(inside.sum())
    widest = np.maximum(2.0 * distance, SMALLEST_CROWN)
    crown = table["crown_diameter_m"].to_numpy(dtype=float)
    counts["crowns_cut_at_walls"] = int(((crown > widest) & ~inside).sum())
    table = table.assign(crown_diameter_m=np.round(np.minimum(crown, widest), 2))
    return table[~inside].reset_index(drop=True)
