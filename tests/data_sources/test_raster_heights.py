"""Heights of footprints from surface minus terrain, and cities from rasters alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from data_sources.from_rasters import city_from_rasters, import_canopy
from data_sources.land_cover_codes import umep_legend
from data_sources.raster_heights import heights_from_rasters
from data_sources.rasters import Grid, own_grid, read_metres, write_raster
from heatmat.city import City
from heatmat.errors import InputError

CRS = "EPSG:32631"
WEST, NORTH, SIZE = 450_000.0, 5_410_200.0, 200


def write(
    path: Path, values: np.ndarray, *, cell: float = 1.0, crs: str = CRS, nodata: float = -9999.0,
    unit: str = "", west: float = WEST, north: float = NORTH,
) -> Path:  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", dtype=values.dtype, count=1, height=values.shape[0],
        width=values.shape[1], crs=crs, transform=from_origin(west, north, cell, cell),
        nodata=nodata,
    ) as tif:  # fmt: skip
        tif.write(values, 1)
        if unit:
            tif.set_band_unit(1, unit)
    return path


def slope(size: int = SIZE) -> np.ndarray:
    """Ground that rises by 5 m in 100 m to the east."""
    return np.broadcast_to(100.0 + 0.05 * np.arange(size), (size, size)).astype(np.float32).copy()


def box(left: float, top: float, width: float, height: float) -> Any:
    """A footprint by its corner in the raster's rows and columns [m]."""
    x, y = WEST + left, NORTH - top
    return shapely.box(x, y - height, x + width, y)


def raised(surface: np.ndarray, left: int, top: int, width: int, height: int, by: Any) -> None:
    surface[top : top + height, left : left + width] += by


@pytest.fixture
def town(tmp_path: Path) -> tuple[gpd.GeoDataFrame, Path, Path]:
    """Footprints and rasters: flat, gabled, gone, tiny, without data, under a tree's edge."""
    ground = slope()
    surface = ground.copy()
    raised(surface, 20, 20, 30, 20, 12.0)
    ridge = 8.0 + 6.0 * (1.0 - np.abs(np.arange(20) + 0.5 - 10.0) / 10.0)
    raised(surface, 80, 20, 30, 20, ridge[:, None])
    raised(surface, 150, 50, 2, 2, 4.0)
    raised(surface, 20, 80, 30, 20, 9.0)
    raised(surface, 40, 70, 16, 20, 14.0)  # a crown over a sixth of it: 23 m where they overlap
    surface[120:150, 20:60] = -9999.0
    frame = gpd.GeoDataFrame(
        {
            "height": [10.0, np.nan, 25.0, np.nan, 7.0, 9.5],
            "height_source": ["tagged", "filled", "tagged", "filled", "levels", "tagged"],
            "roof_shape": ["flat", "gabled", "flat", "flat", "flat", "flat"],
        },
        geometry=[
            box(20, 20, 30, 20),
            box(80, 20, 30, 20),
            box(150, 150, 20, 20),
            box(150.2, 50.2, 1.6, 1.6),
            box(25, 125, 20, 20),
            box(20, 80, 30, 20),
        ],
        crs=CRS,
    )
    return frame, write(tmp_path / "dsm.tif", surface), write(tmp_path / "dem.tif", ground)


def test_each_footprint_gets_its_roof(town: tuple[gpd.GeoDataFrame, Path, Path]) -> None:
    frame, dsm, dem = town
    found = heights_from_rasters(frame, dsm, dem)
    heights = found.buildings["height"].tolist()
    assert heights[0] == pytest.approx(12.0, abs=0.03)  # half a cell of the slope
    # the ridge at 14 m; of 18 rows inside, the 95th percentile is the one 0.5 m beside it
    assert heights[1] == pytest.approx(13.7, abs=0.31)
    assert heights[2] == 25.0  # nothing stood there when the surface was measured
    assert heights[3] == pytest.approx(4.0, abs=0.1)
    assert heights[4] == 7.0  # no data
    assert heights[5] == pytest.approx(9.0, abs=0.03)  # the crown over its corner does not count
    sources = found.buildings["height_source"].tolist()
    assert sources == ["dsm", "dsm", "tagged", "dsm", "levels", "dsm"]
    assert found.counts["height_from_dsm"] == 4
    assert found.counts["dsm_below_2_m"] == 1 and found.counts["dsm_no_data"] == 1
    assert found.counts["dsm_compared_with_tag"] == 2 and found.counts["dsm_far_from_tag"] == 0
    assert (
        "2 buildings have a tagged and a measured height: median difference +0.8 m"
        in (found.notes[1])
    )
    assert found.notes[0].startswith("4 of 6 footprints measured; 1 lower than 2 m and 1 without")
    assert frame["height"][0] == 10.0  # the table given is not changed


