"""Rays over rasters in plain NumPy: pixel by pixel, and by the rule that solweig follows.

An independent count of what stands before a pixel's centre. Pixels are columns with flat tops,
crowns columns between a base and a top. `walked` is exact; `asked` looks only where solweig does,
once for each pixel along the ray's longer axis (Lindberg and Grimmond 2011,
doi:10.1007/s00704-010-0382-8), or at so many points for each pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOGETHER = 64
"""Steps of `asked` looked at in one go."""


@dataclass(frozen=True)
class Heights:
    """Heights above ground [m], row 0 north, shape (rows, columns) each.

    Attributes
    ----------
    building, top, base : ndarray
        Roofs; tops and bases of crowns, both 0 where there is none.
    cell : float
        Side of a pixel [m].
    transmissivity : float
        Of a crown straight down, for `walked`.
    """

    building: np.ndarray
    top: np.ndarray
    base: np.ndarray
    cell: float
    transmissivity: float

    @property
    def highest(self) -> float:
        """Nothing is higher [m]."""
        return float(max(self.building.max(), self.top.max()))

    def extinction(self) -> np.ndarray:
        """Of every column [1/m]."""
        thick = self.top - self.base
        depth = np.full(thick.shape, -np.log(self.transmissivity))
        return np.divide(depth, thick, out=np.zeros(thick.shape), where=thick > 0.0)


def walked(
    heights: Heights, row: np.ndarray, column: np.ndarray, d: np.ndarray, above: float = 0.0
) -> np.ndarray:
    """Share of a beam that reaches the tops of pixels, each column on its way looked at.

    Parameters
    ----------
    row, column : ndarray of int, shape (n,)
        Pixels.
    d : ndarray, shape (3,) or (n, 3)
        Unit directions towards the light: east, north, up; upward.
    above : float, optional
        Height of the places above those tops [m].

    Returns
    -------
    ndarray, shape (n,)
    """
    d = np.broadcast_to(np.asarray(d, float), (len(row), 3))
    rows, columns = heights.building.shape
    through = np.ones(len(row))
    depth = np.zeros(len(row))
    k = heights.extinction()
    low = heights.building[row, column] + above
    alive = np.arange(len(row))
    r, c = row.copy(), column.copy()
    with np.errstate(divide="ignore"):
        each = heights.cell / np.abs(d[:, :2])
    t, ahead = np.zeros(len(row)), 0.5 * each
    while alive.size:
        a, up = alive, d[alive, 2]
        t_next = ahead[a].min(axis=1)
        # Of this column
        begin = np.maximum(t[a], (heights.base[r[a], c[a]] - low[a]) / up)
        end = np.minimum(t_next, (heights.top[r[a], c[a]] - low[a]) / up)
        depth[a] += k[r[a], c[a]] * np.maximum(end - begin, 0.0)
        # The next one
        east = ahead[a, 0] < ahead[a, 1]
        c[a] += np.where(east, np.sign(d[a, 0]), 0.0).astype(int)
        r[a] -= np.where(east, 0.0, np.sign(d[a, 1])).astype(int)
        ahead[a, np.where(east, 0, 1)] += each[a, np.where(east, 0, 1)]
        t[a] = t_next
        z = low[a] + up * t_next
        inside = (r[a] >= 0) & (r[a] < rows) & (c[a] >= 0) & (c[a] < columns)
        inside &= z < heights.highest
        alive, z = a[inside], z[inside]
        met = heights.building[r[alive], c[alive]] > z
        through[alive[met]] = 0.0
        alive = alive[~met]
    shares: np.ndarray = through * np.exp(-depth)
    return shares


def asked(
    heights: Heights, row: np.ndarray, column: np.ndarray, d: np.ndarray, times: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Whether solweig's rule finds no building, and no crown, before the tops of pixels.

    Parameters
    ----------
    row, column : ndarray of int, shape (n,)
    d : ndarray, shape (3,)
        As of `walked`, one for all.
    times : int
        An odd number of points for each pixel along the longer axis: what solweig does where
        it gets every pixel cut into so many each way, at the old centres.

    Returns
    -------
    sunlit, clear : ndarray of bool, shape (n,)
        As `heatmat.validation.solweig_engine.Solweig` has them.
    """
    rows, columns = heights.building.shape
    sunlit, leafy = np.ones(len(row), bool), np.zeros(len(row), bool)
    longer = max(abs(d[0]), abs(d[1]))
    if longer < 1e-6:  # straight up it sees the sky
        return sunlit, ~leafy
    rise = heights.cell / times * d[2] / longer
    first = times * np.stack([column, row]) + times // 2
    low, alive = heights.building[row, column], np.arange(len(row))
    steps = int((heights.highest - low.min(initial=0.0)) / rise) + 2
    for begin in range(0, steps, TOGETHER):
        n = np.arange(begin, min(begin + TOGETHER, steps))
        now, before = n * rise, np.maximum(n - 1, 0) * rise
        c = (first[0, alive, None] + _whole(n * (d[0] / longer))) // times
        r = (first[1, alive, None] - _whole(n * (d[1] / longer))) // times
        own = low[alive, None]
        looks = (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
        looks &= own + before < heights.highest
        r, c = np.clip(r, 0, rows - 1), np.clip(c, 0, columns - 1)
        # Top and base, here and a step before: some above the place, not all.
        above = [
            layer[r, c] - dz > own for layer in (heights.top, heights.base) for dz in (now, before)
        ]
        leafy[alive] |= (looks & np.any(above, axis=0) & ~np.all(above, axis=0)).any(axis=1)
        met = (looks & (heights.building[r, c] - now > own)).any(axis=1)
        sunlit[alive[met]] = False
        alive = alive[~met & looks[:, -1]]
        if not alive.size:
            break
    return sunlit, ~(leafy & sunlit)


def _whole(x: np.ndarray) -> np.ndarray:
    """The nearest whole numbers, halves away from zero."""
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(int)
