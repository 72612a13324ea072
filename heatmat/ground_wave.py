"""The annual temperature wave in the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

YEAR = 365.0 * 86400.0
"""Period of the annual wave [s]."""

SOIL_DIFFUSIVITY = 6.45e-7
"""Thermal diffusivity of soil [m2 s-1]: 0.025 ft2/h, the mean that Kusuda and Achenbach (1965)
found at 28 sites of the United States (ASHRAE Transactions 71(1), 61-75)."""


@dataclass(frozen=True)
class GroundWave:
    """Temperature in undisturbed ground over the year.

    Attributes
    ----------
    mean : float
        Annual mean temperature [K].
    amplitude : float
        Amplitude at the surface [K], zero or more.
    coldest : float
        Time of the surface's minimum [s since the start of the year].
    diffusivity : float
        Thermal diffusivity of the soil [m2 s-1].
    source : str
        What the numbers rest on, for the log.

    Notes
    -----
    Kusuda and Achenbach (1965), ASHRAE Transactions 71(1), 61-75: with w = 2 pi / year,

        T(z, t) = mean - amplitude exp(-z / d) cos(w (t - coldest) - z / d),  d = sqrt(2 a / w)

    The wave of the air stands in for that of the surface.
    """

    mean: float
    amplitude: float = 0.0
    coldest: float = 0.0
    diffusivity: float = SOIL_DIFFUSIVITY
    source: str = ""

    @property
    def damping_depth(self) -> float:
        """Depth at which the amplitude has fallen to 1/e [m]."""
        return float(np.sqrt(self.diffusivity * YEAR / np.pi))

    def temperature(self, depth: ArrayLike, time_of_year: ArrayLike) -> np.ndarray:
        """Ground temperature [K].

        Parameters
        ----------
        depth : float or array
            Depth below the surface [m].
        time_of_year : float or array
            Seconds since the start of the year, local standard time; broadcast against `depth`.
        """
        damped = np.asarray(depth, dtype=float) / self.damping_depth
        phase = 2.0 * np.pi / YEAR * (np.asarray(time_of_year, dtype=float) - self.coldest)
        return np.asarray(self.mean - self.amplitude * np.exp(-damped) * np.cos(phase - damped))

    def as_array(self) -> np.ndarray:
        """mean, amplitude, coldest, diffusivity as float64 [4]."""
        return np.array([self.mean, self.amplitude, self.coldest, self.diffusivity])

    @classmethod
    def from_array(cls, values: np.ndarray, source: str = "") -> GroundWave:
        """The inverse of `as_array`."""
        mean, amplitude, coldest, diffusivity = (float(v) for v in values)
        return cls(mean, amplitude, coldest, diffusivity, source)

    @classmethod
    def from_year(
        cls,
        air_temperature: ArrayLike,
        time_of_year: ArrayLike,
        diffusivity: float = SOIL_DIFFUSIVITY,
    ) -> GroundWave:
        """First harmonic of a whole year of air temperatures, by their twelfths' means.

        Parameters
        ----------
        air_temperature : array [n]
            Air temperature [K], evenly spread over one year.
        time_of_year : array [n]
            Seconds since the start of the year.
        """
        air = np.asarray(air_temperature, dtype=float)
        month = np.minimum((np.asarray(time_of_year) / YEAR * 12.0).astype(int), 11)
        counts = np.bincount(month, minlength=12)
        if np.any(counts == 0):
            raise ValueError("a whole year of air temperatures is needed")
        monthly = np.bincount(month, weights=air, minlength=12) / counts
        phase = 2.0 * np.pi * (np.arange(12) + 0.5) / 12.0
        cosine = 2.0 * np.mean(monthly * np.cos(phase))
        sine = 2.0 * np.mean(monthly * np.sin(phase))
        # a harmonic averaged over a twelfth of its period shrinks by sin(x)/x, x = pi / 12
        amplitude = np.hypot(cosine, sine) / np.sinc(1.0 / 12.0)
        coldest = np.mod(np.arctan2(-sine, -cosine), 2.0 * np.pi) / (2.0 * np.pi) * YEAR
        return cls(
            float(monthly.mean()),
            float(amplitude),
            float(coldest),
            diffusivity,
            "monthly means of the weather's air temperature",
        )
