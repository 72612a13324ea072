"""The best few roofs or facades to change: ranked by sensitivity, measured, then run together.

Sensitivities of every building's own surface come from one run with tangents. The most promising
buildings are then changed one at a time along shared rays, which tells what they do to all other
surfaces too; the best of them within the budget are chosen greedily, and run together.
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
    mean_and_error,
)
from heatmat.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation

SHORTLIST = 3
"""Buildings measured alone for each that is wanted."""

SEARCHED = ("albedo", "emissivity")


@dataclass
class Search:
    """What a search came to.

    Attributes
    ----------
    table : DataFrame
        A row a building, most promising first: building_id, area_m2, cost, predicted_k (change of
        the objective by the building's own surface, first order), measured_k and
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
    names, area, own = _own_effects(simulation, surface, property, to, starts)
    cost = area * cost_per_m2
    whole = area_of(simulation, objective, starts)
    predicted = own * area / whole
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(predicted / np.where(cost > 0.0, cost, 1.0), kind="stable")
    affordable = [i for i in order if cost[i] <= budget and predicted[i] < 0.0]
    shortlist = affordable[: SHORTLIST * count]
    if not shortlist:
        raise InputError(
            "nothing within the budget cools anything", where="search",
            got=f"budget {budget:g}, cheapest {cost.min(initial=np.inf):g}",
        )  # fmt: skip
    alone, alone_error = _measure(
        simulation, [[names[i]] for i in shortlist], surface, property, to, objective, starts
    )
    picked: list[int] = []
    spent = 0.0
    for place in np.argsort(alone / np.maximum(cost[shortlist], 1e-9), kind="stable"):
        i = shortlist[place]
        if len(picked) < count and spent + cost[i] <= budget and alone[place] < 0.0:
            picked.append(i)
            spent += cost[i]
    if not picked:
        raise InputError("no shortlisted building cools the objective", where="search",
                         got=objective)  # fmt: skip
    together, error = _measure(
        simulation, [[names[i] for i in picked]], surface, property, to, objective, starts
    )
    measured = np.full((2, len(names)), np.nan)
    measured[:, shortlist] = alone, alone_error
    table = pd.DataFrame(
        {
            "building_id": names,
            "area_m2": np.round(area, 1),
            "cost": np.round(cost, 2),
            "predicted_k": predicted,
            "measured_k": measured[0],
            "measured_standard_error_k": measured[1],
            "chosen": np.isin(np.arange(len(names)), picked),
        }
    ).iloc[order]
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


def _own_effects(
    simulation: Simulation, surface: str, property: str, to: float, starts: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Buildings, areas [m2] and first-order change of their own mean temperature [K]."""
    from heatmat.sensitivities import tangent_solver

    solver, chosen, _ = tangent_solver(simulation, {"surface": surface})
    sample = district_sample(simulation, starts)
    found, derivative = solver.solve_tangents(
        sample.requests, PATHS, [Direction(property, tuple(chosen))]
    )
    rows, shares = solver.case.composition_arrays()
    values = (getattr(solver.case.constructions, property)[rows] * shares).sum(axis=1)
    solver.close()
    groups = group_rows(simulation, sample, found)
    maps = simulation.maps
    code = {"roof": 1, "wall": 2}[surface]
    building = np.where(
        found.kind == 2, maps.facade_building[np.maximum(found.facade, 0)],
        maps.region_building[np.maximum(found.region, 0)],
    )  # fmt: skip
    mine = found.valid & (found.kind == code) & (building >= 0)
    effect = derivative[0, 1].mean(axis=1) * (to - values[found.composition])
    index = building[mine]
    area = np.bincount(index, groups.area[mine], minlength=len(maps.building_ids)) / 8.0
    total = np.bincount(
        index, (groups.area * effect)[mine], minlength=len(maps.building_ids)
    ) / 8.0  # fmt: skip
    there = np.flatnonzero(area > 0.0)
    return [maps.building_ids[i] for i in there], area[there], total[there] / area[there]


def _measure(
    simulation: Simulation,
    choices: list[list[str]],
    surface: str,
    property: str,
    to: float,
    objective: str,
    starts: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Change of the objective's mean over the window for each set of buildings, with its error."""
    from heatmat.sweeps import march_sides

    sides = [simulation] + [
        simulation.with_interventions(
            [{
                "name": f"search {n}",
                "where": {"surface": surface, "building_id": choice},
                "set": {property: to},
            }]
        )
        for n, choice in enumerate(choices)
    ]  # fmt: skip
    groups, temperature = march_sides(simulation, sides, starts, PATHS)
    mean = groups.by_replicate(temperature.mean(axis=2, keepdims=True))
    change = (mean - mean[:1])[1:, groups.names.index(objective), :, 0]
    return mean_and_error(change, axis=1)
