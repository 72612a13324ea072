"""A solver that traces paths once and marches them for several versions of a city."""

from collections.abc import Callable

import numpy as np

from heatmat.chunks import Chunk
from heatmat.district_sample import Groups
from heatmat.kernels import layout
from heatmat.kernels.idealised import reference_surfaces
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts
from heatmat.runtime import ti
from heatmat.solver import Solver
from heatmat.tables import ChunkForcing
from heatmat.variants import Variants

Progress = Callable[[int], None] | None


class SharedRays(Solver):
    """A solver over the joint labels of several versions.

    The paths, the first rays and the shadow rays are those of any version alone: they depend on
    geometry and seed (`docs/decisions/0003-geometry-once.md`). So the temperatures of a version are
    those that its own `Solver` gives, to the last bit.

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
        self._found: list[list[np.ndarray]] = []
        self.use(variants)

    def use(self, variants: Variants) -> None:
        """March these versions, of the same case, from now on."""
        self.variants = variants
        self._tables = [
            (to_device(rows), to_device(shares.astype(np.float32)))
            for rows, shares in variants.tables()
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
            As from `solve` for the first of them.
        ndarray of float32, shape (versions, starts, times)
            Temperatures [K].
        """
        self._found = [[] for _ in self._tables]
        starts = self.solve(requests, rays, progress=progress)
        found = np.stack([np.concatenate(parts)[..., 0] for parts in self._found])
        self._found = []
        return starts, found

    def _gather(
        self,
        chunk: Chunk,
        forcing: ChunkForcing,
        records: tuple,
        view: ti.Ndarray,
        rays: int,
        values: int,
    ) -> np.ndarray:
        """March all versions one after the other; the answer is that of the first."""
        looks, vertex_f, vertex_i, bits, _, depth = records[2:]
        for i, (entries, shares) in enumerate(self._tables):
            self.tables.entries, self.tables.shares = entries, shares
            super()._march_paths(chunk, forcing, looks, vertex_f, vertex_i, bits, depth)
            out = super()._gather(chunk, forcing, records, view, rays, values)
            self._found[i].append(out)
        return self._found[0][-1].copy()

    def _march_paths(self, *_: object) -> None:
        """Nothing yet: each version marches its paths just before it gathers them."""

    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        starts = super()._batch(requests, rays, full, count)
        base = np.float32(self.case_base)
        for parts in self._found:
            parts[-1] = parts[-1][:count] + base
        return starts

    @property
    def case_base(self) -> float:
        """Temperature that kernels count from [K]."""
        return float(self.tables.physics[layout.P_BASE])


def placed(solver: Solver, requests: Requests) -> Starts:
    """Where starts lie, without marching anything: values are empty."""
    start_f, start_i, _, _ = solver.place(requests)
    records, place = start_i.to_numpy(), start_f.to_numpy()
    count = len(requests)
    return Starts(
        values=np.zeros((count, 0, 1), np.float32),
        valid=records[:, layout.T_VALID] == 1,
        kind=records[:, layout.T_KIND],
        composition=records[:, layout.T_COMPOSITION],
        facade=records[:, layout.T_FACADE],
        region=records[:, layout.T_REGION],
        position=place[:, layout.S_X : layout.S_Z + 1],
        sky_view=np.zeros(count, np.float32),
        sunlit_hours=np.zeros(count, np.float32),
    )
