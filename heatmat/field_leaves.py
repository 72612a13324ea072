"""Texels of crowns: the leaves over a coarse cell of the field, in layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.kernels import layout
from heatmat.kernels.texels import LEAF_LAYERS
from heatmat.maps import Maps
from heatmat.sampling_plan import stream_keys

STREAM = 32
"""Kind codes of the leaves' random streams, four from here on."""


@dataclass
class LeafTexels:
    """Leaves of the coarse cells, row 0 south.

    Attributes
    ----------
    first : ndarray of int32, shape (cells,)
        First of a cell's `LEAF_LAYERS` texels counted among themselves, -1 without a crown.
    span : ndarray of float32, shape (cells, 2)
        Lowest base and highest top over the cell [m].
    position : ndarray, shape (texels, samples, 3)
        Leaves that stand for a texel, local [m].
    """

    first: np.ndarray
    span: np.ndarray
    position: np.ndarray

    @property
    def count(self) -> int:
        """Number of texels."""
        return len(self.position)


def lay_leaves(maps: Maps, nx: int, ny: int, size: float, samples: int, seed: int) -> LeafTexels:
    """Cut the crowns into texels.

    Positions are drawn among the cell's columns, evenly in height within the layer and the column:
    leaves of a thin rim count as much as those of the middle, as a ray meets them.
    """
    none = np.full(nx * ny, -1, np.int32)
    span = np.zeros((nx * ny, 2), np.float32)
    if not maps.has_crowns:
        return LeafTexels(none, span, np.zeros((0, samples, 3)))
    cell, x, y, low, high = _columns(maps, nx, ny, size)
    cells, begin, number = np.unique(cell, return_index=True, return_counts=True)
    if not cells.size:
        return LeafTexels(none, span, np.zeros((0, samples, 3)))
    first = none
    first[cells] = LEAF_LAYERS * np.arange(cells.size)
    lowest, highest = np.minimum.reduceat(low, begin), np.maximum.reduceat(high, begin)
    span[cells] = np.stack([lowest, highest], axis=1)
    u = _uniforms(maps, cells, nx, size, samples, seed)
    # Each sample has its own part of the columns.
    part = (np.arange(samples) + u[0]) / samples
    pick = begin[:, None, None] + (part * number[:, None, None]).astype(int)
    shift = (u[1:3] - 0.5) * maps.resolution / maps.ground_subdivision
    step = ((highest - lowest) / LEAF_LAYERS)[:, None, None]
    floor = lowest[:, None, None] + step * np.arange(LEAF_LAYERS)[:, None]
    # A column that does not reach into the layer gives the nearest that it has.
    a = np.clip(floor, low[pick], high[pick])
    b = np.clip(floor + step, low[pick], high[pick])
    z = a + u[3] * (b - a)
    position = np.stack([maps.west + x[pick] + shift[0], maps.south + y[pick] + shift[1], z], -1)
    return LeafTexels(first, span, position.reshape(-1, samples, 3))


def _columns(maps: Maps, nx: int, ny: int, size: float) -> tuple[np.ndarray, ...]:
    """Columns above ground and roofs by coarse cell: cell, x, y from the corner, base, top [m]."""
    top, base = maps.crown_top[::-1], maps.crown_base[::-1]
    times = maps.ground_subdivision
    built = maps.height.repeat(times, 0).repeat(times, 1)[::-1]
    row, column = np.nonzero((top > base) & (top > built))
    low, high = np.maximum(base, built)[row, column], top[row, column]
    fine = maps.resolution / times
    x, y = (column + 0.5) * fine, (row + 0.5) * fine
    cell_x = np.minimum((x / size).astype(int), nx - 1)
    cell = np.minimum((y / size).astype(int), ny - 1) * nx + cell_x
    order = np.argsort(cell, kind="stable")
    return cell[order], x[order], y[order], low[order], high[order]


def _uniforms(
    maps: Maps, cells: np.ndarray, nx: int, size: float, samples: int, seed: int
) -> np.ndarray:
    """Four numbers in [0, 1) a sample, from its place in the world alone, (4, n, layers, samples).

    So trees that are planted elsewhere move none of them.
    """
    each = LEAF_LAYERS * samples
    x = np.repeat(maps.origin[0] + maps.west + (cells % nx) * size, each)
    y = np.repeat(maps.origin[1] + maps.south + (cells // nx) * size, each)
    number = np.tile(np.arange(each), cells.size).astype(float)
    keys = [stream_keys(x, y, number, STREAM + k, seed) for k in range(4)]
    return (np.array(keys) / 2.0**32).reshape(4, -1, LEAF_LAYERS, samples)


def leaf_requests(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and codes of the requests of leaves, shape (n, 4) and (n, 5)."""
    count, samples = position.shape[:2]
    numbers = np.zeros((count * samples, 4), np.float32)
    numbers[:, : layout.Q_C + 1] = position.reshape(-1, 3)
    codes = np.zeros((count * samples, 5), np.int32)
    codes[:, layout.R_TYPE] = layout.REQUEST_LEAF
    codes[:, layout.R_KIND] = layout.ANY_KIND
    codes[:, layout.R_FACADE] = -1
    codes[:, layout.R_SAMPLE] = np.tile(np.arange(samples), count)
    return numbers, codes
