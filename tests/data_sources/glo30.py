"""Tiles shaped like those of Copernicus GLO-30, with a surface that is known everywhere.

Shape: https://copernicus-dem-30m.s3.amazonaws.com/readme.html (names; widths 3600, 2400, 1800,
1200, 720, 360 by latitude; Cloud Optimized GeoTIFF, float32, WGS 84, one row and column of the
original 3601 removed at the east and the south), and a gdalinfo of a tile in
https://forum.sentinel-hub.com/t/copernicus-dem-data-available-on-aws/3027 (origin half a cell west
and north of the corner). Here fewer cells a degree, in the same ratios, so that a test takes no
time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

HOST = "copernicus-dem-30m.s3.amazonaws.com"
WIDTHS = ((85, 10.0), (80, 5.0), (70, 3.0), (60, 2.0), (50, 1.5), (0, 1.0))


def name(south: int, west: int) -> str:
    ns, ew = ("N" if south >= 0 else "S"), ("E" if west >= 0 else "W")
    return f"Copernicus_DSM_COG_10_{ns}{abs(south):02d}_00_{ew}{abs(west):03d}_00_DEM"


def path(south: int, west: int) -> str:
    return f"/{name(south, west)}/{name(south, west)}.tif"


def tile(
    folder: Path,
    south: int,
    west: int,
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray],
    cells: int = 3600,
    blocksize: int = 512,
) -> bytes:
    """The bytes of a tile: `surface(lon, lat)` [m] at its cell centres."""
    nearest = south if south >= 0 else -south - 1
    ratio = next(ratio for limit, ratio in WIDTHS if nearest >= limit)
    width = round(cells / ratio)
    dx, dy = 1.0 / width, 1.0 / cells
    lon = west + dx * np.arange(width)
    lat = south + 1.0 - dy * np.arange(cells)
    heights = surface(*np.meshgrid(lon, lat)).astype(np.float32)
    file = folder / f"{name(south, west)}.tif"
    with rasterio.open(
        file, "w", driver="COG", dtype="float32", count=1, width=width, height=cells,
        crs="EPSG:4326", transform=from_origin(west - dx / 2, south + 1 + dy / 2, dx, dy),
        compress="deflate", predictor=3, blocksize=blocksize,
    ) as tif:  # fmt: skip
        tif.write(heights, 1)
    return file.read_bytes()
