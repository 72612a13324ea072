"""The solver: starts in, temperatures with fluxes out, in batches and chunks of time.

It knows arrays only. What a user asks in points, pixels and facades becomes `Requests`; what comes
back is one row a start, which `heatmat.estimate` averages.
"""

import numpy as np

from heatmat.case import Case
from heatmat.chunks import TimePlan, plan_time
from heatmat.kernels import gather as gather_kernels
from heatmat.kernels import layout, paths, visibility
from heatmat.kernels.lanes import LANES
from heatmat.kernels.later import march_paths
from heatmat.kernels.march import SCRATCH_ROWS
from heatmat.kernels.receive import HOUR_ROWS
from heatmat.rayfield import RayField
from heatmat.reference_classes import ReferenceClasses
from heatmat.requests import Requests as Requests
from heatmat.requests import Starts as Starts
from heatmat.runtime import ensure_device, ti
from heatmat.start_batches import StartBatches
from heatmat.tables import ChunkForcing, DeviceTables

BATCH_BYTES = 192 << 20
"""Device memory that one batch of starts may take; larger batches are no faster on a CPU."""


class Solver(StartBatches):
    """One case on one device.

    Parameters
    ----------
    case : Case
    device : str
        See `heatmat.runtime.ensure_device`.
    stamps : ndarray of int, optional
        Forcing stamps to report; default: every step of the window.
    chunk_steps : int, optional
        Steps marched at a time; results do not depend on it.

    Attributes
    ----------
    patient : bool
        Paths end less often, for differences between two cases (`kernels.paths.survival`).
    """

    patient = False

    def __init__(
        self,
        case: Case,
        device: str = "auto",
        *,
        stamps: np.ndarray | None = None,
        chunk_steps: int | None = None,
    ) -> None:
        self.device = ensure_device(device)
        self.case = case
        self.plan: TimePlan = plan_time(
            case.forcing, chunk_steps, stamps, case.maps.convergence_deg
        )
        self.field = RayField(case)
        self.tables = DeviceTables(case, self.plan)
        self.references = ReferenceClasses(case, self.plan, self.tables)
        super().__init__()

    def batch_size(self, rays: int, values: int) -> int:
        """Starts in a batch, a power of two."""
        slot = layout.VERTEX_FLOATS + layout.LOOKS + layout.VERTEX_INTS + self.plan.hour_words
        if len(self.plan.chunks) > 1:
            slot += layout.STATE_FLOATS
        path = slot * (layout.MAX_VERTICES + 1) + 2 * HOUR_ROWS * (self.plan.hours + 1)
        path += self.plan.words
        series = 4 * (self.plan.longest + 3) + self.plan.outputs * values
        start = 4 * (rays * path + series + layout.MAX_ENTRIES * layout.STATE_FLOATS)
        return max(8, 1 << int(np.log2(max(1.0, BATCH_BYTES / start))))

    def _trace(self, requests: Requests, rays: int) -> tuple[ti.Ndarray, ...]:
        """Starts of a batch and the paths from them, of geometry and labels alone.

        Returns
        -------
        tuple of ti.Ndarray
            Start records (float, int), looks, vertex records (float, int), primaries, depths.
        """
        field, n = self.field, len(requests)
        start_f, start_i, keys, codes = self.place(requests)
        slots = n * rays * (layout.MAX_VERTICES + 1)
        vertex_f = self._buffer("vertex_f", (slots, layout.VERTEX_FLOATS))
        vertex_i = self._buffer("vertex_i", (slots, layout.VERTEX_INTS), ti.i32)
        depth = self._buffer("depth", (n * rays,), ti.i32)
        looks = self._buffer("looks", (slots, layout.LOOKS))
        primaries = self._buffer("primaries", (n, min(256, max(32, 8 * rays))))
        grid = (field.grid_f, field.grid_i)
        self.launch(
            paths.trace_primaries, codes, keys, start_f, start_i, primaries, *field.geometry, *grid
        )
        self.launch(
            paths.trace_paths,
            codes,
            keys,
            start_f,
            start_i,
            primaries,
            looks,
            vertex_f,
            vertex_i,
            depth,
            rays,
            int(self.patient),
            *field.geometry,
            field.region_composition,
            field.region_pa,
            field.facade_info,
            field.facade_composition,
            field.ground,
            field.wind,
            field.grid_f,
            field.grid_i,
            field.wind_f,
            field.ground_cell,
            field.default_facade,
        )
        return start_f, start_i, looks, vertex_f, vertex_i, primaries, depth

    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        traced = self._trace(requests, rays)
        start_f, start_i, looks, vertex_f, vertex_i, primaries, depth = traced
        n, slots = len(requests), vertex_i.shape[0]
        values = layout.OUTPUTS if full else 1
        view = self._buffer("view", (n, 1))
        pieces, hours = [], np.zeros(n, np.float32)
        for chunk in self.plan.chunks:
            forcing = self.tables.chunk(chunk, self.references)
            bits = self._visibility(chunk, start_f, start_i, vertex_f, vertex_i, depth, slots)
            self._march_paths(chunk, forcing, looks, vertex_f, vertex_i, bits, depth)
            records = (start_f, start_i, looks, vertex_f, vertex_i, bits, primaries, depth)
            pieces.append(self._gather(chunk, forcing, records, view, rays, values))
            if chunk.first_day_nodes is not None:
                hours += self._sunlit_hours(chunk, bits[0])
        return self._starts(count, start_f, start_i, np.concatenate(pieces, axis=1), view, hours)

    def _visibility(self, chunk, start_f, start_i, vertex_f, vertex_i, depth, slots):
        """Sun visibility bits of a chunk: of starts, of first and of all later vertices."""
        field = self.field
        words = self.plan.words << field.sun_size
        start_bits = self._buffer("start_bits", (start_f.shape[0], words), ti.u32)
        vertex_bits = self._buffer("vertex_bits", (slots, self.plan.hour_words), ti.u32)
        path_bits = self._buffer("path_bits", (depth.shape[0], self.plan.words), ti.u32)
        nodes, days, sun = self._sun(chunk)
        grid = (field.grid_f, field.grid_i)
        self.launch(
            visibility.start_visibility, start_f, start_i, nodes, start_bits, *field.geometry, *grid
        )
        self.launch(
            visibility.vertex_visibility, vertex_f, vertex_i, depth, nodes, days, sun,
            chunk.hours.steps, path_bits, vertex_bits, *field.geometry, *grid,
        )  # fmt: skip
        return start_bits, path_bits, vertex_bits

    def _path_series(self, paths: int) -> ti.Ndarray:
        return self._buffer("path_series", (paths * (self.plan.hours + 1) * HOUR_ROWS,))

    def _march_paths(
        self, chunk, forcing: ChunkForcing, looks, vertex_f, vertex_i, bits, depth
    ) -> None:  # fmt: skip
        tables = self.tables
        keep = len(self.plan.chunks) > 1
        per_path = (self.plan.hours + 1) * HOUR_ROWS
        shape = (vertex_i.shape[0] if keep else 1, layout.STATE_FLOATS)
        self.launch(
            march_paths,
            looks,
            vertex_f,
            vertex_i,
            bits[1],
            bits[2],
            depth,
            self._buffer("order", (depth.shape[0],), ti.i32),
            self._buffer("lanes_series", (-(-depth.shape[0] // LANES) * LANES * per_path,)),
            self._path_series(depth.shape[0]),
            self._buffer("vertex_state", shape),
            forcing.node_of_step,
            forcing.hour_lit,
            forcing.hours,
            forcing.sun,
            forcing.hour_free,
            tables.hour_modes,
            tables.hour_properties,
            tables.entries,
            tables.shares,
            forcing.classes,
            forcing.class_hours,
            chunk.hours.steps,
            chunk.hours.count,
            int(chunk.first),
            int(keep),
            tables.physics,
            tables.hour_switches,
            int(tables.switches[layout.O_CONVECTION]),
        )

    def _gather(self, chunk, forcing: ChunkForcing, records, view, rays, values) -> np.ndarray:
        start_f, start_i, looks, vertex_f, vertex_i, bits, primaries, depth = records
        n = start_f.shape[0]
        tables = self.tables
        scratch = self._buffer("scratch", (n * (chunk.steps + 3) * SCRATCH_ROWS,))
        self.launch(
            gather_kernels.gather,
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
            self._buffer("hour_before", (n,)),
            scratch,
            forcing.node_of_step,
            forcing.series,
            forcing.hours,
            tables.properties,
            tables.entries,
            tables.shares,
            view,
            chunk.steps,
            chunk.hours.steps,
            int(chunk.first),
            tables.physics,
            tables.switches,
        )
        return self._march_starts(chunk, forcing, start_f, start_i, scratch, values)
