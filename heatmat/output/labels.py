"""A city's labels as a simulation used them: after interventions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import geopandas as gpd

    from heatmat.maps import Maps

Composition = tuple[tuple[str, float], ...]


def relabelled(city: Any, maps: Maps, *, ground: bool) -> Any:
    """The city with the facades, roofs and, on demand, ground that the maps hold.

    Parameters
    ----------
    city : City
    maps : Maps
        Labels in force.
    ground : bool
        Also draw the ground anew, cell by cell; slower, and needed only where it was changed.

    Returns
    -------
    City
        A building's facade composition is the mean over its exposed wall area, its roof the
        construction with the largest plan area.
    """
    buildings = city.buildings.copy()
    rows = {str(name): row for row, name in enumerate(buildings["building_id"])}
    facades = _facade_compositions(maps)
    roofs = _roof_constructions(maps)
    compositions = list(buildings["facade_composition"])
    constructions = list(buildings["roof_construction"])
    for index, name in enumerate(maps.building_ids):
        row = rows.get(str(name))
        if row is None:
            continue
        compositions[row] = facades.get(index, compositions[row])
        constructions[row] = roofs.get(index, constructions[row])
    buildings["facade_composition"] = compositions
    buildings["roof_construction"] = constructions
    changes: dict[str, Any] = {"buildings": buildings}
    if ground:
        changes["ground"] = ground_polygons(maps)
    return dataclasses.replace(city, **changes)


def dominant(composition: Composition) -> str:
    """The construction with the largest fraction; the first of equals."""
    return max(composition, key=lambda entry: entry[1])[0]


def _facade_compositions(maps: Maps) -> dict[int, Composition]:
    """Building -> mean composition of its facades, weighted by exposed area."""
    shares: dict[int, dict[str, float]] = {}
    for building, composition, area in zip(
        maps.facade_building.tolist(),
        maps.facade_composition.tolist(),
        maps.facade_exposed_area.tolist(),
        strict=True,
    ):
        into = shares.setdefault(building, {})
        for name, fraction in maps.compositions[composition]:
            into[name] = into.get(name, 0.0) + fraction * area
    out = {}
    for building, into in shares.items():
        total = sum(into.values())
        if total > 0.0:
            out[building] = tuple((name, area / total) for name, area in into.items())
    return out


def _roof_constructions(maps: Maps) -> dict[int, str]:
    """Building -> construction of the roof region that fills most cells."""
    cells = np.bincount(
        maps.cell_region[maps.cell_region >= 0], minlength=len(maps.region_building)
    )
    best: dict[int, tuple[int, str]] = {}
    for region, building in enumerate(maps.region_building.tolist()):
        if building < 0:
            continue
        name = dominant(maps.compositions[int(maps.region_composition[region])])
        if building not in best or cells[region] > best[building][0]:
            best[building] = (int(cells[region]), name)
    return {building: name for building, (_, name) in best.items()}


def ground_polygons(maps: Maps) -> gpd.GeoDataFrame:
    """The ground's dominant construction as polygons, cell by cell."""
    import geopandas as gpd
    import shapely
    from affine import Affine
    from rasterio.features import shapes

    step = maps.resolution / maps.ground_subdivision
    west = maps.origin[0] + maps.west
    north = maps.origin[1] + maps.south + maps.ny * maps.resolution
    names = [dominant(composition) for composition in maps.compositions]
    unique = sorted(set(names))
    code = np.array([unique.index(name) for name in names], dtype=np.int16)
    cells = code[maps.ground_composition]
    found = list(shapes(cells, transform=Affine(step, 0.0, west, 0.0, -step, north)))
    labels = [unique[int(value)] for _, value in found]
    return gpd.GeoDataFrame(
        {"construction": labels, "kind": ["as simulated"] * len(labels)},
        geometry=[shapely.geometry.shape(outline) for outline, _ in found],
        crs=maps.crs_wkt,
    )
