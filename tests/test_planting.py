"""Trees as interventions and from files: where they stand, how wide, and what they change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

import heatmat as hm
from heatmat.crown_rasters import CrownRasters, crowns_from_raster, put_tree
from heatmat.errors import InputError
from heatmat.planting import CLEARANCE, obstacles_of, plant, tree_positions

CORNER = (450_000.0, 5_410_000.0)


def scenario(folder: Path, more: str = "", trees: bool = True, ground: tuple = ()) -> hm.Scenario:
    """A house, a tagged tree south of it, and a row of trees to the west; areas of ground."""
    shapes = [
        (shapely.box(0, 0, 12, 10), {"building": "yes", "height": 9.0}),
        (shapely.Point(6, -8), {"natural": "tree", "height": "8", "diameter_crown": "6"}),
        (shapely.LineString([(-10, -12), (-10, 12)]), {"natural": "tree_row"}),
        *((area, {"ground": "asphalt_street", "kind": kind}) for area, kind in ground),
    ]
    features = [
        {"type": "Feature", "properties": tags,
         "geometry": shapely.geometry.mapping(shapely.transform(s, lambda xy: xy + CORNER))}
        for s, tags in shapes
    ]  # fmt: skip
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    (folder / "b.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "crs": crs, "features": features})
    )
    table = "[city.trees]\n" if trees else ""
    (folder / "s.toml").write_text(
        f"""format = 1
