"""Land cover rasters under the ground's polygons, and rasters that are none."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from heatmat.city import City
from heatmat.errors import InputError
from heatmat.land_cover import check_raster, with_land_cover

CRS = "EPSG:32631"
WEST, NORTH = 450_000.0, 5_410_100.0


@pytest.fixture
def city(tmp_path: Path) -> City:
    box = shapely.box(WEST + 40, NORTH - 60, WEST + 60, NORTH - 40)
    frame = gpd.GeoDataFrame({"height": [9.0]}, geometry=[box], crs=CRS)
    frame.to_file(tmp_path / "b.gpkg")
    extent = (WEST, NORTH - 100, WEST + 100, NORTH)
    return City.from_file(tmp_path / "b.gpkg", extent=extent, crs=CRS, margin=0.0)


def write(
    path: Path, classes: np.ndarray, *, crs: str | None = CRS, cell: float = 10.0, nodata: int = 0
) -> Path:
    transform = from_origin(WEST, NORTH, cell, cell)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, height=classes.shape[0],
        width=classes.shape[1], crs=crs, transform=transform, nodata=nodata,
    ) as tif:  # fmt: skip
        tif.write(classes.astype(np.uint8), 1)
    return path


def halves() -> np.ndarray:
    classes = np.ones((10, 10))
    classes[:, 5:] = 2
    return classes


LEGEND = {1: "grass", 2: "asphalt_street"}


def area_of(city: City, construction: str) -> float:
    return float(city.ground[city.ground["construction"] == construction].area.sum())


def test_classes_become_ground_below_the_drawn_polygons(city: City, tmp_path: Path) -> None:
    drawn = gpd.GeoDataFrame(
        {"construction": ["water"], "kind": ["polygon"]},
        geometry=[shapely.box(WEST, NORTH - 10, WEST + 10, NORTH)],
        crs=CRS,
    )
    import dataclasses

    city = dataclasses.replace(city, ground=drawn)
    covered = with_land_cover(city, write(tmp_path / "l.tif", halves()), LEGEND)
    assert area_of(covered, "grass") == pytest.approx(5000.0)
    assert area_of(covered, "asphalt_street") == pytest.approx(5000.0)
    assert covered.ground["construction"].iloc[-1] == "water"
    assert len(city.ground) == 1


def test_no_data_keeps_the_default_ground(city: City, tmp_path: Path) -> None:
    classes = halves()
    classes[:5] = 0
    covered = with_land_cover(city, write(tmp_path / "l.tif", classes), LEGEND)
    assert covered.ground.area.sum() == pytest.approx(5000.0)


def test_a_raster_in_degrees_is_warped(city: City, tmp_path: Path) -> None:
    to_degrees = pyproj.Transformer.from_crs(CRS, 4326, always_xy=True)
    west, north = to_degrees.transform(WEST - 50, NORTH + 50)
    middle = to_degrees.transform(WEST + 50, NORTH)[0]
    cell = 1e-5
    columns = west + (np.arange(400) + 0.5) * cell
    classes = np.broadcast_to(np.where(columns < middle, 1, 2), (300, 400)).astype(np.uint8)
    with rasterio.open(
        tmp_path / "l.tif", "w", driver="GTiff", dtype="uint8", count=1, height=300, width=400,
        crs="EPSG:4326", transform=from_origin(west, north, cell, cell), nodata=0,
    ) as tif:  # fmt: skip
        tif.write(classes, 1)
    covered = with_land_cover(city, tmp_path / "l.tif", LEGEND)
    # Half the city each; a meridian leans by half a metre over 100 m here, cells are 1 m.
    assert area_of(covered, "grass") == pytest.approx(5000.0, abs=150.0)


def test_faults(city: City, tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match=r"city\.land_cover: .*text\.tif: not a raster"):
        with_land_cover(city, tmp_path / "text.tif", LEGEND)
    with pytest.raises(InputError, match=r"city\.terrain: .*not a raster"):
        check_raster(tmp_path / "none.tif", where="city.terrain")
    bare = write(tmp_path / "bare.tif", halves(), crs=None)
    with pytest.raises(InputError, match="no coordinate reference system"):
        with_land_cover(city, bare, LEGEND)
    with pytest.raises(InputError, match="city.land_cover_legend: .*no line for 2"):
        with_land_cover(city, write(tmp_path / "l.tif", halves()), {1: "grass"})
    away = np.zeros((10, 10))
    with pytest.raises(InputError, match="does not cover the city"):
        with_land_cover(city, write(tmp_path / "away.tif", away), LEGEND)
    whole = write(tmp_path / "cut.tif", np.ones((600, 600)), cell=1.0)
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cut\.tif"):
        with_land_cover(city, whole, LEGEND)
