"""What the experiments' commands share: a folder, a simulation, tables, and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.commands.session import DEGRADED, DONE, Session

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation


def study_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    command: str,
    options: Mapping[str, Any],
    files: Mapping[str, Path],
    work: Callable[[Simulation], Callable[[RunDirectory], dict[str, Any]]],
) -> int:
    """Run an experiment into a folder; the exit code.

    Parameters
    ----------
    options : mapping
        Whatever changes the result, besides the seed.
    files : mapping
        Input files besides the scenario's own.
    work : callable
        Computes, and gives what writes; what that returns goes into run.json. The folder is not
        touched before: where it refuses, all stays as it was.
    """
    from heatmat.run_record import run_inputs
    from heatmat.rundir import RunDirectory
    from heatmat.simulation import Simulation

    inputs = run_inputs(
        command,
        scenario.resolved(),
        {**scenario.input_files(), **files},
        {"seed": session.seed, **options},
    )
    found = RunDirectory.look(out, inputs, overwrite=session.overwrite)
    if found.complete:
        session.note(f"{out}: complete already, from the same inputs")
        return DEGRADED if found.record.get("status") == "degraded" else DONE
    with (
        session.progress() as report,
        Simulation(
            scenario, device=session.device.value, seed=session.seed, progress=report
        ) as simulation,
    ):
        with session.timed(command):
            write = work(simulation)
        with RunDirectory.open(out, inputs, overwrite=session.overwrite) as folder:
            with session.timed(command):
                more = write(folder)
            for warning in simulation.warnings:
                session.warn(warning)
            folder.finish(
                seconds={**session.seconds, "total": round(session.total_seconds, 3)},
                warnings=session.warnings,
                device=simulation.device,
                seed=session.seed,
                degraded=simulation.degraded,
                **more,
            )
        code = DEGRADED if simulation.degraded else DONE
    session.note(f"{out}: done in {session.total_seconds:.0f} s")
    return code


def write_table(folder: RunDirectory, name: str, frame: pd.DataFrame) -> None:
    """A CSV file that appears whole."""
    with folder.write(name) as partial:
        frame.to_csv(partial, index=False)


def write_json(folder: RunDirectory, name: str, content: Mapping[str, Any]) -> None:
    """A JSON file that appears whole."""
    with folder.write(name) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_page(
    folder: RunDirectory,
    title: str,
    lead: str,
    sections: Sequence[tuple[str, str]],
    figures: Sequence[tuple[Path, str]],
) -> None:
    """A self-contained HTML page: a lead, figures, then sections of HTML."""
    from heatmat.output.report import escape, image_tag
    from heatmat.output.report_text import STYLE

    body = "".join(f"<h2>{escape(head)}</h2>{html}" for head, html in sections)
    images = "".join(image_tag(path, caption) for path, caption in figures)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · HeatMat</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p>{escape(lead)}</p>{images}{body}</main></body></html>\n"
    )
    with folder.write("report.html") as partial:
        partial.write_text(page, encoding="utf-8")