def test_walls_and_neighbours_do_not_count(tmp_path: Path) -> None:
    """A low building between two high ones, drawn a metre off: shrinking by a cell keeps it low."""
    ground, surface = slope(), slope()
    raised(surface, 40, 50, 20, 30, 30.0)
    raised(surface, 60, 50, 10, 30, 5.0)
    raised(surface, 70, 50, 20, 30, 30.0)
    frame = gpd.GeoDataFrame({"roof_shape": ["gabled"]}, geometry=[box(59, 50, 10, 30)], crs=CRS)
    found = heights_from_rasters(
        frame, write(tmp_path / "a.tif", surface), write(tmp_path / "b.tif", ground)
    )
    assert found.buildings["height"][0] == pytest.approx(5.0, abs=0.03)


def test_parts_lie_over_their_outline(tmp_path: Path) -> None:
    ground, surface = slope(), slope()
    raised(surface, 20, 20, 60, 40, 10.0)
    raised(surface, 60, 20, 20, 40, 30.0)
    frame = gpd.GeoDataFrame(geometry=[box(20, 20, 60, 40), box(60, 20, 20, 40)], crs=CRS)
    found = heights_from_rasters(
        frame, write(tmp_path / "a.tif", surface), write(tmp_path / "b.tif", ground)
    )
    assert found.buildings["height"].tolist() == pytest.approx([10.0, 40.0], abs=0.03)
    assert found.counts["dsm_uneven_roof"] == 0


def test_units_systems_and_cells_may_differ(town: tuple[gpd.GeoDataFrame, Path, Path]) -> None:
    """The terrain in US survey feet, degrees and coarse cells: the same heights."""
    frame, dsm, dem = town
    straight = heights_from_rasters(frame, dsm, dem).buildings["height"].to_numpy()
    to_degrees = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True)
    west, north = to_degrees.transform(WEST - 60, NORTH + 60)
    step = 4e-5
    lon, lat = np.meshgrid(west + step * (np.arange(150) + 0.5), north - step * np.arange(90))
    x, _ = to_degrees.transform(lon, lat, direction="INVERSE")
    feet = ((100.0 + 0.05 * (x - WEST - 0.5)) / (1200.0 / 3937.0)).astype(np.float32)
    dem2 = write(
        dem.with_name("feet.tif"), feet, cell=step, crs="EPSG:4326", unit="US survey foot",
        west=west, north=north,
    )  # fmt: skip
    heights = heights_from_rasters(frame, dsm, dem2).buildings["height"].to_numpy()
    assert heights == pytest.approx(straight, abs=0.12)  # half of a coarse cell of the slope


def test_rasters_that_do_not_belong_together(
    town: tuple[gpd.GeoDataFrame, Path, Path], tmp_path: Path
) -> None:
    frame, dsm, dem = town
    ellipsoid = write(tmp_path / "e.tif", slope() - np.float32(45.0))
    with pytest.raises(InputError, match=r"do not share a vertical datum.*got 45\.0 m"):
        heights_from_rasters(frame, dsm, ellipsoid)
    odd = write(tmp_path / "odd.tif", slope(), unit="fathom")
    with pytest.raises(InputError, match="--dem: .*unknown vertical unit.*got fathom"):
        heights_from_rasters(frame, dsm, odd)
    away = frame.set_geometry(frame.translate(50_000.0))
    with pytest.raises(InputError, match="--dsm: .*the raster has no data in the area"):
        heights_from_rasters(away, dsm, dem)
    with pytest.raises(InputError, match="--dsm: .*not a raster"):
        heights_from_rasters(frame, tmp_path / "none.tif", dem)
    ohio = write(tmp_path / "ohio.tif", slope(), crs="EPSG:3735", west=1.8e6, north=7.2e5)
    grid = Grid.covering((WEST, NORTH - 10, WEST + 10, NORTH), 1.0, pyproj.CRS(CRS))
    with pytest.raises(InputError, match="vertical unit is not stated, and the map is not in m"):
        read_metres(ohio, grid, where="--dem")


def test_codes_for_no_data_that_nobody_declared(tmp_path: Path) -> None:
    values = slope(20)
    values[:5] = -32768.0
    values[5:10] = 3.4e38
    path = write(tmp_path / "a.tif", values, nodata=float("nan"))
    grid = Grid.covering((WEST, NORTH - 20, WEST + 20, NORTH), 1.0, pyproj.CRS(CRS))
    read = read_metres(path, grid, where="--dem", method="nearest")
    assert np.isnan(read[:10]).all() and np.array_equal(read[10:], values[10:])


