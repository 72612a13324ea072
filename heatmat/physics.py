"""The choices of model on which two modellers would differ, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heatmat.errors import InputError, nearest
from heatmat.units import KELVIN

CHOICES: dict[str, tuple[str, ...]] = {
    "convection": ("tarp", "doe-2", "mowitt", "linear"),
    "wind_profile": ("canopy", "power_law", "weather_file"),
    "sky_diffuse": ("perez", "isotropic"),
    "longwave_sky": ("isotropic", "martin_berdahl", "sky_air_split"),
    "longwave_linearisation": ("none", "air"),
    "solar_interpolation": ("mean_preserving", "linear_half_hour"),
    "sun_time": ("mid_step", "end_of_step"),
    "ground_reflection": ("traced", "unshaded"),
}
"""Valid words of each option that is a name."""


def _default_inside_film() -> dict[str, float]:
    # 1 / 0.13 and 1 / 0.17 m2K/W: ISO 6946:2017, table 7 (horizontal and downward heat flow)
    return {"wall": 7.69, "roof": 5.88}


@dataclass(frozen=True)
class PhysicsOptions:
    """Options of the `[physics]` table in SI units.

    Attributes
    ----------
    convection : str
        ``tarp``, ``doe-2``, ``mowitt`` or ``linear``.
    linear_convection : tuple of float
        a [W m-2 K-1] and b [W s m-3 K-1] of a + b v.
    wind_profile : str
        ``canopy``, ``power_law`` or ``weather_file``.
    wind_exponent : float
        Exponent of the power law.
    indoor_temperature : float or str
        Indoor air [K], or the path of a CSV schedule (columns time, temperature_c).
    inside_film : mapping
        Inside film coefficients [W m-2 K-1] of ``wall`` and ``roof``.
    deep_ground_temperature : float or str
        Temperature [K] held at 2 m depth, or ``"weather"`` for the weather's annual wave.
    sky_diffuse, longwave_sky, longwave_linearisation : str
    solar_interpolation, sun_time, ground_reflection : str
        See `CHOICES`.

    Raises
    ------
    InputError
        On a word that is not in `CHOICES`.
    """

    convection: str = "tarp"
    linear_convection: tuple[float, float] = (4.0, 4.0)
    wind_profile: str = "canopy"
    wind_exponent: float = 0.14
    indoor_temperature: float | str = 22.0 + KELVIN
    inside_film: Mapping[str, float] = field(default_factory=_default_inside_film)
    deep_ground_temperature: float | str = "weather"
    sky_diffuse: str = "perez"
    longwave_sky: str = "isotropic"
    longwave_linearisation: str = "none"
    solar_interpolation: str = "mean_preserving"
    sun_time: str = "mid_step"
    ground_reflection: str = "traced"

    def __post_init__(self) -> None:
        for name, words in CHOICES.items():
            check_choice(f"[physics] {name}", getattr(self, name), words)


def check_choice(where: str, word: object, words: tuple[str, ...]) -> None:
    """Refuse a word that is not among `words`, naming the nearest one.

    Raises
    ------
    InputError
    """
    if word not in words:
        raise InputError(
            "not one of the options",
            where=where,
            expected=" | ".join(words),
            got=repr(word),
            remedy=nearest(str(word), words),
        )
