"""City -> Maps: cut roofs, node footprints, list edges by cell, colour the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.cells import boundary_cells, cell_tops, reference_points
from heatmat.facades import build_facades
from heatmat.geodesy import place
from heatmat.maps import Maps, plane_height
from heatmat.regions import Regions, make_regions
from heatmat.urban_form import urban_form

if TYPE_CHECKING:
    from heatmat.city import City

WIND_CELL = 50.0
"""Size of the coarse cells of urban form [m]."""

Composition = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Grid:
    """Cells in local coordinates, whole multiples of the resolution in the CRS."""

    resolution: float
    nx: int
    ny: int
    origin: tuple[float, float]
    west: float
    south: float
    window: tuple[int, int, int, int]

    @property
    def north(self) -> float:
        """Local y of the northern border [m]."""
        return self.south + self.ny * self.resolution


def grid_for(extent: tuple[float, float, float, float], margin: float, resolution: float) -> Grid:
    """The grid over an extent and its margin.

    Parameters
    ----------
    extent : tuple of float
        xmin, ymin, xmax, ymax of what is reported [m, CRS].
    margin, resolution : float
        [m].

    Returns
    -------
    Grid
    """
    # 1 um keeps an extent that is a whole multiple from growing by a cell.
    low = [int(np.floor((v - margin) / resolution + 1e-6)) for v in extent[:2]]
    high = [int(np.ceil((v + margin) / resolution - 1e-6)) for v in extent[2:]]
    nx, ny = high[0] - low[0], high[1] - low[1]
    origin = (
        float(round((low[0] + high[0]) / 2 * resolution)),
        float(round((low[1] + high[1]) / 2 * resolution)),
    )
    col0 = int(np.floor(extent[0] / resolution + 1e-6)) - low[0]
    col1 = int(np.ceil(extent[2] / resolution - 1e-6)) - low[0]
    row0 = high[1] - int(np.ceil(extent[3] / resolution - 1e-6))
    row1 = high[1] - int(np.floor(extent[1] / resolution + 1e-6))
    return Grid(
        resolution, nx, ny, origin, low[0] * resolution - origin[0],
        low[1] * resolution - origin[1], (row0, row1, col0, col1),
    )  # fmt: skip


class Compositions:
    """Compositions met so far, each stored once."""

    def __init__(self) -> None:
        self.all: list[Composition] = []
        self._index: dict[Composition, int] = {}

    def index(self, composition: str | Composition) -> int:
        """Number of a composition, or of one construction that covers all."""
        if isinstance(composition, str):
            composition = ((composition, 1.0),)
        key = tuple((str(name), float(share)) for name, share in composition)
        if key not in self._index:
            self._index[key] = len(self.all)
            self.all.append(key)
        return self._index[key]


def maps_from_city(city: City, resolution: float) -> Maps:
    """Make the maps of a city.

    Parameters
    ----------
    city : City
        Buildings and ground in a projected CRS.
    resolution : float
        Cell size [m]. It sets the speed of rays and the detail of the ground's composition;
        walls and roofs are exact whatever it is.

    Returns
    -------
    Maps
    """
    grid = grid_for(city.extent, city.margin, resolution)
    centre = (city.extent[0] + city.extent[2]) / 2, (city.extent[1] + city.extent[3]) / 2
    latitude, longitude, convergence = place(city.crs, *centre)
    regions, counts = make_regions(city.buildings, grid.origin, convergence)
    facades = build_facades(
        regions.vertices, regions.edges, regions.edge_regions, regions.plane, regions.building
    )
    compositions = Compositions()
    ground = _ground_raster(city, grid, compositions)
    roofs = [compositions.index(name) for name in city.buildings["roof_construction"]]
    walls = [compositions.index(c) for c in city.buildings["facade_composition"]]
    default = compositions.index(city.default_ground)
    cells = _rasters(regions, grid, counts)
    middle = facades.ab.reshape(-1, 2, 2).mean(axis=1)
    built = np.where(cells["building_index"] >= 0, cells["height"], np.float32(0.0))
    form = urban_form(
        built, resolution, middle, facades.exposed_area, grid.west, grid.north, WIND_CELL
    )
    counts["wall_area_m2"] = float(facades.exposed_area.sum())
    counts["party_wall_area_m2"] = facades.party_wall_area
    counts["facades"] = len(facades.building)
    crowns = _crowns(city, grid, ground.shape, compositions, counts)
    of_region = np.append(np.array(roofs, dtype=np.int32), np.int32(default))
    return Maps(
        crs_wkt=city.crs.to_wkt(),
        resolution=float(resolution),
        nx=grid.nx,
        ny=grid.ny,
        origin=grid.origin,
        west=grid.west,
        south=grid.south,
        window=grid.window,
        convergence_deg=convergence,
        latitude=latitude,
        longitude=longitude,
        elevation=0.0,
        ground_composition=ground,
        ground_subdivision=ground.shape[0] // grid.ny,
        edge_facades=facades.edge_facades,
        edge_regions=regions.edge_regions.astype(np.int32),
        region_plane=regions.plane.astype(np.float32),
        region_building=regions.building.astype(np.int32),
        region_composition=of_region[regions.building],  # -1, the ground, is the last
        region_perimeter_over_area=regions.perimeter_over_area.astype(np.float32),
        region_top=regions.top.astype(np.float32),
        facade_ab=facades.ab.astype(np.float32),
        facade_building=facades.building.astype(np.int32),
        facade_composition=np.array(walls, dtype=np.int32)[facades.building],
        facade_z=facades.z.astype(np.float32),
        facade_perimeter_over_area=facades.perimeter_over_area.astype(np.float32),
        facade_exposed_area=facades.exposed_area.astype(np.float32),
        building_ids=[str(name) for name in city.buildings["building_id"]],
        compositions=compositions.all,
        wind_cell=WIND_CELL,
        wind_mean_height=form[0],
        wind_plan_density=form[1],
        wind_frontal_density=form[2],
        counts=counts,
        **cells,
        **crowns,
        **_land(city, grid, counts),
    )


def _ground_raster(city: City, grid: Grid, compositions: Compositions) -> np.ndarray:
    """Composition indices of the ground in cells of at most 1 m; later rows lie over earlier."""
    import shapely
    from rasterio.features import rasterize

    subdivision = max(1, int(np.ceil(grid.resolution - 1e-9)))
    shape = (grid.ny * subdivision, grid.nx * subdivision)
    default = compositions.index(city.default_ground)
    ground = city.ground
    if ground is None or len(ground) == 0:
        return np.full(shape, default, dtype=np.int16)
    shapes = shapely.transform(ground.geometry.to_numpy(), lambda xy: xy - np.array(grid.origin))
    index = [compositions.index(name) for name in ground["construction"]]
    use = ~(shapely.is_empty(shapes) | shapely.is_missing(shapes))
    pairs = [(shapes[n], index[n]) for n in np.nonzero(use)[0]]
    if not pairs:
        return np.full(shape, default, dtype=np.int16)
    return rasterize(
        pairs, out_shape=shape, fill=default, dtype="int16",
        transform=_transform(grid, subdivision),
    )  # fmt: skip


def _land(city: City, grid: Grid, counts: dict[str, float]) -> dict[str, Any]:
    """The fields of `Maps` that elevations fill."""
    from heatmat.terrain import elevations_on_cells, hills_from_raster

    flat = {"terrain": np.zeros((grid.ny, grid.nx), dtype=np.float32)}
    path = getattr(city, "terrain", None)
    if path is None:
        return flat
    west, south = grid.west + grid.origin[0], grid.south + grid.origin[1]
    north = south + grid.ny * grid.resolution
    bounds = (west, south, west + grid.nx * grid.resolution, north)
    hills = hills_from_raster(path, city.crs.to_wkt(), bounds)
    if hills is None:
        return flat
    shape = (grid.ny, grid.nx)
    flat["terrain"] = elevations_on_cells(hills, west, north, grid.resolution, shape)
    counts["relief_m"] = float(np.ptp(flat["terrain"]))
    return {**flat, **hills}


def _crowns(
    city: City,
    grid: Grid,
    shape: tuple[int, int],
    compositions: Compositions,
    counts: dict[str, float],
) -> dict[str, Any]:
    """The fields of `Maps` that trees fill; none without trees."""
    from heatmat.crown_rasters import CrownRasters, add_trees, crowns_from_raster
    from heatmat.foliage import LEAF, LEAF_AT_AIR, TWIG

    wish = getattr(city, "crowns", None)
    if wish is None:
        return {}
    subdivision = shape[0] // grid.ny
    cell = grid.resolution / subdivision
    if wish.top is not None:
        from rasterio import Affine

        west, north = grid.west + grid.origin[0], grid.north + grid.origin[1]
        rasters = crowns_from_raster(
            wish.top, wish.base_fraction, city.crs.to_wkt(),
            Affine(cell, 0.0, west, 0.0, -cell, north), shape,
        )  # fmt: skip
    else:
        rasters = CrownRasters.empty(shape)
        if city.trees is not None:
            from heatmat.trees import crowns

            table, found = crowns(city.trees, city.buildings, wish.base_fraction)
            counts.update({f"{name}": number for name, number in found.items()})
            add_trees(rasters, table, grid.origin, grid.west, grid.north, cell)
    counts["crown_area_m2"] = float((rasters.top > 0.0).sum()) * cell * cell
    if not rasters.top.any():
        return {}
    leaf = LEAF_AT_AIR if wish.leaf_temperature == "air" else LEAF
    return {
        "crown_top": rasters.top,
        "crown_base": rasters.base,
        "crown_density": rasters.density,
        "crown_transmissivity": wish.transmissivity,
        "crown_leaf_on": wish.leaf_on,
        "crown_compositions": (compositions.index(leaf), compositions.index(TWIG)),
    }


def _transform(grid: Grid, subdivision: int = 1):  # type: ignore[no-untyped-def]
    from rasterio import Affine

    cell = grid.resolution / subdivision
    return Affine(cell, 0.0, grid.west, 0.0, -cell, grid.north)


def _rasters(regions: Regions, grid: Grid, counts: dict[str, float]) -> dict[str, Any]:
    """The fields of `Maps` that depend on the cells."""
    shape = (grid.ny, grid.nx)
    box = (grid.west, grid.south, grid.resolution, grid.nx, grid.ny)
    edge_ab = np.concatenate(
        [regions.vertices[regions.edges[:, 0]], regions.vertices[regions.edges[:, 1]]], axis=1
    ).astype(np.float32)
    centre_region = _region_at_centres(regions, grid)
    cells, start, edges = boundary_cells(edge_ab, *box)
    points, distance = reference_points(cells, start, edges, edge_ab, *box)
    cell_region = centre_region.astype(np.int32)
    cell_region.reshape(-1)[cells] = -1 - np.arange(len(cells))
    top = cell_tops(
        cell_region, start, edges, regions.edge_regions, regions.plane, regions.top,
        grid.west, grid.south, grid.resolution,
    )  # fmt: skip
    height = _heights(centre_region, regions, grid)
    building_index = regions.building[centre_region].astype(np.int32)
    counts |= _cell_counts(cells, start, edges, distance, regions, shape)
    return {
        "cell_region": cell_region,
        "cell_top": top,
        "building_index": building_index,
        "height": height,
        "boundary_start": start,
        "boundary_edges": edges,
        "boundary_reference": points,
        "boundary_reference_region": regions.locate(points).astype(np.int32),
        "edge_ab": edge_ab,
    }


def _region_at_centres(regions: Regions, grid: Grid) -> np.ndarray:
    """Region at each cell's centre, int32 (ny, nx)."""
    from rasterio.features import rasterize

    built = regions.face_region > 0
    shape = (grid.ny, grid.nx)
    if not built.any():
        return np.zeros(shape, dtype=np.int32)
    pairs = list(zip(regions.faces[built], regions.face_region[built].tolist(), strict=True))
    return rasterize(pairs, out_shape=shape, fill=0, dtype="int32", transform=_transform(grid))


