"""Why it warms or cools: the energy terms on both sides, at places drawn from a comparison.

A surface's fluxes sum to zero on either side, so their changes do too: those of the sign of the
temperature's change drive it, the others answer. Places are drawn from the changed surfaces of each
kind, and from the unchanged ones that warm or cool because others changed; each is asked on both
sides along the same paths.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.comparison_labels import Labels
from heatmat.map_comparison import MapDifference

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation
    from heatmat.solver import Requests

PLACES = 48
"""Places drawn from each group."""

PATHS = 256
"""Paths of each place on either side."""

SURE = 2.0
"""Standard errors from which on an unchanged place counts as warmer or cooler."""

SMALLEST = 0.003
"""Least change of the mean temperature that counts [K]."""

TOLD = 0.05
"""Least term of the balance that a sentence is made for [W/m2]: one decimal is shown."""

TERMS = {
    "absorbed_shortwave": "absorbed_shortwave_w_m2",
    "net_longwave": "net_longwave_w_m2",
    "convection": "convection_w_m2",
    "latent": "latent_w_m2",
    "conduction": "conduction_w_m2",
    "incident_shortwave": "incident_shortwave_w_m2",
    "incident_longwave": "incident_longwave_w_m2",
}
"""Variables of a result, and the columns of their changes."""

BALANCE = tuple(list(TERMS)[:5])
"""Those that sum to zero."""

WORDS = {
    "absorbed_shortwave": "absorbed light",
    "net_longwave": "net longwave",
    "convection": "convection",
    "latent": "evaporation",
    "conduction": "conduction from behind",
}


def explain(
    before: Simulation, after: Simulation, difference: MapDifference, *, places: int = PLACES
) -> pd.DataFrame:
    """Changes of temperature and energy terms by group of surfaces, day and night apart.

    Parameters
    ----------
    before, after : Simulation
        Those that `difference` is of.
    difference : MapDifference
    places : int
        Most places drawn from each group.

    Returns
    -------
    DataFrame
        group, surface, period, places, area_m2 (of the group), change_k, standard_error_k (of
        drawing the places and of their paths), a column for each of `TERMS` [W m-2].
    """
    import pandas as pd

    rng = np.random.default_rng(before.seed)
    rows: list[dict[str, Any]] = []
    drawn = [
        *_above(before, after, difference, places, rng),
        *_walls(before, difference, places, rng),
    ]
    for name, kind, area, requests in drawn:
        rows += [
            {"group": name, "surface": kind, "area_m2": area, **row}
            for row in _ask(before, after, requests, difference.day)
        ]
    return pd.DataFrame(rows)


def _classes(
    changed: np.ndarray, mean: np.ndarray, error: np.ndarray, kind: str
) -> list[tuple[str, np.ndarray]]:
    """Names of groups of one kind, and the places that belong to them."""
    sure = np.abs(mean) > np.maximum(SURE * error, SMALLEST)
    plural = {"ground": "ground", "roof": "roofs", "wall": "walls"}[kind]
    s = "s" if kind == "ground" else ""  # it cools, they cool
    groups = [
        (f"changed {plural}", changed),
        (f"unchanged {plural} that cool{s}", ~changed & sure & (mean < 0.0)),
        (f"unchanged {plural} that warm{s}", ~changed & sure & (mean > 0.0)),
    ]
    return [(name, np.flatnonzero(chosen)) for name, chosen in groups if chosen.any()]


def _above(
    before: Simulation,
    after: Simulation,
    difference: MapDifference,
    places: int,
    rng: np.random.Generator,
) -> list[tuple[str, str, float, Requests]]:
    """Pixels that are all ground or all roof."""
    from heatmat.sampling_plan import KINDS as CODES
    from heatmat.sampling_plan import plan_squares, stream_keys

    ds, maps = difference.ds, before.maps
    size = float(ds.attrs["resolution_m"])
    x, y = (grid.ravel() for grid in np.meshgrid(ds["x"].values, ds["y"].values))
    mean, error = _over_time(ds)
    local = np.stack([x - maps.origin[0], y - maps.origin[1]])
    known = np.ones(x.size, bool)
    changed = np.zeros(x.size, bool)
    labels = Labels(before, after)
    # Nine points of a pixel: one that changed in part is not one that others changed.
    for dx, dy in itertools.product((-1.0, 0.0, 1.0), repeat=2):
        at = local + 0.45 * size * np.array([[dx], [dy]])
        a, b = _composition_above(before, at), _composition_above(after, at)
        known &= (a >= 0) | (dx != 0.0) | (dy != 0.0)
        changed |= (a >= 0) & labels.changed(np.maximum(a, 0), np.maximum(b, 0))
    found = []
    for kind, other in (("ground", "roof"), ("roof", "ground")):
        of_kind = np.isnan(ds[f"{other}_temperature_change"][0].values.ravel())
        whole = np.flatnonzero(of_kind & known)
        for name, part in _classes(changed[whole], mean[whole], error[whole], kind):
            index = whole[part]
            index = rng.choice(index, min(places, index.size), replace=False)
            requests = plan_squares(
                local[0, index],
                local[1, index],
                np.full(index.size, 0.5 * size),
                np.full(index.size, CODES[kind]),
                stream_keys(x[index], y[index], np.zeros(index.size), 1, before.seed),
            )
            found.append((name, kind, part.size * size**2, requests))
    return found


def _over_time(ds: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean change of pixels over the window, and about its standard error [K]."""
    mean = ds["surface_temperature_change"].mean("time").values.ravel()
    square = ds["surface_temperature_change_standard_error"] ** 2
    # The hours share their rays: their errors hardly average out.
    return mean, np.sqrt(square.mean("time").values.ravel())


