"""How much of each part of a pixel sees the sun, with the edges of shadows where they lie.

Four points at the corners of a part say at which positions of the sun an edge crosses it. There the
walls that shade them are found, and what they shade of it (`part_shade`).
"""

from heatmat.kernels.crowns import transmitted
from heatmat.kernels.edges import NO_ROW, plane_height
from heatmat.kernels.heightfield import G_CROWNS, GROUND, ROOF, grid_numbers, slanted
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
from heatmat.kernels.part_shade import (
    POINTS,
    PROBES,
    SIDE,
    has_point,
    lattice_place,
    lattice_point,
    popcount,
    shade_part,
)
from heatmat.kernels.paths import U2
from heatmat.kernels.starts import F1, F2, I1, I2, OFFSET, ivec4, vec4
from heatmat.kernels.visibility import put_level
from heatmat.runtime import ti, tm


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
    inside : ndarray of uint32, shape (parts, 2)
        Points of the cell's lattice that the part has, row by row.
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
                found = (which & 1) * (SIDE - 1) + (which >> 1) * (POINTS - SIDE)
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
def put_shares(dark: ti.template(), low, high, samples, bits: ti.template(), first, j):
    """Write what the starts of a part see of the sun at position j.

    The first of them have all that there is, one at most is partly lit: convection is not
    proportional to what it cools, and a shadow that moves leaves sun and shade side by side. A mean
    over both of them would be up to 2 K too warm in the hour in which the sun reaches sheet metal.
    """
    lit = 0.0
    for k in range(POINTS):
        if has_point(low, high, k):
            lit += 1.0 - dark[k]
    lit *= ti.cast(samples, ti.f32) / ti.cast(popcount(low, high), ti.f32)
    for s in range(samples):
        share = tm.clamp(lit - ti.cast(s, ti.f32), 0.0, 1.0)
        bits[first + s, j >> 2] &= ~(ti.u32(255) << ti.cast((j & 3) << 3, ti.u32))
        put_level(bits, first + s, j, ti.cast(255.0 * share + 0.5, ti.i32), SUN_BYTE)


@ti.func
def level_of(bits: ti.template(), first, samples, j):
    """Bytes of all starts of a part at position j, added up."""
    level = 0
    for s in range(samples):
        level += ti.cast((bits[first + s, j >> 2] >> ti.cast((j & 3) << 3, ti.u32)) & ti.u32(255),
                         ti.i32)  # fmt: skip
    return level


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
            n = tm.vec3(start_f[first, S_NX], start_f[first, S_NY], start_f[first, S_NZ])
            corner = cell_corner(cell[part], nx, place)
            step = place[2] / ti.cast(SIDE, ti.f32)
            at_corners = ti.Vector([0] * PROBES)
            row = ti.Vector([0] * PROBES)
            for k in ti.static(range(PROBES)):
                at_corners[k] = corners[part, k]
                row[k] = probe[part, k]
            blocker = NO_ROW  # what kept the sun from the part last
            dark = ti.Vector([0.0] * POINTS)
            words = probe_bits.shape[1]
            partly = False
            # Forth and back: next to a position at which a part is partly lit, there may still be
            # light or shade between corners that are all dark or all lit.
            for go in range(2 * words):
                back = go >= words
                word = ti.select(back, 2 * words - 1 - go, go)
                partly = partly and go != words
                every = ~ti.u32(0)
                some = ti.u32(0)
                for k in ti.static(range(PROBES)):
                    every &= probe_bits[row[k], word]
                    some |= probe_bits[row[k], word]
                edge = every ^ some
                # All that is lit or shaded as a whole, four positions at a time
                for quad in range(ti.select(back, 0, SIDE)):
                    if 8 * word + quad < bits.shape[1]:
                        four = (every >> ti.cast(4 * quad, ti.u32)) & ti.u32(15)
                        spread = ((four * ti.u32(0x00204081)) & ti.u32(0x01010101)) * ti.u32(255)
                        for s in range(samples):
                            bits[first + s, 8 * word + quad] = spread
                for turn in range(ti.select(partly or edge != ti.u32(0), 32, 0)):
                    b = ti.select(back, 31 - turn, turn)
                    j = 32 * word + b
                    if j < nodes.shape[0]:
                        bit = ti.u32(1) << ti.cast(b, ti.u32)
                        level = level_of(bits, first, samples, j)
                        wanted = edge & bit != ti.u32(0) and not back
                        wanted = wanted or (partly and edge & bit == ti.u32(0))
                        wanted = wanted and not (back and level > 0 and level < 255 * samples)
                        if wanted:
                            lit_probes = 0
                            for k in ti.static(range(PROBES)):
                                if probe_bits[row[k], word] & bit != ti.u32(0):
                                    lit_probes |= 1 << k
                            towards = slanted(tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2]))
                            blocker = shade_part(
                                dark, towards, lit_probes, at_corners, low, high, blocker, corner,
                                step, region[part], n, cells, blocks, block_edges, edge_sides,
                                planes, grid_f, grid_i,
                            )  # fmt: skip
                            put_shares(dark, low, high, samples, bits, first, j)
                            level = level_of(bits, first, samples, j)
                        partly = level > 0 and level < 255 * samples
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
