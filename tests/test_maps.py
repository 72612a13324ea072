"""Maps as a whole: areas kept, cells complete, files round."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.cells import reference_points
from heatmat.city import City
from heatmat.errors import InputError, MemoryLimitError
from heatmat.geodesy import place
from heatmat.maps import Maps, check_memory, memory_estimate, plane_height
from heatmat.rasterise import grid_for, maps_from_city
from heatmat.ray_grid import build_ray_grid
from heatmat.regions import make_regions
from tests.map_city import CRS, ORIGIN, make_city, messy_city, move

BOX = shapely.box(0, 0, 20, 10)
L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 8), (9, 8), (9, 21), (0, 21)])
COURTYARD = shapely.box(0, 0, 30, 30).difference(shapely.box(8, 8, 22, 20))


@pytest.mark.parametrize("shape", [BOX, L_SHAPE, COURTYARD], ids=["box", "L", "courtyard"])
@pytest.mark.parametrize("angle", [0, 17, 45])
@pytest.mark.parametrize("resolution", [0.5, 2.0])
def test_a_free_building_keeps_its_wall_area(shape: Any, angle: float, resolution: float) -> None:
    footprint = affinity.rotate(shape, angle)
    maps = maps_from_city(make_city([footprint], [12.0]), resolution)
    # Vertices move by at most 0.7 mm to the snap grid: 1e-4 of these walls, not the 1 % allowed.
    assert maps.facade_exposed_area.sum() == pytest.approx(footprint.length * 12.0, rel=3e-4)
    assert maps.counts["roof_area_m2"] == pytest.approx(footprint.area, rel=3e-4)
    normals = np.sort(np.mod(maps.facade_azimuth_deg() - maps.convergence_deg + angle, 90.0))
    off = np.minimum(normals, 90.0 - normals)
    assert off.max() < 0.02  # degrees: 1 mm over the shortest wall of 8 m


def exposed_by_sampling(polygons: np.ndarray, heights: np.ndarray) -> float:
    """Wall area from heights 2 cm to either side of the footprints' outlines [m2]."""
    lines = shapely.get_parts(shapely.union_all(shapely.boundary(polygons)))
    xy, index = shapely.get_coordinates(lines, return_index=True)
    same = index[1:] == index[:-1]
    a, d = xy[:-1][same], np.diff(xy, axis=0)[same]
    length = np.hypot(*d.T)
    number = np.maximum(np.ceil(length / 2.0), 1).astype(int)
    piece = np.repeat(np.arange(len(a)), number)
    step = np.arange(len(piece)) - np.repeat(np.cumsum(number) - number, number)
    middle = a[piece] + ((step + 0.5) / number[piece])[:, None] * d[piece]
    normal = (np.stack([d[:, 1], -d[:, 0]], axis=1) / length[:, None])[piece]
    sides = []
    for offset in (0.02, -0.02):
        tree = shapely.STRtree(shapely.points(middle + offset * normal))
        polygon, point = tree.query(polygons, predicate="contains")
        z = np.zeros(len(middle))
        np.maximum.at(z, point, heights[polygon])
        sides.append(z)
    return float((np.abs(sides[0] - sides[1]) * (length / number)[piece]).sum())


def test_wall_area_of_the_district_agrees_with_sampled_footprints() -> None:
    city = City.embedded()
    flat = city.buildings.assign(roof_shape="flat", roof_height=0.0)
    maps = maps_from_city(dataclasses.replace(city, buildings=flat), 4.0)
    sampled = exposed_by_sampling(flat.geometry.to_numpy(), flat["height"].to_numpy(dtype=float))
    # 2 m steps and 2 cm offsets: they see into the gaps of centimetres that the maps close.
    assert maps.counts["wall_area_m2"] == pytest.approx(sampled, rel=0.01)
    # Party walls matter here: counting each outline whole would be far off.
    whole = maps.counts["footprint_perimeter_x_height_m2"]
    assert sampled < 0.8 * whole
    # Outline x height, less what neighbours cover on both sides, less what overlaps hide.
    shared = 2 * maps.counts["party_wall_area_m2"]
    assert maps.counts["wall_area_m2"] + shared == pytest.approx(whole, rel=0.05)


