"""The sun's position, and radiation of weather rows spread over steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from heatmat.weather import Weather

MINUTE = np.timedelta64(60, "s")
_KNOT = 600
"""Spacing of the sun positions between which the elevation is interpolated to find sunrise [s]: the
sun's arc bends by 0.014 degrees in between, 4 s of time."""
_CHUNK = 20000
LARGEST_DNI = 1410.0
"""No beam exceeds the sun above the atmosphere at perihelion [W m-2] (1361 times 1.034)."""


def sun_direction(time_utc: ArrayLike, latitude: float, longitude: float) -> np.ndarray:
    """Unit vector towards the sun, without refraction: true east, true north, up.

    Parameters
    ----------
    time_utc : array [n], datetime64
    latitude, longitude : float
        Degrees north and east.

    Returns
    -------
    array [n, 3]

    Notes
    -----
    Reda and Andreas (2004), Solar Energy 76, 577-589, doi:10.1016/j.solener.2003.12.003, as
    implemented in pvlib.
    """
    import pandas as pd
    from pvlib.solarposition import get_solarposition

    time_utc = np.atleast_1d(np.asarray(time_utc)).astype("datetime64[s]")
    directions = np.empty((len(time_utc), 3))
    for start in range(0, len(time_utc), _CHUNK):
        part = slice(start, start + _CHUNK)
        index = pd.DatetimeIndex(time_utc[part]).tz_localize("UTC")
        position = get_solarposition(index, latitude, longitude, method="nrel_numpy")
        elevation = np.deg2rad(position["elevation"].to_numpy())
        azimuth = np.deg2rad(position["azimuth"].to_numpy())
        directions[part, 0] = np.cos(elevation) * np.sin(azimuth)
        directions[part, 1] = np.cos(elevation) * np.cos(azimuth)
        directions[part, 2] = np.sin(elevation)
    return directions


def to_utc(local_time: ArrayLike, utc_offset: float) -> np.ndarray:
    """Local standard time to UTC, datetime64[s]; `utc_offset` in hours."""
    shift = np.timedelta64(round(utc_offset * 3600.0), "s")
    return np.asarray(local_time).astype("datetime64[s]") - shift


def sine_elevation(time_utc: ArrayLike, latitude: float, longitude: float) -> np.ndarray:
    """Sine of the sun's elevation, interpolated between positions ten minutes apart [n].

    `time_utc` [n] must rise.
    """
    seconds = np.asarray(time_utc).astype("datetime64[s]").astype(np.int64)
    first = seconds[0] // _KNOT * _KNOT
    knots = np.arange(first, seconds[-1] + _KNOT + 1, _KNOT)
    heights = sun_direction(knots.astype("datetime64[s]"), latitude, longitude)[:, 2]
    return np.interp(seconds, knots, heights)


