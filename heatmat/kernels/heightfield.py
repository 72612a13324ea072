"""Exact rays through the 2.5D city: cells only accelerate, walls are the footprints' own edges.

A ray steps from cell edge to cell edge at the coarsest level of the maximum pyramid that is clear
(Tevs, Ihrke and Seidel 2008, doi:10.1145/1342250.1342279) and leaves early above the tallest roof.
In a level-0 cell it carries the region it is over (ground or one roof plane). Where it crosses a
footprint edge into a region that is higher than the ray, it hits that region's wall.
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

# Rows of `grid_f`
G_WEST, G_SOUTH, G_RES, G_TOP = 0, 1, 2, 3
# Rows of `grid_i`
G_NX, G_NY, G_LEVELS, G_WIDTH = 0, 1, 2, 3

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
def locate(
    px,
    py,
    code,
    boundary: ti.template(),
    reference: ti.template(),
    boundary_edges: ti.template(),
    edges: ti.template(),
    edge_sides: ti.template(),
):
    """Region at a point of the boundary cell `-1 - code`, by a walk to its reference point."""
    k = -1 - code
    dx = reference[k, 0] - px
    dy = reference[k, 1] - py
    region = boundary[k, 2]
    nearest = 2.0
    for j in range(boundary[k, 0], boundary[k, 0] + boundary[k, 1]):
        e = boundary_edges[j]
        ax = edges[e, 0] - px
        ay = edges[e, 1] - py
        bx = edges[e, 2] - px
        by = edges[e, 3] - py
        sa = dx * ay - dy * ax
        sb = dx * by - dy * bx
        if (sa >= 0.0) != (sb >= 0.0):
            t = (ax * (by - ay) - ay * (bx - ax)) / (sb - sa)
            if 0.0 <= t <= 1.0 and t < nearest:
                nearest = t
                # The walk goes to the left of a->b when sb < sa; the point is on the other side.
                if sb < sa:
                    region = edge_sides[e, 1]
                else:
                    region = edge_sides[e, 0]
    return region


@ti.func
def region_at(
    px,
    py,
    cells: ti.template(),
    boundary: ti.template(),
    reference: ti.template(),
    boundary_edges: ti.template(),
    edges: ti.template(),
    edge_sides: ti.template(),
    grid_f,
    grid_i,
):
    """Region at any point; ground outside the grid."""
    ix = ti.cast(ti.floor((px - grid_f[G_WEST]) / grid_f[G_RES]), ti.i32)
    iy = ti.cast(ti.floor((py - grid_f[G_SOUTH]) / grid_f[G_RES]), ti.i32)
    region = 0
    if ix >= 0 and iy >= 0 and ix < grid_i[G_NX] and iy < grid_i[G_NY]:
        region = cells[iy, ix]
        if region < 0:
            region = locate(px, py, region, boundary, reference, boundary_edges, edges, edge_sides)
    return region


@ti.func
def trace(
    o,
    d_in,
    start_region,
    cells: ti.template(),
    pyramid: ti.template(),
    boundary: ti.template(),
    reference: ti.template(),
    boundary_edges: ti.template(),
    edges: ti.template(),
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
    inv_x = 1.0 / d.x
    inv_y = 1.0 / d.y
    res = grid_f[G_RES]
    nx = grid_i[G_NX]
    ny = grid_i[G_NY]
    levels = grid_i[G_LEVELS]
    width = grid_i[G_WIDTH]
    ix = ti.cast(ti.floor((o.x - grid_f[G_WEST]) / res), ti.i32)
    iy = ti.cast(ti.floor((o.y - grid_f[G_SOUTH]) / res), ti.i32)
    hit = Hit(status=SKY, t=0.0, region=0, facade=-1, inside=0, normal=tm.vec3(0.0, 0.0, 1.0))
    region = start_region
    level = 0
    offset = 0  # of the level in the flat pyramid
    side = width  # cells per row of the level
    t = 0.0
    running = 1
    steps = 0
    if d.z < 0.0:
        hit.status = BORDER
    while running == 1:
        steps += 1
        if ix < 0 or iy < 0 or ix >= nx or iy >= ny or steps > MAX_STEPS:
            running = 0
        elif d.z >= 0.0 and o.z + d.z * t > grid_f[G_TOP]:
            running = 0
        if running == 1:
            cx = ix >> level
            cy = iy >> level
            size = res * ti.cast(1 << level, ti.f32)
            right = 0
            if d.x > 0.0:
                right = 1
            up = 0
            if d.y > 0.0:
                up = 1
            tx = (grid_f[G_WEST] + ti.cast(cx + right, ti.f32) * size - o.x) * inv_x
            ty = (grid_f[G_SOUTH] + ti.cast(cy + up, ti.f32) * size - o.y) * inv_y
            t_out = ti.max(t, ti.min(tx, ty))
            lowest = ti.min(o.z + d.z * t, o.z + d.z * t_out)
            clear = lowest > pyramid[offset + cy * side + cx]
            if not clear and level > 0:
                level -= 1
                side = side << 1
                offset -= side * side
            else:
                if clear:
                    region = -1
                else:
                    code = cells[iy, ix]
                    if code >= 0:
                        region = code
                        h0 = plane_height(planes, code, o.x + d.x * t, o.y + d.y * t)
                        h1 = plane_height(planes, code, o.x + d.x * t_out, o.y + d.y * t_out)
                        f0 = o.z + d.z * t - h0
                        f1 = o.z + d.z * t_out - h1
                        if f0 < -SINK and t > 0.0:
                            # Slipped past an edge by rounding: it is that building's wall.
                            hit.status = WALL
                            hit.t = t
                            hit.inside = code
                            hit.normal = tm.normalize(tm.vec3(-d.x, -d.y, 0.0))
                            running = 0
                        elif f1 < 0.0 and f1 < f0:
                            hit.status = ROOF
                            if code == 0:
                                hit.status = GROUND
                            hit.t = t + (t_out - t) * ti.max(f0, 0.0) / (ti.max(f0, 0.0) - f1)
                            hit.region = code
                            running = 0
                    else:
                        k = -1 - code
                        first = boundary[k, 0]
                        last = first + boundary[k, 1]
                        if region < 0:
                            region = locate(
                                o.x + d.x * t,
                                o.y + d.y * t,
                                code,
                                boundary,
                                reference,
                                boundary_edges,
                                edges,
                                edge_sides,
                            )
                        t_now = t
                        crossed = -1
                        rounds = 0
                        inner = 1
                        while inner == 1:
                            rounds += 1
                            t_next = t_out
                            best = -1
                            best_from = 0
                            for j in range(first, last):
                                e = boundary_edges[j]
                                ax = edges[e, 0] - o.x
                                ay = edges[e, 1] - o.y
                                bx = edges[e, 2] - o.x
                                by = edges[e, 3] - o.y
                                sa = d.x * ay - d.y * ax
                                sb = d.x * by - d.y * bx
                                if (sa >= 0.0) != (sb >= 0.0) and e != crossed:
                                    te = (ax * (by - ay) - ay * (bx - ax)) / (sb - sa)
                                    source = edge_sides[e, 1]
                                    if sb > sa:
                                        source = edge_sides[e, 0]
                                    fits = 0
                                    if source == region:
                                        fits = 1
                                    ahead = te > t_now or (
                                        fits == 1 and te > t_now - VERTEX and t_now > 0.0
                                    )
                                    if ahead and te <= t_out:
                                        closer = te < t_next - VERTEX
                                        tie = te < t_next + VERTEX and fits > best_from
                                        if (
                                            best < 0
                                            or closer
                                            or tie
                                            or (te < t_next and fits == best_from)
                                        ):
                                            t_next = te
                                            best = e
                                            best_from = fits
                            t_next = ti.max(t_next, t_now)
                            px = o.x + d.x * t_next
                            py = o.y + d.y * t_next
                            pz = o.z + d.z * t_next
                            f0 = (
                                o.z
                                + d.z * t_now
                                - plane_height(planes, region, o.x + d.x * t_now, o.y + d.y * t_now)
                            )
                            f1 = pz - plane_height(planes, region, px, py)
                            if f1 < 0.0 and f1 < f0:
                                hit.status = ROOF
                                if region == 0:
                                    hit.status = GROUND
                                above = ti.max(f0, 0.0)
                                hit.t = t_now + (t_next - t_now) * above / (above - f1)
                                hit.region = region
                                running = 0
                                inner = 0
                            elif best < 0 or rounds > 64:
                                inner = 0
                            else:
                                ax = edges[best, 0]
                                ay = edges[best, 1]
                                ex = edges[best, 2] - ax
                                ey = edges[best, 3] - ay
                                # cross(e, d) < 0: to the right of a->b
                                turn = ex * d.y - ey * d.x
                                to = edge_sides[best, 0]
                                facade = edge_sides[best, 2]
                                if turn < 0.0:
                                    to = edge_sides[best, 1]
                                    facade = edge_sides[best, 3]
                                if pz < plane_height(planes, to, px, py):
                                    n = tm.vec3(ey, -ex, 0.0) / ti.sqrt(ex * ex + ey * ey)
                                    if n.x * d.x + n.y * d.y > 0.0:
                                        n = -n
                                    hit.status = WALL
                                    hit.t = t_next
                                    hit.region = region
                                    hit.inside = to
                                    hit.facade = facade
                                    hit.normal = n
                                    running = 0
                                    inner = 0
                                else:
                                    region = to
                                    crossed = best
                                    t_now = t_next
                if running == 1:
                    # Step into the next cell of this level, then try one level coarser.
                    t = t_out
                    if tx < ty:
                        low = cy << level
                        iy = ti.cast(ti.floor((o.y + d.y * t - grid_f[G_SOUTH]) / res), ti.i32)
                        iy = ti.min(ti.max(iy, low), low + (1 << level) - 1)
                        ix = ((cx + right) << level) - (1 - right)
                    else:
                        low = cx << level
                        ix = ti.cast(ti.floor((o.x + d.x * t - grid_f[G_WEST]) / res), ti.i32)
                        ix = ti.min(ti.max(ix, low), low + (1 << level) - 1)
                        iy = ((cy + up) << level) - (1 - up)
                    if clear and level + 1 < levels:
                        offset += side * side
                        side = side >> 1
                        level += 1
    if hit.status == ROOF:
        gx = planes[hit.region, 1]
        gy = planes[hit.region, 2]
        hit.normal = tm.normalize(tm.vec3(-gx, -gy, 1.0))
    return hit
