"""Weighted means from units to places and from parts to pixels, against plain sums."""

import numpy as np

from heatmat.field_map import _mean_of, pixel_runs
from heatmat.kernels.field_march import U_CONSTRUCTION, U_OWN, U_PLACE, U_WHICH, UNIT_INTS
from heatmat.kernels.field_values import average_units
from heatmat.runtime import ensure_device

ensure_device("cpu")
BASE = 290.0
EMISSIVITY = np.array([0.9, 0.5, 0.2], np.float32)


def table(rows: list[tuple[int, int, int]], fill: int) -> np.ndarray:
    """Units of (place, set of rays, construction), and `fill` more that repeat the last."""
    units = np.zeros((len(rows) + fill, UNIT_INTS), np.int32)
    for i, (place, which, construction) in enumerate([*rows, *[rows[-1]] * fill]):
        units[i, U_PLACE], units[i, U_WHICH] = place, which
        units[i, U_CONSTRUCTION], units[i, U_OWN] = construction, int(i < len(rows))
    return units


def test_units_to_places() -> None:
    # Place 1 has its two sets apart, places 0 and 3 both together (2), place 2 has no units.
    rows = [(0, 2, 0), (0, 2, 1), (1, 0, 0), (1, 0, 2), (1, 1, 0), (3, 2, 2)]
    units = table(rows, 3)
    rng = np.random.default_rng(3)
    theta = rng.normal(0.0, 10.0, (len(units), 5)).astype(np.float32)
    weight = rng.uniform(0.2, 3.0, len(units)).astype(np.float32)
    sets = np.full((4, 2, 4), np.nan, np.float32)
    radiometric = np.full((4, 4), np.nan, np.float32)
    average_units(units, weight, EMISSIVITY, theta, BASE, sets, radiometric)
    kelvin = theta[:, :4].astype(float) + BASE
    for place, which, slot in ((0, 2, 0), (1, 0, 0), (1, 1, 1), (3, 2, 0)):
        mine = [i for i, row in enumerate(rows) if row[:2] == (place, which)]
        expected = np.average(kelvin[mine], axis=0, weights=weight[mine])
        np.testing.assert_allclose(sets[place, slot], expected, rtol=1e-6)  # single precision
    assert np.isnan(sets[[0, 2, 2, 3], [1, 0, 1, 1]]).all()
    for place in (0, 1, 3):
        mine = [i for i, row in enumerate(rows) if row[0] == place]
        emits = weight[mine] * EMISSIVITY[[rows[i][2] for i in mine]]
        expected = np.average(kelvin[mine] ** 4, axis=0, weights=emits) ** 0.25
        np.testing.assert_allclose(radiometric[place], expected, rtol=1e-6)
    assert np.isnan(radiometric[2]).all()


def test_parts_to_pixels() -> None:
    pixel = np.array([3, 0, 1, 3, 0, 1])
    weight = np.array([0.25, 1.0, 0.0, 0.75, 0.0, 0.0])
    values = BASE + np.arange(12.0).reshape(6, 2) ** 2
    values[4] = np.nan  # has no weight, and no value
    runs = pixel_runs(pixel, 5)
    mean = _mean_of(values, weight, runs)
    np.testing.assert_allclose(mean[0], values[1], rtol=1e-6)
    np.testing.assert_allclose(mean[3], 0.25 * values[0] + 0.75 * values[3], rtol=1e-6)
    assert np.isnan(mean[[1, 2, 4]]).all()
    fourth = _mean_of(values, weight, runs, 4)
    expected = (0.25 * values[0] ** 4 + 0.75 * values[3] ** 4) ** 0.25
    np.testing.assert_allclose(fourth[3], expected, rtol=1e-6)
    np.testing.assert_allclose(_mean_of(values[:, 0] - BASE, weight, runs)[3], 27.0, rtol=1e-6)
