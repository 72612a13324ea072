"""Water vapour and pressure of outdoor air."""

from __future__ import annotations

import numpy as np

from heatmat.units import to_celsius, to_kelvin

# Magnus coefficients over water: Alduchov and Eskridge (1996), eq. 21, relative error below 0.4 %
# between -40 and 50 C, doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2
_MAGNUS_PRESSURE = 610.94
_MAGNUS_A = 17.625
_MAGNUS_B = 243.04


def saturation_vapour_pressure(temperature):
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
    return _MAGNUS_PRESSURE * np.exp(_MAGNUS_A * celsius / (_MAGNUS_B + celsius))


def dew_point_from_relative_humidity(temperature, relative_humidity):
    """Dew point [K] from air temperature [K] and relative humidity [0 to 1].

    Relative humidity below 0.1 % is taken as 0.1 % (bone-dry air has no dew point).
    """
    celsius = to_celsius(np.asarray(temperature, dtype=float))
    fraction = np.clip(relative_humidity, 1e-3, 1.0)
    gamma = np.log(fraction) + _MAGNUS_A * celsius / (_MAGNUS_B + celsius)
    return to_kelvin(_MAGNUS_B * gamma / (_MAGNUS_A - gamma))


def standard_pressure(elevation):
    """Pressure of the standard atmosphere [Pa] at `elevation` [m] (ISO 2533:1975)."""
    return 101325.0 * (1.0 - 2.25577e-5 * np.asarray(elevation, dtype=float)) ** 5.25588
