"""A city folder with views in, the same folder with facades in its buildings file out."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer, at_temperature
from data_sources.facade_labels.beliefs import SOURCES, STATED, TAG_LABELS, Beliefs, believe
from data_sources.facade_labels.city_buildings import (
    CityBuildings,
    feature_id,
    read_city,
    write_facades,
)
from data_sources.facade_labels.compositions import FIELDS, facade_fields
from data_sources.facade_labels.corrections import (
    Correction,
    corrected_answers,
    merge,
    read_corrections,
    write_corrections,
)
from data_sources.facade_labels.evidence import Belief
from data_sources.facade_labels.fill_in import default_of, regional_default
from data_sources.facade_labels.sights import View, make_sights, read_views
from data_sources.facade_labels.table import read_table, write_table
from heatmat.errors import InputError
from heatmat.output.atomic import aside

FOLDER = "materials"
CORRECTIONS = "corrections.csv"
DEFAULT = "regional_default.csv"
CALIBRATION = "calibration.json"
BUILDINGS = "buildings.csv"

Say = Callable[[str], None]
Answers = Callable[[Sequence[Crop], Say], list[CropAnswer]]
"""What answers for the crops: a model with its memory of earlier runs."""


@dataclass(frozen=True)
class Materials:
    """What a run found.

    Attributes
    ----------
    city : CityBuildings
    views : list of View
    answers : dict of str to CropAnswer
        By image id, corrected ones as corrected.
    raw_answers : dict of str to CropAnswer
        As the model gave them.
    beliefs : Beliefs
    corrections : list of Correction
    fields : dict of str to dict
        What was written of each building.
    skipped : dict of str to str
        Views without an answer, and why.
    notes : list of str
    counts : dict of str to int
        Buildings by source, views, edited buildings.
    """

    city: CityBuildings
    views: list[View]
    answers: dict[str, CropAnswer]
    raw_answers: dict[str, CropAnswer]
    beliefs: Beliefs
    corrections: list[Correction]
    fields: dict[str, dict[str, Any]]
    skipped: dict[str, str]
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def label_city(
    folder: Path, answer: Answers, say: Say, *, more: Sequence[Correction] = ()
) -> Materials:
    """Find every building's facade and write it into the folder.

    Parameters
    ----------
    folder : Path
        City folder with ``views/``.
    answer : callable
        Asked about every crop.
    say : callable
        Told the stage that begins.
    more : sequence of Correction
        Kept in the folder from now on.

    Raises
    ------
    InputError
        When the folder has no views, or one of its tables must be mended.
    """
    say("materials: reading the city")
    views = read_views(folder)
    city = read_city(folder)
    own = folder / FOLDER
    corrections = merge(read_corrections(own / CORRECTIONS), more)
    notes = _unknown(corrections, city, views)
    table = read_table(folder, city.own_walls)
    default = read_default(own / DEFAULT, city.default_facade)
    views = [_of_feature(view, city) for view in views]
    notes += _homeless(views, city)
    seen = city.path.stat().st_mtime_ns
    raw = {a.image_id: a for a in answer([view.crop for view in views], say)}
    # Hours may have passed: what a person has edited meanwhile is taken as it is now.
    corrections = merge(read_corrections(own / CORRECTIONS), more)
    if city.path.stat().st_mtime_ns != seen:
        city = read_city(folder)
    temperature = read_temperature(own / CALIBRATION, raw.values(), notes)
    raw = {name: at_temperature(a, temperature) for name, a in raw.items()}
    answers = corrected_answers(raw, corrections)
    say("materials: putting the evidence together")
    beliefs = believe(city.known(default), make_sights(views, answers), corrections)
    models = sorted({f"{a.model}@{a.revision}" for a in raw.values()})
    notes += _mute(beliefs)
    fields = {
        name: facade_fields(facade, table, ", ".join(models))
        for name, facade in beliefs.facades.items()
    }
    say("materials: writing")
    if more:
        write_corrections(own / CORRECTIONS, corrections)
    write_table(folder)
    write_default(own / DEFAULT, default)
    write_facades(city, fields)
    write_buildings_table(own / BUILDINGS, city, fields)
    skipped = {name: ", ".join(a.faults) for name, a in raw.items() if _broken(a)}
    corrected = {row.image_id for row in corrections if row.image_id}
    skipped = {name: why for name, why in skipped.items() if name not in corrected}
    result = Materials(city, views, answers, raw, beliefs, corrections, fields, skipped, notes)
    result.counts.update(_count(result))
    return result


def _mute(beliefs: Beliefs) -> list[str]:
    """A line where the views of whole buildings were too unsure to count."""
    if not beliefs.mute:
        return []
    return [
        f"{len(beliefs.mute)} buildings have views of which the model is too unsure to count; tags "
        "and neighbours fill them (heatmat materials --self-check tells what the model is good for)"
    ]


def _of_feature(view: View, city: CityBuildings) -> View:
    """A view of the feature that its building is a polygon of."""
    name = feature_id(view.crop.building_id, city.tags)
    if name == view.crop.building_id:
        return view
    return replace(view, crop=replace(view.crop, building_id=name))


def _broken(answer: CropAnswer) -> bool:
    """Whether a picture could not be used; one without a facade in it could."""
    return bool(answer.faults) and answer.faults != ["no_facade"]


def _unknown(
    corrections: Sequence[Correction], city: CityBuildings, views: Sequence[View]
) -> list[str]:
    """Corrections that speak of what is not there: kept, and said."""
    images = {view.crop.image_id for view in views}
    lost = [
        row.image_id or row.building_id
        for row in corrections
        if (row.image_id not in images if row.image_id else row.building_id not in city.tags)
    ]
    if not lost:
        return []
    names = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
    return [f"{len(lost)} corrections speak of what is not in the folder: {names}"]


def _homeless(views: Sequence[View], city: CityBuildings) -> list[str]:
    """Views of what is not in the buildings file: they are shown, and serve nobody."""
    lost = sorted({v.crop.building_id for v in views if v.crop.building_id not in city.tags})
    if not lost:
        return []
    names = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
    return [f"views of {len(lost)} buildings that are not in {city.path.name}: {names}"]


def _count(result: Materials) -> dict[str, int]:
    sources = Counter(facade.source for facade in result.beliefs.facades.values())
    stated = len(result.city.tags) - len(result.beliefs.facades)
    sources[STATED] += stated
    counts = {name: sources[name] for name in SOURCES if sources[name]}
    return counts | {
        "buildings": len(result.city.tags),
        "views": len(result.views),
        "views_skipped": len(result.skipped),
        "views_without_facade": sum(a.faults == ["no_facade"] for a in result.raw_answers.values()),
        "edited": len(result.city.edited),
    }


def read_temperature(path: Path, answers: Any, notes: list[str]) -> float:
    """The temperature of a calibration of the model that answered; 1 without one."""
    if not path.is_file():
        return 1.0
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        temperature = float(stored["temperature"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "is not a calibration", where=str(path), got=str(error), remedy="remove it"
        ) from None
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise InputError("the temperature must be above 0", where=str(path), got=temperature)
    asked = {(a.revision, a.prompt_id) for a in answers}
    if asked and asked != {tuple(stored.get(k) for k in ("revision", "prompt_id"))}:
        notes.append(f"{path.name} is of another model or prompt, and not used")
        return 1.0
    return temperature


def read_default(path: Path, default_facade: str) -> Belief:
    """The regional default: of the folder's table, else from the scenario's default facade.

    Raises
    ------
    InputError
        When the table is not one.
    """
    if not path.is_file():
        return regional_default(TAG_LABELS.get(default_facade, "render"))
    shares: dict[str, float] = {}
    # What is no text in UTF-8 becomes no label, and is said below.
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as stream:
        for i, row in enumerate(csv.DictReader(stream)):
            label = (row.get("label") or "").strip()
            try:
                share = float(row.get("share") or "")
            except ValueError:
                share = math.nan
            if label not in (*LABELS, "window") or not 0.0 <= share <= 1.0:
                raise InputError(
                    "not a label and its share",
                    where=f"{path}: row {i + 2}",
                    expected="one of " + ", ".join((*LABELS, "window")) + ", and 0 to 1",
                    got=f"{label}, {row.get('share')}",
                )
            shares[label] = share
    if not sum(shares.get(label, 0.0) for label in LABELS) > 0.0:
        raise InputError("no material has a share", where=str(path))
    return default_of(shares, min(max(shares.get("window", 0.25), 0.001), 0.999))


def write_default(path: Path, default: Belief) -> None:
    """Put the regional default into a folder for editing, where there is none yet."""
    if path.exists():
        return
    rows = [*zip(LABELS, default.shares, strict=True), ("window", default.window_share)]
    text = "label,share\n" + "".join(f"{label},{share:.4f}\n" for label, share in rows)
    with aside(path) as part:
        part.write_text(text, encoding="utf-8")


def write_buildings_table(
    path: Path, city: CityBuildings, fields: Mapping[str, Mapping[str, Any]]
) -> None:
    """A row a building: what is believed of it, and why; for reading only."""
    columns = (
        *("building_id", "facade_source", "facade_confidence", *LABELS, "window_share"),
        *("window_source", "images", "neighbours", "said", "facade_composition"),
    )
    with aside(path) as part, open(part, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for name in city.tags:
            known = fields.get(name)
            if known is None:
                writer.writerow({"building_id": name, "facade_source": STATED})
                continue
            evidence = known["facade_evidence"]
            writer.writerow(
                {
                    "building_id": name,
                    **{key: known[key] for key in FIELDS[1:3]},
                    **{label: evidence["labels"].get(label, 0.0) for label in LABELS},
                    "window_share": evidence["window_share"],
                    "window_source": evidence["window_source"],
                    "images": " ".join(evidence.get("images", [])),
                    "neighbours": " ".join(evidence.get("neighbours", [])),
                    "said": evidence.get("said", ""),
                    "facade_composition": json.dumps(known["facade_composition"]),
                }
            )
