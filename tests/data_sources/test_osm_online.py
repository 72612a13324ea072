"""OpenStreetMap through osmnx and our own HTTP layer, against the loopback server."""

from __future__ import annotations

import socket
from collections import Counter
from urllib.parse import unquote_plus

import pytest

from data_sources.errors import BusyError, MalformedError, NetworkError
from data_sources.http import Session
from data_sources.osm_online import fetch_features, find_place
from heatmat.errors import InputError
from tests.data_sources.loopback import Answer, Loopback
from tests.data_sources.osm_services import (
    LAT,
    LON,
    NOMINATIM_HOST,
    OVERPASS_HOST,
    Town,
    place_found,
    small_town,
)

BOX = (LON - 0.002, LAT - 0.002, LON + 0.002, LAT + 0.002)
INTERPRETER, SEARCH = "/api/interpreter", "/search"


@pytest.fixture
def net():
    with Loopback() as server:
        yield server


def session(net: Loopback, folder) -> Session:
    return Session(folder, overrides=net.overrides, clock=net.clock, sleep=net.sleep, retries=1)


def test_features_of_a_town(net, tmp_path):
    net.on(OVERPASS_HOST, INTERPRETER, Answer(small_town().answer()))
    counts: Counter[str] = Counter()
    features = fetch_features(BOX, session(net, tmp_path), counts)
    kinds = Counter(name.split("/")[0] for name in features.ids)
    assert kinds == {"node": 1, "relation": 1, "way": 16}  # the bench was not asked for
    court = features.geometry[features.ids.index(next(n for n in features.ids if "rel" in n))]
    assert len(court.interiors) == 1
    assert {"height": "40'", "building": "yes"} in features.tags
    assert features.lenient and features.crs == "EPSG:4326"
    assert +counts == {"repaired": 1}
    asked = net.asked(OVERPASS_HOST)[0]
    query = unquote_plus(asked.form["data"])
    assert asked.method == "POST" and "HeatMat/" in asked.headers["user-agent"]
    for wanted in ("[out:json][timeout:180]", "'building:part'", "'natural'", "'railway'='rail'"):
        assert wanted in query


def test_asked_again_it_comes_from_the_cache(net, tmp_path):
    net.on(OVERPASS_HOST, INTERPRETER, Answer(small_town().answer()))
    first = fetch_features(BOX, session(net, tmp_path), Counter())
    again = fetch_features(BOX, session(net, tmp_path), Counter())
    assert first.ids == again.ids and len(net.seen) == 1


def test_a_large_area_is_asked_for_in_pieces_and_joined(net, tmp_path):
    net.on(OVERPASS_HOST, INTERPRETER, Answer(small_town().answer()))
    box = (LON - 0.03, LAT - 0.02, LON + 0.03, LAT + 0.02)  # 4.7 x 4.4 km
    features = fetch_features(box, session(net, tmp_path), Counter())
    assert len(net.seen) > 3
    assert len(features.ids) == len(set(features.ids)) == 18


def test_osmnx_is_left_as_it_was(net, tmp_path):
    import osmnx
    from osmnx import _http, _overpass

    before = {k: v for k, v in vars(osmnx.settings).items() if not k.startswith("_")}
    found = (_overpass.requests, _overpass.time, _http._config_dns, socket.getaddrinfo)
    net.on(OVERPASS_HOST, INTERPRETER, Answer("nonsense"))
    with pytest.raises(MalformedError):
        fetch_features(BOX, session(net, tmp_path), Counter())
    assert {k: v for k, v in vars(osmnx.settings).items() if not k.startswith("_")} == before
    assert found == (_overpass.requests, _overpass.time, _http._config_dns, socket.getaddrinfo)


