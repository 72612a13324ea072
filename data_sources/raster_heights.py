"""Heights of buildings from a surface model minus a terrain model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.rasters import Grid, own_grid, read_metres
from heatmat.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np

FEWEST_CELLS = 4
"""Footprints that hold fewer cells, once shrunk by one, are read unshrunk: our rule."""

FLAT_PERCENTILE, PITCHED_PERCENTILE = 50.0, 95.0
"""Share of the roof's cells below the height that is taken: our rule. The median of a flat roof
passes over parapets, machines and overhanging trees; the height of a pitched roof is its ridge."""

LOWEST_BUILDING = 2.0
"""A footprint measured lower than this held no building when the surface was surveyed [m]."""

UNEVEN = 6.0
"""Between the 10th and the 90th percentile of one flat roof: two storeys, so several roofs [m]."""

RIM = 50.0
"""Open ground around the footprints that is read too, to compare the two rasters there [m]."""

DATUM_TOLERANCE = 3.0
"""Open ground is to lie within this of the terrain [m]; the geoid and the ellipsoid differ by tens
of metres nearly everywhere."""


@dataclass(frozen=True)
class HeightsResult:
    """Buildings with measured heights.

    Attributes
    ----------
    buildings : GeoDataFrame
        A copy with ``height`` [m] and ``height_source`` = ``dsm`` wherever one was measured.
    counts : dict of str to int
    notes : tuple of str
        What people should know, a sentence each.
    """

    buildings: gpd.GeoDataFrame
    counts: dict[str, int]
    notes: tuple[str, ...]


def heights_from_rasters(
    buildings: gpd.GeoDataFrame, dsm: str | Path, dem: str | Path
) -> HeightsResult:
    """Measure footprints in a surface model (DSM) minus a terrain model (DEM).

    Each footprint is shrunk by one cell, so that walls and neighbours do not count; the median of
    its cells is the height, of a pitched roof (`roof_shape`) the 95th percentile. A measured height
    replaces any other; one below 2 m does not.

    Parameters
    ----------
    buildings : GeoDataFrame
        Projected, metres; optional columns ``height``, ``height_source`` and ``roof_shape`` as in
        `heatmat.city.City`.
    dsm, dem : path
        Rasters of heights above one datum, in any coordinate system; units as the files say.

    Raises
    ------
    InputError
        When a raster cannot be read, misses the buildings, or the two do not share a datum.
    """
    import numpy as np

    west, south, east, north = buildings.total_bounds
    near = (west - RIM, south - RIM, east + RIM, north + RIM)
    grid = own_grid(dsm, buildings.crs, where="--dsm", bounds=near)
    above = read_metres(dsm, grid, where="--dsm", method="nearest")
    above -= read_metres(dem, grid, where="--dem")
    shapes = buildings.geometry.to_numpy()
    labels = label_footprints(shapes, grid)
    check_datum(above, labels < 0, f"{dsm} and {dem}")
    pitched = np.zeros(len(buildings), dtype=bool)
    if "roof_shape" in buildings:
        pitched = ~buildings["roof_shape"].fillna("flat").isin(["flat"]).to_numpy()
    counts: Counter[str] = Counter()
    height, spread, cells = footprint_heights(above, labels, pitched)
    counts["dsm_no_data"] = int(np.isnan(height).sum())
    low = height < LOWEST_BUILDING
    counts["dsm_below_2_m"] = int(low.sum())
    counts["dsm_few_cells"] = int(((cells > 0) & (cells < FEWEST_CELLS)).sum())
    counts["dsm_uneven_roof"] = int((spread[~pitched] > UNEVEN).sum())
    taken = np.isfinite(height) & ~low
    counts["height_from_dsm"] = int(taken.sum())
    measured = buildings.copy()
    notes = [_sentence(len(buildings), counts), *_compare(buildings, height, taken, counts)]
    old = buildings["height"].to_numpy(dtype=float) if "height" in buildings else np.nan
    measured["height"] = np.where(taken, np.round(height, 2), old)
    source = buildings.get("height_source", "")
    measured["height_source"] = np.where(taken, "dsm", source)
    return HeightsResult(measured, dict(counts), tuple(notes))


def label_footprints(shapes: Any, grid: Grid) -> np.ndarray:
    """Index of the footprint that each cell belongs to, -1 outside [height, width].

    Footprints are shrunk by one cell where enough is left of them; smaller ones lie over larger
    ones, as parts lie over their outline.
    """
    import numpy as np
    import shapely
    from rasterio.features import rasterize

    labels = np.full((grid.height, grid.width), -1, dtype=np.int32)
    shrunk = shapely.buffer(shapes, -grid.cell, join_style="mitre")
    small = shapely.area(shrunk) < FEWEST_CELLS * grid.cell**2
    order = np.argsort(-shapely.area(shapes), kind="stable")
    for chosen, outlines, touched in ((~small, shrunk, False), (small, shapes, True)):
        pairs = [(outlines[i], int(i)) for i in order if chosen[i] and not outlines[i].is_empty]
        if pairs:
            rasterize(pairs, out=labels, transform=grid.transform, all_touched=touched)
    return labels


def footprint_heights(
    above: np.ndarray, labels: np.ndarray, pitched: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Height, spread and number of cells of each footprint.

    Parameters
    ----------
    above : array [height, width]
        Heights above ground [m], NaN without data.
    labels : array [height, width]
        From `label_footprints`.
    pitched : array [n] of bool

    Returns
    -------
    height, spread : arrays [n]
        Metres; NaN where no cell has data. The spread is from the 10th to the 90th percentile.
    cells : array [n] of int
    """
    import numpy as np

    inside = (labels >= 0) & np.isfinite(above)
    label, value = labels[inside], above[inside]
    order = np.argsort(label, kind="stable")
    label, value = label[order], value[order]
    n = len(pitched)
    start = np.searchsorted(label, np.arange(n + 1))
    height, spread = np.full((2, n), np.nan)
    for i in np.flatnonzero(np.diff(start)):
        cells = value[start[i] : start[i + 1]]
        share = PITCHED_PERCENTILE if pitched[i] else FLAT_PERCENTILE
        height[i], low, high = np.percentile(cells, [share, 10.0, 90.0])
        spread[i] = high - low
    return height, spread, np.diff(start)


