"""What must hold of any what-if, over generated cases; and what shared rays are worth."""

from __future__ import annotations

import copy
import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import heatmat as hm
import heatmat.field
from heatmat import field_links, field_twins, paired_points
from heatmat.conduction import SlabLayer, discretise, eigenmodes
from heatmat.construction import PROPERTIES
from heatmat.errors import InputError
from heatmat.map_comparison import MapDifference, compare_maps
from heatmat.materials import Layer, library, material_library
from heatmat.paired_benchmark import with_seed
from heatmat.wall_law import Boundary, Slabs, march, pad_modes
from tests.block_city import (
    COURTYARD,
    CRS,
    STREET,
    X,
    Y,
    block,
    block_scenario,
    write_buildings,
)  # fmt: skip
from tests.conftest import SEED

STEP, DAY = 1800.0, 48


# --- nothing changes -------------------------------------------------------------------------


@functools.cache
def bright_walls() -> MapDifference:
    """East walls white in the block, roofs of the ring lighter: something of everything."""
    return compare_maps(block(), block().with_interventions(BRIGHT), resolution=4.0)


BRIGHT = [
    {"name": "east", "where": {"surface": "wall", "azimuth_deg": [45, 135]},
     "set": {"albedo": 0.8}},
    {"name": "ring", "where": {"surface": "roof", "building_id": "ring"}, "set": {"albedo": 0.6}},
]  # fmt: skip


def test_an_intervention_that_changes_nothing_is_exactly_zero() -> None:
    brick, roof = (block().constructions[n] for n in ("solid_brick_wall", "bitumen_roof"))
    same = block().with_interventions(
        [
            {"name": "a", "where": {"surface": "wall"}, "set": {"albedo": brick.albedo}},
            {"name": "b", "where": {"surface": "roof"}, "add": {"finish": roof.name}},
            {"name": "c", "where": {"surface": "ground"}, "share": {"asphalt_street": 1.0}},
        ]
    )
    assert {name: set(areas) for name, areas in same.touched_m2.items()} == {
        "a": {"wall"}, "b": {"roof"}, "c": {"ground"}
    }  # fmt: skip
    found = compare_maps(block(), same, resolution=8.0)
    for name in ("surface_temperature_change", "surface_temperature_change_standard_error"):
        assert (found.ds[name].values == 0.0).all()
    assert (found.walls.change == 0.0).all()
    assert (found.table()["change_k"] == 0.0).all()
    assert found.sentences() == []


def test_what_no_ray_reaches_is_exactly_zero() -> None:
    """The western face of the ring looks away from everything that was changed."""
    walls = bright_walls().walls
    west = (np.abs(walls.table["azimuth_deg"] - 270.0) < 5.0) & (walls.table["x0"] < X - 15.0)
    assert west.any()
    assert (walls.change[west.to_numpy()] == 0.0).all()
    assert (walls.error[west.to_numpy()] == 0.0).all()


def test_rays_traced_once_for_both_sides_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texels, pixels and storeys, to the last bit."""

    def found() -> MapDifference:
        side = copy.copy(block())
        side._field = None
        return compare_maps(side, side.with_interventions(BRIGHT), resolution=8.0)

    traced = []
    real = field_links.texels.trace_links
    monkeypatch.setattr(
        field_links.texels, "trace_links", lambda *a: (traced.append(1), real(*a))[1]
    )
    once = found()
    number = len(traced)
    for module in (heatmat.field, field_twins):
        monkeypatch.setattr(module, "same_rays", lambda a, b: False)
    twice = found()
    assert len(traced) == 3 * number
    np.testing.assert_array_equal(
        once.ds["surface_temperature_change"], twice.ds["surface_temperature_change"]
    )
    np.testing.assert_array_equal(once.walls.change, twice.walls.change)
    assert np.abs(once.walls.change).max() > 1.0


def test_paths_traced_once_for_both_sides_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roof that changes, one said to be of brick, ground as a point and as a square."""
    points = {"id": list("abcd"), "surface": ["roof", "roof", "ground", "ground"],
              "x": [X - 16.0, X - 16.0, X, X + 27.0], "y": [Y, Y + 2.0, Y, Y],
              "construction": ["", "solid_brick_wall", "", ""],
              "resolution_m": [0.0, 0.0, 0.0, 4.0]}  # fmt: skip
    sides = block(), block().with_interventions(BRIGHT)
    once = hm.compare(*sides, points, max_rays=128).ds
    monkeypatch.setattr(paired_points, "shareable", lambda a, b: False)
    twice = hm.compare(*sides, points, max_rays=128).ds
    for name in once.data_vars:
        np.testing.assert_array_equal(once[name], twice[name])
    assert once["temperature_difference"].values[0].min() < -5.0
    assert np.abs(once["temperature_difference"].values[1]).max() < 1.0


