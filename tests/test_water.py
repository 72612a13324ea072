"""Open water: what of a mixed layer the library and the manual's recipes are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from heatmat.construction import Construction
from heatmat.library import library
from heatmat.materials import construction_from_dict
from heatmat.units import KELVIN
from heatmat.validation.slab_march import DAY, SlabLayer, surface_impedance

MANUAL = Path(__file__).resolve().parent.parent / "docs" / "materials.md"
OMEGA = 2.0 * np.pi / DAY
WATER = 1000.0 * 4190.0
"""Heat capacity [J m-3 K-1]."""


def recipes() -> dict[str, Construction]:
    """The constructions that the manual writes out."""
    blocks = re.findall(r"```toml\n(.*?)```", MANUAL.read_text("utf-8"), re.S)
    found: dict[str, Construction] = {}
    for table in (tomllib.loads(block).get("constructions", {}) for block in blocks):
        for name, entry in table.items():
            if name not in library():
                found[name] = construction_from_dict(name, entry)
    return found


def swing(construction: Construction, omega: float) -> complex:
    """Surface temperature per flux at a frequency, above the deep ground [K m2/W]."""
    layers = [
        SlabLayer(item.thickness, item.thermal_conductivity or 1.0, item.volumetric_heat_capacity,
                  item.resistance)
        for item in construction.layers
    ]  # fmt: skip
    return complex(surface_impedance(layers, np.inf, np.array([omega]))[0])


def test_water_is_a_mixed_layer_of_its_depth() -> None:
    for water in (library()["water"], recipes()["harbour"]):
        mixed = 1.0 / (1j * OMEGA * WATER * water.layers[0].thickness)
        # A layer at one temperature lags by a quarter of a day; what is below (22 W/m2K against 609
        # at two metres) and its own resistance make up a tenth.
        assert swing(water, OMEGA) == pytest.approx(mixed, rel=0.12)
        assert 1.0 / abs(swing(water, 0.0)) == pytest.approx(22.0, rel=0.05)


def test_a_lake_of_known_temperature() -> None:
    assert recipes()["lake"].temperature == pytest.approx(18.5 + KELVIN)
