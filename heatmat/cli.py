"""The command ``heatmat``: its parts, and how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from heatmat import __version__
from heatmat.commands import (
    bench,
    experiments,
    fetching,
    library,
    materials,
    observing,
    simulate,
    studies,
    validating,
)
from heatmat.ending import exit_code

app = typer.Typer(
    name="heatmat",
    help="Surface temperatures of a city, at any point and hour, from maps instead of meshes.",
    epilog="Exit codes: 0 done, 2 mend the input, 3 done but degraded, 1 our fault.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"heatmat {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Surface temperatures of a city, at any point and hour, from maps instead of meshes."""


app.command()(simulate.demo)
app.command()(fetching.fetch)
app.command()(materials.materials)
app.command()(simulate.check)
app.command()(simulate.run)
app.command()(simulate.query)
app.command()(experiments.compare)
app.command()(studies.sweep)
app.command()(studies.sensitivity)
app.command()(studies.attribute)
app.command()(studies.search)
app.command()(observing.compare_observed)
app.command()(library.constructions)
app.command()(bench.prepare)
app.command()(bench.benchmark)
app.command()(validating.validate)
app.command()(library.info)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 done; 2 something the user can mend; 3 done but degraded; 1 our fault; 130 or 143
        interrupted.
    """

    def command() -> object:
        try:
            return app(args=None if arguments is None else list(arguments), standalone_mode=False)
        except typer.Abort:  # Ctrl-C at a prompt, and anywhere in older versions of typer
            raise KeyboardInterrupt from None

    return exit_code(command, after="; the same command goes on from what was finished")
