"""Convection against values worked out by hand from the published equations."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.convection import (
    ROUGHNESS,
    h_conv,
    is_windward,
    kernel_coefficients,
    natural_convection,
    roughness_multiplier,
)
from heatmat.errors import InputError


# Worked by hand, four digits; tolerance: half a unit of the last digit given.
# tarp, wall 8 K warmer, 4 m/s, P/A 0.4, medium rough (1.52), windward:
#   hn = 1.31 * 8^(1/3) = 2.620;  hf = 2.537 * 1.52 * sqrt(0.4 * 4) = 3.85624 * 1.26491 = 4.878
# leeward: half of hf, 2.439
# flat roof 27 K warmer, no wind: 9.482 * 3 / (7.238 - 1) = 4.560
# flat roof 8 K colder, no wind: 1.81 * 2 / (1.382 + 1) = 1.520
# mowitt, windward 3 m/s, 8 K: 0.84 * 2 = 1.68; 3.26 * 3^0.89 = 3.26 * 2.65857 = 8.667;
#   sqrt(1.68^2 + 8.667^2) = 8.828
# mowitt, leeward: 3.55 * 3^0.617 = 3.55 * 1.96966 = 6.992; sqrt(1.68^2 + 6.992^2) = 7.191
# doe-2, windward wall 3 m/s, 8 K, rough (1.67): glass sqrt(2.620^2 + 8.667^2) = 9.054;
#   2.620 + 1.67 (9.054 - 2.620) = 13.365
# linear 4 + 4 v at 2.5 m/s: 14
@pytest.mark.parametrize(
    ("model", "difference", "wind", "options", "expected", "tolerance"),
    [
        ("tarp", 8.0, 4.0, {}, 7.498, 1e-3),
        ("tarp", -8.0, 4.0, {}, 7.498, 1e-3),
        ("tarp", 8.0, 4.0, {"windward": False}, 5.059, 1e-3),
        ("tarp", 27.0, 0.0, {"cos_tilt": 1.0}, 4.560, 5e-4),
        ("tarp", -8.0, 0.0, {"cos_tilt": 1.0}, 1.520, 5e-4),
        ("tarp", -27.0, 0.0, {"cos_tilt": -1.0}, 4.560, 5e-4),
        ("mowitt", 8.0, 3.0, {}, 8.828, 1e-3),
        ("mowitt", 8.0, 3.0, {"windward": False}, 7.191, 1e-3),
        ("doe-2", 8.0, 3.0, {"roughness": "rough"}, 13.365, 2e-3),
        ("linear", 30.0, 2.5, {}, 14.0, 1e-12),
    ],
)
def test_values_by_hand(model, difference, wind, options, expected, tolerance):
    assert h_conv(model, difference, wind, **options) == pytest.approx(expected, abs=tolerance)


def test_natural_part_is_one_curve_through_vertical():
    # published roundings: 9.482/7.238 = 1.31003 and 1.81/1.382 = 1.30970, so 0.03 % apart
    warm = natural_convection([8.0, 8.0], [1e-6, -1e-6])
    assert warm[0] == pytest.approx(warm[1], rel=4e-4)
    assert warm[0] == pytest.approx(1.31 * 2.0, rel=4e-4)


def test_hot_roof_convects_more_than_a_cold_one():
    assert natural_convection(10.0, 1.0) > 2.0 * natural_convection(-10.0, 1.0)


@pytest.mark.parametrize("model", ["tarp", "doe-2", "mowitt", "linear"])
def test_vectorised_equals_pointwise(model, rng):
    difference = rng.uniform(-20, 40, 50)
    wind = rng.uniform(0, 12, 50)
    tilt = rng.uniform(-1, 1, 50)
    side = rng.random(50) < 0.5
    together = h_conv(model, difference, wind, windward=side, cos_tilt=tilt)
    for i in range(50):
        alone = h_conv(model, difference[i], wind[i], windward=side[i], cos_tilt=tilt[i])
        assert alone == together[i]


@pytest.mark.parametrize("model", ["tarp", "doe-2", "mowitt", "linear"])
def test_kernel_numbers_rebuild_the_reference(model, rng):
    """The formulas of ConvectionModel's docstring, written out on their own."""
    c = kernel_coefficients(model, 5.0, 3.0)
    difference, wind = rng.uniform(-20, 40, 200), rng.uniform(0.0, 12, 200)
    tilt, side = rng.uniform(-1, 1, 200), rng.random(200) < 0.5
    rf, edge = rng.choice(list(ROUGHNESS.values()), 200), rng.uniform(0.05, 1.0, 200)
    for i in range(200):
        a, b = (c.a_windward, c.b_windward) if side[i] else (c.a_leeward, c.b_leeward)
        root = abs(difference[i]) ** (1.0 / 3.0)
        if difference[i] * tilt[i] > 0.0:
            hn = c.unstable_a / (c.unstable_b - abs(tilt[i])) * root
        else:
            hn = c.stable_a / (c.stable_b + abs(tilt[i])) * root
        if c.mode == 0:
            h = hn + a * rf[i] * np.sqrt(edge[i] * wind[i])
        elif c.mode == 1:
            h = hn + rf[i] * (np.sqrt(hn**2 + (a * wind[i] ** b) ** 2) - hn)
        elif c.mode == 2:
            h = np.sqrt((c.mowitt_natural * root) ** 2 + (a * wind[i] ** b) ** 2)
        else:
            h = a + b * wind[i]
        reference = h_conv(
            model,
            difference[i],
            wind[i],
            windward=side[i],
            cos_tilt=tilt[i],
            roughness=rf[i],
            perimeter_over_area=edge[i],
            a=5.0,
            b=3.0,
        )
        # the same double arithmetic in another order
        assert h == pytest.approx(float(reference), rel=1e-12)


def test_windward_is_within_ninety_degrees_across_north():
    assert is_windward(350.0, 20.0, 0.0)
    assert is_windward(0.0, 90.0, 0.0)
    assert not is_windward(0.0, 91.0, 0.0)
    assert not is_windward(10.0, 190.0, 0.0)
    assert is_windward(10.0, 190.0, 1.0)


def test_unknown_names_point_to_the_nearest():
    with pytest.raises(InputError, match="tarp"):
        h_conv("tarpp", 1.0, 1.0)
    with pytest.raises(InputError, match="medium_rough"):
        roughness_multiplier("medium rough")
