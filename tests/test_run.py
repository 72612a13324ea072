"""run, check, compare, prepare and query on a block of two houses, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatmat import cli
from heatmat.map_query import Walls
from heatmat.run_record import run_inputs
from heatmat.rundir import RunDirectory

SCENARIO = """
[city]
buildings = "houses.geojson"
crs = "EPSG:32631"
extent = [449990, 5409990, 450050, 5410030]
margin_m = 10
resolution_m = 2
[weather]
clear_sky = { date = "2023-07-14", tmax_c = 30, tmin_c = 18, utc_offset_h = 1 }
[time]
start = "2023-07-14T10:00"
end = "2023-07-14T14:00"
step_min = 60
spin_up_days = 1
"""
COOL = """
extends = "s.toml"
[[interventions]]
name = "cool"
where = { surface = "roof" }
set = { albedo = 0.8 }
"""
FILES = {
    "buildings.csv",
    "figures",
    "report.html",
    "result.zarr",
    "run.json",
    "summary.json",
    "surface_temperature.tif",
    "walls.gpkg",
    "walls.parquet",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two scenarios and points."""
    folder = tmp_path_factory.mktemp("place")
    features = []
    for name, x, height in (("one", 450000, 9.0), ("two", 450025, 12.0)):
        south, north = 5410000, 5410015
        ring = [[x, south], [x + 10, south], [x + 10, north], [x, north], [x, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        properties = {"id": name, "height": height}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    collection = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}},
        "features": features,
    }
    (folder / "houses.geojson").write_text(json.dumps(collection))
    (folder / "s.toml").write_text(SCENARIO)
    (folder / "cool.toml").write_text(COOL)
    (folder / "p.csv").write_text(
        "id,surface,x,y,z\nroof,roof,450005,5410007,\nstreet,ground,450017,5410007,\n"
        "east,wall,450010,5410007,4\n"
    )
    return folder


def run(place: Path, out: str, *more: str, scenario: str = "s.toml") -> int:
    return cli.main(
        ["run", str(place / scenario), "--out", str(place / out), "--resolution", "4", "-q", *more]
    )


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pictures: `finished` has them, and they take most of a small run's time."""
    monkeypatch.setattr("heatmat.output.run_files.RunFiles._figures", lambda self: [])


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    assert run(place, "finished") == 0
    return place / "finished"


def test_everything_is_there_and_said(finished: Path) -> None:
    assert {p.name for p in finished.iterdir()} == FILES
    record = json.loads((finished / "run.json").read_text())
    assert record["status"] == "complete"
    assert all((finished / name).exists() for name in record["outputs"])
    assert set(record["inputs"]) == {"scenario", "city.buildings"}
    assert record["device"] in ("cpu", "cuda", "metal")
    assert {"set-up", "maps", "walls", "writing", "total"} <= set(record["seconds"])
    assert record["scenario"]["time"]["end"] == "2023-07-14T14:00"


