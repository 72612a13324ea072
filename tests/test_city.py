from __future__ import annotations

import json
import math

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import Polygon, box

from heatmat.city import City
from heatmat.errors import InputError
from tests.town_files import CRS, EAST, NORTH, square, write


@pytest.fixture
def town(tmp_path):
    shapes = [square(0, 0, 20), square(50, 0, 20), square(0, 50, 30)]
    return write(tmp_path / "town.gpkg", shapes, id=["a", "b", "c"], height=[10.0, 20.0, 30.0])


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb", ".parquet"])
def test_formats_give_the_same_city(tmp_path, suffix):
    path = tmp_path / f"town{suffix}"
    table = gpd.GeoDataFrame(
        {"id": ["a", "b"], "height": [10.0, 20.0]},
        geometry=[square(0, 0, 20), square(50, 0, 20)],
        crs=CRS,
    )
    table.to_parquet(path) if suffix == ".parquet" else table.to_file(path)
    city = City.from_file(path)
    got = dict(zip(city.buildings["building_id"], city.buildings["height"], strict=True))
    assert got == {"a": 10.0, "b": 20.0}
    assert city.crs.to_epsg() == 32632
    assert city.buildings.area.tolist() == pytest.approx([400.0, 400.0], rel=1e-6)
    assert city.extent == pytest.approx((EAST, NORTH, EAST + 70.0, NORTH + 20.0), abs=1e-3)


def test_degrees_become_the_utm_zone(town, tmp_path):
    table = gpd.read_file(town).to_crs("EPSG:4326")
    table.to_file(tmp_path / "degrees.geojson")
    city = City.from_file(tmp_path / "degrees.geojson")
    assert city.crs.to_epsg() == 32632
    # GeoJSON keeps 7 decimals of a degree: 1 cm on a side of 20 m is 0.05 %.
    assert city.buildings.area.tolist() == pytest.approx([400.0, 400.0, 900.0], rel=2e-3)


def test_web_mercator_data_are_reprojected(town, tmp_path):
    gpd.read_file(town).to_crs("EPSG:3857").to_file(tmp_path / "web.gpkg")
    city = City.from_file(tmp_path / "web.gpkg")
    assert city.crs.to_epsg() == 32632
    assert city.buildings.area.tolist() == pytest.approx([400.0, 400.0, 900.0], rel=1e-4)


def test_south_and_the_last_zone():
    from heatmat.crs import utm_code

    assert utm_code(-180.0, -10.0) == "EPSG:32701"
    assert utm_code(179.9, 10.0) == utm_code(180.0, 10.0) == "EPSG:32660"


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:3857", "EPSG:2263", "EPSG:32650", "EPSG:4978"],
    ids=["degrees", "web mercator", "feet", "a zone far away", "geocentric"],
)
def test_unfit_systems_are_refused_with_the_utm_code(town, crs):
    with pytest.raises(InputError) as caught:
        City.from_file(town, crs=crs)
    assert "EPSG:32632" in caught.value.remedy


def test_unknown_system(town):
    with pytest.raises(InputError, match="unknown coordinate system"):
        City.from_file(town, crs="EPSG:1")


def test_other_metric_system_is_kept(town):
    city = City.from_file(town, crs="EPSG:3035")
    assert city.crs.to_epsg() == 3035
    assert city.buildings.area.tolist() == pytest.approx([400.0, 400.0, 900.0], rel=1e-3)


def test_metres_in_a_geojson_without_a_system(tmp_path):
    path = tmp_path / "metres.geojson"
    feature = {"type": "Feature", "properties": {"height": 5}}
    feature["geometry"] = shapely.geometry.mapping(square(0, 0, 20))
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(InputError, match="does not say its coordinate system"):
        City.from_file(path)
    assert City.from_file(path, crs=CRS).buildings.area.iloc[0] == pytest.approx(400.0)


