"""Files that are no city: each is named in one line, nothing is guessed."""

from __future__ import annotations

import json

import pytest
import shapely
from shapely.geometry import box

from heatmat.city import City
from heatmat.errors import InputError
from tests.town_files import EAST, NORTH, write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.geojson", "hello"),
        ("cut.geojson", '{"type": "FeatureCollection", "features": [{"type"'),
        ("none.geojson", '{"type": "FeatureCollection", "features": []}'),
        ("empty.geojson", ""),
        ("table.csv", "a,b\n1,2\n"),
    ],
)
def test_bad_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        City.from_file(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_folder_and_points_only(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        City.from_file(tmp_path / "nowhere.geojson")
    with pytest.raises(InputError, match="a folder"):
        City.from_file(tmp_path)
    path = write(tmp_path / "points.geojson", [shapely.Point(EAST, NORTH)], id=["p"])
    with pytest.raises(InputError, match="no building polygon .*1 Point"):
        City.from_file(path)


def feature(x=11.9, y=48.7, name=None, **properties):
    shape = shapely.geometry.mapping(box(x, y, x + 2e-4, y + 2e-4))
    head = {} if name is None else {"id": name}
    return {"type": "Feature", **head, "properties": properties, "geometry": shape}


def test_numbers_of_features_are_their_ids_and_must_differ(tmp_path):
    path = tmp_path / "numbered.geojson"
    features = [feature(name=7, height=5), feature(x=11.901, name=9, height=6)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert list(City.from_file(path).buildings["building_id"]) == ["7", "9"]
    path.write_text(path.read_text().replace('"id": 9', '"id": 7'))
    with pytest.raises(InputError, match="an id is given twice .*id = 7"):
        City.from_file(path)


@pytest.mark.parametrize("latitude", ["NaN", "1e999", "95.0"])
def test_coordinates_that_are_none(tmp_path, latitude):
    path = tmp_path / "nan.geojson"
    text = json.dumps({"type": "FeatureCollection", "features": [feature(height=5)]})
    path.write_text(text.replace("48.7", latitude))
    with pytest.raises(InputError) as caught:
        City.from_file(path)
    assert "nan.geojson" in caught.value.where


def test_features_without_a_geometry_are_counted(tmp_path):
    path = tmp_path / "null.geojson"
    features = [feature(height=5, facade_composition={"stone_wall": 1.0}), feature()]
    features[1]["geometry"] = None
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    city = City.from_file(path)
    assert city.counts["no_geometry"] == 1
    # A nested object does as well as a text.
    assert city.buildings["facade_composition"].iloc[0] == (("stone_wall", 1.0),)
