"""Facades: the walls that people and convection see, from the partition's small edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.maps import plane_height

MIN_RISE = 1e-3
"""A side that rises less than this above the other is no wall [m]."""

MAX_TURN = np.sin(np.radians(0.5))
"""Sine of the largest angle between an edge and the run it continues."""

MAX_OFFSET = 1e-2
"""Largest distance of a run's vertices from its chord [m]."""

SNAP_OFFSET = 2e-3
"""Offset that snapping alone gives the far end of a short edge, whatever its angle [m]."""


@dataclass
class Facades:
    """Facades and the edges they consist of; see `heatmat.maps.Maps`."""

    edge_facades: np.ndarray
    ab: np.ndarray
    building: np.ndarray
    z: np.ndarray
    exposed_area: np.ndarray
    perimeter_over_area: np.ndarray
    party_wall_area: float


def exposed_area(length: np.ndarray, rise_a: np.ndarray, rise_b: np.ndarray) -> np.ndarray:
    """Area of a wall whose height above what covers it changes linearly, parts below 0 left out.

    Parameters
    ----------
    length : ndarray
        Of the edge [m].
    rise_a, rise_b : ndarray
        Own height minus the other side's at both ends [m].

    Returns
    -------
    ndarray
        Areas [m2].
    """
    high, low = np.maximum(rise_a, rise_b), np.minimum(rise_a, rise_b)
    crossing = (low < 0) & (high > 0)
    share = np.where(crossing, high / np.where(crossing, high - low, 1.0), 1.0)
    mean = np.where(crossing, high / 2, np.maximum((high + low) / 2, 0.0))
    return length * share * mean


def build_facades(
    vertices: np.ndarray,
    edges: np.ndarray,
    edge_regions: np.ndarray,
    region_plane: np.ndarray,
    region_building: np.ndarray,
) -> Facades:
    """Join the edges of the partition into maximal straight walls.

    Parameters
    ----------
    vertices : ndarray, shape (nv, 2)
    edges, edge_regions : ndarray of int, shape (ne, 2)
        Vertices a, b; regions on the left and right.
    region_plane : ndarray, shape (nr, 5)
    region_building : ndarray of int, shape (nr,)

    Returns
    -------
    Facades
    """
    xy_a, xy_b = vertices[edges[:, 0]], vertices[edges[:, 1]]
    length = np.hypot(*(xy_b - xy_a).T)
    planes = region_plane[edge_regions]  # (ne, 2, 5)
    z = np.stack([plane_height(planes, p[:, :1], p[:, 1:]) for p in (xy_a, xy_b)], axis=-1)
    rise = z[:, 0] - z[:, 1]  # left above right, at a and b
    rises = np.stack([rise.max(axis=1), (-rise).max(axis=1)], axis=1)
    wall = (rises > MIN_RISE) & (region_building[edge_regions] >= 0)
    edge, side = np.nonzero(wall)
    # Half-walls run with their building on the left.
    flip = side == 1
    start = np.where(flip, edges[edge, 1], edges[edge, 0])
    end = np.where(flip, edges[edge, 0], edges[edge, 1])
    building = region_building[edge_regions[edge, side]]
    run = _runs(vertices, start, end, building)
    own, other = z[edge, side], z[edge, 1 - side]
    area = exposed_area(length[edge], *(own - other).T)
    facades = np.full(edges.shape, -1, dtype=np.int32)
    facades[edge, side] = run.index
    count = len(run.first)
    bottom = np.full(count, np.inf)
    np.minimum.at(bottom, run.index, np.minimum(own, other).min(axis=1))
    top = np.zeros(count)
    np.maximum.at(top, run.index, own.max(axis=1))
    ab = np.concatenate([vertices[start[run.first]], vertices[end[run.last]]], axis=1)
    width = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])
    rise_of_run = np.maximum(top - bottom, MIN_RISE)
    return Facades(
        edge_facades=facades,
        ab=ab,
        building=building[run.first],
        z=np.stack([bottom, top], axis=1),
        exposed_area=np.bincount(run.index, weights=area, minlength=count),
        perimeter_over_area=2 * (width + rise_of_run) / (width * rise_of_run),
        party_wall_area=_party_area(length, z, edge_regions, region_building),
    )


