"""Panoramax against a server on this machine, in the shape of the service's own answers."""

from __future__ import annotations

import copy
import json

import pytest

from data_sources import panoramax
from data_sources.errors import BusyError, MalformedError, NetworkError, OfflineError, TooLargeError
from data_sources.http import Session
from data_sources.search_boxes import MIN_SIDE, quarters, tiles
from data_sources.street_view import find_images
from heatmat.errors import InputError
from tests.data_sources.loopback import Answer, Loopback

HOST = "api.panoramax.xyz"
AREA = (7.725, 48.498, 7.735, 48.505)

# One item of https://api.panoramax.xyz/api/search as the federation's servers publish it
# (GeoVisio API, https://gitlab.com/panoramax/server/api, STAC 1.0.0 with the extensions view,
# perspective-imagery and tiled-assets); a panorama of Strasbourg, shortened.
PICTURE = "c41b9734-8e81-421f-b2cb-04aeec8250c1"
STORE = "https://panoramax-storage.example.org"
ITEM = {
    "id": PICTURE,
    "bbox": [7.731916, 48.50179, 7.731916, 48.50179],
    "type": "Feature",
    "links": [
        {"rel": "root", "href": "https://api.panoramax.xyz/api/", "type": "application/json"},
        {
            "rel": "license",
            "href": "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
            "title": "License for this object (etalab-2.0)",
        },
    ],
    "assets": {
        "hd": {"href": f"{STORE}/main/{PICTURE}.jpg", "type": "image/jpeg", "roles": ["data"]},
        "sd": {"href": f"{STORE}/{PICTURE}/sd.jpg", "type": "image/jpeg", "roles": ["visual"]},
        "thumb": {"href": f"{STORE}/{PICTURE}/thumb.jpg", "type": "image/jpeg"},
    },
    "geometry": {"type": "Point", "coordinates": [7.731916, 48.50179]},
    "providers": [
        {"name": "instance", "roles": ["host"]},
        {"name": "Eurométropole de Strasbourg", "roles": ["producer"]},
    ],
    "collection": "7ae92442-4594-4556-9730-4c955802e0dc",
    "properties": {
        "exif": {"Exif.Image.Model": "PULSAR"},
        "created": "2023-12-08T06:31:29.891408+00:00",
        "license": "etalab-2.0",
        "datetime": "2022-05-30T17:23:19.423000+00:00",
        "view:azimuth": 3,
        "geovisio:status": "ready",
        "geovisio:producer": "eurométropole de strasbourg",
        "pers:interior_orientation": {
            "camera_model": "PULSAR",
            "field_of_view": 360,
            "sensor_array_dimensions": [11000, 5500],
        },
        "quality:horizontal_accuracy": 4.0,
    },
    "stac_version": "1.0.0",
}


def item(name=PICTURE, at=(7.731916, 48.50179), **properties):
    made = copy.deepcopy(ITEM)
    made["id"], made["geometry"]["coordinates"] = name, list(at)
    made["properties"].update(properties)
    return made


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features), "links": []}


@pytest.fixture
def net():
    with Loopback() as server:
        yield server


def session(net, folder, **options):
    options = {"overrides": net.overrides, "clock": net.clock, "sleep": net.sleep} | options
    return Session(folder / "cache", **options)


def ask(net, folder, *answers, area=AREA, **options):
    net.on(HOST, "/api/search", *answers)
    return panoramax.find(area, session(net, folder, **options))


def test_item_is_read_as_published():
    read = panoramax.read_item(ITEM)
    assert (read.id, read.source) == (PICTURE, "panoramax")
    assert (read.longitude, read.latitude, read.heading_deg) == (7.731916, 48.50179, 3.0)
    assert read.is_panorama and read.field_of_view_deg == 360.0
    assert (read.width, read.height) == (11000, 5500)
    assert read.captured.startswith("2022-05-30T17:23:19") and read.date == "2022-05-30"
    assert (read.licence, read.author) == ("etalab-2.0", "eurométropole de strasbourg")
    assert read.url == f"{STORE}/{PICTURE}/sd.jpg"
    assert read.position_accuracy_m == 4.0
    assert read.sequence == "7ae92442-4594-4556-9730-4c955802e0dc"


