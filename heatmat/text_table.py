"""Tables as people send them: BOM, semicolons, decimal commas; all faults at once, by line."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from heatmat.errors import InputError, nearest

MAX_FAULTS_SHOWN = 8


@dataclass
class TextTable:
    """Cells by column, with the line of the file that each row ends on.

    Attributes
    ----------
    source : str
        File name, for messages.
    columns : dict
        Column name (lower case) to its cells.
    lines : list of int
        Line number of each row, the header being line 1; or row numbers where there is no file.
    unit : str
        What `lines` count: ``line`` or ``row``.
    ignored : list of str
        Columns that were not known.
    """

    source: str
    columns: dict[str, list[object]]
    lines: list[int]
    unit: str = "line"
    ignored: list[str] = field(default_factory=list)

    def place(self, index: int, column: str) -> str:
        """Where a cell is, for a message."""
        return f"{self.source}: {self.unit} {self.lines[index]}: {column}"


class Faults:
    """Gathers what is wrong, and raises it all at once in one line."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[InputError] = []

    def add(
        self,
        what: str,
        *,
        where: str,
        expected: object = "",
        got: object = "",
        remedy: str = "",
    ) -> None:
        """Note one fault; the arguments are those of `InputError`."""
        self.found.append(InputError(what, where=where, expected=expected, got=got, remedy=remedy))

    def raise_any(self) -> None:
        """Raise if anything was noted.

        Raises
        ------
        InputError
        """
        if self.found:
            raise join_faults(self.found, self.source)


def join_faults(faults: list[InputError], where: str) -> InputError:
    """One error for all the faults of a file, so that they can be mended in one go."""
    if len(faults) == 1:
        return faults[0]
    shown = [str(fault).removeprefix(f"{where}: ") for fault in faults[:MAX_FAULTS_SHOWN]]
    listed = " | ".join(f"({i}) {text}" for i, text in enumerate(shown, start=1))
    more = len(faults) - len(shown)
    tail = f" | and {more} more" if more else ""
    return InputError(f"{len(faults)} faults: {listed}{tail}", where=where)


def read_text_table(path: str | Path, known: Sequence[str]) -> TextTable:
    """Read a CSV file into text cells.

    The separator is the one of semicolon, tab and comma that the header holds most of. Unknown
    columns are ignored and listed, unless they look like a slip of a known one.

    Parameters
    ----------
    path : path
    known : sequence of str
        Column names that mean something.

    Raises
    ------
    InputError
        No file, no rows, uneven rows, doubled or misspelt columns.
    """
    text, source = _text(Path(path)), str(path)
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    separator = max((";", "\t", ","), key=header_line.count)
    faults = Faults(source)
    header: list[str] = []
    cells: list[list[object]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [cell.strip().lower() for cell in row]
            elif len(row) != len(header):
                _uneven(faults, f"{source}: line {reader.line_num}", header, row, separator)
            else:
                cells.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise InputError(
            "not a CSV table", where=f"{source}: line {reader.line_num}", got=str(error)
        ) from None
    if not header:
        raise InputError("the table is empty", where=source, expected="a header and rows")
    _check_header(header, known, f"{source}: line 1", faults)
    faults.raise_any()
    if not cells:
        raise InputError("the table has no rows", where=source, expected="at least one row")
    columns = {name: [row[i] for row in cells] for i, name in enumerate(header)}
    ignored = [name for name in header if name not in known]
    return TextTable(source, columns, lines, "line", ignored)


def _uneven(faults: Faults, where: str, header: list[str], row: list[str], separator: str) -> None:
    commas = separator == "," and len(row) > len(header)
    faults.add(
        "wrong number of fields",
        where=where,
        expected=len(header),
        got=len(row),
        remedy="with decimal commas, separate the fields by semicolons" if commas else "",
    )


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder", where=str(path), expected="a CSV file") from None
    except OSError as error:
        raise InputError("cannot be read", where=str(path), got=error.strerror) from None
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            "not UTF-8 text",
            where=str(path),
            got=f"byte {error.start} that cannot be read",
            remedy="save it as CSV in UTF-8",
        ) from None


def _check_header(header: list[str], known: Sequence[str], where: str, faults: Faults) -> None:
    for name in sorted({name for name in header if header.count(name) > 1}):
        faults.add("column given twice", where=where, got=repr(name))
    for name in header:
        if name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if close and close[0] not in header:
            faults.add("unknown column", where=where, got=repr(name), remedy=nearest(name, known))


def require_columns(table: TextTable, required: Iterable[str], faults: Faults) -> None:
    """Note a fault for each of `required` that the table lacks."""
    for name in required:
        if name not in table.columns:
            faults.add(f"missing column {name!r}", where=table.source, got=", ".join(table.columns))


def number(cell: object) -> float | None:
    """A cell as a number; None where it is blank or holds no number, NaN where it says NaN.

    One comma and no point is a decimal comma; anything with both is refused, not guessed.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        try:
            return float(text) if "_" not in text else None
        except ValueError:
            return None
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def is_blank(cell: object) -> bool:
    """Nothing there: empty text, None or a float NaN that pandas put for a gap."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return isinstance(cell, str) and not cell.strip()


def numbers(
    table: TextTable,
    column: str,
    faults: Faults,
    *,
    low: float,
    high: float,
    unit: str,
    blank: float | None = None,
) -> list[float]:
    """A column as finite numbers within [low, high]; gaps are `blank`, or faults where None."""
    values = []
    cells = table.columns.get(column)
    for i in range(len(table.lines)):
        cell = cells[i] if cells is not None else ""
        if is_blank(cell) and blank is not None:
            values.append(blank)
            continue
        value = number(cell)
        if value is None or not math.isfinite(value) or not low <= value <= high:
            faults.add(
                "wrong number",
                where=table.place(i, column),
                expected=_bounds(low, high, unit),
                got=repr(cell) if not is_blank(cell) else "nothing",
            )
            value = math.nan
        values.append(value)
    return values


def _bounds(low: float, high: float, unit: str) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a number"
    if math.isinf(high):
        return f"a number of at least {low:g} {unit}"
    return f"a number from {low:g} to {high:g} {unit}"
