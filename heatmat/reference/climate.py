"""What drives the 3D paths, as rows over the stamps and steps of a `heatmat.forcing.Forcing`.

Time is counted in steps from the first stamp. Before it the first day repeats for ever, so a path
never meets an initial condition: the same meaning as a first day repeated until periodic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.errors import InputError
from heatmat.forcing import Forcing
from heatmat.physics import PhysicsOptions
from heatmat.sky import HORIZON_BAND, horizon_band_radiance_factor
from heatmat.units import STEFAN_BOLTZMANN

AIR, SKY, EXCHANGE, WIND, INDOOR, DEEP = range(6)
"""Rows at the stamps: air temperature and radiant temperature of the sky as departures [K],
4 sigma T_air^3 [W m-2 K-1], wind speed [m/s], indoor and deep temperatures as departures."""

BEAM, SUN_X, SUN_Y, SUN_Z, ISOTROPIC, BAND = range(6)
"""Rows over the steps: direct normal with the circumsolar light [W m-2], direction of the sun in
local axes, horizontal irradiance of the isotropic sky, pi times the horizon band's radiance."""

BAND_SINE = float(np.sin(HORIZON_BAND))
"""Sine of the upper edge of the horizon band."""


@dataclass(frozen=True)
class Climate:
    """The rows that paths read.

    Attributes
    ----------
    stamps : ndarray of float32, shape (6, n + 1)
    steps : ndarray of float32, shape (6, n)
    step : float
        [s].
    day : int
        Steps of the first day, which repeats before stamp 0.
    base : float
        Temperatures are departures from this [K]: the mean of the air.
    film_a, film_b : float
        h_c = film_a + film_b v [W m-2 K-1, W s m-3 K-1].
    exponent : float
        Wind at height z over wind at 10 m is (z / 10 m)^exponent; 0: the same everywhere.
    first : int
        Stamp of the forcing that is stamp 0 here.
    """

    stamps: np.ndarray
    steps: np.ndarray
    step: float
    day: int
    base: float
    film_a: float
    film_b: float
    exponent: float
    first: int

    @property
    def mean_exchange(self) -> float:
        """Mean of 4 sigma T_air^3 over the first day [W m-2 K-1]."""
        return float(self.stamps[EXCHANGE, : self.day].mean())

    def mean_film(self, height: float = 10.0) -> float:
        """Mean convection coefficient at a height over the first day [W m-2 K-1]."""
        factor = (max(height, 1e-4) / 10.0) ** self.exponent if self.exponent else 1.0
        return float((self.film_a + self.film_b * factor * self.stamps[WIND, : self.day]).mean())


def climate_of(forcing: Forcing, physics: PhysicsOptions, convergence_deg: float = 0.0) -> Climate:
    """Rows of a forcing for linear physics.

    Parameters
    ----------
    forcing : Forcing
    physics : PhysicsOptions
        ``convection = "linear"``, ``longwave_sky = "isotropic"``, wind profile ``weather_file`` or
        ``power_law``.
    convergence_deg : float
        Azimuth of the local y axis from true north, turned away from the sun's azimuths.

    Raises
    ------
    InputError
        On physics that a backward path cannot follow or that is not written here.

    Notes
    -----
    A backward path chooses how heat came before it knows a temperature, so convection and longwave
    are linear: h_c = a + b v, and sigma T^4 about the air's temperature of the same moment. The sky
    then counts as a black body at T_air + (L_sky - sigma T_air^4) / (4 sigma T_air^3).
    """
    if physics.convection != "linear" or physics.longwave_sky != "isotropic":
        raise InputError(
            "the 3D reference runs on linear convection under an isotropic longwave sky",
            where="physics",
            expected="convection = linear, longwave_sky = isotropic",
            got=f"{physics.convection}, {physics.longwave_sky}",
        )
    if physics.wind_profile == "canopy":
        raise InputError(
            "the 3D reference has no canopy wind",
            where="physics",
            expected="wind_profile = weather_file | power_law",
            got=physics.wind_profile,
        )
    day = round(86400.0 / forcing.step)
    window = forcing.n_steps - forcing.spin_up_steps
    first = forcing.spin_up_steps if forcing.repeating and window >= day else 0
    air = np.asarray(forcing.air_temperature, float)[first:]
    base = float(air[:day].mean())
    black = STEFAN_BOLTZMANN * air**4
    exchange = 4.0 * STEFAN_BOLTZMANN * air**3
    sky = air + (np.asarray(forcing.sky_longwave, float)[first:] - black) / exchange
    stamps = np.stack(
        [
            air - base,
            sky - base,
            exchange,
            np.maximum(np.asarray(forcing.wind_speed, float)[first:], 0.0),
            np.asarray(forcing.indoor_temperature, float)[first:] - base,
            np.asarray(forcing.deep_ground_temperature, float)[first:] - base,
        ]
    )
    turn = np.deg2rad(convergence_deg)
    east, north, up = np.asarray(forcing.sun_direction, float)[first:].T
    steps = np.stack(
        [
            forcing.beam_normal[first:] * forcing.sun_up[first:],
            east * np.cos(turn) - north * np.sin(turn),
            east * np.sin(turn) + north * np.cos(turn),
            up,
            forcing.diffuse_isotropic[first:],
            np.pi * horizon_band_radiance_factor() * forcing.diffuse_horizon[first:],
        ]
    )
    a, b = physics.linear_convection
    return Climate(
        stamps=stamps.astype(np.float32),
        steps=steps.astype(np.float32),
        step=float(forcing.step),
        day=day,
        base=base,
        film_a=float(a),
        film_b=float(b),
        exponent=float(physics.wind_exponent) if physics.wind_profile == "power_law" else 0.0,
        first=first,
    )
