"""Start positions of paths: a point, a square in plan, or a stretch of one facade."""

from heatmat.kernels.crowns import K_LEAF, K_LEAF_PA
from heatmat.kernels.heightfield import (
    G_CROWNS,
    GROUND,
    LEAF,
    ROOF,
    WALL,
    grid_numbers,
    plane_height,
    region_at,
)
from heatmat.kernels.layout import (
    ANY_KIND,
    Q_A,
    Q_B,
    Q_C,
    Q_D,
    R_FACADE,
    R_KIND,
    R_REPLICATE,
    R_SAMPLE,
    R_TYPE,
    REQUEST_LEAF,
    REQUEST_NONE,
    REQUEST_WALL,
    S_NX,
    S_NY,
    S_NZ,
    S_PA,
    S_WIND,
    S_X,
    S_Y,
    S_Z,
    T_COMPOSITION,
    T_FACADE,
    T_KIND,
    T_REGION,
    T_VALID,
)
from heatmat.kernels.sampling import TWO_PI, combine, sobol_2d, uniform
from heatmat.kernels.windfield import wind_factor
from heatmat.runtime import ti, tm

# Distance of a start from its surface, and of wall points from edges and corners [m].
OFFSET = 0.01
TRIES = 64

F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
I2 = ti.types.ndarray(dtype=ti.i32, ndim=2)
I1 = ti.types.ndarray(dtype=ti.i32, ndim=1)
U1 = ti.types.ndarray(dtype=ti.u32, ndim=1)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
vec4 = ti.types.vector(4, ti.f32)
ivec4 = ti.types.vector(4, ti.i32)


@ti.func
def ground_label(x, y, ground: ti.template(), grid_f, ground_cell):
    """Composition of the ground at (x, y)."""
    gx = ti.cast(ti.floor((x - grid_f[0]) / ground_cell), ti.i32)
    gy = ti.cast(ti.floor((y - grid_f[1]) / ground_cell), ti.i32)
    gx = ti.min(ti.max(gx, 0), ground.shape[1] - 1)
    gy = ti.min(ti.max(gy, 0), ground.shape[0] - 1)
    return ground[gy, gx]