# --- where it warms and where it cools -------------------------------------------------------


def test_tables_agree_with_the_maps() -> None:
    found = bright_walls()
    table = found.table("changed").set_index(["surface", "changed", "period"])
    roof = table.loc[("roof", True, "day")]
    assert roof["change_k"] < -10.0
    assert roof["area_m2"] == pytest.approx(1200.0 - 16.0 * 12.0, rel=0.01)
    ds = found.ds
    whole = found.table().query("surface == 'ground' and period == 'all'")["change_k"].iloc[0]
    ground = ds["ground_temperature_change"].mean(("y", "x")).mean().item()
    # Pixels weigh a pixel with a strip of ground as one without a roof; parts weigh by area.
    assert whole == pytest.approx(ground, rel=0.1)
    assert whole > 0.02
    hourly = found.table("changed", hourly=True)
    assert len(hourly) == 24 * len(found.table("changed")) // 3
    by_building = found.table("building_id").query("surface == 'roof' and period == 'all'")
    assert set(by_building["building_id"]) == {"ring", "house"}


def test_the_street_warms_because_more_light_falls_on_it() -> None:
    found = bright_walls()
    rows = found.explain().set_index(["group", "period"])
    five = ["absorbed_shortwave", "net_longwave", "convection", "latent", "conduction"]
    sums = rows[[f"{name}_w_m2" for name in five]].sum(axis=1)
    # Single precision on fluxes of some hundred W/m2; the balance itself is held to 0.5 W/m2.
    np.testing.assert_allclose(sums, 0.0, atol=0.05)
    street = rows.loc[("unchanged ground that warms", "day")]
    assert street["change_k"] > 4.0 * street["standard_error_k"]
    assert street["incident_shortwave_w_m2"] > street["absorbed_shortwave_w_m2"] > 0.0
    assert street["convection_w_m2"] < 0.0
    roof = rows.loc[("changed roofs", "day")]
    assert roof["absorbed_shortwave_w_m2"] < -100.0
    text = " ".join(found.sentences())
    assert "Unchanged ground that warms is" in text
    assert "Changed roofs are" in text


def test_files_of_a_comparison(tmp_path: Path) -> None:
    folder = bright_walls().save(tmp_path / "out", title="Bright & white", figures=False)
    page = (folder / "report.html").read_text("utf-8")
    assert "Bright &amp; white" in page
    assert "Unchanged ground that warms is" in page
    assert "interventions[1].set.albedo" in page
    for word in ("http://", "https://", "<script"):
        assert word not in page
    walls = gpd.read_file(folder / "walls_difference.gpkg")
    assert walls["change_day_k"].min() < -5.0
    assert (folder / "change_by_hour.csv").read_text().count("\n") > 24


# --- generated cases -------------------------------------------------------------------------


OWN = {"ground": "asphalt_street", "roof": "bitumen_roof", "wall": "solid_brick_wall"}


