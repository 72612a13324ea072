"""A labeller: crops are opened, cut into tiles, scored in batches, and put together again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from data_sources.facade_labels.answer import (
    Crop,
    CropAnswer,
    Progress,
    from_tiles,
    no_answer,
)
from data_sources.facade_labels.tiles import Tiles, cut
from data_sources.image_files import BrokenImageError
from heatmat.errors import InputError, MemoryLimitError

if TYPE_CHECKING:
    from PIL import Image

PAUSE = 10.0
"""Between lines of progress, at least [s]."""

DIGITS = 4
"""To which logits are rounded, so that a kept answer equals a fresh one."""


class Scorer(Protocol):
    """A model of one family."""

    family: str
    side: int | None
    classes: tuple[str, ...]

    def score(self, tiles: Sequence[Image.Image]) -> np.ndarray:
        """Logits, shape (tiles, classes)."""


class TileLabeller:
    """A `Labeller` of either family.

    Parameters
    ----------
    scorer : Scorer
    model, revision, prompt_id : str
        See `CropAnswer`.
    tiles : int
        Tiles a crop.
    batch_size : int
        Tiles at once.
    temperature : float
        What logits are divided by.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        model: str,
        revision: str,
        prompt_id: str,
        tiles: int,
        batch_size: int,
        temperature: float = 1.0,
    ) -> None:
        self.scorer, self.family = scorer, scorer.family
        self.model, self.revision, self.prompt_id = model, revision, prompt_id
        self.tiles, self.batch_size, self.temperature = tiles, batch_size, temperature

    def label(self, crops: Sequence[Crop], *, progress: Progress | None = None) -> list[CropAnswer]:
        """One answer a crop, in order; broken images give an answer with `faults`."""
        answers: list[CropAnswer] = []
        told = time.monotonic()
        waiting: list[tuple[Crop, Tiles | str]] = []
        for crop in crops:
            try:
                waiting.append((crop, cut(crop, self.tiles, self.scorer.side)))
            except BrokenImageError as error:
                waiting.append((crop, str(error)))
            if sum(len(t.images) for _, t in waiting if isinstance(t, Tiles)) >= self.batch_size:
                answers += self._answer(waiting)
                waiting = []
                if progress is not None and time.monotonic() - told > PAUSE:
                    told = time.monotonic()
                    progress(f"materials: {len(answers)} of {len(crops)} crops")
        return answers + self._answer(waiting)

    def _answer(self, waiting: Sequence[tuple[Crop, Tiles | str]]) -> list[CropAnswer]:
        """Score the tiles of several crops together."""
        images = [image for _, t in waiting if isinstance(t, Tiles) for image in t.images]
        logits = np.round(self._score(images), DIGITS)
        answers, start = [], 0
        for crop, tiles in waiting:
            if isinstance(tiles, str):
                answers.append(no_answer(crop, self, tiles))
                continue
            stop = start + len(tiles.images)
            empty = no_answer(crop, self)
            empty.raw.update(
                classes=list(self.scorer.classes),
                tiles=logits[start:stop].tolist(),
                boxes=[[round(v, 6) for v in box] for box in tiles.boxes],
                weights=[round(w, 6) for w in tiles.weights],
            )
            answers.append(from_tiles(empty, self.temperature))
            start = stop
        return answers

    def _score(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Logits in batches, shape (images, classes); half the batch where memory ends."""
        parts, start = [np.zeros((0, len(self.scorer.classes)))], 0
        while start < len(images):
            batch = images[start : start + self.batch_size]
            try:
                logits = self.scorer.score(batch)
            except Exception as error:  # which of torch's depends on the device
                if not _out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise MemoryLimitError(
                        "a single tile does not fit into memory",
                        where=self.model,
                        remedy="take a smaller model, --dtype bfloat16, or --device cpu",
                    ) from None
                self.batch_size = len(batch) // 2
                continue
            if not np.isfinite(logits).all():
                raise InputError(
                    "the model gave no finite numbers",
                    where=self.model,
                    remedy="its weights may be damaged, or half precision too coarse: "
                    "--dtype float32",
                )
            parts.append(logits)
            start += len(batch)
        return np.concatenate(parts)


def _out_of_memory(error: Exception) -> bool:
    """Whether a device's memory was at its end."""
    return type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error).lower()
