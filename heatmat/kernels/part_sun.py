"""How much of each part of a pixel sees the sun, with the edges of shadows where they lie.

Four points at the corners of a part say at which positions of the sun an edge crosses it. There the
walls that shade them are found, and every point of the part's lattice is held against those
walls alone: a few multiplications a point in place of a ray.
"""

from heatmat.kernels.crowns import transmitted
from heatmat.kernels.edges import NO_ROW, wall_ahead
from heatmat.kernels.heightfield import (
    FAR,
    G_CROWNS,
    GROUND,
    ROOF,
    grid_numbers,
    plane_height,
    shadow,
    slanted,
)
from heatmat.kernels.layout import (
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    SUN_BYTE,
    T_KIND,
    T_REGION,
    T_VALID,
)
from heatmat.kernels.paths import U2
from heatmat.kernels.starts import F1, F2, I1, I2, OFFSET, ivec4, vec4
from heatmat.kernels.visibility import put_level
from heatmat.runtime import ti, tm

PROBES = 4
POINTS = 64  # of the lattice, along a Z curve
SIDE = 8
WORDS = 2
MOST_STARTS = 8  # of a part

MORE = 2  # walls that are looked for beside those that shade the corners
COARSE = 4  # points that share a ray where a plane may be in the way
LAST = PROBES + MORE + POINTS // COARSE  # most rays at an edge


@ti.func
def lattice_place(k):
    """Column and row of point k of the Z curve."""
    ix = (k & 1) | ((k >> 1) & 2) | ((k >> 2) & 4)
    iy = ((k >> 1) & 1) | ((k >> 2) & 2) | ((k >> 3) & 4)
    return ix, iy


@ti.func
def has_point(low, high, k):
    """Whether bit k of two words is set."""
    word = ti.select(k < 32, low, high)
    return ((word >> ti.cast(k & 31, ti.u32)) & ti.u32(1)) == ti.u32(1)


@ti.func
def popcount(low, high):
    """Bits that are set in two words."""
    return ti.cast(tm.popcnt(low), ti.i32) + ti.cast(tm.popcnt(high), ti.i32)


