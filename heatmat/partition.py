"""The planar partition: overlapping footprints become faces with exactly one owner each.

Everything is snapped to a grid of 1 mm and noded once, so faces meet without gaps and edges meet at
shared vertices only. Above ground level there is no further geometry: a wall stands wherever the
plane on one side of an edge is higher than on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from heatmat.maps import plane_height

GRID = 1e-3
"""Snap grid [m]. A float32 resolves 0.24 mm 4 km from the origin, so vertices stay apart."""

GAP = 0.3
"""Neighbours nearer than this stand wall to wall [m]: the survey's noise, not an alley."""

MIN_THICKNESS = 5e-3
"""Faces thinner than this (2 area / perimeter) are left over from snapping and join a
neighbour [m]."""


@dataclass
class Partition:
    """Faces of the ground plan, each with one owner, and the edges between owners.

    Attributes
    ----------
    faces : ndarray of Polygon, shape (nf,)
        Bounded faces of each block; outside all of them lies open ground. Faces with an owner
        never overlap, those of courtyards may hold other blocks.
    face_piece : ndarray of int, shape (nf,)
        The winning roof piece, -1 for ground.
    vertices : ndarray of float64, shape (nv, 2)
        On the snap grid.
    edges : ndarray of int, shape (ne, 2)
        Vertices a, b.
    edge_pieces : ndarray of int, shape (ne, 2)
        Pieces on the left and on the right of a -> b, -1 for ground; never equal.
    counts : dict
    """

    faces: np.ndarray
    face_piece: np.ndarray
    vertices: np.ndarray
    edges: np.ndarray
    edge_pieces: np.ndarray
    counts: dict[str, float] = field(default_factory=dict)


def clusters(polygons: np.ndarray, distance: float = GAP) -> np.ndarray:
    """Number footprints by the block they stand in, so that work grows with blocks, not cities.

    Parameters
    ----------
    polygons : ndarray of Polygon or MultiPolygon, shape (n,)
    distance : float
        Footprints nearer than this stand in one block [m].

    Returns
    -------
    ndarray of int, shape (n,)
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = shapely.STRtree(polygons).query(
        polygons, predicate="dwithin", distance=distance + 10 * GRID
    )
    links = coo_array((np.ones(len(first)), (first, second)), shape=(len(polygons),) * 2)
    return connected_components(links, directed=False)[1]


def _groups(label: np.ndarray) -> list[np.ndarray]:
    """Indices by label, for labels 0 to the largest."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.cumsum(np.bincount(label))[:-1]) if len(label) else []


