"""Small towns of squares, written to files of any format."""

from __future__ import annotations

import geopandas as gpd
from shapely.geometry import box

CRS = "EPSG:32632"
EAST, NORTH = 500_000.0, 5_400_000.0
"""South-west corner of the small towns here: on the zone's meridian, 48.75 N."""


def square(x, y, side):
    return box(EAST + x, NORTH + y, EAST + x + side, NORTH + y + side)


def write(path, geometries, crs=CRS, **columns):
    gpd.GeoDataFrame(columns, geometry=geometries, crs=crs).to_file(path)
    return path
