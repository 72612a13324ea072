"""Links: rays traced once from a start to the texels of the field that they meet, or to the sky.

A texel of ground or roof is what one region has in one coarse cell; a texel of wall is a patch of
one facade. A ray that meets a surface is kept as the number of its texel; what reaches sky or
border is added up, since its series are known.
"""

from heatmat.kernels.edges import B_COUNT, E_AX, E_AY, E_BX, E_BY, ROW, VERTEX
from heatmat.kernels.gather import physics_vector, sky_weight, switches_vector
from heatmat.kernels.heightfield import (
    BORDER,
    C_CODE,
    CELL,
    G_CELL,
    G_EAST,
    G_NORTH,
    G_SOUTH,
    G_STRIDE,
    G_WEST,
    GROUND,
    LEAF,
    ROOF,
    SKY,
    WALL,
    grid_numbers,
    region_at,
    trace,
)
from heatmat.kernels.layout import (
    O_SKY,
    P_BAND_SINE,
    R_SAMPLE,
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    T_REGION,
    T_VALID,
)
from heatmat.kernels.paths import path_key
from heatmat.kernels.sampling import combine, cosine_direction, sobol_2d, uniform
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1, ivec4, vec4
from heatmat.runtime import ti, tm

# What the rays of a start bring beside their links, as shares of all its rays
L_ISOTROPIC, L_BAND, L_SKY, L_AIR, L_BORDER, L_UNKNOWN = range(6)
LINK_FLOATS = 6

# What stands for the facade of a near hit that is ground or roof, and for no near hit
NEAR_PLAN, NOT_NEAR = -1, -2

# Texels of leaves over a coarse cell, one above the other
LEAF_LAYERS = 3

# Columns of a facade's strips: its first texel, texels along it, texels up it
A_FIRST, A_COLUMNS, A_ROWS = range(3)


@ti.func
def texel_at(
    status,
    region,
    facade,
    p,
    u,
    texel_f,
    texel_i,
    pair_first: ti.template(),
    pair_region: ti.template(),
    facades: ti.template(),
    facade_z: ti.template(),
    strips: ti.template(),
    alias: ti.template(),
):
    """Texel that stands for a hit: its own, or a neighbour on the same face; -1 if there is none.

    Which of them is drawn, so that many rays read between the middles of the texels: what leaves
    the walls of a narrow court falls by half over the height of one.

    Parameters
    ----------
    u : vec2
        Two random numbers.
    texel_f : vec4
        West, south, size of the coarse cells, height of a wall row [m].
    texel_i : ivec4
        Coarse cells to the east and to the north, number of ground and roof texels, first texel of
        the leaves (0: no trees). Behind the regions stand the leaf texels of every cell, behind the
        facades' heights the span of its crowns.
    """
    found = -1
    if status == LEAF:
        cell = coarse_cell(p, texel_f, texel_i)
        first = pair_region[texel_i[2] + cell]
        if first >= 0:
            low = facade_z[facades.shape[0] + cell, 0]
            high = facade_z[facades.shape[0] + cell, 1]
            layer = ti.cast(LEAF_LAYERS * (p.z - low) / (high - low), ti.i32)
            found = texel_i[3] + first + ti.min(ti.max(layer, 0), LEAF_LAYERS - 1)
    elif status == WALL:
        if facade >= 0:
            ax = facades[facade, 0]
            ay = facades[facade, 1]
            ex = facades[facade, 2] - ax
            ey = facades[facade, 3] - ay
            along = ((p.x - ax) * ex + (p.y - ay) * ey) / (ex * ex + ey * ey)
            columns = strips[facade, A_COLUMNS]
            column = ti.cast(ti.floor(along * ti.cast(columns, ti.f32) + u.x - 0.5), ti.i32)
            column = ti.min(ti.max(column, 0), columns - 1)
            rows = strips[facade, A_ROWS]
            low = facade_z[facade, 0]
            row = drawn_row(p.z - low, facade_z[facade, 1] - low, rows, u.y, texel_f[3])
            found = strips[facade, A_FIRST] + column * rows + row
    else:
        beside = tm.vec3(u.x - 0.5, u.y - 0.5, 0.0) * texel_f[2]
        cell = coarse_cell(p + beside, texel_f, texel_i)
        for k in range(pair_first[cell], pair_first[cell + 1]):
            if pair_region[k] == region:
                found = k
        if found < 0:
            cell = coarse_cell(p, texel_f, texel_i)
            for k in range(pair_first[cell], pair_first[cell + 1]):
                # A sliver that no sample of the cell fell on reads a neighbour of its own kind.
                if pair_region[k] == region:
                    found = k
                elif found < 0 and (pair_region[k] == 0) == (region == 0):
                    found = k
    if found >= 0:
        found = alias[found]
    return found


