"""What the sky sends down: Perez diffuse light and longwave radiance, by direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from heatmat.physics import CHOICES, check_choice
from heatmat.units import STEFAN_BOLTZMANN, to_celsius

SOLAR_CONSTANT = 1361.0
"""Total solar irradiance at the mean distance [W m-2] (Kopp and Lean 2011,
doi:10.1029/2010GL045777)."""

HORIZON_BAND = np.deg2rad(6.5)
"""Height of the horizon band [rad] (Perez et al. 1990 evaluate a band of 6.5 degrees)."""

MARTIN_BERDAHL_EXPONENT = 0.308
"""Exponent b of exp(-b / cos z) in the angular spread of the sky's longwave deficit (form: Martin
and Berdahl 1984, doi:10.1016/0038-092X(84)90162-2; broadband value: Nahon et al. 2019 after
Angstrom 1915)."""

# Perez et al. (1990), Solar Energy 44, 271-289, table 6; columns F11 F12 F13 F21 F22 F23
_PEREZ = np.array(
    [
        [-0.008, 0.588, -0.062, -0.060, 0.072, -0.022],
        [0.130, 0.683, -0.151, -0.019, 0.066, -0.029],
        [0.330, 0.487, -0.221, 0.055, -0.064, -0.026],
        [0.568, 0.187, -0.295, 0.109, -0.152, -0.014],
        [0.873, -0.392, -0.362, 0.226, -0.462, 0.001],
        [1.132, -1.237, -0.412, 0.288, -0.823, 0.056],
        [1.060, -1.600, -0.359, 0.264, -1.127, 0.131],
        [0.678, -0.327, -0.250, 0.156, -1.377, 0.251],
    ]
)
_PEREZ_BINS = np.array([1.065, 1.230, 1.500, 1.950, 2.800, 4.500, 6.200])
# Diffuse light never reaches this share of the sun's above the atmosphere (0.5 in a year at four
# weather stations); more comes from hourly means squeezed into minutes of sunrise, where the
# linear fits would give a negative sky
_BRIGHTEST = 0.6
_COS_85 = np.cos(np.deg2rad(85.0))


def extraterrestrial_normal(day_of_year: ArrayLike) -> np.ndarray:
    """Irradiance normal to the sun above the atmosphere [W m-2].

    Parameters
    ----------
    day_of_year : float or array
        1 on 1 January.

    Notes
    -----
    Duffie and Beckman (2013), Solar Engineering of Thermal Processes, eq. 1.4.1a.
    """
    angle = 2.0 * np.pi * np.asarray(day_of_year, dtype=float) / 365.0
    return np.asarray(SOLAR_CONSTANT * (1.0 + 0.033 * np.cos(angle)))


def relative_air_mass(cos_zenith: ArrayLike) -> np.ndarray:
    """Optical air mass relative to the zenith (Kasten and Young 1989, doi:10.1364/AO.28.004735)."""
    cosine = np.clip(np.asarray(cos_zenith, dtype=float), 0.0, 1.0)
    zenith_deg = np.rad2deg(np.arccos(cosine))
    return np.asarray(1.0 / (cosine + 0.50572 * (96.07995 - zenith_deg) ** -1.6364))


def perez_coefficients(
    dni: ArrayLike, dhi: ArrayLike, cos_zenith: ArrayLike, dni_extra: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Circumsolar and horizon brightness coefficients F1 and F2 of the Perez sky.

    Parameters
    ----------
    dni, dhi : array [n]
        Direct normal and diffuse horizontal irradiance [W m-2].
    cos_zenith : array [n]
        Cosine of the sun's zenith angle.
    dni_extra : array [n]
        Irradiance above the atmosphere [W m-2].

    Returns
    -------
    F1, F2 : arrays [n]
        F1 is at least 0; F2 may be negative; both 0 without diffuse light or with the sun down.

    Notes
    -----
    Perez et al. (1990), Solar Energy 44, 271-289, eqs. 1 to 9, coefficients of table 6;
    the sky's brightness is capped at 0.6.
    """
    direct, scattered, up, extra = np.broadcast_arrays(
        *(np.asarray(a, dtype=float) for a in (dni, dhi, cos_zenith, dni_extra))
    )
    lit = (scattered > 0.0) & (up > 0.0)
    diffuse = np.where(lit, scattered, 1.0)
    zenith = np.arccos(np.clip(up, 0.0, 1.0))
    kappa = 1.041 * zenith**3
    clearness = (1.0 + direct / diffuse + kappa) / (1.0 + kappa)
    brightness = np.minimum(diffuse * relative_air_mass(up) / extra, _BRIGHTEST)
    row = _PEREZ[np.digitize(clearness, _PEREZ_BINS)]
    f1 = np.maximum(row[..., 0] + row[..., 1] * brightness + row[..., 2] * zenith, 0.0)
    f2 = row[..., 3] + row[..., 4] * brightness + row[..., 5] * zenith
    return np.where(lit, f1, 0.0), np.where(lit, f2, 0.0)


