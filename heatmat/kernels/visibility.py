"""What the starts and the vertices of paths see: the sun at its positions, and the sky."""

from heatmat.kernels.crowns import ray_key, transmitted
from heatmat.kernels.edges import NO_ROW
from heatmat.kernels.heightfield import G_CROWNS, SKY, grid_numbers, shadow, slanted, trace
from heatmat.kernels.layout import (
    MAX_VERTICES,
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    SUN_BIT,
    SUN_BYTE,
    T_REGION,
    T_VALID,
    V_MATERIAL,
    V_NX,
    V_NY,
    V_NZ,
    V_X,
    V_Y,
    V_Z,
    W_REGION,
)
from heatmat.kernels.paths import U2
from heatmat.kernels.sampling import combine, cosine_direction, mix, sobol_2d, to_unit
from heatmat.kernels.starts import F1, F2, I1, I2, U1, ivec4
from heatmat.runtime import ti, tm

FACES_AWAY = -3


@ti.func
def sun_blocker(
    o,
    n,
    region,
    sun,
    suspect,
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    edge_sides: ti.template(),
    planes: ti.template(),
    grid_f,
    grid_i,
):
    """What keeps the sun from a surface, as `heightfield.shadow` says it; -3: it faces away.

    `suspect` is what kept it from there a little earlier: most often it still does.
    """
    found = FACES_AWAY
    if n.dot(sun) > 0.0:
        found = shadow(
            o,
            sun,
            region,
            suspect,
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
    return found


@ti.func
def sees_sun(
    o,
    n,
    region,
    sun,
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    edge_sides: ti.template(),
    planes: ti.template(),
    grid_f,
    grid_i,
):
    """1 if the surface faces the sun and nothing stands between; with crowns, the share in 255."""
    found = sun_blocker(
        o,
        n,
        region,
        sun,
        NO_ROW,
        cells,
        blocks,
        block_edges,
        edge_sides,
        planes,
        grid_f,
        grid_i,
    )
    return sun_level(found, o, sun, blocks, grid_i)


@ti.func
def sun_level(found, o, sun, blocks: ti.template(), grid_i):
    """What is kept of the sun: 1 or 0; with crowns, the share that they let through in 255."""
    level = ti.select(found == NO_ROW, 1, 0)
    if grid_i[G_CROWNS] > 0 and level == 1:
        share = transmitted(o, slanted(sun), blocks, grid_i[G_CROWNS])
        level = ti.cast(share * 255.0 + 0.5, ti.i32)
    return level


@ti.func
def sun_size(grid_i):
    """Size of what is kept of the sun, see `layout.SUN_BIT`."""
    return ti.select(grid_i[G_CROWNS] > 0, SUN_BYTE, SUN_BIT)


@ti.func
def put_level(bits: ti.template(), row, node, level, size):
    """Write what `sun_level` gave into a row that is nought there."""
    shift = ti.cast((node & (31 >> size)) << size, ti.u32)
    bits[row, node >> (5 - size)] |= ti.cast(level, ti.u32) << shift


@ti.kernel
def start_visibility(
    start_f: F2,
    start_i: I2,
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
    """Sun visibility of the starts at every sun position: bits, or bytes where there are crowns."""
    words = bits.shape[1]
    size = sun_size(grid_i)
    each = 32 >> size
    for i in range(start_f.shape[0] * words):
        start = i // words
        word = i - start * words
        value = ti.u32(0)
        if start_i[start, T_VALID] == 1:
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            blocker = NO_ROW
            for b in range(ti.min(each, nodes.shape[0] - each * word)):
                j = each * word + b
                towards = tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2])
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
                if found == NO_ROW:
                    level = sun_level(found, o, towards, blocks, grid_i)
                    value |= ti.cast(level, ti.u32) << ti.cast(b << size, ti.u32)
                elif found >= 0:
                    blocker = found
        bits[start, word] = value


