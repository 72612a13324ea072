"""Sums over samples and rounds, and how many more a place is given."""

from __future__ import annotations

import numpy as np
import shapely

from heatmat.estimate import (
    LEAP,
    Estimate,
    Sums,
    estimate,
    stopped_error,
    sums,
    upper_bound,
)
from heatmat.sampling_plan import REPLICATES, plan_squares, replicate
from heatmat.solver import Requests, Solver
from tests.physics_case import boxes, local, make_case_of, make_series


def street() -> tuple[Solver, Requests]:
    """A yard between two houses, and three points in it, one of them under a house."""
    city = boxes([shapely.box(0, 0, 12, 10), shapely.box(18, 0, 30, 10)], [9.0, 14.0])
    case = make_case_of(city, make_series(dni=700.0, dhi=100.0, sky=320.0))
    xy = local(case, [15.0, 13.0, 6.0], [5.0, 2.0, 5.0])
    keys = np.arange(3, dtype=np.uint32)
    places = plan_squares(xy[:, 0], xy[:, 1], np.zeros(3), np.zeros(3, int), keys)
    return Solver(case, "cpu"), places


def test_standard_error_is_that_of_the_replicates_mean(rng: np.random.Generator) -> None:
    values = rng.normal(300.0, 2.0, (2, REPLICATES, 5, 1))
    found = Sums(4.0 * values, np.full((2, REPLICATES), 4), np.full(2, 8), {}).estimate()
    expected = values[..., 0].std(axis=1, ddof=1) / np.sqrt(REPLICATES)
    np.testing.assert_allclose(found.error, expected)
    np.testing.assert_allclose(found.mean, values.mean(axis=1))


def test_rounds_add_up_to_one() -> None:
    """Two rounds that go on along their sequences are the same as one that takes all samples."""
    solver, places = street()
    whole = sums(solver.solve(replicate(places, 4), 4, full=True), 3, 4, 4).estimate()
    parts = sums(solver.solve(replicate(places, 1), 4, full=True), 3, 1, 4)
    # The second place only later: it keeps its own number of paths.
    rest = sums(solver.solve(replicate(places, 3, first=1), 4, full=True), 3, 3, 4)
    parts.add(np.array([0, 1, 2]), rest)
    added = parts.estimate()
    assert list(whole.valid) == [True, True, False]
    np.testing.assert_allclose(added.mean[:2], whole.mean[:2], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(added.error[:2], whole.error[:2], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(added.starts["sky_view"], whole.starts["sky_view"], rtol=1e-6)
    assert np.array_equal(added.rays, whole.rays)
    assert np.array_equal(added.starts["kind"], whole.starts["kind"])


def test_no_more_paths_than_allowed_and_no_fewer_than_needed() -> None:
    solver, places = street()
    most = 1024
    everything = estimate(solver, places, target_error=0.0, max_rays=most)
    assert list(everything.rays[:2]) == [most, most]
    assert everything.rays[2] < most  # nothing there: not asked again
    enough = estimate(solver, places, target_error=0.15, max_rays=1 << 16)
    spread = enough.replicates[:2].std(axis=1, ddof=1) / np.sqrt(REPLICATES)
    level = upper_bound(enough.replicates[:2]) * np.sqrt((spread**2).mean(axis=1))
    assert (level <= 0.15).all()
    assert (enough.rays[:2] <= LEAP * most).all()
    assert (enough.rays % REPLICATES == 0).all()


def test_nine_bounds_in_ten_hold(rng: np.random.Generator) -> None:
    """Of errors whose hours are one, or a few, or all apart; one hour has the chi-square's own."""
    groups = 20_000
    one = rng.normal(size=(groups, REPLICATES, 1))
    few = rng.normal(size=(groups, REPLICATES, 3)) * [1.0, 0.7, 0.4]
    for hours in (one, np.repeat(one, 6, axis=2), few, few[..., [0, 0, 1, 1, 2, 0]]):
        true = np.sqrt((hours**2).mean() / REPLICATES)
        spread = np.sqrt(hours.var(axis=1, ddof=1).mean(axis=1) / REPLICATES)
        held = (upper_bound(hours) * spread >= true).mean()
        # Two standard errors of the share below; half of what hours tell is not counted.
        assert 0.896 < held < 0.96, held
    # sqrt(7 / 2.833), from tables
    np.testing.assert_allclose(upper_bound(one[:5]), 1.572, atol=2e-3)
    assert upper_bound(few).mean() < 1.5


def test_all_rays_are_spent_where_replicates_agree() -> None:
    """On a roof that sees nothing but sky every replicate is the same: no reason to stop early."""
    city = boxes([shapely.box(0, 0, 12, 10), shapely.box(18, 0, 30, 10)], [14.0, 9.0])
    case = make_case_of(city, make_series(dni=700.0, dhi=100.0, sky=320.0))
    xy = local(case, [6.0], [5.0])
    places = plan_squares(*xy.T, np.zeros(1), np.zeros(1, int) + 1, np.zeros(1, np.uint32))
    found = estimate(Solver(case, "cpu"), places, target_error=0.0, max_rays=512)
    assert found.valid.all() and not found.error.any()
    assert found.rays[0] == 512


def test_errors_of_places_that_stopped_early_are_not_too_small(rng: np.random.Generator) -> None:
    """Places alike, each sampled until its bound is under the target: told errors and the truth."""
    count, hours, target = 4000, 24, 0.1
    # An hour has much in common with the others, as temperatures of a day have.
    mix = 0.6 * np.ones((hours, hours)) / np.sqrt(hours) + 0.4 * np.eye(hours)
    scale = 0.2 / np.sqrt((mix @ mix.T).trace() / hours)  # a replicate of the first round [K]
    off, told, raw = (np.empty((count, hours)) for _ in range(3))
    total = np.zeros((count, REPLICATES, hours))
    # Rounds double what there is.
    going, number = np.arange(count), 0
    while going.size:
        new = max(1, number)
        total[going] += (
            scale * np.sqrt(new) * rng.normal(size=(going.size, REPLICATES, hours)) @ mix
        )
        number += new
        replicates = total[going] / number
        error = replicates.std(axis=1, ddof=1) / np.sqrt(REPLICATES)
        found = Estimate(replicates.mean(axis=1)[..., None], error, going, going, {}, replicates)
        level = upper_bound(replicates) * np.sqrt((error**2).mean(axis=1))
        done = level <= target
        off[going[done]], raw[going[done]] = found.mean[done, :, 0], error[done]
        told[going[done]] = stopped_error(found, target).error[done]
        going = going[~done]
    spread = np.sqrt((off**2).mean())
    # Of a place that ran out of rays above its target the replicates alone tell.
    assert np.array_equal(stopped_error(found, float(level.min()) / 2.0).error, found.error)
    # What the replicates say alone falls short by a tenth and more: the check can fail.
    assert np.sqrt((raw**2).mean()) / spread < 0.92
    # The 15 % that errors of queries with a given number of rays are held to.
    assert 0.85 < np.sqrt((told**2).mean()) / spread < 1.15
