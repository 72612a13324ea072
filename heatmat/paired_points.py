"""Points on both sides of a comparison along paths that are traced once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from heatmat.case import BASE_TEMPERATURE
from heatmat.estimate import Sums, samples_spent, sums
from heatmat.field_twins import same_tracing
from heatmat.kernels import layout
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts, join, pad, padded
from heatmat.sampling_plan import pick, replicate
from heatmat.solver import Solver

if TYPE_CHECKING:
    from heatmat.case import Case
    from heatmat.placing import Places

PATHS = 32
"""Most paths of one start at a point, twice as many as of single runs: 512 paths of 52 points then
take as long as 384 otherwise, with 0.8 times their error, since fewer starts are marched."""

LABELS = ("facade_composition", "region_composition", "ground_composition")
"""What surfaces are made of, by field of `Maps`."""


class PairedSolver:
    """Two solvers of one geometry that march along the same paths, traced once.

    The paths are traced over joint labels, one for each combination of compositions that a surface
    has on the two sides; a side is then a table that says which composition a joint label means.
    Temperatures equal those of either solver alone, were it as patient, to the last bit.

    Parameters
    ----------
    before, after : Solver
        See `shareable`.
    """

    def __init__(self, before: Solver, after: Solver) -> None:
        cases = before.case, after.case
        labels, rows = _joined(cases)
        # Labels of what has none: walls beyond the facades, and constructions that points name.
        default = len(rows[0])
        named = sorted(set(cases[0].compositions) & set(cases[1].compositions))
        self._named = {name: default + 1 + i for i, name in enumerate(named)}
        self._compositions = cases[0].compositions
        # Copies share the arrays of batches with their solver. Each side has its own: some hand on
        # its state from one chunk of time to the next.
        self.tracer = copy.copy(before)
        self.tracer.patient = True
        self.tracer.field = rays = copy.copy(before.field)
        rays.region_composition = to_device(labels["region_composition"])
        rays.facade_composition = to_device(labels["facade_composition"])
        rays.ground = to_device(labels["ground_composition"][::-1])
        rays.default_facade = default
        self.sides = []
        for solver, index in zip((before, after), rows, strict=True):
            case = solver.case
            more = [case.default_facade, *(case.compositions.index(name) for name in named)]
            whole = np.concatenate([index, more])
            entries, shares = case.composition_arrays()
            side = copy.copy(solver)
            side.tables = copy.copy(solver.tables)
            side.tables.entries = to_device(entries[whole].astype(np.int32))
            side.tables.shares = to_device(shares[whole].astype(np.float32))
            self.sides.append(side)
        if after is before:
            self.sides[1]._buffers = {}

    def solve(self, requests: Requests, rays: int) -> Starts:
        """March every start on both sides; values are the temperatures of both [K].

        Parameters
        ----------
        requests : Requests
            With compositions of the first side.
        rays : int
            Paths from each start, a power of two.
        """
        given = requests.composition.copy()
        for row in np.flatnonzero(given >= 0):
            given[row] = self._named[self._compositions[given[row]]]
        requests = Requests(requests.numbers, requests.codes, requests.keys, given)
        size = min(self.tracer.batch_size(rays, 2), padded(len(requests)))
        return join(
            [
                self._batch(requests.part(slice(first, first + size)), size, rays)
                for first in range(0, len(requests), size)
            ]
        )

    def _batch(self, requests: Requests, size: int, rays: int) -> Starts:
        tracer, count = self.tracer, len(requests)
        traced = tracer._trace(pad(requests, size), rays)
        start_f, start_i, looks, vertex_f, vertex_i, primaries, depth = traced
        view = tracer._buffer("view", (size, 1))
        pieces = []
        for chunk in tracer.plan.chunks:
            bits = tracer._visibility(
                chunk, start_f, start_i, vertex_f, vertex_i, depth, vertex_i.shape[0]
            )
            records = (start_f, start_i, looks, vertex_f, vertex_i, bits, primaries, depth)
            both = []
            for side in self.sides:
                forcing = side.tables.chunk(chunk, side.references)
                side._march_paths(chunk, forcing, looks, vertex_f, vertex_i, bits, depth)
                both.append(side._gather(chunk, forcing, records, view, rays, 1))
            pieces.append(np.concatenate(both, axis=2))
        records, place = start_i.to_numpy()[:count], start_f.to_numpy()[:count]
        return Starts(
            values=np.concatenate(pieces, axis=1)[:count] + np.float32(BASE_TEMPERATURE),
            valid=records[:, layout.T_VALID] == 1,
            kind=records[:, layout.T_KIND],
            composition=records[:, layout.T_COMPOSITION],
            facade=records[:, layout.T_FACADE],
            region=records[:, layout.T_REGION],
            position=place[:, layout.S_X : layout.S_Z + 1],
            sky_view=view.to_numpy()[:count, 0],
            sunlit_hours=np.zeros(count, np.float32),
        )

    def replicates(self, places: Places, max_rays: int) -> tuple[np.ndarray, np.ndarray]:
        """Temperatures of both sides by replicate, after `max_rays` paths to each place.

        Returns
        -------
        tuple of ndarray
            Of either side, (places, replicates, times) [K]; NaN where a replicate has no valid
            position.
        """
        number = len(places.requests)
        found: np.ndarray | None = None
        for area in (False, True):
            rows = np.flatnonzero(places.area == area)
            if rows.size:
                rays, samples = samples_spent(max_rays, area, PATHS)
                starts = self.solve(replicate(pick(places.requests, rows), samples), rays)
                part = by_replicate(sums(starts, rows.size, samples, rays))
                if found is None:
                    found = np.full((number, *part.shape[1:]), np.nan)
                found[rows] = part
        assert found is not None
        return found[..., 0], found[..., 1]


def _joined(cases: tuple[Case, Case]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Joint labels by field of `Maps`, and the composition of either side that each stands for.

    Where all surfaces of a field have one label on both sides it is that label.
    """
    maps = [case.maps for case in cases]
    count = min(len(case.compositions) for case in cases)
    labels: dict[str, np.ndarray] = {}
    rows = [[np.arange(count)], [np.arange(count)]]
    for name in LABELS:
        own = [getattr(side, name) for side in maps]
        if np.array_equal(*own):
            labels[name] = own[0]
            continue
        code, where, index = np.unique(
            own[0].astype(np.int64) * len(cases[1].compositions) + own[1],
            return_index=True, return_inverse=True,
        )  # fmt: skip
        labels[name] = (count + index).reshape(own[0].shape).astype(np.int32)
        count += code.size
        for side, array in zip(rows, own, strict=True):
            side.append(array.ravel()[where])
    return labels, [np.concatenate(side) for side in rows]


def by_replicate(whole: Sums) -> np.ndarray:
    """Means of replicates, (places, replicates, times, values), NaN without a valid start."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return whole.values / whole.number[..., None, None]


@contextmanager
def patient_paths(solver: Solver) -> Iterator[None]:
    """Paths as pairs have them, for a side that is queried for itself."""
    solver.patient = True
    try:
        yield
    finally:
        solver.patient = False


def shareable(before: Solver, after: Solver) -> bool:
    """Whether two solvers trace the same paths; crowns carry labels of their own, and do not."""
    if before.case.maps.has_crowns or after.case.maps.has_crowns:
        return False
    same_wind = np.array_equal(before.field.wind.to_numpy(), after.field.wind.to_numpy())
    return same_wind and same_tracing(before, after)
