"""Maps from the field: tiles of cells, cells in parts, each part gathered and marched."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from heatmat.case import BASE_TEMPERATURE
from heatmat.field import Field
from heatmat.field_errors import error_classes, pixel_errors, pixel_squares
from heatmat.field_pixels import Parts, parts_of_cells, requests_of_parts
from heatmat.field_places import Crowd, Effort, PlaceValues, TileRays, gather_tile
from heatmat.kernels import field_values, layout
from heatmat.sampling_plan import stream_keys
from heatmat.solver import Requests

CELL = 2.0
"""Pixels larger than this are cut into equal cells of at most this size [m]."""

FINE, COARSE = Effort(samples=4, rays=4, sets=2), Effort(samples=2, rays=4, sets=2)
"""Effort for a part of a pixel that is one cell, and of one that is many."""

LARGE, LARGE_RAYS = 200_000, 2
"""A map with more fine pixels sends so many rays: errors of 0.075 K in place of 0.05 K (root mean
square in Paris), for a sixth of the time."""

AUDIT, LARGE_AUDIT = 12, 48
"""One part in so many is marched twice, with half its rays each: what tells the error of all; the
same of a map with more than `LARGE` pixels."""

FEW = 20_000
"""A map with fewer parts audits them all."""

PIXEL_STREAM = 1
"""Kind code of the pixels' random streams."""

REACH, REACH_METRES = 2, 2.5
"""A part shares what falls on it with neighbours within so many cells, and so many metres."""

PERIOD = 4
"""Cells of a row with different rays."""

STREAM_CELLS = 16
"""Cells along a side of a block that shares its sequence; pixels of many cells take `PERIOD`, or
what a block has in common would be most of their error."""

TILE_BYTES = 128 << 20
"""Device memory of a tile."""

START_BYTES = 720
"""What a start takes beside its links and the series that fall on its part: records, states,
requests, shares of the sun."""


@dataclass(frozen=True)
class PixelGrid:
    """A map's pixels in local coordinates.

    Attributes
    ----------
    west, north : float
        Of the map [m].
    size : float
        Of a pixel [m].
    nx, ny : int
    """

    west: float
    north: float
    size: float
    nx: int
    ny: int

    @property
    def divide(self) -> int:
        """Cells along a side of a pixel."""
        return max(1, int(np.ceil(self.size / CELL - 1e-9)))


Tile = dict[str, np.ndarray]


def _is_large(grid: PixelGrid) -> bool:
    return grid.divide == 1 and grid.nx * grid.ny > LARGE


def map_effort(grid: PixelGrid, rays: int | None = None) -> Effort:
    """Effort for a part; `rays`: other first rays of a set of a start than maps send."""
    effort = FINE if grid.divide == 1 else COARSE
    if rays is None and _is_large(grid):
        rays = LARGE_RAYS
    return effort if rays is None else replace(effort, rays=rays)


def map_tiles(grid: PixelGrid, words: int, rays: int | None = None) -> list[tuple[int, int]]:
    """Rows of pixels (first, last + 1) of each tile, from the north.

    `words` is the length of a texel's series, `rays` as in `map_effort`.
    """
    cells_row = grid.nx * grid.divide**2
    effort = map_effort(grid, rays)
    # Parts are some 1.2 times as many as cells in a dense centre.
    start = START_BYTES + 4 * effort.sets * effort.rays
    part = effort.samples * start + 4 * words * (effort.sets + 1)
    rows = max(1, int(TILE_BYTES / (1.2 * part * cells_row)))
    return [(r, min(r + rows, grid.ny)) for r in range(0, grid.ny, rows)]


def gather_map_tile(
    field: Field,
    grid: PixelGrid,
    rows: tuple[int, int],
    origin: tuple[float, float],
    seed: int,
    rays: int | None = None,
) -> Tile:
    """Values of some rows of pixels, with what their error is made of.

    Returns
    -------
    dict of str to ndarray
        (pixels, times) in kelvin: surface_temperature, radiometric_temperature,
        ground_temperature, roof_temperature; (pixels,): sky_view_factor, sunlit_hours; and
        part_pixel, part_square, part_class (parts,), audit_class (n,), audit_square (n, times),
        audit_pixels (2,).
    """
    rows_of = march_rows(field, grid, rows, origin, seed, rays=rays)
    return _tile(
        rows_of.values, rows_of.share, rows_of.pixel, (rows[1] - rows[0]) * grid.nx, rows_of.split
    )


