"""Exact rays through the 2.5D city: cells only accelerate, walls are the footprints' own edges.

A ray steps through the cells of `heatmat.ray_grid` in turn (Amanatides and Woo 1987,
doi:10.2312/egtp.19871000). Each cell holds the highest point over it, and envelopes of the whole
city: cones of a few slopes that stand on every cell. A ray that rises as steeply as a cone and is
above it where the cell is clear can meet nothing more, and leaves at once. In a cell that is not
clear it meets the first edge that it crosses below the height behind it: that wall. Only where its
own heights in the cell reach those of a plane does it go from edge to edge with the region it is
over, and test each plane in turn.
"""

from heatmat.kernels.crowns import free_depth, leaf_normal, ray_key, through_crowns
from heatmat.kernels.edges import (
    B_COUNT,
    B_LOW,
    B_LOWEST,
    B_NEXT,
    B_SLOPE,
    E_AX,
    E_AY,
    E_BX,
    E_BY,
    NO_ROW,
    PLANE_ROW,
    ROW,
    SINK,
    locate,
    lower,
    over_planes,
    plane_height,
    upper,
    wall_ahead,
)
from heatmat.kernels.layout import ENVELOPE_SLOPES
from heatmat.kernels.terrain import HILL_UNIT, over_hills
from heatmat.runtime import ti, tm

# What a ray ends on. SKY and BORDER are outcomes, the others surface kinds as well.
GROUND = 0
ROOF = 1
WALL = 2
SKY = 3
BORDER = 4
LEAF = 7  # 5 and 6 are other ends of a path's ray (`layout`)

FAR = 1.0e30  # beyond every distance [m]

# Numbers of `grid_f`: corner of the maps, side of a cell, tallest surface, far corner of the maps;
# where in `blocks` the land begins, over `HILL_UNIT` (0: it is flat)
G_WEST, G_SOUTH, G_CELL, G_TOP, G_EAST, G_NORTH, G_HILLS = 0, 1, 2, 3, 4, 5, 6
# Numbers of `grid_i`: cells, cells of a row with the ring around them, and where in `blocks` the
# crowns begin (0: no trees)
G_NX, G_NY, G_STRIDE, G_CROWNS = 0, 1, 2, 3

# Numbers of a cell, see heatmat.ray_grid: highest point, region or block, envelopes
CELL = 8
C_TOP, C_CODE, C_ENVELOPE = 0, 1, 2
grid_numbers = ti.types.vector(7, ti.f32)

Hit = ti.types.struct(
    status=ti.i32, t=ti.f32, region=ti.i32, facade=ti.i32, inside=ti.i32, normal=tm.vec3
)


@ti.func
def nothing_met():
    """A ray that reached the sky."""
    return Hit(status=SKY, t=FAR, region=0, facade=-1, inside=0, normal=tm.vec3(0.0, 0.0, 1.0))


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
        ix = ti.cast((px - grid_f[G_WEST]) / grid_f[G_CELL], ti.i32) + 1
        iy = ti.cast((py - grid_f[G_SOUTH]) / grid_f[G_CELL], ti.i32) + 1
        region = ti.cast(cells[CELL * (iy * grid_i[G_STRIDE] + ix) + C_CODE], ti.i32)
        if region < 0:
            region = locate(px, py, -1 - region, blocks, block_edges, edge_sides)
    return region


