"""The errors that HeatMat raises: one line that says what, where and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HeatMatError(Exception):
    """Base of every error HeatMat raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, as a short clause.
    where : str, optional
        File, field, row: enough to find the place.
    expected, got : str, optional
        What would have been right, and what was found.
    remedy : str, optional
        What the user can do about it.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        expected: object = "",
        got: object = "",
        remedy: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.expected = str(expected)
        self.got = str(got)
        self.remedy = remedy
        super().__init__(self._line())

    def _line(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        details = []
        if self.expected:
            details.append(f"expected {self.expected}")
        if self.got:
            details.append(f"got {self.got}")
        if details:
            line += f" ({', '.join(details)})"
        if self.remedy:
            line += f"; {self.remedy}"
        return " ".join(line.split())


class InputError(HeatMatError):
    """Something in the user's files, options or arguments must be mended."""


class OutputError(HeatMatError):
    """The result could not be written, or what is there must not be overwritten."""


class MissingExtraError(HeatMatError):
    """An optional dependency is needed and not installed."""


class MemoryLimitError(HeatMatError):
    """The job would not fit into memory."""


class DeviceError(HeatMatError):
    """The asked-for device is not there, or the process already uses another."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """A remedy that names the valid word nearest to `word`.

    Returns
    -------
    str
        ``did you mean 'x'?`` where something is close, else the list of valid words.
    """
    names = sorted(str(name) for name in valid)
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "valid: " + ", ".join(names)