@dataclass
class MarchedRows:
    """Parts of some rows of pixels, marched.

    Attributes
    ----------
    values : PlaceValues
    share : ndarray
        Of the cell's area.
    pixel : ndarray of int
        Counted from the first pixel of the rows.
    region : ndarray of int32
    split : ndarray of bool
        Parts whose sets of rays were marched apart.
    """

    values: PlaceValues
    share: np.ndarray
    pixel: np.ndarray
    region: np.ndarray
    split: np.ndarray


def march_rows(
    field: Field,
    grid: PixelGrid,
    rows: tuple[int, int],
    origin: tuple[float, float],
    seed: int,
    *,
    audit_all: bool = False,
    rays: int | None = None,
    shared: TileRays | None = None,
) -> MarchedRows:
    """Gather and march the parts of some rows of pixels.

    `audit_all` marches the two sets of rays of every part apart, as differences need it; `rays` as
    in `map_effort`; `shared` as in `field_places.gather_tile`.
    """
    k = grid.divide
    cell = grid.size / k
    reach = min(REACH, int(REACH_METRES / cell)) if k == 1 else 0
    south = grid.north - rows[1] * grid.size - reach * cell
    west = grid.west - reach * cell
    nx, ny = grid.nx * k + 2 * reach, (rows[1] - rows[0]) * k + 2 * reach
    effort = map_effort(grid, rays)
    shared = shared or TileRays()
    parts = shared.parts or parts_of_cells(
        field.rays, west, south, cell, nx, ny, effort.samples, fine=True
    )
    shared.parts = parts
    column, row = parts.cell % nx, parts.cell // nx
    inside = (column >= reach) & (column < nx - reach) & (row >= reach) & (row < ny - reach)
    # Columns and rows of the cells in the world, wherever the map begins.
    ix = np.floor((west + (column + 0.5) * cell + origin[0]) / cell).astype(np.int64)
    iy = np.floor((south + (row + 0.5) * cell + origin[1]) / cell).astype(np.int64)
    block = STREAM_CELLS if k == 1 else PERIOD
    requests, keys = _requests(parts, ix, iy, cell, effort, seed, block)
    few = audit_all or grid.nx * grid.ny * k * k < FEW
    # Parts of a pixel are audited together: their errors are not independent.
    ix, iy = ix - (column - reach) % k, iy - (row - reach) % k
    audit = LARGE_AUDIT if _is_large(grid) else AUDIT
    split = np.ones(keys.size, bool) if few else _scramble(ix, iy) % audit == 0
    chunk = field.plan.chunks[field.done - 1]
    crowd = Crowd(parts, nx, ny, reach, ~inside)
    values, _ = gather_tile(field, requests, effort, chunk, crowd=crowd, split=split, shared=shared)
    kept = np.flatnonzero(inside)
    pixel = (ny - 1 - reach - row[kept]) // k * grid.nx + (column[kept] - reach) // k
    return MarchedRows(
        pick_values(values, kept), parts.share[kept], pixel, parts.region[kept], split[kept]
    )


