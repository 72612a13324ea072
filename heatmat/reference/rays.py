"""Rays and nearest points through a bounding-volume hierarchy of triangles.

Triangles are tested by the signs of the edges' volumes against the ray (Pluecker coordinates about
the ray's origin; Shevtsov, Soupikov and Kapustin 2007): two triangles compute the same number, with
opposite sign, for the edge they share, so no ray slips between them. Boxes are tested four at once;
the nearest child is entered next and the others are put aside without a branch, since a branch that
is guessed wrong costs as much as the four tests.
"""

from heatmat.reference.bvh import STACK, WIDTH
from heatmat.runtime import ti, tm

NONE = 1e30
"""Entry distance of a box that is missed."""

CODES = 6 * WIDTH

Hit = ti.types.struct(t=ti.f32, triangle=ti.i32, u=ti.f32, v=ti.f32, normal=tm.vec3)
Nearest = ti.types.struct(distance=ti.f32, triangle=ti.i32, point=tm.vec3)


# ti.min and ti.max also sort out what is no number, which takes four instructions for one.
@ti.func
def less(a, b):
    """The smaller of two numbers."""
    return ti.select(a < b, a, b)


@ti.func
def more(a, b):
    """The larger of two numbers."""
    return ti.select(a > b, a, b)


@ti.func
def safe_inverse(d):
    """One over each component, of those near zero a large number of the same sign."""
    inverse = tm.vec3(0.0, 0.0, 0.0)
    for k in ti.static(range(3)):
        inverse[k] = 1.0 / (ti.select(d[k] < 0.0, -1.0, 1.0) * ti.max(ti.abs(d[k]), 1e-12))
    return inverse


@ti.func
def near_sides(d):
    """Where in a node the sides lie that a ray meets first."""
    sides = ti.Vector([0, WIDTH, 2 * WIDTH], ti.i32)
    for k in ti.static(range(3)):
        sides[k] += ti.select(d[k] < 0.0, 3 * WIDTH, 0)
    return sides


@ti.func
def corner(triangles: ti.template(), i, k: ti.template()):
    """Corner k of a triangle."""
    return tm.vec3(triangles[i][3 * k], triangles[i][3 * k + 1], triangles[i][3 * k + 2])


@ti.func
def meet(triangles: ti.template(), i, o, d, t_min, t_max):
    """Where a ray meets a triangle: t (t_max: not before), u, v."""
    a = corner(triangles, i, 0) - o
    b = corner(triangles, i, 1) - o
    c = corner(triangles, i, 2) - o
    # Volumes of the ray with the edges opposite a, b and c.
    wa = tm.dot(tm.cross(c - b, c + b), d)
    wb = tm.dot(tm.cross(a - c, a + c), d)
    wc = tm.dot(tm.cross(b - a, b + a), d)
    t = t_max
    u = 0.0
    v = 0.0
    if less(wa, less(wb, wc)) >= 0.0 or more(wa, more(wb, wc)) <= 0.0:
        n = tm.cross(b - a, c - a)
        slope = tm.dot(n, d)
        total = wa + wb + wc
        if slope != 0.0 and total != 0.0:
            there = tm.dot(n, a) / slope
            if there > t_min and there < t_max:
                t = there
                u = wb / total
                v = wc / total
    return t, u, v


@ti.func
def enter_child(nodes: ti.template(), node, k: ti.template(), inverse, scaled, side, t_min, t_max):
    """Distance at which a ray enters the box of child k, NONE if it misses it."""
    x0 = nodes[node][side.x + k] * inverse.x - scaled.x
    y0 = nodes[node][side.y + k] * inverse.y - scaled.y
    z0 = nodes[node][side.z + k] * inverse.z - scaled.z
    # The sides opposite: low and high x, for one, add up to 3 * WIDTH.
    x1 = nodes[node][3 * WIDTH - side.x + k] * inverse.x - scaled.x
    y1 = nodes[node][5 * WIDTH - side.y + k] * inverse.y - scaled.y
    z1 = nodes[node][7 * WIDTH - side.z + k] * inverse.z - scaled.z
    enter = more(more(t_min, x0), more(y0, z0))
    leave = less(less(t_max, x1), less(y1, z1))
    return ti.select(enter <= leave, enter, NONE)