@settings(max_examples=5)
@given(
    kinds=st.lists(st.sampled_from(sorted(OWN)), min_size=1, max_size=3),
    properties=st.lists(st.sampled_from(PROPERTIES), min_size=1, unique=True),
    finish=st.booleans(),
)
def test_what_is_set_to_what_it_is_changes_nothing(
    kinds: list[str], properties: list[str], finish: bool
) -> None:
    """Points by paths; maps and facades are above."""
    changes = []
    for i, kind in enumerate(kinds):
        own = block().constructions[OWN[kind]]
        change: dict[str, Any] = {"set": {key: getattr(own, key) for key in properties}}
        if finish:
            change["add"] = {"finish": own.name}
        changes.append({"name": f"same {i}", "where": {"surface": kind}, **change})
    points = {"id": ["p", "q", "r"], "surface": ["ground", "ground", "roof"],
              "x": [X, X + 27.0, X - 16.0], "y": [Y, Y, Y]}  # fmt: skip
    with block().with_interventions(changes) as same:
        found = hm.compare(block(), same, points, max_rays=64).ds
    assert same.touched_m2.keys() == {change["name"] for change in changes}
    assert (found["temperature_difference"].values == 0.0).all()
    assert (found["standard_error"].values == 0.0).all()


SEASONS = ("2023-01-20", "2023-04-10", "2023-07-14")


@functools.cache
def seasons(date: str) -> hm.Simulation:
    """The block on a clear day, by the hour."""
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    clear = {**given["weather"]["clear_sky"], "date": date}
    time = {"start": f"{date}T00:00", "end": f"{date}T20:00", "step_min": 60, "spin_up_days": 1}
    scenario = hm.Scenario(
        city=given["city"], solver=given["solver"], weather={"clear_sky": clear}, time=time
    )
    return block().beside(scenario)


GROUND = [COURTYARD, STREET, (X + 27.0, Y), (X - 30.0, Y + 5.0)]
PATCHES = [
    *(("ground", x, y, np.nan) for x, y in GROUND),
    *(("roof", x, y, np.nan) for x, y in [(X - 15.0, Y + 12.0), (X, Y - 10.0), (X + 40.0, Y)]),
    *(("wall", X + side, Y + 0.5, z) for side in (20.0, -20.0, 8.0, 34.0) for z in (2.0, 7.0)),
]
"""Surface, place and height: in court, street and open, on both buildings, to east and west."""


@settings(max_examples=8)
@given(
    patch=st.sampled_from(PATCHES),
    date=st.sampled_from(SEASONS),
    made=st.sampled_from(["asphalt_street", "concrete_wall", "bitumen_roof", "solid_brick_wall"]),
    albedos=st.tuples(st.floats(0.0, 0.95), st.floats(0.0, 0.95)).map(sorted),
)
def test_one_small_patch_of_anything_made_brighter_alone_is_never_warmer(
    patch: tuple[str, float, float, float], date: str, made: str, albedos: list[float]
) -> None:
    """A patch too small to be seen by others, on ground, roof and wall, in three seasons."""
    surface, x, y, z = patch
    base = seasons(date)
    names = []
    known = dict(base.constructions)
    for albedo in albedos:
        names.append(f"patch {albedo!r}")
        known[names[-1]] = dataclasses.replace(known[made], name=names[-1], albedo=albedo)
    side = copy.copy(base)
    side.constructions, side._extra, side._solver = known, set(), None
    points = {"id": ["darker", "brighter"], "surface": [surface] * 2, "x": [x] * 2, "y": [y] * 2,
              "z": [z] * 2, "construction": names}  # fmt: skip
    with side:
        found = side.query(points, target_error=1e-9, max_rays=64, method="paths").ds
    darker, brighter = found["surface_temperature"].transpose("point", "time").values
    change = brighter - darker
    # Single precision at 320 K: 3e-5 K a step, a few of them in a day.
    assert change.max() <= 1e-3
    if albedos[1] - albedos[0] > 0.05:
        assert change.min() < 0.0


