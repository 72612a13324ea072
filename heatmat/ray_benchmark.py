"""How fast rays are: against memory, and against Embree on the same city's mesh.

Rays start over ground, roofs and walls and leave cosine-weighted, each on its own: the incoherent
rays that the paths are made of. `roofline` measures them in this process. `side_by_side` shoots the
very same rays through HeatMat and through Embree (the ``embreex`` package, one ray at a time from a
batch) with one thread each, by turns, and compares every hit.

``python -m heatmat.ray_benchmark CASE.npz`` prints the side-by-side figures of a prepared case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.arguments import Parser, whole
from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.kernels import layout
from heatmat.kernels.edges import ROW
from heatmat.kernels.heightfield import BORDER, CELL, SKY, WALL
from heatmat.kernels.ray_batch import any_hits, first_hits, ray_work, triad
from heatmat.maps import Maps
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import synchronise, ti
from heatmat.sampling_plan import KINDS, plan_squares, wall_patches
from heatmat.solver import Requests, Solver

RAYS = 50_000
"""Of each kind."""

TRIAD_FLOATS = 1 << 24
"""Length of each array of the memory test: 64 MiB, more than caches hold."""

NEAR = 3e-3
"""Hits this near to each other are one [m], beside 1e-4 of the distance."""


@dataclass(frozen=True)
class RaySet:
    """Rays of one kind.

    Attributes
    ----------
    name : str
        ``ground``, ``roof`` or ``wall``: over what they start.
    rays : ndarray of float32, shape (n, 6)
        Origin (local metres) and unit direction.
    regions : ndarray of int32, shape (n,)
        Region below the origin.
    """

    name: str
    rays: np.ndarray
    regions: np.ndarray


def ray_sets(solver: Solver, count: int, seed: int = 0, each: int = 1) -> list[RaySet]:
    """Cosine-weighted rays from random points of the reported extent, kind by kind.

    Parameters
    ----------
    solver : Solver
    count : int
        Most points of each kind; a kind that the city lacks is left out.
    seed : int
    each : int
        Rays from a point.

    Returns
    -------
    list of RaySet
    """
    rng = np.random.default_rng(seed)
    found = []
    for name, requests in _requests(solver.case.maps, 4 * count, rng).items():
        if not len(requests):
            continue
        places, records, _, _ = solver.place(requests)
        valid = np.flatnonzero(records.to_numpy()[:, layout.T_VALID] == 1)[:count]
        if not valid.size:
            continue
        valid = np.repeat(valid, each)
        start = places.to_numpy()[valid]
        normal = start[:, layout.S_NX : layout.S_NZ + 1].astype(float)
        rays = np.column_stack([start[:, : layout.S_Z + 1], _cosine_weighted(normal, rng)])
        regions = records.to_numpy()[valid, layout.T_REGION].astype(np.int32)
        found.append(RaySet(name, rays.astype(np.float32), regions))
    return found


def _requests(maps: Maps, count: int, rng: np.random.Generator) -> dict[str, Requests]:
    row0, row1, col0, col1 = maps.window
    north = maps.south + maps.ny * maps.resolution
    low = np.array([maps.west + col0 * maps.resolution, north - row1 * maps.resolution])
    high = np.array([maps.west + col1 * maps.resolution, north - row0 * maps.resolution])
    zero, keys = np.zeros(count), rng.integers(1 << 31, size=count).astype(np.uint32)
    found = {}
    for kind in ("ground", "roof"):
        x, y = rng.uniform(low, high, (count, 2)).T
        found[kind] = plan_squares(x, y, zero, np.full(count, KINDS[kind]), keys)
    ab, z = maps.facade_ab.astype(float), maps.facade_z.astype(float)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])
    share = maps.facade_exposed_area * ((middle >= low) & (middle <= high)).all(axis=1)
    if share.sum() > 0.0:
        facade = rng.choice(len(share), count, p=share / share.sum())
        s = rng.uniform(size=count) * np.hypot(*(ab[facade, 2:] - ab[facade, :2]).T)
        height = rng.uniform(z[facade, 0], z[facade, 1])
        found["wall"] = wall_patches(facade, s, s, height, height, keys)
    return found


def _cosine_weighted(normal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Directions about normals, shape (n, 3), by Malley's method."""
    away = np.where(np.abs(normal[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    tangent = np.cross(normal, away)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    u, turn = rng.uniform(size=len(normal)), 2.0 * np.pi * rng.uniform(size=len(normal))
    across = np.sqrt(u)[:, None] * (
        np.cos(turn)[:, None] * tangent + np.sin(turn)[:, None] * np.cross(normal, tangent)
    )
    return across + np.sqrt(1.0 - u)[:, None] * normal


class Shots:
    """One set of rays on the device with room for its answers."""

    def __init__(self, field: RayField, rays: RaySet) -> None:
        count = len(rays.rays)
        self.count = count
        self.inputs = (to_device(rays.rays), to_device(rays.regions))
        self.city = (*field.geometry, field.grid_f, field.grid_i)
        self.distance = ti.ndarray(dtype=ti.f32, shape=(count,))
        self.what = ti.ndarray(dtype=ti.i32, shape=(count, 3))
        self.blocked = ti.ndarray(dtype=ti.i32, shape=(count,))

    def first(self) -> None:
        """First hits; waits for them."""
        first_hits(*self.inputs, self.distance, self.what, *self.city)
        synchronise()

    def any(self) -> None:
        """Whether there is a hit; waits for the answers."""
        any_hits(*self.inputs, self.blocked, *self.city)
        synchronise()

    def work(self) -> tuple[float, float]:
        """Cells and edges that a ray looks at, on average."""
        work = ti.ndarray(dtype=ti.i32, shape=(self.count, 2))
        ray_work(*self.inputs, work, *self.city)
        cells, edges = work.to_numpy().mean(axis=0)
        return float(cells), float(edges)


def roofline(
    case: Case, solver: Solver, count: int = RAYS, repeats: int = 5, *, embree: bool = True
) -> dict[str, Any]:
    """Rays and the memory that they touch, against what the memory gives.

    Parameters
    ----------
    case : Case
    solver : Solver
        Of that case.
    count : int
        Rays of each kind.
    repeats : int
        Times are medians of as many calls.
    embree : bool
        Also shoot the rays through Embree, where it is installed.

    Returns
    -------
    dict
        ``bandwidth_bytes_per_second`` of a triad over 192 MiB; ``ray_field_bytes`` of all arrays
        that rays read; ``rays``: for each kind ``rays_per_second, shadow_rays_per_second,
        cells_per_ray, edges_per_ray, bytes_per_ray, bytes_per_second, share_of_bandwidth``;
        ``side_by_side``: see there, None where Embree is not asked or installed or the device is no
        CPU.
        Every cell and edge is 32 bytes; most come from caches, so the share may exceed one.
    """
    bandwidth = _bandwidth(repeats)
    rows = []
    for rays in ray_sets(solver, count):
        shots = Shots(solver.field, rays)
        cells, edges = shots.work()
        touched = 4.0 * (CELL * cells + ROW * edges)
        rate = len(rays.rays) / float(np.median(_seconds(shots.first, repeats)))
        rows.append(
            {
                "kind": rays.name,
                "rays_per_second": rate,
                "shadow_rays_per_second": len(rays.rays)
                / float(np.median(_seconds(shots.any, repeats))),
                "cells_per_ray": cells,
                "edges_per_ray": edges,
                "bytes_per_ray": touched,
                "bytes_per_second": touched * rate,
                "share_of_bandwidth": touched * rate / bandwidth,
            }
        )
    beside = None
    if embree and solver.device == "cpu" and embree_is_there():
        beside = _in_own_process(case, count)
    return {
        "bandwidth_bytes_per_second": bandwidth,
        "ray_field_bytes": _ray_bytes(solver.field),
        "rays": rows,
        "side_by_side": beside,
    }


def _ray_bytes(field: RayField) -> int:
    """Size of all arrays that rays read."""
    return 4 * sum(int(np.prod(array.shape)) for array in field.geometry)


def _seconds(
    work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    work()
    seconds = []
    for _ in range(repeats):
        begun = clock()
        work()
        seconds.append(clock() - begun)
    return seconds


def _bandwidth(repeats: int) -> float:
    """Bytes per second that a triad reads and writes."""
    a, b, c = (ti.ndarray(dtype=ti.f32, shape=(TRIAD_FLOATS,)) for _ in range(3))
    b.fill(1.0)
    c.fill(2.0)

    def work() -> None:
        triad(a, b, c, 3.0)
        synchronise()

    return 12.0 * TRIAD_FLOATS / float(np.median(_seconds(work, repeats)))


def embree_is_there() -> bool:
    """Whether this Python has Embree, and what extrudes the city for it."""
    return find_spec("embreex") is not None and find_spec("shapely") is not None


def _in_own_process(case: Case, count: int) -> list[dict[str, Any]] | None:
    """`side_by_side` with one thread, in a process of its own: Taichi's threads are set once."""
    with tempfile.TemporaryDirectory(prefix="heatmat-rays-") as folder:
        path = Path(folder) / "case.npz"
        case.save(path)
        done = subprocess.run(
            [sys.executable, "-m", "heatmat.ray_benchmark", str(path), str(count)],
            capture_output=True, text=True, check=False, env={**os.environ, "HEATMAT_THREADS": "1"},
        )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else None


def side_by_side(case: Case, count: int = RAYS, rounds: int = 7) -> list[dict[str, Any]]:
    """The same rays through HeatMat and Embree by turns, on one thread.

    Parameters
    ----------
    case : Case
    count : int
        Rays of each kind.
    rounds : int
        Of both by turns.

    Returns
    -------
    list of dict
        For each kind ``kind, rays``, nanoseconds of processor time a ray (the least of all rounds)
        ``first_hit_ns, embree_first_hit_ns, any_hit_ns, embree_any_hit_ns``; ``first_hit_ratio,
        any_hit_ratio``: Embree's time over ours, medians over the rounds; ``triangles``; and
        ``different``: rays whose hits are not the same.
    """
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    from heatmat.map_mesh import mesh_of_maps

    solver = Solver(case, "cpu")
    mesh = mesh_of_maps(case.maps)
    scene = EmbreeScene()
    TriangleMesh(scene, mesh.vertices, mesh.triangles)
    rows = []
    for rays in ray_sets(solver, count):
        shots = Shots(solver.field, rays)
        origin = np.ascontiguousarray(rays.rays[:, :3])
        direction = np.ascontiguousarray(rays.rays[:, 3:])
        works: list[Callable[[], object]] = [
            shots.first,
            lambda o=origin, d=direction: scene.run(o, d, query="DISTANCE"),  # type: ignore[misc]
            shots.any,
            lambda o=origin, d=direction: scene.run(o, d, query="OCCLUDED"),  # type: ignore[misc]
        ]
        times = np.array(
            [[_seconds(w, 1, time.process_time)[0] for w in works] for _ in range(rounds)]
        )
        least = times.min(axis=0) / len(origin) * 1e9
        hits = (
            np.asarray(scene.run(origin, direction, query="INTERSECT")),
            np.asarray(scene.run(origin, direction, query="DISTANCE")),
        )
        rows.append(
            {
                "kind": rays.name,
                "rays": len(origin),
                "first_hit_ns": float(least[0]),
                "embree_first_hit_ns": float(least[1]),
                "any_hit_ns": float(least[2]),
                "embree_any_hit_ns": float(least[3]),
                "first_hit_ratio": float(np.median(times[:, 1] / times[:, 0])),
                "any_hit_ratio": float(np.median(times[:, 3] / times[:, 2])),
                "triangles": len(mesh.triangles),
                "different": int(different(case.maps, rays, shots, mesh.facade, *hits).sum()),
            }
        )
    return rows


def different(
    maps: Maps,
    rays: RaySet,
    shots: Shots,
    facade: np.ndarray,
    triangle: np.ndarray,
    distance: np.ndarray,
) -> np.ndarray:
    """Which rays hit something else in the mesh.

    The mesh goes on beyond the rim of the maps, where our rays end: what lies beyond counts as the
    sky or the border that they report.

    Parameters
    ----------
    maps : Maps
    rays, shots : RaySet, Shots
        The rays, traced.
    facade : ndarray
        Of each triangle, -1 for planes.
    triangle, distance : ndarray, shape (n,)
        What the mesh's rays met, -1 for nothing, and where.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    shots.first()
    status, wall = shots.what.to_numpy()[:, :2].T
    ours = shots.distance.to_numpy()
    o, d = rays.rays[:, :2].astype(float), rays.rays[:, 3:5].astype(float)
    low = np.array([maps.west, maps.south])
    high = low + np.array([maps.nx, maps.ny]) * maps.resolution
    with np.errstate(divide="ignore", invalid="ignore"):
        rim = np.fmin.reduce((np.where(d > 0.0, high, low) - o) / d, axis=1)
    left = (status == SKY) | (status == BORDER)
    nothing = (triangle < 0) | (distance >= rim - NEAR)
    near = np.abs(ours - distance) <= 1e-4 * distance + NEAR
    same_kind = (status == WALL) == (facade[triangle] >= 0)
    same_wall = (status != WALL) | (facade[triangle] == wall)
    return np.where(left | nothing, left != nothing, ~(near & same_kind & same_wall))


def main() -> None:
    """Command line."""
    parser = Parser(description="HeatMat's rays beside Embree's, as JSON.")
    parser.add_argument("case", help="a prepared case (heatmat prepare)")
    parser.add_argument("rays", nargs="?", type=whole(1), default=RAYS, help="of each kind")
    given = parser.parse_args()
    rows = side_by_side(Case.load(given.case), given.rays)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
