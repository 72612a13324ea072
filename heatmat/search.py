"""The best few roofs or facades to change: ranked by sensitivity, measured, then run together.

Sensitivities of every building's own surface come from one run with tangents. The most promising
buildings are then changed one at a time along shared rays, which tells what they do to all other
surfaces too; the best of them within the budget are chosen, and run together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.directions import Direction
from heatmat.district_sample import (
    PATHS,
    STARTS,
    district_sample,
    group_rows,
    reported_facades,
    reported_window,
)
from heatmat.errors import InputError
from heatmat.knapsack import best_within
from heatmat.sampling_plan import REPLICATES
from heatmat.what_if import region_plan_areas

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation
    from heatmat.solver import Starts

SHORTLIST = 3
"""Buildings measured alone for each that is wanted, and budget that they may have together."""

SEARCHED = ("albedo", "emissivity")


@dataclass
class Search:
    """What a search came to.

    Attributes
    ----------
    table : DataFrame
        A row a building, most promising first: building_id, area_m2 (true, of what changes, also
        beyond the extent), cost, predicted_k (change of the objective by the building's own
        surface, first order; NaN where that is no part of the objective), measured_k and
        measured_standard_error_k (changed alone; NaN beyond the shortlist), chosen.
    together_k, together_standard_error_k : float
        Change of the objective with all chosen buildings changed, means over the window [K].
    predicted_k, alone_k : float
        Sums of the chosen buildings' predicted and measured changes [K].
    """

    table: pd.DataFrame
    together_k: float
    together_standard_error_k: float
    predicted_k: float
    alone_k: float

    @property
    def chosen(self) -> list[str]:
        """Ids of the chosen buildings."""
        return list(self.table["building_id"][self.table["chosen"]])


def best_buildings(
    simulation: Simulation,
    *,
    surface: str = "roof",
    property: str = "albedo",
    to: float = 0.7,
    count: int = 5,
    budget: float = float("inf"),
    cost_per_m2: float = 1.0,
    objective: str = "all",
    starts: int = 2 * STARTS,
) -> Search:
    """The buildings whose roofs or facades, changed, cool an objective most.

    Parameters
    ----------
    simulation : Simulation
    surface : {'roof', 'wall'}
    property : {'albedo', 'emissivity'}
    to : float
        Its new value.
    count : int
        Most buildings.
    budget : float
        Most cost of all of them together.
    cost_per_m2 : float
        Of changing a square metre.
    objective : {'all', 'ground', 'roof', 'wall'}
        Which surfaces' mean temperature over the window is to fall.
    starts : int
        Positions over the district; buildings on which none falls are passed over.

    Returns
    -------
    Search
    """
    import pandas as pd

    if surface not in ("roof", "wall") or property not in SEARCHED:
        raise InputError(
            "no such search", where="search", expected="roof or wall, albedo or emissivity",
            got=f"{surface}, {property}",
        )  # fmt: skip
    candidates = _candidates(simulation, surface, property, to, starts)
    names, cost = candidates.names, candidates.area * cost_per_m2
    change = Change(surface, property, to, objective, candidates)
    whole = area_of(simulation, objective, starts)
    # What a building does to itself stands for what it does, if the objective is elsewhere too.
    gain = -candidates.effect * candidates.inside / whole
    shortlist = best_within(gain, cost, SHORTLIST * count, SHORTLIST * budget, budget)
    if not shortlist:
        raise InputError(
            "nothing within the budget cools anything", where="search",
            got=f"budget {budget:g}, cheapest {cost.min(initial=np.inf):g}",
        )  # fmt: skip
    alone, alone_error = _measure(simulation, [[i] for i in shortlist], change, starts)
    picked = [shortlist[k] for k in best_within(-alone, cost[shortlist], count, budget, budget)]
    if not picked:
        raise InputError("no shortlisted building cools the objective", where="search",
                         got=objective)  # fmt: skip
    together, error = _measure(simulation, [picked], change, starts)
    predicted = -gain if objective in ("all", surface) else np.full_like(gain, np.nan)
    measured = np.full((2, len(names)), np.nan)
    measured[:, shortlist] = alone, alone_error
    table = pd.DataFrame(
        {
            "building_id": names,
            "area_m2": np.round(candidates.area, 1),
            "cost": np.round(cost, 2),
            "predicted_k": predicted,
            "measured_k": measured[0],
            "measured_standard_error_k": measured[1],
            "chosen": np.isin(np.arange(len(names)), picked),
        }
    ).iloc[np.argsort(-gain, kind="stable")]
    return Search(
        table.reset_index(drop=True), float(together[0]), float(error[0]),
        float(predicted[picked].sum()), float(measured[0, picked].sum()),
    )  # fmt: skip


def area_of(simulation: Simulation, objective: str, starts: int) -> float:
    """Area of a kind of surface over the extent [m2], from the sample."""
    sample = district_sample(simulation, starts)
    found = _place(simulation, sample)
    groups = group_rows(simulation, sample, found)
    if objective not in groups.names:
        raise InputError("no such surfaces", where="search: objective", got=objective,
                         expected=", ".join(groups.names))  # fmt: skip
    return float(groups.areas()[groups.names.index(objective)])


def _place(simulation: Simulation, sample: Any) -> Any:
    from heatmat.shared_rays import placed

    return placed(simulation.solver, sample.requests)


@dataclass
class Candidates:
    """Buildings that a search may change.

    Attributes
    ----------
    index : ndarray of int
        Rows of the maps' buildings.
    names : list of str
    area, inside : ndarray
        Of the surfaces that would change, in all, and of the roof or facades within the extent,
        glass too that stays as it is [m2].
    effect : ndarray
        First-order change of their own mean temperature over the window [K].
    """

    index: np.ndarray
    names: list[str]
    area: np.ndarray
    inside: np.ndarray
    effect: np.ndarray


@dataclass(frozen=True)
class Change:
    """What a search does to a building, and for whom."""

    surface: str
    property: str
    to: float
    objective: str
    candidates: Candidates


def _candidates(
    simulation: Simulation, surface: str, property: str, to: float, starts: int
) -> Candidates:
    """Buildings on whose surfaces some position falls, with their areas and own effects."""
    from heatmat.sensitivities import tangent_solver

    solver, chosen, _ = tangent_solver(simulation, _where(simulation, surface, property, to))
    sample = district_sample(simulation, starts)
    found, derivative = solver.solve_tangents(
        sample.requests, PATHS, [Direction(property, tuple(chosen))]
    )
    rows, shares = solver.case.composition_arrays()
    able = np.isin(solver.case.constructions.names, chosen)[rows] * shares
    part = able.sum(axis=1)
    values = (getattr(solver.case.constructions, property)[rows] * able).sum(axis=1)
    values /= np.maximum(part, 1e-9)
    solver.close()
    effect = derivative[0, 1].mean(axis=1) * (to - values[found.composition])
    building = _buildings_of(simulation, found, surface)
    mine = building >= 0
    number = len(simulation.maps.building_ids)
    hits = np.bincount(building[mine], minlength=number)
    total = np.bincount(building[mine], effect[mine], minlength=number)
    area, inside = surface_areas(simulation, surface)
    parts = np.bincount(building[mine], part[found.composition[mine]], minlength=number)
    area = area * parts / np.maximum(hits, 1)
    there = np.flatnonzero((parts > 0.0) & (inside > 0.0))
    return Candidates(
        there, [simulation.maps.building_ids[i] for i in there], area[there], inside[there],
        total[there] / hits[there],
    )  # fmt: skip


def _where(simulation: Simulation, surface: str, property: str, to: float) -> dict[str, Any]:
    """What of a surface can have the new value: glass that lets much light in is left as it is."""
    where: dict[str, Any] = {"surface": surface}
    if property == "albedo":
        known = simulation.constructions
        able = [name for name, c in known.items() if to + c.solar_transmittance <= 1.0]
        if len(able) < len(known):
            where["construction"] = able
    return where


def _buildings_of(simulation: Simulation, starts: Starts, surface: str) -> np.ndarray:
    """Row of the building whose roof or facade a start lies on, -1 elsewhere."""
    maps = simulation.maps
    if surface == "wall":
        building = maps.facade_building[np.maximum(starts.facade, 0)]
    else:
        building = maps.region_building[np.maximum(starts.region, 0)]
    code = {"roof": 1, "wall": 2}[surface]
    return np.where(starts.valid & (starts.kind == code), building, -1)


def surface_areas(simulation: Simulation, surface: str) -> tuple[np.ndarray, np.ndarray]:
    """True area of the roof or the facades of every building of the maps [m2].

    Returns
    -------
    tuple of ndarray
        In all, and within the extent.
    """
    import shapely

    maps, number = simulation.maps, len(simulation.maps.building_ids)
    if surface == "wall":
        known = maps.facade_building >= 0
        area = np.bincount(
            maps.facade_building[known], maps.facade_exposed_area[known], minlength=number
        )
        facade, inside = reported_facades(simulation)
        facade, inside = facade[known[facade]], inside[known[facade]]
        return area, np.bincount(maps.facade_building[facade], inside, minlength=number)
    plane = maps.region_plane.astype(float)
    true = region_plan_areas(maps) * np.sqrt(1.0 + plane[:, 1] ** 2 + plane[:, 2] ** 2)
    known = maps.region_building >= 0
    area = np.bincount(maps.region_building[known], true[known], minlength=number)
    west, south, width, height = reported_window(simulation)
    west, south = west + maps.origin[0], south + maps.origin[1]
    box = shapely.box(west, south, west + width, south + height)
    shapes = simulation.city.buildings.geometry
    row = simulation.city.buildings["building_id"].map(
        {name: i for i, name in enumerate(maps.building_ids)}
    )
    held = row.notna().to_numpy()
    index = row[held].astype(int)
    plan = np.bincount(index, shapes[held].area, minlength=number)
    cut = np.bincount(index, shapes[held].intersection(box).area, minlength=number)
    return area, area * cut / np.maximum(plan, 1e-9)


def _measure(
    simulation: Simulation, choices: list[list[int]], change: Change, starts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Change of the objective's mean over the window for each set of candidates, with its error.

    Positions on the changed surfaces stand for the true areas of those (post-stratification by
    building): how much of a small roof the sample happens to hold would else be most of the error.
    """
    from heatmat.sweeps import march_sample

    known = change.candidates
    where = _where(simulation, change.surface, change.property, change.to)
    sides = [simulation] + [
        simulation.with_interventions(
            [{
                "name": f"search {n}",
                "where": {**where, "building_id": [known.names[i] for i in choice]},
                "set": {change.property: change.to},
            }]
        )
        for n, choice in enumerate(choices)
    ]  # fmt: skip
    groups, starts_found, temperature = march_sample(simulation, sides, starts, PATHS)
    of = groups.names.index(change.objective)
    area = groups.area * groups.member[of]
    whole = float(area.sum()) / REPLICATES
    building = _buildings_of(simulation, starts_found, change.surface)
    mean, error = np.zeros(len(choices)), np.zeros(len(choices))
    for n, choice in enumerate(choices):
        moved = (temperature[n + 1] - temperature[0]).mean(axis=1).astype(float)
        own = np.zeros(moved.size, bool)
        variance = 0.0
        for i in choice:
            rows = (building == known.index[i]) & (area > 0.0)
            own |= rows
            if rows.any():
                mean[n] += known.inside[i] / whole * moved[rows].mean()
                spread = moved[rows].var(ddof=1) if rows.sum() > 1 else moved[rows].mean() ** 2
                variance += (known.inside[i] / whole) ** 2 * spread / rows.sum()
        others = np.where(own, 0.0, area * moved)
        by_replicate = np.bincount(groups.replicate, others, minlength=REPLICATES) / whole
        mean[n] += by_replicate.mean()
        error[n] = np.sqrt(variance + by_replicate.var(ddof=1) / REPLICATES)
    return mean, error
