"""Tree crowns along rays: columns of leaves between a base and a top, each with its extinction.

Crowns are a second height field beside the solids. They stand behind the edges in `blocks` (see
`heatmat.crowns`): a heading, coarse cells that know the lowest base and the highest top in them,
and columns of those that have any. A ray adds up extinction times length, exactly, from column to
column; where there are no trees, nothing of this runs.
"""

from heatmat.kernels.edges import lower, upper
from heatmat.kernels.sampling import combine, cosine_direction, to_unit
from heatmat.runtime import ti, tm

# Heading: coarse cells, corner, side of a coarse cell [m], lowest base and highest top [m],
# composition of the leaves, perimeter over area of a leaf [1/m]
K_NX, K_NY, K_WEST, K_SOUTH, K_CELL, K_LOW, K_HIGH, K_LEAF, K_LEAF_PA = range(9)
CROWN_HEAD = 16
# A coarse cell: highest top (0: no crown), lowest base, number of its columns
C_HIGH, C_LOW, C_COLUMNS = range(3)
CROWN_CELL = 3
# Columns along a side of a coarse cell, and a column: base, top, extinction [1/m]
FINE = 8
COLUMN = 3
CROWN_BLOCK = COLUMN * FINE * FINE

NO_LEAF = 1.0e30


@ti.func
def through_crowns(o, d_in, t_end, most, blocks: ti.template(), first):
    """Optical depth of the crowns along a ray up to `t_end`, or where it reaches `most`.

    Parameters
    ----------
    d_in : vec3
        Unit direction, never along a row or column of cells.
    first : int
        Where the crowns begin in `blocks`.

    Returns
    -------
    vec2
        Optical depth; distance at which it is `most`, or `NO_LEAF`.
    """
    d = d_in
    d.z = ti.select(ti.abs(d.z) < 1e-9, 1e-9, d.z)
    inv = 1.0 / d
    cell = blocks[first + K_CELL]
    west = blocks[first + K_WEST]
    south = blocks[first + K_SOUTH]
    nx = ti.cast(blocks[first + K_NX], ti.i32)
    ny = ti.cast(blocks[first + K_NY], ti.i32)
    # Within the box of all crowns
    a = (tm.vec3(west, south, blocks[first + K_LOW]) - o) * inv
    b = west + cell * ti.cast(nx, ti.f32)
    c = south + cell * ti.cast(ny, ti.f32)
    e = (tm.vec3(b, c, blocks[first + K_HIGH]) - o) * inv
    t = upper(0.0, upper(lower(a.x, e.x), upper(lower(a.y, e.y), lower(a.z, e.z))))
    t_out = lower(t_end, lower(upper(a.x, e.x), lower(upper(a.y, e.y), upper(a.z, e.z))))
    depth = 0.0
    leaf = NO_LEAF
    if t < t_out:
        right = ti.select(d.x > 0.0, 1, 0)
        up = ti.select(d.y > 0.0, 1, 0)
        fine = cell / FINE
        ix = ti.min(ti.max(ti.cast((o.x + d.x * t - west) / cell, ti.i32), 0), nx - 1)
        iy = ti.min(ti.max(ti.cast((o.y + d.y * t - south) / cell, ti.i32), 0), ny - 1)
        running = True
        while running:
            x0 = west + cell * ti.cast(ix, ti.f32)
            y0 = south + cell * ti.cast(iy, ti.f32)
            t_x = (x0 + cell * ti.cast(right, ti.f32) - o.x) * inv.x
            t_y = (y0 + cell * ti.cast(up, ti.f32) - o.y) * inv.y
            t_next = upper(t, lower(t_out, lower(t_x, t_y)))
            at = first + CROWN_HEAD + CROWN_CELL * (iy * nx + ix)
            z_a = o.z + d.z * t
            z_b = o.z + d.z * t_next
            if lower(z_a, z_b) < blocks[at + C_HIGH] and upper(z_a, z_b) > blocks[at + C_LOW]:
                columns = first + CROWN_HEAD + CROWN_CELL * nx * ny
                columns += CROWN_BLOCK * ti.cast(blocks[at + C_COLUMNS], ti.i32)
                jx = ti.min(ti.max(ti.cast((o.x + d.x * t - x0) / fine, ti.i32), 0), FINE - 1)
                jy = ti.min(ti.max(ti.cast((o.y + d.y * t - y0) / fine, ti.i32), 0), FINE - 1)
                s = t
                inside = True
                while inside:
                    s_x = (x0 + fine * ti.cast(jx + right, ti.f32) - o.x) * inv.x
                    s_y = (y0 + fine * ti.cast(jy + up, ti.f32) - o.y) * inv.y
                    s_next = lower(t_next, lower(s_x, s_y))
                    q = columns + COLUMN * (jy * FINE + jx)
                    k = blocks[q + 2]
                    if k > 0.0:
                        low = (blocks[q] - o.z) * inv.z
                        high = (blocks[q + 1] - o.z) * inv.z
                        begin = upper(s, lower(low, high))
                        more = k * upper(0.0, lower(s_next, upper(low, high)) - begin)
                        if depth + more >= most:
                            leaf = begin + (most - depth) / k
                            inside = False
                            running = False
                        depth += more
                    s = upper(s, s_next)
                    if s_x < s_y:
                        jx += 2 * right - 1
                    else:
                        jy += 2 * up - 1
                    outside = jx < 0 or jy < 0 or jx >= FINE or jy >= FINE
                    if outside or not s_next < t_next:
                        inside = False
            if not t_next < t_out:
                running = False
            t = t_next
            if t_x < t_y:
                ix += 2 * right - 1
            else:
                iy += 2 * up - 1
            if ix < 0 or iy < 0 or ix >= nx or iy >= ny:
                running = False
    return tm.vec2(depth, leaf)


@ti.func
def ray_key(o, d):
    """Random stream of a ray: its own start and direction, to 1/64 m and 1/4096.

    Starts and directions follow from the keyed sequences alone, so a ray that is traced twice, or
    on both sides of a what-if, ends in the same leaf.
    """
    p = ti.floor(o * 64.0 + 0.5)
    q = ti.floor(d * 4096.0 + 0.5)
    key = combine(ti.cast(ti.cast(p.x, ti.i32), ti.u32), ti.cast(ti.cast(p.y, ti.i32), ti.u32))
    key = combine(key, ti.cast(ti.cast(p.z, ti.i32), ti.u32))
    key = combine(key, ti.cast(ti.cast(q.x, ti.i32), ti.u32))
    key = combine(key, ti.cast(ti.cast(q.y, ti.i32), ti.u32))
    return combine(key, ti.cast(ti.cast(q.z, ti.i32), ti.u32))


@ti.func
def free_depth(key):
    """Optical depth after which a ray meets a leaf."""
    return -ti.log(1.0 - to_unit(combine(key, ti.u32(1))))


@ti.func
def leaf_normal(d, key):
    """Normal of a leaf that a ray meets, and of the side whose light the ray brings.

    Leaves are turned every way alike (spherical distribution; a ray meets one with the cosine of
    incidence). They reflect and transmit alike, so the side is either.
    """
    u = tm.vec2(to_unit(combine(key, ti.u32(2))), to_unit(combine(key, ti.u32(3))))
    side = ti.select((combine(key, ti.u32(4)) & ti.u32(1)) == ti.u32(0), 1.0, -1.0)
    return cosine_direction(side * d, u)


@ti.func
def transmitted(o, d, blocks: ti.template(), first):
    """Share of a beam towards the sky that the crowns let through."""
    return ti.exp(-through_crowns(o, d, NO_LEAF, NO_LEAF, blocks, first).x)
