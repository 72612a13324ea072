"""Maps of many sizes and resolutions against the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from heatmat.estimate import average
from heatmat.map_query import MAP_RAYS
from heatmat.sampling_plan import KINDS, plan_squares, replicate
from heatmat.solver import Requests, Solver

SIDES = (125.0, 250.0, 500.0, 1000.0)
"""Sides of the squares mapped, about the middle of the extent [m]."""

RESOLUTIONS = (8.0, 4.0, 2.0, 1.0)
"""Pixel sides [m]."""

Window = tuple[float, float, float, float]
Keys = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def map_places(window: Window, resolution: float, keys: Keys) -> Requests | None:
    """The pixels of a map.

    Parameters
    ----------
    window : tuple of float
        West, south, east, north, local metres.
    resolution : float
        Pixel side [m].
    keys : callable
        Random streams of points x, y, z.

    Returns
    -------
    Requests or None
        None if the window is smaller than a pixel.
    """
    west, south, east, north = window
    nx, ny = (int(side // resolution) for side in (east - west, north - south))
    if nx < 1 or ny < 1:
        return None
    x, y = (
        a.ravel()
        for a in np.meshgrid(
            west + (np.arange(nx) + 0.5) * resolution, north - (np.arange(ny) + 0.5) * resolution
        )
    )
    half, kind = np.full(x.size, 0.5 * resolution), np.full(x.size, KINDS["any"])
    return plan_squares(x, y, half, kind, keys(x, y, np.zeros(x.size)))


def make_map(solver: Solver, places: Requests) -> int:
    """Compute a map of the whole window; returns the rays it took."""
    starts = solver.solve(replicate(places, 1), MAP_RAYS)
    return int(average(starts, len(places), 1, MAP_RAYS).rays.sum())


def map_matrix(solver: Solver, window: Window, keys: Keys, most_seconds: float) -> list[dict[str, Any]]:  # fmt: skip  # noqa: E501
    """Maps of all sizes and resolutions that are expected to take less than `most_seconds` each.

    Parameters
    ----------
    solver : Solver
    window : tuple of float
        West, south, east, north of the reported extent, local metres; larger squares are left out.
    keys : callable
        See `map_places`.
    most_seconds : float
        By the last map's time per pixel.

    Returns
    -------
    list of dict
        ``side_m, resolution_m, pixels, times, seconds, pixels_per_second`` each.
    """
    west, south, east, north = window
    middle = 0.5 * (west + east), 0.5 * (south + north)
    found: list[dict[str, Any]] = []
    per_pixel = 0.0
    for side in SIDES:
        if side > min(east - west, north - south):
            break
        corners = [centre + half for half in (-0.5 * side, 0.5 * side) for centre in middle]
        for resolution in RESOLUTIONS:
            square = (corners[0], corners[1], corners[2], corners[3])
            places = map_places(square, resolution, keys)
            if places is None or per_pixel * len(places) > most_seconds:
                continue
            begun = time.perf_counter()
            make_map(solver, places)
            seconds = time.perf_counter() - begun
            per_pixel = seconds / len(places)
            found.append(
                {
                    "side_m": side,
                    "resolution_m": resolution,
                    "pixels": len(places),
                    "times": solver.plan.outputs,
                    "seconds": seconds,
                    "pixels_per_second": len(places) / seconds,
                }
            )
    return found
