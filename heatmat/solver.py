"""The solver: starts in, temperatures with fluxes out, in batches and chunks of time.

It knows arrays only. What a user asks in points, pixels and facades becomes `Requests`; what comes
back is one row a start, which `heatmat.estimate` averages.
"""

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import Chunk, TimePlan, plan_time
from heatmat.errors import InputError
from heatmat.kernels import gather as gather_kernels
from heatmat.kernels import layout, paths, starts, visibility
from heatmat.kernels.gather_march import GROUP, UNIT_INTS
from heatmat.kernels.lanes import LANES
from heatmat.kernels.later import march_paths
from heatmat.kernels.receive import HOUR_ROWS
from heatmat.launches import Launcher
from heatmat.rayfield import RayField, sun_shares, to_device
from heatmat.reference_classes import ReferenceClasses
from heatmat.requests import Requests as Requests
from heatmat.requests import Starts as Starts
from heatmat.requests import join, pad, padded
from heatmat.runtime import ensure_device, synchronise, ti
from heatmat.tables import ChunkForcing, DeviceTables
from heatmat.transfers import read, write

BATCH_BYTES = 192 << 20
"""Device memory that one batch of starts may take; larger batches are no faster on a CPU."""


SMALL_BUFFER = 1 << 17
"""Elements of a device array that is kept for later batches whatever shapes come between."""


