"""Cells: which edges each cell holds, and a point in it whose region is known."""

from __future__ import annotations

import numpy as np

DILATION = 2e-3
"""An edge is listed in every cell it comes this near to [m]: float32 rounding of a ray's position
is a tenth of it."""

_CHUNK = 400_000


def boundary_cells(
    edge_ab: np.ndarray,
    west: float,
    south: float,
    resolution: float,
    nx: int,
    ny: int,
    dilation: float = DILATION,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the edges of each cell.

    Parameters
    ----------
    edge_ab : ndarray of float32, shape (ne, 4)
    west, south, resolution : float
        South-west corner and cell size [m].
    nx, ny : int
    dilation : float, optional
        An edge is listed in every cell that it comes this near to [m].

    Returns
    -------
    cells : ndarray of int64, shape (nb,)
        Row-major indices (row 0 north) of cells with edges, ascending.
    start : ndarray of int32, shape (nb + 1,)
    edges : ndarray of int32
    """
    found: list[np.ndarray] = []
    ne = len(edge_ab)
    for piece, edge in _short_pieces(edge_ab, 4.0 * resolution):
        found.append(_pairs(piece, edge, edge_ab, west, south, resolution, nx, ny, dilation))
    pairs = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *found]))
    cell, edges = np.divmod(pairs, max(ne, 1))
    cells, first = np.unique(cell, return_index=True)
    start = np.append(first, len(cell)).astype(np.int32)
    return cells, start, edges.astype(np.int32)


def _short_pieces(edge_ab: np.ndarray, longest: float):  # type: ignore[no-untyped-def]
    """Chunks of (pieces of edges no longer than `longest`, their edge): small bounding boxes."""
    ab = edge_ab.astype(np.float64)
    length = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])
    number = np.maximum(np.ceil(length / longest), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(ab)), number)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number)
    t0, t1 = step / number[edge], (step + 1) / number[edge]
    for begin in range(0, len(edge), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        a, d = ab[edge[part], :2], ab[edge[part], 2:] - ab[edge[part], :2]
        piece = np.concatenate([a + t0[part, None] * d, a + t1[part, None] * d], axis=1)
        yield piece, edge[part]


def _pairs(
    piece: np.ndarray,
    edge: np.ndarray,
    edge_ab: np.ndarray,
    west: float,
    south: float,
    resolution: float,
    nx: int,
    ny: int,
    dilation: float,
) -> np.ndarray:
    """Codes cell * ne + edge of the cells that pieces touch."""
    x = np.sort(piece[:, [0, 2]], axis=1) + [-dilation, dilation]
    y = np.sort(piece[:, [1, 3]], axis=1) + [-dilation, dilation]
    column = np.clip(np.floor((x - west) / resolution).astype(np.int64), [0, -1], [nx, nx - 1])
    row = np.clip(np.floor((y - south) / resolution).astype(np.int64), [0, -1], [ny, ny - 1])
    wide = np.maximum(column[:, 1] - column[:, 0] + 1, 0)
    number = wide * np.maximum(row[:, 1] - row[:, 0] + 1, 0)
    index = np.repeat(np.arange(len(piece)), number)
    step = np.arange(len(index)) - np.repeat(np.cumsum(number) - number, number)
    i = column[index, 0] + step % np.maximum(wide[index], 1)
    j = row[index, 0] + step // np.maximum(wide[index], 1)
    # Separating axis: the box misses the line if it lies wholly on one side of it.
    ab = edge_ab[edge[index]].astype(np.float64)
    dx, dy = ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1]
    centre_x = west + (i + 0.5) * resolution - ab[:, 0]
    centre_y = south + (j + 0.5) * resolution - ab[:, 1]
    half = resolution / 2 + dilation
    touches = np.abs(dx * centre_y - dy * centre_x) <= half * (np.abs(dx) + np.abs(dy))
    cell = (ny - 1 - j) * nx + i
    return (cell * len(edge_ab) + edge[index])[touches]


def reference_points(
    cells: np.ndarray,
    start: np.ndarray,
    edges: np.ndarray,
    edge_ab: np.ndarray,
    west: float,
    south: float,
    resolution: float,
    nx: int,
    ny: int,
) -> tuple[np.ndarray, np.ndarray]:
    """For each boundary cell, of many candidates the point farthest from its edges.

    Parameters
    ----------
    cells, start, edges : ndarray
        From `boundary_cells`.
    edge_ab, west, south, resolution, nx, ny
        As there.

    Returns
    -------
    points : ndarray of float32, shape (nb, 2)
    distance : ndarray of float64, shape (nb,)
        To the nearest edge of the cell [m].
    """
    # A fixed low-discrepancy set (R2 sequence, M. Roberts 2018), kept off the cell's rim. Not its
    # middle: lines from there to middles of pixels pass through corners of walls drawn on pixels.
    n = np.arange(1, 25)[:, None]
    unit = np.mod(0.5 + n * np.array([0.7548776662466927, 0.5698402909980532]), 1.0)
    unit = 0.04 + 0.92 * unit
    points = np.empty((len(cells), 2), dtype=np.float32)
    clear = np.empty(len(cells))
    for begin in range(0, len(cells), 20_000):
        part = slice(begin, min(begin + 20_000, len(cells)))
        column, row = cells[part] % nx, ny - 1 - cells[part] // nx
        corner = np.stack([west + column * resolution, south + row * resolution], axis=1)
        candidate = (corner[:, None] + unit * resolution).astype(np.float32).astype(np.float64)
        offsets = start[begin : part.stop + 1] - start[begin]
        listed = edge_ab[edges[start[begin] : start[part.stop]]].astype(np.float64)
        owner = np.repeat(np.arange(len(column)), np.diff(offsets))
        squared = _distance_squared(candidate[owner], listed[:, None])
        nearest = np.minimum.reduceat(squared, offsets[:-1], axis=0)
        best = nearest.argmax(axis=1)
        rows = np.arange(len(best))
        points[part] = candidate[rows, best]
        clear[part] = np.sqrt(nearest[rows, best])
    return points, clear


def _distance_squared(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Squared distance of points (..., 2) to segments (..., 4)."""
    a, d = segments[..., :2], segments[..., 2:] - segments[..., :2]
    size = np.maximum((d * d).sum(axis=-1), 1e-30)
    t = np.clip(((points - a) * d).sum(axis=-1) / size, 0.0, 1.0)
    gap = points - a - t[..., None] * d
    return (gap * gap).sum(axis=-1)


def cell_tops(
    cell_region: np.ndarray,
    start: np.ndarray,
    edges: np.ndarray,
    edge_regions: np.ndarray,
    region_plane: np.ndarray,
    region_top: np.ndarray,
    west: float,
    south: float,
    resolution: float,
    dilation: float = DILATION,
) -> np.ndarray:
    """The highest point of the surface over each cell, never too low.

    Parameters
    ----------
    cell_region : ndarray of int32, shape (ny, nx)
    start, edges, edge_regions, region_plane, region_top : ndarray
        As in `heatmat.maps.Maps`.
    west, south, resolution : float
    dilation : float, optional
        As in `boundary_cells`.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
    """
    ny, nx = cell_region.shape
    x = west + (np.arange(nx) + 0.5) * resolution
    y = south + (ny - np.arange(ny) - 0.5) * resolution

    def highest(region: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        plane = region_plane[region]
        z = plane[:, 0] + plane[:, 1] * (x - plane[:, 3]) + plane[:, 2] * (y - plane[:, 4])
        z += (np.abs(plane[:, 1]) + np.abs(plane[:, 2])) * (resolution / 2 + dilation)
        return np.minimum(z, region_top[region])

    top = np.zeros((ny, nx))
    for begin in range(0, ny, 256):  # in strips, to hold few planes at a time
        strip = cell_region[begin : begin + 256]
        j, i = np.nonzero(strip > 0)
        top[begin + j, i] = highest(strip[j, i], x[i], y[begin + j])
    j, i = np.nonzero(cell_region < 0)
    k = -1 - cell_region[j, i]
    order = np.argsort(k)
    j, i = j[order], i[order]
    owner = np.repeat(np.arange(len(i)), np.diff(start))
    sides = [highest(edge_regions[edges, s], x[i[owner]], y[j[owner]]) for s in (0, 1)]
    if len(i):
        top[j, i] = np.maximum.reduceat(np.maximum(*sides), start[:-1])
    # Rounding to float32 may only go up.
    rounded = top.astype(np.float32)
    return np.where(rounded < top, np.nextafter(rounded, np.float32(np.inf)), rounded)
