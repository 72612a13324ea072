"""Pixels as parts: what each region has of a pixel, its share, and where its starts lie.

A pixel that is half roof, half street has two parts, marched apart and weighted by area, so that no
draw of positions decides how much of it is roof. Areas and positions come from a regular lattice
and are the same for every seed; only rays are random.
"""

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
        Which points of the cell's lattice it has, in the order of the Z curve, lowest bit first.
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
    fine: int = 0,
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
        Where in each stratum of a part its position is taken; default: the middle.
    fine : int
        Points along a side from which shares are counted, where others than those of `side`.
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
    u = np.full(nx * ny, 0.5) if fraction is None else fraction
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
    middles = order[_strata(u[whole], samples, number)]
    full = np.repeat(_words(np.ones((1, number), bool)), whole.size, axis=0)
    parts = [(whole, region_of[whole], np.full(whole.size, number), middles, full)]
    if cut.size:
        parts.append(_cut(cut, regions[mixed][:, order], order, u, samples))
    columns = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    by_cell = np.argsort(columns[0], kind="stable")
    cell, region, length, point, inside = (a[by_cell] for a in columns)
    share = length / number
    if fine and cut.size:
        several = np.flatnonzero(length < number)
        count = ti.ndarray(dtype=ti.i32, shape=(several.size,))
        part_areas.count_points(
            to_device(cell[several].astype(np.int32)), to_device(region[several].astype(np.int32)),
            fine, *place, *city, count,
        )  # fmt: skip
        counted = read(count)
        all_of = np.bincount(cell[several], counted, nx * ny)[cell[several]]
        share[several] = counted / all_of
    step = size / side
    return Parts(
        cell=cell,
        region=region.astype(np.int32),
        share=share.astype(np.float32),
        x=west + (cell % nx)[:, None] * size + (point % side + 0.5) * step,
        y=south + (cell // nx)[:, None] * size + (point // side + 0.5) * step,
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


def _cut(
    cells: np.ndarray, regions: np.ndarray, order: np.ndarray, u: np.ndarray, samples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Parts of cells with several regions: cell, region, number of points, those chosen, and all.

    Points come in Morton order, and stay in it within a region: few even draws of them are then
    spread over the part.
    """
    by_region = np.argsort(regions, axis=1, kind="stable")
    ordered = np.take_along_axis(regions, by_region, axis=1)
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begin = np.flatnonzero(new.ravel())
    length = np.diff(np.append(begin, ordered.size))
    row = begin // ordered.shape[1]
    cell = cells[row]
    pick = begin[:, None] + _strata(u[cell], samples, length)
    region = ordered.ravel()[begin]
    inside = _words(regions[row] == region[:, None])
    return cell, region, length, order[by_region.ravel()[pick]], inside


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
