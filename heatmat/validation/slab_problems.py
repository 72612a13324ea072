"""Slabs whose surface temperature is known: grid, properties, forcing and answer in one object.

References
----------
.. [1] Carslaw and Jaeger, Conduction of Heat in Solids, 2nd ed., Oxford, 1959.
.. [2] EN ISO 13786:2017, Thermal performance of building components: dynamic thermal
   characteristics (the transfer matrices of section 3.7 of [1] as a standard).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from heatmat.case import BASE_TEMPERATURE
from heatmat.conduction import SlabLayer
from heatmat.construction import INSIDE_FILM
from heatmat.convection import h_conv
from heatmat.library import library
from heatmat.prepare import inner_conductance, slab_layers
from heatmat.units import STEFAN_BOLTZMANN
from heatmat.validation.problem import FILM, STEP, Problem
from heatmat.validation.slab_march import DAY, surface_impedance

OMEGA = 2.0 * np.pi / DAY
HARMONICS = 400
"""Of the daylight wave; what is left out is under 1e-4 of its peak."""


# -- waves --------------------------------------------------------------------------------------


def daylight(t: np.ndarray) -> np.ndarray:
    """Half a sine a day, 1 at noon, with sunrise and sunset at 6 and 18 h."""
    return np.maximum(0.0, -np.cos(OMEGA * t))


def daylight_total(t: np.ndarray) -> np.ndarray:
    """Integral of `daylight` from 0 [s]."""
    angle = OMEGA * t
    turns = np.floor(angle / (2.0 * np.pi))
    inside = np.clip(angle - 2.0 * np.pi * turns, 0.5 * np.pi, 1.5 * np.pi)
    return (2.0 * turns + 1.0 - np.sin(inside)) / OMEGA


def daylight_harmonics() -> np.ndarray:
    """Cosine coefficients of `daylight`, shape (HARMONICS + 1,)."""
    k = np.arange(HARMONICS + 1)
    found = np.zeros(k.size)
    found[:2] = 1.0 / np.pi, -0.5
    even = k[2::2]
    found[2::2] = 2.0 / np.pi * (-1.0) ** (even // 2 + 1) / (even**2 - 1)
    return found


def wave_of_air(
    name: str, layers: Sequence[SlabLayer], inner: float, amplitude: float = 10.0
) -> Problem:
    """A cosine of the air over the day: impedance in series with the film.

    Carslaw and Jaeger (1959), section 3.7.
    """
    z = surface_impedance(layers, inner, np.array([OMEGA]))[0]
    share = amplitude * z / (z + 1.0 / FILM)
    return Problem(
        name, "Carslaw and Jaeger (1959), section 3.7", tuple(layers), inner,
        exact=lambda t: np.real(share * np.exp(1j * OMEGA * t)),
        air=lambda t: amplitude * np.cos(OMEGA * t),
    )  # fmt: skip


def wave_of_light(
    name: str, layers: Sequence[SlabLayer], inner: float, amplitude: float = 20.0
) -> Problem:
    """Daylight of `amplitude` [K] of sol-air temperature, harmonic by harmonic.

    Carslaw and Jaeger (1959), section 3.7, and the Fourier series of a half-wave rectified sine.
    """
    k = np.arange(HARMONICS + 1)
    z = surface_impedance(layers, inner, k * OMEGA)
    parts = amplitude * daylight_harmonics() * z / (z + 1.0 / FILM)
    peak = amplitude * FILM
    return Problem(
        name, "Carslaw and Jaeger (1959), section 3.7", tuple(layers), inner,
        exact=lambda t: np.real(parts @ np.exp(1j * OMEGA * k[:, None] * t)),
        light=lambda t: peak * daylight(t),
        light_total=lambda t: peak * daylight_total(t),
    )  # fmt: skip


def waves_of_library() -> dict[str, tuple[Problem, Problem]]:
    """Both waves on every construction of the library: of the air, and of light."""
    found = {}
    for name, item in library().items():
        if name != item.name or not item.layers:
            continue  # an alias, or a held temperature
        layers, inner = slab_layers(item), inner_conductance(item, INSIDE_FILM)
        found[name] = wave_of_air(name, layers, inner), wave_of_light(name, layers, inner)
    return found


# -- half-spaces and slabs ----------------------------------------------------------------------

SOIL = SlabLayer(2.0, 1.0, 2.0e6)
"""Deep enough for a half-space: 17 depths of the daily wave, and heat takes weeks to get there."""


def half_space_wave() -> Problem:
    """Air that swings over a half-space.

    The wave in the solid, ``exp(-x sqrt(omega / 2 a))`` with its lag, is Carslaw and Jaeger (1959),
    section 2.6; the film joins the surface to the air.
    """
    effusivity = np.sqrt(SOIL.thermal_conductivity * SOIL.heat_capacity)
    admittance = effusivity * np.sqrt(1j * OMEGA)
    share = 10.0 * FILM / (FILM + admittance)
    return Problem(
        "half-space, wave", "Carslaw and Jaeger (1959), section 2.6", (SOIL,), np.inf,
        exact=lambda t: np.real(share * np.exp(1j * OMEGA * t)),
        air=lambda t: 10.0 * np.cos(OMEGA * t),
    )  # fmt: skip


def half_space_step(film: float) -> Problem:
    """Light switched on after a dark day, a film at the surface.

    Carslaw and Jaeger (1959), section 2.7, equation 5, at x = 0.
    """
    from scipy.special import erfcx

    ratio = film / np.sqrt(SOIL.thermal_conductivity * SOIL.heat_capacity)
    return Problem(
        f"half-space, step, film {film:g}", "Carslaw and Jaeger (1959), section 2.7, eq. 5",
        (SOIL,), np.inf,
        exact=lambda t: 10.0 * (1.0 - erfcx(ratio * np.sqrt(np.maximum(t - DAY, 0.0)))),
        film=film, **_switch(10.0 * film),
    )  # fmt: skip


def _switch(light: float) -> dict[str, Any]:
    """Light from the end of the first day on, compared from the tenth default step on."""
    return {
        "light": lambda t: np.where(t > DAY, light, 0.0),
        "light_total": lambda t: light * np.maximum(t - DAY, 0.0),
        "begin": DAY + 10.0 * STEP,
        "switched": True,
    }


def robin_slab_step() -> Problem:
    """A slab with an adiabatic back, at rest, is lit: a film at its front.

    Carslaw and Jaeger (1959), section 3.11, at the surface, with the roots of
    ``a tan(a) = h l / k``; heating is one less cooling.
    """
    from scipy.optimize import brentq

    layer, rise = SlabLayer(0.2, 0.8, 1.4e6), 10.0
    biot = FILM * layer.thickness / layer.thermal_conductivity
    fourier = layer.thermal_conductivity / (layer.heat_capacity * layer.thickness**2)
    roots = np.array([
        brentq(lambda a: a * np.sin(a) - biot * np.cos(a), n * np.pi, (n + 0.5) * np.pi)
        for n in range(60)
    ])  # fmt: skip
    weight = 2.0 * biot / (biot * (biot + 1.0) + roots**2)

    def exact(t: np.ndarray) -> np.ndarray:
        past = np.maximum(t - DAY, 0.0)
        return rise * (1.0 - weight @ np.exp(-fourier * roots[:, None] ** 2 * past))

    return Problem(
        "Robin slab, step", "Carslaw and Jaeger (1959), section 3.11", (layer,), 0.0,
        exact=exact, **_switch(rise * FILM),
    )  # fmt: skip


BRICK = (
    SlabLayer(0.02, 0.87, 1.7e6), SlabLayer(0.24, 0.8, 1.4e6), SlabLayer(resistance=0.18),
    SlabLayer(0.06, 0.04, 4.0e4), SlabLayer(0.015, 0.25, 9.0e5),
)  # fmt: skip
"""Render, brick, a cavity, insulation, board."""


SOLID = (SlabLayer(0.3, 0.8, 1.4e6),)
"""Solid brick."""


def _resistance(layers: Sequence[SlabLayer]) -> float:
    """From face to face [m2 K W-1]."""
    return sum(part.resistance or part.thickness / part.thermal_conductivity for part in layers)


def layered_steady() -> Problem:
    """Light, and a warm room: resistances in series.

    Carslaw and Jaeger (1959), section 3.2.
    """
    inside = 1.0 / 7.69 + _resistance(BRICK)
    light, room = 200.0, 20.0
    level = (light + room / inside) / (FILM + 1.0 / inside)
    return Problem(
        "layered slab, steady", "Carslaw and Jaeger (1959), section 3.2", BRICK, 7.69,
        exact=lambda t: np.full(np.shape(t), level), light=lambda t: np.full(np.shape(t), light),
        light_total=lambda t: light * t, inner_temperature=room, steady=True,
    )  # fmt: skip


def conducto_radiative(
    name: str, layers: Sequence[SlabLayer], inner: float, film: float | None
) -> Problem:
    """Light, sky, T^4, the film and conduction in balance: the root of one equation.

    ``light + e (L - sigma T^4) + h (Ta - T) + (Ti - T) / R = 0``, resistances in series as in
    Carslaw and Jaeger (1959), section 3.2. `film` as in `Problem`; 0 leaves radiation alone.
    """
    from scipy.optimize import brentq

    light, sky, emissivity, air = 350.0, 290.0, 0.9, 5.0
    inside = 1.0 / inner + _resistance(layers)

    def balance(theta: float) -> float:
        h = film
        if h is None:
            h = float(h_conv("tarp", theta - air, 0.0, cos_tilt=1.0))
        net = light + emissivity * (sky - STEFAN_BOLTZMANN * (theta + BASE_TEMPERATURE) ** 4)
        return net + h * (air - theta) - theta / inside

    level = brentq(balance, -40.0, 100.0, xtol=1e-10)
    return Problem(
        name, "root of the steady balance", tuple(layers), inner,
        exact=lambda t: np.full(np.shape(t), level), light=lambda t: np.full(np.shape(t), light),
        light_total=lambda t: light * t, air=lambda t: np.full(np.shape(t), air), sky=sky,
        emissivity=emissivity, film=film, steady=True,
    )  # fmt: skip


def problems() -> list[Problem]:
    """The table of closed forms."""
    return [
        half_space_wave(),
        half_space_step(8.0),
        half_space_step(25.0),
        robin_slab_step(),
        layered_steady(),
        wave_of_air("layered slab, wave of the air", BRICK, 7.69),
        wave_of_light("layered slab, daylight", BRICK, 7.69),
        conducto_radiative("conducto-radiative slab, steady", SOLID, 7.69, 0.0),
        conducto_radiative("the same in still air (TARP)", SOLID, 7.69, None),
    ]
