"""Indoor air temperature: a number or a schedule."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from heatmat.errors import InputError
from heatmat.units import to_kelvin

_CLOCK = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)$")
DAY = 86400.0


def indoor_series(
    specification: float | str | Path, local_time: ArrayLike, utc_offset: float
) -> np.ndarray:
    """Indoor air temperature [K] at local standard times [n].

    Parameters
    ----------
    specification : float, str or Path
        A temperature [K], or a CSV file with columns time and temperature_c. Times are dated (with
        or without a zone), or ``HH:MM`` for a schedule that repeats daily. Linear between rows.
    local_time : array [n], datetime64[s]
    utc_offset : float
        Of `local_time` [h].

    Raises
    ------
    InputError
        On a malformed file, or one that does not cover `local_time`.
    """
    local_time = np.asarray(local_time).astype("datetime64[s]")
    if not isinstance(specification, str | Path):
        return np.full(len(local_time), float(specification))
    from heatmat.csv_table import read_csv_table
    from heatmat.weather_csv import read_times

    table = read_csv_table(specification)
    table.require("time", "temperature_c")
    values = to_kelvin(table.numbers("temperature_c", -60.0, 90.0))
    clock = [_CLOCK.match(cell) for cell in table.columns["time"]]
    if all(clock):
        seconds = np.array([int(m[1]) * 3600.0 + int(m[2]) * 60.0 for m in clock if m])
        day = local_time.astype("datetime64[D]")
        return np.interp((local_time - day).astype(float), seconds, values, period=DAY)
    times, _ = read_times(table, utc_offset)
    outside = (local_time < times[0]) | (local_time > times[-1])
    if np.any(outside):
        raise InputError(
            "the schedule does not cover the run, spin-up included",
            where=table.path,
            expected=f"rows from {local_time[0]} to {local_time[-1]}",
            got=f"{times[0]} to {times[-1]}",
        )
    return np.interp(local_time.astype(float), times.astype(float), values)
