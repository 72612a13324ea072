"""Mapillary against a server on this machine that answers in the shape of the API's documents."""

from __future__ import annotations

import copy
import json
import logging
import math
from pathlib import Path

import pytest

from data_sources import mapillary
from data_sources.errors import MalformedError, NetworkError, RefusedError
from data_sources.http import Session
from data_sources.redaction import Secret
from data_sources.street_view import fetch_views, find_images
from heatmat.errors import InputError
from tests.data_sources.loopback import Answer, Loopback

HOST = "graph.mapillary.com"
AREA = (9.164, 48.776, 9.1665, 48.778)
TOKEN = "MLY|4812345678901234|7f3a9c0d5e6b1a2c3d4e5f60718293a4"  # made up, in the true shape

# One row of GET /images?bbox=...&fields=... as in
# https://www.mapillary.com/developer/api-documentation#image (collection: {"data": [...]}); the
# values are those of an image in Stuttgart, the signed address is made up in the CDN's shape.
ROW = {
    "id": "825751065820694",
    "camera_type": "perspective",
    "camera_parameters": [0.49984476489601, -0.21044512720829, 0.034946497563086],
    "computed_rotation": None,
    "compass_angle": 65.365,
    "computed_compass_angle": 58.264099500273,
    "geometry": {"type": "Point", "coordinates": [9.164303541183472, 48.77756278519166]},
    "computed_geometry": {
        "type": "Point",
        "coordinates": [9.1642958867217, 48.777493684929],
    },
    "captured_at": 1717924881000,
    "width": 4000,
    "height": 3000,
    "quality_score": 0.82,
    "sequence": "kx7r2uYeFwT6XCfvqh30VZ",
    "creator": {"username": "mfa", "id": "104832"},
    "thumb_2048_url": "https://scontent.example.org/m1/v/t6/An8x.jpg?stp=s2048&oh=03_Q7c&oe=66F",
    "thumb_256_url": "https://scontent.example.org/m1/v/t6/An8t.jpg?stp=s256&oh=03_Q7d&oe=66F",
}
# https://www.mapillary.com/developer/api-documentation#errors: {"error": {message, type, code}}
NO_TOKEN = {
    "error": {
        "message": "Invalid OAuth access token - Cannot parse access token",
        "type": "OAuthException",
        "code": 190,
        "fbtrace_id": "A5x2aUYfLQ",
    }
}
TOO_MUCH = {
    "error": {
        "code": 1,
        "message": "Please reduce the amount of data you're asking for, then retry your request",
    }
}


def row(name="825751065820694", **fields):
    return {**copy.deepcopy(ROW), "id": name, **fields}


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)


@pytest.fixture
def net():
    with Loopback() as server:
        yield server


def session(net, folder, **options):
    options = {"overrides": net.overrides, "clock": net.clock, "sleep": net.sleep} | options
    return Session(folder / "cache", **options)


def ask(net, folder, *answers, area=AREA, **options):
    net.on(HOST, "/images", *answers)
    return mapillary.find(area, session(net, folder), **options)


def test_row_is_read_as_documented():
    read = mapillary.read_image(ROW)
    assert (read.longitude, read.latitude) == (9.1642958867217, 48.777493684929)  # computed
    assert read.heading_deg == 58.264099500273
    # Focal length in units of the longer side: 2 atan(0.5 / 0.49984); the published field of view
    # of this image is 90.0178 degrees.
    assert read.field_of_view_deg == pytest.approx(90.0178, abs=1e-3)
    assert not read.is_panorama and not read.heading_doubtful
    assert read.captured.startswith("2024-06-09T09:21:21")  # 11:21:21 in summer time
    assert (read.licence, read.author, read.quality) == ("CC-BY-SA-4.0", "mfa", 0.82)
    assert read.sequence == "kx7r2uYeFwT6XCfvqh30VZ"


def test_upright_photograph_has_a_narrower_view():
    read = mapillary.read_image(row(width=3000, height=4000))
    assert read.field_of_view_deg == pytest.approx(
        math.degrees(2 * math.atan(0.375 / 0.49984476)), abs=1e-4
    )


@pytest.mark.parametrize(
    ("fields", "panorama", "fov"),
    [
        ({"camera_type": "spherical", "camera_parameters": []}, True, 360.0),
        ({"camera_type": "equirectangular"}, True, 360.0),
        ({"camera_type": None, "is_pano": True}, True, 360.0),
        ({"camera_type": "fisheye"}, False, None),
        ({"camera_parameters": None}, False, None),
        ({"camera_parameters": [0]}, False, None),
    ],
)
def test_projection(fields, panorama, fov):
    read = mapillary.read_image(row(**fields))
    assert (read.is_panorama, read.field_of_view_deg) == (panorama, fov)


def test_own_sensors_where_there_is_no_reconstruction():
    read = mapillary.read_image(row(computed_geometry=None, computed_compass_angle=None))
    assert (read.longitude, read.heading_deg) == (9.164303541183472, 65.365)


