"""A model against images that people have labelled."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer, Labeller, Progress
from data_sources.facade_labels.calibration import (
    Curve,
    calibration_curve,
    class_scores,
    confusion_matrix,
    fit_temperature,
    likelihood_loss,
    macro_f1,
    probabilities,
    split,
    wilson,
)
from data_sources.facade_labels.sights import as_vector
from heatmat.errors import InputError, nearest
from heatmat.text_table import Faults, numbers, read_text_table, require_columns

COLUMNS = ("file", "label", "window_share", *LABELS)

LEAST = 20
"""Images that a temperature is fitted on, at least; and as many that it is reported on."""


@dataclass(frozen=True)
class Labelled:
    """An image and what it shows.

    Attributes
    ----------
    crop : Crop
    label : int
        Number in `LABELS` of the prevailing material.
    shares : ndarray or None
        Of the wall, where the table has them.
    window_share : float
        NaN where not given.
    """

    crop: Crop
    label: int
    shares: np.ndarray | None
    window_share: float


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    Attributes
    ----------
    model, revision, prompt_id : str
    count : int
        Images with an answer.
    accuracy, macro_f1 : float
    accuracy_interval : tuple of float
        95 %.
    confusion : ndarray of int
        True label by row.
    temperature : float
        Fitted on half of the images; 1 where there are too few.
    fitted_on, reported_on : int
    curves : dict of str to Curve
        ``before`` and ``after`` the temperature, both on the half it was not fitted on; all images
        and ``before`` alone where there are too few.
    loss : dict of str to float
        Negative log-likelihood, likewise.
    composition_error, window_error : float
        Mean total variation distance of the wall's shares and mean absolute error of the window
        share, where the table has them; else NaN.
    skipped : dict of str to str
        Images without an answer, and why.
    """

    model: str
    revision: str
    prompt_id: str
    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    confusion: np.ndarray
    temperature: float
    fitted_on: int
    reported_on: int
    curves: dict[str, Curve]
    loss: dict[str, float]
    composition_error: float
    window_error: float
    skipped: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: numbers that are not known are null."""
        precision, recall, f1 = class_scores(self.confusion)
        return {
            "model": self.model,
            "revision": self.revision,
            "prompt_id": self.prompt_id,
            "images": self.count,
            "accuracy": self.accuracy,
            "accuracy_95": list(self.accuracy_interval),
            "macro_f1": self.macro_f1,
            "labels": list(LABELS),
            "confusion": self.confusion.tolist(),
            "by_label": {
                name: {
                    "images": int(self.confusion[i].sum()),
                    "precision": _plain(precision[i]),
                    "recall": _plain(recall[i]),
                    "f1": _plain(f1[i]),
                }
                for i, name in enumerate(LABELS)
            },
            "temperature": self.temperature,
            "temperature_fitted_on": self.fitted_on,
            "reported_on": self.reported_on,
            "calibration": {
                name: {
                    "expected_calibration_error": curve.error,
                    "negative_log_likelihood": self.loss[name],
                    "confidence": [_plain(v) for v in curve.confidence],
                    "accuracy": [_plain(v) for v in curve.accuracy],
                    "images": curve.count.tolist(),
                }
                for name, curve in self.curves.items()
            },
            "composition_error": _plain(self.composition_error),
            "window_error": _plain(self.window_error),
            "skipped": self.skipped,
        }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def read_labels(path: Path, city: Path) -> list[Labelled]:
    """Read LABELS.csv: ``file`` and ``label``, or ``file`` and a share column a material.

    Parameters
    ----------
    path : Path
    city : Path
        Files are looked for beside the table, then in the city's ``views/``.

    Raises
    ------
    InputError
        One line with every fault.
    """
    table = read_text_table(path, COLUMNS)
    faults = Faults(str(path))
    given = [name for name in LABELS if name in table.columns]
    require_columns(table, ("file",) if given else ("file", "label"), faults)
    faults.raise_any()
    unit = {"low": 0.0, "high": 1.0, "unit": "of the wall"}
    shares = {name: numbers(table, name, faults, blank=0.0, **unit) for name in given}  # type: ignore[arg-type]
    window = numbers(table, "window_share", faults, blank=math.nan, **unit)  # type: ignore[arg-type]
    rows = []
    for i, name in enumerate(table.columns["file"]):
        values = as_vector({k: column[i] for k, column in shares.items()}) if given else None
        if values is not None and not any(column[i] > 0.0 for column in shares.values()):
            values = None
        label = str(table.columns["label"][i]).lower() if "label" in table.columns else ""
        if not label and values is not None:
            label = LABELS[int(values.argmax())]
        if label not in LABELS:
            faults.add(
                "unknown material",
                where=table.place(i, "label"),
                got=repr(label) if label else "nothing",
                remedy=nearest(label, LABELS) if label else "",
            )
            continue
        crop = Crop(str(name), "", _found(str(name), path.parent, city))
        rows.append(Labelled(crop, LABELS.index(label), values, window[i]))
    faults.raise_any()
    return rows


def _found(name: str, beside: Path, city: Path) -> Path:
    own = beside / name
    return own if own.is_file() else city / "views" / name


def evaluate_model(
    labeller: Labeller,
    rows: Sequence[Labelled],
    city: Path,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask a model about labelled images; answers are kept beside those of the city.

    Raises
    ------
    InputError
        When none of the images could be answered.
    """
    from data_sources.facade_labels.run_labels import label_crops

    kept = city / "materials" / "answers.jsonl"
    run = label_crops(labeller, [row.crop for row in rows], kept, progress=progress)
    return compare_answers(run.answers, rows, seed=seed)


