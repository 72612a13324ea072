"""The command ``heatmat``: parse, run, and turn whatever happens into an exit code and one line."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

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
from heatmat.errors import HeatMatError

OURS, THEIRS, INTERRUPTED, TERMINATED, PIPE_CLOSED = 1, 2, 130, 143, 141

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


class Terminated(BaseException):
    """SIGTERM came; not an Exception, so that nothing on the way up swallows it."""


def _on_terminate(signum: int, frame: object) -> NoReturn:
    raise Terminated


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
    with contextlib.suppress(ValueError):  # not the main thread: the caller keeps its handlers
        signal.signal(signal.SIGTERM, _on_terminate)
    try:
        code = app(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # newer versions of typer turn Ctrl-C into this
            _say("interrupted; the same command goes on from what was finished")
        return int(code or 0)
    except Terminated:
        _say("terminated; the same command goes on from what was finished")
        return TERMINATED
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted; the same command goes on from what was finished")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # The reader of our output has left (`| head`); typer turns that into an exit with 1.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    except Exception as error:
        return _explain(error)


def _say(text: str) -> None:
    sys.stderr.write(f"heatmat: {text}\n")


def _explain(error: Exception) -> int:
    """One line for what went wrong, and the exit code."""
    if isinstance(error, HeatMatError):
        _say(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # a wrong option or argument, from typer
        if not error.format_message():  # no command at all: the help has been shown
            return THEIRS
        context: Any = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "heatmat"
        _say(f"{' '.join(error.format_message().split())}; see {command} --help")
        return THEIRS
    if isinstance(error, MemoryError):
        _say("not enough memory; use a coarser resolution_m or a smaller extent")
        return THEIRS
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EDQUOT,
    ):  # fmt: skip
        _say(f"{error.filename or 'output'}: {error.strerror}")
        return THEIRS
    _say(f"internal error: {_one_line(error)}; traceback in {_traceback_file()}; please report it")
    return OURS


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"


def _traceback_file() -> str:
    """Where the traceback of the error being handled was written."""
    try:
        handle, path = tempfile.mkstemp(prefix="heatmat-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(f"heatmat {__version__}, Python {sys.version}\n{sys.argv}\n\n")
            stream.write(traceback.format_exc())
    except OSError:  # no room even for that
        sys.stderr.write(traceback.format_exc())
        return "the lines above"
    return path
