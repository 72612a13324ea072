from __future__ import annotations

import pytest
from shapely.geometry import LineString, box

from heatmat.features import Features
from heatmat.ground import (
    RANKS,
    area_ground,
    ground_from_osm,
    is_open_ground,
    way_ground,
    way_width,
)

LINE = LineString([(0.0, 0.0), (100.0, 0.0)])
FIELD = box(0.0, 0.0, 100.0, 100.0)
LAWN = box(0.0, 0.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("tags", "kind", "construction"),
    [
        ({"landuse": "grass"}, "verge", "grass"),
        ({"leisure": "park"}, "green", "grass"),
        ({"natural": "water"}, "water", "water"),
        ({"leisure": "pitch"}, "paved", "gravel_ground"),
        ({"leisure": "pitch", "surface": "grass"}, "green", "grass"),
        ({"amenity": "parking", "surface": "fine_gravel"}, "paved", "gravel_ground"),
        ({"highway": "pedestrian", "area": "yes", "surface": "sett"}, "paved", "setts_street"),
        ({"highway": "pedestrian", "area": "yes"}, "paved", "concrete_paving"),
        ({"area:highway": "residential"}, "street", "asphalt_street"),
        ({"natural": "sand"}, "paved", "bare_soil"),
        ({"place": "square"}, "square", "concrete_paving"),
    ],
)
def test_areas(tags, kind, construction):
    assert area_ground(tags, LAWN) == (kind, construction, LAWN)


def test_a_large_lawn_lies_under_the_streets_and_a_small_one_over_them():
    large, small = area_ground({"landuse": "grass"}, FIELD), area_ground({"landuse": "grass"}, LAWN)
    assert RANKS[large[0]] < RANKS["street"] < RANKS[small[0]]


def test_areas_that_say_nothing():
    assert area_ground({"landuse": "residential"}, FIELD) is None


@pytest.mark.parametrize(
    ("tags", "width"),
    [
        ({"highway": "residential"}, 7.0),
        ({"highway": "residential", "width": "5,5 m"}, 5.5),
        ({"highway": "primary", "lanes": "4"}, 13.0),
        ({"highway": "primary", "width": "900", "lanes": "many"}, 12.0),
    ],
)
def test_widths(tags, width):
    assert way_width(tags) == width


def test_ways():
    kind, construction, shape = way_ground({"highway": "footway"}, LINE)
    assert (kind, construction) == ("footway", "concrete_paving")
    assert shape.bounds == pytest.approx((-1.25, -1.25, 101.25, 1.25))
    assert way_ground({"highway": "path"}, LINE)[1] == "gravel_ground"
    assert way_ground({"railway": "rail"}, LINE)[0] == "rail"
    assert way_ground({"highway": "proposed"}, LINE) is None
    assert way_ground({"barrier": "fence"}, LINE) is None


@pytest.mark.parametrize(
    "tags",
    [
        {"tunnel": "yes"},
        {"layer": "-1"},
        {"indoor": "yes"},
        {"covered": "yes"},
        {"building": "yes"},
    ],
)
def test_below_ground_and_indoors_is_no_ground(tags):
    assert not is_open_ground({"highway": "footway"} | tags)


def test_later_rows_lie_over_earlier_ones_inside_the_box():
    shapes = [LINE, FIELD, LINE]
    tags = [{"highway": "footway"}, {"leisure": "park"}, {"highway": "residential"}]
    features = Features(shapes, tags, ["1", "2", "3"], [0, 1, 2], None, "test", True)
    window = box(10.0, -20.0, 90.0, 50.0)
    rows = ground_from_osm(features, window)
    assert [kind for kind, _, _ in rows] == ["green", "street", "footway"]
    assert rows[0][2].area == pytest.approx(80.0 * 50.0)
    assert rows[1][2].area == pytest.approx(80.0 * 7.0)
    assert all(window.covers(shape) for *_, shape in rows)
