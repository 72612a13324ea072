"""A labeller over all crops of a city: answers are kept as they come, and none is asked for twice.

``answers.jsonl`` has a line an answer. What it is an answer to stands with it: the crop's content
(and mask), the model and its revision, and a digest of the question. A line is written as soon as
its crops are done, so an interruption loses at most the crops in work; a line that was cut short is
passed over.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_sources.facade_labels.answer import (
    Crop,
    CropAnswer,
    Labeller,
    Progress,
    from_tiles,
    no_answer,
)
from data_sources.facade_labels.labeller import PAUSE
from data_sources.facade_labels.tiles import fingerprint
from data_sources.image_files import BrokenImageError

GROUP = 8
"""Crops that are handed to the model together, and then written."""


@dataclass(frozen=True)
class LabelRun:
    """What came of the crops.

    Attributes
    ----------
    answers : list of CropAnswer
        One a crop, in order.
    new, kept : int
        How many were asked now, and how many lay there from earlier.
    broken : dict of str to str
        ``image_id`` to why it could not be read.
    images_per_second : float
        Of the new ones; 0 where there were none.
    """

    answers: list[CropAnswer]
    new: int
    kept: int
    broken: dict[str, str] = field(default_factory=dict)
    images_per_second: float = 0.0

    def summary(self) -> str:
        """One line: how many, how fast, and every picture that is broken by name."""
        line = f"materials: {len(self.answers)} crops, {self.new} asked now, {self.kept} kept"
        if self.images_per_second:
            line += f", {self.images_per_second:.2g} images/s"
        if self.broken:
            named = ", ".join(f"{name} ({why})" for name, why in sorted(self.broken.items()))
            line += f"; {len(self.broken)} not readable: {named}"
        return line


def label_crops(
    labeller: Labeller,
    crops: Sequence[Crop],
    kept: Path,
    *,
    progress: Progress | None = None,
) -> LabelRun:
    """Answers for all crops: those in the file `kept`, and for the others the model's.

    Parameters
    ----------
    labeller : Labeller
    crops : sequence of Crop
    kept : Path
        ``answers.jsonl``; made where it is not there.
    progress : callable, optional
        Is told a line every few seconds.
    """
    known = _read(kept, (labeller.revision, labeller.prompt_id))
    answers: list[CropAnswer | None] = [None] * len(crops)
    waiting: dict[str, list[int]] = {}
    for i, crop in enumerate(crops):
        try:
            key = fingerprint(crop)
        except BrokenImageError as error:
            answers[i] = no_answer(crop, labeller, str(error))
            continue
        if key in known:
            answers[i] = _restored(crop, labeller, known[key])
        if answers[i] is None:
            waiting.setdefault(key, []).append(i)  # one picture may stand in several rows
    there = sum(answer is not None for answer in answers)
    began = told = time.monotonic()
    keys, done = list(waiting), 0
    for start in range(0, len(keys), GROUP):
        group = keys[start : start + GROUP]
        fresh = labeller.label([crops[waiting[key][0]] for key in group])
        _append(kept, labeller, dict(zip(group, fresh, strict=True)))
        for key, answer in zip(group, fresh, strict=True):
            for i in waiting[key]:
                record = {"raw": answer.raw, "faults": answer.faults}
                answers[i] = _restored(crops[i], labeller, record) or no_answer(
                    crops[i], labeller, *answer.faults
                )
        done += len(group)
        now = time.monotonic()
        if progress is not None and (now - told > PAUSE or done == len(keys)):
            told = now
            progress(_line(there + done, len(crops), done, len(keys), now - began))
    took = time.monotonic() - began
    final = [answer for answer in answers if answer is not None]
    bad = [answer for answer in final if answer.faults and answer.faults != ["no_facade"]]
    broken = {answer.image_id: ", ".join(answer.faults) for answer in bad}
    return LabelRun(final, done, there, broken, done / took if done and took > 0 else 0.0)


def _line(ready: int, total: int, done: int, asked: int, took: float) -> str:
    rate = done / max(took, 1e-9)
    left = (asked - done) / rate / 60
    return f"materials: {ready} of {total} crops, {rate:.2g} images/s, {left:.0f} min left"


def _restored(crop: Crop, labeller: Labeller, record: dict[str, Any]) -> CropAnswer | None:
    """An answer for this crop from what was kept, at the labeller's temperature.

    None where the record makes no answer: it is asked anew.
    """
    empty = no_answer(crop, labeller, *map(str, record["faults"]))
    empty.raw.update(record["raw"])
    if not empty.raw.get("tiles"):
        return empty if empty.faults else None
    try:
        answer = from_tiles(empty, labeller.temperature)
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError):
        return None
    return answer if math.isfinite(answer.facade_fraction + answer.certainty) else None


def _read(path: Path, identity: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """Kept answers of this model to this question, by the crop's content.

    The revision stands for the model: a folder can be named in many ways.
    """
    found: dict[str, dict[str, Any]] = {}
    if not path.is_file():
        return found
    with open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                record = json.loads(line)
                same = (record["revision"], record["prompt_id"]) == identity
                if same and isinstance(record["raw"], dict) and isinstance(record["faults"], list):
                    found[record["image"]] = record
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # cut short, or written by something else
    return found


def _append(path: Path, labeller: Labeller, fresh: dict[str, CropAnswer]) -> None:
    """Write answers behind those that are there, and see that they reach the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+") as stream:
        if stream.tell() > 0:
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")  # the last line was cut short
        for key, answer in fresh.items():
            record = {
                "image": key,
                "model": labeller.model,
                "revision": labeller.revision,
                "prompt_id": labeller.prompt_id,
                "faults": answer.faults,
                "raw": answer.raw,
            }
            stream.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
