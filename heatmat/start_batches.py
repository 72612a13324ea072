"""Batches of starts on the device: placed, marched from what falls on them, told as rows.

What falls on a start comes by paths (`heatmat.solver`) or from the field (`heatmat.field_solver`);
where it stands, the sun that it sees and its march with the full balance are the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import Chunk, TimePlan
from heatmat.errors import InputError
from heatmat.kernels import gather as gather_kernels
from heatmat.kernels import layout, starts, visibility
from heatmat.kernels.gather_march import GROUP, UNIT_INTS
from heatmat.launches import Launcher
from heatmat.rayfield import RayField, sun_shares, to_device
from heatmat.requests import Requests, Starts, join, pad, padded
from heatmat.runtime import synchronise, ti
from heatmat.tables import ChunkForcing, DeviceTables
from heatmat.transfers import read, write

SMALL_BUFFER = 1 << 17
"""Elements of a device array that is kept for later batches whatever shapes come between."""


class StartBatches(ABC):
    """Starts of one case on one device; what is known of the case is set by those derived.

    Attributes
    ----------
    case : Case
    plan : TimePlan
    field : RayField
        The city on the device.
    tables : DeviceTables
    more_rays : int
        Times as many rays as paths that a start at a point sends, a power of two.
    """

    more_rays = 1
    case: Case
    plan: TimePlan
    field: RayField
    tables: DeviceTables

    def __init__(self) -> None:
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

    @abstractmethod
    def batch_size(self, rays: int, values: int) -> int:
        """Starts in a batch, a power of two."""

    @abstractmethod
    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        """March a padded batch; `count` of its starts were asked for."""

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

    def solve(
        self,
        requests: Requests,
        rays: int,
        *,
        full: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Starts:
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

    def _march_starts(
        self,
        chunk: Chunk,
        forcing: ChunkForcing,
        start_f: ti.Ndarray,
        start_i: ti.Ndarray,
        scratch: ti.Ndarray,
        values: int,
    ) -> np.ndarray:
        """Output rows of a batch from what falls on its starts, in `scratch`."""
        n, tables = start_f.shape[0], self.tables
        groups = -(-n // GROUP)
        out = self._buffer("out", (n, max(1, chunk.outputs), values))
        out.fill(0.0)
        self.launch(
            gather_kernels.march_starts,
            start_f,
            start_i,
            scratch,
            self._buffer("units", (groups * GROUP * layout.MAX_ENTRIES, UNIT_INTS), ti.i32),
            self._buffer("unit_count", (groups,), ti.i32),
            self._buffer("start_state", (n * layout.MAX_ENTRIES, layout.STATE_FLOATS)),
            forcing.series,
            forcing.free,
            tables.modes,
            tables.properties,
            tables.entries,
            tables.shares,
            forcing.classes,
            out,
            forcing.out_of_step,
            chunk.steps,
            int(chunk.first),
            int(values > 1),
            tables.physics,
            tables.switches,
            int(tables.switches[layout.O_CONVECTION]),
        )
        return read(out)[:, : chunk.outputs]

    def _sunlit_hours(self, chunk: Chunk, bits: ti.Ndarray) -> np.ndarray:
        """Hours of sun on the window's first day, by the starts' visibility in a chunk."""
        shares = sun_shares(read(bits), chunk.nodes.shape[0], self.field.sun_size)
        return shares[:, chunk.first_day_nodes].sum(axis=1) * (self.case.forcing.step / 3600.0)

    def _starts(
        self,
        count: int,
        start_f: ti.Ndarray,
        start_i: ti.Ndarray,
        temperatures: np.ndarray,
        view: ti.Ndarray,
        hours: np.ndarray,
    ) -> Starts:
        """The first `count` starts of a batch as rows."""
        codes_out, place = read(start_i), read(start_f)
        temperatures = temperatures[:count]
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
