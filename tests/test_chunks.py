"""Time cut into chunks: the cut shows nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.chunks import plan_time, to_grid
from heatmat.errors import InputError
from tests.physics_case import make_series


@pytest.mark.parametrize("spin_up_days", [0, 1, 5])
@pytest.mark.parametrize("chunk_steps", [144, 217, 1000])
def test_days_are_whole_and_the_first_counts_once(spin_up_days: int, chunk_steps: int) -> None:
    forcing = make_series(days=spin_up_days + 4, spin_up_days=spin_up_days, dni=600.0)
    plan = plan_time(forcing, chunk_steps)
    assert sum(chunk.steps for chunk in plan.chunks) == plan.total
    whole = plan_time(forcing, 10_000).chunks[0]
    counted = [c.first_day_nodes for c in plan.chunks if c.first_day_nodes is not None]
    # Made-up days are alike.
    up = int(forcing.sun_up[-144:].sum())
    assert sum(found.size for found in counted) == up
    for chunk in plan.chunks:
        lengths = np.unique(chunk.node_days[:, 1] - chunk.node_days[:, 0] + 1)
        assert list(lengths) == [up]
        # Every step has the sun that it has in one piece, at the same place in its day.
        steps = np.arange(1, chunk.steps + 1)
        here, there = chunk.node_of_step[steps], whole.node_of_step[chunk.begin + steps]
        assert np.array_equal(here >= 0, there >= 0)
        lit = here >= 0
        assert np.array_equal(chunk.nodes[here[lit]], whole.nodes[there[lit]])
        assert np.array_equal(
            (here - chunk.node_days[here, 0])[lit], (there - whole.node_days[there, 0])[lit]
        )


def test_less_than_a_day_is_refused() -> None:
    """There would be no day to repeat, and kernels would read past their series."""
    with pytest.raises(InputError, match="spin_up_days = 1"):
        plan_time(make_series(days=0.25, spin_up_days=0))
    assert plan_time(make_series(days=1.25, spin_up_days=1, repeating=True)).spin_up == 144


@pytest.mark.parametrize("chunk_steps", [217, 1000])
def test_hours_take_the_sun_of_their_own_steps(chunk_steps: int) -> None:
    """Each phase of an hour is a sun position of that hour; hours of the spin-up borrow theirs."""
    forcing = make_series(days=3, spin_up_days=1, dni=600.0)
    turn = 2.5
    plan = plan_time(forcing, chunk_steps, convergence_deg=turn)
    x, y = to_grid(*forcing.sun_direction[:, :2].T, np.radians(turn))
    seen = 0
    for chunk in plan.chunks:
        hours = chunk.hours
        assert hours.steps == 6
        assert chunk.begin % hours.steps == 0
        for hour in range(1, hours.count + 1):
            steps = chunk.begin + (hour - 1) * 6 + np.arange(6)
            steps = steps[steps < forcing.n_steps]
            steps = steps[forcing.sun_up[steps]]
            assert (hours.lit[hour] >= 0) == (steps.size > 0)
            if steps.size:
                group = hours.sun[hours.lit[hour] * 6 : hours.lit[hour] * 6 + 6]
                # Made-up days are alike, so that borrowed positions are the same.
                own = np.stack([x[steps], y[steps], forcing.sun_direction[steps, 2]], axis=1)
                gap = np.abs(group[:, None] - own[None]).max(axis=2)
                assert (gap.min(axis=1) < 1e-6).all()
                assert (gap.min(axis=0) < 1e-6).all()
                seen += 1
        assert hours.groups <= 32
    assert seen > 40
