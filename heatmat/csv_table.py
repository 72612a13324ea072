"""CSV tables as people export them: commas or semicolons, decimal commas, byte order marks."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heatmat.errors import InputError, nearest


@dataclass(frozen=True)
class CsvTable:
    """Columns of text with the line number of every row.

    Attributes
    ----------
    path : str
    columns : dict of str to list of str
        Lower-case header to cells, stripped.
    lines : list of int
        Line of each row in the file, from 1.
    decimal_comma : bool
        Whether a comma in a number is a decimal comma (semicolon or tab separated files).
    """

    path: str
    columns: dict[str, list[str]]
    lines: list[int]
    decimal_comma: bool

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int, column: str) -> str:
        """Place of a cell, as ``file:line column``."""
        return f"{self.path}:{self.lines[row]} {column}"

    def require(self, *names: str) -> None:
        """Refuse the table if a column is missing.

        Raises
        ------
        InputError
        """
        for name in names:
            if name not in self.columns:
                raise InputError(
                    f"column {name!r} is missing",
                    where=self.path,
                    expected=", ".join(names),
                    got=", ".join(self.columns) or "no columns",
                    remedy=nearest(name, self.columns) if self.columns else "",
                )

    def numbers(self, name: str, low: float = -math.inf, high: float = math.inf) -> np.ndarray:
        """A column as numbers, each within [low, high].

        Raises
        ------
        InputError
            Names the line of the first cell that is empty, not a number, NaN or out of range.
        """
        values = np.empty(len(self))
        for row, cell in enumerate(self.columns[name]):
            text = cell.replace(",", ".") if self.decimal_comma else cell
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not low <= value <= high:
                finite = f"a number from {low:g} to {high:g}" if low > -math.inf else "a number"
                raise InputError(
                    "bad value", where=self.where(row, name), expected=finite, got=repr(cell)
                )
            values[row] = value
        return values


def read_csv_table(path: str | Path) -> CsvTable:
    """Read a CSV file with a header line.

    The separator is the one of `;`, tab or `,` that the header holds most of; with `;` or tab,
    commas within numbers are decimal commas. A byte order mark is skipped; blank lines too.

    Raises
    ------
    InputError
        Missing or unreadable file, no rows, duplicate columns, or a row of another length.
    """
    text = read_text(path)
    lines = text.splitlines()
    header = lines[0] if lines else ""
    separator = max(";\t,", key=header.count)
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        names = [cell.strip().lower() for cell in next(rows, [])]
        cells, numbers = [], []
        for row in rows:
            if any(cell.strip() for cell in row):
                cells.append([cell.strip() for cell in row])
                numbers.append(rows.line_num)
    except csv.Error as error:
        raise InputError("not a CSV file", where=str(path), got=str(error)) from None
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise InputError("column appears twice", where=str(path), got=sorted(duplicates)[0])
    for number, row in zip(numbers, cells, strict=True):
        if len(row) != len(names):
            raise InputError(
                "row does not match the header",
                where=f"{path}:{number}",
                expected=f"{len(names)} fields",
                got=len(row),
                remedy="with decimal commas, separate the fields by semicolons",
            )
    if not cells:
        raise InputError("no rows", where=str(path))
    columns = {name: [row[i] for row in cells] for i, name in enumerate(names)}
    return CsvTable(str(path), columns, numbers, separator != ",")


def read_text(path: str | Path) -> str:
    """A text file's contents, UTF-8 (with or without byte order mark) or else Latin-1.

    Raises
    ------
    InputError
        Missing, unreadable, empty or binary file.
    """
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError("no such file", where=str(path)) from None
    except OSError as error:
        raise InputError("cannot be read", where=str(path), got=error.strerror or error) from None
    if not raw.strip():
        raise InputError("the file is empty", where=str(path))
    if b"\x00" in raw[:4096]:
        raise InputError("not a text file", where=str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
