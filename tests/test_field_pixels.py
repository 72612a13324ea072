"""Pixels cut into parts: cells that no edge comes near are not looked at point by point."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.field_errors import pooled_error
from heatmat.field_map import (
    COARSE,
    FINE,
    LARGE,
    LARGE_RAYS,
    PixelGrid,
    map_effort,
)
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

    def regions_at(side: int) -> np.ndarray:
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
        return np.asarray(found.to_numpy())

    regions = regions_at(side)
    number = regions.max() + 1
    key = np.arange(nx * ny)[:, None] * number + regions
    keys, counts = np.unique(key, return_counts=True)
    assert number >= 3
    assert np.array_equal(parts.cell * number + parts.region, keys)
    assert np.allclose(parts.share, counts / side**2)
    # Areas from more points, of the regions that the lattice knows.
    finer = parts_of_cells(field, west, south, size, nx, ny, 4, side=side, fine=True)
    assert np.array_equal(finer.region, parts.region)
    many = regions_at(64)[parts.cell]
    count = (many == parts.region[:, None]).sum(axis=1)
    true = count / np.bincount(parts.cell, count)[parts.cell]
    cut = parts.share < 1.0
    away, before = ((p.share - true)[cut] for p in (finer, parts))
    # 0.4 % at most angles, and what 64 points along a side leave: 0.45 % where edges follow them
    assert np.sqrt(np.mean(away**2)) < 0.01
    assert np.sqrt(np.mean(away**2)) < 0.5 * np.sqrt(np.mean(before**2))


def test_starts_lie_around_the_middle_of_their_part() -> None:
    """Where light varies evenly over a part, the mean of its starts is that of its area."""
    ensure_device("cpu")
    case = courtyard()
    maps, size = case.maps, 2.3
    field = RayField(case)
    nx, ny = (int(n * maps.resolution / size) for n in (maps.nx, maps.ny))
    parts = parts_of_cells(field, maps.west, maps.south, size, nx, ny, 4)
    inside = np.unpackbits(parts.inside.view(np.uint8), axis=1, bitorder="little").astype(float)
    column, row = np.arange(64) % 8 + 0.5, np.arange(64) // 8 + 0.5
    number = inside.sum(axis=1)
    x = maps.west + (parts.cell % nx + inside @ column / number / 8) * size
    y = maps.south + (parts.cell // nx + inside @ row / number / 8) * size
    away = np.hypot(parts.x.mean(axis=1) - x, parts.y.mean(axis=1) - y)
    whole = number == 64
    assert whole.sum() > 100 and (~whole).sum() > 100
    assert away[whole].max() < 1e-4
    # Parts round a corner move a start back into them, by a step of the lattice; those of fewer
    # points than starts repeat them.
    assert np.median(away[~whole]) < 0.1 * size / 8
    assert away[~whole].max() < size / 8


def test_parts_count_in_errors_by_the_square_of_their_share() -> None:
    """Audited parts of 0.8 and 0.2 of a pixel with errors of 0.1 and 0.5 K, in one class."""
    tile = {
        "surface_temperature": np.full((2, 1), 290.0, np.float32),
        "part_pixel": np.array([0, 0, 1], np.int32),
        "part_square": np.array([0.64, 0.04, 1.0], np.float32),
        "part_class": np.array([3, 3, 1], np.int32),
        "audit_class": np.array([3, 3], np.int32),
        "audit_square": np.array([[0.01], [0.25]]),
        "audit_weight": np.array([0.64, 0.04]),
    }
    both = 0.64 * 0.01 + 0.04 * 0.25
    (error,) = pooled_error([tile], 1)
    # The class keeps the sum of squares; a class without audits takes the mean.
    np.testing.assert_allclose(error[:, 0] ** 2, [both, both / 0.68], rtol=1e-5)


def test_large_maps_send_fewer_rays() -> None:
    small, large = (PixelGrid(0.0, 0.0, 1.0, LARGE // 100, ny) for ny in (100, 101))
    assert map_effort(small) == FINE
    assert map_effort(large).rays == LARGE_RAYS < FINE.rays
    assert map_effort(large, FINE.rays) == FINE
    assert map_effort(PixelGrid(0.0, 0.0, 8.0, LARGE, 2)) == COARSE