@ti.func
def closest_hit(o, d, t_min, t_max, nodes: ti.template(), triangles: ti.template()):
    """First triangle along a ray, from whichever side.

    Parameters
    ----------
    o, d : vec3
        Start [m] and unit direction.
    t_min, t_max : float
        Only hits between them count [m].
    nodes, triangles : ndarray
        `heatmat.reference.bvh.Bvh.to_device`.

    Returns
    -------
    Hit
        Distance (t_max if none), row in the mesh's faces (-1 if none), barycentric weights of the
        second and third corner, unit normal of the face.
    """
    inverse = safe_inverse(d)
    scaled = o * inverse
    side = near_sides(d)
    stack = ti.Vector([0 for _ in range(STACK)], ti.i32)
    entry = ti.Vector([0.0 for _ in range(STACK)], ti.f32)
    near = ti.Vector([0.0 for _ in range(WIDTH)], ti.f32)
    top = 0
    t = t_max
    u = 0.0
    v = 0.0
    best = -1
    code = 0
    going = 1
    while going > 0:
        if code >= 0:
            for k in ti.static(range(WIDTH)):
                near[k] = enter_child(nodes, code, k, inverse, scaled, side, t_min, t)
            first = NONE
            child = -1
            for k in ti.static(range(WIDTH)):
                gap = near[k]
                this = ti.bit_cast(nodes[code][CODES + k], ti.i32)
                sooner = gap < first
                later = ti.select(sooner, first, gap)
                entry[top] = later
                stack[top] = ti.select(sooner, child, this)
                top += ti.select(later < NONE, 1, 0)
                first = ti.select(sooner, gap, first)
                child = ti.select(sooner, this, child)
            code = child
            going = ti.select(first < NONE, 1, 0)
        else:
            start = (~code) >> 3
            for i in range(start, start + ((~code) & 7)):
                t_new, u_new, v_new = meet(triangles, i, o, d, t_min, t)
                if t_new < t:
                    t, u, v, best = t_new, u_new, v_new, i
            going = 0
        while going == 0 and top > 0:
            top -= 1
            if entry[top] <= t:
                code = stack[top]
                going = 1
    hit = Hit(t=t, triangle=-1, u=u, v=v, normal=tm.vec3(0.0, 0.0, 0.0))
    if best >= 0:
        hit.triangle = ti.bit_cast(triangles[best][9], ti.i32)
        a = corner(triangles, best, 0)
        n = tm.cross(corner(triangles, best, 1) - a, corner(triangles, best, 2) - a)
        hit.normal = n / ti.sqrt(tm.dot(n, n))
    return hit


@ti.func
def blocked(o, d, t_min, t_max, nodes: ti.template(), triangles: ti.template()):
    """1 if any triangle lies between t_min and t_max on a ray, else 0; as `closest_hit`."""
    inverse = safe_inverse(d)
    scaled = o * inverse
    side = near_sides(d)
    stack = ti.Vector([0 for _ in range(STACK)], ti.i32)
    near = ti.Vector([0.0 for _ in range(WIDTH)], ti.f32)
    top = 1  # the root, 0, lies on the stack
    found = 0
    while top > 0:
        top -= 1
        code = stack[top]
        if code >= 0:
            for k in ti.static(range(WIDTH)):
                near[k] = enter_child(nodes, code, k, inverse, scaled, side, t_min, t_max)
            for k in ti.static(range(WIDTH)):
                stack[top] = ti.bit_cast(nodes[code][CODES + k], ti.i32)
                top += ti.select(near[k] < NONE, 1, 0)
        else:
            start = (~code) >> 3
            for i in range(start, start + ((~code) & 7)):
                t, u, v = meet(triangles, i, o, d, t_min, t_max)
                if t < t_max:
                    found = 1
                    top = 0
    return found