def _union_by(geometries: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Union on the snap grid of the geometries of each label."""
    return np.array(
        [shapely.union_all(geometries[group], grid_size=GRID) for group in _groups(label)],
        dtype=object,
    )


def close_gaps(polygons: np.ndarray, width: float = GAP) -> tuple[np.ndarray, dict[str, float]]:
    """Give the slivers between near neighbours to one of them.

    The union of a block is grown by half the width and shrunk again with mitred corners (a
    morphological closing); what that adds are the slivers. Nothing is ever taken away, so thin
    buildings stay, and passages wider than `width` stay open.

    Parameters
    ----------
    polygons : ndarray of Polygon, shape (n,)
        Footprints on the snap grid.
    width : float
        Widest gap to close [m].

    Returns
    -------
    polygons : ndarray of Polygon or MultiPolygon, shape (n,)
    counts : dict
        slivers_closed, sliver_area_m2.
    """
    if len(polygons) == 0:
        return polygons, {"slivers_closed": 0, "sliver_area_m2": 0.0}
    union = _union_by(polygons, clusters(polygons, width))
    # Low mitre limits: on the way out a spike at a sharp corner must not reach across an alley (the
    # corners this blunts are in the union already); on the way back a wedge must not open again.
    grown = shapely.buffer(union, width / 2, join_style="mitre", mitre_limit=1.5)
    closed = shapely.buffer(grown, -width / 2, join_style="mitre", mitre_limit=2.0)
    slivers = shapely.get_parts(shapely.difference(closed, union, grid_size=GRID))
    slivers = slivers[shapely.area(slivers) > 1e-4]
    owner = _adjoining(slivers, polygons)
    slivers, owner = slivers[owner >= 0], owner[owner >= 0]
    result = polygons.copy()
    order = np.argsort(owner, kind="stable")
    slivers, owner = slivers[order], owner[order]
    gainers, first = np.unique(owner, return_index=True)
    last = np.append(first, len(owner))[1:]
    for index, begin, end in zip(gainers, first, last, strict=True):
        pieces = [polygons[index], *slivers[begin:end]]
        result[index] = shapely.union_all(pieces, grid_size=GRID)
    return result, {
        "slivers_closed": len(slivers),
        "sliver_area_m2": float(shapely.area(slivers).sum()),
    }


def stacked(polygons: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Which footprints stand for the most part on lower ones, as parts on their outline do.

    Parameters
    ----------
    polygons : ndarray of Polygon or MultiPolygon, shape (n,)
    height : ndarray, shape (n,)
        [m].

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    upper, lower = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    below = height[lower] < height[upper]
    upper, lower = upper[below], lower[below]
    shared = shapely.area(shapely.intersection(polygons[upper], polygons[lower]))
    covered = np.bincount(upper, weights=shared, minlength=len(polygons))
    return covered > 0.5 * shapely.area(polygons)


def _adjoining(slivers: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """The polygon that shares the longest border with each sliver, -1 for none."""
    owner = np.full(len(slivers), -1)
    if len(slivers) == 0:
        return owner
    # Area within 1 cm stands for shared length: it does not depend on matching vertices.
    halo = shapely.buffer(slivers, 0.01, join_style="mitre")
    which, candidate = shapely.STRtree(polygons).query(halo, predicate="intersects")
    overlap = shapely.area(shapely.intersection(halo[which], polygons[candidate]))
    order = np.lexsort((-candidate, overlap, which))
    owner[which[order]] = candidate[order]  # the last of each sliver wins: the largest overlap
    return owner


def partition(polygons: np.ndarray, planes: np.ndarray, part: np.ndarray) -> Partition:
    """Node pieces of roof against each other; where they overlap, the highest wins.

    Parameters
    ----------
    polygons : ndarray of Polygon or MultiPolygon, shape (n,)
    planes : ndarray, shape (n, 5)
        Roof plane of each piece.
    part : ndarray of int, shape (n,)
        Footprint of each piece: pieces of one footprint do not count as overlapping.

    Returns
    -------
    Partition
    """
    counts: dict[str, float] = {"overlaps_resolved": 0, "overlap_area_m2": 0.0, "thin_faces": 0}
    if len(polygons) == 0:
        none = np.empty(0, dtype=object)
        pairs = np.empty((0, 2), dtype=int)
        return Partition(none, np.empty(0, dtype=int), np.empty((0, 2)), pairs, pairs, counts)
    block = clusters(polygons)
    lines = _union_by(shapely.boundary(polygons), block)
    rings = [shapely.polygonize(shapely.get_parts(line)) for line in lines]
    faces, face_block = shapely.get_parts(np.array(rings, dtype=object), return_index=True)
    same = (face_block, block)
    piece = _owners(faces, polygons, planes, part, same, counts)
    vertices, start, end, face = _half_edges(faces)
    edges, sides = _pair(start, end, face)
    piece = _absorb_thin(faces, piece, vertices, edges, sides, counts)
    owner = np.append(piece, -1)[sides]  # outside all faces (-1) is ground
    keep = owner[:, 0] != owner[:, 1]
    return Partition(faces, piece, vertices, edges[keep], owner[keep], counts)


def _owners(
    faces: np.ndarray,
    polygons: np.ndarray,
    planes: np.ndarray,
    part: np.ndarray,
    blocks: tuple[np.ndarray, np.ndarray],
    counts: dict[str, float],
) -> np.ndarray:
    """The highest piece over an inner point of each face, -1 for none.

    `blocks` are those of faces and of polygons: a courtyard's face may have another block in it.
    """
    inner = shapely.point_on_surface(faces)
    piece, face = shapely.STRtree(inner).query(polygons, predicate="intersects")
    same = blocks[0][face] == blocks[1][piece]
    piece, face = piece[same], face[same]
    height = plane_height(planes[piece], shapely.get_x(inner)[face], shapely.get_y(inner)[face])
    # Equal heights (to 0.1 mm): the first footprint wins, so that duplicates collapse.
    order = np.lexsort((-piece, np.rint(height * 1e4), face))
    owner = np.full(len(faces), -1)
    owner[face[order]] = piece[order]
    several = np.bincount(face, minlength=len(faces)) > 1
    area = shapely.area(faces)
    overlapping = several[face] & (part[piece] != part[owner[face]]) & (area[face] > 0.01)
    winners, losers = part[owner[face[overlapping]]], part[piece[overlapping]]
    counts["overlaps_resolved"] = len(np.unique(np.stack([winners, losers]), axis=1).T)
    counts["overlap_area_m2"] = float(area[np.unique(face[overlapping])].sum())
    return owner


def _unique_pairs(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows of int64 (n, 2) in order, and the number of each row among them.

    Both halves go into one integer, which sorts several times faster than rows do; local
    millimetres and vertex numbers stay far below 2**31.
    """
    low = pairs.min(axis=0, initial=0)
    span = int((pairs[:, 1] - low[1]).max(initial=0)) + 1
    keys, index = np.unique(
        (pairs[:, 0] - low[0]) * span + pairs[:, 1] - low[1], return_inverse=True
    )
    return np.stack([keys // span + low[0], keys % span + low[1]], axis=1), index.reshape(-1)


def _half_edges(
    faces: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, and the directed edges of all rings with their face on the left."""
    rings, ring_face = shapely.get_rings(faces, return_index=True)
    hole = np.append(False, ring_face[1:] == ring_face[:-1])  # a face's first ring is its shell
    rings = np.where(shapely.is_ccw(rings) == hole, shapely.reverse(rings), rings)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    ticks = np.rint(xy / GRID).astype(np.int64)
    unique, index = _unique_pairs(ticks)
    inside = ring[1:] == ring[:-1]
    start, end, face = index[:-1][inside], index[1:][inside], ring_face[ring[:-1][inside]]
    real = start != end
    return unique * GRID, start[real], end[real], face[real]


def _pair(start: np.ndarray, end: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Undirected edges (low vertex, high vertex) with the faces on their left and right."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    edges, index = _unique_pairs(np.stack([low, high], axis=1))
    sides = np.full((len(edges), 2), -1)
    sides[index, np.where(start == low, 0, 1)] = face
    return edges, sides


def _absorb_thin(
    faces: np.ndarray,
    piece: np.ndarray,
    vertices: np.ndarray,
    edges: np.ndarray,
    sides: np.ndarray,
    counts: dict[str, float],
) -> np.ndarray:
    """Give faces of a few millimetres' width to the neighbour behind their longest edge."""
    thin = 2 * shapely.area(faces) / shapely.length(faces) < MIN_THICKNESS
    counts["thin_faces"] = int(thin.sum())
    if not thin.any():
        return piece
    length = np.hypot(*(vertices[edges[:, 1]] - vertices[edges[:, 0]]).T)
    own = np.concatenate([sides[:, 0], sides[:, 1]])
    other = np.concatenate([sides[:, 1], sides[:, 0]])
    length = np.concatenate([length, length])
    use = (own >= 0) & np.append(thin, False)[own] & ~np.append(thin, False)[other]
    order = np.argsort(length[use], kind="stable")
    result = piece.copy()
    result[own[use][order]] = np.append(piece, -1)[other[use][order]]
    return result
