"""Radiation between surfaces: the furnace, canyons of known view factors, light of all bounces."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.case import BASE_TEMPERATURE
from heatmat.kernels import layout
from heatmat.physics import PhysicsOptions
from heatmat.solver import Requests, Solver
from heatmat.units import STEFAN_BOLTZMANN
from heatmat.validation.street_day import HEIGHT as CANYON_HEIGHT
from heatmat.validation.street_day import WIDTH as CANYON_WIDTH
from heatmat.validation.street_light import floor_view, radiosity, wall_view
from tests.conftest import SEED
from tests.map_city import messy_city
from tests.physics_case import (
    boxes,
    local,
    make_case_of,
    make_series,
    plan_requests,
    solve,
    wall_requests,
)

HELD = {"layers": (), "pitched": False}


@pytest.mark.parametrize("departure", [0.0, 25.0])
@pytest.mark.parametrize("convection", ["tarp", "mowitt"])
def test_furnace(departure: float, convection: str) -> None:
    """Sky, air, rooms and ground at one temperature: so is everything, at any albedo and shape."""
    t = BASE_TEMPERATURE + departure
    series = make_series(air=t, indoor=t, deep=t, wind=3.0)
    city = messy_city(np.random.default_rng(SEED), size=90.0, number=35)
    case = make_case_of(
        city, series, physics=PhysicsOptions(convection=convection), changes={"emissivity": 0.9}
    )
    length = np.hypot(*(case.maps.facade_ab[:, 2:] - case.maps.facade_ab[:, :2]).T)
    longest = np.argsort(length)[-12:]
    high = case.maps.facade_z[longest]
    stretches = np.column_stack([0 * length[longest], length[longest], high])
    rng = np.random.default_rng(SEED)
    for requests in (
        plan_requests(rng.uniform(-45.0, 45.0, (40, 2))),
        wall_requests(longest, stretches),
    ):
        starts = Solver(case, "cpu").solve(requests, 8, full=True)
        values = starts.values[starts.valid].astype(float)
        assert len(values) > 0.8 * len(requests)
        off = values[..., layout.Y_TEMPERATURE] - t
        assert np.abs(off).max() < 0.002  # the figure asked for
        # Spread of single scrambles is above their standard error.
        assert off.std(axis=0).max() < 1e-4
        fluxes = values[..., layout.Y_SHORTWAVE : layout.Y_CONDUCTION + 1]
        assert np.abs(fluxes).max() < 0.02


def canyon(angle: float = 0.0) -> tuple:
    """Two blocks 4 km long, whose street runs south to north, turned by `angle` degrees."""
    half = 0.5 * CANYON_WIDTH
    sides = [shapely.box(-half - 30, -2000, -half, 2000), shapely.box(half, -2000, half + 30, 2000)]
    return [affinity.rotate(side, -angle, origin=(0, 0)) for side in sides], [CANYON_HEIGHT] * 2


def canyon_case(angle: float, **options):  # noqa: ANN003, ANN201
    polygons, heights = canyon(angle)
    city = boxes(polygons, heights, extent=(-60, -60, 60, 60), margin=2100.0)
    return make_case_of(city, make_series(), resolution=8.0, **options)


@pytest.mark.parametrize("angle", [0.0, 27.0])
def test_sky_view_factors_of_an_infinite_canyon(angle: float) -> None:
    case = canyon_case(angle)
    solver = Solver(case, "cpu")
    turn = np.radians(angle)
    across, along = np.array([np.cos(turn), -np.sin(turn)]), np.array([np.sin(turn), np.cos(turn)])
    spots = np.array([0.0, 3.0, -6.0, 7.9])
    where = spots[:, None] * across + np.array([0.0, 7.0, -11.0, 3.0])[:, None] * along
    views, valid = solver.sky_view(apart(plan_requests(local(case, *where.T), 16)), 1024)
    assert valid.all()
    check(views.reshape(-1, 16), np.array([floor_view(x) for x in spots]))
    # The wall of the western block that looks into the street.
    ab = case.maps.facade_ab.astype(float)
    normal = np.column_stack([ab[:, 3] - ab[:, 1], ab[:, 0] - ab[:, 2]])
    length = np.hypot(*normal.T)
    looks = normal @ across / length
    inward = np.flatnonzero((looks > 0.999) & (length > 3000))
    # Of the two blocks' walls that look across, the street's is the western one.
    centre = (0.5 * (ab[inward, :2] + ab[inward, 2:]) - local(case, 0.0, 0.0)) @ across
    facade = inward[np.argmin(centre)]
    heights = np.array([0.5, 4.0, 8.0, 11.5])
    middle = np.full(4, 0.5 * length[facade])
    stretch = np.column_stack([middle, middle, heights, heights])
    views, valid = solver.sky_view(apart(wall_requests([facade] * 4, stretch, 16)), 1024)
    assert valid.all()
    check(views.reshape(-1, 16), np.array([wall_view(z) for z in heights]))


def apart(requests: Requests) -> Requests:
    """Every row its own stream: sky views are taken without replicates."""
    return dataclasses.replace(requests, keys=np.arange(len(requests), dtype=np.uint32))


def check(views: np.ndarray, exact: np.ndarray) -> None:
    """Within four standard errors, which are under 0.002 (16 nets of 1,024 rays)."""
    error = views.std(axis=1, ddof=1) / np.sqrt(views.shape[1])
    assert error.max() < 2e-3
    # 1 cm of start offset and ends 2 km away: 1e-4 each.
    assert (np.abs(views.mean(axis=1) - exact) < 4 * error + 5e-4).all()


def test_longwave_of_a_canyon_with_held_surfaces() -> None:
    """Walls and ground held hot, black: the floor receives its view factors' share, exactly."""
    hot = BASE_TEMPERATURE + 30.0
    case = canyon_case(
        0.0,
        changes={**HELD, "temperature": hot, "emissivity": 1.0},
    )
    case = dataclasses.replace(case, forcing=make_series(sky=300.0))
    spots = np.array([0.0, 5.0])
    mean, error = solve(case, plan_requests(local(case, spots, [0.0, 9.0])), 16, full=True)
    received = mean[:, -1, layout.Y_INCIDENT_LONG]
    view = np.array([floor_view(x) for x in spots])
    exact = view * 300.0 + (1.0 - view) * STEFAN_BOLTZMANN * hot**4
    assert (np.abs(received - exact) < 4 * error[:, -1, layout.Y_INCIDENT_LONG] + 0.05).all()
    assert error[:, -1, layout.Y_INCIDENT_LONG].max() < 2.0
    assert mean[:, -1, layout.Y_TEMPERATURE] == pytest.approx(hot, abs=1e-3)


