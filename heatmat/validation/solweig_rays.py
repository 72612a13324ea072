"""What HeatMat sees from the centres of pixels: suns, the sky, and the middles of sky patches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.sampling_plan import KINDS, plan_squares, stream_keys
from heatmat.solver import Requests, Solver
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_heights import centres, inside

if TYPE_CHECKING:
    from heatmat.city import City

RAYS = 1024
"""Of a view factor: scrambled Sobol points, 0.003 of noise."""
EVERY = 3
"""View factors are taken at every third pixel each way."""


@dataclass
class Views:
    """Rays of HeatMat from the pixels' centres of one city.

    Attributes
    ----------
    lit : ndarray of bool, shape (positions, rows, columns)
    sky : ndarray, shape (rows, columns)
        Sky view factor at every `EVERY`-th pixel, else NaN.
    patches : ndarray
        The same, from one ray to the middle of each of solweig's patches.
    """

    lit: np.ndarray
    sky: np.ndarray
    patches: np.ndarray


def views(city: City, solver: Solver, suns: np.ndarray, theirs: Solweig) -> Views:
    """What HeatMat sees from the pixels' centres within the extent."""
    east, north = (xy[inside(city)] for xy in centres(city))
    shape = east.shape
    origin = solver.case.maps.origin
    x, y = east - origin[0], north - origin[1]
    lit = seen(solver, pixel_requests(x.ravel(), y.ravel()), suns).T.reshape(-1, *shape)
    some = np.zeros(shape, bool)
    some[::EVERY, ::EVERY] = True
    few = pixel_requests(x[some], y[some])
    sky, patches = np.full(shape, np.nan), np.full(shape, np.nan)
    sky[some] = solver.sky_view(few, RAYS)[0]
    towards, share = patch_directions(theirs)
    patches[some] = seen(solver, few, towards) @ share
    return Views(lit, sky, patches)


def pixel_requests(x: np.ndarray, y: np.ndarray) -> Requests:
    """Points in the maps' own metres, seen from above."""
    kind = KINDS["any"]
    keys = stream_keys(x, y, 0.0 * x, kind, 0)
    return plan_squares(x, y, 0.0 * x, np.full(x.size, kind), keys)


def seen(solver: Solver, requests: Requests, directions: np.ndarray) -> np.ndarray:
    """Whether nothing stands between places and the sky in some directions, shape (n, directions).

    Parameters
    ----------
    directions : ndarray, shape (m, 3)
        East, north, up on the grid; those from behind the surface are not seen.
    """
    return _towards(solver, directions, lambda: solver.sunlit(requests))


def shares(solver: Solver, requests: Requests, directions: np.ndarray) -> np.ndarray:
    """Share of a beam from each direction that crowns and walls let through, as `seen`."""
    return _towards(solver, directions, lambda: solver.sun_shares(requests))


def _towards(solver: Solver, directions: np.ndarray, ask: Callable[[], np.ndarray]) -> np.ndarray:
    """What a solver answers with directions in place of its sun positions."""
    plan = solver.plan
    chunk = dataclasses.replace(plan.chunks[0], nodes=directions.astype(np.float32))
    solver.plan = dataclasses.replace(plan, chunks=(chunk,))
    try:
        return ask()
    finally:
        solver.plan = plan


def patch_directions(theirs: Solweig) -> tuple[np.ndarray, np.ndarray]:
    """Directions to the middles of solweig's patches, and the share of a level surface's view.

    A patch between altitudes a and b, one of n around, has (sin^2 b - sin^2 a) / n of it.
    """
    altitude, azimuth = np.radians(theirs.patch_altitude_deg), np.radians(theirs.patch_azimuth_deg)
    flat = np.cos(altitude)
    towards = np.column_stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(altitude)])
    edges = np.radians(theirs.band_edges_deg)
    bands, which, number = np.unique(
        theirs.patch_altitude_deg, return_inverse=True, return_counts=True
    )
    # The last edge but one closes the bands around; the cap at the zenith is what is left.
    ring = np.diff(np.sin(np.append(edges[: bands.size], 0.5 * np.pi)) ** 2)
    return towards, (ring / number)[which]
