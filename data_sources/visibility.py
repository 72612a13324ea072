"""What a camera in the street sees of each facade: sight lines past all buildings.

A line from the camera to a point of a wall is followed over the plan; wherever it is over another
building (or the same one, round a corner) its height there says whether it passes above the roof,
or under a building on columns. So a low building in front hides only the lower part of a high one.
The ground is taken as flat: camera and buildings stand on one level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from data_sources.facade_outlines import Buildings, Facades

CAMERA_HEIGHT = 2.5
"""Height of the camera [m]: about that of a pole on a car's roof; held by hand it is 1.5 to 2 m,
which moves the base of a facade 10 m away by 4 degrees or less."""

END_SHORT = 1e-3
"""Sight lines end this much before their target [m], which would count as an obstacle itself."""

MAX_ANGLE = np.radians(75.0)
"""Between a wall's normal and the line of sight in plan: beyond it a wall is a streak in the
image."""

_TOUCH = 1e-9  # relative: a line through a corner meets both of its edges


@dataclass
class Sight:
    """What one camera sees.

    Attributes
    ----------
    sample : ndarray of int, shape (n,)
        Samples of `Facades` near enough and turned towards the camera.
    seen : ndarray of bool, shape (n, LEVELS)
        Which heights of them are seen.
    """

    sample: np.ndarray
    seen: np.ndarray


class Scene:
    """Buildings and facades, ready for sight lines.

    Parameters
    ----------
    buildings : Buildings
        All of them hide.
    facades : Facades
        What is looked at.
    """

    def __init__(self, buildings: Buildings, facades: Facades) -> None:
        import shapely
        from scipy.spatial import cKDTree

        self.buildings = buildings
        self.facades = facades
        self._samples = cKDTree(facades.sample) if len(facades.sample) else None
        self._a, self._b, self._owner = _edges(buildings)
        self._walls = shapely.STRtree(_lines(self._a, self._b))

    def inside(self, camera: np.ndarray, height: float = CAMERA_HEIGHT) -> bool:
        """Whether a building stands where the camera is said to be: its position is wrong."""
        import shapely

        found = self.buildings.tree.query(shapely.Point(camera), predicate="intersects")
        return bool((self.buildings.base[found] < height).any())

    def look(self, camera: np.ndarray, radius: float, height: float = CAMERA_HEIGHT) -> Sight:
        """What a camera sees of the facades around it.

        Parameters
        ----------
        camera : ndarray, shape (2,)
            Position [m].
        radius : float
            How far it looks [m]. A line no longer than this is met by no wall further away, so all
            that can hide anything is considered.
        height : float
            Of the camera above ground [m].
        """
        facades = self.facades
        if self._samples is None:
            return Sight(np.zeros(0, dtype=int), np.zeros((0, facades.height.shape[1]), dtype=bool))
        near = np.array(sorted(self._samples.query_ball_point(camera, radius)), dtype=int)
        to = facades.sample[near] - camera
        distance = np.maximum(np.hypot(*to.T), 1e-9)
        cosine = -(to * facades.normal[near]).sum(axis=1) / distance
        turned = (cosine > np.cos(MAX_ANGLE)) & facades.exposed[near].any(axis=1)
        near, to, distance = near[turned], to[turned], distance[turned]
        seen = facades.exposed[near].copy()
        if len(near):
            seen &= ~self._hidden(camera, height, to, distance, facades.height[near])
        some = seen.any(axis=1)
        return Sight(near[some], seen[some])

    def _hidden(
        self,
        camera: np.ndarray,
        height: float,
        to: np.ndarray,
        distance: np.ndarray,
        target: np.ndarray,
    ) -> np.ndarray:
        """Which targets are behind something, shape (n, LEVELS)."""
        import shapely

        reach = distance.max()
        box = shapely.box(*(camera - reach), *(camera + reach))
        walls = np.sort(self._walls.query(box))
        hidden = np.zeros(target.shape, dtype=bool)
        if len(walls) == 0:
            return hidden
        owner = self._owner[walls]  # ascending, since the walls lie building by building
        group = np.flatnonzero(np.diff(owner, prepend=-1))
        along = crossings(
            to, self._a[walls] - camera, self._b[walls] - camera, 1 - END_SHORT / distance
        )
        enter = np.minimum.reduceat(np.where(np.isnan(along), np.inf, along), group, axis=1)
        leave = np.maximum.reduceat(np.where(np.isnan(along), -np.inf, along), group, axis=1)
        line, block = np.nonzero(np.isfinite(enter))
        enter, leave = enter[line, block][:, None], leave[line, block][:, None]
        rise = target[line] - height
        low = height + np.minimum(rise * enter, rise * leave)
        high = height + np.maximum(rise * enter, rise * leave)
        other = owner[group][block]
        stopped = (low < self.buildings.top[other, None]) & (
            high > self.buildings.base[other, None]
        )
        np.logical_or.at(hidden, line, stopped)
        return hidden


def crossings(to: np.ndarray, a: np.ndarray, b: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Where lines from the origin meet wall edges.

    Parameters
    ----------
    to : ndarray, shape (n, 2)
        Targets.
    a, b : ndarray, shape (m, 2)
        Ends of the edges.
    end : ndarray, shape (n,)
        Share of each line that counts.

    Returns
    -------
    ndarray, shape (n, m)
        Share of the line at which it meets the edge, nan where it does not.
    """
    edge = b - a
    area = to[:, :1] * edge[:, 1] - to[:, 1:] * edge[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (a[:, 0] * edge[:, 1] - a[:, 1] * edge[:, 0]) / area
        across = (a[:, 0] * to[:, 1:] - a[:, 1] * to[:, :1]) / area
        met = (across >= -_TOUCH) & (across <= 1 + _TOUCH) & (along > 0) & (along < end[:, None])
    return np.where(met, along, np.nan)


def _lines(a: np.ndarray, b: np.ndarray) -> Any:
    import shapely

    return shapely.linestrings(np.stack([a, b], axis=1))


def _edges(buildings: Buildings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both ends of every wall edge, and its building, in the order of the buildings."""
    import shapely

    rings, owner = shapely.get_rings(buildings.polygons, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    joined = ring[1:] == ring[:-1]
    return points[:-1][joined], points[1:][joined], owner[ring[:-1][joined]]
