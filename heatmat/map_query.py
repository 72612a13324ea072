"""Whole maps and whole facades: pixels and storeys through the same solver, tile by tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.case import Case
from heatmat.errors import InputError
from heatmat.estimate import Estimate, average
from heatmat.sampling_plan import KINDS, pick, plan_squares, replicate, stream_keys, wall_patches
from heatmat.solver import Requests

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.simulation import Simulation

MAP_RAYS = 2
"""Paths from each of a pixel's eight positions (its 256 first rays are counted apart)."""

TILE_PLACES = 8192
"""Pixels or storeys of a tile: what an interrupted run computes again at most."""

ROOF_CELLS = 1 << 18
"""Cells whose parts are told from each other at a time."""

SMALLEST_WALL = 0.5
"""Facades with less exposed area are not reported [m2]."""


@dataclass
class Walls:
    """Facades storey by storey.

    Attributes
    ----------
    table : DataFrame
        facade, building_id, azimuth_deg (true north), x0, y0, x1, y1 (CRS, building on the left),
        z0, z1 [m above base], construction, area [m2].
    time : ndarray, shape (m,)
        UTC.
    temperature, standard_error : ndarray, shape (n, m)
        [K].
    """

    table: pd.DataFrame
    time: np.ndarray
    temperature: np.ndarray
    standard_error: np.ndarray


def pixel_grid(simulation: Simulation, resolution: float) -> tuple[np.ndarray, np.ndarray]:
    """CRS coordinates of pixel centres: x eastward, y from the north.

    Raises
    ------
    InputError
        If the pixels are larger than the extent.
    """
    maps = simulation.maps
    row0, row1, col0, col1 = maps.window
    west = maps.origin[0] + maps.west + col0 * maps.resolution
    north = maps.origin[1] + maps.south + (maps.ny - row0) * maps.resolution
    nx = int(np.floor((col1 - col0) * maps.resolution / resolution + 1e-6))
    ny = int(np.floor((row1 - row0) * maps.resolution / resolution + 1e-6))
    if resolution <= 0.0 or nx < 1 or ny < 1:
        raise InputError(
            "the resolution does not fit the extent", where="resolution", got=f"{resolution} m"
        )
    x = west + (np.arange(nx) + 0.5) * resolution
    y = north - (np.arange(ny) + 0.5) * resolution
    return x, y


def query_map(
    simulation: Simulation, resolution: float, times: np.ndarray, method: str = "field"
) -> xr.Dataset:
    """See `Simulation.map`; `times` are indices into the simulation's output times."""
    import xarray as xr

    if method not in ("field", "paths"):
        raise InputError("unknown method", where="method", expected="field or paths", got=method)
    x, y = pixel_grid(simulation, resolution)
    maps = simulation.maps
    if method == "field":
        tiles = _map_by_field(simulation, resolution, x, y, times)
    else:
        tiles = _map_by_paths(simulation, resolution, x, y, times)
    shape = (times.size, y.size, x.size)
    ds = xr.Dataset(
        coords={"time": simulation.times[times].astype("datetime64[ns]"), "y": y, "x": x},
        attrs={
            "crs": maps.crs_wkt,
            "utc_offset_h": simulation.forcing.utc_offset,
            "resolution_m": resolution,
        },
    )
    for name in (
        "surface_temperature",
        "surface_temperature_standard_error",
        "radiometric_temperature",
        "ground_temperature",
        "roof_temperature",
    ):
        ds[name] = (("time", "y", "x"), tiles[name].T.reshape(shape))
    for name in ("sky_view_factor", "sunlit_hours"):
        ds[name] = (("y", "x"), tiles[name].reshape(shape[1:]))
    ds["roof_fraction"] = (("y", "x"), roof_fraction(simulation, x, y, resolution))
    return ds