def _requests(
    parts: Parts,
    ix: np.ndarray,
    iy: np.ndarray,
    cell: float,
    effort: Effort,
    seed: int,
    block: int,
) -> tuple[Requests, np.ndarray]:
    """Starts of the parts: neighbours send different rays of one sequence.

    `PERIOD` x `PERIOD` cells have all of it between them; blocks of `block` x `block` cells have
    each their own.
    """
    west, south = (i // block * (block * cell) for i in (ix, iy))
    keys = stream_keys(west, south, np.zeros(ix.size), PIXEL_STREAM, seed)
    requests = requests_of_parts(parts, keys)
    phase = (ix % PERIOD) + PERIOD * (iy % PERIOD)
    sample = phase[:, None] * effort.samples + np.arange(effort.samples)
    requests.codes[:, layout.R_SAMPLE] = sample.ravel()
    return requests, keys


def pick_values(values: PlaceValues, index: np.ndarray) -> PlaceValues:
    """Some of the places."""
    return PlaceValues(
        **{name: getattr(values, name)[index] for name in PlaceValues.__dataclass_fields__}
    )


def _scramble(ix: np.ndarray, iy: np.ndarray) -> np.ndarray:
    """Numbers without a pattern, from the columns and rows of cells in the world."""
    return stream_keys(ix * 1.0, iy * 1.0, np.zeros(ix.size), PIXEL_STREAM, 0).astype(np.int64)


def _tile(
    values: PlaceValues, share: np.ndarray, pixel: np.ndarray, pixels: int, split: np.ndarray
) -> Tile:
    """Parts to pixels by area."""
    share = share / np.maximum(np.bincount(pixel, share, pixels), 1e-9)[pixel]
    share = share.astype(np.float32)
    kind, mean = values.kind, values.mean
    tile: Tile = {}
    by_kind = {
        "surface_temperature": np.ones(kind.size, bool),
        "ground_temperature": kind == 0,
        "roof_temperature": kind == 1,
    }
    runs = pixel_runs(pixel, pixels)
    for name, chosen in by_kind.items():
        tile[name] = _mean_of(mean, share * chosen, runs)
    tile["radiometric_temperature"] = _mean_of(values.radiometric, share, runs, 4)
    tile["sky_view_factor"] = _mean_of(values.sky_view, share, runs)
    tile["sunlit_hours"] = _mean_of(values.sunlit_hours, share, runs)
    error_class = error_classes(values, share)
    audited = np.flatnonzero(split)
    audited = audited[np.isfinite(values.sets[audited]).all(axis=(1, 2))]
    tile["part_pixel"] = pixel.astype(np.int32)
    tile["part_square"] = (share**2).astype(np.float32)
    tile["part_class"] = error_class
    tile["audit_class"] = error_class[audited]
    tile["audit_weight"] = tile["part_square"][audited]
    tile["audit_square"] = pick_values(values, audited).error ** 2
    tile["audit_pixels"] = pixel_squares(values.sets, share, pixel, pixels, audited)
    return tile


Runs = tuple[np.ndarray, np.ndarray]


def pixel_runs(pixel: np.ndarray, pixels: int) -> Runs:
    """Parts in the order of their pixels, and where those of each pixel begin, int32."""
    order = np.argsort(pixel, kind="stable")
    first = np.searchsorted(pixel[order], np.arange(pixels + 1))
    return order.astype(np.int32), first.astype(np.int32)


def _mean_of(values: np.ndarray, weight: np.ndarray, runs: Runs, power: int = 1) -> np.ndarray:
    """Weighted means of parts by pixel, NaN where there is no weight, float32.

    `power` 4: the fourth root of the mean fourth power.
    """
    flat = values.reshape(values.shape[0], -1)
    out = np.full((runs[1].size - 1, flat.shape[1]), np.nan, np.float32)
    if out.size and weight.size:
        base = BASE_TEMPERATURE if values.ndim > 1 else 0.0
        flat, weight = (np.ascontiguousarray(a, np.float32) for a in (flat, weight))
        field_values.average_parts(flat, weight, *runs, power, base, out)
    return out.reshape(-1, *values.shape[1:])


def _weighted(values: np.ndarray, weight: np.ndarray, pixel: np.ndarray, pixels: int) -> np.ndarray:
    """Weighted means of parts by pixel, NaN where there is no weight, float32."""
    return _mean_of(values, weight, pixel_runs(pixel, pixels))


def gather_map(
    field: Callable[[], Field],
    grid: PixelGrid,
    origin: tuple[float, float],
    seed: int,
    words: int,
    *,
    rays: int | None = None,
    load: Callable[[str], Tile | None] = lambda key: None,
    save: Callable[[str, Tile], None] = lambda key, tile: None,
    progress: Callable[[float], None] = lambda done: None,
) -> Tile:
    """All pixels of a map, with their standard errors.

    Parameters
    ----------
    field : callable
        Gives the field, marched; called where a tile is not there yet.
    origin : tuple of float
        CRS coordinates of the local zero.
    words : int
        Length of a texel's series; tiles of long windows are smaller.
    rays : int, optional
        See `map_effort`.
    load, save : callable
        Finished tiles, by key.
    """
    tiles, pixels, times = [], [], 0
    whole: Tile = {}
    source: Field | None = None
    for rows in map_tiles(grid, words, rays):
        key = f"field-{grid.size:g}-{rows[0]}"
        tile = load(key)
        if tile is None:
            source = field()
            # Launches leave cycles that hold the arrays of the host that they were given.
            gc.collect()
            tile = gather_map_tile(source, grid, rows, origin, seed, rays)
            save(key, tile)
        times = tile["surface_temperature"].shape[1]
        # Each tile gives its rows away at once: the map is never held twice.
        for name in [name for name in tile if not name.startswith(("part_", "audit_"))]:
            values = tile.pop(name)
            if name not in whole:
                whole[name] = np.empty((grid.ny * grid.nx, *values.shape[1:]), values.dtype)
            whole[name][rows[0] * grid.nx : rows[1] * grid.nx] = values
        tiles.append(tile)
        pixels.append((rows[1] - rows[0]) * grid.nx)
        progress(rows[1] / grid.ny)
    if source is not None:
        source.room.clear()
    whole["surface_temperature_standard_error"] = pixel_errors(tiles, pixels, times)
    return whole