def test_licence_from_the_link_where_the_property_is_missing():
    read = panoramax.read_item(item(license=None))
    assert read.licence == "License for this object (etalab-2.0)"
    without = item(license=None)
    without["links"] = [None, {"rel": "root"}, 5]
    assert panoramax.read_item(without).licence == ""


@pytest.mark.parametrize(
    ("camera", "panorama", "fov"),
    [
        ({"field_of_view": 360}, True, 360.0),
        ({"field_of_view": 76}, False, 76.0),
        ({"field_of_view": 76, "sensor_array_dimensions": [4000, 2000]}, False, 76.0),
        ({"sensor_array_dimensions": [5760, 2880]}, True, 360.0),
        ({"sensor_array_dimensions": [3800, 2000]}, True, 360.0),  # 1.9 times as wide
        ({"sensor_array_dimensions": [4000, 2250]}, False, None),
        ({"sensor_array_dimensions": None, "field_of_view": None}, False, None),
        ({"sensor_array_dimensions": ["wide", -3], "field_of_view": 999}, False, None),
        (None, False, None),
    ],
)
def test_panorama_by_field_of_view_else_by_shape(camera, panorama, fov):
    read = panoramax.read_item(item(**{"pers:interior_orientation": camera}))
    assert (read.is_panorama, read.field_of_view_deg) == (panorama, fov)


def paths(value, before=()):
    """Every place in a nested table."""
    yield before
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*before, key))


@pytest.mark.parametrize("junk", [None, [], {}, "x", -1e308, True, [[[]]], {"href": 5}])
def test_any_field_may_be_anything(junk):
    for path in paths(ITEM):
        broken = copy.deepcopy(ITEM)
        if not path:
            assert panoramax.read_item(junk) is None
            continue
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = junk
        read = panoramax.read_item(broken)
        if path[0] in ("exif", "links", "stac_version", "type", "bbox"):  # not needed
            assert read == panoramax.read_item(ITEM)
        if read is not None:
            assert read.id and read.url.startswith("https://")
            assert -180 <= read.longitude <= 180 and -90 <= read.latitude <= 90
        json.dumps(read.__dict__ if read else {})


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "javascript:x", "ftp://h/x", "//h/x", "", None]
)
def test_only_web_addresses_are_taken(address):
    made = item()
    made["assets"] = {"sd": {"href": address}, "thumb": {"href": address}}
    assert panoramax.read_item(made) is None
    made["assets"]["hd"] = {"href": "https://h.example/x.jpg"}
    assert panoramax.read_item(made).url == "https://h.example/x.jpg"
    assert panoramax.read_item(made).thumbnail_url == ""


def test_texts_from_outside_are_one_short_line():
    read = panoramax.read_item(item(license="a\n\x1b[31mb\x00" + 500 * "c"))
    assert read.licence.startswith("a [31mb c") and len(read.licence) == 200


def test_search_asks_as_documented(net, tmp_path):
    images, notes = ask(net, tmp_path, Answer(collection(item(), item("other"))))
    assert [image.id for image in images] == [PICTURE, "other"] and notes == []
    (seen,) = net.seen
    assert seen.query["limit"] == "1000"
    assert [float(v) for v in seen.query["bbox"].split(",")] == pytest.approx(AREA)
    assert "authorization" not in seen.headers
    # Asked again, it comes from the cache.
    assert ask(net, tmp_path, Answer(collection()))[0] == images
    assert len(net.seen) == 1


def test_large_area_is_searched_in_boxes(net, tmp_path):
    area = (7.70, 48.50, 7.75, 48.53)
    net.on(HOST, "/api/search", Answer(collection(item())))
    found = find_images(area, "panoramax", session(net, tmp_path))
    assert len(found) == 1  # each picture once
    boxes = [[float(v) for v in seen.query["bbox"].split(",")] for seen in net.seen]
    assert len(boxes) == 3 * 2
    assert all(e - w <= panoramax.MAX_BOX + 1e-9 for w, s, e, n in boxes)
    assert sum((e - w) * (n - s) for w, s, e, n in boxes) == pytest.approx(0.05 * 0.03)


