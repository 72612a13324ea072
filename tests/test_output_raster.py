"""GeoTIFF and Zarr, read back with independent readers."""

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr

from heatmat.output.atomic import aside
from heatmat.output.clock import display_indices, hour_label, iso_stamp, zone_label
from heatmat.output.raster import to_cf, transform_of, write_temperature_tif, write_zarr
from tests.output_case import make_city, make_maps, make_times


@pytest.fixture(scope="module")
def case():
    city = make_city()
    maps = make_maps(city)
    # A value that depends on northing and easting alone: flips and shifts cannot hide.
    ramp = 280.0 + 0.1 * (maps["y"] - city.extent[1]) + 0.01 * (maps["x"] - city.extent[0])
    maps["surface_temperature"] = (maps["surface_temperature"] * 0.0 + ramp).astype("float32")
    return city, maps


def test_tif_puts_known_values_at_known_points(case, tmp_path):
    city, maps = case
    path = write_temperature_tif(tmp_path / "surface_temperature.tif", maps)
    with rasterio.open(path) as dataset:
        assert dataset.crs.to_epsg() == 32635
        assert dataset.transform.e < 0.0
        x, y = city.extent[0] + 31.0, city.extent[1] + 151.0  # a cell's centre, far north
        (value,) = dataset.sample([(x, y)], indexes=1)
        # float32 near 300 K has a spacing of 3e-5 K
        assert value[0] == pytest.approx(280.0 + 15.1 + 0.31, abs=1e-4)
        assert dataset.read(1)[0, 0] > dataset.read(1)[-1, 0]


def test_tif_is_cloud_optimised_and_says_what_each_band_is(case, tmp_path):
    _, maps = case
    path = write_temperature_tif(tmp_path / "surface_temperature.tif", maps)
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.count == 24
        assert dataset.dtypes[0] == "float32"
        assert np.isnan(dataset.nodata)
        assert set(dataset.units) == {"K"}
        assert dataset.descriptions[13] == "2023-07-14T14:00:00+02:00"


def test_a_large_tif_has_overviews(case, tmp_path):
    city, _ = case
    maps = make_maps(make_city(1200.0, 1100.0), 1.0, make_times(1))
    with rasterio.open(write_temperature_tif(tmp_path / "t.tif", maps)) as dataset:
        assert dataset.overviews(1)


def test_zarr_reads_back_with_crs_time_and_values(case, tmp_path):
    city, maps = case
    path = write_zarr(tmp_path / "result.zarr", maps)
    with xr.open_zarr(path, consolidated=True, decode_coords="all") as stored:
        assert pyproj.CRS.from_cf(stored["spatial_ref"].attrs).to_epsg() == 32635
        assert stored["time"].values[13] == np.datetime64("2023-07-14T12:00:00")
        value = stored["surface_temperature"].sel(
            x=city.extent[0] + 31.0, y=city.extent[1] + 151.0, time="2023-07-14T12:00:00"
        )
        assert float(value) == pytest.approx(280.0 + 15.1 + 0.31, abs=1e-4)
        assert bool(stored["roof_temperature"].isnull().any())


def test_zarr_speaks_cf(case, tmp_path):
    _, maps = case
    path = write_zarr(tmp_path / "result.zarr", maps)
    with xr.open_zarr(path, decode_cf=False) as raw:
        error = raw["surface_temperature_standard_error"]
        assert error.attrs["standard_name"] == "surface_temperature standard_error"
        temperature = raw["surface_temperature"].attrs
        assert temperature["standard_name"] == "surface_temperature"
        assert temperature["units"] == "K"
        assert temperature["grid_mapping"] == "spatial_ref"
        assert temperature["ancillary_variables"] in raw
        assert raw["x"].attrs["standard_name"] == "projection_x_coordinate"
        assert raw["y"].attrs["standard_name"] == "projection_y_coordinate"
        assert raw["time"].attrs["units"] == "seconds since 1970-01-01"
        assert raw["time"].attrs["calendar"] == "proleptic_gregorian"
        assert "PROJCRS" in raw["spatial_ref"].attrs["crs_wkt"]
        numbers = [float(n) for n in raw["spatial_ref"].attrs["GeoTransform"].split()]
        assert numbers == [385_000.0, 2.0, 0.0, 6_672_160.0, 0.0, -2.0]
        assert raw["sky_view_factor"].attrs["units"] == "1"


def test_cf_leaves_the_callers_dataset_alone(case):
    _, maps = case
    before = {name: dict(maps[name].attrs) for name in maps.variables}
    to_cf(maps)
    assert {name: dict(maps[name].attrs) for name in maps.variables} == before


def test_a_south_up_grid_is_refused(case):
    _, maps = case
    with pytest.raises(ValueError, match="row 0 north"):
        transform_of(maps.isel(y=slice(None, None, -1)))


def test_display_hours_are_those_of_the_last_day():
    times = make_times(48)
    hours = [hour_label(times[i], 2.0) for i in display_indices(times, 2.0)]
    assert hours == ["05:00", "09:00", "14:00", "21:00"]
    assert display_indices(times, 2.0)[0] == 28


def test_display_hours_of_a_short_window_are_not_repeated():
    times = make_times(3)
    assert display_indices(times, 2.0) == [0, 1, 2]
    assert hour_label(make_times(24)[-1], 2.0) == "24:00"


def test_stamps_name_their_zone():
    time = np.datetime64("2001-07-14T12:30:00")
    assert iso_stamp(time, -3.5) == "2001-07-14T09:00:00-03:30"
    assert zone_label(-3.5) == "UTC-3:30"
    assert zone_label(2.0) == "UTC+2"


def test_a_write_that_fails_leaves_the_old_file_and_no_trace(tmp_path):
    final = tmp_path / "a.txt"
    final.write_text("old")

    def fail() -> None:
        with aside(final) as partial:
            partial.write_text("half")
            raise RuntimeError("disk pulled out")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert final.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_replaces_a_folder(tmp_path):
    for text in ("one", "two"):
        with aside(tmp_path / "store") as partial:
            partial.mkdir()
            (partial / text).write_text(text)
    assert [p.name for p in (tmp_path / "store").iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_file_replaces_no_folder_and_a_folder_no_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    (tmp_path / "file").write_text("kept")

    def write(name: str, folder: bool) -> None:
        with aside(tmp_path / name) as partial:
            partial.mkdir() if folder else partial.touch()

    for name, folder in (("folder", False), ("file", True)):
        with pytest.raises(OSError, match=name):
            write(name, folder)
    assert (tmp_path / "file").read_text() == "kept"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder", "kept"]
