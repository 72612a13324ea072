"""A city as a height map, and a height map as a city of square pixels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd

    from heatmat.city import City

CELL = 1.0
"""Pixels of the height map [m]."""


def window(
    city: City, extent: tuple[float, float, float, float] | None = None, margin: float | None = None
) -> City:
    """A part of a city with flat roofs, and nothing beyond its margin.

    Parameters
    ----------
    city : City
    extent : tuple of float, optional
        West, south, east, north, on whole metres. Default: the city's.
    margin : float, optional
        Width of what is around it [m]. Default: the city's.
    """
    from shapely import box

    extent = city.extent if extent is None else extent
    margin = city.margin if margin is None else margin
    west, south, east, north = extent
    rim = box(west - margin, south - margin, east + margin, north + margin)
    buildings = city.buildings.assign(roof_shape="flat", roof_height=0.0, min_height=0.0)
    buildings = buildings.assign(geometry=buildings.geometry.intersection(rim))
    buildings = buildings.explode(ignore_index=True)
    kept = (buildings.geom_type == "Polygon") & (buildings.geometry.area > 1e-3)
    buildings = _numbered(buildings[kept.to_numpy()].reset_index(drop=True))
    return dataclasses.replace(city, buildings=buildings, extent=extent, margin=margin)


def height_map(city: City) -> np.ndarray:
    """Heights at the centres of pixels over the extent and its margin, row 0 north [m]."""
    from rasterio.features import rasterize

    shape, transform = _grid(city)
    rows = city.buildings.sort_values("height", kind="stable")  # where two overlap: the higher
    pairs = list(zip(rows.geometry, rows["height"].astype(float), strict=True))
    heights: np.ndarray = rasterize(
        pairs, out_shape=shape, fill=0.0, dtype="float32", transform=transform
    )
    return heights


def pixel_city(city: City, heights: np.ndarray) -> City:
    """The same place built of square pixels: one building for each patch of equal height."""
    from rasterio.features import shapes
    from shapely.geometry import shape

    _, transform = _grid(city)
    found = [
        (shape(ring), float(height))
        for ring, height in shapes(heights, mask=heights > 0.0, connectivity=4, transform=transform)
    ]
    rows = city.buildings.iloc[np.zeros(len(found), int)].reset_index(drop=True)
    rows = rows.set_geometry([polygon for polygon, _ in found], crs=city.crs)
    rows = rows.assign(height=[height for _, height in found])
    return dataclasses.replace(city, buildings=_numbered(rows))


def inside(city: City) -> tuple[slice, slice]:
    """Rows and columns of the height map within the extent."""
    (rows, columns), _ = _grid(city)
    rim = round(city.margin / CELL)
    return slice(rim, rows - rim), slice(rim, columns - rim)


def centres(city: City) -> tuple[np.ndarray, np.ndarray]:
    """East and north of the pixels' centres, shape (rows, columns) each [m]."""
    (rows, columns), _ = _grid(city)
    west, north = city.extent[0] - city.margin, city.extent[3] + city.margin
    east_of, north_of = np.meshgrid(
        west + CELL * (np.arange(columns) + 0.5), north - CELL * (np.arange(rows) + 0.5)
    )
    return east_of, north_of


def _grid(city: City) -> tuple[tuple[int, int], Any]:
    from rasterio.transform import from_origin

    west, south, east, north = city.extent
    rows = round((north - south + 2.0 * city.margin) / CELL)
    columns = round((east - west + 2.0 * city.margin) / CELL)
    return (rows, columns), from_origin(west - city.margin, north + city.margin, CELL, CELL)


def _numbered(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Ids of their own for all rows."""
    names = [f"part {i}" for i in range(len(buildings))]
    return buildings.assign(building_id=names, parent_id=names)