@ti.func
def child_distance(nodes: ti.template(), node, k: ti.template(), p):
    """Squared distance of a point from the box of child k [m2]."""
    total = 0.0
    for axis in ti.static(range(3)):
        below = nodes[node][axis * WIDTH + k] - p[axis]
        above = p[axis] - nodes[node][(3 + axis) * WIDTH + k]
        total += more(more(below, above), 0.0) ** 2
    return total


@ti.func
def nearest_on(triangles: ti.template(), i, p):
    """Point of a triangle nearest to p (Ericson 2005, Real-Time Collision Detection, 5.1.5)."""
    a = corner(triangles, i, 0)
    b = corner(triangles, i, 1)
    c = corner(triangles, i, 2)
    ab, ac, ap = b - a, c - a, p - a
    bp, cp = p - b, p - c
    d1, d2 = tm.dot(ab, ap), tm.dot(ac, ap)
    d3, d4 = tm.dot(ab, bp), tm.dot(ac, bp)
    d5, d6 = tm.dot(ab, cp), tm.dot(ac, cp)
    vc = d1 * d4 - d3 * d2
    vb = d5 * d2 - d1 * d6
    va = d3 * d6 - d5 * d4
    q = a
    if d1 <= 0.0 and d2 <= 0.0:
        q = a
    elif d3 >= 0.0 and d4 <= d3:
        q = b
    elif d6 >= 0.0 and d5 <= d6:
        q = c
    elif vc <= 0.0 and d1 >= 0.0 and d3 <= 0.0:
        q = a + ab * (d1 / ti.max(d1 - d3, 1e-30))
    elif vb <= 0.0 and d2 >= 0.0 and d6 <= 0.0:
        q = a + ac * (d2 / ti.max(d2 - d6, 1e-30))
    elif va <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        q = b + (c - b) * ((d4 - d3) / ti.max(d4 - d3 + d5 - d6, 1e-30))
    else:
        total = ti.max(va + vb + vc, 1e-30)
        q = a + ab * (vb / total) + ac * (vc / total)
    return q


@ti.func
def closest_point(p, reach, nodes: ti.template(), triangles: ti.template()):
    """Point of the mesh nearest to p, within `reach`.

    Returns
    -------
    Nearest
        Distance [m] (`reach` if none is nearer), row in the mesh's faces (-1 if none), the point.
    """
    stack = ti.Vector([0 for _ in range(STACK)], ti.i32)
    entry = ti.Vector([0.0 for _ in range(STACK)], ti.f32)
    near = ti.Vector([0.0 for _ in range(WIDTH)], ti.f32)
    least = reach * reach
    best = -1
    point = p
    top = 1  # the root, 0, lies on the stack
    while top > 0:
        top -= 1
        code = stack[top]
        if entry[top] < least:
            if code >= 0:
                for k in ti.static(range(WIDTH)):
                    near[k] = child_distance(nodes, code, k, p)
                # Farther children below nearer ones: of the four the nearest is on top.
                first = NONE
                child = -1
                for k in ti.static(range(WIDTH)):
                    gap = near[k]
                    this = ti.bit_cast(nodes[code][CODES + k], ti.i32)
                    sooner = gap < first
                    later = ti.select(sooner, first, gap)
                    entry[top] = later
                    stack[top] = ti.select(sooner, child, this)
                    top += ti.select(later < least, 1, 0)
                    first = ti.select(sooner, gap, first)
                    child = ti.select(sooner, this, child)
                entry[top] = first
                stack[top] = child
                top += ti.select(first < least, 1, 0)
            else:
                start = (~code) >> 3
                for i in range(start, start + ((~code) & 7)):
                    q = nearest_on(triangles, i, p)
                    gap = tm.dot(q - p, q - p)
                    if gap < least:
                        least = gap
                        best = i
                        point = q
    found = Nearest(distance=ti.sqrt(least), triangle=-1, point=point)
    if best >= 0:
        found.triangle = ti.bit_cast(triangles[best][9], ti.i32)
    return found