def test_shapefile_without_a_system(tmp_path):
    path = write(tmp_path / "bare.shp", [square(0, 0, 20)], crs=None, height=[3.0])
    with pytest.raises(InputError, match="does not say its coordinate system"):
        City.from_file(path)
    assert len(City.from_file(path, crs=CRS).buildings) == 1


def test_courtyards_multipolygons_and_points(tmp_path):
    yard = Polygon(square(0, 0, 30).exterior, [square(10, 10, 10).exterior])
    both = shapely.MultiPolygon([square(100, 0, 10), square(120, 0, 10)])
    tree = shapely.Point(EAST + 60, NORTH)
    path = write(
        tmp_path / "mix.geojson",
        [yard, both, tree],
        id=["yard", "both", "t1"],
        natural=[None, None, "tree"],
    )
    city = City.from_file(path)
    assert list(city.buildings["building_id"]) == ["yard", "both#1", "both#2"]
    assert city.counts["courtyards"] == 1
    assert city.buildings.area.iloc[0] == pytest.approx(800.0)
    assert list(city.trees["tree_id"]) == ["t1"]


def test_bow_tie_is_repaired_and_counted(tmp_path):
    bow = Polygon([(EAST, NORTH), (EAST + 20, NORTH + 20), (EAST + 20, NORTH), (EAST, NORTH + 20)])
    city = City.from_file(write(tmp_path / "bow.geojson", [bow, square(50, 0, 10)]))
    assert city.counts["repaired"] == 1
    # Two triangles of base 20 m and height 10 m.
    assert sorted(city.buildings.area) == pytest.approx([100.0, 100.0, 100.0])
    assert city.buildings.is_valid.all()


def test_extent_and_margin_choose_what_is_kept(town):
    extent = [EAST, NORTH, EAST + 20, NORTH + 20]
    near = City.from_file(town, extent=extent, margin=31.0)
    assert list(near.buildings["building_id"]) == ["a", "b", "c"]
    assert near.extent == tuple(extent)
    alone = City.from_file(town, extent=extent, margin=5.0)
    assert list(alone.buildings["building_id"]) == ["a"]


@pytest.mark.parametrize(
    "extent",
    [
        [1.0, 2.0, 3.0],
        [0, 0, 0, 10],
        [10, 0, 0, 10],
        [0, 0, math.nan, 1],
        "everything",
        [0, 0, 9, 9],
    ],
    ids=["three", "empty", "inverted", "nan", "word", "elsewhere"],
)
def test_bad_extents(town, extent):
    with pytest.raises(InputError) as caught:
        City.from_file(town, extent=extent)
    assert "extent" in str(caught.value)


def test_extent_between_the_buildings(town):
    gap = [EAST + 25, NORTH + 5, EAST + 45, NORTH + 15]
    with pytest.raises(InputError, match="the extent touches no building"):
        City.from_file(town, extent=gap)


@pytest.mark.parametrize("margin", [-1.0, math.nan, math.inf])
def test_bad_margins(town, margin):
    with pytest.raises(InputError, match="not a width"):
        City.from_file(town, margin=margin)


def test_renamed_attributes(tmp_path):
    path = write(tmp_path / "fr.gpkg", [square(0, 0, 20)], HAUTEUR=[17.5], cleabs=["B7"])
    city = City.from_file(path, attributes={"height": "HAUTEUR", "id": "cleabs"})
    assert city.buildings["height"].iloc[0] == 17.5
    assert city.buildings["building_id"].iloc[0] == "B7"
    with pytest.raises(InputError, match="did you mean 'HAUTEUR'"):
        City.from_file(path, attributes={"height": "HAUTEURS"})


@pytest.mark.parametrize("height", [-3.0, 1001.0, math.inf])
def test_impossible_heights_name_the_feature(tmp_path, height):
    path = write(
        tmp_path / "bad.gpkg",
        [square(0, 0, 9), square(20, 0, 9)],
        id=["u", "v"],
        height=[5, height],
    )
    with pytest.raises(InputError) as caught:
        City.from_file(path)
    assert "feature 2 (id v)" in caught.value.where


