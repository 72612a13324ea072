"""EnergyPlus weather files (EPW): read, checked row by row."""

from __future__ import annotations

import calendar
import csv
import math
from pathlib import Path

import numpy as np

from heatmat.csv_table import read_text
from heatmat.errors import InputError
from heatmat.ground_wave import GroundWave
from heatmat.humid_air import dew_point_from_relative_humidity, standard_pressure
from heatmat.sky import clear_sky_longwave, cloudy_sky_longwave
from heatmat.units import to_kelvin
from heatmat.weather import Weather

HEADER_LINES = 8
LONGEST_GAP = 6
"""Rows of missing values that are bridged linearly; more are an error."""

# Column, name, lowest, highest, and the code from which on a value means "missing": EnergyPlus
# Auxiliary Programs, EPW data dictionary, fields N6 to N29
FIELDS = {
    "dry bulb temperature": (6, -90.0, 70.0, 99.9),
    "dew point temperature": (7, -90.0, 70.0, 99.9),
    "relative humidity": (8, 0.0, 110.0, 999.0),
    "atmospheric pressure": (9, 31000.0, 120000.0, 999999.0),
    "horizontal infrared": (12, 0.0, 1000.0, 9999.0),
    "global horizontal radiation": (13, 0.0, 1500.0, 9999.0),
    "direct normal radiation": (14, 0.0, 1500.0, 9999.0),
    "diffuse horizontal radiation": (15, 0.0, 1500.0, 9999.0),
    "wind direction": (20, 0.0, 360.0, 999.0),
    "wind speed": (21, 0.0, 60.0, 99.9),
    "opaque sky cover": (23, 0.0, 10.0, 99.0),
}


def read_epw(path: str | Path) -> Weather:
    """Read a weather file in the EPW format.

    The hour's stamp is its end; minute 0 and 60 mean the same. A file whose rows come from more
    than one year is a typical year.

    Missing values: gaps of up to six rows in temperature, humidity and wind are bridged linearly,
    pressure becomes that of the standard atmosphere, infrared follows a correlation, and one of
    the three radiation columns may be missing where the other two give it. What was filled is in
    `Weather.notes`.

    Raises
    ------
    InputError
        With file, line and field of the first fault.
    """
    lines = read_text(path).splitlines()
    latitude, longitude, utc_offset, elevation = _location(lines, path)
    per_hour = _records_per_hour(lines, path)
    rows = _rows(lines, path)
    time, mixed = _stamps(rows, per_hour, path)
    columns = {name: _column(rows, name, path) for name in FIELDS}
    filler = _Filler(path)
    air = to_kelvin(filler.bridge(columns, "dry bulb temperature"))
    dew = _dew_point(columns, air, filler)
    pressure = columns["atmospheric pressure"]
    pressure = filler.replace("atmospheric pressure", pressure, standard_pressure(elevation))
    hour = (time - time.astype("datetime64[D]")).astype(float) / 3600.0
    longwave = _sky_longwave(columns, air, dew, pressure, hour, filler)
    speed = filler.bridge(columns, "wind speed")
    direction = _wind_direction(columns["wind direction"], filler)
    interval = 3600.0 / per_hour
    ghi, dni, dhi = _radiation(columns, time, interval, (latitude, longitude, utc_offset), filler)
    origin = time[0].astype("datetime64[Y]")
    wave = GroundWave.from_year(air, (time - origin).astype(float) - 0.5 * interval)
    weather = Weather(
        kind="typical_year" if mixed else "single_year",
        time=time,
        interval=interval,
        utc_offset=utc_offset,
        latitude=latitude,
        longitude=longitude,
        elevation=elevation,
        air_temperature=air,
        dew_point=np.minimum(dew, air),
        pressure=pressure,
        wind_speed=speed,
        wind_direction=direction,
        sky_longwave=longwave,
        ghi=ghi,
        dni=dni,
        dhi=dhi,
        ground_wave=wave,
        source=str(path),
        notes=tuple(filler.notes),
    )
    return _with_phase_note(weather)


def _with_phase_note(weather: Weather) -> Weather:
    """Say so where the file's radiation is not that of the hour before its stamp.

    It is read by the format's convention all the same.
    """
    from heatmat.solar import radiation_lead

    lead = radiation_lead(weather)
    expected = weather.interval / 120.0
    if lead is None or lead == expected:
        return weather
    return weather.with_notes(
        f"{Path(weather.source).name}: its radiation fits the sun {lead:g} min before the stamp, "
        f"not {expected:g} as the format has it; east and west walls are off by the difference"
    )


