"""Which positions a sensitivity is sampled at, round after round until its errors are small enough.

A round adds positions where they tell most (`heatmat.tally`). At points it goes on with the same
sequences of rays; over a district it draws new positions by area, sees what surface each of them
lies on, which costs next to nothing, and keeps as many of each stratum as are wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from heatmat.directions import Direction
from heatmat.district_sample import KIND_NAMES, PATHS, Sample, district_sample, steepness
from heatmat.errors import InputError
from heatmat.kernels import layout
from heatmat.requests import Requests
from heatmat.sampling_plan import REPLICATES, pick
from heatmat.tally import Tally

if TYPE_CHECKING:
    from heatmat.simulation import Simulation
    from heatmat.tangents import TangentSolver

SLICE = 8192
"""Positions marched before their series are summed up and let go."""

CANDIDATES = 1 << 20
"""Most positions that a round draws to find those of rare surfaces."""

KINDS = len(KIND_NAMES)

Progress = Callable[[float], None]


@dataclass
class Rows:
    """Positions of a round: requests, and the unit, replicate and weight of each."""

    requests: Requests
    unit: np.ndarray
    replicate: np.ndarray
    weight: np.ndarray


class Plan(Protocol):
    """What is sampled."""

    tally: Tally
    paths: int

    def first(self) -> Rows:
        """Where sampling begins."""

    def more(self, extra: np.ndarray, at_most: int) -> Rows | None:
        """About so many positions more in each unit; None where there is no room."""


def sample_rounds(
    plan: Plan,
    solver: TangentSolver,
    directions: Sequence[Direction],
    tolerance: float | None,
    growth: float,
    progress: Progress,
) -> int:
    """Sample until all that matters is known to a tolerance, or cost has grown enough.

    Parameters
    ----------
    plan : Plan
        Its tally takes the positions in.
    tolerance : float or None
        Standard error over effect; None: one round.
    growth : float
        Most positions in all, as a multiple of the first round's.

    Returns
    -------
    int
        Positions marched.
    """
    rows: Rows | None = plan.first()
    assert rows is not None
    taken = np.arange(len(directions))
    spent, most = 0, int(growth * rows.unit.size)
    while rows is not None:
        chosen = [directions[int(i)] for i in taken]
        for first in range(0, rows.unit.size, SLICE):
            part = slice(first, first + SLICE)
            found, derivative = solver.solve_tangents(rows.requests.part(part), plan.paths, chosen)
            plan.tally.add(
                rows.unit[part], rows.replicate[part], rows.weight[part] * found.valid,
                found.values[..., 0], derivative, taken,
            )  # fmt: skip
            progress(min(1.0, (first + SLICE) / rows.unit.size))
        spent += rows.unit.size
        if tolerance is None:
            break
        taken = np.flatnonzero(plan.tally.accuracy().short(tolerance).any(axis=1))
        if taken.size == 0:
            break
        extra = plan.tally.wanted(tolerance) - plan.tally.count[1:].sum(axis=2)
        rows = plan.more(np.maximum(extra, 0.0)[taken].max(axis=0), most - spent)
    return spent


class PointPlan:
    """Points, each for itself: more samples of their sequences, by powers of two.

    Parameters
    ----------
    names : list of str
    places : Requests
        One a point.
    paths : int
        From each position.
    samples : int
        Of a replicate in the first round, a power of two.
    """

    def __init__(
        self, names: list[str], places: Requests, paths: int, samples: int, shape: tuple[int, int]
    ) -> None:
        self.paths, self._places = paths, places
        self.tally = Tally(names, np.eye(len(names), dtype=bool), *shape)
        self._first = samples
        self._done = np.zeros(len(names), int)

    def first(self) -> Rows:
        """The same number of samples at every point."""
        return self._to(np.full(len(self._places), self._first))

    def more(self, extra: np.ndarray, at_most: int) -> Rows | None:
        """Points that want more get two or four times as many samples, the neediest first."""
        need = np.ceil(np.log2(1.0 + extra / (self._done * REPLICATES)) - 1e-9)
        to = self._done * 2 ** need.astype(int)
        new = (to - self._done) * REPLICATES
        order = np.argsort(-extra, kind="stable")
        late = order[np.cumsum(new[order]) > at_most]
        to[late] = self._done[late]
        return self._to(to) if np.any(to > self._done) else None

    def _to(self, samples: np.ndarray) -> Rows:
        """Rows that bring each point to so many samples in a replicate."""
        new = samples - self._done
        index = np.repeat(np.arange(new.size), new * REPLICATES)
        requests = pick(self._places, index)
        replicate = np.concatenate([np.repeat(np.arange(REPLICATES), n) for n in new])
        requests.codes[:, layout.R_REPLICATE] = replicate
        requests.codes[:, layout.R_SAMPLE] = np.concatenate(
            [np.tile(np.arange(a, b), REPLICATES) for a, b in zip(self._done, samples, strict=True)]
        )
        self._done = samples
        return Rows(requests, index, replicate, np.ones(index.size))


class DistrictPlan:
    """All surfaces of the district in strata of kind and dominating construction.

    Parameters
    ----------
    compositions : list
        Of the solver's case, entries of (construction, share).
    name_of : callable
        Name of the group that a construction belongs to.
    """

    paths = PATHS

    def __init__(
        self,
        simulation: Simulation,
        solver: TangentSolver,
        starts: int,
        name_of: Callable[[str], str],
        shape: tuple[int, int],
    ) -> None:
        self._simulation, self._solver, self._starts = simulation, solver, starts
        constructions = solver.case.constructions.names
        dominant = [max(entries, key=lambda e: e[1])[0] for entries in solver.case.compositions]
        self._dominant = np.array([constructions.index(name) for name in dominant])
        self._count = len(constructions)
        kind = np.repeat(np.arange(KINDS), self._count)
        of = np.tile([name_of(name) for name in constructions], KINDS)
        groups = {"all": kind >= 0}
        groups |= {name: kind == code for code, name in enumerate(KIND_NAMES)}
        groups |= {str(name): of == name for name in np.unique(of)}
        self.tally = Tally(list(groups), np.stack(list(groups.values())), *shape)
        self._round = 0
        self._share = np.zeros(KINDS * self._count)

    def first(self) -> Rows:
        """Every position of a sample of the district."""
        requests, unit, replicate, weight = self._candidates(self._starts)
        rows = Rows(requests, unit, replicate, weight)
        return _kept(rows, np.flatnonzero(weight > 0.0))

    def more(self, extra: np.ndarray, at_most: int) -> Rows | None:
        """As many of each stratum as are wanted, spread over the district."""
        extra = extra * min(1.0, at_most / max(extra.sum(), 1.0))
        each = np.ceil(extra / REPLICATES).astype(int)
        if each.sum() * REPLICATES > at_most:
            each = np.floor(extra / REPLICATES).astype(int)
        if not each.any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            draw = np.nanmax(np.where(each > 0, each * REPLICATES / self._share, np.nan))
        rows = Rows(*self._candidates(int(min(1.1 * draw, CANDIDATES))))
        rng = np.random.default_rng([self._simulation.seed, 0x524F5753, self._round])
        keep = []
        for unit in np.flatnonzero(each):
            for r in range(REPLICATES):
                here = np.flatnonzero(
                    (rows.unit == unit) & (rows.replicate == r) & (rows.weight > 0.0)
                )
                number = min(each[unit], here.size)
                # Evenly along the rows, which go over the district, from a random one on.
                at = ((np.arange(number) + rng.random()) * here.size / max(1, number)).astype(int)
                keep.append(here[at])
        return _kept(rows, np.concatenate(keep))

    def _candidates(self, number: int) -> tuple[Requests, np.ndarray, np.ndarray, np.ndarray]:
        """Positions by area, with their strata; they tell how large the strata are."""
        sample = district_sample(self._simulation, number, self._round)
        self._round += 1
        valid, kind, composition, region = self._surfaces(sample)
        kind = np.where(valid, kind, 0)
        unit = kind * self._count + self._dominant[np.where(valid, composition, 0)]
        slope = np.where(valid, steepness(self._simulation, kind, region), 0.0)
        place = unit * REPLICATES + sample.replicate
        shape = (self._share.size, REPLICATES)
        area = np.bincount(place, sample.area * slope, minlength=shape[0] * shape[1])
        self.tally.add_area(area.reshape(shape), len(sample))
        self._share = np.bincount(unit, valid, minlength=shape[0]) / len(sample)
        return sample.requests, unit, sample.replicate, slope

    def _surfaces(self, sample: Sample) -> tuple[np.ndarray, ...]:
        """Validity, kind, composition and region of positions."""
        parts: list[np.ndarray] = []
        for first in range(0, len(sample), 1 << 16):
            records = self._solver.place(sample.requests.part(slice(first, first + (1 << 16))))[1]
            parts.append(records.to_numpy())
        codes = np.concatenate(parts)
        return (
            codes[:, layout.T_VALID] == 1, codes[:, layout.T_KIND],
            codes[:, layout.T_COMPOSITION], codes[:, layout.T_REGION],
        )  # fmt: skip


def _kept(rows: Rows, index: np.ndarray) -> Rows:
    return Rows(
        pick(rows.requests, index), rows.unit[index], rows.replicate[index], rows.weight[index]
    )


def point_plan(
    simulation: Simulation,
    solver: TangentSolver,
    points: Any,
    resolution: float | None,
    max_rays: int,
    shape: tuple[int, int],
) -> PointPlan:
    """Points with as many paths as `hm.compare` would take."""
    from heatmat.estimate import PATHS_FIRST, RAYS_AREA, RAYS_MOST
    from heatmat.placing import place_points
    from heatmat.points import as_points

    table = as_points(points, crs=simulation.maps.crs_wkt).copy()
    if resolution is not None:
        own = table["resolution_m"].to_numpy(float)
        table["resolution_m"] = np.where(own > 0.0, own, resolution)
    if (table["construction"].astype(str) != "").any():
        raise InputError("points may not bring constructions here", where="construction",
                         remedy="leave the column out")  # fmt: skip
    places = place_points(solver, table, simulation.seed)
    if places.area.any() and not places.area.all():
        raise InputError("either all points are areas or none is", where="resolution_m")
    most = max(1, max_rays // REPLICATES)
    rays = RAYS_AREA if places.area.any() else RAYS_MOST if most >= RAYS_MOST else PATHS_FIRST
    samples = 1 << int(np.log2(max(1, most // rays)))
    return PointPlan([str(name) for name in table["id"]], places.requests, rays, samples, shape)
