from __future__ import annotations

import gzip
import json

import pytest
import shapely

from data_sources import embedded_district
from heatmat.city import DISTRICT, City
from heatmat.errors import InputError
from tests.osm_files import LAT, LON, METRE_LAT, METRE_LON, Osm

GROUNDS = {
    "asphalt_street",
    "concrete_paving",
    "setts_street",
    "gravel_ground",
    "bare_soil",
    "grass",
    "water",
}


@pytest.fixture(scope="module")
def city():
    return City.embedded()


def test_half_a_square_kilometre_in_less_than_a_megabyte(city):
    xmin, ymin, xmax, ymax = city.extent
    assert (xmax - xmin) * (ymax - ymin) == pytest.approx(0.5e6, rel=0.05)
    assert sum(path.stat().st_size for path in DISTRICT.iterdir()) < 1_000_000


def test_attribution_and_licence_lie_beside_it(city):
    assert "(c) OpenStreetMap contributors" in city.attribution
    notice = (DISTRICT / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "Open Database License 1.0" in notice
    assert "(c) OpenStreetMap contributors" in notice
    with gzip.open(DISTRICT / "district.geojson.gz", "rt", encoding="utf-8") as file:
        assert "OpenStreetMap" in json.load(file)["license"]


def test_buildings_fill_the_window_and_its_margin(city):
    table = city.buildings
    assert table["building_id"].is_unique
    assert table.geometry.geom_type.eq("Polygon").all()
    assert table.is_valid.all()
    window = shapely.box(*city.extent)
    for side in (-1, 1):  # the north side is the railway yard and a park
        for dx, dy in ((side, 0), (0, side)):
            strip = shapely.affinity.translate(window, 640.0 * dx, 790.0 * dy)
            strip = strip.intersection(window.buffer(city.margin, join_style="mitre"))
            assert shapely.union_all(table.geometry).intersection(strip).area > 0.05 * strip.area
    built = shapely.union_all(table.geometry).intersection(window).area / window.area
    assert 0.25 < built < 0.6  # a European city centre


def test_heights_are_marked_and_in_range(city):
    counts = city.counts
    total = counts["height_tagged"] + counts["height_from_levels"] + counts["height_filled"]
    assert total == counts["buildings"] == len(city.buildings)
    assert counts["height_tagged"] > 0
    assert counts["height_from_levels"] > 100
    assert city.buildings["height"].between(2.0, 80.0).all()
    assert (city.buildings["roof_height"] <= city.buildings["height"]).all()
    assert (city.buildings["min_height"] < city.buildings["height"]).all()


def test_courtyards_and_parts(city):
    assert city.counts["courtyards"] > 30
    assert city.counts["parts"] > 50
    parts = city.buildings[city.buildings["parent_id"] != ""]
    outlines = city.buildings.set_index("building_id").geometry
    for name, shape in zip(parts["parent_id"], parts.geometry, strict=True):
        if name in outlines.index:
            assert outlines[name].intersection(shape).area < 1e-3 * shape.area


def test_cathedral_stands_in_parts(city):
    # Helsinki Cathedral: 24.95213 E, 60.17046 N. Its drum and dome rise above the cross below.
    place = shapely.Point(386_368.0, 6_672_146.0).buffer(40.0)
    near = city.buildings[city.buildings.intersects(place)]
    assert (near["parent_id"] != "").sum() >= 5
    assert near["height"].max() > 40.0


def test_ground_has_every_kind(city):
    assert set(city.ground["construction"]) == GROUNDS
    assert {"street", "footway", "green", "paved", "water"} <= set(city.ground["kind"])
    window = shapely.box(*city.extent).buffer(city.margin + 0.1, join_style="mitre")
    assert city.ground.within(window).all()


def test_metal_roofs_and_several_walls(city):
    assert (city.buildings["roof_construction"] == "metal_roof").any()
    walls = {name for row in city.buildings["facade_composition"] for name, _ in row}
    assert len(walls) >= 3


def test_trees_are_kept(city):
    assert len(city.trees) > 100


def test_conversion_of_an_extract(tmp_path, monkeypatch):
    """The script, from a PBF that holds a house of parts, a street and a tree."""
    from pyproj import Transformer

    to_metres = Transformer.from_crs("EPSG:4326", embedded_district.CRS, always_xy=True)
    x, y = to_metres.transform(LON, LAT)
    monkeypatch.setattr(embedded_district, "EXTENT", (x - 20.0, y - 20.0, x + 80.0, y + 80.0))
    monkeypatch.setattr(embedded_district, "MARGIN", 50.0)
    monkeypatch.setattr("heatmat.city.DISTRICT", tmp_path / "district")
    osm = Osm()
    osm.square(0, 0, 40, {"building": "yes", "building:levels": "5", "operator": "nobody"})
    osm.square(0, 0, 20, {"building:part": "yes", "height": "30"})
    osm.square(900, 0, 40, {"building": "yes"})
    osm.way([(0, -10), (80, -10)], {"highway": "residential"})
    osm.nodes[9999] = (LON + 60 * METRE_LON, LAT + 60 * METRE_LAT, {"natural": "tree"})
    pbf = osm.write_pbf(tmp_path / "small.osm.pbf")
    city = embedded_district.convert(pbf, tmp_path / "district")
    assert sorted(city.buildings["height"]) == [15.0, 30.0]
    assert list(city.ground["construction"]) == ["asphalt_street"]
    assert len(city.trees) == 1
    assert not any("operator" in tags for tags in city.buildings["tags"])
    first = (tmp_path / "district" / "district.geojson.gz").read_bytes()
    embedded_district.convert(pbf, tmp_path / "district")
    assert (tmp_path / "district" / "district.geojson.gz").read_bytes() == first


def test_an_extract_of_another_place_replaces_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_district, "EXTENT", (0.0, 0.0, 100.0, 100.0))
    osm = Osm()
    osm.square(0, 0, 40, {"building": "yes"})
    with pytest.raises(InputError, match="no building in the district"):
        embedded_district.convert(osm.write_pbf(tmp_path / "far.osm.pbf"), tmp_path / "district")
    assert not (tmp_path / "district").exists()
