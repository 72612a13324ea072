"""Trees that an intervention plants: crowns added to maps, all else shared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.crown_rasters import CrownRasters, put_tree
from heatmat.errors import InputError
from heatmat.foliage import LEAF, TWIG
from heatmat.maps import Maps

if TYPE_CHECKING:
    from heatmat.city import City

BASE_FRACTION = 0.25
"""Height of a crown's base over that of the tree, where none is given (`heatmat.trees`)."""

CLEARANCE = 1.0
"""Least distance of the trunks of a row from carriageways and from walls [m]: our rule."""


def tree_positions(wish: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Trunks of `points`, and along the `line` as evenly as its spacing allows: CRS, (n, 2)."""
    points = np.asarray(wish.get("points") or np.zeros((0, 2)), float).reshape(-1, 2)
    line = np.asarray(wish.get("line") or np.zeros((0, 2)), float).reshape(-1, 2)
    if len(line) < 2:
        return points, line[:0]
    leg = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(leg)])
    count = max(1, round(along[-1] / float(wish["spacing_m"])))
    s = (np.arange(count) + 0.5) / count * along[-1]
    return points, np.column_stack([np.interp(s, along, line[:, k]) for k in (0, 1)])


def obstacles_of(city: City) -> list[Any]:
    """What a row of trees stops for: carriageways less their green islands, and buildings.

    Carriageways are the ground of kind ``street``: areas as they are mapped, ways as wide as their
    tags or class say (`heatmat.ground`). Polygons in the city's CRS.
    """
    import shapely

    kind, shape = city.ground["kind"].to_numpy(), city.ground.geometry.to_numpy()
    streets = shapely.get_parts(shape[kind == "street"])
    islands = shapely.STRtree(shapely.get_parts(shape[kind == "verge"]))
    found = []
    for street in streets:
        over = islands.geometries[islands.query(street, predicate="intersects")]
        found.append(shapely.difference(street, shapely.union_all(over)) if len(over) else street)
    return [*found, *city.buildings.geometry]


def _clear(positions: np.ndarray, obstacles: Sequence[Any]) -> np.ndarray:
    """Which positions keep `CLEARANCE`, shape (n,)."""
    import shapely

    near, _ = shapely.STRtree(np.asarray(obstacles, object)).query(
        shapely.points(positions), predicate="dwithin", distance=CLEARANCE
    )
    clear = np.ones(len(positions), bool)
    clear[near] = False
    return clear


def _stand(maps: Maps, wish: Mapping[str, Any], name: str, obstacles: Sequence[Any]) -> tuple:
    """Trunks that are planted, CRS, (n, 2), and how many of the row are left out."""
    points, row = tree_positions(wish)
    _refuse_indoors(maps, np.concatenate([points, row]), name)
    clear = _clear(row, obstacles) if len(row) and len(obstacles) else np.ones(len(row), bool)
    if len(row) and not clear.any():
        raise InputError(
            "the whole row stands on carriageways or at walls",
            where=f"interventions {name!r}: trees.line",
            expected=f"trunks {CLEARANCE:g} m from carriageways and walls",
            remedy="move the line beside the street; `points` are planted where they are given",
        )
    return np.concatenate([points, row[clear]]), int((~clear).sum())


def _refuse_indoors(maps: Maps, positions: np.ndarray, name: str) -> None:
    """A trunk in a building is a slip of coordinates: said before anything is computed."""
    x, y = (positions - np.asarray(maps.origin, float)).T
    column = np.floor((x - maps.west) / maps.resolution).astype(int)
    row = np.floor((maps.south + maps.ny * maps.resolution - y) / maps.resolution).astype(int)
    on_map = (column >= 0) & (column < maps.nx) & (row >= 0) & (row < maps.ny)
    indoors = np.zeros(len(positions), bool)
    indoors[on_map] = maps.building_index[row[on_map], column[on_map]] >= 0
    if not indoors.any():
        return
    first = positions[np.argmax(indoors)]
    raise InputError(
        f"{indoors.sum()} of {len(positions)} trees stand in buildings",
        where=f"interventions {name!r}: trees",
        expected="trunks on open ground",
        got=f"one at [{first[0]:.1f}, {first[1]:.1f}]",
        remedy="move the line or the points into the street or the yard",
    )


def plant(
    maps: Maps, wish: Mapping[str, Any], name: str = "", obstacles: Sequence[Any] = ()
) -> tuple[Maps, float, int]:
    """Maps with more trees; those given stay as they are.

    A row has gaps where it crosses a street: trees of the `line` nearer than `CLEARANCE` to an
    obstacle are left out. Single `points` stand where they are given.

    Parameters
    ----------
    maps : Maps
    wish : mapping
        ``points`` or ``line`` with ``spacing_m``; ``height_m``, ``crown_diameter_m``, optional
        ``base_m`` [m].
    name : str
        Of the intervention, for messages.
    obstacles : sequence of polygon, optional
        Carriageways and buildings, CRS (`obstacles_of`).

    Returns
    -------
    tuple
        The maps, the ground that is newly under crowns [m2], and the trees left out.

    Raises
    ------
    InputError
        No tree stands on the maps, one stands in a building, a whole row stands in the way, or a
        crown has no height.
    """
    shape = (maps.ny * maps.ground_subdivision, maps.nx * maps.ground_subdivision)
    height = float(wish["height_m"])
    base = wish.get("base_m")
    base = BASE_FRACTION * height if base is None else float(base)
    if base >= height:
        raise InputError(
            "a crown ends below its base",
            where=f"interventions {name!r}: trees",
            expected=f"base_m under {height:g}",
            got=f"{base:g}",
        )
    rasters = CrownRasters.empty(shape)
    if maps.crown_top.size:
        rasters = CrownRasters(*(a.copy() for a in (maps.crown_top, maps.crown_base,
                                                     maps.crown_density)))  # fmt: skip
    k = maps.ground_subdivision
    open_ground = np.repeat(np.repeat(maps.building_index < 0, k, axis=0), k, axis=1)
    before = int((rasters.top[open_ground] > 0.0).sum())
    cell = maps.resolution / maps.ground_subdivision
    north = maps.south + maps.ny * maps.resolution
    positions, left_out = _stand(maps, wish, name, obstacles)
    placed = 0
    for x, y in positions - np.asarray(maps.origin, float):
        size = (height, float(wish["crown_diameter_m"]), base)
        placed += put_tree(rasters, x - maps.west, north - y, size, cell)
    if not placed:
        raise InputError(
            "no tree stands on the map",
            where=f"interventions {name!r}: trees",
            expected="points or a line within the extent and its margin, in the scenario's CRS",
        )
    compositions, leaves = list(maps.compositions), maps.crown_compositions
    if not maps.has_crowns:
        for entry in (((LEAF, 1.0),), ((TWIG, 1.0),)):
            if entry not in compositions:
                compositions.append(entry)
        leaves = (compositions.index(((LEAF, 1.0),)), compositions.index(((TWIG, 1.0),)))
    planted = dataclasses.replace(
        maps,
        compositions=compositions,
        crown_top=rasters.top,
        crown_base=rasters.base,
        crown_density=rasters.density,
        crown_compositions=leaves,
    )
    area = float((rasters.top[open_ground] > 0.0).sum() - before) * cell * cell
    return planted, area, left_out
