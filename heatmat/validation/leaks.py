"""Rays by the million over plans that are hard for maps, hit by hit against Embree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.kernels.heightfield import BORDER, SKY
from heatmat.ray_benchmark import RaySet, Shots, ray_sets
from heatmat.validation.extruded import extruded_mesh

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.solver import Solver

NEAR = 0.01
"""Hits this near to each other are one [m], beside 1e-4 of the distance."""
MOVED = 0.005
"""An origin moved so far aside tells whether a ray only grazes an edge [m]."""
POINTS, EACH = 1 << 12, 64
"""Points of each kind in a batch, and rays from every point."""


def count_leaks(city: City, solver: Solver, rays: int, seed: int = 0) -> dict[str, int]:
    """Shoot rays from random places and compare every hit.

    Parameters
    ----------
    city : City
        Its footprints, extruded, are what Embree is given.
    solver : Solver
        Of the same city.
    rays : int
        At least so many in all, a third each over ground, roofs and walls.
    seed : int

    Returns
    -------
    dict
        ``rays``; ``differ``: the hits are apart; of these ``graze``: ours is no nearer and no
        farther than what Embree finds from six origins 5 mm aside; ``leaks``: we went on where
        Embree stops; ``stopped``: we stopped where Embree goes on.
    """
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    TriangleMesh(scene, extruded_mesh(city, solver.case.maps.origin))
    found = {"rays": 0, "differ": 0, "graze": 0, "leaks": 0, "stopped": 0}
    while found["rays"] < rays:
        for rays_of in ray_sets(solver, POINTS, seed, EACH):
            _compare(rays_of, solver, scene, found)
        seed += 1
    return found


def _compare(rays: RaySet, solver: Solver, scene: object, found: dict[str, int]) -> None:
    shots = Shots(solver.field, rays)
    shots.first()
    status = shots.what.to_numpy()[:, 0]
    ours = np.where((status == SKY) | (status == BORDER), np.inf, shots.distance.to_numpy())
    theirs = _first(scene, rays.rays)
    # The maps end where ours leave them; beyond stand no buildings.
    ground = _to_ground(rays.rays)
    theirs = np.where(status == BORDER, np.where(theirs < ground, theirs, np.inf),
                      np.minimum(theirs, ground))  # fmt: skip
    apart = ~_same(ours, theirs)
    found["rays"] += len(status)
    found["differ"] += int(apart.sum())
    if not apart.any():
        return
    some, mine, other = rays.rays[apart], ours[apart], theirs[apart]
    nearest, farthest = other.copy(), other.copy()
    for step in np.vstack([np.eye(3), -np.eye(3)]) * MOVED:
        moved = some.copy()
        moved[:, :3] += step.astype(np.float32)
        ends = np.where(status[apart] == BORDER, np.inf, _to_ground(moved))
        again = np.minimum(_first(scene, moved), ends)
        nearest, farthest = np.minimum(nearest, again), np.maximum(farthest, again)
    graze = (mine >= nearest - 20.0 * MOVED) & (mine <= farthest + 20.0 * MOVED)
    found["graze"] += int(graze.sum())
    found["leaks"] += int((~graze & (mine > other)).sum())
    found["stopped"] += int((~graze & (mine < other)).sum())


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) < NEAR + 1e-4 * np.abs(b)
    return close | (np.isinf(a) & np.isinf(b))


def _first(scene: object, rays: np.ndarray) -> np.ndarray:
    """Distance to the first triangle, infinite without one."""
    origin, direction = np.ascontiguousarray(rays[:, :3]), np.ascontiguousarray(rays[:, 3:])
    hit = np.asarray(scene.run(origin, direction, query="DISTANCE"))  # type: ignore[attr-defined]
    return np.where(hit > 1e6, np.inf, hit).astype(float)


def _to_ground(rays: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rays[:, 5] < 0.0, -rays[:, 2] / rays[:, 5], np.inf).astype(float)
