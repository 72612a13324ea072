"""The same rays through the maps and through Embree on the mesh made of them."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.map_mesh import mesh_of_maps
from heatmat.maps import Maps
from heatmat.ray_benchmark import ray_sets, roofline, side_by_side
from heatmat.solver import Solver
from tests.block_city import block, demo
from tests.kernels.test_heightfield import flat_city, sloped_city


def areas(maps: Maps) -> tuple[float, float]:
    """Area of the mesh's roofs in plan, and of its walls [m2]."""
    mesh = mesh_of_maps(maps)
    a, b, c = (mesh.vertices[mesh.triangles[:, k]].astype(float) for k in range(3))
    normal = 0.5 * np.cross(b - a, c - a)
    wall = mesh.facade >= 0
    roof = ~wall & (mesh.region > 0)
    assert (normal[~wall, 2] >= 0.0).all()  # planes face up, where three corners are not in line
    return float(normal[roof, 2].sum()), float(np.linalg.norm(normal[wall], axis=1).sum())


@pytest.mark.parametrize("made", [flat_city, sloped_city])
def test_the_mesh_has_the_walls_and_roofs_of_the_maps(made) -> None:  # noqa: ANN001
    maps = made()
    roofs, walls = areas(maps)
    # Metres in float32 about the middle: 1e-5 of an edge.
    assert roofs == pytest.approx(maps.counts["roof_area_m2"], rel=1e-4)
    assert walls == pytest.approx(maps.counts["wall_area_m2"], rel=1e-4)


def test_embree_finds_the_same_hits_in_the_district() -> None:
    rows = side_by_side(demo().case, 20_000, rounds=1)
    assert [row["kind"] for row in rows] == ["ground", "roof", "wall"]
    for row in rows:
        # Of 600,000 rays in two cities none differed; a corner may give a ray to either side.
        assert row["different"] <= 2
        assert row["rays"] == 20_000
        assert all(row[name] > 0.0 for name in row if name.endswith(("_ns", "_ratio")))


def test_a_ray_that_hits_something_else_counts_as_different(monkeypatch) -> None:  # noqa: ANN001
    """Half a centimetre is seen: the comparison is no idle one."""
    import heatmat.map_mesh

    def lifted(maps: Maps):  # noqa: ANN202
        mesh = mesh_of_maps(maps)
        mesh.vertices[:, 0] += 5e-3
        return mesh

    monkeypatch.setattr(heatmat.map_mesh, "mesh_of_maps", lifted)
    rows = {row["kind"]: row for row in side_by_side(block().case, 1000, rounds=1)}
    # Half of the rays meet a wall, half of those one across the shift.
    assert rows["wall"]["different"] > 50


def test_rays_start_on_their_surfaces_and_leave_them() -> None:
    solver = Solver(block().case, "cpu")
    for rays in ray_sets(solver, 500, seed=3):
        direction = rays.rays[:, 3:].astype(float)
        np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0, atol=1e-5)
        z = rays.rays[:, 2]
        if rays.name == "ground":
            assert (rays.regions == 0).all() and z.max() < 0.02 and (direction[:, 2] > 0).all()
            # The mean cosine of a cosine-weighted ray is 2/3, its deviation 0.24.
            assert abs(direction[:, 2].mean() - 2 / 3) < 4 * 0.24 / np.sqrt(len(z))
        if rays.name == "roof":
            assert (rays.regions > 0).all()
        if rays.name == "wall":
            assert abs(direction[:, 2].mean()) < 4 * 0.5 / np.sqrt(len(z))


def test_roofline_counts_what_rays_touch() -> None:
    case = block().case
    found = roofline(case, Solver(case, "cpu"), 500, 1, embree=False)
    assert found["bandwidth_bytes_per_second"] > 1e8 and found["side_by_side"] is None
    for row in found["rays"]:
        assert row["cells_per_ray"] >= 1.0 and row["edges_per_ray"] >= 0.0
        assert row["bytes_per_ray"] == 32.0 * (row["cells_per_ray"] + row["edges_per_ray"])
