"""What the spread over seeds makes of given maps, and where its square lies."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.map_spread import middle_grid, row, table
from tests.conftest import SEED
from tests.validation.test_city_day import courtyard


def test_figures_are_those_that_went_in() -> None:
    """Normal departures of 0.1 K: 95 % of them are within 1.96 of that."""
    rng = np.random.default_rng(SEED)
    truth = rng.normal(290.0, 5.0, (500, 10))
    maps = truth + rng.normal(0.0, 0.1, (16, 500, 10))
    found = row("all", maps, np.full(maps.shape, 0.2))
    # 75,000 degrees of freedom: 0.26 % of a spread, four of them and as much for the percentile.
    assert found.spread == pytest.approx(0.1, rel=0.02)
    assert found.away_most == pytest.approx(0.196, rel=0.02)
    # The spread of 16 has 95 % below sqrt(chi2 of 15 / 15) = 1.29.
    assert found.spread_most == pytest.approx(0.129, rel=0.03)
    assert (found.told, found.told_most) == (pytest.approx(0.2), pytest.approx(0.2))
    assert "0.2000" in table({2: [found]})


def test_square_lies_in_the_middle_of_the_window() -> None:
    case = courtyard()
    maps = case.maps
    row0, row1, col0, col1 = maps.window
    grid = middle_grid(case, 20.0, 2.0)
    assert (grid.nx, grid.ny) == (10, 10)
    middle = 0.5 * (col0 + col1) * maps.resolution, maps.ny - 0.5 * (row0 + row1)
    assert grid.west + 10.0 == pytest.approx(maps.west + middle[0])
    assert grid.north - 10.0 == pytest.approx(maps.south + middle[1] * maps.resolution)
    assert middle_grid(case, 1e6).nx == int(min(row1 - row0, col1 - col0) * maps.resolution)
