"""What not knowing the facades does to a temperature: compositions drawn, rays shared.

Every building whose composition comes with evidence (`heatmat.facade_evidence`) gets compositions
drawn from it; the temperatures of all draws follow the same paths. Their spread is reported without
the part that is left of the sampling.
"""

from __future__ import annotations

import copy
import dataclasses
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError
from heatmat.facade_evidence import FacadeEvidence, evidence_of, most_likely
from heatmat.kernels.layout import MAX_ENTRIES

if TYPE_CHECKING:
    from heatmat.maps import Maps
    from heatmat.simulation import Simulation

RAYS = 16
"""Paths of one start, as in a query."""

RAYS_A_DRAW = 512
"""Most paths a point takes in each draw of a query: what is left of the sampling is taken off."""

LEAST_DRAWS = 2

Composition = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class MaterialSpread:
    """Spread of temperatures over draws of the facades.

    Attributes
    ----------
    spread : ndarray, shape (points, times)
        Standard deviation [K].
    temperatures : ndarray, shape (draws, points, times)
        Of each draw [K].
    drawn, certain : int
        Buildings with evidence, and those whose composition is taken for certain.
    """

    spread: np.ndarray
    temperatures: np.ndarray
    drawn: int
    certain: int


def material_uncertainty(
    simulation: Simulation,
    points: Any,
    count: int,
    times: Any = None,
    *,
    resolution: float | None = None,
    max_rays: int = RAYS_A_DRAW,
) -> MaterialSpread:
    """Spread of the temperatures that draws of the facades' compositions cause.

    Parameters
    ----------
    simulation : Simulation
    points : DataFrame or mapping of columns
        As for `Simulation.query`.
    count : int
        Draws, at least 2. The spread is known to 1 / sqrt(2 (count - 1)) of itself.
    times : sequence, optional
        Some of the output times.
    resolution : float, optional
        [m], as for `Simulation.query`.
    max_rays : int
        Paths a point takes in each draw.

    Raises
    ------
    InputError
        When no building has evidence, or the points are faulty.
    """
    from heatmat.placing import place_points
    from heatmat.point_query import prepared_points
    from heatmat.sampling_plan import REPLICATES, replicate
    from heatmat.shared_rays import SharedRays
    from heatmat.variants import join_variants

    if count < LEAST_DRAWS:
        raise InputError("too few draws", where="material uncertainty", expected=">= 2", got=count)
    index = simulation._select_times(times)
    table = prepared_points(simulation, points, resolution)
    evidence = _evidence(simulation)
    if not any(evidence):
        raise InputError(
            "no building says how sure its facade is",
            where="material uncertainty",
            expected="facade_evidence beside facade_composition in the buildings file",
            remedy="heatmat materials CITY/ writes it",
        )
    sides = [drawn(simulation, evidence, number) for number in range(count)]
    variants = join_variants(sides, [name for name in table["construction"] if name])
    solver = SharedRays(variants, simulation._device, simulation.stamps)
    try:
        places = place_points(solver, table, simulation.seed)
        for row, name in enumerate(table["construction"]):
            if name:
                places.requests.composition[row] = solver.case.compositions.index(((name, 1.0),))
        rays = min(RAYS, 1 << int(np.log2(max(1, max_rays // REPLICATES))))
        samples = 1 << int(np.log2(max(1, max_rays // (REPLICATES * rays))))
        starts, found = solver.solve_each(replicate(places.requests, samples), rays)
    finally:
        solver.close()
    shape = len(table), REPLICATES, samples
    valid = starts.valid.reshape(shape)[None, ..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        values = found.astype(float).reshape(count, *shape, -1)[..., index]
        means = (values * valid).sum(axis=3) / valid.sum(axis=3)
    known = sum(item is not None for item in evidence)
    return MaterialSpread(spread_of(means), np.nanmean(means, axis=2), known, len(evidence) - known)


def spread_of(means: np.ndarray) -> np.ndarray:
    """Standard deviation over draws without what is left of the sampling.

    Parameters
    ----------
    means : ndarray, shape (draws, points, replicates, times)
        Temperatures; NaN where a replicate has no sample.

    Returns
    -------
    ndarray, shape (points, times)
        Two-way analysis of variance (Searle, Casella and McCulloch 1992, Variance Components,
        chapter 4): the variance of the draws' means holds, beside that of the materials, the
        variance of draw times replicate over the number of replicates.
    """
    draws = means.shape[0]
    replicates = np.isfinite(means[0]).sum(axis=1)
    of_draw = np.nanmean(means, axis=2)
    of_replicate = np.nanmean(means, axis=0)
    whole = np.nanmean(of_draw, axis=0)
    rest = means - of_draw[:, :, None] - of_replicate[None] + whole[:, None]
    freedom = (draws - 1) * np.maximum(replicates - 1, 1)
    noise = np.nansum(rest**2, axis=(0, 2)) / freedom
    variance = of_draw.var(axis=0, ddof=1) - noise / np.maximum(replicates, 1)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _evidence(simulation: Simulation) -> list[FacadeEvidence | None]:
    """Of each of the maps' buildings."""
    rows = simulation.city.buildings.drop_duplicates("building_id").set_index("building_id")
    tags = rows["tags"].to_dict()
    return [evidence_of(tags.get(name) or {}) for name in simulation.maps.building_ids]


def drawn(simulation: Simulation, evidence: list[FacadeEvidence | None], number: int) -> Simulation:
    """The same city with draw number `number` of its facades; interventions are applied after."""
    maps = simulation._bare_maps
    names = maps.building_ids
    compositions: list[Composition | None] = [
        None if item is None else _draw(item, simulation.seed, name, number)
        for item, name in zip(evidence, names, strict=True)
    ]
    other = copy.copy(simulation)
    other.warnings, other._extra, other._solver, other._field = [], set(), None, None
    other.store = None
    if simulation.scenario.interventions:  # what they choose by is the city as it is
        other._exposure = simulation._bare_exposure()
    other._bare_maps = _relabelled(maps, compositions)
    other._label()
    return other


def _draw(evidence: FacadeEvidence, seed: int, name: str, number: int) -> Composition:
    """One composition; the draws of a building depend on its id and on nothing beside."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    names, shares = evidence.draw(rng, 1)
    mean = evidence.mean(names)
    keep = most_likely(mean, MAX_ENTRIES)
    total = float(shares[0, keep].sum())
    if total <= 0.0:
        keep, total = [int(np.argmax(shares[0]))], float(shares[0].max())
    return tuple((names[i], float(shares[0, i]) / total) for i in keep)


def _relabelled(maps: Maps, compositions: list[Composition | None]) -> Maps:
    """Maps whose facades have these compositions, by building; None leaves them."""
    table = list(maps.compositions)
    at = np.full(len(compositions), -1)
    for i, entry in enumerate(compositions):
        if entry is not None:
            at[i] = len(table)
            table.append(entry)
    building = maps.facade_building
    own = np.where(building >= 0, at[np.maximum(building, 0)], -1) if len(at) else building
    labels = np.where(own >= 0, own, maps.facade_composition).astype(np.int32)
    return dataclasses.replace(maps, compositions=table, facade_composition=labels)
