"""What `run` and `demo` share: a simulation into an output folder that can be taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heatmat.commands.session import DEGRADED, DONE, Session
from heatmat.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.map_query import Walls
    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation


def run_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    *,
    command: str,
    resolution: float | None,
    storey_height: float = 3.0,
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
        return _simulate(session, scenario, folder, resolution, storey_height)


def _simulate(
    session: Session,
    scenario: Scenario,
    folder: RunDirectory,
    resolution: float | None,
    storey_height: float,
) -> int:
    from heatmat.output import write_run_outputs
    from heatmat.run_record import versions
    from heatmat.simulation import Simulation

    with session.progress() as report:
        with session.timed("set-up"):
            simulation = Simulation(
                scenario,
                device=session.device.value,
                seed=session.seed,
                progress=report,
                store=folder,
            )
        for note in simulation.notes:
            session.note(f"note: {note}")
        with simulation:
            with session.timed("maps"):
                maps = simulation.map(resolution=resolution)
            with session.timed("walls"):
                walls = simulation.walls(storey_height)
            with session.timed("probes"):
                probes = query_probes(session, simulation, maps, walls)
            for warning in simulation.warnings:
                session.warn(warning)
            with session.timed("writing"):
                write_run_outputs(
                    folder.path,
                    scenario=scenario,
                    city=simulation.city,
                    maps_dataset=maps,
                    walls=walls,
                    probes=probes,
                    run_info={
                        "inputs": folder.inputs,
                        "versions": versions(),
                        "device": simulation.device,
                        "seed": session.seed,
                        "seconds": dict(session.seconds),
                        "warnings": list(session.warnings),
                        "touched_m2": simulation.touched_m2,
                    },
                    geometry=simulation.maps if scenario.interventions else None,
                    run_directory=folder,
                    progress=report,
                )
            device, degraded = simulation.device, simulation.degraded
            touched, notes = simulation.touched_m2, simulation.notes
    folder.finish(
        seconds={**session.seconds, "total": round(session.total_seconds, 3)},
        warnings=session.warnings,
        device=device,
        seed=session.seed,
        degraded=degraded,
        notes=notes,
        **({"touched_m2": touched} if touched else {}),
    )
    session.note(f"{folder.path}: done in {session.total_seconds:.0f} s")
    return DEGRADED if degraded else DONE


def query_probes(
    session: Session, simulation: Simulation, maps: xr.Dataset, walls: Walls
) -> pd.DataFrame | None:
    """TEMPS.csv rows of a few telling points, for the curves; None where there are none.

    The curves decorate a run: a probe that cannot be placed costs the curves, not the maps.
    """
    from heatmat.probes import choose_probes

    chosen = choose_probes(maps, walls, simulation.maps)
    if chosen.empty:
        return None
    try:
        return simulation.query(chosen).to_dataframe()
    except InputError as error:
        session.warn(f"no daily curves are drawn: {error}")
        return None
