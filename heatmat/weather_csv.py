"""Measured weather from a CSV table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heatmat.csv_table import CsvTable, read_csv_table
from heatmat.errors import InputError
from heatmat.ground_wave import GroundWave
from heatmat.humid_air import dew_point_from_relative_humidity, standard_pressure
from heatmat.sky import clear_sky_longwave
from heatmat.solar import close_radiation, decompose_global, to_utc
from heatmat.times import TYPICAL_YEAR, parse_stamp
from heatmat.units import to_kelvin
from heatmat.weather import Weather

YEAR_OF_ROWS = 364.0 * 86400.0


def read_weather_csv(
    path: str | Path,
    *,
    latitude: float,
    longitude: float,
    elevation: float = 0.0,
    utc_offset: float | None = None,
) -> Weather:
    """Read a measured series.

    Columns: time, air_temperature_c, wind_speed_m_s, dew_point_c or relative_humidity (percent),
    two of ghi_w_m2, dni_w_m2 and dhi_w_m2 (or ghi_w_m2 alone: the diffuse part is then that of
    Erbs et al. 1982, and a note says so); optional longwave_down_w_m2, wind_direction_deg,
    pressure_pa. Radiation is the mean over the row before its stamp, the rest holds at the stamp.
    Rows are equally spaced, 1 to 60 whole minutes.

    Without longwave_down_w_m2 the sky is that of `heatmat.sky.clear_sky_longwave`: cloud is
    unknown, so an overcast sky comes out too cold, and a note says so.

    Parameters
    ----------
    path : str or Path
    latitude, longitude, elevation : float
        Site [deg, deg, m].
    utc_offset : float, optional
        Clock of times written without an offset [h]; default: the nautical zone of the longitude,
        and a note says so.

    Raises
    ------
    InputError
        With file, line and column of the first fault.
    """
    table = read_csv_table(path)
    table.require("time", "air_temperature_c", "wind_speed_m_s")
    zone_note = []
    if utc_offset is None and not any_offset(table):
        utc_offset = float(round(longitude / 15.0))
        zone_note = [
            f"{path}: times without an offset are read as UTC{utc_offset:+g}, the zone of the "
            "longitude; give [weather] utc_offset_h if the clock is another"
        ]
    time, offset = read_times(table, utc_offset)
    interval = _spacing(table, time)
    air = to_kelvin(table.numbers("air_temperature_c", -90.0, 70.0))
    dew = _dew_point(table, air)
    pressure = np.full(len(air), float(standard_pressure(elevation)))
    if "pressure_pa" in table.columns:
        pressure = table.numbers("pressure_pa", 31000.0, 120000.0)
    direction = np.zeros(len(air))
    if "wind_direction_deg" not in table.columns:
        zone_note.append(f"{path}: no wind_direction_deg, the wind is taken from the north")
    if "wind_direction_deg" in table.columns:
        direction = table.numbers("wind_direction_deg", 0.0, 360.0)
    longwave, notes = _longwave(table, time, air, dew, pressure, (longitude, offset))
    ghi, dni, dhi = _radiation(table, time, interval, (latitude, longitude, offset))
    return Weather(
        kind="record",
        time=time,
        interval=interval,
        utc_offset=offset,
        latitude=float(latitude),
        longitude=float(longitude),
        elevation=float(elevation),
        air_temperature=air,
        dew_point=dew,
        pressure=pressure,
        wind_speed=table.numbers("wind_speed_m_s", 0.0, 60.0),
        wind_direction=direction,
        sky_longwave=longwave,
        ghi=ghi,
        dni=dni,
        dhi=dhi,
        ground_wave=_ground_wave(air, time, interval),
        source=str(path),
        notes=tuple(zone_note + notes + _radiation_note(table)),
    )


def any_offset(table: CsvTable) -> bool:
    """Whether the first time says its UTC offset."""
    first = parse_stamp(table.columns["time"][0], where=table.where(0, "time"))
    return first.utc_offset_h is not None


def read_times(table: CsvTable, utc_offset: float | None) -> tuple[np.ndarray, float]:
    """The time column as local standard time [n], datetime64[s], and its offset [h].

    Rising without repetition; all with the same offset, or all without one.

    Raises
    ------
    InputError
    """
    stamps = []
    for row, cell in enumerate(table.columns["time"]):
        stamps.append(parse_stamp(cell, where=table.where(row, "time")))
    offset = utc_offset if utc_offset is not None else stamps[0].utc_offset_h
    if offset is None:
        raise InputError(
            "times have no UTC offset",
            where=table.where(0, "time"),
            expected="for example 2023-07-14T00:00+01:00",
            got=repr(table.columns["time"][0]),
            remedy="write the offset, or give [weather] utc_offset_h",
        )
    year = TYPICAL_YEAR
    moments = np.array([s.at_offset(offset, year) for s in stamps], dtype="datetime64[s]")
    falling = np.flatnonzero(np.diff(moments) <= np.timedelta64(0, "s"))
    if len(falling):
        row = int(falling[0]) + 1
        same = moments[row] == moments[row - 1]
        raise InputError(
            "time appears twice" if same else "times are not in order",
            where=table.where(row, "time"),
            got=repr(table.columns["time"][row]),
        )
    return moments, float(offset)


def _spacing(table: CsvTable, time: np.ndarray) -> float:
    if len(time) < 2:
        raise InputError("a weather table needs two rows or more", where=table.path)
    gaps = np.diff(time).astype(int)
    interval = int(np.median(gaps))
    if interval % 60 or not 60 <= interval <= 3600:
        raise InputError(
            "unsupported spacing of rows",
            where=table.path,
            expected="1 to 60 whole minutes",
            got=f"{interval} s",
        )
    uneven = np.flatnonzero(gaps != interval)
    if len(uneven):
        row = int(uneven[0]) + 1
        raise InputError(
            "rows are not equally spaced",
            where=table.where(row, "time"),
            expected=f"{interval // 60} min after the row before",
            got=f"{gaps[row - 1] / 60:g} min",
        )
    return float(interval)


def _dew_point(table: CsvTable, air: np.ndarray) -> np.ndarray:
    if "dew_point_c" in table.columns:
        return np.minimum(to_kelvin(table.numbers("dew_point_c", -90.0, 70.0)), air)
    if "relative_humidity" not in table.columns:
        table.require("dew_point_c")
    humidity = table.numbers("relative_humidity", 0.0, 110.0)
    if humidity.max() <= 1.5:
        raise InputError(
            "relative humidity looks like a fraction",
            where=f"{table.path} relative_humidity",
            expected="percent",
            got=f"largest {humidity.max():g}",
        )
    return dew_point_from_relative_humidity(air, humidity / 100.0)


def _longwave(
    table: CsvTable,
    time: np.ndarray,
    air: np.ndarray,
    dew: np.ndarray,
    pressure: np.ndarray,
    clock: tuple[float, float],
) -> tuple[np.ndarray, list[str]]:
    if "longwave_down_w_m2" in table.columns:
        return table.numbers("longwave_down_w_m2", 50.0, 700.0), []
    longitude, offset = clock
    hour = (time - time.astype("datetime64[D]")).astype(float) / 3600.0
    solar_hour = np.mod(hour - offset + longitude / 15.0, 24.0)
    note = "no longwave_down_w_m2: a cloudless sky is assumed (Martin and Berdahl 1984)"
    return clear_sky_longwave(air, dew, pressure, solar_hour), [f"{table.path}: {note}"]


def _radiation(
    table: CsvTable, time: np.ndarray, interval: float, site: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    latitude, longitude, offset = site
    names = ("ghi_w_m2", "dni_w_m2", "dhi_w_m2")
    there = [name for name in names if name in table.columns]
    if len(there) < 2 and there != ["ghi_w_m2"]:
        raise InputError(
            "radiation is not known",
            where=table.path,
            expected="ghi_w_m2, better with dni_w_m2 or dhi_w_m2",
            got=", ".join(there) or "none of them",
        )
    # pyranometers read a few watts below zero at night
    ghi, dni, dhi = (
        table.numbers(n, -20.0, 1700.0).clip(0.0) if n in there else np.full(len(time), np.nan)
        for n in names
    )
    middle = time - np.timedelta64(int(interval // 2), "s")
    if len(there) == 1:
        dhi = decompose_global(ghi, to_utc(middle, offset), latitude, longitude)
    return close_radiation(ghi, dni, dhi, middle, offset, latitude, longitude)[:3]


def _radiation_note(table: CsvTable) -> list[str]:
    if {"dni_w_m2", "dhi_w_m2"} & set(table.columns):
        return []
    return [f"{table.path}: only ghi_w_m2: split into beam and diffuse after Erbs et al. (1982)"]


def _ground_wave(air: np.ndarray, time: np.ndarray, interval: float) -> GroundWave:
    if len(air) * interval < YEAR_OF_ROWS:
        return GroundWave(float(air.mean()), source="mean air temperature of the record")
    rows = int(round(365.0 * 86400.0 / interval))
    first = time[:rows]
    return GroundWave.from_year(
        air[:rows], np.mod((first - first.astype("datetime64[Y]")).astype(float), 365.0 * 86400.0)
    )