[city]
buildings = "b.geojson"
margin_m = 20
extent = [449985, 5409980, 450025, 5410015]
{table}
[weather]
clear_sky = {{ date = "2023-07-14", tmax_c = 30, tmin_c = 18 }}
{more}"""
    )
    return hm.Scenario.load(folder / "s.toml")


PLANTED = """
[[interventions]]
name = "a row"
trees = { line = [[449990, 5409985], [450020, 5409985]], spacing_m = 10, height_m = 12 }
"""


def test_trees_of_the_buildings_file_become_crowns(tmp_path: Path) -> None:
    with hm.Simulation(scenario(tmp_path)) as simulation:
        maps = simulation.maps
        assert maps.has_crowns and maps.counts["trees_placed"] == 4
        x, y = np.array([6.0, -8.0]) + CORNER - maps.origin
        row = int((maps.south + maps.ny - y) // 1)
        column = int((x - maps.west) // 1)
        # The ellipsoid's middle column, within what half a cell takes off it.
        assert 7.5 < maps.crown_top[row, column] <= 8.0
        assert maps.crown_base[row, column] < 2.5
        # Area of a circle of 6 m and three of 7.5 m, in cells of 1 m, and none under the house.
        assert maps.counts["crown_area_m2"] == pytest.approx(np.pi * (9 + 3 * 14.06), rel=0.15)
    with hm.Simulation(scenario(tmp_path, trees=False)) as simulation:
        assert not simulation.maps.has_crowns


def test_a_planted_row_shades_what_is_under_it(tmp_path: Path) -> None:
    base = scenario(tmp_path, trees=False)
    with hm.Simulation(base) as before:
        after = hm.Simulation(scenario(tmp_path, PLANTED, trees=False))
        assert after.touched_m2["a row"]["crown"] == pytest.approx(3 * 44.2, rel=0.15)
        assert not before.maps.has_crowns
        place = {"id": ["a"], "surface": ["ground"], "x": [450_005.0], "y": [5_409_985.0], "z": [0]}
        change = hm.compare(before, after, place).to_dataframe()
        after.close()
    noon = change[[str(t)[11:13] == "12" for t in change["time"]]]
    assert (noon["temperature_difference"] < -5.0).all()


def test_positions_and_faults(tmp_path: Path) -> None:
    points, row = tree_positions(
        {"line": [[0, 0], [30, 0]], "spacing_m": 10.0, "points": [[1.0, 2.0]]}
    )
    np.testing.assert_allclose(points, [[1, 2]])
    np.testing.assert_allclose(row, [[5, 0], [15, 0], [25, 0]])
    with hm.Simulation(scenario(tmp_path, trees=False)) as simulation:
        wish = {"points": [[0.0, 0.0]], "height_m": 10.0, "crown_diameter_m": 6.0}
        with pytest.raises(InputError, match="no tree stands"):
            plant(simulation.maps, wish, "far")
        with pytest.raises(InputError, match="below its base"):
            plant(simulation.maps, {**wish, "base_m": 11.0}, "upside down")
        rooms = {**wish, "points": [[450_002.0, 5_409_985.0], [450_006.0, 5_410_005.0]]}
        with pytest.raises(InputError, match="1 of 2 trees stand in buildings"):
            plant(simulation.maps, rooms, "a palm in the hall")
    with pytest.raises(InputError, match="changes one thing"):
        scenario(tmp_path, PLANTED + 'construction = "grass"\n')


STREET = shapely.box(4, -30, 8, -1)
ISLAND = shapely.box(4.5, -18, 7.5, -12)
"""A carriageway from south to north, and a lawn in it."""


def test_a_row_has_a_gap_where_a_street_crosses_it(tmp_path: Path) -> None:
    """Trees 5 m apart from x = -10 to 20: those on the street and at its kerb are left out."""
    row = PLANTED.replace("spacing_m = 10", "spacing_m = 5")
    ways = ((STREET, "street"), (shapely.box(-12, -30, -8, -1), "footway"))
    with hm.Simulation(scenario(tmp_path, row, trees=False, ground=ways)) as simulation:
        note = f"a row: 1 trees of the row left out, within {CLEARANCE:g} m of a carriageway"
        assert any(text.startswith(note) for text in simulation.notes)
        x = np.floor(np.array([-7.5, -2.5, 2.5, 7.5, 12.5, 17.5]) + CORNER[0])
        maps = simulation.maps
        column = (x - maps.origin[0] - maps.west).astype(int)
        line = int(maps.south + maps.ny - (5_409_985.0 - maps.origin[1]))
        # Crowns of 7.5 m hide that stems stand 5 m apart: where they are tallest there is a stem.
        high = maps.crown_top[line, column]
        assert (high[[0, 1, 2, 4, 5]] > 11.5).all() and high[3] < 11.5
        bare = simulation.with_interventions([])
        assert bare.notes == simulation.notes  # of the scenario's own row


def test_what_a_row_keeps_away_from(tmp_path: Path) -> None:
    ways = ((STREET, "street"), (ISLAND, "verge"))
    with hm.Simulation(scenario(tmp_path, trees=False, ground=ways)) as simulation:
        city, maps = simulation.city, simulation.maps
        obstacles = obstacles_of(city)

        def left_out(*line: tuple[float, float]) -> int:
            ends = (np.array(line) + CORNER).tolist()
            wish = {"line": ends, "spacing_m": 4.0, "height_m": 9.0, "crown_diameter_m": 5.0}
            return plant(maps, wish, "row", obstacles)[2]

        assert left_out((0, -25), (24, -25)) == 1  # x = 6 of 2, 6, 10, ...
        assert left_out((0.9, -25), (24.9, -25)) == 1  # 2.9 is 1.1 m off, 6.9 inside
        assert left_out((1.1, -25), (25.1, -25)) == 2  # 3.1 is 0.9 m off
        assert left_out((0, -15), (24, -15)) == 0  # on the island
        with pytest.raises(InputError, match="whole row"):  # along the wall, half a metre off
            left_out((12.5, 0), (12.5, 10))
        assert left_out((13.1, 0), (13.1, 10)) == 0
        wish = {"points": [[450_006.0, 5_409_975.0]], "height_m": 9.0, "crown_diameter_m": 5.0}
        assert plant(maps, wish, "in the street, as wished", obstacles)[2] == 0


def test_crowns_that_overlap_join() -> None:
    rasters = CrownRasters.empty((20, 20))
    assert put_tree(rasters, 8.0, 10.0, (8.0, 6.0, 2.0), 1.0)
    assert put_tree(rasters, 11.0, 10.0, (12.0, 6.0, 4.0), 1.0)
    assert not put_tree(rasters, 60.0, 10.0, (12.0, 6.0, 4.0), 1.0)
    # Between the trunks: from the lower one's base to the higher one's top, as thin as the thinner.
    assert rasters.top[10, 9] > 9.0 and rasters.base[10, 9] < 3.0
    assert rasters.density[10, 9] == pytest.approx(1.0 / (4.0 / 3.0 * 4.0))


def test_a_canopy_raster_becomes_crowns(tmp_path: Path) -> None:
    from rasterio.transform import from_origin

    heights = np.array([[0.0, 8.0], [0.3, 130.0]], np.float32)
    crs = rasterio.crs.CRS.from_epsg(32631)
    for name, values in (("good", heights.clip(max=20.0)), ("bad", heights)):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", height=2, width=2, count=1,
            dtype="float32", crs=crs, transform=from_origin(*CORNER, 2.0, 2.0),
        ) as file:  # fmt: skip
            file.write(values, 1)
    fine = from_origin(*CORNER, 1.0, 1.0)
    found = crowns_from_raster(tmp_path / "good.tif", 0.25, crs.to_wkt(), fine, (4, 4))
    np.testing.assert_array_equal(found.top[:2, 2:], 8.0)
    np.testing.assert_array_equal(found.base[:2, 2:], 2.0)
    np.testing.assert_allclose(found.density[:2, 2:], 1.0 / 6.0)
    assert not found.top[:, :2].any()  # 0.3 m is no crown
    with pytest.raises(InputError, match="taller than any tree"):
        crowns_from_raster(tmp_path / "bad.tif", 0.25, crs.to_wkt(), fine, (4, 4))
