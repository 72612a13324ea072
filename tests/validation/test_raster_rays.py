"""Rays over rasters in NumPy: known shadows, crowns in closed form, questions a pixel apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heatmat.validation.gothenburg import Rasters
from heatmat.validation.raster_rays import Heights, asked, walked
from heatmat.validation.solweig_tree_steps import light_steps, sky_steps
from heatmat.validation.solweig_trees import TRANSMISSIVITY, Place
from tests.validation.test_solweig_trees import found, maps, small

CELL = 2.0


def heights(building: np.ndarray, crown: np.ndarray) -> Heights:
    return Heights(building, crown, 0.25 * crown, CELL, TRANSMISSIVITY)


def towards(azimuth_deg: float, altitude_deg: float) -> np.ndarray:
    a, h = np.radians([azimuth_deg, altitude_deg])
    return np.array([np.cos(h) * np.sin(a), np.cos(h) * np.cos(a), np.sin(h)])


def test_a_step_of_a_roof_is_met_where_it_begins() -> None:
    """A metre up after half a pixel: hidden from 45 degrees down, for solweig's rule from 26.6."""
    building = np.full((3, 9), 5.0)
    building[:, 5:] = 6.0
    place = heights(building, np.zeros((3, 9)))
    one, four = np.array([1]), np.array([4])
    for altitude in range(5, 90, 4):
        d = towards(90.0, altitude)
        assert walked(place, one, four, d)[0] == float(altitude >= 45)
        for times, at in ((1, 2.0), (3, 4.0 / 3.0), (9, 10.0 / 9.0)):
            expected = np.tan(np.radians(altitude)) * at >= 1.0
            assert asked(place, one, four, d, times)[0][0] == expected
    # A place 0.5 m above the roof has half a metre less before it.
    assert walked(place, one, four, towards(90.0, 30.0), 0.5)[0] == 1.0
    assert walked(place, one, four, towards(90.0, 25.0), 0.5)[0] == 0.0


def test_crowns_in_closed_form_and_by_solweigs_rule() -> None:
    """Under a wide crown the way through it; a touch is all for the rule, trunks are open."""
    crown = np.full((41, 41), 8.0)
    place = heights(np.zeros((41, 41)), crown)
    middle = np.array([20])
    for altitude in (40.0, 60.0, 85.0):
        share = walked(place, middle, middle, towards(200.0, altitude))[0]
        np.testing.assert_allclose(share, TRANSMISSIVITY ** (1.0 / np.sin(np.radians(altitude))))
    lone = np.zeros((9, 9))
    lone[4, 6] = 8.0
    place = heights(np.zeros((9, 9)), lone)
    for altitude, meets in ((20.0, False), (45.0, True), (70.0, True), (80.0, False)):
        # The crown from 2 to 8 m stands 3 to 5 m to the east.
        d = towards(90.0, altitude)
        t = np.tan(np.radians(altitude))
        way = max(min(5.0, 8.0 / t) - max(3.0, 2.0 / t), 0.0) / np.cos(np.radians(altitude))
        share = walked(place, np.array([4]), np.array([4]), d)[0]
        np.testing.assert_allclose(share, TRANSMISSIVITY ** (way / 6.0))
        sunlit, clear = asked(place, np.array([4]), np.array([4]), d)
        assert sunlit[0] and clear[0] != meets


def test_tables_of_steps(tmp_path: Path) -> None:
    """The raster city of the other tests: HeatMat and the exact walk agree, as the tables say."""
    rasters: Rasters = small()
    place = Place.build(rasters, tmp_path, "cpu")
    lit, clear = maps(True, rasters), maps(True, rasters)
    theirs = found(rasters, lit, clear)
    inside = np.ones(rasters.building.shape, bool)
    table, checks = sky_steps(place, theirs, theirs, inside)
    d = towards(200.0, 40.0)
    light, more = light_steps(place, d, place.shares(d[None])[0], lit[0], rasters.building == 0.0)
    place.close()
    by_what = {check.what: check for check in [*checks, *more]}
    # The stand-in sees 0.8 of the sky everywhere: its rule does not.
    assert not by_what["solweig's rule in NumPy against solweig, largest"].holds
    assert by_what["an exact walk over the pixels, mean absolute difference"].holds
    assert by_what["an exact walk over the pixels, the same sun [%]"].value > 99.0
    walk = table[(table["pair"] == "exact walk in NumPy, HeatMat") & (table["surface"] == "roof")]
    assert len(walk) == 2 and set(walk["pixels"]) == {6}
    assert light["sun or shade alike [%]"].iloc[0] < light["sun or shade alike [%]"].iloc[-1]