class Solver:
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
    """

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
        self._buffers: dict[tuple, ti.Ndarray] = {}
        self._suns: dict[int, tuple] = {}
        self.launch = Launcher()

    # -- memory -------------------------------------------------------------------------------

    def _buffer(self, name: str, shape: tuple, dtype: object = ti.f32) -> ti.Ndarray:
        """A device array that later batches of the same shape use again."""
        key = (name, shape, dtype)
        if key not in self._buffers:
            # Rounds of a query come back to a few small shapes; of large ones the last is kept.
            for old in [k for k in self._buffers if k[0] == name and np.prod(k[1]) > SMALL_BUFFER]:
                del self._buffers[old]
            self._buffers[key] = ti.ndarray(dtype=dtype, shape=shape)
        return self._buffers[key]

    def _filled(self, name: str, values: np.ndarray) -> ti.Ndarray:
        """A kept device array with these values; the next of its name and shape replaces them."""
        kind = {"f": ti.f32, "i": ti.i32, "u": ti.u32}[values.dtype.kind]
        array = self._buffer(name, values.shape, kind)
        write(array, values)
        return array

    def _sun(self, chunk: Chunk) -> tuple[ti.Ndarray, ti.Ndarray, ti.Ndarray]:
        """Sun positions of a chunk on the device: nodes, their days, phases of the hours."""
        kept = self._suns.get(chunk.begin)
        if kept is None or kept[0] is not chunk.nodes:
            arrays = (chunk.nodes, chunk.node_days, chunk.hours.sun)
            kept = (chunk.nodes, *(to_device(a) for a in arrays))
            self._suns[chunk.begin] = kept
        return kept[1:]

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

    # -- the run ------------------------------------------------------------------------------

    def place(self, requests: Requests) -> tuple[ti.Ndarray, ti.Ndarray, ti.Ndarray, ti.Ndarray]:
        """Positions of a batch: start records (float, int), keys and request codes."""
        field, n = self.field, len(requests)
        keys, codes = self._filled("keys", requests.keys), self._filled("codes", requests.codes)
        start_f = self._buffer("start_f", (n, layout.START_FLOATS))
        start_i = self._buffer("start_i", (n, layout.START_INTS), ti.i32)
        self.launch(
            starts.place_starts,
            self._filled("numbers", requests.numbers),
            codes,
            keys,
            start_f,
            start_i,
            field.cells,
            field.blocks,
            field.block_edges,
            field.edge_sides,
            field.planes,
            field.region_composition,
            field.region_pa,
            field.facades,
            field.facade_info,
            field.facade_composition,
            field.ground,
            field.wind,
            field.grid_f,
            field.grid_i,
            field.wind_f,
            field.ground_cell,
        )
        if np.any(requests.composition >= 0):
            records = read(start_i)
            given = requests.composition >= 0
            records[given, layout.T_COMPOSITION] = requests.composition[given]
            write(start_i, records)
        return start_f, start_i, keys, codes

    def solve(self, requests: Requests, rays: int, *, full: bool = False, progress=None) -> Starts:
        """March every start.

        Parameters
        ----------
        requests : Requests
        rays : int
            Paths from each start, a power of two.
        full : bool
            Return the fluxes as well.
        progress : callable, optional
            Called with the number of starts done after each batch.

        Returns
        -------
        Starts
        """
        if rays < 1 or rays & (rays - 1):
            raise InputError("rays a start must be a power of two", got=rays)
        size = min(self.batch_size(rays, layout.OUTPUTS if full else 1), padded(len(requests)))
        parts = []
        for first in range(0, len(requests), size):
            part = requests.part(slice(first, first + size))
            count = len(part)
            parts.append(self._batch(pad(part, size), rays, full, count))
            if progress is not None:
                progress(count)
        return join(parts)

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
                shares = sun_shares(read(bits[0]), chunk.nodes.shape[0], self.field.sun_size)
                hours += shares[:, chunk.first_day_nodes].sum(axis=1) * (
                    self.case.forcing.step / 3600.0
                )
        codes_out, place = read(start_i), read(start_f)
        temperatures = np.concatenate(pieces, axis=1)[:count]
        temperatures[..., layout.Y_TEMPERATURE] += np.float32(BASE_TEMPERATURE)
        return Starts(
            values=temperatures,
            valid=codes_out[:count, layout.T_VALID] == 1,
            kind=codes_out[:count, layout.T_KIND],
            composition=codes_out[:count, layout.T_COMPOSITION],
            facade=codes_out[:count, layout.T_FACADE],
            region=codes_out[:count, layout.T_REGION],
            position=place[:count, layout.S_X : layout.S_Z + 1],
            sky_view=read(view)[:count, 0],
            sunlit_hours=hours[:count],
        )

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
        groups = -(-n // GROUP)
        tables = self.tables
        out = self._buffer("out", (n, max(1, chunk.outputs), values))
        out.fill(0.0)
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
            self._buffer("scratch", (n * (chunk.steps + 3) * 4,)),
            self._buffer("units", (groups * GROUP * layout.MAX_ENTRIES, UNIT_INTS), ti.i32),
            self._buffer("unit_count", (groups,), ti.i32),
            self._buffer("start_state", (n * layout.MAX_ENTRIES, layout.STATE_FLOATS)),
            forcing.node_of_step,
            forcing.series,
            forcing.hours,
            forcing.free,
            tables.modes,
            tables.properties,
            tables.entries,
            tables.shares,
            forcing.classes,
            out,
            forcing.out_of_step,
            view,
            chunk.steps,
            chunk.hours.steps,
            int(chunk.first),
            int(values > 1),
            tables.physics,
            tables.switches,
            int(tables.switches[layout.O_CONVECTION]),
        )
        return read(out)[:, : chunk.outputs]

    def sky_view(self, requests: Requests, rays: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """Sky view factors of starts without marching anything.

        Returns
        -------
        tuple of ndarray
            View factors and validity, shape (n,).
        """
        field = self.field
        views, valid = [], []
        size = 1 << 16
        for first in range(0, len(requests), size):
            part = requests.part(slice(first, first + size))
            start_f, start_i, keys, _ = self.place(part)
            out = self._buffer("sky_out", (len(part),))
            visibility.sky_view(
                start_f, start_i, keys, out, rays, *field.geometry, field.grid_f, field.grid_i
            )
            views.append(read(out))
            valid.append(read(start_i)[:, layout.T_VALID] == 1)
        return np.concatenate(views), np.concatenate(valid)

    def sunlit(self, requests: Requests) -> np.ndarray:
        """Whether starts see the sun at each sun position of the first chunk of time.

        Returns
        -------
        ndarray of bool, shape (n, positions)
            Behind crowns: whether they let through more than half of it.
        """
        return self.sun_shares(requests) > 0.5

    def sun_shares(self, requests: Requests) -> np.ndarray:
        """How much of the sun starts see at each sun position of the first chunk of time.

        Returns
        -------
        ndarray of float32, shape (n, positions)
            0 or 1, and behind crowns what they let through.
        """
        field, nodes = self.field, self.plan.chunks[0].nodes
        device_nodes = self._sun(self.plan.chunks[0])[0]
        lit = []
        size = 1 << 16
        for first in range(0, len(requests), size):
            start_f, start_i, _, _ = self.place(requests.part(slice(first, first + size)))
            words = self.plan.words << field.sun_size
            bits = self._buffer("lit_bits", (start_f.shape[0], words), ti.u32)
            visibility.start_visibility(
                start_f, start_i, device_nodes, bits, *field.geometry, field.grid_f, field.grid_i
            )
            lit.append(sun_shares(read(bits), nodes.shape[0], field.sun_size))
        return np.concatenate(lit)

    def close(self) -> None:
        """Let go of the device arrays."""
        synchronise()
        self._buffers.clear()
        self._suns.clear()
        self.launch.clear()
