"""Selections by place, height, sun and warmth, and what is added to or shared in compositions."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

import heatmat as hm
from heatmat.construction import Construction
from heatmat.errors import InputError
from heatmat.interventions import Intervention, Where
from heatmat.maps import Maps
from heatmat.rasterise import maps_from_city
from heatmat.what_if import Applied, apply_interventions
from tests.block_city import block
from tests.map_city import CRS, ORIGIN, make_city

INSULATION = {
    "outside": [
        {"material": "lime_cement_render", "thickness_m": 0.01},
        {"material": "mineral_wool_board", "thickness_m": 0.16},
    ]
}


@pytest.fixture(scope="module")
def known() -> dict[str, Construction]:
    from heatmat.materials import library

    every = library()
    of = {"brick": "solid_brick_wall", "glass": "glass_curtain_wall"}
    of["render"] = "insulated_render_wall"
    named = {new: dataclasses.replace(every[old], name=new) for new, old in of.items()}
    return {**every, **named}


@pytest.fixture(scope="module")
def maps() -> Maps:
    """10 x 20 m, 10 m high, and 10 x 10 m, 6 m high."""
    city = make_city([shapely.box(0, 0, 10, 20), shapely.box(30, 0, 40, 10)], [10.0, 6.0])
    return maps_from_city(city, 1.0)


class Known:
    """An exposure whose values are given."""

    def __init__(self, **values: np.ndarray) -> None:
        self.values = values

    def sun_hours(self, kind: str) -> np.ndarray:
        return self.values[kind]

    def warmth(self, kind: str) -> np.ndarray:
        return self.values[kind]


def apply(maps: Maps, known: dict[str, Construction], *entries: Any, **more: Any) -> Applied:
    return apply_interventions(maps, known, entries, **more)


def test_height_of_walls_and_roofs(maps: Maps, known: dict[str, Construction]) -> None:
    low = Intervention("low", Where(height_m=(0.0, 7.0)), {"albedo": 0.6})
    touched = apply(maps, known, low).touched_m2["low"]
    # The lower house alone: 4 walls of 10 x 6 m; ground has no height.
    assert touched == {"roof": pytest.approx(100.0, rel=1e-4), "wall": pytest.approx(240.0)}


def test_polygon_file_in_another_crs(
    maps: Maps, known: dict[str, Construction], tmp_path: Path
) -> None:
    import geopandas as gpd

    area = shapely.box(*(ORIGIN - 1), *(ORIGIN + [11, 21]))
    hole = shapely.box(*(ORIGIN + [4, 9]), *(ORIGIN + [6, 11]))  # around the roof's middle
    for name, shape, roof in (("whole", area, 200.0), ("hole", area - hole, None)):
        path = tmp_path / f"{name}.geojson"
        gpd.GeoDataFrame(geometry=[shape], crs=CRS).to_crs(4326).to_file(path)
        entry = Intervention("x", Where(polygon=str(path)), {"albedo": 0.6})
        touched = apply(maps, known, entry).touched_m2["x"]
        assert touched["wall"] == pytest.approx(600.0, rel=1e-4)
        assert touched.get("roof") == (None if roof is None else pytest.approx(roof, rel=1e-4))


def test_a_file_without_polygons_is_refused(
    maps: Maps, known: dict[str, Construction], tmp_path: Path
) -> None:
    path = tmp_path / "point.geojson"
    path.write_text(json.dumps({"type": "Point", "coordinates": [2.0, 48.0]}))
    with pytest.raises(InputError, match="holds no polygons"):
        apply(maps, known, Intervention("x", Where(polygon=str(path)), {"albedo": 0.6}))


def test_sun_and_the_hottest_share(maps: Maps, known: dict[str, Construction]) -> None:
    number = maps.facade_ab.shape[0]
    values = Known(wall=np.arange(number, dtype=float))
    walls = Where(surface=("wall",), sun_hours=(2.0, 3.0))
    touched = apply(maps, known, Intervention("x", walls, {"albedo": 0.6}), exposure=values)
    assert touched.touched_m2["x"]["wall"] == pytest.approx(maps.facade_exposed_area[2:4].sum())

    area = maps.facade_exposed_area.astype(float)
    fraction = (area[-1] + 0.5 * area[-2]) / area.sum()
    warmest = Where(surface=("wall",), hottest=fraction)
    done = apply(maps, known, Intervention("x", warmest, {"albedo": 0.6}), exposure=values)
    # The wall that passes the fraction counts whole.
    assert done.touched_m2["x"]["wall"] == pytest.approx(area[-2:].sum())
    changed = done.maps.facade_composition != maps.facade_composition
    assert np.flatnonzero(changed).tolist() == [number - 2, number - 1]


def test_sun_is_only_known_to_a_simulation(maps: Maps, known: dict[str, Construction]) -> None:
    with pytest.raises(InputError, match="only known to a simulation"):
        apply(maps, known, Intervention("x", Where(sun_hours=(0.0, 4.0)), {"albedo": 0.6}))


def test_added_layers_and_finish(maps: Maps, known: dict[str, Construction]) -> None:
    entry = Intervention(
        "warm coat",
        Where(surface=("wall",), construction=("brick",)),
        {"albedo": 0.8},
        add={**INSULATION, "inside": [{"resistance_m2k_w": 0.18}], "finish": "render"},
    )
    done = apply(maps, known, entry)
    coat, brick = done.constructions["brick+warm coat"], known["brick"]
    assert [layer.material for layer in coat.layers[:2]] == [
        "lime_cement_render",
        "mineral_wool_board",
    ]
    assert coat.layers[2:-1] == brick.layers
    assert coat.layers[-1].resistance == 0.18
    assert coat.albedo == 0.8  # set goes over the finish
    assert coat.emissivity == known["render"].emissivity
    assert coat.roughness == known["render"].roughness
    assert coat.u_value() < 0.25 < brick.u_value()


def test_ground_has_no_inside(maps: Maps, known: dict[str, Construction]) -> None:
    entry = Intervention("x", Where(surface=("ground",)), add={"inside": INSULATION["outside"]})
    with pytest.raises(InputError, match="ground has no inside"):
        apply(maps, known, entry)


def test_share_scales_the_rest(maps: Maps, known: dict[str, Construction]) -> None:
    more_glass = Intervention("more glass", Where(surface=("wall",)), share={"glass": 0.4})
    done = apply(maps, known, more_glass)
    composition = dict(done.maps.compositions[done.maps.facade_composition[0]])
    assert composition == {"brick": pytest.approx(0.6), "glass": pytest.approx(0.4)}
    walls = float(maps.facade_exposed_area.sum())
    assert done.touched_m2["more glass"] == {"wall": pytest.approx(0.1 * walls)}
    new = Intervention("new", Where(surface=("wall",)), share={"render": 0.5, "glass": 0.3})
    composition = dict(apply(maps, known, new).maps.compositions[-1])
    assert composition == {
        "brick": pytest.approx(0.2),
        "glass": pytest.approx(0.3),
        "render": pytest.approx(0.5),
    }


def test_a_rest_that_nothing_takes_is_refused(maps: Maps, known: dict[str, Construction]) -> None:
    entry = Intervention("x", Where(surface=("wall",)), share={"brick": 0.5, "glass": 0.3})
    with pytest.raises(InputError, match="the fractions leave a rest"):
        apply(maps, known, entry)


def test_changes_to_what_is_there_already_change_no_label(
    maps: Maps, known: dict[str, Construction]
) -> None:
    brick = known["brick"]
    where = Where(surface=("wall",), construction=("brick",))
    same = [
        Intervention("a", where, {"albedo": brick.albedo, "roughness": brick.roughness}),
        Intervention("b", where, construction="brick"),
        Intervention("c", Where(surface=("wall",)), share={"glass": 0.3}),
        Intervention("d", Where(construction=("brick+a",)), add={"finish": "brick"}),
    ]
    done = apply(maps, known, *same)
    for name in ("facade_composition", "region_composition", "ground_composition"):
        np.testing.assert_array_equal(getattr(done.maps, name), getattr(maps, name))
    assert done.maps.compositions == maps.compositions
    assert done.touched_m2["a"]["wall"] == pytest.approx(0.7 * maps.facade_exposed_area.sum())


EMPTY = [
    (Where(surface=("roof",), azimuth_deg=(0.0, 90.0)), "where.azimuth_deg after surface"),
    (Where(surface=("ground",), height_m=(0.0, 99.0)), "where.height_m after surface"),
    (Where(surface=("wall",), construction=("grass",)), "construction after surface .*of brick"),
    (Where(polygon=((0, 0), (1, 0), (1, 1))), "where.polygon"),
]


@pytest.mark.parametrize(("where", "expected"), EMPTY)
def test_the_key_that_leaves_nothing_is_named(
    maps: Maps, known: dict[str, Construction], where: Where, expected: str
) -> None:
    with pytest.raises(InputError, match=f"matches no surface: none is left by .*{expected}"):
        apply(maps, known, Intervention("x", where, {"albedo": 0.5}))


def test_sun_hours_of_the_block() -> None:
    """On open walls and roofs, the day of the sun; less in the courtyard."""
    exposure = block()._bare_exposure()
    maps = block().maps
    walls, roofs = exposure.sun_hours("wall"), exposure.sun_hours("roof")
    azimuth = maps.facade_azimuth_deg()
    free = maps.facade_exposed_area > 100.0
    south = free & (np.abs(azimuth - 180.0) < 5.0)
    north = free & (np.minimum(azimuth, 360.0 - azimuth) < 5.0)
    # 14 July at 48.84 degrees north, declination 21.6: a day of 2 / 15 acos(-tan tan) = 15.6 h;
    # the sun stands due east and west at cos H = tan(21.6) / tan(48.84), 9.3 h apart.
    assert walls[south].max() == pytest.approx(9.3, abs=0.3)
    assert np.nanmax(walls[north]) < 15.8 - 9.0
    assert roofs.max() == pytest.approx(15.6, abs=0.4)
    ground = exposure.sun_hours("ground")
    assert np.nanmin(ground) < 3.0
    built = np.repeat(np.repeat(maps.building_index, maps.ground_subdivision, 0),
                      maps.ground_subdivision, 1).ravel() >= 0  # fmt: skip
    assert np.isnan(ground[built]).all()


def test_the_hottest_tenth_of_the_block() -> None:
    """A tenth of the ground, to the metre, and warmer than the rest."""
    where = {"surface": "ground", "hottest": 0.1}
    cooler = block().with_interventions([{"name": "x", "where": where, "set": {"albedo": 0.5}}])
    warmth = block()._bare_exposure().warmth("ground")
    maps = block().maps
    k = maps.ground_subdivision
    open_ground = np.repeat(np.repeat(maps.building_index, k, 0), k, 1).ravel() < 0
    inside = np.isfinite(warmth) & open_ground
    assert cooler.touched_m2["x"]["ground"] == pytest.approx(0.1 * inside.sum(), abs=1.0)
    same = (cooler.maps.ground_composition == maps.ground_composition).ravel()
    assert np.nanmin(warmth[~same]) >= np.nanmax(warmth[same & open_ground])


def test_scenario_files_append_and_resolve_polygons(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "park.geojson").write_text("{}")
    (tmp_path / "sub" / "base.toml").write_text(
        "[city]\nembedded = true\n[weather]\n"
        'clear_sky = {date = "2023-07-14", tmax_c = 30, tmin_c = 20}\n'
        '[[interventions]]\nname = "a"\nwhere = {polygon = "park.geojson"}\nset = {albedo = 0.5}\n'
    )
    (tmp_path / "b.toml").write_text(
        'extends = "sub/base.toml"\n[[interventions]]\nname = "b"\n'
        'where = {surface = "wall", hottest = 0.1, height_m = [0, 12]}\n'
        "share = {glass_curtain_wall = 0.4}\n"
    )
    scenario = hm.Scenario.load(tmp_path / "b.toml")
    assert [entry.name for entry in scenario.interventions] == ["a", "b"]
    park = tmp_path / "sub" / "park.geojson"
    assert scenario.interventions[0].where.polygon == str(park)
    assert scenario.input_files()["interventions[1].where.polygon"] == park
    assert scenario.interventions[1].where.height_m == (0.0, 12.0)
    again = scenario.with_interventions([{"name": "c", "add": INSULATION}])
    assert again.interventions[:2] == scenario.interventions
    assert again.interventions[2].add == INSULATION


BAD = [
    ("set = {albedo = 0.5}\nshare = {grass = 1}", "an intervention changes one thing"),
    ("share = {grasss = 0.5}", "share: unknown construction"),
    ("share = {grass = 0.8, water = 0.3}", "at most 1 in sum"),
    ("add = {finish = 'x'}", "add.finish: unknown construction"),
    ("add = {outside = [{material = 'wol', thickness_m = 0.1}]}", "add.outside[0]: no material"),
    ("add = {outside = [{material = 'brick'}]}", "thickness_m missing"),
    ("add = {outsid = []}", "unknown key"),
    ("where = {height_m = [5, 2]}\nset = {albedo = 0.5}", "[from, to] with 0 <= from <= to"),
    ("where = {hottest = 1.5}\nset = {albedo = 0.5}", "where.hottest: wrong value"),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_faults_are_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[city]\nembedded = true\n[weather]\nclear_sky = {date = "2023-07-14", tmax_c = 30, '
        f'tmin_c = 20}}\n[[interventions]]\nname = "x"\n{text}\n'
    )
    with pytest.raises(InputError) as caught:
        hm.Scenario.load(path)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
