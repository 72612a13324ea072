"""Fewer images: one every few metres of street and direction, the best and newest of each place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from data_sources.views import Camera

SAME_DIRECTION = 60.0
"""Photographs whose headings differ by more look at something else [degrees]: both sides of a
street, and both directions along it, are kept."""


def thin(cameras: Sequence[Camera], spacing: float) -> list[int]:
    """Numbers of the cameras to keep, best first.

    Parameters
    ----------
    cameras : sequence of Camera
        In metres.
    spacing : float
        No two kept cameras of one direction are nearer than this [m]; a panorama looks in every
        direction, so it also stands for the photographs around it.
    """
    order = sorted(range(len(cameras)), key=lambda i: _preference(cameras[i]))
    if spacing <= 0.0:
        return order
    kept: list[int] = []
    cells: dict[tuple[int, int], list[int]] = {}
    for i in order:
        x, y = (math.floor(value / spacing) for value in cameras[i].position)
        near = [k for a in (-1, 0, 1) for b in (-1, 0, 1) for k in cells.get((x + a, y + b), [])]
        if any(_stands_for(cameras[k], cameras[i], spacing) for k in near):
            continue
        kept.append(i)
        cells.setdefault((x, y), []).append(i)
    return kept


def _preference(camera: Camera) -> tuple[bool, float, str]:
    """Panoramas first, then what counts most for age and quality; ids make it unique."""
    return camera.photo is not None, -camera.weight, camera.image.key


def _stands_for(kept: Camera, other: Camera, spacing: float) -> bool:
    if float(np.hypot(*(kept.position - other.position))) >= spacing:
        return False
    if kept.photo is None:
        return True
    apart = abs((kept.heading_deg - other.heading_deg + 180.0) % 360.0 - 180.0)
    return apart <= SAME_DIRECTION
