"""Facades: straight runs, exposed areas, the wall that convection sees."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.facades import exposed_area
from heatmat.rasterise import maps_from_city
from tests.map_city import make_city


@pytest.mark.parametrize(
    ("a", "b", "area"),
    [(2.0, 4.0, 30.0), (-1.0, -2.0, 0.0), (3.0, -3.0, 7.5), (-1.0, 3.0, 11.25), (0.0, 0.0, 0.0)],
)
def test_exposed_area_of_a_wall_ten_metres_long(a: float, b: float, area: float) -> None:
    found = exposed_area(np.array([10.0]), np.array([a]), np.array([b]))
    assert found[0] == pytest.approx(area)
    assert exposed_area(np.array([10.0]), np.array([b]), np.array([a]))[0] == pytest.approx(area)


@pytest.mark.parametrize("angle", [0.0, 28.6])
def test_needless_vertices_do_not_split_a_wall(angle: float) -> None:
    ring = [(0, 0), (3, 0.004), (3.05, 0.003), (11, 0), (20, 0), (20, 10), (12, 10.006), (0, 10)]
    footprint = affinity.rotate(shapely.Polygon(ring), angle)
    maps = maps_from_city(make_city([footprint], [12.0]), 1.0)
    assert len(maps.facade_ab) == 4
    length = np.hypot(*(maps.facade_ab[:, 2:] - maps.facade_ab[:, :2]).T)
    # The rectangle of 20 x 12 m: 2 (20 + 12) / 240.
    assert maps.facade_perimeter_over_area[length > 15] == pytest.approx(64 / 240, rel=1e-3)
    assert maps.facade_perimeter_over_area[length < 15] == pytest.approx(44 / 120, rel=1e-3)


def test_a_round_tower_keeps_its_sides_apart() -> None:
    tower = shapely.Point(0, 0).buffer(10, quad_segs=8)
    maps = maps_from_city(make_city([tower], [20.0]), 1.0)
    assert len(maps.facade_ab) == 32
    finer = shapely.Point(0, 0).buffer(10, quad_segs=200)
    maps = maps_from_city(make_city([finer], [20.0]), 1.0)
    # 800 sides of 8 cm turn by 0.45 degrees each: runs end where the chord is 1 cm off, which an
    # arc of radius r is after 2 sqrt(2 r 0.01) = 0.9 m: 70 runs, or up to twice as many as the
    # last side of a run goes either way.
    assert 60 < len(maps.facade_ab) < 140
    assert maps.facade_exposed_area.sum() == pytest.approx(finer.length * 20, rel=2e-3)


def test_a_step_of_a_hand_splits_a_wall() -> None:
    ring = [(0, 0), (10, 0), (10, 0.1), (20, 0.1), (20, 10), (0, 10)]
    maps = maps_from_city(make_city([shapely.Polygon(ring)], [12.0]), 1.0)
    assert len(maps.facade_ab) == 6


def test_lowest_exposed_point_over_a_lower_neighbour() -> None:
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]
    maps = maps_from_city(make_city(shapes, [15.0, 6.0]), 1.0)
    east = np.isclose(maps.facade_z[:, 0], 6.0)
    assert east.sum() == 1
    assert maps.facade_z[east, 1] == 15.0
    assert maps.facade_perimeter_over_area[east] == pytest.approx(2 * (10 + 9) / 90)


def test_edges_know_their_facade_and_nothing_else() -> None:
    shapes = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10), shapely.box(20, 0, 30, 10)]
    maps = maps_from_city(make_city(shapes, [15.0, 6.0, 6.0]), 1.0)
    for (left, right), facades in zip(maps.edge_regions, maps.edge_facades, strict=True):
        for own, other, facade in ((left, right, facades[0]), (right, left, facades[1])):
            rises = maps.region_top[own] > maps.region_top[other]
            assert (facade >= 0) == rises
            if rises:
                assert maps.facade_building[facade] == maps.region_building[own]
