"""The shade that walls cast on a part of a pixel.

In plan it lies where a few linear functions are positive. They say how much of the square around
each point of the part's lattice is shaded, so that a few walls that were found by rays stand for
rays from everywhere.
"""

from heatmat.kernels.edges import (
    E_AX,
    E_AY,
    E_BX,
    E_BY,
    E_LEFT,
    E_RIGHT,
    NO_ROW,
    ROW,
    lower,
    plane_height,
    upper,
)
from heatmat.kernels.heightfield import FAR, shadow
from heatmat.kernels.starts import OFFSET, vec4
from heatmat.runtime import ti, tm

PROBES = 4
POINTS = 64  # of the lattice, row by row
SIDE = 8

TINY = 1.0e-9
MORE = 2  # walls that are looked for beside those that shade the corners
COARSE = 4  # points that share a ray where a plane may be in the way
LAST = PROBES + MORE + POINTS // COARSE  # most rays at an edge


@ti.func
def lattice_place(k):
    """Column and row of point k."""
    return k & (SIDE - 1), k // SIDE


@ti.func
def has_point(low, high, k):
    """Whether bit k of two words is set."""
    word = ti.select(k < 32, low, high)
    return ((word >> ti.cast(k & 31, ti.u32)) & ti.u32(1)) == ti.u32(1)


@ti.func
def popcount(low, high):
    """Bits that are set in two words."""
    return ti.cast(tm.popcnt(low), ti.i32) + ti.cast(tm.popcnt(high), ti.i32)


@ti.func
def lattice_point(k, corner, step, plane, n, planes: ti.template()):
    """Where a ray from point k of a part begins; `corner` is the south-west one of its cell."""
    ix, iy = lattice_place(k)
    x = corner.x + (ti.cast(ix, ti.f32) + 0.5) * step
    y = corner.y + (ti.cast(iy, ti.f32) + 0.5) * step
    return tm.vec3(x, y, plane_height(planes, plane, x, y)) + OFFSET * n


@ti.func
def wall_margins(j, o, d, blocks: ti.template()):
    """How far inside the shade of the wall of row j a point lies; linear in points of one plane.

    Returns
    -------
    vec4
        Shares of the wall to both of its ends from where the ray meets it, height of the wall above
        the ray [m], and distance to it in units of d: the point is shaded where all are positive.
    """
    ax, ay = blocks[ROW * j + E_AX] - o.x, blocks[ROW * j + E_AY] - o.y
    bx, by = blocks[ROW * j + E_BX] - o.x, blocks[ROW * j + E_BY] - o.y
    side_a = d.x * ay - d.y * ax
    across = d.x * by - d.y * bx - side_a
    across = ti.select(ti.abs(across) > TINY, across, TINY)
    share = -side_a / across
    t = (ax * (by - ay) - ay * (bx - ax)) / across
    right = across > 0.0
    at_a = ti.select(right, blocks[ROW * j + E_RIGHT], blocks[ROW * j + E_LEFT])
    at_b = ti.select(right, blocks[ROW * j + E_RIGHT + 1], blocks[ROW * j + E_LEFT + 1])
    return vec4(share, 1.0 - share, at_a + share * (at_b - at_a) - o.z - d.z * t, t)