@ti.func
def walk(
    o,
    d,
    start_region,
    any_hit: ti.template(),
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    sides: ti.template(),
    planes: ti.template(),
    grid_f,
    grid_i,
):
    """The first thing along a ray, or with `any_hit` whether there is one at all.

    Returns
    -------
    row, region, t, cells, edges
        Row of the wall's edge, -2 for a plane or -1 for nothing; the plane's region; the distance;
        how many of both were looked at. A ray that slipped past an edge by rounding ends at -2 in a
        region it is below of.
    """
    right = ti.select(d.x > 0.0, 1, 0)
    up = ti.select(d.y > 0.0, 1, 0)
    cell = grid_f[G_CELL]
    inv_x = cell / d.x
    inv_y = cell / d.y
    # In cells; the first row and column are the ring.
    gx = (o.x - grid_f[G_WEST]) / cell + 1.0
    gy = (o.y - grid_f[G_SOUTH]) / cell + 1.0
    ix = ti.cast(ti.floor(gx), ti.i32)
    iy = ti.cast(ti.floor(gy), ti.i32)
    tx = (ti.cast(ix + right, ti.f32) - gx) * inv_x
    ty = (ti.cast(iy + up, ti.f32) - gy) * inv_y
    # The ray ends at the rim of the maps or, going up, above the tallest roof.
    far_x = (ti.select(d.x > 0.0, grid_f[G_EAST], grid_f[G_WEST]) - o.x) / cell
    far_y = (ti.select(d.y > 0.0, grid_f[G_NORTH], grid_f[G_SOUTH]) - o.y) / cell
    t_wall = lower(far_x * inv_x, far_y * inv_y)  # of the nearest end so far
    if d.z > 0.0:
        t_wall = lower(t_wall, (grid_f[G_TOP] - o.z) / d.z)
    # The steepest envelope that rises no faster than the ray
    plan = ti.sqrt(d.x * d.x + d.y * d.y)
    envelope = C_ENVELOPE - 1
    for k in ti.static(range(len(ENVELOPE_SLOPES))):
        envelope += ti.select(d.z >= ENVELOPE_SLOPES[k] * plan, 1, 0)
    rising = envelope >= C_ENVELOPE
    at = CELL * (iy * grid_i[G_STRIDE] + ix)
    wall = NO_ROW
    region = start_region
    t = 0.0
    z = o.z
    cells_seen = 0  # counting costs nothing where nobody asks for it
    edges_seen = 0
    running = ix >= 1 and iy >= 1 and ix <= grid_i[G_NX] and iy <= grid_i[G_NY]
    while running:
        cells_seen += 1
        t_out = lower(tx, ty)
        z_out = o.z + d.z * t_out
        z_min = lower(z, z_out)
        if z_min > cells[at + C_TOP]:
            region = -1
            if rising & (z > cells[at + envelope]):
                wall = NO_ROW
                running = False
        else:
            code = ti.cast(cells[at + C_CODE], ti.i32)
            row = -1 - code
            between = False  # planes: there are only walls to meet
            if code < 0:
                last = row + 1 + ti.cast(blocks[ROW * row + B_COUNT], ti.i32)
                edges_seen += last - row - 1
                for j in range(row + 1, last):
                    t_edge = wall_ahead(j, o, d, t_wall, blocks)
                    wall = ti.select(t_edge < t_wall, j, wall)
                    t_wall = t_edge
                highest = upper(z, z_out)
                between = d.z >= blocks[ROW * row + B_SLOPE] * plan or (
                    z_min > blocks[ROW * row + B_LOW] and highest < blocks[ROW * row + B_NEXT]
                )
                lowest = ti.cast(blocks[ROW * row + B_LOWEST], ti.i32)
                if between:
                    region = -1
                elif highest < blocks[ROW * row + B_NEXT] and lowest >= 0:
                    # Below all other planes, outside of solids: it is over this one.
                    region = lowest
                    row = NO_ROW
                elif region < 0:
                    px = o.x + d.x * t
                    py = o.y + d.y * t
                    region = locate(px, py, row, blocks, block_edges, sides)
            else:
                region = code
            if not between:
                end = over_planes(
                    o, d, row, region, t, lower(t_out, t_wall), blocks, block_edges, sides, planes
                )
                region = ti.cast(end.y, ti.i32)
                if end.x > 0.0:
                    wall = PLANE_ROW
                    t_wall = end.z
                    running = False
        if ti.static(any_hit):
            running = running and wall == NO_ROW
        # Written so that a direction that is not a number ends here.
        if not t_out < t_wall:
            running = False
        t = t_out
        z = z_out
        by_x = tx < ty
        at += ti.select(by_x, CELL * (2 * right - 1), CELL * (2 * up - 1) * grid_i[G_STRIDE])
        tx += ti.select(by_x, ti.abs(inv_x), 0.0)
        ty += ti.select(by_x, 0.0, ti.abs(inv_y))
    return wall, region, t_wall, cells_seen, edges_seen