@settings(max_examples=3)
@given(
    place=st.sampled_from(GROUND),
    albedos=st.tuples(st.floats(0.0, 0.95), st.floats(0.0, 0.95)).map(sorted),
)
def test_four_square_metres_made_brighter_alone_are_never_warmer(
    place: tuple[float, float], albedos: list[float]
) -> None:
    """Ground that walls see, which send some of its light back."""
    x, y = place
    square = [[x - 1, y - 1], [x + 1, y - 1], [x + 1, y + 1], [x - 1, y + 1]]
    sides = [
        block().with_interventions(
            [{"name": "patch", "where": {"surface": "ground", "polygon": square},
              "set": {"albedo": albedo}}]
        )
        for albedo in albedos
    ]  # fmt: skip
    points = {"id": ["p"], "surface": ["ground"], "x": [x], "y": [y]}
    change = hm.compare(*sides, points, max_rays=128).ds["temperature_difference"].values
    for side in sides:
        side.close()
    assert change.max() <= 1e-3
    if albedos[1] - albedos[0] > 0.05:
        assert change.min() < 0.0


@functools.cache
def courtyard() -> hm.Simulation:
    """A cube of 10 m, open above, in a block 10 m high: the enclosure."""
    folder = Path(tempfile.mkdtemp(prefix="heatmat-tests-cube-"))
    ring = shapely.box(X - 15, Y - 15, X + 15, Y + 15) - shapely.box(X - 5, Y - 5, X + 5, Y + 5)
    rows = {"id": ["cube"], "height": [10.0]}
    path = folder / "cube.gpkg"
    gpd.GeoDataFrame(rows, geometry=[ring], crs=CRS).to_file(path, driver="GPKG")
    city = {"buildings": str(path), "crs": CRS, "extent": [X - 20, Y - 20, X + 20, Y + 20],
            "margin_m": 5.0}  # fmt: skip
    time = {"start": "2023-07-14T08:00", "end": "2023-07-14T16:00", "step_min": 60,
            "spin_up_days": 1}  # fmt: skip
    return hm.Simulation(block_scenario(folder, city=city, time=time), device="cpu", seed=SEED)


ENCLOSURE = {
    "id": ["floor", "south", "north", "east", "west"],
    "surface": ["ground", "wall", "wall", "wall", "wall"],
    "x": [X, X, X, X + 5, X - 5],
    "y": [Y, Y - 5, Y + 5, Y, Y],
    "z": [0.0, 5.0, 5.0, 5.0, 5.0],
    "resolution_m": [10.0] * 5,
}
"""Floor and inner walls, whole."""


@settings(max_examples=8)
@given(
    surfaces=st.sampled_from([["ground"], ["wall"], ["ground", "wall"]]),
    facing=st.sampled_from([None, [45.0, 135.0], [135.0, 225.0]]),
    first=st.floats(0.05, 0.6),
    more=st.floats(0.1, 0.35),
)
def test_the_total_absorbed_by_an_enclosure_never_rises_with_albedo(
    surfaces: list[str], facing: list[float] | None, first: float, more: float
) -> None:
    totals = []
    for albedo in (first, first + more):
        where: dict[str, Any] = {"surface": surfaces}
        if facing and surfaces == ["wall"]:
            where["azimuth_deg"] = facing
        side = courtyard().with_interventions(
            [{"name": "x", "where": where, "set": {"albedo": albedo}}]
        )
        with side:
            found = side.query(ENCLOSURE, target_error=1e-9, max_rays=256).ds
        totals.append(found["absorbed_shortwave"].sum("point").values)  # five equal areas
    lit = totals[0] > 1.0
    assert lit.all()
    # Both sides follow the same paths: what sampling leaves of the difference is within a tenth of
    # it, and that is more than 1 % of the total.
    assert (totals[1] < totals[0]).all()


def _insulated(name: str, thickness: float) -> tuple[list[Layer], list[Layer]]:
    bare = list(library()[name].layers)
    return bare, [Layer.of(material_library()["mineral_wool_board"], thickness), *bare]


def _slabs(layers: list[Layer], emissivity: float) -> Slabs:
    made = [
        SlabLayer(layer.thickness, layer.thermal_conductivity, layer.volumetric_heat_capacity)
        for layer in layers
    ]
    rate, surface, inner = pad_modes([eigenmodes(discretise(made, 7.69))])
    one = np.ones(1)
    return Slabs(rate, surface, inner, one, emissivity * one, 0 * one, np.zeros(1, int), 280 * one)


