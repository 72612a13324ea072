"""Scenes of the comparison with 3D: both sides hold one place, probes lie where they should."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import shapely

from heatmat.benchmark_scenes import REGULAR, WALL, Scene, districts, scenes
from heatmat.errors import HeatMatError
from heatmat.rasterise import maps_from_city
from heatmat.reference.mesh import EXTERIOR_WALL, ROOF, SOLID, Mesh


@functools.cache
def made() -> list[tuple[Scene, Mesh]]:
    return [(scene, scene.mesh()) for scene in scenes()]


def regular(scene: Scene) -> np.ndarray:
    return scene.probes["kind"].isin(REGULAR).to_numpy()


def test_there_are_thirty_probes_of_every_kind_and_corners_apart():
    tables = [scene.probes for scene, _ in made()]
    assert sum(regular(scene).sum() for scene, _ in made()) >= 30
    for table in tables:
        assert set(table["kind"]) == {*REGULAR, "corner"}
        assert table["id"].is_unique
    # Walls face every way at least once: a fault of the sun's azimuth has nowhere to hide.
    facing = np.concatenate([t["azimuth_deg"].dropna() for t in tables])
    assert set(np.floor(((facing + 45.0) % 360.0) / 90.0)) == {0.0, 1.0, 2.0, 3.0}


def test_regular_probes_keep_two_walls_from_edges():
    for scene, _ in made():
        polygons = scene.city.buildings.geometry.to_numpy()
        height = scene.city.buildings["height"].to_numpy()
        clear = 2.0 * WALL.thickness
        for probe in scene.probes[regular(scene)].itertuples():
            point = shapely.Point(probe.x, probe.y)
            if probe.surface == "wall":
                # Level and along the wall: no end, no top, no bottom, no other building near.
                along = np.array([-probe.ny, probe.nx])
                front = np.array([probe.x, probe.y]) + 0.05 * np.array([probe.nx, probe.ny])
                stretch = shapely.LineString([front - clear * along, front + clear * along])
                assert not shapely.intersects(polygons, stretch).any()
                behind = shapely.LineString(
                    [front - clear * along, front + clear * along]
                    - 0.1 * np.array([probe.nx, probe.ny])
                )
                assert height[shapely.covers(polygons, behind)].max() >= probe.z + clear
                assert probe.z >= clear
            else:
                near = shapely.distance(polygons, point) < clear
                if probe.surface == "ground":
                    assert not near.any()
                else:
                    tops = height[near]
                    assert tops.max() == probe.level
                    highest = shapely.union_all(polygons[near & (height == probe.level)])
                    assert highest.covers(point.buffer(clear))


@pytest.mark.parametrize("number", range(3))
def test_both_sides_hold_the_same_walls_and_roofs(number):
    scene, mesh = made()[number]
    maps = maps_from_city(scene.city, scene.scenario().resolution_m)
    area = mesh.areas()
    assert area[mesh.kind == EXTERIOR_WALL].sum() == pytest.approx(
        maps.facade_exposed_area.sum(), rel=2e-3
    )
    union = shapely.union_all(scene.city.buildings.geometry.to_numpy())
    assert area[mesh.kind == ROOF].sum() == pytest.approx(union.area, rel=1e-3)


def test_probes_lie_on_faces_of_the_mesh():
    for scene, mesh in made():
        points, normals = scene.places()
        corners = mesh.vertices.astype(float)[mesh.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        for point, outward in zip(points, normals, strict=True):
            faces = np.flatnonzero(normal @ outward > 0.999)
            gap = np.abs(np.einsum("id,id->i", normal[faces], corners[faces, 0] - point))
            faces = faces[gap < 0.01]
            # Inside a triangle: the three cross products with its edges point along its normal.
            sides = [
                np.einsum(
                    "id,id->i",
                    np.cross(corners[faces, (k + 1) % 3] - corners[faces, k],
                             point - corners[faces, k]),
                    normal[faces],
                )
                for k in range(3)
            ]  # fmt: skip
            assert (np.min(sides, axis=0) > -0.01).any(), point


def test_districts_are_nested_about_the_same_probes():
    small, large = districts((10, 100))
    assert len(small.buildings) == 10
    assert len(large.buildings) == 100
    assert set(small.city.buildings["building_id"]) < set(large.city.buildings["building_id"])
    mesh = large.mesh()
    assert all(mesh.open_edges(SOLID + k) == 0 for k in range(3))
    assert small.probes["kind"].tolist() == large.probes["kind"].tolist()
    for scene in (small, large):
        assert set(scene.probes["building_id"]) == {"", "b0"}
        ground = scene.probes[scene.probes["surface"] == "ground"]
        points = shapely.points(ground["x"], ground["y"])
        gap = shapely.distance(points[:, None], scene.city.buildings.geometry.to_numpy()[None])
        assert gap.min() > 2.0 * WALL.thickness


def test_tables_go_over_the_scenes_own():
    scene, _ = made()[0]
    scenario = scene.scenario(physics={"longwave_linearisation": "none"}, time={"spin_up_days": 1})
    physics = scenario.physics()
    assert physics.longwave_linearisation == "none"
    assert physics.convection == "linear"
    assert scenario.spin_up_days == 1
    with pytest.raises(HeatMatError):
        scene.scenario(physics={"no_such_key": 1})
