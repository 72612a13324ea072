"""What the parts of paths cost: rays, ours and Embree's where it is installed, and walks."""

import time

import numpy as np

from heatmat.reference.bvh import Bvh
from heatmat.reference.layout import (
    ANYWHERE,
    AT_BOUNDARY,
    BETWEEN,
    C_SOLID_RAYS,
    C_STEPS,
    COUNTS,
    FACE_BEHIND,
    I1,
    I2,
    SOLID_DELTA,
    Walker,
    face_normal,
    settings_vector,
)
from heatmat.reference.mesh import AIR, Mesh
from heatmat.reference.rays import blocked, closest_hit
from heatmat.reference.sampling import hash_pair
from heatmat.reference.walk import step_anywhere, step_between
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


@ti.kernel
def _walk(
    paths: ti.i32,
    events: ti.i32,
    probe_face: I1,
    probe_point: F2,
    faces: F2,
    labels: I2,
    solids: F2,
    quantiles: F1,
    settings: settings_vector,
    all_nodes: ti.types.ndarray(),
    all_triangles: ti.types.ndarray(),
    edge_nodes: ti.types.ndarray(),
    edge_triangles: ti.types.ndarray(),
    counted: I2,
):
    """Steps in the solids alone: a walk that lands sets off again under the face it landed on."""
    for task in range(probe_face.shape[0] * paths):
        start = probe_face[task % probe_face.shape[0]]
        p = tm.vec3(0.0)
        for k in ti.static(range(3)):
            p[k] = probe_point[task % probe_face.shape[0], k]
        e = face_normal(faces, start)
        walker = Walker(
            p=p, depth=0.0, face=start, solid=labels[start, FACE_BEHIND], stage=BETWEEN, e=e,
            off=e, other=-2, e_other=e, plane_other=0.0, anchor=p, clear=-1.0, lag=0.0, usual=1.0,
            state=hash_pair(ti.u32(11), ti.cast(task, ti.u32)), pairs=0,
        )  # fmt: skip
        walker.depth = solids[walker.solid, SOLID_DELTA]
        tally = ti.Vector.zero(ti.i32, COUNTS)
        for _ in range(events):
            if walker.stage == AT_BOUNDARY:
                walker.depth = solids[walker.solid, SOLID_DELTA]
                walker.stage = BETWEEN
            if walker.stage == ANYWHERE:
                step_anywhere(
                    walker, tally, faces, labels, solids, quantiles, settings, all_nodes,
                    all_triangles,
                )  # fmt: skip
            else:
                step_between(
                    walker, tally, faces, labels, solids, quantiles, settings, all_nodes,
                    all_triangles, edge_nodes, edge_triangles,
                )  # fmt: skip
        for k in ti.static(range(COUNTS)):
            counted[task, k] = tally[k]


def step_rate(solver: object, faces: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Processor seconds a step of walks that set off under some faces, rays into solids included.

    Parameters
    ----------
    solver : ReferenceSolver
    faces, points : ndarray, shapes (n,) and (n, 3)
        Where they set off, as `ReferenceSolver.solve` takes them.

    Returns
    -------
    seconds : float
    rays : float
        Rays into solids a step.
    """
    paths, events = max(1, 4096 // len(faces)), 256
    counted = ti.ndarray(dtype=ti.i32, shape=(len(faces) * paths, COUNTS))
    start = ti.ndarray(dtype=ti.i32, shape=len(faces))
    start.from_numpy(np.asarray(faces, np.int32))
    where = _device(points)

    def walk() -> None:
        _walk(
            paths, events, start, where, *solver.scene[:3], solver.quantiles, solver.settings(),
            *solver.trees[2:], counted,
        )  # fmt: skip
        synchronise()

    seconds = _least(walk)
    tally = counted.to_numpy().sum(axis=0, dtype=int)
    return seconds / tally[C_STEPS], tally[C_SOLID_RAYS] / tally[C_STEPS]


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
    return _rates(mesh.vertices, mesh.faces, rows, origin, direction, to_sun)


def random_rates(triangles: int, rays: int = 200_000) -> dict[str, float]:
    """As `ray_rates`, for rays anywhere among triangles of about 1 m in a cube of 100 m."""
    random = np.random.default_rng(7)
    centres = random.uniform(-50.0, 50.0, (triangles, 1, 3))
    vertices = (centres + random.normal(size=(triangles, 3, 3))).reshape(-1, 3).astype(np.float32)
    faces = np.arange(3 * triangles, dtype=np.int32).reshape(-1, 3)
    origin = random.uniform(-50.0, 50.0, (rays, 3)).astype(np.float32)
    d = random.normal(size=(2, rays, 3))
    d = (d / np.linalg.norm(d, axis=2, keepdims=True)).astype(np.float32)
    return _rates(vertices, faces, np.arange(triangles), origin, d[0], d[1])


def _rates(
    vertices: np.ndarray,
    faces: np.ndarray,
    rows: np.ndarray,
    origin: np.ndarray,
    direction: np.ndarray,
    to_sun: np.ndarray,
) -> dict[str, float]:
    """Seconds a ray of both kinds, ours and Embree's, among some rows of the faces."""
    tree = Bvh.build(vertices, faces, subset=rows).to_device()
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
    TriangleMesh(scene, vertices[faces[rows]])
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
