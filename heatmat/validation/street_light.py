"""Light and longwave of an endless street in closed form and by strips, all bounces."""

from __future__ import annotations

import numpy as np

from heatmat.validation.street_day import HEIGHT, WIDTH


def floor_view(x: float) -> float:
    """Sky view factor of the floor at x from the middle: Nusselt's unit circle."""
    half = 0.5 * WIDTH
    sines = [(half - s * x) / np.hypot(half - s * x, HEIGHT) for s in (1.0, -1.0)]
    return 0.5 * sum(sines)


def wall_view(z: float) -> float:
    """Sky view factor of the wall at height z: the half above the other wall's edge."""
    drop = HEIGHT - z
    return 0.5 * (1.0 - drop / np.hypot(drop, WIDTH))


def radiosity(n: int, albedo: float, emitted: np.ndarray) -> np.ndarray:
    """Incident flux on floor, western and eastern wall of the canyon, in strips, all bounces.

    `emitted` [3 n] leaves each strip first hand; Hottel's crossed strings for the view factors.
    """
    half, top = 0.5 * WIDTH, HEIGHT
    x = np.linspace(-half, half, n + 1)
    z = np.linspace(0.0, top, n + 1)
    start = [(x[i], 0.0) for i in range(n)] + [(-half, z[i]) for i in range(n)]
    end = [(x[i + 1], 0.0) for i in range(n)] + [(-half, z[i + 1]) for i in range(n)]
    start += [(half, z[i]) for i in range(n)]
    end += [(half, z[i + 1]) for i in range(n)]
    a, b = np.array(start), np.array(end)

    def distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return np.hypot(*(p[:, None] - q[None, :]).transpose(2, 0, 1))

    first = distance(a, a) + distance(b, b)
    second = distance(a, b) + distance(b, a)
    length = np.hypot(*(b - a).T)
    views = np.abs(second - first) / (2.0 * length[:, None])
    surface = np.repeat([0, 1, 2], n)
    views[surface[:, None] == surface[None, :]] = 0.0
    leaving = np.linalg.solve(np.eye(3 * n) - albedo * views, emitted)
    return views @ leaving
