"""From the tables of a city's views to crops to ask about, and what each is worth."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer
from data_sources.facade_labels.evidence import Sight, view_weight
from heatmat.errors import InputError

VIEWS = "views/views.csv"
FACADES = "views/facades.csv"


@dataclass(frozen=True)
class View:
    """A row of ``views.csv``.

    Attributes
    ----------
    crop : Crop
        Its ``image_id`` is the crop's file, relative to ``views/``.
    angle_deg : float
        Between the line of sight and the wall's normal.
    area : float
        Wall that the crop shows [m2].
    about : dict of str to str
        The row: licence, author, date, azimuth... for the gallery.
    """

    crop: Crop
    angle_deg: float
    area: float
    about: dict[str, str]


def read_views(city: Path) -> list[View]:
    """Every view of a city folder.

    Raises
    ------
    InputError
        When there are none, or the table is not one of ours.
    """
    table = city / VIEWS
    remedy = (
        f"heatmat fetch PLACE --street-view panoramax --out {city} (the command that made the "
        "folder, with --street-view added)"
    )
    if not table.is_file():
        raise InputError("has no street views yet", where=str(city), remedy=remedy)
    rows = _rows(table)
    if not rows:
        raise InputError("lists no view", where=str(table), remedy=remedy)
    areas = _areas(city / FACADES)
    return [_view(row, city, areas, f"{table}, row {i + 2}") for i, row in enumerate(rows)]


def _view(
    row: dict[str, str], city: Path, areas: Mapping[tuple[str, str], float], where: str
) -> View:
    name, building = row.get("file", "").strip(), row.get("building_id", "").strip()
    if not name or not building:
        raise InputError("a row without file or building", where=where)
    root = os.path.realpath(city / "views")
    # The table is a file that anybody may have made. Path.resolve raises on links in a circle.
    if "\0" in name or not Path(os.path.realpath(Path(root, name))).is_relative_to(root):
        raise InputError("the file leads out of the folder", where=where, got=repr(name))
    crop = Crop(
        image_id=name,
        building_id=building,
        path=city / "views" / name,
        visibility=min(1.0, _number(row, "coverage", 1.0, where)),
        distance_m=_number(row, "distance_m", 10.0, where),
        sharpness=min(1.0, _number(row, "quality", 0.5, where)),
    )
    area = areas.get((building, row.get("facade_id", "")), 1.0)
    return View(crop, _number(row, "angle_deg", 0.0, where), crop.visibility * area, row)


def _areas(table: Path) -> dict[tuple[str, str], float]:
    """Open wall of each facade [m2]; none where the table is not there."""
    if not table.is_file():
        return {}
    return {
        (row.get("building_id", ""), row.get("facade_id", "")): _number(
            row, "area_m2", 1.0, f"{table}, row {i + 2}"
        )
        for i, row in enumerate(_rows(table))
    }


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as stream:
            return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("cannot be read as a table", where=str(table), got=str(error)) from None


def _number(row: Mapping[str, str], name: str, default: float, where: str) -> float:
    text = row.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not 0.0 <= value < math.inf:
        raise InputError("not a number", where=f"{where}, {name}", got=repr(text))
    return value


def as_vector(shares: Mapping[str, Any]) -> np.ndarray:
    """Shares by label as an array in the order of `LABELS`, sum 1."""
    values = np.array([max(0.0, float(shares.get(label, 0.0))) for label in LABELS])
    total = values.sum()
    return values / total if total > 0.0 else np.full(len(LABELS), 1.0 / len(LABELS))


def make_sights(views: Iterable[View], answers: Mapping[str, CropAnswer]) -> dict[str, list[Sight]]:
    """What the views of each building say, by building id; those that say nothing are left out."""
    found: dict[str, list[Sight]] = {}
    for view in views:
        crop = view.crop
        answer = answers.get(crop.image_id)
        if answer is None:
            continue
        weight = view_weight(
            crop.visibility, crop.distance_m, crop.sharpness, view.angle_deg, answer
        )
        if weight <= 0.0:
            continue
        sight = Sight(
            crop.building_id,
            crop.image_id,
            as_vector(answer.shares),
            float(answer.window_share),
            weight,
            view.area,
        )
        found.setdefault(crop.building_id, []).append(sight)
    return found
