"""A solver that marches derivatives beside temperatures, along the same paths."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import Chunk
from heatmat.directions import Derivatives, Direction, differentiate
from heatmat.kernels import layout, tangent_later, tangent_receive, tangent_start
from heatmat.kernels.receive import HOUR_ROWS
from heatmat.kernels.tangent_march import ROWS
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts
from heatmat.runtime import ti
from heatmat.solver import Solver
from heatmat.tables import ChunkForcing
from heatmat.units import STEFAN_BOLTZMANN

if TYPE_CHECKING:
    from heatmat.construction import Construction


@dataclass
class DeviceDerivatives:
    """A direction on the device; names are those of the kernels' arguments."""

    properties: ti.Ndarray
    hour_properties: ti.Ndarray
    modes: ti.Ndarray
    hour_modes: ti.Ndarray
    free: ti.Ndarray
    hour_free: ti.Ndarray
    classes: ti.Ndarray
    class_hours: ti.Ndarray
    series: ti.Ndarray
    hours: ti.Ndarray


class TangentSolver(Solver):
    """Temperatures and their derivatives.

    Parameters
    ----------
    case : Case
    device : str
    stamps : ndarray of int
        Forcing stamps to report.
    constructions : mapping
        Those of the case by name, for the layers of slabs.
    inside_film : mapping
        Of the physics.
    """

    def __init__(
        self,
        case: Case,
        device: str,
        stamps: np.ndarray,
        constructions: "Mapping[str, Construction]",
        inside_film: Mapping[str, float],
    ) -> None:
        super().__init__(case, device, stamps=stamps, chunk_steps=case.forcing.n_steps)
        self._constructions, self._inside_film = constructions, inside_film
        self._directions: list[DeviceDerivatives] = []
        self._found: list[list[np.ndarray]] = []
        self._own = True

    def solve_tangents(
        self,
        requests: Requests,
        rays: int,
        directions: Sequence[Direction],
        *,
        own: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Starts, np.ndarray]:
        """March every start with its derivatives.

        Parameters
        ----------
        requests : Requests
        rays : int
            Paths from each start, a power of two.
        directions : sequence of Direction
        own : bool
            Also the derivatives by the start's own surface alone.

        Returns
        -------
        Starts
            Temperatures, as from `solve`.
        ndarray of float32, shape (directions, 2, starts, times)
            Derivatives: by all surfaces of the direction; by the start's own surface alone, as if
            what falls on it stayed the same (NaN unless `own`).
        """
        self._directions = [self._upload(direction) for direction in directions]
        self._found = [[] for _ in directions]
        self._own = own
        starts = self.solve(requests, rays, progress=progress)
        found = [np.concatenate(parts, axis=1) for parts in self._found]
        self._directions, self._found = [], []
        return starts, np.stack(found)

    def batch_size(self, rays: int, values: int) -> int:
        """Half as many starts as without derivatives, which take as much memory again."""
        return max(8, super().batch_size(rays, values) // 2)

    # -- derivatives on the device ----------------------------------------------------------------

    def _upload(self, direction: Direction) -> DeviceDerivatives:
        d = differentiate(self.case, self.plan, direction, self._constructions, self._inside_film)
        chunk = self.plan.chunks[0]
        hours = chunk.hours
        ahead = hours.last * hours.steps - chunk.steps
        rows, free = self.tables.series(chunk, ahead), self.tables.free_rows(chunk, ahead)
        stamps = np.minimum(np.arange(chunk.steps + 2 + ahead), self.plan.total)
        d_free = d.free[:, stamps]
        theta = self._march_classes(d, rows, free, d_free)
        series, classes, class_hours = self._of_classes(d, rows, theta)
        shown, ends = slice(0, chunk.steps + 2), np.arange(hours.last + 1) * hours.steps
        by_hour = np.zeros((3, hours.last + 1))
        inside = series[:, 1 : hours.last * hours.steps + 1]
        by_hour[:, 1:] = inside.reshape(3, hours.last, hours.steps).mean(axis=2)
        return DeviceDerivatives(
            properties=_upload(d.properties),
            hour_properties=_upload(d.hour_properties),
            modes=_upload(d.modes),
            hour_modes=_upload(d.hour_modes),
            free=_upload(d_free[:, shown]),
            hour_free=_upload(d_free[:, ends]),
            classes=_upload(classes),
            class_hours=_upload(class_hours),
            series=_upload(series[:, shown]),
            hours=_upload(by_hour),
        )

    def _march_classes(
        self, d: Derivatives, rows: np.ndarray, free: np.ndarray, d_free: np.ndarray
    ) -> np.ndarray:
        """Temperatures of the reference classes and their derivatives, (classes, width, 2)."""
        references, tables = self.references, self.tables
        width = rows.shape[1]
        out = ti.ndarray(dtype=ti.f32, shape=(references.count, width, 2))
        out.fill(0.0)
        scratch = ti.ndarray(dtype=ti.f32, shape=(references.count * (width + 1) * 4,))
        tangent_start.class_tangents(
            references.count,
            scratch,
            to_device(rows),
            to_device(free),
            _upload(d_free),
            tables.modes,
            _upload(d.modes),
            tables.properties,
            _upload(d.properties),
            out,
            to_device(np.arange(width, dtype=np.int32)),
            references._constructions,
            references._normals,
            references._environment,
            width - 1,
            tables.physics,
            tables.switches,
        )
        return out.to_numpy().astype(float)

    def _of_classes(
        self, d: Derivatives, rows: np.ndarray, theta: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Derivatives of what `ReferenceClasses.march` gives: series, daily means, by hour."""
        references, table = self.references, self.case.constructions
        kelvin = theta[:, :, 0] + BASE_TEMPERATURE
        black = STEFAN_BOLTZMANN * kelvin**4
        d_black = 4.0 * STEFAN_BOLTZMANN * kelvin**3 * theta[:, :, 1]
        for values in (black, d_black):
            values[:, 0] = values[:, 1]
            values[:, 1:] = 0.5 * (values[:, 1:] + values[:, :-1])
        ground = references.ground
        series = np.zeros((3, rows.shape[1]))
        series[tangent_receive.D_BORDER_SHORT] = (
            d.properties[ground, layout.C_ALBEDO] * rows[layout.F_GLOBAL]
        )
        series[tangent_receive.D_BORDER_LONG] = table.emissivity[ground] * d_black[-1] + (
            d.properties[ground, layout.C_EMISSIVITY] * (black[-1] - rows[layout.F_SKY])
        )
        series[tangent_receive.D_SURROUNDINGS] = 0.5 * (
            d_black[references._classes_of(ground, True)].mean(axis=0)
            + d_black[references._classes_of(references.facade, False)].mean(axis=0)
        )
        daily = theta[:, 1 : self.plan.day + 1, 1].mean(axis=1)
        return series, daily, theta[:, :: self.plan.chunks[0].hours.steps, 1]

    # -- the run ----------------------------------------------------------------------------------

    def _gather(
        self,
        chunk: Chunk,
        forcing: ChunkForcing,
        records: tuple,
        view: ti.Ndarray,
        rays: int,
        values: int,
    ) -> np.ndarray:
        """Temperatures as ever, then each direction with its own march of the paths."""
        temperatures = super()._gather(chunk, forcing, records, view, rays, values)
        for i, d in enumerate(self._directions):
            self._march_tangents(chunk, forcing, records, d)
            sides = [self._gather_tangents(chunk, forcing, records, rays, d, 1.0)]
            if self._own:
                sides.append(self._gather_tangents(chunk, forcing, records, rays, d, 0.0))
            else:
                sides.append(np.full_like(sides[0], np.nan))
            self._found[i].append(np.stack(sides))
        return temperatures

    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        starts = super()._batch(requests, rays, full, count)
        for parts in self._found:
            parts[-1] = parts[-1][:, :count]
        return starts

    def _path_tangents(self, paths: int) -> ti.Ndarray:
        size = paths * (self.plan.hours + 1) * tangent_receive.TANGENT_ROWS
        return self._buffer("path_tangents", (size,))

    def _march_tangents(
        self, chunk: Chunk, forcing: ChunkForcing, records: tuple, d: DeviceDerivatives
    ) -> None:
        _, _, looks, vertex_f, vertex_i, bits, _, depth = records
        tables = self.tables
        paths = depth.shape[0]
        tangent_later.march_path_tangents(
            looks,
            vertex_f,
            vertex_i,
            bits[1],
            bits[2],
            depth,
            self._buffer("path_series", (paths * (self.plan.hours + 1) * HOUR_ROWS,)),
            self._path_tangents(paths),
            forcing.node_of_step,
            forcing.hour_lit,
            forcing.hours,
            forcing.sun,
            d.hours,
            forcing.hour_free,
            d.hour_free,
            tables.hour_modes,
            d.hour_modes,
            tables.hour_properties,
            d.hour_properties,
            tables.entries,
            tables.shares,
            forcing.classes,
            d.classes,
            forcing.class_hours,
            d.class_hours,
            chunk.hours.steps,
            tables.physics,
            tables.hour_switches,
        )

    def _gather_tangents(
        self,
        chunk: Chunk,
        forcing: ChunkForcing,
        records: tuple,
        rays: int,
        d: DeviceDerivatives,
        others: float,
    ) -> np.ndarray:
        start_f, start_i, looks, vertex_f, vertex_i, bits, primaries, depth = records
        n, tables = start_f.shape[0], self.tables
        nothing = others == 0.0
        out = self._buffer("tangent_out", (n, max(1, chunk.outputs), 2))
        out.fill(0.0)
        tangent_start.gather_tangents(
            start_f,
            start_i,
            looks,
            vertex_f,
            vertex_i,
            bits[0],
            bits[1],
            primaries,
            depth,
            rays,
            self._path_series(depth.shape[0]),
            self._path_tangents(depth.shape[0]),
            self._buffer("tangent_scratch", (n * (chunk.steps + 3) * ROWS,)),
            forcing.node_of_step,
            forcing.series,
            self._zeros(d.series) if nothing else d.series,
            forcing.hours,
            forcing.free,
            d.free,
            tables.modes,
            d.modes,
            tables.properties,
            d.properties,
            self._zeros(d.properties) if nothing else d.properties,
            tables.entries,
            tables.shares,
            forcing.classes,
            d.classes,
            out,
            forcing.out_of_step,
            chunk.steps,
            chunk.hours.steps,
            others,
            tables.physics,
            tables.switches,
        )
        return out.to_numpy()[:, : chunk.outputs, 1]

    def _zeros(self, like: ti.Ndarray) -> ti.Ndarray:
        zeros = self._buffer("tangent_zeros", tuple(like.shape))
        zeros.fill(0.0)
        return zeros


def _upload(array: np.ndarray) -> ti.Ndarray:
    return to_device(np.ascontiguousarray(array, np.float32))
