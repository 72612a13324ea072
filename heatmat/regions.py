"""Regions: from footprints and roof shapes to a planar partition with one plane a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from heatmat.maps import plane_height
from heatmat.partition import GRID, Partition, close_gaps, partition, stacked
from heatmat.roofs import RoofPieces, roof_pieces

if TYPE_CHECKING:
    import geopandas as gpd

GROUND_PERIMETER_OVER_AREA = 0.4
"""Of the ground [1/m]: a square of 10 m."""


@dataclass
class Regions:
    """Faces of the ground plan by owner, and the edges between owners; region 0 is the ground.

    Fields as in `heatmat.maps.Maps`, in float64. `faces` (Polygon) with `face_region` (int) tile
    what is built; `vertices` (nv, 2) and `edges` (ne, 2) are the edges between regions.
    """

    plane: np.ndarray
    building: np.ndarray
    perimeter_over_area: np.ndarray
    top: np.ndarray
    faces: np.ndarray
    face_region: np.ndarray
    vertices: np.ndarray
    edges: np.ndarray
    edge_regions: np.ndarray

    def locate(self, points: np.ndarray) -> np.ndarray:
        """Region of points off the edges.

        Parameters
        ----------
        points : ndarray, shape (n, 2)
            Local coordinates [m].

        Returns
        -------
        ndarray of int, shape (n,)
        """
        region = np.zeros(len(points), dtype=int)
        built = self.face_region > 0
        if len(points) and built.any():
            tree = shapely.STRtree(np.asarray(shapely.points(points.astype(np.float64))))
            # Polygons ask for points, so that each polygon is prepared once.
            face, point = tree.query(self.faces[built], predicate="intersects")
            region[point] = self.face_region[built][face]
        return region


def make_regions(
    buildings: gpd.GeoDataFrame, origin: tuple[float, float], convergence_deg: float = 0.0
) -> tuple[Regions, dict[str, float]]:
    """Footprints with roofs -> regions and edges in local coordinates.

    Parameters
    ----------
    buildings : GeoDataFrame
        As `City.buildings`.
    origin : tuple of float
        CRS coordinates of the local zero [m].
    convergence_deg : float
        True azimuth minus grid azimuth [degrees].

    Returns
    -------
    regions : Regions
    counts : dict
    """
    shifted = shapely.transform(buildings.geometry.to_numpy(), lambda xy: xy - np.array(origin))
    # Projecting and shifting can undo a repair, and snapping takes valid polygons only.
    valid, broken = shifted.copy(), ~shapely.is_valid(shifted)
    valid[broken] = shapely.make_valid(shifted[broken])
    outlines = shapely.set_precision(valid, GRID)
    height = buildings["height"].to_numpy(dtype=np.float64)
    filled, counts = close_gaps(outlines)
    # Gaps between parts that stand on a common outline open on its roof, not on the ground.
    upper = stacked(filled, height)
    filled[upper], more = close_gaps(filled[upper])
    counts = {name: value + more[name] for name, value in counts.items()}
    solid, row = _solid_parts(filled)
    pieces = roof_pieces(
        solid, height[row], buildings["roof_shape"].to_numpy()[row],
        buildings["roof_height"].to_numpy(dtype=np.float64)[row],
        buildings["roof_direction_deg"].to_numpy(dtype=np.float64)[row] - convergence_deg,
        outlines=shifted[row],
    )  # fmt: skip
    pieces.part = row[pieces.part]
    found = partition(pieces.polygons, pieces.planes, pieces.part)
    regions = _number(found, pieces, valid)
    counts |= pieces.counts | found.counts
    counts |= _building_counts(buildings, valid, regions)
    return regions, counts


def _solid_parts(geometries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Polygons of geometries of any kind, and the row each came from."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)
    return parts[keep], row[keep]


def _number(found: Partition, pieces: RoofPieces, outlines: np.ndarray) -> Regions:
    """Give the pieces that are seen somewhere numbers from 1 on."""
    seen = np.unique(found.face_piece[found.face_piece >= 0])
    number = np.zeros(len(pieces.polygons) + 1, dtype=int)  # the last, -1, is ground: 0
    number[seen] = np.arange(1, len(seen) + 1)
    part = pieces.part[seen]
    plane = np.zeros((len(seen) + 1, 5))
    plane[1:] = pieces.planes[seen]
    ratio = np.full(len(seen) + 1, GROUND_PERIMETER_OVER_AREA)
    ratio[1:] = shapely.length(outlines[part]) / shapely.area(outlines[part])
    edge_regions = number[found.edge_pieces]
    top = np.zeros(len(seen) + 1)
    for end in (0, 1):
        at = found.vertices[found.edges[:, end], None, :]
        z = plane_height(plane[edge_regions], at[..., 0], at[..., 1])
        np.maximum.at(top, edge_regions, z)
    top[0] = 0.0
    return Regions(
        plane=plane,
        building=np.append(-1, part),
        perimeter_over_area=ratio,
        top=top,
        faces=found.faces,
        face_region=number[found.face_piece],
        vertices=found.vertices,
        edges=found.edges,
        edge_regions=edge_regions,
    )


def _building_counts(
    buildings: gpd.GeoDataFrame, outlines: np.ndarray, regions: Regions
) -> dict[str, float]:
    """Totals that tell whether the maps still hold the city."""
    height = buildings["height"].to_numpy(dtype=np.float64)
    built = regions.face_region > 0
    owners = np.unique(regions.building[regions.face_region[built]])
    return {
        "regions": len(regions.plane),
        "edges": len(regions.edges),
        "roof_area_m2": float(shapely.area(regions.faces[built]).sum()),
        "footprint_perimeter_x_height_m2": float((shapely.length(outlines) * height).sum()),
        "buildings_hidden": len(buildings) - len(owners),
    }
