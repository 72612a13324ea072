"""The sun's position, and radiation of weather rows spread over steps."""

from __future__ import annotations

import numpy as np

from heatmat.weather import Weather

MINUTE = np.timedelta64(60, "s")
_KNOT = 600
"""Spacing of the sun positions between which the elevation is interpolated to find sunrise [s]: the
sun's arc bends by 0.014 degrees in between, 4 s of time."""
_CHUNK = 20000
LARGEST_DNI = 1415.0
"""No beam exceeds the sun above the atmosphere at perihelion [W m-2] (1361 times 1.034, rounded)."""


def sun_direction(time_utc, latitude: float, longitude: float) -> np.ndarray:
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


def to_utc(local_time, utc_offset: float) -> np.ndarray:
    """Local standard time to UTC, datetime64[s]; `utc_offset` in hours."""
    shift = np.timedelta64(round(utc_offset * 3600.0), "s")
    return np.asarray(local_time).astype("datetime64[s]") - shift


def sine_elevation(time_utc, latitude: float, longitude: float) -> np.ndarray:
    """Sine of the sun's elevation, interpolated between positions ten minutes apart [n].

    `time_utc` [n] must rise.
    """
    seconds = np.asarray(time_utc).astype("datetime64[s]").astype(np.int64)
    first = seconds[0] // _KNOT * _KNOT
    knots = np.arange(first, seconds[-1] + _KNOT + 1, _KNOT)
    heights = sun_direction(knots.astype("datetime64[s]"), latitude, longitude)[:, 2]
    return np.interp(seconds, knots, heights)


def close_radiation(ghi, dni, dhi, middle_local, utc_offset, latitude, longitude):
    """Fill one missing (NaN) component of three by GHI = DNI cos Z + DHI, the sun at mid-row.

    Returns
    -------
    ghi, dni, dhi : arrays [n]
        Zero where they are missing and the sun is down.
    unknown : array [n] of bool
        Rows by day with more than one component missing.
    """
    ghi, dni, dhi = (np.array(a, dtype=float) for a in (ghi, dni, dhi))
    cos_zenith = sun_direction(to_utc(middle_local, utc_offset), latitude, longitude)[:, 2]
    up = np.maximum(cos_zenith, 0.0)
    # within a degree of the horizon the closure divides noise by nearly nothing
    high = cos_zenith > np.sin(np.deg2rad(1.0))
    dhi = np.where(np.isnan(dhi), np.maximum(ghi - dni * up, 0.0), dhi)
    beam = np.where(high, (ghi - dhi) / np.maximum(up, 1e-3), 0.0)
    dni = np.where(np.isnan(dni), np.clip(beam, 0.0, LARGEST_DNI), dni)
    ghi = np.where(np.isnan(ghi), dni * up + dhi, ghi)
    missing = np.isnan(ghi) | np.isnan(dni) | np.isnan(dhi)
    # a sun lower than this at mid-row gives a row next to nothing
    dark = cos_zenith < np.sin(np.deg2rad(-4.0))
    fill = missing & dark
    ghi, dni, dhi = (np.where(fill & np.isnan(a), 0.0, a) for a in (ghi, dni, dhi))
    return ghi, dni, dhi, missing & ~dark


def _sun_clock(weather: Weather, local_time: np.ndarray) -> np.ndarray:
    """Local times whose sun is meant: a design day repeats its own sun."""
    if weather.kind != "design_day":
        return local_time
    seconds = (local_time - weather.origin).astype(float) % weather.length
    return weather.origin + seconds.astype("timedelta64[s]")


def _minutes_sun_up(weather: Weather, middle: np.ndarray, latitude, longitude) -> np.ndarray:
    """Whether the sun is up at each minute's middle (local time) [m]."""
    if weather.kind == "design_day":
        day = weather.origin + np.arange(1440) * MINUTE + np.timedelta64(30, "s")
        up = sine_elevation(to_utc(day, weather.utc_offset), latitude, longitude) > 0.0
        minute = ((middle - weather.origin).astype(int) // 60) % 1440
        return up[minute]
    return sine_elevation(to_utc(middle, weather.utc_offset), latitude, longitude) > 0.0


def spread_over_steps(weather: Weather, stamps, latitude: float, longitude: float):
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
    lit = lit_minutes.any(axis=1)
    weight = np.where(lit[:, None], lit_minutes, True)
    offset = 60.0 * (weight * minutes).sum(axis=1) / weight.sum(axis=1)
    sun_time = stamps[:-1] + offset.round().astype("timedelta64[s]")
    dni_steps, dhi_steps = (a[window].reshape(steps).mean(axis=1) for a in (dni, dhi))
    return dni_steps, dhi_steps, sun_time, lit


def interpolate_half_hour(weather: Weather, sun_time):
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


def step_radiation(weather: Weather, stamps, latitude, longitude, *, interpolation, sun_time):
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
    utc = to_utc(_sun_clock(weather, chosen), weather.utc_offset)
    direction = sun_direction(utc, latitude, longitude)
    if interpolation == "mean_preserving":
        lost = lit & (direction[:, 2] <= 0.0)
        if lost.any():
            utc = to_utc(_sun_clock(weather, centre[lost]), weather.utc_offset)
            direction[lost] = sun_direction(utc, latitude, longitude)
        return direction, np.where(direction[:, 2] > 0.0, dni, 0.0), dhi
    dni, dhi = interpolate_half_hour(weather, chosen)
    up = direction[:, 2] > 1e-5
    return direction, np.where(up, dni, 0.0), np.where(up, dhi, 0.0)