@ti.func
def coarse_cell(p, texel_f, texel_i):
    """Coarse cell over which a point lies."""
    ix = ti.cast(ti.floor((p.x - texel_f[0]) / texel_f[2]), ti.i32)
    iy = ti.cast(ti.floor((p.y - texel_f[1]) / texel_f[2]), ti.i32)
    ix = ti.min(ti.max(ix, 0), texel_i[0] - 1)
    iy = ti.min(ti.max(iy, 0), texel_i[1] - 1)
    return iy * texel_i[0] + ix


@ti.func
def drawn_row(z, height, rows, u, size):
    """Row of a wall for a hit at z above its foot, drawn by its distance to the rows' middles.

    Parameters
    ----------
    height : float
        Of the wall: its last row ends there [m].
    rows : int
    u : float
        A random number.
    """
    row = 0
    below = 0.25 * size  # middle of the row
    if rows == 1:
        below = 0.5 * height
    going = 1
    while going == 1 and row < rows - 1:
        bottom = 0.5 * size * ti.cast(1 << row, ti.f32)
        top = 2.0 * bottom
        if row + 1 == rows - 1:
            top = height
        above = 0.5 * (bottom + top)
        if z >= above:
            row += 1
        else:
            going = 0
            if z - below > u * (above - below):
                row += 1
        below = above
    return row


@ti.func
def clear_of_edges(x, y, half, row, blocks: ti.template()):
    """Whether no edge of the block at `row` comes into a square around (x, y)."""
    clear = True
    for j in range(row + 1, row + 1 + ti.cast(blocks[ROW * row + B_COUNT], ti.i32)):
        ax = blocks[ROW * j + E_AX] - x
        ay = blocks[ROW * j + E_AY] - y
        bx = blocks[ROW * j + E_BX] - x
        by = blocks[ROW * j + E_BY] - y
        beside = ti.min(ax, bx) > half or ti.max(ax, bx) < -half
        beside = beside or ti.min(ay, by) > half or ti.max(ay, by) < -half
        # The square's corners on one side of the line
        far = ti.abs(ax * by - ay * bx) > half * (ti.abs(bx - ax) + ti.abs(by - ay))
        if not (beside or far):
            clear = False
    return clear


