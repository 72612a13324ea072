"""The maps as triangles: the same regions and walls extruded, for ray tracers that want a mesh.

Nothing in the engine reads it. It lets another program shoot rays at the same city, so that both
can be compared hit by hit and timed side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from heatmat.maps import Maps, plane_height

GROUND_REACH = 5000.0
"""The ground quad goes on this far beyond the grid [m]."""


@dataclass(frozen=True)
class MapMesh:
    """Triangles of a city.

    Attributes
    ----------
    vertices : ndarray of float32, shape (nv, 3)
        Local coordinates [m].
    triangles : ndarray of int32, shape (nt, 3)
        Roofs face up, walls outwards (counter-clockwise seen from outside).
    region : ndarray of int32, shape (nt,)
        Region of ground and roofs; of a wall, the region behind it.
    facade : ndarray of int32, shape (nt,)
        Facade of a wall, -1 for ground and roofs.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    region: np.ndarray
    facade: np.ndarray


def mesh_of_maps(maps: Maps) -> MapMesh:
    """Extrude the maps.

    The ground is one quad at its plane's height, under the buildings as well: no ray can tell, and
    it is the fewest triangles. Walls stand where one side of an edge is higher than the other, with
    the tops that the planes give at the edge's ends; where two planes cross along an edge each
    side has its own triangle.

    Parameters
    ----------
    maps : Maps

    Returns
    -------
    MapMesh
    """
    parts = [_ground(maps), _roofs(maps), _walls(maps)]
    vertices, triangles, region, facade, count = [], [], [], [], 0
    for v, owner, wall in parts:
        vertices.append(v.reshape(-1, 3))
        triangles.append(count + np.arange(v.shape[0] * 3, dtype=np.int32).reshape(-1, 3))
        region.append(owner)
        facade.append(wall)
        count += v.shape[0] * 3
    corners = np.concatenate(vertices).astype(np.float32)
    shared, index = np.unique(corners, axis=0, return_inverse=True)
    joined = np.concatenate(triangles)
    return MapMesh(
        shared,
        index.ravel()[joined].astype(np.int32),
        np.concatenate(region).astype(np.int32),
        np.concatenate(facade).astype(np.int32),
    )


def _ground(maps: Maps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    west, south = maps.west - GROUND_REACH, maps.south - GROUND_REACH
    east = maps.west + maps.nx * maps.resolution + GROUND_REACH
    north = maps.south + maps.ny * maps.resolution + GROUND_REACH
    x = np.array([west, east, east, north * 0 + west])
    y = np.array([south, south, north, north])
    z = plane_height(maps.region_plane[:1].astype(float), x, y)
    corner = np.column_stack([x, y, z])
    return corner[[[0, 1, 2], [0, 2, 3]]], np.zeros(2, int), np.full(2, -1)


def _roofs(maps: Maps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces of the plan above ground level, triangulated."""
    lines: Any = shapely.linestrings(maps.edge_ab.reshape(-1, 2, 2).astype(float))
    faces = shapely.get_parts(shapely.polygonize(lines))
    owner = _region_of_faces(maps, faces)
    faces, owner = faces[owner > 0], owner[owner > 0]
    pieces = shapely.constrained_delaunay_triangles(faces)
    triangles, face = shapely.get_parts(pieces, return_index=True)
    # Rings are closed: three corners and the first again.
    xy = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    a, b = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    clockwise = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0.0
    xy[clockwise] = xy[clockwise, ::-1]
    region = owner[face]
    z = plane_height(maps.region_plane[region, None].astype(float), xy[..., 0], xy[..., 1])
    return np.concatenate([xy, z[..., None]], axis=2), region, np.full(len(region), -1)


def _region_of_faces(maps: Maps, faces: np.ndarray) -> np.ndarray:
    """Region of each polygon: that of the side of the edge on which its outer ring runs."""
    ends = {tuple(ab): e for e, ab in enumerate(maps.edge_ab.tolist())}
    rings = shapely.get_exterior_ring(shapely.normalize(shapely.set_precision(faces, 0.0)))
    result = np.zeros(len(faces), int)
    for i, ring in enumerate(rings):
        xy = shapely.get_coordinates(ring)
        following = np.roll(xy[:-1], -1, axis=0)
        area = (xy[:-1, 0] * following[:, 1] - xy[:-1, 1] * following[:, 0]).sum()
        (ax, ay), (bx, by) = xy[:2] if area > 0.0 else xy[1::-1]
        e = ends.get((ax, ay, bx, by))
        side = 0
        if e is None:
            e, side = ends[(bx, by, ax, ay)], 1
        result[i] = maps.edge_regions[e, side]
    return result


def _walls(maps: Maps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ab = maps.edge_ab.astype(float)
    planes = maps.region_plane.astype(float)
    corners, regions, facades = [], [], []
    for side in (0, 1):
        owner, other = maps.edge_regions[:, side], maps.edge_regions[:, 1 - side]
        # With the building on the left the edge runs a -> b seen from outside.
        p, q = (ab[:, :2], ab[:, 2:]) if side == 0 else (ab[:, 2:], ab[:, :2])
        high = [plane_height(planes[owner], at[:, 0], at[:, 1]) for at in (p, q)]
        low = [plane_height(planes[other], at[:, 0], at[:, 1]) for at in (p, q)]
        rise_p, rise_q = high[0] - low[0], high[1] - low[1]
        share = np.where(rise_p * rise_q < 0.0, rise_p / np.where(rise_p == rise_q, 1.0, rise_p - rise_q), 0.5)  # fmt: skip  # noqa: E501
        cross = p + share[:, None] * (q - p)
        level = high[0] + share * (high[1] - high[0])
        p_low, p_high = np.column_stack([p, low[0]]), np.column_stack([p, high[0]])
        q_low, q_high = np.column_stack([q, low[1]]), np.column_stack([q, high[1]])
        middle = np.column_stack([cross, level])
        both = (rise_p > 0.0) & (rise_q > 0.0)
        for keep, triangle in (
            (both, (p_low, q_low, q_high)),
            (both, (p_low, q_high, p_high)),
            ((rise_p > 0.0) & (rise_q == 0.0), (p_low, q_low, p_high)),
            ((rise_p == 0.0) & (rise_q > 0.0), (p_low, q_low, q_high)),
            ((rise_p > 0.0) & (rise_q < 0.0), (p_low, middle, p_high)),
            ((rise_p < 0.0) & (rise_q > 0.0), (middle, q_low, q_high)),
        ):
            corners.append(np.stack([c[keep] for c in triangle], axis=1))
            regions.append(owner[keep])
            facades.append(maps.edge_facades[keep, side])
    return np.concatenate(corners), np.concatenate(regions), np.concatenate(facades)
