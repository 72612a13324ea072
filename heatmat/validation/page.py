"""The validation page: Markdown with its figures, and the same numbers as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.validation.outcome import Check, Outcome

if TYPE_CHECKING:
    import pandas as pd

FIGURES = "images/validation"
"""Folder of the figures, from the page's: both have a place under docs/."""

INTRODUCTION = """\
# Validation

HeatMat against what no one here wrote: closed forms, other people's engines, and measurements.
This page is written by `heatmat validate`, misfits included; every number on it was measured in
that run. A figure asked for and not reached says **missed**, with what was learnt.
"""


def write_page(
    folder: Path, outcomes: Mapping[str, Outcome], left_out: Mapping[str, str], run: dict[str, Any]
) -> Path:
    """Write `validation.md`, its figures and `validation.json` into a folder.

    Parameters
    ----------
    folder : Path
        Exists.
    outcomes : mapping
        Study name to its outcome, in the order of the page.
    left_out : mapping
        Study name to why it did not run.
    run : dict
        Versions, device, command and seconds.

    Returns
    -------
    Path
        Of the page.
    """
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION, _run_line(run), _summary(outcomes, left_out)]
    for name, outcome in outcomes.items():
        parts.append(_section(folder, name, outcome))
    page = folder / "validation.md"
    _replace(page, "\n".join(parts))
    _replace(
        folder / "validation.json",
        json.dumps(_record(outcomes, left_out, run), indent=1, default=_plain) + "\n",
    )
    return page


def _run_line(run: dict[str, Any]) -> str:
    return (
        f"Run with `{run['command']}` on {run['machine']}, HeatMat {run['versions']['heatmat']}"
        f" (commit {run['commit']}), in {run['seconds'] / 60.0:.0f} minutes by the clock and"
        f" {run['cpu_seconds'] / 60.0:.0f} minutes of CPU time.\n"
    )


def _summary(outcomes: Mapping[str, Outcome], left_out: Mapping[str, str]) -> str:
    lines = ["| study | against | figures reached | CPU time |", "|---|---|---|---|"]
    for outcome in outcomes.values():
        reached = f"{len(outcome.checks) - len(outcome.missed)} of {len(outcome.checks)}"
        lines.append(
            f"| [{outcome.title}](#{_anchor(outcome.title)}) | {outcome.against} | {reached}"
            f" | {outcome.cpu_seconds:.0f} s |"
        )
    lines += [f"| {name} | not run: {why} | - | - |" for name, why in left_out.items()]
    return "\n".join(lines) + "\n"


def _section(folder: Path, name: str, outcome: Outcome) -> str:
    lines = [
        f"## {outcome.title}",
        "",
        f"**Against** {outcome.against}.",
        f"**Proves:** {outcome.proves}",
        f"**Does not prove:** {outcome.does_not_prove}",
        "",
    ]
    if outcome.checks:
        lines += ["| figure | found | asked for | |", "|---|---|---|---|"]
        lines += [_check_row(check) for check in outcome.checks]
        lines.append("")
    lines += [f"{paragraph}\n" for paragraph in outcome.notes]
    for caption, table in outcome.tables:
        lines += [f"*{caption}*", "", _table(table), ""]
    for i, (caption, figure) in enumerate(outcome.figures):
        path = folder / FIGURES / f"{name}-{i + 1}.png"
        figure.savefig(path, dpi=90, bbox_inches="tight", metadata={"Software": None})
        lines += [f"![{caption}]({FIGURES}/{path.name})", "", f"*{caption}*", ""]
    return "\n".join(lines)


def _check_row(check: Check) -> str:
    sign = "at least" if check.at_least else "at most"
    word = "reached" if check.holds else f"**missed** {check.note}".strip()
    unit = f" {check.unit}" if check.unit else ""
    asked = f"{sign} {number(check.limit)}{unit}"
    return f"| {check.what} | {number(check.value)}{unit} | {asked} | {word} |"


def number(value: float) -> str:
    """Three significant digits, and no exponent for the sizes that occur here."""
    if not math.isfinite(value):
        return str(value)
    if value == 0.0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits < 8 else f"{value:.2e}"


def _table(table: pd.DataFrame) -> str:
    def cell(value: object) -> str:
        return number(value) if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += [
        "| " + " | ".join(cell(v) for v in row) + " |" for row in table.itertuples(index=False)
    ]
    return "\n".join(lines)


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _record(
    outcomes: Mapping[str, Outcome], left_out: Mapping[str, str], run: dict[str, Any]
) -> dict[str, Any]:
    studies = {
        name: {
            "title": outcome.title,
            "seconds": round(outcome.seconds, 1),
            "cpu_seconds": round(outcome.cpu_seconds, 1),
            "checks": [
                {**vars(check), "value": float(check.value), "holds": bool(check.holds)}
                for check in outcome.checks
            ],
            "tables": {caption: table.to_dict("records") for caption, table in outcome.tables},
        }
        for name, outcome in outcomes.items()
    }
    return {**run, "studies": studies, "not_run": dict(left_out)}


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's, for JSON."""
    return value.item()
