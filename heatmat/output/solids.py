"""Buildings as solids for drawing: roof pieces with planes, walls cut at the picture's edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely

    from heatmat.output.style import Extent


def roof_polygons(
    buildings: gpd.GeoDataFrame, extent: Extent, origin: np.ndarray
) -> Iterator[tuple[str, shapely.Polygon, np.ndarray]]:
    """Roofs cut to the extent, one plane each.

    Parameters
    ----------
    buildings : GeoDataFrame
        Rows of ``City.buildings``.
    extent : tuple
        Bounds in the CRS.
    origin : numpy.ndarray
        CRS coordinates of the local frame's zero.

    Yields
    ------
    building_id : str
    polygon : Polygon
        In local coordinates, counter-clockwise, holes clockwise.
    plane : numpy.ndarray
        z0, gx, gy of z = z0 + gx x + gy y, local [m].
    """
    import shapely
    from shapely import affinity

    from heatmat.roofs import roof_pieces

    local = [affinity.translate(g, -origin[0], -origin[1]) for g in buildings.geometry]
    pieces = roof_pieces(
        np.array(local, dtype=object),
        buildings["height"].to_numpy(dtype=np.float64),
        buildings["roof_shape"].to_numpy(),
        buildings["roof_height"].to_numpy(dtype=np.float64),
        buildings["roof_direction_deg"].to_numpy(dtype=np.float64),
    )
    west, south, east, north = np.asarray(extent) - np.tile(origin, 2)
    window = shapely.box(west, south, east, north)
    names = buildings["building_id"].astype(str).to_numpy()
    for polygon, part, plane in zip(pieces.polygons, pieces.part, pieces.planes, strict=True):
        top, gx, gy, x, y = plane
        flat = np.array([top - gx * x - gy * y, gx, gy])
        for one in _polygons(shapely.intersection(polygon, window)):
            yield names[part], shapely.orient_polygons(one), flat


def _polygons(geometry: shapely.Geometry) -> list[shapely.Polygon]:
    import shapely

    parts = shapely.get_parts(geometry).tolist()
    return [p for p in parts if p.geom_type == "Polygon" and p.area > 0.01]


def clip_segments(ends: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut segments to a box (Liang and Barsky 1984, https://doi.org/10.1145/357332.357333).

    Parameters
    ----------
    ends : numpy.ndarray
        [n, 4] x0, y0, x1, y1.
    box : numpy.ndarray
        xmin, ymin, xmax, ymax.

    Returns
    -------
    ends : numpy.ndarray
        [n, 4], cut.
    inside : numpy.ndarray
        [n] whether anything is left.
    """
    start, along = ends[:, :2], ends[:, 2:] - ends[:, :2]
    low, high = np.zeros(len(ends)), np.ones(len(ends))
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in (0, 1):
            enter = (box[axis] - start[:, axis]) / along[:, axis]
            leave = (box[axis + 2] - start[:, axis]) / along[:, axis]
            parallel = along[:, axis] == 0.0
            within = (start[:, axis] >= box[axis]) & (start[:, axis] <= box[axis + 2])
            first = np.where(parallel, np.where(within, 0.0, 2.0), np.minimum(enter, leave))
            last = np.where(parallel, 1.0, np.maximum(enter, leave))
            low, high = np.maximum(low, first), np.minimum(high, last)
    cut = np.hstack([start + along * low[:, None], start + along * high[:, None]])
    return cut, high - low > 1e-9
