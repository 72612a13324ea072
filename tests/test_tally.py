"""Sums by unit and replicate: what means weigh by, and how many positions an error takes."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.sampling_plan import REPLICATES
from heatmat.tally import LEAP, LEAST, Tally

AREA = np.array([900.0, 100.0])
LEVEL, SPREAD = np.array([2.0, -6.0]), np.array([0.5, 4.0])
GROUPS = ["all", "large", "small"]
MEMBER = np.array([[True, True], [True, False], [False, True]])


def filled(each: tuple[int, int], seed: int = 1, times: int = 3) -> Tally:
    """Two units of normal effects, so many positions in each replicate of each."""
    rng = np.random.default_rng(seed)
    tally = Tally(GROUPS, MEMBER, 1, times)
    tally.add_area(np.repeat(AREA[:, None], REPLICATES, axis=1), 1000)
    unit = np.repeat([0, 1], REPLICATES * np.array(each))
    replicate = np.concatenate([np.tile(np.arange(REPLICATES), n) for n in each])
    # The same at all times: the spread of one is then that of their root mean square.
    effect = LEVEL[unit] + SPREAD[unit] * rng.standard_normal(unit.size)
    values = np.repeat(effect[:, None], times, axis=1)
    whole = np.broadcast_to(values, (1, 2, *values.shape))
    tally.add(unit, replicate, np.ones(unit.size), values, whole, np.array([0]))
    return tally


def test_units_weigh_by_area_however_many_positions_they_have() -> None:
    few = filled((64, 2048))
    mean = few.derivatives()[0, 0].mean(axis=(1, 2))
    # Five standard errors of the mean of all
    share = AREA / AREA.sum()
    error = np.sqrt(((share * SPREAD) ** 2 / (REPLICATES * np.array([64, 2048]))).sum())
    assert mean[0] == pytest.approx((share * LEVEL).sum(), abs=5.0 * error)
    assert few.areas() == pytest.approx([1000.0, 900.0, 100.0])
    assert few.temperatures().shape == (3, REPLICATES, 3)


def test_as_many_positions_as_wanted_reach_the_tolerance_and_no_more() -> None:
    """Neyman's allocation, worked by hand; errors from eight replicates are known to a quarter."""
    tolerance = 0.01
    seeds = range(40)
    wanted = np.median([filled((120, 200), s).wanted(tolerance)[0] for s in seeds], axis=0)
    share = AREA / AREA.sum()
    weighed = share * SPREAD
    by_all = weighed * weighed.sum() / (tolerance * (share * LEVEL).sum()) ** 2
    by_itself = (SPREAD / (tolerance * LEVEL)) ** 2
    assert wanted == pytest.approx(np.maximum(by_all, by_itself), rel=0.35)
    each = np.ceil(np.maximum(by_all, by_itself) / REPLICATES).astype(int)
    relative = [filled(tuple(each), seed).accuracy().relative[0] for seed in seeds]
    level = np.sqrt((np.array(relative) ** 2).mean(axis=0))
    # Forty times seven degrees of freedom: 6 % of a standard deviation, three of them.
    assert level.max() == pytest.approx(tolerance, rel=0.2)


def test_rounds_grow_by_a_few_times_only_and_by_no_less_than_half() -> None:
    tally = filled((4, 4))
    have = tally.count[1].sum(axis=1)
    assert np.all(tally.wanted(1e-4)[0] == LEAP * have)
    just = 0.999 * tally.accuracy().relative[0].max()
    assert (tally.wanted(just)[0] / have).max() == LEAST


def test_negligible_effects_are_not_wanted() -> None:
    """An effect of a thousandth on one group is let be, whatever its error."""
    tally = filled((64, 64))
    tally.derivative[:, :, 1] *= 1e-3
    accuracy = tally.accuracy()
    assert accuracy.matters.tolist() == [[True, True, False]]
    assert accuracy.relative[0, 2] > 0.01
    assert not accuracy.short(0.01)[0, 2]


def test_properties_left_out_of_a_round_keep_what_they_have() -> None:
    tally = filled((64, 64))
    before = tally.derivatives()
    nothing = np.zeros((0, 2, 1, 3))
    tally.add(np.array([0]), np.array([0]), np.ones(1), np.full((1, 3), 9.0), nothing,
              np.zeros(0, int))  # fmt: skip
    assert np.array_equal(tally.derivatives(), before)
    assert tally.count[:, 0, 0].tolist() == [65, 64]
