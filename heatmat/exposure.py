"""Sun and warmth of whole surfaces, for interventions that choose by them.

Both are those of the city before any intervention: hours of direct sun follow from its shape alone,
temperatures from a run of it, made when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.what_if import ground_middles

if TYPE_CHECKING:
    from heatmat.maps import Maps
    from heatmat.requests import Requests
    from heatmat.simulation import Simulation

BATCH = 1 << 18
"""Positions traced at a time."""

WALL_SAMPLES = 16
"""Positions on a wall."""

STREAM = 7
"""Kind code of the random streams of positions on walls."""

PIXEL = 2.0
"""Finest pixel of the run that tells the warmth [m]."""


class SurfaceExposure:
    """What a simulation knows of every facade, roof region and cell of ground.

    Parameters
    ----------
    simulation : Simulation
        Of the city before any intervention.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._hours: dict[str, np.ndarray] = {}
        self._warmth: dict[str, np.ndarray] = {}
        self._region: np.ndarray | None = None

    @property
    def maps(self) -> Maps:
        """Of the city before any intervention."""
        return self.simulation.maps

    def sun_hours(self, kind: str) -> np.ndarray:
        """Hours of direct sun on the window's first day, shape (elements,).

        Ground at the middle of every cell, roofs as means over such cells, walls as means over
        `WALL_SAMPLES` positions; NaN where no position lies on the element.
        """
        if not self._hours:
            self.simulation.progress("sun", 0.0, 1.0)
            self._hours = {**self._seen_from_above(), "wall": self._walls()}
            self.simulation.progress("sun", 1.0, 1.0)
        return self._hours[kind]

    def warmth(self, kind: str) -> np.ndarray:
        """Mean temperature over the window [K], shape (elements,); NaN outside the extent."""
        if not self._warmth:
            self._warmth = self._run()
        return self._warmth[kind]

    # --- sun ----------------------------------------------------------------------------------

    def _seen_from_above(self) -> dict[str, np.ndarray]:
        from heatmat.sampling_plan import KINDS, plan_squares

        middle = ground_middles(self.maps)
        n = middle.shape[0]
        requests = plan_squares(
            middle[:, 0], middle[:, 1], np.zeros(n), np.full(n, KINDS["any"]), np.zeros(n)
        )
        hours, region, kind = self._trace(requests)
        self._region = np.where(kind == KINDS["roof"], region, -1)
        roofs = _by_region(self._region, hours, self.maps)
        return {"ground": np.where(kind == KINDS["ground"], hours, np.nan), "roof": roofs}

    def _walls(self) -> np.ndarray:
        from heatmat.sampling_plan import replicate, stream_keys, wall_patches

        maps = self.maps
        ab = maps.facade_ab.astype(float)
        n = ab.shape[0]
        length = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])
        keys = stream_keys(ab[:, 0], ab[:, 1], maps.facade_z[:, 0], STREAM, 0)
        patches = wall_patches(
            np.arange(n), np.zeros(n), length, maps.facade_z[:, 0], maps.facade_z[:, 1], keys
        )
        hours, _, _ = self._trace(replicate(patches, WALL_SAMPLES, replicates=1))
        with np.errstate(invalid="ignore"):
            number = np.isfinite(hours).reshape(n, -1).sum(axis=1)
            return np.nansum(hours.reshape(n, -1), axis=1) / np.where(number > 0, number, np.nan)

    def _trace(self, requests: Requests) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hours of sun (NaN where there is no surface), region and kind of every position."""
        from heatmat.field_links import empty_bundle, place_bundle, shade_bundle, sunlit_hours
        from heatmat.field_time import field_plan
        from heatmat.kernels import layout

        simulation, solver = self.simulation, self.simulation.solver
        plan = field_plan(simulation.forcing, simulation.stamps, simulation.maps.convergence_deg)
        chunk = plan.chunks[0]
        parts = []
        for first in range(0, len(requests), BATCH):
            part = requests.part(slice(first, first + BATCH))
            words = plan.words << solver.field.sun_size
            bundle = empty_bundle(len(part), 1, 1, 1, words)
            place_bundle(bundle, part, solver.field)
            shade_bundle(bundle, chunk.nodes, chunk.node_days, solver.field, together=False)
            records = bundle.start_i.to_numpy()
            valid = records[:, layout.T_VALID] == 1
            step, size = simulation.forcing.step, solver.field.sun_size
            hours = sunlit_hours(bundle, chunk, step, size)
            parts.append(
                (
                    np.where(valid, hours, np.nan),
                    np.where(valid, records[:, layout.T_REGION], -1),
                    np.where(valid, records[:, layout.T_KIND], -1),
                )
            )
        hours, region, kind = (np.concatenate(list(arrays)) for arrays in zip(*parts, strict=True))
        return hours, region, kind

    # --- warmth -------------------------------------------------------------------------------

    def _run(self) -> dict[str, np.ndarray]:
        """A map and the walls of the city before any intervention."""
        simulation, maps = self.simulation, self.maps
        size = max(simulation.scenario.resolution_m, PIXEL)
        above = simulation.map(resolution=size)
        pixel = self._pixels(size, above.sizes["y"], above.sizes["x"])

        def mean(name: str) -> np.ndarray:
            values = above[name].mean("time", skipna=False).values.ravel()
            return np.where(pixel >= 0, values[np.maximum(pixel, 0)], np.nan)

        self.sun_hours("roof")  # finds the region of every cell
        assert self._region is not None
        roofs = _by_region(self._region, mean("roof_temperature"), maps)
        walls = simulation.walls()
        facade = walls.table["facade"].to_numpy(int)
        area = walls.table["area"].to_numpy(float)
        weight = np.bincount(facade, area, maps.facade_ab.shape[0])
        total = np.bincount(facade, area * walls.temperature.mean(axis=1), weight.size)
        with np.errstate(invalid="ignore", divide="ignore"):
            by_facade = np.where(weight > 0.0, total / weight, np.nan)
        return {"ground": mean("ground_temperature"), "roof": roofs, "wall": by_facade}

    def _pixels(self, size: float, ny: int, nx: int) -> np.ndarray:
        """Pixel of the map that each cell of ground lies in, -1 outside."""
        maps = self.maps
        row0, _, col0, _ = maps.window
        west = maps.west + col0 * maps.resolution
        north = maps.south + (maps.ny - row0) * maps.resolution
        middle = ground_middles(maps)
        column = np.floor((middle[:, 0] - west) / size).astype(int)
        row = np.floor((north - middle[:, 1]) / size).astype(int)
        inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
        return np.where(inside, row * nx + column, -1)


def _by_region(region: np.ndarray, values: np.ndarray, maps: Maps) -> np.ndarray:
    """Means of cells by roof region, shape (roofs,); NaN where none is known."""
    known = (region >= 0) & np.isfinite(values)
    count = np.bincount(region[known], minlength=maps.region_building.size)
    total = np.bincount(region[known], values[known], minlength=count.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(count > 0, total / count, np.nan)
    return means[maps.region_building >= 0]
