"""A lone box of pixels, whose shadow on the ground is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from heatmat.city import City
from heatmat.solver import Solver
from heatmat.validation import solweig_engine
from heatmat.validation.radiation import make_case
from heatmat.validation.solweig_heights import CELL, centres, pixel_city, window
from heatmat.validation.solweig_rays import pixel_requests, seen

SIDE, HEIGHT, AROUND = 20, 15.0, 60
"""Of the box, and pixels around it [m]."""
ALTITUDES_DEG = (20.0, 30.0, 40.0, 55.0)
AZIMUTHS_DEG = np.arange(3.0, 360.0, 17.0)


def shadows(python: Path, folder: Path, device: str) -> pd.DataFrame:
    """Area of the box's shadow on the ground, mean over azimuths, one row a sun height.

    Parameters
    ----------
    python, folder : Path
        As `solweig_engine.run` takes them.
    device : str
    """
    heights = np.zeros((2 * AROUND + SIDE,) * 2, np.float32)
    heights[AROUND:-AROUND, AROUND:-AROUND] = HEIGHT
    azimuth, altitude = (
        np.radians(v).ravel() for v in np.meshgrid(AZIMUTHS_DEG, ALTITUDES_DEG)
    )  # rows: altitudes
    flat = np.cos(altitude)
    suns = np.column_stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(altitude)])
    theirs = solweig_engine.run(python, folder, heights, CELL, suns)
    ground = heights == 0.0
    areas = {
        "exact [m2]": np.array([exact_shadow(sun) for sun in suns]),
        "HeatMat [m2]": (~lit_by_heatmat(heights, suns, device))[:, ground].sum(axis=1),
        "solweig [m2]": (~theirs.sunlit)[:, ground].sum(axis=1),
    }
    shape = (len(ALTITUDES_DEG), -1)
    table = pd.DataFrame({"sun's altitude [deg]": ALTITUDES_DEG})
    table = table.assign(**{name: v.reshape(shape).mean(axis=1) for name, v in areas.items()})
    short = table["exact [m2]"] - table["solweig [m2]"]
    wide = np.mean([across(sun) for sun in suns])
    return table.assign(**{"solweig's shadow is short by [m]": short / wide})


def across(sun: np.ndarray) -> float:
    """Width of the box's shadow across the sun's azimuth [m]."""
    return float(SIDE * (abs(sun[0]) + abs(sun[1])) / np.hypot(sun[0], sun[1]))


def exact_shadow(sun: np.ndarray) -> float:
    """Area of the box's shadow on the ground [m2]: its footprint swept away from the sun.

    Parameters
    ----------
    sun : ndarray, shape (3,)
        Towards it: east, north, up.
    """
    return float(across(sun) * HEIGHT * np.hypot(sun[0], sun[1]) / sun[2])


def lit_by_heatmat(heights: np.ndarray, suns: np.ndarray, device: str) -> np.ndarray:
    """Sunlit pixels by HeatMat, shape (positions, rows, columns)."""
    whole = City.embedded()
    west, south = whole.extent[:2]
    rows, columns = heights.shape
    extent = (west, south, west + columns * CELL, south + rows * CELL)
    city = pixel_city(window(whole, extent, 0.0), heights)
    solver = Solver(make_case(city), device)
    origin = solver.case.maps.origin
    x, y = (v.ravel() - o for v, o in zip(centres(city), origin, strict=True))
    lit = seen(solver, pixel_requests(x, y), suns).T.reshape(-1, rows, columns)
    solver.close()
    return lit
