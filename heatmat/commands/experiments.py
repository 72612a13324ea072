"""compare: a what-if, B minus A."""

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
    Resolution,
    Seed,
    Verbose,
)
from heatmat.commands.session import Session


def compare(
    a: Annotated[
        Path, typer.Argument(metavar="A.toml", help="The city as it is.", show_default=False)
    ],
    b: Annotated[
        Path, typer.Argument(metavar="B.toml", help="The city as it might be.", show_default=False)
    ],
    out: OutFolder,
    resolution: Resolution = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """A what-if: surface temperatures of B minus those of A."""
    from heatmat.commands.comparing import compare_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return compare_into(session, session.load(a), session.load(b), out, resolution=resolution)
