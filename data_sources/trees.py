"""Crowns of a city's trees as a file; the rules that size them are `heatmat.trees`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heatmat.trees import BASE_FRACTION as BASE_FRACTION
from heatmat.trees import crowns as crowns
from heatmat.trees import leaves as leaves

if TYPE_CHECKING:
    import geopandas as gpd


def write_trees(table: gpd.GeoDataFrame, path: Path) -> Path:
    """Write crowns as a GeoPackage."""
    part = path.with_name(f".part-{path.stem}.gpkg")
    part.unlink(missing_ok=True)
    table.to_file(part, driver="GPKG", layer="trees")
    part.replace(path)
    return path
