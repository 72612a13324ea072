"""A run beside measured surface temperatures: pairs in time, and what separates them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heatmat.errors import InputError
from heatmat.incident_table import read_times
from heatmat.text_table import Faults, TextTable, numbers, read_text_table, require_columns
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

COLUMNS = ("id", "time", "surface_temperature_c", "x", "y", "lon", "lat", "surface")
MAPS = {
    "any": "surface_temperature",
    "": "surface_temperature",
    "ground": "ground_temperature",
    "roof": "roof_temperature",
}
DAYLIGHT = 1.0
"""Absorbed shortwave above which it is day [W m-2]; what pyranometers show at night is less."""


def read_observed(path: str | Path, *, places: bool) -> pd.DataFrame:
    """Read OBS.csv.

    Parameters
    ----------
    path : path
        Columns `id, time, surface_temperature_c`; times carry an offset, or are in UTC. For maps
        also `x, y` in the map's system or `lon, lat`, and `surface` (any, ground or roof).
    places : bool
        The rows must say where they are.

    Returns
    -------
    DataFrame
        `id`, `time` (UTC), `observed_c`, and the columns of place that were given.

    Raises
    ------
    InputError
        One line with every fault: file, line, column, expected, got.
    """
    import pandas as pd

    table = read_text_table(path, COLUMNS)
    faults = Faults(table.source)
    require_columns(table, COLUMNS[:3], faults)
    if places and not ({"x", "y"} <= set(table.columns) or {"lon", "lat"} <= set(table.columns)):
        faults.add(
            "the rows do not say where they are",
            where=table.source,
            expected="columns x and y, or lon and lat, for a folder of maps",
        )
    faults.raise_any()
    frame = pd.DataFrame(
        {
            "id": [str(cell).strip() for cell in table.columns["id"]],
            "time": read_times(table, faults, 0.0, None),
            "observed_c": numbers(
                table, COLUMNS[2], faults, low=-90.0, high=150.0, unit="degrees Celsius"
            ),
        }
    )
    for name in ("x", "y", "lon", "lat"):
        if name in table.columns:
            low, high, unit = (-360.0, 360.0, "degrees") if name[0] == "l" else (-1e8, 1e8, "m")
            frame[name] = numbers(table, name, faults, low=low, high=high, unit=unit)
    frame["surface"] = _surfaces(table, faults)
    faults.raise_any()
    frame["time"] = pd.to_datetime(frame["time"]).dt.as_unit("s")
    return frame


def _surfaces(table: TextTable, faults: Faults) -> list[str]:
    cells = [str(cell).strip() for cell in table.columns.get("surface", [""] * len(table.lines))]
    for i, cell in enumerate(cells):
        if cell not in MAPS:
            faults.add(
                "maps hold no such surface",
                where=table.place(i, "surface"),
                expected="any, ground or roof; walls are compared through TEMPS.csv of a query",
                got=repr(cell),
            )
    return cells


def pair_with_temps(temps: str | Path, observed: pd.DataFrame) -> pd.DataFrame:
    """Pair rows of TEMPS.csv of `heatmat query` with observations of the same id.

    Parameters
    ----------
    temps : path
    observed : DataFrame
        From `read_observed`.

    Returns
    -------
    DataFrame
        The observations inside the run's times, with `modelled_c`, `standard_error_k`, `air_c` and
        `day`.

    Raises
    ------
    InputError
    """
    import pandas as pd

    run = pd.read_csv(temps, dtype={"id": str}, keep_default_na=True)
    needed = {"id", "time", "surface_temperature_c", "absorbed_shortwave_w_m2"}
    if not needed <= set(run.columns):
        raise InputError(
            "is not what `heatmat query` writes",
            where=str(temps),
            expected=f"columns {', '.join(sorted(needed))}",
            got=", ".join(run.columns[:6]),
        )
    run["time"] = pd.to_datetime(run["time"], utc=True).dt.tz_localize(None).dt.as_unit("s")
    parts = []
    for name, rows in observed.groupby("id", sort=False):
        mine = run[run["id"] == name].sort_values("time")
        if not mine.empty:
            parts.append(_at_times(rows, mine))
    if not parts:
        raise InputError(
            "no id is in both files",
            where=str(temps),
            expected=f"one of {', '.join(observed['id'].unique()[:5])}",
            got=", ".join(run["id"].unique()[:5]),
        )
    return pd.concat(parts, ignore_index=True)


def _at_times(rows: pd.DataFrame, run: pd.DataFrame) -> pd.DataFrame:
    """Linear between the run's stamps; rows outside them are left out."""
    rows = rows[rows["time"].between(run["time"].iloc[0], run["time"].iloc[-1])].copy()
    at, stamps = (v["time"].to_numpy().astype("int64") for v in (rows, run))

    def series(column: str) -> np.ndarray:
        if column not in run:
            return np.full(at.size, np.nan)
        return np.interp(at, stamps, run[column].to_numpy(float))

    rows["modelled_c"] = series("surface_temperature_c")
    rows["standard_error_k"] = series("standard_error_k")
    rows["air_c"] = series("air_temperature_c")
    rows["day"] = series("absorbed_shortwave_w_m2") > DAYLIGHT
    return rows


