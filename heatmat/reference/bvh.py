"""A bounding-volume hierarchy over triangles, built in NumPy level by level.

Binned surface-area heuristic (Wald 2007, doi:10.1109/RT.2007.4342588): all nodes of one level are
split at once, so the work is a few array operations per level however many nodes there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.errors import InputError

NODE_FLOATS = 16
"""Low and high corner of the left child, of the right child (12), their codes (2), unused (2): one
cache line. A code is the number of an inner node, or ``-1 - (first * 8 + count)`` for a leaf; it is
stored as the bits of a 32-bit integer."""

TRIANGLE_FLOATS = 16
"""Three corners (9), unit normal (3), row in the mesh's faces (bits of an integer), unused (3)."""

MAX_LEAF = 4
BINS = 16
STEP_COST = 1.2
"""Cost of testing the two boxes of a node, in triangle tests."""

MAX_DEPTH = 62
"""Deeper trees would not fit the stack of the traversal (`heatmat.reference.rays`)."""


@dataclass(frozen=True)
class Bvh:
    """A tree over triangles, as the arrays that rays read.

    Attributes
    ----------
    nodes : ndarray of float32, shape (nn, 16)
        Inner nodes, each with the boxes of its two children; node 0 is the root.
    triangles : ndarray of float32, shape (nt, 16)
        Triangles in the order of the leaves.
    depth : int
        Inner nodes on the longest way down.
    """

    nodes: np.ndarray
    triangles: np.ndarray
    depth: int

    @classmethod
    def build(
        cls, vertices: np.ndarray, faces: np.ndarray, *, subset: np.ndarray | None = None
    ) -> Bvh:
        """Build the tree.

        Parameters
        ----------
        vertices : ndarray, shape (nv, 3)
            [m], near the origin: single precision resolves 0.06 mm at 1 km.
        faces : ndarray of int, shape (nf, 3)
        subset : ndarray, optional
            Rows of `faces` (or a mask over them) to hold; hits still number rows of `faces`.

        Returns
        -------
        Bvh

        Raises
        ------
        InputError
            If there is no triangle.
        """
        faces = np.asarray(faces)
        rows = np.arange(len(faces)) if subset is None else np.arange(len(faces))[subset]
        if len(rows) == 0:
            raise InputError(
                "a mesh without triangles", where="3D reference", expected="at least one", got=0
            )
        corners = np.asarray(vertices, np.float32)[faces[rows]]
        order, tree = _split_all(corners)
        corners, rows = corners[order], rows[order]
        return cls(
            nodes=_pack_nodes(tree, corners),
            triangles=_pack_triangles(corners, rows),
            depth=tree.depth,
        )

    def to_device(self) -> tuple[object, object]:
        """Nodes and triangles as Taichi arrays; Taichi must run (`heatmat.runtime`)."""
        from heatmat.runtime import ti

        arrays = []
        for host in (self.nodes, self.triangles):
            device = ti.ndarray(dtype=ti.f32, shape=host.shape)
            device.from_numpy(host)
            arrays.append(device)
        return arrays[0], arrays[1]


@dataclass
class _Tree:
    """Inner nodes in order of creation: children as node numbers or leaf codes, and boxes."""

    child: np.ndarray  # (nn, 2) codes
    low: np.ndarray  # (nn, 2, 3)
    high: np.ndarray  # (nn, 2, 3)
    depth: int


def _split_all(corners: np.ndarray) -> tuple[np.ndarray, _Tree]:
    """Order of the triangles in the leaves, and the tree above them."""
    low, high = corners.min(axis=1).astype(np.float64), corners.max(axis=1).astype(np.float64)
    centre = 0.5 * (low + high)
    order = np.arange(len(corners))
    start, count = np.array([0]), np.array([len(corners)])  # the level's nodes: runs of `order`
    children: list[np.ndarray] = []
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []
    first_of_level = 0
    depth = 0
    while len(start):
        depth += 1
        node = np.repeat(np.arange(len(start)), count)
        run = np.repeat(start, count) + _ramp(count)
        members = order[run]
        side = _sides(low[members], high[members], centre[members], node, count, depth)
        # Left members first within each node, otherwise in place.
        shuffle = np.lexsort((side, node))
        order[run] = members[shuffle]
        right = np.bincount(node, weights=side, minlength=len(start)).astype(int)
        pair_count = np.stack([count - right, right], axis=1)
        pair_start = np.stack([start, start + count - right], axis=1)
        box = _boxes(low, high, order, pair_start.ravel(), pair_count.ravel())
        lows.append(box[0].reshape(-1, 2, 3))
        highs.append(box[1].reshape(-1, 2, 3))
        first_of_level += len(start)
        inner = pair_count > MAX_LEAF
        inner |= _worth_splitting(low, high, order, pair_start, pair_count)
        code = -1 - (pair_start * 8 + pair_count)
        code[inner] = first_of_level + np.arange(inner.sum())
        children.append(code)
        start, count = pair_start[inner], pair_count[inner]
    tree = _Tree(np.concatenate(children), np.concatenate(lows), np.concatenate(highs), depth)
    return order, tree


def _worth_splitting(
    low: np.ndarray,
    high: np.ndarray,
    order: np.ndarray,
    start: np.ndarray,
    count: np.ndarray,
) -> np.ndarray:
    """Whether small nodes are cheaper split than tested whole; never below two triangles."""
    return np.zeros(count.shape, dtype=bool)


