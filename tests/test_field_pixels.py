"""Pixels cut into parts: cells that no edge comes near are not looked at point by point."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.field_pixels import parts_of_cells
from heatmat.kernels import texels
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ensure_device, ti
from tests.validation.test_city_day import courtyard


@pytest.mark.parametrize("size", [0.7, 3.0])
def test_parts_are_those_of_all_points(size: float) -> None:
    """Shares of regions by cell, from a rectangle that reaches beyond the maps, point by point."""
    ensure_device("cpu")
    case = courtyard()
    maps, side = case.maps, 8
    field = RayField(case)
    nx, ny = (int(np.ceil(n * maps.resolution / size)) + 3 for n in (maps.nx, maps.ny))
    west, south = maps.west - 1.3, maps.south - 0.9
    parts = parts_of_cells(field, west, south, size, nx, ny, 4, side=side)
    found = ti.ndarray(dtype=ti.i32, shape=(nx * ny, side * side))
    texels.regions_in_cells(
        found,
        to_device(np.arange(nx * ny)),
        side,
        ti.Vector([west, south, size, size], ti.f32),
        ti.Vector([nx, ny, 0, 0], ti.i32),
        *field.geometry[:4],
        field.grid_f,
        field.grid_i,
    )
    regions = found.to_numpy()
    number = regions.max() + 1
    key = np.arange(nx * ny)[:, None] * number + regions
    keys, counts = np.unique(key, return_counts=True)
    assert number >= 3
    assert np.array_equal(parts.cell * number + parts.region, keys)
    assert np.allclose(parts.share, counts / side**2)