@ti.kernel
def place_starts(
    request_f: F2,
    request_i: I2,
    keys: U1,
    start_f: F2,
    start_i: I2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    region_composition: I1,
    region_pa: F1,
    facades: F2,
    facade_info: F2,
    facade_composition: I1,
    ground: I2,
    wind: F3,
    grid_f: grid_numbers,
    grid_i: ivec4,
    wind_f: vec4,
    ground_cell: ti.f32,
):
    """Turn requests into positions with normals, labels and wind factors.

    A position that is covered (another kind of surface in plan, or a wall behind a neighbour) is
    drawn again, up to `TRIES` times; then the start is marked not valid.
    """
    for i in range(request_f.shape[0]):
        key = combine(keys[i], ti.cast(request_i[i, R_REPLICATE], ti.u32))
        sample = ti.cast(request_i[i, R_SAMPLE], ti.u32)
        u = sobol_2d(sample, combine(key, ti.u32(1)))
        kind = -1
        valid = 0
        tries = 0
        if request_i[i, R_TYPE] == REQUEST_NONE:
            tries = TRIES
        p = tm.vec3(0.0, 0.0, 0.0)
        n = tm.vec3(0.0, 0.0, 1.0)
        region = 0
        facade = -1
        composition = 0
        pa = 0.4
        while valid == 0 and tries < TRIES:
            if tries > 0:
                again = combine(key, sample + ti.u32(7919))
                u = tm.vec2(
                    uniform(ti.cast(2 * tries, ti.u32), again),
                    uniform(ti.cast(2 * tries + 1, ti.u32), again),
                )
            tries += 1
            if request_i[i, R_TYPE] == REQUEST_WALL:
                facade = request_i[i, R_FACADE]
                ax = facades[facade, 0]
                ay = facades[facade, 1]
                ex = facades[facade, 2] - ax
                ey = facades[facade, 3] - ay
                length = ti.sqrt(ex * ex + ey * ey)
                ex /= length
                ey /= length
                s = request_f[i, Q_A] + u.x * (request_f[i, Q_B] - request_f[i, Q_A])
                s = ti.min(ti.max(s, ti.min(OFFSET, 0.5 * length)), length - OFFSET)
                z = request_f[i, Q_C] + u.y * (request_f[i, Q_D] - request_f[i, Q_C])
                n = tm.vec3(ey, -ex, 0.0)
                p = tm.vec3(ax + ex * s + OFFSET * n.x, ay + ey * s + OFFSET * n.y, z)
                region = region_at(
                    p.x,
                    p.y,
                    cells,
                    blocks,
                    block_edges,
                    edge_sides,
                    grid_f,
                    grid_i,
                )
                kind = WALL
                composition = facade_composition[facade]
                pa = facade_info[facade, 0]
                # The wall ends where its own roof does, which may slope along it.
                back = tm.vec2(p.x - 2.0 * OFFSET * n.x, p.y - 2.0 * OFFSET * n.y)
                behind = region_at(
                    back.x,
                    back.y,
                    cells,
                    blocks,
                    block_edges,
                    edge_sides,
                    grid_f,
                    grid_i,
                )
                covered = plane_height(planes, region, p.x, p.y) >= p.z
                if not covered and plane_height(planes, behind, back.x, back.y) >= p.z:
                    valid = 1
            elif request_i[i, R_TYPE] == REQUEST_LEAF:
                p = tm.vec3(request_f[i, Q_A], request_f[i, Q_B], request_f[i, Q_C])
                up = 2.0 * u.x - 1.0
                flat = ti.sqrt(ti.max(0.0, 1.0 - up * up))
                n = tm.vec3(flat * ti.cos(TWO_PI * u.y), flat * ti.sin(TWO_PI * u.y), up)
                region = -1
                kind = LEAF
                composition = ti.cast(blocks[grid_i[G_CROWNS] + K_LEAF], ti.i32)
                pa = blocks[grid_i[G_CROWNS] + K_LEAF_PA]
                valid = 1
            else:
                x = request_f[i, Q_A] + (2.0 * u.x - 1.0) * request_f[i, Q_C]
                y = request_f[i, Q_B] + (2.0 * u.y - 1.0) * request_f[i, Q_C]
                region = region_at(
                    x,
                    y,
                    cells,
                    blocks,
                    block_edges,
                    edge_sides,
                    grid_f,
                    grid_i,
                )
                n = tm.normalize(tm.vec3(-planes[region, 1], -planes[region, 2], 1.0))
                p = tm.vec3(x, y, plane_height(planes, region, x, y)) + OFFSET * n
                pa = region_pa[region]
                if region == 0:
                    kind = GROUND
                    composition = ground_label(x, y, ground, grid_f, ground_cell)
                else:
                    kind = ROOF
                    composition = region_composition[region]
                if request_i[i, R_KIND] == ANY_KIND or request_i[i, R_KIND] == kind:
                    valid = 1
        start_f[i, S_X] = p.x
        start_f[i, S_Y] = p.y
        start_f[i, S_Z] = p.z
        start_f[i, S_NX] = n.x
        start_f[i, S_NY] = n.y
        start_f[i, S_NZ] = n.z
        start_f[i, S_PA] = pa
        z_wind = p.z
        if kind == GROUND:
            z_wind = 2.0
        start_f[i, S_WIND] = wind_factor(p.x, p.y, z_wind, wind, wind_f)
        start_i[i, T_KIND] = kind
        start_i[i, T_REGION] = region
        start_i[i, T_COMPOSITION] = composition
        start_i[i, T_FACADE] = facade
        start_i[i, T_VALID] = valid
