"""Elevation rasters on one grid: coordinate systems warped, units in metres, no-data as NaN."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.errors import InputError

if TYPE_CHECKING:
    import numpy as np

MAX_CELLS = 100_000_000
"""Largest grid that is made [cells]: 0.4 GB as float32, of which a handful are held at a time."""

LOWEST, HIGHEST = -1000.0, 9500.0
"""Elevations beyond these are codes for no data that the file does not declare [m]."""

FOOT = 0.3048
US_FOOT = 1200.0 / 3937.0
"""Metres in an international and in a US survey foot (NIST SP 811, appendix B.6)."""

_UNITS = {
    "": None,
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet", "international foot"), FOOT),
    **dict.fromkeys(("us survey foot", "us-ft", "ftus", "foot_us", "us survey feet"), US_FOOT),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), 0.01),
    **dict.fromkeys(("dm", "decimetre", "decimeter"), 0.1),
}


@dataclass(frozen=True)
class Grid:
    """A north-up grid of square cells.

    Attributes
    ----------
    crs : pyproj.CRS
        Projected, metres.
    west, north : float
        Of the grid's corner [m].
    cell : float
        Side of a cell [m].
    width, height : int
        Number of columns and rows.
    """

    crs: Any
    west: float
    north: float
    cell: float
    width: int
    height: int

    @classmethod
    def covering(cls, bounds: tuple[float, ...], cell: float, crs: Any) -> Grid:
        """The grid on whole multiples of `cell` that covers west, south, east, north [m].

        Raises
        ------
        InputError
            When it would have more than `MAX_CELLS` cells.
        """
        west, north = math.floor(bounds[0] / cell) * cell, math.ceil(bounds[3] / cell) * cell
        width = max(1, math.ceil((bounds[2] - west) / cell))
        height = max(1, math.ceil((north - bounds[1]) / cell))
        if width * height > MAX_CELLS:
            raise InputError(
                "the area is too large for the raster's resolution",
                expected=f"at most {MAX_CELLS:.0e} cells",
                got=f"{width} x {height} cells of {cell:g} m",
                remedy="take a smaller area, or resample the raster",
            )
        return cls(crs, west, north, cell, width, height)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north [m]."""
        east, south = self.west + self.width * self.cell, self.north - self.height * self.cell
        return self.west, south, east, self.north

    @property
    def transform(self) -> Any:
        """Cell to coordinates, as rasterio writes it."""
        from rasterio.transform import from_origin

        return from_origin(self.west, self.north, self.cell, self.cell)


def own_grid(
    path: str | Path,
    crs: Any,
    *,
    where: str,
    bounds: tuple[float, ...] | None = None,
    finest: float = 0.5,
) -> Grid:
    """A grid at a raster's own resolution in another coordinate system.

    Parameters
    ----------
    path : path
    crs : pyproj.CRS
        Projected, metres.
    where : str
        Option that names the file, for messages.
    bounds : tuple of float, optional
        West, south, east, north in `crs` [m]; default: all of the raster.
    finest : float
        Smaller cells are not made [m].
    """
    from rasterio.warp import transform_bounds

    from heatmat.land_cover import open_raster

    with open_raster(path, where=where) as dataset:
        if bounds is None:
            bounds = transform_bounds(dataset.crs, crs.to_wkt(), *dataset.bounds)
        cell = _cell_size(
            dataset, crs, 0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3])
        )
    if not (0.0 < cell < math.inf):
        raise InputError(
            "the raster's coordinate system does not reach the area", where=f"{where}: {path}"
        )
    return Grid.covering(bounds, max(finest, round(cell, 3)), crs)


def _cell_size(dataset: Any, crs: Any, x: float, y: float) -> float:
    """Side of a raster's cells [m] at a place given in `crs`: the root of their area there."""
    import pyproj

    turn = pyproj.Transformer.from_crs(crs, dataset.crs, always_xy=True)
    u, v = turn.transform(x, y)
    step_u, step_v = dataset.res
    corners_u, corners_v = [u, u + step_u, u], [v, v, v + step_v]
    (x0, x1, x2), (y0, y1, y2) = turn.transform(corners_u, corners_v, direction="INVERSE")
    return math.sqrt(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)))


def metric_crs(path: str | Path, *, where: str) -> Any:
    """A raster's own coordinate system where it is a projected one in metres, else the UTM zone."""
    from rasterio.warp import transform_bounds

    from heatmat.crs import choose_crs
    from heatmat.land_cover import open_raster

    with open_raster(path, where=where) as dataset:
        crs, bounds = _horizontal(dataset.crs), dataset.bounds
        transform_bounds(dataset.crs, "EPSG:4326", *bounds)
    return choose_crs(crs.to_wkt(), tuple(bounds), None, f"{where}: {path}")[1]


