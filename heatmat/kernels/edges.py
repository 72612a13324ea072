"""Edges and planes of one cell, as a ray or a point meets them.

The edges of a cell lie side by side in `blocks` (see `heatmat.ray_grid`), each with the heights of
the planes on both sides, so that a wall is met or missed without looking anything up.
"""

from heatmat.runtime import ti, tm

# Crossings closer than this belong to one vertex [m]; footprints are snapped to 1 mm.
VERTEX = 2.0e-4
# A ray counts as inside a solid when it is this far below a plane [m] (f32 at 2 km: 0.2 mm).
SINK = 2.0e-3
# Edges that one ray may cross in one cell
MOST_CROSSINGS = 64
# Rows that stand for no edge: nothing met, and a plane
NO_ROW, PLANE_ROW = -1, -2

# Rows of `blocks`: a heading, then edges
ROW = 8
B_COUNT, B_REGION, B_X, B_Y, B_LOW, B_NEXT, B_SLOPE, B_LOWEST = range(8)
E_AX, E_AY, E_BX, E_BY, E_LEFT, E_RIGHT = 0, 1, 2, 3, 4, 6


@ti.func
def lower(a, b):
    """The lesser; one instruction, where ti.min also takes care of what is not a number."""
    return a if a < b else b


@ti.func
def upper(a, b):
    """The greater, as `lower`."""
    return a if a > b else b


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
    ax = blocks[ROW * j + E_AX] - px
    ay = blocks[ROW * j + E_AY] - py
    bx = blocks[ROW * j + E_BX] - px
    by = blocks[ROW * j + E_BY] - py
    side_a = dx * ay - dy * ax
    side_b = dx * by - dy * bx
    # Without branches: which edges a ray crosses no processor can foresee.
    met = (side_a >= 0.0) != (side_b >= 0.0)
    inverse = 1.0 / ti.select(met, side_b - side_a, 1.0)
    side = ti.select(met, ti.select(side_b > side_a, 1.0, -1.0), 0.0)
    return tm.vec3(side, (ax * (by - ay) - ay * (bx - ax)) * inverse, -side_a * inverse)


@ti.func
def wall_ahead(j, o, d, t_most, blocks: ti.template()):
    """Distance at which a ray meets the wall of row j before `t_most`, else `t_most`."""
    met = crossing(j, o.x, o.y, d.x, d.y, blocks)
    right = met.x > 0.0
    at_a = ti.select(right, blocks[ROW * j + E_RIGHT], blocks[ROW * j + E_LEFT])
    at_b = ti.select(right, blocks[ROW * j + E_RIGHT + 1], blocks[ROW * j + E_LEFT + 1])
    below = o.z + d.z * met.y < at_a + met.z * (at_b - at_a)
    return ti.select((met.x != 0.0) & (met.y > 0.0) & (met.y < t_most) & below, met.y, t_most)


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
def next_edge(
    o,
    d,
    row,
    region,
    crossed,
    t_now,
    t_most,
    blocks: ti.template(),
    block_edges: ti.template(),
    sides: ti.template(),
):
    """The next edge of a block that a ray crosses between `t_now` and `t_most`.

    Returns
    -------
    row, region, t
        Row of the edge or -1, the region behind it, the distance (`t_most` without an edge).
    """
    t_next = t_most
    nearest = NO_ROW
    fitting = 0
    behind = region
    for j in range(row + 1, row + 1 + ti.cast(blocks[ROW * row + B_COUNT], ti.i32)):
        met = crossing(j, o.x, o.y, d.x, d.y, blocks)
        if met.x != 0.0 and met.y < t_most and j != crossed:
            source = sides[block_edges[j], 1]
            target = sides[block_edges[j], 0]
            if met.x > 0.0:
                source, target = target, source
            fits = 0
            if source == region:
                fits = 1
            # Of crossings at one vertex, the one that leaves this region.
            if met.y > t_now or (fits == 1 and met.y > t_now - VERTEX and t_now > 0.0):
                closer = met.y < t_next - VERTEX or (met.y < t_next and fits == fitting)
                if nearest < 0 or closer or (met.y < t_next + VERTEX and fits > fitting):
                    t_next = met.y
                    nearest = j
                    fitting = fits
                    behind = target
    return nearest, behind, upper(t_next, t_now)


@ti.func
def over_planes(
    o,
    d,
    row,
    first_region,
    t_first,
    t_most,
    blocks: ti.template(),
    block_edges: ti.template(),
    sides: ti.template(),
    planes: ti.template(),
):
    """Whether a ray meets a plane in one cell, going from region to region.

    Parameters
    ----------
    row : int
        Heading of the cell's block, negative in a cell of one region.
    first_region : int
        Region at `t_first`.

    Returns
    -------
    vec3
        1 if it does; the region it is over at the end; the distance.
    """
    region = first_region
    t_now = t_first
    crossed = NO_ROW
    met = 0.0
    rounds = 0
    running = True
    while running:
        t_next = t_most
        nearest = NO_ROW
        behind = region
        if row >= 0:
            nearest, behind, t_next = next_edge(
                o, d, row, region, crossed, t_now, t_most, blocks, block_edges, sides
            )
        f0 = o.z + d.z * t_now
        f0 -= plane_height(planes, region, o.x + d.x * t_now, o.y + d.y * t_now)
        f1 = o.z + d.z * t_next
        f1 -= plane_height(planes, region, o.x + d.x * t_next, o.y + d.y * t_next)
        if f0 < -SINK and t_now > 0.0 and row < 0:
            met = 1.0
        elif f1 < 0.0 and f1 < f0 and f0 > -SINK:
            met = 1.0
            t_now += (t_next - t_now) * upper(f0, 0.0) / (upper(f0, 0.0) - f1)
        rounds += 1
        running = met == 0.0 and nearest >= 0 and rounds < MOST_CROSSINGS
        if running:
            region = behind
            crossed = nearest
            t_now = t_next
    return tm.vec3(met, ti.cast(region, ti.f32), t_now)
