"""Central Gothenburg from its rasters of heights, as a scenario of buildings and crowns.

UMEP's tutorial data (Lindberg et al. 2018, doi:10.1016/j.envsoft.2017.09.020), CC0 1.0: elevations
of surfaces and of ground, canopy heights above ground, 2 m, EPSG:3006.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heatmat.simulation import Simulation

FOLDER = "terrain_gothenburg"
CELL = 2.0
"""Of the rasters [m]."""
LOWEST_BUILDING, LOWEST_CROWN = 2.0, 1.0
"""What is lower is ground [m]."""
BASE_FRACTION = 0.25
"""Base of the crowns over their tops, on both sides of the comparison."""

SCENARIO = """
[city]
buildings = "blocks.gpkg"
extent = [{west}, {south}, {east}, {north}]
margin_m = 0
resolution_m = {cell}
[city.trees]
top = "canopy.tif"
base_fraction = {fraction}
[weather]
clear_sky = {{ date = "2018-07-26", tmax_c = 30, tmin_c = 18 }}
"""


@dataclass(frozen=True)
class Rasters:
    """Heights above ground [m], row 0 north.

    Attributes
    ----------
    building : ndarray, shape (rows, columns)
        Surface less ground to whole metres, 0 where there is no building.
    crown : ndarray
        Tops of crowns, 0 where there is none or a roof is higher.
    west, north : float
        Corner [m, EPSG:3006].
    """

    building: np.ndarray
    crown: np.ndarray
    west: float
    north: float

    def window(self, row: int, column: int, size: int) -> Rasters:
        """A square part of `size` pixels."""
        part = np.s_[row : row + size, column : column + size]
        return Rasters(
            self.building[part],
            self.crown[part],
            self.west + CELL * column,
            self.north - CELL * row,
        )

    @property
    def crowns(self) -> tuple[np.ndarray, np.ndarray]:
        """Tops and bases."""
        return self.crown, (BASE_FRACTION * self.crown).astype(np.float32)

    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """East and north of the pixels' centres, shape (rows, columns) each [m]."""
        rows, columns = self.building.shape
        east, north = np.meshgrid(
            self.west + CELL * (np.arange(columns) + 0.5),
            self.north - CELL * (np.arange(rows) + 0.5),
        )
        return east, north


def read(data: Path) -> Rasters:
    """The rasters of `data`."""
    import rasterio

    def layer(name: str) -> np.ndarray:
        with rasterio.open(data / FOLDER / f"torgg_{name}.tif") as file:
            values: np.ndarray = file.read(1).astype(float)
        return values

    building = np.round(layer("dsm") - layer("dem"))
    building[building < LOWEST_BUILDING] = 0.0
    crown = layer("cdsm")
    crown[(crown < LOWEST_CROWN) | (crown <= building)] = 0.0
    with rasterio.open(data / FOLDER / "torgg_dsm.tif") as file:
        west, north = file.transform.c, file.transform.f
    return Rasters(building.astype(np.float32), crown.astype(np.float32), west, north)


def simulation(rasters: Rasters, folder: Path) -> Simulation:
    """The place built of its pixels: a building for each patch of equal height, crowns on top.

    Parameters
    ----------
    rasters : Rasters
    folder : Path
        For the scenario's files.
    """
    import geopandas as gpd
    import rasterio
    from rasterio.features import shapes
    from rasterio.transform import from_origin
    from shapely.geometry import shape

    from heatmat.scenario import Scenario

    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = rasters.building.shape
    transform = from_origin(rasters.west, rasters.north, CELL, CELL)
    patches = shapes(
        rasters.building, mask=rasters.building > 0.0, transform=transform, connectivity=4
    )
    found = [(shape(ring), height) for ring, height in patches]
    crs = "EPSG:3006"
    gpd.GeoDataFrame(
        {"building": "yes", "height": [height for _, height in found]},
        geometry=[ring for ring, _ in found],
        crs=crs,
    ).to_file(folder / "blocks.gpkg")
    with rasterio.open(
        folder / "canopy.tif", "w", driver="GTiff", height=rows, width=columns, count=1,
        dtype="float32", crs=crs, transform=transform, nodata=-9999.0,
    ) as file:  # fmt: skip
        file.write(rasters.crown, 1)
    text = SCENARIO.format(
        west=rasters.west, south=rasters.north - CELL * rows,
        east=rasters.west + CELL * columns, north=rasters.north,
        cell=CELL, fraction=BASE_FRACTION,
    )  # fmt: skip
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    return Simulation(Scenario.load(folder / "scenario.toml"))
