"""Pixels as parts: what each region has of a pixel, its share, and where its starts lie.

A pixel that is half roof, half street has two parts, marched apart and weighted by area, so that no
draw of positions decides how much of it is roof. Areas and positions come from a regular lattice
and are the same for every seed; only rays are random.
"""

import math
from dataclasses import dataclass

import numpy as np

from heatmat.kernels import part_areas, texels
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ti
from heatmat.sampling_plan import KINDS, plan_squares
from heatmat.solver import Requests
from heatmat.transfers import read

LATTICE = 8
"""Points along a side of a cell: areas to a hundredth of it."""


@dataclass
class Parts:
    """Parts of the cells of a rectangle.

    Attributes
    ----------
    cell : ndarray of int, shape (n,)
        Row-major from the south-west corner, ascending.
    region : ndarray of int32, shape (n,)
    share : ndarray of float32, shape (n,)
        Of the cell's area.
    x, y : ndarray, shape (n, samples)
        Start positions, local [m].
    inside : ndarray of uint32, shape (n, words)
        Which points of the cell's lattice it has, row by row, lowest bit first.
    clear : ndarray of bool, shape (n,)
        No edge comes near the cell.
    corner : tuple of float
        Of the rectangle, south-west, local [m].
    size : float
        Of a cell [m].
    columns : int
        Cells of a row.
    """

    cell: np.ndarray
    region: np.ndarray
    share: np.ndarray
    x: np.ndarray
    y: np.ndarray
    inside: np.ndarray
    clear: np.ndarray
    corner: tuple[float, float]
    size: float
    columns: int

    def __len__(self) -> int:
        return self.cell.size