def _face(slabs: Slabs, air: np.ndarray, film: float, sky: float) -> np.ndarray:
    series = air[None, :]
    boundary = Boundary(
        step=STEP,
        shortwave=np.zeros_like(series),
        longwave=np.full_like(series, sky),
        air=series,
        inner=np.full_like(series, 295.15),
        evaporation=np.zeros_like(series),
        film=lambda n, theta: np.full_like(theta, film),
    )
    return march(slabs, boundary, DAY).temperature[0]


@settings(max_examples=20)
@given(
    name=st.sampled_from(["solid_brick_wall", "concrete_wall", "stone_wall"]),
    thickness=st.floats(0.02, 0.3),
    mean=st.floats(255.0, 285.0),
    swing=st.floats(0.0, 8.0),
    film=st.floats(3.0, 25.0),
    emissivity=st.floats(0.0, 0.95),
)  # fmt: skip
def test_outside_insulation_never_warms_the_face_in_the_cold(
    name: str, thickness: float, mean: float, swing: float, film: float, emissivity: float
) -> None:
    """Without sun, air and surroundings colder than the room throughout.

    It holds for the mean of a periodic day, whatever the wave. It holds at every hour where the
    wave of the air is no higher than the steady gap, by which the insulated face is the colder one:
    with h the film and Y the admittance of the wall, whose real part is not negative, the face
    follows the air by w = h / (h + Y), within 1/2 of 1/2, so that two walls differ by a wave's
    height at most. In a higher wave it need not hold: an insulated face follows the air sooner, so
    that on a morning that warms up it may be ahead of the masonry (the next test). In sun it does
    not hold: what was stored by the wall then heats the face.
    """
    time = np.arange(0, 3 * DAY + 1) * STEP
    wave = np.sin(2 * np.pi * time / 86400.0)
    sky = 5.67e-8 * mean**4
    slabs = [_slabs(layers, emissivity) for layers in _insulated(name, thickness)]
    day = slice(2 * DAY + 1, 3 * DAY + 1)
    bare, coated = (_face(slab, mean + swing * wave, film, sky) for slab in slabs)
    # The march is exact for the slab; fourth powers are linear within a step: 1 mK.
    assert coated[day].mean() <= bare[day].mean() + 1e-3
    still = [_face(slab, np.full(DAY + 1, mean), film, sky)[1:] for slab in slabs]
    gap = float((still[0] - still[1]).min())
    assert gap > 0.0
    if swing > gap:
        bare, coated = (_face(slab, mean + gap * wave, film, sky) for slab in slabs)
    assert (coated[day] <= bare[day] + 1e-3).all()


@functools.cache
def cold(date: str) -> hm.Simulation:
    """The block on a clear day under 9 degrees, rooms at 22."""
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    clear = {**given["weather"]["clear_sky"], "date": date, "tmax_c": 9.0, "tmin_c": -1.0,
             "dew_point_c": -4.0}  # fmt: skip
    scenario = hm.Scenario(
        city=given["city"], solver=given["solver"], weather={"clear_sky": clear},
        time={"step_min": 60, "spin_up_days": 1},
    )  # fmt: skip
    return block().beside(scenario)


FACES = [place for place in PATCHES if place[0] == "wall"]


