"""Random-access queries: points in, a `Result` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError, nearest
from heatmat.estimate import Estimate, estimate
from heatmat.placing import Places, place_points
from heatmat.result import VARIABLES, Result

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation

KIND_NAMES = np.array(["ground", "roof", "wall"])


def query_points(
    simulation: Simulation,
    points: Any,
    times: np.ndarray,
    *,
    resolution: float | None,
    target_error: float,
    max_rays: int,
    method: str,
) -> Result:
    """See `Simulation.query`; `times` are indices into the simulation's output times."""
    from heatmat.field_solver import BIAS
    from heatmat.query_method import choose_method

    table = prepared_points(simulation, points, resolution)
    chosen = choose_method(simulation, method, len(table), target_error)
    places, found = solve_points(
        simulation, table, target_error=target_error, max_rays=max_rays, method=chosen
    )
    result = Result(_dataset(simulation, table, places, found, times))
    result.ds.attrs["method"] = chosen
    if chosen == "field":
        result.ds.attrs["field_error_k"] = BIAS
    return result


def run_query(
    simulation: Simulation,
    points: Any,
    *,
    resolution: float | None,
    target_error: float,
    max_rays: int,
) -> tuple[pd.DataFrame, Places, Estimate]:
    """Points, the places they were found at, and the estimate by paths with its replicates."""
    table = prepared_points(simulation, points, resolution)
    places, found = solve_points(
        simulation, table, target_error=target_error, max_rays=max_rays, method="paths"
    )
    return table, places, found


def solve_points(
    simulation: Simulation,
    table: pd.DataFrame,
    *,
    target_error: float,
    max_rays: int,
    method: str,
) -> tuple[Places, Estimate]:
    """The places of the rows of `prepared_points`, and what they come to by a method."""
    from heatmat.query_method import solver_for

    places = placed_rows(simulation, table)
    solver, target_error = solver_for(simulation, method, target_error)
    groups = [np.flatnonzero(~places.area), np.flatnonzero(places.area)]
    parts = []
    for rows, area in zip(groups, (False, True), strict=True):
        if rows.size:
            from heatmat.sampling_plan import pick

            parts.append(
                (
                    rows,
                    estimate(
                        solver,
                        pick(places.requests, rows),
                        target_error=target_error,
                        max_rays=max_rays,
                        area=area,
                        progress=lambda done: simulation.progress("query", done, 1.0),
                    ),
                )
            )
    found = _merge(parts, len(table))
    check_found(table, found.valid)
    return places, found


def placed_rows(simulation: Simulation, table: pd.DataFrame) -> Places:
    """The surfaces of the rows of `prepared_points`, of the constructions that they name."""
    solver = simulation.solver
    places = place_points(solver, table, simulation.seed)
    for row, name in enumerate(table["construction"]):
        if name:
            places.requests.composition[row] = solver.case.compositions.index(((name, 1.0),))
    return places


def prepared_points(simulation: Simulation, points: Any, resolution: float | None) -> pd.DataFrame:
    """The table of points, with a resolution each and constructions that the solver knows."""
    from heatmat.points import as_points

    table = as_points(points, crs=simulation.maps.crs_wkt).copy()
    if resolution is not None:
        if resolution < 0.0:
            raise InputError("resolution must not be negative", got=resolution)
        own = table["resolution_m"].to_numpy(float)
        table["resolution_m"] = np.where(own > 0.0, own, resolution)
    _check_constructions(simulation, table)
    return table


def _check_constructions(simulation: Simulation, table: pd.DataFrame) -> None:
    from heatmat.points import place_of

    for row, name in enumerate(table["construction"]):
        if name and name not in simulation.constructions:
            raise InputError(
                f"no construction is named {name!r}",
                where=place_of(table, row, "construction"),
                remedy=nearest(name, simulation.constructions),
            )
    simulation.need_constructions(table["construction"])


def check_found(table: pd.DataFrame, valid: np.ndarray) -> None:
    """Refuse rows whose surface is nowhere exposed, naming the first."""
    from heatmat.points import place_of

    missing = np.flatnonzero(~valid)
    if missing.size:
        row = int(missing[0])
        surface = table["surface"].iloc[row]
        remedy = "ask for a larger resolution, or move the point"
        if surface == "wall":
            remedy = "a wall may be covered by its neighbour at this height; move the point"
        raise InputError(f"no exposed {surface} there", where=place_of(table, row), remedy=remedy)


def _merge(parts: list[tuple[np.ndarray, Estimate]], count: int) -> Estimate:
    """Estimates of groups of rows back in the order of the table."""
    first = parts[0][1]

    def spread(name: str, get: Any) -> np.ndarray:
        values = get(first)
        whole = np.zeros((count, *values.shape[1:]), values.dtype)
        for rows, part in parts:
            whole[rows] = get(part)
        return whole

    fields = {
        name: spread(name, lambda part, name=name: getattr(part, name))
        for name in ("mean", "error", "rays", "valid", "replicates")
    }
    starts = {
        name: spread(name, lambda part, name=name: part.starts[name]) for name in first.starts
    }
    return Estimate(starts=starts, **fields)


def _dataset(
    simulation: Simulation,
    table: pd.DataFrame,
    places: Places,
    found: Estimate,
    times: np.ndarray,
) -> Any:
    import xarray as xr

    maps, case = simulation.maps, simulation.case
    kind = found.starts["kind"]
    building, labels = surface_labels(maps, case.compositions, found.starts)
    height = np.where(kind == 2, places.z, found.starts["position"][:, 2])
    height = np.where(kind == 0, 0.0, height)
    ds = xr.Dataset(
        {name: (("point", "time"), found.mean[:, times, i]) for i, name in enumerate(VARIABLES)},
        coords={"time": simulation.times[times].astype("datetime64[ns]")},
        attrs={"utc_offset_h": simulation.forcing.utc_offset, "crs": maps.crs_wkt},
    )
    ds["standard_error"] = (("point", "time"), found.error[:, times])
    stamps = simulation.stamps[times]
    ds["air_temperature"] = ("time", simulation.forcing.air_temperature[stamps])
    by_point: dict[str, Any] = {
        "id": table["id"].to_numpy(object),
        "surface": KIND_NAMES[np.clip(kind, 0, 2)].astype(object),
        "x": places.x,
        "y": places.y,
        "z": np.round(height, 3),
        "building_id": building,
        "construction": labels,
        "rays": found.rays,
        "snap_distance": places.snap,
        "sky_view_factor": found.starts["sky_view"],
        "sunlit_hours": found.starts["sunlit_hours"],
    }
    return ds.assign_coords({name: ("point", values) for name, values in by_point.items()})


def surface_labels(
    maps: Any, compositions: list, starts: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Building ids and dominant constructions of starts, as object arrays."""
    on_wall = starts["kind"] == 2
    building = np.where(
        on_wall,
        maps.facade_building[np.maximum(starts["facade"], 0)] if maps.facade_building.size else -1,
        maps.region_building[np.maximum(starts["region"], 0)],
    )
    building = np.where(starts["kind"] == 0, -1, building)
    dominant = np.array(
        [max(entries, key=lambda entry: entry[1])[0] for entries in compositions], dtype=object
    )
    names = [maps.building_ids[i] if i >= 0 else "" for i in building]
    return np.array(names, dtype=object), dominant[starts["composition"]]
