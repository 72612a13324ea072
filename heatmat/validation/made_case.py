"""Cases of footprints and forcing that are made up, each surface of one construction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.case import Case
from heatmat.construction import Construction
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.physics import PhysicsOptions
from heatmat.prepare import make_case
from heatmat.sampling_plan import KINDS, pick, plan_squares, replicate, wall_patches
from heatmat.solver import Requests, Solver
from heatmat.validation.block import ORIGIN, write_buildings


def made_case(
    folder: Path,
    shapes: Sequence[Any],
    heights: Sequence[float],
    forcing: Forcing,
    *,
    extent: tuple[float, float, float, float],
    margin: float = 20.0,
    physics: PhysicsOptions | None = None,
    resolution: float = 1.0,
    facade: str = "solid_brick_wall",
    ground: str = "asphalt_street",
    constructions: Mapping[str, Construction] | None = None,
    changes: Mapping[str, Any] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> Case:
    """A case of footprints in metres about `heatmat.validation.block.ORIGIN`.

    Parameters
    ----------
    folder : Path
        For its files.
    shapes, heights, columns
        As for `write_buildings`.
    forcing : Forcing
    extent : tuple of float
        West, south, east, north about the origin [m].
    margin : float
        [m].
    physics : PhysicsOptions, optional
    resolution : float
        [m].
    facade, ground : str
        Constructions of all walls and all ground.
    constructions : mapping, optional
        In place of the library.
    changes : mapping, optional
        Fields of every construction that are set anew (albedo, emissivity, ...).
    """
    from heatmat.city import City
    from heatmat.rasterise import maps_from_city

    path = write_buildings(folder / "made.geojson", shapes, heights, columns=columns)
    west, south, east, north = extent
    x, y = ORIGIN
    city = City.from_file(
        path, extent=(x + west, y + south, x + east, y + north), margin=margin,
        default_ground=ground,
    )  # fmt: skip
    city.buildings["facade_composition"] = [((facade, 1.0),)] * len(city.buildings)
    city.buildings["roof_construction"] = "bitumen_roof"
    known = dict(library() if constructions is None else constructions)
    known = {name: dataclasses.replace(item, **(changes or {})) for name, item in known.items()}
    return make_case(
        maps_from_city(city, resolution), forcing, known, physics or PhysicsOptions(),
        default_facade=facade, default_ground=ground,
    )  # fmt: skip


def local(case: Case, xy: np.ndarray) -> np.ndarray:
    """Places about the origin in the local frame of the maps."""
    return np.asarray(xy, float) + np.array(ORIGIN) - np.array(case.maps.origin)


def plan_points(xy: np.ndarray, kind: str = "any", seed: int = 1) -> Requests:
    """Points in plan, local metres, each with its own random stream."""
    n = len(xy)
    return plan_squares(
        xy[:, 0], xy[:, 1], np.zeros(n), np.full(n, KINDS[kind]), _keys(n, seed)
    )  # fmt: skip


def wall_points(facade: np.ndarray, s: np.ndarray, z: np.ndarray, seed: int = 1) -> Requests:
    """Points along and up facades, each with its own random stream."""
    return wall_patches(facade, s, s, z, z, _keys(len(facade), seed))


def _keys(count: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint64)
    return drawn.astype(np.uint32)


def solve(
    solver: Solver, places: Requests, rays: int, replicates: int, *, full: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard errors over independent scrambles of one start a place.

    Returns
    -------
    mean, error : ndarray, shape (places, times, values)
    """
    starts = solver.solve(replicate(places, 1, replicates=replicates), rays, full=full)
    if not starts.valid.all():
        raise ValueError("a place of a study is not where it was thought to be")
    values = starts.values.astype(float).reshape(-1, replicates, *starts.values.shape[1:])
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(replicates)


def temperatures(
    solver: Solver, places: Requests, rays: int, replicates: int, batch: int = 64
) -> np.ndarray:
    """Temperatures of every scramble, shape (places, replicates, times) [K]."""
    parts = []
    for first in range(0, len(places), batch):
        part = pick(places, np.arange(first, min(first + batch, len(places))))
        starts = solver.solve(replicate(part, 1, replicates=replicates), rays)
        values = starts.values[..., layout.Y_TEMPERATURE].astype(float)
        parts.append(values.reshape(-1, replicates, values.shape[1]))
    return np.concatenate(parts)
