"""The sun on the starts of the field: which positions see it, and which starts march as one."""

from heatmat.kernels.edges import NO_ROW
from heatmat.kernels.heightfield import G_CROWNS, GROUND, LEAF, ROOF, grid_numbers
from heatmat.kernels.layout import (
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    T_COMPOSITION,
    T_KIND,
    T_REGION,
    T_VALID,
)
from heatmat.kernels.paths import U2
from heatmat.kernels.shadow_sweep import U3, raster_cell, settled_sun
from heatmat.kernels.starts import F1, F2, I1, I2, ivec4, vec4
from heatmat.kernels.visibility import put_level, sun_blocker, sun_level, sun_size
from heatmat.runtime import ti, tm


@ti.kernel
def sun_bits(
    start_f: F2,
    start_i: I2,
    nodes: F2,
    node_days: I2,
    bits: U2,
    leap: ti.i32,
    settled: U3,
    positions: I1,
    raster: F2,
    frame: vec4,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Sun visibility of the starts: bits, or bytes where there are crowns.

    There is a ray for every `leap` positions of a day in the sun, and one for each position in the
    shade, where the last blocker is tried first, and between two that differ. A shadow shorter than
    `leap` positions is not seen; a gap in the shade is. Where `heatmat.shadow_map` has settled the
    cell around the start nothing is sent; the others there have a ray each. Beside a wall it
    settles shade alone, and in what it has as lit twice `leap` positions share a ray.
    """
    for start in range(start_f.shape[0]):
        for word in range(bits.shape[1]):
            bits[start, word] = ti.u32(0)
        if start_i[start, T_VALID] == 1:
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            j = 0  # next position to settle
            known_at = -1  # nearest settled position ahead, and its answer
            ahead = 0
            before = -1
            blocker = NO_ROW  # what kept the last ray from the sun
            ix = -1
            iy = -1
            whole = False
            if start_i[start, T_KIND] == GROUND or start_i[start, T_KIND] == ROOF:
                ix, iy, whole = raster_cell(o.x, o.y, start_i[start, T_REGION], raster, frame)
            block = 0  # of 32 positions: which are settled, and which lit
            known = ti.u32(0)
            light = ti.u32(0)
            # Words are written whole where all that is lit is fully so.
            plain = grid_i[G_CROWNS] == 0 and n.z > 0.999
            while j < nodes.shape[0]:
                here = ti.u32(1) << ti.cast(j & 31, ti.u32)
                if ix >= 0 and j == block:
                    block = ti.min(j + 32, nodes.shape[0])
                    known, light = settled_sun(ix, iy, j, block, positions, settled)
                    if not whole:
                        known &= ~light
                    if plain:
                        bits[start, j >> 5] = light & known
                if known & here != ti.u32(0):
                    before = 0
                    if plain:
                        while j < block and known & here != ti.u32(0):
                            here <<= ti.u32(1)
                            j += 1
                    else:
                        towards = tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2])
                        if light & here != ti.u32(0) and n.dot(towards) > 0.0:
                            level = sun_level(NO_ROW, o, towards, blocks, grid_i)
                            put_level(bits, start, j, level, sun_size(grid_i))
                        j += 1
                else:
                    last = node_days[j, 1]
                    asked = j
                    if known_at < j and not whole:
                        if before < 0 or j == node_days[j, 0]:
                            before = -1
                        elif before > 0:
                            far = ti.select(light & here != ti.u32(0), 2 * leap, leap)
                            asked = ti.min(j + far - 1, last)
                    seen = 0
                    if known_at >= j and before == ahead:
                        seen = ahead
                    elif known_at == j:
                        seen = ahead
                    else:
                        towards = tm.vec3(nodes[asked, 0], nodes[asked, 1], nodes[asked, 2])
                        if start_i[start, T_KIND] == LEAF:
                            n = towards  # leaves face every way
                        found = sun_blocker(
                            o,
                            n,
                            start_i[start, T_REGION],
                            towards,
                            blocker,
                            cells,
                            blocks,
                            block_edges,
                            edge_sides,
                            planes,
                            grid_f,
                            grid_i,
                        )
                        seen = sun_level(found, o, towards, blocks, grid_i)
                        if found >= 0:
                            blocker = found
                    if asked > j:
                        known_at = asked
                        ahead = seen
                    else:
                        if seen > 0:
                            put_level(bits, start, j, seen, sun_size(grid_i))
                        before = seen
                        j += 1


@ti.kernel
def join_starts(
    start_i: I2,
    bits: U2,
    leader: I1,
    samples: ti.i32,
    tolerance: ti.i32,
    every: ti.i32,
    size: ti.i32,
):
    """Which starts of a replicate are marched as one: the first that is like them, else -1.

    Alike are starts of one kind, region and composition whose sun differs at `tolerance` positions
    at most (of bytes, `size` = 3: whose sums of differences are as many); all that are valid where
    `every` is 1.
    """
    for group in range(leader.shape[0] // samples):
        for s in range(samples):
            i = group * samples + s
            leader[i] = -1
            if start_i[i, T_VALID] == 1:
                leader[i] = i
                for other in range(group * samples, i):
                    if leader[i] == i and leader[other] == other:
                        alike = every
                        if (
                            start_i[i, T_KIND] == start_i[other, T_KIND]
                            and start_i[i, T_REGION] == start_i[other, T_REGION]
                            and start_i[i, T_COMPOSITION] == start_i[other, T_COMPOSITION]
                        ):
                            differ = 0
                            if size == 0:
                                for word in range(bits.shape[1]):
                                    differ += ti.cast(
                                        tm.popcnt(bits[i, word] ^ bits[other, word]), ti.i32
                                    )
                            else:
                                for word in range(bits.shape[1]):
                                    if bits[i, word] != bits[other, word]:
                                        for k in range(4):
                                            shift = ti.cast(8 * k, ti.u32)
                                            a = (bits[i, word] >> shift) & ti.u32(255)
                                            b = (bits[other, word] >> shift) & ti.u32(255)
                                            apart = ti.cast(a, ti.i32) - ti.cast(b, ti.i32)
                                            differ += ti.abs(apart)
                                differ = (differ + 254) // 255
                            if differ <= tolerance:
                                alike = 1
                        if alike == 1:
                            leader[i] = other


@ti.kernel
def sum_sun(bits: U2, nodes: I1, count: ti.i32, size: ti.i32, out: F1):
    """Sum of what each start sees of the sun over the first `count` of some positions."""
    full = ti.u32(1)
    if size > 0:
        full = ti.u32(255)
    for start in range(bits.shape[0]):
        total = 0
        for k in range(count):
            node = nodes[k]
            shift = ti.cast((node & (31 >> size)) << size, ti.u32)
            total += ti.cast((bits[start, node >> (5 - size)] >> shift) & full, ti.i32)
        out[start] = ti.cast(total, ti.f32) / ti.cast(full, ti.f32)
