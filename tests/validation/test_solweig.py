"""The comparison with solweig: what of it does not need solweig."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from heatmat.city import City
from heatmat.errors import InputError
from heatmat.validation import solweig_box, solweig_engine
from heatmat.validation.made_case import local, plan_points
from heatmat.validation.outcome import Setting
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_heights import centres, height_map, inside, pixel_city, window
from heatmat.validation.solweig_maps import figure, light_rows, moved, outcome, sky_rows
from heatmat.validation.solweig_rays import Views, patch_directions, seen
from tests.validation.test_open_field import block

# A stand-in for solweig, by its calls: what lies 2 m high or more shades the row north of it when
# the sun is south, and the sky is seen less by a tenth of the heights; under crowns there is shade.
STAND_IN = """
import numpy as np
from types import SimpleNamespace as Space
class shadowing:
    disable_gpu = staticmethod(lambda: None)
    @staticmethod
    def calculate_shadows_wall_ht_25(azimuth, altitude, cell, top, heights, *trees):
        lit = np.ones(heights.shape, np.float32)
        if 170.0 < azimuth < 190.0:
            lit[:-1][heights[1:] >= 2.0] = 0.0
        clear = (trees[0] == 0.0) * 1.0 if trees else lit
        return Space(bldg_sh=lit, veg_sh=clear)
class skyview:
    calculate_svf = staticmethod(
        lambda h, a, b, cell, veg, top, n: Space(svf=1.0 - 0.1 * h, svf_veg=1.0 - 0.05 * a)
    )