def test_rasters_of_a_whole_country(tmp_path: Path) -> None:
    """Only what lies at the buildings is read: 400 km at 1 m are 160 thousand million cells."""
    ground, surface = slope(), slope()
    raised(surface, 20, 20, 30, 20, 12.0)
    files = []
    for name, values in (("dsm", surface), ("dem", ground)):
        path = tmp_path / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", dtype="float32", count=1, width=400_000, height=400_000,
            crs=CRS, transform=from_origin(WEST - 150_000, NORTH + 250_000, 1.0, 1.0),
            nodata=-9999.0, tiled=True, blockxsize=2048, blockysize=2048, sparse_ok=True,
            compress="deflate", BIGTIFF="YES",
        ) as tif:  # fmt: skip
            tif.write(values, 1, window=((250_000, 250_200), (150_000, 150_200)))
        files.append(path)
    frame = gpd.GeoDataFrame(geometry=[box(20, 20, 30, 20)], crs=CRS)
    assert heights_from_rasters(frame, *files).buildings["height"][0] == pytest.approx(12.0)
    with pytest.raises(InputError, match="too large for the raster's resolution"):
        city_from_rasters(*files, tmp_path / "c")


def test_a_raster_whose_system_ends_before_the_place(tmp_path: Path) -> None:
    south = write(tmp_path / "a.tif", slope(20), crs="EPSG:3031", west=10.0, north=10.0)
    gnomonic = "+proj=gnom +lat_0=-80 +lon_0=0 +datum=WGS84"
    with rasterio.open(south, "r+") as tif:
        tif.crs = gnomonic  # no place of the northern hemisphere has coordinates in it
    with pytest.raises(InputError, match="--dem: .*does not reach the area"):
        own_grid(south, pyproj.CRS(CRS), where="--dem", bounds=(WEST, NORTH - 9, WEST + 9, NORTH))


def test_a_grid_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="too large for the raster's resolution"):
        Grid.covering((0.0, 0.0, 1e6, 1e6), 0.5, pyproj.CRS(CRS))


# --- cities from rasters alone ---


def block(surface: np.ndarray, classes: np.ndarray) -> None:
    raised(surface, 40, 40, 40, 60, 15.0)
    raised(surface, 80, 40, 30, 60, 6.0)
    raised(surface, 55, 60, 8, 20, -15.0)  # a courtyard
    classes[40:100, 40:110] = 2
    raised(surface, 150, 150, 20, 20, 12.0)  # a tree: no building class
    raised(surface, 150, 20, 3, 3, 5.0)  # a kiosk of 9 m2
    classes[20:23, 150:153] = 2


def test_roofs_courtyards_and_steps(tmp_path: Path) -> None:
    ground, surface = slope(), slope()
    classes = np.full((SIZE, SIZE), 1, dtype=np.uint8)
    classes[:, 180:] = 7
    block(surface, classes)
    made = city_from_rasters(
        write(tmp_path / "dsm.tif", surface), write(tmp_path / "dem.tif", ground), tmp_path / "c",
        land_cover=write(tmp_path / "lc.tif", classes, nodata=255),
        canopy=write(tmp_path / "cdsm.tif", np.zeros((SIZE, SIZE), np.float32)),
    )  # fmt: skip
    assert made.city["land_cover_legend"] == {
        "1": "asphalt_street",
        "2": "asphalt_street",
        "7": "water",
    }
    assert made.city["trees"] == {"top": "canopy.tif"} and made.city["crs"] == CRS
    city = City.from_file(tmp_path / "c" / made.city["buildings"], extent=made.city["extent"])
    table = city.buildings.sort_values("height")
    assert table["height"].tolist() == pytest.approx([6.0, 15.0], abs=0.05)
    assert table.area.tolist() == pytest.approx([1800.0, 2400.0 - 160.0])
    assert city.counts["courtyards"] == 1
    assert made.counts["raster_blocks"] == 1
    assert made.counts["raster_buildings_too_small"] == 1


