"""Walls on disk: a row per facade and storey as GeoPackage, the same over time as Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output.atomic import aside
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd


@dataclass(frozen=True)
class WallSeries:
    """Temperatures of facades, storey by storey.

    Attributes
    ----------
    table : pandas.DataFrame
        n rows: facade, building_id, azimuth_deg (outward normal, clockwise from true north), x0,
        y0, x1, y1 (ends of the facade in the CRS; building on the left), z0, z1 (m above the
        building's base), construction, area (m2).
    time : numpy.ndarray
        UTC stamps [m].
    temperature, standard_error : numpy.ndarray
        [n, m] K.
    """

    table: pd.DataFrame
    time: np.ndarray
    temperature: np.ndarray
    standard_error: np.ndarray


def wall_series(walls: Any, time: np.ndarray | None = None) -> WallSeries:
    """Read walls given as a :class:`WallSeries`, a look-alike, or (table, temperature, error)."""
    if isinstance(walls, WallSeries):
        return walls
    if isinstance(walls, tuple):
        table, temperature, error = walls[:3]
        stamps = walls[3] if len(walls) > 3 else time
    else:
        table, temperature = walls.table, walls.temperature
        error, stamps = walls.standard_error, getattr(walls, "time", time)
    if stamps is None:
        raise ValueError("the walls carry no time and none was given")
    temperature = np.asarray(temperature)
    shape = (len(table), len(np.asarray(stamps)))
    if temperature.shape != shape:
        raise ValueError(f"wall temperatures have shape {temperature.shape}, expected {shape}")
    return WallSeries(
        table.reset_index(drop=True), np.asarray(stamps), temperature, np.asarray(error)
    )


def wall_frame(walls: WallSeries, crs: Any) -> gpd.GeoDataFrame:
    """A row per facade and storey, its footprint line and its statistics over the window.

    The standard error is the root mean square over the window of each stamp's.
    """
    import geopandas as gpd
    import shapely

    table = walls.table
    ends = table[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64).reshape(-1, 2, 2)
    celsius = to_celsius(np.asarray(walls.temperature, dtype=np.float64))
    error = np.asarray(walls.standard_error, dtype=np.float64)
    columns = {
        "wall": np.arange(len(table)),
        "facade": table["facade"].to_numpy(),
        "building_id": table["building_id"].astype(str).to_numpy(),
        "azimuth_deg": table["azimuth_deg"].to_numpy(dtype=np.float64),
        "z_min_m": table["z0"].to_numpy(dtype=np.float64),
        "z_max_m": table["z1"].to_numpy(dtype=np.float64),
        "construction": table["construction"].astype(str).to_numpy(),
        "area_m2": table["area"].to_numpy(dtype=np.float64),
        "temperature_mean_c": celsius.mean(axis=1),
        "temperature_min_c": celsius.min(axis=1),
        "temperature_max_c": celsius.max(axis=1),
        "standard_error_k": np.sqrt(np.mean(error**2, axis=1)),
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.linestrings(ends), crs=crs)


def write_walls_gpkg(path: str | Path, walls: WallSeries, crs: Any) -> Path:
    """Write :func:`wall_frame` as a GeoPackage with one layer, ``walls``."""
    frame = wall_frame(walls, crs)
    with aside(path) as partial:
        frame.to_file(partial, driver="GPKG", layer="walls", engine="pyogrio")
    return Path(path)


def write_walls_parquet(path: str | Path, walls: WallSeries) -> Path:
    """Write the walls over time as Parquet, long: a row per wall and stamp.

    Columns ``wall`` (the row of walls.gpkg), facade, building_id, azimuth_deg, z_min_m, z_max_m,
    construction, time (UTC), surface_temperature_c, standard_error_k. Stamps follow each other, a
    row group each, so that one hour reads without the others and memory holds one hour only.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = walls.table
    fixed: dict[str, pa.Array] = {
        "wall": pa.array(np.arange(len(table), dtype=np.int32)),
        "facade": pa.array(table["facade"].to_numpy()),
        "building_id": pa.array(table["building_id"].astype(str).to_numpy()).dictionary_encode(),
        "azimuth_deg": _float32(table["azimuth_deg"]),
        "z_min_m": _float32(table["z0"]),
        "z_max_m": _float32(table["z1"]),
        "construction": pa.array(table["construction"].astype(str).to_numpy()).dictionary_encode(),
    }

    def at(index: int, stamp: np.datetime64) -> pa.Table:
        changing = {
            "time": pa.array(np.full(len(table), stamp), pa.timestamp("ms", tz="UTC")),
            "surface_temperature_c": _float32(to_celsius(walls.temperature[:, index])),
            "standard_error_k": _float32(walls.standard_error[:, index]),
        }
        return pa.table({**fixed, **changing})

    stamps = np.asarray(walls.time).astype("datetime64[ms]")
    schema = at(0, stamps[0]).schema
    with aside(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for index, stamp in enumerate(stamps):
            writer.write_table(at(index, stamp))
    return Path(path)


def _float32(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(np.asarray(values, dtype=np.float32))
