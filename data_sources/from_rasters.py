"""A city folder from rasters alone: buildings where the surface stands above the terrain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.land_cover_codes import UMEP_BUILDING, import_land_cover
from data_sources.raster_heights import LOWEST_BUILDING, check_datum, footprint_heights
from data_sources.rasters import (
    Grid,
    metric_crs,
    own_grid,
    read_classes,
    read_metres,
    write_raster,
)
from heatmat.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np

ROOF_STEP = 1.5
"""Neighbouring cells that differ by more belong to two roofs [m]: half a storey, our rule."""

SMALLEST_ROOF = 25.0
"""A roof with less area joins its neighbour; a building with less is left out [m2]: our rule."""

TALLEST_CANOPY = 40.0
"""A canopy whose median is higher is not counted from the ground [m]."""

MARGIN, MARGIN_SHARE = 200.0, 0.15
"""The rim of the rasters shades and is not reported: so wide [m], at most this share of a side."""

SMOOTHING = 1.5
"""Outlines are smoothed where that moves less than the square of this many cells: our rule. It
straightens the stairs of cells along an oblique wall."""


@dataclass(frozen=True)
class RasterCity:
    """What `city_from_rasters` wrote.

    Attributes
    ----------
    city : dict
        The table [city] of a scenario, paths relative to the folder; the extent is the rasters'
        without a margin.
    counts : dict of str to int
    notes : tuple of str
    """

    city: dict[str, Any]
    counts: dict[str, int]
    notes: tuple[str, ...]


def city_from_rasters(
    dsm: str | Path,
    dem: str | Path,
    folder: Path,
    *,
    land_cover: str | Path | None = None,
    canopy: str | Path | None = None,
) -> RasterCity:
    """Write buildings, ground, terrain and canopy of a place known from rasters only.

    A cell is a building's where the surface stands 2 m above the terrain and, with `land_cover`,
    the class is 2 in it or beside it; else where the canopy is lower than 2 m. Connected cells
    without a step of more than 1.5 m between them are one roof; its height is their median.

    Parameters
    ----------
    dsm, dem : path
        Surface and terrain, heights above one datum.
    folder : Path
        City folder.
    land_cover : path, optional
        UMEP codes.
    canopy : path, optional
        Heights of trees above ground (UMEP's CDSM).

    Raises
    ------
    InputError
        When a raster cannot be used, or no cell is a building's.
    """
    import numpy as np

    crs = metric_crs(dsm, where="--dsm")
    grid = own_grid(dsm, crs, where="--dsm")
    ground = read_metres(dem, grid, where="--dem")
    above = read_metres(dsm, grid, where="--dsm", method="nearest") - ground
    raised = np.nan_to_num(above, nan=0.0) > LOWEST_BUILDING
    check_datum(above, ~raised, f"{dsm} and {dem}")
    trees = None if canopy is None else read_metres(canopy, grid, where="--canopy")
    notes = []
    if land_cover is not None:
        raised &= _near_buildings(land_cover, grid)
    elif trees is not None:
        raised &= ~(trees > LOWEST_BUILDING)
    else:
        notes.append("no land cover and no canopy: trees in the surface model stand as buildings")
    table, dropped = roofs(above, raised, grid)
    if not len(table):
        raise InputError(
            "no building in the rasters",
            where=f"{dsm} minus {dem}",
            expected=f"cells more than {LOWEST_BUILDING:g} m above the terrain",
        )
    folder.mkdir(parents=True, exist_ok=True)
    table.to_file(folder / "buildings.gpkg", driver="GPKG")
    city: dict[str, Any] = {"buildings": "buildings.gpkg"}
    city["crs"] = crs.to_string() if crs.to_epsg() is None else f"EPSG:{crs.to_epsg()}"
    margin = math.floor(min(MARGIN, MARGIN_SHARE * grid.cell * min(grid.width, grid.height)))
    west, south, east, north = grid.bounds
    city["extent"] = [west + margin, south + margin, east - margin, north - margin]
    city["margin_m"] = float(margin)
    about = {"source": f"{Path(dem).name}, as given"}
    write_raster(folder / "terrain.tif", ground, grid, nodata=-9999.0, tags=about, unit="metre")
    city["terrain"] = "terrain.tif"
    if land_cover is not None:
        path, legend = import_land_cover(land_cover, grid, folder)
        city["land_cover"], city["land_cover_legend"] = path.name, legend
    if trees is not None:
        city["trees"] = {"top": import_canopy(trees, grid, folder, Path(canopy or "").name)}
    counts = {"buildings_from_rasters": len(table), "raster_buildings_too_small": dropped}
    counts["raster_blocks"] = int(table["block"].nunique())
    return RasterCity(city, counts, tuple(notes))


def import_canopy(heights: np.ndarray, grid: Grid, folder: Path, source: str) -> str:
    """Write heights of trees above ground [m] as ``canopy.tif``; the file's name.

    Raises
    ------
    InputError
        When they are so high that they must be heights above the sea.
    """
    import numpy as np

    middle = float(np.nanmedian(heights))
    if middle > TALLEST_CANOPY:
        raise InputError(
            "heights above the sea, not above the ground",
            where=f"--canopy: {source}",
            expected="0 where no tree stands",
            got=f"a median of {middle:.0f} m",
            remedy="subtract the terrain model first",
        )
    about = {"source": source}
    write_raster(folder / "canopy.tif", heights, grid, nodata=-9999.0, tags=about, unit="metre")
    return "canopy.tif"


def _near_buildings(land_cover: str | Path, grid: Grid) -> np.ndarray:
    """Cells of the building class and those beside them, as wide as a cell of the raster.

    The classes are often coarser than the surface model, which knows the walls better.
    """
    import numpy as np
    from scipy.ndimage import binary_dilation

    classes, _ = read_classes(land_cover, grid, where="--land-cover")
    theirs = own_grid(land_cover, grid.crs, where="--land-cover", bounds=grid.bounds).cell
    reach = max(1, round(theirs / grid.cell))
    return np.asarray(binary_dilation(classes == UMEP_BUILDING, iterations=reach))


def roofs(above: np.ndarray, raised: np.ndarray, grid: Grid) -> tuple[gpd.GeoDataFrame, int]:
    """Polygons of the roofs, each with its height.

    Parameters
    ----------
    above : array [height, width]
        Heights above ground [m].
    raised : array [height, width] of bool
        Cells of buildings.
    grid : Grid

    Returns
    -------
    GeoDataFrame
        ``id``, ``height`` [m], ``height_source`` (``dsm``), ``block`` (touching roofs share one).
    int
        Buildings left out as too small.
    """
    import geopandas as gpd
    import numpy as np
    import shapely
    from rasterio.features import shapes, sieve
    from scipy.ndimage import label

    cells = max(2, round(SMALLEST_ROOF / grid.cell**2))
    before, count = label(raised)
    raised = sieve(raised.astype(np.uint8), cells, connectivity=4).astype(bool)
    dropped = count - len(np.setdiff1d(before[raised], [0]))
    labels = sieve(_continuous(above, raised), cells, mask=raised, connectivity=4)
    labels = np.where(raised, labels, 0).astype(np.int32)
    found = list(shapes(labels, mask=raised, connectivity=4, transform=grid.transform))
    outlines = np.array([shapely.geometry.shape(outline) for outline, _ in found], dtype=object)
    blocks, _ = label(raised)
    # Smoothed together, so that what touched still touches; simplifying one by one tears gaps.
    smooth = shapely.coverage_simplify(outlines, SMOOTHING * grid.cell) if found else outlines
    points = shapely.point_on_surface(outlines)
    column = ((shapely.get_x(points) - grid.west) / grid.cell).astype(int)
    row = ((grid.north - shapely.get_y(points)) / grid.cell).astype(int)
    index = np.full(labels.shape, -1, dtype=np.int32)
    if found:
        from rasterio.features import rasterize

        pairs = [(outline, i) for i, outline in enumerate(outlines)]
        rasterize(pairs, out=index, transform=grid.transform)
    height, _, _ = footprint_heights(above, index, np.zeros(len(found), dtype=bool))
    kept = (shapely.area(smooth) >= SMALLEST_ROOF) & (height >= LOWEST_BUILDING)
    table = gpd.GeoDataFrame(
        {
            "id": [f"raster/{i + 1}" for i in np.flatnonzero(kept)],
            "height": np.round(height[kept], 2),
            "height_source": "dsm",
            "block": blocks[row, column][kept] if found else [],
        },
        geometry=list(smooth[kept]),
        crs=grid.crs,
    )
    return table, dropped + int((~kept).sum())


def _continuous(above: np.ndarray, raised: np.ndarray) -> np.ndarray:
    """Number of the roof of each cell, from 1: no step of more than `ROOF_STEP` within a roof."""
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    number = np.cumsum(raised.ravel()).reshape(raised.shape) - 1
    pairs = []
    for a, b in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        joined = raised[a] & raised[b] & (np.abs(above[a] - above[b]) <= ROOF_STEP)
        pairs.append((number[a][joined], number[b][joined]))
    first = np.concatenate([pair[0] for pair in pairs])
    second = np.concatenate([pair[1] for pair in pairs])
    n = int(raised.sum())
    graph = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    labels = np.zeros(raised.shape, dtype=np.int32)
    labels[raised] = component + 1
    return labels
