"""The validation page: Markdown with its figures, and its record, from which it can be remade."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from heatmat.errors import InputError
from heatmat.validation.outcome import Outcome

FIGURES = "images/validation"
"""Folder of the figures, from the page's: both have a place under docs/."""
RECORD = "validation.json"

INTRODUCTION = """\
# Validation

HeatMat against what no one here wrote: closed forms, other people's engines, and measurements.
Three studies (honest errors, the street's bias, what matters) hold it against itself or against a
slower way of ours, and say so. This page is written by `heatmat validate`, misfits included; what
its tables show was measured by the command, at the commit, that stands under the study. A figure
asked for and not reached says **missed**, with what was learnt.
"""

SOURCES = """\
## To run it again

`pip install "heatmat[validation]"` brings Embree and the engine of EnergyPlus with its weather
files. Two options name what the package cannot carry; a study that lacks its own is left out, and
the page says so.

- `--solweig-python PYTHON`: the interpreter of an environment of its own in which
  `pip install solweig==0.1.0b96` was run.
- `--data DATA`: a folder with
  - `osm_paris/paris_9e10e.osm`: `map.osm` of github.com/MissMwendwa/Paris-Graphical-Analysis at
    e7c22ff5 (OpenStreetMap contributors, ODbL 1.0), 2.3432 to 2.3541 east, 48.8772 to 48.8812
    north
  - `terrain_gothenburg/`: `torgg_dsm.tif`, `torgg_dem.tif`, `torgg_cdsm.tif`, `torgg_lc.tif` and
    the hours of ERA5 out of `GBG_torgg_3006.zip` of
    github.com/Urban-Meteorology-Reading/Urban-Meteorology-Reading.github.io at e34d06d5 (CC0)
  - `twinhouse/o5_exp1.csv.gz`: IEA EBC Annex 58, twin house O5, experiment 1, made of
    `IDEAS/Resources/measurements` of github.com/open-ideas/IDEAS at 272d82ae (BSD-3): seconds of
    the year, temperatures of the west facade, irradiance, longwave, wind and air at 10 min
"""

Record = dict[str, Any]


def write_page(
    folder: Path,
    found: Mapping[str, Record],
    left_out: Mapping[str, str],
    run: Record,
    *,
    earlier: Path | None = None,
    order: Sequence[str] = (),
) -> Path:
    """Write `validation.md`, its figures and `validation.json` into a folder.

    Parameters
    ----------
    folder : Path
        Exists.
    found : mapping
        Study name to its record, as from `study_record` with the figures of this folder.
    left_out : mapping
        Study name to why it did not run.
    run : dict
        Versions, device, command, seconds and cpu_seconds.
    earlier : Path, optional
        Folder of an earlier run: studies that were not found now are taken from there.
    order : sequence of str
        Names of all studies as the page is to have them.

    Returns
    -------
    Path
        Of the page.
    """
    figures = folder / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    studies = dict(found)
    left_out = dict(left_out)
    if earlier is not None:
        for name, record in read_studies(earlier).items():
            if name not in studies:
                studies[name] = record
                left_out.pop(name, None)
                for figure in record["figures"]:
                    shutil.copyfile(earlier / FIGURES / figure["file"], figures / figure["file"])
    studies = {name: studies[name] for name in dict.fromkeys([*order, *studies]) if name in studies}
    parts = [INTRODUCTION, _run_line(run, studies), _summary(studies, left_out)]
    parts += [_section(record) for record in studies.values()]
    parts.append(SOURCES)
    page = folder / "validation.md"
    _replace(page, "\n".join(parts))
    whole = {**run, "studies": studies, "not_run": left_out}
    _replace(folder / RECORD, json.dumps(whole, indent=1, default=_plain) + "\n")
    return page


def read_studies(folder: Path) -> dict[str, Record]:
    """Studies of an earlier run.

    Raises
    ------
    InputError
        Where the folder holds none.
    """
    path = folder / RECORD
    try:
        studies: dict[str, Record] = json.loads(path.read_text(encoding="utf-8"))["studies"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "no page of an earlier run", where=str(path), got=type(error).__name__,
            remedy="give a folder that heatmat validate wrote",
        ) from error  # fmt: skip
    return studies


