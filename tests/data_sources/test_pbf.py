"""Header and relations of .osm.pbf files."""

from __future__ import annotations

import struct
import zlib

import pytest

from data_sources.pbf import scan
from heatmat.errors import InputError
from tests.osm_files import Osm, _blob, _bytes, _key, _text, _varint, _zigzag


def header(west, east, north, south):
    sides = b"".join(
        _key(number, 0) + _varint(_zigzag(round(value * 1e9)))
        for number, value in ((1, west), (2, east), (3, north), (4, south))
    )
    return _blob("OSMHeader", _bytes(1, sides) + _text(4, "OsmSchema-V0.6"))


def test_bounds_of_the_header(tmp_path):
    (tmp_path / "a.osm.pbf").write_bytes(header(-4.25, 24.95, 60.18, -33.5))
    assert scan(tmp_path / "a.osm.pbf")[0] == pytest.approx((-4.25, -33.5, 24.95, 60.18))
    (tmp_path / "b.osm.pbf").write_bytes(header(30.0, 20.0, 60.0, 50.0))  # west of its west
    assert scan(tmp_path / "b.osm.pbf")[0] is None


def test_relations_with_their_tags(tmp_path, monkeypatch):
    osm = Osm()
    way = osm.square(0, 0, 20)
    osm.relation([(way, "outer")], {"building": "yes", "name": "Kölnische Straße"})
    path = osm.write_pbf(tmp_path / "a.osm.pbf")
    bounds, relations = scan(path)
    assert bounds is None
    ((number, tags),) = relations
    assert number == 500
    assert tags == {"type": "multipolygon", "building": "yes", "name": "Kölnische Straße"}
    monkeypatch.setattr("tests.osm_files._blob", compressed)
    assert scan(osm.write_pbf(path))[1] == relations


def compressed(kind, data):
    blob = _bytes(3, zlib.compress(data))
    head = _text(1, kind) + _key(3, 0) + _varint(len(blob))
    return struct.pack(">I", len(head)) + head + blob


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xff\xff\xff", "larger"),
        (b"not a pbf at all", ".osm.pbf"),
        (header(0, 1, 1, 0)[:-5], "ends within"),
    ],
)
def test_files_that_are_none(tmp_path, content, words):
    (tmp_path / "a.osm.pbf").write_bytes(content)
    with pytest.raises(InputError, match=words):
        scan(tmp_path / "a.osm.pbf")


def test_a_bomb(tmp_path):
    (tmp_path / "a.osm.pbf").write_bytes(compressed("OSMData", bytes(33 << 20)))
    with pytest.raises(InputError, match="larger than the format allows"):
        scan(tmp_path / "a.osm.pbf")
