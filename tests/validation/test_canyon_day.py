"""A hot day in an endless street: paths against strips that exchange everything with everything."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.kernels import layout
from heatmat.physics import PhysicsOptions
from heatmat.validation.street_day import (
    FACING,
    KNOWN,
    SPOTS,
    StreetMarch,
    street_wall,
    weather,
)
from tests.physics_case import boxes, local, make_case_of, plan_requests, solve, wall_requests
from tests.validation.test_enclosures import canyon


@pytest.fixture(scope="module")
def street() -> Case:
    polygons, heights = canyon(0.0)
    city = boxes(polygons, heights, extent=(-60, -60, 60, 60), margin=2100.0)
    return make_case_of(
        city,
        weather(600.0, 2),
        physics=PhysicsOptions(wind_profile="weather_file"),
        resolution=8.0,
        constructions=KNOWN,
        facade="panel",
        ground="road",
    )


def test_a_hot_day_in_the_street(street: Case) -> None:
    exact, light = StreetMarch(street, SPOTS, FACING, 200.0).run(5)
    exact, light = exact[:, 2::3], light.reshape(len(SPOTS), -1, 3).mean(axis=2)
    floor = plan_requests(local(street, SPOTS[:3, 0], [0.0, 15.0, -20.0]), 16)
    facade = street_wall(street)
    stretch = np.column_stack([np.full(3, 2000.0)] * 2 + [SPOTS[3:, 1]] * 2)
    walls = wall_requests([facade] * 3, stretch, 16)
    parts = [solve(street, requests, 64, 16, full=True) for requests in (floor, walls)]
    mean, error = (np.concatenate([part[i] for part in parts]) for i in range(2))
    difference = mean[..., layout.Y_TEMPERATURE] - BASE_TEMPERATURE - exact
    spread = error[..., layout.Y_TEMPERATURE]
    short = mean[..., layout.Y_INCIDENT_SHORT] - light
    assert np.ptp(exact, axis=1).min() > 20.0  # a day that tells
    assert spread.mean() < 0.12
    # With 128 rays and as many replicates the means of the day agree to 0.03 K, at standard errors
    # of 0.02 K. Here: four standard errors, and what 24 strips and their steps leave open.
    daily = spread.mean(axis=1)  # one scramble is off by the same all day: no less for the mean
    assert (np.abs(difference.mean(axis=1)) < 4 * daily + 0.02).all()
    assert (np.abs(difference) < 4.5 * spread + 0.1).all()
    light_error = error[..., layout.Y_INCIDENT_SHORT].mean(axis=1)
    assert (np.abs(short.mean(axis=1)) < 4 * light_error + 0.5).all()


def test_hours_of_later_surfaces_cost_little(street: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rays with later surfaces in steps of ten minutes; hours exchange what curves."""
    stretch = np.column_stack([np.full(3, 2000.0)] * 2 + [SPOTS[3:, 1]] * 2)
    walls = wall_requests([street_wall(street)] * 3, stretch, 16)
    by_hour, _ = solve(street, walls, 64, 16)
    monkeypatch.setattr("heatmat.chunks.steps_per_hour", lambda step: 1)
    by_step, _ = solve(street, walls, 64, 16)
    difference = (by_hour - by_step)[..., layout.Y_TEMPERATURE]
    # 0.029 K along chords, 0.0094 K left: second surfaces are lit by one ray an hour or a step.
    assert np.abs(difference.mean(axis=1)).max() < 0.015
