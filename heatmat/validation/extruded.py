"""A city's footprints as boxes of triangles for Embree: nothing of the maps goes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from heatmat.city import City


def extruded_mesh(city: City, origin: tuple[float, float]) -> np.ndarray:
    """Walls and flat roofs of every building.

    Parameters
    ----------
    city : City
        Pitched roofs are taken as flat at their top.
    origin : tuple of float
        Taken off the coordinates [m].

    Returns
    -------
    ndarray of float32, shape (n, 3, 3)
        Triangles.
    """
    parts = []
    for polygon, height in zip(city.buildings.geometry, city.buildings["height"], strict=True):
        parts.append(_walls(polygon, float(height), origin))
        parts.append(_roof(polygon, float(height), origin))
    return np.concatenate(parts).astype(np.float32)


def _walls(polygon: Any, height: float, origin: tuple[float, float]) -> np.ndarray:
    parts = []
    for ring in (polygon.exterior, *polygon.interiors):
        xy = np.asarray(ring.coords)[:, :2] - origin
        low = np.column_stack([xy, np.zeros(len(xy))])
        high = np.column_stack([xy, np.full(len(xy), height)])
        parts.append(np.stack([low[:-1], low[1:], high[1:]], axis=1))
        parts.append(np.stack([low[:-1], high[1:], high[:-1]], axis=1))
    return np.concatenate(parts)


def _roof(polygon: Any, height: float, origin: tuple[float, float]) -> np.ndarray:
    from shapely import constrained_delaunay_triangles

    rings = [
        np.asarray(piece.exterior.coords)[:3, :2] - origin
        for piece in constrained_delaunay_triangles(polygon).geoms
    ]
    corners = np.array(rings).reshape(-1, 3, 2)
    return np.concatenate([corners, np.full((len(corners), 3, 1), height)], axis=2)
