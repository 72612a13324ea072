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
from data_sources.visibility import CAMERA_HEIGHT
from heatmat.errors import InputError
from tests.data_sources.street import (
    facing,
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
