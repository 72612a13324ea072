"""Facades drawn by rule: labelled sample images that need no photograph and no licence.

Each is a wall of one material with windows, sky above, pavement below, and a tree in one of three.
They are caricatures: a model that cannot tell them apart is not working here (wrong processor,
damaged weights, prompts in another language); one that can may still fail on photographs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIZE = 384
"""Side of a picture [pixels]."""

ROOF, FOOT = 60, 330
"""Rows between which the wall is."""

SKY, PAVEMENT, PANE, FRAME = (150, 190, 230), (110, 108, 104), (38, 52, 70), (235, 235, 230)


def draw_facade(label: str, variant: int) -> np.ndarray:
    """A picture of a facade, shape (384, 384, 3), uint8.

    Parameters
    ----------
    label : str
        Of `LABELS`.
    variant : int
        From 0: seeds what is random; every third has a tree.
    """
    rng = np.random.default_rng([variant, *label.encode()])
    picture = np.empty((SIZE, SIZE, 3))
    picture[:ROOF] = np.array(SKY) + np.linspace(-15, 25, ROOF)[:, None, None]
    picture[FOOT:] = np.array(PAVEMENT) + rng.normal(0, 5, (SIZE - FOOT, SIZE, 1))
    wall = DRAWN[label](rng, (FOOT - ROOF, SIZE))
    picture[ROOF:FOOT] = wall
    if label != "glass":
        _windows(picture)
    if variant % 3 == 2:
        _tree(picture, rng)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _flat(colour: tuple[int, int, int], shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.array(colour, float), (*shape, 3)).copy()


def _courses(
    rng: np.random.Generator,
    shape: tuple[int, int],
    size: tuple[int, int],
    colour: tuple[int, int, int],
    joint: tuple[int, int, int],
    spread: float,
    shift: bool = True,
) -> np.ndarray:
    """Blocks of a size (height, width) in courses, each of its own shade, with joints."""
    rows, columns = np.indices(shape)
    course = rows // size[0]
    along = columns + (course % 2) * (size[1] // 2 if shift else 0)
    block = along // size[1]
    shade = rng.normal(0.0, spread, (course.max() + 1, block.max() + 1))
    wall = _flat(colour, shape) + shade[course, block][..., None]
    wall[(rows % size[0] == 0) | (along % size[1] == 0)] = joint
    return wall


def _brick(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return _courses(rng, shape, (7, 20), (158, 74, 55), (196, 184, 170), 13.0)


def _stone(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    wall = _courses(rng, shape, (27, 56), (196, 178, 146), (150, 134, 108), 12.0)
    return wall + rng.normal(0, 6, (*shape, 1))


def _tile(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return _courses(rng, shape, (14, 14), (190, 206, 214), (240, 240, 238), 9.0, shift=False)


def _concrete(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    wall = _courses(rng, shape, (90, 128), (142, 143, 142), (98, 99, 99), 5.0, shift=False)
    return wall + rng.normal(0, 4, (*shape, 1))


def _render(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return _flat((232, 212, 166), shape) + rng.normal(0, 3, (*shape, 1))


def _wood(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    wall = _courses(rng, shape, (16, 400), (134, 90, 50), (70, 44, 24), 10.0)
    grain = rng.normal(0, 9, (shape[0], 1, 1)) * np.ones((1, shape[1], 1))
    return wall + grain


def _metal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    ripple = 28.0 * np.sin(2 * np.pi * np.arange(shape[1]) / 12.0)
    return _flat((150, 158, 166), shape) + ripple[None, :, None] + rng.normal(0, 2, (*shape, 1))


def _glass(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    wall = _courses(rng, shape, (34, 32), (92, 140, 168), (50, 56, 62), 14.0, shift=False)
    return wall + np.linspace(30, -30, shape[0])[:, None, None]  # the sky in it


DRAWN: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "brick": _brick,
    "concrete": _concrete,
    "render": _render,
    "natural_stone": _stone,
    "wood": _wood,
    "metal": _metal,
    "glass": _glass,
    "tile": _tile,
}


def _windows(picture: np.ndarray) -> None:
    """Three storeys of four windows with frames."""
    for top in (84, 168, 252):
        for left in (36, 128, 220, 312):
            picture[top - 4 : top + 50, left - 4 : left + 36] = FRAME
            picture[top : top + 46, left : left + 32] = PANE
            picture[top : top + 46, left + 15 : left + 17] = FRAME


def _tree(picture: np.ndarray, rng: np.random.Generator) -> None:
    """A tree before the wall."""
    rows, columns = np.indices(picture.shape[:2])
    x = int(rng.integers(60, 320))
    picture[200:350, x - 5 : x + 5] = (72, 54, 38)
    crown = (rows - 190) ** 2 / 75.0**2 + (columns - x) ** 2 / 62.0**2 < 1.0
    leaves = np.array((52, 96, 40)) + rng.normal(0, 18, (*picture.shape[:2], 1))
    picture[crown] = leaves[crown]
