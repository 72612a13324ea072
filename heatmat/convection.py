"""Outside convection coefficients by named correlation, and their numbers for a kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from heatmat.errors import InputError, nearest
from heatmat.physics import CHOICES, check_choice

ROUGHNESS = {
    "very_rough": 2.17,
    "rough": 1.67,
    "medium_rough": 1.52,
    "medium_smooth": 1.13,
    "smooth": 1.11,
    "very_smooth": 1.00,
}
"""Forced convection multiplier of each surface roughness class (Walton 1981, table I; EnergyPlus
Engineering Reference, outside surface heat balance, table of roughness multipliers)."""

MODES = {"tarp": 0, "doe-2": 1, "mowitt": 2, "linear": 3}
"""How a kernel combines the natural part hn and the forced part hf (see `ConvectionModel`)."""

# Natural convection by tilt (Walton 1983, TARP reference manual, NBSIR 83-2655)
UNSTABLE = (9.482, 7.238)
STABLE = (1.810, 1.382)
# Flat plates in wind (Sparrow, Ramsey and Mass 1979, doi:10.1115/1.3450965): the leeward half
FORCED_PLATE = 2.537
LEEWARD_SHARE = 0.5
# Low-rise facades (Yazdanian and Klems 1994, ASHRAE Transactions 100(1), 1087-1096)
MOWITT_NATURAL = 0.84
MOWITT_WINDWARD = (3.26, 0.89)
MOWITT_LEEWARD = (3.55, 0.617)


@dataclass(frozen=True)
class ConvectionModel:
    """Everything a kernel needs to evaluate a correlation without knowing its name.

    With V the local wind speed, a and b by side (windward to 90 degrees off the normal, and every
    horizontal surface), Rf the roughness multiplier, P/A perimeter over area, dT = |T - T_air|:

        c  = unstable_a / (unstable_b - |cos tilt|)   where heat rises off the surface
             stable_a / (stable_b + |cos tilt|)       elsewhere
        hn = c dT^(1/3)
        mode 0 (tarp):   h = hn + a Rf sqrt(P/A V)
        mode 1 (doe-2):  h = hn + Rf (sqrt(hn^2 + (a V^b)^2) - hn)
        mode 2 (mowitt): h = sqrt(mowitt_natural^2 dT^(2/3) + (a V^b)^2)
        mode 3 (linear): h = a + b V

    Heat rises off the surface where (T - T_air) cos tilt > 0; cos tilt is the upward component of
    the outward normal.

    Attributes
    ----------
    mode : int
        See `MODES`.
    a_windward, b_windward, a_leeward, b_leeward : float
        SI units (V in m/s, h in W m-2 K-1).
    unstable_a, unstable_b, stable_a, stable_b, mowitt_natural : float
        Coefficients of the natural part [W m-2 K-4/3], b dimensionless.
    """

    mode: int
    a_windward: float
    b_windward: float
    a_leeward: float
    b_leeward: float
    unstable_a: float = UNSTABLE[0]
    unstable_b: float = UNSTABLE[1]
    stable_a: float = STABLE[0]
    stable_b: float = STABLE[1]
    mowitt_natural: float = MOWITT_NATURAL

    def as_array(self) -> np.ndarray:
        """All numbers in the order of the attributes, float32 [10]."""
        return np.array(
            [
                self.mode,
                self.a_windward,
                self.b_windward,
                self.a_leeward,
                self.b_leeward,
                self.unstable_a,
                self.unstable_b,
                self.stable_a,
                self.stable_b,
                self.mowitt_natural,
            ],
            dtype=np.float32,
        )


def kernel_coefficients(model: str, a: float = 4.0, b: float = 4.0) -> ConvectionModel:
    """The numbers of a named correlation.

    Parameters
    ----------
    model : str
        ``tarp``, ``doe-2``, ``mowitt`` or ``linear``.
    a, b : float
        Of the linear model only: a + b v [W m-2 K-1, W s m-3 K-1].
    """
    check_choice("[physics] convection", model, CHOICES["convection"])
    mode = MODES[model]
    if model == "tarp":
        return ConvectionModel(mode, FORCED_PLATE, 0.5, FORCED_PLATE * LEEWARD_SHARE, 0.5)
    if model == "linear":
        return ConvectionModel(mode, a, b, a, b)
    return ConvectionModel(mode, *MOWITT_WINDWARD, *MOWITT_LEEWARD)


def roughness_multiplier(roughness: str) -> float:
    """Multiplier of a roughness class.

    Raises
    ------
    InputError
        On an unknown class.
    """
    if roughness not in ROUGHNESS:
        raise InputError(
            "unknown roughness", got=repr(roughness), remedy=nearest(roughness, ROUGHNESS)
        )
    return ROUGHNESS[roughness]


def is_windward(
    azimuth_deg: ArrayLike, wind_direction_deg: ArrayLike, cos_tilt: ArrayLike
) -> np.ndarray:
    """Whether a surface faces the wind: within 90 degrees, and every horizontal one.

    Parameters
    ----------
    azimuth_deg : float or array
        Of the outward normal, clockwise from north.
    wind_direction_deg : float or array
        Where the wind comes from, clockwise from the same north.
    cos_tilt : float or array
        Upward component of the outward normal.
    """
    turn = np.asarray(azimuth_deg, dtype=float) - np.asarray(wind_direction_deg, dtype=float)
    difference = np.abs((turn + 180.0) % 360.0 - 180.0)
    # a surface within 5 degrees of horizontal has no lee side of its own
    return np.asarray((difference <= 90.0) | (np.abs(cos_tilt) > np.cos(np.deg2rad(5.0))))


def natural_convection(surface_minus_air: ArrayLike, cos_tilt: ArrayLike) -> np.ndarray:
    """Natural convection coefficient of a tilted surface [W m-2 K-1].

    Parameters
    ----------
    surface_minus_air : float or array
        Temperature difference [K].
    cos_tilt : float or array
        Upward component of the outward normal: 1 a flat roof, 0 a wall, -1 a soffit.

    Notes
    -----
    Walton (1983), TARP reference manual, NBSIR 83-2655; both branches give 1.31 dT^(1/3) on a wall.
    """
    difference = np.asarray(surface_minus_air, dtype=float)
    tilt = np.abs(cos_tilt)
    rises = difference * np.asarray(cos_tilt, dtype=float) > 0.0
    factor = np.where(rises, UNSTABLE[0] / (UNSTABLE[1] - tilt), STABLE[0] / (STABLE[1] + tilt))
    return np.asarray(factor * np.cbrt(np.abs(difference)))


def h_conv(
    model: str,
    surface_minus_air: ArrayLike,
    wind_speed: ArrayLike,
    *,
    windward: ArrayLike = True,
    cos_tilt: ArrayLike = 0.0,
    roughness: str | np.ndarray | float = "medium_rough",
    perimeter_over_area: ArrayLike = 0.4,
    a: float = 4.0,
    b: float = 4.0,
) -> np.ndarray:
    """Outside convection coefficient [W m-2 K-1].

    Parameters
    ----------
    model : str
        ``tarp``, ``doe-2``, ``mowitt`` or ``linear``.
    surface_minus_air : float or array
        Surface minus air temperature [K].
    wind_speed : float or array
        Local wind speed [m s-1].
    windward : bool or array
        See `is_windward`.
    cos_tilt : float or array
        Upward component of the outward normal.
    roughness : str or array of float
        A class of `ROUGHNESS`, or its multiplier.
    perimeter_over_area : float or array
        Of the whole wall or roof [m-1].
    a, b : float
        Of the linear model [W m-2 K-1, W s m-3 K-1].

    Returns
    -------
    array
        The arguments broadcast.

    Notes
    -----
    EnergyPlus Engineering Reference, outside surface heat balance. ``tarp``: Walton (1983) with
    Sparrow et al. (1979). ``mowitt``: Yazdanian and Klems (1994). ``doe-2``: LBL (1994), the
    MoWiTT glass coefficient carried over to rough surfaces. `ConvectionModel` writes them out.
    """
    numbers = kernel_coefficients(model, a, b)
    speed = np.maximum(np.asarray(wind_speed, dtype=float), 0.0)
    side_a = np.where(windward, numbers.a_windward, numbers.a_leeward)
    side_b = np.where(windward, numbers.b_windward, numbers.b_leeward)
    multiplier = roughness_multiplier(roughness) if isinstance(roughness, str) else roughness
    natural = natural_convection(surface_minus_air, cos_tilt)
    if model == "tarp":
        edge = np.asarray(perimeter_over_area, dtype=float)
        return np.asarray(natural + side_a * multiplier * np.sqrt(edge * speed))
    if model == "linear":
        return np.asarray(side_a + side_b * speed + 0.0 * natural)
    forced = side_a * speed**side_b
    if model == "mowitt":
        return np.asarray(np.hypot(MOWITT_NATURAL * np.cbrt(np.abs(surface_minus_air)), forced))
    return np.asarray(natural + multiplier * (np.hypot(natural, forced) - natural))