def test_again_is_complete(
    place: Path, finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a complete run was simulated again")

    monkeypatch.setattr("heatmat.simulation.Simulation.__init__", never)
    arguments = ["run", str(place / "s.toml"), "--out", str(finished), "--resolution", "4"]
    assert cli.main(arguments) == 0
    captured = capsys.readouterr()
    assert "complete already" in captured.err
    assert captured.out == ""


def test_other_inputs_are_refused(
    place: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(place, "finished", "--seed", "5") == 2
    assert "seed was 0, is 5" in capsys.readouterr().err
    assert run(place, "finished", scenario="cool.toml") == 2
    assert "interventions" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_and_gives_the_same(
    place: Path, finished: Path, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after the maps; the second attempt takes the tiles and solves none of them."""
    import xarray as xr

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("heatmat.output.write_run_outputs", interrupt)
        assert run(place, "broken") == 130
    out = place / "broken"
    assert {p.name for p in out.iterdir()} == {"run.json", ".partial"}
    assert json.loads((out / "run.json").read_text())["status"] == "running"

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a finished tile was solved again")

    with monkeypatch.context() as patch:
        patch.setattr("heatmat.map_query.average", never)
        assert run(place, "broken") == 0
    assert {p.name for p in out.iterdir()} == FILES - {"figures"}
    name = "surface_temperature"
    again, before = (xr.open_zarr(p / "result.zarr")[name].values for p in (out, finished))
    np.testing.assert_array_equal(again, before)


def test_degraded_is_3_and_stays_3(
    place: Path, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walls(self: Any, *_: object) -> Walls:
        self.degraded = True
        self.warnings.append("a tile failed")
        return original(self)

    from heatmat.simulation import Simulation

    original = Simulation.walls
    with monkeypatch.context() as patch:
        patch.setattr(Simulation, "walls", walls)
        assert run(place, "degraded") == 3
    record = json.loads((place / "degraded" / "run.json").read_text())
    assert record["status"] == "degraded"
    assert record["warnings"] == ["a tile failed"]
    assert run(place, "degraded") == 3


def test_compare(place: Path) -> None:
    import rasterio

    arguments = [str(place / "s.toml"), str(place / "cool.toml"), "--out", str(place / "change")]
    assert cli.main(["compare", *arguments, "--resolution", "4", "-q"]) == 0
    summary = json.loads((place / "change" / "summary.json").read_text())
    assert summary["touched_m2"]["b"]["cool"]["roof"] == pytest.approx(300.0, rel=1e-4)
    # White for black at noon in July: tens of kelvin on the roofs.
    assert summary["roof_temperature"]["mean_k"] < -10.0
    with rasterio.open(place / "change" / "surface_temperature_difference.tif") as tif:
        assert tif.count == 4
        assert np.nanmin(tif.read(2)) < -10.0
    record = json.loads((place / "change" / "run.json").read_text())
    assert {"a.scenario", "b.scenario", "b.scenario[2]"} <= set(record["inputs"])


VARY = """
[[axis]]
name = "roof"
where = { surface = "roof" }
construction = ["no_such_roof"]
"""
REFUSED = {
    "compare": (["s.toml", "small.toml"], "city.extent: the two scenarios differ"),
    "sweep": (["s.toml", "--vary", "vary.toml"], "no_such_roof"),
    "attribute": (["s.toml", "--groups", "groups.toml"], "no_such_roof"),
    "sensitivity": (["s.toml", "--property", "albeedo"], "albeedo"),
    "search": (["s.toml", "--budget", "0.01"], "nothing within the budget"),
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_is_refused_leaves_the_folder_as_it_was(
    place: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (place / "small.toml").write_text(SCENARIO.replace("450050", "450042"))
    (place / "vary.toml").write_text(VARY)
    (place / "groups.toml").write_text('[groups]\nroofs = ["no_such_roof"]\n')
    arguments, message = REFUSED[command]
    arguments = [str(place / a) if a.endswith(".toml") else a for a in arguments]
    new, old = place / f"new-{command}", place / f"old-{command}"
    with RunDirectory.open(old, run_inputs("run", {}, {}, {})) as folder:
        folder.file("a.txt").write_text("a")
        folder.finish(seconds={}, warnings=[])
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    assert len(before) == 2
    for out in (["--out", str(new)], ["--out", str(old), "--overwrite"]):
        assert cli.main([command, *arguments, *out, "-q"]) == 2
        assert message in capsys.readouterr().err
    assert not new.exists()
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_check_prints_findings_and_writes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(p.name for p in place.iterdir())
    assert cli.main(["check", str(place / "s.toml"), "-q"]) == 0
    findings = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert findings["city"].startswith("2 buildings (0 without a height, filled), 60 x 40 m")
    assert findings["grid"] == "40 x 30 cells of 2 m"
    assert findings["window"].endswith("4 times")
    assert "GiB" in findings["memory"]
    assert "finest that fits" in findings["resolution"]
    assert sorted(p.name for p in place.iterdir()) == before


def test_check_refuses_what_would_not_fit(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heatmat.commands.checking.available_memory", lambda: 1 << 20)
    assert cli.main(["check", str(place / "s.toml"), "-q"]) == 2
    line = capsys.readouterr().err
    assert "a run would not fit into memory" in line
    assert "s.toml: city.resolution_m" in line


def test_query_and_a_target_out_of_reach(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["query", str(place / "s.toml"), "--points", str(place / "p.csv")]
    assert cli.main([*arguments, "--out", "-", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 3 * 4
    assert [line.split(",")[0] for line in lines[1::4]] == ["roof", "street", "east"]
    arguments += ["--out", str(place / "t.csv"), "--target-error", "0.0001", "--max-rays", "8"]
    assert cli.main(arguments) == 3
    assert "have not reached 0.0001 K" in capsys.readouterr().err
    assert cli.main([*arguments, "-q"]) == 3


def test_prepare_leaves_a_case(place: Path) -> None:
    from heatmat.case import Case

    out = place / "case.npz"
    assert cli.main(["prepare", str(place / "cool.toml"), "--out", str(out), "-q"]) == 0
    case = Case.load(out)
    assert "bitumen_roof+cool" in case.constructions.names
    assert cli.main(["prepare", str(place / "cool.toml"), "--out", str(out), "-q"]) == 0
    assert cli.main(["prepare", str(place / "s.toml"), "--out", str(out), "-q"]) == 2
