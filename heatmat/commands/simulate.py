"""demo, check, run and query: one scenario in, temperatures out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heatmat.commands.options import (
    Device,
    DeviceName,
    OutFolder,
    Overwrite,
    Quiet,
    Resolution,
    ScenarioFile,
    Seed,
    Verbose,
)
from heatmat.commands.session import DEGRADED, DONE, Session
from heatmat.errors import InputError
from heatmat.points import MATERIAL_COLUMN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

DEMO_PIXEL, QUICK_PIXEL, DEMO_STOREY = 8.0, 16.0, 4.0
"""Pixels of the demo's maps and height of its storeys [m], for a run under 90 s on two cores; the
geometry stays exact, whatever they are."""


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to.")] = Path(
        "heatmat-demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="Coarser, in a fraction of the time.")] = (
        False
    ),
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Simulate the district that comes with HeatMat: maps, temperatures, pictures, report."""
    from heatmat.commands.running import run_into
    from heatmat.scenario import Scenario

    session = Session(device, seed, quiet, verbose, overwrite)
    scenario = Scenario.embedded(quick=quick)
    code = run_into(
        session,
        scenario,
        out,
        command="demo",
        resolution=QUICK_PIXEL if quick else DEMO_PIXEL,
        storey_height=DEMO_STOREY,
    )
    session.note(f"open {out / 'report.html'}")
    return code


def run(
    scenario: ScenarioFile,
    out: OutFolder,
    resolution: Resolution = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Maps of surface temperature over the scenario's window."""
    from heatmat.commands.running import run_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return run_into(session, session.load(scenario), out, command="run", resolution=resolution)


def check(
    scenario: ScenarioFile,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Validate a scenario and estimate memory, time and the resolution that fits; write nothing."""
    from heatmat.commands.checking import check_report

    session = Session(device, seed, quiet, verbose, overwrite)
    loaded = session.load(scenario)
    with session.progress() as report:
        lines = check_report(loaded, report)
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        sys.stdout.write(f"{name:<{width}}  {text}\n")
    return DONE


def query(
    scenario: ScenarioFile,
    points: Annotated[
        Path,
        typer.Option("--points", metavar="POINTS.csv", help="Where to ask.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="TEMPS.csv", help="Table to write.", show_default=False),
    ],
    incident: Annotated[
        Path | None,
        typer.Option(
            "--incident",
            metavar="FORCING.csv",
            help="Incident fluxes given: the wall law alone.",
            show_default=False,
        ),
    ] = None,
    resolution: Resolution = None,
    target_error: Annotated[
        float | None,
        typer.Option(metavar="K", min=1e-4, help="Standard error to reach.", show_default=False),
    ] = None,
    max_rays: Annotated[
        int | None,
        typer.Option(metavar="N", min=8, help="Most rays a point.", show_default=False),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="auto|paths|field",
            help="Paths, or the field that maps gather from: cheaper for many points, with an "
            "error of its own. auto takes the cheaper.",
        ),
    ] = "auto",
    material_draws: Annotated[
        int | None,
        typer.Option(
            "--material-uncertainty",
            metavar="N",
            min=2,
            help="Draw N facade compositions a building; report the spread that they cause.",
            show_default=False,
        ),
    ] = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Temperatures at any points, at every time of the scenario's window."""
    from heatmat.commands.single_file import SingleFile
    from heatmat.points import read_points, write_temps
    from heatmat.run_record import run_inputs

    session = Session(device, seed, quiet, verbose, overwrite)
    loaded = session.load(scenario)
    asked = read_points(points, positions=incident is None)
    for column in asked.attrs["ignored_columns"]:
        session.warn(f"{points}: column {column!r} is not used")
    files = {**loaded.input_files(), "points": points}
    if incident is not None:
        files["incident"] = incident
    options: dict[str, object] = {
        "seed": seed,
        "resolution_m": resolution,
        "target_error_k": target_error,
        "max_rays": max_rays,
    }
    if method != "auto":
        options["method"] = method
    if material_draws is not None:
        options["material_uncertainty"] = material_draws
        if incident is not None:
            raise InputError(
                "nothing to draw: the wall law alone knows no city",
                where="--material-uncertainty",
                remedy="leave out --incident",
            )
    inputs = run_inputs("query", loaded.resolved(), files, options)
    target = SingleFile.open(out, inputs, overwrite=overwrite)
    if target.complete:
        session.note(f"{out}: complete already, from the same inputs")
        return target.exit_code
    if incident is not None:
        frame = _query_incident(session, loaded, asked, incident)
    else:
        frame = _query(
            session, loaded, asked, resolution, target_error, max_rays, method, material_draws
        )
    write_temps(frame, out)
    degraded = _over_target(session, loaded, frame, target_error) if incident is None else False
    target.finish(session, degraded=degraded)
    return DEGRADED if degraded else DONE


def _query(
    session: Session,
    scenario: Scenario,
    points: pd.DataFrame,
    resolution: float | None,
    target_error: float | None,
    max_rays: int | None,
    method: str,
    draws: int | None,
) -> pd.DataFrame:
    from heatmat.simulation import Simulation

    with (
        session.progress() as report,
        Simulation(
            scenario, device=session.device.value, seed=session.seed, progress=report
        ) as simulation,
        session.timed("query"),
    ):
        result = simulation.query(
            points,
            resolution=resolution,
            target_error=target_error,
            max_rays=max_rays,
            method=method,
        )
        frame = result.to_dataframe()
        if result.ds.attrs["method"] == "field":
            error = result.ds.attrs["field_error_k"]
            session.note(f"gathered from the field, whose own error is about {error:g} K")
        if draws is not None:
            frame[MATERIAL_COLUMN] = _material_spread(
                session, simulation, points, resolution, max_rays, draws
            )
        for warning in getattr(simulation, "warnings", ()):
            session.warn(warning)
        return frame


def _material_spread(
    session: Session,
    simulation: Simulation,
    points: pd.DataFrame,
    resolution: float | None,
    max_rays: int | None,
    draws: int,
) -> np.ndarray:
    """Spread that not knowing the facades causes [K], a value a row of TEMPS.csv."""
    from heatmat.material_uncertainty import RAYS_A_DRAW, material_uncertainty

    simulation.progress("facades drawn", 0.0, 1.0)
    found = material_uncertainty(
        simulation,
        points,
        draws,
        resolution=resolution,
        max_rays=min(max_rays or simulation.scenario.max_rays, RAYS_A_DRAW),
    )
    session.note(f"facades drawn: {found.drawn} buildings; {found.certain} taken for certain")
    return found.spread.ravel()


def _query_incident(
    session: Session, scenario: Scenario, points: pd.DataFrame, incident: Path
) -> pd.DataFrame:
    from heatmat.incident import query_incident

    with session.progress() as report, session.timed("query"):
        return query_incident(scenario, points, incident, progress=report)


def _over_target(
    session: Session, scenario: Scenario, frame: pd.DataFrame, target_error: float | None
) -> bool:
    """Whether points missed the target error though all their rays were spent; says which."""
    target = target_error if target_error is not None else scenario.target_error_k
    squares = frame["standard_error_k"].astype(float) ** 2
    error = squares.groupby(frame["id"], sort=False).mean() ** 0.5
    over = error[error > target]
    if over.empty:
        return False
    names = ", ".join(str(name) for name in over.index[:5]) + (", ..." if len(over) > 5 else "")
    session.warn(
        f"{len(over)} of {len(error)} points have not reached {target:g} K "
        f"(largest {over.max():.3g} K): {names}; give more --max-rays"
    )
    return True
