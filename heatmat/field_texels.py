"""Texels: the coarse patches of ground, roof and wall that the field consists of."""

from dataclasses import dataclass

import numpy as np

from heatmat.case import Case
from heatmat.field_leaves import LeafTexels, lay_leaves, leaf_requests
from heatmat.field_pixels import parts_of_cells
from heatmat.kernels import layout
from heatmat.kernels.layout import MAX_ENTRIES
from heatmat.maps import Maps
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ti
from heatmat.sampling_plan import stream_keys
from heatmat.solver import Requests

SAMPLES = 4
"""Start positions of a texel."""

SIDE = 4
"""Points along a side of a coarse cell at which its regions are found."""

SHORT = 0.5
"""Facades shorter than this part of a texel's size have two rows at most."""

STREAM = 5
"""Kind code of the texels' random streams (points, pixels and storeys have their own)."""


@dataclass
class Texels:
    """Where the texels are.

    Attributes
    ----------
    ground_roof : int
        Number of texels of ground and roof; those of walls come after them.
    count : int
    requests : Requests
        `SAMPLES` start positions a texel.
    region : ndarray of int32, shape (ground_roof,)
    lookup : tuple
        Device arrays that `kernels.texels.texel_at` takes after the position.
    strips : ndarray of int32, shape (facades, 3)
        First texel, columns and rows of each facade.
    """

    ground_roof: int
    count: int
    requests: Requests
    region: np.ndarray
    strips: np.ndarray
    texel_f: object
    texel_i: object
    pair_first: ti.Ndarray
    pair_region: ti.Ndarray
    facade_z: ti.Ndarray
    strips_device: ti.Ndarray
    alias: np.ndarray

    def lookup(self, field: RayField) -> tuple:
        """Arguments of the kernels that turn hits into texels."""
        return (
            self.texel_f,
            self.texel_i,
            self.pair_first,
            self.pair_region,
            field.facades,
            self.facade_z,
            self.strips_device,
            to_device(self.alias),
        )


def lay_texels(case: Case, field: RayField, size: float, seed: int) -> Texels:
    """Cut the surfaces of a case into texels of about `size` [m]."""
    maps = case.maps
    nx = int(np.ceil(maps.nx * maps.resolution / size - 1e-6))
    ny = int(np.ceil(maps.ny * maps.resolution / size - 1e-6))
    texel_f = ti.Vector([maps.west, maps.south, size, size], ti.f32)
    first, region, points = _pairs(field, nx, ny, size, maps)
    texel_i = ti.Vector([nx, ny, region.size, 0], ti.i32)
    strips, walls = _strips(maps, size, region.size)
    requests = _requests(maps, points, walls, seed)
    leaves = lay_leaves(maps, nx, ny, size, SAMPLES, seed)
    count = region.size + len(walls[0])
    facade_z = maps.facade_z
    table = region
    if leaves.count:
        texel_i = ti.Vector([nx, ny, region.size, count], ti.i32)
        requests = _with_leaves(requests, leaves, maps, seed)
        table = np.concatenate([region, leaves.first]).astype(np.int32)
        # An empty table has one unused row on the device, as the facades have.
        facade_z = np.concatenate([facade_z if len(facade_z) else np.zeros((1, 2)), leaves.span])
        count += leaves.count
    return Texels(
        ground_roof=region.size,
        count=count,
        requests=requests,
        region=region,
        strips=strips,
        texel_f=texel_f,
        texel_i=texel_i,
        pair_first=to_device(first),
        pair_region=to_device(table),
        facade_z=to_device(facade_z),
        strips_device=to_device(strips),
        alias=np.arange(count, dtype=np.int32),
    )


def _with_leaves(requests: Requests, leaves: LeafTexels, maps, seed: int) -> Requests:  # type: ignore[no-untyped-def]
    """The requests with those of leaves behind them."""
    numbers, codes = leaf_requests(leaves.position)
    place = leaves.position[:, 0] + np.array([*maps.origin, 0.0])
    keys = stream_keys(place[:, 0], place[:, 1], place[:, 2], STREAM, seed).repeat(SAMPLES)
    return Requests(
        np.concatenate([requests.numbers, numbers]),
        np.concatenate([requests.codes, codes]),
        np.concatenate([requests.keys, keys]),
        np.concatenate([requests.composition, np.full(len(codes), -1, np.int32)]),
    )


def _pairs(field: RayField, nx: int, ny: int, size: float, maps) -> tuple:  # type: ignore[no-untyped-def]
    """Regions of every coarse cell, and `SAMPLES` points of each."""
    u = _fractions(np.arange(nx * ny), maps, nx, size)
    parts = parts_of_cells(
        field, maps.west, maps.south, size, nx, ny, SAMPLES, side=SIDE, fraction=u
    )
    first = np.searchsorted(parts.cell, np.arange(nx * ny + 1)).astype(np.int32)
    column, row = parts.cell % nx, parts.cell // nx
    middle = np.stack([maps.west + (column + 0.5) * size, maps.south + (row + 0.5) * size], axis=1)
    return first, parts.region, (parts.x, parts.y, middle)