def _heights(centre_region: np.ndarray, regions: Regions, grid: Grid) -> np.ndarray:
    """Surface height at each cell's centre, float32 (ny, nx)."""
    height = np.empty((grid.ny, grid.nx), dtype=np.float32)
    x = grid.west + (np.arange(grid.nx) + 0.5) * grid.resolution
    for begin in range(0, grid.ny, 256):  # in strips: planes take five numbers a cell
        rows = np.arange(begin, min(begin + 256, grid.ny))
        y = grid.north - (rows + 0.5) * grid.resolution
        plane = regions.plane[centre_region[rows]]
        height[rows] = plane_height(plane, x[None, :], y[:, None])
    return height


def _cell_counts(
    cells: np.ndarray,
    start: np.ndarray,
    edges: np.ndarray,
    distance: np.ndarray,
    regions: Regions,
    shape: tuple[int, int],
) -> dict[str, float]:
    """How crowded the boundary cells are."""
    number = np.diff(start)
    owner = np.repeat(np.arange(len(cells)), number)
    sides = regions.building[regions.edge_regions[edges]].reshape(-1, 2)
    # Cell and building in one number: sorts faster than pairs do.
    cell, side = np.repeat(owner, 2).astype(np.int64), sides.reshape(-1)
    span = int(side.max(initial=0)) + 1
    pairs = np.unique(cell[side >= 0] * span + side[side >= 0])
    several = np.bincount(pairs // span, minlength=len(cells)) > 1
    total = max(len(cells), 1)
    return {
        "cells": shape[0] * shape[1],
        "boundary_cells": len(cells),
        "boundary_cells_over_four_edges": int((number > 4).sum()),
        "boundary_edges_largest": int(number.max(initial=0)),
        "boundary_edges_mean": float(number.sum() / total),
        "boundary_cells_of_several_buildings": int(several.sum()),
        "reference_distance_least_m": float(distance.min(initial=np.inf)) if len(cells) else 0.0,
    }
