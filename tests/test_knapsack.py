"""Sets within a budget against all sets there are."""

from __future__ import annotations

import itertools

import numpy as np

from heatmat.knapsack import best_within


def exhaustive(gain: np.ndarray, cost: np.ndarray, count: int, budget: float) -> float:
    """Most gain of any set."""
    sets = (rows for size in range(1, count + 1) for rows in itertools.combinations(range(6), size))
    fit = (list(rows) for rows in sets if cost[list(rows)].sum() <= budget)
    return max((gain[rows].sum() for rows in fit), default=0.0)


def test_sets_within_a_budget_are_nearly_the_best(rng: np.random.Generator) -> None:
    """The best of all sets but for costs rounded up by a five hundredth of the budget each."""
    best = 0
    for _ in range(200):
        gain, cost = rng.random(6), rng.random(6)
        found = best_within(gain, cost, 3, 1.2, 1.2)
        assert len(found) <= 3 and cost[found].sum() <= 1.2
        most = exhaustive(gain, cost, 3, 1.2)
        best += gain[found].sum() > most - 1e-9
    assert best >= 198


def test_what_warms_or_costs_too_much_is_never_chosen() -> None:
    gain, cost = np.array([-1.0, 5.0, 2.0]), np.array([1.0, 9.0, 1.0])
    assert best_within(gain, cost, 3, 20.0, 4.0) == [2]
    assert best_within(gain, cost, 3, 0.5, 0.5) == []


def test_without_a_limit_the_largest_gains_win() -> None:
    gain, cost = np.array([1.0, 3.0, 2.0]), np.array([1e-3, 5.0, 4.0])
    assert best_within(gain, cost, 2, float("inf"), float("inf")) == [1, 2]