def test_longwave_between_surfaces_keeps_time() -> None:
    """Walls held at an air temperature that swings: what the floor receives swings with it."""
    case = canyon_case(0.0, changes={**HELD, "temperature": "air", "emissivity": 1.0})
    mean_sky = STEFAN_BOLTZMANN * BASE_TEMPERATURE**4
    omega = 2.0 * np.pi / 86400.0

    def air(time: np.ndarray) -> np.ndarray:
        return BASE_TEMPERATURE + 8.0 * np.sin(omega * time)

    case = dataclasses.replace(case, forcing=make_series(air=air, sky=mean_sky))
    mean, error = solve(case, plan_requests(local(case, [0.0], [9.0])), 16, full=True)
    middle = 600.0 * (np.arange(144) + 0.5)
    view = floor_view(0.0)
    exact = view * mean_sky + (1.0 - view) * STEFAN_BOLTZMANN * air(middle) ** 4
    off = mean[0, :, layout.Y_INCIDENT_LONG] - exact
    swing = np.ptp(exact)
    # An hour late would be a sixth of the swing. What surfaces send is known by the hour: its means
    # by the ends of the hours leave omega^2 h^2 / 12 of an amplitude, 0.6 %.
    assert swing > 30.0
    assert error[0, :, layout.Y_INCIDENT_LONG].max() < 0.01 * swing
    # Nothing is known of the hour after the last: its own course is guessed.
    allowed = np.where(np.arange(144) < 138, 0.01, 0.03) * swing
    assert (np.abs(off) < 4.5 * error[0, :, layout.Y_INCIDENT_LONG] + allowed).all()


def test_light_of_all_bounces_in_a_canyon() -> None:
    """Diffuse sky on white walls: the floor's light by radiosity of 3 x 200 strips."""
    albedo, n = 0.7, 200
    case = canyon_case(0.0, changes={"albedo": albedo, "solar_transmittance": 0.0})
    case = dataclasses.replace(case, forcing=make_series(dhi=200.0))
    spots = np.array([0.0, 6.0])
    mean, error = solve(case, plan_requests(local(case, spots, [0.0, 9.0]), 16), 64, 16, full=True)
    x = (np.arange(n) + 0.5) / n
    direct = np.concatenate(
        [
            [floor_view((u - 0.5) * CANYON_WIDTH) for u in x],
            np.tile([wall_view(u * CANYON_HEIGHT) for u in x], 2),
        ]
    )
    bounced = radiosity(n, albedo, albedo * direct)
    strip = ((spots / CANYON_WIDTH + 0.5) * n).astype(int)
    exact = (direct[:n] + bounced[:n])[strip]
    noon = slice(60, 84)
    sky = case.forcing.diffuse_isotropic[144:][noon]
    share = mean[:, noon, layout.Y_INCIDENT_SHORT] / sky
    spread = error[:, noon, layout.Y_INCIDENT_SHORT] / sky
    assert spread.max() < 0.01
    # Paths end after six bounces at the latest: 0.7^6 of what goes on without leaving, 2e-3.
    assert (np.abs(share - exact[:, None]) < 4 * spread + 3e-3).all()
