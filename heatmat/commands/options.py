"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class DeviceName(StrEnum):
    """Where the kernels run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    vulkan = "vulkan"
    metal = "metal"


Device = Annotated[
    DeviceName, typer.Option(help="Where to compute; auto takes a CUDA or Metal device if any.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the random streams.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, errors only.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="More detail, and libraries' own warnings.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what an earlier run wrote there.")
]
ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO.toml", help="What to simulate.", show_default=False)
]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write to.", show_default=False)
]
Resolution = Annotated[
    float | None,
    typer.Option(metavar="M", min=0.1, help="Size of a pixel in metres.", show_default=False),
]
