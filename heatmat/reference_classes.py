"""Idealised surfaces, one per construction and orientation: first guesses, and the border.

Each class is marched with the full nonlinear balance, once shaded and once with the whole beam. Its
daily mean is where the marches of a place begin; the open ground beyond the map is one more class.
"""

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import Chunk, TimePlan
from heatmat.kernels import layout
from heatmat.kernels.idealised import reference_surfaces
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.tables import DeviceTables
from heatmat.units import STEFAN_BOLTZMANN

UP_VIEW, WALL_VIEW = 0.7, 0.35
"""Sky view factors of the classes: half-open street or roof, street wall. They set only where the
linearisation is taken, not what falls on a surface."""

REFLECTED = 0.1
"""Share of the global horizontal light that reaches a class from other surfaces."""


class ReferenceClasses:
    """Marches the classes chunk by chunk, in order."""

    def __init__(self, case: Case, plan: TimePlan, tables: DeviceTables) -> None:
        self.case, self.plan, self.tables = case, plan, tables
        constructions, normals, environment = [], [], []
        table = case.constructions
        roof_wind, wall_wind = self._wind_factors()
        for row, kind in enumerate(table.kinds):
            for orientation in range(layout.ORIENTATIONS):
                wind = wall_wind
                normal, view = (0.0, 0.0, 1.0), UP_VIEW
                if orientation == 0 and kind == "roof":
                    wind, view = roof_wind, 0.95
                if orientation > 0:
                    azimuth = 2.0 * np.pi * (orientation - 1) / 16.0
                    normal, view = (np.sin(azimuth), np.cos(azimuth), 0.0), WALL_VIEW
                for lit in (0.0, 1.0):
                    constructions.append(row)
                    normals.append(normal)
                    environment.append((view, lit, REFLECTED * (1.0 - view), wind, 0.35))
        # The plane beyond the map: open and unshaded.
        ground = case.compositions[case.default_ground][0][0]
        self.ground = table.index(ground)
        facade = case.compositions[case.default_facade][0][0]
        self.facade = table.index(facade)
        constructions.append(self.ground)
        normals.append((0.0, 0.0, 1.0))
        environment.append((1.0, 1.0, 0.0, 0.6, 0.4))
        self.count = len(constructions)
        self._constructions = to_device(np.array(constructions, np.int32))
        self._normals = to_device(np.array(normals, np.float32))
        self._environment = to_device(np.array(environment, np.float32))
        self._state = ti.ndarray(dtype=ti.f32, shape=(self.count, layout.STATE_FLOATS))
        self._before: np.ndarray | None = None

    def _wind_factors(self) -> tuple[float, float]:
        """Typical wind factors above the roofs and in the streets."""
        if self.case.physics.wind_model != 0.0:
            return 1.0, 0.8
        form = np.asarray(self.case.wind_coefficients, float).reshape(-1, 6).mean(axis=0)
        return float(form[4]), float(form[4] * np.exp(-0.6 * form[5]))

    def march(
        self, chunk: Chunk, rows: np.ndarray, free: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What the classes give to a chunk.

        Parameters
        ----------
        rows, free : ndarray
            Of the chunk and what is marched beyond it.

        Returns
        -------
        tuple of ndarray
            Mean temperatures of the classes over the chunk's first day (count, 1, 1), as
            departures [K]; short and long wave that leave the border, and the longwave of typical
            surroundings: default ground and facade, half of them lit, as long as `rows` [W m-2];
            temperatures of the classes at the ends of the hours (count, hours + 1), as departures.
        """
        width = rows.shape[1]
        out = ti.ndarray(dtype=ti.f32, shape=(self.count, width, 1))
        out.fill(0.0)
        scratch = ti.ndarray(dtype=ti.f32, shape=(self.count * (width + 1) * 4,))
        scratch.fill(0.0)
        tables = self.tables
        reference_surfaces(
            self.count,
            scratch,
            self._state,
            to_device(rows),
            to_device(free),
            tables.modes,
            tables.properties,
            out,
            to_device(np.arange(width, dtype=np.int32)),
            self._constructions,
            self._normals,
            self._environment,
            chunk.steps,
            width - 1,
            int(chunk.first),
            tables.physics,
            tables.switches,
        )
        theta = out.to_numpy()[:, :, 0].astype(float)
        # Kernels read a first guess of their surface: the mean of the periodic day.
        guess = theta[:, 1 : self.plan.day + 1].mean(axis=1)
        black = STEFAN_BOLTZMANN * (theta + BASE_TEMPERATURE) ** 4
        black[:, 0] = black[:, 1] if self._before is None else self._before
        self._before = black[:, chunk.steps].copy()
        black[:, 1:] = 0.5 * (black[:, 1:] + black[:, :-1])
        table = self.case.constructions
        emissivity = table.emissivity[self.ground]
        border_long = emissivity * black[-1] + (1.0 - emissivity) * rows[layout.F_SKY]
        border_short = table.albedo[self.ground] * rows[layout.F_GLOBAL]
        surroundings = 0.5 * (black[self._classes_of(self.ground, True)].mean(axis=0))
        surroundings += 0.5 * black[self._classes_of(self.facade, False)].mean(axis=0)
        classes = guess.astype(np.float32)[:, None, None]
        hours = theta[:, :: chunk.hours.steps].astype(np.float32)
        return classes, border_short, border_long, surroundings, hours

    def _classes_of(self, construction: int, upward: bool) -> slice:
        """Shaded and lit classes of a construction that face up, or as walls all around."""
        first = 2 * construction * layout.ORIENTATIONS
        return (
            slice(first, first + 2) if upward else slice(first + 2, first + 2 * layout.ORIENTATIONS)
        )
