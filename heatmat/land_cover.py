"""Land cover rasters as ground polygons, and the checks that any raster of a scenario gets."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

    from heatmat.city import City

FINEST = 1.0
"""Cells finer than this are resampled to it: ground is labelled at 1 m [m]."""


@contextlib.contextmanager
def open_raster(path: str | Path, *, where: str) -> Iterator[Any]:
    """A raster opened with rasterio, known to have bands and a CRS.

    Raises
    ------
    InputError
        GDAL does not read it, or it says nothing about where it lies.
    """
    import rasterio
    from rasterio.errors import RasterioError

    try:
        dataset = rasterio.open(path)
    except (RasterioError, OSError) as error:
        raise InputError(
            "not a raster that GDAL reads",
            where=f"{where}: {path}",
            expected="a GeoTIFF",
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
        ) from None
    with dataset:
        if dataset.crs is None:
            raise InputError(
                "the raster has no coordinate reference system",
                where=f"{where}: {path}",
                remedy="write one into it, for example with gdal_edit.py -a_srs",
            )
        try:
            yield dataset
        except RasterioError as error:
            raise InputError(
                "the raster cannot be read", where=f"{where}: {path}", got=str(error)
            ) from None


def check_raster(path: str | Path, *, where: str) -> None:
    """Refuse a raster that could not be used, by reading a corner of it."""
    with open_raster(path, where=where) as dataset:
        dataset.read(1, window=((0, 1), (0, 1)))


def with_land_cover(
    city: City, path: str | Path, legend: Mapping[int, str], *, where: str = "city.land_cover"
) -> City:
    """A city whose ground is a land cover raster wherever no polygon lies over it.

    Parameters
    ----------
    city : City
    path : path
        A raster of classes in any CRS; warped by nearest neighbour.
    legend : mapping
        Class to construction. No-data cells keep the default ground.

    Raises
    ------
    InputError
        Not a raster, off the city, or with a class that the legend lacks.
    """
    import geopandas as gpd
    import pandas as pd

    cover = _polygons(city, path, legend, where)
    # Later rows lie over earlier ones: drawn polygons are finer than a raster's cells.
    ground = gpd.GeoDataFrame(
        pd.concat([cover, city.ground], ignore_index=True), geometry="geometry", crs=city.crs
    )
    return dataclasses.replace(city, ground=ground)


def _polygons(
    city: City, path: str | Path, legend: Mapping[int, str], where: str
) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import shapely
    from rasterio.enums import Resampling
    from rasterio.features import shapes
    from rasterio.transform import from_origin
    from rasterio.vrt import WarpedVRT

    west, south, east, north = city.extent
    west, south = west - city.margin, south - city.margin
    east, north = east + city.margin, north + city.margin
    with open_raster(path, where=where) as dataset:
        cell = max(FINEST, _cell_size(dataset, city))
        width, height = int(np.ceil((east - west) / cell)), int(np.ceil((north - south) / cell))
        transform = from_origin(west, north, cell, cell)
        with WarpedVRT(
            dataset,
            crs=city.crs.to_wkt(),
            transform=transform,
            width=width,
            height=height,
            resampling=Resampling.nearest,
            add_alpha=dataset.nodata is None,
        ) as warped:
            classes = warped.read(1)
            known = warped.dataset_mask() > 0
    if not known.any():
        raise InputError(
            "the raster does not cover the city",
            where=f"{where}: {path}",
            expected=f"cells within {west:.0f}, {south:.0f}, {east:.0f}, {north:.0f}",
        )
    missing = sorted(set(np.unique(classes[known]).tolist()) - set(legend))
    if missing:
        raise InputError(
            "classes without a construction",
            where="city.land_cover_legend",
            expected="one line for each class in the raster",
            got=f"no line for {', '.join(f'{value:g}' for value in missing)}",
        )
    found = shapes(classes.astype(np.int32), mask=known, transform=transform)
    rows = [(shapely.geometry.shape(outline), legend[int(value)]) for outline, value in found]
    return gpd.GeoDataFrame(
        {"construction": [name for _, name in rows], "kind": "land_cover"},
        geometry=[polygon for polygon, _ in rows],
        crs=city.crs,
    )


def _cell_size(dataset: Any, city: City) -> float:
    """Cell size of a raster in the city's CRS [m]."""
    from rasterio.warp import calculate_default_transform

    transform, _, _ = calculate_default_transform(
        dataset.crs, city.crs.to_wkt(), dataset.width, dataset.height, *dataset.bounds
    )
    return float(abs(transform.a))
