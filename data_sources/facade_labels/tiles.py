"""Crops from disk, and the tiles they are cut into.

Nothing is believed of a file before its header is read (`image_files.decode`): broken, hostile or
missing pictures end in a word that says why, never in an exception that stops a run.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_sources.facade_labels.answer import Crop
from data_sources.image_files import MAX_BYTES, BrokenImageError, decode

if TYPE_CHECKING:
    from PIL import Image

MIN_SIDE = 32
"""Crops with a shorter side show nothing of a material [pixels]; none are cut smaller."""

MIN_TILE = 24
"""Side of a tile at least [pixels]."""

MAX_TILE = 1024
"""Side at most to which a tile is brought [pixels]: no model looks at more, and a picture of 40 x
2 000 000 pixels must not become a thousand squares of 1800."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of a crop's width and height, from the upper left."""


@dataclass(frozen=True)
class Tiles:
    """A crop cut up.

    Attributes
    ----------
    images : list of PIL.Image
        Square, RGB.
    boxes : list of Box
        Where each lies in the crop.
    weights : list of float
        Share of each that lies in the crop's mask, 0 to 1.
    """

    images: list[Image.Image]
    boxes: list[Box]
    weights: list[float]


def fingerprint(crop: Crop) -> str:
    """What names a crop's content: SHA-256 of its file, and of the mask where it has one.

    Raises
    ------
    BrokenImageError
        ``missing``, ``not_a_file``, ``too_many_bytes`` or ``unreadable``.
    """
    _look_at(crop.path)
    try:
        name = hashlib.sha256(crop.path.read_bytes()).hexdigest()
    except OSError:
        raise BrokenImageError("unreadable") from None
    if crop.mask is None:
        return name
    mask = json.dumps([[round(x, 6), round(y, 6)] for x, y in crop.mask])
    return f"{name}-{hashlib.sha256(mask.encode()).hexdigest()[:12]}"


def cut(crop: Crop, count: int, side: int | None = None) -> Tiles:
    """Cut a crop into about `count` tiles, as square as a grid allows.

    Parameters
    ----------
    crop : Crop
    count : int
        Tiles wanted; fewer of a small crop.
    side : int, optional
        Pixels of the side that every tile is brought to; None: each its own longer side, at most
        `MAX_TILE`.

    Raises
    ------
    BrokenImageError
        As in `fingerprint` and `image_files.decode`.
    """
    from PIL import Image

    _look_at(crop.path)
    pixels = decode(crop.path, min_side=MIN_SIDE)
    height, width = pixels.shape[:2]
    boxes, weights, images = [], [], []
    for box in grid(width, height, count):
        weight = 1.0 if crop.mask is None else covered(crop.mask, box)
        if weight <= 0:
            continue
        x0, x1 = round(box[0] * width), round(box[2] * width)
        y0, y1 = round(box[1] * height), round(box[3] * height)
        tile = Image.fromarray(np.ascontiguousarray(pixels[y0:y1, x0:x1]))
        across = side or min(max(tile.size), MAX_TILE)
        if tile.size != (across, across):
            tile = tile.resize((across, across), Image.Resampling.BICUBIC)
        images.append(tile)
        boxes.append(box)
        weights.append(weight)
    if not images:
        raise BrokenImageError("empty_mask")
    return Tiles(images, boxes, weights)


def _look_at(path: Path) -> None:
    """Refuse what is no plain file (a pipe would never end), or is not there."""
    try:
        about = path.stat()
    except FileNotFoundError:
        raise BrokenImageError("missing") from None
    except OSError:
        raise BrokenImageError("unreadable") from None
    if not stat.S_ISREG(about.st_mode):
        raise BrokenImageError("not_a_file")
    if about.st_size > MAX_BYTES:
        raise BrokenImageError("too_many_bytes")


def grid(width: int, height: int, count: int) -> list[Box]:
    """Boxes of a grid of about `count` nearly square tiles, row by row; `count` a row at most."""
    side = max((width * height / count) ** 0.5, MIN_TILE)
    columns = min(max(1, round(width / side)), count)
    rows = min(max(1, round(height / side)), count)
    x, y = np.linspace(0, 1, columns + 1).tolist(), np.linspace(0, 1, rows + 1).tolist()
    return [(x[i], y[j], x[i + 1], y[j + 1]) for j in range(rows) for i in range(columns)]


def covered(mask: Sequence[tuple[float, float]], box: Box, fine: int = 16) -> float:
    """Share of a box inside a polygon (even-odd rule), on a lattice of `fine` x `fine` points."""
    step = (np.arange(fine) + 0.5) / fine
    x, y = np.meshgrid(box[0] + step * (box[2] - box[0]), box[1] + step * (box[3] - box[1]))
    inside = np.zeros(x.shape, dtype=bool)
    for (xa, ya), (xb, yb) in zip(mask, [*mask[1:], mask[0]], strict=True):
        if ya == yb:
            continue
        crosses = (y < ya) != (y < yb)
        inside ^= crosses & (x < xa + (y - ya) / (yb - ya) * (xb - xa))
    return float(inside.mean())