def test_full_answer_is_searched_again_in_quarters(net, tmp_path):
    # 20 pictures on a line; the server gives five at a time, as it is asked.
    everything = [item(f"p{k}", (7.7301 + 0.0001 * k, 48.5)) for k in range(20)]

    def answer(seen):
        west, south, east, north = (float(v) for v in seen.query["bbox"].split(","))
        inside = [
            f
            for f in everything
            if west <= f["geometry"]["coordinates"][0] <= east
            and south <= f["geometry"]["coordinates"][1] <= north
        ]
        return Answer(collection(*inside[: int(seen.query["limit"])]))

    net.on(HOST, "/api/search", answer)
    images, notes = panoramax.find((7.73, 48.4975, 7.735, 48.5025), session(net, tmp_path), limit=5)
    assert {image.id for image in images} == {f"p{k}" for k in range(20)}
    assert notes == []


def test_a_place_too_full_to_divide_is_said(net, tmp_path):
    same = [item(f"p{k}") for k in range(5)]
    net.on(HOST, "/api/search", Answer(collection(*same)))
    small = (7.73, 48.5, 7.73 + MIN_SIDE, 48.5 + MIN_SIDE)
    images, notes = panoramax.find(small, session(net, tmp_path), limit=5)
    assert len(images) == 5
    assert notes == ["panoramax: 1 boxes of 10 m hold more images than one answer gives"]


def test_boxes_cover_the_area_and_end():
    assert len(tiles((0, 0, 0.05, 0.03), 0.02)) == 6
    assert len(tiles((0, 0, 0, 0), 0.02)) == 1
    box, steps = (0.0, 0.0, 0.02, 0.02), 0
    while len(quarters(box)) > 1:
        box, steps = quarters(box)[0], steps + 1
    assert steps == 7 and box[2] - box[0] >= MIN_SIDE


def test_empty_area_gives_nothing_and_no_error(net, tmp_path):
    assert ask(net, tmp_path, Answer(collection())) == ([], [])


@pytest.mark.parametrize("body", ["<html>busy</html>", "", "[]", "null", '{"features": 7}', "{"])
def test_answer_of_another_kind_is_one_line(net, tmp_path, body):
    with pytest.raises(MalformedError) as caught:
        ask(net, tmp_path, Answer(body))
    assert "\n" not in str(caught.value) and "api.panoramax.xyz" in str(caught.value)


def test_server_that_is_busy_is_asked_again(net, tmp_path):
    later = Answer("later", 429, "text/plain", {"Retry-After": "7"})
    images, _ = ask(net, tmp_path, later, Answer("", 503), Answer(collection(item())))
    assert len(images) == 1 and 7 in net.slept


def test_server_that_stays_busy_ends_in_one_line(net, tmp_path):
    with pytest.raises(BusyError, match="asks to come back in 9000 s"):
        ask(net, tmp_path, Answer("later", 429, "text/plain", {"Retry-After": "9000"}))


def test_cut_answer_is_asked_for_again(net, tmp_path):
    whole = Answer(collection(item()))
    images, _ = ask(net, tmp_path, Answer(collection(item()), cut=300), whole)
    assert len(images) == 1 and len(net.seen) == 2


def test_endless_answer_ends_at_the_limit(net, tmp_path):
    with pytest.raises(TooLargeError):
        ask(net, tmp_path, Answer(b" " * 2**20, repeat=70, chunked=True))


def test_silent_server_ends_in_one_line(net, tmp_path):
    with pytest.raises(NetworkError) as caught:
        ask(net, tmp_path, Answer(hang=True), timeout=(0.2, 0.2), retries=0)
    assert "\n" not in str(caught.value)


def test_offline_says_so(net, tmp_path):
    with pytest.raises(OfflineError, match="offline"):
        ask(net, tmp_path, Answer(collection()), offline=True)
    assert net.seen == []


def test_boxes_that_fail_after_others_answered_are_said(net, tmp_path):
    area = (7.70, 48.50, 7.76, 48.52)  # three boxes
    good, bad = Answer(collection(item())), Answer("no", 400, "text/plain")
    images, notes = ask(net, tmp_path, good, bad, good, area=area)
    assert len(images) == 1
    assert notes == ["panoramax: 1 of the area's boxes not searched (answered 400 Bad Request)"]


def test_unknown_source_names_the_nearest(net, tmp_path):
    with pytest.raises(InputError, match="did you mean 'panoramax'"):
        find_images(AREA, "panorammax", session(net, tmp_path))