@dataclass
class _Runs:
    index: np.ndarray  # run of each half-wall
    first: np.ndarray  # half-wall where each run starts
    last: np.ndarray


def _runs(vertices: np.ndarray, start: np.ndarray, end: np.ndarray, building: np.ndarray) -> _Runs:
    """Chain half-walls of one building that go straight on."""
    successor = _successors(vertices, start, end, building)
    has_predecessor = np.zeros(len(start), dtype=bool)
    has_predecessor[successor[successor >= 0]] = True
    index = np.full(len(start), -1)
    first: list[int] = []
    last: list[int] = []
    # Heads first; what is left are closed loops without a corner, which start anywhere.
    heads = np.concatenate([np.nonzero(~has_predecessor)[0], np.arange(len(start))])
    points = vertices.tolist()
    begin, finish, following = start.tolist(), end.tolist(), successor.tolist()
    for head in heads.tolist():
        current = head
        while current >= 0 and index[current] < 0:
            first.append(current)
            passed: list[list[float]] = []
            while True:
                index[current] = len(first) - 1
                tip = current
                passed.append(points[finish[current]])
                current = following[current]
                if current < 0 or index[current] >= 0:
                    break
                if not _straight(points[begin[first[-1]]], passed, points[finish[current]]):
                    break
            last.append(tip)
    return _Runs(index, np.array(first, dtype=int), np.array(last, dtype=int))


def _successors(
    vertices: np.ndarray, start: np.ndarray, end: np.ndarray, building: np.ndarray
) -> np.ndarray:
    """For each half-wall the one of its building that continues it within half a degree, or -1."""
    order = np.lexsort((building, start))
    key = start.astype(np.int64) * (building.max(initial=0) + 2) + building
    wanted = end.astype(np.int64) * (building.max(initial=0) + 2) + building
    sorted_key = key[order]
    low = np.searchsorted(sorted_key, wanted, side="left")
    high = np.searchsorted(sorted_key, wanted, side="right")
    direction = vertices[end] - vertices[start]
    size = np.hypot(*direction.T)
    best = np.full(len(start), -1)
    turn = np.full(len(start), np.inf)
    for step in range(int((high - low).max(initial=0))):
        here = np.nonzero(low + step < high)[0]
        candidate = order[low[here] + step]
        u, v = direction[here], direction[candidate]
        cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / (size[here] * size[candidate])
        shorter = np.minimum(size[here], size[candidate])
        straight = (cross < MAX_TURN) | (cross * shorter < SNAP_OFFSET)
        straight &= (u * v).sum(axis=1) > 0
        better = straight & (cross < turn[here])
        best[here[better]], turn[here[better]] = candidate[better], cross[better]
    return best


def _straight(origin: list[float], passed: list[list[float]], tip: list[float]) -> bool:
    """Whether all vertices passed lie within a centimetre of the chord from origin to tip."""
    dx, dy = tip[0] - origin[0], tip[1] - origin[1]
    limit = MAX_OFFSET * float(np.hypot(dx, dy))
    return all(abs((p[0] - origin[0]) * dy - (p[1] - origin[1]) * dx) <= limit for p in passed)


def _party_area(
    length: np.ndarray, z: np.ndarray, edge_regions: np.ndarray, region_building: np.ndarray
) -> float:
    """Area that two different buildings share [m2]."""
    pair = region_building[edge_regions]
    party = (pair >= 0).all(axis=1) & (pair[:, 0] != pair[:, 1])
    return float((length * z.min(axis=1).mean(axis=1))[party].sum())
