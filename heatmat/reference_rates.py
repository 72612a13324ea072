"""How fast the 3D reference's rays are, beside Embree's on the same mesh and the same core.

A rival would take Embree (Wald et al. 2014, doi:10.1145/2601097.2601199) for its rays. The ratio
says how much shorter the reference's ray time would then be.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heatmat.reference.bvh import Bvh
from heatmat.reference.mesh import AIR, EXTERIOR_WALL, GROUND, ROOF, Mesh
from heatmat.reference.rays import blocked, closest_hit
from heatmat.runtime import device_name, ensure_device, synchronise, ti, tm

LIFT = 1e-3
"""Rays start this far off their face [m]."""

FAR = 1e6


@dataclass(frozen=True)
class RayRates:
    """Rays per second of processor time, single rays one after the other.

    Attributes
    ----------
    closest, any_hit : float
        Of the reference (a GPU: per second of the clock).
    embree_closest, embree_any_hit : float or None
        Of Embree through `embreex`, its Python loop included; None where it is not installed, or
        where the reference runs on a GPU.
    triangles : int
    build_seconds : float
        Processor time of the tree.
    """

    closest: float
    any_hit: float
    embree_closest: float | None
    embree_any_hit: float | None
    triangles: int
    build_seconds: float

    @property
    def share_of_embree(self) -> float | None:
        """The reference's rate over Embree's, of closest hits."""
        return None if self.embree_closest is None else self.closest / self.embree_closest


@ti.kernel
def _first(
    rays: ti.types.ndarray(dtype=ti.f32, ndim=2), out: ti.types.ndarray(dtype=ti.f32, ndim=1),
    nodes: ti.types.ndarray(), triangles: ti.types.ndarray(),
):  # fmt: skip
    for i in range(rays.shape[0]):
        o = tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2])
        d = tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5])
        out[i] = closest_hit(o, d, 0.0, FAR, nodes, triangles).t


@ti.kernel
def _any(
    rays: ti.types.ndarray(dtype=ti.f32, ndim=2), out: ti.types.ndarray(dtype=ti.f32, ndim=1),
    nodes: ti.types.ndarray(), triangles: ti.types.ndarray(),
):  # fmt: skip
    for i in range(rays.shape[0]):
        o = tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2])
        d = tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5])
        out[i] = blocked(o, d, 0.0, FAR, nodes, triangles)


def ray_rates(
    mesh: Mesh, *, rays: int = 200_000, repeats: int = 5, device: str = "auto", seed: int = 0
) -> RayRates:
    """Measure both on rays that leave walls, roofs and ground, cosine-weighted, a third each.

    Parameters
    ----------
    mesh : Mesh
    rays, repeats : int
        The best of `repeats` counts: other work on the machine only ever slows it.
    device : str
    seed : int

    Returns
    -------
    RayRates
    """
    ensure_device(device)
    clock = time.process_time if device_name() == "cpu" else time.perf_counter
    rows = mesh.bounding(AIR)
    before = time.process_time()
    tree = Bvh.build(mesh.vertices, mesh.faces, subset=rows)
    built = time.process_time() - before
    origin, direction = surface_rays(mesh, rays, np.random.default_rng(seed))
    given = ti.ndarray(ti.f32, shape=(rays, 6))
    given.from_numpy(np.concatenate([origin, direction], axis=1))
    out = ti.ndarray(ti.f32, shape=rays)
    nodes, triangles = tree.to_device()

    def timed(work: Callable[[], object]) -> float:
        work()  # compiles, warms
        best = np.inf
        for _ in range(repeats):
            start = clock()
            work()
            synchronise()
            best = min(best, clock() - start)
        return rays / best

    own = [timed(lambda k=k: k(given, out, nodes, triangles)) for k in (_first, _any)]
    theirs: list[float | None] = [None, None]
    scene = _embree_scene(mesh.vertices[mesh.faces[rows]]) if device_name() == "cpu" else None
    if scene is not None:
        theirs = [
            timed(lambda q=q: scene.run(origin, direction, query=q))
            for q in ("INTERSECT", "OCCLUDED")
        ]
    return RayRates(*own, *theirs, triangles=len(rows), build_seconds=built)


def surface_rays(
    mesh: Mesh, number: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Origins and unit directions of rays into the open, as float32, shape (number, 3) each."""
    area = mesh.areas()
    share = np.zeros(len(area))
    for kind in (EXTERIOR_WALL, ROOF, GROUND):
        own = mesh.kind == kind
        share[own] = area[own] / max(area[own].sum(), 1e-9)
    corners = mesh.vertices.astype(float)[
        mesh.faces[random.choice(len(area), number, p=share / share.sum())]
    ]
    normal = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    origin = np.einsum("ik,ikd->id", random.dirichlet(np.ones(3), number), corners)
    # A point on the unit sphere about the tip of the normal is a cosine-weighted direction.
    direction = _unit(_unit(random.normal(size=(number, 3))) + normal)
    return (origin + LIFT * normal).astype(np.float32), direction.astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _embree_scene(corners: np.ndarray) -> object | None:
    """Embree's tree over triangles, None where `embreex` is not installed."""
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return None
    scene = EmbreeScene()
    TriangleMesh(scene, corners)
    return scene