def _location(lines: list[str], path: str | Path) -> tuple[float, float, float, float]:
    cells = lines[0].split(",") if lines else []
    if not cells or cells[0].strip().upper() != "LOCATION":
        raise InputError(
            "not an EPW file", where=f"{path}:1", expected="LOCATION,...", got=repr(lines[0][:40])
        )
    bounds = {
        "latitude": (6, 90.0),
        "longitude": (7, 180.0),
        "time zone": (8, 14.0),
        "elevation": (9, 9999.0),
    }
    numbers = []
    for name, (column, largest) in bounds.items():
        try:
            value = float(cells[column])
        except (IndexError, ValueError):
            value = np.nan
        if not abs(value) <= largest:
            got = repr(cells[column]) if column < len(cells) else "nothing"
            raise InputError("bad header", where=f"{path}:1 {name}", expected="a number", got=got)
        numbers.append(value)
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _records_per_hour(lines: list[str], path: str | Path) -> int:
    for number, line in enumerate(lines[:HEADER_LINES], start=1):
        cells = [cell.strip() for cell in line.split(",")]
        if cells[0].upper() == "DATA PERIODS":
            try:
                count = int(cells[2])
            except (IndexError, ValueError):
                count = 0
            if cells[1] != "1" or count < 1 or 60 % count:
                raise InputError(
                    "unsupported data period",
                    where=f"{path}:{number}",
                    expected="one period, records per hour a divisor of 60",
                    got=repr(line[:40]),
                )
            return count
    raise InputError(
        "header is incomplete", where=str(path), expected="a DATA PERIODS line in the first 8"
    )


def _rows(lines: list[str], path: str | Path) -> list[list[str]]:
    rows = [row for row in csv.reader(lines[HEADER_LINES:]) if row]
    for number, row in enumerate(rows, start=HEADER_LINES + 1):
        if len(row) < 24:
            raise InputError(
                "row is cut off",
                where=f"{path}:{number}",
                expected="35 fields",
                got=len(row),
                remedy="is the file complete?",
            )
    if not rows:
        raise InputError("no weather rows", where=str(path))
    return rows


def _integers(rows: list[list[str]], column: int, name: str, path: str | Path) -> np.ndarray:
    values = np.empty(len(rows), dtype=int)
    for i, row in enumerate(rows):
        try:
            values[i] = int(float(row[column]))
        except (ValueError, OverflowError):
            raise InputError(
                "bad value",
                where=f"{path}:{i + HEADER_LINES + 1} {name}",
                expected="a whole number",
                got=repr(row[column]),
            ) from None
    return values


