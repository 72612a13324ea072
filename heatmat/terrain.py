"""Elevations around a city: a raster of the scenario on a coarse grid that reaches past the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from heatmat.errors import InputError

REACH = 3000.0
"""How far beyond the map the raster is used, where it goes so far [m]: at this distance a hill of
50 m stands one degree high."""

SPACING, POINTS = 10.0, 600
"""Least distance of the points [m], and most of them along a side."""

LEAST_RELIEF = 2.0
"""Land flatter than this is flat [m]: an hour's step of a ray would not see it."""


def hills_from_raster(
    path: str | Path,
    crs_wkt: str,
    bounds: tuple[float, float, float, float],
    *,
    where: str = "city.terrain",
) -> dict[str, Any] | None:
    """Elevations at the points of a coarse grid, as `Maps` keeps them.

    Parameters
    ----------
    path : path
        A raster of the ground's elevation in any CRS, without buildings and trees [m].
    crs_wkt : str
        The city's CRS.
    bounds : tuple of float
        West, south, east and north of the map [m, CRS].

    Returns
    -------
    dict or None
        ``hill_elevation`` (rows, columns), row 0 south, and ``hill_frame``: west, south (CRS) and
        spacing [m]; None where the land is flat.

    Raises
    ------
    InputError
        Not a raster, or off the city.
    """
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import transform_bounds

    from heatmat.land_cover import open_raster

    with open_raster(path, where=where) as dataset:
        theirs = transform_bounds(dataset.crs, crs_wkt, *dataset.bounds)
        west, south = (max(bounds[k] - REACH, min(theirs[k], bounds[k])) for k in (0, 1))
        east, north = (min(bounds[k] + REACH, max(theirs[k], bounds[k])) for k in (2, 3))
        spacing = max(SPACING, max(east - west, north - south) / POINTS)
        columns, rows = int((east - west) / spacing) + 1, int((north - south) / spacing) + 1
        with WarpedVRT(
            dataset,
            crs=crs_wkt,
            transform=from_origin(west, south + rows * spacing, spacing, spacing),
            width=columns,
            height=rows,
            resampling=Resampling.average,
            add_alpha=dataset.nodata is None,
        ) as warped:
            values = warped.read(1)[::-1].astype(float)
            known = warped.dataset_mask()[::-1] > 0
    known &= np.isfinite(values)
    if not known.any():
        raise InputError(
            "the raster does not cover the city", where=f"{where}: {path}", expected="its extent"
        )
    values[~known] = values[known].min()
    if np.ptp(values) < LEAST_RELIEF:
        return None
    # A pixel's mean is that at its middle.
    frame = (west + 0.5 * spacing, south + 0.5 * spacing, spacing)
    return {"hill_elevation": values.astype(np.float32), "hill_frame": frame}


def elevations_on_cells(
    hills: dict[str, Any], west: float, north: float, cell: float, shape: tuple[int, int]
) -> np.ndarray:
    """Elevation at cell centres, row 0 north, float32: bilinear, as rays see it.

    Parameters
    ----------
    west, north : float
        Corner of the cells [m, CRS].
    """
    x0, y0, spacing = hills["hill_frame"]
    values = hills["hill_elevation"].astype(float)
    u = (west + (np.arange(shape[1]) + 0.5) * cell - x0) / spacing
    v = (north - (np.arange(shape[0]) + 0.5) * cell - y0) / spacing
    u = np.clip(u, 0.0, values.shape[1] - 1.001)
    v = np.clip(v, 0.0, values.shape[0] - 1.001)
    i, j = u.astype(int), v.astype(int)
    u, v = (u - i)[None, :], (v - j)[:, None]
    j, i = j[:, None], i[None, :]
    near = values[j, i] + u * (values[j, i + 1] - values[j, i])
    far = values[j + 1, i] + u * (values[j + 1, i + 1] - values[j + 1, i])
    return (near + v * (far - near)).astype(np.float32)
