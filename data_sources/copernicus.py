"""Copernicus GLO-30 (the Copernicus DEM at 1 arc second): which tile holds what, and windows of it.

Names and layout: readme of the public bucket,
https://copernicus-dem-30m.s3.amazonaws.com/readme.html. A tile covers one degree; its name is that
of its south-west corner. Cells are 1" north to south and 1", 1.5", 2", 3", 5" or 10" east to west
(from the equator, and from 50, 60, 70, 80, 85 degrees on); their centres lie on whole multiples,
the northernmost row on the degree itself. Tiles of open sea are missing and stand for 0 m; so are
those of a few countries that are not public.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError, RefusedError
from data_sources.remote_raster import RasterFile, open_remote

if TYPE_CHECKING:
    import numpy as np

    from data_sources.cache import Provenance
    from data_sources.http import Session

BASE = "https://copernicus-dem-30m.s3.amazonaws.com"
LICENCE = "Copernicus DEM licence (free of charge, with attribution)"
ATTRIBUTION = (
    "produced using Copernicus WorldDEM-30 (c) DLR e.V. 2010-2014 and (c) Airbus Defence and Space "
    "GmbH 2014-2018 provided under COPERNICUS by the European Union and ESA; all rights reserved"
)
MAX_TILE_BYTES = 96 << 20
"""A whole tile takes 20 to 60 MB; a window of a city some."""

BLOCK = 1 << 20
"""Bytes a request: a window of a city lies in one to four internal tiles of 2 to 4 MB each."""

MAX_TILES = 9
MAX_SIDE = 3601
"""Cells along a side of a tile; a file with more is none, and might not fit in memory."""

LOWEST, HIGHEST = -600.0, 9000.0  # m: the Dead Sea's shore and Everest, with room


@dataclass(frozen=True)
class Mosaic:
    """Surface heights of an area in degrees.

    Attributes
    ----------
    heights : array [rows, columns]
        Metres above the geoid (EGM2008), row 0 north; NaN without data or beyond what was asked.
    west, north : float
        Centre of the north-west cell [degrees]; the west of an area across the antimeridian is
        below 180, its east above.
    step_x, step_y : float
        Cell size [degrees].
    missing : tuple of str
        Tiles that are not there: taken as sea, 0 m.
    found : int
        Tiles that are.
    provenance : tuple of Provenance
    """

    heights: np.ndarray
    west: float
    north: float
    step_x: float
    step_y: float
    missing: tuple[str, ...]
    found: int
    provenance: tuple[Provenance, ...]


def tile_name(south: int, west: int) -> str:
    """Name of the tile whose south-west corner is at whole degrees; west may be beyond +-180."""
    west = (west + 180) % 360 - 180
    northing = f"{'N' if south >= 0 else 'S'}{abs(south):02d}_00"
    easting = f"{'E' if west >= 0 else 'W'}{abs(west):03d}_00"
    return f"Copernicus_DSM_COG_10_{northing}_{easting}_DEM"


def tile_url(south: int, west: int) -> str:
    """Public address of a tile."""
    name = tile_name(south, west)
    return f"{BASE}/{name}/{name}.tif"


def read_surface(bounds: tuple[float, float, float, float], session: Session) -> Mosaic:
    """Surface heights of an area, from as many tiles as it takes.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north [degrees]; an east below the west lies across the antimeridian.
    session : Session

    Raises
    ------
    NetworkError
        When the service does not answer, or not with the documented tiles.
    """
    import numpy as np

    west, south, east, north = bounds
    east = east + 360.0 if east < west else east
    # A tile ends half a cell north of its southern edge: the next one's first row lies on it.
    corners = [
        (lat, lon)
        for lat in range(math.floor(max(south, -90.0)), math.floor(min(north, 89.999)) + 1)
        for lon in range(math.floor(west), math.floor(east) + 1)
    ]
    if len(corners) > MAX_TILES:
        from heatmat.errors import InputError

        raise InputError(
            "the area is too large for one terrain",
            expected=f"at most {MAX_TILES} tiles of a degree",
            got=f"{len(corners)}",
            remedy="take a smaller area",
        )
    pieces: list[_Piece] = []
    absent: list[tuple[int, int]] = []
    used: list[Provenance] = []
    for lat, lon in corners:
        piece, about = _read_tile(lat, lon, (west, south, east, north), session)
        if about is None:
            absent.append((lat, lon))
        elif piece is not None:
            pieces.append(piece)
            used.append(about)
    if not pieces:
        empty = np.zeros((2, 2), dtype=np.float32)
        missing = tuple(tile_name(*corner) for corner in absent)
        return Mosaic(empty, west, north, 1.0, 1.0, missing, 0, ())
    step_y = pieces[0].step_y
    step_x = min(piece.step_x for piece in pieces)
    return _join(pieces, (west, south, east, north), step_x, step_y, absent, used)


@dataclass(frozen=True)
class _Piece:
    heights: np.ndarray
    lon: np.ndarray  # degrees, centres of columns
    lat: np.ndarray  # degrees, centres of rows, falling
    step_x: float
    step_y: float
    west: int  # degrees of the tile's corner


def _read_tile(
    south: int, west: int, bounds: tuple[float, ...], session: Session
) -> tuple[_Piece | None, Provenance | None]:
    """The part of a tile within 2 cells of the bounds; no provenance where there is no tile."""
    try:
        file = RasterFile(
            session,
            tile_url(south, west),
            block=BLOCK,
            max_total=MAX_TILE_BYTES,
            licence=LICENCE,
            attribution=ATTRIBUTION,
            remedy="give --dem FILE, or fetch without terrain",
        )
        with open_remote(file) as dataset:
            piece = _window(dataset, south, west, bounds, file)
    except RefusedError as error:
        if error.status in (403, 404):
            return None, None
        raise
    return piece, file.provenance()


def _window(
    dataset: Any, south: int, west: int, bounds: tuple[float, ...], file: RasterFile
) -> _Piece | None:
    import numpy as np

    transform, rows, columns = dataset.transform, dataset.height, dataset.width
    step_x, step_y = transform.a, -transform.e
    shift = 360.0 * round((west - transform.c) / 360.0)
    # Centres: the north-west one lies on the corner of the degree.
    lon0, lat0 = transform.c + 0.5 * step_x + shift, transform.f - 0.5 * step_y
    right = dataset.count == 1 and dataset.crs is not None and dataset.crs.is_geographic
    right &= max(rows, columns) <= MAX_SIDE
    on_corner = abs(lon0 - west) < step_x and abs(lat0 - (south + 1)) < step_y
    if not (right and on_corner and abs(step_x * columns - 1.0) < 1e-6):
        raise MalformedError(
            "the file is not the tile that its name says",
            where=file.url,
            expected=f"one degree from {south}, {west}",
            got=f"{columns} x {rows} cells from {lat0:.4f}, {lon0:.4f}",
        )
    first_column = max(0, math.floor((bounds[0] - lon0) / step_x) - 2)
    last_column = min(columns, math.ceil((bounds[2] - lon0) / step_x) + 3)
    first_row = max(0, math.floor((lat0 - bounds[3]) / step_y) - 2)
    last_row = min(rows, math.ceil((lat0 - bounds[1]) / step_y) + 3)
    if first_column >= last_column or first_row >= last_row:
        return None
    heights = dataset.read(1, window=((first_row, last_row), (first_column, last_column)))
    heights = heights.astype(np.float32)
    if dataset.nodata is not None:
        heights[heights == dataset.nodata] = np.nan
    heights[~((heights > LOWEST) & (heights < HIGHEST))] = np.nan
    lon = lon0 + step_x * np.arange(first_column, last_column)
    lat = lat0 - step_y * np.arange(first_row, last_row)
    return _Piece(heights, lon, lat, step_x, step_y, west)


def _join(
    pieces: list[_Piece],
    bounds: tuple[float, ...],
    step_x: float,
    step_y: float,
    absent: list[tuple[int, int]],
    used: list[Provenance],
) -> Mosaic:
    """Pieces on one grid of the finest columns; cells of missing tiles are sea."""
    import numpy as np

    first, last = math.floor(bounds[0] / step_x) - 1, math.ceil(bounds[2] / step_x) + 1
    top, bottom = math.ceil(bounds[3] / step_y) + 1, math.floor(bounds[1] / step_y) - 1
    lon = step_x * np.arange(first, last + 1)
    lat = step_y * np.arange(top, bottom - 1, -1)
    heights = np.full((len(lat), len(lon)), np.nan, dtype=np.float32)
    for south, west in absent:
        rows = (lat > south + 0.5 * step_y) & (lat < south + 1.0 + 0.5 * step_y)
        heights[np.ix_(rows, _columns(lon, west, step_x))] = 0.0
    for piece in pieces:
        rows = top - np.round(piece.lat / step_y).astype(int)
        inside = (rows >= 0) & (rows < len(lat))
        columns = _columns(lon, piece.west, step_x)
        for row, values in zip(rows[inside], piece.heights[inside], strict=True):
            heights[row, columns] = np.interp(lon[columns], piece.lon, values)
    return Mosaic(
        heights, float(lon[0]), float(lat[0]), step_x, step_y,
        tuple(tile_name(*corner) for corner in absent), len(pieces), tuple(used),
    )  # fmt: skip


def _columns(lon: np.ndarray, west: int, step_x: float) -> np.ndarray:
    """Columns of the mosaic that a tile holds."""
    import numpy as np

    return np.flatnonzero((lon > west - 0.5 * step_x) & (lon < west + 1.0 - 0.5 * step_x))
