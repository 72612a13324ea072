"""Crowns of a city on the ground's cells: from a raster of heights, or from single trees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

LOWEST = 0.5
"""A canopy lower than this is ground [m]."""

THINNEST = 0.2
"""Least thickness of a column [m]."""


@dataclass(frozen=True)
class Trees:
    """What a scenario says of trees.

    Attributes
    ----------
    top : path or None
        Raster of crown heights above ground; None: the trees of the buildings file.
    base_fraction : float
        Height of a crown's base over that of its top.
    transmissivity : tuple of float
        Share of light that goes straight down through a crown with and without leaves. Defaults
        0.03 and 0.5: measured through single trees of Gothenburg, 1 to 5 % and 40 to 52 %
        (Konarska et al. 2014, doi:10.1007/s00704-013-1000-3).
    leaf_on : tuple of str
        First and last day with leaves, ``MM-DD``.
    leaf_temperature : {'balance', 'air'}
    """

    top: str | Path | None = None
    base_fraction: float = 0.25
    transmissivity: tuple[float, float] = (0.03, 0.5)
    leaf_on: tuple[str, str] = ("04-15", "10-31")
    leaf_temperature: str = "balance"


@dataclass
class CrownRasters:
    """Top and base above ground [m] and density [1/m] as `Maps` has them, row 0 north."""

    top: np.ndarray
    base: np.ndarray
    density: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> CrownRasters:
        """No trees."""
        return cls(*(np.zeros(shape, np.float32) for _ in range(3)))


def crowns_from_raster(
    path: str | Path,
    base_fraction: float,
    crs_wkt: str,
    transform: Any,
    shape: tuple[int, int],
    *,
    where: str = "city.trees.top",
) -> CrownRasters:
    """Crowns from a canopy height model, each cell taking the nearest of the raster's.

    Heights are above ground. Every column has the transmissivity over its own thickness, as in the
    raster models that use such data (Lindberg and Grimmond 2011, doi:10.1007/s00704-010-0382-8).

    Raises
    ------
    InputError
        Not a raster, off the city, or with heights that are none.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    from heatmat.land_cover import open_raster

    with (
        open_raster(path, where=where) as dataset,
        WarpedVRT(
            dataset,
            crs=crs_wkt,
            transform=transform,
            width=shape[1],
            height=shape[0],
            resampling=Resampling.nearest,
            add_alpha=dataset.nodata is None,
        ) as warped,
    ):
        height = warped.read(1).astype(float)
        known = warped.dataset_mask() > 0
    if not known.any():
        raise InputError(
            "the raster does not cover the city", where=f"{where}: {path}", expected="its extent"
        )
    top = np.where(known & np.isfinite(height), height, 0.0)
    if top.max() > 120.0:
        raise InputError(
            "crowns are taller than any tree",
            where=f"{where}: {path}",
            expected="heights above the ground in metres, at most 120",
            got=f"{top.max():g}",
            remedy="subtract the terrain from a surface model",
        )
    found = CrownRasters.empty(shape)
    there = top >= LOWEST
    found.top[there] = top[there]
    found.base[there] = np.minimum(base_fraction * top, top - THINNEST)[there]
    found.density[there] = 1.0 / (found.top - found.base)[there]
    return found


def add_trees(
    rasters: CrownRasters,
    table: gpd.GeoDataFrame,
    origin: tuple[float, float],
    west: float,
    north: float,
    cell: float,
) -> int:
    """Put single trees on the rasters; the number of those that reach into them.

    A crown is an ellipsoid between its base and the tree's top. Its extinction is that for which a
    vertical way of mean length, two thirds of its height, has the transmissivity. Where crowns
    overlap the column spans both, with the lesser extinction.

    Parameters
    ----------
    rasters : CrownRasters
        Changed in place.
    table : GeoDataFrame
        Points with ``height_m, crown_diameter_m, crown_base_m``.
    origin : tuple of float
        CRS coordinates of the local zero.
    west, north, cell : float
        Corner of the rasters and side of a cell, local [m].
    """
    points = table.geometry
    sizes = table[["height_m", "crown_diameter_m", "crown_base_m"]].to_numpy(dtype=float)
    x = points.x.to_numpy() - origin[0] - west
    y = north - (points.y.to_numpy() - origin[1])
    return sum(put_tree(rasters, x[i], y[i], tuple(sizes[i]), cell) for i in range(len(sizes)))


def put_tree(
    rasters: CrownRasters, x: float, y: float, size: tuple[float, float, float], cell: float
) -> bool:
    """Put one crown on the rasters; whether it reaches into them.

    Parameters
    ----------
    x, y : float
        From the rasters' north-western corner, y to the south [m].
    size : tuple of float
        Height of the tree, diameter of the crown, height of its base [m].
    """
    rows, columns = rasters.top.shape
    height, width, base = size
    radius, half = 0.5 * width, 0.5 * (height - base)
    r0, r1 = int((y - radius) // cell), int((y + radius) // cell) + 1
    c0, c1 = int((x - radius) // cell), int((x + radius) // cell) + 1
    r0, r1, c0, c1 = max(r0, 0), min(r1, rows), max(c0, 0), min(c1, columns)
    if r0 >= r1 or c0 >= c1 or half <= 0.0:
        return False
    dy = (np.arange(r0, r1) + 0.5) * cell - y
    dx = (np.arange(c0, c1) + 0.5) * cell - x
    # A crown narrower than a cell has the cell that holds the trunk.
    apart = np.hypot(dx[None, :], dy[:, None]) / max(radius, 0.71 * cell)
    reach = half * np.sqrt(np.clip(1.0 - apart**2, 0.0, None))
    inside = reach > 0.5 * THINNEST
    if not inside.any():
        return False
    middle = 0.5 * (height + base)
    part = (slice(r0, r1), slice(c0, c1))
    density = 1.0 / (4.0 / 3.0 * half)
    _join(rasters, part, inside, middle + reach, middle - reach, density)
    return True


def _join(
    rasters: CrownRasters,
    part: tuple[slice, slice],
    inside: np.ndarray,
    top: np.ndarray,
    base: np.ndarray,
    density: float,
) -> None:
    """A crown over what is there."""
    there = rasters.top[part] > 0.0
    both = inside & there
    fresh = inside & ~there
    for target, value, least in ((rasters.top[part], top, False), (rasters.base[part], base, True)):
        target[both] = (np.minimum if least else np.maximum)(target, value)[both]
        target[fresh] = value[fresh]
    target = rasters.density[part]
    target[both] = np.minimum(target, density)[both]
    target[fresh] = density