def test_compass_against_reconstruction_is_doubtful():
    assert mapillary.read_image(
        row(compass_angle=355.0, computed_compass_angle=120.0)
    ).heading_doubtful
    assert not mapillary.read_image(
        row(compass_angle=355.0, computed_compass_angle=5.0)
    ).heading_doubtful


@pytest.mark.parametrize(("azimuth", "pitch"), [(0, 0), (60, -20), (200, 15), (300, 45)])
def test_pitch_of_the_reconstruction(azimuth, pitch):
    from scipy.spatial.transform import Rotation

    a, p = math.radians(azimuth), math.radians(pitch)
    ahead = [math.sin(a) * math.cos(p), math.cos(a) * math.cos(p), math.sin(p)]
    right = [math.cos(a), -math.sin(a), 0.0]
    down = [ahead[1] * right[2] - ahead[2] * right[1], ahead[2] * right[0] - ahead[0] * right[2],
            ahead[0] * right[1] - ahead[1] * right[0]]  # fmt: skip
    assert down[2] < 0
    turn = Rotation.from_matrix([right, down, ahead]).as_rotvec().tolist()
    read = mapillary.read_image(row(computed_rotation=turn, computed_compass_angle=float(azimuth)))
    assert read.pitch_deg == pytest.approx(pitch, abs=1e-6)
    # A rotation in another convention gives another heading, and is not believed.
    other = row(computed_rotation=turn, computed_compass_angle=float(azimuth + 90))
    assert mapillary.read_image(other).pitch_deg is None


@pytest.mark.parametrize("junk", [None, [], {}, "x", -1e308, True, [None], {"coordinates": [1]}])
def test_any_field_may_be_missing_or_anything(junk):
    assert mapillary.read_image(junk) is None
    for key in ROW:
        for value in (junk, ...):
            broken = copy.deepcopy(ROW)
            broken[key] = value
            if value is ...:
                del broken[key]
            read = mapillary.read_image(broken)
            if key in ("id", "thumb_2048_url") and not isinstance(junk, str):
                assert read is None
            elif read is not None:
                assert read.url.startswith("https://")
                json.dumps(read.__dict__)


def test_search_asks_as_documented(net, tmp_path):
    images, notes = ask(net, tmp_path, Answer({"data": [row("1"), row("2")]}))
    assert [image.id for image in images] == ["1", "2"] and notes == []
    (seen,) = net.seen
    assert seen.headers["authorization"] == f"OAuth {TOKEN}"
    assert [float(v) for v in seen.query["bbox"].split(",")] == pytest.approx(AREA)
    assert seen.query["limit"] == "2000" and "computed_geometry" in seen.query["fields"]
    assert "access_token" not in seen.query  # addresses end up in logs


def test_boxes_are_smaller_than_the_documents_allow(net, tmp_path):
    ask(net, tmp_path, Answer({"data": []}), area=(9.10, 48.70, 9.11, 48.71))
    boxes = [[float(v) for v in seen.query["bbox"].split(",")] for seen in net.seen]
    assert len(boxes) == 16
    assert all((e - w) * (n - s) < 0.01 for w, s, e, n in boxes)


def inside(everything, seen):
    west, south, east, north = (float(v) for v in seen.query["bbox"].split(","))
    return [
        r
        for r in everything
        if west <= r["computed_geometry"]["coordinates"][0] <= east
        and south <= r["computed_geometry"]["coordinates"][1] <= north
    ]


def spread(count):
    return [
        row(str(k), computed_geometry={"type": "Point", "coordinates": [9.1641 + 5e-5 * k, 48.777]})
        for k in range(count)
    ]


def test_truncated_answer_is_searched_in_quarters(net, tmp_path):
    everything = spread(40)
    net.on(HOST, "/images", lambda seen: Answer({"data": inside(everything, seen)[:8]}))
    images, notes = mapillary.find(AREA, session(net, tmp_path), limit=8)
    assert {image.id for image in images} == {str(k) for k in range(40)} and notes == []


@pytest.mark.parametrize("status", [400, 500])
def test_request_for_less_is_answered_with_smaller_boxes_at_once(net, tmp_path, status):
    # Where images are dense the service refuses whatever the limit, with 500: no use in waiting.
    everything = spread(40)

    def answer(seen):
        found = inside(everything, seen)
        return Answer(TOO_MUCH, status) if len(found) > 9 else Answer({"data": found})

    net.on(HOST, "/images", answer)
    images, notes = mapillary.find(AREA, session(net, tmp_path))
    assert {image.id for image in images} == {str(k) for k in range(40)} and notes == []
    assert max(net.slept, default=0.0) < 1.0  # the host's distance in time alone


def test_empty_area_gives_nothing(net, tmp_path):
    assert ask(net, tmp_path, Answer({"data": []})) == ([], [])


def test_missing_token_is_one_line_before_anything_is_asked(net, tmp_path, monkeypatch):
    monkeypatch.delenv("MAPILLARY_TOKEN")
    with pytest.raises(InputError, match="MAPILLARY_TOKEN.*--street-view panoramax") as caught:
        find_images(AREA, "mapillary", session(net, tmp_path))
    assert "\n" not in str(caught.value) and net.seen == []


