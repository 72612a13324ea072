"""Land cover codes of other tools as legends for `[city.land_cover_legend]`."""

from __future__ import annotations

from pathlib import Path

from data_sources.rasters import Grid, read_classes, write_raster
from heatmat.errors import InputError

UMEP = {
    1: "asphalt_street",
    2: "asphalt_street",
    3: "grass",
    4: "grass",
    5: "grass",
    6: "bare_soil",
    7: "water",
}
"""UMEP and SOLWEIG's classes (Lindberg et al. 2018, doi:10.1016/j.envsoft.2017.09.020; UMEP manual,
"Land Cover Reclassifier"): 1 paved, 2 buildings, 3 evergreen trees and shrubs, 4 deciduous trees
and shrubs, 5 grass, 6 bare soil, 7 water. Paved is taken as asphalt; a building cell that no
footprint covers is its paved surroundings; below trees the ground is grass: our choices."""

UMEP_BUILDING = 2
NO_DATA = 255


def umep_legend(classes: set[int], *, where: str) -> dict[str, str]:
    """The lines of [city.land_cover_legend] for the classes of a raster.

    Raises
    ------
    InputError
        On a class that UMEP does not have.
    """
    unknown = sorted(classes - set(UMEP))
    if unknown:
        raise InputError(
            "not a UMEP land cover code",
            where=where,
            expected="1 paved, 2 buildings, 3 and 4 trees, 5 grass, 6 bare soil, 7 water",
            got=", ".join(map(str, unknown)),
            remedy="write your own [city.land_cover_legend] into the scenario",
        )
    return {str(code): UMEP[code] for code in sorted(classes)}


def import_land_cover(
    path: str | Path, grid: Grid, folder: Path, *, where: str = "--land-cover"
) -> tuple[Path, dict[str, str]]:
    """Bring a UMEP land cover raster into a city folder.

    Parameters
    ----------
    path : path
        Raster of UMEP codes in any coordinate system.
    grid : Grid
        What is kept of it.
    folder : Path
        City folder.

    Returns
    -------
    Path
        ``land_cover.tif``.
    dict
        The table [city.land_cover_legend].
    """
    import numpy as np

    classes, known = read_classes(path, grid, where=where)
    if not known.any():
        raise InputError("the raster has no data in the area", where=f"{where}: {path}")
    legend = umep_legend({int(c) for c in np.unique(classes[known])}, where=f"{where}: {path}")
    kept = np.where(known, classes, NO_DATA).astype(np.uint8)
    target = folder / "land_cover.tif"
    tags = {"source": Path(path).name, "codes": "UMEP land cover classes 1 to 7"}
    return write_raster(target, kept, grid, nodata=NO_DATA, tags=tags), legend
