"""How a command ends: an exit code and, where something went wrong, one line."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from heatmat import __version__
from heatmat.errors import HeatMatError

OURS, THEIRS, INTERRUPTED, TERMINATED, PIPE_CLOSED = 1, 2, 130, 143, 141


class Terminated(BaseException):
    """SIGTERM came; not an Exception, so that nothing on the way up swallows it."""


def _on_terminate(signum: int, frame: object) -> NoReturn:
    raise Terminated


def exit_code(command: Callable[[], object], after: str = "") -> int:
    """Run a command, and turn whatever happens into an exit code and one line.

    Parameters
    ----------
    command : callable
        Takes nothing; what it returns is the exit code where it is a number, else that is 0.
    after : str
        What the line of an interrupted command says besides.

    Returns
    -------
    int
        0 done; 2 something the user can mend; 1 our fault; 130 or 143 interrupted; else the
        command's own.
    """
    with contextlib.suppress(ValueError):  # not the main thread: the caller keeps its handlers
        signal.signal(signal.SIGTERM, _on_terminate)
    try:
        code = command()
        sys.stdout.flush()
        if code == INTERRUPTED:  # newer versions of typer turn Ctrl-C into this
            _say(f"interrupted{after}")
        return code if isinstance(code, int) else 0
    except Terminated:
        _say(f"terminated{after}")
        return TERMINATED
    except KeyboardInterrupt:
        _say(f"interrupted{after}")
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
        errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP,
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
