"""`compare`: two scenarios on one grid, their difference with its error, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.commands.session import DEGRADED, DONE, Session

if TYPE_CHECKING:
    from heatmat.map_comparison import MapDifference
    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation


def compare_into(
    session: Session, a: Scenario, b: Scenario, out: Path, *, resolution: float | None
) -> int:
    """Simulate both, and write B minus A; the exit code."""
    from heatmat.run_record import run_inputs
    from heatmat.rundir import RunDirectory

    files = {
        f"{side}.{name}": path
        for side, scenario in (("a", a), ("b", b))
        for name, path in scenario.input_files().items()
    }
    options = {"seed": session.seed, "resolution_m": resolution}
    resolved = {"a": a.resolved(), "b": b.resolved()}
    inputs = run_inputs("compare", resolved, files, options)
    found = RunDirectory.look(out, inputs, overwrite=session.overwrite)
    if found.complete:
        session.note(f"{out}: complete already, from the same inputs")
        return DEGRADED if found.record.get("status") == "degraded" else DONE
    with session.progress() as report:
        before, after = _sides(session, a, b, report)
        # What is refused is refused above: the folder is as it was.
        with (
            before,
            after,
            RunDirectory.open(out, inputs, overwrite=session.overwrite) as folder,
        ):
            return _compare(session, before, after, folder, resolution)


def _sides(
    session: Session, a: Scenario, b: Scenario, report: Any
) -> tuple[Simulation, Simulation]:
    """Both simulations, which may be compared."""
    from heatmat.comparison import check_comparable
    from heatmat.simulation import Simulation

    with session.timed("set-up"):
        before = Simulation(
            a, device=session.device.value, seed=session.seed, progress=_prefixed(report, "A")
        )
        after = before.beside(b)
        after.progress = _prefixed(report, "B")
        check_comparable(before, after)
    return before, after


def _compare(
    session: Session,
    before: Simulation,
    after: Simulation,
    folder: RunDirectory,
    resolution: float | None,
) -> int:
    from heatmat.map_comparison import compare_maps

    with session.timed("maps"):
        difference = compare_maps(before, after, resolution=resolution, store=folder)
    with session.timed("explanation"):
        difference.explain()
    for side, simulation in (("A", before), ("B", after)):
        for warning in simulation.warnings:
            session.warn(f"{side}: {warning}")
    with session.timed("writing"):
        title = f"{before.scenario.name} and {after.scenario.name}"
        _write(session, folder, difference, title)
    degraded = before.degraded or after.degraded
    folder.finish(
        seconds={**session.seconds, "total": round(session.total_seconds, 3)},
        warnings=session.warnings,
        device=before.device,
        seed=session.seed,
        degraded=degraded,
        touched_m2=difference.touched_m2,
        touched_with_margin_m2=difference.touched_with_margin_m2,
    )
    session.note(f"{folder.path}: done in {session.total_seconds:.0f} s")
    return DEGRADED if degraded else DONE


def _write(session: Session, folder: RunDirectory, difference: MapDifference, title: str) -> None:
    from heatmat.output.comparison_files import write_comparison
    from heatmat.output.comparison_report import settings_that_differ
    from heatmat.run_record import output_errors, versions

    resolved = folder.inputs["scenario"]
    run_info = {
        "inputs": {**folder.inputs, "scenario": {}},
        "versions": versions(),
        "device": difference.before.device,
        "seed": session.seed,
        "seconds": dict(session.seconds),
        "warnings": list(session.warnings),
    }
    with output_errors(folder.path):
        write_comparison(
            folder.path,
            difference,
            title=title,
            explanation=difference.explain(),
            settings=settings_that_differ(resolved["a"], resolved["b"]),
            run_info=run_info,
            city=difference.before.city,
            file=folder.file,
        )


def _prefixed(report: Any, side: str) -> Any:
    def prefixed(stage: str, *amounts: Any) -> None:
        report(f"{side}: {stage}", *amounts)

    return prefixed
