"""Exact rays through the 2.5D city: cells only accelerate, walls are the footprints' own edges.

A ray steps from cell to cell at the coarsest level of a maximum pyramid that is clear (Tevs, Ihrke
and Seidel 2008, doi:10.1145/1342250.1342279) and leaves above the tallest roof. In a cell that is
not clear it meets the first edge that it crosses below the height behind it: that wall. Only where
its heights in the cell reach those of a plane does it go from edge to edge with the region it is
over, and test each plane in turn.
"""

from heatmat.runtime import ti, tm

# What a ray ends on. SKY and BORDER are outcomes, the others surface kinds as well.
GROUND = 0
ROOF = 1
WALL = 2
SKY = 3
BORDER = 4

# Crossings closer than this belong to one vertex [m]; footprints are snapped to 1 mm.
VERTEX = 2.0e-4
# A ray counts as inside a solid when it is this far below a plane [m] (f32 at 2 km: 0.2 mm).
SINK = 2.0e-3
MAX_STEPS = 8192
FAR = 1.0e30

# Numbers of `grid_f`: corner and cell of the ray grid, tallest surface, far corner of the maps
G_WEST, G_SOUTH, G_CELL, G_TOP, G_EAST, G_NORTH = 0, 1, 2, 3, 4, 5
# Numbers of `grid_i`
G_NX, G_NY, G_LEVELS, G_WIDTH = 0, 1, 2, 3

# Rows of `blocks`, see heatmat.ray_grid: a heading, then edges
ROW = 8
B_COUNT, B_REGION, B_X, B_Y, B_LOW, B_NEXT, B_SLOPE = 0, 1, 2, 3, 4, 5, 6
E_AX, E_AY, E_BX, E_BY, E_LEFT, E_RIGHT = 0, 1, 2, 3, 4, 6

grid_numbers = ti.types.vector(6, ti.f32)

Hit = ti.types.struct(
    status=ti.i32, t=ti.f32, region=ti.i32, facade=ti.i32, inside=ti.i32, normal=tm.vec3
)


@ti.func
def plane_height(planes: ti.template(), region, x, y):
    """Height of a region's plane at (x, y) [m]."""
    return (
        planes[region, 0]
        + planes[region, 1] * (x - planes[region, 3])
        + planes[region, 2] * (y - planes[region, 4])
    )


@ti.func
def crossing(j, px, py, dx, dy, blocks: ti.template()):
    """Where a line through p along d crosses the edge of row j.

    Returns
    -------
    vec3
        1 if it goes to the edge's right, -1 to its left, 0 if it misses it; distance in units
        of d; share of the edge from a.
    """
    e = ROW * j
    ax = blocks[e + E_AX] - px
    ay = blocks[e + E_AY] - py
    bx = blocks[e + E_BX] - px
    by = blocks[e + E_BY] - py
    side_a = dx * ay - dy * ax
    side_b = dx * by - dy * bx
    found = tm.vec3(0.0, 0.0, 0.0)
    if (side_a >= 0.0) != (side_b >= 0.0):
        inverse = 1.0 / (side_b - side_a)
        found.x = -1.0
        if side_b > side_a:
            found.x = 1.0
        found.y = (ax * (by - ay) - ay * (bx - ax)) * inverse
        found.z = -side_a * inverse
    return found


@ti.func
def locate(px, py, row, blocks: ti.template(), block_edges: ti.template(), sides: ti.template()):
    """Region at a point of the cell whose block begins at `row`: a walk to its reference point."""
    region = ti.cast(blocks[ROW * row + B_REGION], ti.i32)
    dx = blocks[ROW * row + B_X] - px
    dy = blocks[ROW * row + B_Y] - py
    nearest = 2.0
    for j in range(row + 1, row + 1 + ti.cast(blocks[ROW * row + B_COUNT], ti.i32)):
        met = crossing(j, px, py, dx, dy, blocks)
        if met.x != 0.0 and 0.0 <= met.y <= 1.0 and met.y < nearest:
            nearest = met.y
            # The point is on the side that the walk leaves.
            region = sides[block_edges[j], 1]
            if met.x > 0.0:
                region = sides[block_edges[j], 0]
    return region


@ti.func
def region_at(
    px,
    py,
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    edge_sides: ti.template(),
    grid_f,
    grid_i,
):
    """Region at any point; ground outside the maps."""
    region = 0
    if (
        px >= grid_f[G_WEST]
        and py >= grid_f[G_SOUTH]
        and px < grid_f[G_EAST]
        and py < grid_f[G_NORTH]
    ):
        ix = ti.cast((px - grid_f[G_WEST]) / grid_f[G_CELL], ti.i32)
        iy = ti.cast((py - grid_f[G_SOUTH]) / grid_f[G_CELL], ti.i32)
        region = ti.cast(cells[2 * (iy * grid_i[G_WIDTH] + ix) + 1], ti.i32)
        if region < 0:
            region = locate(px, py, -1 - region, blocks, block_edges, edge_sides)
    return region


