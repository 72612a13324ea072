"""Sensitivities: how temperatures change with a property of some surfaces, by tangent series.

A derivative is marched beside each temperature, along the same paths (`heatmat.tangents`). It is
told twice: by all surfaces of the selection with what they send to each other, and by a place's own
surface alone, as if what falls on it stayed the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.directions import UNITS, Direction, directions_of
from heatmat.district_sample import PATHS, STARTS, mean_and_error
from heatmat.errors import InputError
from heatmat.sampling_plan import REPLICATES, replicate
from heatmat.sensitivity_rounds import DistrictPlan, point_plan, sample_rounds
from heatmat.tally import Accuracy

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.simulation import Simulation
    from heatmat.tangents import TangentSolver

MARK = "selected"
"""Name of the intervention that gives a selection constructions of its own."""

MARKER = 0.123456789
"""An albedo that nothing has, so that every selected construction gets a copy."""

PER = {"albedo": 0.1, "emissivity": 0.1, "conductivity": 0.1, "thickness": 0.01, "convection": 1.0}
"""Change that tables and maps tell the effect of: of albedo and emissivity, W/(m K), m,
W/(m2 K)."""

SIDES = ("all", "own")

GROWTH = 128.0
"""Times the first round's positions that sampling to a tolerance may go to."""


