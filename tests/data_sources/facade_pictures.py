"""Made-up facades: textures told apart at a glance, and pictures put together from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

TEXTURES = ("brick", "render", "glass", "window", "sky", "tree")


def texture(name: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """One material over a whole picture, shape (height, width, 3), 0 to 255."""
    y, x = np.mgrid[0:height, 0:width]
    x, y = x + rng.integers(100), y + rng.integers(100)
    fine = rng.normal(0, 6, (height, width, 1))
    if name == "brick":
        row = y // 10
        mortar = (y % 10 < 2) | ((x + 11 * (row % 2)) % 22 < 2)
        colour = np.array([165, 75, 60]) + rng.normal(0, 12, 3)
        tone = rng.normal(0, 14, (60, 60))[row % 60, ((x + 11 * (row % 2)) // 22) % 60]
        picture = np.where(mortar[..., None], 190.0, colour + tone[..., None])
    elif name == "render":
        picture = np.array([225, 210, 175]) + rng.normal(0, 10, 3) + 0 * x[..., None]
    elif name == "glass":
        shine = 25 * np.sin((x + y) / 23.0)
        picture = np.array([70, 110, 130]) + rng.normal(0, 8, 3) + shine[..., None]
        picture[(x % 26 < 3) | (y % 34 < 3)] = 35
    elif name == "window":
        picture = np.array([40, 42, 50]) + rng.normal(0, 6, 3) + 0 * x[..., None]
        picture[(x % 30 < 4) | (y % 40 < 4)] = 245
    elif name == "sky":
        cloud = np.clip(np.sin(x / 31.0) + np.cos(y / 27.0), 0, 1)[..., None]
        picture = np.array([120, 175, 240]) + rng.normal(0, 8, 3) + 60 * cloud
    else:
        leaf = rng.normal(0, 1, (height // 4 + 1, width // 4 + 1))
        leaf = leaf.repeat(4, axis=0).repeat(4, axis=1)[:height, :width, None]
        picture = np.array([50, 105, 40]) + 25 * leaf
    return np.clip(picture + fine, 0, 255)


def scene(
    parts: Mapping[str, tuple[float, float, float, float]],
    rng: np.random.Generator,
    width: int = 384,
    height: int = 256,
) -> tuple[np.ndarray, dict[str, float]]:
    """A picture put together from rectangles, later ones in front, and each texture's area.

    Parameters
    ----------
    parts : dict of str to (x0, y0, x1, y1)
        Of the width and height; a name may end in a digit.
    """
    picture = np.zeros((height, width, 3))
    owner = np.full((height, width), -1)
    names = list(parts)
    for k, (name, (x0, y0, x1, y1)) in enumerate(parts.items()):
        cut = np.s_[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
        picture[cut] = texture(name.rstrip("0123456789"), width, height, rng)[cut]
        owner[cut] = k
    areas = dict.fromkeys(TEXTURES, 0.0)
    for k, name in enumerate(names):
        areas[name.rstrip("0123456789")] += float((owner == k).mean())
    return picture.astype(np.uint8), areas


def save(path: Path, picture: np.ndarray) -> Path:
    from PIL import Image

    Image.fromarray(picture).save(path, quality=92)
    return path