def compare_answers(
    answers: Sequence[CropAnswer], rows: Sequence[Labelled], *, seed: int = 0
) -> Evaluation:
    """Answers beside labels, in the same order."""
    pairs = [(a, row) for a, row in zip(answers, rows, strict=True) if a.usable]
    skipped = {a.image_id: ", ".join(a.faults) for a in answers if a.faults}
    if not pairs:
        why = next(iter(skipped.values()), "the model says nothing")
        raise InputError("no image could be used", where="--evaluate", got=why)
    logits = np.array([label_logits(a) for a, _ in pairs])
    true = np.array([row.label for _, row in pairs])
    said = logits.argmax(axis=1)
    confusion = confusion_matrix(true, said, len(LABELS))
    fitted = split(true, seed)
    enough = min(int(fitted.sum()), int((~fitted).sum())) >= LEAST
    temperature = fit_temperature(logits[fitted], true[fitted]) if enough else 1.0
    rest = ~fitted if enough else np.ones(len(true), bool)
    curves, loss = {}, {}
    for name, value in (("before", 1.0), ("after", temperature))[: 1 + enough]:
        p = probabilities(logits[rest], value)
        curves[name] = calibration_curve(p, true[rest])
        loss[name] = likelihood_loss(p, true[rest])
    right = int((said == true).sum())
    first = pairs[0][0]
    misses = [
        0.5 * np.abs(as_vector(a.shares) - row.shares).sum()
        for a, row in pairs
        if row.shares is not None
    ]
    gaps = [
        abs(a.window_share - row.window_share)
        for a, row in pairs
        if math.isfinite(row.window_share)
    ]
    return Evaluation(
        first.model, first.revision, first.prompt_id, len(pairs), right / len(pairs),
        wilson(right, len(pairs)), macro_f1(confusion), confusion, temperature,
        int(fitted.sum()) if enough else 0, int(rest.sum()), curves, loss,
        float(np.mean(misses)) if misses else math.nan,
        float(np.mean(gaps)) if gaps else math.nan, skipped,
    )  # fmt: skip


def label_logits(answer: CropAnswer) -> np.ndarray:
    """Log-probabilities of the prevailing material over `LABELS`, at temperature 1."""
    stored = answer.raw.get("logits")
    if isinstance(stored, dict) and all(label in stored for label in LABELS):
        return np.array([float(stored[label]) for label in LABELS])
    return np.log(np.clip(as_vector(answer.shares), 1e-6, None))


def write_calibration(path: Path, found: Evaluation) -> bool:
    """Keep a fitted temperature for later runs over the city; whether there is one.

    Only where it makes the labels that it was not fitted on more likely.
    """
    from heatmat.output.atomic import aside

    if "after" not in found.loss or found.loss["after"] >= found.loss["before"]:
        return False
    about = {
        "temperature": found.temperature,
        "model": found.model,
        "revision": found.revision,
        "prompt_id": found.prompt_id,
        "fitted_on": found.fitted_on,
        "reported_on": found.reported_on,
        "expected_calibration_error": {k: curve.error for k, curve in found.curves.items()},
    }
    with aside(path) as part:
        part.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return True


def report_lines(found: Evaluation) -> list[str]:
    """The figures for standard output."""
    low, high = found.accuracy_interval
    lines = [
        f"images             {found.count}",
        f"accuracy           {found.accuracy:.3f} (95 %: {low:.3f} to {high:.3f})",
        f"macro F1           {found.macro_f1:.3f}",
        f"calibration error  {found.curves['before'].error:.3f} on {found.reported_on} images",
    ]
    if "after" in found.curves:
        lines += [
            f"temperature        {found.temperature:.3f}, fitted on {found.fitted_on} others",
            f"with it            {found.curves['after'].error:.3f}",
        ]
    else:
        lines.append(f"temperature        not fitted: {2 * LEAST} images are needed")
    if math.isfinite(found.composition_error):
        lines.append(f"composition error  {found.composition_error:.3f}")
    if math.isfinite(found.window_error):
        lines.append(f"window error       {found.window_error:.3f}")
    return lines
