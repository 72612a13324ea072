"""The tutorials: every block of every page is run, in order, in one folder a page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from heatmat import cli
from tests.weather_files import epw_rows, write_epw

PAGES = sorted((Path(__file__).resolve().parent.parent / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r"(?P<before>[^\n]*\n?[^\n]*)\n\n```(?P<kind>\w+)\n(?P<code>.*?)```", re.S)


def run_page(text: str) -> dict[str, Any]:
    """Run a page in the current folder; the names that its Python left."""
    names: dict[str, Any] = {}
    for block in BLOCK.finditer(text):
        kind, code = block["kind"], block["code"]
        if kind == "python":
            exec(compile(code, "tutorial", "exec"), names)
        elif kind == "sh":
            for line in code.strip().splitlines():
                words = shlex.split(line, comments=True)
                assert words[0] == "heatmat"
                assert cli.main([*words[1:], "--quiet"]) == 0, line
        else:
            saved = re.findall(r"save this as\s+`([\w.]+)`:", block["before"], re.I)
            assert saved, f"a {kind} block that is not saved"
            Path(saved[0]).write_text(code, encoding="utf-8")
    return names


def page(name: str) -> str:
    return next(path for path in PAGES if path.stem == name).read_text("utf-8")


def test_there_are_three() -> None:
    assert {path.stem for path in PAGES} == {"from-rasters", "what-if", "your-own-city"}


def test_every_block_is_seen() -> None:
    for path in PAGES:
        text = path.read_text("utf-8")
        assert len(BLOCK.findall(text)) == text.count("```") // 2


def test_what_if(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_page(page("what-if"))
    table = names["difference"].table("changed").set_index(["surface", "changed", "period"])
    # As the page says: painted surfaces cool by day, what they shine on warms.
    assert table.loc[("roof", True, "day"), "change_k"] < -5.0
    assert table.loc[("wall", True, "day"), "change_k"] < -1.0
    assert table.loc[("ground", False, "day"), "change_k"] > 0.0
    assert "none is left by where.height_m" in capsys.readouterr().out
    assert (tmp_path / "what-if" / "report.html").exists()


def test_your_own_city(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_epw(tmp_path / "weather.epw", epw_rows())
    names = run_page(page("your-own-city"))
    out = capsys.readouterr().out
    assert "outside insulation: wall 5" in out  # 64 m of wall, 9 m high
    assert "more glass: wall 1" in out
    assert set(names["table"]["building_id"].dropna()) == {"school", "shop"}


def test_from_rasters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path) -> None:
    monkeypatch.chdir(tmp_path)
    data = shared_data / "terrain_gothenburg"
    for name in ("dsm", "dem", "cdsm", "lc"):
        (tmp_path / f"{name}.tif").symlink_to(data / f"torgg_{name}.tif")
    (tmp_path / "era5.txt").symlink_to(data / "ERA5_GBG_2018_UMEP.txt")
    names = run_page(page("from-rasters"))
    noon, leafy = names["noon"], names["leafy"]
    # As the page says: shaded ground is far cooler.
    assert float(noon.where(leafy).mean()) < float(noon.where(~leafy).mean()) - 1.0
    assert names["simulation"].maps.counts["crown_area_m2"] > 1000.0
