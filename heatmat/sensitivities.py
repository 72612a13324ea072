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
from heatmat.sampling_plan import REPLICATES, replicate

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


@dataclass
class Sensitivity:
    """Derivatives of temperatures.

    Attributes
    ----------
    properties : list of str
    groups : Groups
        What means are taken over: all surfaces, kinds, constructions; or the points asked for.
    times : ndarray
        UTC.
    derivative : ndarray of float32, shape (properties, 2, positions, times)
        In the units of `heatmat.directions.UNITS`: by all selected surfaces; by the own one alone.
    temperature : ndarray of float32, shape (positions, times)
        [K].
    utc_offset_h : float
    selected : list of str
        Constructions whose property it is.
    """

    properties: list[str]
    groups: Groups
    times: np.ndarray
    derivative: np.ndarray
    temperature: np.ndarray
    utc_offset_h: float
    selected: list[str]

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of groups and their standard errors, (properties, 2, groups, times)."""
        return mean_and_error(self.groups.by_replicate(self.derivative))

    def to_dataframe(self) -> pd.DataFrame:
        """A row a property, group and time: kelvin for the change of `PER`, with errors."""
        import pandas as pd

        from heatmat.output.clock import iso_stamp
        from heatmat.units import to_celsius

        mean, error = self.means()
        base, _ = mean_and_error(self.groups.by_replicate(self.temperature))
        count, _, groups, times = mean.shape
        per = np.repeat([PER[name] for name in self.properties], groups * times)
        stamps = [iso_stamp(t, self.utc_offset_h) for t in self.times]
        rows: dict[str, Any] = {
            "property": np.repeat(self.properties, groups * times),
            "change": per,
            "group": np.tile(np.repeat(self.groups.names, times), count),
            "area_m2": np.tile(np.repeat(np.round(self.groups.areas(), 1), times), count),
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
        Paths a point takes.
    starts : int
        Positions over the district.

    Returns
    -------
    Sensitivity
    """
    names = [properties] if isinstance(properties, str) else list(properties)
    solver, chosen, marked = tangent_solver(simulation, where)
    directions = directions_of(names, chosen, layer)
    simulation.progress("sensitivity", 0.0, 1.0)
    if points is None:
        sample = district_sample(simulation, starts)
        found, derivative = solver.solve_tangents(sample.requests, PATHS, directions)
        by_name = constructions_of(found, _names_before(solver.case.compositions))
        groups = group_rows(simulation, sample, found, by_name)
    else:
        requests, groups, rays = _point_groups(simulation, solver, points, resolution, max_rays)
        found, derivative = solver.solve_tangents(requests, rays, directions)
        groups = dataclasses.replace(groups, area=found.valid.astype(float))
    solver.close()
    simulation.progress("sensitivity", 1.0, 1.0)
    return Sensitivity(
        names, groups, simulation.times, derivative, found.values[..., 0],
        simulation.forcing.utc_offset, [name.removesuffix(f"+{MARK}") for name in chosen],
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
        case, simulation._device, simulation._stamps(), marked.constructions,
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
        original = marked.constructions[name.removesuffix(f"+{MARK}")]
        marked.constructions[name] = dataclasses.replace(original, name=name)
    return marked, chosen


def _names_before(compositions: list) -> list:
    """Compositions with the names that their constructions had before they were marked."""
    return [
        tuple((name.removesuffix(f"+{MARK}"), share) for name, share in entries)
        for entries in compositions
    ]


def _point_groups(
    simulation: Simulation,
    solver: TangentSolver,
    points: Any,
    resolution: float | None,
    max_rays: int,
) -> tuple[Any, Groups, int]:
    """Points as requests with as many paths as `hm.compare` would take, each a group."""
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
    requests = replicate(places.requests, samples)
    count, rows = len(table), len(requests)
    of_row = np.repeat(np.arange(count), rows // count)
    return (
        requests,
        Groups(
            [str(name) for name in table["id"]],
            of_row[None, :] == np.arange(count)[:, None],
            np.ones(rows),
            np.tile(np.repeat(np.arange(REPLICATES), samples), count),
        ),
        rays,
    )


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