def test_words_for_a_height(tmp_path):
    path = write(tmp_path / "bad.gpkg", [square(0, 0, 9)], height=["tall"])
    with pytest.raises(InputError, match="height is not a usable number"):
        City.from_file(path)


def test_missing_heights_are_filled_and_marked(tmp_path):
    shapes = [square(30 * i, 0, 20) for i in range(5)]
    path = write(
        tmp_path / "gaps.gpkg",
        shapes,
        height=[12.0, math.nan, 12.0, 18.0, 0.0],
        **{"building:levels": [None, None, None, None, None]},
    )
    city = City.from_file(path)
    assert list(city.buildings["height_source"]) == [
        "tagged",
        "filled",
        "tagged",
        "tagged",
        "filled",
    ]
    assert city.buildings["height"].iloc[1] == 12.0
    assert city.counts["height_filled"] == 2
    assert city.counts["height_zero"] == 1
    assert sum(city.height_shares.values()) == pytest.approx(1.0)


def test_ids_given_twice(tmp_path):
    shapes = [square(0, 0, 9), square(20, 0, 9)]
    path = write(tmp_path / "twice.gpkg", shapes, id=["a", "a"])
    with pytest.raises(InputError, match="'a' is given twice"):
        City.from_file(path)


def test_facades_and_roofs(tmp_path):
    path = write(
        tmp_path / "walls.geojson",
        [square(20 * i, 0, 9) for i in range(5)],
        facade_composition=['{"glass_curtain_wall": 1, "stone_wall": 0}', None, None, None, None],
        facade=["wood_wall", "wood_wall", None, None, None],
        roof=["green_roof", None, None, None, None],
        **{
            "building:material": [None, None, "brick", None, None],
            "building:colour": [None, None, "white", "#f5f5dc", "rebeccapurple"],
            "roof:colour": [None, None, None, "red", "grey"],
        },
    )
    table = City.from_file(path, default_facade="metal_wall").buildings
    assert [c[0][0] for c in table["facade_composition"]] == [
        "glass_curtain_wall",
        "wood_wall",
        "solid_brick_wall",
        "rendered_masonry_wall",
        "metal_wall",
    ]
    assert list(table["facade_source"]) == [
        "facade_composition",
        "facade",
        "building:material",
        "building:colour",
        "default",
    ]
    assert table["facade_confidence"].is_monotonic_decreasing
    assert list(table["roof_construction"]) == [
        "green_roof",
        "bitumen_roof",
        "bitumen_roof",
        "tile_roof",
        "bitumen_roof",
    ]


def test_composition_is_normalised(tmp_path):
    path = write(
        tmp_path / "mix.geojson",
        [square(0, 0, 9)],
        facade_composition=['{"stone_wall": 0.696, "glass_curtain_wall": 0.3}'],
    )
    composition = City.from_file(path).buildings["facade_composition"].iloc[0]
    assert math.fsum(fraction for _, fraction in composition) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", "{}", '{"a": 0.5}', '{"a": -0.5, "b": 1.5}', '{"a": "half"}', '{"a": NaN}', "0.5"],
)
def test_bad_compositions_name_the_feature(tmp_path, text):
    path = write(tmp_path / "mix.gpkg", [square(0, 0, 9)], facade_composition=[text])
    with pytest.raises(InputError, match="facade_composition") as caught:
        City.from_file(path)
    assert "feature 1" in caught.value.where


