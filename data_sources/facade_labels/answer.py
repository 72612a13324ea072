"""What a labeller is asked, and what it answers: the composition of the wall in one crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

LABELS = ("brick", "concrete", "render", "natural_stone", "wood", "metal", "glass", "tile")
"""Wall materials. ``glass`` is a wall of glass (curtain wall, glass cladding) with its panes;
glazed openings in a wall of something else are the window share."""

WINDOW = "window"
"""The class of tiles that show glazed openings: they make the window share."""

MIN_FACADE = 0.5
"""Tiles that are less likely than this to show the facade are left out of the composition."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Crop:
    """One picture of one facade.

    Attributes
    ----------
    image_id : str
        Names the crop in everything that is written: its file below ``views/``, say.
    building_id : str
    path : Path
        JPEG, PNG or WebP.
    mask : tuple of (x, y) pairs or None
        Polygon of the facade in the crop, as shares of its width and height from the upper left
        corner; None: the whole crop.
    visibility : float
        Share of the facade's area that the crop shows, 0 to 1.
    distance_m : float
        From the camera to the wall.
    sharpness : float
        Quality of the image as far as it is known, 0 to 1.
    """

    image_id: str
    building_id: str
    path: Path
    mask: tuple[tuple[float, float], ...] | None = None
    visibility: float = 1.0
    distance_m: float = 10.0
    sharpness: float = 0.5


@dataclass(frozen=True)
class CropAnswer:
    """What a model says of one crop.

    The facade as a whole is ``window_share`` of glazing, and ``1 - window_share`` of wall divided
    by `shares` (see `composition`).

    Attributes
    ----------
    image_id, building_id : str
        Of the crop.
    shares : dict of str to float
        Of the opaque wall, over `LABELS`; sum 1. All equal where nothing could be said: `certainty`
        is 0 then.
    window_share : float
        Of the facade: glazed openings, 0 to 1. A wall of glass is in `shares`.
    certainty : float
        ``facade_fraction`` times the mean over the facade's tiles of 1 - H / log n, where H is the
        entropy of a tile's probabilities over its n facade classes: 1 where the whole crop is
        facade and every tile is one class for sure, 0 where nothing is facade or nothing is known.
        A mixture of tiles that are each certain is certain.
    facade_fraction : float
        Share of the crop (of its mask, where it has one) that was judged facade, 0 to 1: the mean
        of the tiles' probabilities to show it.
    patches : list of dict or None
        The tiles, row by row: ``box`` (x0, y0, x1, y1 as shares of the crop), ``weight`` (share of
        the tile within the mask), ``facade`` (probability that it shows the facade) and ``classes``
        (class to probability, those above 0.005).
    model, revision, prompt_id : str
        What made it: hub name or folder, commit (of a folder a digest of its files), and a digest
        of the question and its settings.
    raw : dict
        ``classes``: names; ``tiles``: logits, a row a tile, at temperature 1; ``boxes`` and
        ``weights`` of the tiles; ``logits``: label to the mean of the facade tiles'
        log-probabilities over `LABELS` at temperature 1, whose softmax is the crop's prevailing
        material.
    faults : list of str
        Why there is no answer, in a word or two: ``truncated``, ``not_an_image``, ``no_facade``...
    """

    image_id: str
    building_id: str
    shares: dict[str, float]
    window_share: float
    certainty: float
    facade_fraction: float
    patches: list[dict[str, Any]] | None
    model: str
    revision: str
    prompt_id: str
    raw: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether it says anything."""
        return not self.faults and self.certainty > 0

    @property
    def composition(self) -> dict[str, float]:
        """The whole facade: every label's share of it, and ``window``; sum 1."""
        wall = 1.0 - self.window_share
        return {k: v * wall for k, v in self.shares.items()} | {WINDOW: self.window_share}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CropAnswer:
        """The answer that `to_dict` wrote; TypeError where fields are missing."""
        return cls(**values)


