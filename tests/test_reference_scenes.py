"""Scenes of the comparison with 3D: both sides hold one place, probes lie where they should."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import shapely

from heatmat.rasterise import maps_from_city
from heatmat.reference.mesh import EXTERIOR_WALL, ROOF, SOLID, Mesh
from heatmat.reference_scaling import districts
from heatmat.reference_scenes import WALL, Probe, Scene, scenes

CLEAR = 2.0 * WALL.thickness


@functools.cache
def made() -> list[tuple[Scene, Mesh, tuple[float, float]]]:
    found = []
    for scene in scenes():
        xmin, ymin, xmax, ymax = scene.city.extent
        origin = (round(0.5 * (xmin + xmax)), round(0.5 * (ymin + ymax)))
        found.append((scene, scene.mesh(origin), origin))
    return found


def test_there_are_thirty_probes_of_every_kind_and_corners_apart():
    inner = [[p for p in scene.probes if not p.at_edge] for scene, *_ in made()]
    assert sum(map(len, inner)) >= 30
    for (scene, *_), probes in zip(made(), inner, strict=True):
        assert {p.surface for p in probes} == {"wall", "roof", "ground"}
        walls = [p.z for p in probes if p.surface == "wall"]
        assert min(walls) <= 2.0 < 5.0 < max(walls)
        assert any(p.at_edge for p in scene.probes)
    # Walls face every way: a fault of the sun's azimuth has nowhere to hide.
    facing = [np.arctan2(*p.normal[:2]) for probes in inner for p in probes if p.surface == "wall"]
    assert {int(round(2.0 * a / np.pi)) % 4 for a in facing} == {0, 1, 2, 3}


def assert_clear(probe: Probe, polygons: np.ndarray, height: np.ndarray) -> None:
    """No edge within two wall thicknesses."""
    point = shapely.Point(probe.x, probe.y)
    normal, level = np.array(probe.normal[:2]), probe.z
    if probe.surface == "wall":
        along = np.array([-normal[1], normal[0]])
        ends = np.array([probe.x, probe.y]) + np.outer([-CLEAR, CLEAR], along)
        # Open in front and one roof behind, as far to either side.
        assert not shapely.intersects(polygons, shapely.LineString(ends + 0.05 * normal)).any()
        behind = shapely.covers(polygons, shapely.LineString(ends - 0.1 * normal))
        assert height[behind].max() >= level + CLEAR
        assert level >= CLEAR
    elif probe.surface == "ground":
        assert shapely.distance(polygons, point).min() >= CLEAR
    else:
        round_about = point.buffer(0.999 * CLEAR)
        near = shapely.intersects(polygons, round_about)
        assert height[near].max() == pytest.approx(level)
        top = shapely.union_all(polygons[near & (np.abs(height - level) < 1e-6)])
        assert top.covers(round_about)


@pytest.mark.parametrize("number", range(3))
def test_probes_keep_two_walls_from_edges(number):
    scene, *_ = made()[number]
    polygons = scene.city.buildings.geometry.to_numpy()
    height = scene.city.buildings["height"].to_numpy()
    for probe in scene.probes:
        if not probe.at_edge:
            assert_clear(probe, polygons, height)


@pytest.mark.parametrize("number", range(3))
def test_both_sides_hold_the_same_walls_and_roofs(number):
    scene, mesh, _ = made()[number]
    maps = maps_from_city(scene.city, 1.0)
    area = mesh.areas()
    # Each side closes slits and snaps to 1 mm in its own way.
    walls = area[mesh.kind == EXTERIOR_WALL].sum()
    assert walls == pytest.approx(maps.facade_exposed_area.sum(), rel=2e-3)
    union = shapely.union_all(scene.city.buildings.geometry.to_numpy())
    assert area[mesh.kind == ROOF].sum() == pytest.approx(union.area, rel=1e-3)


def assert_on_faces(scene: Scene, mesh: Mesh, origin: tuple[float, float]) -> None:
    """Every probe lies in a face of the mesh that looks its way."""
    corners = mesh.vertices.astype(float)[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for probe in scene.probes:
        point = np.array([probe.x - origin[0], probe.y - origin[1], probe.z])
        faces = np.flatnonzero(normal @ np.array(probe.normal) > 0.999)
        gap = np.abs(np.einsum("id,id->i", normal[faces], corners[faces, 0] - point))
        faces = faces[gap < 0.01]
        sides = [
            np.einsum(
                "id,id->i",
                np.cross(corners[faces, k - 2] - corners[faces, k], point - corners[faces, k]),
                normal[faces],
            )
            for k in range(3)
        ]
        assert (np.min(sides, axis=0) > -0.01).any(), probe


@pytest.mark.parametrize("number", range(3))
def test_probes_lie_on_faces_of_the_mesh(number):
    assert_on_faces(*made()[number])


def test_districts_are_nested_about_the_same_probes():
    one, ten, hundred = districts((1, 10, 100))
    assert [len(scene.city.buildings) for scene in (one, ten, hundred)] == [1, 10, 100]
    areas = [shapely.union_all(s.city.buildings.geometry.to_numpy()) for s in (one, ten, hundred)]
    assert areas[1].buffer(0.01).covers(areas[0])
    assert areas[2].buffer(0.01).covers(areas[1])
    assert one.probes == ten.probes == hundred.probes
    origin = (450_000.0, 5_410_000.0)
    mesh = hundred.mesh(origin)
    assert all(mesh.open_edges(SOLID + k) == 0 for k in range(3))
    assert_on_faces(hundred, mesh, origin)
    polygons = hundred.city.buildings.geometry.to_numpy()
    for probe in hundred.probes:
        assert_clear(probe, polygons, hundred.city.buildings["height"].to_numpy())