@ti.func
def shade_points(
    j, d, corner, step, plane, n, low, high,
    dark: ti.template(), planes: ti.template(), blocks: ti.template(),
):  # fmt: skip
    """Add the shade of the wall of row j to `dark`, the shaded share around each point of a part.

    What two walls shade of one square is added up to all of it: they mostly meet at an edge.

    Returns
    -------
    low, high
        Points that lie in the wall's shade.
    """
    here = wall_margins(j, lattice_point(0, corner, step, plane, n, planes), d, blocks)
    along_x = wall_margins(j, lattice_point(1, corner, step, plane, n, planes), d, blocks) - here
    along_y = wall_margins(j, lattice_point(SIDE, corner, step, plane, n, planes), d, blocks) - here
    # A square's corners are half as far from its middle as these sums.
    scale = 1.0 / (ti.abs(along_x) + ti.abs(along_y) + TINY)
    shaded = ti.Vector([ti.u32(0), ti.u32(0)])
    for iy in range(SIDE):
        at = here + ti.cast(iy, ti.f32) * along_y
        row = ti.u32(0)
        for ix in range(SIDE):
            cover = tm.clamp(0.5 + at * scale, 0.0, 1.0)
            share = upper(cover[0] + cover[1] - 1.0, 0.0) * cover[2]
            share = ti.select(at[3] > 0.0, share, 0.0)
            dark[SIDE * iy + ix] = lower(dark[SIDE * iy + ix] + share, 1.0)
            inside = (at[0] > 0.0) & (at[1] > 0.0) & (at[2] > 0.0) & (at[3] > 0.0)
            row |= ti.cast(inside, ti.u32) << ti.cast(ix, ti.u32)
            at += along_x
        shaded[iy // 4] |= row << ti.cast(SIDE * (iy & 3), ti.u32)
    return shaded[0] & low, shaded[1] & high


@ti.func
def next_point(turn, lit_probes, corners, low, high, dark_low, dark_high, plane):
    """Which point of a part to send a ray from, -1 for none.

    First those of the corners that lie in the shade of no wall found so far; then the lit point
    nearest to what is shaded, as where two walls meet; where a plane is in the way, one in
    `COARSE` points.
    """
    chosen = -1
    if turn < PROBES:
        k = corners[turn]
        if (lit_probes >> turn) & 1 == 0 and not has_point(dark_low, dark_high, k):
            chosen = k
    elif turn < PROBES + MORE:
        mean = tm.vec2(0.0)
        number = 0
        for k in range(POINTS):
            if has_point(dark_low, dark_high, k):
                ix, iy = lattice_place(k)
                mean += tm.vec2(ti.cast(ix, ti.f32), ti.cast(iy, ti.f32))
                number += 1
        if number > 0 and not plane:
            mean /= ti.cast(number, ti.f32)
            least = FAR
            for k in range(POINTS):
                if has_point(low & ~dark_low, high & ~dark_high, k):
                    ix, iy = lattice_place(k)
                    dx = ti.cast(ix, ti.f32) - mean.x
                    dy = ti.cast(iy, ti.f32) - mean.y
                    if dx * dx + dy * dy < least:
                        least = dx * dx + dy * dy
                        chosen = k
    elif plane:
        first = (turn - PROBES - MORE) * COARSE
        for k in range(first, first + COARSE):
            if chosen < 0 and has_point(low & ~dark_low, high & ~dark_high, k):
                chosen = k
    return chosen


@ti.func
def shade_part(
    dark: ti.template(), d, lit_probes, at_corners, low, high, suspect, corner, step, region, n,
    cells: ti.template(), blocks: ti.template(), block_edges: ti.template(),
    edge_sides: ti.template(), planes: ti.template(), grid_f, grid_i,
):  # fmt: skip
    """Find what shades a part, and how much of the square around each of its points.

    Parameters
    ----------
    dark : vector
        Receives the shaded shares.
    d : vec3
        Towards the sun.
    lit_probes : int
        Bits of the corners that lie in the sun.
    suspect : int
        Row of the wall that shaded the part last.

    Returns
    -------
    int
        Row of the wall found last, or `suspect`.
    """
    for k in range(POINTS):
        dark[k] = 0.0
    dark_low = ti.u32(0)
    dark_high = ti.u32(0)
    blocker = suspect
    plane = False
    # The wall before first, without a ray
    turn = ti.select(suspect >= 0, -1, 0)
    while turn < LAST:
        found = blocker
        chosen = -1
        if turn >= 0:
            found = NO_ROW
            chosen = next_point(turn, lit_probes, at_corners, low, high, dark_low, dark_high, plane)
            if chosen >= 0:
                o = lattice_point(chosen, corner, step, region, n, planes)
                found = shadow(
                    o, d, region, blocker, cells, blocks, block_edges, edge_sides, planes, grid_f,
                    grid_i,
                )  # fmt: skip
        if found >= 0:
            blocker = found
            shaded_low, shaded_high = shade_points(
                found, d, corner, step, region, n, low, high, dark, planes, blocks
            )
            dark_low |= shaded_low
            dark_high |= shaded_high
        elif found != NO_ROW:
            plane = True
            if turn >= PROBES + MORE:
                for k in range(COARSE):
                    dark[(turn - PROBES - MORE) * COARSE + k] = 1.0
        # Nothing more to look for where nothing shades the last one.
        if turn >= PROBES and not plane and (chosen < 0 or found == NO_ROW):
            turn = LAST
        turn += 1
    return blocker
