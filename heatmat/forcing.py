"""Forcing: what drives the surfaces, step by step, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from heatmat.errors import InputError
from heatmat.ground_wave import GroundWave
from heatmat.humid_air import saturation_vapour_pressure
from heatmat.physics import PhysicsOptions

if TYPE_CHECKING:
    from heatmat.weather import Weather

DEEP_GROUND = 2.0
"""Depth at which ground columns end [m]."""

FAR_WEATHER_KM = 100.0
"""Weather from farther away than this gets a note."""


@dataclass(frozen=True)
class Forcing:
    """N steps between N + 1 stamps; step n (0-based row n) ends at stamp n + 1.

    The first `spin_up_steps` steps lie before the window. Temperatures hold at the stamps, the sun
    and its radiation over the steps.

    Attributes
    ----------
    time : array [N + 1], datetime64[s]
        UTC. A typical year asked for without a year is put in 2001.
    utc_offset : float
        Local standard time minus UTC [h].
    step : float
        [s].
    spin_up_steps : int
    air_temperature, dew_point, pressure : array [N + 1]
        [K, K, Pa].
    wind_speed, wind_direction : array [N + 1]
        At 10 m in open country [m/s], where it comes from [deg from true north].
    sky_longwave : array [N + 1]
        Horizontal infrared irradiance of the sky [W m-2].
    sky_anisotropy_model : str
        ``isotropic``, ``martin_berdahl`` or ``sky_air_split``.
    sun_direction : array [N, 3]
        Unit vector towards the sun: true east, true north, up.
    sun_up : array [N] of bool
    beam_normal : array [N]
        Direct normal with the circumsolar light [W m-2].
    diffuse_isotropic : array [N]
        Horizontal irradiance of the isotropic sky [W m-2].
    diffuse_horizon : array [N]
        What the horizon band gives an open vertical wall [W m-2]; may be negative.
    ghi, dni, dhi : array [N]
        Step means [W m-2]; ghi = dni cos Z + dhi.
    indoor_temperature, deep_ground_temperature : array [N + 1]
        Indoor air, and the ground at 2 m [K].
    ground_wave : array [4]
        mean [K], amplitude [K], coldest [s of the year], diffusivity [m2/s] of the annual wave.
    latitude, longitude : float
        Of the city [deg].
    repeating : bool
        Every day is the same day (a design day).
    source : str
    notes : tuple of str
    """

    time: np.ndarray
    utc_offset: float
    step: float
    spin_up_steps: int
    air_temperature: np.ndarray
    dew_point: np.ndarray
    pressure: np.ndarray
    wind_speed: np.ndarray
    wind_direction: np.ndarray
    sky_longwave: np.ndarray
    sky_anisotropy_model: str
    sun_direction: np.ndarray
    sun_up: np.ndarray
    beam_normal: np.ndarray
    diffuse_isotropic: np.ndarray
    diffuse_horizon: np.ndarray
    ghi: np.ndarray
    dni: np.ndarray
    dhi: np.ndarray
    indoor_temperature: np.ndarray
    deep_ground_temperature: np.ndarray
    ground_wave: np.ndarray
    latitude: float
    longitude: float
    repeating: bool
    source: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def n_steps(self) -> int:
        """Number of steps, spin-up included."""
        return len(self.time) - 1

    @property
    def local_time(self) -> np.ndarray:
        """Stamps in local standard time, datetime64[s] [N + 1]."""
        return self.time + np.timedelta64(round(self.utc_offset * 3600.0), "s")

    @property
    def vapour_pressure(self) -> np.ndarray:
        """Actual vapour pressure [Pa] at the stamps [N + 1]."""
        return saturation_vapour_pressure(self.dew_point)

    def ground_temperature(self, depth: ArrayLike, stamp: int = 0) -> np.ndarray:
        """Undisturbed ground temperature [K] at `depth` [m] at one stamp: the first profile."""
        local = self.local_time[stamp]
        second = (local - local.astype("datetime64[Y]")).astype(float)
        return GroundWave.from_array(self.ground_wave).temperature(depth, second)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Every field as an array, for an npz file."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Forcing:
        """The inverse of `to_arrays`; other keys are ignored."""
        values: dict[str, Any] = {}
        for entry in fields(cls):
            array = np.asarray(arrays[entry.name])
            values[entry.name] = array.item() if array.ndim == 0 else array
        values["notes"] = tuple(str(note) for note in np.atleast_1d(arrays["notes"]))
        return cls(**values)


def make_forcing(
    weather: Weather,
    *,
    start: object = None,
    end: object = None,
    step_min: float = 10,
    spin_up_days: float = 3,
    latitude: float | None = None,
    longitude: float | None = None,
    physics: PhysicsOptions | None = None,
) -> Forcing:
    """Weather on the steps of a window (start, end] and of the spin-up before it.

    Parameters
    ----------
    weather : Weather
    start, end : str, date, datetime or datetime64
        Local standard time of the weather unless they carry a zone; see `Weather.window`.
    step_min : int
        Length of a step [min], a divisor of 60.
    spin_up_days : int
        Whole days before the start. The first of them is what a solver repeats until periodic.
    latitude, longitude : float, optional
        Of the city [deg], for the sun; by default the weather's site.
    physics : PhysicsOptions, optional

    Raises
    ------
    InputError
        On a window that the weather does not cover, or times off the steps.
    """
    from heatmat.indoor import indoor_series
    from heatmat.sky import extraterrestrial_normal, split_diffuse
    from heatmat.solar import step_radiation, sun_clock, to_utc

    physics = physics or PhysicsOptions()
    latitude = weather.latitude if latitude is None else float(latitude)
    longitude = weather.longitude if longitude is None else float(longitude)
    local, spin_up_steps = _local_stamps(weather, start, end, step_min, spin_up_days)
    direction, dni, dhi = step_radiation(
        weather,
        local,
        latitude,
        longitude,
        interpolation=physics.solar_interpolation,
        sun_time=physics.sun_time,
    )
    day = weather.time_of_year(sun_clock(weather, local[:-1])) / 86400.0 + 1.0
    beam, isotropic, horizon = split_diffuse(
        physics.sky_diffuse, dni, dhi, direction[:, 2], extraterrestrial_normal(day)
    )
    wave = _ground_wave(weather, physics)
    return Forcing(
        time=to_utc(local, weather.utc_offset),
        utc_offset=weather.utc_offset,
        step=60.0 * float(step_min),
        spin_up_steps=spin_up_steps,
        air_temperature=weather.at("air_temperature", local),
        dew_point=weather.at("dew_point", local),
        pressure=weather.at("pressure", local),
        wind_speed=weather.at("wind_speed", local),
        wind_direction=weather.at("wind_direction", local),
        sky_longwave=weather.at("sky_longwave", local),
        sky_anisotropy_model=physics.longwave_sky,
        sun_direction=direction,
        sun_up=direction[:, 2] > 0.0,
        beam_normal=beam,
        diffuse_isotropic=isotropic,
        diffuse_horizon=horizon,
        ghi=dni * np.maximum(direction[:, 2], 0.0) + dhi,
        dni=dni,
        dhi=dhi,
        indoor_temperature=indoor_series(physics.indoor_temperature, local, weather.utc_offset),
        deep_ground_temperature=wave.temperature(DEEP_GROUND, weather.time_of_year(local)),
        ground_wave=wave.as_array(),
        latitude=latitude,
        longitude=longitude,
        repeating=weather.kind == "design_day",
        source=weather.source,
        notes=weather.notes + _distance_note(weather, latitude, longitude),
    )


def _local_stamps(
    weather: Weather, start: object, end: object, step_min: float, spin_up_days: float
) -> tuple[np.ndarray, int]:
    """Stamps on the weather's clock [N + 1] and the number of spin-up steps."""
    minutes = int(step_min)
    if minutes != step_min or not 1 <= minutes <= 60 or 60 % minutes:
        raise InputError(
            "the step must divide an hour",
            where="[time] step_min",
            expected="a divisor of 60",
            got=f"{step_min:g}",
        )
    days = int(spin_up_days)
    if days != spin_up_days or days < 0:
        raise InputError(
            "spin-up is in whole days", where="[time] spin_up_days", got=f"{spin_up_days:g}"
        )
    begin, stop = weather.window(start, end)
    for name, moment in (("start", begin), ("end", stop)):
        if moment.second or moment.minute % minutes:
            raise InputError(
                "the time is not on a step",
                where=f"[time] {name}",
                expected=f"a minute divisible by {minutes}",
                got=moment.isoformat(),
            )
    first = np.datetime64(begin, "s") - np.timedelta64(days, "D")
    step = np.timedelta64(minutes * 60, "s")
    total = int((np.datetime64(stop, "s") - first) / step)
    if total * minutes < 1440 and days == 0:
        raise InputError(
            "the first state needs a whole day",
            where="[time] spin_up_days",
            expected="at least 1 for a window shorter than a day",
            got=0,
        )
    return first + step * np.arange(total + 1), days * 1440 // minutes


