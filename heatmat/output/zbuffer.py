"""A small depth-buffer rasteriser for planar polygons seen in parallel projection.

Every surface of a 2.5D city is a piece of a plane, so a pixel inside its outline tells the point in
space that it shows: depth, and whatever is known there, follow exactly, and no wall shines through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Solve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(u, v) on the picture plane -> forward distance and height of the point shown there."""

Sample = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""x, y, z of points -> value to draw there; not-a-number draws the neutral colour."""


@dataclass(frozen=True)
class Camera:
    """A parallel view from above.

    Attributes
    ----------
    azimuth_deg : float
        Direction of view in the grid, clockwise from north: 35 looks to the north-east.
    elevation_deg : float
        Angle of the line of sight below the horizon, 0 to 90.
    """

    azimuth_deg: float = 30.0
    elevation_deg: float = 40.0

    @property
    def _turn(self) -> tuple[float, float]:
        angle = np.radians(self.azimuth_deg)
        return float(np.sin(angle)), float(np.cos(angle))

    @property
    def _tilt(self) -> tuple[float, float]:
        angle = np.radians(self.elevation_deg)
        return float(np.sin(angle)), float(np.cos(angle))

    def across_forward(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances to the right of the line of sight and along it, in plan [m]."""
        sin, cos = self._turn
        return x * cos - y * sin, x * sin + y * cos

    def plan(self, u: np.ndarray, forward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inverse of :meth:`across_forward`."""
        sin, cos = self._turn
        return u * cos + forward * sin, forward * cos - u * sin

    def project(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Picture coordinates (right, up) [n, 2] in metres of points in space."""
        u, forward = self.across_forward(x, y)
        sin, cos = self._tilt
        return np.stack([u, forward * sin + z * cos], axis=-1)

    def nearness(self, forward: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Distance towards the viewer [m]; larger hides smaller."""
        sin, cos = self._tilt
        return z * sin - forward * cos

    def faces(self, dx: float, dy: float) -> bool:
        """Whether a wall with its building on the left of (dx, dy) looks at the viewer."""
        sin, cos = self._turn
        return dy * sin - dx * cos < 0.0

    def on_slope(self, z0: float, gx: float, gy: float) -> Solve:
        """Points of the plane z = z0 + gx x + gy y."""
        sin_turn, cos_turn = self._turn
        sin, cos = self._tilt
        z0, along_u = float(z0), float(gx * cos_turn - gy * sin_turn)
        along_f = float(gx * sin_turn + gy * cos_turn)

        def solve(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            forward = (v - cos * (z0 + u * along_u)) / (sin + along_f * cos)
            return forward, z0 + u * along_u + forward * along_f

        return solve

    def on_wall(self, ends: Sequence[float]) -> Solve:
        """Points of the vertical plane through x0, y0, x1, y1."""
        sin, cos = self._tilt
        x, y = np.asarray(ends, dtype=np.float64).reshape(2, 2).T
        (u0, u1), (f0, f1) = (pair.tolist() for pair in self.across_forward(x, y))
        slope = (f1 - f0) / (u1 - u0)

        def solve(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            forward = f0 + (u - u0) * slope
            return forward, (v - forward * sin) / cos

        return solve


class Canvas:
    """Depth, value and surface number of every pixel.

    Parameters
    ----------
    camera : Camera
    box : tuple
        Picture coordinates u_min, v_min, u_max, v_max [m].
    width : int
        Pixels across; the height follows from the box.

    Attributes
    ----------
    near, value, surface : numpy.ndarray
        [rows, columns]: nearness [m], value drawn, number of the surface (-1: background).
    """

    def __init__(self, camera: Camera, box: tuple[float, float, float, float], width: int) -> None:
        self.camera = camera
        self.box = box
        self.scale = width / (box[2] - box[0])
        shape = (int(np.ceil((box[3] - box[1]) * self.scale)), width)
        self.near = np.full(shape, -np.inf, dtype=np.float32)
        self.value = np.full(shape, np.nan, dtype=np.float32)
        self.surface = np.full(shape, -1, dtype=np.int32)

    def fill(
        self,
        rings: Sequence[np.ndarray],
        solve: Solve,
        value: float | Sample,
        surface: int,
        *,
        recess: float = 0.0,
        below: Sample | None = None,
    ) -> None:
        """Draw one planar polygon where it is nearer than what is there.

        Parameters
        ----------
        rings : sequence of numpy.ndarray
            Outline and holes [n, 2] in picture coordinates.
        solve : callable
            The polygon's plane.
        value : float or callable
            What to draw.
        surface : int
            Number of the surface, for outlines.
        recess : float
            Metres to step back, so that a surface in the same plane wins.
        below : callable, optional
            Height [m] that points must not exceed: cuts walls along a sloping roof.
        """
        pixels = [self._pixels(ring) for ring in rings]
        window = self._window(pixels[0])
        if window is None:
            return
        row0, row1, column0, column1 = window
        mask = _mask(pixels, window)
        u = np.float32(self.box[0]) + (np.arange(column0, column1) + 0.5)[None, :] / self.scale
        v = np.float32(self.box[3]) - (np.arange(row0, row1) + 0.5)[:, None] / self.scale
        forward, z = solve(u.astype(np.float32), v.astype(np.float32))
        near = self.camera.nearness(forward, z) - recess
        place = (slice(row0, row1), slice(column0, column1))
        mask &= near > self.near[place]
        if below is not None and mask.any():
            x, y = self.camera.plan(u, forward)
            mask &= z <= below(x, y, z)
        if not mask.any():
            return
        if callable(value):
            across = np.broadcast_to(u, mask.shape)[mask]
            along = np.broadcast_to(forward, mask.shape)[mask]
            x, y = self.camera.plan(across, along)
            self.value[place][mask] = value(x, y, np.broadcast_to(z, mask.shape)[mask])
        else:
            self.value[place][mask] = value
        self.near[place][mask] = np.broadcast_to(near, mask.shape)[mask]
        self.surface[place][mask] = surface

    def _pixels(self, ring: np.ndarray) -> np.ndarray:
        corner = np.array([self.box[0], self.box[3]])
        return (ring - corner) * np.array([self.scale, -self.scale])

    def _window(self, ring: np.ndarray) -> tuple[int, int, int, int] | None:
        """Rows and columns that the outline touches, within the canvas."""
        rows, columns = self.near.shape
        column0, row0 = np.floor(ring.min(axis=0)).astype(int)
        column1, row1 = np.ceil(ring.max(axis=0)).astype(int) + 1
        row0, column0 = max(row0, 0), max(column0, 0)
        row1, column1 = min(row1, rows), min(column1, columns)
        if row0 >= row1 or column0 >= column1:
            return None
        return int(row0), int(row1), int(column0), int(column1)


def _mask(pixels: Sequence[np.ndarray], window: tuple[int, int, int, int]) -> np.ndarray:
    """Pixels whose centres lie inside an odd number of the rings.

    Neighbours that share an edge share no pixel and leave none out, so roofs end where walls begin.
    """
    row0, row1, column0, column1 = window
    flips = np.zeros((row1 - row0, column1 - column0 + 1), dtype=np.uint8)
    for ring in pixels:
        x0, y0 = ring.T
        x1, y1 = np.roll(ring, -1, axis=0).T
        first = np.ceil(np.minimum(y0, y1) - 0.5).astype(np.intp).clip(row0, row1)
        last = np.ceil(np.maximum(y0, y1) - 0.5).astype(np.intp).clip(row0, row1)
        count = last - first
        edge = np.repeat(np.arange(len(ring)), count)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count - first, count)
        slope = (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
        crossing = x0[edge] + (row + 0.5 - y0[edge]) * slope
        column = np.ceil(crossing - 0.5).astype(np.intp).clip(column0, column1)
        np.add.at(flips, (row - row0, column - column0), 1)
    return (np.cumsum(flips[:, :-1], axis=1, dtype=np.uint8) & 1).astype(bool)


def edges(canvas: Canvas) -> np.ndarray:
    """Pixels [rows, columns] where one surface ends and another begins."""
    surface = canvas.surface
    line = np.zeros(surface.shape, dtype=bool)
    line[:, 1:] |= surface[:, 1:] != surface[:, :-1]
    line[1:, :] |= surface[1:, :] != surface[:-1, :]
    return line