@pytest.mark.parametrize("value", ["  ", "two\nlines", "tökén", "\x00"])
def test_unusable_token_is_not_shown(net, tmp_path, monkeypatch, value):
    if "\x00" not in value:
        monkeypatch.setenv("MAPILLARY_TOKEN", value)
    else:
        monkeypatch.setenv("MAPILLARY_TOKEN", "\x7fdel")
    with pytest.raises(InputError) as caught:
        mapillary.token()
    assert "lines" not in str(caught.value) and "\x7f" not in str(caught.value)


def test_wrong_token_gives_the_services_words(net, tmp_path):
    with pytest.raises(RefusedError) as caught:
        ask(net, tmp_path, Answer(NO_TOKEN, 400))
    line = str(caught.value)
    assert "Invalid OAuth access token" in line and "code 190" in line and "MAPILLARY_TOKEN" in line
    assert "\n" not in line


def test_error_with_status_200_is_an_error(net, tmp_path):
    with pytest.raises(MalformedError, match="Invalid OAuth"):
        ask(net, tmp_path, Answer(NO_TOKEN))


@pytest.mark.parametrize("body", ["<html></html>", "", "[]", '{"data": null}', '{"data": {}}', "7"])
def test_answer_of_another_kind_is_one_line(net, tmp_path, body):
    with pytest.raises(MalformedError) as caught:
        ask(net, tmp_path, Answer(body))
    assert "\n" not in str(caught.value)


def test_rate_limit_is_waited_for(net, tmp_path):
    later = Answer(
        {"error": {"message": "slow down", "code": 4}}, 429, headers={"Retry-After": "9"}
    )
    images, _ = ask(net, tmp_path, later, Answer({"data": [row()]}))
    assert len(images) == 1 and 9 in net.slept


# --- the token ---


def everything_in(folder: Path) -> bytes:
    return b"\n".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_the_search_for_the_token_finds_one(tmp_path):
    # What the next test asserts can fail: a token that was written down is found.
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.json").write_text(json.dumps({"a": f"OAuth {TOKEN}"}))
    assert TOKEN.encode() in everything_in(tmp_path)


@pytest.mark.parametrize("echo", [False, True])
def test_token_is_in_no_file_log_or_message(net, tmp_path, caplog, capfd, echo):
    import io

    import shapely
    from PIL import Image
    from pyproj import Transformer

    from tests.data_sources.street import table

    # A server that echoes the token in its answers: in texts, addresses and errors.
    said = TOKEN if echo else "nothing"
    to_degrees = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    place = to_degrees.transform(513010.0, 5402000.0)
    picture = io.BytesIO()
    Image.new("RGB", (512, 256), "tan").save(picture, "JPEG")
    shown = row(
        "77",
        camera_type="spherical",
        computed_geometry={"type": "Point", "coordinates": list(place)},
        creator={"username": f"me {said}"},
        sequence=said,
        thumb_2048_url=f"https://scontent.example.org/a.jpg?access_token={said}&oh={said}",
    )
    lost = {**shown, "id": "78", "compass_angle": 0.0, "computed_compass_angle": 0.0}
    lost["computed_geometry"] = {"type": "Point", "coordinates": [place[0] + 2e-4, place[1]]}
    lost["thumb_2048_url"] = f"https://scontent.example.org/gone.jpg?access_token={said}"
    net.on(HOST, "/images", Answer({"data": [shown, lost]}))
    net.on("scontent.example.org", "/a.jpg", Answer(picture.getvalue(), kind="image/jpeg"))
    refused = Answer(f"no such thing for {said}", 403, "text/plain")
    net.on("scontent.example.org", "/gone.jpg", refused)
    buildings = table(("house", shapely.box(513000, 5402010, 513030, 5402020), 9), crs="EPSG:32632")
    lines: list[str] = []
    caplog.set_level(logging.DEBUG)
    work = session(net, tmp_path, log=lines.append)
    result = fetch_views(
        buildings, work, tmp_path / "city", sources=["mapillary"], progress=lines.append
    )
    assert result.counts["views"] >= 1 and result.skipped["not_fetched"] == 1
    assert any(seen.headers.get("authorization") == f"OAuth {TOKEN}" for seen in net.asked(HOST))
    assert all("authorization" not in seen.headers for seen in net.asked("scontent.example.org"))
    net.on(HOST, "/images", Answer({"error": {"message": f"bad token {said}"}}, 401))
    with pytest.raises(NetworkError) as caught:
        mapillary.find((0.0, 0.0, 0.001, 0.001), work)
    out, err = capfd.readouterr()
    texts = [*lines, caplog.text, out, err, str(caught.value), repr(caught.value)]
    texts += [repr(caught.value.__dict__), repr(result), repr(work.__dict__.get("fetched"))]
    texts.append(repr(Secret(TOKEN)))
    written = everything_in(tmp_path)
    assert len(written) > 5000
    for secret in (TOKEN, TOKEN.split("|")[2]):
        assert not any(secret in text for text in texts)
        assert secret.encode() not in written
