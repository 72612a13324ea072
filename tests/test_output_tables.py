"""Walls, buildings and the summary, read back with independent readers."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from heatmat.output.tables import (
    building_raster,
    buildings_frame,
    mean_by_label,
    summary_of,
    write_buildings_csv,
    write_summary_json,
)
from heatmat.output.walls import wall_series, write_walls_gpkg, write_walls_parquet
from heatmat.units import to_celsius
from tests.output_case import make_city, make_maps, make_walls


@pytest.fixture(scope="module")
def case():
    city = make_city()
    return city, make_maps(city), make_walls(city)


def test_gpkg_holds_a_line_and_its_statistics_per_facade_and_storey(case, tmp_path):
    city, _, walls = case
    path = write_walls_gpkg(tmp_path / "walls.gpkg", walls, city.crs)
    stored = gpd.read_file(path, layer="walls")
    assert stored.crs.to_epsg() == 32635
    assert len(stored) == len(walls.table)
    row, source = stored.iloc[5], walls.table.iloc[5]
    assert list(row.geometry.coords) == [(source.x0, source.y0), (source.x1, source.y1)]
    assert (row.building_id, row.construction) == (source.building_id, source.construction)
    assert (row.z_min_m, row.z_max_m) == (source.z0, source.z1)
    # float32 temperatures near 300 K
    celsius = to_celsius(walls.temperature[5])
    assert row.temperature_mean_c == pytest.approx(celsius.mean(), abs=1e-3)
    assert row.temperature_max_c == pytest.approx(celsius.max(), abs=1e-3)
    assert row.standard_error_k == pytest.approx(0.1, abs=1e-6)


def test_the_azimuth_agrees_with_the_line_it_stands_beside(case, tmp_path):
    city, _, walls = case
    stored = gpd.read_file(write_walls_gpkg(tmp_path / "walls.gpkg", walls, city.crs))
    blocks = city.buildings.set_index("building_id").geometry
    for _, row in stored.drop_duplicates("facade").iterrows():
        azimuth = np.radians(row.azimuth_deg)
        middle = row.geometry.interpolate(0.5, normalized=True)
        outside = type(middle)(middle.x + np.sin(azimuth), middle.y + np.cos(azimuth))
        assert not blocks[row.building_id].contains(outside)


def test_parquet_holds_every_stamp(case, tmp_path):
    _, _, walls = case
    stored = pd.read_parquet(write_walls_parquet(tmp_path / "walls.parquet", walls))
    assert len(stored) == walls.temperature.size
    assert str(stored["time"].dt.tz) == "UTC"
    one = stored[(stored["wall"] == 7) & (stored["time"] == "2023-07-14T12:00:00Z")]
    assert one["surface_temperature_c"].item() == pytest.approx(
        to_celsius(float(walls.temperature[7, 13])), abs=1e-4
    )
    assert one["building_id"].item() == walls.table["building_id"].iloc[7]


def test_walls_of_the_wrong_shape_are_refused(case):
    _, maps, walls = case
    with pytest.raises(ValueError, match="shape"):
        wall_series((walls.table, walls.temperature[:, :3], walls.standard_error), walls.time)


def test_the_building_raster_is_north_up(case):
    city, maps, _ = case
    labels = building_raster(city.buildings, maps)
    polygon = city.buildings.geometry.iloc[0]
    point = polygon.representative_point()
    column = int((point.x - city.extent[0]) / 2.0)
    row = int((city.extent[3] - point.y) / 2.0)
    assert labels[row, column] == 0
    assert labels[maps.sizes["y"] - 1 - row, column] != 0
    # cell centres in the polygon: within a tenth of its area at 2 m
    assert np.sum(labels == 0) * 4.0 == pytest.approx(polygon.area, rel=0.1)


def test_means_weigh_by_area_and_pass_over_gaps():
    labels = np.array([0, 0, 1, -1])
    values = np.array([[1.0, 4.0, np.nan, 9.0]])
    mean = mean_by_label(labels, values, np.array([1.0, 2.0, 1.0, 1.0]), 3)
    assert mean[0, 0] == pytest.approx(3.0)
    assert np.isnan(mean[1:, 0]).all()


def test_buildings_csv_has_labels_and_temperatures(case, tmp_path):
    city, maps, walls = case
    path = write_buildings_csv(tmp_path / "buildings.csv", buildings_frame(city, maps, walls))
    stored = pd.read_csv(path)
    assert stored["building_id"].tolist() == city.buildings["building_id"].tolist()
    composition = json.loads(stored["facade_composition"].iloc[0])
    assert sum(composition.values()) == pytest.approx(1.0)
    # made-up roofs: 30 + 18 cos, at its top at 14:00 and at its bottom at 02:00
    assert stored["roof_temperature_1400_c"].iloc[0] == pytest.approx(48.0, abs=0.01)
    assert stored["roof_temperature_min_c"].iloc[0] == pytest.approx(12.0, abs=0.01)
    perimeter = city.buildings.geometry.length
    expected = perimeter * city.buildings["height"]
    assert stored["wall_area_m2"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)


def test_the_summary_counts_and_averages(case, tmp_path):
    city, maps, walls = case
    path = write_summary_json(tmp_path / "summary.json", summary_of(city, maps, walls))
    stored = json.loads(path.read_text(encoding="utf-8"))
    roof = stored["surface_temperature_c"]["roof"]
    assert roof["mean"] == pytest.approx(30.0, abs=0.01)
    assert roof["by_hour"][13] == {
        "time": "2023-07-14T14:00:00+02:00",
        "mean": pytest.approx(48.0, abs=0.01),
        "min": pytest.approx(48.0, abs=0.01),
        "max": pytest.approx(48.0, abs=0.01),
    }
    extent = 240.0 * 160.0
    ground = stored["surface_temperature_c"]["ground"]["area_m2"]
    assert ground + roof["area_m2"] == pytest.approx(extent)
    grass = stored["by_construction"]["ground"]["grass"]
    park = city.ground.geometry.iloc[0].difference(city.buildings.geometry.union_all())
    # cell centres in it: within a tenth at 2 m
    assert grass["area_m2"] == pytest.approx(park.area, rel=0.1)
    assert grass["max"] == pytest.approx(28.0, abs=0.01)
    assert sum(stored["height_sources"].values()) == pytest.approx(1.0)
    assert stored["sampling_standard_error_k"]["wall"]["rms"] == pytest.approx(0.1, abs=1e-4)
