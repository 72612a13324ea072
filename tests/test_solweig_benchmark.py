"""The timing beside solweig: what it is asked, and what is made of its answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heatmat import solweig_benchmark
from heatmat.errors import InputError
from tests.validation.test_city_day import courtyard

CHILD = """
import json, sys
import numpy as np
with np.load(sys.argv[1]) as data:
    assert data["heights"].shape == (12, 12) and data["cell"] == 1.0
    assert len(data["time"]) == len(data["ghi"]) == 24
    assert abs(data["air_c"] - 20.0).max() < 30.0
json.dump({"version": "0", "set_up_cpu_s": 2.0, "set_up_wall_s": 2.0, "loop_cpu_s": 3.0,
           "loop_wall_s": 3.0}, open(sys.argv[2], "w"))
"""


def test_ratios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    monkeypatch.setattr(solweig_benchmark, "CHILD", child)
    monkeypatch.setattr(
        solweig_benchmark, "_heatmat", lambda case, side: {"set_up": 1.0, "loop": 1.5, "hours": 24}
    )
    found = solweig_benchmark.beside_solweig(courtyard(), sys.executable, sides=(12, 5000))
    (row,) = found["rows"]
    assert row["pixels"] == 12
    assert row["ratio_loop"] == 2.0
    assert row["ratio_whole"] == 2.0
    assert row["solweig_ns_per_pixel_hour"] == pytest.approx(3.0 / (144 * 24) * 1e9)


def test_an_interpreter_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no Python to run solweig"):
        solweig_benchmark.beside_solweig(courtyard(), tmp_path / "none", sides=(12,))
    child = tmp_path / "child.py"
    child.write_text("raise SystemExit('no solweig here')")
    monkeypatch.setattr(solweig_benchmark, "CHILD", child)
    with pytest.raises(InputError, match="no solweig here"):
        solweig_benchmark.beside_solweig(courtyard(), sys.executable, sides=(12,))