def horizon_band_radiance_factor() -> float:
    """Radiance of the horizon band per irradiance on an open vertical wall [sr-1].

    Notes
    -----
    A band of radiance L between the horizon and elevation p gives an open vertical wall
    L times the integral of cos(e) cos(a) cos(e) over half a turn, L (p + sin(2 p) / 2).
    """
    return float(1.0 / (HORIZON_BAND + 0.5 * np.sin(2.0 * HORIZON_BAND)))


def horizon_band_horizontal_share() -> float:
    """Irradiance of the band on open horizontal ground per that on an open vertical wall [-]."""
    return float(np.pi * np.sin(HORIZON_BAND) ** 2 * horizon_band_radiance_factor())


def split_diffuse(
    model: str, dni: ArrayLike, dhi: ArrayLike, cos_zenith: ArrayLike, dni_extra: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beam with the circumsolar light, isotropic part and horizon band of the sky.

    Parameters
    ----------
    model : str
        ``perez`` or ``isotropic``.
    dni, dhi, cos_zenith, dni_extra : arrays [n]
        As in `perez_coefficients`.

    Returns
    -------
    beam_normal : array [n]
        Direct normal plus circumsolar irradiance, normal to the sun [W m-2].
    diffuse_isotropic : array [n]
        Horizontal irradiance of the isotropic part [W m-2].
    diffuse_horizon : array [n]
        What the horizon band gives an open vertical wall [W m-2]; may be negative. Its radiance is
        this times `horizon_band_radiance_factor`.

    Notes
    -----
    In the Perez model the horizon term adds F2 DHI to a vertical wall and nothing to horizontal
    ground. A band of finite height also lights the ground, by a share k of what it gives the wall
    (`horizon_band_horizontal_share`). So the band gets F2 DHI / (1 - k / 2) and the isotropic
    part gives up k times that: open ground then receives the DHI of the file, and an open wall
    exactly the Perez value.
    """
    check_choice("[physics] sky_diffuse", model, CHOICES["sky_diffuse"])
    dni, dhi = np.asarray(dni, dtype=float), np.asarray(dhi, dtype=float)
    if model == "isotropic":
        return dni.copy(), dhi.copy(), np.zeros_like(dhi)
    f1, f2 = perez_coefficients(dni, dhi, cos_zenith, dni_extra)
    share = horizon_band_horizontal_share()
    band = dhi * f2 / (1.0 - 0.5 * share)
    beam = dni + dhi * f1 / np.maximum(cos_zenith, _COS_85)
    return beam, dhi * (1.0 - f1) - share * band, band


def clear_sky_longwave(
    air_temperature: ArrayLike, dew_point: ArrayLike, pressure: ArrayLike, hour: ArrayLike
) -> np.ndarray:
    """Horizontal longwave irradiance of a cloudless sky [W m-2].

    Parameters
    ----------
    air_temperature, dew_point : array [n]
        At screen height [K].
    pressure : array [n]
        Station pressure [Pa].
    hour : array [n]
        Hour of the day, solar time [h].

    Notes
    -----
    Emissivity 0.711 + 0.56 d + 0.73 d^2 with d the dew point over 100 C, a diurnal term
    0.013 cos(2 pi hour / 24) and an elevation term 0.00012 (p - 1000 hPa): Martin and Berdahl
    (1984), Solar Energy 33, 321-336, doi:10.1016/0038-092X(84)90162-2.
    """
    d = to_celsius(np.asarray(dew_point, dtype=float)) / 100.0
    emissivity = 0.711 + 0.56 * d + 0.73 * d**2
    emissivity = emissivity + 0.013 * np.cos(2.0 * np.pi * np.asarray(hour, dtype=float) / 24.0)
    emissivity = emissivity + 0.00012 * (np.asarray(pressure, dtype=float) / 100.0 - 1000.0)
    air = np.asarray(air_temperature, dtype=float)
    return np.asarray(np.clip(emissivity, 0.0, 1.0) * STEFAN_BOLTZMANN * air**4)


def cloudy_sky_longwave(
    air_temperature: ArrayLike, dew_point: ArrayLike, opaque_cover: ArrayLike
) -> np.ndarray:
    """Horizontal longwave irradiance [W m-2] with the opaque sky cover known.

    Parameters
    ----------
    air_temperature, dew_point : array [n]
        At screen height [K].
    opaque_cover : array [n]
        Opaque sky cover in tenths [0 to 10].

    Notes
    -----
    Emissivity (0.787 + 0.764 ln(dew point / 273 K)) (1 + 0.0224 n - 0.0035 n^2 + 0.00028 n^3):
    Clark and Allen (1978), Proceedings of the second national passive solar conference, 675-678.
    """
    n = np.asarray(opaque_cover, dtype=float)
    clear = 0.787 + 0.764 * np.log(np.asarray(dew_point, dtype=float) / 273.0)
    emissivity = clear * (1.0 + 0.0224 * n - 0.0035 * n**2 + 0.00028 * n**3)
    air = np.asarray(air_temperature, dtype=float)
    return np.asarray(np.clip(emissivity, 0.0, 1.0) * STEFAN_BOLTZMANN * air**4)


def martin_berdahl_normalisation() -> float:
    """Factor c that makes the cosine-weighted mean of c exp(-b / cos z) over the sky one.

    Notes
    -----
    That mean is twice the integral of m exp(-b / m) over m = 0 to 1, i.e. 2 E3(b).
    """
    nodes, weights = np.polynomial.legendre.leggauss(200)
    m = 0.5 * (nodes + 1.0)
    mean = np.sum(weights * m * np.exp(-MARTIN_BERDAHL_EXPONENT / m))
    return float(1.0 / mean)


def sky_longwave_weight(model: str, cos_zenith: ArrayLike, cos_tilt: ArrayLike) -> np.ndarray:
    """Weight g of the sky's longwave deficit along a ray.

    The radiance times pi of a ray that escapes is sigma Ta^4 - (sigma Ta^4 - L) g, with L the
    horizontal infrared irradiance of the sky and Ta the air temperature.

    Parameters
    ----------
    model : str
        ``isotropic``: 1. ``martin_berdahl``: c exp(-b / cos z), its cosine-weighted mean over the
        sky is 1, so horizontal ground keeps L. ``sky_air_split``: sqrt((1 + cos tilt) / 2) of the
        receiving surface, whatever the direction (EnergyPlus Engineering Reference, external
        longwave radiation, after Walton 1983).
    cos_zenith : float or array
        Cosine of the ray's zenith angle [0 to 1].
    cos_tilt : float or array
        Cosine of the receiving surface's tilt: 1 a flat roof, 0 a wall.
    """
    check_choice("[physics] longwave_sky", model, CHOICES["longwave_sky"])
    ray, tilt = np.broadcast_arrays(
        np.asarray(cos_zenith, dtype=float), np.asarray(cos_tilt, dtype=float)
    )
    if model == "isotropic":
        return np.ones_like(ray)
    if model == "sky_air_split":
        return np.asarray(np.sqrt(0.5 * (1.0 + tilt)))
    weight = np.exp(-MARTIN_BERDAHL_EXPONENT / np.maximum(ray, 1e-6))
    return np.asarray(martin_berdahl_normalisation() * weight)