@ti.kernel
def vertex_visibility(
    vertex_f: F2,
    vertex_i: I2,
    depth: I1,
    nodes: F2,
    node_days: I2,
    sun: F2,
    phases: ti.i32,
    path_bits: U2,
    bits: U2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Sun visibility at later vertices.

    At the first of a path every position is known: a ray an hour, and where two of them differ the
    change is searched for between them. At the others one ray an hour stands for the hour, at a
    random phase. Behind crowns a vertex sees the sun where they let through more than a number
    drawn for it: all or nothing, and right on the mean.

    Parameters
    ----------
    nodes, node_days : ndarray, shape (n, 3), (n, 2)
        Sun directions; first and last node of each node's day.
    sun : ndarray, shape (hours * phases, 3)
        Sun directions, `phases` of them an hour.
    path_bits, bits : ndarray
        Words of the first vertices, by node; and of the others, by hour.
    """
    for flat in range(depth.shape[0] * MAX_VERTICES):
        path = flat // MAX_VERTICES
        k = flat - path * MAX_VERTICES + 1
        if k <= depth[path]:
            slot = path * (MAX_VERTICES + 1) + k
            o = tm.vec3(vertex_f[slot, V_X], vertex_f[slot, V_Y], vertex_f[slot, V_Z])
            n = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
            # The material number is random, of the path alone, and not used for geometry.
            scrambled = mix(ti.cast(vertex_f[slot, V_MATERIAL] * 16777216.0, ti.u32))
            phase = ti.cast(scrambled % ti.cast(phases, ti.u32), ti.i32)
            count = sun.shape[0] // phases
            if k == 1:
                count = nodes.shape[0]
                for word in range(path_bits.shape[1]):
                    path_bits[path, word] = ti.u32(0)
            else:
                for word in range(bits.shape[1]):
                    bits[slot, word] = ti.u32(0)
            # All before `known` are settled; the last of them is `seen`, and `other`, if there is
            # one, is a later position that is not like it.
            known = 0
            first = 0
            last = -1
            other = -1
            seen = 0
            blocker = NO_ROW
            while known < count:
                probe = known
                if k == 1:
                    if known > last:
                        first = known
                        last = node_days[known, 1]
                    elif other >= 0:
                        probe = (known - 1 + other) // 2
                    else:
                        probe = ti.min(known - 1 + phases, last)
                towards = tm.vec3(0.0)
                if k == 1:
                    towards = tm.vec3(nodes[probe, 0], nodes[probe, 1], nodes[probe, 2])
                else:
                    j = probe * phases + phase
                    towards = tm.vec3(sun[j, 0], sun[j, 1], sun[j, 2])
                found = sun_blocker(
                    o,
                    n,
                    vertex_i[slot, W_REGION],
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
                now = ti.select(found == NO_ROW, 1, 0)
                if grid_i[G_CROWNS] > 0 and now == 1:
                    share = transmitted(o, slanted(towards), blocks, grid_i[G_CROWNS])
                    if share <= to_unit(combine(ray_key(o, n), ti.u32(5))):
                        now = 0
                if found >= 0:
                    blocker = found
                until = known
                if k == 1 and known > first:
                    if now == seen:
                        until = probe + 1
                    else:
                        other = probe
                else:
                    until = known + 1
                    seen = now
                if seen == 1:
                    for j in range(known, until):
                        if k == 1:
                            path_bits[path, j >> 5] |= ti.u32(1) << ti.cast(j & 31, ti.u32)
                        else:
                            bits[slot, j >> 5] |= ti.u32(1) << ti.cast(j & 31, ti.u32)
                known = until
                if other == known:
                    # Found: from here on it is the other way.
                    seen = 1 - seen
                    if seen == 1:
                        path_bits[path, known >> 5] |= ti.u32(1) << ti.cast(known & 31, ti.u32)
                    known += 1
                    other = -1


@ti.kernel
def sky_view(
    start_f: F2,
    start_i: I2,
    keys: U1,
    out: F1,
    rays: ti.i32,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Sky view factor of the starts: the share of cosine-weighted rays that reach the sky."""
    for start in range(start_f.shape[0]):
        total = 0
        if start_i[start, T_VALID] == 1:
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            key = combine(keys[start], ti.u32(3))
            for ray in range(rays):
                d = cosine_direction(n, sobol_2d(ti.cast(ray, ti.u32), key))
                hit = trace(
                    o,
                    d,
                    start_i[start, T_REGION],
                    cells,
                    blocks,
                    block_edges,
                    edge_sides,
                    planes,
                    grid_f,
                    grid_i,
                )
                if hit.status == SKY:
                    total += 1
        out[start] = ti.cast(total, ti.f32) / ti.cast(rays, ti.f32)
