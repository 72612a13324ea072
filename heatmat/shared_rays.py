"""A solver that traces paths once and marches them for several versions of a city."""

import numpy as np

from heatmat.kernels import layout
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts
from heatmat.solver import Solver
from heatmat.variants import Variants


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
        self.variants = variants
        self._tables = [
            (to_device(rows), to_device(shares.astype(np.float32)))
            for rows, shares in variants.tables()
        ]
        self._which: list[int] = []
        self._found: list[list[np.ndarray]] = []

    def solve_each(
        self, requests: Requests, rays: int, which: list[int] | None = None, progress=None
    ) -> tuple[Starts, np.ndarray]:
        """March every start in every version.

        Parameters
        ----------
        requests : Requests
        rays : int
            Paths from each start, a power of two.
        which : list of int, optional
            Some of the versions.

        Returns
        -------
        Starts
            As from `solve` for the first of them.
        ndarray of float32, shape (versions, starts, times)
            Temperatures [K].
        """
        self._which = list(range(self.variants.count)) if which is None else which
        self._found = [[] for _ in self._which]
        starts = self.solve(requests, rays, progress=progress)
        found = np.stack([np.concatenate(parts)[..., 0] for parts in self._found])
        self._found = []
        return starts, found

    def _gather(self, chunk, forcing, records, view, rays, values) -> np.ndarray:
        """March all versions one after the other; the answer is that of the first."""
        looks, vertex_f, vertex_i, bits, _, depth = records[2:]
        for i, version in enumerate(self._which):
            self.tables.entries, self.tables.shares = self._tables[version]
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
