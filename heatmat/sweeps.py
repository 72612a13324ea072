"""A grid of scenarios over one geometry: the same paths, marched with other materials.

An axis is an intervention with lists where an intervention has values; the grid holds every
combination. Paths, shadow rays and places are traced once for all of them
(`docs/decisions/0003-geometry-once.md`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from heatmat.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation
    from heatmat.solver import Starts

BASE = "as it is"
"""Label of the city without any of the grid's changes."""

MOST = 4096
"""Most scenarios of one grid: a slip of the product, not a limit of the method."""

VALUES = ("set", "construction", "add", "share")


@dataclass(frozen=True)
class Axis:
    """One thing that varies.

    Attributes
    ----------
    name : str
    levels : tuple of (str, dict or None)
        A label, and the intervention; None leaves the city as it is.
    """

    name: str
    levels: tuple[tuple[str, dict[str, Any] | None], ...]


def axis_of(table: Mapping[str, Any]) -> Axis:
    """An axis from a table like those of [[interventions]], with lists for values.

    ``construction = ["a", "b"]`` replaces by each in turn; ``set = { albedo = [0.2, 0.4] }`` sets
    each value (several keys of `set` vary together, so their lists are as long as each other; a
    single value stays).

    Raises
    ------
    InputError
        Where nothing varies, or lists differ in length.
    """
    name = str(table.get("name", "axis"))
    where = f"axis {name!r}"
    rest = {key: value for key, value in table.items() if key not in ("construction", "set")}
    unknown = set(rest) - {"name", "where", "add", "share"}
    if unknown:
        raise InputError(
            "unknown key", where=where, got=sorted(unknown)[0],
            expected="name, where, construction, set, add, share",
        )  # fmt: skip
    if "construction" in table:
        given = table["construction"]
        values = [given] if isinstance(given, str) else list(given)
        return Axis(
            name, tuple((str(v), {**rest, "name": name, "construction": v}) for v in values)
        )
    settings = dict(table.get("set", {}))
    lists = {key: list(v) for key, v in settings.items() if isinstance(v, list | tuple)}
    lengths = {len(v) for v in lists.values()}
    if not settings or len(lengths) > 1:
        raise InputError(
            "an axis varies a construction or a property",
            where=where,
            expected='construction = ["a", "b"] or set = { albedo = [0.2, 0.4] }',
            got="lists of different lengths" if lengths else "neither",
        )
    levels = []
    for i in range(max(lengths, default=1)):
        one = {key: lists[key][i] if key in lists else v for key, v in settings.items()}
        label = ", ".join(
            f"{key} {one[key]:g}" if isinstance(one[key], float | int) else f"{key} {one[key]}"
            for key in (lists or settings)
        )
        levels.append((label, {**rest, "name": name, "set": one}))
    return Axis(name, tuple(levels))


def facade_axis(constructions: Mapping[str, Any]) -> Axis:
    """Every wall construction there is, on all walls: the sweep when none is asked for."""
    walls = [
        name for name, item in constructions.items() if item.kind == "wall" and item.name == name
    ]  # aliases left out
    return axis_of({"name": "facade", "where": {"surface": "wall"}, "construction": walls})


def grid_of(axes: Iterable[Axis | Mapping[str, Any]]) -> tuple[list[str], list[tuple]]:
    """Axis names, and every combination of their levels.

    Returns
    -------
    tuple
        Names; for each scenario a tuple of levels in the order of the names.
    """
    made = [axis if isinstance(axis, Axis) else axis_of(axis) for axis in axes]
    names = [axis.name for axis in made]
    if not made or len(set(names)) < len(names):
        raise InputError(
            "a grid needs axes with names of their own", where="sweep",
            got=", ".join(names) or "none",
        )  # fmt: skip
    number = int(np.prod([len(axis.levels) for axis in made]))
    if number > MOST:
        raise InputError("too many scenarios", where="sweep", expected=f"at most {MOST}",
                         got=number)  # fmt: skip
    return names, list(itertools.product(*(axis.levels for axis in made)))


