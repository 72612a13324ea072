"""Whole solver on small cities: balance, chunks of time, periodic starts, held surfaces."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import shapely

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.construction import Construction
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.physics import PhysicsOptions
from heatmat.solver import Solver
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

OMEGA = 2.0 * np.pi / DAY


def warmth(time: np.ndarray) -> np.ndarray:
    """Air temperature at seconds since the start [K]."""
    drift = 3.0 * np.sin(OMEGA * time / 9.0)
    return BASE_TEMPERATURE + 10.0 - 6.0 * np.cos(OMEGA * (time - 7200.0)) + drift


def hot(days: int, **more):  # noqa: ANN003, ANN201
    """Hot dry days whose warmth drifts from day to day."""
    return make_series(
        days=days,
        air=warmth,
        sky=340.0, dni=750.0, dhi=130.0, wind=2.5, indoor=BASE_TEMPERATURE + 7.0,
        deep=BASE_TEMPERATURE - 3.0, **more,
    )  # fmt: skip


@functools.cache
def courtyard() -> Case:
    """A court, a neighbour across a street, and grass: walls of brick and glass."""
    court = shapely.box(0, 0, 30, 26).difference(shapely.box(9, 8, 21, 19))
    city = boxes(
        [court, shapely.box(42, -5, 55, 30)],
        [15.0, 11.0],
        ground=[(shapely.box(31, -20, 38, 50), "grass")],
    )
    names = ("glass_curtain_wall", "solid_brick_wall")
    case = make_case_of(city, hot(2), physics=PhysicsOptions(), facade=names[1], more=names)
    mixed = tuple((name, 0.5) for name in names)
    compositions = [mixed if entry == ((names[1], 1.0),) else entry for entry in case.compositions]
    return dataclasses.replace(case, compositions=compositions)


SPOTS = np.array([[15.0, 13.0], [35.0, 10.0], [40.5, 10.0], [4.0, 4.0], [48.0, 10.0]])


def requests_of(case: Case, replicates: int):  # noqa: ANN201
    """Courtyard, grass, street, two roofs; and the middle of every long wall."""
    ab = case.maps.facade_ab.astype(float)
    length = np.hypot(*(ab[:, 2:] - ab[:, :2]).T)
    facades = np.flatnonzero(length > 10.0)
    middle = 0.5 * length[facades]
    stretch = np.column_stack([middle, middle, 0 * middle + 4.0, 0 * middle + 4.0])
    return (
        plan_requests(local(case, *SPOTS.T), replicates),
        wall_requests(facades, stretch, replicates),
    )


def test_five_fluxes_balance_everywhere() -> None:
    """Wet, glazed, sunlit and shaded: every step's fluxes sum to zero."""
    case = courtyard()
    for requests in requests_of(case, 8):
        mean, _ = solve(case, requests, full=True)
        fluxes = mean[..., layout.Y_SHORTWAVE : layout.Y_CONDUCTION + 1]
        assert np.abs(fluxes.sum(axis=-1)).max() < 0.05  # 0.5 W/m2 is asked for
        if requests.codes[0, layout.R_TYPE] == layout.REQUEST_PLAN:
            latent = mean[..., layout.Y_LATENT]
            assert latent[1].min() < -50.0  # the grass
            assert np.abs(np.delete(latent, 1, axis=0)).max() == 0.0
        assert mean[..., layout.Y_SHORTWAVE].max() > 300.0


def test_the_first_day_is_periodic_for_whole_paths() -> None:
    """Twenty-five times the same day: the last is like the first, to 10 mK."""
    series = hot(25)
    day = series.air_temperature[:145]
    again = np.concatenate([np.tile(day[:-1], 25), day[:1]])
    case = dataclasses.replace(
        courtyard(), forcing=dataclasses.replace(series, air_temperature=again)
    )
    for requests in requests_of(case, 8):
        mean, _ = solve(case, requests, 4)
        moved = np.abs(mean[:, :144, 0] - mean[:, -144:, 0])
        assert moved.max() < 0.010


