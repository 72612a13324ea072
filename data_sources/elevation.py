"""Terrain of a place: the lower envelope of a surface model, or the user's own terrain model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.copernicus import Mosaic, read_surface
from data_sources.local_files import local_file
from data_sources.raster_heights import HeightsResult, heights_from_rasters
from data_sources.rasters import Grid, own_grid, read_metres, write_raster

if TYPE_CHECKING:
    import numpy as np

    from data_sources.cache import Provenance
    from data_sources.http import Session

__all__ = [
    "HeightsResult",
    "TerrainResult",
    "fetch_terrain",
    "heights_from_rasters",
    "import_terrain",
    "lower_envelope",
]

CELL = 30.0
"""Cells of the terrain that is written [m]: the spacing of the surface model."""

ENVELOPE = 300.0
"""Width of what the envelope passes under [m]: a block with its trees, not a hill. Our rule."""

LOW_SHARE = 5.0
"""Share of the cells that may lie below the envelope [percent]: the model's noise is about 1 m."""

PASSES = 2
"""A third changes nothing: 2.2 m too high after one on a slope of 4 % with a quarter of the ground
open, 0.1 m after two."""

FLAT_RELIEF = 10.0
"""Places with less relief are flat [m]: what is left of roofs is as large. Our rule."""

NO_DATA = -9999.0
EARTH = 6_371_000.0  # m, mean radius


@dataclass(frozen=True)
class TerrainResult:
    """What was found about the terrain.

    Attributes
    ----------
    path : Path or None
        ``terrain.tif`` in the city folder (metres, UTM zone of the place); None where the ground is
        taken as flat, or no elevation is known.
    note : str
        One sentence for people: what was taken, or why nothing.
    provenance : tuple of Provenance
        One entry for each file that was read.
    relief : float
        Highest minus lowest terrain of the area [m]; NaN where unknown.
    elevation : float
        Mean terrain height of the area above sea [m]; NaN where unknown.
    """

    path: Path | None
    note: str
    provenance: tuple[Provenance, ...] = field(default=())
    relief: float = math.nan
    elevation: float = math.nan


def fetch_terrain(
    bounds: tuple[float, float, float, float], session: Session, folder: Path
) -> TerrainResult:
    """Terrain of an area from Copernicus GLO-30.

    The source is a surface model: buildings and trees are in it. The terrain is its lower envelope:
    low values within 300 m, raised again where the land itself is high (a morphological opening),
    and smoothed. Where that has less than 10 m of relief the ground is taken as flat and no file
    is written.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north [degrees, WGS 84], with the margin that the city needs; an east
        below the west lies across the antimeridian.
    session : data_sources.http.Session
    folder : Path
        City folder.

    Raises
    ------
    NetworkError
        When the service does not answer, or not as documented.
    """
    grid, to_degrees = _grid(bounds)
    mosaic = read_surface(_reach(bounds, 2.0 * ENVELOPE), session)
    if mosaic.found == 0:
        tiles = ", ".join(mosaic.missing)
        return TerrainResult(None, f"no elevation here ({tiles}: sea, or not public): flat ground")
    # On the model's own cells: warped first, streets two cells wide would blur into the roofs.
    degree = math.pi / 180.0 * EARTH
    across = math.cos(math.radians(0.5 * (bounds[1] + bounds[3])))
    cells = (degree * mosaic.step_y, degree * mosaic.step_x * across)
    envelope = lower_envelope(mosaic.heights, cells)
    terrain = _on_grid(mosaic, envelope, grid, to_degrees)
    relief, mean = float(terrain.max() - terrain.min()), float(terrain.mean())
    if relief < FLAT_RELIEF:
        note = (
            f"terrain taken as flat at {mean:.0f} m: the lower envelope of Copernicus GLO-30 has "
            f"{relief:.1f} m of relief here, less than {FLAT_RELIEF:g} m"
        )
        return TerrainResult(None, note, mosaic.provenance, relief, mean)
    note = (
        f"terrain from Copernicus GLO-30, a surface model with buildings and trees: its lower "
        f"envelope over {ENVELOPE:g} m, smoothed; {relief:.0f} m of relief around {mean:.0f} m"
    )
    if mosaic.missing:
        note += f"; {', '.join(mosaic.missing)} missing: taken as sea, 0 m"
    tags = {"source": "Copernicus DEM GLO-30", "processing": note, "datum": "EGM2008"}
    path = write_raster(
        folder / "terrain.tif", terrain, grid, nodata=NO_DATA, tags=tags, unit="metre"
    )
    return TerrainResult(path, note, mosaic.provenance, relief, mean)