def _horizontal(crs: Any) -> Any:
    from pyproj import CRS

    found = CRS.from_user_input(crs)
    return found.sub_crs_list[0] if found.is_compound else found


def metres_per_unit(dataset: Any, *, where: str) -> float:
    """Metres in a unit of a raster's values: from the band, else from a vertical datum, else 1.

    Raises
    ------
    InputError
        On a unit that is not known, or where nothing is said while the map itself is in feet.
    """
    from pyproj import CRS

    unit = str(dataset.units[0] or "").strip().lower()
    if unit not in _UNITS:
        raise InputError(
            "unknown vertical unit",
            where=where,
            expected="metre, foot or US survey foot",
            got=unit,
        )
    if _UNITS[unit] is not None:
        return float(_UNITS[unit] or 1.0)
    crs = CRS.from_user_input(dataset.crs)
    vertical = [part for part in crs.sub_crs_list if part.is_vertical]
    if vertical:
        return float(vertical[0].axis_info[0].unit_conversion_factor)
    if crs.is_projected and abs(crs.axis_info[0].unit_conversion_factor - 1.0) > 1e-9:
        raise InputError(
            "the vertical unit is not stated, and the map is not in metres",
            where=where,
            got=f"{crs.axis_info[0].unit_name} in plan",
            remedy="write it into the file, for example with gdal_edit.py -units foot",
        )
    return 1.0


def read_metres(
    path: str | Path, grid: Grid, *, where: str, method: str = "bilinear"
) -> np.ndarray:
    """Heights of a raster on a grid.

    Parameters
    ----------
    path : path
        Anything GDAL reads, with a coordinate system.
    grid : Grid
    where : str
        Option that names the file, for messages.
    method : str
        ``bilinear``, or ``nearest`` to keep edges.

    Returns
    -------
    array [height, width], float32
        Metres; NaN without data.

    Raises
    ------
    InputError
        Not a raster, an unknown unit, or no cell of it on the grid.
    """
    import numpy as np
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    from heatmat.land_cover import open_raster

    values = np.full((grid.height, grid.width), np.nan, dtype=np.float32)
    with open_raster(path, where=where) as dataset:
        factor = metres_per_unit(dataset, where=f"{where}: {path}")
        import rasterio

        reproject(
            rasterio.band(dataset, 1),
            values,
            dst_transform=grid.transform,
            dst_crs=grid.crs.to_wkt(),
            src_nodata=dataset.nodata,
            dst_nodata=np.nan,
            resampling=Resampling[method],
        )
        scale, offset = dataset.scales[0], dataset.offsets[0]
    values = ((values * scale + offset) * factor).astype(np.float32)
    values[~((values > LOWEST) & (values < HIGHEST))] = np.nan
    if not np.isfinite(values).any():
        raise InputError(
            "the raster has no data in the area",
            where=f"{where}: {path}",
            expected=f"cells within {_box(grid)} of {grid.crs.name}",
        )
    return values


def read_classes(path: str | Path, grid: Grid, *, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Classes of a raster on a grid by nearest neighbour, and where they are known."""
    import numpy as np
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    from heatmat.land_cover import open_raster

    values = np.full((grid.height, grid.width), -1, dtype=np.int32)
    with open_raster(path, where=where) as dataset:
        reproject(
            rasterio.band(dataset, 1),
            values,
            dst_transform=grid.transform,
            dst_crs=grid.crs.to_wkt(),
            src_nodata=dataset.nodata,
            dst_nodata=-1,
            resampling=Resampling.nearest,
        )
    return values, values != -1


def _box(grid: Grid) -> str:
    return ", ".join(f"{value:.0f}" for value in grid.bounds)


def write_raster(
    path: Path,
    values: np.ndarray,
    grid: Grid,
    *,
    nodata: float,
    tags: dict[str, str] | None = None,
    unit: str = "",
) -> Path:
    """Write one band as a compressed GeoTIFF, whole or not at all.

    Parameters
    ----------
    path : Path
    values : array [height, width]
        NaN becomes `nodata`.
    grid : Grid
    nodata : float
    tags : dict, optional
        Where the values come from.
    unit : str
        Of the values.
    """
    import numpy as np
    import rasterio

    filled = np.where(np.isnan(values), nodata, values) if values.dtype.kind == "f" else values
    part = path.with_name(f".part-{path.name}")
    with rasterio.open(
        part, "w", driver="GTiff", dtype=values.dtype, count=1, width=grid.width,
        height=grid.height, crs=grid.crs.to_wkt(), transform=grid.transform, nodata=nodata,
        compress="deflate", tiled=True, blockxsize=256, blockysize=256,
    ) as tif:  # fmt: skip
        tif.write(filled.astype(values.dtype), 1)
        if unit:
            tif.set_band_unit(1, unit)
        tif.update_tags(**(tags or {}))
    part.replace(path)
    return path
