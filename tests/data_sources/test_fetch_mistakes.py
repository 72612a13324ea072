"""Mistakes in what is asked of `heatmat fetch`: one line, and nothing left behind."""

from __future__ import annotations

import pytest

from heatmat import cli
from tests.osm_files import LAT, LON, Osm


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
