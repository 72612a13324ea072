"""A block turned with its sun and its wind has the temperatures that it had before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.physics import PhysicsOptions
from tests.physics_case import (
    DAY,
    boxes,
    local,
    make_case_of,
    make_series,
    plan_requests,
    solve,
    wall_requests,
)

COURT = shapely.box(0, 0, 30, 26).difference(shapely.box(9, 8, 21, 19))
HOUSES = [COURT, shapely.box(42, -5, 55, 30), shapely.box(8, 38, 30, 47)]
HEIGHTS = [15.0, 11.0, 8.0]
# Courtyard, street, roof; and wall points by where they are: west, south, east of the court.
SPOTS = np.array([[13.0, 15.0], [36.0, 12.0], [4.0, 4.0]])
WALLS = np.array([[0.0, 13.0], [15.0, 0.0], [30.0, 13.0], [15.0, 8.0]])


def turned(angle: float) -> Case:
    """Everything turned clockwise by `angle` degrees: houses, sun, wind."""
    series = make_series(
        air=lambda t: BASE_TEMPERATURE + 8.0 - 6.0 * np.cos(2 * np.pi * (t - 7200.0) / DAY),
        sky=330.0, dni=750.0, dhi=120.0, wind=3.0, wind_direction=240.0 + angle,
        indoor=BASE_TEMPERATURE + 7.0, deep=BASE_TEMPERATURE - 2.0,
    )  # fmt: skip
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    sun = series.sun_direction
    east, north = c * sun[:, 0] + s * sun[:, 1], c * sun[:, 1] - s * sun[:, 0]
    series = dataclasses.replace(series, sun_direction=np.column_stack([east, north, sun[:, 2]]))
    polygons = [affinity.rotate(house, -angle, origin=(0, 0)) for house in HOUSES]
    city = boxes(polygons, HEIGHTS, extent=(-80, -80, 80, 80), margin=20.0)
    return make_case_of(city, series, physics=PhysicsOptions(wind_profile="power_law"))


def temperatures(angle: float) -> tuple[np.ndarray, np.ndarray]:
    case = turned(angle)
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[c, -s], [s, c]])
    plan = plan_requests(local(case, *(SPOTS @ turn).T), 16)
    places = local(case, *(WALLS @ turn).T)
    ab = case.maps.facade_ab.astype(float)
    along = ab[:, 2:] - ab[:, :2]
    length = np.hypot(*along.T)
    unit = along / length[:, None]
    facades, stretches = [], []
    for place in places:
        offset = place - ab[:, :2]
        s_along = (offset * unit).sum(axis=1)
        away = np.abs(offset[:, 0] * unit[:, 1] - offset[:, 1] * unit[:, 0])
        away = np.where((s_along > 0) & (s_along < length), away, np.inf)
        facade = int(np.argmin(away))
        assert away[facade] < 0.01
        facades.append(facade)
        stretches.append([s_along[facade], s_along[facade], 5.0, 5.0])
    walls = wall_requests(facades, np.array(stretches), 16)
    parts = [solve(case, requests, 64, 16) for requests in (plan, walls)]
    mean, error = (np.concatenate([part[i] for part in parts])[..., 0] for i in range(2))
    return mean, error


@pytest.fixture(scope="module")
def upright() -> tuple[np.ndarray, np.ndarray]:
    return temperatures(0.0)


@pytest.mark.parametrize("angle", [17.0, 30.0, 45.0])
def test_a_turned_block_keeps_its_temperatures(
    upright: tuple[np.ndarray, np.ndarray], angle: float
) -> None:
    mean, error = temperatures(angle)
    sigma = np.hypot(error, upright[1])
    off = mean - upright[0]
    daily = np.abs(off.mean(axis=1))
    # Half a millimetre of snapped vertices moves a shadow by less than a step; where one passes
    # just at the middle of a step, that step's light goes the other way, for an hour at most.
    assert (daily < 4.0 * sigma.mean(axis=1) + 0.02).all(), off.mean(axis=1)
    assert (np.abs(off) < 4.5 * sigma + 0.1).mean() > 0.97, (np.abs(off) - 4.5 * sigma).max()
    assert sigma.mean() < 0.12
