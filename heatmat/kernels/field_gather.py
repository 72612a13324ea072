"""What falls on the parts of a map from the field, and which parts share it.

Diffuse light and longwave vary smoothly over a plane, so a part takes the mean of its neighbours in
the same region, always in pairs on both sides, whose gradients cancel. Each of them has other rays
of one sequence: their union is as even as if every part had sent them all.
"""

from heatmat.kernels.layout import T_VALID
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.kernels.texels import LINK_FLOATS
from heatmat.runtime import ti

BLOCK = 16
"""Words that one pass over the links adds up."""

block_vector = ti.types.vector(BLOCK, ti.i32)


@ti.kernel
def gather_parts(
    start_i: I2,
    links: I2,
    count: I2,
    known: F3,
    store: U1,
    other_store: U1,
    near_store: U1,
    texels: ti.i32,
    stored: ti.i32,
    samples: ti.i32,
    part_store: U1,
    part_known: F3,
):
    """Series that fall on every part, for each set of its rays and for all together.

    `part_store` holds sets + 1 series of `stored` words a part, `part_known` their shares of known
    series. The second set reads `other_store`: what leaves the texels by the other half of their
    own rays. A single set reads one or the other, in pairs of parts. Links from `texels` on are
    points of `near_store`.
    """
    sets = count.shape[1]
    rays = links.shape[1] // sets
    for part in range(part_known.shape[0]):
        valid = 0
        for s in range(samples):
            valid += start_i[part * samples + s, T_VALID]
        each = 1.0 / ti.max(1.0, ti.cast(valid * rays, ti.f32))
        for which in range(sets):
            for k in range(LINK_FLOATS):
                total = 0.0
                for s in range(samples):
                    total += known[part * samples + s, which, k]
                part_known[part, which, k] = total / ti.max(1.0, ti.cast(valid, ti.f32))
        for k in range(LINK_FLOATS):
            total = 0.0
            for which in range(sets):
                total += part_known[part, which, k]
            part_known[part, sets, k] = total / ti.cast(sets, ti.f32)
        for b in range((stored + BLOCK - 1) // BLOCK):
            first = b * BLOCK
            whole_low = block_vector(0)
            whole_high = block_vector(0)
            for which in range(sets):
                other = which == 1
                if sets == 1:
                    other = ((part >> 1) & 1) == 1
                low = block_vector(0)
                high = block_vector(0)
                for s in range(samples):
                    start = part * samples + s
                    for j in range(which * rays, which * rays + count[start, which]):
                        link = links[start, j]
                        if link >= texels:
                            add_words(low, high, near_store, (link - texels) * stored + first)
                        elif other:
                            add_words(low, high, other_store, link * stored + first)
                        else:
                            add_words(low, high, store, link * stored + first)
                whole_low += low
                whole_high += high
                to = (part * (sets + 1) + which) * stored + first
                pack(part_store, to, stored - first, low, high, each)
            to = (part * (sets + 1) + sets) * stored + first
            pack(
                part_store, to, stored - first, whole_low, whole_high, each / ti.cast(sets, ti.f32)
            )


@ti.func
def add_words(low: ti.template(), high: ti.template(), store: ti.template(), at):
    """Add both halves of a block of words."""
    for k in ti.static(range(BLOCK)):
        word = store[at + k]
        low[k] += ti.cast(word & ti.u32(0xFFFF), ti.i32)
        high[k] += ti.cast(word >> ti.u32(16), ti.i32)


@ti.func
def pack(store: ti.template(), at, most, low, high, scale):
    """Write a block of means as words."""
    for k in ti.static(range(BLOCK)):
        if k < most:
            a = ti.cast(ti.cast(low[k], ti.f32) * scale + 0.5, ti.u32)
            b = ti.cast(ti.cast(high[k], ti.f32) * scale + 0.5, ti.u32)
            store[at + k] = a | (b << ti.u32(16))


@ti.func
def part_at(ix, iy, nx, ny, region, first: ti.template(), part_region: ti.template()):
    """Part of a region in a cell, -1 if there is none."""
    found = -1
    if ix >= 0 and iy >= 0 and ix < nx and iy < ny:
        cell = iy * nx + ix
        for k in range(first[cell], first[cell + 1]):
            if part_region[k] == region:
                found = k
    return found


@ti.kernel
def find_near(
    first: I1,
    part_region: I1,
    part_cell: I1,
    skip: I1,
    nx: ti.i32,
    ny: ti.i32,
    reach: ti.i32,
    near: I2,
    near_weight: F2,
):
    """Neighbours of every part within `reach` cells, in pairs; their weights, 0 after the last.

    The outermost count half: of 2 x reach cells in a row, each has another part of the sequence.
    """
    for part in range(part_cell.shape[0]):
        count = 0
        if skip[part] == 0:
            region = part_region[part]
            iy = part_cell[part] // nx
            ix = part_cell[part] - iy * nx
            for flat in range((2 * reach + 1) ** 2):
                dy = flat // (2 * reach + 1) - reach
                dx = flat - (dy + reach) * (2 * reach + 1) - reach
                a = part_at(ix + dx, iy + dy, nx, ny, region, first, part_region)
                b = part_at(ix - dx, iy - dy, nx, ny, region, first, part_region)
                # No way around a corner, nor through a thin building.
                c = part_at(ix + dx // 2, iy + dy // 2, nx, ny, region, first, part_region)
                e = part_at(ix - dx // 2, iy - dy // 2, nx, ny, region, first, part_region)
                if a >= 0 and b >= 0 and c >= 0 and e >= 0:
                    weight = 1.0
                    if reach > 0 and ti.abs(dx) == reach:
                        weight *= 0.5
                    if reach > 0 and ti.abs(dy) == reach:
                        weight *= 0.5
                    near[part, count] = a
                    near_weight[part, count] = weight
                    count += 1
        for k in range(count, near.shape[1]):
            near_weight[part, k] = 0.0


@ti.kernel
def share_known(near: I2, near_weight: F2, part_known: F3, series: ti.i32, out: F1):
    """Share of one of the known series that every part has with its neighbours, by all sets."""
    last = part_known.shape[1] - 1
    for part in range(out.shape[0]):
        total = 0.0
        weights = 0.0
        for k in range(near.shape[1]):
            if near_weight[part, k] > 0.0:
                weights += near_weight[part, k]
                total += near_weight[part, k] * part_known[near[part, k], last, series]
        out[part] = ti.select(weights > 0.0, total / weights, part_known[part, last, series])


@ti.kernel
def drop_starts(start_i: I2, skip: I1):
    """Mark the starts of parts that only lend their rays as not valid."""
    for start in range(start_i.shape[0]):
        if skip[start // (start_i.shape[0] // skip.shape[0])] == 1:
            start_i[start, T_VALID] = 0
