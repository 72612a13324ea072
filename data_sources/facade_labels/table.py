"""Which construction a label stands for: a table that can be edited."""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Iterable
from pathlib import Path

from data_sources.facade_labels.answer import LABELS, WINDOW
from heatmat.errors import InputError, nearest

NAME = "constructions.csv"
"""In this package, and in ``CITY/materials/`` where it goes first."""

COLUMNS = ("label", "construction", "note")


def read_table(city: Path | None = None, extra: Iterable[str] = ()) -> dict[str, str]:
    """Label (and ``window``) to construction: the city's table where there is one, or ours.

    Parameters
    ----------
    city : Path, optional
        City folder.
    extra : iterable of str
        Constructions that the scenario adds to the library.

    Raises
    ------
    InputError
        On unknown labels or constructions, a label that is missing or stands twice.
    """
    from heatmat.library import library

    own = city / "materials" / NAME if city is not None else None
    if own is not None and own.is_file():
        text, where = own.read_text(encoding="utf-8-sig", errors="replace"), str(own)
    else:
        text, where = default_text(), NAME
    known = {name for name, made in library().items() if made.kind == "wall"} | set(extra)
    table: dict[str, str] = {}
    reader = csv.DictReader(text.splitlines())
    for number, row in enumerate(reader, start=2):
        label, name = (row.get("label") or "").strip(), (row.get("construction") or "").strip()
        place = f"{where}, row {number}"
        if label not in (*LABELS, WINDOW):
            raise InputError("no such label", where=place, got=label, remedy=_near(label))
        if label in table:
            raise InputError("the label stands twice", where=place, got=label)
        if name not in known:
            raise InputError(
                "no such wall construction", where=place, got=name, remedy=nearest(name, known)
            )
        table[label] = name
    missing = [label for label in (*LABELS, WINDOW) if label not in table]
    if missing:
        raise InputError("labels without a construction", where=where, got=", ".join(missing))
    return table


def write_table(city: Path) -> Path:
    """Put our table into a city folder for editing, where there is none yet; its path."""
    path = city / "materials" / NAME
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(default_text(), encoding="utf-8")
    return path


def default_text() -> str:
    """Our table as CSV."""
    path = importlib.resources.files("data_sources.facade_labels") / NAME
    return path.read_text(encoding="utf-8")


def _near(label: str) -> str:
    return nearest(label, (*LABELS, WINDOW))
