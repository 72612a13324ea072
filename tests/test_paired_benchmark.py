"""What the benchmark of pairs makes of given samples."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.paired_benchmark import Cost, Samples, at_cost, table
from tests.conftest import SEED


def test_errors_at_a_cost_follow_the_two_efforts() -> None:
    one, more = (2.0, 0.4), (8.0, 0.1)
    assert at_cost(2.0, one, more) == 0.4
    assert at_cost(4.0, one, more) == pytest.approx(0.2)
    assert at_cost(16.0, one, more) == pytest.approx(0.05)
    # A pair that costs less than one run apart gains nothing by it.
    assert at_cost(1.0, one, more) == 0.4
    # Where more effort came out no dearer there is no slope.
    assert at_cost(4.0, one, (1.9, 0.1)) == 0.4


def test_rows_have_the_spreads_that_went_in() -> None:
    rng = np.random.default_rng(SEED)
    seeds, places, times = 40, 50, 10
    noise = [rng.normal(0.0, s, (seeds, places, times)) for s in (0.1, 0.3, 0.4, 0.15, 0.2)]
    truth = np.where(np.arange(places) < 25, 5.0, 1.0)[:, None]
    samples = Samples(truth + noise[0], np.full(noise[0].shape, 0.1), noise[1:3], noise[3:])
    cost = Cost("maps", 4.0, 2.0, 8.0)
    whole, half = samples.rows(
        "maps", {"all": np.ones(places, bool), "half": np.arange(places) < 25}, cost
    )
    # 39 degrees of freedom at 500 places and times: 0.5 % of a spread, five of them.
    near = {"rel": 0.025}
    assert whole.paired_k == pytest.approx(0.1, **near)
    assert whole.told_k == pytest.approx(0.1)
    assert whole.apart_k == pytest.approx(0.5, **near)
    assert whole.same_cost_k == pytest.approx(np.sqrt(0.5 * 0.25), **near)
    assert whole.ratio == pytest.approx(3.54, rel=0.05)
    assert (half.places, half.change_k) == (25, pytest.approx(5.0, rel=0.01))
    assert whole.change_k == pytest.approx(np.sqrt(13.0), rel=0.01)
    assert "4.00 s of CPU time the pair" in table([whole, half], [cost])