@settings(max_examples=4)
@given(
    date=st.sampled_from(["2023-01-20", "2023-02-20", "2023-12-10"]),
    thickness=st.floats(0.02, 0.3),
    material=st.sampled_from(["mineral_wool_board", "expanded_polystyrene"]),
    azimuth=st.sampled_from([[0.0, 360.0], [45.0, 135.0], [225.0, 315.0]]),
)
def test_outside_insulation_of_a_city_in_the_cold_warms_no_face(
    date: str, thickness: float, material: str, azimuth: list[float]
) -> None:
    """The mean of a winter's day with its sun, by the whole model: faces that light each other."""
    layer = {"outside": [{"material": material, "thickness_m": thickness}]}
    entry = {"name": "coat", "where": {"surface": "wall", "azimuth_deg": azimuth}, "add": layer}
    base = cold(date)
    points = {"id": [str(i) for i in range(len(FACES))],
              **{k: [row[n] for row in FACES]
                 for n, k in enumerate(("surface", "x", "y", "z"))}}  # fmt: skip
    with base.with_interventions([entry]) as coated:
        found = hm.compare(base, coated, points, max_rays=64).ds
    change = found["temperature_difference"].mean("time").values
    assert change.max() <= 1e-3
    assert change.min() < -0.1


def test_it_may_warm_the_face_for_some_hours_of_a_cold_day() -> None:
    time = np.arange(0, 3 * DAY + 1) * STEP
    air = 270.0 + 6.0 * np.sin(2 * np.pi * time / 86400.0)
    bare, coated = (_face(_slabs(layers, 0.0), air, 12.0, 0.0)
                    for layers in _insulated("solid_brick_wall", 0.16))  # fmt: skip
    ahead = (coated - bare)[2 * DAY :]
    assert 0.2 < ahead.max() < 2.0
    assert ahead.mean() < -0.5


# --- what shared rays are worth --------------------------------------------------------------


def test_pairs_are_more_certain_than_runs_apart() -> None:
    """Differences at points that one bright wall shines on, paired and with different seeds."""
    before = block()
    after = before.with_interventions(BRIGHT[:1])
    x, y = np.meshgrid(X + np.arange(21.5, 33.0, 3.0), Y + np.arange(-12.0, 13.0, 6.0))
    points = {"id": [f"p{i}" for i in range(x.size)], "surface": ["ground"] * x.size,
              "x": x.ravel(), "y": y.ravel()}  # fmt: skip
    sides = []
    for seed in range(4):
        pair = [copy.copy(side) for side in (before, after)]
        for one, side in zip(pair, (before, after), strict=True):
            one.seed, one._solver = seed, side.solver
        sides.append(hm.compare(*pair, points, max_rays=128).ds)
    a, b = (np.stack([ds[f"temperature_{s}"].values for ds in sides]) for s in "ab")
    mean = (b - a).mean(axis=0)
    count = len(sides)
    paired = np.sqrt(((b - a - mean) ** 2).mean() * count / (count - 1))
    apart = np.sqrt(((b - np.roll(a, 1, axis=0) - mean) ** 2).mean())
    told = np.sqrt(np.mean([(ds["standard_error"].values ** 2).mean() for ds in sides]))
    assert apart > 3.0 * paired
    # Four seeds of twenty points: told errors within a third of the spread.
    assert told == pytest.approx(paired, rel=0.33)


def test_errors_of_tables_are_those_over_seeds() -> None:
    """Means of ground and of the walls of each building that were not changed, by day and night.

    One degree of freedom each: eight seeds tell a ratio of root mean squares to a third. Halves of
    the field that have all iterates but the last in common told a tenth of it at night.
    """
    tables = []
    for seed in range(8):
        sides = [with_seed(side, seed) for side in _roofs()]
        table = compare_maps(*sides, resolution=10.0).table("building_id")
        rows = table["surface"].isin(["ground", "wall"]) & (table["period"] != "all")
        tables.append(table[rows][["change_k", "standard_error_k"]].to_numpy())
    change, told = np.moveaxis(np.stack(tables), 2, 0)
    assert change.shape[1] == 6
    spread = change.std(axis=0, ddof=1)
    ratio = np.sqrt((told**2).mean(axis=0)) / spread
    assert ((ratio > 0.4) & (ratio < 2.0)).all()
    assert 0.65 < np.sqrt((ratio**2).mean()) < 1.5


@functools.cache
def _roofs() -> tuple[hm.Simulation, hm.Simulation]:
    base = copy.copy(seasons("2023-07-14"))
    base._field = None
    roofs = {"name": "roofs", "where": {"surface": "roof"}, "set": {"albedo": 0.7}}
    return base, base.with_interventions([roofs])


