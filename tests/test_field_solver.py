"""Queries that gather from the field: beside paths, their words in time, when they are chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from heatmat import query_method
from heatmat.errors import InputError
from heatmat.estimate import estimate
from heatmat.field_solver import FieldSolver, by_halves, words_of_steps
from heatmat.kernels import layout
from heatmat.sampling_plan import pick
from heatmat.solver import Solver
from tests.physics_case import local, plan_requests
from tests.test_field import court_field, stamps_of
from tests.validation.test_city_day import SPOTS


def test_a_query_of_the_field_against_paths() -> None:
    """Temperatures and fluxes of a day in the court, in the street and on a roof."""
    field = court_field()
    case = field.case
    places = pick(plan_requests(local(case, *SPOTS[[0, 2, 3]].T), 1), np.arange(3))
    by_field = estimate(FieldSolver(field), places, target_error=0.0, max_rays=512)
    by_paths = estimate(
        Solver(case, "cpu", stamps=stamps_of(case)), places, target_error=0.0, max_rays=512
    )
    assert by_field.valid.all()
    difference = by_field.mean - by_paths.mean
    spread = np.hypot(by_field.error, by_paths.error).mean(axis=1)
    # As `test_field_against_paths`: 0.1 K of texels of 4 m near walls, and the noise of both.
    assert (np.abs(difference[..., 0].mean(axis=1)) < 0.1 + 4.0 * spread).all()
    np.testing.assert_allclose(by_field.mean[..., 1:6].sum(axis=-1), 0.0, atol=2e-3)
    light, longwave = (
        np.abs(difference[..., k].mean(axis=1))
        for k in (layout.Y_INCIDENT_SHORT, layout.Y_INCIDENT_LONG)
    )
    # What moves a surface by 0.1 K, some 12 W/m2K, and as much noise as that of temperatures.
    assert (light < 1.2 + 50.0 * spread).all() and (longwave < 1.2 + 50.0 * spread).all()
    np.testing.assert_allclose(
        by_field.starts["sunlit_hours"], by_paths.starts["sunlit_hours"], atol=1e-6
    )


def test_each_step_reads_the_word_that_holds_it() -> None:
    """Words in order, each for as many steps as it stands for, steps in the middle on average."""
    field = court_field()
    words, inside = words_of_steps(field)
    chunk = field.plan.chunks[0]
    early, window = field.place_stages
    assert (words[1 : window.begin + 1, 1] == np.arange(window.begin) // early.stored).all()
    later = words[window.begin + 1 : chunk.steps + 1]
    expected = early.rows + np.arange(chunk.steps - window.begin) // window.stored
    assert (later[:, 1] == expected).all()
    assert (words[1:, 0] <= words[1:, 1]).all() and (words[1:, 1] <= words[1:, 2]).all()
    inner = later[window.stored : -window.stored]
    assert (np.diff(inner, axis=1) == 1).all()
    # The last of a stage has no word after it; series may have room beyond.
    assert later[:, 0].min() == early.rows
    assert later[:, 2].max() == early.rows + window.rows - 1 < field.words
    assert (np.abs(inside) < 0.5).all()
    np.testing.assert_allclose(inside[window.begin + 1 : chunk.steps + 1].mean(), 0.0, atol=1e-6)


def test_replicates_take_turns_between_halves_of_the_texels_rays() -> None:
    replicate = np.tile(np.repeat(np.arange(8), 2), 3)
    order = by_halves(replicate)
    assert sorted(order) == list(range(replicate.size))
    pair = (np.arange(order.size) >> 1) & 1
    assert (pair == (replicate[order] >> 1) & 1).all()


def asked(points: int, target: float, *, field: bool = False, method: str = "auto") -> str:
    """What a question comes to in a city of 400 m."""
    maps = SimpleNamespace(nx=400, ny=400, resolution=1.0)
    maps.facade_ab, maps.facade_z = np.zeros((1, 4)), np.zeros((1, 2))
    case = SimpleNamespace(maps=maps)
    simulation: Any = SimpleNamespace(
        case=case, has_field=field, scenario=SimpleNamespace(field_resolution_m=4.0)
    )
    return query_method.choose_method(simulation, method, points, target)


def test_the_cheaper_way_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heatmat.field_memory.field_memory", lambda case, size: 1 << 30)
    monkeypatch.setattr("heatmat.info.available_memory", lambda: 4 << 30)
    assert asked(1, 0.1) == "paths"
    assert asked(1, 0.1, field=True) == "paths"  # as many launches as paths take long
    assert asked(100, 0.1, field=True) == "field"
    assert asked(100, 0.05, field=True) == "paths"  # the field's own error is more
    assert asked(1, 0.0, field=True) == "paths"
    assert asked(10_000, 0.1) == "field"
    assert asked(10_000, 1.0) == "paths"  # a hundredth of the paths
    assert asked(1, 0.1, method="field") == "field"
    assert asked(10_000, 0.1, field=True, method="paths") == "paths"
    monkeypatch.setattr("heatmat.info.available_memory", lambda: 1 << 29)
    assert asked(10_000, 0.1) == "paths"
    with pytest.raises(InputError, match="method"):
        asked(1, 0.1, method="texels")
