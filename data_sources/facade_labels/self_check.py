"""Drawn facades on the user's model: whether the whole chain works on this machine."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer, Labeller, Progress
from data_sources.facade_labels.drawn_facades import draw_facade

VARIANTS = 3
"""Pictures of each material."""

PASSING = 0.5
"""Share that must be named right: four times what guessing gives. Stated."""


@dataclass(frozen=True)
class Check:
    """What the model said.

    Attributes
    ----------
    model, revision : str
    answers : list of (label, CropAnswer)
        True label and answer.
    """

    model: str
    revision: str
    answers: list[tuple[str, CropAnswer]]

    @property
    def right(self) -> int:
        """Pictures whose prevailing material was named."""
        return sum(_said(answer) == label for label, answer in self.answers)

    @property
    def passed(self) -> bool:
        """Whether enough was right, and every picture was answered."""
        return self.right >= PASSING * len(self.answers)


def check_model(labeller: Labeller, *, progress: Progress | None = None) -> Check:
    """Ask a model about `VARIANTS` drawn pictures of every material."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="heatmat-self-check-") as folder:
        names, crops = [], []
        for label in LABELS:
            for variant in range(VARIANTS):
                path = Path(folder) / f"{label}_{variant}.png"
                Image.fromarray(draw_facade(label, variant)).save(path)
                names.append(label)
                crops.append(Crop(path.name, "", path))
        answers = labeller.label(crops, progress=progress)
    return Check(labeller.model, labeller.revision, list(zip(names, answers, strict=True)))


def _said(answer: CropAnswer) -> str:
    return max(answer.shares, key=lambda label: answer.shares[label]) if answer.usable else ""


def check_lines(found: Check) -> list[str]:
    """A line a material, and one for all."""
    width = max(len(label) for label in LABELS)
    lines = [f"{found.model} @ {found.revision}, drawn facades (no photographs):"]
    for label in LABELS:
        said = [_said(answer) or "nothing" for name, answer in found.answers if name == label]
        windows = [a.window_share for name, a in found.answers if name == label]
        mean = sum(windows) / len(windows)
        lines.append(f"{label:<{width}}  {', '.join(said)}; windows {mean:.2f}")
    verdict = "works" if found.passed else "does not work"
    lines.append(f"{found.right} of {len(found.answers)} right: {verdict} (guessing: 1 in 8)")
    return lines
