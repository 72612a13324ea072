"""The best few of many within a budget.

SciPy's mixed-integer programming finds the best set exactly, but its solver writes lines of its own
to standard output, and 20,000 buildings take it minutes; here they take a second.
"""

from __future__ import annotations

import numpy as np

LIKELY = 4
"""Buildings looked at for each that is wanted, of those that gain most, and most for their cost."""

PARTS = 500
"""Parts of a budget that costs are rounded to."""


def best_within(
    gain: np.ndarray, cost: np.ndarray, count: int, budget: float, each: float
) -> list[int]:
    """Rows with most gain in all: at most `count`, costing `each` at most and `budget` together.

    The knapsack with a count, by dynamic programming over costs rounded up to a share of the budget
    (Kellerer, Pferschy and Pisinger, Knapsack Problems, Springer 2004,
    doi:10.1007/978-3-540-24777-7, chapter 2), then improved by exchanges with the
    costs as they are.

    Returns
    -------
    list of int
        Most gain first.
    """
    able = np.flatnonzero((gain > 0.0) & (cost <= each))
    by_gain = able[np.argsort(-gain[able], kind="stable")]
    chosen = [int(i) for i in by_gain[:count]]
    if cost[chosen].sum() > budget:
        by_rate = able[np.argsort(-gain[able] / np.maximum(cost[able], 1e-9), kind="stable")]
        rows = np.union1d(by_gain[: LIKELY * count], by_rate[: LIKELY * count])
        chosen = _packed(rows, gain, cost, count, budget)
        chosen = _exchanged(chosen, able, gain, cost, count, budget)
    return sorted(chosen, key=lambda i: -gain[i])


def _packed(
    rows: np.ndarray, gain: np.ndarray, cost: np.ndarray, count: int, budget: float
) -> list[int]:
    """The best set of `rows`, costs rounded up to ``budget / PARTS``."""
    weight = np.ceil(cost[rows] * PARTS / budget).astype(int)
    best = np.zeros((count + 1, PARTS + 1))
    taken = np.zeros((rows.size, count + 1, PARTS + 1), bool)
    for n, i in enumerate(rows):
        w = int(weight[n])
        if w > PARTS:
            continue
        with_it = best[:-1, : PARTS + 1 - w] + gain[i]
        taken[n, 1:, w:] = with_it > best[1:, w:]
        best[1:, w:] = np.maximum(best[1:, w:], with_it)
    chosen, left, room = [], count, PARTS
    for n in range(rows.size - 1, -1, -1):
        if taken[n, left, room]:
            chosen.append(int(rows[n]))
            left, room = left - 1, room - int(weight[n])
    return chosen


def _exchanged(
    chosen: list[int], able: np.ndarray, gain: np.ndarray, cost: np.ndarray, count: int,
    budget: float,
) -> list[int]:  # fmt: skip
    """Additions and exchanges that gain most, while there are any."""
    while True:
        spare = budget - cost[chosen].sum()
        others = np.setdiff1d(able, chosen)
        moves = [(gain[j] - gain[i], i, j) for i in chosen for j in others
                 if gain[j] > gain[i] and cost[j] <= spare + cost[i]]  # fmt: skip
        if len(chosen) < count:
            moves += [(gain[j], -1, j) for j in others if cost[j] <= spare]
        if not moves:
            return chosen
        _, i, j = max(moves)
        chosen = [*(k for k in chosen if k != i), int(j)]
