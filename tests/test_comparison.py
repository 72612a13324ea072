"""Two simulations that may be compared, and those that may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

import heatmat as hm
from heatmat.errors import InputError
from heatmat.map_comparison import compare_maps
from tests.block_city import (
    BRIGHT,
    CRS,
    X,
    Y,
    block,
    write_buildings,
)  # fmt: skip

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("city.extent", {"city": {"extent": [X - 40.0, Y - 40.0, X + 56.0, Y + 40.0]}}),
    ("city.margin_m", {"city": {"margin_m": 26.0}}),
    ("city.crs", {"city": {"crs": "EPSG:25831"}}),
    ("city.resolution_m", {"city": {"resolution_m": 2.0}}),
    ("city.buildings", {"city": {"buildings": "moved.gpkg"}}),
    ("city.buildings (heights)", {"city": {"buildings": "higher.gpkg"}}),
    ("city.terrain", {"city": {"terrain": "hill.tif"}}),
    ("time.step_min", {"time": {"step_min": 30}}),
    ("time.output_step_min", {"time": {"output_step_min": 30}}),
    ("time.start", {"time": {"start": "2023-07-14T06:00", "end": "2023-07-15T00:00"}}),
    # The last output time is the same.
    ("time.end", {"time": {"start": "2023-07-14T00:00", "end": "2023-07-15T00:30"}}),
    ("time.start", {"weather": {"clear_sky": {"date": "2023-07-15"}}}),
    ("time.spin_up_days", {"time": {"spin_up_days": 2}}),
    ("weather.utc_offset_h", {"weather": {"clear_sky": {"utc_offset_h": 2.0}}}),
    ("solver.field_resolution_m", {"solver": {"field_resolution_m": 8.0}}),
]
"""Every key of extent, grid and time, alone."""


def _changed_city(folder: Path, name: str) -> str:
    """The block's buildings, moved or higher; or a hill under them."""
    import rasterio

    path = folder / name
    if path.suffix == ".tif":
        heights = np.add.outer(np.zeros(30), np.linspace(0.0, 30.0, 30)).astype(np.float32)
        transform = rasterio.transform.from_origin(X - 150.0, Y + 150.0, 10.0, 10.0)
        with rasterio.open(
            path, "w", driver="GTiff", width=30, height=30, count=1, dtype="float32", crs=CRS,
            transform=transform,
        ) as file:  # fmt: skip
            file.write(heights, 1)
        return str(path)
    table = gpd.read_file(write_buildings(folder / "buildings.gpkg"))
    if name.startswith("moved"):
        table.geometry = table.geometry.translate(1.0, 0.0)
    else:
        table["height"] += 1.0
    table.to_file(path, driver="GPKG")
    return str(path)


@pytest.mark.parametrize(("key", "tables"), REFUSED, ids=[f"{k}-{v}" for k, v in REFUSED])
def test_the_key_that_differs_is_named(key: str, tables: dict[str, Any], tmp_path: Path) -> None:
    given = dict(block().scenario.tables.model_dump(by_alias=True, exclude_none=True))
    merged = {name: dict(given[name]) for name in ("city", "weather", "time", "solver")}
    for table, values in tables.items():
        for name, value in values.items():
            if name in ("buildings", "terrain"):
                value = _changed_city(tmp_path, value)
            old = merged[table].get(name)
            merged[table][name] = {**old, **value} if isinstance(value, dict) else value
    other = block().beside(hm.Scenario(**merged))
    with pytest.raises(InputError, match="differ in more than their materials") as caught:
        compare_maps(block(), other)
    assert caught.value.where == key


def test_a_city_is_shared_where_both_name_the_same() -> None:
    scenario = block().scenario.with_interventions(BRIGHT)
    other = block().beside(scenario)
    assert other._bare_maps is block()._bare_maps
    assert other.forcing is block().forcing
    assert set(other.touched_m2) == {"east", "ring"}
