"""Physical constants and the few unit conversions, in one place."""

from __future__ import annotations

from typing import Any

KELVIN = 273.15
"""Zero of the Celsius scale [K] (SI brochure, 9th edition, 2019, section 2.3.1)."""

STEFAN_BOLTZMANN = 5.670374419e-8
"""Stefan-Boltzmann constant [W m-2 K-4] (CODATA 2018, exact from the 2019 SI)."""


def to_kelvin(celsius: Any) -> Any:
    """Degrees Celsius to kelvin; numbers or arrays."""
    return celsius + KELVIN


def to_celsius(kelvin: Any) -> Any:
    """Kelvin to degrees Celsius; numbers or arrays."""
    return kelvin - KELVIN
