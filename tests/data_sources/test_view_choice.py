"""Which views of a facade are taken: their score, their count, and what is thinned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from data_sources.thinning import thin
from data_sources.view_files import cut, folder_names
from data_sources.views import as_camera, choose_views, find_views, seen_share
from tests.data_sources.street import (
    TODAY,
    camera,
    facing,
    front_view,
    image,
    scene,
)

SOUTH, NORTH, EAST, WEST = 180.0, 0.0, 90.0, 270.0


def test_score_falls_with_distance_slant_age_and_doubt():
    made = scene(("a", shapely.box(0, 10, 20, 20), 9))

    def score(x, y, **fields):
        return front_view(made, camera(x, y, **fields)).score

    best = score(10, 0)
    assert score(10, -14) < best
    assert score(24, 0) < best
    assert score(10, 0, captured="2015-06-01") < best
    assert score(10, 0, quality=0.1) < best < score(10, 0, quality=1.0)
    assert score(10, 0, heading_doubtful=True) == pytest.approx(best / 2)


def test_distance_angle_and_coverage_are_those_of_the_street():
    made = scene(("a", shapely.box(9, 10, 11, 20), 3))
    view = front_view(made, camera(20.0, 0.0))
    assert view.distance == pytest.approx(math.hypot(10, 10), rel=0.01)
    assert view.angle_deg == pytest.approx(45.0, abs=0.5)
    assert view.window.azimuth_deg == pytest.approx(315.0, abs=0.5)


def test_photograph_shows_only_what_is_in_its_frame():
    made = scene(("a", shapely.box(0, 10, 20, 20), 9), ("b", shapely.box(0, -20, 20, -10), 9))
    photo = {"is_panorama": False, "field_of_view_deg": 90.0, "width": 2000, "height": 1500}
    north = camera(10.0, 0.0, heading_deg=0.0, **photo)
    views = find_views(made, [north])
    assert [v.facade for v in views] == [facing(made.facades, 0, SOUTH)]
    box = cut(np.zeros((1500, 2000, 3), dtype=np.uint8), north, views[0])[1]
    # tan(45) = 1 is at the frame's edge, 10 m to either side at 10 m; 9 m up is 0.65 above the
    # horizon, 0.25 below it, of 0.75 for half the height.
    assert (box[0], box[2]) == (0, 2000)
    margin = 0.05 * 0.9
    assert box[1] == pytest.approx(750 - 750 * (0.65 + margin) / 0.75, abs=2)
    assert box[3] == pytest.approx(750 + 750 * (0.25 + margin) / 0.75, abs=2)
    half = camera(10.0, 0.0, heading_deg=45.0, **photo)
    shown = next(v for v in find_views(made, [half]) if v.facade == facing(made.facades, 0, SOUTH))
    # What lies east of the camera, less one cell: the highest of the first sample, at 4 degrees, is
    # 5.75 m up 10 m away: 0.76 above the middle, over the frame's 0.75.
    assert shown.coverage == pytest.approx(0.5 - 1 / 84)


def test_photograph_taken_downwards_shows_the_lower_part():
    made = scene(("a", shapely.box(0, 10, 20, 20), 12))
    photo = {"is_panorama": False, "field_of_view_deg": 80.0, "width": 2000, "height": 1500}
    level = front_view(made, camera(10.0, -5.0, **photo, pitch_deg=0.0))
    down = front_view(made, camera(10.0, -5.0, **photo, pitch_deg=-20.0))
    assert level.coverage == pytest.approx(1.0) and down.coverage < 0.6
    assert down.window.top < level.window.top
    # 12 m up and 15 m away: 32.3 degrees. The frame's middle column ends 32.2 above its axis: at
    # -20 degrees that is 12.2 degrees, 5.7 m up; the crop ends where the picture does.
    looks = camera(10.0, -5.0, **photo, pitch_deg=-20.0)
    crop, box = cut(np.zeros((1500, 2000, 3), dtype=np.uint8), looks, down)
    assert box[1] < 150 and crop.shape[0] > 100


def test_headings_are_turned_from_true_to_grid_north():
    turned = as_camera(image(heading_deg=3.0), np.zeros(2), 2.0, TODAY)
    assert turned.heading_deg == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"heading_deg": None}, "no_heading"),
        ({"is_panorama": False, "field_of_view_deg": None}, "no_field_of_view"),
        ({"is_panorama": False, "field_of_view_deg": 179.0}, "no_field_of_view"),
    ],
)
def test_images_without_a_direction_are_no_cameras(fields, reason):
    assert as_camera(image(**fields), np.zeros(2), 0.0, TODAY) == reason


# --- the choice ---


def corner_house():
    made = scene(("a", shapely.box(0, 10, 20, 30), 9))
    looks = [camera(x, 0.0, f"s{x}") for x in (2, 6, 10, 14, 18)] + [camera(42.0, 20.0, "e")]
    return made, looks, find_views(made, looks)


def test_views_go_to_different_facades_first():
    made, looks, views = corner_house()
    east = next(v for v in views if round(made.facades.azimuth_deg[v.facade]) == 90)
    better = [v for v in views if v.score > east.score]
    assert len(better) >= 3  # of the southern facade: by score alone it would get both views
    chosen = choose_views(made.facades, ["a"] * 4, views, 2)
    facades = {made.facades.azimuth_deg[v.facade] for v in chosen}
    assert len(chosen) == 2
    assert {round(a) for a in facades} == {90, 180}
    first = next(v for v in chosen if round(made.facades.azimuth_deg[v.facade]) == 180)
    assert looks[first.camera].image.id == "s10"  # right in front
    assert len(choose_views(made.facades, ["a"] * 4, views, 5)) == 5


def test_the_next_best_takes_the_place_of_a_broken_image():
    made, looks, views = corner_house()
    chosen = choose_views(made.facades, ["a"] * 4, views, 2, without={2})
    assert {looks[v.camera].image.id for v in chosen} <= {"s6", "s14", "e"}
    assert choose_views(made.facades, ["a"] * 4, views, 5, without=set(range(6))) == []


def test_choice_does_not_depend_on_the_order_of_the_images():
    made, looks, _ = corner_house()

    def ids(order):
        views = find_views(made, [looks[i] for i in order])
        chosen = choose_views(made.facades, ["a"] * 4, views, 3)
        return [(looks[order[v.camera]].image.id, v.facade) for v in chosen]

    assert sorted(ids([0, 1, 2, 3, 4, 5])) == sorted(ids([5, 3, 1, 0, 4, 2]))


def test_coverage_is_the_area_that_some_view_shows():
    made, _, views = corner_house()
    total, each = seen_share(made.facades, choose_views(made.facades, ["a"] * 4, views, 5))
    assert total == pytest.approx(0.5)  # two of four equal walls
    assert sorted(each.round(6).tolist()) == [0.0, 0.0, 1.0, 1.0]
    assert seen_share(made.facades, [])[0] == 0.0


def test_nothing_is_seen_from_nowhere():
    made, looks, _ = corner_house()
    assert find_views(made, []) == []
    assert find_views(made, [camera(500.0, 500.0)]) == []
    assert choose_views(made.facades, ["a"] * 4, [], 5) == []
    assert looks


# --- thinning, names ---


def test_thinning_keeps_the_best_of_each_place_and_direction():
    newer, older = {"captured": "2026-01-01"}, {"captured": "2016-01-01"}
    cameras = [camera(x, 0.0, f"old{x}", **older) for x in range(0, 40, 2)]
    cameras += [camera(x + 1.0, 0.0, f"new{x}", **newer) for x in range(0, 40, 8)]
    kept = [cameras[i] for i in thin(cameras, 8.0)]
    positions = np.array([c.position[0] for c in kept])
    assert all(c.image.id.startswith("new") for c in kept)
    assert len(kept) == 5 and (np.diff(np.sort(positions)) >= 8.0).all()
    assert len(thin(cameras, 0.0)) == len(cameras)


def test_thinning_keeps_both_directions_of_photographs():
    photo = {"is_panorama": False, "field_of_view_deg": 70.0}
    there = [camera(x, 0.0, f"t{x}", heading_deg=90.0, **photo) for x in (0, 1, 2)]
    back = [camera(x, 0.5, f"b{x}", heading_deg=270.0, **photo) for x in (0, 1, 2)]
    assert len(thin(there + back, 8.0)) == 2
    assert len(thin([*there, *back, camera(1.0, 1.0, "p")], 8.0)) == 1  # a panorama shows it all


def test_folder_names_are_safe_and_their_own():
    hostile = ["../../etc/passwd", "way/1", "way_1", "WAY/1", "CON", "", "..", "views.csv", "é\n"]
    names = folder_names(hostile)
    assert len({name.lower() for name in names.values()}) == len(hostile)
    for name in names.values():
        assert name not in ("", ".", "..", "views.csv") and not name.startswith((".", "_", "-"))
        assert "/" not in name and "\\" not in name and name.isascii() and name.isprintable()
