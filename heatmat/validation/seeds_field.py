"""Maps and storeys by the field with many seeds: are their errors what they say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.field import Field
from heatmat.field_map import PixelGrid, gather_map
from heatmat.field_time import series_words
from heatmat.field_walls import gather_walls
from heatmat.sampling_plan import stream_keys, wall_patches
from heatmat.validation.block import EXTENT, ORIGIN

if TYPE_CHECKING:
    from heatmat.simulation import Simulation
    from heatmat.solver import Requests

PIXEL = 2.0
"""[m]."""
LARGE = {"10 m pixels": (10.0, EXTENT), "50 m pixel": (50.0, (-25.0, -25.0, 25.0, 25.0))}
"""Pixels of many cells [m], and the square they fill."""
LIT_HOURS = 7.0
"""Ground with less sun in a day counts as shaded."""
LOW, HIGH = 3.0, 8.0
"""Storeys that end below, and begin above [m]."""


def field_rows(simulation: Simulation, seeds: int) -> pd.DataFrame:
    """Root mean square of reported errors over the spread, by kind of place."""
    solver = simulation.solver
    origin = simulation.maps.origin
    stamps = solver.plan.stamps
    words = series_words(simulation.forcing)
    grid = _grid(PIXEL, EXTENT, origin)
    grids = {name: _grid(*asked, origin) for name, asked in LARGE.items()}
    pixels, storeys = _Moments(), _Moments()
    large = {name: _Moments() for name in LARGE}
    kinds: dict[str, np.ndarray] = {}
    for seed in range(seeds):
        field = Field(
            solver.case, simulation.scenario.field_resolution_m, stamps, seed=seed,
            rayfield=solver.field,
        )  # fmt: skip
        field.march_chunk()
        marched = partial(_same, field)
        found = gather_map(marched, grid, origin, seed, words)
        if not kinds:
            kinds = _kinds(found, grid.nx, grid.ny)
        pixels.add(found)
        for name, moments in large.items():
            moments.add(gather_map(marched, grids[name], origin, seed, words))
        walls, height = _walls(simulation, seed)
        storeys.add(gather_walls(marched, walls, words))
    rows = [pixels.row(name, chosen) for name, chosen in kinds.items()]
    rows.append(storeys.row("low walls", height[:, 1] <= LOW + 0.1))
    rows.append(storeys.row("high walls", height[:, 0] >= HIGH))
    rows += [moments.row(name, slice(None)) for name, moments in large.items()]
    return pd.DataFrame(rows)


def _grid(pixel: float, extent: tuple[float, ...], origin: tuple[float, float]) -> PixelGrid:
    """Pixels over an extent of the block, in the maps' own metres."""
    west, north = extent[0] + ORIGIN[0] - origin[0], extent[3] + ORIGIN[1] - origin[1]
    nx, ny = (round((extent[i + 2] - extent[i]) / pixel) for i in (0, 1))
    return PixelGrid(west, north, pixel, nx, ny)


def _same(field: Field) -> Field:
    return field


class _Moments:
    """Sums over seeds of temperatures, their squares, and squared errors."""

    def __init__(self) -> None:
        self.number = 0
        self.base = self.first = self.second = self.error = np.zeros(0)

    def add(self, found: dict[str, np.ndarray]) -> None:
        temperature = found["surface_temperature"]
        error = found["surface_temperature_standard_error"]
        if self.number == 0:
            self.base = temperature.astype(float)
            self.first = self.second = self.error = np.zeros(self.base.shape)
        off = temperature - self.base
        self.first, self.second = self.first + off, self.second + off**2
        self.error = self.error + error.astype(float) ** 2
        self.number += 1

    def row(self, name: str, chosen: np.ndarray | slice) -> dict[str, object]:
        n = self.number
        variance = (self.second - self.first**2 / n) / (n - 1)
        spread = float(np.sqrt(np.mean(variance[chosen])))
        reported = float(np.sqrt(np.mean(self.error[chosen] / n)))
        return {
            "place": name, "seeds": n, "places": len(variance[chosen]), "reported [K]": reported,
            "spread [K]": spread, "reported / spread": reported / spread,
        }  # fmt: skip


def _kinds(found: dict[str, np.ndarray], nx: int, ny: int) -> dict[str, np.ndarray]:
    """Pixels of each kind: whole roofs, whole ground in the sun, in the shade, in the court."""
    x = EXTENT[0] + (np.arange(nx) + 0.5) * PIXEL
    y = EXTENT[3] - (np.arange(ny) + 0.5) * PIXEL
    court = ((np.abs(y)[:, None] < 6.0) & (np.abs(x)[None, :] < 8.0)).ravel()
    ground = np.isnan(found["roof_temperature"]).all(axis=1)
    roof = np.isnan(found["ground_temperature"]).all(axis=1)
    lit = found["sunlit_hours"] > LIT_HOURS
    return {
        "sunlit ground": ground & lit & ~court,
        "shaded ground": ground & ~lit & ~court,
        "roof": roof,
        "courtyard": court,
    }


def _walls(simulation: Simulation, seed: int) -> tuple[Requests, np.ndarray]:
    """Storeys of all facades, about 3 m high, and their lower and upper ends."""
    maps = simulation.maps
    ab, z = maps.facade_ab.astype(float), maps.facade_z.astype(float)
    count = np.maximum(1, np.round((z[:, 1] - z[:, 0]) / 3.0)).astype(int)
    facade = np.repeat(np.arange(len(ab)), count)
    storey = np.arange(facade.size) - np.repeat(np.cumsum(count) - count, count)
    step = ((z[:, 1] - z[:, 0]) / count)[facade]
    low = z[facade, 0] + storey * step
    length = np.hypot(*(ab[:, 2:] - ab[:, :2]).T)[facade]
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])[facade]
    keys = stream_keys(middle[:, 0], middle[:, 1], low, 2, seed)
    patches = wall_patches(facade, 0.0 * length, length, low, low + step, keys)
    return patches, np.column_stack([low, low + step])
