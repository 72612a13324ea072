"""What anybody who knows streets expects of the demo's day, from the embedded district."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

import heatmat as hm
from heatmat.estimate import average
from heatmat.placing import place_points
from heatmat.points import as_points
from heatmat.sampling_plan import replicate
from tests.block_city import demo
from tests.conftest import SEED

AT_14 = 13
"""Row of 14:00 among hourly values from 01:00 on."""


def ask(table: pd.DataFrame, **more: object) -> hm.Result:
    return demo().query(table, **{"target_error": 0.0, "max_rays": 128, **more})


def celsius(result: hm.Result) -> np.ndarray:
    return result.temperature.to_numpy() - 273.15


def in_window(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    west, south, east, north = demo().city.extent
    return (x > west) & (x < east) & (y > south) & (y < north)


def solar_noon() -> float:
    """Hour of the highest sun, local standard time of the weather."""
    forcing = demo().forcing
    day = slice(forcing.spin_up_steps, None)
    step = np.argmax(forcing.sun_direction[day, 2])
    return float((step + 0.5) * forcing.step / 3600.0)


def facades(azimuth: float, count: int = 12) -> pd.DataFrame:
    """Points on the upper half of the largest facades that look within 20 degrees of an azimuth."""
    maps = demo().maps
    ab, z = maps.facade_ab.astype(float), maps.facade_z.astype(float)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:]) + np.asarray(maps.origin)
    turn = np.abs((maps.facade_azimuth_deg() - azimuth + 180.0) % 360.0 - 180.0)
    allowed = (turn < 20.0) & in_window(middle[:, 0], middle[:, 1])
    area = np.where(allowed, maps.facade_exposed_area, 0.0)
    best = np.argsort(area)[::-1][:count]
    assert area[best].min() > 100.0
    return pd.DataFrame(
        {
            "id": [f"{azimuth:g}-{i}" for i in best],
            "surface": "wall",
            "x": middle[best, 0],
            "y": middle[best, 1],
            "z": z[best, 0] + 0.75 * (z[best, 1] - z[best, 0]),
            "azimuth_deg": maps.facade_azimuth_deg()[best],
        }
    )


def courtyards(count: int = 12) -> pd.DataFrame:
    """The middles of the smallest courtyards that are more than a shaft."""
    rings = [
        shapely.Polygon(ring)
        for polygon in demo().city.buildings.geometry
        for ring in polygon.interiors
    ]
    yards = sorted((r for r in rings if 60.0 < r.area < 400.0), key=lambda ring: ring.area)
    points = [ring.representative_point() for ring in yards]
    table = pd.DataFrame({"x": [p.x for p in points], "y": [p.y for p in points]})
    table = table[in_window(table["x"], table["y"])].iloc[:count]
    covered = demo().city.buildings.union_all().buffer(0.5)
    free = [not covered.contains(shapely.Point(row.x, row.y)) for row in table.itertuples()]
    table = table[free].assign(surface="ground")
    return table.assign(id=[f"yard {i}" for i in range(len(table))])


def street_points(rng: np.random.Generator, count: int = 60) -> pd.DataFrame:
    """Points on asphalt, away from buildings."""
    city = demo().city
    west, south, east, north = city.extent
    tried = shapely.points(
        rng.uniform(west, east, 40 * count), rng.uniform(south, north, 40 * count)
    )
    built = city.buildings.union_all().buffer(3.0)
    tried = tried[~shapely.contains(built, tried)][: 4 * count]
    return pd.DataFrame(
        {
            "id": [f"street {i}" for i in range(tried.size)],
            "surface": "ground",
            "x": shapely.get_x(tried),
            "y": shapely.get_y(tried),
        }
    )


@pytest.fixture(scope="module")
def streets() -> hm.Result:
    return ask(street_points(np.random.default_rng(SEED)), max_rays=64)


def test_sunlit_asphalt_over_shaded_courtyards(streets: hm.Result) -> None:
    asphalt = streets.ds["construction"].to_numpy() == "asphalt_street"
    # Beam on the ground is over 400 W m-2 then; what is reflected into the shade stays below 200.
    light = streets.ds["incident_shortwave"].to_numpy()
    sunlit = asphalt & (light[:, AT_14 - 1 : AT_14 + 1].min(axis=1) > 500.0)
    assert sunlit.sum() >= 20
    yards = ask(courtyards(), max_rays=512)
    dark = yards.ds["incident_shortwave"].to_numpy()[:, AT_14 - 1 : AT_14 + 1].max(axis=1) < 250.0
    assert dark.sum() >= 3
    hot, cool = celsius(streets)[sunlit, AT_14], celsius(yards)[dark, AT_14]
    assert np.median(hot) - np.median(cool) > 8.0
    assert hot.min() > cool.max()


def test_east_walls_peak_before_and_west_walls_after_noon() -> None:
    noon = solar_noon()
    assert 12.0 < noon < 13.0  # 25 degrees east at UTC + 2: half past twelve
    peaks = {}
    for name, azimuth in (("east", 90.0), ("west", 270.0)):
        mean = celsius(ask(facades(azimuth))).mean(axis=0)
        peaks[name] = float(np.argmax(mean)) + 1.0
    assert noon - peaks["east"] > 2.0
    assert peaks["west"] - noon > 2.0


def test_metal_roofs_cool_below_the_air_before_dawn() -> None:
    city = demo().city
    flat = city.buildings[city.buildings["roof_shape"] == "flat"]
    # Of parts that lie over one another only the top is seen: take roofs that nothing overlaps.
    places = flat.geometry.representative_point()
    table = pd.DataFrame({"x": places.x, "y": places.y, "id": flat["building_id"]})
    table = table[in_window(table["x"], table["y"])].iloc[:40]
    table = table.assign(surface="any", construction="metal_roof")
    found = ask(table, max_rays=64)
    roofs = found.ds["surface"].to_numpy() == "roof"
    assert roofs.sum() >= 20
    air = found.ds["air_temperature"].to_numpy() - 273.15
    forcing = demo().forcing
    up = forcing.sun_up[forcing.spin_up_steps :]
    before_dawn = int(np.argmax(up) * forcing.step // 3600.0) - 1  # the last full hour of night
    assert before_dawn >= 1
    below = air[before_dawn] - celsius(found)[roofs, before_dawn]
    assert below.min() > 1.0
    assert below.max() < 15.0


def test_fluxes_of_every_row_sum_to_zero(streets: hm.Result) -> None:
    frames = [streets.to_dataframe(), ask(facades(180.0)).to_dataframe()]
    for frame in frames:
        total = (
            frame["absorbed_shortwave_w_m2"]
            + frame["net_longwave_w_m2"]
            + frame["convection_w_m2"]
            + frame["latent_w_m2"]
            + frame["conduction_w_m2"]
        )
        assert total.abs().max() < 0.5


def test_a_square_is_the_mean_of_its_metres() -> None:
    west, south, east, north = demo().city.extent
    x, y = round(0.5 * (west + east)), round(0.5 * (south + north))
    whole = {"id": ["square"], "surface": "any", "x": [x], "y": [y], "resolution_m": 50.0}
    square = ask(pd.DataFrame(whole), max_rays=4096)
    inner = np.arange(50) - 24.5
    metres = pd.DataFrame(
        {
            "id": np.arange(2500),
            "surface": "any",
            "x": x + np.repeat(inner, 50),
            "y": y + np.tile(inner, 50),
            "resolution_m": 1.0,
        }
    )
    # The same queries with 4 scrambles of one path each, not 64 paths: there are 2,500.
    solver = demo().solver
    places = place_points(solver, as_points(metres, crs=demo().maps.crs_wkt), SEED)
    starts = solver.solve(replicate(places.requests, 1, replicates=4), 1)
    found = average(starts, 2500, 1, 1)
    assert found.valid.all()
    by_replicate = found.replicates.mean(axis=0)
    mean = by_replicate.mean(axis=0)
    mean_error = by_replicate.std(axis=0, ddof=1) / 2.0
    error = np.hypot(square.standard_error.to_numpy()[0], mean_error)
    assert error.max() < 0.5
    difference = square.temperature.to_numpy()[0] - mean
    assert (np.abs(difference) < 3.0 * error).all()


def test_wall_area_is_perimeter_times_height() -> None:
    """Free buildings, whose walls can be told from their footprints without any map."""
    sim = demo()
    maps, buildings = sim.maps, sim.city.buildings
    shapes = buildings.geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    pairs = tree.query(shapes, predicate="dwithin", distance=0.5)
    crowd = np.bincount(pairs[0], minlength=shapes.size)
    free = (crowd == 1) & (buildings["roof_shape"] == "flat").to_numpy()
    free &= np.array([shapely.box(*sim.city.extent).contains(shape) for shape in shapes])
    assert free.sum() >= 10
    area = np.bincount(
        np.maximum(maps.facade_building, 0), maps.facade_exposed_area, len(maps.building_ids)
    )
    rows = {name: i for i, name in enumerate(maps.building_ids)}
    expected = (shapely.length(shapes) * buildings["height"].to_numpy())[free]
    found = np.array([area[rows[name]] for name in buildings["building_id"].to_numpy()[free]])
    assert found.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert np.abs(found / expected - 1.0).max() < 0.01
