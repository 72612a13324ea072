"""From an area to crops on disk: broken images replaced, nothing fetched twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import numpy as np
import pytest
import shapely
from PIL import Image
from pyproj import Transformer

from data_sources import street_view, view_files
from data_sources.errors import NetworkError
from data_sources.http import Session
from data_sources.image_files import decode
from data_sources.street_view import fetch_views
from data_sources.view_files import COLUMNS, FACADE_COLUMNS
from heatmat.errors import InputError
from tests.data_sources.loopback import Answer, Loopback
from tests.data_sources.street import TODAY, encoded, png_head, table

HOST, STORE = "api.panoramax.xyz", "pictures.example.org"
EAST, NORTH = 513000.0, 5402000.0  # UTM zone 32, near Stuttgart: the grid turns 0.1 degrees


HOUSES = [
    ("way/1", shapely.box(0, 10, 24, 22), 12),
    ("../../evil", shapely.box(0, -22, 24, -10), 9),
]


def houses(rows=HOUSES):
    moved = [(n, shapely.affinity.translate(p, EAST, NORTH), *rest) for n, p, *rest in rows]
    return table(*moved, crs="EPSG:32632")


def feature(name, x, y=0.0, **properties):
    to_degrees = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    place = to_degrees.transform(EAST + x, NORTH + y)
    return {
        "type": "Feature",
        "id": name,
        "collection": "walk",
        "geometry": {"type": "Point", "coordinates": list(place)},
        "assets": {"sd": {"href": f"https://{STORE}/{quote(name, safe='')}.jpg?signed=yes"}},
        "properties": {
            "datetime": "2025-05-01T10:00:00+00:00",
            "license": "etalab-2.0",
            "geovisio:producer": "la ville",
            "view:azimuth": 90,
            "pers:interior_orientation": {"field_of_view": 360},
        }
        | properties,
    }


@pytest.fixture
def net():
    with Loopback() as server:
        server.on(STORE, "/", Answer(encoded(), kind="image/jpeg"))
        yield server


@pytest.fixture(autouse=True)
def pictures(monkeypatch, request):
    """Sheets and maps are drawn in the one test that looks at them: they take most of the time."""
    if request.node.name != "test_tables_crops_and_pictures":
        for name in ("contact_sheet", "coverage_map"):
            monkeypatch.setattr(street_view, name, lambda path, *_: path.write_bytes(b""))


def fetch(net, folder, *features, buildings=None, **options):
    if features:
        net.on(HOST, "/api/search", Answer({"type": "FeatureCollection", "features": features}))
    work = Session(folder / "cache", overrides=net.overrides, clock=net.clock, sleep=net.sleep)
    buildings = houses() if buildings is None else buildings
    return fetch_views(buildings, work, folder / "city", today=TODAY, **options)


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def street(count=4, **properties):
    return [feature(f"p{k}", 9.0 * k, **properties) for k in range(count)]


def test_tables_crops_and_pictures(net, tmp_path):
    result = fetch(net, tmp_path, *street())
    views = tmp_path / "city" / "views"
    assert result.table == views / "views.csv"
    rows = rows_of(result.table)
    assert tuple(rows[0]) == COLUMNS
    assert {row["building_id"] for row in rows} == {"way/1", "../../evil"}
    assert result.counts["views"] == len(rows) > 4
    assert result.counts["buildings"] == result.counts["buildings_seen"] == 2
    for row in rows:
        with Image.open(views / row["file"]) as crop:
            assert min(crop.size) >= 32
            assert "etalab-2.0; la ville; panoramax p" in crop.getexif()[0x8298]
        assert (views / row["image_file"]).is_file()
        assert (row["licence"], row["author"], row["date"]) == (
            "etalab-2.0",
            "la ville",
            "2025-05-01",
        )
        assert 0 < float(row["score"]) < 1 and 0.1 <= float(row["coverage"]) <= 1
        assert int(row["x0_px"]) < int(row["x1_px"]) and int(row["y0_px"]) < int(row["y1_px"])
    front = [row for row in rows if row["building_id"] == "way/1" and row["rank"] == "1"]
    assert float(front[0]["azimuth_deg"]) == pytest.approx(180.0, abs=0.2)
    facades = rows_of(views / "facades.csv")
    assert tuple(facades[0]) == FACADE_COLUMNS and len(facades) == 8
    area = sum(float(f["area_m2"]) for f in facades)
    assert area == pytest.approx(2 * (24 + 12) * (12 + 9), rel=1e-3)
    share = sum(float(f["area_m2"]) * float(f["coverage"]) for f in facades) / area
    assert share == pytest.approx(result.coverage, abs=1e-3)
    for name in ("coverage.png", "way_1/contact.jpg"):
        with Image.open(views / name) as picture:
            assert min(picture.size) > 250
    about = json.loads((views / "_images" / "panoramax-p1.json").read_text())
    assert (about["licence"], about["author"]) == ("etalab-2.0", "la ville")
    assert about["captured"].startswith("2025-05-01") and about["longitude"] == pytest.approx(
        9.177, abs=0.01
    )
    assert "signed" not in json.dumps(about)
    (credit,) = result.provenance
    assert credit["authors"] == ["la ville"] and credit["licence"] == "etalab-2.0"


def test_nothing_leaves_the_folder(net, tmp_path):
    home = tmp_path / "far" / "inside"  # "../../.." from the images still lands in tmp_path
    home.mkdir(parents=True)
    names = ["../../out", "../../../../out", "a/b", "a_b", "C:\\x", "\u00e9"]
    hostile = [feature(name, 9.0 * k - 6.0) for k, name in enumerate(names)]
    result = fetch(net, home, *hostile, per_building=20)
    assert set(result.skipped) <= {"crop_too_small"}  # the panoramas here have 512 columns
    assert len(list((home / "city" / "views" / "_images").glob("*.jpg"))) == len(names)
    assert {p.relative_to(home).parts[0] for p in home.rglob("*")} == {"cache", "city"}
    assert sorted(p.name for p in tmp_path.rglob("*") if home not in p.parents) == ["far", "inside"]
    for row in rows_of(result.table):
        assert (home / "city" / "views" / row["file"]).resolve().is_relative_to(home)


def test_again_nothing_is_fetched_and_old_crops_go(net, tmp_path):
    first = fetch(net, tmp_path, *street())
    asked = len(net.seen)
    crops = sorted((tmp_path / "city" / "views").glob("way_1/*.jpg"))
    before = [path.stat().st_mtime_ns for path in crops]
    table_before = first.table.read_bytes()
    again = fetch(net, tmp_path)
    assert len(net.seen) == asked
    assert [path.stat().st_mtime_ns for path in crops] == before  # nor cut again
    assert first.table.read_bytes() == table_before
    assert again.counts | {"images_fetched": 4, "images_kept": 0} == first.counts
    assert again.counts["images_kept"] == 4
    fewer = fetch(net, tmp_path, per_building=1)
    files = {p.name for p in (tmp_path / "city" / "views").glob("*/panoramax-*.jpg")}
    assert fewer.counts["views"] == 2
    assert len(list((tmp_path / "city" / "views" / "way_1").glob("panoramax-*.jpg"))) == 1
    assert files


def test_interrupted_run_leaves_no_row_about_another_crop(net, tmp_path, monkeypatch):
    first = fetch(net, tmp_path, *street())
    views = tmp_path / "city" / "views"
    before = {row["file"]: (views / row["file"]).read_bytes() for row in rows_of(first.table)}
    # Other heights: other crops of the same names; the third is not written any more.
    higher = houses([(name, shape, height + 6) for name, shape, height in HOUSES])
    saved = view_files._save
    written = []

    def save(pixels, path, camera):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        saved(pixels, path, camera)

    monkeypatch.setattr(view_files, "_save", save)
    with pytest.raises(KeyboardInterrupt):
        fetch(net, tmp_path, buildings=higher)
    monkeypatch.setattr(view_files, "_save", saved)
    fetch(net, tmp_path)  # as at first
    after = {row["file"]: (views / row["file"]).read_bytes() for row in rows_of(first.table)}
    assert after == before


def test_a_damaged_file_is_fetched_again(net, tmp_path):
    fetch(net, tmp_path, *street())
    kept = tmp_path / "city" / "views" / "_images" / "panoramax-p1.jpg"
    kept.write_bytes(kept.read_bytes()[:100])
    asked = len(net.seen)
    assert fetch(net, tmp_path).counts["images_fetched"] == 1
    assert len(net.seen) == asked + 1


BROKEN = {
    "truncated": encoded()[:300],
    "too_small": encoded(size=(1, 1)),
    "too_many_pixels": png_head(20_000, 20_000),
    "not_an_image": b"no picture at all",
    "another_shape": encoded(size=(640, 480)),
}


def test_broken_images_are_named_and_others_take_their_place(net, tmp_path):
    for k, content in enumerate(BROKEN.values()):
        net.on(STORE, f"/p{k}.jpg", Answer(content, kind="image/jpeg"))
    pictures = [feature(f"p{k}", 3.0 * k) for k in range(8)]
    options = {"spacing_m": 0.0, "per_building": 20}
    result = fetch(net, tmp_path, *pictures, **options)
    assert result.skipped == dict.fromkeys(BROKEN, 1)
    assert result.counts["buildings_seen"] == 2
    assert {row["image_id"] for row in rows_of(result.table)} == {"p5", "p6", "p7"}
    asked = len(net.asked(STORE))
    assert fetch(net, tmp_path, **options).skipped == result.skipped
    assert len(net.asked(STORE)) == asked  # what is broken stays broken


def test_images_that_cannot_be_fetched_are_counted(net, tmp_path):
    answers = [
        Answer("gone", 404, "text/plain"),
        Answer("<html>sign in</html>", kind="text/html"),
        Answer(encoded(), kind="image/jpeg", cut=100),
        Answer(bytes(2**20), kind="image/jpeg", repeat=60, chunked=True),
    ]
    for k, answer in enumerate(answers):
        net.on(STORE, f"/p{k}.jpg", answer)
    result = fetch(net, tmp_path, *street(4))
    assert result.skipped == {"not_fetched": 4}
    assert len(result.notes) == 4  # the first three errors; more would say the same
    assert all(STORE in note and "\n" not in note for note in result.notes[:3])
    assert result.notes[3] == "street view: not used: 4 not fetched"
    assert result.counts["views"] == 0 and result.table is None


def test_no_image_at_all_is_a_result(net, tmp_path):
    net.on(HOST, "/api/search", Answer({"type": "FeatureCollection", "features": []}))
    result = fetch(net, tmp_path)
    assert result.table is None and result.coverage == 0.0
    assert result.counts["views"] == 0 and result.counts["facades"] == 8
    assert (tmp_path / "city" / "views" / "coverage.png").is_file()


def test_images_that_cannot_be_used_are_counted(net, tmp_path):
    result = fetch(
        net,
        tmp_path,
        feature("no heading", 4.0, **{"view:azimuth": None}),
        feature("flat", 8.0, **{"pers:interior_orientation": {"field_of_view": None}}),
        feature("indoors", 12.0, 16.0),
        feature("unlicensed", 2.0, license=None),
        feature("good", 16.0),
    )
    reasons = ("no_heading", "no_field_of_view", "inside_building", "no_licence")
    assert result.skipped == dict.fromkeys(reasons, 1)
    assert result.counts["images_found"] == 5 and result.counts["images_used"] == 1


def test_limit_keeps_the_best_and_says_so(net, tmp_path):
    result = fetch(net, tmp_path, *street(5), limit=2)
    assert result.counts["images_fetched"] == result.counts["images_used"] == 2
    assert result.notes and "left out by the limit of 2" in result.notes[-1]


def test_extent_of_a_city_says_who_gets_views(net, tmp_path):
    buildings = houses()
    extent = (EAST - 5, NORTH - 5, EAST + 30, NORTH + 30)
    city = SimpleNamespace(buildings=buildings, crs=buildings.crs, extent=extent)
    result = fetch(net, tmp_path, *street(), buildings=city)
    assert result.counts["buildings"] == 1
    assert {row["building_id"] for row in rows_of(result.table)} == {"way/1"}


def test_one_of_two_services_may_fail(net, tmp_path, monkeypatch):
    monkeypatch.setenv("MAPILLARY_TOKEN", "MLY|1|2")
    net.on("graph.mapillary.com", "/images", Answer({"error": {"message": "no", "code": 1}}, 400))
    result = fetch(net, tmp_path, *street(), sources=["panoramax", "mapillary"])
    assert result.counts["buildings_seen"] == 2
    assert any(note.startswith("mapillary: ") for note in result.notes)
    with pytest.raises(NetworkError, match="no"):
        fetch(net, tmp_path, sources=["mapillary"])


def test_buildings_without_coordinate_system_or_in_degrees_are_refused(net, tmp_path):
    with pytest.raises(InputError, match="no coordinate system"):
        fetch(net, tmp_path, buildings=houses().set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="not in metres"):
        fetch(net, tmp_path, buildings=houses().to_crs(4326))


def test_photographs_give_plain_crops(net, tmp_path):
    camera = {"field_of_view": 90, "sensor_array_dimensions": [640, 480]}
    net.on(STORE, "/", Answer(encoded(size=(640, 480)), kind="image/jpeg"))
    result = fetch(
        net,
        tmp_path,
        feature("north", 12.0, **{"pers:interior_orientation": camera, "view:azimuth": 0}),
    )
    (row,) = rows_of(result.table)
    assert (row["building_id"], row["panorama"]) == ("way/1", "false")
    with Image.open(tmp_path / "city" / "views" / row["file"]) as crop:
        box = [int(row[key]) for key in ("x0_px", "y0_px", "x1_px", "y1_px")]
        assert crop.size == (box[2] - box[0], box[3] - box[1])


def test_crops_of_the_stuttgart_panoramas_are_whole_and_level(shared_data):
    # Facades assumed 9 m to the left and right of the street, and one across the seam behind.
    from data_sources.view_files import cut
    from data_sources.views import find_views
    from tests.data_sources.street import camera, scene

    folder = Path(shared_data) / "street_view"
    panoramas = [r for r in rows_of(folder / "metadata.csv") if r["projection"] == "spherical"]
    assert len(panoramas) == 9
    made = scene(
        ("left", shapely.box(-20, -12, -9, 12), 16),
        ("right", shapely.box(9, -12, 20, 12), 16),
        ("behind", shapely.box(-8, -30, 8, -20), 16),
    )
    for row in panoramas[:3]:
        picture = decode(folder / "images" / f"{row['uuid']}.jpg")
        views = find_views(made, [camera(0.0, 0.0, row["uuid"])])
        assert len(views) == 3
        for view in views:
            crop, box = cut(picture, camera(0.0, 0.0), view)
            assert view.coverage == pytest.approx(1.0)
            assert min(crop.shape[:2]) > 250 and crop.std() > 20  # a picture, not a patch
            # The same sphere cut open elsewhere gives the same crop, to a grey level.
            turned = camera(0.0, 0.0, heading_deg=180.0)
            other, _ = cut(np.roll(picture, 1024, axis=1), turned, view)
            assert np.abs(crop.astype(int) - other).max() <= 1
            assert (box[2] > 2048) == (made.facades.building[view.facade] == 2)
