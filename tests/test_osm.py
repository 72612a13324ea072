from __future__ import annotations

import gzip
import math

import pytest

import heatmat.osm
from heatmat.city import City
from heatmat.errors import InputError
from heatmat.osm import read_osm
from tests.osm_files import Osm

# Degrees become metres in two different projections: the squares are right to about 0.3 %.
AREA = 0.01


def block() -> Osm:
    """A block with a courtyard, a church of parts, a street, a lawn, an underground garage."""
    osm = Osm()
    outer = osm.square(0, 0, 60)
    inner = osm.square(20, 20, 20)
    osm.relation(
        [(outer, "outer"), (inner, "inner")],
        {"building": "apartments", "building:levels": "5", "building:material": "brick"},
    )
    osm.square(100, 0, 40, {"building": "church", "height": "30", "roof:material": "copper"})
    osm.square(100, 0, 20, {"building:part": "yes", "height": "50 m"})
    osm.square(120, 0, 20, {"building:part": "yes", "building:levels": "2"})
    osm.square(300, 0, 30, {"building": "yes", "layer": "-1", "building:levels": "2"})
    osm.way([(0, -10), (200, -10)], {"highway": "residential", "surface": "sett"})
    osm.square(0, 80, 30, {"landuse": "grass"})
    return osm


@pytest.fixture
def city(tmp_path):
    return City.from_file(block().write_xml(tmp_path / "block.osm"))


def row(city, name):
    found = city.buildings[city.buildings["building_id"] == name]
    assert len(found) == 1
    return found.iloc[0]


def test_courtyard_of_a_relation_is_a_hole(city):
    house = row(city, "relation/500")
    assert house.geometry.area == pytest.approx(60**2 - 20**2, rel=AREA)
    assert len(house.geometry.interiors) == 1
    assert house.height == 15.0
    assert house.height_source == "levels"
    assert house.facade_composition == (("solid_brick_wall", 1.0),)
    assert house.facade_source == "building:material"


def test_parts_replace_the_outline_and_leave_it_the_rest(city):
    church, tower, nave = (row(city, f"way/{n}") for n in (102, 103, 104))
    assert (church.height, tower.height, nave.height) == (30.0, 50.0, 6.0)
    assert tower.parent_id == nave.parent_id == "way/102"
    # The upper half of the outline has no part.
    assert church.geometry.area == pytest.approx(20 * 40, rel=AREA)
    assert church.geometry.intersection(tower.geometry).area == pytest.approx(0.0, abs=1e-6)
    # Parts are of what the building is of.
    assert tower.roof_construction == "metal_roof"


def test_outline_covered_by_parts_is_gone(tmp_path):
    osm = Osm()
    osm.square(0, 0, 40, {"building": "yes", "height": "80"})
    osm.way([(0, 0), (40, 0), (40, 20), (0, 20), (0, 0)], {"building:part": "yes", "height": "10"})
    osm.way(
        [(0, 20), (40, 20), (40, 40), (0, 40), (0, 20)], {"building:part": "yes", "height": "20"}
    )
    city = City.from_file(osm.write_xml(tmp_path / "parts.osm"))
    assert sorted(city.buildings["height"]) == [10.0, 20.0]
    assert city.counts["outlines_replaced"] == 1


def test_leftovers_of_a_covered_outline_do_not_stand_as_high_as_its_tower(tmp_path):
    osm = Osm()
    osm.square(0, 0, 40, {"building": "yes", "height": "80"})
    osm.way([(0, 0), (40, 0), (40, 38), (0, 38), (0, 0)], {"building:part": "yes", "height": "10"})
    city = City.from_file(osm.write_xml(tmp_path / "rest.osm"))
    assert row(city, "way/100").geometry.area == pytest.approx(80.0, rel=0.02)
    assert row(city, "way/100").height == 10.0


def test_underground_is_left_out(city):
    assert "way/105" not in set(city.buildings["building_id"])
    assert city.counts["underground_dropped"] == 1


def test_street_and_lawn_are_ground(city):
    ground = {kind: (shape.area, name) for kind, name, shape in _ground(city)}
    area, construction = ground["street"]
    assert construction == "setts_street"
    # 200 m x 7 m and a half circle of 3.5 m at both ends.
    assert area == pytest.approx(200 * 7 + math.pi * 3.5**2, rel=AREA)
    area, construction = ground["verge"]
    assert (construction, area) == ("grass", pytest.approx(900.0, rel=AREA))


def _ground(city):
    return zip(city.ground["kind"], city.ground["construction"], city.ground.geometry, strict=True)


def test_system_and_attribution(city):
    assert city.crs.to_epsg() == 32635
    assert "OpenStreetMap contributors" in city.attribution