def parts_of_cells(
    field: RayField,
    west: float,
    south: float,
    size: float,
    nx: int,
    ny: int,
    samples: int,
    *,
    side: int = LATTICE,
    fraction: np.ndarray | None = None,
    fine: bool = False,
) -> Parts:
    """Cut a rectangle of cells into parts.

    Parameters
    ----------
    field : RayField
    west, south : float
        Its corner, local [m].
    size : float
        Of a cell [m].
    nx, ny : int
        Cells.
    samples : int
        Start positions of a part.
    side : int
        Points along a side of a cell, a power of two.
    fraction : ndarray, shape (nx * ny,), optional
        Where in each run of a part's points its position is taken; default: at their centroid.
    fine : bool
        Count shares from more points (`kernels.part_areas`), of the regions that the others found.
    """
    number = side * side
    place = ti.Vector([west, south, size, size], ti.f32), ti.Vector([nx, ny, 0, 0], ti.i32)
    city = (*field.geometry[:4], field.grid_f, field.grid_i)
    alone = ti.ndarray(dtype=ti.i32, shape=(nx * ny,))
    texels.whole_cells(alone, *place, *city)
    region_of = read(alone)
    is_clear = region_of >= 0
    near_edges = np.flatnonzero(~is_clear)
    order = np.argsort(_morton(side))
    regions = np.zeros((0, number), np.int32)
    if near_edges.size:
        found = ti.ndarray(dtype=ti.i32, shape=(near_edges.size, number))
        texels.regions_in_cells(found, to_device(near_edges), side, *place, *city)
        regions = read(found)
        region_of[near_edges] = regions[:, 0]
    mixed = (regions != regions[:, :1]).any(axis=1)
    cut = near_edges[mixed]
    is_whole = np.ones(nx * ny, bool)
    is_whole[cut] = False
    whole = np.flatnonzero(is_whole)
    if fraction is None:
        at = np.broadcast_to(_middles(order, side, samples), (whole.size, samples, 2))
    else:
        at = _places(order[_strata(fraction[whole], samples, number)], side)
    full = np.repeat(_words(np.ones((1, number), bool)), whole.size, axis=0)
    parts = [(whole, region_of[whole], np.full(whole.size, number), at, full)]
    if cut.size:
        parts.append(_cut(cut, regions[mixed], order, fraction, samples))
    columns = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    by_cell = np.argsort(columns[0], kind="stable")
    cell, region, length, at, inside = (a[by_cell] for a in columns)
    share = length / number
    if fine and cut.size:
        several = np.flatnonzero(length < number)
        count = ti.ndarray(dtype=ti.i32, shape=(several.size,))
        part_areas.count_points(
            to_device(cell[several].astype(np.int32)), to_device(region[several].astype(np.int32)),
            *place, *city, count,
        )  # fmt: skip
        counted = read(count)
        all_of = np.bincount(cell[several], counted, nx * ny)[cell[several]]
        share[several] = counted / all_of
    step = size / side
    return Parts(
        cell=cell,
        region=region.astype(np.int32),
        share=share.astype(np.float32),
        x=west + (cell % nx)[:, None] * size + at[:, :, 0] * step,
        y=south + (cell // nx)[:, None] * size + at[:, :, 1] * step,
        inside=inside,
        clear=is_clear[cell],
        corner=(west, south),
        size=size,
        columns=nx,
    )


def _strata(u: np.ndarray, samples: int, length: np.ndarray | int) -> np.ndarray:
    """One index in each of `samples` equal runs of `length` points, shape (n, samples)."""
    at = (np.arange(samples) + u[:, None]) * np.reshape(length, (-1, 1)) / samples
    return np.minimum(at.astype(int), np.reshape(length, (-1, 1)) - 1)


def _places(point: np.ndarray, side: int) -> np.ndarray:
    """Where in a cell points of its lattice lie, in steps, shape (..., 2)."""
    return np.stack([point % side, point // side], axis=-1) + 0.5


def _middles(order: np.ndarray, side: int, samples: int) -> np.ndarray:
    """Centroids of equal runs of all points of a cell, in steps, shape (samples, 2)."""
    return _places(order, side).reshape(samples, -1, 2).mean(axis=1)


def _cut(
    cells: np.ndarray,
    regions: np.ndarray,
    order: np.ndarray,
    fraction: np.ndarray | None,
    samples: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parts of cells with several regions: cell, region, number of points, positions, and all.

    Points come in Morton order, and stay in it within a region: few even draws of them are then
    spread over the part.
    """
    along = regions[:, order]
    by_region = np.argsort(along, axis=1, kind="stable")
    ordered = np.take_along_axis(along, by_region, axis=1)
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begin = np.flatnonzero(new.ravel())
    length = np.diff(np.append(begin, ordered.size))
    row = begin // ordered.shape[1]
    cell = cells[row]
    region = ordered.ravel()[begin]
    inside = regions[row] == region[:, None]
    points = order[by_region.ravel()]
    side = math.isqrt(order.size)
    if fraction is None:
        at = _centroids(points, begin, length, inside, samples)
    else:
        at = _places(points[begin[:, None] + _strata(fraction[cell], samples, length)], side)
    return cell, region, length, at, _words(inside)


def _centroids(
    points: np.ndarray, begin: np.ndarray, length: np.ndarray, inside: np.ndarray, samples: int
) -> np.ndarray:
    """Centroids of equal runs of the points of parts, in steps, shape (parts, samples, 2).

    One that is not between points of its part (a courtyard, a bend) moves to the nearest of its
    run.

    Parameters
    ----------
    points : ndarray of int
        Of all parts, one part after the other.
    begin, length : ndarray of int, shape (parts,)
        Of each part in `points`.
    inside : ndarray of bool, shape (parts, side * side)
        Points that a part has, row by row.
    """
    side = math.isqrt(inside.shape[1])
    of_start = np.arange(samples + 1) * length[:, None] // samples
    first = begin[:, None] + of_start[:, :-1]
    last = np.maximum(begin[:, None] + of_start[:, 1:], first + 1)
    place = _places(points, side)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(place, axis=0)])
    at = (sums[last] - sums[first]) / (last - first)[:, :, None]
    near = np.stack([np.floor(at - 0.5), np.ceil(at - 0.5)]).astype(int)
    between = np.ones(first.shape, bool)
    for i, j in np.ndindex(2, 2):
        index = near[j, :, :, 1] * side + near[i, :, :, 0]
        between &= np.take_along_axis(inside, index, axis=1)
    part, start = np.nonzero(~between)
    run = first[part, start][:, None] + np.arange(inside.shape[1] // samples + 1)
    run = np.minimum(run, last[part, start][:, None] - 1)
    away = ((place[run] - at[part, start][:, None]) ** 2).sum(axis=2)
    at[part, start] = place[run[np.arange(part.size), away.argmin(axis=1)]]
    return at


def _words(points: np.ndarray) -> np.ndarray:
    """Bits in words, lowest first, uint32."""
    spare = -points.shape[1] % 32
    packed = np.packbits(np.pad(points, ((0, 0), (0, spare))), axis=1, bitorder="little")
    return packed.view(np.uint32)


def _morton(side: int) -> np.ndarray:
    """Rank of each point of a square along a Z curve."""
    ix, iy = np.arange(side * side) % side, np.arange(side * side) // side
    rank = np.zeros(side * side, int)
    for bit in range(8):
        rank |= ((ix >> bit) & 1) << (2 * bit) | ((iy >> bit) & 1) << (2 * bit + 1)
    return rank


def requests_of_parts(parts: Parts, keys: np.ndarray) -> Requests:
    """Start requests of parts, samples of one part after the other.

    Parameters
    ----------
    keys : ndarray of uint32, shape (parts,)
        Random stream of each part.
    """
    n, samples = parts.x.shape
    requests = plan_squares(
        parts.x.ravel(),
        parts.y.ravel(),
        np.zeros(n * samples),
        np.full(n * samples, KINDS["any"]),
        np.repeat(keys, samples),
    )
    requests.codes[:, 3] = np.tile(np.arange(samples), n)  # layout.R_SAMPLE
    return requests
