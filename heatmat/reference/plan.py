"""The ground plan: footprints with wall thickness become faces that share their vertices.

Faces are of three kinds: open ground, the ring of a building's walls, and the room inside. All
outlines are snapped to 1 mm and noded against each other once, so faces meet without gaps and at
shared vertices only; what is extruded from them (solids.py) is then watertight by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heatmat.errors import InputError

GRID = 1e-3
"""Snap grid of plan and heights [m]; single precision resolves 0.24 mm at 4 km."""

MITRE = 4.0
"""At re-entrant corners the inner face keeps its distance from both walls up to this many
thicknesses from the corner (angles over 29 degrees); sharper ones are cut off."""


@dataclass(frozen=True)
class Layer:
    """A construction of one homogeneous layer."""

    construction: str
    thickness: float  # m


@dataclass(frozen=True)
class Building:
    """A footprint (or building part) with a flat roof.

    Attributes
    ----------
    rings : sequence of ndarray, shape (n, 2)
        Outline, then courtyards [m].
    height : float
        Top of the roof above the ground [m].
    wall, roof : Layer
    """

    rings: Sequence[np.ndarray]
    height: float
    wall: Layer
    roof: Layer


OPEN, RING, ROOM = 0, 1, 2


@dataclass
class Plan:
    """Faces of the ground plan.

    Attributes
    ----------
    faces : ndarray of Polygon, shape (nf,)
    use : ndarray of int, shape (nf,)
        OPEN, RING (solid wall) or ROOM.
    building : ndarray of int, shape (nf,)
        Row of the building, -1 for open ground.
    counts : dict
    """

    faces: np.ndarray
    use: np.ndarray
    building: np.ndarray
    counts: dict[str, float] = field(default_factory=dict)


def make_plan(
    buildings: Sequence[Building],
    extent: tuple[float, float, float, float],
    *,
    close_gaps: float,
    tile: float,
) -> Plan:
    """Resolve overlaps, close slits, set the walls' inner faces, and cut the ground into tiles.

    Parameters
    ----------
    buildings : sequence of Building
        Where they overlap the higher one stands, of equals the first.
    extent : tuple of float
        xmin, ymin, xmax, ymax of the ground slab [m]; every building inside.
    close_gaps : float
        Slits between walls narrower than this belong to a neighbour [m].
    tile : float
        Open ground among the buildings is cut along lines this far apart [m]: compact triangles
        make tight boxes.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If a building reaches beyond the extent.
    """
    import shapely

    outlines = np.array([_polygon(b) for b in buildings], dtype=object)
    height = np.array([b.height for b in buildings])
    box = shapely.set_precision(shapely.box(*extent), GRID)
    outside = [k for k, shape in enumerate(outlines) if not box.contains_properly(shape)]
    if outside:
        raise InputError(
            "a building reaches beyond the ground slab",
            where=f"3D reference, building {outside[0]}",
            expected=f"inside {tuple(float(v) for v in extent)}",
            got=tuple(float(v) for v in outlines[outside[0]].bounds),
        )
    counts: dict[str, float] = {}
    regions = _regions(outlines, height, close_gaps, counts)
    rooms = _rooms(buildings, regions, counts)
    faces = _arrange([*regions, *rooms, box, *_tile_lines(extent, tile, regions)])
    building = _owner(faces, regions)
    room = _owner(faces, rooms)
    use = np.where(building < 0, OPEN, np.where(room >= 0, ROOM, RING))
    return Plan(faces, use, building, counts)


def _polygon(building: Building) -> Any:
    """A building's outline on the snap grid; several polygons where it crosses itself."""
    import shapely

    shell, *holes = [np.asarray(ring, dtype=np.float64)[:, :2] for ring in building.rings]
    shape: Any = shapely.Polygon(shell, holes)
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    shape = shapely.set_precision(shape, GRID)
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)


def _arrange(shapes: list[Any]) -> np.ndarray:
    """Faces between the outlines of polygons, and lines."""
    import shapely

    lines = [
        shape if shape.geom_type.endswith("LineString") else shapely.boundary(shape)
        for shape in shapes
    ]
    noded = shapely.union_all(np.array(lines, dtype=object), grid_size=GRID)
    return shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))


def _owner(faces: np.ndarray, polygons: np.ndarray, rank: np.ndarray | None = None) -> np.ndarray:
    """Polygon over an inner point of each face (of several the first in `rank`), -1 for none."""
    import shapely

    inner = shapely.point_on_surface(faces)
    which, face = shapely.STRtree(inner).query(polygons, predicate="intersects")
    rank = np.arange(len(polygons)) if rank is None else rank
    order = np.argsort(-rank[which], kind="stable")
    owner = np.full(len(faces), -1)
    owner[face[order]] = which[order]  # the last one wins
    return owner


