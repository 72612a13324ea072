"""What `python -m` runs beside `heatmat`: a mistake is one line and exit 2, and nothing is lost."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.errors import InputError
from tests.validation.test_city_day import courtyard

SCENARIO = """
[time]
start = "2023-07-15T00:00"
end = "2023-07-16T00:00"
"""


def refusal(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a module refuses its arguments."""
    name, *given = words.split()
    monkeypatch.setattr(sys, "argv", [name, *given])
    try:
        code = exit_code(importlib.import_module(name).main)
    except SystemExit as end:  # argparse's own way out
        code = end.code
    assert code == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("heatmat: ")
    return told


@pytest.mark.parametrize(
    "module",
    ["day_benchmark", "field_benchmark", "pixel_benchmark", "ray_benchmark", "map_spread --case",
     "reference_rays", "reference_report"],
)  # fmt: skip
def test_file_that_is_not_there(module: str, tmp_path: Path) -> None:
    rest = ["page.md", "pictures"] if module == "reference_report" else []
    ran = subprocess.run(
        [sys.executable, "-m", *f"heatmat.{module}".split(), "nothing.npz", *rest],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    (told,) = ran.stderr.splitlines()
    assert told.startswith("heatmat: nothing.npz: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("day_benchmark a.npz --pixel 1e-6", "expected a number from 0.25 to 100"),
        ("day_benchmark a.npz --side nan", "expected a number from 10 to 20000"),
        ("day_benchmark a.npz --json -", "expected the name of a file"),
        ("day_benchmark", "arguments are required: case"),
        ("field_benchmark a.npz --size 1e9", "expected a number from 0.5 to 100"),
        ("pixel_benchmark a.npz --seed -1", "expected a whole number of at least 0"),
        ("map_spread --seeds 1", "expected a whole number of at least 2"),
        ("ray_benchmark a.npz many", "expected a whole number of at least 1"),
    ],
)
def test_argument_that_cannot_be(
    words: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert says in refusal(f"heatmat.{words}", monkeypatch, capsys)


@pytest.mark.parametrize("words", ["day_benchmark {} --pixel 100", "pixel_benchmark {} --pixels 1"])
def test_square_without_pixels(
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    courtyard().save(tmp_path / "small.npz")
    monkeypatch.setattr("heatmat.pixel_benchmark.DRAWN", 0)
    told = refusal(f"heatmat.{words}".format(tmp_path / "small.npz"), monkeypatch, capsys)
    assert "no pixel" in told


@pytest.mark.parametrize("found", ["{}", "null", "[]", '{"reference": {}}', '{"reference": null}'])
def test_figures_that_are_none(
    found: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    figures.write_text(found, encoding="utf-8")
    page.write_text("kept", encoding="utf-8")
    words = f"heatmat.reference_report {figures} {page} {tmp_path / 'pictures'}"
    assert "not the JSON of" in refusal(words, monkeypatch, capsys)
    assert page.read_text(encoding="utf-8") == "kept"


def test_case_replaces_files_alone_and_is_read_whole(tmp_path: Path) -> None:
    folder, path = tmp_path / "folder.npz", tmp_path / "case.npz"
    folder.mkdir()
    (folder / "kept").touch()
    case = courtyard()
    with pytest.raises(IsADirectoryError):
        case.save(folder)
    assert [place.name for place in tmp_path.rglob("*")] == ["folder.npz", "kept"]
    case.save(path)
    case.save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    plain = json.loads(arrays["plain"].tobytes())
    for wrong in (plain | {"maps": plain["maps"] | {"moon": 1}}, {"format": plain["format"]}):
        arrays["plain"] = np.frombuffer(json.dumps(wrong).encode(), np.uint8)
        np.savez(path, **arrays)
        with pytest.raises(InputError, match="not a whole case"):
            Case.load(path)


@pytest.mark.parametrize(
    "command",
    [
        "heatmat prepare s.toml --out",
        "heatmat benchmark --json",
        "heatmat.paired_benchmark --json",
    ],
)
@pytest.mark.parametrize("place", ["file/out", "folder", "loop/out", 250 * "n"])
def test_place_that_cannot_be_written_is_said_before_the_work(
    command: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    ran = subprocess.run(
        [sys.executable, "-m", *command.split(), place],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    (told,) = ran.stderr.splitlines()
    assert told.startswith(f"heatmat: {place}: cannot be written")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize("place", ["-", "pipe"])
def test_a_case_is_not_written_to_a_stream(place: str, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO, encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    ran = subprocess.run(
        [sys.executable, "-m", "heatmat", "prepare", "s.toml", "--out", place],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == (f"heatmat: {place}: cannot be a stream (expected the name of a file)\n")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("held", ["# mine\n", "[]", "3"])
def test_figures_replace_nothing_else(held: str, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text(held, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "heatmat", "benchmark", "--json", "notes"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.startswith("heatmat: notes: exists and holds no benchmark")
    assert (tmp_path / "notes").read_text(encoding="utf-8") == held
