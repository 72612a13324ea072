"""Arguments of the modules that are run by ``python -m``: a mistake is one line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from heatmat.rundir import expect_writable, is_stream


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as `heatmat` does, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with 2."""
        self.exit(2, f"heatmat: {message}; see --help\n")


def whole(least: int) -> Callable[[str], int]:
    """Whole numbers from `least` on, for the ``type`` of an argument."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of at least {least}, got {text!r}"
            )
        return int(text)

    return read


def between(low: float, high: float) -> Callable[[str], float]:
    """Numbers from `low` to `high`, for the ``type`` of an argument."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(
                f"expected a number from {low:g} to {high:g}, got {text!r}"
            )
        return number

    return read


square_side = between(10.0, 20_000.0)
"""[m]."""

pixel_size = between(0.25, 100.0)
"""[m]."""


def output_file(text: str) -> Path:
    """A file that can be made, for the ``type`` of an argument.

    Raises
    ------
    OutputError
        As `heatmat.rundir.expect_writable`.
    """
    if is_stream(text):
        raise argparse.ArgumentTypeError(f"expected the name of a file, got {text!r}")
    expect_writable(text)
    return Path(text)
