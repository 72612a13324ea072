"""FORCING.csv of `query --incident`: fluxes on the surface given, the wall law alone remains."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heatmat.errors import InputError
from heatmat.text_table import (
    Faults,
    TextTable,
    is_blank,
    numbers,
    read_text_table,
    require_columns,
)
from heatmat.times import parse_stamp

if TYPE_CHECKING:
    import pandas as pd

# Bounds catch wrong units and columns; night offsets of pyranometers reach some -10 W/m2.
RANGES: dict[str, tuple[float, float, str]] = {
    "incident_shortwave_w_m2": (-20.0, 2000.0, "W/m2"),
    "incident_longwave_w_m2": (20.0, 1500.0, "W/m2"),
    "air_temperature_c": (-90.0, 90.0, "degrees Celsius"),
    "h_conv_w_m2k": (0.0, 1000.0, "W/m2K"),
    "wind_speed_m_s": (0.0, 100.0, "m/s"),
    "wind_direction_deg": (-360.0, 720.0, "degrees"),
    "inside_air_temperature_c": (-90.0, 90.0, "degrees Celsius"),
    "inside_surface_temperature_c": (-90.0, 120.0, "degrees Celsius"),
}
REQUIRED = ("incident_shortwave_w_m2", "incident_longwave_w_m2", "air_temperature_c")


def read_incident(
    path: str | Path,
    *,
    ids: Sequence[str] | None = None,
    utc_offset_h: float = 0.0,
    year: int | None = None,
) -> pd.DataFrame:
    """Read the forcing of `query --incident`.

    Parameters
    ----------
    path : path
    ids : sequence of str, optional
        The points; each must have at least two rows.
    utc_offset_h : float
        The clock of times written without an offset [h east of UTC].
    year : int, optional
        The year of times written without one.

    Returns
    -------
    DataFrame
        `id`, `time` (datetime64[s], UTC, increasing for each id) and the columns that were given,
        in the units of their names, without gaps.

    Raises
    ------
    InputError
        One line with every fault: file, line, column, expected, got.
    """
    import pandas as pd

    table = read_text_table(path, ("id", "time", *RANGES))
    faults = Faults(table.source)
    require_columns(table, ("id", "time", *REQUIRED), faults)
    _check_alternatives(table, faults)
    faults.raise_any()
    frame = pd.DataFrame(
        {
            "id": [str(cell).strip() for cell in table.columns["id"]],
            "time": read_times(table, faults, utc_offset_h, year),
        }
    )
    for name, (low, high, unit) in RANGES.items():
        if name in table.columns:
            frame[name] = numbers(table, name, faults, low=low, high=high, unit=unit)
    faults.raise_any()
    _check_order(table, frame, faults)
    _check_ids(table, frame, ids, faults)
    faults.raise_any()
    frame["line"] = table.lines
    frame.attrs.update(source=table.source, ignored_columns=table.ignored, unit="line")
    return frame


def _check_alternatives(table: TextTable, faults: Faults) -> None:
    given = table.columns
    if "h_conv_w_m2k" not in given and "wind_speed_m_s" not in given:
        faults.add(
            "missing column",
            where=f"{table.source}: h_conv_w_m2k",
            expected="h_conv_w_m2k, or wind_speed_m_s",
        )
    if "inside_air_temperature_c" in given and "inside_surface_temperature_c" in given:
        faults.add(
            "two inside boundaries are given",
            where=table.source,
            expected="inside_air_temperature_c or inside_surface_temperature_c",
            remedy="keep one of them",
        )


def read_times(
    table: TextTable, faults: Faults, utc_offset_h: float, year: int | None
) -> list[datetime.datetime]:
    """The column `time` in UTC; what cannot be read is noted in `faults`.

    Parameters
    ----------
    table : TextTable
    faults : Faults
    utc_offset_h : float
        The clock of times written without an offset [h east of UTC].
    year : int, optional
        The year of times written without one.
    """
    moments = []
    for i, cell in enumerate(table.columns["time"]):
        try:
            stamp = parse_stamp("" if is_blank(cell) else cell)
            offset = utc_offset_h if stamp.utc_offset_h is None else stamp.utc_offset_h
            moment = stamp.naive(year) - datetime.timedelta(hours=offset)
        except ValueError:
            faults.add(
                "no such day in that year",
                where=table.place(i, "time"),
                got=repr(cell),
                remedy="write the year",
            )
            moment = datetime.datetime(1, 1, 1) + datetime.timedelta(days=i)
        except InputError as error:
            faults.add(
                error.what, where=table.place(i, "time"), expected=error.expected, got=error.got
            )
            moment = datetime.datetime(1, 1, 1) + datetime.timedelta(days=i)
        moments.append(moment)
    return moments


def _check_order(table: TextTable, frame: pd.DataFrame, faults: Faults) -> None:
    previous: dict[str, datetime.datetime] = {}
    for i, (name, moment) in enumerate(zip(frame["id"], frame["time"], strict=True)):
        if name in previous and not moment > previous[name]:
            faults.add(
                "times do not increase",
                where=table.place(i, "time"),
                expected=f"later than {previous[name]} UTC for {name!r}",
                got=f"{moment} UTC",
            )
        previous[name] = moment


def _check_ids(
    table: TextTable, frame: pd.DataFrame, ids: Sequence[str] | None, faults: Faults
) -> None:
    counts = frame["id"].value_counts()
    for name in ids if ids is not None else counts.index:
        count = int(counts.get(name, 0))
        if count < 2:
            faults.add(
                "too few rows for a point",
                where=f"{table.source}: id {name!r}",
                expected="at least two",
                got=str(count),
            )
