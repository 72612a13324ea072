"""Weather for a place: files, archives, the catalogue of typical years, a past period."""

from __future__ import annotations

import functools
import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_sources.errors import BusyError, MalformedError, NetworkError, RefusedError
from data_sources.http import Session
from data_sources.weather import clock_line, fetch_weather, summer_day
from data_sources.weather_catalogue import nearest_stations
from heatmat.errors import InputError
from heatmat.weather import Weather
from tests.data_sources.loopback import Answer, Loopback
from tests.weather_files import epw_rows, write_epw

BERLIN = (13.41, 52.52)
FILES = "energyplus-weather.s3.amazonaws.com"


@pytest.fixture
def net() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


def session(net: Loopback, tmp_path: Path, **options: Any) -> Session:
    return Session(
        tmp_path / "cache", overrides=net.overrides, clock=net.clock, sleep=net.sleep, **options
    )


@functools.cache
def made_rows() -> list[list[str]]:
    return epw_rows()


def epw_bytes(tmp_path: Path, **site: float) -> bytes:
    return write_epw(tmp_path / "made.epw", made_rows(), **site).read_bytes()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """As climate.onebuilding.org packs them: .epw, .ddy, .stat, .clm, .rain, .wea, .pvsyst."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


# --- files and archives ---


def test_a_local_file_and_its_clock(net: Loopback, tmp_path: Path) -> None:
    write_epw(tmp_path / "here.epw", made_rows(), lat=50.0, lon=15.0, zone=1.0, elevation=100.0)
    found = fetch_weather(
        15.1, 50.1, 120.0, session(net, tmp_path), tmp_path / "city", epw=str(tmp_path / "here.epw")
    )
    assert (found.path, found.kind) == (tmp_path / "city" / "here.epw", "epw")
    assert found.scenario == {"epw": "here.epw"}
    assert found.utc_offset_h == 1.0
    # a degree of latitude has 111.2 km, of longitude at 50 degrees 71.7 km
    assert found.distance_km == pytest.approx(math.hypot(11.12, 7.17), rel=0.01)
    assert found.height_difference_m == pytest.approx(-20.0)
    assert found.station == "Testville, XXX, made, 000000"
    assert "UTC+01:00" in found.clock and "without daylight saving" in found.clock
    assert not net.seen and found.provenance[0].address == "file here.epw"
    assert len(found.provenance[0].sha256) == 64
    assert not any("away" in line for line in found.warnings)


def test_a_far_or_high_station_is_warned_of(net: Loopback, tmp_path: Path) -> None:
    write_epw(tmp_path / "h.epw", made_rows(), lat=50.0, lon=15.0, zone=1.0, elevation=600.0)
    args = (session(net, tmp_path), tmp_path / "city")
    lines = fetch_weather(15.0, 50.46, 290.0, *args, epw=str(tmp_path / "h.epw")).warnings
    assert any("51 km away, more than 50 km" in line for line in lines)
    assert any("310 m higher, more than 300 m" in line and "2.0 K colder" in line for line in lines)
    near = fetch_weather(15.0, 50.44, 310.0, *args, epw=str(tmp_path / "h.epw")).warnings
    assert not any("km away" in line or "higher" in line for line in near)


def test_a_file_of_another_clock_is_noticed(net: Loopback, tmp_path: Path) -> None:
    write_epw(tmp_path / "h.epw", made_rows(), lat=50.0, lon=15.0, zone=-5.0)
    found = fetch_weather(
        15.0, 50.0, math.nan, session(net, tmp_path), tmp_path / "c", epw=str(tmp_path / "h.epw")
    )
    assert any("is it the file of this place?" in line for line in found.warnings)
    assert not any(".part-" in line for line in found.warnings)
    assert math.isnan(found.height_difference_m)
    assert any("not compared with the station's 100 m" in line for line in found.warnings)


def test_a_zip_archive_from_an_address(net: Loopback, tmp_path: Path) -> None:
    name = "FRA_AR_Lyon-Bron.AP.074800_TMYx.2004-2018"
    packed = zipped(
        (f"__MACOSX/._{name}.epw", b"\0\5\x16\7"),
        (f"{name}.ddy", b"x"),
        (f"{name}.epw", epw_bytes(tmp_path)),
        ("a.stat", b"y"),
    )
    path = f"/WMO_Region_6_Europe/FRA_France/{name}.zip"
    net.on("climate.onebuilding.org", path, Answer(packed, kind="application/zip"))
    url = f"https://climate.onebuilding.org{path}"
    ses = session(net, tmp_path)
    found = fetch_weather(15.0, 50.0, 100.0, ses, tmp_path / "city", epw=url)
    assert found.path.name == f"{name}.epw"
    assert found.provenance[0].address == url
    again = fetch_weather(15.0, 50.0, 100.0, ses, tmp_path / "city", epw=url)
    assert again.path == found.path and len(net.seen) == 1


@pytest.mark.parametrize("name", ["../../../evil.epw", "/etc/evil.epw", "..\\..\\evil.epw"])
def test_names_in_an_archive_cannot_leave_the_folder(
    net: Loopback, tmp_path: Path, name: str
) -> None:
    (tmp_path / "w.zip").write_bytes(zipped((name, epw_bytes(tmp_path))))
    city = tmp_path / "a" / "b" / "city"
    found = fetch_weather(
        15.0, 50.0, 100.0, session(net, tmp_path), city, epw=str(tmp_path / "w.zip")
    )
    assert found.path == city / "evil.epw"
    assert [p.name for p in city.iterdir()] == ["evil.epw"]
    assert not list(tmp_path.glob("evil*"))


def bad_archive(kind: str) -> tuple[bytes, str]:
    good = zipped(("w.epw", b"LOCATION,a,b,c,d,e,50,15,1,100\n" * 50))
    if kind == "bomb":
        return zipped(("w.epw", b"LOCATION," + bytes(40 << 20))), "unpacks to more than the limit"
    return {
        "cut": (good[: len(good) // 2], "not a readable zip archive"),
        "no weather in it": (zipped(("readme.txt", b"hello")), "no .epw in the archive"),
        "not weather": (zipped(("w.epw", b"<html>")), "not an EPW file"),
        "page": (b"<!doctype html><title>Sign in</title>", "not an EPW file"),
    }[kind]


@pytest.mark.parametrize("kind", ["bomb", "cut", "no weather in it", "not weather", "page"])
def test_bad_archives_end_in_one_line_and_leave_nothing(
    net: Loopback, tmp_path: Path, kind: str
) -> None:
    content, message = bad_archive(kind)
    (tmp_path / "w.zip").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        fetch_weather(
            15.0, 50.0, 1.0, session(net, tmp_path), tmp_path / "c", epw=str(tmp_path / "w.zip")
        )
    assert "\n" not in str(caught.value) and "w.zip" in str(caught.value)
    assert list((tmp_path / "c").iterdir()) == []


def test_a_damaged_file_is_named_by_its_source(net: Loopback, tmp_path: Path) -> None:
    rows = [list(row) for row in made_rows()]
    rows[100][6] = "hot"
    write_epw(tmp_path / "w.epw", rows)
    with pytest.raises(InputError, match=r"w\.epw:109 dry bulb temperature: bad value") as caught:
        fetch_weather(
            15.0, 50.0, 1.0, session(net, tmp_path), tmp_path / "c", epw=str(tmp_path / "w.epw")
        )
    assert ".part-" not in str(caught.value)
    assert list((tmp_path / "c").iterdir()) == []


def test_addresses_that_give_no_weather(net: Loopback, tmp_path: Path) -> None:
    net.on("x.example", "/gone.epw", Answer("no", 404))
    net.on("x.example", "/empty.epw", Answer(b""))
    net.on("x.example", "/busy.epw", Answer("", 429, headers={"Retry-After": "3600"}))
    ses = session(net, tmp_path)

    def ask(name: str) -> None:
        fetch_weather(15.0, 50.0, 1.0, ses, tmp_path / "c", epw=f"https://x.example/{name}")

    with pytest.raises(RefusedError, match="404"):
        ask("gone.epw")
    with pytest.raises(MalformedError, match="empty"):
        ask("empty.epw")
    with pytest.raises(BusyError, match="3600 s"):
        ask("busy.epw")
    with pytest.raises(InputError, match="no such file"):
        fetch_weather(15.0, 50.0, 1.0, ses, tmp_path / "c", epw=str(tmp_path / "none.epw"))
    with pytest.raises(InputError, match="two sources"):
        fetch_weather(
            15.0, 50.0, 1.0, ses, tmp_path / "c", epw="a", period=("2023-07-01", "2023-07-01")
        )


def test_an_answer_cut_short_is_asked_for_again(net: Loopback, tmp_path: Path) -> None:
    content = epw_bytes(tmp_path)
    net.on("x.example", "/w.epw", Answer(content, cut=5000), Answer(content))
    found = fetch_weather(
        15.0, 50.0, 100.0, session(net, tmp_path), tmp_path / "c", epw="https://x.example/w.epw"
    )
    assert found.path.read_bytes() == content and len(net.seen) == 2


# --- the catalogue ---


def entry(title: str, lon: float, lat: float, host: str = FILES, ending: str = "epw") -> dict:
    """Shape: https://github.com/NREL/EnergyPlus/blob/develop/weather/master.geojson."""
    link = f"https://{host}/europe_wmo_region_6/{title}/{title}.{ending}"
    return {
        "type": "Feature",
        "properties": {
            "title": title,
            "epw": f"<a href={link}>Download Weather File</a>",
            "ddy": f"<a href={link[:-3]}ddy>Download Design Day File</a>",
            "dir": f"<a href=https://energyplus.net/weather-location/{title}>Go To Folder</a>",
        },
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
    }