def _map_by_field(
    simulation: Simulation, resolution: float, x: np.ndarray, y: np.ndarray, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Pixels that gather from the field; finished tiles are kept in the simulation's store."""
    from heatmat.field_map import PixelGrid, gather_map
    from heatmat.field_time import series_words

    maps, store = simulation.maps, simulation.store
    half = 0.5 * resolution
    grid = PixelGrid(
        x[0] - half - maps.origin[0], y[0] + half - maps.origin[1], resolution, x.size, y.size
    )
    found = gather_map(
        simulation.field,
        grid,
        maps.origin,
        simulation.seed,
        series_words(simulation.forcing),
        load=lambda key: store.load_tile(key) if store is not None else None,
        save=lambda key, tile: store.save_tile(key, tile) if store is not None else None,
        progress=lambda done: simulation.progress("maps", done, 1.0),
    )
    return {name: v[:, times] if v.ndim == 2 else v for name, v in found.items()}


def _map_by_paths(
    simulation: Simulation, resolution: float, x: np.ndarray, y: np.ndarray, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Pixels that follow paths: slow, without the field's error; for comparisons."""
    maps = simulation.maps
    grid_x, grid_y = (a.ravel() for a in np.meshgrid(x, y))
    keys = stream_keys(grid_x, grid_y, np.zeros(grid_x.size), 1, simulation.seed)
    half = np.full(grid_x.size, 0.5 * resolution)
    places = plan_squares(
        grid_x - maps.origin[0],
        grid_y - maps.origin[1],
        half,
        np.full(grid_x.size, KINDS["any"]),
        keys,
    )
    return _run_tiles(simulation, places, times, f"map-{resolution:g}", "maps")


def roof_fraction(
    simulation: Simulation, x: np.ndarray, y: np.ndarray, resolution: float
) -> np.ndarray:
    """Share of each pixel that is roof, float32 (y, x): cut by the footprints, as its parts are."""
    from heatmat.field_map import PixelGrid
    from heatmat.field_pixels import parts_of_cells

    maps, rays = simulation.maps, simulation.solver.field
    half = 0.5 * resolution
    west, north = x[0] - half - maps.origin[0], max(y[0], y[-1]) + half - maps.origin[1]
    grid = PixelGrid(west, north, resolution, x.size, y.size)
    divide = grid.divide
    is_roof = maps.region_building >= 0
    share = np.zeros((y.size, x.size))
    rows = max(1, ROOF_CELLS // (x.size * divide**2))
    for first in range(0, y.size, rows):
        last = min(first + rows, y.size)
        parts = parts_of_cells(
            rays, west, north - last * resolution, resolution / divide, x.size * divide,
            (last - first) * divide, 1, fine=True,
        )  # fmt: skip
        row, column = np.divmod(parts.cell, x.size * divide)
        pixel = ((last - first) * divide - 1 - row) // divide * x.size + column // divide
        sums = [np.bincount(pixel, w, (last - first) * x.size)
                for w in (parts.share * is_roof[parts.region], parts.share)]  # fmt: skip
        share[first:last] = (sums[0] / sums[1]).reshape(-1, x.size)
    return share.astype(np.float32)


def query_walls(
    simulation: Simulation, storey_height: float, times: np.ndarray, method: str = "field"
) -> Walls:
    """See `Simulation.walls`."""
    if storey_height <= 0.0:
        raise InputError("storey_height must be positive", got=storey_height)
    table, places = _storeys(simulation, storey_height)
    if method == "field" and len(places):
        tiles = _walls_by_field(simulation, places, f"walls-{storey_height:g}", times)
    else:
        tiles = _run_tiles(simulation, places, times, f"walls-{storey_height:g}", "walls")
    found = np.isfinite(tiles["surface_temperature"]).all(axis=1)
    return Walls(
        table=table[found].reset_index(drop=True),
        time=simulation.times[times],
        temperature=tiles["surface_temperature"][found],
        standard_error=tiles["surface_temperature_standard_error"][found],
    )


def _walls_by_field(
    simulation: Simulation, places: Requests, label: str, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Storeys that gather from the field."""
    from heatmat.field_time import series_words
    from heatmat.field_walls import gather_walls

    store = simulation.store
    found = gather_walls(
        simulation.field,
        places,
        series_words(simulation.forcing),
        load=lambda key: store.load_tile(f"{label}-{key}") if store is not None else None,
        save=lambda key, tile: store.save_tile(f"{label}-{key}", tile) if store else None,
        progress=lambda done: simulation.progress("walls", done, 1.0),
    )
    return {name: values[:, times] for name, values in found.items()}


def _storeys(simulation: Simulation, storey_height: float) -> tuple[pd.DataFrame, Requests]:
    """Facades of the window cut into storeys, and the request of each."""
    import pandas as pd

    maps = simulation.maps
    row0, row1, col0, col1 = maps.window
    ab = maps.facade_ab.astype(float)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])
    west, east = (maps.west + c * maps.resolution for c in (col0, col1))
    top, bottom = (maps.south + (maps.ny - r) * maps.resolution for r in (row0, row1))
    # Every facade that touches the window: pictures then show no bare wall at its border.
    inside = (
        (ab[:, [0, 2]].max(axis=1) >= west)
        & (ab[:, [0, 2]].min(axis=1) <= east)
        & (ab[:, [1, 3]].max(axis=1) >= bottom)
        & (ab[:, [1, 3]].min(axis=1) <= top)
        & (maps.facade_exposed_area >= SMALLEST_WALL)
    )
    facade = np.flatnonzero(inside)
    low, high = maps.facade_z[facade, 0].astype(float), maps.facade_z[facade, 1].astype(float)
    count = np.maximum(1, np.round((high - low) / storey_height)).astype(int)
    rows = np.repeat(np.arange(facade.size), count)
    storey = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    step = ((high - low) / count)[rows]
    z0 = low[rows] + storey * step
    z1 = z0 + step
    index = facade[rows]
    length = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])[index]
    ox, oy = maps.origin
    keys = stream_keys(middle[index, 0] + ox, middle[index, 1] + oy, z0, 2, simulation.seed)
    places = wall_patches(index, np.zeros(rows.size), length, z0, z1, keys)
    names = [max(entries, key=lambda e: e[1])[0] for entries in maps.compositions]
    buildings = np.array(maps.building_ids, dtype=object)
    table = pd.DataFrame(
        {
            "facade": index,
            "building_id": buildings[maps.facade_building[index]] if index.size else [],
            "azimuth_deg": maps.facade_azimuth_deg()[index],
            "x0": ab[index, 0] + ox,
            "y0": ab[index, 1] + oy,
            "x1": ab[index, 2] + ox,
            "y1": ab[index, 3] + oy,
            "z0": z0,
            "z1": z1,
            "construction": [names[i] for i in maps.facade_composition[index]],
            # A lower neighbour covers part of some facades: storeys share what is exposed.
            "area": maps.facade_exposed_area[facade][rows] / count[rows],
        }
    )
    return table, places


def _run_tiles(
    simulation: Simulation, places: Requests, times: np.ndarray, label: str, stage: str
) -> dict[str, np.ndarray]:
    """Solve places tile by tile; finished tiles are kept in the simulation's store."""
    store = simulation.store
    parts = []
    total = max(1, len(places))
    for first in range(0, len(places), TILE_PLACES):
        index = np.arange(first, min(first + TILE_PLACES, len(places)))
        key = f"{label}-{first}"
        kept = store.load_tile(key) if store is not None else None
        if kept is None:
            starts = simulation.solver.solve(replicate(pick(places, index), 1), MAP_RAYS)
            emissivity = composition_emissivity(simulation.case)[starts.composition]
            found = average(starts, index.size, 1, MAP_RAYS)
            kept = _tile_values(found, starts.kind, emissivity)
            if store is not None:
                store.save_tile(key, kept)
        parts.append({name: v[:, times] if v.ndim == 2 else v for name, v in kept.items()})
        simulation.progress(stage, (index[-1] + 1) / total, 1.0)
    if not parts:
        empty = np.zeros((0, times.size), np.float32)
        return {
            "surface_temperature": empty,
            "surface_temperature_standard_error": empty,
        }
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def composition_emissivity(case: Case) -> np.ndarray:
    """Mean emissivity of each composition, shape (compositions,)."""
    rows, shares = case.composition_arrays()
    return (case.constructions.emissivity[rows] * shares).sum(axis=1)


def _tile_values(
    found: Estimate, kinds: np.ndarray, emissivity: np.ndarray
) -> dict[str, np.ndarray]:
    """What a map keeps of an estimate, float32; one start a replicate."""
    kind = kinds.reshape(found.replicates.shape[:2])
    weight = emissivity.reshape(kind.shape)[:, :, None] * np.isfinite(found.replicates)
    with np.errstate(invalid="ignore"):
        emitted = np.nansum(weight * found.replicates**4, axis=1) / weight.sum(axis=1)
    values = {
        "surface_temperature": found.mean[:, :, 0],
        "surface_temperature_standard_error": found.error,
        "radiometric_temperature": emitted**0.25,
        "sky_view_factor": found.starts["sky_view"],
        "sunlit_hours": found.starts["sunlit_hours"],
    }
    for name, code in (("ground_temperature", 0), ("roof_temperature", 1)):
        of_kind = (kind == code)[:, :, None]
        number = of_kind.sum(axis=1)
        total = np.where(of_kind, found.replicates, 0.0).sum(axis=1)
        values[name] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return {name: array.astype(np.float32) for name, array in values.items()}
