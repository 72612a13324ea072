"""Query points: POINTS.csv or a DataFrame to one typed table, and TEMPS.csv from results."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.errors import InputError, nearest
from heatmat.text_table import (
    Faults,
    TextTable,
    is_blank,
    number,
    numbers,
    read_text_table,
    require_columns,
)

if TYPE_CHECKING:
    import pandas as pd

SURFACES = ("ground", "roof", "wall", "any")
COLUMNS = (
    "id", "surface", "x", "y", "z", "lon", "lat",
    "azimuth_deg", "resolution_m", "construction", "tilt_deg",
)  # fmt: skip
TEMPS_COLUMNS = (
    "id", "time", "surface", "x", "y", "z", "building_id", "construction",
    "surface_temperature_c", "standard_error_k", "absorbed_shortwave_w_m2",
    "net_longwave_w_m2", "convection_w_m2", "latent_w_m2", "conduction_w_m2",
    "air_temperature_c", "h_conv_w_m2k", "incident_shortwave_w_m2",
    "incident_longwave_w_m2", "rays", "snap_distance_m",
)  # fmt: skip
MATERIAL_COLUMN = "material_uncertainty_k"
"""Behind the others where a query asks for it."""


def read_points(path: str | Path, *, crs: Any = None, positions: bool = True) -> pd.DataFrame:
    """Read POINTS.csv.

    Parameters
    ----------
    path : path
        Comma, semicolon or tab separated, UTF-8 with or without byte order mark.
    crs : pyproj.CRS or anything it accepts, optional
        Where given, `lon` and `lat` are turned into `x` and `y` in it.
    positions : bool
        False where the place does not matter (a query with incident fluxes given).

    Returns
    -------
    DataFrame
        `id` (str, unique), `surface`, `x`, `y` [m], `z` [m above the building's base, NaN where
        not given], `azimuth_deg` (0 to 360, NaN where not given), `resolution_m` (0: a point),
        `construction` ("" where not given), `tilt_deg`, `line` (of the file, for messages), and
        `lon`, `lat` where those were given. ``attrs["source"]`` is the file,
        ``attrs["ignored_columns"]`` what was not understood.

    Raises
    ------
    InputError
        One line with every fault: file, line, column, expected, got.
    """
    table = read_text_table(path, COLUMNS)
    return _typed(table, crs=crs, positions=positions)


def as_points(points: Any, *, crs: Any = None, positions: bool = True) -> pd.DataFrame:
    """Check points given in Python, with the columns of POINTS.csv.

    Parameters
    ----------
    points : DataFrame, GeoDataFrame of points, or mapping of columns
        A GeoDataFrame's geometry gives x and y (reprojected to `crs` where both are known).
        `id` may be left out: 0, 1, 2...
    crs, positions
        As for `read_points`.

    Raises
    ------
    InputError
    """
    import pandas as pd

    frame = points if isinstance(points, pd.DataFrame) else pd.DataFrame(points)
    if "line" in frame and "source" in frame.attrs:  # made by read_points
        done = crs is None or not frame[["x", "y"]].isna().any(axis=None)
        return frame if done else _project(frame, crs)
    columns: dict[str, list[object]] = {
        str(name).lower(): list(frame[name]) for name in frame.columns if name != "geometry"
    }
    if hasattr(frame, "geometry") and "geometry" in frame.columns:
        geometry = frame.geometry
        if crs is not None and frame.crs is not None:
            geometry = geometry.to_crs(crs)
        columns["x"], columns["y"] = list(geometry.x), list(geometry.y)
        columns.pop("lon", None)
        columns.pop("lat", None)
    columns.setdefault("id", list(range(len(frame))))
    if len(frame) == 0:
        raise InputError("there are no points", where="points", expected="at least one row")
    ignored = [name for name in columns if name not in COLUMNS]
    table = TextTable("points", columns, list(range(len(frame))), "row", ignored)
    return _typed(table, crs=crs, positions=positions)


def _typed(table: TextTable, *, crs: Any, positions: bool) -> pd.DataFrame:
    import pandas as pd

    faults = Faults(table.source)
    require_columns(table, ("id", "surface"), faults)
    geographic = "lon" in table.columns or "lat" in table.columns
    if positions:
        require_columns(table, ("lon", "lat") if geographic else ("x", "y"), faults)
    if geographic and ("x" in table.columns or "y" in table.columns):
        faults.add(
            "both x, y and lon, lat are given",
            where=table.source,
            remedy="keep one pair of columns",
        )
    faults.raise_any()
    surface = _surfaces(table, faults)
    frame = pd.DataFrame({"id": _ids(table, faults), "surface": surface})
    inf, gap = math.inf, math.nan
    need = None if positions else gap
    for name in ("x", "y"):
        blank = gap if geographic else need
        frame[name] = numbers(table, name, faults, low=-inf, high=inf, unit="m", blank=blank)
    frame["z"] = _heights(table, surface, faults, positions)
    if geographic:
        for name, limit in (("lon", 180.0), ("lat", 90.0)):
            frame[name] = numbers(
                table, name, faults, low=-limit, high=limit, unit="degrees", blank=need
            )
    azimuth = numbers(table, "azimuth_deg", faults, low=-360, high=720, unit="degrees", blank=gap)
    frame["azimuth_deg"] = [value % 360.0 for value in azimuth]
    frame["resolution_m"] = numbers(
        table, "resolution_m", faults, low=0.0, high=1e4, unit="m", blank=0.0
    )
    names = table.columns.get("construction", [""] * len(frame))
    frame["construction"] = ["" if is_blank(name) else str(name).strip() for name in names]
    frame["tilt_deg"] = numbers(
        table, "tilt_deg", faults, low=0, high=180, unit="degrees", blank=gap
    )
    faults.raise_any()
    frame["line"] = table.lines
    frame.attrs.update(source=table.source, ignored_columns=table.ignored, unit=table.unit)
    return _project(frame, crs) if crs is not None and geographic and positions else frame


def _ids(table: TextTable, faults: Faults) -> list[str]:
    first: dict[str, int] = {}
    ids = []
    for i, cell in enumerate(table.columns["id"]):
        text = "" if is_blank(cell) else str(cell).strip()
        if not text:
            faults.add("missing id", where=table.place(i, "id"), expected="a name for the point")
        elif text in first:
            faults.add(
                "duplicate id",
                where=table.place(i, "id"),
                got=repr(text),
                remedy=f"{table.unit} {first[text]} has it already",
            )
        else:
            first[text] = table.lines[i]
        ids.append(text)
    return ids


def _surfaces(table: TextTable, faults: Faults) -> list[str]:
    words = []
    for i, cell in enumerate(table.columns["surface"]):
        word = "" if is_blank(cell) else str(cell).strip().lower()
        if word not in SURFACES:
            faults.add(
                "unknown surface",
                where=table.place(i, "surface"),
                expected="ground, roof, wall or any",
                got=repr(word) if word else "nothing",
                remedy=nearest(word, SURFACES) if word else "",
            )
        words.append(word)
    return words


def _heights(table: TextTable, surface: list[str], faults: Faults, positions: bool) -> list[float]:
    """Heights of walls; what other kinds hold there is ignored, so it may be blank."""
    cells = table.columns.get("z")
    heights = []
    for i, kind in enumerate(surface):
        cell = cells[i] if cells is not None else ""
        value = number(cell)
        if is_blank(cell) and (kind != "wall" or not positions):
            value = math.nan
        elif value is None or not math.isfinite(value) or (kind == "wall" and value < 0.0):
            faults.add(
                "wrong height",
                where=table.place(i, "z"),
                expected="metres above the building's base, at least 0"
                if kind == "wall"
                else "a number, or nothing",
                got=repr(cell) if not is_blank(cell) else "nothing",
            )
            value = math.nan
        heights.append(value)
    return heights


def _project(frame: pd.DataFrame, crs: Any) -> pd.DataFrame:
    """Fill x and y from lon and lat (WGS 84)."""
    import pyproj

    transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = transformer.transform(frame["lon"].to_numpy(), frame["lat"].to_numpy())
    projected = frame.assign(x=x, y=y)
    projected.attrs.update(frame.attrs)
    return projected


def place_of(points: pd.DataFrame, index: int, column: str = "") -> str:
    """Where row `index` of a table made here came from, for a message."""
    source = points.attrs.get("source", "points")
    unit = points.attrs.get("unit", "line")
    tail = f": {column}" if column else ""
    return f"{source}: {unit} {points['line'].iloc[index]} ({points['id'].iloc[index]}){tail}"


_DECIMALS = {
    "x": 3, "y": 3, "z": 3, "surface_temperature_c": 4, "standard_error_k": 4,
    "air_temperature_c": 4, "h_conv_w_m2k": 4, "snap_distance_m": 3,
    "material_uncertainty_k": 4,
}  # fmt: skip


def write_temps(frame: pd.DataFrame, path: str | Path) -> None:
    """Write TEMPS.csv: the fixed columns in the fixed order, gaps left blank.

    A column ``material_uncertainty_k`` is written behind them where the frame has one.

    Parameters
    ----------
    frame : DataFrame
        With at least `TEMPS_COLUMNS`; `time` as ISO 8601 text with offset, or aware datetimes.
    path : path
        A file is written aside and renamed; ``-``, ``/dev/stdout`` and pipes are written to.
    """
    import csv

    from heatmat.rundir import open_output

    missing = [name for name in TEMPS_COLUMNS if name not in frame]
    if missing:
        raise ValueError(f"result lacks the columns {missing}")
    names = [*TEMPS_COLUMNS, *(name for name in (MATERIAL_COLUMN,) if name in frame)]
    columns = [_formatted(frame[name], name) for name in names]
    with open_output(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))


def _formatted(column: pd.Series, name: str) -> list[str]:
    if name == "time":
        return [_iso(value) for value in column]
    if name == "rays":
        return ["" if is_blank(value) else str(int(value)) for value in column]
    if column.dtype.kind == "f":
        # Fluxes to a thousandth: five of them still sum to zero far within 0.5 W/m2.
        digits = _DECIMALS.get(name, 3)
        texts = ["" if math.isnan(value) else f"{value:.{digits}f}" for value in column]
        return [text.lstrip("-") if float(text or 1) == 0.0 else text for text in texts]
    return ["" if is_blank(value) else str(value) for value in column]


def _iso(value: Any) -> str:
    if isinstance(value, str):
        return value
    if getattr(value, "tzinfo", None) is None:
        raise ValueError("times in TEMPS.csv need an offset")
    return value.isoformat(timespec="seconds")