def _composition_above(simulation: Simulation, local: np.ndarray) -> np.ndarray:
    """Composition at points seen from above, -1 in cells that an edge crosses."""
    maps = simulation.maps
    column = np.clip(((local[0] - maps.west) / maps.resolution).astype(int), 0, maps.nx - 1)
    north = maps.south + maps.ny * maps.resolution
    row = np.clip(((north - local[1]) / maps.resolution).astype(int), 0, maps.ny - 1)
    region = maps.cell_region[row, column]
    roof = maps.region_composition[np.maximum(region, 0)]
    k = maps.ground_subdivision
    step = maps.resolution / k
    fine_column = np.clip(((local[0] - maps.west) / step).astype(int), 0, maps.nx * k - 1)
    fine_row = np.clip(((north - local[1]) / step).astype(int), 0, maps.ny * k - 1)
    ground = maps.ground_composition[fine_row, fine_column]
    on_ground = maps.region_building[np.maximum(region, 0)] < 0
    return np.where(region < 0, -1, np.where(on_ground, ground, roof))


def _walls(
    before: Simulation, difference: MapDifference, places: int, rng: np.random.Generator
) -> list[tuple[str, str, float, Requests]]:
    """Storeys, drawn by their area."""
    from heatmat.sampling_plan import stream_keys, wall_patches

    walls = difference.walls
    if not len(walls.table):
        return []
    table = walls.table
    mean = walls.change.mean(axis=1)
    error = np.sqrt((walls.error**2).mean(axis=1))
    area = table["area"].to_numpy(float)
    found = []
    for name, part in _classes(table["changed"].to_numpy(bool), mean, error, "wall"):
        chance = area[part] / area[part].sum()
        number = min(places, int((chance > 0.0).sum()))
        index = rng.choice(part, number, replace=False, p=chance)
        rows = table.iloc[index]
        length = np.hypot(*(rows[f"{c}1"].to_numpy() - rows[f"{c}0"].to_numpy() for c in "xy"))
        keys = stream_keys(
            rows["x0"].to_numpy(), rows["y0"].to_numpy(), rows["z0"].to_numpy(), 2, before.seed
        )
        requests = wall_patches(
            rows["facade"].to_numpy(int), np.zeros(number), length,
            rows["z0"].to_numpy(), rows["z1"].to_numpy(), keys,
        )  # fmt: skip
        found.append((name, "wall", float(area[part].sum()), requests))
    return found


