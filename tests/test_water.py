"""Open water, a mixed layer in the library and the manual's recipes; watering by the clock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import shapely

from heatmat.construction import Construction
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.materials import construction_from_dict
from heatmat.physics import PhysicsOptions
from heatmat.units import KELVIN
from heatmat.validation.slab_march import DAY, SlabLayer, surface_impedance
from tests.physics_case import boxes, local, make_case_of, plan_requests, solve
from tests.validation.test_trees import hours_of, july

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


def test_a_day_moves_the_marched_layer_as_the_closed_form_says() -> None:
    """Open water under sun, wind and evaporation: its swing per flux that it really took up.

    A layer at one temperature, tied to the ground by a conductance h: 1 / (i omega C d + h).
    """
    case = make_case_of(
        boxes([shapely.box(0, 0, 10, 10)], [8.0], margin=25.0), july(),
        physics=PhysicsOptions(), ground="water",
    )  # fmt: skip
    first = case.forcing.spin_up_steps
    stamps = np.arange(first + 1, case.forcing.n_steps + 1)
    step = DAY / len(stamps)
    point = plan_requests(local(case, [20.0], [-15.0]))
    found = solve(case, point, rays=8, stamps=stamps, full=True)[0][0]
    turn = np.exp(-1j * OMEGA * step * np.arange(1, len(stamps) + 1)) * 2.0 / len(stamps)
    temperature = turn @ found[:, layout.Y_TEMPERATURE]
    # What the layer takes up; a step's mean stands for the step's middle.
    taken = -(turn @ found[:, layout.Y_CONDUCTION]) * np.exp(0.5j * OMEGA * step)
    assert abs(taken) > 100.0  # an amplitude in W/m2: the day is seen
    layer = library()["water"].layers[0]
    closed = 1.0 / (1j * OMEGA * WATER * layer.thickness + 22.0)
    # Its own resistance, 0.05 mK per W/m2, is 3 % of the swing.
    assert temperature / taken == pytest.approx(closed, rel=0.04)


def test_a_lake_of_known_temperature() -> None:
    assert recipes()["lake"].temperature == pytest.approx(18.5 + KELVIN)


@pytest.mark.parametrize(("begin", "end"), [(15.0, 9.0), (9.0, 15.0)])
def test_watering_by_the_clock(begin: float, end: float) -> None:
    """Dry ground that is watered over midnight, or over noon: evaporation then, and none else."""
    watered = {"moisture_availability": 0.0, "irrigation": (1.0, begin, end)}
    case = make_case_of(
        boxes([shapely.box(0, 0, 10, 10)], [8.0], margin=25.0), july(),
        physics=PhysicsOptions(), ground="grass", changes=watered,
    )  # fmt: skip
    stamps = hours_of(case)
    point = plan_requests(local(case, [20.0], [-15.0]))
    latent = solve(case, point, rays=8, stamps=stamps, full=True)[0][0, :, layout.Y_LATENT]
    step = case.forcing.local_time[stamps].astype("datetime64[m]").astype(int) % 1440 / 60.0
    on = (step >= begin) | (step < end) if begin > end else (step >= begin) & (step < end)
    clear = (step != begin) & (step != end)  # the step that ends there is half of either
    assert (latent[~on & clear] == 0.0).all()
    daylight = (step > 7.5) & (step < 16.5)
    assert (on & daylight & clear).any() and (latent[on & daylight] < -50.0).all()
