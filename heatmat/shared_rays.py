"""A solver that traces paths once and marches them for several versions of a city."""

from collections.abc import Callable

import numpy as np

from heatmat.chunks import Chunk
from heatmat.district_sample import Groups
from heatmat.kernels import layout
from heatmat.kernels.idealised import reference_surfaces
from heatmat.kernels.lanes import LANES
from heatmat.kernels.versions import march_versions, version_words
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts
from heatmat.runtime import ti
from heatmat.solver import BATCH_BYTES, Solver
from heatmat.tables import ChunkForcing
from heatmat.variants import Variants

Progress = Callable[[int], None] | None

SCRATCH_BYTES = 32 << 20
"""Device memory for what the starts of one launch work with: near what caches hold."""


class SharedRays(Solver):
    """A solver over the joint labels of several versions.

    The paths, the first rays and the shadow rays are those of any version alone: they depend on
    geometry and seed (`docs/decisions/0003-geometry-once.md`). `LANES` versions march side by side
    (`kernels.versions`), whatever the others are; a version's temperatures are those of its own
    `Solver` but for how often the first day is repeated (2 mK).

    Parameters
    ----------
    variants : Variants
    device : str
    stamps : ndarray of int
        Forcing stamps to report.
    """

    def __init__(self, variants: Variants, device: str, stamps: np.ndarray) -> None:
        # One chunk of time: slabs of several versions are not handed on.
        steps = variants.case.forcing.n_steps
        super().__init__(variants.case, device, stamps=stamps, chunk_steps=steps)
        self._found: list[np.ndarray] = []
        self.use(variants)

    def use(self, variants: Variants) -> None:
        """March these versions, of the same case, from now on."""
        self.variants = variants
        tables = variants.tables()
        # The last version fills its block up.
        tables += [tables[-1]] * (-len(tables) % LANES)
        self._blocks = [
            (
                to_device(np.concatenate([rows for rows, _ in tables[i : i + LANES]])),
                to_device(
                    np.concatenate([shares for _, shares in tables[i : i + LANES]]).astype(
                        np.float32
                    )
                ),
            )
            for i in range(0, len(tables), LANES)
        ]

    def place_sample(self, requests: Requests) -> Starts:
        """Where starts lie, without marching anything."""
        return placed(self, requests)

    def means_each(
        self, requests: Requests, rays: int, groups: Groups, progress: Progress = None
    ) -> np.ndarray:
        """Means of groups of starts in each version and replicate.

        Returns
        -------
        ndarray, shape (versions, groups, REPLICATES, times)
            [K].
        """
        _, found = self.solve_each(requests, rays, progress)
        return groups.by_replicate(found)

    def open_ground(self, construction: str, wind: float) -> np.ndarray:
        """Temperature of an open, flat, unshaded surface at the output times [K].

        Parameters
        ----------
        construction : str
        wind : float
            Wind at the surface over that of the file.
        """
        chunk, tables = self.plan.chunks[0], self.tables
        rows, free = tables.series(chunk), tables.free_rows(chunk)
        out = ti.ndarray(dtype=ti.f32, shape=(1, rows.shape[1], 1))
        out.fill(0.0)
        width = rows.shape[1]
        reference_surfaces(
            1,
            ti.ndarray(dtype=ti.f32, shape=((width + 1) * 4,)),
            ti.ndarray(dtype=ti.f32, shape=(1, layout.STATE_FLOATS)),
            to_device(rows),
            to_device(free),
            tables.modes,
            tables.properties,
            out,
            to_device(np.arange(width, dtype=np.int32)),
            to_device(np.array([self.case.constructions.index(construction)], np.int32)),
            to_device(np.array([[0.0, 0.0, 1.0]], np.float32)),
            # All of the sky, all of the beam, nothing reflected; perimeter over area of ground.
            to_device(np.array([[1.0, 1.0, 0.0, wind, 0.4]], np.float32)),
            chunk.steps,
            width - 1,
            1,
            tables.physics,
            tables.switches,
        )
        return out.to_numpy()[0, chunk.output_steps, 0].astype(float) + self.case_base

    def solve_each(
        self, requests: Requests, rays: int, progress: Progress = None
    ) -> tuple[Starts, np.ndarray]:
        """March every start in every version.

        Parameters
        ----------
        requests : Requests
        rays : int
            Paths from each start, a power of two.

        Returns
        -------
        Starts
            As from `solve` for the first of them, without shares of sky and sun.
        ndarray of float32, shape (versions, starts, times)
            Temperatures [K].
        """
        self._found = []
        starts = self.solve(requests, rays, progress=progress)
        found = np.concatenate(self._found, axis=1)
        self._found = []
        return starts, found

    def batch_size(self, rays: int, values: int) -> int:
        """Fewer starts than of one version where many temperatures come back."""
        most = BATCH_BYTES // (4 * LANES * max(1, self.plan.outputs))
        return max(8, min(super().batch_size(rays, values), 1 << int(np.log2(max(1, most)))))

    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        """Trace once, then march `LANES` versions at a time; the answer is that of the first."""
        start_f, start_i, looks, vertex_f, vertex_i, primaries, depth = self._trace(requests, rays)
        chunk = self.plan.chunks[0]
        forcing = self.tables.chunk(chunk, self.references)
        bits = self._visibility(
            chunk, start_f, start_i, vertex_f, vertex_i, depth, vertex_i.shape[0]
        )
        records = (start_f, start_i, looks, vertex_f, vertex_i, *bits, primaries, depth, rays)
        blocks = [self._march_block(chunk, forcing, records, *block) for block in self._blocks]
        found = np.concatenate(blocks)[: self.variants.count, :count]
        found += np.float32(self.case_base)
        self._found.append(found)
        return start_rows(start_f, start_i, found[0, :, :, None])

    def _march_block(
        self,
        chunk: Chunk,
        forcing: ChunkForcing,
        records: tuple,
        entries: ti.Ndarray,
        shares: ti.Ndarray,
    ) -> np.ndarray:
        """Temperatures of one block of versions as departures, (LANES, starts, times)."""
        tables, number = self.tables, records[0].shape[0]
        words = version_words(chunk.hours.last, chunk.steps)
        launch = max(1, min(number, SCRATCH_BYTES // (4 * words)))
        scratch = self._buffer("version_scratch", (launch * words,))
        out = self._buffer("version_out", (number, max(1, chunk.outputs), LANES))
        out.fill(0.0)
        for first in range(0, number, launch):
            march_versions(
                first,
                min(launch, number - first),
                *records,
                scratch,
                forcing.node_of_step,
                forcing.hour_lit,
                forcing.series,
                forcing.hours,
                forcing.sun,
                forcing.free,
                forcing.hour_free,
                tables.modes,
                tables.hour_modes,
                tables.properties,
                tables.hour_properties,
                entries,
                shares,
                forcing.classes,
                forcing.class_hours,
                out,
                forcing.out_of_step,
                chunk.steps,
                chunk.hours.steps,
                tables.physics,
                tables.switches,
                int(self.case.physics.convection[0]),
            )
        return np.moveaxis(out.to_numpy()[:, : chunk.outputs], 2, 0)

    @property
    def case_base(self) -> float:
        """Temperature that kernels count from [K]."""
        return float(self.tables.physics[layout.P_BASE])


def placed(solver: Solver, requests: Requests) -> Starts:
    """Where starts lie, without marching anything: values are empty."""
    start_f, start_i, _, _ = solver.place(requests)
    return start_rows(start_f, start_i, np.zeros((len(requests), 0, 1), np.float32))


def start_rows(start_f: ti.Ndarray, start_i: ti.Ndarray, values: np.ndarray) -> Starts:
    """Start records as arrays, as many as there are `values`; shares of sky and sun are zero."""
    count = len(values)
    records, place = start_i.to_numpy()[:count], start_f.to_numpy()[:count]
    return Starts(
        values=values,
        valid=records[:, layout.T_VALID] == 1,
        kind=records[:, layout.T_KIND],
        composition=records[:, layout.T_COMPOSITION],
        facade=records[:, layout.T_FACADE],
        region=records[:, layout.T_REGION],
        position=place[:, layout.S_X : layout.S_Z + 1],
        sky_view=np.zeros(count, np.float32),
        sunlit_hours=np.zeros(count, np.float32),
    )