def _stamps(rows: list[list[str]], per_hour: int, path: str | Path) -> tuple[np.ndarray, bool]:
    """End of each row, datetime64[s], in one year; and whether the rows come from several."""
    year, month, day, hour = (
        _integers(rows, i, name, path) for i, name in enumerate(("year", "month", "day", "hour"))
    )
    days = len(rows) / (24 * per_hour)
    if days not in (365, 366):
        raise InputError(
            "not a whole year",
            where=str(path),
            expected=f"{365 * 24 * per_hour} or {366 * 24 * per_hour} rows",
            got=len(rows),
            remedy="is the file cut off?",
        )
    mixed = bool(np.any(year != year[0]))
    own_year = int(year[0]) if not mixed and 1678 <= year[0] <= 2261 else 2001
    if calendar.isleap(own_year) != (days == 366):
        # typical years leave 29 February out whatever the year on the row
        own_year, mixed = (2004 if days == 366 else 2001), True
    step = np.timedelta64(3600 // per_hour, "s")
    time = np.datetime64(f"{own_year}-01-01", "s") + step * (np.arange(len(rows)) + 1)
    start = time - step
    dates = start.astype("datetime64[D]")
    expected_month = dates.astype("datetime64[M]").astype(int) % 12 + 1
    expected_day = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    expected_hour = (start - dates).astype(int) // 3600 + 1
    wrong = (month != expected_month) | (day != expected_day) | (hour != expected_hour)
    if np.any(wrong):
        i = int(np.argmax(wrong))
        raise InputError(
            "rows are missing, repeated or out of order",
            where=f"{path}:{i + HEADER_LINES + 1} month, day, hour",
            expected=f"{expected_month[i]}/{expected_day[i]} hour {expected_hour[i]}",
            got=f"{month[i]}/{day[i]} hour {hour[i]}",
        )
    return time, mixed


def _column(rows: list[list[str]], name: str, path: str | Path) -> np.ndarray:
    """A field as numbers, NaN where the file's code says missing."""
    column, low, high, missing = FIELDS[name]
    values = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            value = float(row[column])
        except ValueError:
            value = np.nan
        if missing <= value < math.inf:
            values[i] = np.nan
        elif low <= value <= high:
            values[i] = value
        else:
            raise InputError(
                "bad value",
                where=f"{path}:{i + HEADER_LINES + 1} {name}",
                expected=f"a number from {low:g} to {high:g}",
                got=repr(row[column]),
            )
    return values


class _Filler:
    """Fills missing values by stated rules and keeps note of it."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.notes: list[str] = []

    def note(self, name: str, count: int, how: str) -> None:
        if count:
            self.notes.append(f"{Path(self.path).name}: {name} missing in {count} rows, {how}")

    def bridge(self, columns: dict[str, np.ndarray], name: str) -> np.ndarray:
        values = columns[name]
        gaps = np.isnan(values)
        if not gaps.any():
            return values
        run = 0
        for i in np.flatnonzero(gaps):
            run = run + 1 if i and gaps[i - 1] else 1
            if run > LONGEST_GAP or gaps.all():
                raise InputError(
                    f"missing for more than {LONGEST_GAP} rows",
                    where=f"{self.path}:{i + HEADER_LINES + 1} {name}",
                )
        self.note(name, int(gaps.sum()), "bridged linearly")
        index = np.arange(len(values))
        return np.interp(index, index[~gaps], values[~gaps], period=len(values))

    def replace(
        self,
        name: str,
        values: np.ndarray,
        substitute: np.ndarray,
        how: str = "standard atmosphere",
    ) -> np.ndarray:
        gaps = np.isnan(values)
        self.note(name, int(gaps.sum()), how)
        return np.where(gaps, substitute, values)


def _dew_point(columns: dict[str, np.ndarray], air: np.ndarray, filler: _Filler) -> np.ndarray:
    dew, humidity = to_kelvin(columns["dew point temperature"]), columns["relative humidity"]
    from_humidity = dew_point_from_relative_humidity(air, humidity / 100.0)
    gaps = np.isnan(dew)
    usable = gaps & ~np.isnan(humidity)
    filler.note("dew point temperature", int(usable.sum()), "from relative humidity")
    dew = np.where(usable, from_humidity, dew)
    return filler.bridge({"dew point temperature": dew}, "dew point temperature")


def _sky_longwave(
    columns: dict[str, np.ndarray],
    air: np.ndarray,
    dew: np.ndarray,
    pressure: np.ndarray,
    hour: np.ndarray,
    filler: _Filler,
) -> np.ndarray:
    longwave = np.where(
        columns["horizontal infrared"] > 0.0, columns["horizontal infrared"], np.nan
    )
    cover = columns["opaque sky cover"]
    cloudy = cloudy_sky_longwave(air, dew, cover)
    longwave = filler.replace("horizontal infrared", longwave, cloudy, "Clark and Allen")
    clear = clear_sky_longwave(air, dew, pressure, hour)
    how = "clear sky of Martin and Berdahl"
    return filler.replace("horizontal infrared and sky cover", longwave, clear, how)


def _wind_direction(direction: np.ndarray, filler: _Filler) -> np.ndarray:
    """Calm hours have no direction: the last one holds."""
    gaps = np.isnan(direction)
    if not gaps.any():
        return direction
    filler.note("wind direction", int(gaps.sum()), "the last known one holds")
    if gaps.all():
        return np.zeros_like(direction)
    last = np.where(gaps, -1, np.arange(len(direction)))
    last = np.maximum.accumulate(last)
    first = direction[~gaps][0]
    return np.where(last < 0, first, direction[np.maximum(last, 0)])


def _radiation(
    columns: dict[str, np.ndarray],
    time: np.ndarray,
    interval: float,
    site: tuple[float, float, float],
    filler: _Filler,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """GHI, DNI and DHI, one of them closed from the other two where it is missing."""
    from heatmat.solar import close_radiation

    ghi, dni, dhi = (
        columns[f"{name} radiation"]
        for name in ("global horizontal", "direct normal", "diffuse horizontal")
    )
    gaps = np.isnan(ghi) | np.isnan(dni) | np.isnan(dhi)
    if not gaps.any():
        return ghi, dni, dhi
    latitude, longitude, utc_offset = site
    middle = time - np.timedelta64(int(interval // 2), "s")
    ghi, dni, dhi, unknown = close_radiation(ghi, dni, dhi, middle, utc_offset, latitude, longitude)
    if unknown.any():
        i = int(np.argmax(unknown))
        raise InputError(
            "radiation is missing by day",
            where=f"{filler.path}:{i + HEADER_LINES + 1} radiation",
            expected="two of global horizontal, direct normal and diffuse horizontal",
        )
    filler.note("radiation", int(gaps.sum()), "closed from the other two columns, 0 at night")
    return ghi, dni, dhi