@ti.func
def runs_of(low, high, number, samples):
    """Points of each start of a part: equal runs of its points, or the nearest one of fewer."""
    run_low = ti.Vector([ti.u32(0)] * MOST_STARTS)
    run_high = ti.Vector([ti.u32(0)] * MOST_STARTS)
    for s in range(samples):
        begin = s * number // samples
        end = ti.max((s + 1) * number // samples, begin + 1)
        rank = 0
        for k in range(POINTS):
            if has_point(low, high, k):
                if rank >= begin and rank < end:
                    bit = ti.u32(1) << ti.cast(k & 31, ti.u32)
                    run_low[s] |= ti.select(k < 32, bit, ti.u32(0))
                    run_high[s] |= ti.select(k < 32, ti.u32(0), bit)
                rank += 1
    return run_low, run_high


@ti.func
def lattice_point(k, corner, step, plane, n, planes: ti.template()):
    """Where a ray from point k of a part begins; `corner` is the south-west one of its cell."""
    ix, iy = lattice_place(k)
    x = corner.x + (ti.cast(ix, ti.f32) + 0.5) * step
    y = corner.y + (ti.cast(iy, ti.f32) + 0.5) * step
    return tm.vec3(x, y, plane_height(planes, plane, x, y)) + OFFSET * n


@ti.func
def cell_corner(cell, nx, place):
    """South-west corner of a cell; `place`: west, south, size of the cells."""
    iy = cell // nx
    ix = cell - iy * nx
    return tm.vec2(place[0] + ti.cast(ix, ti.f32) * place[2],
                   place[1] + ti.cast(iy, ti.f32) * place[2])  # fmt: skip


@ti.kernel
def place_probes(
    cell: I1,
    region: I1,
    inside: U2,
    nx: ti.i32,
    place: vec4,
    samples: ti.i32,
    start_f: F2,
    start_i: I2,
    planes: F2,
    clear: I1,
    probe: I2,
    corners: I2,
    probe_f: F2,
    probe_i: I2,
):
    """Starts at the corners of cells, or at the points of a part that lie nearest to them.

    Parameters
    ----------
    inside : ndarray of uint32, shape (parts, WORDS)
        Points of the cell's lattice that the part has, in the order of the Z curve.
    place : vec4
        West, south, size of the cells.
    clear : ndarray of int32, shape (parts,)
        1 where no edge comes near the cell, which then shares its corners with others.
    probe : ndarray of int32, shape (parts, PROBES)
        Rows of its probes.
    corners : ndarray of int32, shape (parts, PROBES)
        Points next to the corners.
    probe_f, probe_i : ndarray
        Records like those of starts; not valid on entry.
    """
    for part in range(cell.shape[0]):
        first = part * samples
        valid = 0
        for s in range(samples):
            valid = ti.max(valid, start_i[first + s, T_VALID])
        low, high = inside[part, 0], inside[part, 1]
        n = tm.vec3(start_f[first, S_NX], start_f[first, S_NY], start_f[first, S_NZ])
        corner = cell_corner(cell[part], nx, place)
        step = place[2] / ti.cast(SIDE, ti.f32)
        for which in range(PROBES):
            found = 0
            most = -POINTS
            if low & high == ~ti.u32(0):
                found = which * (POINTS // 3)  # 0, 21, 42, 63
            elif valid == 1:
                for k in range(POINTS):
                    ix, iy = lattice_place(k)
                    away = ti.select(which & 1, ix, -ix) + ti.select(which & 2, iy, -iy)
                    if away > most and has_point(low, high, k):
                        most = away
                        found = k
            corners[part, which] = found
            if valid == 1:
                o = lattice_point(found, corner, step, region[part], n, planes)
                if clear[part] == 1:
                    x = corner.x + ti.cast(which & 1, ti.f32) * place[2]
                    y = corner.y + ti.cast(which >> 1, ti.f32) * place[2]
                    o = tm.vec3(x, y, plane_height(planes, region[part], x, y)) + OFFSET * n
                to = probe[part, which]
                probe_f[to, S_X], probe_f[to, S_Y], probe_f[to, S_Z] = o.x, o.y, o.z
                probe_f[to, S_NX], probe_f[to, S_NY], probe_f[to, S_NZ] = n.x, n.y, n.z
                probe_i[to, T_KIND] = ti.select(region[part] == 0, GROUND, ROOF)
                probe_i[to, T_REGION] = region[part]
                probe_i[to, T_VALID] = 1


@ti.func
def next_point(turn, lit_probes, corners, low, high, dark_low, dark_high, plane):
    """Which point of a part to send a ray from, -1 for none.

    First those of the corners that lie in the shade of no wall found so far; then the lit point
    nearest to what is shaded, as where two walls meet; where a plane is in the way, one in
    `COARSE` points.
    """
    chosen = -1
    if turn < PROBES:
        k = corners[turn]
        if (lit_probes >> turn) & 1 == 0 and not has_point(dark_low, dark_high, k):
            chosen = k
    elif turn < PROBES + MORE:
        mean = tm.vec2(0.0)
        number = 0
        for k in range(POINTS):
            if has_point(dark_low, dark_high, k):
                ix, iy = lattice_place(k)
                mean += tm.vec2(ti.cast(ix, ti.f32), ti.cast(iy, ti.f32))
                number += 1
        if number > 0 and not plane:
            mean /= ti.cast(number, ti.f32)
            least = FAR
            for k in range(POINTS):
                if has_point(low & ~dark_low, high & ~dark_high, k):
                    ix, iy = lattice_place(k)
                    dx = ti.cast(ix, ti.f32) - mean.x
                    dy = ti.cast(iy, ti.f32) - mean.y
                    if dx * dx + dy * dy < least:
                        least = dx * dx + dy * dy
                        chosen = k
    elif plane:
        first = (turn - PROBES - MORE) * COARSE
        for k in range(first, first + COARSE):
            if chosen < 0 and has_point(low & ~dark_low, high & ~dark_high, k):
                chosen = k
    return chosen


@ti.kernel
def part_shares(
    cell: I1,
    region: I1,
    inside: U2,
    nx: ti.i32,
    place: vec4,
    samples: ti.i32,
    start_f: F2,
    probe: I2,
    corners: I2,
    probe_i: I2,
    probe_bits: U2,
    nodes: F2,
    bits: U2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Bytes of what each start's share of a part sees of the sun, at every position.

    Starts have equal runs of the part's points, in the order of the Z curve.

    Parameters
    ----------
    probe_bits : ndarray of uint32
        What `field_sun.sun_bits` gave for the probes, without crowns.
    """
    for part in range(cell.shape[0]):
        first = part * samples
        for s in range(samples):
            for word in range(bits.shape[1]):
                bits[first + s, word] = ti.u32(0)
        if probe_i[probe[part, 0], T_VALID] == 1:
            low, high = inside[part, 0], inside[part, 1]
            number = popcount(low, high)
            n = tm.vec3(start_f[first, S_NX], start_f[first, S_NY], start_f[first, S_NZ])
            corner = cell_corner(cell[part], nx, place)
            step = place[2] / ti.cast(SIDE, ti.f32)
            at_corners = ti.Vector([0] * PROBES)
            row = ti.Vector([0] * PROBES)
            for k in ti.static(range(PROBES)):
                at_corners[k] = corners[part, k]
                row[k] = probe[part, k]
            blocker = NO_ROW  # what kept the sun from the part last
            run_low, run_high = runs_of(low, high, number, samples)
            for word in range(probe_bits.shape[1]):
                every = ~ti.u32(0)
                some = ti.u32(0)
                for k in ti.static(range(PROBES)):
                    every &= probe_bits[row[k], word]
                    some |= probe_bits[row[k], word]
                # All that is lit or shaded as a whole, four positions at a time
                for quad in range(SIDE):
                    if 8 * word + quad < bits.shape[1]:
                        four = (every >> ti.cast(4 * quad, ti.u32)) & ti.u32(15)
                        spread = ((four * ti.u32(0x00204081)) & ti.u32(0x01010101)) * ti.u32(255)
                        for s in range(samples):
                            bits[first + s, 8 * word + quad] = spread
                edge = every ^ some
                for b in range(32):
                    if (edge >> ti.cast(b, ti.u32)) & ti.u32(1) == ti.u32(1):
                        j = 32 * word + b
                        towards = slanted(tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2]))
                        lit_probes = 0
                        for k in ti.static(range(PROBES)):
                            bit = probe_bits[row[k], word] >> ti.cast(b, ti.u32)
                            lit_probes |= ti.cast(bit & ti.u32(1), ti.i32) << k
                        dark_low = ti.u32(0)
                        dark_high = ti.u32(0)
                        plane = False
                        turn = 0
                        while turn < LAST:
                            found = NO_ROW
                            chosen = next_point(
                                turn, lit_probes, at_corners, low, high, dark_low, dark_high, plane
                            )
                            if chosen >= 0:
                                o = lattice_point(chosen, corner, step, region[part], n, planes)
                                found = shadow(
                                    o, towards, region[part], blocker, cells, blocks, block_edges,
                                    edge_sides, planes, grid_f, grid_i,
                                )  # fmt: skip
                                if found >= 0:
                                    blocker = found
                                    for k in range(POINTS // 2):
                                        o = lattice_point(k, corner, step, region[part], n, planes)
                                        t = wall_ahead(found, o, towards, FAR, blocks)
                                        dark_low |= ti.cast(t < FAR, ti.u32) << ti.cast(k, ti.u32)
                                        o = lattice_point(
                                            k + POINTS // 2, corner, step, region[part], n, planes
                                        )
                                        t = wall_ahead(found, o, towards, FAR, blocks)
                                        dark_high |= ti.cast(t < FAR, ti.u32) << ti.cast(k, ti.u32)
                                    dark_low &= low
                                    dark_high &= high
                                elif found != NO_ROW:
                                    plane = True
                                    if turn >= PROBES + MORE:
                                        run = turn - PROBES - MORE
                                        four = ti.u32(15) << ti.cast((run & 7) * COARSE, ti.u32)
                                        dark_low |= ti.select(run < 8, four & low, ti.u32(0))
                                        dark_high |= ti.select(run < 8, ti.u32(0), four & high)
                            # Nothing more to look for where nothing shades the last one.
                            if turn >= PROBES and not plane and (chosen < 0 or found == NO_ROW):
                                turn = LAST
                            turn += 1
                        for s in range(samples):
                            of_start = popcount(run_low[s], run_high[s])
                            seen = popcount(run_low[s] & ~dark_low, run_high[s] & ~dark_high)
                            seen = (255 * seen + of_start // 2) // of_start
                            put_level(bits, first + s, j, seen, SUN_BYTE)
            if grid_i[G_CROWNS] > 0:
                for s in range(samples):
                    o = tm.vec3(start_f[first + s, S_X], start_f[first + s, S_Y],
                                start_f[first + s, S_Z])  # fmt: skip
                    dim_by_crowns(bits, first + s, o, nodes, blocks, grid_i)


@ti.func
def dim_by_crowns(bits: ti.template(), start, o, nodes: ti.template(), blocks: ti.template(),
                  grid_i):  # fmt: skip
    """Bytes of a start times what crowns let through to it."""
    for j in range(nodes.shape[0]):
        shift = ti.cast((j & 3) << 3, ti.u32)
        level = (bits[start, j >> 2] >> shift) & ti.u32(255)
        if level > ti.u32(0):
            towards = slanted(tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2]))
            share = transmitted(o, towards, blocks, grid_i[G_CROWNS])
            dim = ti.cast(ti.cast(level, ti.f32) * share + 0.5, ti.u32)
            bits[start, j >> 2] ^= (level ^ dim) << shift