def test_pbf_and_gzip_give_the_same_city(city, tmp_path):
    pbf = City.from_file(block().write_pbf(tmp_path / "block.osm.pbf"))
    packed = tmp_path / "block.osm.gz"
    packed.write_bytes(gzip.compress((tmp_path / "block.osm").read_bytes()))
    for other in (pbf, City.from_file(packed)):
        assert list(other.buildings["building_id"]) == list(city.buildings["building_id"])
        assert list(other.buildings["height"]) == list(city.buildings["height"])
        assert list(other.buildings["tags"]) == list(city.buildings["tags"])
        # The same seven decimals, read from text or from integers: equal to a rounding.
        assert (other.buildings.area - city.buildings.area).abs().max() < 1e-6
        assert other.counts == city.counts


def test_outer_way_that_repeats_the_tag_does_not_fill_the_courtyard(tmp_path):
    osm = Osm()
    outer = osm.square(0, 0, 60, {"building": "yes"})
    osm.relation([(outer, "outer"), (osm.square(20, 20, 20), "inner")], {"building": "yes"})
    city = City.from_file(osm.write_xml(tmp_path / "twice.osm"))
    assert len(city.buildings) == 1
    assert len(city.buildings.geometry.iloc[0].interiors) == 1


@pytest.mark.parametrize("known", [True, False], ids=["open ring", "missing way"])
def test_relation_cut_by_the_border_is_left_out(tmp_path, known):
    osm = Osm()
    osm.square(0, 0, 30, {"building": "yes"})
    half = osm.way([(100, 0), (140, 0), (140, 40)])
    members = [(half, "outer")] if known else [(half, "outer"), (9999, "outer")]
    osm.relation(members, {"building": "yes"})
    city = City.from_file(osm.write_xml(tmp_path / "cut.osm"))
    assert list(city.buildings["building_id"]) == ["way/100"]


def test_unreadable_tags_are_counted_not_fatal(tmp_path):
    osm = Osm()
    osm.square(0, 0, 30, {"building": "yes", "height": "tall", "building:levels": "4"})
    osm.square(50, 0, 30, {"building": "yes", "height": "5000"})
    city = City.from_file(osm.write_xml(tmp_path / "junk.osm"))
    assert city.counts["unreadable_tags"] == 2
    assert list(city.buildings["height_source"]) == ["levels", "filled"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.osm", b"hello"),
        ("cut.osm", b'<?xml version="1.0"?><osm version="0.6"><node id="1" lat="60"'),
        ("none.osm", b'<?xml version="1.0"?><osm version="0.6"></osm>'),
        ("noise.osm.pbf", bytes(range(256)) * 4),
        ("cut.osm.gz", gzip.compress(b"<osm></osm>" * 100, mtime=0)[:20]),
        ("not.osm.gz", b"<osm></osm>"),
        ("empty.osm", b""),
    ],
)
def test_bad_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        City.from_file(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_entities_that_expand_to_gigabytes_are_refused(tmp_path):
    entities = ['<!ENTITY a0 "aaaaaaaaaa">']
    entities += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)]
    text = (
        f'<?xml version="1.0"?><!DOCTYPE osm [{"".join(entities)}]><osm version="0.6">'
        '<node id="1" lat="60" lon="25"><tag k="name" v="&a11;"/></node></osm>'
    )
    (tmp_path / "laughs.osm").write_text(text)
    with pytest.raises(InputError, match="not readable"):
        read_osm(tmp_path / "laughs.osm")


def test_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(heatmat.osm, "MAX_UNCOMPRESSED_BYTES", 1 << 20)
    (tmp_path / "bomb.osm.gz").write_bytes(gzip.compress(bytes(1 << 22)))
    with pytest.raises(InputError, match="unpacks to more"):
        City.from_file(tmp_path / "bomb.osm.gz")


def test_extract_without_buildings_says_what_it_holds(tmp_path):
    osm = Osm()
    osm.way([(0, 0), (50, 0)], {"highway": "residential"})
    with pytest.raises(InputError, match="no building polygon .*1 LineString"):
        City.from_file(osm.write_xml(tmp_path / "street.osm"))


def test_paris(shared_data):
    city = City.from_file(shared_data / "osm_paris" / "paris_9e10e.osm")
    # SOURCE.txt: 738 buildings, 486 with levels, none with a height, 231 trees. One is indoors.
    assert city.counts["buildings"] == 737
    assert city.counts["height_from_levels"] == 486
    assert city.counts["height_tagged"] == 0
    assert city.counts["courtyards"] > 100
    assert len(city.trees) == 231
    assert city.crs.to_epsg() == 32631


def test_lyon(shared_data):
    city = City.from_file(shared_data / "osm_lyon_villeurbanne" / "villeurbanne.osm")
    # SOURCE.txt: 517 buildings and 24 parts; 7 outlines are covered by their parts.
    assert city.counts["parts"] == 24
    assert city.counts["buildings"] == 517 + 24 - city.counts["outlines_replaced"]
    assert (city.buildings["roof_shape"] == "gabled").sum() >= 70
    assert (city.buildings["roof_construction"] == "tile_roof").sum() == 23
    assert city.buildings["height"].between(3.0, 60.0).all()
