"""`heatmat fetch` from end to end: against the loopback server, and from files on disk."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from heatmat import cli
from heatmat.city import City
from heatmat.scenario import Scenario
from tests.data_sources import osm_services
from tests.data_sources.loopback import Answer, Loopback, ranged
from tests.data_sources.osm_services import (
    NOMINATIM_HOST,
    OVERPASS_HOST,
    place_found,
    small_town,
)
from tests.osm_files import LAT, LON, Osm

PLACE = ["fetch", "Place Bellecour, Lyon", "--radius", "100", "--quiet"]
PLAIN = ["--weather", "clear-sky", "--terrain", "flat"]
OUTPUTS = {
    "SOURCES.md", "buildings.geojson", "fetch.json", "ground.geojson", "provenance.json",
    "roads.geojson", "scenario.toml", "trees.gpkg",
}  # fmt: skip


@pytest.fixture
def net(monkeypatch):
    with Loopback() as server:
        server.on(OVERPASS_HOST, "/api/interpreter", Answer(small_town().answer()))
        server.on(NOMINATIM_HOST, "/search", Answer(place_found()))
        server.on("github.com", "/", Answer("gone", 404, "text/plain"))
        server.on("copernicus-dem-30m.s3.amazonaws.com", "/", Answer("gone", 503, "text/plain"))
        mirrors = " ".join(f"{name}={target}" for name, target in server.overrides.items())
        monkeypatch.setenv("HEATMAT_MIRRORS", mirrors)
        monkeypatch.setattr("time.sleep", server.sleep)
        yield server


def said(capsys) -> str:
    """What was said on standard error: one line, no traceback."""
    text = capsys.readouterr().err.strip()
    assert "\n" not in text and "Traceback" not in text
    return text


def rows(folder: Path) -> dict[str, int]:
    counts = json.loads((folder / "provenance.json").read_text())["counts"]
    return {row["what"]: row["number"] for row in counts}


def load(folder: Path) -> City:
    scenario = Scenario.load(folder / "scenario.toml")
    assert not scenario.warnings
    return scenario.build_city()


def test_a_place_becomes_a_folder_that_runs(net, tmp_path, capsys):
    out = tmp_path / "lyon"
    assert cli.main([*PLACE, *PLAIN, "--out", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == OUTPUTS | {"cache"}
    city = load(out)
    west, south, east, north = city.extent
    assert (east - west, north - south) == (200.0, 200.0)
    table = city.buildings.set_index("building_id")
    assert sorted(set(table["height_source"])) == ["filled", "levels", "tagged"]
    heights = sorted(table["height"].round(2))
    # 40', 5 levels, 3;4 levels with one of roof, 12 m, parts of 30 and 8 m, the bow of 6 m, a
    # garage of one storey; the house without a height has that of its neighbours.
    for expected in (12.19, 15.0, 12.0, 30.0, 8.0, 6.0, 3.0):
        assert any(abs(h - expected) < 0.01 for h in heights), expected
    printed = capsys.readouterr().out
    for line in ("ways, width tagged", "self-crossing outlines repaired", "height from levels"):
        assert line in printed


def test_nothing_is_dropped_without_a_count(net, tmp_path):
    out = tmp_path / "lyon"
    cli.main([*PLACE, *PLAIN, "--out", str(out)])
    found = json.loads((out / "provenance.json").read_text())["counts"]
    total = sum(row["number"] for row in found if row["of"] == "of these")
    assert found[0]["number"] == total == 18
    counts = rows(out)
    assert counts["buildings and parts"] == 10
    assert counts["self-crossing outlines repaired"] == 1
    assert counts["parts higher than their outline says; the part is believed"] == 1
    assert counts["outlines wholly replaced by their parts"] == 1
    assert counts["ways, width tagged"] == counts["ways, width by class"] == 1
    assert counts["below ground, in tunnels or indoors, not used"] == 1
    assert counts["trees"] == counts["rows of trees"] == 1
    heights = sum(n for what, n in counts.items() if what.startswith("height "))
    assert heights == counts["buildings and parts in the folder"] == len(load(out).buildings)


def test_roads_say_where_their_width_is_from(net, tmp_path):
    cli.main([*PLACE, *PLAIN, "--out", str(tmp_path / "c")])
    table = json.loads((tmp_path / "c" / "roads.geojson").read_text())["features"]
    found = {f["properties"]["highway"]: f["properties"] for f in table}
    assert (found["residential"]["width_m"], found["residential"]["width_source"]) == (
        9.5,
        "tagged",
    )
    assert (found["primary"]["width_m"], found["primary"]["width_source"]) == (13.0, "lanes")
    assert found["footway"]["width_source"] == "class"


def test_whom_to_name_and_where_from(net, tmp_path):
    out = tmp_path / "lyon"
    cli.main([*PLACE, *PLAIN, "--out", str(out)])
    text = (out / "SOURCES.md").read_text(encoding="utf-8")
    for expected in ("OpenStreetMap contributors", "ODbL", "overpass-api.de", "sha256"):
        assert expected in text
    about = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    source = about["sources"][0]["provenance"][0]
    assert source["address"] == "https://overpass-api.de/api/interpreter"
    assert "127.0.0.1" not in text + json.dumps(about)
    assert str(tmp_path) not in text + json.dumps(about)


def test_fetched_again_nothing_is_asked(net, tmp_path):
    command = [*PLACE, *PLAIN, "--out", str(tmp_path / "c")]
    cli.main(command)
    before = len(net.seen)
    assert cli.main(command) == 0
    (tmp_path / "c" / "ground.geojson").unlink()
    assert cli.main(command) == 0
    assert (tmp_path / "c" / "ground.geojson").exists()
    assert len(net.seen) == before


def test_another_request_into_the_same_folder_is_refused(net, tmp_path, capsys):
    cli.main([*PLACE, *PLAIN, "--out", str(tmp_path / "c")])
    capsys.readouterr()
    other = ["fetch", "Lyon", "--radius", "90", *PLAIN, "--quiet", "--out", str(tmp_path / "c")]
    assert cli.main(other) == 2
    assert "place was" in said(capsys)
    assert cli.main([*other, "--overwrite"]) == 0


def test_weather_and_terrain_that_are_not_to_be_had(net, tmp_path, capsys):
    out = tmp_path / "c"
    assert cli.main([*PLACE, "--out", str(out)]) == 3
    about = json.loads((out / "provenance.json").read_text())
    assert [line.split(":")[0] for line in about["missing"]] == ["terrain", "weather"]
    assert load(out).buildings.shape[0] > 5
    assert "clear_sky" in (out / "scenario.toml").read_text()
    maps_asked = len(net.asked(OVERPASS_HOST))
    mine = (out / "scenario.toml").read_text() + "[solver]\nmax_rays = 64\n"
    (out / "scenario.toml").write_text(mine)
    assert cli.main([*PLACE, "--out", str(out)]) == 3  # asks again, but only for what is missing
    assert len(net.asked(OVERPASS_HOST)) == maps_asked
    assert (out / "scenario.toml").read_text() == mine  # what a user wrote stays
    record = json.loads((out / "fetch.json").read_text())
    assert record["status"] == "degraded" and "was edited" in record["warnings"][-1]
    assert "max_rays" not in (out / "scenario.fetched.toml").read_text()


def test_everything_at_once(net, tmp_path, monkeypatch):
    import io

    from PIL import Image

    from tests.data_sources import glo30, open_meteo

    def hill(lon, lat):
        return 170.0 + 2e4 * (lon - 4.8)  # 30 m a kilometre and a half

    tile = glo30.tile(tmp_path, 45, 4, hill, cells=1200)
    picture = io.BytesIO()
    Image.new("RGB", (512, 256), "tan").save(picture, "JPEG")
    image = {
        "type": "Feature",
        "id": "p1",
        "collection": "walk",
        "geometry": {"type": "Point", "coordinates": [osm_services.LON, osm_services.LAT]},
        "assets": {"sd": {"href": "https://store.example/p1.jpg"}},
        "properties": {
            "datetime": "2025-05-01T10:00:00+00:00",
            "license": "CC-BY-SA-4.0",
            "geovisio:producer": "la ville",
            "view:azimuth": 90,
            "pers:interior_orientation": {"field_of_view": 360},
        },
    }
    net.on(glo30.HOST, glo30.path(45, 4), ranged(tile))
    net.on(open_meteo.HOST, open_meteo.PATH, open_meteo.Archive("Europe/Paris"))
    net.on("api.panoramax.xyz", "/", Answer({"type": "FeatureCollection", "features": [image]}))
    net.on("store.example", "/", Answer(picture.getvalue(), kind="image/jpeg"))
    mirrors = " ".join(f"{name}={target}" for name, target in net.overrides.items())
    monkeypatch.setenv("HEATMAT_MIRRORS", mirrors)
    out = tmp_path / "c"
    command = [*PLACE, "--weather", "2024-07-01/2024-07-02", "--street-view", "panoramax"]
    assert cli.main([*command, "--out", str(out)]) == 0
    about = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    titles = {source["title"]: source for source in about["sources"]}
    assert set(titles) == {
        "Buildings, ground and trees", "Terrain", "Tree crowns", "Weather", "Street views",
    }  # fmt: skip
    assert titles["Terrain"]["files"] == ["terrain.tif"] and (out / "terrain.tif").exists()
    assert (out / "views" / "views.csv").exists()
    text = (out / "SOURCES.md").read_text(encoding="utf-8")
    for named in ("OpenStreetMap", "Copernicus", "Open-Meteo", "la ville", "CC BY 4.0", "CC-BY-SA"):
        assert named in text
    scenario = Scenario.load(out / "scenario.toml")
    assert (scenario.start, scenario.end) == ("2024-07-01T00:00", "2024-07-03T00:00")
    assert scenario.build_weather(45.76, 4.83) is not None
    before = len(net.seen)
    assert cli.main([*command, "--out", str(out)]) == 0
    assert len(net.seen) == before


def test_an_interrupted_fetch_goes_on(net, tmp_path, capsys):
    town = Answer(small_town().answer())
    net.on(OVERPASS_HOST, "/api/interpreter", town, Answer("no", 400), town)
    command = ["fetch", "--bbox", "4.815,45.750,4.850,45.765", *PLAIN, "--quiet", "--out"]
    assert cli.main([*command, str(tmp_path / "c")]) == 2
    assert OVERPASS_HOST in said(capsys)
    first = [seen.body for seen in net.asked(OVERPASS_HOST)]
    assert cli.main([*command, str(tmp_path / "c")]) == 0
    rest = [seen.body for seen in net.asked(OVERPASS_HOST)][len(first) :]
    assert first[0] not in rest and len(rest) > 0


def test_without_a_network(tmp_path, monkeypatch, capsys):
    nobody = "http://127.0.0.1:9"
    monkeypatch.setenv("HEATMAT_MIRRORS", f"https://{OVERPASS_HOST}={nobody}")
    monkeypatch.setattr("time.sleep", lambda _: None)
    out = tmp_path / "c"
    command = ["fetch", "--bbox", "4.830,45.755,4.836,45.760", "--quiet", "--out", str(out)]
    assert cli.main(command) == 2
    text = said(capsys)
    assert OVERPASS_HOST in text and "--osm FILE" in text
    assert cli.main([*command, "--offline"]) == 2
    assert OVERPASS_HOST in said(capsys)
    assert not (out / "fetch.json").exists()  # nothing is there: free for another request


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "PLACE, --bbox, --polygon or --osm"),
        (["--bbox", "1,2,3"], "W,S,E,N"),
        (["--bbox", "45.76,4.83,45.75,4.84"], "inverted"),
        (["--bbox", "45.7,100.0,45.8,100.1"], "swapped"),
        (["--bbox", "4.0,45.0,9.0,50.0"], "20 km"),
        (["--bbox", "4.8,45.7,4.9,45.8", "--radius", "100"], "radius"),
        (["Lyon", "--bbox", "4.8,45.7,4.9,45.8"], "place and bbox"),
        (["--osm", "nowhere.osm"], "no such file"),
        (["--polygon", "nowhere.geojson"], "no such file"),
        (["Lyon", "--street-view", "flickr"], "no street view service"),
        (["Lyon", "--street-view", "mapillary"], "MAPILLARY_TOKEN"),
        (["Lyon", "--terrain", "bumpy"], "glo30 or flat"),
    ],
)
def test_what_the_user_can_mend(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.delenv("MAPILLARY_TOKEN", raising=False)
    assert cli.main(["fetch", *arguments, "--quiet", "--out", str(tmp_path / "c")]) == 2
    assert words in said(capsys)
    assert not (tmp_path / "c").exists()


def test_the_rectangle_around_a_polygon(net, tmp_path):
    lon, lat = osm_services.LON, osm_services.LAT
    ring = [[lon - 1e-3, lat], [lon, lat + 1e-3], [lon + 1e-3, lat], [lon - 1e-3, lat]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "outline.geojson").write_text(json.dumps(outline))
    command = ["fetch", "--polygon", str(tmp_path / "outline.geojson"), *PLAIN, "--quiet", "--out"]
    assert cli.main([*command, str(tmp_path / "c")]) == 0
    west, south, east, north = load(tmp_path / "c").extent
    # 0.002 degrees at 45.76 N are 155.5 m, 0.001 of latitude 111.1 m; whole metres, and the corners
    # of a box in degrees lie a little askew in the grid.
    assert east - west == pytest.approx(155.5, abs=5.0)
    assert north - south == pytest.approx(111.1, abs=5.0)


def a_place_without_size(net, tmp_path, **more):
    net.on(NOMINATIM_HOST, "/search", Answer(place_found(**more)))
    return cli.main(["fetch", "Lyon", *PLAIN, "--quiet", "--out", str(tmp_path / "c")])


def test_a_whole_city_is_asked_about_first(net, tmp_path, capsys):
    box = ["45.60", "45.90", "4.60", "5.00"]
    assert a_place_without_size(net, tmp_path, boundingbox=box) == 2
    assert "--radius" in said(capsys)


def test_a_house_gets_its_surroundings(net, tmp_path):
    box = ["45.75775", "45.75785", "4.83195", "4.83205"]
    assert a_place_without_size(net, tmp_path, boundingbox=box) == 0
    west, _, east, _ = load(tmp_path / "c").extent
    assert east - west == 800.0


# --- from files ---


def village() -> Osm:
    """Houses, a tower with a part on stilts, a pitched roof, a street, a tree."""
    osm = Osm()
    osm.square(0, 0, 20, {"building": "yes", "height": "12 m", "roof:shape": "hipped",
                          "roof:height": "3"})  # fmt: skip
    osm.square(30, 0, 20, {"building": "yes", "building:levels": "4", "roof:colour": "red"})
    osm.square(60, 0, 20, {"building": "yes", "building:material": "glass", "height": "25"})
    osm.square(60, 0, 10, {"building:part": "yes", "height": "40", "min_height": "25"})
    osm.square(90, 0, 20, {"building": "yes"})
    osm.way([(-20, 30), (130, 30)], {"highway": "residential", "width": "6"})
    osm.node(50, 40, {"natural": "tree"})
    return osm


def test_all_forms_of_a_file_give_the_same_city(tmp_path):
    osm, cities = village(), []
    osm.write_xml(tmp_path / "a.osm")
    (tmp_path / "b.osm.gz").write_bytes(gzip.compress((tmp_path / "a.osm").read_bytes()))
    osm.write_pbf(tmp_path / "c.osm.pbf")
    for name in ("a.osm", "b.osm.gz", "c.osm.pbf"):
        out = tmp_path / name.split(".")[0]
        assert cli.main(["fetch", "--osm", str(tmp_path / name), "--quiet", "--out", str(out)]) == 0
        cities.append((out / "buildings.geojson").read_text(encoding="utf-8"))
    assert cities[0] == cities[1] == cities[2]


def test_the_folder_is_the_city_that_the_extract_is(tmp_path):
    path = village().write_xml(tmp_path / "a.osm")
    box = f"{LON - 0.001},{LAT - 0.001},{LON + 0.003},{LAT + 0.001}"
    command = ["fetch", "--osm", str(path), "--bbox", box, "--quiet", "--out", str(tmp_path / "c")]
    assert cli.main(command) == 0
    city = load(tmp_path / "c")
    options = {"extent": city.extent, "margin": city.margin, "crs": city.crs.to_string()}
    direct = City.from_file(path, **options)
    ours = city.buildings.set_index("building_id").sort_index()
    theirs = direct.buildings.set_index("building_id").sort_index()
    assert list(ours.index) == list(theirs.index)
    for column in ("height_source", "height_rule", "roof_shape", "roof_construction"):
        assert list(ours[column]) == list(theirs[column]), column
    for column in ("height", "min_height", "roof_height", "roof_direction_deg"):
        np.testing.assert_allclose(
            ours[column].to_numpy(float), theirs[column].to_numpy(float), atol=1e-3
        )
    assert list(ours["facade_composition"]) == list(theirs["facade_composition"])
    # 8 decimals of a degree are a millimetre.
    apart = shapely.hausdorff_distance(ours.geometry.to_numpy(), theirs.geometry.to_numpy())
    assert apart.max() < 2e-3
    assert len(city.trees) == len(direct.trees) == 1
    for name, area in direct.ground.dissolve("construction").area.items():
        mine = city.ground.dissolve("construction").area[name]
        assert mine == pytest.approx(area, rel=0.01)  # simplified by 5 cm


def test_overlaps_and_areas_cut_by_the_border_are_counted(tmp_path):
    osm = Osm()
    osm.square(0, 0, 20, {"building": "yes", "height": "10"})
    osm.square(15, 5, 20, {"building": "yes", "height": "14"})  # 5 x 15 m in common
    osm.square(60, 0, 20, {"building": "yes", "height": "14"})
    osm.square(80, 0, 20, {"building": "yes", "height": "14"})  # a wall in common is none
    osm.relation([(9999, "outer")], {"building": "yes"})
    osm.relation([(9998, "outer")], {"route": "bus"})  # nothing we would use
    for path in (osm.write_xml(tmp_path / "a.osm"), osm.write_pbf(tmp_path / "b.osm.pbf")):
        out = tmp_path / path.name[0]
        assert cli.main(["fetch", "--osm", str(path), "--quiet", "--out", str(out)]) == 0
        counts = rows(out)
        assert counts["pairs that overlap; the higher counts there"] == 1
        assert counts["no geometry (cut by the border of the data), not used"] == 1
        assert counts["features"] == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "aaaa">]><osm>&a;</osm>', "DOCTYPE"),
        (b'<!DOCTYPE osm SYSTEM "file:///etc/passwd"><osm/>', "DOCTYPE"),
        (b"<gpx/>", "<osm>"),
        (b"<osm><node", "OpenStreetMap"),
        (b"not xml", "XML"),
        (b"", "no element"),
        (b'<osm version="0.6"></osm>', "complete"),
    ],
)
def test_files_that_are_no_extract(tmp_path, capsys, content, words):
    (tmp_path / "a.osm").write_bytes(content)
    (tmp_path / "b.osm.gz").write_bytes(gzip.compress(content))
    for name in ("a.osm", "b.osm.gz"):
        command = ["fetch", "--osm", str(tmp_path / name), "--quiet", "--out", str(tmp_path / "c")]
        assert cli.main(command) == 2
        assert words in said(capsys)


def test_a_gzip_bomb_on_disk(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("heatmat.osm.MAX_UNCOMPRESSED_BYTES", 1 << 20)
    (tmp_path / "a.osm.gz").write_bytes(gzip.compress(b"<osm>" + b" " * (8 << 20)))
    command = ["fetch", "--osm", str(tmp_path / "a.osm.gz"), "--quiet", "--out"]
    assert cli.main([*command, str(tmp_path / "c")]) == 2
    assert "limit" in said(capsys)


def test_names_from_outside_pose_as_nothing(tmp_path, net):
    name = 'x"\n[solver]\nmax_rays = 1\n# ' + "\u2028</h1>|`"
    net.on(NOMINATIM_HOST, "/search", Answer(place_found(display_name=name)))
    out = tmp_path / "c"
    assert cli.main([*PLACE, *PLAIN, "--out", str(out)]) == 0
    assert Scenario.load(out / "scenario.toml").tables.solver.max_rays != 1
    assert (out / "scenario.toml").read_text().count("[solver]") == 1  # in the comment
    assert "</h1>" not in (out / "SOURCES.md").read_text()


@pytest.mark.parametrize(
    "name", ["osm_paris/paris_9e10e.osm", "osm_lyon_villeurbanne/villeurbanne.osm"]
)
def test_real_extracts(shared_data, tmp_path, name):
    out = tmp_path / "city"
    assert cli.main(["fetch", "--osm", str(shared_data / name), "--quiet", "--out", str(out)]) == 0
    city = load(out)
    found = json.loads((out / "provenance.json").read_text())["counts"]
    assert found[0]["number"] == sum(r["number"] for r in found if r["of"] == "of these")
    assert len(city.buildings) == rows(out)["buildings and parts in the folder"] > 500
    assert len(city.trees) > 200 and len(city.ground) >= 10