def _ramp(count: np.ndarray) -> np.ndarray:
    """0, 1, ... count[0] - 1, 0, 1, ... count[1] - 1, ..."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _boxes(
    low: np.ndarray, high: np.ndarray, order: np.ndarray, start: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of runs of `order`; an empty run gets an inverted box that no ray enters."""
    box_low = np.full((len(start), 3), np.inf)
    box_high = np.full((len(start), 3), -np.inf)
    filled = count > 0
    if filled.any():
        members = order[np.repeat(start[filled], count[filled]) + _ramp(count[filled])]
        begin = np.cumsum(count[filled]) - count[filled]
        box_low[filled] = np.minimum.reduceat(low[members], begin)
        box_high[filled] = np.maximum.reduceat(high[members], begin)
    return box_low, box_high


def _half_area(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Half the surface of boxes, 0 for inverted ones."""
    size = np.maximum(high - low, 0.0)
    return size[..., 0] * size[..., 1] + size[..., 1] * size[..., 2] + size[..., 2] * size[..., 0]


def _sides(
    low: np.ndarray,
    high: np.ndarray,
    centre: np.ndarray,
    node: np.ndarray,
    count: np.ndarray,
    depth: int,
) -> np.ndarray:
    """0 or 1 for each member: the child that it goes to."""
    nodes = len(count)
    begin = np.cumsum(count) - count
    from_, to = np.minimum.reduceat(centre, begin), np.maximum.reduceat(centre, begin)
    span = to - from_
    scale = np.where(span > 0.0, BINS / np.where(span > 0.0, span, 1.0), 0.0)
    bins = np.clip(((centre - from_[node]) * scale[node]).astype(int), 0, BINS - 1)
    best_cost = np.full(nodes, np.inf)
    best_axis = np.zeros(nodes, dtype=int)
    best_bin = np.zeros(nodes, dtype=int)
    for axis in range(3):
        cost = _split_costs(low, high, node * BINS + bins[:, axis], nodes)
        where = np.argmin(cost, axis=1)
        least = cost[np.arange(nodes), where]
        better = least < best_cost
        best_cost[better], best_axis[better] = least[better], axis
        best_bin[better] = where[better]
    side = (bins[np.arange(len(node)), best_axis[node]] > best_bin[node]).astype(int)
    # Centres that coincide, or a tree that grows too deep: halves of equal number.
    halve = ~np.isfinite(best_cost)
    if depth > MAX_DEPTH // 2:
        halve[:] = True
    position = _ramp(count)
    side = np.where(halve[node], (position >= ((count + 1) // 2)[node]).astype(int), side)
    return side


def _split_costs(low: np.ndarray, high: np.ndarray, slot: np.ndarray, nodes: int) -> np.ndarray:
    """Cost of splitting each node after each bin (area times number, both sides); inf if void."""
    number = np.bincount(slot, minlength=nodes * BINS).reshape(nodes, BINS)
    bin_low = np.full((3, nodes * BINS), np.inf)
    bin_high = np.full((3, nodes * BINS), -np.inf)
    for axis in range(3):
        np.minimum.at(bin_low[axis], slot, low[:, axis])
        np.maximum.at(bin_high[axis], slot, high[:, axis])
    bin_low = bin_low.reshape(3, nodes, BINS).transpose(1, 2, 0)
    bin_high = bin_high.reshape(3, nodes, BINS).transpose(1, 2, 0)
    left = _half_area(
        np.minimum.accumulate(bin_low, axis=1), np.maximum.accumulate(bin_high, axis=1)
    )
    right = _half_area(
        np.minimum.accumulate(bin_low[:, ::-1], axis=1)[:, ::-1],
        np.maximum.accumulate(bin_high[:, ::-1], axis=1)[:, ::-1],
    )
    below = np.cumsum(number, axis=1)
    above = below[:, -1:] - below
    cost = left[:, :-1] * below[:, :-1] + right[:, 1:] * above[:, :-1]
    return np.where((below[:, :-1] > 0) & (above[:, :-1] > 0), cost, np.inf)


def _pack_nodes(tree: _Tree, corners: np.ndarray) -> np.ndarray:
    """Nodes as rows of 16 floats, boxes grown by what single precision may lose on a ray."""
    pad = 8.0 * np.finfo(np.float32).eps * max(1.0, float(np.abs(corners).max()))
    nodes = np.zeros((len(tree.child), NODE_FLOATS), np.float32)
    huge = np.float32(1e30)
    empty = ~np.isfinite(tree.low)
    low = np.where(empty, huge, tree.low - pad)
    high = np.where(empty, huge, tree.high + pad)
    nodes[:, 0:3], nodes[:, 3:6] = low[:, 0], high[:, 0]
    nodes[:, 6:9], nodes[:, 9:12] = low[:, 1], high[:, 1]
    nodes[:, 12:14] = tree.child.astype(np.int32).view(np.float32)
    return nodes


def _pack_triangles(corners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Triangles as rows of 16 floats."""
    triangles = np.zeros((len(rows), TRIANGLE_FLOATS), np.float32)
    triangles[:, :9] = corners.reshape(-1, 9)
    exact = corners.astype(np.float64)
    normal = np.cross(exact[:, 1] - exact[:, 0], exact[:, 2] - exact[:, 0])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    triangles[:, 9:12] = normal / np.where(length > 0.0, length, 1.0)
    triangles[:, 12] = rows.astype(np.int32).view(np.float32)
    return triangles
