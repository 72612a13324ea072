"""Roof shapes: heights at eaves and ridge, volumes, gables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.maps import plane_height
from heatmat.rasterise import maps_from_city
from heatmat.roofs import roof_pieces
from tests.map_city import make_city

LENGTH, WIDTH, HEIGHT, RISE = 20.0, 10.0, 12.0, 4.0
HOUSE = shapely.box(0, 0, LENGTH, WIDTH)


def pieces(shape: str, *, outline: Any = HOUSE, direction: float = np.nan, rise: float = RISE):
    polygons = np.empty(1, dtype=object)
    polygons[0] = outline
    return roof_pieces(
        polygons, np.array([HEIGHT]), np.array([shape]), np.array([rise]), np.array([direction])
    )


def height_at(roof, x: float, y: float) -> float:
    return float(min(plane_height(plane, np.array(x), np.array(y)) for plane in roof.planes))


def volume(roof) -> float:
    """Of the prisms under all planes: area x height at the centroid is exact for a plane."""
    centre = shapely.get_coordinates(shapely.centroid(roof.polygons))
    return float((shapely.area(roof.polygons) * plane_height(roof.planes, *centre.T)).sum())


EAVES = HEIGHT - RISE
# Closed forms: prism, prism of the eaves plus a roof of half (gabled, skillion), a third
# (pyramidal), or a wedge with two half pyramids at its ends (hipped).
VOLUME = {
    "flat": 20 * 10 * HEIGHT,
    "gabled": 200 * EAVES + 200 * RISE / 2,
    "skillion": 200 * EAVES + 200 * RISE / 2,
    "pyramidal": 200 * EAVES + 200 * RISE / 3,
    "hipped": 200 * EAVES + 10 * 10 * RISE / 2 + 10 * 10 * RISE / 3,
}


@pytest.mark.parametrize("shape", list(VOLUME))
@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0])
def test_volume_and_area(shape: str, angle: float) -> None:
    roof = pieces(shape, outline=affinity.rotate(HOUSE, angle))
    assert volume(roof) == pytest.approx(VOLUME[shape], rel=1e-9)
    assert shapely.area(roof.polygons).sum() == pytest.approx(200.0)
    assert len(roof.planes) == {"flat": 1, "skillion": 1, "gabled": 2}.get(shape, 4)


def test_ridge_and_eaves() -> None:
    gabled = pieces("gabled")
    assert [height_at(gabled, x, 5) for x in (0, 7, 20)] == pytest.approx([HEIGHT] * 3)
    assert height_at(gabled, 13, 0) == pytest.approx(EAVES)
    hipped = pieces("hipped")
    assert [height_at(hipped, x, 5) for x in (5, 15)] == pytest.approx([HEIGHT] * 2)
    assert [height_at(hipped, x, y) for x, y in ((0, 0), (0, 5), (20, 3), (9, 10))] == (
        pytest.approx([EAVES] * 4)
    )
    pyramid = pieces("pyramidal")
    assert height_at(pyramid, 10, 5) == pytest.approx(HEIGHT)
    assert height_at(pyramid, 0, 5) == height_at(pyramid, 4, 0) == pytest.approx(EAVES)


def test_tagged_direction_turns_the_ridge_and_the_slope() -> None:
    east = pieces("gabled", direction=90.0)  # slopes look east and west: the ridge runs north
    assert height_at(east, 10, 1) == pytest.approx(HEIGHT)
    assert height_at(east, 20, 5) == pytest.approx(EAVES)
    shed = pieces("skillion", direction=90.0)
    assert height_at(shed, 20, 5) == pytest.approx(EAVES)
    assert height_at(shed, 0, 5) == pytest.approx(HEIGHT)


def test_unknown_roof_height_follows_the_stated_rule() -> None:
    gabled = pieces("gabled", rise=np.nan)
    assert height_at(gabled, 3, 0) == pytest.approx(HEIGHT - 5 * np.tan(np.radians(30)))
    wide = pieces("gabled", rise=np.nan, outline=shapely.box(0, 0, 60, 40))
    assert height_at(wide, 3, 0) == pytest.approx(HEIGHT * 0.6)  # 30 degrees would take 11.5 m


def test_what_cannot_be_built_is_flat_at_half_and_counted() -> None:
    dome = pieces("dome")
    assert dome.planes[:, 0] == pytest.approx(HEIGHT - RISE / 2)
    assert dome.counts == {"roofs_shape_unsupported": 1}
    courtyard = shapely.box(0, 0, 30, 30).difference(shapely.box(5, 5, 25, 25))
    block = pieces("gabled", outline=courtyard)
    assert block.planes[:, 0] == pytest.approx(HEIGHT - RISE / 2)
    assert block.counts == {"roofs_shape_irregular": 1}


@pytest.mark.parametrize("angle", [0.0, 30.0])
def test_gable_ends_are_walls_and_ridges_are_not(angle: float) -> None:
    house = affinity.rotate(HOUSE, angle)
    maps = maps_from_city(make_city([house], [HEIGHT], roof_shape="gabled", roof_height=RISE), 1.0)
    walls = 2 * LENGTH * EAVES + 2 * WIDTH * (EAVES + RISE / 2)
    assert maps.facade_exposed_area.sum() == pytest.approx(walls, rel=3e-4)
    ridge = (maps.edge_regions > 0).all(axis=1)
    assert ridge.sum() >= 1
    assert (maps.edge_facades[ridge] == -1).all()
    gables = np.isclose(maps.facade_z[:, 1], HEIGHT, atol=2e-3)
    assert gables.sum() == 2
    assert len(maps.facade_ab) == 4
    assert maps.region_top.max() == pytest.approx(HEIGHT, abs=2e-3)


def test_roofs_perimeter_over_area_is_of_the_whole_footprint() -> None:
    maps = maps_from_city(make_city([HOUSE], [HEIGHT], roof_shape="hipped", roof_height=RISE), 1.0)
    assert len(maps.region_plane) == 5
    assert maps.region_perimeter_over_area[1:] == pytest.approx(60 / 200)
    assert maps.region_perimeter_over_area[0] == pytest.approx(0.4)


def test_tagged_direction_is_true_north() -> None:
    city = make_city([HOUSE], [HEIGHT], roof_shape="skillion", roof_height=RISE,
                     roof_direction_deg=90.0)  # fmt: skip
    maps = maps_from_city(city, 1.0)
    gx, gy = maps.region_plane[1, 1:3]
    downhill = np.degrees(np.arctan2(-gx, -gy)) + maps.convergence_deg
    assert downhill == pytest.approx(90.0, abs=1e-3)