@dataclass
class Sensitivity:
    """Derivatives of temperatures.

    Attributes
    ----------
    properties : list of str
    groups : list of str
        What means are taken over: all surfaces, kinds, constructions; or the points asked for.
    areas : ndarray, shape (groups,)
        Of groups [m2]; of points 1.
    times : ndarray
        UTC.
    derivative : ndarray, shape (properties, 2, groups, REPLICATES, times)
        Means of replicates in the units of `heatmat.directions.UNITS`: by all selected surfaces; by
        the own one alone.
    temperature : ndarray, shape (groups, REPLICATES, times)
        [K].
    accuracy : Accuracy
    positions : int
        Marched in all.
    utc_offset_h : float
    selected : list of str
        Constructions whose property it is.
    """

    properties: list[str]
    groups: list[str]
    areas: np.ndarray
    times: np.ndarray
    derivative: np.ndarray
    temperature: np.ndarray
    accuracy: Accuracy
    positions: int
    utc_offset_h: float
    selected: list[str]

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of groups and their standard errors, (properties, 2, groups, times)."""
        return mean_and_error(self.derivative)

    def short_of(self, tolerance: float) -> list[tuple[str, str, float]]:
        """Property, group and relative error of effects that matter, if above a tolerance."""
        return [
            (self.properties[p], self.groups[g], float(self.accuracy.relative[p, g]))
            for p, g in zip(*np.nonzero(self.accuracy.short(tolerance)), strict=True)
        ]

    def to_dataframe(self) -> pd.DataFrame:
        """A row a property, group and time: kelvin for the change of `PER`, with errors."""
        import pandas as pd

        from heatmat.output.clock import iso_stamp
        from heatmat.units import to_celsius

        mean, error = self.means()
        base, _ = mean_and_error(self.temperature)
        count, _, groups, times = mean.shape
        per = np.repeat([PER[name] for name in self.properties], groups * times)
        stamps = [iso_stamp(t, self.utc_offset_h) for t in self.times]
        rows: dict[str, Any] = {
            "property": np.repeat(self.properties, groups * times),
            "change": per,
            "group": np.tile(np.repeat(self.groups, times), count),
            "area_m2": np.tile(np.repeat(np.round(self.areas, 1), times), count),
            "time": stamps * (count * groups),
            "surface_temperature_c": np.tile(np.round(to_celsius(base).ravel(), 4), count),
        }
        for i, side in enumerate(SIDES):
            rows[f"effect_{side}_k"] = np.round(mean[:, i].ravel() * per, 6)
            rows[f"effect_{side}_standard_error_k"] = np.round(error[:, i].ravel() * per, 7)
        return pd.DataFrame(rows)


def sensitivity(
    simulation: Simulation,
    properties: str | Iterable[str] = tuple(UNITS),
    *,
    where: Mapping[str, Any] | None = None,
    layer: int = 0,
    points: Any = None,
    resolution: float | None = None,
    max_rays: int = 2048,
    starts: int = STARTS,
    tolerance: float | None = None,
    growth: float = GROWTH,
) -> Sensitivity:
    """Derivatives of surface temperatures by properties of selected surfaces.

    Parameters
    ----------
    simulation : Simulation
    properties : str or iterable of str
        ``albedo``, ``emissivity``, ``conductivity``, ``thickness`` (of one layer), ``convection``
        (an addition to h_c).
    where : mapping, optional
        Which surfaces, as `where` of an intervention; default: all.
    layer : int
        Which homogeneous layer from outside, for conductivity and thickness.
    points : DataFrame or mapping of columns, optional
        As for `Simulation.query`; default: means over the district.
    resolution : float, optional
        Of points [m].
    max_rays : int
        Paths a point takes, in the first round.
    starts : int
        Positions over the district, in the first round.
    tolerance : float, optional
        Share of an effect that its standard error is to be under (0.005: half a percent), both root
        mean square over the times. More positions are taken, where they tell most, until this
        holds for every property and every group or point that matters (see `tally.NEGLIGIBLE`).
    growth : float
        Times the first round's positions at which it ends all the same; `Sensitivity.short_of`
        tells what was not reached.

    Returns
    -------
    Sensitivity
    """
    if tolerance is not None and not tolerance > 0.0:
        raise InputError("a tolerance is a share above 0", where="tolerance", got=tolerance)
    names = [properties] if isinstance(properties, str) else list(properties)
    solver, chosen, marked = tangent_solver(simulation, where)
    directions = directions_of(names, chosen, layer)
    shape = (len(names), simulation.times.size)
    plan = (
        DistrictPlan(simulation, solver, starts, _name_before, shape)
        if points is None
        else point_plan(simulation, solver, points, resolution, max_rays, shape)
    )
    spent = sample_rounds(
        plan, solver, directions, tolerance, growth,
        lambda done: simulation.progress("sensitivity", done, 1.0),
    )  # fmt: skip
    solver.close()
    tally = plan.tally.occupied()
    return Sensitivity(
        names, tally.names, tally.areas(), simulation.times, tally.derivatives(),
        tally.temperatures(), tally.accuracy(), spent,
        simulation.forcing.utc_offset, [_name_before(name) for name in chosen],
    )  # fmt: skip


def tangent_solver(
    simulation: Simulation, where: Mapping[str, Any] | None
) -> tuple[TangentSolver, list[str], Simulation]:
    """A solver with derivatives, the constructions of a selection, and the marked simulation."""
    from heatmat.simulation_parts import assemble_case
    from heatmat.tangents import TangentSolver

    marked, chosen = mark_selection(simulation, where)
    case = assemble_case(
        marked.scenario, marked.city, marked.maps, marked.forcing, marked.constructions
    )
    chosen = [name for name in chosen if name in case.constructions.names]
    solver = TangentSolver(
        case, simulation._device, simulation.stamps, marked.constructions,
        marked.scenario.physics().inside_film,
    )  # fmt: skip
    return solver, chosen or case.constructions.names, marked


def mark_selection(
    simulation: Simulation, where: Mapping[str, Any] | None
) -> tuple[Simulation, list[str]]:
    """A simulation in which selected surfaces have constructions of their own, equal to the old.

    Returns
    -------
    tuple
        The simulation, and the names of those constructions; without `where` the simulation itself
        and no names: all are meant.
    """
    if where is None:
        return simulation, []
    entry = {"name": MARK, "where": dict(where), "set": {"albedo": MARKER}}
    marked = simulation.with_interventions([entry])
    chosen = [name for name in marked.constructions if name.endswith(f"+{MARK}")]
    if not chosen:
        raise InputError("the selection has no surface", where="sensitivity", got=dict(where))
    marked.constructions = dict(marked.constructions)
    for name in chosen:
        original = marked.constructions[_name_before(name)]
        marked.constructions[name] = dataclasses.replace(original, name=name)
    return marked, chosen


def _name_before(name: str) -> str:
    """Name that a construction had before it was marked."""
    return name.removesuffix(f"+{MARK}")


def sensitivity_map(
    simulation: Simulation,
    property: str = "albedo",
    *,
    where: Mapping[str, Any] | None = None,
    resolution: float = 8.0,
    layer: int = 0,
) -> xr.Dataset:
    """Derivatives over the extent, seen from above, for the change of `PER`.

    Returns
    -------
    xarray.Dataset
        (time, y, x), row 0 north, kelvin: effect_all, effect_own, their standard errors of the
        sampling, surface_temperature.
    """
    import xarray as xr

    from heatmat.map_query import pixel_grid
    from heatmat.sampling_plan import KINDS, plan_squares, stream_keys

    solver, chosen, _ = tangent_solver(simulation, where)
    maps = simulation.maps
    x, y = pixel_grid(simulation, resolution)
    grid_x, grid_y = (a.ravel() for a in np.meshgrid(x, y))
    keys = stream_keys(grid_x, grid_y, np.zeros(grid_x.size), 1, simulation.seed)
    places = plan_squares(
        grid_x - maps.origin[0], grid_y - maps.origin[1], np.full(grid_x.size, 0.5 * resolution),
        np.full(grid_x.size, KINDS["any"]), keys,
    )  # fmt: skip
    done, total = 0, REPLICATES * grid_x.size

    def advance(count: int) -> None:
        nonlocal done
        done += count
        simulation.progress("sensitivity map", done / total, 1.0)

    found, derivative = solver.solve_tangents(
        replicate(places, 1), PATHS, [Direction(property, tuple(chosen), layer)], progress=advance
    )
    solver.close()
    shape = (y.size, x.size, simulation.times.size)
    ds = xr.Dataset(
        coords={"time": simulation.times.astype("datetime64[ns]"), "y": y, "x": x},
        attrs={
            "crs": maps.crs_wkt, "utc_offset_h": simulation.forcing.utc_offset,
            "resolution_m": resolution, "property": property, "change": PER[property],
        },
    )  # fmt: skip
    series = {
        "effect_all": derivative[0, 0] * PER[property],
        "effect_own": derivative[0, 1] * PER[property],
        "surface_temperature": found.values[..., 0],
    }
    for name, values in series.items():
        rows = values.reshape(grid_x.size, REPLICATES, -1).astype(float)
        rows[~found.valid.reshape(grid_x.size, REPLICATES)] = np.nan
        mean, error = mean_and_error(rows)
        dims = ("time", "y", "x")
        ds[name] = (dims, np.moveaxis(mean.reshape(shape), 2, 0).astype(np.float32))
        ds[f"{name}_standard_error"] = (
            dims, np.moveaxis(error.reshape(shape), 2, 0).astype(np.float32)
        )  # fmt: skip
    return ds
