"""Hills in the ray field: the horizon of a ridge, its shadow, and rasters as they come."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from heatmat.case import Case
from heatmat.errors import InputError
from heatmat.maps import Maps
from heatmat.rasterise import maps_from_city
from heatmat.solver import Solver
from heatmat.terrain import elevations_on_cells, hills_from_raster
from tests.crown_case import remake
from tests.physics_case import boxes, local, make_case_of, make_series, plan_requests

HEIGHT, AWAY, SPACING = 150.0, 300.0, 20.0
"""A scarp to the south: its height, how far off its foot begins, points of the land [m]."""


def with_scarp() -> Case:
    """Flat land that rises to a plateau in the south."""
    case = make_case_of(
        boxes([shapely.box(0, 0, 4, 4)], [3.0], margin=40.0), make_series(declination=-0.25)
    )
    maps = case.maps
    columns, rows = 400, 400
    west = maps.origin[0] - 0.5 * columns * SPACING
    south = maps.origin[1] - 0.5 * rows * SPACING
    north_of_middle = south + SPACING * np.arange(rows) - maps.origin[1]
    land = np.where(north_of_middle < -AWAY, HEIGHT, 0.0)[:, None] * np.ones(columns)
    return remake(
        dataclasses.replace(
            maps, hill_elevation=land.astype(np.float32) + 30.0, hill_frame=(west, south, SPACING)
        ),
        case,
    )


def test_a_scarp_takes_its_part_of_sky_and_sun(tmp_path: Path) -> None:
    case = with_scarp()
    solver = Solver(case, "cpu")
    point = local(case, [20.0], [0.0])
    requests = plan_requests(point, 16)
    view, _ = solver.sky_view(requests, 1024)
    # The edge of the plateau lies between the last low point and the first high one.
    north = point[0, 1]
    edge = np.arctan(HEIGHT / (AWAY + north + np.array([0.0, SPACING])))
    low, high = 0.5 * (1.0 + np.cos(edge))  # of an endless edge on one side
    # 16384 rays; the scarp ends 4 km to both sides, under 0.0005 of the sky.
    assert low - 0.003 < view.mean() < high + 0.003
    nodes = solver.plan.chunks[0].nodes
    lit = solver.sunlit(requests.part(slice(0, 1)))[0]
    profile = np.arctan2(nodes[:, 2], -nodes[:, 1])  # above the southern horizon, in section
    clear = (nodes[:, 1] > -0.05) | (np.abs(profile - edge.mean()) > 0.05)
    behind = (nodes[:, 1] < 0.0) & (profile < edge.mean())
    np.testing.assert_array_equal(lit[clear], ~behind[clear])
    assert behind.sum() > 3 and lit.sum() > 10
    # A case that is written and read again has its hills.
    case.save(tmp_path / "hills.npz")
    again = Case.load(tmp_path / "hills.npz").maps
    np.testing.assert_array_equal(again.hill_elevation, case.maps.hill_elevation)
    assert tuple(again.hill_frame) == case.maps.hill_frame
    solver.close()


def write(path: Path, values: np.ndarray) -> Path:
    """A raster of 10 m in UTM 31."""
    with rasterio.open(
        path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
        dtype="float32", crs="EPSG:32631", nodata=-9999.0,
        transform=rasterio.transform.from_origin(450_000.0, 5_411_000.0, 10.0, 10.0),
    ) as file:  # fmt: skip
        file.write(values.astype(np.float32), 1)
    return path


def test_rasters_become_elevations(tmp_path: Path) -> None:
    x = 450_005.0 + 10.0 * np.arange(100)
    slope = 0.1 * (x - 450_000.0)[None, :] * np.ones((100, 1))
    crs = rasterio.crs.CRS.from_epsg(32631).to_wkt()
    bounds = (450_300.0, 5_410_300.0, 450_700.0, 5_410_700.0)
    found = hills_from_raster(write(tmp_path / "a.tif", slope), crs, bounds)
    assert found is not None
    west, south, spacing = found["hill_frame"]
    assert spacing == 10.0 and (west, south) == (450_005.0, 5_410_005.0)
    cells = elevations_on_cells(found, 450_300.0, 5_410_700.0, 5.0, (80, 80))
    # Bilinear on a plane is the plane.
    np.testing.assert_allclose(cells[3], 0.1 * (300.0 + 2.5 + 5.0 * np.arange(80)), atol=1e-3)
    assert hills_from_raster(write(tmp_path / "b.tif", 0.0 * slope), crs, bounds) is None
    with pytest.raises(InputError, match="does not cover"):
        hills_from_raster(tmp_path / "a.tif", crs, (0.0, 0.0, 10.0, 10.0))


def test_buildings_keep_one_base(tmp_path: Path) -> None:
    """On a slope of one in ten walls, roofs and ground are those of level land."""
    sides = [shapely.box(0, 0, 30, 12), shapely.box(40, 0, 52, 12)]
    level = boxes(sides, [9.0, 14.0], margin=30.0)
    west, south, east, north = level.extent
    x = west - 500.0 + 10.0 * np.arange(110) + 5.0
    path = tmp_path / "slope.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=110, width=110, count=1, dtype="float32",
        crs=level.crs, nodata=-9999.0,
        transform=rasterio.transform.from_origin(west - 500.0, north + 500.0, 10.0, 10.0),
    ) as file:  # fmt: skip
        file.write((0.1 * (x - x[0])[None, :] * np.ones((110, 1))).astype(np.float32), 1)
    slope = boxes(sides, [9.0, 14.0], margin=30.0)
    slope.terrain = path
    flat, hilly = (maps_from_city(city, 1.0) for city in (level, slope))
    assert hilly.counts["relief_m"] > 5.0 and np.ptp(hilly.hill_elevation) > 50.0
    for name in ("height", "cell_top", "region_plane", "region_top", "facade_z", "facade_ab"):
        np.testing.assert_array_equal(getattr(hilly, name), getattr(flat, name), err_msg=name)
    walls = hilly.facade_z[hilly.facade_exposed_area > 0.0]
    assert (walls[:, 0] == 0.0).all() and set(np.unique(walls[:, 1])) == {9.0, 14.0}


def test_maps_without_hills_open_as_before(tmp_path: Path) -> None:
    case = make_case_of(boxes([shapely.box(0, 0, 4, 4)], [3.0], margin=10.0), make_series())
    case.maps.save(tmp_path / "maps.npz")
    again = Maps.load(tmp_path / "maps.npz")
    assert again.hill_elevation.size == 0 and not again.has_crowns
    assert again.crown_transmissivity == case.maps.crown_transmissivity
