"""Small cases for the tests of the physics: made-up forcing, cities of boxes, and exact answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from heatmat.case import Case
from heatmat.construction import Construction
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.physics import PhysicsOptions
from heatmat.prepare import make_case
from heatmat.rasterise import maps_from_city
from heatmat.solver import Requests, Solver
from heatmat.validation.slab_march import DAY as DAY
from heatmat.validation.slab_march import make_series as make_series
from heatmat.validation.slab_march import march_given as march_given
from heatmat.validation.slab_march import surface_impedance as surface_impedance
from tests.map_city import make_city

STILL = PhysicsOptions(convection="linear", wind_profile="weather_file")


def make_case_of(
    city: Any,
    forcing: Forcing,
    *,
    physics: PhysicsOptions = STILL,
    resolution: float = 1.0,
    changes: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
    constructions: Mapping[str, Construction] | None = None,
    facade: str = "solid_brick_wall",
    ground: str = "asphalt_street",
    roof: str = "bitumen_roof",
) -> Case:
    """A case whose walls, roofs and ground are each of one construction.

    `changes` are set on every construction (albedo, emissivity, ...).
    """
    city.buildings["facade_composition"] = [((facade, 1.0),)] * len(city.buildings)
    city.buildings["roof_construction"] = roof
    city.default_ground = ground
    known = dict(library() if constructions is None else constructions)
    if changes:
        known = {name: dataclasses.replace(item, **changes) for name, item in known.items()}
    maps = maps_from_city(city, resolution)
    return make_case(
        maps, forcing, known, physics, default_facade=facade, default_ground=ground, more=more
    )


def boxes(polygons: Sequence[Any], heights: Sequence[float], **more: Any) -> Any:
    """A city of footprints in metres from an arbitrary origin."""
    return make_city(polygons, heights, **more)


def local(case: Case, x: Any, y: Any) -> np.ndarray:
    """Positions given as in `boxes` in the local frame of the maps."""
    from tests.map_city import ORIGIN

    shift = ORIGIN - np.asarray(case.maps.origin)
    return np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)), -1) + shift


def plan_requests(
    xy: np.ndarray, replicates: int = 8, *, kind: int = -1, half: float = 0.0, seed: int = 1
) -> Requests:
    """Points (or squares) in plan, `replicates` scrambles of each, point by point."""
    count = len(xy) * replicates
    numbers = np.zeros((count, 4), np.float32)
    numbers[:, :2] = np.repeat(xy, replicates, axis=0)
    numbers[:, 2] = half
    return _requests(numbers, layout.REQUEST_PLAN, kind, -1, replicates, seed)


def wall_requests(
    facades: Sequence[int], stretches: np.ndarray, replicates: int = 8, seed: int = 1
) -> Requests:
    """Stretches s0, s1, z0, z1 of facades."""
    numbers = np.repeat(np.asarray(stretches, np.float32), replicates, axis=0)
    facade = np.repeat(np.asarray(facades, np.int32), replicates)
    return _requests(numbers, layout.REQUEST_WALL, layout.ANY_KIND, facade, replicates, seed)


def _requests(
    numbers: np.ndarray, code: int, kind: int, facade: Any, replicates: int, seed: int
) -> Requests:
    count = len(numbers)
    codes = np.zeros((count, 5), np.int32)
    codes[:, layout.R_TYPE] = code
    codes[:, layout.R_KIND] = kind
    codes[:, layout.R_FACADE] = facade
    codes[:, layout.R_REPLICATE] = np.tile(np.arange(replicates), count // replicates)
    keys = np.random.default_rng(seed).integers(0, 2**32, count // replicates, dtype=np.uint64)
    return Requests(
        numbers, codes, np.repeat(keys, replicates).astype(np.uint32), np.full(count, -1, np.int32)
    )


def solve(
    case: Case, requests: Requests, rays: int = 8, replicates: int = 8, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the replicates, and standard errors: shape (points, times, values)."""
    planning = {name: options.pop(name) for name in ("stamps", "chunk_steps") if name in options}
    solver = Solver(case, "cpu", **planning)
    starts = solver.solve(requests, rays, **options)
    assert starts.valid.all()
    values = starts.values.astype(float)
    values = values.reshape(-1, replicates, *values.shape[1:])
    solver.close()
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(replicates)
