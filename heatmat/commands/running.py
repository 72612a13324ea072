"""What `run` and `demo` share: a simulation into an output folder that can be taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heatmat.commands.session import DEGRADED, DONE, Session

if TYPE_CHECKING:
    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario


def run_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    *,
    command: str,
    resolution: float | None,
) -> int:
    """Simulate and write everything `run` writes; the exit code.

    A folder that holds the finished run of the same inputs is left as it is.
    """
    from heatmat.run_record import run_inputs
    from heatmat.rundir import RunDirectory

    options = {"seed": session.seed, "resolution_m": resolution}
    inputs = run_inputs(command, scenario.resolved(), scenario.input_files(), options)
    with RunDirectory.open(out, inputs, overwrite=session.overwrite) as folder:
        if folder.complete:
            session.note(f"{out}: complete already, from the same inputs")
            return DEGRADED if folder.record.get("status") == "degraded" else DONE
        if folder.resumed:
            session.note(f"{out}: going on from an interrupted run")
        return _simulate(session, scenario, folder, resolution)


def _simulate(
    session: Session, scenario: Scenario, folder: RunDirectory, resolution: float | None
) -> int:
    from heatmat.output import write_run_outputs
    from heatmat.simulation import Simulation

    with session.progress() as report:
        with session.timed("set-up"):
            simulation = Simulation(
                scenario, device=session.device.value, seed=session.seed, progress=report
            )
        with simulation:
            with session.timed("maps"):
                maps = simulation.map(resolution=resolution)
            with session.timed("walls"):
                walls = simulation.walls()
            for warning in getattr(simulation, "warnings", ()):
                session.warn(warning)
            report("writing")
            seconds, warnings = dict(session.seconds), list(session.warnings)
            with session.timed("writing"):
                write_run_outputs(
                    folder.path, scenario, simulation, maps, walls, seconds, warnings, folder
                )
            device = str(getattr(simulation, "device", session.device.value))
            degraded = bool(getattr(simulation, "degraded", False))
    folder.finish(
        seconds={**session.seconds, "total": round(session.total_seconds, 3)},
        warnings=session.warnings,
        device=device,
        seed=session.seed,
        degraded=degraded,
    )
    session.note(f"{folder.path}: done in {session.total_seconds:.0f} s")
    return DEGRADED if degraded else DONE