@ti.func
def slanted(d_in):
    """The direction, never along a row or column of cells."""
    d = d_in
    d.x = ti.select(ti.abs(d.x) < 1e-9, 1e-9, d.x)
    d.y = ti.select(ti.abs(d.y) < 1e-9, 1e-9, d.y)
    return d


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
    d = slanted(d_in)
    row, region, t, _, _ = walk(
        o,
        d,
        start_region,
        False,
        cells,
        blocks,
        block_edges,
        edge_sides,
        planes,
        grid_f,
        grid_i,
    )
    hit = Hit(status=SKY, t=t, region=0, facade=-1, inside=0, normal=tm.vec3(0.0, 0.0, 1.0))
    if d.z < 0.0:
        hit.status = BORDER
    if row >= 0:
        ex = blocks[ROW * row + E_BX] - blocks[ROW * row + E_AX]
        ey = blocks[ROW * row + E_BY] - blocks[ROW * row + E_AY]
        n = tm.vec3(ey, -ex, 0.0) / ti.sqrt(ex * ex + ey * ey)
        # The normal of a -> b points right; the ray looks against the wall's own.
        side = 0
        if n.x * d.x + n.y * d.y > 0.0:
            n = -n
            side = 1
        number = block_edges[row]
        hit.status = WALL
        hit.normal = n
        hit.region = edge_sides[number, 1 - side]
        hit.inside = edge_sides[number, side]
        hit.facade = edge_sides[number, 2 + side]
    elif row == PLANE_ROW:
        hit.region = region
        hit.status = ROOF
        if region == 0:
            hit.status = GROUND
        hit.normal = tm.normalize(tm.vec3(-planes[region, 1], -planes[region, 2], 1.0))
        gap = o.z + d.z * t - plane_height(planes, region, o.x + d.x * t, o.y + d.y * t)
        if gap < -SINK and t > 0.0:
            # Slipped past an edge by rounding: it is that building's wall.
            hit.status = WALL
            hit.region = 0
            hit.inside = region
            hit.normal = tm.normalize(tm.vec3(-d.x, -d.y, 0.0))
    if grid_i[G_CROWNS] > 0:
        key = ray_key(o, d)
        t_end = ti.select(row == NO_ROW, FAR, t)
        leaf = through_crowns(o, d, t_end, free_depth(key), blocks, grid_i[G_CROWNS]).y
        if leaf < t_end:
            hit = Hit(status=LEAF, t=leaf, region=-1, facade=-1, inside=0,
                      normal=leaf_normal(d, key))  # fmt: skip
    if grid_f[G_HILLS] > 0.0:
        first = HILL_UNIT * ti.cast(grid_f[G_HILLS], ti.i32)
        t_end = ti.select(hit.status == SKY or hit.status == BORDER, FAR, hit.t)
        t_hill = over_hills(o, d, t_end, blocks, first)
        if t_hill < t_end:
            # A hillside is as the land beyond the map.
            hit.status = BORDER
            hit.t = t_hill
    return hit


@ti.func
def shadow(
    o,
    d_in,
    start_region,
    suspect,
    cells: ti.template(),
    blocks: ti.template(),
    block_edges: ti.template(),
    edge_sides: ti.template(),
    planes: ti.template(),
    grid_f,
    grid_i,
):
    """What stands in the way of a ray to the sky.

    Parameters
    ----------
    suspect : int
        What `shadow` found for a ray nearby, tested first; -1 for none.

    Returns
    -------
    int
        Row of a wall's edge, -2 for a plane, -1 for nothing.
    """
    d = slanted(d_in)
    found = NO_ROW
    if suspect >= 0:
        if wall_ahead(suspect, o, d, FAR, blocks) < FAR:
            found = suspect
    if found == NO_ROW:
        found, _, _, _, _ = walk(
            o,
            d,
            start_region,
            True,
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
    if grid_f[G_HILLS] > 0.0 and found == NO_ROW:
        first = HILL_UNIT * ti.cast(grid_f[G_HILLS], ti.i32)
        if over_hills(o, d, FAR, blocks, first) < FAR:
            found = PLANE_ROW
    return found