def _regions(
    outlines: np.ndarray, height: np.ndarray, gap: float, counts: dict[str, float]
) -> np.ndarray:
    """What each building covers once overlaps are resolved and slits are closed."""
    import shapely

    built = shapely.union_all(outlines, grid_size=GRID)
    closed = built
    if gap > 0.0:
        grown = built.buffer(gap / 2, join_style="mitre", mitre_limit=1.5)
        closed = grown.buffer(-gap / 2, join_style="mitre", mitre_limit=2.0)
        closed = shapely.set_precision(shapely.difference(closed, built, grid_size=GRID), GRID)
        # What is thinner than the grid is rounding, not a slit.
        slits = [
            p
            for p in shapely.get_parts(closed)
            if p.geom_type == "Polygon" and 2.0 * p.area > GRID * p.length
        ]
    else:
        slits = []
    faces = _arrange([*outlines, *slits])
    rank = np.lexsort((np.arange(len(height)), -height)).argsort()  # highest first
    owner = _owner(faces, outlines, rank)
    slit = (
        (_owner(faces, np.array(slits, dtype=object)) >= 0) if slits else np.zeros(len(faces), bool)
    )
    slit &= owner < 0
    counts["slits_closed"] = int(slit.sum())
    counts["slit_area_m2"] = float(shapely.area(faces[slit]).sum())
    counts["overlap_area_m2"] = float(
        shapely.area(outlines).sum() - shapely.area(faces[(owner >= 0)]).sum()
    )
    _give_away(faces, owner, slit)
    return np.array(
        [_multi(shapely.coverage_union_all(faces[owner == k])) for k in range(len(outlines))],
        dtype=object,
    )


def _multi(shape: Any) -> Any:
    """A polygon, several or none, as a multipolygon."""
    import shapely

    return shapely.MultiPolygon([p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"])


def _give_away(faces: np.ndarray, owner: np.ndarray, slit: np.ndarray) -> None:
    """Give each slit to the building with which it shares most of its outline; in place."""
    import shapely

    waiting = list(np.flatnonzero(slit))
    tree = shapely.STRtree(faces)
    progress = True
    while waiting and progress:
        progress = False
        for k in list(waiting):
            near = tree.query(faces[k], predicate="touches")
            near = near[owner[near] >= 0]
            if len(near) == 0:
                continue
            shared = shapely.length(shapely.intersection(faces[k], faces[near]))
            if shared.max() > 0.0:
                owner[k] = owner[near[int(np.argmax(shared))]]
                waiting.remove(k)
                progress = True


def _rooms(
    buildings: Sequence[Building], regions: np.ndarray, counts: dict[str, float]
) -> np.ndarray:
    """What is left inside each building's walls; empty where two walls fill it."""
    import shapely

    depth = np.array([b.wall.thickness for b in buildings])
    rooms = shapely.buffer(regions, -depth, join_style="mitre", mitre_limit=MITRE)
    rooms = shapely.set_precision(rooms, GRID)
    # Rooms of a centimetre's width are what is left of a collapsing offset.
    rooms = np.array(
        [shapely.MultiPolygon([p for p in shapely.get_parts(room) if _wide(p)]) for room in rooms],
        dtype=object,
    )
    solid = shapely.is_empty(rooms) & ~shapely.is_empty(regions)
    counts["solid_buildings"] = int(solid.sum())
    counts["solid_area_m2"] = float(shapely.area(regions[solid]).sum())
    return rooms


def _wide(polygon: Any) -> bool:
    """Whether a room is more than about 1 cm wide."""
    return polygon.geom_type == "Polygon" and 2.0 * polygon.area > 0.01 * polygon.length


def _tile_lines(
    extent: tuple[float, float, float, float], tile: float, regions: np.ndarray
) -> list[Any]:
    """Lines that cut the open ground among the buildings, in a frame round all of them."""
    import shapely

    bounds = shapely.total_bounds(regions)
    if not np.isfinite(bounds).all():
        return []
    low = np.maximum(bounds[:2] - tile, extent[:2])
    high = np.minimum(bounds[2:] + tile, extent[2:])
    (xmin, ymin), (xmax, ymax) = low, high
    xs, ys = (
        np.linspace(low[k], high[k], max(1, round((high[k] - low[k]) / tile)) + 1) for k in (0, 1)
    )
    lines = [shapely.LineString([(x, ymin), (x, ymax)]) for x in xs]
    lines += [shapely.LineString([(xmin, y), (xmax, y)]) for y in ys]
    together = shapely.union_all(np.array(lines, dtype=object), grid_size=GRID)
    open_ = shapely.difference(together, shapely.union_all(regions, grid_size=GRID), grid_size=GRID)
    return [p for p in shapely.get_parts(open_) if p.geom_type == "LineString"]
