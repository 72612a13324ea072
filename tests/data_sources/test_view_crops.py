"""Crops of panoramas and photographs: where they look, and what is in them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from data_sources.perspective import Window, crop_panorama, panorama_box
from data_sources.view_files import cut
from data_sources.visibility import CAMERA_HEIGHT
from tests.data_sources.street import (
    camera,
    front_view,
    painted_panorama,
    scene,
)

SOUTH, NORTH, EAST, WEST = 180.0, 0.0, 90.0, 270.0


@pytest.mark.parametrize("heading", [0.0, 77.0, 190.0])
@pytest.mark.parametrize("azimuth", [0.0, 45.0, 179.0, 260.0])
@pytest.mark.parametrize(("pitch", "fov"), [(0.0, (90, 60)), (20.0, (60, 80)), (-30.0, (40, 40))])
def test_crop_looks_where_it_says(heading, azimuth, pitch, fov):
    width = 1024
    window = Window.centred(azimuth, pitch, *fov)
    crop = crop_panorama(painted_panorama(width, heading), heading, window, (96, 64))
    a, e = window.directions(96, 64)
    truth = np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)], axis=-1)
    crop /= np.linalg.norm(crop, axis=-1, keepdims=True)
    error = np.arccos(np.clip((crop * truth).sum(axis=-1), -1, 1))
    # Interpolation between directions a pixel apart errs by less than a pixel squared in radians,
    # 0.006 pixels; half a pixel would be a grid that is shifted.
    assert error.max() < 0.01 * 2 * np.pi / width
    # The middle is where the camera points, and right is clockwise.
    middle = truth[31:33, 47:49].mean(axis=(0, 1))
    assert np.degrees(np.arctan2(*middle[:2])) % 360 == pytest.approx(azimuth, abs=1e-6)
    assert np.degrees(np.arcsin(middle[2])) == pytest.approx(pitch, abs=0.01)
    assert (a[:, 1:] > a[:, :-1]).all()


@pytest.mark.parametrize("look", [(0, 0), (45, 0), (-120, 30), (175, -20)])
def test_crop_agrees_with_py360convert(look):
    # An independent implementation (in the extra `dev`): u = +45 is right of the centre. Its pixel
    # grid runs from edge to edge, ours from middle to middle: half a pixel at the rim.
    import py360convert

    width, size, fov = 1024, (240, 160), (80, 60)
    panorama = painted_panorama(width, 0.0)
    ours = crop_panorama(panorama, 0.0, Window.centred(*look, *fov), size)
    theirs = py360convert.e2p(panorama, fov, *look, size[::-1])
    dot = (ours * theirs).sum(axis=-1)
    dot /= np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    pixel = 2 * np.tan(np.radians(40)) / size[0]
    assert np.arccos(np.clip(dot, -1, 1)).max() < 0.75 * pixel  # the diagonal of half a pixel


def test_positions_and_directions_are_inverse():
    window = Window.centred(123.0, 17.0, 70.0, 50.0)
    a, e = window.directions(31, 21)
    x, y = window.position(a, e)
    assert x[0, 0] == pytest.approx(window.left + 0.5 / 31 * (window.right - window.left))
    assert np.allclose(np.diff(x, axis=1), (window.right - window.left) / 31)
    assert np.allclose(np.diff(y, axis=0), -(window.top - window.bottom) / 21)
    behind = window.position(np.radians(303.0), np.zeros(1))
    assert np.isnan(behind).all()


def test_verticals_stay_vertical():
    # The edge of a house, base to top, in one column of the crop although it is off the middle.
    window = Window(20.0, -1.0, 1.0, -0.3, 1.5)
    edge = np.array([12.0, 15.0])
    azimuth = np.full(5, np.arctan2(*edge))
    elevation = np.arctan2(np.linspace(-2.5, 20, 5), np.hypot(*edge))
    x, _ = window.position(azimuth, elevation)
    assert np.ptp(x) < 1e-12


def test_box_over_the_seam_runs_on_beyond_the_edge():
    window = Window.centred(180.0, 0.0, 60.0, 40.0)  # behind a camera that looks north
    x0, y0, x1, y1 = panorama_box(1200, 600, 0.0, window)
    assert (x0, x1) == pytest.approx((1100, 1300), abs=6)  # 30 degrees are 100 columns
    assert (y0, y1) == pytest.approx((300 - 67, 300 + 67), abs=3)
    assert panorama_box(1200, 600, 180.0, window)[::2] == pytest.approx((500, 700), abs=6)


# --- views ---


@pytest.mark.parametrize("heading", [0.0, 180.0, 200.0])
def test_crop_shows_the_facade_base_to_top_also_across_the_seam(heading):
    made = scene(("a", shapely.box(0, 10, 20, 20), 12))
    looks = camera(9.0, 0.0, heading_deg=heading)
    view = front_view(made, looks)
    assert view.coverage == pytest.approx(1.0)
    crop, box = cut(painted_panorama(1024, heading), looks, view)
    assert (box[2] > 1024) == (heading == 180.0 or heading == 200.0)
    crop = crop / np.linalg.norm(crop, axis=-1, keepdims=True)
    height, width = crop.shape[:2]
    for x, y, z in ((0, 10, 0), (20, 10, 0), (0, 10, 12), (20, 10, 12), (9, 10, 6)):
        away = np.array([x - 9.0, y, z - CAMERA_HEIGHT])
        error = np.arccos(np.clip(crop @ (away / np.linalg.norm(away)), -1, 1))
        row, column = np.unravel_index(error.argmin(), error.shape)
        assert 0 < row < height - 1 and 0 < column < width - 1
        assert error.min() < 1.0 * 2 * np.pi / 1024  # a pixel: the corner lies between four
    # The margin is five percent of either side, no more: corners lie near the crop's.
    west = np.array([-9.0, 10.0, 12 - CAMERA_HEIGHT])
    error = np.arccos(np.clip(crop @ (west / np.linalg.norm(west)), -1, 1))
    row, column = np.unravel_index(error.argmin(), error.shape)
    assert column / width == pytest.approx(0.05 / 1.1, abs=0.02)


def test_crop_leaves_out_the_lower_part_that_a_shed_hides():
    made = scene(("a", shapely.box(5, 20, 15, 30), 24), ("shed", shapely.box(-9, 5, 29, 6), 4.0))
    view = front_view(made, camera(10.0, 0.0))
    assert view.coverage == pytest.approx(4 / 6)
    # The lowest band that is seen begins at 8 m, 20 m away; five percent of the height below it.
    bottom, top = (8 - CAMERA_HEIGHT) / 20, (24 - CAMERA_HEIGHT) / 20
    assert view.window.bottom == pytest.approx(bottom - 0.05 * (top - bottom), rel=1e-6)
