"""Ray queries against Embree, nearest points by brute force, and no way out of a closed mesh."""

from typing import Any

import embreex.mesh_construction
import embreex.rtcore_scene
import numpy as np
import pytest

from heatmat.errors import InputError
from heatmat.reference import bvh as bvh_module
from heatmat.reference.bvh import MAX_DEPTH, STACK, WIDTH, Bvh
from heatmat.reference.mesh import AIR, FLOOR, INDOOR, Mesh
from heatmat.reference.rays import Hit, Nearest, blocked, closest_hit, closest_point
from heatmat.runtime import ensure_device, ti, tm
from tests.reference.real_meshes import district, paris

F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
FAR = 1e6


@ti.kernel
def shoot(
    rays: F2, out: F2, ids: ti.types.ndarray(), nodes: ti.types.ndarray(), tri: ti.types.ndarray()
):
    for i in range(rays.shape[0]):
        o = tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2])
        d = tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5])
        hit = closest_hit(o, d, rays[i, 6], rays[i, 7], nodes, tri)
        ids[i, 0] = hit.triangle
        ids[i, 1] = blocked(o, d, rays[i, 6], rays[i, 7], nodes, tri)
        out[i, 0], out[i, 1], out[i, 2] = hit.t, hit.u, hit.v
        for k in ti.static(range(3)):
            out[i, 3 + k] = hit.normal[k]


@ti.kernel
def approach(
    points: F2, out: F2, ids: ti.types.ndarray(), nodes: ti.types.ndarray(), tri: ti.types.ndarray()
):
    for i in range(points.shape[0]):
        p = tm.vec3(points[i, 0], points[i, 1], points[i, 2])
        near = closest_point(p, points[i, 3], nodes, tri)
        ids[i] = near.triangle
        out[i, 0] = near.distance
        for k in ti.static(range(3)):
            out[i, 1 + k] = near.point[k]


class Shots:
    """What rays met: rows of faces (-1: none), whether blocked, distance, u, v, normal."""

    def __init__(self, tree: Bvh, origin: Any, direction: Any, t_min: Any = 0.0, t_max: Any = FAR):
        ensure_device("cpu")
        n = len(origin)
        ends = np.broadcast_to(np.stack(np.broadcast_arrays(t_min, t_max), axis=-1), (n, 2))
        rays = np.concatenate([origin, direction, ends], axis=1).astype(np.float32)
        out, ids = np.zeros((n, 6), np.float32), np.zeros((n, 2), np.int32)
        shoot(rays, out, ids, *tree.to_device())
        self.triangle, self.blocked = ids[:, 0], ids[:, 1]
        self.t, self.u, self.v, self.normal = out[:, 0], out[:, 1], out[:, 2], out[:, 3:]