@ti.func
def trace(
    o,
    d_in,
    start_region,
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    edge_sides: ti.template(),
    planes: ti.template(),
    grid_f,
    grid_i,
):
    """First surface along a ray.

    Parameters
    ----------
    o, d_in : vec3
        Start (local metres) and unit direction.
    start_region : int
        Region below the start, -1 if unknown.

    Returns
    -------
    Hit
        Status, distance, the region stood on (roof or ground) or the region in front of the wall,
        facade, the building region behind the wall, outward normal.
    """
    d = d_in
    if ti.abs(d.x) < 1e-9:
        d.x = 1e-9
    if ti.abs(d.y) < 1e-9:
        d.y = 1e-9
    hit = Hit(status=SKY, t=0.0, region=0, facade=-1, inside=0, normal=tm.vec3(0.0, 0.0, 1.0))
    # The ray ends at the rim of the maps or, going up, above the tallest roof.
    right = 0
    far_x = grid_f[G_WEST]
    if d.x > 0.0:
        right = 1
        far_x = grid_f[G_EAST]
    up = 0
    far_y = grid_f[G_SOUTH]
    if d.y > 0.0:
        up = 1
        far_y = grid_f[G_NORTH]
    t_exit = ti.min((far_x - o.x) / d.x, (far_y - o.y) / d.y)
    if d.z > 0.0:
        t_exit = ti.min(t_exit, (grid_f[G_TOP] - o.z) / d.z)
    if d.z < 0.0:
        hit.status = BORDER
    # In cells
    gx = (o.x - grid_f[G_WEST]) / grid_f[G_CELL]
    gy = (o.y - grid_f[G_SOUTH]) / grid_f[G_CELL]
    dx = d.x / grid_f[G_CELL]
    dy = d.y / grid_f[G_CELL]
    inv_x = 1.0 / dx
    inv_y = 1.0 / dy
    levels = grid_i[G_LEVELS]
    side = grid_i[G_WIDTH]  # cells a row of the level
    level = 0
    offset = 0  # of the level in `cells`
    ix = ti.cast(ti.floor(gx), ti.i32)
    iy = ti.cast(ti.floor(gy), ti.i32)
    plan = ti.sqrt(d.x * d.x + d.y * d.y)
    region = start_region
    t = 0.0
    z = o.z
    t_wall = FAR  # of the nearest wall met so far, which may lie in a cell ahead
    wall = -1
    running = 1
    if ix < 0 or iy < 0 or ix >= grid_i[G_NX] or iy >= grid_i[G_NY]:
        running = 0
    steps = 0
    while running == 1:
        steps += 1
        cx = ix >> level
        cy = iy >> level
        at = 2 * (offset + cy * side + cx)
        tx = (ti.cast((cx + right) << level, ti.f32) - gx) * inv_x
        ty = (ti.cast((cy + up) << level, ti.f32) - gy) * inv_y
        t_out = ti.min(ti.max(t, ti.min(tx, ty)), t_exit)
        z_out = o.z + d.z * t_out
        z_min = ti.min(z, z_out)
        clear = z_min > cells[at]
        if not clear and level > 0:
            level -= 1
            side = side << 1
            offset -= side * side
        else:
            t_end = t_out
            if not clear:
                code = ti.cast(cells[at + 1], ti.i32)
                flying = 0  # between planes: nothing but walls to meet
                row = -1
                last = 0
                if code < 0:
                    row = -1 - code
                    last = row + 1 + ti.cast(blocks[ROW * row + B_COUNT], ti.i32)
                    for j in range(row + 1, last):
                        met = crossing(j, o.x, o.y, d.x, d.y, blocks)
                        if met.x != 0.0 and met.y > 0.0 and met.y < t_wall:
                            h = ROW * j + E_LEFT
                            if met.x > 0.0:
                                h += E_RIGHT - E_LEFT
                            if o.z + d.z * met.y < blocks[h] + met.z * (blocks[h + 1] - blocks[h]):
                                t_wall = met.y
                                wall = j
                    if d.z >= blocks[ROW * row + B_SLOPE] * plan or (
                        z_min > blocks[ROW * row + B_LOW]
                        and ti.max(z, z_out) < blocks[ROW * row + B_NEXT]
                    ):
                        flying = 1
                        region = -1
                    elif region < 0:
                        px = o.x + d.x * t
                        py = o.y + d.y * t
                        region = locate(px, py, row, blocks, block_edges, edge_sides)
                else:
                    region = code
                t_end = ti.min(t_out, t_wall)
                t_now = t
                crossed = -1
                rounds = 0
                while flying == 0:
                    # The part of the ray over one region, up to the next edge.
                    rounds += 1
                    t_next = t_end
                    nearest = -1
                    fitting = 0
                    to = 0
                    for j in range(row + 1, last):
                        if j != crossed:
                            met = crossing(j, o.x, o.y, d.x, d.y, blocks)
                            if met.x != 0.0 and met.y <= t_out and met.y < t_wall:
                                source = edge_sides[block_edges[j], 1]
                                target = edge_sides[block_edges[j], 0]
                                if met.x > 0.0:
                                    source, target = target, source
                                fits = 0
                                if source == region:
                                    fits = 1
                                ahead = met.y > t_now or (
                                    fits == 1 and met.y > t_now - VERTEX and t_now > 0.0
                                )
                                # Of crossings at one vertex, the one that leaves this region.
                                if ahead and (
                                    nearest < 0
                                    or met.y < t_next - VERTEX
                                    or (met.y < t_next + VERTEX and fits > fitting)
                                    or (met.y < t_next and fits == fitting)
                                ):
                                    t_next = met.y
                                    nearest = j
                                    fitting = fits
                                    to = target
                    t_next = ti.max(t_next, t_now)
                    x = o.x + d.x * t_now
                    y = o.y + d.y * t_now
                    f0 = o.z + d.z * t_now - plane_height(planes, region, x, y)
                    x = o.x + d.x * t_next
                    y = o.y + d.y * t_next
                    f1 = o.z + d.z * t_next - plane_height(planes, region, x, y)
                    if f0 < -SINK and t_now > 0.0 and row < 0:
                        # Slipped past an edge by rounding: it is that building's wall.
                        hit.status = WALL
                        hit.t = t
                        hit.inside = region
                        hit.normal = tm.normalize(tm.vec3(-d.x, -d.y, 0.0))
                        running = 0
                    elif f1 < 0.0 and f1 < f0 and f0 > -SINK:
                        above = ti.max(f0, 0.0)
                        hit.status = ROOF
                        if region == 0:
                            hit.status = GROUND
                        hit.t = t_now + (t_next - t_now) * above / (above - f1)
                        hit.region = region
                        running = 0
                    if running == 0 or nearest < 0 or rounds > 64:
                        flying = 1
                    else:
                        region = to
                        crossed = nearest
                        t_now = t_next
            else:
                region = -1
            if running == 1 and t_wall <= t_out:
                hit.status = WALL
                hit.t = t_wall
                running = 0
            if t_out >= t_exit or steps > MAX_STEPS:
                running = 0
            # Step into the next cell of this level, then try one level coarser.
            t = t_out
            z = z_out
            if tx < ty:
                low = cy << level
                iy = ti.cast(ti.floor(gy + dy * t), ti.i32)
                iy = ti.min(ti.max(iy, low), low + (1 << level) - 1)
                ix = ((cx + right) << level) - (1 - right)
            else:
                low = cx << level
                ix = ti.cast(ti.floor(gx + dx * t), ti.i32)
                ix = ti.min(ti.max(ix, low), low + (1 << level) - 1)
                iy = ((cy + up) << level) - (1 - up)
            if clear and level + 1 < levels:
                offset += side * side
                side = side >> 1
                level += 1
    if hit.status == WALL and wall >= 0 and hit.t == t_wall:
        e = ROW * wall
        number = block_edges[wall]
        ex = blocks[e + E_BX] - blocks[e + E_AX]
        ey = blocks[e + E_BY] - blocks[e + E_AY]
        n = tm.vec3(ey, -ex, 0.0) / ti.sqrt(ex * ex + ey * ey)
        # The normal of a -> b points right; the ray looks against the wall's own.
        if n.x * d.x + n.y * d.y > 0.0:
            hit.normal = -n
            hit.region = edge_sides[number, 0]
            hit.inside = edge_sides[number, 1]
            hit.facade = edge_sides[number, 3]
        else:
            hit.normal = n
            hit.region = edge_sides[number, 1]
            hit.inside = edge_sides[number, 0]
            hit.facade = edge_sides[number, 2]
    if hit.status == ROOF:
        gx_plane = planes[hit.region, 1]
        gy_plane = planes[hit.region, 2]
        hit.normal = tm.normalize(tm.vec3(-gx_plane, -gy_plane, 1.0))
    return hit
