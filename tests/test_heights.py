from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from heatmat.errors import InputError
from heatmat.heights import (
    STOREY_HEIGHT,
    TagReader,
    fill_heights,
    heights_from_tags,
    parse_direction,
    parse_length,
    weighted_median,
)

HOUSE = box(0.0, 0.0, 10.0, 30.0)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("12", 12.0),
        ("12 m", 12.0),
        ("12m", 12.0),
        ("12,5", 12.5),
        ("12.5 metres", 12.5),
        ("40'", 40 * 0.3048),
        ("40 ft", 40 * 0.3048),
        ("5'6\"", 66 * 0.0254),
        ("3;4", 4.0),
        ("~ 9", 9.0),
        (7, 7.0),
        (7.5, 7.5),
    ],
)
def test_forms_of_a_length(text, metres):
    assert parse_length(text) == pytest.approx(metres, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "tall", "12 km", "1-2", "12 m high", "3;x", "1.2.3", "--1", True]
)
def test_no_lengths(text):
    assert math.isnan(parse_length(text))


@given(st.text(alphabet="0159.,;'\"+-~ mftinNSEWe°\u0661\n", max_size=12))
def test_any_text_is_a_number_or_nan(text):
    assert isinstance(parse_length(text), float)
    assert isinstance(parse_direction(text), float)


def test_directions():
    assert parse_direction("NNE") == 22.5
    assert parse_direction("w") == 270.0
    assert parse_direction("370") == 10.0
    assert math.isnan(parse_direction("up"))


def read(tags, lenient=False):
    return heights_from_tags(tags, HOUSE, "here", TagReader(lenient, Counter()))


def test_tagged_height_wins_over_levels():
    stated = read({"height": "20", "building:levels": "3"})
    assert (stated.height, stated.source, stated.roof_height) == (20.0, "tagged", 0.0)
    assert read({"height_m": 8.0}).height == 8.0


def test_levels():
    assert read({"building:levels": "4"}).height == 4 * STOREY_HEIGHT
    # Roof storeys count under a flat roof and under a pitched one.
    assert read({"building:levels": "4", "roof:levels": "1"}).height == 5 * STOREY_HEIGHT
    stated = read({"building:levels": "4", "roof:shape": "gabled", "roof:height": "5"})
    assert (stated.height, stated.roof_height, stated.source) == (17.0, 5.0, "levels")


def test_roof_without_a_height_takes_thirty_degrees():
    stated = read({"height": "12", "roof:shape": "gabled"})
    assert stated.roof_height == pytest.approx(5.0 * math.tan(math.radians(30.0)))


def test_roof_is_not_higher_than_its_building():
    stated = read({"height": "4", "min_height": "2", "roof:shape": "hipped", "roof:height": "9"})
    assert stated.roof_height == 2.0


def test_other_roof_shapes_are_flat_and_counted():
    counts: Counter[str] = Counter()
    stated = heights_from_tags({"roof:shape": "onion"}, HOUSE, "here", TagReader(True, counts))
    assert stated.roof_shape == "flat"
    assert counts["roof_shape_flattened"] == 1


def test_base_above_the_top_is_dropped():
    assert read({"height": "5", "min_height": "6"}).min_height == 0.0
    assert read({"building:levels": "5", "building:min_level": "2"}).min_height == 6.0


def test_strict_and_lenient():
    with pytest.raises(InputError, match="building:levels"):
        read({"building:levels": "-2"})
    assert math.isnan(read({"building:levels": "-2"}, lenient=True).height)


def test_median_of_the_weights():
    assert weighted_median([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]) == 2.0
    assert weighted_median([3.0, 1.0, 2.0], [10.0, 1.0, 1.0]) == 3.0


def test_filling():
    row = [box(20.0 * i, 0.0, 20.0 * i + 10.0, 10.0) for i in range(5)]
    heights = [6.0, 6.0, math.nan, 30.0, math.nan]
    low = [False, False, False, False, True]
    filled, rules = fill_heights(row, heights, low)
    # Half of the weight lies on the two neighbours of 6 m; the shed is a shed.
    assert filled == [6.0, 6.0, 6.0, 30.0, STOREY_HEIGHT]
    assert rules == ["", "", "neighbours", "", "one_storey"]


def test_filling_from_afar_and_from_nothing():
    far = [box(500.0 * i, 0.0, 500.0 * i + 10.0, 10.0) for i in range(4)]
    filled, rules = fill_heights(far, [8.0, 9.0, 20.0, math.nan], [False] * 4)
    assert (filled[3], rules[3]) == (9.0, "median")
    assert fill_heights(far[:1], [math.nan], [False]) == ([9.0], ["default"])


def test_large_neighbours_outweigh_the_sheds_in_their_yard():
    sheds = [box(3.0 * i, 0.0, 3.0 * i + 2.0, 2.0) for i in range(6)]
    block, gap = box(0.0, 10.0, 40.0, 30.0), box(-20.0, 0.0, -5.0, 20.0)
    filled, _ = fill_heights([*sheds, block, gap], [3.0] * 6 + [20.0, math.nan], [False] * 8)
    assert filled[-1] == 20.0
