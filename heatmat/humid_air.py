"""Water vapour and pressure of outdoor air."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from heatmat.units import to_celsius, to_kelvin

# Magnus coefficients over water: Alduchov and Eskridge (1996), eq. 21, relative error below 0.4 %
# between -40 and 50 C, doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2
_MAGNUS_PRESSURE = 610.94
_MAGNUS_A = 17.625
_MAGNUS_B = 243.04


def saturation_vapour_pressure(temperature: ArrayLike) -> np.ndarray:
    """Saturation vapour pressure over water [Pa].

    Parameters
    ----------
    temperature : float or array
        Air temperature [K]; the dew point gives the actual vapour pressure.

    Notes
    -----
    Alduchov and Eskridge (1996), Journal of Applied Meteorology 35, 601-609, eq. 21.
    """
    celsius = to_celsius(np.asarray(temperature, dtype=float))
    return np.asarray(_MAGNUS_PRESSURE * np.exp(_MAGNUS_A * celsius / (_MAGNUS_B + celsius)))


def dew_point_from_relative_humidity(
    temperature: ArrayLike, relative_humidity: ArrayLike
) -> np.ndarray:
    """Dew point [K] from air temperature [K] and relative humidity [0 to 1].

    Relative humidity below 0.1 % is taken as 0.1 % (bone-dry air has no dew point).
    """
    celsius = to_celsius(np.asarray(temperature, dtype=float))
    fraction = np.clip(relative_humidity, 1e-3, 1.0)
    gamma = np.log(fraction) + _MAGNUS_A * celsius / (_MAGNUS_B + celsius)
    return np.asarray(to_kelvin(_MAGNUS_B * gamma / (_MAGNUS_A - gamma)))


def standard_pressure(elevation: ArrayLike) -> np.ndarray:
    """Pressure of the standard atmosphere [Pa] at `elevation` [m] (ISO 2533:1975)."""
    height = np.asarray(elevation, dtype=float)
    return np.asarray(101325.0 * (1.0 - 2.25577e-5 * height) ** 5.25588)


MOST_EVAPORATED = 0.98
"""Bound of the Priestley-Taylor factor: what is left is convection, which says how warm the surface
must be. 1.26 s / (s + gamma) is above it from 33 C on."""


def priestley_taylor_factor(temperature: ArrayLike, pressure: ArrayLike) -> np.ndarray:
    """Share of the available energy that open water evaporates, at most `MOST_EVAPORATED`.

    Parameters
    ----------
    temperature : float or array
        Air temperature [K].
    pressure : float or array
        [Pa].

    Returns
    -------
    ndarray
        1.26 s / (s + gamma), with s the slope of the saturation pressure and gamma = c_p p /
        (0.622 L) the psychrometric constant (Priestley and Taylor 1972,
        doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2).
    """
    temperature = np.asarray(temperature, float)
    slope = (
        saturation_vapour_pressure(temperature + 0.05)
        - saturation_vapour_pressure(temperature - 0.05)
    ) / 0.1
    # c_p of air 1005 J/kgK, latent heat of vaporisation 2.45 MJ/kg (FAO-56, eq. 8)
    gamma = 1005.0 * np.asarray(pressure, float) / (0.622 * 2.45e6)
    return np.minimum(1.26 * slope / (slope + gamma), MOST_EVAPORATED)
