"""From the ground plan to triangles: each plan face carries a stack of media, faces stand between.

A horizontal face lies wherever the medium of a stack changes; a vertical one on every plan edge
wherever the media on its two sides differ. Vertical lines are split at every level at which
anything meets them, so there is no T-junction anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from heatmat.reference.mesh import (
    AIR,
    CONTACT,
    EXTERIOR_WALL,
    FLOOR,
    GROUND,
    INDOOR,
    INNER_ROOF,
    INNER_WALL,
    ROOF,
    SLAB_BOTTOM,
    SLAB_SIDE,
    SOLID,
    VOID,
    Mesh,
)
from heatmat.reference.plan import GRID, OPEN, RING, Building, Layer, Plan, make_plan

BELOW = -(2**30)
"""Level under everything, in ticks of the snap grid."""

Stack = tuple[tuple[int, int], ...]
"""Levels (ticks) from which on each medium holds, upwards; the first is BELOW."""


def build_mesh(
    buildings: Sequence[Building],
    *,
    extent: tuple[float, float, float, float],
    ground: Layer,
    close_gaps: float = 0.3,
    tile: float = 50.0,
) -> Mesh:
    """Walls, roofs and ground as solids with their true thickness.

    Roofs are flat and the ground is level at z = 0. The roof slab lies on the walls and reaches to
    the outer face; that rim has the solid of the roof and the surface of the wall. Each of two
    buildings wall to wall keeps its own wall: where both are of one construction they make one
    solid of double thickness, else a contact between two (indoor air is alike on both sides, so a
    party wall carries no heat but near its ends; nothing has to be declared adiabatic). Footprints
    too narrow for two walls are solid. The slab goes on below buildings.

    Parameters
    ----------
    buildings : sequence of Building
    extent : tuple of float
        Of the ground slab: xmin, ymin, xmax, ymax [m].
    ground : Layer
        The slab.
    close_gaps, tile : float
        See `heatmat.reference.plan.make_plan` [m].

    Returns
    -------
    Mesh

    Raises
    ------
    InputError
        If a building reaches beyond the extent.
    """
    names = sorted(
        {
            ground.construction,
            *(layer.construction for b in buildings for layer in (b.wall, b.roof)),
        }
    )
    plan = make_plan(buildings, extent, close_gaps=close_gaps, tile=tile)
    stacks = _stacks(plan, buildings, ground, names)
    maker = _Maker(plan, stacks, buildings, ground, names)
    maker.horizontal()
    maker.vertical()
    return maker.mesh()


def _ticks(metres: float) -> int:
    return round(metres / GRID)


def _stacks(
    plan: Plan, buildings: Sequence[Building], ground: Layer, names: list[str]
) -> list[Stack]:
    """Media over each plan face."""
    soil = SOLID + names.index(ground.construction)
    base = [(BELOW, VOID), (-_ticks(ground.thickness), soil)]
    above: list[list[Stack]] = []
    for b in buildings:
        top = _ticks(b.height)
        under = max(0, top - _ticks(b.roof.thickness))
        wall, roof = (SOLID + names.index(layer.construction) for layer in (b.wall, b.roof))
        above.append(
            [_merge([*base, (0, inside), (under, roof), (top, AIR)]) for inside in (wall, INDOOR)]
        )
    bare = _merge([*base, (0, AIR)])
    return [
        bare if use == OPEN else above[k][0 if use == RING else 1]
        for use, k in zip(plan.use, plan.building, strict=True)
    ]


def _merge(stack: list[tuple[int, int]]) -> Stack:
    """Without layers of no thickness and changes that change nothing."""
    merged: list[tuple[int, int]] = []
    for level, medium in stack:
        if merged and merged[-1][0] == level:
            merged.pop()
        if not merged or merged[-1][1] != medium:
            merged.append((level, medium))
    return tuple(merged)


def _at(stack: Stack, level: int) -> int:
    """Medium just above a level."""
    medium = stack[0][1]
    for start, after in stack:
        if start <= level:
            medium = after
    return medium


class _Maker:
    """Collects triangles and numbers their corners (plan vertex, level)."""

    def __init__(
        self,
        plan: Plan,
        stacks: list[Stack],
        buildings: Sequence[Building],
        ground: Layer,
        names: list[str],
    ) -> None:
        self.plan, self.stacks, self.names = plan, stacks, names
        self.soil = names.index(ground.construction)
        self.wall = [names.index(b.wall.construction) for b in buildings]
        self.roof = [names.index(b.roof.construction) for b in buildings]
        self.corner: dict[tuple[int, int, int], int] = {}
        self.faces: list[tuple[int, int, int]] = []
        self.labels: list[tuple[int, int, int, int, int]] = []

    def number(self, point: tuple[int, int], level: int) -> int:
        """Vertex at a point of the snap grid."""
        return self.corner.setdefault((*point, level), len(self.corner))

    def add(
        self, triangle: tuple[int, int, int], front: int, behind: int, kind: int, building: int
    ) -> None:
        """One triangle, counter-clockwise seen from `front`."""
        if kind in (EXTERIOR_WALL, INNER_WALL):
            surface = self.wall[building]
        elif kind in (ROOF, INNER_ROOF):
            surface = self.roof[building]
        elif kind in (CONTACT, SLAB_SIDE, SLAB_BOTTOM):
            surface = behind - SOLID
        else:
            surface = self.soil
        self.faces.append(triangle)
        self.labels.append((kind, building, surface, front, behind))

    def horizontal(self) -> None:
        """Faces where a stack changes its medium; plan faces alike are joined first."""
        groups: dict[tuple[int, int, int, int], list[int]] = defaultdict(list)
        for face, (stack, building) in enumerate(zip(self.stacks, self.plan.building, strict=True)):
            for (_, below), (level, above) in zip(stack, stack[1:], strict=False):
                # Open ground stays in its tiles.
                owner = -2 - face if level == 0 and above == AIR else int(building)
                owner = -1 if below == VOID else owner
                groups[level, below, above, owner].append(face)
        for (level, below, above, owner), members in groups.items():
            up = below >= SOLID  # the normal leaves the solid
            front, behind = (above, below) if up else (below, above)
            building = max(-1, owner)
            kind = _horizontal_kind(level, below, above)
            for a, b, c in _triangles(self.plan.faces[members]):
                corners = [self.number((int(x), int(y)), level) for x, y in (a, b, c)]
                if not up:
                    corners.reverse()
                self.add((corners[0], corners[1], corners[2]), front, behind, kind, building)

    def vertical(self) -> None:
        """Faces on plan edges where the media of two stacks differ."""
        edges, levels = _edges(self.plan.faces, self.stacks)
        outside: Stack = ((BELOW, VOID), (0, AIR))
        for (a, b), (left, right) in edges.items():
            stack_l = self.stacks[left] if left >= 0 else outside
            stack_r = self.stacks[right] if right >= 0 else outside
            for bottom, top, medium_l, medium_r in _differences(stack_l, stack_r):
                # Seen from the front the edge runs to the right when the front is on its right.
                flip = medium_r >= SOLID and medium_l < SOLID
                front, behind = (medium_l, medium_r) if flip else (medium_r, medium_l)
                solid = right if flip else left
                building = int(self.plan.building[solid])
                kind = _vertical_kind(front, bottom)
                if kind == SLAB_SIDE or bottom < 0:
                    building = -1
                p, q = (b, a) if flip else (a, b)
                low = [z for z in sorted(levels[p]) if bottom <= z <= top]
                high = [z for z in sorted(levels[q]) if bottom <= z <= top]
                for triangle in _strip(low, high):
                    corners = [self.number((p, q)[side], z) for side, z in triangle]
                    self.add((corners[0], corners[1], corners[2]), front, behind, kind, building)

    def mesh(self) -> Mesh:
        """What was collected."""
        vertices = np.array(list(self.corner), dtype=np.float64).reshape(-1, 3) * GRID
        labels = np.array(self.labels, dtype=np.int32).reshape(-1, 5)
        return Mesh(
            vertices=vertices.astype(np.float32),
            faces=np.array(self.faces, dtype=np.int32).reshape(-1, 3),
            kind=labels[:, 0],
            building=labels[:, 1],
            construction=labels[:, 2],
            front=labels[:, 3],
            behind=labels[:, 4],
            constructions=tuple(self.names),
            counts=self.plan.counts,
        )


def _horizontal_kind(level: int, below: int, above: int) -> int:
    if below == VOID:
        return SLAB_BOTTOM
    if above == AIR:
        return GROUND if level == 0 else ROOF
    if above == INDOOR:
        return FLOOR
    return INNER_ROOF if below == INDOOR else CONTACT


def _vertical_kind(front: int, bottom: int) -> int:
    if front == AIR:
        return EXTERIOR_WALL
    if front == INDOOR:
        return INNER_WALL
    return SLAB_SIDE if front == VOID else CONTACT


def _triangles(faces: np.ndarray) -> np.ndarray:
    """Triangles of plan faces joined, counter-clockwise, as ticks of the grid, shape (n, 3, 2)."""
    import shapely

    joined = faces[0] if len(faces) == 1 else shapely.coverage_union_all(faces)
    pieces = shapely.get_parts(shapely.constrained_delaunay_triangles(joined))
    xy = shapely.get_coordinates(pieces).reshape(-1, 4, 2)[:, :3]
    ticks = np.rint(xy / GRID).astype(np.int64)
    (ux, uy), (vx, vy) = (ticks[:, 1] - ticks[:, 0]).T, (ticks[:, 2] - ticks[:, 0]).T
    twice = ux * vy - uy * vx
    ticks = np.where((twice < 0)[:, None, None], ticks[:, ::-1], ticks)
    return ticks[twice != 0]


def _edges(
    faces: np.ndarray, stacks: list[Stack]
) -> tuple[dict[Any, list[int]], dict[Any, set[int]]]:
    """Plan edges with the faces on their left and right (-1: outside), and levels at vertices."""
    import shapely

    edges: dict[Any, list[int]] = {}
    levels: dict[Any, set[int]] = defaultdict(set)
    rings, owner = shapely.get_rings(faces, return_index=True)
    hole = np.append(False, owner[1:] == owner[:-1])  # a face's first ring is its outline
    rings = np.where(shapely.is_ccw(rings) == hole, shapely.reverse(rings), rings)
    for ring, face in zip(rings, owner, strict=True):
        ticks = np.rint(shapely.get_coordinates(ring) / GRID).astype(np.int64).tolist()
        points = [tuple(point) for point in ticks]
        changes = {level for level, _ in stacks[face][1:]}
        for a, b in zip(points, points[1:], strict=False):
            levels[a] |= changes
            if (b, a) in edges:
                edges[b, a][1] = int(face)
            else:
                edges[a, b] = [int(face), -1]
    for (a, b), (_, right) in edges.items():
        if right < 0:
            levels[a].add(0)
            levels[b].add(0)
    return edges, levels


def _differences(left: Stack, right: Stack) -> list[tuple[int, int, int, int]]:
    """Ranges of height over which two stacks differ: bottom, top, the media."""
    levels = sorted({level for level, _ in left} | {level for level, _ in right})
    ranges: list[tuple[int, int, int, int]] = []
    for bottom, top in zip(levels, levels[1:], strict=False):
        pair = (_at(left, bottom), _at(right, bottom))
        if pair[0] == pair[1]:
            continue
        if ranges and ranges[-1][1] == bottom and ranges[-1][2:] == pair:
            ranges[-1] = (ranges[-1][0], top, *pair)
        else:
            ranges.append((bottom, top, *pair))
    return ranges


def _strip(low: list[int], high: list[int]) -> list[list[tuple[int, int]]]:
    """Triangles between two vertical lines with levels of their own, counter-clockwise.

    Lines 0 (left) and 1 (right) share the first and the last level.
    """
    triangles = []
    i = j = 0
    while i < len(low) - 1 or j < len(high) - 1:
        if j == len(high) - 1 or (i < len(low) - 1 and low[i + 1] <= high[j + 1]):
            triangles.append([(0, low[i]), (1, high[j]), (0, low[i + 1])])
            i += 1
        else:
            triangles.append([(0, low[i]), (1, high[j]), (1, high[j + 1])])
            j += 1
    return triangles
