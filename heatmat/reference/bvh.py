"""A bounding-volume hierarchy over triangles, built in NumPy level by level.

Binned surface-area heuristic (Wald 2007, doi:10.1109/RT.2007.4342588): all nodes of one level are
split at once, so the work is a few array operations per level however many nodes there are. The
binary tree is then widened to four children a node (Wald, Benthin and Boulos 2008,
doi:10.1109/RT.2008.4634620).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.errors import InputError

WIDTH = 4
"""Children of a node. Their boxes lie side by side, so that a CPU tests the four at once."""

NODE_FLOATS = 32
"""Of the four children the low x, low y, low z, high x, high y, high z (24), then their codes (4),
unused (4): two cache lines. A code is the number of an inner node, or ``-1 - (first * 8 + count)``
for a leaf, stored as the bits of a 32-bit integer."""

TRIANGLE_FLOATS = 12
"""Three corners (9), row in the mesh's faces (bits of an integer), unused (2)."""

MAX_LEAF = 4
"""Triangles of a leaf; 3 to 6 take the same time on Paris, 1 takes a third more."""

BINS = 16

STACK = 64
"""Children that a traversal can put aside (`heatmat.reference.rays`): 3 a level."""

MAX_DEPTH = (STACK - 1) // (WIDTH - 1)


@dataclass(frozen=True)
class Bvh:
    """A tree over triangles, as the arrays that rays read.

    Attributes
    ----------
    nodes : ndarray of float32, shape (nn, 32)
        Inner nodes, each with the boxes of its children; node 0 is the root.
    triangles : ndarray of float32, shape (nt, 12)
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
        wide = _widen(tree)
        if wide.depth > MAX_DEPTH:  # never seen in a city: halves bound the depth by the logarithm
            order, tree = _split_all(corners, halve_from=0)
            wide = _widen(tree)
        corners, rows = corners[order], rows[order]
        return cls(_pack_nodes(wide, corners), _pack_triangles(corners, rows), wide.depth)

    def to_device(self) -> tuple[object, object]:
        """Nodes and triangles as Taichi arrays; Taichi must run (`heatmat.runtime`)."""
        from heatmat.runtime import ti

        nodes = ti.Vector.ndarray(NODE_FLOATS, ti.f32, shape=len(self.nodes))
        triangles = ti.Vector.ndarray(TRIANGLE_FLOATS, ti.f32, shape=len(self.triangles))
        nodes.from_numpy(self.nodes)
        triangles.from_numpy(self.triangles)
        return nodes, triangles


@dataclass
class _Tree:
    """Inner nodes in order of creation: children as node numbers or leaf codes, and boxes."""

    child: np.ndarray  # (nn, children) codes
    low: np.ndarray  # (nn, children, 3)
    high: np.ndarray  # (nn, children, 3)
    depth: int


def _split_all(corners: np.ndarray, halve_from: int = 2 * MAX_DEPTH) -> tuple[np.ndarray, _Tree]:
    """Order of the triangles in the leaves, and the binary tree above them.

    From the depth `halve_from` on nodes are split into halves of equal number.
    """
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
        side = _sides(low[members], high[members], centre[members], node, count, depth > halve_from)
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
        code = -1 - (pair_start * 8 + pair_count)
        code[inner] = first_of_level + np.arange(inner.sum())
        children.append(code)
        start, count = pair_start[inner], pair_count[inner]
    tree = _Tree(np.concatenate(children), np.concatenate(lows), np.concatenate(highs), depth)
    return order, tree


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
    halve: bool,
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
    position = _ramp(count)
    half = (position >= ((count + 1) // 2)[node]).astype(int)
    coincident = ~np.isfinite(best_cost)  # no plane parts the centres
    return half if halve else np.where(coincident[node], half, side)


def _split_costs(low: np.ndarray, high: np.ndarray, slot: np.ndarray, nodes: int) -> np.ndarray:
    """Cost of splitting each node after each bin (area times number, both sides); inf if void."""
    number = np.bincount(slot, minlength=nodes * BINS).reshape(nodes, BINS)
    lows = np.full((3, nodes * BINS), np.inf)
    highs = np.full((3, nodes * BINS), -np.inf)
    for axis in range(3):  # `at` is fast on single axes only
        np.minimum.at(lows[axis], slot, low[:, axis])
        np.maximum.at(highs[axis], slot, high[:, axis])
    bin_low = lows.reshape(3, nodes, BINS).transpose(1, 2, 0)
    bin_high = highs.reshape(3, nodes, BINS).transpose(1, 2, 0)
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


def _widen(tree: _Tree) -> _Tree:
    """A tree of four children a node: the largest inner child is opened, twice."""
    roots = np.array([0])
    levels: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    numbered = 0
    while len(roots):
        n = len(roots)
        child = np.full((n, WIDTH), -1)
        low, high = np.full((n, WIDTH, 3), np.inf), np.full((n, WIDTH, 3), -np.inf)
        child[:, :2], low[:, :2], high[:, :2] = tree.child[roots], tree.low[roots], tree.high[roots]
        for k in range(2, WIDTH):
            area = np.where(child >= 0, _half_area(low, high), -1.0)
            row = np.flatnonzero(area.max(axis=1) >= 0.0)
            slot = area[row].argmax(axis=1)
            opened = child[row, slot]
            for place, which in ((k, 1), (slot, 0)):
                child[row, place] = tree.child[opened, which]
                low[row, place] = tree.low[opened, which]
                high[row, place] = tree.high[opened, which]
        numbered += n
        inner = child >= 0
        roots = child[inner]
        child[inner] = numbered + np.arange(len(roots))
        levels.append((child, low, high))
    child, low, high = (np.concatenate(part) for part in zip(*levels, strict=True))
    return _Tree(child, low, high, len(levels))


def _pack_nodes(tree: _Tree, corners: np.ndarray) -> np.ndarray:
    """Nodes as rows of floats, boxes grown by what single precision may lose on a ray."""
    pad = 8.0 * np.finfo(np.float32).eps * max(1.0, float(np.abs(corners).max()))
    # An inverted box far away: no ray enters it, no point is near it.
    empty = ~np.isfinite(tree.low)
    low, high = np.where(empty, 1e15, tree.low - pad), np.where(empty, -1e15, tree.high + pad)
    nodes = np.zeros((len(tree.child), NODE_FLOATS), np.float32)
    nodes[:, : 3 * WIDTH] = low.transpose(0, 2, 1).reshape(-1, 3 * WIDTH)
    nodes[:, 3 * WIDTH : 6 * WIDTH] = high.transpose(0, 2, 1).reshape(-1, 3 * WIDTH)
    nodes[:, 6 * WIDTH : 7 * WIDTH] = tree.child.astype(np.int32).view(np.float32)
    return nodes


def _pack_triangles(corners: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Triangles as rows of floats."""
    triangles = np.zeros((len(rows), TRIANGLE_FLOATS), np.float32)
    triangles[:, :9] = corners.reshape(-1, 9)
    triangles[:, 9] = rows.astype(np.int32).view(np.float32)
    return triangles
