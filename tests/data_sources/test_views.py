"""Views of facades on made-up streets where the right answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from data_sources import visibility
from data_sources.facade_outlines import (
    LEVELS,
    outline_facades,
    read_buildings,
    straight_chains,
)
from data_sources.perspective import Window, crop_panorama, panorama_box
from data_sources.thinning import thin
from data_sources.view_files import cut, folder_names
from data_sources.views import as_camera, choose_views, find_views, seen_share
from data_sources.visibility import CAMERA_HEIGHT
from heatmat.errors import InputError
from tests.data_sources.street import (
    TODAY,
    camera,
    facing,
    image,
    painted_panorama,
    scene,
    seen_levels,
)

SOUTH, NORTH, EAST, WEST = 180.0, 0.0, 90.0, 270.0


# --- what is seen ---


def test_facade_across_the_street_is_seen_whole_and_its_back_not_at_all():
    made = scene(("a", shapely.box(0, 10, 20, 20), 9))
    assert seen_levels(made, (10, 0), facing(made.facades, 0, SOUTH)).all()
    assert not seen_levels(made, (10, 0), facing(made.facades, 0, NORTH)).any()


def test_sight_lines_end_short_of_their_target(monkeypatch):
    # A line that reaches its target is stopped by it: an outline of a street of houses, as with
    # the tool that kept 58 of 184 points.
    made = scene(*((str(k), shapely.box(6 * k, 8, 6 * k + 5, 18), 9) for k in range(8)))
    fronts = [facing(made.facades, k, SOUTH) for k in range(8)]
    assert all(seen_levels(made, (24, 0), f).all() for f in fronts)
    monkeypatch.setattr(visibility, "END_SHORT", -1e-3)
    assert not any(seen_levels(made, (24, 0), f).any() for f in fronts)


def test_half_hidden_facade_is_half_seen():
    # The line from the camera past the block's corner (10, 5) meets the facade in its middle.
    made = scene(("a", shapely.box(0, 10, 20, 20), 9), ("block", shapely.box(-30, 4, 10, 5), 30))
    shown = seen_levels(made, (10, 0), facing(made.facades, 0, SOUTH))
    assert len(shown) == 14
    assert not shown[:7].any()  # the building lies left of its facades: samples run west to east
    assert shown[7:].all()


def test_facade_behind_a_block_is_not_seen():
    made = scene(("a", shapely.box(0, 10, 20, 20), 9), ("block", shapely.box(-5, 4, 25, 6), 12))
    assert not seen_levels(made, (10, 0), facing(made.facades, 0, SOUTH)).any()


def test_far_block_hides_as_well_as_a_near_one():
    # Only what is near the camera hides, in the known tool.
    made = scene(("a", shapely.box(0, 40, 20, 50), 9), ("block", shapely.box(-5, 36, 25, 38), 12))
    assert not seen_levels(made, (10, 0), facing(made.facades, 0, SOUTH)).any()


@pytest.mark.parametrize(
    ("wall", "height", "lowest"),
    [
        # z = 2.5 + (wall - 2.5) * 20 / 5 over the near edge of a wall above the camera
        (3.0, 24.0, 4.5),
        (4.0, 24.0, 8.5),
        # z = 2.5 - (2.5 - wall) * 20 / 6 over the far edge of a lower one
        (2.1, 6.0, 2.5 - 0.4 * 20 / 6),
    ],
)
def test_low_building_in_front_hides_the_lower_part_alone(wall, height, lowest):
    made = scene(
        ("a", shapely.box(5, 20, 15, 30), height), ("shed", shapely.box(-60, 5, 80, 6), wall)
    )
    facade = facing(made.facades, 0, SOUTH)
    shown = seen_levels(made, (10, 0), facade)
    levels = made.facades.height[made.facades.first[facade]]
    assert 0 < (levels > lowest).sum() < LEVELS
    assert (shown == (levels > lowest)).all()


def test_a_building_on_columns_lets_the_lower_part_through():
    # Underside at 4 m: from 2.5 m one sees below 2.5 + 1.5 * 20 / 6 = 7.5 m past its far edge.
    made = scene(
        ("a", shapely.box(5, 20, 15, 30), 24), ("bridge", shapely.box(-60, 5, 80, 6), 30, 4.0)
    )
    facade = facing(made.facades, 0, SOUTH)
    levels = made.facades.height[made.facades.first[facade]]
    assert (seen_levels(made, (10, 0), facade) == (levels < 7.5)).all()


L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 10), (10, 10), (10, 20), (0, 20)])
U_SHAPE = shapely.Polygon(
    [(0, 0), (30, 0), (30, 20), (20, 20), (20, 10), (10, 10), (10, 20), (0, 20)]
)


def inner(made, x, y):
    """The facade whose middle lies there."""
    middle = (made.facades.start + made.facades.end) / 2
    found = np.flatnonzero(np.hypot(*(middle - [x, y]).T) < 0.1)
    assert len(found) == 1
    return int(found[0])


def test_corner_of_an_l_is_seen_from_within_it_alone():
    made = scene(("l", L_SHAPE, 12))
    arms = [inner(made, 15, 10), inner(made, 10, 15)]
    for facade in arms:
        assert seen_levels(made, (16, 16), facade).all()
        assert not seen_levels(made, (-8, 14), facade).any()
        assert not seen_levels(made, (14, -8), facade).any()


def test_bottom_of_a_u_is_seen_through_its_opening_alone():
    made = scene(("u", U_SHAPE, 12))
    bottom = inner(made, 15, 10)
    assert seen_levels(made, (15, 26), bottom).all()
    # From (28, 30) the corner (20, 20) of the right arm hides what lies left of x = 12... and of
    # the bottom at y = 10 nothing right of it: the line goes on to x = 20 - 8 = 12.
    shown = seen_levels(made, (28, 30), bottom)
    x = made.facades.sample[made.facades.first[bottom] : made.facades.first[bottom + 1], 0]
    assert (shown.all(axis=1) == (x < 12)).all()
    assert 0 < shown.all(axis=1).sum() < len(x)
    assert not seen_levels(made, (15, -8), bottom).any()


def test_courtyard_is_seen_from_inside_alone():
    ring = shapely.Polygon(
        shapely.box(0, 0, 40, 40).exterior.coords, [shapely.box(10, 10, 30, 30).exterior.coords]
    )
    made = scene(("block", ring, 15))
    court = [inner(made, *p) for p in ((20, 10), (20, 30), (10, 20), (30, 20))]
    assert len(made.facades) == 8
    for facade in range(8):
        inside, outside = facade in court, facade not in court
        assert seen_levels(made, (20, 20), facade).any() == inside
        street = [seen_levels(made, p, facade).any() for p in ((20, -9), (20, 49), (-9, 20))]
        assert not any(street) or outside
    # Normals of courtyards look into them.
    for facade in court:
        first = made.facades.first[facade]
        toward = np.array([20.0, 20.0]) - made.facades.sample[first]
        assert toward @ made.facades.normal[first] > 0


def test_parts_of_a_multipolygon_hide_each_other_and_are_one_building():
    both = shapely.MultiPolygon([shapely.box(0, 10, 20, 20), shapely.box(0, 4, 20, 6)])
    made = scene(("twin", both, 9))
    assert made.buildings.ids == ["twin", "twin"]
    assert len(set(made.facades.name)) == len(made.facades) == 8
    assert seen_levels(made, (10, 0), facing(made.facades, 1, SOUTH)).all()
    assert not seen_levels(made, (10, 0), facing(made.facades, 0, SOUTH)).any()


def test_walls_against_a_neighbour_are_no_facades():
    made = scene(("a", shapely.box(0, 0, 10, 10), 9), ("b", shapely.box(10, 0, 20, 10), 12))
    assert made.facades.dropped["party_walls"] == 1  # a's, against the higher b
    east = [f for f in range(len(made.facades)) if made.facades.building[f] == 0]
    assert all(abs(made.facades.azimuth_deg[f] - EAST) > 1 for f in east)
    west = facing(made.facades, 1, WEST)
    exposed = made.facades.exposed[made.facades.first[west]]
    assert exposed.tolist() == [False] * 4 + [True] * 2  # b's 9 to 12 m are open: bands of 2 m
    assert made.facades.cell_area[made.facades.first[west] :][0].sum() > 0


def oracle(made, at, height):
    """Seen cells by exact cuts of each sight line with each building, one at a time."""
    facades, shown = made.facades, {}
    for s in range(len(facades.sample)):
        target = facades.sample[s]
        away = np.array(at) - target
        distance = np.hypot(*away)
        if away @ facades.normal[s] / distance <= math.cos(visibility.MAX_ANGLE):
            continue
        end = target + away / distance * 1e-3
        line = shapely.LineString([at, end])
        for level in np.flatnonzero(facades.exposed[s]):
            rise, free = facades.height[s, level] - height, True
            for k, polygon in enumerate(made.buildings.polygons):
                piece = line.intersection(polygon)
                if piece.length < 1e-9:
                    continue
                along = [
                    np.hypot(*(np.array(p) - at)) / distance
                    for part in shapely.get_parts(piece)
                    for p in part.coords
                ]
                z = [height + rise * t for t in (min(along), max(along))]
                if min(z) < made.buildings.top[k] and max(z) > made.buildings.base[k]:
                    free = False
            if free:
                shown[s, int(level)] = True
    return set(shown)


def test_sight_agrees_with_exact_cuts_in_a_random_town(rng):
    rows = []
    while len(rows) < 18:
        x, y = rng.uniform(0, 55, 2)
        w, h = rng.uniform(4, 14, 2)
        turned = shapely.affinity.rotate(shapely.box(x, y, x + w, y + h), rng.uniform(0, 90))
        if all(turned.distance(other) > 0.5 for _, other, _ in rows):
            rows.append((str(len(rows)), turned, rng.uniform(2.2, 20)))
    made = scene(*rows)
    seen_cells = 0
    for at in rng.uniform(0, 70, (7, 2)):
        if made.inside(at):
            continue
        sight = made.look(at, 200.0)
        found = {(int(s), int(k)) for s, row in zip(sight.sample, sight.seen, strict=True)
                 for k in np.flatnonzero(row)}  # fmt: skip
        assert found == oracle(made, at, CAMERA_HEIGHT)
        seen_cells += len(found)
    assert seen_cells > 300


def test_a_camera_in_a_building_is_known_unless_it_stands_on_columns():
    made = scene(("a", shapely.box(0, 0, 9, 9), 9), ("bridge", shapely.box(20, 0, 29, 9), 9, 4.0))
    assert made.inside(np.array([4.0, 4.0]))
    assert not made.inside(np.array([24.0, 4.0]))
    assert not made.inside(np.array([14.0, 4.0]))


# --- outlines ---


def test_collinear_points_and_gentle_bends_are_one_wall():
    square = np.array([(0, 0), (5, 0), (10, 0.1), (10, 10), (0, 10), (0, 0)], dtype=float)
    assert sorted(len(chain) for chain in straight_chains(square)) == [2, 2, 2, 3]
    turn = np.linspace(0, 2 * np.pi, 65)
    drum = np.stack([10 * np.cos(turn), 10 * np.sin(turn)], axis=1)
    chains = straight_chains(drum)
    assert all(3 <= len(chain) <= 6 for chain in chains)  # 5.6 degrees an edge, 25 a facade
    assert sum(len(chain) - 1 for chain in chains) == 64


def test_heights_that_are_missing_or_absurd_do_not_stop_anything():
    from tests.data_sources.street import table

    rows = table(("a", shapely.box(0, 0, 9, 9), 9), ("b", shapely.box(20, 0, 29, 9), 0.2))
    rows["height"] = ["nonsense", 0.2]
    buildings = read_buildings(rows)
    assert buildings.top.tolist() == [9.0, 2.0]
    assert (outline_facades(buildings).top > outline_facades(buildings).base).all()


def test_degrees_are_refused():
    from tests.data_sources.street import table

    with pytest.raises(InputError, match="not in metres"):
        read_buildings(table(("a", shapely.box(0, 0, 1, 1), 9), crs="EPSG:4326"))


# --- reprojection ---


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


def front_view(made, looks, building=0, azimuth=SOUTH):
    facade = facing(made.facades, building, azimuth)
    return next(v for v in find_views(made, [looks]) if v.facade == facade)


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
