"""The output folder: same inputs resume, other inputs are refused by name, files appear whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatmat.errors import OutputError
from heatmat.run_record import first_difference, run_inputs, sha256_of
from heatmat.rundir import RunDirectory, is_stream, open_output


def inputs(folder: Path, *, albedo: float = 0.1, seed: int = 0, data: str = "1") -> dict[str, Any]:
    source = folder / "input.txt"
    source.write_text(data)
    scenario = {"city": {"buildings": str(source), "extent": [0, 1]}, "x": {"albedo": albedo}}
    return run_inputs("run", scenario, {"city.buildings": source}, {"seed": seed})


def finish(out: Path, asked: dict[str, Any]) -> None:
    with RunDirectory.open(out, asked) as folder:
        with folder.write("a.txt") as path:
            path.write_text("a")
        with folder.write("b.zarr") as path:
            path.mkdir()
            (path / "part").write_text("b")
        folder.finish(seconds={"total": 1.0}, warnings=["w"], device="cpu", seed=0)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_new_run(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    finish(out, inputs(tmp_path))
    assert names(out) == ["a.txt", "b.zarr", "run.json"]
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["outputs"] == ["a.txt", "b.zarr"]
    assert record["inputs"]["city.buildings"]["sha256"] == sha256_of(tmp_path / "input.txt")
    assert record["scenario"]["x"] == {"albedo": 0.1}
    assert record["options"] == {"seed": 0}
    assert record["warnings"] == ["w"]
    assert record["versions"]["numpy"] == np.__version__
    assert record["seconds"] == {"total": 1.0}


def test_the_same_inputs_are_complete(tmp_path: Path) -> None:
    finish(tmp_path / "out", inputs(tmp_path))
    with RunDirectory.open(tmp_path / "out", inputs(tmp_path)) as folder:
        assert folder.complete
        assert not folder.resumed
    assert names(tmp_path / "out") == ["a.txt", "b.zarr", "run.json"]


def test_a_missing_output_is_made_again(tmp_path: Path) -> None:
    finish(tmp_path / "out", inputs(tmp_path))
    (tmp_path / "out" / "a.txt").unlink()
    with RunDirectory.open(tmp_path / "out", inputs(tmp_path)) as folder:
        assert folder.resumed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"albedo": 0.2}, "x.albedo was 0.1, is 0.2"),
        ({"seed": 7}, "seed was 0, is 7"),
        ({"data": "2"}, "city.buildings (sha256) was "),
    ],
)
def test_other_inputs_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    finish(tmp_path / "out", inputs(tmp_path))
    before = (tmp_path / "out" / "run.json").read_text()
    with pytest.raises(OutputError) as caught:
        RunDirectory.open(tmp_path / "out", inputs(tmp_path, **change))
    assert expected in str(caught.value)
    assert "--overwrite" in str(caught.value)
    assert (tmp_path / "out" / "run.json").read_text() == before
    assert names(tmp_path / "out") == ["a.txt", "b.zarr", "run.json"]


def test_where_the_inputs_lie_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert first_difference(inputs(tmp_path / "one"), inputs(tmp_path / "two")) == ""


def test_overwrite_replaces_what_the_record_lists_and_no_more(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(out, inputs(tmp_path))
    (out / "notes.txt").write_text("mine")
    with RunDirectory.open(out, inputs(tmp_path, albedo=0.2), overwrite=True) as folder:
        assert not folder.complete
        assert not (out / "a.txt").exists()
        assert not (out / "b.zarr").exists()
        folder.finish(seconds=0.0, warnings=[])
    assert names(out) == ["notes.txt", "run.json"]


def test_overwrite_never_leaves_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(out, inputs(tmp_path))
    (tmp_path / "precious").write_text("x")
    (tmp_path / "kept").mkdir()
    (out / "link").symlink_to(tmp_path / "kept")
    (out / "link" / "file").write_text("x")
    record = json.loads((out / "run.json").read_text())
    record["outputs"] += ["../precious", str(tmp_path / "precious"), "..", ".", "", "link/file"]
    (out / "run.json").write_text(json.dumps(record))
    with RunDirectory.open(out, inputs(tmp_path, albedo=0.2), overwrite=True):
        pass
    assert (tmp_path / "precious").exists()
    assert (tmp_path / "kept" / "file").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("x")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is not empty and holds no run.json"):
            RunDirectory.open(tmp_path / "out", inputs(tmp_path), overwrite=overwrite)
    assert names(tmp_path / "out") == ["thesis.tex"]


def test_a_file_and_a_strange_record(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        RunDirectory.open(tmp_path / "file", inputs(tmp_path))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text('{"a": 1}')
    with pytest.raises(OutputError, match=r"run\.json: is not a record of a run"):
        RunDirectory.open(tmp_path / "out", inputs(tmp_path))


def test_an_interrupted_run_goes_on_from_its_tiles(tmp_path: Path) -> None:
    out = tmp_path / "out"
    tile = {"t": np.arange(6.0).reshape(2, 3)}
    with pytest.raises(KeyboardInterrupt), RunDirectory.open(out, inputs(tmp_path)) as folder:
        folder.save_tile("0/1", tile)
        raise KeyboardInterrupt
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    with RunDirectory.open(out, inputs(tmp_path)) as folder:
        assert folder.resumed
        kept = folder.load_tile("0/1")
        assert kept is not None
        np.testing.assert_array_equal(kept["t"], tile["t"])
        assert folder.load_tile("0/2") is None
        folder.finish(seconds=0.0, warnings=[])
    assert names(out) == ["run.json"]


def test_tiles_of_other_inputs_and_broken_ones_are_not_taken_up(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with RunDirectory.open(out, inputs(tmp_path)) as folder:
        folder.save_tile("k", {"t": np.ones(1)})
    with RunDirectory.open(out, inputs(tmp_path, albedo=0.2), overwrite=True) as folder:
        assert folder.load_tile("k") is None
        folder.save_tile("k", {"t": np.ones(1)})
        next(out.glob(".partial/*.npz")).write_bytes(b"PK\x03\x04broken")
        assert folder.load_tile("k") is None


def test_nothing_half_written_stands_under_a_final_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(out, inputs(tmp_path))
    with RunDirectory.open(out, inputs(tmp_path), overwrite=True) as folder:
        with pytest.raises(ZeroDivisionError), folder.write("c.txt") as path:
            path.write_text("half")
            raise ZeroDivisionError
        assert not (out / "c.txt").exists()
        assert not list(out.glob(".partial-*"))


def test_leftovers_of_a_killed_run_are_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with RunDirectory.open(out, inputs(tmp_path)):
        (out / ".partial-99-result.zarr").mkdir()
    with RunDirectory.open(out, inputs(tmp_path)) as folder:
        assert folder.resumed
        assert not (out / ".partial-99-result.zarr").exists()


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with (
        RunDirectory.open(tmp_path / "out", inputs(tmp_path)),
        pytest.raises(OutputError, match="another process is writing"),
    ):
        RunDirectory.open(tmp_path / "out", inputs(tmp_path))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        RunDirectory.open(tmp_path / "file" / "out", inputs(tmp_path))


def test_shapefile_companions_and_folders_count(tmp_path: Path) -> None:
    for suffix in (".shp", ".dbf"):
        (tmp_path / f"b{suffix}").write_text("1")
    before, whole = sha256_of(tmp_path / "b.shp"), sha256_of(tmp_path)
    (tmp_path / "b.dbf").write_text("2")
    assert sha256_of(tmp_path / "b.shp") != before
    assert sha256_of(tmp_path) != whole


def test_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_stream("-")
    assert is_stream("/dev/stdout")
    assert is_stream("/dev/null")
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "new.csv")
    with open_output("-") as stream:
        stream.write("x")
    assert capsys.readouterr().out == "x"
