"""Material, Layer and Construction: what a surface is made of, checked as it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

from heatmat.errors import InputError, nearest
from heatmat.units import to_celsius

ROUGHNESS = ("very_rough", "rough", "medium_rough", "medium_smooth", "smooth", "very_smooth")
"""Roughness classes of the convection correlations, roughest first (Walton 1981)."""

KINDS = ("wall", "roof", "ground")

RANGES: MappingProxyType[str, tuple[float, float, str]] = MappingProxyType(
    {
        "thermal_conductivity": (0.005, 50000.0, "W/(m K)"),
        "density": (0.5, 25000.0, "kg/m3"),
        "specific_heat": (100.0, 6000.0, "J/(kg K)"),
        "thickness": (1e-5, 20.0, "m"),
        "resistance": (1e-4, 50.0, "m2K/W"),
        "albedo": (0.0, 1.0, ""),
        "emissivity": (0.0, 1.0, ""),
        "solar_transmittance": (0.0, 1.0, ""),
        "moisture_availability": (0.0, 1.0, ""),
        "temperature": (150.0, 400.0, "K"),
    }
)
"""What any input may be: wide, from aerogel to stirred water; only slips of units fall outside."""

INSIDE_FILM = MappingProxyType({"wall": 7.69, "roof": 5.88})
"""Inside film [W m-2 K-1]: 1/0.13, 1/0.17 (EN ISO 6946:2017, Table 7, horizontal, downward)."""

OUTSIDE_FILM = 25.0
"""Outside film for U values [W m-2 K-1]: 1/0.04 (EN ISO 6946:2017, Table 7)."""

PROPERTIES = (
    "albedo",
    "emissivity",
    "solar_transmittance",
    "moisture_availability",
    "roughness",
)
"""What an intervention may set."""


def check_range(key: str, value: Any, where: str, *, label: str = "", shift: float = 0.0) -> float:
    """A finite number inside the range of `key`, as a float.

    Parameters
    ----------
    key : str
        A key of `RANGES`.
    value : any
        What was given.
    where : str
        Names the place in the message.
    label : str, optional
        The user's word for the key, where it differs.
    shift : float, optional
        Added before the check (273.15 for Celsius).

    Raises
    ------
    InputError
        Not a number, or outside the range.
    """
    low, high, unit = RANGES[key]
    expected = f"{low - shift:g} to {high - shift:g}"
    if unit:
        expected += f" {'C' if shift else unit}"
    refused = isinstance(value, bool) or not isinstance(value, Real)
    number = math.nan if refused else float(value)
    if not low <= number + shift <= high:
        raise InputError(
            f"{label or key} is not a number in its range",
            where=where,
            expected=expected,
            got=repr(value),
        )
    return number + shift


@dataclass(frozen=True)
class Material:
    """A homogeneous material.

    Attributes
    ----------
    name : str
    thermal_conductivity : float
        [W m-1 K-1].
    density : float
        [kg m-3].
    specific_heat : float
        [J kg-1 K-1].
    source : str
        Citation keys with table or file row, one for each number where they differ.
    """

    name: str
    thermal_conductivity: float
    density: float
    specific_heat: float
    source: str = ""

    def __post_init__(self) -> None:
        for key in ("thermal_conductivity", "density", "specific_heat"):
            check_range(key, getattr(self, key), f"material {self.name}")

    @property
    def thermal_diffusivity(self) -> float:
        """Conductivity over density times specific heat [m2 s-1]."""
        return self.thermal_conductivity / (self.density * self.specific_heat)

    @property
    def thermal_effusivity(self) -> float:
        """Root of conductivity times density times specific heat [J m-2 K-1 s-1/2]."""
        return math.sqrt(self.thermal_conductivity * self.density * self.specific_heat)


@dataclass(frozen=True)
class Layer:
    """A slice of a construction: a homogeneous material, or a massless resistance.

    Attributes
    ----------
    thickness : float
        [m]; 0 for a resistance.
    thermal_conductivity, density, specific_heat : float
        [W m-1 K-1], [kg m-3], [J kg-1 K-1]; 0 for a resistance.
    resistance : float
        [m2 K W-1]; above zero makes the layer massless (an air cavity, a film).
    material : str
        Name in the material library, or "" where numbers were given.
    source : str
        Where the thickness or the resistance comes from.
    """

    thickness: float = 0.0
    thermal_conductivity: float = 0.0
    density: float = 0.0
    specific_heat: float = 0.0
    resistance: float = 0.0
    material: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        keys: tuple[str, ...] = ("resistance",)
        if not self.resistance:
            keys = ("thickness", "thermal_conductivity", "density", "specific_heat")
        for key in keys:
            check_range(key, getattr(self, key), f"layer {self.material}".strip())

    @classmethod
    def of(cls, material: Material, thickness: float, source: str = "") -> Layer:
        """A layer of a material, `thickness` in metres."""
        return cls(
            thickness,
            material.thermal_conductivity,
            material.density,
            material.specific_heat,
            material=material.name,
            source=source,
        )

    @property
    def volumetric_heat_capacity(self) -> float:
        """Density times specific heat [J m-3 K-1]; 0 for a resistance."""
        return self.density * self.specific_heat

    @property
    def thermal_resistance(self) -> float:
        """From face to face [m2 K W-1]."""
        return self.resistance or self.thickness / self.thermal_conductivity

    def describe(self) -> str:
        """``brick 0.38 m``, or ``0.18 m2K/W``."""
        if self.resistance:
            return f"{self.resistance:g} m2K/W"
        return f"{self.material or f'{self.thermal_conductivity:g} W/mK'} {self.thickness:g} m"


@dataclass(frozen=True)
class Construction:
    """What the solver needs to know of a surface.

    Attributes
    ----------
    name : str
    kind : {'wall', 'roof', 'ground'}
    layers : tuple of Layer
        Outside to inside; empty where `temperature` holds the surface. Ground columns of the
        library end at 2.0 m.
    albedo, emissivity, solar_transmittance : float
        Shares of shortwave reflected, of longwave emitted, of shortwave let through; what is
        absorbed is 1 - albedo - solar_transmittance.
    moisture_availability : float
        Share of the Priestley-Taylor evaporation: 0 dry to 1 open water.
    roughness : str
        One of `ROUGHNESS`.
    temperature : None, 'air' or float
        A held surface temperature in place of layers; numbers in kelvin.
    source : str
        Citations of the surface's numbers.
    pitched : bool
        An attic node lies behind: see `full_layers`.
    attic : tuple of Layer
        What lies behind the layers of a pitched roof.
    description : str
    irrigation : tuple of float or None
        Moisture availability while watered, and from when to when every day [h of local standard
        time]; may pass midnight.

    Raises
    ------
    InputError
        A number outside its range, albedo and transmittance above 1 together, an unknown kind or
        roughness, neither layers nor a temperature.
    """

    name: str
    kind: str
    layers: tuple[Layer, ...]
    albedo: float
    emissivity: float
    solar_transmittance: float = 0.0
    moisture_availability: float = 0.0
    roughness: str = "medium_rough"
    temperature: float | str | None = None
    source: str = ""
    pitched: bool = False
    attic: tuple[Layer, ...] = field(default=(), repr=False)
    description: str = ""
    irrigation: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        where = f"constructions.{self.name}"
        for key in PROPERTIES[:4]:
            check_range(key, getattr(self, key), where)
        for key, valid in (("roughness", ROUGHNESS), ("kind", KINDS)):
            word = getattr(self, key)
            if word not in valid:
                raise InputError(
                    f"unknown {key}",
                    where=where,
                    expected=" | ".join(valid),
                    got=repr(word),
                    remedy=nearest(str(word), valid),
                )
        if self.albedo + self.solar_transmittance > 1.0 + 1e-9:
            raise InputError(
                "albedo and solar_transmittance together exceed 1",
                where=where,
                got=f"{self.albedo:g} + {self.solar_transmittance:g}",
            )
        if isinstance(self.temperature, str):
            if self.temperature != "air":
                raise InputError(
                    "a held temperature is 'air' or a number",
                    where=where,
                    got=repr(self.temperature),
                )
        elif self.temperature is not None:
            check_range("temperature", self.temperature, where)
        if bool(self.layers) == (self.temperature is not None):
            raise InputError(
                "a construction has either layers or a held temperature",
                where=where,
                got="both" if self.layers else "neither",
            )

    @property
    def absorptance(self) -> float:
        """Share of shortwave absorbed at the surface."""
        return 1.0 - self.albedo - self.solar_transmittance

    @property
    def full_layers(self) -> tuple[Layer, ...]:
        """The layers down to the inside film: with the attic behind, if pitched."""
        return self.layers + self.attic if self.pitched else self.layers

    @property
    def heat_capacity(self) -> float:
        """Density times specific heat times thickness, over all layers [J m-2 K-1]."""
        return sum(layer.volumetric_heat_capacity * layer.thickness for layer in self.full_layers)

    @property
    def thermal_resistance(self) -> float:
        """From face to face, without films [m2 K W-1]; nan where the surface is held."""
        if not self.layers:
            return math.nan
        return sum(layer.thermal_resistance for layer in self.full_layers)

    def u_value(
        self, inside_film: float | None = None, outside_film: float = OUTSIDE_FILM
    ) -> float:
        """Steady transmittance from outdoor to indoor air [W m-2 K-1] (EN ISO 6946:2017).

        Parameters
        ----------
        inside_film : float, optional
            [W m-2 K-1]; default 7.69 for walls, 5.88 for roofs. Ground has none: its value is
            that of the column down to the deep ground.
        outside_film : float, optional
            [W m-2 K-1].

        Returns
        -------
        float
            nan where the surface temperature is held.
        """
        film = INSIDE_FILM.get(self.kind) if inside_film is None else inside_film
        inside = 1.0 / film if film else 0.0
        return 1.0 / (1.0 / outside_film + self.thermal_resistance + inside)

    def describe(self) -> str:
        """One line: layers or held temperature, and the surface."""
        if isinstance(self.temperature, str):
            body = f"held at {self.temperature} temperature"
        elif self.temperature is not None:
            body = f"held at {to_celsius(self.temperature):g} C"
        else:
            body = " | ".join(layer.describe() for layer in self.layers)
            body += " | attic and ceiling" if self.pitched else ""
        return (
            f"{self.name} ({self.kind}): {body}; albedo {self.albedo:g}, "
            f"emissivity {self.emissivity:g}, {self.roughness}"
        )
