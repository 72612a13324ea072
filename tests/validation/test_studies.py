"""The validation page and its studies: what is missed is said, what cannot run is named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from heatmat.cli import main
from heatmat.errors import InputError
from heatmat.validation import studies
from heatmat.validation.energyplus_compare import (
    DAYS,
    INCIDENT_DAYS,
    MATCHED,
    OUTPUTS,
    choose_days,
    from_the_weather_file,
    run_engine,
    study_boxes,
    wall_law_alone,
)
from heatmat.validation.energyplus_engine import weather_file
from heatmat.validation.energyplus_model import Model
from heatmat.validation.outcome import Check, Outcome, Setting, largest, least
from heatmat.validation.page import number, study_record, write_page
from heatmat.validation.radiation import courtyard_view, street_view

RUN = {
    "command": "heatmat validate", "machine": "a machine", "commit": "abc",
    "versions": {"heatmat": "1"}, "seconds": 60.0, "cpu_seconds": 90.0,
}  # fmt: skip


def outcome() -> Outcome:
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1])
    return Outcome(
        title="A slab",
        against="a closed form",
        proves="little.",
        does_not_prove="much.",
        checks=[
            Check("RMSE", 0.01, 0.02),
            Check("bias", 0.6, 0.5, note="too warm"),
            Check("skill", float("nan"), 0.85, unit="", at_least=True),
        ],
        tables=[("Numbers", pd.DataFrame({"name": ["a"], "error [K]": [0.01234]}))],
        figures=[("A line", figure)],
    )


def written(
    folder: Path,
    found: dict[str, Outcome],
    left_out: dict[str, str],
    run: dict[str, Any] = RUN,
    **more: Any,
) -> str:
    """The page of these outcomes."""
    figures = folder / "images" / "validation"
    records = {name: study_record(figures, name, o, run) for name, o in found.items()}
    return write_page(folder, records, left_out, run, **more).read_text()


def test_what_is_not_a_number_is_never_the_largest() -> None:
    """pandas and `max` of Python leave NaN out; a figure with one is not reached."""
    found = pd.Series([0.001, np.nan, 0.002])
    assert not Check("off", largest(found), 0.02).holds
    assert not Check("order", least(found), 0.0, at_least=True).holds
    assert largest(found.dropna()) == 0.002 and least(found.dropna()) == 0.001


def test_the_page_shows_misfits_and_what_did_not_run(tmp_path: Path) -> None:
    page = written(tmp_path, {"slab": outcome()}, {"engine": "not installed"})
    assert "| RMSE | 0.0100 K | at most 0.0200 K | reached |" in page
    assert "| bias | 0.600 K | at most 0.500 K | **missed** too warm |" in page
    assert "| skill | nan | at least 0.850 | **missed** |" in page  # not a number: never reached
    assert "| engine | not run: not installed | - | - |" in page
    assert "[A slab](#a-slab) | a closed form | 1 of 3 | 0 s |" in page
    assert "| a | 0.0123 |" in page
    assert (tmp_path / "images" / "validation" / "slab-1.png").stat().st_size > 500
    record = json.loads((tmp_path / "validation.json").read_text())
    assert [check["holds"] for check in record["studies"]["slab"]["checks"]] == [True, False, False]


def test_a_page_takes_studies_from_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    written(first, {"slab": outcome(), "other": outcome()}, {})
    changed = dataclasses.replace(outcome(), title="A wall")
    later = {**RUN, "commit": "def"}
    page = written(
        second, {"other": changed}, {"slab": "no"}, later, earlier=first, order=["slab", "other"]
    )
    assert page.index("## A slab") < page.index("## A wall")
    assert page.index("at commit abc: 0 s") < page.index("at commit def: 0 s")
    assert "not run" not in page
    names = ["slab-1.png", "other-1.png"]
    assert all((second / "images" / "validation" / name).exists() for name in names)
    with pytest.raises(InputError, match="no page of an earlier run"):
        write_page(second, {}, {}, RUN, earlier=tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12345.6, "12346"), (1.0, "1.00"), (-0.0246, "-0.0246"), (3e-9, "3.00e-09")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_studies_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such study.*energyplus"):
        studies.check_names(["energy-plus"])
    lacking = studies.Study("energyplus", needs=("no_such_module",))
    homeless = studies.Study("measured_facade", data=("twinhouse",))
    monkeypatch.setattr(studies, "STUDIES", {"a": lacking, "b": homeless})
    kept: list[str] = []
    left_out = studies.run_studies(
        Setting(tmp_path, data=tmp_path), ["a", "b"], lambda name, outcome: kept.append(name)
    )
    assert not kept
    assert "no_such_module is not installed" in left_out["a"]
    assert "twinhouse" in left_out["b"]


def test_the_command_refuses_an_unknown_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "--out", str(tmp_path / "v"), "--only", "x"]) == 2
    assert "no such study" in capsys.readouterr().err
    assert not (tmp_path / "v").exists()


def test_an_interrupted_run_goes_on_and_other_code_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, ran = tmp_path / "v", list[str]()

    def study(setting: Setting) -> Outcome:
        name = setting.folder.name
        ran.append(name)
        if name == "street" and ran.count(name) == 1:
            raise KeyboardInterrupt
        return dataclasses.replace(outcome(), title=name)

    for module in ("closed_forms", "street_bias", "what_matters"):
        monkeypatch.setattr(f"heatmat.validation.{module}.study", study)
    command = ["validate", "--out", str(out)]
    for name in ("closed-forms", "street", "what-matters"):
        command += ["--only", name]
    code = iter(["abc", "abc", "abc", "def"])
    monkeypatch.setattr("heatmat.commands.validating._code", lambda: next(code))
    assert main(command) != 0
    assert not (out / "validation.md").exists()
    assert main(command) == 0
    assert ran == ["closed-forms", "street", "street", "what-matters"]
    page = (out / "validation.md").read_text()
    assert page.index("## closed-forms") < page.index("## street") < page.index("## what-matters")
    assert main(command) == 0 and len(ran) == 4
    assert "complete already" in capsys.readouterr().err
    assert main(command) == 2 and len(ran) == 4
    assert "heatmat was abc, is def" in capsys.readouterr().err


def test_one_box_against_the_real_engine(tmp_path: Path) -> None:
    """Its fluxes given, then both from the weather file, on a clear July at Golden."""
    box = next(box for box in study_boxes() if box.name == "solid_brick_dark")
    box = dataclasses.replace(box, centre=(0.0, 0.0))
    days = choose_days("Golden", weather_file("Golden"))[0]
    setting = Setting(tmp_path)
    report = run_engine(setting, days, Model([box], days.period, OUTPUTS), DAYS + INCIDENT_DAYS)
    alone = wall_law_alone(setting, days, [box], report)
    assert np.ptp(alone.theirs) > 30.0
    # 0.01 K is seen, with the engine's own finite differences at steps of a minute
    assert alone.rmse() < 0.03
    matched = from_the_weather_file(
        setting, days, [box], report, MATCHED, label="matched", step_min=5
    )
    # The figure asked for; 0.15 K is seen, most of it the engine's sun, 0.3 degrees off.
    assert matched.rmse() < 0.25
    assert matched.largest(np.ones(5, bool)) < 0.80


def test_view_factors_in_closed_form_at_their_limits() -> None:
    assert street_view(10.0, 1e-6, 0.5) == pytest.approx(1.0, abs=1e-6)
    assert street_view(10.0, 10.0, 0.5) == pytest.approx(1.0 / np.sqrt(5.0))
    assert courtyard_view(10.0, 1e-3, 0.5) == pytest.approx(1.0, abs=1e-6)
    # A deep shaft: area / (pi h^2).
    assert courtyard_view(1.0, 100.0, 0.5) == pytest.approx(1.0 / (np.pi * 1e4), rel=1e-3)