def test_thirty_days_in_one_chunk_and_in_seven() -> None:
    case = dataclasses.replace(courtyard(), forcing=hot(30))
    one_day = np.arange(29 * 144 + 6, 30 * 144 + 1, 6)
    last_days = np.concatenate([np.arange(150, 30 * 144, 97), one_day])
    for requests in requests_of(case, 2):
        values = [
            solve(case, requests, 4, 2, chunk_steps=steps, stamps=np.unique(last_days))[0]
            for steps in (30 * 144, 5 * 144)
        ]
        assert np.ptp(values[0][..., 0]) > 30.0
        assert np.abs(values[0] - values[1])[..., 0].max() < 1e-3


def test_rooms_warm_walls_and_the_deep_ground_streets() -> None:
    """The inner side alone: constructions by their kind, at two steady temperatures."""
    case = courtyard()  # rooms 7 K above the base temperature, deep ground 3 K below it
    kinds = case.constructions.kinds
    assert set(kinds) == {"wall", "roof", "ground"}
    for i, kind in enumerate(kinds):
        # Each between its own inside and the base temperature, at which the outside is held.
        inside = -3.0 if kind == "ground" else 7.0
        share = case.free_series(i, 0) / inside
        assert 0.0 < share.min() and share.max() < 1.0, case.constructions.names[i]


def test_held_surfaces() -> None:
    """At air temperature or at a number, as starts and as what others see."""
    known = library()
    known["at_air"] = Construction(
        "at_air", "ground", (), albedo=0.2, emissivity=1.0, temperature="air"
    )
    known["cold"] = Construction(
        "cold", "wall", (), albedo=0.2, emissivity=1.0, temperature=BASE_TEMPERATURE - 5.0
    )
    city = boxes([shapely.box(0, 0, 30, 26), shapely.box(42, -5, 55, 30)], [15.0, 11.0])
    case = make_case_of(
        city, hot(2), physics=PhysicsOptions(), facade="cold", ground="at_air", constructions=known
    )
    air = case.forcing.air_temperature[145:]
    ground = plan_requests(local(case, [36.0], [10.0]))
    mean, error = solve(case, ground, full=True)
    np.testing.assert_allclose(mean[0, :, 0], air, atol=1e-3)
    fluxes = mean[..., layout.Y_SHORTWAVE : layout.Y_CONDUCTION + 1]
    assert np.abs(fluxes.sum(axis=-1)).max() < 0.05
    assert np.abs(mean[0, :, layout.Y_CONVECTION]).max() == 0.0
    wall, _ = solve(case, requests_of(case, 8)[1], full=True)
    np.testing.assert_allclose(wall[..., 0], BASE_TEMPERATURE - 5.0, atol=1e-3)


def test_results_follow_from_keys_alone() -> None:
    """A start's numbers do not depend on the batch it is in, nor on a second run."""
    case = courtyard()
    plan, _ = requests_of(case, 8)
    solver = Solver(case, "cpu")
    whole = solver.solve(plan, 8).values
    part = solver.solve(plan.part(slice(16, 24)), 8).values
    np.testing.assert_array_equal(whole[16:24], part)
    again = Solver(case, "cpu").solve(plan, 8).values
    np.testing.assert_array_equal(whole, again)


def test_standard_errors_are_honest() -> None:
    """Reported errors against the spread of 64 independent runs, in the courtyard and the street.

    That ratio is itself known to 1 / sqrt(2 x 63), 9 %, at an hour: 0.2 is two of them.
    """
    case = courtyard()
    spots = local(case, *SPOTS[[0, 2]].T)
    runs = np.repeat(spots, 64, axis=0)
    requests = plan_requests(runs, 8, seed=7)
    mean, error = solve(case, requests, 4)
    mean, error = (v[:, ::12, 0].reshape(2, 64, -1) for v in (mean, error))
    spread = mean.std(axis=1, ddof=1)
    reported = np.sqrt((error**2).mean(axis=1))
    ratio = np.sqrt((reported**2).mean(axis=1) / (spread**2).mean(axis=1))
    assert np.abs(ratio - 1.0).max() < 0.2, ratio