def _ask(
    before: Simulation, after: Simulation, requests: Requests, day: np.ndarray
) -> list[dict[str, Any]]:
    """Mean changes over the places, by period."""
    from heatmat.estimate import estimate
    from heatmat.result import VARIABLES

    sides = [
        estimate(s.solver, requests, target_error=0.0, max_rays=PATHS, area=True)
        for s in (before, after)
    ]
    known = sides[0].valid & sides[1].valid
    change = (sides[1].mean - sides[0].mean)[known]
    rows = []
    for period, chosen in (("day", day), ("night", ~day)):
        if not chosen.any() or not known.any():
            continue
        mean = change[:, chosen].mean(axis=1)
        temperature = mean[:, 0]
        error = temperature.std(ddof=1) / np.sqrt(temperature.size) if temperature.size > 1 else 0.0
        terms = {
            column: float(mean[:, list(VARIABLES).index(name)].mean())
            for name, column in TERMS.items()
        }
        rows.append(
            {
                "period": period,
                "places": int(temperature.size),
                "change_k": float(temperature.mean()),
                "standard_error_k": float(error),
                **terms,
            }
        )
    return rows


def sentences(table: pd.DataFrame) -> list[str]:
    """The table in words, a sentence a row that changes at all."""
    return [
        _sentence({str(key): value for key, value in row.items()})
        for row in table.to_dict("records")
        if abs(row["change_k"]) >= max(SMALLEST, row["standard_error_k"])
        and max(abs(row[TERMS[name]]) for name in BALANCE) >= TOLD
    ]


def _sentence(row: dict[str, Any]) -> str:
    change = row["change_k"]
    sign = 1.0 if change > 0.0 else -1.0
    terms = {name: row[TERMS[name]] for name in BALANCE}
    drivers = [name for name in BALANCE if sign * terms[name] > 0.0]
    answers = [name for name in BALANCE if sign * terms[name] < 0.0]
    drivers.sort(key=lambda name: -abs(terms[name]))
    answers.sort(key=lambda name: -abs(terms[name]))
    told = [name for name in drivers if abs(terms[name]) > 0.2 * abs(terms[drivers[0]])]
    group = row["group"]
    if group.endswith("that warm" if sign < 0.0 else "that cool"):
        group += " on the whole"
    verb = "is" if row["surface"] == "ground" else "are"
    text = (
        f"{group[:1].upper()}{group[1:]} {verb} {abs(change):.2f} K "
        f"{'warmer' if change > 0.0 else 'cooler'} by {row['period']} on the mean"
    )
    if not drivers:
        return text + "."
    text += ": " + " and ".join(_driver(name, terms[name], row) for name in told)
    if answers:
        told = [name for name in answers if abs(terms[name]) > 0.1 * abs(terms[answers[0]])]
        back = ", ".join(f"{WORDS[name]} {terms[name]:+.1f}" for name in told)
        text += f"; in answer {back} W/m²"
    return text.replace("-", "\u2212") + "."


def _driver(name: str, value: float, row: dict[str, Any]) -> str:
    if name != "absorbed_shortwave":
        return f"{WORDS[name]} {value:+.1f} W/m²"
    falls = row[TERMS["incident_shortwave"]]
    they = "it absorbs" if row["surface"] == "ground" else "they absorb"
    words = f"{they} {abs(value):.1f} W/m² {'more' if value > 0.0 else 'less'} light"
    if abs(falls) > 0.05 * abs(value):
        words += f" (falling on {they.split()[0].replace('they', 'them')}: {falls:+.1f} W/m²)"
    return words