@dataclass
class Sweep:
    """What a grid of scenarios came to.

    Attributes
    ----------
    axes : list of str
    labels : list of tuple of str
        Of each scenario, a label an axis; the first is the city as it is.
    groups : Groups
        What means are taken over: all surfaces, kinds, constructions; or the points asked for.
    times : ndarray
        UTC.
    temperature : ndarray of float32, shape (scenarios, positions, times)
        [K].
    utc_offset_h : float
    """

    axes: list[str]
    labels: list[tuple[str, ...]]
    groups: Groups
    times: np.ndarray
    temperature: np.ndarray
    utc_offset_h: float

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Group means and their standard errors [K], (scenarios, groups, times)."""
        return mean_and_error(self.groups.by_replicate(self.temperature))

    def changes(self) -> tuple[np.ndarray, np.ndarray]:
        """Group means less those of the city as it is, with the error of the paired difference."""
        both = self.groups.by_replicate(self.temperature)
        return mean_and_error(both - both[:1])

    def window_changes(self) -> tuple[np.ndarray, np.ndarray]:
        """Changes of the mean over the window, with their errors, (scenarios, groups)."""
        both = self.groups.by_replicate(self.temperature).mean(axis=3)
        return mean_and_error(both - both[:1], axis=-1)

    def to_dataframe(self) -> pd.DataFrame:
        """A row a scenario, group and time: Celsius, change in kelvin, standard errors."""
        import pandas as pd

        from heatmat.output.clock import iso_stamp
        from heatmat.units import to_celsius

        mean, error = self.means()
        change, change_error = self.changes()
        scenarios, groups, times = mean.shape
        stamps = [iso_stamp(t, self.utc_offset_h) for t in self.times]
        rows = {
            name: np.repeat([label[i] for label in self.labels], groups * times)
            for i, name in enumerate(self.axes)
        }
        rows |= {
            "group": np.tile(np.repeat(self.groups.names, times), scenarios),
            "area_m2": np.tile(np.repeat(np.round(self.groups.areas(), 1), times), scenarios),
            "time": stamps * (scenarios * groups),
            "surface_temperature_c": np.round(to_celsius(mean.ravel()), 4),
            "standard_error_k": np.round(error.ravel(), 5),
            "change_k": np.round(change.ravel(), 5),
            "change_standard_error_k": np.round(change_error.ravel(), 6),
        }
        return pd.DataFrame(rows)


def sweep(
    simulation: Simulation,
    axes: Sequence[Axis | Mapping[str, Any]] | None = None,
    *,
    starts: int = STARTS,
    paths: int = PATHS,
) -> Sweep:
    """Temperatures of a district for every combination of some changes.

    Parameters
    ----------
    simulation : Simulation
        The city as it is: the scenario that all others are compared with.
    axes : sequence of Axis or mapping, optional
        See `axis_of`; default: every wall construction of the library on all walls.
    starts : int
        Positions over the district, drawn by area, the same in all scenarios.
    paths : int
        Paths from each, a power of two.

    Returns
    -------
    Sweep
        Means over all surfaces, the ground, roofs, walls and each construction as it is now.
    """
    names, cells = grid_of(axes or [facade_axis(simulation.constructions)])
    sides = [simulation]
    for cell in cells:
        changes = [change for _, change in cell if change is not None]
        sides.append(simulation.with_interventions(changes) if changes else simulation)
    groups, temperature = march_sides(simulation, sides, starts, paths)
    return Sweep(
        names,
        [(BASE,) * len(names), *(tuple(label for label, _ in cell) for cell in cells)],
        groups,
        simulation.times,
        temperature,
        simulation.forcing.utc_offset,
    )


def march_sides(
    simulation: Simulation, sides: Sequence[Simulation], starts: int, paths: int
) -> tuple[Groups, np.ndarray]:
    """A sample of the district, marched for each side along the same paths.

    Returns
    -------
    Groups
        By kind, and by construction in the first side.
    ndarray of float32, shape (sides, positions, times)
        [K].
    """
    groups, _, temperature = march_sample(simulation, sides, starts, paths)
    return groups, temperature


def march_sample(
    simulation: Simulation, sides: Sequence[Simulation], starts: int, paths: int
) -> tuple[Groups, Starts, np.ndarray]:
    """As `march_sides`, with where the positions lie."""
    from heatmat.shared_rays import SharedRays
    from heatmat.variants import join_variants

    simulation.progress("sweep", 0.0, 1.0)
    variants = join_variants(sides)
    solver = SharedRays(variants, simulation._device, simulation.stamps)
    sample = district_sample(simulation, starts)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        simulation.progress("sweep", done / len(sample), 1.0)

    rows, temperature = solver.solve_each(sample.requests, paths, progress=advance)
    solver.close()
    by_name = constructions_of(rows, variants.compositions[0])
    return group_rows(simulation, sample, rows, by_name), rows, temperature
