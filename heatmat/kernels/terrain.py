"""Hillsides along rays: elevations on a coarse grid, beyond the streets and beyond the map.

Heights of the city are those above its own ground, wherever that lies. A ray therefore sees the
buildings around as if they stood on its start's level, and the land by its elevation less that of
the start's ground: hills shade and fill the horizon. The elevations stand in `blocks`, behind the
crowns (see `heatmat.terrain`).
"""

from heatmat.kernels.edges import lower, upper
from heatmat.runtime import ti, tm

# Heading: points to the east and to the north, corner, spacing [m], highest elevation [m]
H_NX, H_NY, H_WEST, H_SOUTH, H_CELL, H_TOP = range(6)
HILL_HEAD = 16
# Offsets in `blocks` are kept as float32, in units of this
HILL_UNIT = 16

NO_HILL = 1.0e30


@ti.func
def elevation(x, y, blocks: ti.template(), first):
    """Elevation of the ground [m], bilinear between the points of the grid; at its rim beyond."""
    nx = ti.cast(blocks[first + H_NX], ti.i32)
    ny = ti.cast(blocks[first + H_NY], ti.i32)
    u = (x - blocks[first + H_WEST]) / blocks[first + H_CELL]
    v = (y - blocks[first + H_SOUTH]) / blocks[first + H_CELL]
    u = upper(0.0, lower(u, ti.cast(nx - 1, ti.f32) - 1e-3))
    v = upper(0.0, lower(v, ti.cast(ny - 1, ti.f32) - 1e-3))
    ix = ti.cast(u, ti.i32)
    iy = ti.cast(v, ti.i32)
    u -= ti.cast(ix, ti.f32)
    v -= ti.cast(iy, ti.f32)
    at = first + HILL_HEAD + iy * nx + ix
    near = blocks[at] + u * (blocks[at + 1] - blocks[at])
    far = blocks[at + nx] + u * (blocks[at + nx + 1] - blocks[at + nx])
    return near + v * (far - near)


@ti.func
def over_hills(o, d, t_end, blocks: ti.template(), first):
    """Distance at which a ray meets the land before `t_end`, else `NO_HILL`.

    It is compared with the ground at steps as long in plan as the grid's spacing, the last of them
    cut by the chord.
    """
    plan = ti.sqrt(d.x * d.x + d.y * d.y)
    step = blocks[first + H_CELL] / upper(plan, 1e-6)
    base = elevation(o.x, o.y, blocks, first) + o.z
    reach = blocks[first + H_CELL] * tm.vec2(blocks[first + H_NX], blocks[first + H_NY])
    low = tm.vec2(blocks[first + H_WEST], blocks[first + H_SOUTH])
    t = 0.0
    gap = o.z
    met = NO_HILL
    running = True
    while running:
        t_next = t + step
        x = o.x + d.x * t_next
        y = o.y + d.y * t_next
        z = base + d.z * t_next
        inside = x > low.x and y > low.y and x < low.x + reach.x and y < low.y + reach.y
        if not inside or (d.z >= 0.0 and z > blocks[first + H_TOP]) or t > t_end:
            running = False
        else:
            above = z - elevation(x, y, blocks, first)
            if above < 0.0:
                met = t + step * upper(gap, 0.0) / (upper(gap, 0.0) - above)
                running = False
            gap = above
            t = t_next
    return ti.select(met < t_end, met, NO_HILL)
