"""Looking up maps at points, for drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.output.raster import transform_of
from heatmat.output.zbuffer import Sample

if TYPE_CHECKING:
    import xarray as xr


def fill_gaps(values: np.ndarray, cells: int = 6) -> np.ndarray:
    """Grow finite values into not-a-number cells, a ring of neighbours' means at a time."""
    out = values.astype(np.float32, copy=True)
    for _ in range(cells):
        empty = ~np.isfinite(out)
        if not empty.any():
            break
        padded = np.pad(out, 1, constant_values=np.nan)
        around = np.stack(
            [
                padded[1 + i : 1 + i + out.shape[0], 1 + j : 1 + j + out.shape[1]]
                for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
            ]
        )
        known = np.isfinite(around)
        total = np.where(known, around, 0.0).sum(axis=0)
        count = known.sum(axis=0)
        grow = empty & (count > 0)
        out[grow] = total[grow] / count[grow]
    return out


def raster_sampler(values: np.ndarray, maps: xr.Dataset, origin: np.ndarray) -> Sample:
    """Bilinear look-up of a map [y, x] at points relative to ``origin`` in the CRS."""
    filled = fill_gaps(values)
    transform = transform_of(maps)
    left, top = transform.c - float(origin[0]), transform.f - float(origin[1])
    rows, columns = filled.shape

    def sample(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        column = np.clip((x - left) / transform.a - 0.5, 0.0, columns - 1.001)
        row = np.clip((y - top) / transform.e - 0.5, 0.0, rows - 1.001)
        i, j = row.astype(np.intp), column.astype(np.intp)
        a, b = (row - i).astype(np.float32), (column - j).astype(np.float32)
        i1, j1 = np.minimum(i + 1, rows - 1), np.minimum(j + 1, columns - 1)
        upper = (1.0 - b) * filled[i, j] + b * filled[i, j1]
        lower = (1.0 - b) * filled[i1, j] + b * filled[i1, j1]
        mixed = (1.0 - a) * upper + a * lower
        return np.where(np.isfinite(mixed), mixed, filled[i, j])

    return sample
