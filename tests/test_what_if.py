"""Interventions on maps: what is touched, by how much, and that nothing else moves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity

from heatmat.areas_within import extent_box, facades_within, regions_within
from heatmat.construction import Construction
from heatmat.errors import InputError
from heatmat.interventions import Intervention, Where
from heatmat.maps import Maps
from heatmat.rasterise import maps_from_city
from heatmat.what_if import Applied, apply_interventions, inside_polygon, region_plan_areas
from tests.map_city import ORIGIN, make_city

PARENTS = ["", "big", "big"]
TAGS: list[dict[str, object]] = [{"building": "school"}, {"building": "yes"}, {}]


def construction(name: str, kind: str) -> Construction:
    from heatmat.materials import library

    base = next(item for item in library().values() if item.kind == kind)
    return dataclasses.replace(base, name=name, albedo=0.2)


@pytest.fixture(scope="module")
def known() -> dict[str, Construction]:
    kinds = {"brick": "wall", "glass": "wall", "bitumen_roof": "roof", "asphalt_street": "ground"}
    kinds |= {"grass": "ground", "green_roof": "roof"}
    return {name: construction(name, kind) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def maps() -> Maps:
    """Three buildings: 10 x 20 x 10 m alone; 10 x 10 x 10 beside 10 x 10 x 6 with a gable."""
    city = make_city(
        [shapely.box(0, 0, 10, 20), shapely.box(30, 0, 40, 10), shapely.box(40, 0, 50, 10)],
        [10.0, 10.0, 6.0],
        roof_shape=["flat", "flat", "gabled"],
        roof_height=[np.nan, np.nan, 3.0],
        ground=[(shapely.box(10, 0, 30, 20), "grass")],
    )
    return maps_from_city(city, 1.0)


def apply(maps: Maps, known: dict[str, Construction], *entries: Any) -> Applied:
    return apply_interventions(maps, known, entries, parents=PARENTS, tags=TAGS)


def change(name: str = "cool", *, albedo: float = 0.7, **where: Any) -> Intervention:
    return Intervention(name, Where(**where), {"albedo": albedo})


def test_plan_areas_are_those_of_the_footprints(maps: Maps) -> None:
    areas = region_plan_areas(maps)
    by_building = np.bincount(maps.region_building[1:], weights=areas[1:])
    # Coordinates are float32 some 50 m from the origin: 4e-6 m on 10 m.
    np.testing.assert_allclose(by_building, [200.0, 100.0, 100.0], rtol=1e-5)


def test_areas_told_are_those_within_the_extent(maps: Maps, known: dict[str, Construction]) -> None:
    """An extent that cuts through two of the buildings, by shapely."""
    row0, _, col0, _ = maps.window
    cut = dataclasses.replace(maps, window=(row0 + 4, row0 + 15, col0 + 3, col0 + 43))
    west, south, east, north = extent_box(cut)
    assert (east - west, north - south) == (40.0, 11.0)
    box = shapely.box(west, south, east, north)
    corner = np.array(maps.origin) - np.array(ORIGIN)
    shapes = [
        shapely.affinity.translate(shape, -corner[0], -corner[1])
        for shape in (
            shapely.box(0, 0, 10, 20), shapely.box(30, 0, 40, 10), shapely.box(40, 0, 50, 10)
        )
    ]  # fmt: skip
    expected = [shape.intersection(box).area for shape in shapes]
    assert 0.0 < expected[0] < 200.0 and 0.0 < sum(expected[1:]) < 200.0
    found = np.bincount(maps.region_building[1:], weights=regions_within(cut, box.bounds)[1:])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    lines = [shapely.LineString(ends.reshape(2, 2)) for ends in maps.facade_ab.astype(float)]
    share = [line.intersection(box).length / line.length for line in lines]
    np.testing.assert_allclose(facades_within(cut, box.bounds), share, atol=1e-5)
    done = apply(cut, known, change())
    told, whole = done.touched_m2["cool"], done.touched_with_margin_m2["cool"]
    assert told["wall"] == pytest.approx((maps.facade_exposed_area * share).sum(), rel=1e-5)
    middles = cut.building_index[cut.window[0] : cut.window[1], cut.window[2] : cut.window[3]] < 0
    assert told["ground"] == pytest.approx(middles.sum())
    roofs = apply(maps, known, change()).touched_with_margin_m2["cool"]["roof"]
    assert told["roof"] < whole["roof"] == roofs


def test_cool_roofs(maps: Maps, known: dict[str, Construction]) -> None:
    done = apply(maps, known, change(surface=("roof",), construction=("bitumen_roof",)))
    # The gable's two planes rise 3 m over 5 m.
    area = 300.0 + 100.0 * np.hypot(5.0, 3.0) / 5.0
    assert done.touched_m2["cool"]["roof"] == pytest.approx(area, rel=1e-5)
    copy = done.constructions["bitumen_roof+cool"]
    assert copy.albedo == 0.7
    assert copy.layers == known["bitumen_roof"].layers
    assert known["bitumen_roof"].albedo == 0.2
    roofs = done.maps.region_composition[1:]
    assert {done.maps.compositions[i] for i in roofs} == {(("bitumen_roof+cool", 1.0),)}


def test_the_maps_given_stay_as_they_are(maps: Maps, known: dict[str, Construction]) -> None:
    before = maps.region_composition.copy(), list(maps.compositions), maps.ground_composition.copy()
    done = apply(maps, known, change())
    np.testing.assert_array_equal(maps.region_composition, before[0])
    assert maps.compositions == before[1]
    np.testing.assert_array_equal(maps.ground_composition, before[2])
    assert done.maps.edge_ab is maps.edge_ab  # geometry is shared, never copied
    assert set(done.touched_m2["cool"]) == {"ground", "roof", "wall"}
    assert done.maps.ground_composition.dtype == maps.ground_composition.dtype
    assert done.maps.facade_composition.dtype == maps.facade_composition.dtype


def test_only_the_named_share_of_a_facade_changes(
    maps: Maps, known: dict[str, Construction]
) -> None:
    done = apply(maps, known, change(construction=("glass",)))
    composition = done.maps.compositions[done.maps.facade_composition[0]]
    assert composition == (("brick", 0.7), ("glass+cool", 0.3))
    walls = float(maps.facade_exposed_area.sum())
    assert done.touched_m2 == {"cool": {"wall": pytest.approx(0.3 * walls)}}


def test_another_construction_merges_equal_shares(
    maps: Maps, known: dict[str, Construction]
) -> None:
    entry = Intervention("bricks", Where(surface=("wall",)), construction="brick")
    done = apply(maps, known, entry)
    composition = done.maps.compositions[done.maps.facade_composition[0]]
    assert composition == (("brick", 1.0),)


def test_ground_by_construction(maps: Maps, known: dict[str, Construction]) -> None:
    done = apply(maps, known, change(surface=("ground",), construction=("grass",)))
    assert done.touched_m2["cool"] == {"ground": pytest.approx(400.0)}


def test_buildings_by_id_parent_and_tag(maps: Maps, known: dict[str, Construction]) -> None:
    def roof(**where: Any) -> float:
        return apply(maps, known, change(surface=("roof",), **where)).touched_m2["cool"]["roof"]

    assert roof(building_id=("b0",)) == pytest.approx(200.0, rel=1e-5)
    assert roof(tag=("building=school",)) == pytest.approx(200.0, rel=1e-5)
    assert roof(tag=("building",)) == pytest.approx(300.0, rel=1e-5)
    of_parts = 100.0 + 100.0 * np.hypot(5.0, 3.0) / 5.0
    assert roof(building_id=("big",)) == pytest.approx(of_parts, rel=1e-5)


def test_azimuth_may_pass_north(maps: Maps, known: dict[str, Construction]) -> None:
    def walls(first: float, last: float) -> float:
        entry = change(surface=("wall",), building_id=("b0",), azimuth_deg=(first, last))
        return apply(maps, known, entry).touched_m2["cool"]["wall"]

    # Building b0 is 10 m wide and 20 m deep, 10 m high; the grid's convergence is under 1 degree.
    assert walls(315, 45) == pytest.approx(100.0, rel=1e-4)
    assert walls(-45, 45) == pytest.approx(100.0, rel=1e-4)
    assert walls(45, 135) == pytest.approx(200.0, rel=1e-4)
    assert walls(45, 225) == pytest.approx(300.0, rel=1e-4)
    assert walls(0, 360) == pytest.approx(600.0, rel=1e-4)


def test_sloping_roofs_have_an_azimuth_and_flat_ones_none(
    maps: Maps, known: dict[str, Construction]
) -> None:
    everywhere = apply(maps, known, change(surface=("roof",), azimuth_deg=(0, 360)))
    gable = 100.0 * np.hypot(5.0, 3.0) / 5.0
    assert everywhere.touched_m2["cool"]["roof"] == pytest.approx(gable, rel=1e-5)
    ridge = maps.region_plane[maps.region_building == 2]
    first = 90.0 if abs(ridge[0, 1]) > abs(ridge[0, 2]) else 0.0
    half = apply(maps, known, change(surface=("roof",), azimuth_deg=(first - 45, first + 45)))
    assert half.touched_m2["cool"]["roof"] == pytest.approx(gable / 2, rel=1e-4)


def test_polygon_in_the_crs(maps: Maps, known: dict[str, Construction]) -> None:
    corners = [(-1, -1), (11, -1), (11, 21), (-1, 21)]
    polygon = tuple((x + ORIGIN[0], y + ORIGIN[1]) for x, y in corners)
    done = apply(maps, known, change(surface=("roof",), polygon=polygon))
    assert done.touched_m2["cool"]["roof"] == pytest.approx(200.0, rel=1e-5)


def test_inside_polygon_agrees_with_shapely(rng: np.random.Generator) -> None:
    corners = np.array([(0, 0), (4, 0), (4, 4), (2, 1), (0, 4)], float)
    points = rng.uniform(-1, 5, (500, 2))
    expected = shapely.contains_xy(shapely.Polygon(corners), points)
    np.testing.assert_array_equal(inside_polygon(points, corners), expected)


def test_later_interventions_see_earlier_ones(maps: Maps, known: dict[str, Construction]) -> None:
    roofs = {"surface": ("roof",), "construction": ("bitumen_roof",)}
    done = apply(
        maps, known, change("a", albedo=0.7, **roofs),
        Intervention("b", Where(**roofs), {"emissivity": 0.8}),
    )  # fmt: skip
    final = done.constructions["bitumen_roof+a+b"]
    assert (final.albedo, final.emissivity) == (0.7, 0.8)
    with pytest.raises(InputError, match="'b': the selection matches no surface"):
        green = Intervention("a", Where(surface=("roof",)), construction="green_roof")
        apply(maps, known, green, change("b", **roofs))


def test_an_alias_is_its_construction(maps: Maps, known: dict[str, Construction]) -> None:
    aliased = {**known, "bricks": known["brick"], "masonry": known["brick"]}
    renamed = dataclasses.replace(
        maps,
        compositions=[
            tuple(("bricks" if n == "brick" else n, f) for n, f in c) for c in maps.compositions
        ],
    )
    done = apply(renamed, aliased, change(construction=("brick",)))
    assert "bricks+cool" in done.constructions


NOTHING = [
    (Where(surface=("roof",), construction=("grass",)), "the selection matches no surface"),
    (Where(surface=("ground",), building_id=("b0",)), "the selection matches no surface"),
    (Where(building_id=("b9",)), "no such building .*'?b9"),
    (Where(tag=("building=church",)), "the selection matches no surface"),
]


@pytest.mark.parametrize(("where", "expected"), NOTHING)
def test_a_selection_that_matches_nothing_is_an_error(
    maps: Maps, known: dict[str, Construction], where: Where, expected: str
) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        apply(maps, known, Intervention("x", where, {"albedo": 0.5}))
    assert "\n" not in str(caught.value)
