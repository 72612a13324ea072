"""Footprints of a `City` for the 3D reference, which knows nothing of cities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.reference.plan import Building, Layer

if TYPE_CHECKING:
    from heatmat.city import City


def reference_buildings(
    city: City, origin: tuple[float, float], wall: Layer, roof: Layer
) -> list[Building]:
    """One `Building` per polygon of a city, all of one construction.

    Roof shapes are left out: every roof is flat at the building's height, on level ground.

    Parameters
    ----------
    city : City
    origin : tuple of float
        CRS coordinates of the local zero [m].
    wall, roof : Layer

    Returns
    -------
    list of Building
    """
    import shapely

    polygons, row = shapely.get_parts(city.buildings.geometry.to_numpy(), return_index=True)
    height = city.buildings["height"].to_numpy(dtype=np.float64)[row]
    return [
        Building(
            [shapely.get_coordinates(ring) - origin for ring in (p.exterior, *p.interiors)],
            float(h), wall, roof,
        )
        for p, h in zip(polygons, height, strict=True)
        if p.geom_type == "Polygon" and p.area > 0.0
    ]  # fmt: skip


def slab_extent(buildings: list[Building], apron: float) -> tuple[float, float, float, float]:
    """Bounds of buildings grown by `apron` [m]: a ground slab for them."""
    corners = np.concatenate([building.rings[0] for building in buildings])
    low, high = corners.min(axis=0) - apron, corners.max(axis=0) + apron
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
