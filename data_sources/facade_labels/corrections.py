"""What a person says of a building or an image: a table in the city folder that no run writes.

``materials/corrections.csv``, columns ``building_id, image_id, label, window_share, note``. Without
an ``image_id`` a row speaks for the whole building and stands above everything else; with one it
takes the place of the model's answer for that crop (``ignore`` leaves the crop out). ``label`` is
one of `LABELS`, shares such as ``brick:0.7;render:0.3``, or ``none``: an earlier row taken back.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_sources.facade_labels.answer import LABELS, CropAnswer
from data_sources.facade_labels.sights import as_vector
from heatmat.errors import nearest
from heatmat.output.atomic import aside
from heatmat.text_table import Faults, is_blank, number, read_text_table, require_columns

COLUMNS = ("building_id", "image_id", "label", "window_share", "note")
IGNORE, NONE = "ignore", "none"


@dataclass(frozen=True)
class Correction:
    """One row.

    Attributes
    ----------
    building_id, image_id : str
        Without an image it speaks for the building.
    shares : dict of str to float or None
        Of the wall; None: nothing said (windows alone), or the image is to be ignored.
    window_share : float
        NaN where not said.
    ignore : bool
        Leave the image out.
    note : str
    withdrawn : bool
        An earlier row of the same place is taken back.
    """

    building_id: str
    image_id: str = ""
    shares: dict[str, float] | None = None
    window_share: float = math.nan
    ignore: bool = False
    note: str = ""
    withdrawn: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What it speaks for."""
        return self.building_id, self.image_id


def read_corrections(path: Path) -> list[Correction]:
    """The rows of a corrections table, later ones in place of earlier ones; [] without a file.

    Raises
    ------
    InputError
        One line with every fault: file, line, column.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8-sig", errors="replace").strip()
    if len(text.splitlines()) < 2:  # a header alone: nothing corrected yet
        return []
    table = read_text_table(path, COLUMNS)
    faults = Faults(str(path))
    require_columns(table, ("building_id", "label"), faults)
    faults.raise_any()
    found: dict[tuple[str, str], Correction] = {}
    for i in range(len(table.lines)):
        cells = {name: str(column[i]).strip() for name, column in table.columns.items()}
        label, image = cells["label"].lower(), cells.get("image_id", "")
        window = _window(cells.get("window_share", ""), table.place(i, "window_share"), faults)
        if not cells["building_id"]:
            faults.add("missing id", where=table.place(i, "building_id"))
        if label == IGNORE and not image:
            faults.add(
                "only an image can be ignored",
                where=table.place(i, "label"),
                remedy="name it in image_id",
            )
        if not label and math.isnan(window):
            faults.add("says nothing", where=table.place(i, "label"), expected=", ".join(LABELS))
        shares = None
        if label and label not in (IGNORE, NONE):
            shares = parse_shares(label, table.place(i, "label"), faults)
        row = Correction(
            cells["building_id"],
            image,
            shares,
            window,
            ignore=label == IGNORE,
            note=cells.get("note", ""),
            withdrawn=label == NONE,
        )
        found[row.key] = row
    faults.raise_any()
    return list(found.values())


def parse_shares(text: str, where: str, faults: Faults) -> dict[str, float]:
    """``brick`` or ``brick:0.7;render:0.3`` as shares that sum to 1."""
    shares: dict[str, float] = {}
    for part in text.split(";"):
        name, colon, value = (piece.strip() for piece in part.partition(":"))
        share = number(value) if colon else 1.0
        if name not in LABELS:
            faults.add(
                "unknown material", where=where, got=repr(name), remedy=nearest(name, LABELS)
            )
        elif share is None or not math.isfinite(share) or share < 0.0:
            faults.add("not a share", where=where, expected="a number from 0 to 1", got=repr(value))
        else:
            shares[name] = shares.get(name, 0.0) + share
    total = sum(shares.values())
    if shares and not abs(total - 1.0) <= 0.02:
        faults.add("shares do not sum to 1", where=where, got=f"{total:g}")
    return {name: share / total for name, share in shares.items()} if total > 0.0 else {}


def _window(cell: str, where: str, faults: Faults) -> float:
    if is_blank(cell):
        return math.nan
    value = number(cell)
    if value is None or not 0.0 <= value <= 1.0:
        faults.add("not a share", where=where, expected="a number from 0 to 1", got=repr(cell))
        return math.nan
    return value


def write_corrections(path: Path, rows: Sequence[Correction]) -> None:
    """Write the table, whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        window = "" if math.isnan(row.window_share) else f"{row.window_share:g}"
        writer.writerow([*row.key, _label(row), window, row.note])
    with aside(path) as part:
        part.write_text(stream.getvalue(), encoding="utf-8")


def _label(row: Correction) -> str:
    if row.ignore:
        return IGNORE
    shares = row.shares or {}
    if len(shares) == 1:
        return next(iter(shares))
    return ";".join(f"{name}:{share:.4g}" for name, share in shares.items())


def merge(old: Sequence[Correction], new: Sequence[Correction]) -> list[Correction]:
    """Old rows, new ones in place of those that speak for the same; what is taken back goes."""
    table = {row.key: row for row in old}
    table.update({row.key: row for row in new})
    return [row for row in table.values() if not row.withdrawn]


def corrected_answers(
    answers: Mapping[str, CropAnswer], corrections: Sequence[Correction]
) -> dict[str, CropAnswer]:
    """Answers with those of corrected images replaced and of ignored ones left out."""
    found = dict(answers)
    for row in corrections:
        answer = found.get(row.image_id)
        if not row.image_id or answer is None:
            continue
        if row.ignore:
            del found[row.image_id]
            continue
        shares = answer.shares if row.shares is None else row.shares
        window = answer.window_share if math.isnan(row.window_share) else row.window_share
        found[row.image_id] = replace(
            answer,
            shares=dict(zip(LABELS, np.asarray(as_vector(shares)).tolist(), strict=True)),
            window_share=window,
            certainty=1.0,
            facade_fraction=1.0,
            model="a person",
            revision="",
            prompt_id="",
            faults=[],
        )
    return found