def catalogue(net: Loopback, *entries: Any) -> None:
    body = {"type": "FeatureCollection", "features": list(entries)}
    raw = "/NREL/EnergyPlus/develop/weather/master.geojson"
    net.on(
        "github.com",
        "/NREL/EnergyPlus/raw/develop/weather/master.geojson",
        Answer(b"", 302, headers={"Location": f"https://raw.githubusercontent.com{raw}"}),
    )
    net.on("raw.githubusercontent.com", raw, Answer(json.dumps(body), kind="text/plain"))


def serve(net: Loopback, title: str, content: bytes) -> None:
    net.on(FILES, f"/europe_wmo_region_6/{title}/", Answer(content, kind="binary/octet-stream"))


def test_the_nearest_typical_year(net: Loopback, tmp_path: Path) -> None:
    catalogue(
        net,
        entry("DEU_Far.1_TMY3", 16.0, 52.0),
        entry("DEU_Near.2_IWEC", 15.1, 50.0),
        entry("DEU_Near.2_TMY3", 15.1, 50.0),
        entry("DEU_Near.2_Odd", 15.1, 50.0),
    )
    serve(net, "DEU_Near.2_TMY3", epw_bytes(tmp_path, lat=50.0, lon=15.1))
    found = fetch_weather(15.0, 50.0, 100.0, session(net, tmp_path), tmp_path / "city")
    assert found.path.name == "DEU_Near.2_TMY3.epw"
    assert found.distance_km == pytest.approx(7.2, abs=0.1)
    assert len(found.provenance) == 1 and "DEU_Near.2_TMY3" in found.provenance[0].attribution