def check_datum(above: np.ndarray, outside: np.ndarray, where: str) -> None:
    """Refuse two rasters whose open ground does not agree.

    Half of the cells outside the buildings may stand under trees; the lowest tenth does not.
    """
    import numpy as np

    ground = above[outside & np.isfinite(above)]
    if ground.size < 100:
        return
    low = float(np.percentile(ground, 10.0))
    if abs(low) > DATUM_TOLERANCE:
        raise InputError(
            "surface and terrain do not share a vertical datum or unit",
            where=where,
            expected=f"open ground within {DATUM_TOLERANCE:g} m of the terrain",
            got=f"{low:.1f} m above it",
            remedy="bring both to one datum (geoid or ellipsoid) and one unit",
        )


def _sentence(total: int, counts: Counter[str]) -> str:
    """What became of the footprints."""
    return (
        f"{counts['height_from_dsm']} of {total} footprints measured; "
        f"{counts['dsm_below_2_m']} lower than {LOWEST_BUILDING:g} m and "
        f"{counts['dsm_no_data']} without data keep the height they had; "
        f"{counts['dsm_few_cells']} hold fewer than {FEWEST_CELLS} cells, "
        f"{counts['dsm_uneven_roof']} flat ones span more than {UNEVEN:g} m: several roofs in one"
    )


def _compare(
    buildings: gpd.GeoDataFrame, height: np.ndarray, taken: np.ndarray, counts: Counter[str]
) -> list[str]:
    """How measured heights compare with tagged ones: more than 3 m and 30 % apart is a conflict."""
    import numpy as np

    if "height" not in buildings or "height_source" not in buildings:
        return []
    tagged = taken & (buildings["height_source"] == "tagged").to_numpy()
    if not tagged.any():
        return []
    stated = buildings["height"].to_numpy(dtype=float)[tagged]
    difference = height[tagged] - stated
    apart = (np.abs(difference) > 3.0) & (np.abs(difference) > 0.3 * stated)
    counts["dsm_compared_with_tag"] = int(tagged.sum())
    counts["dsm_far_from_tag"] = int(apart.sum())
    return [
        f"{int(tagged.sum())} buildings have a tagged and a measured height: median difference "
        f"{np.median(difference):+.1f} m, {int(apart.sum())} differ by more than 3 m and 30 %; "
        "the measured height is used"
    ]