def _fractions(cell: np.ndarray, maps, nx: int, size: float) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A number in [0, 1) for each coarse cell, from its place in the world alone."""
    x = maps.origin[0] + maps.west + (cell % nx) * size
    y = maps.origin[1] + maps.south + (cell // nx) * size
    return stream_keys(x, y, np.zeros(cell.size), STREAM, 0) / 2.0**32


def _strips(maps, size: float, first: int):  # type: ignore[no-untyped-def]
    """First texel, columns and rows of each facade; and facade, s0, s1, z0, z1 of each texel."""
    ab = maps.facade_ab.astype(float)
    length = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])
    low, high = maps.facade_z[:, 0].astype(float), maps.facade_z[:, 1].astype(float)
    columns = np.maximum(1, np.round(length / size)).astype(int)
    bottoms = row_bottoms(size, float((high - low).max(initial=0.0)))
    rows = np.maximum(1, np.searchsorted(bottoms, high - low - 0.05 * size))
    rows = np.where(length < SHORT * size, np.minimum(rows, 2), rows)
    count = columns * rows
    begin = np.cumsum(count) - count
    facade = np.repeat(np.arange(count.size), count)
    local = np.arange(facade.size) - begin[facade]
    column, row = local // np.maximum(rows[facade], 1), local % np.maximum(rows[facade], 1)
    step = length[facade] / columns[facade]
    z0 = low[facade] + bottoms[row]
    top = row == rows[facade] - 1
    z1 = np.where(top, high[facade], low[facade] + bottoms[np.minimum(row + 1, bottoms.size - 1)])
    strips = np.stack([first + begin, columns, rows], axis=1).astype(np.int32)
    return strips, (facade, column * step, (column + 1) * step, z0, z1)


def count_wall_texels(maps: Maps, size: float) -> int:
    """Texels that the facades will have."""
    return len(_strips(maps, size, 0)[1][0])


def row_bottoms(size: float, height: float) -> np.ndarray:
    """Heights at which the rows of a wall begin (as in `kernels.texels.drawn_row`)."""
    doublings = int(np.ceil(np.log2(max(2.0 * height / size, 2.0)))) + 1
    return np.concatenate([[0.0], 0.5 * size * 2.0 ** np.arange(doublings)])


def _requests(maps, points, walls, seed: int) -> Requests:  # type: ignore[no-untyped-def]
    """Start positions of all texels: points in plan, then strata of the wall patches."""
    x, y, middle = points
    facade, s0, s1, z0, z1 = walls
    n, m = x.shape[0], facade.size
    numbers = np.zeros(((n + m) * SAMPLES, 4), np.float32)
    codes = np.zeros(((n + m) * SAMPLES, 5), np.int32)
    plan = slice(0, n * SAMPLES)
    numbers[plan, layout.Q_A], numbers[plan, layout.Q_B] = x.ravel(), y.ravel()
    codes[plan, layout.R_TYPE] = layout.REQUEST_PLAN
    codes[plan, layout.R_KIND] = layout.ANY_KIND
    codes[plan, layout.R_FACADE] = -1
    wall = slice(n * SAMPLES, None)
    numbers[wall] = np.repeat(np.stack([s0, s1, z0, z1], axis=1), SAMPLES, axis=0)
    codes[wall, layout.R_TYPE] = layout.REQUEST_WALL
    codes[wall, layout.R_KIND] = 2
    codes[wall, layout.R_FACADE] = np.repeat(facade, SAMPLES)
    codes[:, layout.R_SAMPLE] = np.tile(np.arange(SAMPLES), n + m)
    ab = maps.facade_ab.astype(float)
    length = np.maximum(np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1]), 1e-9)
    along = (0.5 * (s0 + s1) / length[facade])[:, None]
    on_wall = ab[facade, :2] + along * (ab[facade, 2:] - ab[facade, :2])
    place = np.concatenate([middle, on_wall]) + np.array(maps.origin)
    height = np.concatenate([np.zeros(n), 0.5 * (z0 + z1)])
    keys = stream_keys(place[:, 0], place[:, 1], height, STREAM, seed)
    # Two pairs of one cell share its middle: the region tells them apart, by its order there.
    return Requests(
        numbers, codes, np.repeat(keys, SAMPLES), np.full((n + m) * SAMPLES, -1, np.int32)
    )


def mixtures(
    compositions: np.ndarray, entries: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compositions of texels whose starts lie on several.

    Parameters
    ----------
    compositions : ndarray of int, shape (texels, samples)
        -1 where a start is not valid.
    entries, shares : ndarray, shape (compositions, MAX_ENTRIES)

    Returns
    -------
    tuple of ndarray
        Composition of each texel, and the tables with rows for the mixtures after the others.
    """
    ordered = np.sort(compositions, axis=1)
    # One number a row sorts many times faster than rows do.
    number = ordered.shape[1]
    base = int(ordered.max(initial=0)) + 2
    if base**number < 1 << 62:
        digits = base ** np.arange(number - 1, -1, -1, dtype=np.int64)
        keys, index = np.unique((ordered.astype(np.int64) + 1) @ digits, return_inverse=True)
        kinds = keys[:, None] // digits % base - 1
    else:
        kinds, index = np.unique(ordered, axis=0, return_inverse=True)
    more_entries, more_shares = [entries], [shares]
    row_of = np.zeros(len(kinds), int)
    rows = entries.shape[0]
    for k, kind in enumerate(kinds):
        parts = kind[kind >= 0]
        if parts.size == 0 or (parts == parts[0]).all():
            row_of[k] = parts[0] if parts.size else 0
            continue
        total: dict[int, float] = {}
        for part in parts:
            for construction, share in zip(entries[part], shares[part], strict=True):
                if share > 0.0:
                    total[int(construction)] = total.get(int(construction), 0.0) + share
        largest = sorted(total.items(), key=lambda item: -item[1])[:MAX_ENTRIES]
        whole = sum(share for _, share in largest)
        row_e, row_s = np.zeros((1, MAX_ENTRIES), int), np.zeros((1, MAX_ENTRIES))
        row_e[0, : len(largest)] = [construction for construction, _ in largest]
        row_s[0, : len(largest)] = [share / whole for _, share in largest]
        more_entries.append(row_e)
        more_shares.append(row_s)
        row_of[k] = rows
        rows += 1
    return row_of[index.ravel()], np.concatenate(more_entries), np.concatenate(more_shares)