def close_radiation(
    ghi: ArrayLike,
    dni: ArrayLike,
    dhi: ArrayLike,
    middle_local: np.ndarray,
    utc_offset: float,
    latitude: float,
    longitude: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fill one missing (NaN) component of three by GHI = DNI cos Z + DHI, the sun at mid-row.

    Returns
    -------
    ghi, dni, dhi : arrays [n]
        Zero where they are missing and the sun is down.
    unknown : array [n] of bool
        Rows by day with more than one component missing.
    """
    total, direct, diffuse = (np.array(a, dtype=float) for a in (ghi, dni, dhi))
    cos_zenith = sun_direction(to_utc(middle_local, utc_offset), latitude, longitude)[:, 2]
    up = np.maximum(cos_zenith, 0.0)
    # within a degree of the horizon the closure divides noise by nearly nothing
    high = cos_zenith > np.sin(np.deg2rad(1.0))
    diffuse = np.where(np.isnan(diffuse), np.maximum(total - direct * up, 0.0), diffuse)
    beam = np.where(high, (total - diffuse) / np.maximum(up, 1e-3), 0.0)
    direct = np.where(np.isnan(direct), np.clip(beam, 0.0, LARGEST_DNI), direct)
    total = np.where(np.isnan(total), direct * up + diffuse, total)
    missing = np.isnan(total) | np.isnan(direct) | np.isnan(diffuse)
    # a sun lower than this at mid-row gives a row next to nothing
    dark = cos_zenith < np.sin(np.deg2rad(-4.0))
    night = missing & dark
    total, direct, diffuse = (
        np.where(night & np.isnan(a), 0.0, a) for a in (total, direct, diffuse)
    )
    return total, direct, diffuse, missing & ~dark


def decompose_global(
    ghi: np.ndarray, middle_utc: np.ndarray, latitude: float, longitude: float
) -> np.ndarray:
    """Diffuse horizontal irradiance [n] from global horizontal alone.

    Notes
    -----
    Erbs, Klein and Duffie (1982), Solar Energy 28, 293-302, doi:10.1016/0038-092X(82)90302-4, as
    implemented in pvlib.
    """
    import pandas as pd
    from pvlib.irradiance import erbs

    up = sun_direction(middle_utc, latitude, longitude)[:, 2]
    zenith = np.rad2deg(np.arccos(np.clip(up, -1.0, 1.0)))
    day_of_year = pd.DatetimeIndex(middle_utc).day_of_year.to_numpy()
    return np.clip(np.nan_to_num(erbs(ghi, zenith, day_of_year)["dhi"]), 0.0, ghi)


def sun_clock(weather: Weather, local_time: np.ndarray) -> np.ndarray:
    """Local times whose sun is meant: a design day repeats its own sun."""
    if weather.kind != "design_day":
        return local_time
    seconds = (local_time - weather.origin).astype(float) % weather.length
    return weather.origin + seconds.astype("timedelta64[s]")


def radiation_lead(weather: Weather) -> float | None:
    """How long before its stamp a row's radiation is centred, judged by its own components [min].

    The three columns obey GHI = DNI cos Z + DHI best with the sun where the file's maker put it.

    Returns
    -------
    float or None
        A multiple of 15 min from -30 to 60; None where the file does not say (no beam, or no clear
        best).
    """
    lit = (weather.dni > 100.0) & (weather.ghi > 100.0)
    if lit.sum() < 100:
        return None
    leads = np.arange(-30, 61, 15)
    errors = []
    for lead in leads:
        moment = to_utc(weather.time[lit] - lead * MINUTE, weather.utc_offset)
        up = sun_direction(moment, weather.latitude, weather.longitude)[:, 2]
        closure = weather.dni[lit] * np.maximum(up, 0.0) + weather.dhi[lit] - weather.ghi[lit]
        errors.append(float(np.sqrt(np.mean(closure**2))))
    order = np.argsort(errors)
    return float(leads[order[0]]) if errors[order[0]] < 0.7 * errors[order[1]] else None


def _minutes_sun_up(
    weather: Weather, middle: np.ndarray, latitude: float, longitude: float
) -> np.ndarray:
    """Whether the sun is up at each minute's middle (local time) [m]."""
    if weather.kind == "design_day":
        day = weather.origin + np.arange(1440) * MINUTE + np.timedelta64(30, "s")
        up = sine_elevation(to_utc(day, weather.utc_offset), latitude, longitude) > 0.0
        minute = ((middle - weather.origin).astype(int) // 60) % 1440
        return up[minute]
    return sine_elevation(to_utc(middle, weather.utc_offset), latitude, longitude) > 0.0


def spread_over_steps(
    weather: Weather, stamps: np.ndarray, latitude: float, longitude: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Step means of DNI and DHI that keep the energy of every weather row.

    A row's radiation is the mean over the row before its stamp; it is spread evenly over the
    minutes of the row with the sun up (a row without any keeps its diffuse light, spread over the
    whole row, and loses its beam).

    Parameters
    ----------
    weather : Weather
    stamps : array [n + 1], datetime64[s]
        Local standard time, equally spaced by a whole number of minutes.

    Returns
    -------
    dni, dhi : array [n]
        Step means [W m-2].
    sun_time : array [n], datetime64[s]
        Middle of the part of the step with the sun up (local time), else the step's middle.
    lit : array [n] of bool
        Whether the sun is up in some part of the step.
    """
    per_row = int(weather.interval) // 60
    lead = int(weather.position(stamps[:1] + np.timedelta64(30, "s"))[0] % weather.interval) // 60
    total = int((stamps[-1] - stamps[0]) / MINUTE)
    rows = -(-(lead + total) // per_row)
    middle = stamps[0] - lead * MINUTE + MINUTE * np.arange(rows * per_row)
    middle = middle + np.timedelta64(30, "s")
    up = _minutes_sun_up(weather, middle, latitude, longitude).reshape(rows, per_row)
    inside = stamps[0] + (np.arange(rows) * per_row - lead).clip(0) * MINUTE
    index = (weather.position(inside + np.timedelta64(30, "s")) // weather.interval).astype(int)
    count = up.sum(axis=1)
    share = per_row / np.maximum(count, 1)
    beam = np.minimum(weather.dni[index] * share, LARGEST_DNI)
    diffuse = np.where(count > 0, weather.dhi[index] * share, weather.dhi[index])
    dni = np.where(up, beam[:, None], 0.0).ravel()
    dhi = np.where(up | (count == 0)[:, None], diffuse[:, None], 0.0).ravel()
    window = slice(lead, lead + total)
    steps = (len(stamps) - 1, -1)
    lit_minutes = up.ravel()[window].reshape(steps)
    minutes = np.arange(lit_minutes.shape[1]) + 0.5
    lit = np.asarray(lit_minutes.any(axis=1))
    weight = np.where(lit[:, None], lit_minutes, True)
    offset = 60.0 * (weight * minutes).sum(axis=1) / weight.sum(axis=1)
    sun_time = stamps[:-1] + offset.round().astype("timedelta64[s]")
    dni_steps, dhi_steps = (a[window].reshape(steps).mean(axis=1) for a in (dni, dhi))
    return dni_steps, dhi_steps, sun_time, lit


def interpolate_half_hour(weather: Weather, sun_time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DNI and DHI at `sun_time` (local), linear with each row's mean at the row's middle.

    This is how EnergyPlus reads an hourly file (row h at h - 0:30); it does not keep the energy.
    """
    position = weather.position(sun_time)
    n = len(weather.dni)
    centre = weather.interval * (np.arange(-1, n + 1) + 0.5)
    values = []
    for column in (weather.dni, weather.dhi):
        ends = (column[-1:], column[:1]) if weather.repeats else (column[:1], column[-1:])
        values.append(np.interp(position, centre, np.concatenate([ends[0], column, ends[1]])))
    return values[0], values[1]


def step_radiation(
    weather: Weather,
    stamps: np.ndarray,
    latitude: float,
    longitude: float,
    *,
    interpolation: str,
    sun_time: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sun and radiation of every step.

    Parameters
    ----------
    weather : Weather
    stamps : array [n + 1], datetime64[s]
        Local standard time.
    latitude, longitude : float
        Of the city.
    interpolation : str
        ``mean_preserving`` or ``linear_half_hour``.
    sun_time : str
        ``mid_step`` or ``end_of_step``.

    Returns
    -------
    direction : array [n, 3]
        Towards the sun (true east, true north, up).
    dni, dhi : array [n]
        Means over the steps [W m-2]; with ``linear_half_hour`` the values at the sun's time, zero
        with the sun down.
    """
    step = stamps[1] - stamps[0]
    chosen = stamps[1:] if sun_time == "end_of_step" else stamps[:-1] + step // 2
    if interpolation == "mean_preserving":
        dni, dhi, centre, lit = spread_over_steps(weather, stamps, latitude, longitude)
        # where the sun rises or sets within the step, its direction is that of the lit part
        chosen = np.where(lit, centre, chosen) if sun_time == "mid_step" else chosen
    utc = to_utc(sun_clock(weather, chosen), weather.utc_offset)
    direction = sun_direction(utc, latitude, longitude)
    if interpolation == "mean_preserving":
        lost = lit & (direction[:, 2] <= 0.0)
        if lost.any():
            utc = to_utc(sun_clock(weather, centre[lost]), weather.utc_offset)
            direction[lost] = sun_direction(utc, latitude, longitude)
        return direction, np.where(direction[:, 2] > 0.0, dni, 0.0), dhi
    dni, dhi = interpolate_half_hour(weather, chosen)
    up = direction[:, 2] > 1e-5
    return direction, np.where(up, dni, 0.0), np.where(up, dhi, 0.0)