class Labeller(Protocol):
    """A model ready to be asked."""

    @property
    def family(self) -> str:
        """``contrastive`` or ``generative``."""

    @property
    def model(self) -> str:
        """Hub name or folder."""

    @property
    def revision(self) -> str:
        """Commit on the hub; of a folder a digest of its files."""

    @property
    def prompt_id(self) -> str:
        """Digest of the question and its settings."""

    @property
    def temperature(self) -> float:
        """What logits are divided by."""

    def label(self, crops: Sequence[Crop], *, progress: Progress | None = None) -> list[CropAnswer]:
        """One answer a crop, in order; broken images give an answer with `faults`."""


def no_answer(crop: Crop, labeller: Labeller, *faults: str) -> CropAnswer:
    """The answer for a crop of which nothing can be said."""
    return CropAnswer(
        image_id=crop.image_id,
        building_id=crop.building_id,
        shares=dict.fromkeys(LABELS, 1.0 / len(LABELS)),
        window_share=0.0,
        certainty=0.0,
        facade_fraction=0.0,
        patches=None,
        model=labeller.model,
        revision=labeller.revision,
        prompt_id=labeller.prompt_id,
        faults=list(faults),
    )


def from_tiles(answer: CropAnswer, temperature: float = 1.0) -> CropAnswer:
    """Fill in an answer from the logits of its tiles (``raw``: classes, tiles, boxes, weights).

    Parameters
    ----------
    answer : CropAnswer
        With ``raw``; everything that follows from it is replaced.
    temperature : float
        What logits are divided by before the softmax: above 1 flattens the probabilities.
    """
    raw = answer.raw
    classes = list(raw["classes"])
    logits = np.asarray(raw["tiles"], dtype=float)
    weight = np.asarray(raw["weights"], dtype=float)
    p = softmax(logits / temperature)
    wall = [classes.index(label) for label in LABELS]
    window = classes.index(WINDOW)
    facade = p[:, [*wall, window]].sum(axis=1)
    kept = weight * facade * (facade >= MIN_FACADE)
    patches = [
        {
            "box": list(box),
            "weight": float(w),
            "facade": round(float(f), 4),
            "classes": {
                c: round(float(v), 4) for c, v in zip(classes, row, strict=True) if v > 5e-3
            },
        }
        for box, w, f, row in zip(raw["boxes"], weight, facade, p, strict=True)
    ]
    fraction = float((weight * facade).sum() / weight.sum())
    if kept.sum() <= 0:
        return replace(
            answer,
            shares=dict.fromkeys(LABELS, 1.0 / len(LABELS)),
            window_share=0.0,
            certainty=0.0,
            facade_fraction=fraction,
            patches=patches,
            faults=["no_facade"],
        )
    of_facade = p[:, [*wall, window]] / facade[:, None]
    mean = (kept[:, None] * of_facade).sum(axis=0) / kept.sum()
    opaque, window_share = mean[:-1], float(mean[-1])
    log_wall = np.log(np.clip(softmax(logits[:, wall]), 1e-12, None))
    pooled = (kept[:, None] * log_wall).sum(axis=0) / kept.sum()
    entropy = -(of_facade * np.log(np.clip(of_facade, 1e-12, None))).sum(axis=1)
    peaked = float((kept * (1 - entropy / np.log(of_facade.shape[1]))).sum() / kept.sum())
    whole = opaque.sum()
    # A crop of nothing but windows says nothing about the wall between them.
    shares = opaque / whole if whole > 1e-9 else np.full(len(LABELS), 1 / len(LABELS))
    return replace(
        answer,
        shares={label: float(s) for label, s in zip(LABELS, shares, strict=True)},
        window_share=window_share,
        certainty=float(np.clip(fraction * peaked, 0, 1)),
        facade_fraction=fraction,
        patches=patches,
        raw=dict(raw) | {"logits": dict(zip(LABELS, pooled.tolist(), strict=True))},
        faults=[],
    )


def at_temperature(answer: CropAnswer, temperature: float) -> CropAnswer:
    """The same answer with its logits divided by another temperature (as is without logits)."""
    return from_tiles(answer, temperature) if answer.raw.get("tiles") else answer


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))
