"""Searches: true areas, and the block's best roof."""

from __future__ import annotations

import pytest

from heatmat.errors import InputError
from heatmat.search import best_buildings, surface_areas
from tests.block_city import block

STARTS = 128


def test_true_areas_of_roofs_and_facades() -> None:
    names = block().maps.building_ids
    for surface, ring, house in (
        ("roof", 40 * 30 - 16 * 12, 12 * 12),
        ("wall", 12 * (140 + 56), 9 * 48),
    ):
        whole, inside = surface_areas(block(), surface)
        found = dict(zip(names, whole, strict=True))
        assert found["ring"] == pytest.approx(ring, rel=1e-4)
        assert found["house"] == pytest.approx(house, rel=1e-4)
        assert inside == pytest.approx(whole, rel=1e-4)  # both lie within the extent


def test_the_best_roof_is_the_large_one_and_the_budget_holds() -> None:
    found = best_buildings(block(), count=1, starts=STARTS)
    assert found.chosen == ["ring"]
    # First order in albedo, 0.07 to 0.7: within a quarter of the run.
    assert found.together_k == pytest.approx(found.predicted_k, rel=0.25)
    cheap = best_buildings(block(), count=2, budget=400.0, starts=STARTS)
    assert cheap.chosen == ["house"]
    with pytest.raises(InputError, match="budget"):
        best_buildings(block(), budget=1.0, starts=STARTS)


def test_glass_that_cannot_take_the_albedo_stays_as_it_is() -> None:
    """Facades with panes: what is left of them is searched, and counted."""
    glazed = block().with_interventions(
        [{"name": "panes", "where": {"surface": "wall"}, "share": {"glass_curtain_wall": 0.3}}]
    )
    found = best_buildings(glazed, surface="wall", count=1, starts=STARTS, objective="wall")
    table = found.table.set_index("building_id")
    assert table.loc["ring", "area_m2"] == pytest.approx(0.7 * 12 * (140 + 56), rel=1e-3)
    opaque = best_buildings(block(), surface="wall", count=1, starts=STARTS, objective="wall")
    assert found.chosen == opaque.chosen
    # Seven tenths change: as a share of the effect, within what first order and the sample leave.
    assert found.together_k == pytest.approx(0.7 * opaque.together_k, rel=0.2)
