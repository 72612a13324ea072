"""What must hold of any what-if, over generated cases."""

from __future__ import annotations

import copy
import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import heatmat as hm
from heatmat.conduction import SlabLayer, discretise, eigenmodes
from heatmat.construction import PROPERTIES
from heatmat.materials import Layer, library, material_library
from heatmat.wall_law import Boundary, Slabs, march, pad_modes
from tests.block_city import (
    COURTYARD,
    CRS,
    STREET,
    X,
    Y,
    block,
    block_scenario,
    seasons,
)  # fmt: skip
from tests.conftest import SEED

STEP, DAY = 1800.0, 48


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
