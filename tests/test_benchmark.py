"""The figures of a benchmark: which there are, and that they can be figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from heatmat.benchmark import Effort, run_benchmark
from heatmat.day_benchmark import as_text
from heatmat.errors import InputError
from tests.block_city import block
from tests.conftest import ROOT

KEYS = {
    "device": str,
    "versions": dict,
    "commit": str,
    "rays_per_second": float,
    "queries_per_second": float,
    "seconds_to_100_mk": float,
    "peak_memory_bytes": int,
    "compile_seconds": float,
    "cases": list,
    "matrix": list,
    "roofline": dict,
    "field_map": dict,
}
CASE_KEYS = {
    "name": str,
    "pixels": int,
    "points": int,
    "repeats": int,
    "median_s": float,
    "min_s": float,
    "rays": int,
    "peak_memory_bytes": int,
}
LITTLE = Effort(
    single=1,
    batch=4,
    repeats=1,
    map_seconds=0.01,
    view_points=16,
    rays=64,
    embree=False,
    day_side=20.0,
)


def test_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which figures there are is tested, not how good: half a kelvin is enough.
    monkeypatch.setattr("heatmat.benchmark.TARGET", 0.5)
    path = tmp_path / "case.npz"
    block().case.save(path)
    stages = []
    figures = run_benchmark(
        path, device="cpu", effort=LITTLE, progress=lambda stage, *_: stages.append(stage)
    )
    assert {name: type(value) for name, value in figures.items()} == KEYS
    assert json.loads(json.dumps(figures)) == figures
    positive = ("rays_per_second", "queries_per_second", "seconds_to_100_mk", "peak_memory_bytes")
    assert all(figures[name] > 0 for name in positive)
    assert figures["compile_seconds"] >= 0.0
    assert figures["device"] == "cpu" and {"heatmat", "numpy", "taichi"} <= set(figures["versions"])
    names = []
    for case in figures["cases"]:
        assert {name: type(value) for name, value in case.items()} == CASE_KEYS
        assert 0.0 < case["min_s"] <= case["median_s"]
        assert case["repeats"] >= 1 and case["points"] >= 1 and case["rays"] >= 1
        names.append(case["name"])
    assert "one wall point to 0.1 K" in names and "one ground point to 0.1 K" in names
    maps = [case for case in figures["cases"] if case["pixels"]]
    assert maps and all(case["name"].startswith("map at ") for case in maps)
    assert "compile" in stages and stages[-1] == "benchmark"
    day = figures["field_map"]
    assert day["pixels"] == 400 and day["hours"] == 24 and day["texels"] > 100
    assert set(day["seconds"]) == set(day["cpu_seconds"]) == {"set_up", "march", "pixels"}
    assert 0.0 < day["standard_error_k"] < day["standard_error_p95_k"] < 1.0
    assert 0 < day["peak_memory_bytes"] <= figures["peak_memory_bytes"]
    assert "400 pixels of 1 m, 24 hours" in as_text(day)


def test_a_case_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        run_benchmark(tmp_path / "missing.npz")


def test_runs_where_only_numpy_and_taichi_are_installed(tmp_path: Path) -> None:
    path = tmp_path / "case.npz"
    block().case.save(path)
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"geopandas", "shapely", "rasterio", "pyproj", "pandas", "pvlib",
                                  "pydantic", "xarray", "scipy", "matplotlib", "osmnx", "zarr"}:
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Absent())
import heatmat.benchmark as b
b.TARGET = 0.5
effort = b.Effort(single=1, batch=2, repeats=1, map_seconds=0.01, view_points=8, rays=64,
                  embree=False, day_side=10.0)
print(len(b.run_benchmark(sys.argv[1], device="cpu", effort=effort)["cases"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True, text=True, cwd=ROOT, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 6