def test_a_level_station_before_a_nearer_one_far_above(net: Loopback, tmp_path: Path) -> None:
    catalogue(net, entry("A_Peak.1_TMY", 15.05, 50.0), entry("A_Vale.2_TMY", 15.2, 50.0))
    serve(net, "A_Peak.1_TMY", epw_bytes(tmp_path, lat=50.0, lon=15.05, elevation=900.0))
    serve(net, "A_Vale.2_TMY", epw_bytes(tmp_path, lat=50.0, lon=15.2, elevation=210.0))
    ses, city = session(net, tmp_path), tmp_path / "city"
    found = fetch_weather(15.0, 50.0, 200.0, ses, city)
    assert found.path.name == "A_Vale.2_TMY.epw"
    assert any("700 m higher" in line for line in found.warnings)
    assert [p.name for p in city.iterdir()] == ["A_Vale.2_TMY.epw"]
    # with the height unknown the nearest is taken
    assert fetch_weather(15.0, 50.0, math.nan, ses, city).path.name == "A_Peak.1_TMY.epw"


def test_stations_whose_file_is_bad_are_passed_over(net: Loopback, tmp_path: Path) -> None:
    catalogue(
        net,
        entry("A_Gone.1_TMY", 15.01, 50.0),
        entry("A_Wrong.2_TMY", 15.1, 50.0),
        entry("A_Good.3_TMY", 15.2, 50.0),
    )
    serve(net, "A_Wrong.2_TMY", epw_bytes(tmp_path, lat=-33.9, lon=151.2, zone=10.0))
    serve(net, "A_Good.3_TMY", epw_bytes(tmp_path, lat=50.0, lon=15.2))
    found = fetch_weather(15.0, 50.0, 100.0, session(net, tmp_path), tmp_path / "city")
    assert found.path.name == "A_Good.3_TMY.epw"
    assert any("A_Gone" in line and "404" in line for line in found.warnings)
    assert any("A_Wrong" in line and "another place" in line for line in found.warnings)
    assert [p.name for p in (tmp_path / "city").iterdir()] == ["A_Good.3_TMY.epw"]


