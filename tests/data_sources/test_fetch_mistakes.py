"""Mistakes in what is asked of `heatmat fetch`: one line, and nothing left behind."""

from __future__ import annotations

import pytest

from heatmat import cli
from tests.osm_files import LAT, LON, Osm
from tests.weather_files import epw_rows, write_epw


@pytest.fixture
def extract(tmp_path):
    """A town of one house."""
    osm = Osm()
    osm.square(0.0, 0.0, 40.0, {"building": "yes", "height": "9"})
    return osm.write_xml(tmp_path / "town.osm")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--bbox", "3.0,50.0,3.01,50.01"], "an area within it"),
        (
            ["--bbox", f"{LAT - 0.002},{LON - 0.002},{LAT + 0.002},{LON + 0.002}"],
            "look swapped: longitude goes first",
        ),
        (["--weather", "nowhere.epw"], "no such file"),
        (["--weather", "tomorrow"], "FROM/TO as two dates"),
    ],
)
def test_one_line_and_no_folder(extract, tmp_path, capsys, options, expected):
    out = tmp_path / "town"
    arguments = ["fetch", "--osm", str(extract), "--out", str(out), "--quiet"]
    assert cli.main([*arguments, *options]) == 2
    text = capsys.readouterr().err.strip()
    assert expected in text and "\n" not in text and "Traceback" not in text
    assert not out.exists()
    assert cli.main(arguments) == 0  # and the folder's name is free for the right request


def test_what_somebody_edited_stays_whatever_else_is_missing(extract, tmp_path, capsys):
    out = tmp_path / "town"
    arguments = ["fetch", "--osm", str(extract), "--out", str(out), "--quiet"]
    assert cli.main(arguments) == 0
    buildings, roads = out / "buildings.geojson", out / "roads.geojson"
    mine = buildings.read_text().replace("9.0", "12.0")
    assert mine != buildings.read_text()
    buildings.write_text(mine)
    roads.unlink()
    arguments.remove("--quiet")
    assert cli.main(arguments) == 0
    assert "buildings.geojson was edited, so it is kept" in capsys.readouterr().err
    assert buildings.read_text() == mine
    assert "12.0" not in (out / "buildings.fetched.geojson").read_text()
    assert roads.exists()
    assert not (out / "roads.fetched.geojson").exists()


def test_a_weather_file_that_is_none_leaves_the_folder_free(extract, tmp_path, capsys):
    out, epw = tmp_path / "town", tmp_path / "w.epw"
    epw.write_text("not weather\n")
    arguments = ["fetch", "--osm", str(extract), "--weather", str(epw), "--out", str(out)]
    assert cli.main([*arguments, "--quiet"]) == 2
    assert "w.epw" in capsys.readouterr().err
    write_epw(epw, epw_rows())
    assert cli.main([*arguments, "--quiet"]) == 0
    # The same name with other content is another request.
    write_epw(epw, epw_rows(), lat=51.0)
    capsys.readouterr()
    assert cli.main([*arguments, "--quiet"]) == 2
    assert "weather" in capsys.readouterr().err
