"""A cloudless design day that repeats."""

from __future__ import annotations

import datetime

import numpy as np

from heatmat.errors import InputError
from heatmat.ground_wave import GroundWave
from heatmat.humid_air import standard_pressure
from heatmat.sky import clear_sky_longwave, extraterrestrial_normal
from heatmat.solar import MINUTE, sun_direction, to_utc
from heatmat.units import to_celsius
from heatmat.weather import Weather

# Share of the daily range below the maximum at 1 to 24 h apparent solar time: ASHRAE Handbook of
# Fundamentals 2021, chapter 14, table 6 (after Hedrick 2009)
DAILY_RANGE_SHARE = (0.88, 0.92, 0.95, 0.98, 1.00, 0.98, 0.91, 0.74, 0.55, 0.38, 0.23, 0.13) + (
    0.05,
    0.00,
    0.00,
    0.06,
    0.14,
    0.24,
    0.39,
    0.50,
    0.59,
    0.68,
    0.75,
    0.82,
)


def clear_sky_day(
    date: str | datetime.date,
    *,
    tmax: float,
    tmin: float,
    latitude: float,
    longitude: float,
    elevation: float = 0.0,
    wind_speed: float = 2.0,
    wind_direction: float = 225.0,
    dew_point: float | None = None,
    linke_turbidity: float = 3.5,
    utc_offset: float | None = None,
) -> Weather:
    """A day under a cloudless sky, in rows of one minute.

    Parameters
    ----------
    date : str or date
        ISO date; sets the sun.
    tmax, tmin : float
        Extremes of the air temperature [K].
    latitude, longitude, elevation : float
        Site [deg, deg, m].
    wind_speed, wind_direction : float
        At 10 m in open country, all day [m/s, deg].
    dew_point : float, optional
        Constant [K]; by default the minimum temperature (Allen et al. 1998, FAO paper 56, eq. 48).
    linke_turbidity : float
        Linke turbidity of the atmosphere.
    utc_offset : float, optional
        Clock of the day [h]; by default the nautical zone of the longitude.

    Notes
    -----
    Air temperature: ASHRAE's fractions of the daily range in apparent solar time. Radiation:
    Ineichen and Perez (2002), doi:10.1016/S0038-092X(02)00045-2, by pvlib. Sky longwave:
    `heatmat.sky.clear_sky_longwave`. Ground: the mean temperature of the day at every depth.

    Raises
    ------
    InputError
        On extremes the wrong way round, or a dew point above the minimum.
    """
    _check(tmax, tmin, dew_point)
    dew_point = tmin if dew_point is None else dew_point
    utc_offset = float(round(longitude / 15.0)) if utc_offset is None else float(utc_offset)
    try:
        day = np.datetime64(datetime.date.fromisoformat(str(date)[:10]), "s")
    except ValueError:
        raise InputError("not a date", where="[weather] clear_sky.date", got=repr(date)) from None
    time = day + MINUTE * np.arange(1, 1441)
    solar_hour = _apparent_solar_hour(time, utc_offset, latitude, longitude)
    share = np.interp(solar_hour, np.arange(25), (DAILY_RANGE_SHARE[-1], *DAILY_RANGE_SHARE))
    air = tmax - (tmax - tmin) * share
    dew = np.full(1440, dew_point)
    pressure = np.full(1440, float(standard_pressure(elevation)))
    middle = to_utc(time - np.timedelta64(30, "s"), utc_offset)
    ghi, dni, dhi = _ineichen(middle, latitude, longitude, elevation, linke_turbidity)
    return Weather(
        kind="design_day",
        time=time,
        interval=60.0,
        utc_offset=utc_offset,
        latitude=float(latitude),
        longitude=float(longitude),
        elevation=float(elevation),
        air_temperature=air,
        dew_point=dew,
        pressure=pressure,
        wind_speed=np.full(1440, float(wind_speed)),
        wind_direction=np.full(1440, float(wind_direction)),
        sky_longwave=clear_sky_longwave(air, dew, pressure, solar_hour),
        ghi=ghi,
        dni=dni,
        dhi=dhi,
        ground_wave=GroundWave(float(air.mean()), source="mean air temperature of the design day"),
        source=f"clear sky of {str(date)[:10]}",
        notes=("the ground below 2 m is at the design day's mean air temperature",),
    )


def _check(tmax: float, tmin: float, dew_point: float | None) -> None:
    if not tmax >= tmin:
        raise InputError(
            "tmax is below tmin",
            where="[weather] clear_sky",
            expected=f"tmax of at least {to_celsius(tmin):g} C",
            got=f"{to_celsius(tmax):g} C",
        )
    if dew_point is not None and not dew_point <= tmin:
        raise InputError(
            "the dew point is above the minimum air temperature",
            where="[weather] clear_sky",
            expected=f"at most {to_celsius(tmin):g} C",
            got=f"{to_celsius(dew_point):g} C",
        )


def _apparent_solar_hour(
    time: np.ndarray, utc_offset: float, latitude: float, longitude: float
) -> np.ndarray:
    """Apparent solar time of local `time` [h, 0 to 24], from the sun's hour angle."""
    direction = sun_direction(to_utc(time, utc_offset), latitude, longitude)
    phi = np.deg2rad(latitude)
    toward_meridian = direction[:, 2] * np.cos(phi) - direction[:, 1] * np.sin(phi)
    hour_angle = np.arctan2(-direction[:, 0], toward_meridian)
    return np.mod(hour_angle * 12.0 / np.pi + 12.0, 24.0)


def _ineichen(
    time_utc: np.ndarray,
    latitude: float,
    longitude: float,
    elevation: float,
    linke_turbidity: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """GHI, DNI and DHI [W m-2] of a cloudless sky; zero with the sun below the horizon."""
    from pvlib import atmosphere, clearsky

    up = sun_direction(time_utc, latitude, longitude)[:, 2]
    lit = up > 0.0
    zenith = np.rad2deg(np.arccos(np.clip(up[lit], 0.0, 1.0)))
    mass = atmosphere.get_relative_airmass(zenith)
    mass = atmosphere.get_absolute_airmass(mass, float(standard_pressure(elevation)))
    day = time_utc[len(time_utc) // 2]
    day_of_year = (day - day.astype("datetime64[Y]")) / np.timedelta64(1, "D") + 1.0
    extra = extraterrestrial_normal(day_of_year)
    sky = clearsky.ineichen(zenith, mass, linke_turbidity, elevation, extra)
    ghi, dni, dhi = np.zeros((3, len(time_utc)))
    ghi[lit], dni[lit], dhi[lit] = sky["ghi"], sky["dni"], sky["dhi"]
    return ghi, dni, dhi
