"""What maps say of their pixels beside temperatures."""

import numpy as np
import pytest
import shapely

from heatmat.map_query import pixel_grid, roof_fraction
from tests.block_city import X, Y, block


@pytest.mark.parametrize("resolution", [3.0, 7.0])
def test_roof_fractions_are_cut_by_the_footprints(resolution: float) -> None:
    """Against polygons: pixels of 3 m are cut, those of 7 m have several cells."""
    x, y = pixel_grid(block(), resolution)
    ring = shapely.box(X - 20, Y - 15, X + 20, Y + 15) - shapely.box(X - 8, Y - 6, X + 8, Y + 6)
    built = ring | shapely.box(X + 34, Y - 6, X + 46, Y + 6)
    half = 0.5 * resolution
    pixels = [[shapely.box(a - half, b - half, a + half, b + half) for a in x] for b in y]
    exact = shapely.area(shapely.intersection(pixels, built)) / resolution**2
    assert ((exact > 0.0) & (exact < 1.0)).any()
    found = roof_fraction(block(), x, y, resolution)
    # Counted on 16 points along a cell's side: half a point's width along either edge.
    np.testing.assert_allclose(found, exact, atol=1.0 / 16.0)


def test_a_pixel_is_its_roof_and_its_ground() -> None:
    found = block().map(resolution=5.0).isel(time=14)
    roof = found["roof_fraction"].values
    assert ((roof > 0.0) & (roof < 1.0)).any()
    parts = np.where(roof > 0.0, roof * found["roof_temperature"], 0.0)
    parts = parts + np.where(roof < 1.0, (1.0 - roof) * found["ground_temperature"], 0.0)
    # Four-byte sums of kelvins.
    np.testing.assert_allclose(found["surface_temperature"], parts, atol=1e-3)