@ti.kernel
def whole_cells(
    out: I1,
    texel_f: vec4,
    texel_i: ivec4,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Region of every coarse cell that no edge comes near, -1 of the others."""
    for cell in range(out.shape[0]):
        iy = cell // texel_i[0]
        ix = cell - iy * texel_i[0]
        x = texel_f[0] + (ti.cast(ix, ti.f32) + 0.5) * texel_f[2]
        y = texel_f[1] + (ti.cast(iy, ti.f32) + 0.5) * texel_f[2]
        half = 0.5 * texel_f[2] + VERTEX
        # Of the rays' cells, those that it reaches into
        low = tm.ivec2(
            ti.cast(ti.floor((x - half - grid_f[G_WEST]) / grid_f[G_CELL]), ti.i32) + 1,
            ti.cast(ti.floor((y - half - grid_f[G_SOUTH]) / grid_f[G_CELL]), ti.i32) + 1,
        )
        high = tm.ivec2(
            ti.cast(ti.floor((x + half - grid_f[G_WEST]) / grid_f[G_CELL]), ti.i32) + 1,
            ti.cast(ti.floor((y + half - grid_f[G_SOUTH]) / grid_f[G_CELL]), ti.i32) + 1,
        )
        found = -1
        # Beyond the maps all is ground, whatever the last cells say.
        if low.x >= 1 and low.y >= 1 and x + half < grid_f[G_EAST] and y + half < grid_f[G_NORTH]:
            clear = True
            for jy in range(low.y, high.y + 1):
                for jx in range(low.x, high.x + 1):
                    code = ti.cast(cells[CELL * (jy * grid_i[G_STRIDE] + jx) + C_CODE], ti.i32)
                    if code < 0 and clear:
                        clear = clear_of_edges(x, y, half, -1 - code, blocks)
            if clear:
                found = region_at(x, y, cells, blocks, block_edges, edge_sides, grid_f, grid_i)
        out[cell] = found


@ti.kernel
def regions_in_cells(
    out: I2,
    chosen: I1,
    side: ti.i32,
    texel_f: vec4,
    texel_i: ivec4,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Region at side x side points of chosen coarse cells, in the middles of their subcells."""
    for i in range(chosen.shape[0] * side * side):
        row = i // (side * side)
        k = i - row * side * side
        cell = chosen[row]
        iy = cell // texel_i[0]
        ix = cell - iy * texel_i[0]
        step = texel_f[2] / ti.cast(side, ti.f32)
        x = texel_f[0] + ti.cast(ix, ti.f32) * texel_f[2] + (ti.cast(k % side, ti.f32) + 0.5) * step
        y = (
            texel_f[1]
            + ti.cast(iy, ti.f32) * texel_f[2]
            + (ti.cast(k // side, ti.f32) + 0.5) * step
        )
        out[row, k] = region_at(x, y, cells, blocks, block_edges, edge_sides, grid_f, grid_i)


@ti.kernel
def trace_links(
    request_i: I2,
    keys: U1,
    start_f: F2,
    start_i: I2,
    links: I2,
    count: I2,
    known: F3,
    near_length: ti.f32,
    near_f: F3,
    near_i: I2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
    texel_f: vec4,
    texel_i: ivec4,
    pair_first: I1,
    pair_region: I1,
    facades: F2,
    facade_z: F2,
    strips: I2,
    alias: I1,
    physics: physics_vector,
    switches: switches_vector,
):
    """First rays of every start: texels met, one after the other, and what the rest brings.

    `count` (starts, sets) and `known` (starts, sets, LINK_FLOATS) are those of independent sets of
    rays, each with its own scramble and its own part of a row of `links`.

    Where a ray meets ground, roof or wall within `near_length` [m], `near_i` and `near_f`, shaped
    like `links`, get the facade (`NEAR_PLAN` of ground and roof) and the numbers of a request for
    that very point, else `NOT_NEAR`; with a length of 0 they are not written.
    """
    for flat in range(start_f.shape[0] * count.shape[1]):
        start = flat // count.shape[1]
        part = flat - start * count.shape[1]
        rays = links.shape[1] // count.shape[1]
        hits = 0
        brings = ti.Vector([0.0] * LINK_FLOATS)
        if start_i[start, T_VALID] == 1:
            key = combine(combine(path_key(keys, request_i, start), ti.u32(16)), ti.u32(part))
            beside = combine(key, ti.u32(3))
            first = request_i[start, R_SAMPLE] * rays
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            for j in range(rays):
                number = ti.cast(first + j, ti.u32)
                d = cosine_direction(n, sobol_2d(number, key))
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
                    g = sky_weight(d.z, n.z, physics, switches[O_SKY])
                    brings[L_ISOTROPIC] += 1.0
                    brings[L_SKY] += g
                    brings[L_AIR] += 1.0 - g
                    if d.z < physics[P_BAND_SINE]:
                        brings[L_BAND] += 1.0
                elif hit.status == BORDER:
                    brings[L_BORDER] += 1.0
                else:
                    texel = texel_at(
                        hit.status,
                        hit.region,
                        hit.facade,
                        o + hit.t * d,
                        tm.vec2(uniform(number, beside), uniform(number, beside + ti.u32(1))),
                        texel_f,
                        texel_i,
                        pair_first,
                        pair_region,
                        facades,
                        facade_z,
                        strips,
                        alias,
                    )
                    if texel < 0:
                        brings[L_UNKNOWN] += 1.0
                    else:
                        slot = part * rays + hits
                        links[start, slot] = texel
                        hits += 1
                        if near_length > 0.0:
                            near_i[start, slot] = NOT_NEAR
                            p = o + hit.t * d
                            if hit.t < near_length and hit.status == WALL and hit.facade >= 0:
                                f = hit.facade
                                ex = facades[f, 2] - facades[f, 0]
                                ey = facades[f, 3] - facades[f, 1]
                                along = (p.x - facades[f, 0]) * ex + (p.y - facades[f, 1]) * ey
                                along /= ti.sqrt(ex * ex + ey * ey)
                                near_i[start, slot] = f
                                near_f[start, slot, 0] = along
                                near_f[start, slot, 1] = along
                                near_f[start, slot, 2] = p.z
                                near_f[start, slot, 3] = p.z
                            elif hit.t < near_length and (
                                hit.status == GROUND or hit.status == ROOF
                            ):
                                near_i[start, slot] = NEAR_PLAN
                                near_f[start, slot, 0] = p.x
                                near_f[start, slot, 1] = p.y
                                near_f[start, slot, 2] = 0.0
                                near_f[start, slot, 3] = 0.0
            brings /= ti.cast(rays, ti.f32)
        count[start, part] = hits
        for k in ti.static(range(LINK_FLOATS)):
            known[start, part, k] = brings[k]
