"""What the README and docs/ say is tried: code runs, links lead somewhere, commands exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from heatmat import cli

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language, in order."""
    return [text for word, text in FENCE.findall(page.read_text("utf-8")) if word == language]


def square(west: float, south: float, height: float) -> dict:
    """A block of about 20 x 20 m at 60 degrees north as a GeoJSON feature."""
    dx, dy = 0.00036, 0.00018
    ring = [[west, south], [west + dx, south], [west + dx, south + dy], [west, south + dy]]
    return {
        "type": "Feature",
        "properties": {"height": height},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }


def test_python_blocks_of_the_readme_run(tmp_path: Path) -> None:
    code = "\n".join(blocks(README, "python"))
    assert "simulation.query" in code and "hm.compare" in code
    # From an empty folder: the checkout must be found whether or not the package is installed.
    paths = os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # 24 hourly rows of the first table, and the pandas tables' own headings
    assert done.stdout.count("2023-07-1") >= 24
    assert "west wall" in done.stdout and "temperature_difference" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_first_query_is_under_ten_lines() -> None:
    lines = [line for line in blocks(README, "python")[0].splitlines() if line.strip()]
    assert len(lines) < 10


def test_scenario_of_the_readme_passes_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = [square(24.94, 60.17, 18.0), square(24.9406, 60.17, 12.0)]
    buildings = {"type": "FeatureCollection", "features": features}
    (tmp_path / "buildings.geojson").write_text(json.dumps(buildings))
    (toml,) = blocks(README, "toml")
    (tmp_path / "scenario.toml").write_text(toml)
    assert cli.main(["check", str(tmp_path / "scenario.toml")]) == 0
    assert "2 buildings" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        whole = (page.parent / path).resolve() if path else page
        assert whole.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", whole.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_shown_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    shown = set(re.findall(r"`heatmat ([a-z]+)", text))
    for block in blocks(page, "sh"):
        shown |= set(re.findall(r"^\s*heatmat ([a-z]+)", block, re.MULTILINE))
    assert shown <= COMMANDS


def test_readme_lists_every_command() -> None:
    table = README.read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `heatmat ([a-z-]+)", table, re.MULTILINE)) == COMMANDS


def test_pictures_stay_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        # The tree is to stay under 6 MiB, for machines that take no more.
        assert picture.stat().st_size < 350_000, picture.name
