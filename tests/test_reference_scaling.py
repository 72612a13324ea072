"""The study of size and resolution: its order, its files and its tables.

What it measures is the comparison's own machinery (tests/test_reference_benchmark.py); a run of it
takes minutes, so here the measuring stands in.
"""

from __future__ import annotations

from typing import Any

import pytest

from heatmat import reference_scaling
from heatmat.city import City
from heatmat.reference_scaling import Effort, districts, scaling
from heatmat.reference_scaling_report import draw_scaling, scaling_tables

TINY = Effort(numbers=(1, 3), cells=(1.0, 2.0), cuts=(0, 1))


def fake_measure(both: Any, effort: Effort, *, fast: bool = True, slow: bool = True) -> Any:
    number = len(both.scene.city.buildings)
    record: dict[str, Any] = {"buildings": number}
    if fast:
        record |= {"cell_m": both.cell, "setup_seconds_2_5d": 0.1 * number,
                   "probe_seconds_2_5d": [2e-3, None],
                   "temperature_c": [30.0, 31.0 + 0.01 * both.cell]}  # fmt: skip
    if slow:
        scene = reference_scaling._Cut("", both.scene.city, both.scene.probes, both.cuts)
        mesh = scene.mesh((450_000.0, 5_410_000.0))
        record |= {"triangles": len(mesh.faces), "setup_seconds_3d": 0.05,
                   "probe_seconds_3d": [0.5, 4.0],
                   "seconds_a_path_3d": 9e-6, "temperature_3d_c": [30.0, 31.0]}  # fmt: skip
    return record | reference_scaling._means(record)


def test_the_study_and_its_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(reference_scaling._Both, "measure", fake_measure)
    stages: list[str] = []
    found = scaling(effort=TINY, progress=lambda stage, *_: stages.append(stage))
    assert stages == ["1 buildings", "3 buildings", "cells of 1 m", "cells of 2 m",
                      "triangles cut 0 times", "triangles cut 1 times", "scaling"]  # fmt: skip
    assert [r["buildings"] for r in found["buildings"]] == [1, 3]
    one, two, whole, cut = found["resolution"]
    assert (one["cell_m"], two["cell_m"]) == (1.0, 2.0)
    assert cut["triangles"] == 4 * whole["triangles"]
    # A probe that 2.5D did not bring to the error counts on neither side.
    assert found["buildings"][0]["probes_left_out"] == 1
    assert found["buildings"][0]["seconds_3d"] == 0.5
    assert whole["seconds_3d"] == 2.25
    tables = scaling_tables(found)
    assert "| 3 | " in tables["scaling"] and "| 250 |" in tables["scaling"]
    assert "| 2.5D, cells of 2 m | 0.30 | 2.00 | 0.010 |" in tables["resolution"]
    assert draw_scaling(found, tmp_path).stat().st_size > 1000


def test_the_file_holds_the_scenes_city(tmp_path):
    (scene,) = districts((3,))
    table = reference_scaling._Both(scene, "cpu", 0, cell=2.0)._table(str(tmp_path))
    scenario = scene.scenario(city=table)
    assert scenario.resolution_m == 2.0
    city = City.from_file(
        table["buildings"], extent=table["extent"], crs=table["crs"], margin=table["margin_m"]
    )
    assert city.extent == pytest.approx(scene.city.extent)
    assert city.buildings["height"].tolist() == scene.city.buildings["height"].tolist()
    assert city.buildings.area.tolist() == pytest.approx(scene.city.buildings.area.tolist())