def test_a_query_that_broke_off_is_no_city_with_a_hole(net, tmp_path):
    remark = 'runtime error: Query timed out in "query" at line 3 after 181 seconds.'
    net.on(OVERPASS_HOST, INTERPRETER, Answer(small_town().answer(remark=remark)))
    with pytest.raises(BusyError, match="timed out") as caught:
        fetch_features(BOX, session(net, tmp_path), Counter())
    assert "--osm FILE" in str(caught.value)
    net.on(OVERPASS_HOST, INTERPRETER, Answer(small_town().answer()))
    assert fetch_features(BOX, session(net, tmp_path), Counter()).ids  # and it was not kept


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>", kind="text/html"),
        Answer({"version": 0.6}),
        Answer([1, 2, 3]),
        Answer('{"elements": [', cut=14),
        Answer("", 504),
        Answer("", 429, headers={"Retry-After": "3600"}),
    ],
)
def test_answers_that_are_none(net, tmp_path, answer):
    net.on(OVERPASS_HOST, INTERPRETER, answer)
    with pytest.raises(NetworkError) as caught:
        fetch_features(BOX, session(net, tmp_path), Counter())
    assert "\n" not in str(caught.value) and OVERPASS_HOST in str(caught.value)


def test_an_empty_place(net, tmp_path):
    net.on(OVERPASS_HOST, INTERPRETER, Answer(Town().answer()))
    with pytest.raises(InputError, match="nothing there"):
        fetch_features(BOX, session(net, tmp_path), Counter())


def test_malformed_elements_are_counted_and_left_out(net, tmp_path):
    town = small_town()
    town.elements += [
        {"type": "node", "id": 1, "lat": "north", "lon": 4.8},
        {"type": "node", "id": 2, "lat": 1e9, "lon": 4.8},
        {"type": "way", "id": 3, "tags": {"building": "yes"}},
        {"type": "way", "id": 4, "nodes": [], "tags": {"building": "yes"}},
        {"type": "relation", "id": 5, "members": [{"ref": 1}], "tags": {}},
        {"type": "changeset", "id": 6},
        "nothing",
    ]
    lost = {"type": "way", "id": 7, "nodes": [123456, 123457], "tags": {"highway": "service"}}
    bare = {"type": "relation", "id": 8, "members": []}  # osmnx would fall over its missing tags
    town.elements += [lost, bare]
    net.on(OVERPASS_HOST, INTERPRETER, Answer(town.answer()))
    counts: Counter[str] = Counter()
    features = fetch_features(BOX, session(net, tmp_path), counts)
    assert len(features.ids) == 18
    assert counts == {"elements_malformed": 7, "no_geometry": 1, "repaired": 1}


def test_a_place_by_name(net, tmp_path):
    net.on(NOMINATIM_HOST, SEARCH, Answer(place_found()))
    name, lon, lat, box = find_place("Place Bellecour, Lyon", session(net, tmp_path))
    assert name.startswith("Place Bellecour") and (lon, lat) == (LON, LAT)
    assert box == pytest.approx((LON - 0.0018, LAT - 0.0012, LON + 0.0018, LAT + 0.0012))
    seen = net.seen[0]
    assert seen.query["q"] == "Place Bellecour, Lyon" and "HeatMat/" in seen.headers["user-agent"]


def test_nominatim_is_asked_once_a_second(net, tmp_path):
    net.on(NOMINATIM_HOST, SEARCH, Answer(place_found()))
    asked, begun = session(net, tmp_path), net.now
    for name in ("a", "b", "c"):
        find_place(name, asked)
    assert net.now - begun >= 2.0  # https://operations.osmfoundation.org/policies/nominatim/


def test_a_place_nobody_knows(net, tmp_path):
    net.on(NOMINATIM_HOST, SEARCH, Answer([]))
    with pytest.raises(InputError, match="no place 'Nowhere'.*--bbox"):
        find_place("Nowhere", session(net, tmp_path))


@pytest.mark.parametrize("broken", [{"lat": "x"}, {"boundingbox": ["1"]}, {"geojson": None}])
def test_a_malformed_place(net, tmp_path, broken):
    net.on(NOMINATIM_HOST, SEARCH, Answer(place_found(**broken)))
    with pytest.raises(MalformedError, match="something else than places"):
        find_place("Lyon", session(net, tmp_path))
