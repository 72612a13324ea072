"""Neighbours, overlaps and slivers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.partition import close_gaps, partition
from heatmat.rasterise import maps_from_city
from tests.map_city import make_city

A = shapely.box(0, 0, 20, 10)


def flat(heights: list[float]) -> np.ndarray:
    return np.array([[z, 0.0, 0.0, 0.0, 0.0] for z in heights])


def polygons(*shapes: shapely.Geometry) -> np.ndarray:
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return shapely.set_precision(out, 1e-3)


@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0])
@pytest.mark.parametrize(("left", "right"), [(10.0, 10.0), (10.0, 6.0), (4.0, 25.0)])
def test_a_party_wall_shows_only_above_the_lower_roof(
    left: float, right: float, angle: float
) -> None:
    shapes = [affinity.rotate(s, angle, origin=(0, 0)) for s in (A, shapely.box(20, 0, 30, 10))]
    maps = maps_from_city(make_city(shapes, [left, right]), 1.0)
    expected = 50 * left + 30 * right + 10 * abs(left - right)
    assert maps.facade_exposed_area.sum() == pytest.approx(expected, rel=3e-4)
    assert maps.counts["party_wall_area_m2"] == pytest.approx(10 * min(left, right), rel=1e-3)
    between = np.isclose(maps.facade_z[:, 0], min(left, right))
    assert between.sum() == (left != right)


def test_a_t_junction_is_noded() -> None:
    shapes = [A, shapely.box(0, 10, 7, 18), shapely.box(7, 10, 20, 18)]
    maps = maps_from_city(make_city(shapes, [10.0, 6.0, 4.0]), 1.0)
    above = 7 * 4 + 13 * 6 + 8 * 2
    free = 10 * (10 + 20 + 10) + 6 * (8 + 7) + 4 * (13 + 8)
    assert maps.facade_exposed_area.sum() == pytest.approx(above + free, rel=1e-4)
    # Walls of the first over both neighbours are one straight run, as convection sees it.
    north = (maps.facade_building == 0) & np.isclose(maps.facade_z[:, 0], 4.0)
    assert north.sum() == 1
    assert maps.facade_exposed_area[north][0] == pytest.approx(7 * 4 + 13 * 6, rel=1e-4)


@pytest.mark.parametrize("gap", [0.001, 0.02, 0.15, 0.29])
@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_gaps_narrower_than_thirty_centimetres_close(gap: float, angle: float) -> None:
    other = shapely.box(20 + gap, 0, 30, 10)
    shapes = [affinity.rotate(s, angle, origin=(0, 0)) for s in (A, other)]
    maps = maps_from_city(make_city(shapes, [10.0, 10.0]), 1.0)
    assert maps.facade_exposed_area.sum() == pytest.approx(2 * (30 + 10) * 10, rel=2e-3)
    if gap > 0.001:
        assert maps.counts["slivers_closed"] == 1
        assert maps.counts["sliver_area_m2"] == pytest.approx(10 * gap, rel=0.1)


def test_an_alley_and_a_thin_wall_stay() -> None:
    wall = shapely.box(-5.3, 0, -5, 10)
    shapes = [A, shapely.box(20.6, 0, 30, 10), wall]
    maps = maps_from_city(make_city(shapes, [10.0, 10.0, 3.0]), 1.0)
    assert maps.counts["slivers_closed"] == 0
    expected = 600 + 10 * 2 * (9.4 + 10) + 3 * 2 * 10.3
    assert maps.facade_exposed_area.sum() == pytest.approx(expected, rel=1e-4)


def test_a_wedge_closes_only_where_it_is_narrow() -> None:
    right = shapely.Polygon([(20.1, 0), (30, 0), (30, 10), (21.1, 10)])
    closed, counts = close_gaps(polygons(A, right))
    assert counts["slivers_closed"] == 1
    # It is 0.1 m wide at the bottom and 0.3 m at y = 2, where a disc of 0.3 m first fits; the mitre
    # may open it again by twice half the gap, to y = 1.7.
    assert (0.1 + 0.27) / 2 * 1.7 * 0.98 < counts["sliver_area_m2"] < (0.1 + 0.3) / 2 * 2
    assert shapely.union_all(closed).geom_type == "Polygon"


def test_nothing_is_taken_away_when_gaps_close(rng: np.random.Generator) -> None:
    shapes = [
        affinity.rotate(affinity.translate(A, *rng.uniform(0, 100, 2)), rng.uniform(0, 90))
        for _ in range(40)
    ]
    before = polygons(*shapes)
    after, _ = close_gaps(before)
    lost = shapely.area(shapely.difference(before, after))
    assert lost.max() < 0.03  # m2: half a millimetre along 60 m of outline


def test_where_footprints_overlap_the_higher_wins() -> None:
    tower = shapely.box(5, 2, 10, 8)
    maps = maps_from_city(make_city([A, tower, A], [10.0, 30.0, 10.0]), 0.5)
    assert maps.counts["overlaps_resolved"] == 3
    assert maps.counts["buildings_hidden"] == 1  # the duplicate
    assert maps.facade_exposed_area.sum() == pytest.approx(60 * 10 + 22 * 20)
    assert (maps.building_index == 1).sum() * 0.25 == pytest.approx(30, abs=6)
    assert maps.height.max() == 30.0


def test_regions_tile_the_union(rng: np.random.Generator) -> None:
    shapes = [
        affinity.rotate(affinity.translate(A, *rng.uniform(0, 60, 2)), rng.uniform(0, 90))
        for _ in range(30)
    ]
    pieces = polygons(*shapes)
    found = partition(pieces, flat(list(rng.uniform(3, 20, 30))), np.arange(30))
    built = found.face_piece >= 0
    union = shapely.union_all(pieces)
    assert shapely.area(found.faces[built]).sum() == pytest.approx(union.area, rel=1e-4)
    assert shapely.union_all(found.faces[built]).symmetric_difference(union).area < 0.5
    # Each edge once, between different owners.
    assert len(np.unique(np.sort(found.edges, axis=1), axis=0)) == len(found.edges)
    assert (found.edge_pieces[:, 0] != found.edge_pieces[:, 1]).all()


def test_edges_meet_at_vertices_only(rng: np.random.Generator) -> None:
    shapes = [
        affinity.rotate(affinity.translate(A, *rng.uniform(0, 60, 2)), rng.uniform(0, 90))
        for _ in range(30)
    ]
    found = partition(polygons(*shapes), flat([5.0] * 30), np.arange(30))
    ab = found.vertices[found.edges].astype(np.float32).astype(np.float64)
    lines = shapely.linestrings(ab)
    first, second = shapely.STRtree(lines).query(lines, predicate="crosses")
    shared = (found.edges[first][:, :, None] == found.edges[second][:, None, :]).any(axis=(1, 2))
    assert shared.all()


def test_a_building_in_a_courtyard_is_a_block_of_its_own() -> None:
    around = shapely.box(0, 0, 40, 40).difference(shapely.box(10, 10, 30, 30))
    inner = shapely.box(18, 18, 22, 22)
    maps = maps_from_city(make_city([inner, around], [5.0, 12.0]), 1.0)
    assert maps.facade_exposed_area.sum() == pytest.approx((160 + 80) * 12 + 16 * 5, rel=1e-4)
    assert maps.counts["roof_area_m2"] == pytest.approx(1600 - 400 + 16)
    assert (maps.building_index == 1).sum() == pytest.approx(1200, abs=10)


@pytest.mark.parametrize("gap", [0.003, 0.2])
def test_parts_on_one_outline_close_their_gaps_too(gap: float) -> None:
    towers = [shapely.box(2, 2, 8, 8), shapely.box(8 + gap, 2, 14, 8)]
    maps = maps_from_city(make_city([A, *towers], [5.0, 20.0, 20.0]), 1.0)
    assert maps.counts["slivers_closed"] == 1
    assert maps.facade_exposed_area.sum() == pytest.approx(60 * 5 + 36 * 15, rel=1e-3)


def test_a_face_of_millimetres_is_no_pit() -> None:
    # The low house fills the gap of 3 mm between the two high ones to its own height.
    shapes = [shapely.box(0, 0, 8, 10), shapely.box(8.003, 0, 20, 10), shapely.box(7, 0, 9, 10)]
    maps = maps_from_city(make_city(shapes, [20.0, 20.0, 5.0]), 1.0)
    assert maps.counts["thin_faces"] == 1
    assert maps.facade_exposed_area.sum() == pytest.approx(60 * 20, rel=1e-3)


def test_a_footprint_that_crosses_itself_is_split_in_two() -> None:
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    maps = maps_from_city(make_city([bow_tie], [5.0]), 1.0)
    assert maps.counts["roof_area_m2"] == pytest.approx(50.0, rel=1e-3)
    assert maps.facade_exposed_area.sum() == pytest.approx((20 + 20 * np.sqrt(2)) * 5, rel=1e-3)
