"""Mean wind speed by height, relative to the open-country wind at 10 m."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from heatmat.physics import CHOICES, check_choice

REFERENCE_HEIGHT = 10.0
"""Height of the weather station's anemometer [m] (WMO-No. 8, 2018 edition, part I, chapter 5)."""

OPEN_ROUGHNESS = 0.03
"""Roughness length of open country [m] (Davenport class 3; Wieringa 1992,
doi:10.1016/0167-6105(92)90434-C)."""

BLENDING_HEIGHT = 200.0
"""Height above which the city no longer slows the wind [m]."""

GROUND_WIND_HEIGHT = 2.0
"""Height at which the wind over ground surfaces is taken [m]."""

LOWEST_LOG_HEIGHT = 20.0 * OPEN_ROUGHNESS
"""Below about 20 roughness lengths the log law does not hold; it is evaluated here instead [m]."""

# Macdonald, Griffiths and Hall (1998), Atmospheric Environment 32, 1857-1864,
# doi:10.1016/S1352-2310(97)00403-2: staggered blocks
_MACDONALD_A = 4.43
_MACDONALD_BETA = 1.0
_DRAG = 1.2
_KARMAN = 0.4
# Macdonald (2000), Boundary-Layer Meteorology 97, 25-45, doi:10.1023/A:1002785830512
_CANOPY_ATTENUATION = 9.6
# The morphometric fits were made up to a plan density of about 0.8
_DENSEST_PLAN = 0.8

CANOPY_COLUMNS = ("height", "displacement", "roughness", "scale", "top_factor", "attenuation")
"""Columns of `canopy_coefficients`."""


def macdonald_roughness(
    mean_height: ArrayLike, plan_density: ArrayLike, frontal_density: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Displacement height and roughness length of an urban surface [m].

    Parameters
    ----------
    mean_height : float or array
        Mean building height [m].
    plan_density, frontal_density : float or array
        Built share of the plan area, and frontal area over plan area [-].

    Notes
    -----
    Macdonald et al. (1998), eqs. 23 and 26, constants for staggered blocks. Between few or low
    buildings the roughness length is that of open country, and the displacement height leaves at
    least two roughness lengths under the mean height.
    """
    height = np.maximum(np.asarray(mean_height, dtype=float), 0.0)
    plan = np.clip(np.asarray(plan_density, dtype=float), 0.0, _DENSEST_PLAN)
    frontal = np.maximum(np.asarray(frontal_density, dtype=float), 1e-9)
    free = _MACDONALD_A**-plan * (1.0 - plan)  # 1 - d / H
    drag = 0.5 * _MACDONALD_BETA * _DRAG / _KARMAN**2 * free * frontal
    roughness = np.maximum(height * free * np.exp(-(drag**-0.5)), OPEN_ROUGHNESS)
    displacement = np.clip(height * (1.0 - free), 0.0, np.maximum(height - 2.0 * roughness, 0.0))
    return displacement, roughness


def canopy_coefficients(
    mean_height: ArrayLike, plan_density: ArrayLike, frontal_density: ArrayLike
) -> np.ndarray:
    """Numbers from which a kernel computes V(z) / V10 in the urban canopy.

    Parameters
    ----------
    mean_height, plan_density, frontal_density : float or array [...]
        See `macdonald_roughness`.

    Returns
    -------
    array [..., 6]
        H, d, z0, u, s_H, k (`CANOPY_COLUMNS`), for

            z = max(z, 0.6 m)
            s = u ln(max((z - d) / z0, 2))      z >= H
            s = s_H exp(-k (1 - z / H))         z < H
            s = min(s, ln(z / 0.03 m) / ln(10 / 0.03))

    Notes
    -----
    The open-country log profile carries the station's wind to 200 m (or twice the mean height
    if that is more), where the urban profile takes over and brings it down. Within the canopy
    the exponential profile of Macdonald (2000), k = 9.6 times the frontal density. The city never
    speeds the wind up: the last line makes the limit of few buildings the open country.
    """
    mean, plan, frontal = np.broadcast_arrays(
        *(np.asarray(a, dtype=float) for a in (mean_height, plan_density, frontal_density))
    )
    height = np.maximum(mean, 0.0)
    displacement, roughness = macdonald_roughness(height, plan, frontal)
    blending = np.maximum(BLENDING_HEIGHT, 2.0 * height)
    above = np.log(blending / OPEN_ROUGHNESS) / np.log(REFERENCE_HEIGHT / OPEN_ROUGHNESS)
    scale = above / np.log((blending - displacement) / roughness)
    top = scale * np.log(np.maximum((height - displacement) / roughness, 2.0))
    attenuation = _CANOPY_ATTENUATION * np.maximum(frontal, 0.0)
    return np.stack([height, displacement, roughness, scale, top, attenuation], axis=-1)


def canopy_factor(coefficients: ArrayLike, z: ArrayLike) -> np.ndarray:
    """V(z) / V10 from `canopy_coefficients`: the reference for the kernel.

    Parameters
    ----------
    coefficients : array [..., 6]
    z : float or array
        Height above ground [m], broadcast against the leading axes.
    """
    height, displacement, roughness, scale, top, attenuation = np.moveaxis(
        np.asarray(coefficients, dtype=float), -1, 0
    )
    level = np.maximum(np.asarray(z, dtype=float), LOWEST_LOG_HEIGHT)
    log_law = scale * np.log(np.maximum((level - displacement) / roughness, 2.0))
    depth = np.clip(1.0 - level / np.maximum(height, 1e-6), 0.0, 1.0)
    factor = np.where(level >= height, log_law, top * np.exp(-attenuation * depth))
    return np.asarray(np.minimum(factor, open_country_factor(z)))


def open_country_factor(z: ArrayLike) -> np.ndarray:
    """V(z) / V10 over open country by the log law, `z` [m] at least `LOWEST_LOG_HEIGHT`."""
    height = np.maximum(np.asarray(z, dtype=float), LOWEST_LOG_HEIGHT)
    return np.asarray(np.log(height / OPEN_ROUGHNESS) / np.log(REFERENCE_HEIGHT / OPEN_ROUGHNESS))


def profile_factor(
    model: str,
    z: ArrayLike,
    mean_height: ArrayLike = 0.0,
    plan_density: ArrayLike = 0.0,
    frontal_density: ArrayLike = 0.0,
    exponent: float = 0.14,
) -> np.ndarray:
    """V(z) / V10 by a named profile.

    Parameters
    ----------
    model : str
        ``canopy``, ``power_law`` ((z / 10 m)^exponent, zero at the ground) or ``weather_file`` (1).
    z : float or array
        Height above ground [m].
    mean_height, plan_density, frontal_density : float or array
        Urban form around the place (``canopy`` only), see `macdonald_roughness`.
    exponent : float
        Of the power law (0.14 open country: ASHRAE Handbook of Fundamentals 2021, chapter 24).
    """
    check_choice("[physics] wind_profile", model, CHOICES["wind_profile"])
    if model == "canopy":
        return canopy_factor(canopy_coefficients(mean_height, plan_density, frontal_density), z)
    height = np.maximum(np.asarray(z, dtype=float), 0.0)
    if model == "power_law":
        return np.asarray((height / REFERENCE_HEIGHT) ** exponent)
    return np.ones_like(height)
