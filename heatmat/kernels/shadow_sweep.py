"""Which cells of a raster see the sun, by one sweep over the heights for each position.

A sweep walks away from the sun along parallel lines, one cell of the longer axis at a time, and
carries the height of the shadow along. `LINES` of them lie side by side in memory and go together.
Planes cannot shade themselves: what a region casts counts once the line has left it. A cell is
settled where all neighbours in its region agree; the rest is left to rays.
"""

from heatmat.kernels.heightfield import grid_numbers, plane_height, region_at
from heatmat.kernels.starts import F1, F2, I1, I2, OFFSET, U1, ivec4, vec4
from heatmat.runtime import ti

LINES = 32

# Columns of a sun position: first word of its plane, 1 where lines run along x (words along y)
P_FIRST, P_ALONG_X = range(2)

# Numbers of the raster: west, south, side of a cell, 1 if there is one at all
M_WEST, M_SOUTH, M_CELL, M_USED = range(4)

U3 = ti.types.ndarray(dtype=ti.u32, ndim=3)

FEWEST = 3  # neighbours in its region that a settled cell has

NOTHING = -1.0e9


@ti.kernel
def raster_heights(
    height: F2,
    region: F2,
    height_turned: F2,
    region_turned: F2,
    frame: vec4,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Region and height at the middles of the cells, by rows and by columns.

    Rows have `LINES` cells more at both ends, which hold nothing.
    """
    nx = height_turned.shape[0]
    for flat in range(nx * height.shape[0]):
        iy = flat // nx
        ix = flat - iy * nx
        x = frame[M_WEST] + (ti.cast(ix, ti.f32) + 0.5) * frame[M_CELL]
        y = frame[M_SOUTH] + (ti.cast(iy, ti.f32) + 0.5) * frame[M_CELL]
        r = region_at(x, y, cells, blocks, block_edges, edge_sides, grid_f, grid_i)
        z = plane_height(planes, r, x, y)
        height[iy, ix + LINES] = z
        region[iy, ix + LINES] = ti.cast(r, ti.f32)
        height_turned[ix, iy + LINES] = z
        region_turned[ix, iy + LINES] = ti.cast(r, ti.f32)


@ti.func
def sweep_lines(
    group,
    towards,
    along,
    across,
    cell,
    first,
    height: ti.template(),
    region: ti.template(),
    lit: ti.template(),
):
    """`LINES` lines of one position; `along`, `across`: components of the sun's direction."""
    rows = height.shape[0]
    width = height.shape[1] - 2 * LINES
    words = (width + 2 * LINES) // LINES + 1
    run = ti.max(ti.abs(along), 1e-6)
    slope = -across / run  # cells to the side for each cell away from the sun
    rise = cell * towards / run
    begin = group * LINES
    if slope > 0.0:
        begin -= rows
    high = ti.Vector([NOTHING] * LINES)
    own = ti.Vector([NOTHING] * LINES)
    last = ti.Vector([-2.0] * LINES)
    z = ti.Vector([0.0] * LINES)
    r = ti.Vector([0.0] * LINES)
    seen = ti.Vector([0] * LINES)
    for k in range(rows):
        at = begin + LINES + ti.cast(ti.floor(0.5 + slope * ti.cast(k, ti.f32)), ti.i32)
        if at >= 0 and at < width + LINES:
            row = ti.select(along > 0.0, rows - 1 - k, k)
            for q in range(LINES):
                z[q] = height[row, at + q]
            for q in range(LINES):
                r[q] = region[row, at + q]
            for q in range(LINES):
                new = r[q] != last[q]
                high[q] = ti.select(new, ti.max(high[q], own[q]), high[q])
                own[q] = ti.select(new, NOTHING, own[q])
                last[q] = r[q]
                seen[q] = ti.select(z[q] + OFFSET >= high[q], 1, 0)
                own[q] = ti.max(own[q], z[q]) - rise
                high[q] -= rise
            word = ti.u32(0)
            for q in range(LINES):
                word |= ti.cast(seen[q] << q, ti.u32)
            shift = ti.cast(at & 31, ti.u32)
            to = first + row * words + (at >> 5)
            ti.atomic_or(lit[to], word << shift)
            if shift > ti.u32(0):
                ti.atomic_or(lit[to + 1], word >> (ti.u32(32) - shift))


@ti.kernel
def sweep_shadows(
    height: F2,
    region: F2,
    height_turned: F2,
    region_turned: F2,
    nodes: F2,
    plane: I2,
    cell: ti.f32,
    lit: U1,
):
    """Planes of bits, one for each sun position: which cells' middles see it.

    Parameters
    ----------
    nodes : ndarray, shape (n, 3)
        Directions to the sun.
    plane : ndarray of int32, shape (n, 2)
        Where each one's plane begins in `lit`, and whether its lines run along x.
    lit : ndarray of uint32
        Nought on entry. Words of 32 cells across the lines.
    """
    groups = (height.shape[0] + height_turned.shape[0]) // LINES + 2
    for flat in range(nodes.shape[0] * groups):
        node = flat // groups
        group = flat - node * groups
        if nodes[node, 2] > 0.0:
            if plane[node, P_ALONG_X] == 1:
                sweep_lines(
                    group, nodes[node, 2], nodes[node, 0], nodes[node, 1], cell,
                    plane[node, P_FIRST], height_turned, region_turned, lit,
                )  # fmt: skip
            else:
                sweep_lines(
                    group, nodes[node, 2], nodes[node, 1], nodes[node, 0], cell,
                    plane[node, P_FIRST], height, region, lit,
                )  # fmt: skip


@ti.kernel
def same_region(region: F2, same: U1):
    """Bits of the cells whose eight neighbours lie in their region, eight planes and a ninth.

    The ninth says which cells have `FEWEST` of them. A word begins at a cell of whole 32, as in
    `sweep_shadows`.
    """
    rows = region.shape[0]
    words = region.shape[1] // LINES + 1
    for flat in range(rows * words):
        row = flat // words
        word = flat - row * words
        for k in range(9):
            same[k * rows * words + flat] = ti.u32(0)
        for b in range(32):
            column = 32 * word + b
            if column >= LINES and column < region.shape[1] - LINES:
                number = 0
                for k in range(9):
                    other = row + k // 3 - 1
                    if k != 4 and other >= 0 and other < rows:
                        if region[other, column + k % 3 - 1] == region[row, column]:
                            number += 1
                            plane = ti.select(k > 4, k - 1, k)
                            same[plane * rows * words + flat] |= ti.u32(1) << ti.cast(b, ti.u32)
                if number >= FEWEST:
                    same[8 * rows * words + flat] |= ti.u32(1) << ti.cast(b, ti.u32)


@ti.func
def shifted(k, word, before, here, after):
    """Bits of the neighbours to one side (k % 3 = 0, 1, 2: lower, same, higher)."""
    out = here
    if k == 0:
        out = (here << ti.u32(1)) | (before >> ti.u32(31))
    elif k == 2:
        out = (here >> ti.u32(1)) | (after << ti.u32(31))
    return out


@ti.kernel
def settle_cells(
    lit: U1, same: U1, width: ti.i32, along_x: ti.i32, plane: I2, nodes: F2, settled: U3
):
    """Pairs of words of every cell: which positions are settled there, and at which it is lit.

    Those of one kind of lines; `settled` (rows, columns, words of `plane.shape[0]` positions) holds
    those of the other kind, or nothing.

    Parameters
    ----------
    width : int
        Cells across the lines.
    """
    words = (width + 2 * LINES) // LINES + 1
    rows = settled.shape[0]
    if along_x == 1:
        rows = settled.shape[1]
    size = rows * words
    for flat in range(size):
        row = flat // words
        word = flat - row * words
        enough = same[8 * size + flat]
        for block in range(settled.shape[2] // 2):
            known_of = ti.Vector([0] * LINES)
            light_of = ti.Vector([0] * LINES)
            for b in range(ti.min(32, plane.shape[0] - 32 * block)):
                node = 32 * block + b
                if plane[node, P_ALONG_X] == along_x and nodes[node, 2] > 0.0:
                    first = plane[node, P_FIRST]
                    light = lit[first + flat]
                    shade = ~light
                    for k in ti.static(range(9)):
                        other = row + k // 3 - 1
                        if k != 4 and other >= 0 and other < rows:
                            to = first + other * words + word
                            v = lit[to]
                            if ti.static(k % 3 == 0):
                                v = v << ti.u32(1)
                                if word > 0:
                                    v |= lit[to - 1] >> ti.u32(31)
                            if ti.static(k % 3 == 2):
                                v = v >> ti.u32(1)
                                if word < words - 1:
                                    v |= lit[to + 1] << ti.u32(31)
                            not_same = ~same[ti.static(k - 1 if k > 4 else k) * size + flat]
                            light &= v | not_same
                            shade &= ~v | not_same
                    known = ti.cast((light | shade) & enough, ti.i32)
                    bright = ti.cast(light, ti.i32)
                    for q in range(LINES):
                        known_of[q] |= ((known >> q) & 1) << b
                    for q in range(LINES):
                        light_of[q] |= ((bright >> q) & 1) << b
            for q in range(LINES):
                column = LINES * (word - 1) + q
                if column >= 0 and column < width:
                    iy = ti.select(along_x == 1, column, row)
                    ix = ti.select(along_x == 1, row, column)
                    settled[iy, ix, 2 * block] |= ti.cast(known_of[q], ti.u32)
                    settled[iy, ix, 2 * block + 1] |= ti.cast(light_of[q], ti.u32)


@ti.func
def raster_cell(x, y, at_region, region: ti.template(), frame):
    """Column and row of the nearest raster cell around a point with its middle in the region.

    -1 where none of the four around has it; and whether all of them do. Where they do not, a wall
    may stand between the point and the cell, and its shadow be as narrow as that.
    """
    found_x = -1
    found_y = -1
    number = 0
    nx = region.shape[1] - 2 * LINES
    if frame[M_USED] > 0.0:
        u = (x - frame[M_WEST]) / frame[M_CELL]
        v = (y - frame[M_SOUTH]) / frame[M_CELL]
        ix = ti.cast(ti.floor(u), ti.i32)
        iy = ti.cast(ti.floor(v), ti.i32)
        to_x = ti.select(u - ti.cast(ix, ti.f32) < 0.5, -1, 1)
        to_y = ti.select(v - ti.cast(iy, ti.f32) < 0.5, -1, 1)
        for k in range(4):
            jx = ix + (k & 1) * to_x
            jy = iy + (k >> 1) * to_y
            if jx >= 0 and jy >= 0 and jx < nx and jy < region.shape[0]:
                if region[jy, jx + LINES] == ti.cast(at_region, ti.f32):
                    number += 1
                    if number == 1:
                        found_x = jx
                        found_y = jy
    return found_x, found_y, number == 4


@ti.func
def settled_sun(ix, iy, first, last, positions: ti.template(), settled: ti.template()):
    """Which of the positions from `first` up to `last` are settled for a cell, and which are lit.

    Bits of two words, lowest first; some that are lit are not settled. `first` is a multiple of 32.

    Parameters
    ----------
    positions : ndarray of int32
        Those asked for, among those of the raster; all of them if it holds one number.
    """
    known = settled[iy, ix, 2 * (first >> 5)]
    light = settled[iy, ix, 2 * (first >> 5) + 1]
    if positions.shape[0] > 1:
        known = ti.u32(0)
        light = ti.u32(0)
        for j in range(first, last):
            node = positions[j]
            to = ti.cast(j - first, ti.u32)
            bit = ti.cast(node & 31, ti.u32)
            known |= ((settled[iy, ix, 2 * (node >> 5)] >> bit) & ti.u32(1)) << to
            light |= ((settled[iy, ix, 2 * (node >> 5) + 1] >> bit) & ti.u32(1)) << to
    return known, light