def test_no_usable_file_at_all(net: Loopback, tmp_path: Path) -> None:
    catalogue(net, entry("A_Page.1_TMY", 15.01, 50.0))
    serve(net, "A_Page.1_TMY", b"<html>moved</html>")
    with pytest.raises(NetworkError, match="no file of the catalogue can be used.*not an EPW"):
        fetch_weather(15.0, 50.0, 100.0, session(net, tmp_path), tmp_path / "city")


def test_entries_that_are_not_usable_are_not_followed(net: Loopback, tmp_path: Path) -> None:
    catalogue(
        net,
        None,
        {"properties": {}, "geometry": None},
        {"properties": [], "geometry": {"coordinates": [1, 2]}},
        {"properties": {"epw": 5}, "geometry": {"coordinates": ["a", "b"]}},
        entry("A_Elsewhere.1_TMY", 15.0, 50.0, host="evil.example"),
        entry("A_Page.1_TMY", 15.0, 50.0, ending="html"),
        entry("A_Off.1_TMY", 1500.0, 50.0),
        entry("A_Good.3_TMY", -179.9, 50.0),
    )
    stations = nearest_stations(179.9, 50.0, session(net, tmp_path))
    assert [s.title for s in stations] == ["A_Good.3_TMY"]
    # 0.2 degrees across the antimeridian at 50 degrees north
    assert stations[0].distance_km == pytest.approx(14.3, abs=0.1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer([1, 2]), "no features"),
        (Answer({"features": []}), "no usable station"),
        (Answer("<html>", kind="text/html"), "another kind"),
        (Answer("{", kind="text/plain"), "not JSON"),
        (Answer(b"[1]", repeat=20 << 20, kind="text/plain"), "too large"),
    ],
)
def test_a_catalogue_that_is_none(
    net: Loopback, tmp_path: Path, answer: Answer, message: str
) -> None:
    net.on("github.com", "/", answer)
    with pytest.raises(NetworkError, match=message) as caught:
        fetch_weather(15.0, 50.0, 100.0, session(net, tmp_path), tmp_path / "city")
    assert "\n" not in str(caught.value)


# --- clocks and days ---


def test_the_clock_line_tells_the_suns_noon() -> None:
    assert "the sun is highest about 12:06" in clock_line(1.0, 13.41, "x")
    assert "UTC-03:30" in clock_line(-3.5, -52.7, "x")


def test_a_summer_day_of_each_hemisphere(shared_data: Path) -> None:
    lyon = shared_data / "weather" / "FRA_AR_Lyon-Bron.AP.074800_TMYx.2004-2018.epw"
    start, end = summer_day(Weather.from_epw(lyon))
    assert start[:2] in ("06", "07", "08") and start.endswith("T00:00") and end != start