def import_terrain(
    dem: str | Path, bounds: tuple[float, float, float, float], folder: Path
) -> TerrainResult:
    """Terrain of an area from a terrain model of the user's, at its own resolution.

    Parameters
    ----------
    dem : path
        Heights of bare ground, in any coordinate system and unit that the file states.
    bounds : tuple of float
        West, south, east, north [degrees, WGS 84].
    folder : Path
        City folder.
    """
    import numpy as np

    grid, _ = _grid(bounds)
    fine = own_grid(dem, grid.crs, where="--dem", bounds=grid.bounds, finest=1.0)
    heights = read_metres(dem, fine, where="--dem")
    known = np.isfinite(heights)
    heights = fill_gaps(heights)
    relief, mean = float(heights.max() - heights.min()), float(heights.mean())
    note = f"terrain from {Path(dem).name}: {relief:.0f} m of relief around {mean:.0f} m"
    if not known.all():
        note += f"; {1.0 - known.mean():.0%} of the area without data, taken from the nearest cell"
    tags = {"source": Path(dem).name, "processing": "as given, in metres"}
    path = write_raster(
        folder / "terrain.tif", heights, fine, nodata=NO_DATA, tags=tags, unit="metre"
    )
    return TerrainResult(path, note, (local_file(dem),), relief, mean)


def lower_envelope(surface: np.ndarray, cell: tuple[float, float]) -> np.ndarray:
    """The ground under a surface model.

    Parameters
    ----------
    surface : array [rows, columns]
        Heights [m].
    cell : tuple of float
        Height and width of a cell [m].

    Returns
    -------
    array [rows, columns]
        A rank opening with a disc of `ENVELOPE` width (5th percentile, then 95th), smoothed by the
        mean over the same disc; never above the surface's own mean over it.

    Notes
    -----
    The opening alone raises a slope that is mostly built over: the lowest of the few open cells
    lies less far down the slope than the highest value up it. So it is done again with what stands
    above the first envelope, which has no slope any more.
    """
    import numpy as np
    from scipy.ndimage import convolve, percentile_filter

    filled = fill_gaps(surface)
    rows, columns = (max(1, round(0.5 * ENVELOPE / side)) for side in cell)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    disc = (x / (columns + 0.5)) ** 2 + (y / (rows + 0.5)) ** 2 <= 1.0
    mean = disc / disc.sum()
    envelope = np.zeros(filled.shape)
    for _ in range(PASSES):
        rest = filled - envelope
        low = percentile_filter(rest, LOW_SHARE, footprint=disc, mode="nearest")
        opened = percentile_filter(low, 100.0 - LOW_SHARE, footprint=disc, mode="nearest")
        envelope += convolve(opened, mean, mode="nearest")
    ceiling = convolve(filled.astype(float), mean, mode="nearest")
    return np.minimum(envelope, ceiling).astype(np.float32)


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """NaN replaced by the nearest cell with data."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    gaps = np.isnan(values)
    if not gaps.any():
        return values
    index = distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(index)])


def _grid(bounds: tuple[float, float, float, float]) -> tuple[Grid, tuple[float, Any]]:
    """The output's grid over the bounds, and what leads from it back to degrees.

    Degrees are counted from the area's western side: across the antimeridian they go on beyond 180.
    """
    import numpy as np
    import pyproj

    from heatmat.crs import utm_code

    west, south, east, north = bounds
    east = east + 360.0 if east < west else east
    middle = (0.5 * (west + east) + 180.0) % 360.0 - 180.0
    crs = pyproj.CRS.from_user_input(utm_code(middle, 0.5 * (south + north)))
    transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    side = np.linspace(0.0, 1.0, 21)
    lon = np.concatenate([west + (east - west) * side] * 2 + [np.full(21, west), np.full(21, east)])
    lat = np.concatenate(
        [np.full(21, south), np.full(21, north)] + [south + (north - south) * side] * 2
    )
    x, y = transformer.transform((lon + 180.0) % 360.0 - 180.0, lat)
    grid = Grid.covering((x.min(), y.min(), x.max(), y.max()), CELL, crs)
    return grid, (west, transformer)


def _reach(
    bounds: tuple[float, float, float, float], metres: float
) -> tuple[float, float, float, float]:
    """Bounds in degrees widened by some metres (a degree of latitude has 110.6 km at least)."""
    west, south, east, north = bounds
    step = metres / 110_000.0
    across = step / max(0.02, math.cos(math.radians(min(89.0, max(abs(south), abs(north))))))
    return west - across, max(-90.0, south - step), east + across, min(90.0, north + step)


def _on_grid(
    mosaic: Mosaic, heights: np.ndarray, grid: Grid, to_degrees: tuple[float, Any]
) -> np.ndarray:
    """Heights of a mosaic's cells at the centres of a metric grid, linear in between."""
    import numpy as np
    from scipy.ndimage import map_coordinates

    west, transformer = to_degrees
    x = grid.west + grid.cell * (np.arange(grid.width) + 0.5)
    y = grid.north - grid.cell * (np.arange(grid.height) + 0.5)
    lon, lat = transformer.transform(*np.meshgrid(x, y), direction="INVERSE")
    lon = west + (np.asarray(lon) - west + 180.0) % 360.0 - 180.0
    rows = (mosaic.north - np.asarray(lat)) / mosaic.step_y
    columns = (lon - mosaic.west) / mosaic.step_x
    return map_coordinates(heights, [rows, columns], order=1, mode="nearest")
