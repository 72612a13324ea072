"""Made-up cities for the tests of maps: footprints in, a stand-in for City out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from shapely import affinity

CRS = "EPSG:32631"
ORIGIN = np.array([450_000.0, 5_410_000.0])
WALL = (("brick", 0.7), ("glass", 0.3))


def make_city(
    polygons: Sequence[Any],
    heights: Sequence[float],
    *,
    margin: float = 20.0,
    extent: tuple[float, float, float, float] | None = None,
    ground: Sequence[tuple[Any, str]] = (),
    **columns: Any,
) -> Any:
    """A city of footprints given in metres from ORIGIN."""
    number = len(polygons)
    values: dict[str, Any] = {
        "building_id": [f"b{n}" for n in range(number)],
        "height": np.asarray(heights, dtype=float),
        "min_height": 0.0,
        "roof_shape": "flat",
        "roof_height": np.nan,
        "roof_direction_deg": np.nan,
        "roof_construction": "bitumen_roof",
        **columns,
    }
    buildings = gpd.GeoDataFrame(
        {name: np.broadcast_to(np.asarray(v), number) for name, v in values.items()},
        geometry=[move(p) for p in polygons],
        crs=CRS,
    )
    buildings["facade_composition"] = [WALL] * number
    surfaces = gpd.GeoDataFrame(
        {"construction": [name for _, name in ground]},
        geometry=[move(p) for p, _ in ground],
        crs=CRS,
    )
    bounds = tuple(buildings.total_bounds) if extent is None else tuple(
        np.array(extent) + np.tile(ORIGIN, 2)
    )  # fmt: skip
    return SimpleNamespace(
        buildings=buildings, ground=surfaces, extent=bounds, margin=margin,
        crs=pyproj.CRS(CRS), default_ground="asphalt_street",
    )  # fmt: skip


def move(polygon: Any) -> Any:
    return shapely.transform(polygon, lambda xy: xy + ORIGIN)


def messy_city(rng: np.random.Generator, size: float = 120.0, number: int = 60) -> Any:
    """Overlapping, touching, rotated footprints of all roof shapes, some with courtyards."""
    polygons, shapes = [], []
    for n in range(number):
        x, y = rng.uniform(0, size, 2)
        box = shapely.box(0, 0, *rng.uniform(6, 25, 2))
        if n % 7 == 0:
            box = box.buffer(4, join_style="mitre").difference(box)
        if n % 5 == 0:  # touches whatever was drawn last along a part of its side
            x, y = polygons[-1].bounds[:2] if polygons else (x, y)
        polygons.append(
            affinity.translate(affinity.rotate(box, rng.choice([0, 17, 45, 61.3])), x, y)
        )
        shapes.append(["flat", "gabled", "hipped", "pyramidal", "skillion"][n % 5])
    return make_city(polygons, rng.uniform(3, 25, number), roof_shape=shapes)
