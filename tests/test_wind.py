"""Wind profiles: limits, continuity, published points."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.errors import InputError
from heatmat.wind import (
    canopy_coefficients,
    canopy_factor,
    macdonald_roughness,
    open_country_factor,
    profile_factor,
)

FORMS = [
    (0.0, 0.0, 0.0),
    (3.0, 0.05, 0.02),
    (8.0, 0.2, 0.1),
    (15.0, 0.4, 0.3),
    (20.0, 0.6, 0.6),
    (30.0, 0.95, 1.2),
    (120.0, 0.5, 0.8),
]


def test_macdonald_against_the_paper():
    # Macdonald et al. (1998), staggered blocks of height H at plan = frontal density 0.2, by hand:
    # 4.43^-0.2 = 0.74263; 1 - d/H = 0.8 * 0.74263 = 0.59410, d/H = 0.4059
    # 0.5 * 1.2 / 0.16 * 0.59410 * 0.2 = 0.44558; ^-0.5 = 1.49809; exp(-1.49809) = 0.22356
    # z0/H = 0.59410 * 0.22356 = 0.13282
    displacement, roughness = macdonald_roughness(10.0, 0.2, 0.2)
    assert displacement == pytest.approx(4.059, abs=1e-3)
    assert roughness == pytest.approx(1.3282, abs=1e-3)


@pytest.mark.parametrize("form", FORMS)
def test_profile_rises_with_height_and_is_continuous(form):
    z = np.linspace(0.0, 250.0, 50001)
    factor = profile_factor("canopy", z, *form)
    assert np.all(np.isfinite(factor)) and np.all(factor > 0.0)
    assert np.all(np.diff(factor) >= -1e-12)
    # steps of 5 mm: the steepest slope anywhere is under 2 per metre
    assert np.max(np.diff(factor)) < 0.01


@pytest.mark.parametrize("form", FORMS)
def test_city_never_speeds_the_wind_up_and_hands_over_aloft(form):
    z = np.linspace(0.0, 200.0, 401)
    assert np.all(profile_factor("canopy", z, *form) <= open_country_factor(z) + 1e-12)
    if form[0] <= 100.0:
        top = profile_factor("canopy", 200.0, *form)
        assert top == pytest.approx(float(open_country_factor(200.0)), rel=1e-12)


def test_no_buildings_is_open_country():
    z = np.array([0.0, 0.5, 2.0, 10.0, 50.0])
    assert profile_factor("canopy", z) == pytest.approx(open_country_factor(z), rel=1e-12)
    assert profile_factor("canopy", 10.0) == pytest.approx(1.0, rel=1e-12)
    # ever fewer buildings tend to it: a plan density of 1e-6 moves 2 m wind by under 1 %
    sparse = profile_factor("canopy", 2.0, 6.0, 1e-6, 1e-6)
    assert sparse == pytest.approx(float(open_country_factor(2.0)), rel=0.01)


def test_dense_city_shelters_the_street():
    street = profile_factor("canopy", 2.0, 18.0, 0.45, 0.35)
    roof = profile_factor("canopy", 18.0, 18.0, 0.45, 0.35)
    assert 0.01 < street < 0.2 < roof < 0.8
    # within the canopy the ratio is Macdonald's (2000) exponential
    assert street / roof == pytest.approx(np.exp(-9.6 * 0.35 * (1.0 - 2.0 / 18.0)), rel=1e-12)


def test_coefficients_broadcast_over_a_raster(rng):
    height, plan, frontal = rng.uniform(0, 30, (3, 4)), rng.random((3, 4)), rng.random((3, 4))
    coefficients = canopy_coefficients(height, plan, frontal)
    assert coefficients.shape == (3, 4, 6)
    whole = canopy_factor(coefficients, 7.0)
    one = profile_factor("canopy", 7.0, height[1, 2], plan[1, 2], frontal[1, 2])
    assert whole[1, 2] == pytest.approx(float(one), rel=1e-12)


def test_power_law_and_weather_file():
    assert profile_factor("power_law", 40.0, exponent=0.14) == pytest.approx(4.0**0.14)
    assert profile_factor("power_law", 0.0) == 0.0
    assert np.all(profile_factor("weather_file", [0.0, 30.0]) == 1.0)
    with pytest.raises(InputError, match="canopy"):
        profile_factor("canopi", 1.0)
