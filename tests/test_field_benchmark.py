"""The field against paths: where the points lie, and what the figures are of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from heatmat import field_benchmark
from heatmat.kernels import layout
from tests.validation.test_city_day import courtyard


def test_a_fifth_of_the_points_lies_near_a_corner() -> None:
    case = courtyard()
    requests, near = field_benchmark.corner_points(case, 60)
    assert len(requests) == 60 and near.sum() == 12
    ends = case.maps.facade_ab.reshape(-1, 2)
    above = requests.codes[:, layout.R_TYPE] == layout.REQUEST_PLAN
    xy = requests.numbers[above, :2]
    apart = np.hypot(*(xy[:, None] - ends).transpose(2, 0, 1)).min(axis=1)
    assert (apart[near[above]] <= 1.0).all() and apart[~near[above]].max() > 3.0
    assert (requests.numbers[~above][near[~above], 0] <= 1.0).all()


def test_as_many_are_compared_as_asked_for_whatever_is_hidden() -> None:
    rng = np.random.default_rng(4)
    valid = rng.random(550) < 0.97
    near = np.arange(550) % 367 < np.repeat([74, 37], [367, 183])
    kept = field_benchmark.evenly(valid, near, 500)
    assert len(set(kept)) == 500 and near[kept].sum() == 100 and valid[kept].all()
    # A third of what is drawn is on walls, which come last: 183 of 550, 167 of 500.
    assert abs((kept >= 367).sum() - 167) <= 5
    few = field_benchmark.evenly(valid[60:90], near[60:90], 500)
    assert np.array_equal(few, np.flatnonzero(valid[60:90]))


def test_figures_are_those_of_the_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths at 300 K; the field 0.1 K above them, 1 K at one of the hundred hours."""
    field = SimpleNamespace(texels=SimpleNamespace(count=7), march_chunk=lambda: None)

    def given(solver: Any, requests: Any, target: float, rays: int) -> tuple[Any, float]:
        mean = np.full((len(requests), 10, 1), 300.0)
        if rays < 1024:
            mean += 0.1
            mean[0, 0] = 301.0
        valid = np.ones(len(requests), bool)
        error = np.full((len(requests), 10), 0.02)
        return SimpleNamespace(mean=mean, error=error, valid=valid), 0.5

    monkeypatch.setattr(field_benchmark, "_timed", given)
    for name in ("Field", "FieldSolver", "Solver"):
        monkeypatch.setattr(field_benchmark, name, lambda *a, **k: SimpleNamespace(field=None))
    monkeypatch.setattr(field_benchmark, "Field", lambda *a, **k: field)
    found = field_benchmark.field_against_paths(courtyard(), points=10)
    row = found["rows"][-1]
    np.testing.assert_allclose(row["mean_k"], 0.109, atol=1e-6)
    np.testing.assert_allclose(row["rms_k"], np.sqrt((99 * 0.01 + 1.0) / 100), rtol=1e-5)
    np.testing.assert_allclose(row["p95_k"], 0.1, rtol=1e-5)
    np.testing.assert_allclose([row["largest_k"], row["ms"]], [1.0, 500.0 / 11], rtol=1e-5)
    assert "| near hits | 512 | +0.109 |" in field_benchmark.as_table(found)
