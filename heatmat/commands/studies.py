"""sweep, attribute, sensitivity and search: experiments that share one geometry and its paths."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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
    maps: Annotated[
        bool, typer.Option("--maps", help="Also the difference map of every scenario.")
    ] = False,
    resolution: Resolution = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """A grid of scenarios along the same rays: what each does to ground, roofs and walls."""
    from heatmat.commands.sweeping import sweep_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return sweep_into(
        session, session.load(scenario), out,
        vary=vary, starts=starts, maps=maps, resolution=resolution,
    )  # fmt: skip


def sensitivity(
    scenario: ScenarioFile,
    out: OutFolder,
    property: Annotated[
        list[str] | None,
        typer.Option(
            help="albedo, emissivity, conductivity, thickness or convection; may be repeated. "
            "The first is mapped; default: all five.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        str,
        typer.Option(
            metavar="TOML",
            help="Which surfaces, as an intervention's where: 'surface = \"roof\"'; default: all.",
            show_default=False,
        ),
    ] = "",
    layer: Annotated[
        int, typer.Option(min=0, help="Homogeneous layer from outside, for conductivity.")
    ] = 0,
    starts: Starts = 4096,
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="Standard error of effects to reach, as '0.5%': positions are added until it is, "
            "at most 128 times --starts.",
            show_default=False,
        ),
    ] = None,
    resolution: Annotated[
        float, typer.Option(metavar="M", min=0.5, help="Pixel of the map in metres.")
    ] = 8.0,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """What a little more albedo, emissivity... of some surfaces does, by tangents along paths."""
    from heatmat.commands.sensing import sensitivity_into
    from heatmat.directions import UNITS

    session = Session(device, seed, quiet, verbose, overwrite)
    return sensitivity_into(
        session,
        session.load(scenario),
        out,
        properties=property or list(UNITS),
        where=read_where(where),
        layer=layer,
        starts=starts,
        tolerance=read_share(tolerance),
        resolution=resolution,
    )


def read_share(text: str | None) -> float | None:
    """A share given as '0.5%' or 0.005."""
    from heatmat.errors import InputError

    if text is None:
        return None
    try:
        value = float(text.strip().removesuffix("%")) * (0.01 if "%" in text else 1.0)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1.0:
        raise InputError("not a share", where="--tolerance", expected="'0.5%' or 0.005", got=text)
    return value


def read_where(text: str) -> dict[str, Any] | None:
    """A selection given as TOML keys, one a line or separated by commas."""
    import tomllib

    from heatmat.errors import InputError

    if not text.strip():
        return None
    try:
        return tomllib.loads(f"where = {{ {text} }}")["where"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            "not a selection",
            where="--where",
            expected='\'surface = "roof", construction = ["bitumen_roof"]\'',
            got=str(error),
        ) from None


def attribute(
    scenario: ScenarioFile,
    out: OutFolder,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="GROUPS.toml",
            help="[groups] name = [constructions], [reference] wall = construction; default: each "
            "construction for itself against meadow.",
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
    """How many kelvin of the surface heat island each material carries (Shapley values)."""
    from heatmat.commands.attributing import attribute_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return attribute_into(session, session.load(scenario), out, groups=groups, starts=starts)


class Searched(StrEnum):
    """Surfaces that a search may change."""

    roof = "roof"
    wall = "wall"


class Painted(StrEnum):
    """Properties that a search may change."""

    albedo = "albedo"
    emissivity = "emissivity"


class Objective(StrEnum):
    """Whose mean temperature is to fall."""

    all = "all"
    ground = "ground"
    roof = "roof"
    wall = "wall"


def search(
    scenario: ScenarioFile,
    out: OutFolder,
    surface: Annotated[
        Searched, typer.Option(help="What of a building is changed: its roof or its facades.")
    ] = Searched.roof,
    property: Annotated[Painted, typer.Option(help="Which property.")] = Painted.albedo,
    to: Annotated[float, typer.Option(metavar="X", min=0.0, max=1.0, help="Its new value.")] = 0.7,
    count: Annotated[int, typer.Option(metavar="K", min=1, help="Most buildings.")] = 5,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="B",
            min=0.0,
            help="Most cost of all together; default: no limit.",
            show_default=False,
        ),
    ] = None,
    cost_per_m2: Annotated[
        float, typer.Option(metavar="C", min=0.0, help="Cost of changing a square metre.")
    ] = 1.0,
    objective: Annotated[
        Objective, typer.Option(help="Surfaces whose mean temperature is to fall.")
    ] = Objective.all,
    starts: Starts = 8192,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """The best few roofs or facades to change under a budget: ranked by sensitivity, then run."""
    from heatmat.commands.searching import search_into

    session = Session(device, seed, quiet, verbose, overwrite)
    return search_into(
        session,
        session.load(scenario),
        out,
        starts=starts,
        surface=surface.value,
        property=property.value,
        to=to,
        count=count,
        budget=float("inf") if budget is None else budget,
        cost_per_m2=cost_per_m2,
        objective=objective.value,
    )