# --- refusals --------------------------------------------------------------------------------


def _other(**tables: Any) -> hm.Simulation:
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    merged = {key: {**given[key], **value} for key, value in tables.items()}
    return hm.Simulation(
        hm.Scenario(
            **{key: merged.get(key, given[key]) for key in ("city", "weather", "time", "solver")}
        ),
        device="cpu",
        seed=SEED,
    )


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("city.extent", {"city": {"extent": [X - 40.0, Y - 40.0, X + 56.0, Y + 40.0]}}),
    ("city.margin_m", {"city": {"margin_m": 26.0}}),
    ("city.crs", {"city": {"crs": "EPSG:25831"}}),
    ("city.resolution_m", {"city": {"resolution_m": 2.0}}),
    ("city.buildings", {"city": {"buildings": "moved.gpkg"}}),
    ("city.buildings (heights)", {"city": {"buildings": "higher.gpkg"}}),
    ("city.terrain", {"city": {"terrain": "hill.tif"}}),
    ("time.step_min", {"time": {"step_min": 30}}),
    ("time.output_step_min", {"time": {"output_step_min": 30}}),
    ("time.start", {"time": {"start": "2023-07-14T06:00", "end": "2023-07-15T00:00"}}),
    # The last output time is the same.
    ("time.end", {"time": {"start": "2023-07-14T00:00", "end": "2023-07-15T00:30"}}),
    ("time.start", {"weather": {"clear_sky": {"date": "2023-07-15"}}}),
    ("time.spin_up_days", {"time": {"spin_up_days": 2}}),
    ("weather.utc_offset_h", {"weather": {"clear_sky": {"utc_offset_h": 2.0}}}),
    ("solver.field_resolution_m", {"solver": {"field_resolution_m": 8.0}}),
]
"""Every key of extent, grid and time, alone."""


def _changed_city(folder: Path, name: str) -> str:
    """The block's buildings, moved or higher; or a hill under them."""
    import rasterio

    path = folder / name
    if path.suffix == ".tif":
        heights = np.add.outer(np.zeros(30), np.linspace(0.0, 30.0, 30)).astype(np.float32)
        transform = rasterio.transform.from_origin(X - 150.0, Y + 150.0, 10.0, 10.0)
        with rasterio.open(
            path, "w", driver="GTiff", width=30, height=30, count=1, dtype="float32", crs=CRS,
            transform=transform,
        ) as file:  # fmt: skip
            file.write(heights, 1)
        return str(path)
    table = gpd.read_file(write_buildings(folder / "buildings.gpkg"))
    if name.startswith("moved"):
        table.geometry = table.geometry.translate(1.0, 0.0)
    else:
        table["height"] += 1.0
    table.to_file(path, driver="GPKG")
    return str(path)


@pytest.mark.parametrize(("key", "tables"), REFUSED, ids=[f"{k}-{v}" for k, v in REFUSED])
def test_the_key_that_differs_is_named(key: str, tables: dict[str, Any], tmp_path: Path) -> None:
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    merged = {name: dict(given[name]) for name in ("city", "weather", "time", "solver")}
    for table, values in tables.items():
        for name, value in values.items():
            if name in ("buildings", "terrain"):
                value = _changed_city(tmp_path, value)
            old = merged[table].get(name)
            merged[table][name] = {**old, **value} if isinstance(value, dict) else value
    other = block().beside(hm.Scenario(**merged))
    with pytest.raises(InputError, match="differ in more than their materials") as caught:
        compare_maps(block(), other)
    assert caught.value.where == key


def test_a_city_is_shared_where_both_name_the_same() -> None:
    scenario = block().scenario.with_interventions(BRIGHT)
    other = block().beside(scenario)
    assert other._bare_maps is block()._bare_maps
    assert other.forcing is block().forcing
    assert set(other.touched_m2) == {"east", "ring"}