def test_facades_look_outwards() -> None:
    maps = maps_from_city(make_city([BOX], [10.0]), 1.0)
    grid_azimuth = np.mod(maps.facade_azimuth_deg() - maps.convergence_deg, 360)
    middle = maps.facade_ab.reshape(-1, 2, 2).mean(axis=1)
    assert grid_azimuth[middle[:, 1].argmin()] == pytest.approx(180.0, abs=0.01)
    assert grid_azimuth[middle[:, 0].argmax()] == pytest.approx(90.0, abs=0.01)


def random_maps(resolution: float, rng: np.random.Generator) -> tuple[Maps, Any]:
    city = messy_city(rng)
    maps = maps_from_city(city, resolution)
    regions, _ = make_regions(city.buildings, maps.origin, maps.convergence_deg)
    return maps, regions


def cell_of(maps: Maps, points: np.ndarray) -> np.ndarray:
    column = np.floor((points[:, 0] - maps.west) / maps.resolution).astype(int)
    row = maps.ny - 1 - np.floor((points[:, 1] - maps.south) / maps.resolution).astype(int)
    return maps.cell_region[row, column]


def crossings(p: np.ndarray, q: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Parameter along p -> q where it crosses each edge, nan where it does not."""
    d, e, w = q - p, ab[:, 2:] - ab[:, :2], ab[:, :2] - p
    det = d[0] * e[:, 1] - d[1] * e[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (w[:, 0] * e[:, 1] - w[:, 1] * e[:, 0]) / det
        u = (w[:, 0] * d[1] - w[:, 1] * d[0]) / det
    return np.where((t >= 0) & (t <= 1) & (u >= 0) & (u <= 1), t, np.nan)


def walk(maps: Maps, p: np.ndarray, k: int) -> int:
    """Region of a point in boundary cell k by walking to its reference point."""
    edges = maps.boundary_edges[maps.boundary_start[k] : maps.boundary_start[k + 1]]
    ab = maps.edge_ab[edges].astype(np.float64)
    t = crossings(p, maps.boundary_reference[k].astype(np.float64), ab)
    if np.isnan(t).all():
        return int(maps.boundary_reference_region[k])
    nearest = edges[np.nanargmin(t)]
    ax, ay, bx, by = maps.edge_ab[nearest].astype(np.float64)
    left = (bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax) > 0
    return int(maps.edge_regions[nearest, 0 if left else 1])


@pytest.mark.parametrize("resolution", [0.5, 1.0, 5.0])
def test_the_walk_to_the_reference_finds_every_region(
    resolution: float, rng: np.random.Generator
) -> None:
    maps, regions = random_maps(resolution, rng)
    size = np.array([maps.nx, maps.ny]) * maps.resolution
    points = np.array([maps.west, maps.south]) + rng.uniform(0.01, 0.99, (6000, 2)) * size
    # Half of them near edges, where it is hard.
    near = maps.edge_ab[rng.integers(0, len(maps.edge_ab), 6000)].astype(np.float64)
    t = rng.uniform(0, 1, (6000, 1))
    near = near[:, :2] + t * (near[:, 2:] - near[:, :2]) + rng.normal(0, 0.05, (6000, 2))
    points = np.concatenate([points, near])
    expected = regions.locate(points)
    found = cell_of(maps, points)
    for n in np.nonzero(found < 0)[0]:
        found[n] = walk(maps, points[n], -1 - found[n])
    wrong = np.nonzero(found != expected)[0]
    # float32 moves an edge by up to 0.1 mm: only points as near as that may differ.
    lines = shapely.linestrings(maps.edge_ab.reshape(-1, 2, 2).astype(np.float64))
    gap = [shapely.distance(shapely.points(points[n]), lines).min() for n in wrong]
    assert max(gap, default=0.0) < 2e-4
    assert len(wrong) < 0.01 * len(points)


def test_cells_list_every_edge_that_a_segment_meets(rng: np.random.Generator) -> None:
    maps, _ = random_maps(1.0, rng)
    ab = maps.edge_ab.astype(np.float64)
    start = np.array([maps.west, maps.south])
    for _ in range(60):
        p, q = start + rng.uniform(1, 150, (2, 2))
        t = crossings(p, q, ab)
        for edge in np.nonzero(np.isfinite(t))[0]:
            at = p + t[edge] * (q - p)
            k = -1 - int(cell_of(maps, at[None])[0])
            assert k >= 0
            assert edge in maps.boundary_edges[maps.boundary_start[k] : maps.boundary_start[k + 1]]


def test_cell_top_is_never_below_the_surface(rng: np.random.Generator) -> None:
    maps, regions = random_maps(1.0, rng)
    size = np.array([maps.nx, maps.ny]) * maps.resolution
    points = np.array([maps.west, maps.south]) + rng.uniform(0.01, 0.99, (20_000, 2)) * size
    z = plane_height(regions.plane[regions.locate(points)], *points.T)
    column = np.floor((points[:, 0] - maps.west) / maps.resolution).astype(int)
    row = maps.ny - 1 - np.floor((points[:, 1] - maps.south) / maps.resolution).astype(int)
    assert (maps.cell_top[row, column] >= z - 1e-5).all()  # 1e-5: float32 of 25 m
    # And it is no idle bound: in half of the built cells within 1 m.
    assert np.median((maps.cell_top[row, column] - z)[z > 0]) < 1.0


def test_save_and_load_round_trip(tmp_path: Path, rng: np.random.Generator) -> None:
    maps, _ = random_maps(1.0, rng)
    path = tmp_path / "maps of a city.npz"
    maps.save(path)
    again = Maps.load(path)
    for item in dataclasses.fields(Maps):
        before, after = getattr(maps, item.name), getattr(again, item.name)
        if isinstance(before, np.ndarray):
            assert before.dtype == after.dtype
            np.testing.assert_array_equal(before, after)
        else:
            assert before == after, item.name
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_file_that_is_no_map_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "maps.npz"
    with pytest.raises(InputError, match="no such file"):
        Maps.load(path)
    path.write_bytes(b"not a zip")
    with pytest.raises(InputError, match="not a maps file"):
        Maps.load(path)


def test_grid_is_aligned_and_covers_extent_and_margin() -> None:
    extent = (450_000.3, 5_410_000.0, 450_101.0, 5_410_050.2)
    for resolution in (0.5, 1.0, 3.0):
        grid = grid_for(extent, 20.0, resolution)
        west, south = grid.west + grid.origin[0], grid.south + grid.origin[1]
        assert west / resolution == pytest.approx(round(west / resolution), abs=1e-9)
        assert west <= extent[0] - 20 < west + resolution
        assert south <= extent[1] - 20 < south + resolution
        assert west + grid.nx * resolution >= extent[2] + 20
        row0, row1, col0, col1 = grid.window
        north = grid.origin[1] + grid.north
        assert west + col0 * resolution <= extent[0] < west + (col0 + 1) * resolution
        assert west + (col1 - 1) * resolution < extent[2] <= west + col1 * resolution
        assert north - row0 * resolution >= extent[3] > north - (row0 + 1) * resolution
        assert north - row1 * resolution <= extent[1] < north - (row1 - 1) * resolution


def test_ground_rows_lie_over_each_other_at_one_metre_or_finer() -> None:
    lawn, pond = shapely.box(-15, -15, 0, 25), shapely.box(-10, 0, -5, 5)
    city = make_city([BOX], [10.0], ground=[(lawn, "grass"), (pond, "water")])
    for resolution in (0.5, 1.0, 2.5):
        maps = maps_from_city(city, resolution)
        assert maps.resolution / maps.ground_subdivision <= 1.0
        names = np.array([c[0][0] for c in maps.compositions])[maps.ground_composition]
        cell = maps.resolution / maps.ground_subdivision
        # A polygon of straight sides covers its area but for the cells that its rim cuts.
        assert (names == "water").sum() * cell**2 == pytest.approx(25, abs=20 * cell / 2)
        assert (names == "grass").sum() * cell**2 == pytest.approx(575, abs=130 * cell / 2)
        assert {c[0] for c in maps.compositions[maps.facade_composition[0]]} == {"brick", "glass"}


def test_urban_form_of_a_regular_town() -> None:
    corners = [(x, y) for x in range(0, 1000, 20) for y in range(0, 500, 20)]
    boxes = [shapely.box(x, y, x + 10, y + 10) for x, y in corners]
    heights = np.where(np.arange(len(boxes)) % 2 == 0, 8.0, 16.0)
    city = make_city(boxes, heights, margin=5.0, extent=(0, 0, 990, 490))
    maps = maps_from_city(city, 5.0)
    my, mx = (n // 2 for n in maps.wind_mean_height.shape)
    # Cubes of 10 m every 20 m: lambda_p = 1/4, lambda_f = 4 walls 10 H / (pi 20^2). The disc of
    # 50 m cells is not a whole number of blocks: 2 %.
    assert maps.wind_plan_density[my, mx] == pytest.approx(0.25, rel=0.02)
    assert maps.wind_mean_height[my, mx] == pytest.approx(12.0, rel=0.02)
    assert maps.wind_frontal_density[my, mx] == pytest.approx(40 * 12 / (np.pi * 400), rel=0.02)
    # At the border only the covered area counts.
    assert maps.wind_plan_density[0, 0] == pytest.approx(0.25, rel=0.05)


def test_convergence_follows_the_closed_form() -> None:
    import pyproj

    for zone_west in (400_000.0, 642_000.0):
        lat, lon, convergence = place(pyproj.CRS("EPSG:32631"), zone_west, 5_070_000.0)
        # Transverse Mercator on a sphere: tan(gamma) = tan(lon - lon0) sin(lat) (Snyder 1987,
        # USGS PP 1395, p. 62); the ellipsoid differs by under 1 %.
        sphere = np.degrees(np.arctan(np.tan(np.radians(lon - 3.0)) * np.sin(np.radians(lat))))
        assert convergence == pytest.approx(sphere, rel=0.01)
    assert convergence == pytest.approx(1.3, abs=0.05)  # Lyon


def test_shared_vertices_are_bit_identical(rng: np.random.Generator) -> None:
    maps, _ = random_maps(1.0, rng)
    ends = maps.edge_ab.reshape(-1, 2)
    unique = np.unique(ends, axis=0)
    near = shapely.STRtree(shapely.points(unique.astype(float))).query(
        shapely.points(unique.astype(float)), predicate="dwithin", distance=4e-4
    )
    # Vertices on a grid of 1 mm are the same or at least that far apart.
    assert (near[0] == near[1]).all()


def test_a_grid_too_large_names_the_resolution_that_fits() -> None:
    assert check_memory(1000, 1000, 1.0, 2**30) < 2**30
    with pytest.raises(MemoryLimitError) as caught:
        check_memory(20_000, 20_000, 0.5, 4 * 2**30, where="town.toml")
    fits = float(caught.value.remedy.split("=")[1].split()[0])
    assert check_memory(20_000, 20_000, fits, 4 * 2**30) <= 4 * 2**30
    with pytest.raises(MemoryLimitError):
        check_memory(20_000, 20_000, fits - 0.25, 4 * 2**30)


def test_memory_estimate_is_an_upper_one(rng: np.random.Generator) -> None:
    maps, _ = random_maps(1.0, rng)
    grid = build_ray_grid(maps)
    rays = grid.cells.nbytes + grid.blocks.nbytes + grid.block_edges.nbytes
    estimate = memory_estimate(maps.nx, maps.ny, 1.0)
    assert maps.nbytes() + rays < 1.3 * estimate  # as dense as this heap of boxes
    assert estimate < 3 * (maps.nbytes() + rays)


def test_an_empty_city_is_flat_ground() -> None:
    city = make_city([], [], extent=(0, 0, 50, 50))
    maps = maps_from_city(city, 1.0)
    assert maps.cell_region.max() == maps.cell_region.min() == 0
    assert maps.top == 0.0
    assert maps.region_plane.shape == (1, 5)
    assert len(maps.facade_ab) == 0


def test_the_same_city_in_other_coordinates_gives_the_same_walls() -> None:
    shifted = affinity.translate(L_SHAPE, 1234.567, -987.654)
    first = maps_from_city(make_city([L_SHAPE], [9.0]), 1.0)
    second = maps_from_city(make_city([shifted], [9.0]), 1.0)
    a, b = (np.sort(m.facade_exposed_area) for m in (first, second))
    np.testing.assert_allclose(a, b, atol=0.03)  # 1 mm x 9 m at each of two ends
    assert move(BOX).bounds[0] == ORIGIN[0]
    assert CRS in str(make_city([BOX], [1.0]).crs.to_string())


def test_references_stand_off_the_middles_of_cells() -> None:
    """Lines from there to the middles of pixels pass through corners of walls drawn on pixels."""
    # A cell of 8 m with one wall along its rim: the middle is as far from it as most.
    edge = np.array([[0.0, 0.0, 8.0, 0.0], [0.0, 8.0, 8.0, 8.0]])
    points, distance = reference_points(
        np.array([0]), np.array([0, 2]), np.array([0, 1]), edge, 0.0, 0.0, 8.0, 1, 1
    )
    assert distance[0] > 3.0
    assert (np.abs(points - np.round(points)) > 0.01).all()