def soup(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of about 1 m, at random in a cube of 100 m."""
    centre = rng.uniform(-50.0, 50.0, (number, 1, 3))
    vertices = (centre + rng.normal(0.0, 1.0, (number, 3, 3))).reshape(-1, 3)
    return vertices.astype(np.float32), np.arange(3 * number, dtype=np.int32).reshape(-1, 3)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_rays(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    origin = rng.uniform(-50.0, 50.0, (number, 3)).astype(np.float32)
    return origin, unit(rng.normal(size=(number, 3))).astype(np.float32)


def surface_rays(rng: np.random.Generator, mesh: Mesh, number: int) -> tuple[Any, Any]:
    """Rays that leave the outer faces of a mesh, cosine-weighted: what a thermal path sends."""
    faces = mesh.bounding(AIR)
    area = mesh.areas()[faces]
    corners = mesh.vertices.astype(float)[
        mesh.faces[rng.choice(faces, number, p=area / area.sum())]
    ]
    weights = rng.dirichlet(np.ones(3), number)
    normal = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    origin = np.einsum("ik,ikd->id", weights, corners) + 1e-3 * normal
    direction = unit(unit(rng.normal(size=(number, 3))) + normal)
    return origin.astype(np.float32), direction.astype(np.float32)


def embree(vertices: np.ndarray, faces: np.ndarray, origin: Any, direction: Any) -> tuple[Any, Any]:
    """Rows of faces and distances by Intel's Embree."""
    scene = embreex.rtcore_scene.EmbreeScene()
    embreex.mesh_construction.TriangleMesh(scene, vertices[faces])
    found = scene.run(origin, direction, output=True)
    return found["primID"], found["tfar"]


def assert_as_embree(
    vertices: np.ndarray, faces: np.ndarray, origin: Any, direction: Any, subset: Any = None
) -> np.ndarray:
    """Same triangles and distances, any hit too; returns which rays hit."""
    rows = np.arange(len(faces)) if subset is None else subset
    shots = Shots(Bvh.build(vertices, faces, subset=subset), origin, direction)
    triangle, t = embree(vertices, faces[rows], origin, direction)
    hit = triangle >= 0
    np.testing.assert_array_equal(shots.triangle >= 0, hit)
    np.testing.assert_array_equal(shots.blocked > 0, hit)
    expected = np.where(hit, rows[np.maximum(triangle, 0)], -1)
    # On an edge either neighbour is right.
    other = expected != shots.triangle
    assert other.sum() <= 1e-4 * len(origin)
    corners = vertices.astype(float)[faces[np.maximum(shots.triangle, 0)]]
    normal = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    # A distance is the plane's over the cosine, which magnifies rounding where rays graze.
    cosine = np.abs(np.einsum("id,id->i", normal, direction.astype(float)))
    off = np.abs(shots.t - t) * np.minimum(1.0, cosine / 0.1)
    # Beyond 500 m single precision itself is coarser than 0.1 mm.
    assert (off - 3.0 * np.spacing(t))[hit].max() < 1e-4
    assert off[hit & (t < 250.0)].max() < 1e-4
    facing = np.abs(np.einsum("id,id->i", shots.normal, normal))
    np.testing.assert_allclose(facing[hit], 1.0, atol=1e-3)
    return hit


def test_random_triangles_as_embree(rng):
    vertices, faces = soup(rng, 20_000)
    hit = assert_as_embree(vertices, faces, *random_rays(rng, 50_000))
    assert 0.2 < hit.mean() < 0.9


def test_district_as_embree(rng):
    _, mesh = district()
    origin, direction = surface_rays(rng, mesh, 50_000)
    hit = assert_as_embree(mesh.vertices, mesh.faces, origin, direction, mesh.bounding(AIR))
    assert 0.1 < hit.mean() < 0.9


def test_paris_as_embree(rng, shared_data):
    _, mesh = paris(shared_data)
    origin, direction = surface_rays(rng, mesh, 100_000)
    hit = assert_as_embree(mesh.vertices, mesh.faces, origin, direction, mesh.bounding(AIR))
    assert 0.1 < hit.mean() < 0.9


def test_only_hits_between_the_ends_count(rng):
    vertices, faces = soup(rng, 2_000)
    tree = Bvh.build(vertices, faces)
    origin, direction = random_rays(rng, 5_000)
    first = Shots(tree, origin, direction)
    hit = first.triangle >= 0
    before = Shots(tree, origin, direction, t_max=first.t * 0.999)
    assert (before.triangle[hit] == -1).all()
    assert not before.blocked[hit].any()
    np.testing.assert_array_equal(before.t[hit], (first.t * np.float32(0.999))[hit])
    after = Shots(tree, origin, direction, t_min=first.t * 1.001)
    assert (after.triangle[hit] != first.triangle[hit]).all()
    assert (after.t[hit] > first.t[hit]).all()


def test_weights_give_back_the_point_of_the_hit(rng):
    vertices, faces = soup(rng, 2_000)
    origin, direction = random_rays(rng, 5_000)
    shots = Shots(Bvh.build(vertices, faces), origin, direction)
    hit = shots.triangle >= 0
    a, b, c = np.moveaxis(vertices.astype(float)[faces[shots.triangle[hit]]], 1, 0)
    u, v = shots.u[hit, None], shots.v[hit, None]
    there = a + u * (b - a) + v * (c - a)
    np.testing.assert_allclose(
        there, origin[hit] + shots.t[hit, None] * direction[hit], atol=5e-4
    )  # weights of slivers carry single precision of their area


def test_no_ray_leaves_a_room(rng):
    """Rays from rooms to corners, edges and faces: each ends on a face of the room's boundary."""
    _, mesh = district()
    faces = mesh.bounding(INDOOR)
    tree = Bvh.build(mesh.vertices, mesh.faces, subset=faces)
    floors = faces[mesh.kind[faces] == FLOOR]
    corners = mesh.vertices.astype(float)[mesh.faces[rng.choice(floors, 60_000)]]
    origin = np.einsum("ik,ikd->id", rng.dirichlet(np.ones(3), len(corners)), corners)
    origin[:, 2] += 1.0
    aim = mesh.vertices.astype(float)[mesh.faces[rng.choice(faces, len(origin))]]
    third = len(origin) // 3
    target = aim[:, 0].copy()  # at a vertex
    target[third : 2 * third] = aim[third : 2 * third, :2].mean(axis=1)  # at an edge
    target[2 * third :] = aim[2 * third :].mean(axis=1)
    shots = Shots(tree, origin.astype(np.float32), unit(target - origin))
    assert (shots.triangle >= 0).all()


def test_axis_parallel_rays(rng):
    """Components of exactly zero, origins on the planes of boxes."""
    _, mesh = district()
    subset = mesh.bounding(AIR)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    origin = rng.uniform(low, high, (6_000, 3))
    origin[:, 2] = 30.0 + high[2]
    down = np.tile([0.0, 0.0, -1.0], (len(origin), 1))
    shots = Shots(Bvh.build(mesh.vertices, mesh.faces, subset=subset), origin, down)
    triangle, t = embree(
        mesh.vertices, mesh.faces[subset], origin.astype(np.float32), down.astype(np.float32)
    )
    assert (shots.triangle >= 0).all()
    np.testing.assert_allclose(shots.t, t, atol=1e-4)
    sideways = np.tile([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], (len(origin) // 2, 1))
    level = mesh.vertices[rng.integers(0, len(mesh.vertices), len(origin))].astype(float)
    level[:, 2] = np.maximum(level[:, 2], 0.0) + 0.05
    shots = Shots(Bvh.build(mesh.vertices, mesh.faces, subset=subset), level, sideways, t_min=1e-3)
    assert ((shots.triangle >= 0) == (shots.blocked > 0)).all()


def nearest_by_brute_force(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distances of points from the nearest triangle: its plane where above it, else its edges."""
    best = np.full(len(points), np.inf)
    for a, b, c in triangles.astype(float):
        normal = np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal)
        inside = np.ones(len(points), bool)
        distance = np.full(len(points), np.inf)
        for p, q in ((a, b), (b, c), (c, a)):
            inside &= (points - p) @ np.cross(normal, q - p) >= 0.0
            along = np.clip((points - p) @ (q - p) / ((q - p) @ (q - p)), 0.0, 1.0)
            distance = np.minimum(
                distance, np.linalg.norm(points - p - along[:, None] * (q - p), axis=1)
            )
        distance = np.where(inside, np.abs((points - a) @ normal), distance)
        best = np.minimum(best, distance)
    return best


def test_nearest_points(rng):
    vertices, faces = soup(rng, 400)
    points = rng.uniform(-60.0, 60.0, (1_000, 3))
    exact = nearest_by_brute_force(points, vertices[faces])
    for reach in (1e3, 10.0):
        ensure_device("cpu")
        out, ids = np.zeros((1_000, 4), np.float32), np.zeros(1_000, np.int32)
        asked = np.concatenate([points, np.full((1_000, 1), reach)], axis=1).astype(np.float32)
        approach(asked, out, ids, *Bvh.build(vertices, faces).to_device())
        within = exact < reach
        assert within.any()
        np.testing.assert_allclose(out[:, 0], np.minimum(exact, reach), atol=2e-5, rtol=1e-6)
        np.testing.assert_array_equal(ids >= 0, within)
        gap = np.linalg.norm(out[:, 1:] - points, axis=1)
        np.testing.assert_allclose(gap[within], exact[within], atol=2e-5, rtol=1e-6)


def leaves(tree: Bvh) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """First triangle, number, and the box in the parent of each leaf; checks boxes on the way."""
    codes = tree.nodes[:, 6 * WIDTH : 7 * WIDTH].copy().view(np.int32)
    low = tree.nodes[:, : 3 * WIDTH].reshape(-1, 3, WIDTH)
    high = tree.nodes[:, 3 * WIDTH : 6 * WIDTH].reshape(-1, 3, WIDTH)
    found = []
    for node, child in np.ndindex(codes.shape):
        code = codes[node, child]
        box = low[node, :, child], high[node, :, child]
        if code < 0:
            found.append(((-1 - code) // 8, (-1 - code) % 8, *box))
        else:
            filled = low[code, 0] < high[code, 0]
            assert (low[code][:, filled].min(axis=1) >= box[0]).all()
            assert (high[code][:, filled].max(axis=1) <= box[1]).all()
    return [leaf for leaf in found if leaf[1] > 0]


def test_every_triangle_lies_in_one_leaf_within_its_boxes(rng):
    vertices, faces = soup(rng, 3_000)
    tree = Bvh.build(vertices, faces)
    held = np.zeros(len(faces), int)
    for first, number, low, high in leaves(tree):
        held[first : first + number] += 1
        corners = tree.triangles[first : first + number, :9].reshape(-1, 3)
        assert (corners >= low).all() and (corners <= high).all()
    assert (held == 1).all()
    rows = tree.triangles[:, 9].copy().view(np.int32)
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(faces)))


def shrinking(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangles each half the size of the last: a split by cost takes them off one by one."""
    scale = 0.5 ** np.arange(number)[:, None, None]
    corner = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.2], [0.0, 1.0, 0.1]])
    vertices = (100.0 * scale * corner + 100.0 * scale).reshape(-1, 3)
    return vertices.astype(np.float32), np.arange(3 * number).reshape(-1, 3)


@pytest.mark.parametrize("case", ["one", "coincident", "shrinking"])
def test_trees_fit_the_stack(case):
    vertices, faces = {
        "one": lambda: shrinking(1),
        "coincident": lambda: tuple(
            np.concatenate([part + 3 * k * (i > 0) for k in range(500)])
            for i, part in enumerate(shrinking(1))
        ),
        "shrinking": lambda: shrinking(120),
    }[case]()
    tree = Bvh.build(vertices, faces)
    assert tree.depth <= MAX_DEPTH
    assert (WIDTH - 1) * MAX_DEPTH < STACK
    corners = vertices.astype(float)[faces[0]]
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    direction = unit(normal[None])
    shots = Shots(tree, corners.mean(axis=0)[None] - 5.0 * direction, direction)
    assert shots.triangle[0] >= 0
    assert shots.t[0] == pytest.approx(5.0, abs=1e-4)


def test_a_tree_too_deep_is_built_of_halves(monkeypatch):
    vertices, faces = shrinking(120)
    deep = Bvh.build(vertices, faces).depth
    monkeypatch.setattr(bvh_module, "MAX_DEPTH", deep - 1)
    assert Bvh.build(vertices, faces).depth < deep


def test_no_triangles_is_said():
    with pytest.raises(InputError, match="without triangles"):
        Bvh.build(np.zeros((0, 3)), np.zeros((0, 3), int))


def test_structs_have_the_fields_that_callers_read():
    assert list(Hit.members) == ["t", "triangle", "u", "v", "normal"]
    assert list(Nearest.members) == ["distance", "triangle", "point"]
