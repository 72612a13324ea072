"""Boxes in degrees, searched piece by piece: services limit the area and cut long lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from data_sources.errors import NetworkError

Box = tuple[float, float, float, float]
"""west, south, east, north [degrees, WGS 84]."""

MIN_SIDE = 1e-4
"""Boxes are not cut smaller [degrees]: 11 m."""

MAX_REQUESTS = 4000
"""Boxes that one search asks for at most."""

MAX_FAILED = 3
"""After so many boxes without an answer, one after the other, a search ends."""


class TooMuchError(Exception):
    """A service says that a box holds too much for one answer."""


def tiles(area: Box, side: float) -> list[Box]:
    """The area in equal boxes, none wider or higher than `side` [degrees]."""
    west, south, east, north = area
    columns = max(1, math.ceil((east - west) / side - 1e-9))
    rows = max(1, math.ceil((north - south) / side - 1e-9))
    dx, dy = (east - west) / columns, (north - south) / rows
    return [
        (west + i * dx, south + j * dy, west + (i + 1) * dx, south + (j + 1) * dy)
        for j in range(rows)
        for i in range(columns)
    ]


def quarters(box: Box) -> list[Box]:
    """The box in four; one box where it is too small for that."""
    side = max(box[2] - box[0], box[3] - box[1])
    return [box] if side / 2 < MIN_SIDE else tiles(box, side / 2)


def search_boxes(
    area: Box,
    side: float,
    ask: Callable[[Box], tuple[list[Any], bool]],
    name: str,
) -> tuple[list[Any], list[str]]:
    """Search an area box by box; where an answer is cut off, its box again in quarters.

    Parameters
    ----------
    area : Box
        What to search.
    side : float
        Of the boxes to begin with [degrees].
    ask : callable
        Gives what is in a box, and whether the answer was cut off; raises `TooMuchError` where the
        service refuses for size.
    name : str
        Of the service, for notes.

    Returns
    -------
    (list, list of str)
        What was found (things on borders may come twice), and a line for what is missing.

    Raises
    ------
    NetworkError
        When no box was answered.
    """
    waiting = tiles(area, side)[::-1]
    found: list[Any] = []
    answered = cut = failed = in_a_row = 0
    failure: NetworkError | None = None
    while waiting and answered + failed < MAX_REQUESTS:
        box = waiting.pop()
        try:
            things, full = ask(box)
        except TooMuchError:
            things, full = [], True
        except NetworkError as error:
            failure = error
            failed, in_a_row = failed + 1, in_a_row + 1
            if answered == 0 or in_a_row >= MAX_FAILED:
                failed += len(waiting)
                break
            continue
        answered, in_a_row = answered + 1, 0
        found += things
        smaller = quarters(box) if full else []
        if len(smaller) > 1:
            waiting += smaller[::-1]
        else:
            cut += full
    if failure is not None and answered == 0:
        raise failure
    notes = []
    if failure is not None:
        notes.append(f"{name}: {failed} of the area's boxes not searched ({failure.what})")
    elif waiting:
        notes.append(f"{name}: {len(waiting)} boxes not searched after {MAX_REQUESTS} requests")
    if cut:
        notes.append(f"{name}: {cut} boxes of 10 m hold more images than one answer gives")
    return found, notes
