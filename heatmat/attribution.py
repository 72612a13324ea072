"""How much of a surface heat island each material carries.

Groups of constructions are replaced by a rural reference, one at a time and in every combination,
along the same paths. Shapley values share the whole among the groups: the mean, over all orders in
which they could be replaced one after the other, of what each one changes (Shapley 1953, in
Contributions to the Theory of Games II, Princeton, 307-317, doi:10.1515/9781400881970-018).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.district_sample import (
    PATHS,
    STARTS,
    Groups,
    constructions_of,
    district_sample,
    group_rows,
    mean_and_error,
)
from heatmat.errors import InputError, nearest
from heatmat.shared_rays import SharedRays
from heatmat.variants import Composition, Variants, join_variants

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation

REFERENCE = {"ground": "grass", "roof": "grass", "wall": "grass"}
"""What stands for the country: meadow, whatever the surface. One reference for all of them leaves
nothing but the shape of the city between the city of meadow and an open one."""

EXACT = 6
"""Most groups whose every combination is simulated (64 scenarios)."""

OTHERS = "others"
"""The group of what is left."""

ORDERS = 24
"""Random orders beyond `EXACT` groups; each is used forwards and backwards."""

MEADOW_WIND = 0.723
"""Wind at 2 m over that at 10 m in open country: ln(2 / 0.03) / ln(10 / 0.03)."""


@dataclass
class Attribution:
    """Parts of a surface heat island [K], by what carries them.

    Attributes
    ----------
    parts : list of str
        Groups of constructions.
    members : dict of str to list of str
        The constructions of each.
    part_area : ndarray, shape (parts,)
        Area of each over the extent [m2].
    measures : Groups
        What temperatures are means of: all surfaces, ground, roofs, walls.
    times : ndarray
        UTC.
    shapley, alone, last : ndarray, shape (parts, measures, REPLICATES, times)
        Shapley values; what a group does where all others are rural; what it does in the city as
        it is (replacing it alone).
    city, rural : ndarray, shape (measures, REPLICATES, times)
        Mean temperatures of the city as it is, and of the same shapes made of the reference [K].
    meadow : ndarray, shape (times,)
        Temperature of the open, flat reference of the ground [K].
    day : ndarray of bool, shape (times,)
        Whether the sun is up.
    reference : dict
    scenarios : int
        How many were simulated.
    utc_offset_h : float
    order_error : ndarray or None
        Standard error of `shapley` by the orders drawn, None where all are known.
    """

    parts: list[str]
    members: dict[str, list[str]]
    part_area: np.ndarray
    measures: Groups
    times: np.ndarray
    shapley: np.ndarray
    alone: np.ndarray
    last: np.ndarray
    city: np.ndarray
    rural: np.ndarray
    meadow: np.ndarray
    day: np.ndarray
    reference: dict[str, str]
    scenarios: int
    utc_offset_h: float
    order_error: np.ndarray | None = None

    @property
    def residual(self) -> float:
        """Largest difference between the sum of the Shapley values and the whole [K]."""
        gap = self.shapley.sum(axis=0) - (self.city - self.rural)
        return float(np.nanmax(np.abs(gap)))

    @property
    def gap(self) -> np.ndarray:
        """What one-at-a-time replacement leaves unexplained [K], (measures, times)."""
        whole, _ = mean_and_error(self.city - self.rural - self.last.sum(axis=0))
        return whole

    def to_dataframe(self) -> pd.DataFrame:
        """A row a part, measure and time.

        Parts are the groups, then ``form`` (the city of meadow less the open meadow), then
        ``heat island`` (the whole). ``per_m2_k`` spreads what a group adds to all surfaces over
        its own area: kelvin that each of its square metres adds to one square metre.
        """
        import pandas as pd

        from heatmat.output.clock import iso_stamp

        stamps = [iso_stamp(t, self.utc_offset_h) for t in self.times]
        areas = self.measures.areas()
        rows = []
        for m, measure in enumerate(self.measures.names):
            series = [
                (name, self.shapley[p, m], self.last[p, m], self.alone[p, m], self.part_area[p])
                for p, name in enumerate(self.parts)
            ]
            nothing = np.full_like(self.city[m], np.nan)
            series.append(("form", self.rural[m] - self.meadow, nothing, nothing, np.nan))
            series.append(("heat island", self.city[m] - self.meadow, nothing, nothing, np.nan))
            for name, shapley, last, alone, area in series:
                mean, error = mean_and_error(shapley)
                rows.append(
                    pd.DataFrame(
                        {
                            "part": name,
                            "measure": measure,
                            "area_m2": np.round(area, 1),
                            "time": stamps,
                            "shapley_k": np.round(mean, 5),
                            "standard_error_k": np.round(error, 6),
                            "replaced_alone_k": np.round(mean_and_error(last)[0], 5),
                            "alone_in_meadow_k": np.round(mean_and_error(alone)[0], 5),
                            "per_m2_k": np.round(mean * areas[m] / area, 5),
                            "in_all_k_m2": np.round(mean * areas[m], 1),
                        }
                    )
                )
        return pd.concat(rows, ignore_index=True)


def attribute(
    simulation: Simulation,
    groups: Mapping[str, Iterable[str]] | None = None,
    *,
    reference: Mapping[str, str] | None = None,
    starts: int = STARTS,
    paths: int = PATHS,
    orders: int = ORDERS,
) -> Attribution:
    """Share a district's surface heat island among its materials.

    Parameters
    ----------
    simulation : Simulation
    groups : mapping of str to iterable of str, optional
        Constructions of each group; default: each construction for itself, the smallest ones
        together, `EXACT` in all. What no group holds stays as it is.
    reference : mapping, optional
        Construction that stands for the country by surface (``ground``, ``roof``, ``wall``);
        default `REFERENCE`.
    starts, paths : int
        Positions over the district, paths from each.
    orders : int
        Random orders where there are more than `EXACT` groups.

    Returns
    -------
    Attribution
    """
    rural_of = _reference(simulation, reference)
    kinds = _kinds_present(simulation)
    rural = simulation.with_interventions(
        {"name": f"rural {kind}", "where": {"surface": kind}, "construction": rural_of[kind]}
        for kind in kinds
    )
    both = join_variants([simulation, rural], more=[rural_of["ground"]])
    sample = district_sample(simulation, starts)
    solver = SharedRays(both, simulation._device, simulation.stamps)
    rows = solver.place_sample(sample.requests)
    by_name = constructions_of(rows, both.compositions[0])
    areas = group_rows(simulation, sample, rows, by_name)
    known = dict(zip(areas.names, areas.areas(), strict=True))
    members = _members(simulation, groups, by_name, known, set(rural_of.values()))
    names = list(members)
    subsets, weights, runs = shapley_plan(len(names), orders, simulation.seed)
    versions = [_version(both, members, names, subset) for subset in subsets]
    solver.use(Variants(both.case, versions))
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        simulation.progress("attribution", done / len(sample), 1.0)

    measures = group_rows(simulation, sample, rows)
    values = solver.means_each(sample.requests, paths, measures, progress=advance)
    meadow = solver.open_ground(rural_of["ground"], MEADOW_WIND)
    solver.close()
    shapley = np.tensordot(weights, values, axes=(1, 0))
    order_error = None
    if runs is not None:
        each = np.tensordot(runs, values.mean(axis=2), axes=(2, 0))
        order_error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    whole, none = subsets.index(frozenset(range(len(names)))), subsets.index(frozenset())
    single = [subsets.index(frozenset({p})) for p in range(len(names))]
    without = [subsets.index(frozenset(range(len(names))) - {p}) for p in range(len(names))]
    stamps = simulation.stamps
    return Attribution(
        parts=names,
        members=members,
        part_area=np.array([sum(known.get(c, 0.0) for c in members[n]) for n in names]),
        measures=measures,
        times=simulation.times,
        shapley=shapley,
        alone=values[single] - values[none],
        last=values[whole] - values[without],
        city=values[whole],
        rural=values[none],
        meadow=meadow,
        day=simulation.forcing.sun_up[np.minimum(stamps, simulation.forcing.n_steps) - 1],
        reference=rural_of,
        scenarios=len(subsets),
        utc_offset_h=simulation.forcing.utc_offset,
        order_error=order_error,
    )


def _reference(simulation: Simulation, given: Mapping[str, str] | None) -> dict[str, str]:
    rural = {**REFERENCE, **(given or {})}
    for kind, name in rural.items():
        if kind not in REFERENCE or name not in simulation.constructions:
            raise InputError(
                "no such surface or construction", where="attribute: reference",
                expected="ground, roof and wall, each a construction", got=f"{kind} = {name}",
                remedy=nearest(name, simulation.constructions),
            )  # fmt: skip
    return rural


def _kinds_present(simulation: Simulation) -> list[str]:
    maps = simulation.maps
    kinds = []
    if (maps.building_index < 0).any():
        kinds.append("ground")
    if (maps.region_building >= 0).any():
        kinds.append("roof")
    if (maps.facade_exposed_area > 0.0).any():
        kinds.append("wall")
    return kinds


def _members(
    simulation: Simulation,
    groups: Mapping[str, Iterable[str]] | None,
    present: Mapping[str, np.ndarray],
    area: Mapping[str, float],
    rural: set[str],
) -> dict[str, list[str]]:
    """Constructions of each group."""
    if groups is not None:
        chosen = {str(name): list(items) for name, items in groups.items()}
        for name, items in chosen.items():
            for item in items:
                if item not in simulation.constructions:
                    raise InputError(
                        f"no construction is named {item!r}", where=f"attribute: group {name!r}",
                        remedy=nearest(item, simulation.constructions),
                    )  # fmt: skip
        twice = [c for c in set(sum(chosen.values(), [])) if sum(chosen.values(), []).count(c) > 1]
        if not chosen or twice:
            raise InputError(
                "groups must not share constructions", where="attribute",
                got=twice[0] if twice else "no groups",
            )  # fmt: skip
        return chosen
    used = {
        name for entries in simulation.maps.compositions for name, _ in entries
        if area.get(name, 0.0) > 0.0
    }  # fmt: skip
    order = sorted((n for n in used if n not in rural), key=lambda n: (-area[n], n))
    minor = {
        name for entries in simulation.maps.compositions for name, _ in entries
    } - used - rural  # fmt: skip
    if len(order) + bool(minor) <= EXACT:
        large, small = order, sorted(minor)
    else:
        large, small = order[: EXACT - 1], [*order[EXACT - 1 :], *sorted(minor)]
    return {**{name: [name] for name in large}, **({OTHERS: small} if small else {})}


def _version(
    both: Variants, members: Mapping[str, Sequence[str]], names: list[str], subset: frozenset[int]
) -> list[Composition]:
    """What joint labels mean where the groups of a subset are urban and the other groups rural."""
    replaced = {c for p, name in enumerate(names) if p not in subset for c in members[name]}
    rows = []
    for urban, rural in zip(*both.compositions, strict=True):
        merged: dict[str, float] = {}
        for name, share in urban:
            new = rural[0][0] if name in replaced and urban != rural else name
            merged[new] = merged.get(new, 0.0) + share
        rows.append(tuple(merged.items()))
    return rows


def shapley_plan(
    count: int, orders: int = ORDERS, seed: int = 0
) -> tuple[list[frozenset[int]], np.ndarray, np.ndarray | None]:
    """Which subsets to evaluate, and how Shapley values follow from their values.

    Parameters
    ----------
    count : int
        Players.
    orders : int
        Random orders, each also backwards, where `count` is above `EXACT`.
    seed : int

    Returns
    -------
    subsets : list of frozenset
        Those of one player, and of all but one, among them.
    weights : ndarray, shape (players, subsets)
        Shapley values are ``weights @ values``; their sum is exactly the value of all less that of
        none.
    runs : ndarray or None, shape (orders, players, subsets)
        The same by pairs of orders, for the error of drawing them.
    """
    players = range(count)
    if count <= EXACT:
        subsets = [
            frozenset(c) for size in range(count + 1) for c in itertools.combinations(players, size)
        ]
        weights = np.zeros((count, len(subsets)))
        for column, subset in enumerate(subsets):
            for player in players:
                # n! / (|S|! (n - |S| - 1)!) orders have just S before the player.
                size = len(subset) - (player in subset)
                share = 1.0 / (count * math.comb(count - 1, size))
                weights[player, column] = share if player in subset else -share
        return subsets, weights, None
    rng = np.random.default_rng([seed, 0x53484150])
    drawn = [tuple(int(p) for p in rng.permutation(count)) for _ in range(orders)]
    everyone = frozenset(players)
    listed = [frozenset(), everyone, *(frozenset({p}) for p in players)]
    listed += [everyone - {p} for p in players]
    listed += [frozenset(o[:k]) for d in drawn for o in (d, d[::-1]) for k in range(count + 1)]
    subsets = list(dict.fromkeys(listed))
    at = {subset: i for i, subset in enumerate(subsets)}
    runs = np.zeros((orders, count, len(subsets)))
    for run, d in enumerate(drawn):
        for order in (d, d[::-1]):
            for k, player in enumerate(order):
                runs[run, player, at[frozenset(order[: k + 1])]] += 0.5
                runs[run, player, at[frozenset(order[:k])]] -= 0.5
    return subsets, runs.mean(axis=0), runs
