"""A block with a courtyard and its neighbour on a clear day: the smallest place with everything."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

import heatmat as hm
from tests.conftest import SEED

CRS = "EPSG:32631"
X, Y = 450_000.0, 5_410_000.0
EXTENT = (X - 40.0, Y - 40.0, X + 60.0, Y + 40.0)

COURTYARD = (X, Y)
STREET = (X + 30.0, Y - 15.0)
ROOF = (X - 15.0, Y + 12.0)
EAST_WALL = (X + 20.0, Y, 5.0)

BRIGHT = [
    {"name": "east", "where": {"surface": "wall", "azimuth_deg": [45, 135]},
     "set": {"albedo": 0.8}},
    {"name": "ring", "where": {"surface": "roof", "building_id": "ring"}, "set": {"albedo": 0.6}},
]  # fmt: skip
"""East walls white, roofs of the ring lighter: something of everything."""


def write_buildings(path: Path) -> Path:
    """Two footprints: a ring 12 m high, and a house 9 m high east of it."""
    ring = shapely.box(X - 20, Y - 15, X + 20, Y + 15) - shapely.box(X - 8, Y - 6, X + 8, Y + 6)
    house = shapely.box(X + 34, Y - 6, X + 46, Y + 6)
    rows = {"id": ["ring", "house"], "height": [12.0, 9.0], "building": "yes"}
    gpd.GeoDataFrame(rows, geometry=[ring, house], crs=CRS).to_file(path, driver="GPKG")
    return path


def block_scenario(folder: Path, **tables: Any) -> hm.Scenario:
    """The block's scenario; `tables` replace or add to its own."""
    path = folder / "buildings.gpkg"
    if not path.exists():
        write_buildings(path)
    given: dict[str, Any] = {
        "city": {"buildings": str(path), "crs": CRS, "extent": list(EXTENT), "margin_m": 30.0},
        "weather": {
            "clear_sky": {"date": "2023-07-14", "tmax_c": 33.0, "tmin_c": 20.0, "wind_m_s": 2.0,
                          "dew_point_c": 14.0, "linke_turbidity": 3.5, "utc_offset_h": 1.0}
        },
        "time": {"spin_up_days": 1},
        "solver": {"target_error_k": 1.0, "max_rays": 512},
    }  # fmt: skip
    return hm.Scenario(**{**given, **tables})


@functools.cache
def block() -> hm.Simulation:
    """One simulation of the block for all tests that only ask it."""
    folder = Path(tempfile.mkdtemp(prefix="heatmat-tests-block-"))
    return hm.Simulation(block_scenario(folder), device="cpu", seed=SEED)


@functools.cache
def demo() -> hm.Simulation:
    """One simulation of the embedded district for all tests that only ask it."""
    return hm.Simulation(hm.Scenario.embedded(), device="cpu", seed=SEED)


@functools.cache
def seasons(date: str) -> hm.Simulation:
    """The block on a clear day, by the hour."""
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    clear = {**given["weather"]["clear_sky"], "date": date}
    time = {"start": f"{date}T00:00", "end": f"{date}T20:00", "step_min": 60, "spin_up_days": 1}
    scenario = hm.Scenario(
        city=given["city"], solver=given["solver"], weather={"clear_sky": clear}, time=time
    )
    return block().beside(scenario)