def _distance_note(weather: Weather, latitude: float, longitude: float) -> tuple[str, ...]:
    """A note where the weather was recorded far from the city."""
    distance = _distance_km(weather, latitude, longitude)
    if distance < FAR_WEATHER_KM:
        return ()
    note = f"the weather's site is {distance:.0f} km from the city"
    if abs(longitude) <= 90.0 and _distance_km(weather, longitude, latitude) < FAR_WEATHER_KM:
        note += (
            f" (at {latitude:.3f} N, {longitude:.3f} E): with latitude and longitude swapped it "
            "would be near, so look at their order in the buildings file (GeoJSON: longitude first)"
        )
    return (note,)


def _distance_km(weather: Weather, latitude: float, longitude: float) -> float:
    """From the weather's site to a place."""
    mean_latitude = np.deg2rad(0.5 * (weather.latitude + latitude))
    east = (longitude - weather.longitude + 180.0) % 360.0 - 180.0
    # 111.2 km to a degree of a great circle
    return float(111.2 * np.hypot(latitude - weather.latitude, east * np.cos(mean_latitude)))


def _ground_wave(weather: Weather, physics: PhysicsOptions) -> GroundWave:
    if physics.deep_ground_temperature == "weather":
        return weather.ground_wave
    return GroundWave(float(physics.deep_ground_temperature))