def study_record(figures: Path, name: str, outcome: Outcome, run: Record) -> Record:
    """An outcome as plain numbers and texts; its figures are drawn into a folder."""
    figures.mkdir(parents=True, exist_ok=True)
    drawn = []
    for i, (caption, figure) in enumerate(outcome.figures):
        path = figures / f"{name}-{i + 1}.png"
        figure.savefig(path, dpi=90, bbox_inches="tight", metadata={"Software": None})
        with Image.open(path) as drawing:  # 256 colours: a third of the size, and no less to see
            small = drawing.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        drawn.append({"caption": caption, "file": path.name})
    record = {
        "title": outcome.title,
        "against": outcome.against,
        "proves": outcome.proves,
        "does_not_prove": outcome.does_not_prove,
        "checks": [
            {**vars(check), "value": float(check.value), "holds": bool(check.holds)}
            for check in outcome.checks
        ],
        "notes": outcome.notes,
        "tables": {caption: table.to_dict("records") for caption, table in outcome.tables},
        "figures": drawn,
        "seconds": round(outcome.seconds, 1),
        "cpu_seconds": round(outcome.cpu_seconds, 1),
        "commit": run["commit"],
        "command": run["command"],
    }
    # What is written and what is read are the same.
    plain: Record = json.loads(json.dumps(record, default=_plain))
    return plain


def _run_line(run: Record, studies: Mapping[str, Record]) -> str:
    cpu = sum(record["cpu_seconds"] for record in studies.values()) / 60.0
    clock = sum(record["seconds"] for record in studies.values()) / 60.0
    return (
        f"Run on {run['machine']}, HeatMat {run['versions']['heatmat']}: {cpu:.0f} minutes of CPU"
        f" time, and {clock:.0f} minutes by the clock on a machine that may have had other work."
        " Under each study stands the command that made it.\n"
    )


def _summary(studies: Mapping[str, Record], left_out: Mapping[str, str]) -> str:
    lines = ["| study | against | figures reached | CPU time |", "|---|---|---|---|"]
    for record in studies.values():
        checks = record["checks"]
        reached = f"{sum(check['holds'] for check in checks)} of {len(checks)}" if checks else "-"
        title = record["title"]
        lines.append(
            f"| [{title}](#{_anchor(title)}) | {record['against']} | {reached}"
            f" | {record['cpu_seconds']:.0f} s |"
        )
    lines += [f"| {name} | not run: {why} | - | - |" for name, why in left_out.items()]
    return "\n".join(lines) + "\n"


def _section(record: Record) -> str:
    lines = [
        f"## {record['title']}",
        "",
        f"**Against** {record['against']}.",
        f"**Proves:** {record['proves']}",
        f"**Does not prove:** {record['does_not_prove']}",
        "",
    ]
    if record["checks"]:
        lines += ["| figure | found | asked for | |", "|---|---|---|---|"]
        lines += [_check_row(check) for check in record["checks"]]
        lines.append("")
    lines += [f"{paragraph}\n" for paragraph in record["notes"]]
    for caption, rows in record["tables"].items():
        lines += [f"*{caption}*", "", _table(rows), ""]
    for figure in record["figures"]:
        caption = figure["caption"]
        lines += [f"![{caption}]({FIGURES}/{figure['file']})", "", f"*{caption}*", ""]
    lines.append(
        f"`{record['command']}` at commit {record['commit']}:"
        f" {record['cpu_seconds']:.0f} s of CPU time.\n"
    )
    return "\n".join(lines)


def _check_row(check: Record) -> str:
    sign = "at least" if check["at_least"] else "at most"
    word = "reached" if check["holds"] else f"**missed** {check['note']}".strip()
    unit = f" {check['unit']}" if check["unit"] else ""
    asked = f"{sign} {number(check['limit'])}{unit}"
    return f"| {check['what']} | {number(check['value'])}{unit} | {asked} | {word} |"


def number(value: float) -> str:
    """Three significant digits, and no exponent for the sizes that occur here."""
    if not math.isfinite(value):
        return str(value)
    if value == 0.0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}" if digits < 8 else f"{value:.2e}"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    def cell(value: object) -> str:
        return number(value) if isinstance(value, float) else str(value)

    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell(row[c]) for c in columns) + " |" for row in rows]
    return "\n".join(lines)


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's, for JSON."""
    return value.item()
