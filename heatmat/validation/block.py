"""A block with a courtyard and its neighbour on a clear day: the smallest place with everything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heatmat.validation.toml_text import tables

ORIGIN = (600000.0, 5340000.0)
"""Of the block, in `CRS` [m]."""
CRS = "EPSG:32633"
URN = "urn:ogc:def:crs:EPSG::32633"
DAY = "2023-07-14"
OUTER, COURT, HEIGHT = (40.0, 30.0), (16.0, 12.0), 12.0
"""Size of the block and of its courtyard, west to east and south to north, and how high it is."""
HOUSE, HOUSE_HEIGHT = (34.0, -6.0, 46.0, 6.0), 9.0
"""The neighbour across a lane: west, south, east, north."""
ANNEX, ANNEX_HEIGHT = (-26.0, -8.0, -20.0, 2.0), 5.0
"""What covers a part of the block's west wall."""
EXTENT = (-40.0, -40.0, 60.0, 40.0)

SCENARIO: dict[str, dict[str, Any]] = {
    "city": {
        "buildings": "block.geojson", "resolution_m": 1.0, "margin_m": 30.0,
        "extent": [ORIGIN[i % 2] + EXTENT[i] for i in range(4)],
    },
    "weather": {
        "clear_sky": {
            "date": DAY, "tmax_c": 33.0, "tmin_c": 20.0, "wind_m_s": 2.0, "dew_point_c": 14.0,
            "linke_turbidity": 3.5, "utc_offset_h": 1.0,
        }
    },
    "time": {
        "start": f"{DAY}T00:00", "end": "2023-07-15T00:00", "step_min": 10, "output_step_min": 60,
        "spin_up_days": 1,
    },
}  # fmt: skip

PLACES: dict[str, tuple[str, float, float, float, float]] = {
    "sunlit ground": ("ground", 0.0, -25.0, 0.0, 0.0),
    "shaded ground": ("ground", 0.0, 17.0, 0.0, 0.0),
    "roof": ("roof", -15.0, 12.0, 0.0, 0.0),
    "low wall": ("wall", 20.0, 2.0, 1.0, 0.0),
    "high wall": ("wall", -20.0, 0.0, 11.0, 0.0),
    "courtyard": ("ground", 0.0, 0.0, 0.0, 0.0),
    "courtyard wall": ("wall", 3.0, 6.0, 3.0, 0.0),
    "50 m pixel": ("any", 5.0, 0.0, 0.0, 50.0),
}
"""Surface, east and north of `ORIGIN`, height and side of the square [m]."""


def write_block(folder: Path) -> Path:
    """Write the block's buildings and scenario.

    Returns
    -------
    Path
        Of the scenario.
    """
    write_buildings(folder / "block.geojson", *block_shapes())
    path = folder / "block.toml"
    path.write_text("format = 1\n" + tables(SCENARIO))
    return path


def block_shapes() -> tuple[list[Any], list[float]]:
    """Footprints about `ORIGIN`, and their heights."""
    from shapely import box

    def centred(size: tuple[float, float]) -> Any:
        return box(-0.5 * size[0], -0.5 * size[1], 0.5 * size[0], 0.5 * size[1])

    shapes = [centred(OUTER) - centred(COURT), box(*HOUSE), box(*ANNEX)]
    return shapes, [HEIGHT, HOUSE_HEIGHT, ANNEX_HEIGHT]


def write_buildings(
    path: Path,
    shapes: Sequence[Any],
    heights: Sequence[float],
    urn: str = URN,
    origin: tuple[float, float] = ORIGIN,
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> Path:
    """Write footprints as GeoJSON.

    Parameters
    ----------
    path : Path
    shapes : sequence of Polygon or MultiPolygon
        In metres about `origin`.
    heights : sequence of float
        [m].
    urn : str
        Name of the CRS.
    origin : tuple of float
        In it.
    columns : mapping, optional
        More properties, one value a footprint.
    """
    from shapely import affinity
    from shapely.geometry import mapping

    features = []
    for i, (shape, height) in enumerate(zip(shapes, heights, strict=True)):
        more = {name: values[i] for name, values in (columns or {}).items()}
        features.append(
            {
                "type": "Feature",
                "properties": {"id": str(i), "height": height, **more},
                "geometry": mapping(affinity.translate(shape, *origin)),
            }
        )
    crs = {"type": "name", "properties": {"name": urn}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return path


def block_points(names: Sequence[str] = tuple(PLACES)) -> pd.DataFrame:
    """Places of the block as query points."""
    rows = [PLACES[name] for name in names]
    surface, east, north, height, side = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "id": list(names), "surface": surface, "x": np.array(east) + ORIGIN[0],
            "y": np.array(north) + ORIGIN[1], "z": height, "resolution_m": side,
        }
    )  # fmt: skip
