"""How many rays a second: ours, and Embree's on the same rays where it is installed."""

import time

import numpy as np

from heatmat.reference.bvh import Bvh
from heatmat.reference.mesh import AIR, Mesh
from heatmat.reference.rays import blocked, closest_hit
from heatmat.runtime import synchronise, ti, tm

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)


@ti.kernel
def _shoot(
    origin: F2,
    direction: F2,
    any_hit: ti.i32,
    nodes: ti.types.ndarray(),
    triangles: ti.types.ndarray(),
    out: F1,
):
    for i in range(origin.shape[0]):
        o = tm.vec3(origin[i, 0], origin[i, 1], origin[i, 2])
        d = tm.vec3(direction[i, 0], direction[i, 1], direction[i, 2])
        if any_hit == 1:
            out[i] = ti.cast(blocked(o, d, 0.0, 1e5, nodes, triangles), ti.f32)
        else:
            hit = closest_hit(o, d, 0.0, 1e5, nodes, triangles)
            out[i] = hit.t


def ray_rates(
    mesh: Mesh, points: np.ndarray, normals: np.ndarray, suns: np.ndarray, rays: int = 200_000
) -> dict[str, float]:
    """Processor seconds a ray, in the open air from given surfaces and from what they see.

    Parameters
    ----------
    points, normals : ndarray, shape (n, 3)
        Half of the rays leave from here, half from where those hit.
    suns : ndarray, shape (m, 3)
        Directions of the shadow rays, by day.
    rays : int

    Returns
    -------
    dict
        ``closest``, ``any``: ours; ``embree_closest``, ``embree_any``: Embree's, where `embreex` is
        installed. Rays one by one on both sides (single rays, no packets).
    """
    rows = mesh.bounding(AIR)
    random = np.random.default_rng(5)
    origin, direction = _rays(mesh, rows, points, normals, rays, random)
    to_sun = suns[random.integers(len(suns), size=rays)].astype(np.float32)
    tree = Bvh.build(mesh.vertices, mesh.faces, subset=rows).to_device()
    result = {}
    for name, d, code in (("closest", direction, 0), ("any", to_sun, 1)):
        arrays = [_device(origin), _device(d)]
        out = ti.ndarray(dtype=ti.f32, shape=len(origin))

        def ours(arrays: list = arrays, code: int = code, out: object = out) -> None:
            _shoot(*arrays, code, *tree, out)
            synchronise()

        result[name] = _least(ours) / len(origin)
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return result
    scene = EmbreeScene()
    TriangleMesh(scene, mesh.vertices[mesh.faces[rows]])
    for name, d, query in (("closest", direction, "INTERSECT"), ("any", to_sun, "OCCLUDED")):
        seconds = _least(lambda d=d, query=query: scene.run(origin, d, query=query))
        result[f"embree_{name}"] = seconds / len(origin)
    return result


def _rays(
    mesh: Mesh,
    rows: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    count: int,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Cosine-weighted rays from the points, and from the faces that those hit."""
    tree = Bvh.build(mesh.vertices, mesh.faces, subset=rows).to_device()
    which = random.integers(len(points), size=count // 2)
    first = points[which] + 1e-3 * normals[which]
    way = _about(normals[which], random)
    out = ti.ndarray(dtype=ti.f32, shape=len(first))
    _shoot(_device(first), _device(way), 0, *tree, out)
    t = out.to_numpy()
    hit = t < 1e4
    # From the hit points back towards anywhere: a little short of the face, the way they came.
    second = first[hit] + (t[hit, None] - 1e-2) * way[hit]
    back = _about(-way[hit], random)
    return (
        np.ascontiguousarray(np.concatenate([first, second]), np.float32),
        np.ascontiguousarray(np.concatenate([way, back]), np.float32),
    )


def _about(normal: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Cosine-weighted directions: a point on the unit sphere about the normal's tip."""
    d = random.normal(size=normal.shape)
    d = d / np.linalg.norm(d, axis=1, keepdims=True) + normal
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def _least(work: object, times: int = 4) -> float:
    """Least processor time of a few calls [s], after one to warm up."""
    work()
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def _device(array: np.ndarray) -> ti.Ndarray:
    device = ti.ndarray(dtype=ti.f32, shape=array.shape)
    device.from_numpy(np.ascontiguousarray(array, np.float32))
    return device
