"""What the starts and the vertices of paths see: the sun at its positions, and the sky."""

from heatmat.kernels.edges import NO_ROW
from heatmat.kernels.heightfield import SKY, grid_numbers, shadow, trace
from heatmat.kernels.layout import (
    MAX_VERTICES,
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    STRIDE,
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
from heatmat.kernels.sampling import combine, cosine_direction, mix, sobol_2d
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
    """1 if the surface faces the sun and nothing stands between."""
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
    return ti.select(found == NO_ROW, 1, 0)


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
    """Sun visibility of the starts at every sun position, 32 positions a word."""
    words = bits.shape[1]
    for i in range(start_f.shape[0] * words):
        start = i // words
        word = i - start * words
        value = ti.u32(0)
        if start_i[start, T_VALID] == 1:
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            blocker = NO_ROW
            for b in range(ti.min(32, nodes.shape[0] - 32 * word)):
                j = 32 * word + b
                found = sun_blocker(
                    o,
                    n,
                    start_i[start, T_REGION],
                    tm.vec3(nodes[j, 0], nodes[j, 1], nodes[j, 2]),
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
                    value |= ti.u32(1) << ti.cast(b, ti.u32)
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
    bits: U2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Sun visibility at later vertices: one shadow ray for `STRIDE` positions, at a random phase.

    Parameters
    ----------
    nodes : ndarray, shape (n, 3)
        Sun directions.
    node_days : ndarray, shape (n, 2)
        First and last node of each node's day.
    """
    words = bits.shape[1]
    for i in range(depth.shape[0] * MAX_VERTICES * words):
        flat = i // words
        word = i - flat * words
        path = flat // MAX_VERTICES
        k = flat - path * MAX_VERTICES + 1
        if k <= depth[path]:
            slot = path * (MAX_VERTICES + 1) + k
            o = tm.vec3(vertex_f[slot, V_X], vertex_f[slot, V_Y], vertex_f[slot, V_Z])
            n = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
            # The material number is random, of the path alone, and not used for geometry.
            scrambled = mix(ti.cast(vertex_f[slot, V_MATERIAL] * 16777216.0, ti.u32))
            phase = ti.cast(scrambled % ti.u32(STRIDE), ti.i32)
            value = ti.u32(0)
            group = -1
            seen = 0
            for b in range(ti.min(32, nodes.shape[0] - 32 * word)):
                j = 32 * word + b
                first = node_days[j, 0]
                last = node_days[j, 1]
                g = (j - first + phase) // STRIDE
                middle = ti.min(ti.max(first + g * STRIDE - phase + STRIDE // 2, first), last)
                if middle != group:
                    group = middle
                    seen = sees_sun(
                        o,
                        n,
                        vertex_i[slot, W_REGION],
                        tm.vec3(nodes[middle, 0], nodes[middle, 1], nodes[middle, 2]),
                        cells,
                        blocks,
                        block_edges,
                        edge_sides,
                        planes,
                        grid_f,
                        grid_i,
                    )
                if seen == 1:
                    value |= ti.u32(1) << ti.cast(b, ti.u32)
            bits[slot, word] = value


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
