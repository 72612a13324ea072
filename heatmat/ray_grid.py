"""The grid that rays step through: coarser than the maps, with each cell's edges side by side.

Which cells there are never changes what a ray hits, only how fast: the edges and planes are those
of the maps. Cells of 8 m were the fastest of 1 to 24 m in Paris and Helsinki (`docs/benchmark.md`),
whatever the maps' own resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.cells import boundary_cells, cell_tops, reference_points
from heatmat.errors import InputError
from heatmat.kernels.layout import ENVELOPE_SLOPES
from heatmat.maps import Maps, plane_height

RAY_CELL = 8.0
"""Side of a cell [m]."""

DILATION = 0.02
"""An edge is listed in every cell that it comes this near to [m]: a ray adds up the cells' sides,
and after a hundred cells is off by a millimetre."""

ROW = 8
"""Floats of one row of `RayGrid.blocks`: two rows fill a cache line."""

CELL = 2 + len(ENVELOPE_SLOPES)
"""Floats of one cell."""

LONGEST_DETOUR = 1.0824
"""Most that a way by rows, columns and diagonals is longer than the straight one."""

LARGEST_ROW = 1 << 24
"""Row numbers are stored as float32, which counts no further."""

# Bounds of plane heights are widened by this against rounding [m].
_SLACK = 1e-3
_FAR = 1e9
_LIFT = 1e4  # above every height; a million cells of it leave a float64 0.002 mm


@dataclass(frozen=True)
class RayGrid:
    """What the kernels read, row 0 in the south.

    Attributes
    ----------
    cells : ndarray of float32, shape (n,)
        Of each cell, with a ring of empty ones around them all: the highest point over it; the
        region that fills it, or -1-row of the block of its edges; and for each of
        `ENVELOPE_SLOPES` the height above which a ray that rises so steeply meets nothing more.
    blocks : ndarray of float32, shape (rows * ROW,)
        For each cell with edges a heading (number of edges, region of the reference point, its x
        and y, top of the lowest group of planes, bottom of the next, steepest slope, the lowest
        group's region or -1 for several) and then
        its edges: ax, ay, bx, by, the left plane's height at a and b, the right plane's.
    block_edges : ndarray of int32, shape (rows,)
        Edge of each row, -1 for headings.
    nx, ny : int
        Cells to the east and to the north, without the ring.
    cell : float
        Side of a cell [m].
    """

    cells: np.ndarray
    blocks: np.ndarray
    block_edges: np.ndarray
    nx: int
    ny: int
    cell: float


def build_ray_grid(maps: Maps, cell: float = RAY_CELL) -> RayGrid:
    """Arrange the maps' edges and planes for rays.

    Parameters
    ----------
    maps : Maps
    cell : float, optional
        Side of a cell [m].

    Returns
    -------
    RayGrid

    Raises
    ------
    InputError
        If the edges are more than float32 can count.
    """
    nx = int(np.ceil(maps.nx * maps.resolution / cell - 1e-9))
    ny = int(np.ceil(maps.ny * maps.resolution / cell - 1e-9))
    grid = (maps.west, maps.south, cell, nx, ny)
    found, start, edges = boundary_cells(maps.edge_ab, *grid, DILATION)
    points = _on_maps(maps, reference_points(found, start, edges, maps.edge_ab, *grid)[0])
    first = start[:-1] + np.arange(len(found))  # heading of each block
    rows = len(edges) + len(found)
    if max(rows, len(maps.region_plane)) >= LARGEST_ROW:
        raise InputError("too many edges for one ray field", got=rows, remedy="use fewer cells")
    region = _region_of_centres(maps, cell, nx, ny)
    codes = region.copy()
    codes.ravel()[found] = -1 - first
    region.ravel()[found] = -1 - np.arange(len(found))
    sides, planes, highest = maps.edge_regions, maps.region_plane, maps.region_top
    tops = cell_tops(region, start, edges, sides, planes, highest, *grid[:3], DILATION)
    blocks = np.zeros((max(rows, 1), ROW), np.float32)
    block_edges = np.full(max(rows, 1), -1, np.int32)
    owner = np.repeat(np.arange(len(found)), np.diff(start))
    at = first[owner] + 1 + np.arange(len(edges)) - start[owner]
    block_edges[at] = edges
    _fill_edges(maps, blocks, at, edges)
    blocks[first, 0] = np.diff(start)
    blocks[first, 1] = regions_at(maps, points.astype(float))
    blocks[first, 2:4] = points
    centre = np.column_stack([found % nx, ny - 1 - found // nx]) * cell + [
        maps.west + 0.5 * cell,
        maps.south + 0.5 * cell,
    ]
    blocks[first, 4:8] = _plane_groups(maps, edges, owner, centre, cell)
    return RayGrid(_cells(tops, codes, cell), blocks.ravel(), block_edges, nx, ny, cell)


def _region_of_centres(maps: Maps, cell: float, nx: int, ny: int) -> np.ndarray:
    """Region at each cell's centre, row 0 north; beyond the maps that of the nearest point on them.

    A cell that hangs over the maps' rim is whole ground or whole roof as far as a ray goes.
    """
    x = maps.west + np.minimum((np.arange(nx) + 0.5) * cell, maps.nx * maps.resolution)
    y = maps.south + np.minimum((ny - np.arange(ny) - 0.5) * cell, maps.ny * maps.resolution)
    xy = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return regions_at(maps, xy).reshape(ny, nx)


def _on_maps(maps: Maps, points: np.ndarray) -> np.ndarray:
    """Points of cells that hang over the rim, moved onto the maps, which know their region."""
    low = np.array([maps.west, maps.south])
    high = low + np.array([maps.nx, maps.ny]) * maps.resolution
    return np.clip(points, low + 0.01, high - 0.01).astype(np.float32)


def _fill_edges(maps: Maps, blocks: np.ndarray, at: np.ndarray, edges: np.ndarray) -> None:
    """End points and the heights that both sides' planes have there."""
    blocks[at, :4] = maps.edge_ab[edges]
    ab, planes = maps.edge_ab[edges].astype(float), maps.region_plane.astype(float)
    for side in (0, 1):
        plane = planes[maps.edge_regions[edges, side]]
        blocks[at, 4 + 2 * side] = plane_height(plane, ab[:, 0], ab[:, 1])
        blocks[at, 5 + 2 * side] = plane_height(plane, ab[:, 2], ab[:, 3])


def _plane_groups(
    maps: Maps, edges: np.ndarray, owner: np.ndarray, centre: np.ndarray, cell: float
) -> np.ndarray:
    """What lies between the planes of each cell, shape (nb, 4).

    Over a cell each plane has a range of heights. The lowest ranges that overlap are one group; a
    ray that stays above it and below all others can only meet walls, and one that stays below all
    others can meet no other plane. Columns: top of the group, bottom of the others, steepest slope,
    the group's region or -1 if there are several.
    """
    count = len(centre)
    if not count:
        return np.zeros((0, 4))
    region = maps.edge_regions[edges].T.ravel()
    cell_of = np.concatenate([owner, owner])
    plane = maps.region_plane[region].astype(float)
    middle = plane_height(plane, centre[cell_of, 0], centre[cell_of, 1])
    reach = (np.abs(plane[:, 1]) + np.abs(plane[:, 2])) * (0.5 * cell + DILATION) + _SLACK
    order = np.lexsort((middle - reach, cell_of))
    cell_of, low = cell_of[order], (middle - reach)[order]
    begin = np.searchsorted(cell_of, np.arange(count))
    # A running maximum in each cell: cells are lifted far above the one before.
    lift = cell_of * _LIFT
    high = np.maximum.accumulate((middle + reach)[order] + lift) - lift
    end = np.append(begin[1:], len(cell_of)) - 1
    bottom_of_next, top_of_lowest = np.full(count, _FAR), high[end]
    gap = np.flatnonzero((cell_of[1:] == cell_of[:-1]) & (low[1:] > high[:-1]))
    gapped, which = np.unique(cell_of[gap], return_index=True)
    top_of_lowest[gapped] = high[gap[which]]
    bottom_of_next[gapped] = low[gap[which] + 1]
    slope = np.maximum.reduceat(np.hypot(plane[order, 1], plane[order, 2]), begin)
    end[gapped] = gap[which]
    group = np.column_stack([begin, end + 1]).ravel()
    listed = np.append(region[order], 0)
    least, most = (f.reduceat(listed, group)[::2] for f in (np.minimum, np.maximum))
    only = np.where(least == most, least, -1)
    return np.column_stack([top_of_lowest, bottom_of_next, slope * (1.0 + 1e-5), only])


def _cells(tops: np.ndarray, codes: np.ndarray, cell: float) -> np.ndarray:
    """Numbers of all cells, the ring included, row 0 south."""
    ny, nx = tops.shape
    cells = np.zeros((ny + 2, nx + 2, CELL), np.float32)
    cells[1:-1, 1:-1, 0] = tops[::-1]
    cells[1:-1, 1:-1, 1] = codes[::-1]
    for k, slope in enumerate(ENVELOPE_SLOPES):
        cells[..., 2 + k] = envelope(cells[..., 0], slope * cell) + _SLACK
    return cells.ravel()


def envelope(top: np.ndarray, drop: float) -> np.ndarray:
    """The surface that falls by `drop` a cell from every cell's top, never too low.

    A ray that rises by `drop` a cell and is above it in some part of a cell stays above all tops:
    distances are those between the cells' nearest points, in the metric of the eight neighbours
    (Borgefors 1986, doi:10.1016/S0734-189X(86)80047-0), shortened so as not to exceed the true one.

    Parameters
    ----------
    top : ndarray, shape (ny, nx)
        Highest point of each cell [m].
    drop : float
        Fall over one cell side [m].

    Returns
    -------
    ndarray of float64, shape (ny, nx)
    """
    ny, nx = top.shape
    near = np.pad(top, 1, mode="edge")
    # Neighbours touch: their distance is nought.
    base = np.max([near[i : i + ny, j : j + nx] for i in range(3) for j in range(3)], axis=0)
    straight = drop / LONGEST_DETOUR
    fall = straight * np.arange(nx)

    def sweep(level: np.ndarray) -> np.ndarray:
        """Along the rows both ways, and from each row to the next."""
        for row in range(ny):
            line = level[row]
            if row:
                before = level[row - 1]
                line = np.maximum(line, before - straight)
                line[1:] = np.maximum(line[1:], before[:-1] - straight * np.sqrt(2.0))
                line[:-1] = np.maximum(line[:-1], before[1:] - straight * np.sqrt(2.0))
            line = np.maximum.accumulate(line + fall) - fall
            level[row] = (np.maximum.accumulate(line[::-1] + fall) - fall)[::-1]
        return level

    return sweep(sweep(base.astype(float))[::-1])[::-1]


def regions_at(maps: Maps, points: np.ndarray) -> np.ndarray:
    """Region at points, as `heatmat.kernels.heightfield.region_at` finds it.

    Parameters
    ----------
    maps : Maps
    points : ndarray of float64, shape (n, 2)
        Local coordinates; a point beyond the grid takes its nearest cell.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    column = np.floor((points[:, 0] - maps.west) / maps.resolution).astype(np.int64)
    row = np.floor((points[:, 1] - maps.south) / maps.resolution).astype(np.int64)
    column, row = np.clip(column, 0, maps.nx - 1), np.clip(row, 0, maps.ny - 1)
    region = maps.cell_region[maps.ny - 1 - row, column].astype(np.int64)
    mixed = np.flatnonzero(region < 0)
    if not mixed.size:
        return region
    k = -1 - region[mixed]
    region[mixed] = maps.boundary_reference_region[k]
    number = np.diff(maps.boundary_start)[k]
    owner = np.repeat(np.arange(len(mixed)), number)
    listed = maps.boundary_start[k][owner] + np.arange(len(owner))
    edge = maps.boundary_edges[listed - np.repeat(np.cumsum(number) - number, number)]
    # The first edge that the walk from the point to the cell's reference point crosses.
    p = points[mixed][owner]
    d = maps.boundary_reference[k].astype(float)[owner] - p
    a, b = maps.edge_ab[edge, :2] - p, maps.edge_ab[edge, 2:] - p
    side_a, side_b = d[:, 0] * a[:, 1] - d[:, 1] * a[:, 0], d[:, 0] * b[:, 1] - d[:, 1] * b[:, 0]
    crossed = (side_a >= 0.0) != (side_b >= 0.0)
    along = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / np.where(crossed, side_b - side_a, 1.0)
    along[~crossed | (along < 0.0) | (along > 1.0)] = np.inf
    order = np.lexsort((along, owner))
    nearest = order[np.searchsorted(owner[order], np.arange(len(mixed)))]
    found = np.isfinite(along[nearest])
    side = np.where(side_b[nearest] < side_a[nearest], 1, 0)
    region[mixed[found]] = maps.edge_regions[edge[nearest[found]], side[found]]
    return region
