"""The comparison with solweig on rasters with trees: what of it does not need solweig."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin

from heatmat.validation import gothenburg, solweig_trees
from heatmat.validation.gothenburg import Rasters
from heatmat.validation.outcome import Setting
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_trees import (
    AZIMUTHS_DEG,
    TRANSMISSIVITY,
    Place,
    figure,
    light_table,
    outcome,
    their_side,
    theirs_sky,
    theirs_through,
)
from tests.validation.test_solweig import python  # noqa: F401

CORNER = (320_000.0, 6_400_000.0)


def small() -> Rasters:
    """A house of 8 m, two by three pixels, and a crown of 12 m on one pixel south-east of it."""
    building, crown = np.zeros((2, 12, 14), np.float32)
    building[4:6, 4:7] = 8.0
    crown[9, 10] = 12.0
    return Rasters(building, crown, *CORNER)


def maps(value: bool, rasters: Rasters) -> np.ndarray:
    return np.full((len(AZIMUTHS_DEG), *rasters.building.shape), value)


def found(rasters: Rasters, sunlit: np.ndarray, clear: np.ndarray) -> Solweig:
    """What solweig could have said; it sees 0.8 of the sky, crowns hide a tenth."""
    sky = np.full(rasters.building.shape, 0.8)
    up = (np.array([90.0]), np.array([0.0]), np.array([0.0, 90.0]))
    return Solweig(sunlit, sky, *up, "9.9", np.zeros(2), clear, np.full_like(sky, 0.9))


def test_a_raster_city_shades_where_its_pixels_do(tmp_path: Path) -> None:
    place = Place.build(small(), tmp_path, "cpu")
    low = np.sqrt(0.5)
    up_and_south = np.array([[1e-4, 1e-4, 1.0], [1e-4, -low, low]])
    up, south = place.shares(up_and_south)
    bare = place.shares(up_and_south, trees=False)
    place.close()
    ground = small().building == 0.0
    assert bare[0][ground].min() == 1.0 and up[9, 10] == pytest.approx(TRANSMISSIVITY, abs=2e-3)
    assert (np.argwhere((up < 0.95) & ground) == [9, 10]).all()
    # 8 m at 45 degrees: four rows of 2 m north of the house.
    assert np.argwhere((bare[1] < 0.5) & ground).tolist() == [
        [row, column] for row in range(4) for column in (4, 5, 6)
    ]
    # Crown from 3 to 12 m: beams from the south meet it on the way to the rows 1.5 to 6 north.
    assert (south[[4, 5, 6], 10] < 0.9).all() and (south[[1, 2, 9, 10], 10] == 1.0).all()
    # The way through a column of 2 m at 45 degrees is 2.83 m of 9 m.
    assert south[5, 10] == pytest.approx(TRANSMISSIVITY ** (2.83 / 9.0), abs=0.01)


def test_rasters_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / gothenburg.FOLDER
    folder.mkdir()
    ground = np.array([[5.0, 6.0, 7.0]])
    layers = {
        "dem": ground,
        "dsm": ground + [[0.0, 9.6, 1.2]],
        "cdsm": np.array([[11.0, 7.0, -3e38]]),
    }
    for name, values in layers.items():
        with rasterio.open(
            folder / f"torgg_{name}.tif", "w", driver="GTiff", height=1, width=3, count=1,
            dtype="float32", crs="EPSG:3006", transform=from_origin(*CORNER, 2.0, 2.0),
        ) as file:  # fmt: skip
            file.write(values.astype(np.float32), 1)
    rasters = gothenburg.read(tmp_path)
    np.testing.assert_array_equal(rasters.building, [[0.0, 10.0, 0.0]])
    np.testing.assert_array_equal(rasters.crown, [[11.0, 0.0, 0.0]])
    part = rasters.window(0, 1, 1)
    assert (part.west, part.north, part.building.item()) == (CORNER[0] + 2.0, CORNER[1], 10.0)


def test_cut_pixels_keep_their_centres(python: Path, tmp_path: Path) -> None:  # noqa: F811
    setting = Setting(tmp_path, solweig_python=python)
    for times in (1, 3):
        theirs = their_side(setting, small(), times, sky=True)
        # The stand-in shades what has high pixels south of it: the centre of a cut pixel its own.
        shaded = np.argwhere(~theirs.sunlit.all(axis=0))
        rows = (3, 4) if times == 1 else (4, 5)
        assert shaded.tolist() == [[row, column] for row in rows for column in (4, 5, 6)]
        assert np.argwhere(~theirs.clear[0]).tolist() == [[9, 10]]
        assert theirs_through(theirs)[0, 9, 10] == pytest.approx(TRANSMISSIVITY)
        # 0.4 of the sky there hidden by a crown that lets 3 % through.
        assert theirs_sky(theirs)[9, 10] == pytest.approx(1.0 - 0.97 * 0.6)
    assert not their_side(setting, small(), 3, sky=False).sky_view.size


def test_statistics_and_the_section_of_the_page() -> None:
    rasters = small()
    ground = rasters.building == 0.0
    lit, clear = maps(True, rasters), maps(True, rasters)
    clear[:, 9, 10] = False
    ours = theirs_through(found(rasters, lit, clear))
    ours[:, 8, 10] = 0.6  # beside the crown: half of the leaves, counted as lit
    ours[0, 0, 0] = 0.0  # nothing near it says so
    cut = found(rasters, lit, clear)
    darker = clear.copy()
    darker[:, 8, 10] = False
    whole = found(rasters, lit, darker)
    light = light_table(ground, ours, maps(True, rasters) * 1.0, whole, cut)
    each = 100.0 / ground.sum()
    assert light["no trees [%]"].eq(100.0).all()
    np.testing.assert_allclose(light["trees [%]"], 100.0 - each * np.array([2] + [1] * 6))
    np.testing.assert_allclose(light["trees, cut pixels [%]"], 100.0 - each * np.eye(7)[0])
    assert light["but for one pixel [%]"].iloc[0] == pytest.approx(100.0 - each)
    np.testing.assert_allclose(
        light["met at all, cut pixels [%]"], 100.0 - each * np.array([2] + [1] * 6)
    )
    assert light["mean abs of the share"].iloc[1] == pytest.approx(0.004 * each)
    views = pd.DataFrame(
        {
            "pair": ["solweig, HeatMat"] * 3, "surface": ["all", "ground", "ground"],
            "mean difference": [-0.021, -0.03, 0.01], "mean abs": [0.03, 0.03, 0.019],
        }
    )  # fmt: skip
    page = outcome(light, views, figure(rasters, ours, cut, 4), "9.9", (12, 14))
    assert [check.what for check in page.missed] == [
        "sky view factor with trees, mean difference on the ground",
        "the same of all pixels, roofs too, mean difference",
    ]
    # One pixel of those two that the crown shades on either side.
    assert light["of those that trees decide [%]"].iloc[1] == pytest.approx(100.0)
    assert solweig_trees.missing(Setting(Path())) != ""
