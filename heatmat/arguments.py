"""Numbers and places on the command lines of the modules that are run by ``python -m``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from heatmat.rundir import expect_writable


def at_least_one(text: str) -> int:
    """A whole number of at least one, for the ``type`` of an argparse argument."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return number


def above_zero(text: str) -> float:
    """A finite number above zero, for the ``type`` of an argparse argument."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def output_file(text: str) -> Path:
    """A file that can be made, for the ``type`` of an argparse argument.

    Raises
    ------
    OutputError
        As `heatmat.rundir.expect_writable`.
    """
    expect_writable(text)
    return Path(text)
