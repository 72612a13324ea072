"""Urban form that the wind feels: heights and densities around each place."""

from __future__ import annotations

import numpy as np

RADIUS = 400.0
"""Radius within which buildings set the roughness [m]."""


def urban_form(
    building_height: np.ndarray,
    resolution: float,
    facade_xy: np.ndarray,
    facade_area: np.ndarray,
    west: float,
    north: float,
    cell: float = 50.0,
    radius: float = RADIUS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean height, plan and frontal area density within a disc.

    Densities as defined by Grimmond and Oke (1999), doi:10.1175/1520-0450(1999)038<1262:APOUAD>
    2.0.CO;2. The frontal area is the mean over all wind directions: a wall of area A shows
    A max(0, cos) to the wind, on average A / pi. The disc is cut at the edge of the grid.

    Parameters
    ----------
    building_height : ndarray, shape (ny, nx)
        Surface height of built cells [m], 0 elsewhere.
    resolution : float
        Their size [m].
    facade_xy, facade_area : ndarray, shape (n, 2) and (n,)
        Places and exposed areas of walls [m, m2].
    west, north : float
        North-west corner of the grid [m].
    cell, radius : float
        Size of the coarse cells and of the disc [m].

    Returns
    -------
    mean_height : ndarray of float32, shape (my, mx)
        Weighted with plan area [m].
    plan_density, frontal_density : ndarray of float32, shape (my, mx)
    """
    ny, nx = building_height.shape
    mx, my = int(np.ceil(nx * resolution / cell)), int(np.ceil(ny * resolution / cell))
    i = np.minimum(((np.arange(nx) + 0.5) * resolution / cell).astype(int), mx - 1)
    j = np.minimum(((np.arange(ny) + 0.5) * resolution / cell).astype(int), my - 1)
    size = resolution**2

    def coarse(raster: np.ndarray) -> np.ndarray:
        rows = np.add.reduceat(raster, np.searchsorted(j, np.arange(my)), axis=0, dtype=np.float64)
        return np.add.reduceat(rows, np.searchsorted(i, np.arange(mx)), axis=1) * size

    total = np.outer(np.bincount(j, minlength=my), np.bincount(i, minlength=mx)) * size
    built = coarse(building_height > 0)
    volume = coarse(building_height)
    column = np.floor((facade_xy[:, 0] - west) / cell).astype(int)
    row = np.floor((north - facade_xy[:, 1]) / cell).astype(int)
    inside = (column >= 0) & (column < mx) & (row >= 0) & (row < my)
    walls = np.zeros((my, mx))
    np.add.at(walls, (row[inside], column[inside]), facade_area[inside])
    total, built, volume, walls = (_disc(a, radius / cell) for a in (total, built, volume, walls))
    mean_height = np.divide(volume, built, out=np.zeros_like(volume), where=built > 0)
    return (
        mean_height.astype(np.float32),
        (built / total).astype(np.float32),
        (walls / (np.pi * total)).astype(np.float32),
    )


def _disc(raster: np.ndarray, radius: float) -> np.ndarray:
    """Sums over discs of a radius in cells, cut at the border."""
    reach = int(radius)
    padded = np.pad(raster, reach)
    total = np.zeros_like(raster, dtype=np.float64)
    my, mx = raster.shape
    for dj in range(-reach, reach + 1):
        for di in range(-reach, reach + 1):
            if dj * dj + di * di <= radius * radius:
                total += padded[reach + dj : reach + dj + my, reach + di : reach + di + mx]
    return total