def test_an_oblique_wall_is_straightened_without_gaps(tmp_path: Path) -> None:
    ground, surface = slope(), slope()
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    along, across = (x + 0.4 * y) / 1.077, (y - 0.4 * x) / 1.077
    inside = (along > 60) & (along < 140) & (across > 20) & (across < 60)
    surface[inside & (along < 100)] += 10.0
    surface[inside & (along >= 100)] += 20.0
    made = city_from_rasters(
        write(tmp_path / "a.tif", surface), write(tmp_path / "b.tif", ground), tmp_path / "c"
    )
    table = gpd.read_file(tmp_path / "c" / "buildings.gpkg")
    assert len(table) == 2 and "trees in the surface model" in made.notes[0]
    whole = table.union_all()
    assert whole.area == pytest.approx(80.0 * 40.0, rel=0.02)
    assert table.area.sum() == pytest.approx(whole.area, abs=0.01)
    # stairs of cells are longer than the wall by |cos| + |sin| = 1.30; 240 m are true
    assert whole.length < 1.12 * 240.0
    assert table.geometry.iloc[0].intersection(table.geometry.iloc[1]).length > 35.0


def test_rasters_without_a_building(tmp_path: Path) -> None:
    flat = write(tmp_path / "a.tif", slope())
    with pytest.raises(InputError, match="no building in the rasters"):
        city_from_rasters(flat, flat, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_canopy_above_the_sea_is_refused(tmp_path: Path) -> None:
    grid = Grid.covering((WEST, NORTH - 20, WEST + 20, NORTH), 1.0, pyproj.CRS(CRS))
    with pytest.raises(InputError, match="--canopy: c.tif: heights above the sea"):
        import_canopy(slope(20), grid, tmp_path, "c.tif")
    assert import_canopy(slope(20) - 100.0, grid, tmp_path, "c.tif") == "canopy.tif"


def test_umep_codes() -> None:
    legend = umep_legend({1, 2, 3, 4, 5, 6, 7}, where="lc.tif")
    assert legend["5"] == "grass" and legend["6"] == "bare_soil" and legend["7"] == "water"
    with pytest.raises(InputError, match=r"lc\.tif: not a UMEP land cover code.*got 0, 8"):
        umep_legend({0, 1, 8}, where="lc.tif")


def test_a_raster_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Grid.covering((WEST, NORTH - 20, WEST + 20, NORTH), 1.0, pyproj.CRS(CRS))
    path = write_raster(tmp_path / "a.tif", slope(20), grid, nodata=-1.0, unit="metre")
    before = path.read_bytes()

    def broken(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("rasterio.io.DatasetWriter.write", broken, raising=False)
    monkeypatch.setattr("rasterio.open", broken)
    with pytest.raises(OSError, match="disk full"):
        write_raster(path, slope(20) + 1, grid, nodata=-1.0)
    assert path.read_bytes() == before


def gothenburg(shared_data: Path) -> Callable[[str], Path]:
    return lambda name: shared_data / "terrain_gothenburg" / f"torgg_{name}.tif"


def test_central_gothenburg_from_its_rasters(shared_data: Path, tmp_path: Path) -> None:
    """UMEP's tutorial data: the polygons reproduce the surface they were made of."""
    from rasterio.features import rasterize

    file = gothenburg(shared_data)
    made = city_from_rasters(
        file("dsm"), file("dem"), tmp_path, land_cover=file("lc"), canopy=file("cdsm")
    )
    table = gpd.read_file(tmp_path / "buildings.gpkg")
    assert set(made.city["land_cover_legend"]) == set("1234567")
    with rasterio.open(file("dsm")) as tif:
        above = tif.read(1)
        with rasterio.open(file("dem")) as dem:
            above = above - dem.read(1)
        pairs = zip(table.geometry, table["height"], strict=True)
        drawn = rasterize(pairs, out_shape=above.shape, transform=tif.transform, dtype="float32")
    with rasterio.open(tmp_path / "land_cover.tif") as tif:
        building = (above > 2.0) & (tif.read(1) == 2)
    both = building & (drawn > 0.0)
    assert both.sum() > 0.97 * building.sum()
    error = drawn[both] - above[both]
    assert abs(np.median(error)) < 0.1 and np.abs(error).mean() < 2.0  # pitched roofs made flat
    assert drawn.sum() == pytest.approx(above[above > 2.0].sum(), rel=0.02)
    city = City.from_file(tmp_path / "buildings.gpkg", extent=made.city["extent"])
    assert city.counts.get("repaired", 0) == 0 and len(city.buildings) == len(table)
    # footprints with other heights get those of the rasters back
    stripped = city.buildings.assign(height=3.0, height_source="filled")
    again = heights_from_rasters(stripped, file("dsm"), file("dem"))
    difference = again.buildings["height"].to_numpy() - city.buildings["height"].to_numpy()
    assert np.median(np.abs(difference)) < 0.3
    assert again.counts["height_from_dsm"] > 0.98 * len(table)
