"""sweep, attribute and sensitivity: experiments that share one geometry and one set of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from heatmat.commands.options import (
    Device,
    DeviceName,
    OutFolder,
    Overwrite,
    Quiet,
    ScenarioFile,
    Seed,
    Verbose,
)
from heatmat.commands.session import Session

Starts = Annotated[
    int, typer.Option(metavar="N", min=128, help="Positions sampled over the district.")
]


def sweep(
    scenario: ScenarioFile,
    out: OutFolder,
    vary: Annotated[
        Path | None,
        typer.Option(
            metavar="VARY.toml",
            help="What varies ([[axis]] tables); default: every facade of the library.",
            show_default=False,
        ),
    ] = None,
    starts: Starts = 4096,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """A grid of scenarios along the same rays: what each does to ground, roofs and walls."""
    from heatmat.commands.sweeping import sweep_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return sweep_into(session, session.load(scenario), out, vary=vary, starts=starts)