def test_ground_in_the_same_file_and_in_another(tmp_path, town):
    lawn, path = square(-40, -40, 200), square(0, 21, 5)
    same = write(
        tmp_path / "same.geojson",
        [square(0, 0, 20), lawn, path],
        id=["a", "g1", "g2"],
        ground=[None, "grass", "gravel_ground"],
    )
    city = City.from_file(same, margin=10.0)
    assert list(city.buildings["building_id"]) == ["a"]
    assert list(city.ground["construction"]) == ["grass", "gravel_ground"]
    # Cut to the window and its margin.
    assert city.ground.area.iloc[0] == pytest.approx(40.0**2)

    degrees = gpd.GeoDataFrame({"ground": ["water"]}, geometry=[lawn], crs=CRS).to_crs("EPSG:4326")
    degrees.to_file(tmp_path / "lake.geojson")
    apart = City.from_file(town, ground=tmp_path / "lake.geojson")
    assert list(apart.ground["construction"]) == ["water"]
    assert "water" in apart.constructions()
    with pytest.raises(InputError, match="no feature with a ground attribute"):
        City.from_file(town, ground=town)


def test_parts_in_a_table(tmp_path):
    path = write(
        tmp_path / "parts.geojson",
        [square(0, 0, 40), square(0, 0, 20), square(100, 0, 10)],
        id=["house", "tower", "lake"],
        height=[10.0, 30.0, None],
        building=["yes", None, None],
        **{"building:part": [None, "yes", None]},
    )
    city = City.from_file(path)
    table = city.buildings.set_index("building_id")
    assert set(table.index) == {"house", "tower"}
    assert table.loc["tower", "parent_id"] == "house"
    assert table.loc["house"].geometry.area == pytest.approx(1600.0 - 400.0)
    assert city.counts["polygons_not_buildings"] == 1


@pytest.mark.parametrize("order", [1, -1])
def test_outline_drawn_again_without_its_courtyard_is_dropped(tmp_path, order):
    yard = Polygon(square(0, 0, 30).exterior, [square(10, 10, 10).exterior])
    path = write(tmp_path / "twins.gpkg", [yard, square(0, 0, 30)][::order])
    city = City.from_file(path)
    assert city.buildings.area.tolist() == pytest.approx([800.0])
    assert city.counts["twins_dropped"] == 1


def test_raised_part_over_open_ground_is_counted(tmp_path):
    path = write(
        tmp_path / "bridge.geojson",
        [square(0, 0, 20), square(0, 0, 20), square(40, 0, 10)],
        id=["base", "upper", "bridge"],
        height=[10.0, 20.0, 9.0],
        min_height=[0.0, 10.0, 6.0],
    )
    city = City.from_file(path)
    assert len(city.buildings) == 3
    assert city.counts["min_height_filled"] == 1


def test_a_file_says_where_its_heights_are_from(tmp_path):
    path = write(
        tmp_path / "town.gpkg",
        [square(0, 0, 20), square(50, 0, 20), square(100, 0, 20), square(150, 0, 20)],
        height=[10.0, 20.0, 30.0, 40.0],
        height_source=["filled", "dsm", "my surveyor", None],
        height_rule=["neighbours", None, "neighbours", None],
    )
    city = City.from_file(path)
    assert list(city.buildings["height_source"]) == ["filled", "dsm", "tagged", "tagged"]
    assert list(city.buildings["height_rule"]) == ["neighbours", "", "", ""]
    assert list(city.buildings["height"]) == [10.0, 20.0, 30.0, 40.0]
    assert city.height_shares == {"tagged": 0.5, "levels": 0.0, "dsm": 0.25, "filled": 0.25}
    assert (city.counts["height_from_dsm"], city.counts["height_filled_neighbours"]) == (1, 1)


def test_parts_above_their_outline_and_without_one_are_counted(tmp_path):
    path = write(
        tmp_path / "town.gpkg",
        [square(0, 0, 20), box(EAST, NORTH, EAST + 10, NORTH + 20), square(100, 0, 20)],
        **{
            "building": ["yes", None, None],
            "building:part": [None, "yes", "yes"],
            "height": [20.0, 25.0, 9.0],
        },
    )
    counts = City.from_file(path).counts
    assert (counts["parts_above_outline"], counts["parts_without_outline"]) == (1, 1)
