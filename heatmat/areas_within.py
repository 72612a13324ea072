"""How much of the surfaces of some maps lies within the reported extent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from heatmat.maps import Maps

Box = tuple[float, float, float, float]


def extent_box(maps: Maps) -> Box:
    """West, south, east and north of the reported extent, local [m]."""
    row0, row1, col0, col1 = maps.window
    west, east = (maps.west + column * maps.resolution for column in (col0, col1))
    north, south = (maps.south + (maps.ny - row) * maps.resolution for row in (row0, row1))
    return west, south, east, north


def regions_within(maps: Maps, box: Box) -> np.ndarray:
    """Plan area of each region inside a box [m2], shape (nr,).

    Green's theorem: the area of a polygon in a box is the integral of clamp(x) dy along those parts
    of its edges that lie between the box's south and north. Region 0, the ground, surrounds all
    others: its own figure means nothing.
    """
    west, south, east, north = box
    ax, ay, bx, by = maps.edge_ab.astype(float).T
    dx, dy = bx - ax, by - ay
    along = np.where(dy == 0.0, 1.0, dy)
    ends = np.sort(np.clip(np.stack([(south - ay) / along, (north - ay) / along]), 0, 1), axis=0)
    first, last = ax + ends[0] * dx, ax + ends[1] * dx
    width = east - west
    held = (0.5 * np.clip(x - west, 0.0, width) ** 2 + width * np.maximum(x - east, 0.0)
            for x in (first, last))  # fmt: skip
    low, high = held
    flat = np.abs(last - first) < 1e-6
    mean = np.where(
        flat,
        np.clip(0.5 * (first + last) - west, 0.0, width),
        (high - low) / np.where(flat, 1.0, last - first),
    )
    part = dy * (ends[1] - ends[0]) * mean
    areas = np.zeros(maps.region_plane.shape[0])
    for side, sign in ((0, 1.0), (1, -1.0)):  # the region left of a -> b is walked anticlockwise
        region = maps.edge_regions[:, side]
        known = region >= 0
        areas += np.bincount(region[known], sign * part[known], minlength=areas.size)
    return np.maximum(areas, 0.0)


def facades_within(maps: Maps, box: Box) -> np.ndarray:
    """Share of each facade's length that lies in a box, shape (nf,)."""
    ab = maps.facade_ab.astype(float)
    enter, leave = np.zeros(len(ab)), np.ones(len(ab))
    for axis in (0, 1):
        begin, step = ab[:, axis], ab[:, 2 + axis] - ab[:, axis]
        level = np.abs(step) < 1e-9
        low, high = np.sort([(limit - begin) / np.where(level, 1.0, step)
                             for limit in (box[axis], box[2 + axis])], axis=0)  # fmt: skip
        between = (begin >= box[axis]) & (begin <= box[2 + axis])
        enter = np.maximum(enter, np.where(level, 0.0, low))
        leave = np.minimum(leave, np.where(level, np.where(between, 1.0, 0.0), high))
    return np.maximum(leave - enter, 0.0)


def ground_within(maps: Maps) -> np.ndarray:
    """Whether each cell of `maps.ground_composition` is in the extent, bool, flat."""
    rows, columns = maps.ground_composition.shape
    k = maps.ground_subdivision
    row0, row1, col0, col1 = (k * edge for edge in maps.window)
    row, column = np.arange(rows)[:, None], np.arange(columns)[None, :]
    return ((row >= row0) & (row < row1) & (column >= col0) & (column < col1)).reshape(-1)
