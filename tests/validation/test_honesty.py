"""Studies in their short form: every figure is reached."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shapely import Polygon, box

from heatmat.validation import closed_forms, geometry, honesty, radiation, street_bias, what_matters
from heatmat.validation.outcome import Setting
from heatmat.validation.plans import Plan, plans, true_walls
from heatmat.validation.samplers import chi_square, corrected
from tests.conftest import SEED


@pytest.mark.parametrize(
    "study", [honesty.study, geometry.study, radiation.study, closed_forms.study]
)
def test_every_figure_is_reached(study, tmp_path: Path) -> None:  # noqa: ANN001
    outcome = study(Setting(tmp_path, quick=True, device="cpu", seed=SEED))
    assert len(outcome.checks) >= 3
    assert not outcome.missed, [(check.what, check.value) for check in outcome.missed]


def test_a_short_street_and_what_matters(tmp_path: Path) -> None:
    """The street's light as in full; its few rays leave the temperatures a tenth of a kelvin."""
    setting = Setting(tmp_path, quick=True, device="cpu", seed=SEED)
    light, *temperatures = street_bias.study(setting).checks
    assert light.holds
    assert all(check.value < 0.15 for check in temperatures)
    table = what_matters.study(setting).tables[0][1]
    change = table.select_dtypes("number").to_numpy()
    assert np.isfinite(change).all() and np.abs(change).max() > 1.0


def test_chi_square_sees_what_is_wrong(rng: np.random.Generator) -> None:
    even = np.bincount(rng.integers(0, 8, 8000), minlength=8)
    assert chi_square("even", even, np.ones(8))[3] > 0.01
    skewed = even + np.arange(8) * 60
    assert chi_square("skewed", skewed, np.ones(8))[3] < 1e-6
    # A single draw where none may be is enough.
    assert chi_square("one stray", np.array([50, 50, 1]), np.array([1, 1, 0]))[3] == 0.0
    # Of many honest p-values the least is small: that alone is no reason to doubt.
    assert corrected(rng.uniform(size=1000)) > 0.001
    assert corrected(np.array([0.5, 0.5, 1e-6])) < 1e-5


def test_true_walls_of_plans_by_hand() -> None:
    by_name = {plan.name: true_walls(plan) for plan in plans()}
    # 44 m around both, 10 m of it shared twice, nothing above an equal neighbour.
    assert by_name["adjoining roofs, equal"]["area"].sum() == pytest.approx(64 * 9)
    # The tall one shows all but 7 x 6 m; the low one loses its end.
    assert by_name["adjoining roofs, unequal"]["area"].sum() == pytest.approx(
        40 * 15 - 7 * 6 + (2 * 12 + 7) * 6
    )
    assert by_name["a T-junction"]["area"].sum() == pytest.approx(60 * 12 - 6 * 9 + 34 * 9)
    assert len(by_name["a court by a hole"]) == 8
    square = true_walls(Plan("square", (box(0, 0, 10, 10),), (3.0,), 17.0))
    assert sorted(square["azimuth"]) == pytest.approx([17.0, 107.0, 197.0, 287.0])
    wrong = true_walls(Plan("cut", (Polygon([(0, 0), (10, 0), (10, 9), (0, 10)]),), (3.0,), 0.0))
    assert wrong["area"].sum() < square["area"].sum()
