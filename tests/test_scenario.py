"""Scenario files: what is read, what is merged, and the line that every fault gives."""

# ruff: noqa: E501 - a table of cases reads best with a case a line

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heatmat.errors import InputError
from heatmat.scenario import Scenario

CITY = '[city]\nbuildings = "b.geojson"\n'
DAY = '[weather]\nclear_sky = { date = "2023-07-14", tmax_c = 33, tmin_c = 20 }\n'
BASE = CITY + DAY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.geojson").write_text("{}")
    return tmp_path


def write(folder: Path, text: str, name: str = "s.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Scenario:
    return Scenario.load(write(folder, text))


def fault(folder: Path, text: str) -> str:
    """The one line that loading gives."""
    with pytest.raises(InputError) as caught:
        load(folder, text)
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.exit_code == 2
    return line.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")


def test_defaults_are_those_of_the_contract(folder: Path) -> None:
    resolved = load(folder, BASE).resolved()
    assert resolved["city"]["margin_m"] == 200
    assert resolved["city"]["resolution_m"] == 1.0
    assert resolved["time"] == {
        "start": "2023-07-14T00:00",
        "end": "2023-07-15T00:00",
        "step_min": 10,
        "output_step_min": 60,
        "spin_up_days": 3,
    }
    assert resolved["physics"]["convection"] == "tarp"
    assert resolved["physics"]["linear_convection"] == [4.0, 4.0]
    assert resolved["physics"]["inside_film_w_m2k"] == {"wall": 7.69, "roof": 5.88}
    assert resolved["physics"]["deep_ground_temperature_c"] == "weather"
    assert resolved["solver"] == {
        "target_error_k": 0.1,
        "max_rays": 65536,
        "field_resolution_m": 4.0,
    }
    json.dumps(resolved)


def test_the_contract_s_whole_example_is_read(folder: Path) -> None:
    for name in ("dem.tif", "landcover.tif", "cdsm.tif", "indoor.csv"):
        (folder / name).write_text("")
    scenario = load(
        folder,
        """
format = 1
[city]
buildings = "b.geojson"
extent = [0, 0, 100.5, 100]
crs = "EPSG:32613"
margin_m = 200
resolution_m = 1.0
terrain = "dem.tif"
land_cover = "landcover.tif"
default_facade = "brick_wall"
default_roof = "bitumen_roof"
default_ground = "asphalt_street"
[city.land_cover_legend]
1 = "asphalt_street"
[city.attributes]
height = "HAUTEUR"
"building:levels" = "ETAGES"
[city.trees]
top = "cdsm.tif"
base_fraction = 0.25
transmissivity_summer = 0.03
transmissivity_winter = 0.5
leaf_on = ["04-15", "10-31"]
[weather]
clear_sky = { date = 2023-07-14, tmax_c = 33, tmin_c = 20, wind_m_s = 2, dew_point_c = 14, linke_turbidity = 3.5, utc_offset_h = 2 }
[time]
start = 2023-07-14T00:00:00
end = "2023-07-15"
step_min = 10
output_step_min = 60
spin_up_days = 3
[physics]
convection = "doe-2"
linear_convection = [4, 4.0]
wind_profile = "power_law"
wind_exponent = 0.14
indoor_temperature_c = { csv = "indoor.csv" }
inside_film_w_m2k = { wall = 7.69, roof = 5.88 }
deep_ground_temperature_c = 11
sky_diffuse = "isotropic"
longwave_sky = "sky_air_split"
longwave_linearisation = "air"
solar_interpolation = "linear_half_hour"
sun_time = "end_of_step"
ground_reflection = "unshaded"
[solver]
target_error_k = 0.1
max_rays = 65536
field_resolution_m = 4.0
[constructions.my_wall]
albedo = 0.4
solar_transmittance = 0.0
emissivity = 0.9
moisture_availability = 0.0
roughness = "medium_rough"
layers = [
  { material = "brick", thickness_m = 0.1 },
  { thickness_m = 0.1, conductivity_w_mk = 0.04, density_kg_m3 = 30.0, specific_heat_j_kgk = 1400.0 },
  { resistance_m2k_w = 0.18 },
]
[constructions.ground_at_air]
albedo = 0.2
emissivity = 1.0
temperature = "air"
[[interventions]]
name = "cool roofs"
where = { surface = "roof", construction = ["bitumen_roof", "gravel_roof"] }
set = { albedo = 0.7 }
""",
    )
    physics = scenario.physics()
    assert physics.convection == "doe-2"
    assert physics.deep_ground_temperature == pytest.approx(284.15)
    assert str(physics.indoor_temperature).endswith("indoor.csv")
    constructions = scenario.constructions()
    assert constructions["my_wall"].albedo == 0.4
    assert constructions["ground_at_air"].temperature == "air"
    (cool,) = scenario.interventions
    assert cool.where.surface == ("roof",)
    assert cool.set == {"albedo": 0.7}
    assert set(scenario.input_files()) == {
        "scenario",
        "city.buildings",
        "city.terrain",
        "city.land_cover",
        "city.trees.top",
        "physics.indoor_temperature_c.csv",
    }
    # Nothing is read and not acted on.
    assert scenario.warnings == []


BAD = [
    ("city = 3", "s.toml: city: wrong value (expected a table, got 3)"),
    ("format = 2", "s.toml: format: wrong value (expected 1, got 2)"),
    ("a = [", "s.toml: not valid TOML"),
    ("formt = 1", "s.toml: formt: unknown key; did you mean 'format'?"),
    (BASE.replace("buildings", "bildings"), "city.bildings: unknown key; did you mean 'buildings'"),
    (BASE.replace("tmax_c", "tmx_c"), "weather.clear_sky.tmx_c: unknown key; did you mean 'tmax_c'"),
    ("[city]\n" + DAY, "city.buildings: one source of buildings is needed"),
    (BASE.replace("b.geojson", "c.geojson"), "city.buildings: no such file (got c.geojson)"),
    (CITY + "[weather]\n", "weather: one source of weather is needed (expected one of epw, csv"),
    (CITY + '[weather]\nepw = "x.epw"', "weather.epw: no such file"),
    (BASE.replace("33", "13"), "weather.clear_sky.tmin_c: minimum above maximum"),
    (BASE.replace("2023-07-14", "2023-02-30"), "weather.clear_sky.date: wrong value (expected a date"),
    (BASE.replace("33", '"33"'), "clear_sky.tmax_c: wrong value (expected a number, got '33')"),
    (BASE.replace("33", "330"), "clear_sky.tmax_c: wrong value (expected a number at most 90, got 330"),
    (BASE.replace(", tmin_c = 20", ""), "weather.clear_sky.tmin_c: missing key"),
    (BASE.replace("[weather]", "extent = [0, 0, 0, 5]\n[weather]"), "city.extent: the extent is empty"),
    (BASE.replace("[weather]", "extent = [9, 0, 1, 5]\n[weather]"), "city.extent: the extent is empty"),
    (BASE.replace("[weather]", "extent = [0, 1]\n[weather]"), "city.extent: wrong value (expected a list of 4"),
    (BASE.replace("[weather]", "resolution_m = 0\n[weather]"), "city.resolution_m: wrong value"),
    (BASE.replace("[weather]", "margin_m = true\n[weather]"), "city.margin_m: wrong value (expected a number, got True)"),
    (
        BASE.replace("[weather]", 'default_roof = "bitumen_rof"\n[weather]'),
        "city.default_roof: unknown construction (got 'bitumen_rof'); did you mean 'bitumen_roof'?",
    ),
    (
        BASE.replace("[weather]", '[city.attributes]\nheigt = "H"\n[weather]'),
        "city.attributes.heigt: unknown key; did you mean 'height'?",
    ),
    (BASE + "[time]\nstep_min = 7", "time.step_min: wrong value (expected a divisor of 60, got 7)"),
    (BASE + "[time]\nstep_min = 2.5", "time.step_min: wrong value (expected a whole number"),
    (BASE + "[time]\nstep_min = 120", "time.step_min: wrong value (expected a number at most 60"),
    (BASE + "[time]\noutput_step_min = 25", "time.output_step_min: wrong value (expected a multiple"),
    (BASE + '[time]\nstart = "14/07"\nend = "07-15"', "time.start: wrong value (expected a time such as"),
    (BASE + '[time]\nstart = "13-14T00:00"\nend = "07-15"', "time.start: wrong value"),
    (BASE + '[time]\nstart = "07-14T00:00"', "time.end: missing key"),
    (BASE + '[time]\nstart = "07-14"\nend = "07-14"', "time.end: the window is empty"),
    (BASE + '[time]\nstart = "2023-07-15"\nend = "2023-07-14"', "time.end: the window is empty or inv"),
    (BASE + '[time]\nstart = "07-14"\nend = "2023-07-15"', "time: one time has a year, the other"),
    (BASE + '[physics]\nconvection = "trap"', "physics.convection: unknown word (got 'trap'); did you mean 'tarp'?"),
    (BASE + "[physics]\nwind_exponent = nan", "physics.wind_exponent: wrong value (expected a finite"),
    (BASE + "[physics]\nwind_exponent = inf", "physics.wind_exponent: wrong value"),
    (BASE + '[physics]\nindoor_temperature_c = "x"', "indoor_temperature_c: wrong value (expected a temp"),
    (BASE + "[physics]\nindoor_temperature_c = { cvs = 'x' }", "physics.indoor_temperature_c: wrong"),
    (BASE + "[physics]\nindoor_temperature_c = { csv = 'x' }", "indoor_temperature_c.csv: no such file"),
    (BASE + "[physics]\nlinear_convection = [1]", "linear_convection: wrong value (expected a list of 2"),
    (BASE + "[physics]\ninside_film_w_m2k = { wal = 1 }", "inside_film_w_m2k.wal: unknown key; did you mean 'wall'"),
    (BASE + "[solver]\nmax_rays = 1.5", "solver.max_rays: wrong value (expected a whole number"),
    (BASE + "[solver]\ntarget_error_k = 0", "solver.target_error_k: wrong value (expected a number more"),
    (BASE + "[constructions.bitumen_roof]\nalbdo = 0.1", "constructions.bitumen_roof: unknown key 'albdo'; did you mean 'albedo'?"),
    (BASE + "[constructions.bitumen_roof]\nalbedo = 1.1", "constructions.bitumen_roof"),
    (BASE + "[constructions.x]\nalbedo = 0.1", "constructions.x: emissivity is missing"),
    (BASE + "[[interventions]]\nwhere = { }\nset = { albedo = 0.1 }", "interventions[1].name: missing"),
    (BASE + '[[interventions]]\nname = "a"', "interventions[1]: an intervention changes one thing"),
    (BASE + '[[interventions]]\nname = "a"\nset = { albdo = 1 }', "interventions[1].set.albdo: unknown key; did you mean 'albedo'?"),
    (BASE + '[[interventions]]\nname = "a"\nset = { albedo = 2 }', "interventions[1].set.albedo: wrong"),
    (BASE + '[[interventions]]\nname = "a"\nwhere = { surface = "rof" }\nset = { albedo = 0.7 }', "where.surface: wrong value (expected ground, roof or wall"),
    (BASE + '[[interventions]]\nname = "a"\nwhere = { azimut = 1 }\nset = { albedo = 0.7 }', "where.azimut: unknown key; did you mean 'azimuth_deg'?"),
    (BASE + '[[interventions]]\nname = "a"\nconstruction = "green_rof"', "interventions[1].construction: unknown construction (got 'green_rof'); did you mean 'green_roof'?"),
    (BASE + '[[interventions]]\nname = "a"\nwhere = { construction = "x" }\nset = { albedo = 0.7 }', "where.construction: unknown construction (got 'x')"),
    (BASE + '[[interventions]]\nname = "a"\nwhere = { polygon = "p.geojson" }\nset = { albedo = 0.7 }', "where.polygon: no such file"),
    ('extends = "none.toml"', "s.toml: extends: no such file (got none.toml)"),
    ('extends = "s.toml"', "scenarios extend each other in a circle"),
    ("extends = 3", "s.toml: extends: wrong value (expected a file name, got 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_every_fault_is_one_line_that_names_file_key_and_remedy(
    folder: Path, text: str, expected: str
) -> None:
    line = fault(folder, text)
    assert line.startswith("s.toml: ")
    assert expected in line


def test_faults_are_gathered_and_reported_once(folder: Path) -> None:
    line = fault(folder, BASE + '[time]\nstep_mn = 7\n[physics]\nconvection = "x"\nwind = 3\n')
    assert "3 faults" in line
    for part in ("time.step_mn", "physics.convection", "physics.wind: unknown key"):
        assert part in line


def test_not_utf8_and_missing_and_folder(folder: Path) -> None:
    (folder / "latin.toml").write_bytes(b'a = "\xe9"')
    for name, expected in (
        ("latin.toml", "not UTF-8 text"),
        ("none.toml", "no such file"),
        (".", "is a folder"),
    ):
        with pytest.raises(InputError, match=expected):
            Scenario.load(folder / name)


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    (folder / "s.toml").write_text(BASE, encoding="utf-8-sig")
    assert Scenario.load(folder / "s.toml").has_city


def test_extends_merges_tables_appends_interventions_and_resolves_paths(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "w.epw").write_text("")
    (folder / "sub" / "v.epw").write_text("")
    roof = (
        '[[interventions]]\nname = "{}"\nwhere = {{ surface = "roof" }}\nset = {{ albedo = 0.7 }}\n'
    )
    write(
        folder,
        CITY
        + '[weather]\nepw = "w.epw"\n[time]\nstart = "07-14"\nend = "07-15"\n'
        + '[physics]\nconvection = "mowitt"\nwind_exponent = 0.2\n'
        + roof.format("first"),
        "base.toml",
    )
    write(
        folder,
        'extends = "../base.toml"\n[weather]\nepw = "v.epw"\n[physics]\nconvection = "tarp"\n'
        + roof.format("second"),
        "sub/child.toml",
    )
    scenario = Scenario.load(folder / "sub" / "child.toml")
    files = scenario.input_files()
    assert files["city.buildings"] == (folder / "b.geojson").resolve()
    assert files["weather.epw"] == (folder / "sub" / "v.epw").resolve()
    assert {"scenario", "scenario[2]"} <= set(files)
    assert scenario.tables.physics.convection == "tarp"
    assert scenario.tables.physics.wind_exponent == 0.2
    assert [entry.name for entry in scenario.interventions] == ["first", "second"]


def test_another_kind_of_weather_replaces_the_base_s(folder: Path) -> None:
    (folder / "w.epw").write_text("")
    write(folder, BASE, "base.toml")
    text = (
        'extends = "base.toml"\n[weather]\nepw = "w.epw"\n[time]\nstart = "07-14"\nend = "07-15"\n'
    )
    scenario = load(folder, text)
    assert scenario.tables.weather is not None
    assert scenario.tables.weather.clear_sky is None


def test_a_fault_in_a_base_names_the_base(folder: Path) -> None:
    write(folder, BASE + '[physics]\nconvection = "x"\n', "base.toml")
    with pytest.raises(InputError, match=r"base\.toml: physics\.convection"):
        load(folder, 'extends = "base.toml"\n')


def test_a_library_construction_can_be_overridden_in_part(folder: Path) -> None:
    from heatmat.materials import library

    scenario = load(folder, BASE + "[constructions.bitumen_roof]\nalbedo = 0.66\n")
    changed = scenario.constructions()["bitumen_roof"]
    assert changed.albedo == 0.66
    assert changed.layers == library()["bitumen_roof"].layers
    assert library()["bitumen_roof"].albedo != 0.66


def test_python_objects_and_tables_do_as_well_as_a_file(folder: Path) -> None:
    day = {"clear_sky": {"date": "2023-07-14", "tmax_c": 33, "tmin_c": 20}}
    by_tables = Scenario(city={"buildings": str(folder / "b.geojson")}, weather=day)
    by_path = Scenario(city=folder / "b.geojson", weather=day)
    assert by_tables.resolved() == by_path.resolved() == load(folder, BASE).resolved()
    with pytest.raises(InputError, match=r"time\.step_mn: unknown key"):
        Scenario(city=folder / "b.geojson", weather=day, time={"step_mn": 3})


def test_objects_are_handed_back_and_leave_a_digest() -> None:
    from dataclasses import dataclass

    @dataclass
    class Thing:
        value: int

    times = {"start": "07-14", "end": "07-15"}
    city, weather = Thing(1), Thing(2)
    scenario = Scenario(city=city, weather=weather, time=times)  # type: ignore[arg-type]
    assert scenario.build_city() is city
    assert scenario.build_weather() is weather
    digest = scenario.resolved()["city"]["sha256"]
    other = Scenario(city=Thing(3), weather=weather, time=times)  # type: ignore[arg-type]
    assert other.resolved()["city"]["sha256"] != digest


def test_interventions_make_a_copy(folder: Path) -> None:
    scenario = load(folder, BASE)
    cooler = scenario.with_interventions(
        [{"name": "cool", "where": {"surface": "roof"}, "set": {"albedo": 0.7}}]
    )
    assert not scenario.interventions
    assert cooler.interventions[0].where.surface == ("roof",)
    assert cooler.resolved()["interventions"] == [
        {"name": "cool", "where": {"surface": ["roof"]}, "set": {"albedo": 0.7}}
    ]
    assert cooler.with_interventions(cooler.interventions[:0]).interventions == cooler.interventions


def test_the_demo_needs_nothing() -> None:
    scenario = Scenario.embedded()
    assert scenario.name == "demo"
    assert (scenario.start, scenario.end) == ("2023-07-14T00:00", "2023-07-15T00:00")
    assert scenario.input_files() == {}


def test_no_city_is_an_error_only_when_it_is_asked_for(folder: Path) -> None:
    scenario = load(folder, '[time]\nstart = "07-14"\nend = "07-15"\n')
    assert not scenario.has_city
    with pytest.raises(InputError, match=r"s\.toml: city: missing table; add \[city\]"):
        scenario.build_city()
    with pytest.raises(InputError, match=r"weather: missing table"):
        scenario.build_weather()
