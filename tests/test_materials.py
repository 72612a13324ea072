"""The library: ranges, sources, and the tables that add to it."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re

import numpy as np
import pytest

from heatmat import materials
from heatmat.errors import HeatMatError, InputError
from heatmat.library import _rows
from heatmat.units import KELVIN, STEFAN_BOLTZMANN

WALLS = """solid_brick_wall insulated_brick_wall concrete_wall insulated_concrete_wall
rendered_masonry_wall insulated_render_wall stone_wall glass_curtain_wall wood_wall metal_wall"""
ROOFS = """bitumen_roof tile_roof slate_roof metal_roof gravel_roof concrete_roof
white_membrane_roof green_roof"""
GROUNDS = "asphalt_street concrete_paving setts_street gravel_ground bare_soil grass water"
NAMES = {"wall": WALLS.split(), "roof": ROOFS.split(), "ground": GROUNDS.split()}
STIRRED = {"mixed_water", "attic_air"}
"""Fluids with an effective conductivity: their diffusivity is no property of a solid."""

THERMAL = {
    "thermal_conductivity": "thermal_conductivity_w_mk",
    "density": "density_kg_m3",
    "specific_heat": "specific_heat_j_kgk",
}
SURFACE = ("albedo", "emissivity", "solar_transmittance", "moisture_availability")


def message(call, *arguments, **keywords) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


# --- what is in it -----------------------------------------------------------------------------


def test_names_and_counts():
    known = materials.library()
    for kind, names in NAMES.items():
        assert {known[name].kind for name in names} == {kind}
    entries = {construction.name for construction in known.values()}
    assert entries == {name for names in NAMES.values() for name in names}
    assert len(entries) >= 20
    assert len(materials.material_library()) >= 25
    assert known["brick_wall"] is known["solid_brick_wall"]


def test_material_ranges():
    for material in materials.material_library().values():
        assert 1.0 <= material.density <= 9000.0, material.name
        assert 200.0 <= material.specific_heat <= 5000.0, material.name
        if material.name not in STIRRED:
            assert 0.02 <= material.thermal_conductivity <= 400.0, material.name
            # From wood (1.8e-7) and sand to aluminium (9.4e-5), with a margin of two; foams are
            # light enough to lie between.
            assert 8e-8 <= material.thermal_diffusivity <= 2e-4, material.name


def test_construction_ranges():
    for construction in materials.library().values():
        for key in SURFACE:
            assert 0.0 <= getattr(construction, key) <= 1.0, (construction.name, key)
        assert construction.albedo + construction.solar_transmittance <= 1.0
        # Bare metal alone lies below 0.8, and none is in the library.
        assert 0.8 <= construction.emissivity <= 0.99, construction.name
        assert 0.04 <= construction.albedo <= 0.7, construction.name
        assert all(
            1e-4 < layer.thickness <= 2.0 for layer in construction.layers if not layer.resistance
        )
        if construction.kind != "ground":
            assert 0.1 <= construction.u_value() <= 4.0, construction.name


def test_ground_columns_end_at_two_metres():
    for name in NAMES["ground"]:
        depth = sum(layer.thickness for layer in materials.library()[name].layers)
        assert depth == pytest.approx(2.0, abs=1e-12), name  # decimal fractions in the file


def test_pitched_roofs_have_an_attic_behind():
    known = materials.library()
    assert {c.name for c in known.values() if c.pitched} == {"tile_roof", "slate_roof"}
    roof = known["tile_roof"]
    assert roof.full_layers == roof.layers + materials.attic_layers()
    assert roof.u_value() < 0.2 < dataclasses.replace(roof, pitched=False).u_value()
    resistances = [layer.resistance for layer in materials.attic_layers() if layer.resistance]
    assert sum(resistances) == pytest.approx(0.2)  # EN ISO 6946:2017, Table 9
    flat = known["metal_roof"]
    assert flat.full_layers == flat.layers


def test_u_value_and_heat_capacity_of_a_wall_by_hand():
    wall = materials.library()["solid_brick_wall"]
    by_hand = 1.0 / (1 / 25.0 + 0.38 / 0.6 + 0.015 / 0.35 + 1 / 7.69)
    assert wall.u_value() == pytest.approx(by_hand, rel=1e-12)  # rounding only
    assert wall.heat_capacity == pytest.approx(1800 * 850 * 0.38 + 1000 * 1090 * 0.015)
    assert wall.u_value(inside_film=math.inf, outside_film=math.inf) == pytest.approx(
        1.0 / wall.thermal_resistance
    )


def test_a_painted_metal_roof_loses_to_a_clear_sky_before_dawn():
    # Steady balance at 20 C air, 1.5 m/s-like film and a clear sky 80 W/m2 under black: the roof
    # must settle below the air although the room is warmer.
    roof = materials.library()["metal_roof"]
    air, room, film = 20.0 + KELVIN, 22.0 + KELVIN, 6.0
    sky = STEFAN_BOLTZMANN * air**4 - 80.0
    inward = 1.0 / (roof.thermal_resistance + 1 / 5.88)
    at_air = roof.emissivity * (sky - STEFAN_BOLTZMANN * air**4) + inward * (room - air)
    assert at_air / (film + inward + 4 * STEFAN_BOLTZMANN * air**3) < -3.0  # kelvin, linearised


# --- where it comes from -----------------------------------------------------------------------


def cited() -> list[tuple[str, str]]:
    """Every citation of the tables, with the place it stands at."""
    places = []
    for table in ("materials.csv", "constructions.csv", "construction_layers.csv"):
        for row in _rows(table):
            label = row.get("name") or f"{row['construction']} {row['position']}"
            places += [
                (f"{table} {label} {column}", text)
                for column, text in row.items()
                if column.endswith("source")
            ]
    return places


def test_every_number_has_a_source_that_resolves():
    known = materials.sources()
    assert len(cited()) > 200
    used = set()
    for place, text in cited():
        key, found, locator = text.partition(": ")
        assert found and key in known, (place, text)
        assert len(locator) > 5, (place, text)
        used.add(key)
    assert used == set(known)  # no reference without a number
    for row in _rows("materials.csv"):
        assert set(row) == {"name", *THERMAL.values(), *(f"{key}_source" for key in THERMAL)}
    for construction in materials.library().values():
        assert construction.source


def slum_samples(locator: str) -> list[str]:
    return re.findall(r"\b[A-Z]\d{3}[du]?\b", locator.partition("(")[0])


def test_thermal_rows_follow_from_teaser(shared_data):
    path = shared_data / "materials" / "teaser" / "MaterialTemplates.json"
    templates = json.loads(path.read_text(encoding="utf-8"))
    rows = 0
    for row in _rows("materials.csv"):
        for key, theirs in zip(THERMAL, ("thermal_conduc", "density", "heat_capac"), strict=True):
            source = row[f"{key}_source"]
            if not source.startswith("teaser: "):
                continue
            identity, name = re.fullmatch(r".*, (\S+) \((\S+)\)", source).groups()
            assert templates[identity]["name"] == name
            factor = 1000.0 if key == "specific_heat" else 1.0  # kJ to J
            expected = templates[identity][theirs] * factor
            assert float(row[THERMAL[key]]) == pytest.approx(expected, rel=1e-9), row["name"]
            rows += key == "density"
    assert rows >= 15


def test_membranes_follow_from_cea(shared_data):
    path = shared_data / "materials" / "cea" / "MATERIALS.csv"
    with path.open(encoding="utf-8-sig", newline="") as handle:
        theirs = {row["ID"]: row for row in csv.DictReader(handle)}
    rows = 0
    for row in _rows("materials.csv"):
        for key in ("thermal_conductivity", "density"):
            source = row[f"{key}_source"]
            if source.startswith("cea: "):
                identity, name = re.search(r"ID (\S+) \((\S+)\)", source).groups()
                assert theirs[identity]["name"] == name
                assert float(row[THERMAL[key]]) == float(theirs[identity][key])
                rows += 1
    assert rows >= 4


def test_surfaces_follow_from_slum(shared_data):
    path = shared_data / "materials" / "slum" / "derived_broadband.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        theirs = {row["sample"]: row for row in csv.DictReader(handle)}
    columns = {"albedo": "albedo_G173", "emissivity": "emissivity_8_14um_300K"}
    rows = 0
    for row in _rows("constructions.csv"):
        for key, column in columns.items():
            source = row[f"{key}_source"]
            if source.startswith("slum: "):
                values = [float(theirs[sample][column]) for sample in slum_samples(source)]
                # Three decimals are kept.
                assert float(row[key]) == pytest.approx(np.mean(values), abs=6e-4), row["name"]
                rows += 1
    assert rows >= 15


def test_emissivities_follow_from_the_slum_spectra(shared_data):
    path = shared_data / "materials" / "slum" / "LUMA_SLUM_IR.csv"
    spectra = np.genfromtxt(path, delimiter=",", names=True, deletechars='"')
    wavelength = spectra["wavelength"] * 1e-6
    # Planck's law at 300 K, up to a factor; the second radiation constant is CODATA 2018.
    weight = wavelength**-5 / np.expm1(1.438776877e-2 / (wavelength * 300.0))
    for row in _rows("constructions.csv"):
        source = row["emissivity_source"]
        if source.startswith("slum: "):
            means = [
                np.trapezoid(weight * spectra[sample], wavelength)
                / np.trapezoid(weight, wavelength)
                for sample in slum_samples(source)
            ]
            # The table rounds to three decimals, and so do we.
            assert float(row["emissivity"]) == pytest.approx(np.mean(means), abs=1.5e-3)


def test_double_glazing_follows_from_its_panes():
    glass = materials.library()["glass_curtain_wall"]
    # LoE SPEC SEL CLEAR 6MM outside CLEAR 6MM: transmittance, front and back reflectance.
    (t1, front, back), (t2, r2) = (0.430, 0.300, 0.420), (0.775, 0.071)
    between = 1.0 - back * r2
    assert glass.solar_transmittance == pytest.approx(t1 * t2 / between, abs=5e-4)  # rounded
    assert glass.albedo == pytest.approx(front + t1**2 * r2 / between, abs=5e-4)
    # EN 673: conduction through 13 mm of air at 283 K, and radiation between the faces.
    radiation = 4 * STEFAN_BOLTZMANN * 283.0**3 / (1 / 0.03 + 1 / 0.84 - 1)
    gap = 1.0 / (0.02496 / 0.013 + radiation)
    assert glass.layers[1].resistance == pytest.approx(gap, abs=5e-3)


# --- what users add ----------------------------------------------------------------------------

NEW = {
    "albedo": 0.4,
    "emissivity": 0.9,
    "layers": [
        {"material": "brick", "thickness_m": 0.1},
        {
            "thickness_m": 0.1,
            "conductivity_w_mk": 0.04,
            "density_kg_m3": 30.0,
            "specific_heat_j_kgk": 1400.0,
        },
        {"resistance_m2k_w": 0.18},
    ],
}


def test_a_new_construction():
    wall = materials.construction_from_dict("my_wall", NEW)
    assert (wall.name, wall.kind, wall.roughness) == ("my_wall", "wall", "medium_rough")
    assert [layer.thickness for layer in wall.layers] == [0.1, 0.1, 0.0]
    assert wall.thermal_resistance == pytest.approx(0.1 / 0.6 + 0.1 / 0.04 + 0.18)
    assert wall.layers[0].material == "brick"
    assert wall.layers[2].resistance == 0.18


def test_an_override_changes_what_it_names():
    before = materials.library()["bitumen_roof"]
    after = materials.construction_from_dict("bitumen_roof", {"albedo": 0.7})
    assert after.albedo == 0.7
    assert "albedo <- set by the user" in after.source
    assert after == dataclasses.replace(before, albedo=0.7, source=after.source)
    assert materials.library()["bitumen_roof"] is before
    mine = {"mine": materials.construction_from_dict("mine", NEW)}
    again = materials.construction_from_dict("mine", {"roughness": "smooth"}, base=mine)
    assert (again.roughness, again.layers) == ("smooth", mine["mine"].layers)


def test_held_temperatures():
    table = {"albedo": 0.2, "emissivity": 1.0, "temperature": "air"}
    held = materials.construction_from_dict("ground_at_air", table)
    assert (held.temperature, held.layers) == ("air", ())
    assert math.isnan(held.u_value())
    fixed = materials.construction_from_dict("at_thirty", table | {"temperature": 30})
    assert fixed.temperature == pytest.approx(303.15)
    assert "30 C" in fixed.describe()
    dropped = materials.construction_from_dict("brick_wall", {"temperature": 20.0})
    assert dropped.layers == () and dropped.albedo == 0.321
    back = materials.construction_from_dict(
        "at_thirty", {"layers": NEW["layers"]}, base={"at_thirty": fixed}
    )
    assert back.temperature is None and len(back.layers) == 3


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("w", {"albdo": 0.3}, ["albdo", "did you mean 'albedo'?", "constructions.w"]),
        ("w", {"albedo": 1.2}, ["albedo", "0 to 1", "1.2"]),
        ("w", {"albedo": "white"}, ["albedo", "'white'"]),
        ("w", {"albedo": True}, ["albedo", "True"]),
        ("w", {"albedo": math.nan}, ["albedo", "nan"]),
        ("w", {"albedo": 0.7, "solar_transmittance": 0.4}, ["together exceed 1"]),
        ("w", {"roughness": "medium_ruff"}, ["did you mean 'medium_rough'?"]),
        ("w", {"kind": "walls"}, ["did you mean 'wall'?"]),
        ("w", {"temperature": "air"}, ["both layers and temperature"]),
        ("w", {"layers": []}, ["layers"]),
        ("w", {"layers": [{"material": "bric", "thickness_m": 0.1}]}, ["did you mean 'brick'?"]),
        ("w", {"layers": [{"material": "brick", "thickness": 0.1}]}, ["'thickness_m'?"]),
        ("w", {"layers": [{"material": "brick"}]}, ["thickness_m missing", "layers[0]"]),
        (
            "w",
            {"layers": [{"material": "brick", "thickness_m": 380.0}]},
            ["thickness_m", " m", "380"],
        ),
        ("w", {"layers": [{"thickness_m": 0.1, "conductivity_w_mk": 1.0}]}, ["density_kg_m3"]),
        ("w", {"layers": [{"resistance_m2k_w": 0.1, "thickness_m": 0.1}]}, ["stands alone"]),
        ("w", {"layers": [{"resistance_m2k_w": -0.1}]}, ["resistance_m2k_w", "m2K/W"]),
        ("w", {"layers": "brick"}, ["list of tables"]),
        ("w", {"layers": ["brick"]}, ["layers[0]", "table"]),
    ],
)
def test_bad_tables_are_named(name, change, words):
    text = message(materials.construction_from_dict, name, NEW | change)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_missing_words_and_slips_of_names():
    text = message(materials.construction_from_dict, "bitumen_rof", {"albedo": 0.7})
    assert "emissivity is missing" in text and "'bitumen_roof'" in text
    assert "'bitumen_roof'" in message(materials.find_construction, "bitumen_rof")
    held = {"albedo": 0.2, "emissivity": 1.0, "temperature": 300.0}
    assert "C" in message(materials.construction_from_dict, "kelvin_by_slip", held)
    assert "'air'" in message(
        materials.construction_from_dict, "w", held | {"temperature": "outside"}
    )


def test_with_properties_copies_and_checks():
    roof = materials.library()["bitumen_roof"]
    cool = materials.with_properties(roof, name="bitumen_roof+cool roofs", albedo=0.7)
    assert (cool.name, cool.albedo, roof.albedo) == ("bitumen_roof+cool roofs", 0.7, 0.069)
    assert cool.layers is roof.layers
    assert "did you mean 'albedo'?" in message(materials.with_properties, roof, albdo=0.7)
    assert "albedo" in message(materials.with_properties, roof, albedo=-0.1)
    assert "cannot be set" in message(materials.with_properties, roof, layers=())


def test_entries_cannot_be_changed():
    known = materials.library()
    with pytest.raises(dataclasses.FrozenInstanceError):
        known["water"].albedo = 0.5
    known.pop("water")
    assert "water" in materials.library()
    with pytest.raises(HeatMatError):
        dataclasses.replace(known["grass"], moisture_availability=2.0)


def test_rows_for_the_command_line():
    rows = materials.construction_rows()
    assert [row["name"] for row in rows] == [n for kind in NAMES.values() for n in kind]
    assert all(set(row) == set(rows[0]) for row in rows)
    (row,) = materials.construction_rows(["brick_wall"])
    assert row["name"] == "solid_brick_wall" and row["u_value_w_m2k"] == pytest.approx(
        1.18, abs=0.01
    )
    layers = materials.layer_rows("tile_roof")
    assert [row["material"] for row in layers][-1] == "plasterboard"
    assert layers[0]["material_source"].startswith("en10456: ") or "en10456" in str(layers[0])
    assert len(materials.material_rows()) == len(materials.material_library())
    held = materials.construction_from_dict(
        "held", {"albedo": 0.2, "emissivity": 1.0, "temperature": -5.0}
    )
    (row,) = materials.construction_rows(constructions={"held": held})
    assert row["held_temperature_c"] == pytest.approx(-5.0) and row["layers"] == ""