"""
PATCHES = """
import numpy as np
def create_patches(option):
    return np.array([15.0] * 4 + [90.0]), np.arange(5) * 90.0, np.array([0.0, 30.0, 90.0])
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that has the stand-in."""
    package = tmp_path / "site" / "solweig"
    (package / "physics").mkdir(parents=True)
    for name, text in {"__init__": "", "rustalgos": STAND_IN, "physics/__init__": ""}.items():
        (package / f"{name}.py").write_text(text)
    (package / "physics" / "create_patches.py").write_text(PATCHES)
    (tmp_path / "site" / "solweig-9.9.dist-info").mkdir()
    (tmp_path / "site" / "solweig-9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: solweig\nVersion: 9.9\n"
    )
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}/site" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return path


def test_what_is_exchanged_with_the_other_process(python: Path, tmp_path: Path) -> None:
    heights = np.zeros((9, 7), np.float32)
    heights[4, 3] = 2.0
    suns = np.array([[0.0, -0.8, 0.6], [0.8, 0.0, 0.6]])  # from the south, from the east
    assert solweig_engine.missing(Setting(tmp_path, solweig_python=python)) == ""
    found = solweig_engine.run(python, tmp_path, heights, 1.0, suns)
    assert (found.version, found.sunlit.shape) == ("9.9", (2, 9, 7))
    assert np.argwhere(~found.sunlit).tolist() == [[0, 3, 3]]
    assert found.sky_view[4, 3] == pytest.approx(0.8)
    # Four patches to 30 degrees have a quarter of the view, sin^2 30, the cap has the rest.
    towards, share = patch_directions(found)
    np.testing.assert_allclose(share, [0.0625] * 4 + [0.75])
    np.testing.assert_allclose(towards[1], [np.cos(np.pi / 12), 0.0, np.sin(np.pi / 12)], atol=1e-9)
    (tmp_path / "site" / "solweig" / "rustalgos.py").write_text("raise OSError('no such chip')")
    with pytest.raises(InputError, match="no such chip"):
        solweig_engine.run(python, tmp_path, heights, 1.0, suns)


def test_why_it_was_not_run(tmp_path: Path) -> None:
    assert "HEATMAT_SOLWEIG_PYTHON" in solweig_engine.missing(Setting(tmp_path))
    nowhere = Setting(tmp_path, solweig_python=tmp_path / "nowhere")
    assert "No such file" in solweig_engine.missing(nowhere)


def test_a_height_map_and_a_city_of_its_pixels() -> None:
    whole = City.embedded()
    west, south = whole.extent[0] + 200.0, whole.extent[1] + 300.0
    city = window(whole, (west, south, west + 60.0, south + 40.0), 10.0)
    rim = shapely.box(west - 10.0, south - 10.0, west + 70.0, south + 50.0)
    assert city.buildings.geometry.within(rim.buffer(1e-6)).all()
    heights = height_map(city)
    assert heights.shape == (60, 80) and heights[inside(city)].shape == (40, 60)
    # Each pixel by the highest footprint over its centre.
    expected = np.zeros(heights.size)
    points = shapely.points(*(xy.ravel() for xy in centres(city)))
    tree = shapely.STRtree(points)
    for polygon, height in zip(city.buildings.geometry, city.buildings["height"], strict=True):
        here = tree.query(polygon, predicate="contains")
        expected[here] = np.maximum(expected[here], height)
    assert 0.2 < (heights > 0.0).mean() < 0.95
    assert (np.abs(heights.ravel() - expected) < 1e-4).mean() > 0.999  # a centre on an outline
    pixels = pixel_city(city, heights)
    assert pixels.buildings.area.sum() == pytest.approx((heights > 0.0).sum())
    volume = (pixels.buildings.area * pixels.buildings["height"]).sum()
    assert volume == pytest.approx(heights.sum(), rel=1e-6)
    np.testing.assert_allclose(height_map(pixels), heights)


def test_shadow_of_a_box_in_closed_form() -> None:
    """Against the footprint swept by shapely; at 45 degrees of azimuth it is a hexagon."""
    box = shapely.box(0, 0, solweig_box.SIDE, solweig_box.SIDE)
    for azimuth, altitude in ((0.0, 30.0), (45.0, 20.0), (110.0, 55.0)):
        a, h = np.radians([azimuth, altitude])
        sun = np.array([np.cos(h) * np.sin(a), np.cos(h) * np.cos(a), np.sin(h)])
        tip = shapely.affinity.translate(box, *(-sun[:2] * solweig_box.HEIGHT / sun[2]))
        swept = shapely.union_all([box, tip]).convex_hull.difference(box).area
        assert solweig_box.exact_shadow(sun) == pytest.approx(swept)


def test_statistics_and_the_section_of_the_page() -> None:
    """A map in which one pixel, and one shadow's edge by a pixel, differ."""
    heights = np.zeros((30, 40))
    heights[:, :21] = 10.0
    lit = np.ones((2, 30, 40), bool)
    lit[1, :, 21:26] = False
    theirs = lit.copy()
    theirs[1, :, 25] = True  # the edge
    theirs[0, 15, 32] = False  # nothing near it says so
    sky = np.full((30, 40), np.nan)
    sky[::3, ::3] = 0.6
    ours = Views(lit, sky, sky + 0.01)
    solweig = Solweig(
        theirs, np.full((30, 40), 0.63), np.array([90.0]), np.array([0.0]), np.array([0.0, 90.0]),
        "9.9", np.zeros(2),
    )  # fmt: skip
    cut = (slice(0, 30), slice(0, 40))
    finer = dataclasses.replace(solweig, sunlit=lit[:1].copy())
    finer.sunlit[0, 15, 32] = False
    light = pd.DataFrame(light_rows("here", heights, ours, ours, solweig, finer, cut))
    ground = light.iloc[0]
    assert ground["surface"] == "ground" and ground["pixels"] == 570
    assert ground["agree [%]"] == pytest.approx(100.0 * (1.0 - 31 / 1140))
    assert ground["agree but for one pixel [%]"] == pytest.approx(100.0 * (1.0 - 1 / 1140))
    assert light["agree [%]"][1] == pytest.approx(100.0 * (1.0 - 1 / 570))
    assert (light["agree [%]"][2:] == 100.0).all()
    views = pd.DataFrame(sky_rows("here", heights, ours, ours, solweig.sky_view))
    whole = views[views["pair"] == "solweig, HeatMat"]
    np.testing.assert_allclose(whole["mean difference"], 0.03)
    split = views[views["pair"] == "solweig, HeatMat with its patches"]
    np.testing.assert_allclose(split["mean difference"], 0.02)
    suns = np.array([[0.0, -0.8, 0.6], [0.6, 0.0, 0.8]])
    drawn = figure("here", heights, ours, solweig, cut, suns)
    box = pd.DataFrame({"exact [m2]": [200.0], "HeatMat [m2]": [201.0], "solweig [m2]": [190.0]})
    page = outcome(light, views, box, [drawn], "9.9")
    assert [check.what for check in page.missed] == [
        "pixels that agree on sun or shade [%]",
        "of those on the ground [%]",
        "sky view factor, mean absolute difference",
    ]
    assert "-5.0 % of a lone box's" in page.missed[1].note
    assert "solweig 9.9" in page.against


def test_other_directions_are_not_answered_with_the_first() -> None:
    """What a solver keeps of sun positions is not given to those who ask for others."""
    from heatmat.solver import Solver

    case = block()
    requests = plan_points(local(case, np.array([[60.0, 40.0], [-30.0, 50.0]])))
    solver = Solver(case)
    up, below = [0.0, 0.0, 1.0], [0.0, 0.6, -0.8]
    first = seen(solver, requests, np.array([up, up]))
    second = seen(solver, requests, np.array([below, up, below]))
    solver.close()
    assert first.all()
    np.testing.assert_array_equal(second, [[False, True, False]] * 2)


def test_a_pixel_apart() -> None:
    maps = np.zeros((5, 6), bool)
    maps[0, 0] = True
    near = moved(maps, np.ones((5, 6), bool))
    assert np.argwhere(near).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
