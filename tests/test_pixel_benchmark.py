"""Pixels against paths: which ones, and what the figures are of."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.map_spread import middle_grid
from heatmat.pixel_benchmark import choose_pixels, row, table
from tests.validation.test_city_day import courtyard


def test_figures_are_those_of_the_differences() -> None:
    """99 of 100 hours 0.1 K too warm, one 1 K."""
    away = np.full((10, 10), 0.1)
    away[0, 0] = 1.0
    found = row(4, "all", away)
    assert (found.pixels, found.largest) == (10, 1.0)
    assert found.mean == pytest.approx(0.109)
    assert found.rms == pytest.approx(np.sqrt((99 * 0.01 + 1.0) / 100))
    assert found.p95 == pytest.approx(0.1)
    # The percentile lies between the two largest of a hundred, a hundredth of the way.
    assert found.p99 == pytest.approx(0.109)
    assert "+0.1090" in table([found], 0.014)


def test_a_fifth_of_the_pixels_lies_near_a_corner() -> None:
    case = courtyard()
    grid = middle_grid(case, 20.0)
    column, line, near = choose_pixels(case, 20.0, 40, 0)
    assert near.sum() == 8 and column.size == 40
    assert column.min() >= 0 and line.min() >= 0
    assert column.max() < grid.nx and line.max() < grid.ny
    x, y = grid.west + column + 0.5, grid.north - line - 0.5
    ends = case.maps.facade_ab.reshape(-1, 2)
    apart = np.hypot(x[:, None] - ends[:, 0], y[:, None] - ends[:, 1]).min(axis=1)
    # Points within 1 m, and half the diagonal of a pixel.
    assert apart[near].max() < 1.0 + np.sqrt(0.5)