def pair_with_maps(folder: str | Path, observed: pd.DataFrame) -> pd.DataFrame:
    """Pair the maps of `heatmat run` with observations at their pixels.

    Parameters
    ----------
    folder : path
        With `result.zarr`.
    observed : DataFrame
        From `read_observed` with `places`.

    Returns
    -------
    DataFrame
        As `pair_with_temps`; without air temperature.

    Raises
    ------
    InputError
    """
    import pandas as pd
    import xarray as xr

    store = Path(folder) / "result.zarr"
    if not store.is_dir():
        raise InputError(
            "holds no result.zarr", where=str(folder), expected="a folder of heatmat run"
        )
    maps = xr.open_zarr(store)
    observed = _located(observed, maps)
    parts = []
    for name, rows in observed.groupby("id", sort=False):
        parts.append(_at_pixel(str(name), rows, maps))
    return pd.concat(parts, ignore_index=True)


def _located(observed: pd.DataFrame, maps: xr.Dataset) -> pd.DataFrame:
    if "x" in observed and "y" in observed:
        return observed
    from pyproj import Transformer

    crs = maps["spatial_ref"].attrs["crs_wkt"]
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(
        observed["lon"].to_numpy(), observed["lat"].to_numpy()
    )
    return observed.assign(x=x, y=y)


def _at_pixel(name: str, rows: pd.DataFrame, maps: xr.Dataset) -> pd.DataFrame:
    import pandas as pd

    x, y = float(rows["x"].iloc[0]), float(rows["y"].iloc[0])
    half = 0.5 * abs(float(maps["x"][1] - maps["x"][0]))
    if not (
        float(maps["x"].min()) - half <= x <= float(maps["x"].max()) + half
        and float(maps["y"].min()) - half <= y <= float(maps["y"].max()) + half
    ):
        raise InputError(
            "lies outside the maps", where=f"id {name!r}", got=f"x {x:.1f}, y {y:.1f}",
            expected=f"x {float(maps['x'].min()):.0f} to {float(maps['x'].max()):.0f}, "
            f"y {float(maps['y'].min()):.0f} to {float(maps['y'].max()):.0f}",
        )  # fmt: skip
    here = maps.sel(x=x, y=y, method="nearest")
    variable = MAPS[rows["surface"].iloc[0]]
    time = pd.to_datetime(here["time"].to_numpy()).as_unit("s")
    run = pd.DataFrame(
        {
            "time": time,
            "surface_temperature_c": to_celsius(here[variable].to_numpy().astype(float)),
            "standard_error_k": here["surface_temperature_standard_error"].to_numpy(),
            "absorbed_shortwave_w_m2": np.where(_sun_is_up(maps, x, y, time), 2 * DAYLIGHT, 0.0),
        }
    )
    if run["surface_temperature_c"].isna().all():
        raise InputError(
            f"the pixel holds no {rows['surface'].iloc[0] or 'surface'}", where=f"id {name!r}"
        )
    return _at_times(rows, run)


def _sun_is_up(maps: xr.Dataset, x: float, y: float, time: pd.DatetimeIndex) -> np.ndarray:
    from pvlib.solarposition import get_solarposition
    from pyproj import Transformer

    crs = maps["spatial_ref"].attrs["crs_wkt"]
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    return get_solarposition(time.tz_localize("UTC"), lat, lon)["elevation"].to_numpy() > 0.0


def statistics(pairs: pd.DataFrame) -> pd.DataFrame:
    """What separates model and measurement, by id and for all.

    Parameters
    ----------
    pairs : DataFrame
        From `pair_with_temps` or `pair_with_maps`.

    Returns
    -------
    DataFrame
        `id, rows, bias_k, rmse_k, mae_k, correlation, day_bias_k, night_bias_k, skill`: bias is
        modelled minus observed; skill is 1 - MSE / MSE of taking the surface to be at air
        temperature (Murphy 1988, doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2), nan where
        the run holds no air temperature.
    """
    import pandas as pd

    groups = [(str(name), rows) for name, rows in pairs.groupby("id", sort=False)]
    if len(groups) > 1:
        groups.append(("all", pairs))
    return pd.DataFrame([{"id": name, **_measures(rows)} for name, rows in groups])


def _measures(rows: pd.DataFrame) -> dict[str, float]:
    error = (rows["modelled_c"] - rows["observed_c"]).to_numpy()
    air = (rows["air_c"] - rows["observed_c"]).to_numpy()
    day = rows["day"].to_numpy(bool)

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if values.size else float("nan")

    varied = len(rows) > 2 and rows["observed_c"].std() > 0.0 and rows["modelled_c"].std() > 0.0
    return {
        "rows": len(rows),
        "bias_k": mean(error),
        "rmse_k": float(np.sqrt(mean(error**2))),
        "mae_k": mean(np.abs(error)),
        "correlation": float(rows["modelled_c"].corr(rows["observed_c"])) if varied else np.nan,
        "day_bias_k": mean(error[day]),
        "night_bias_k": mean(error[~day]),
        "skill": 1.0 - mean(error**2) / mean(air**2) if mean(air**2) > 0.0 else np.nan,
    }
