"""The experiments in sims/, at low resolution, and that they use public names only."""

from __future__ import annotations

import ast
import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heatmat as hm

SIMS = Path(__file__).resolve().parent.parent / "sims"
NAMES = sorted(path.parent.name for path in SIMS.glob("*/run.py"))


def run(name: str, out: Path) -> Any:
    return importlib.import_module(f"sims.{name}.run").main(out, low=True)


def mean(difference: Any, surface: str, changed: bool, period: str) -> float:
    table = difference.table("changed")
    row = table[
        (table["surface"] == surface) & (table["changed"] == changed) & (table["period"] == period)
    ]
    return float(row["change_k"].iloc[0])


def test_there_are_ten_and_each_stands_in_the_list_with_its_picture() -> None:
    assert len(NAMES) >= 10
    page = (SIMS / "README.md").read_text("utf-8")
    for name in NAMES:
        assert f"[{name}]({name}/run.py)" in page
        assert f"({name}/picture.png)" in page
        assert (SIMS / name / "picture.png").exists()


@pytest.mark.parametrize("path", sorted(SIMS.rglob("*.py")), ids=lambda p: p.parent.name)
def test_public_names_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not str(node.module).startswith(("heatmat", "data_sources")), node.module
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "hm":
                assert node.attr in hm.__all__
            assert not node.attr.startswith("_")


def test_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    out = tmp_path / "file" / "out"
    monkeypatch.setattr(sys, "argv", ["run.py", "--out", str(out), "--low"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(SIMS / "cool_roofs" / "run.py"), run_name="__main__")
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"heatmat: {out}: cannot be written: ")
    assert (tmp_path / "file").read_text("utf-8") == "kept"


def test_cool_roofs(tmp_path: Path) -> None:
    found = run("cool_roofs", tmp_path)
    assert mean(found, "roof", True, "day") < -8.0
    # What is not painted moves by tenths at most.
    assert abs(mean(found, "ground", False, "day")) < 0.1
    assert (tmp_path / "report.html").exists()


def test_facade_renovation(tmp_path: Path) -> None:
    found = run("facade_renovation", tmp_path)
    # Air at 8 below zero, rooms at 22: the heat that came through masonry is gone.
    assert mean(found, "wall", True, "night") < -1.0
    assert mean(found, "ground", False, "night") < 0.0
    text = " ".join(found.sentences())
    assert "Changed walls are" in text
    assert "conduction from behind −" in text


def test_brick_to_render(tmp_path: Path) -> None:
    found = run("brick_to_render", tmp_path)
    assert mean(found, "wall", True, "day") < -2.0
    assert mean(found, "wall", False, "day") > 0.0
    walls = found.walls.table
    street = ~walls["changed"] & (walls["construction"] == "solid_brick_wall")
    assert found.walls.change[street.to_numpy()][:, found.day].mean() > 0.1


def test_light_paving(tmp_path: Path) -> None:
    found = run("light_paving", tmp_path)
    assert mean(found, "ground", True, "day") < -1.0
    assert mean(found, "wall", False, "day") > 0.0


def test_district_attribution(tmp_path: Path) -> None:
    found = run("district_attribution", tmp_path)
    assert found.residual < 1e-3
    assert (tmp_path / "attribution.csv").exists()


def test_heat_wave(tmp_path: Path) -> None:
    frame = run("heat_wave", tmp_path).to_dataframe()
    assert len(frame) == 4 * 5 * 24
    roof = frame[frame["id"] == "roof"]["temperature_difference"].to_numpy().reshape(5, 24)
    assert (roof.min(axis=1) < -5.0).all()
    assert np.abs(roof[:, 2]).max() < 1.0


def test_street_trees(tmp_path: Path) -> None:
    found = run("street_trees", tmp_path)
    assert mean(found, "ground", False, "day") < -1.0
    assert mean(found, "wall", False, "day") < -0.3
    table = found.table()
    ground = table[(table["surface"] == "ground") & (table["period"] == "day")].iloc[0]
    assert ground["lowest_k"] < -15.0  # paving that lies in the shade at noon


def test_mapped_trees(tmp_path: Path) -> None:
    found = run("mapped_trees", tmp_path)
    assert mean(found, "ground", False, "day") < -0.5
    table = found.table()
    ground = table[table["surface"] == "ground"].set_index("period")
    assert ground.loc["day", "lowest_k"] < -15.0  # paving in the shade
    assert ground.loc["night", "highest_k"] > 0.5  # lawn under crowns


def test_green_roof(tmp_path: Path) -> None:
    found = run("green_roof", tmp_path)
    assert mean(found, "roof", True, "day") < -4.0
    assert mean(found, "roof", True, "night") > 4.0
    # Nothing under the roofs sees them.
    assert abs(mean(found, "ground", False, "day")) < 0.1


@pytest.mark.parametrize("name", ["lawn_for_parking", "open_water"])
def test_a_square_of_lawn_and_of_water(name: str, tmp_path: Path) -> None:
    found = run(name, tmp_path)
    assert mean(found, "ground", True, "day") < -8.0
    assert mean(found, "ground", True, "night") < -2.0
    assert -0.2 < mean(found, "wall", False, "day") < 0.0
