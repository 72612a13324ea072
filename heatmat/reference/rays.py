"""Rays and nearest points through a bounding-volume hierarchy of triangles.

Triangles are tested by the signs of the edges' volumes against the ray (Pluecker coordinates
about the ray's origin; Shevtsov, Soupikov and Kapustin 2007): two triangles compute the same
number, with opposite sign, for the edge they share, so no ray slips between them.
"""

from heatmat.runtime import ti, tm

STACK = 64

Hit = ti.types.struct(t=ti.f32, triangle=ti.i32, u=ti.f32, v=ti.f32, normal=tm.vec3)
Nearest = ti.types.struct(distance=ti.f32, triangle=ti.i32, point=tm.vec3)


@ti.func
def safe_inverse(d):
    """One over each component, of those near zero a large number of the same sign."""
    inverse = tm.vec3(0.0, 0.0, 0.0)
    for k in ti.static(range(3)):
        inverse[k] = 1.0 / (ti.select(d[k] < 0.0, -1.0, 1.0) * ti.max(ti.abs(d[k]), 1e-12))
    return inverse


@ti.func
def enter_box(nodes: ti.template(), node, first: ti.template(), o, inverse, t_min, t_max):
    """Where a ray enters a child's box, and where it leaves (before: it misses)."""
    near = t_min
    far = t_max
    for k in ti.static(range(3)):
        a = (nodes[node, first + k] - o[k]) * inverse[k]
        b = (nodes[node, first + 3 + k] - o[k]) * inverse[k]
        near = ti.max(near, ti.min(a, b))
        far = ti.min(far, ti.max(a, b))
    return near, far


@ti.func
def corner(triangles: ti.template(), i, k: ti.template()):
    """Corner k of a triangle, or its normal (k = 3)."""
    return tm.vec3(triangles[i, 3 * k], triangles[i, 3 * k + 1], triangles[i, 3 * k + 2])


@ti.func
def meet(triangles: ti.template(), i, o, d, t_min, t_max):
    """Where a ray meets a triangle: t (t_max: not before), u, v."""
    n = corner(triangles, i, 3)
    a = corner(triangles, i, 0) - o
    b = corner(triangles, i, 1) - o
    c = corner(triangles, i, 2) - o
    # Volumes of the ray with the edges opposite a, b and c.
    wa = tm.dot(tm.cross(c - b, c + b), d)
    wb = tm.dot(tm.cross(a - c, a + c), d)
    wc = tm.dot(tm.cross(b - a, b + a), d)
    low = ti.min(wa, ti.min(wb, wc))
    high = ti.max(wa, ti.max(wb, wc))
    t = t_max
    u = 0.0
    v = 0.0
    slope = tm.dot(n, d)
    if (low >= 0.0 or high <= 0.0) and slope != 0.0:
        there = tm.dot(n, a) / slope
        total = wa + wb + wc
        if there > t_min and there < t_max and total != 0.0:
            t = there
            u = wb / total
            v = wc / total
    return t, u, v


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
    stack = ti.Vector([0 for _ in range(STACK)], ti.i32)
    entry = ti.Vector([0.0 for _ in range(STACK)], ti.f32)
    top = 1
    t = t_max
    u = 0.0
    v = 0.0
    best = -1
    while top > 0:
        top -= 1
        code = stack[top]
        if entry[top] <= t:
            if code >= 0:
                near0, far0 = enter_box(nodes, code, 0, o, inverse, t_min, t)
                near1, far1 = enter_box(nodes, code, 6, o, inverse, t_min, t)
                left = ti.bit_cast(nodes[code, 12], ti.i32)
                right = ti.bit_cast(nodes[code, 13], ti.i32)
                if near1 < near0:
                    left, right = right, left
                    near0, near1 = near1, near0
                    far0, far1 = far1, far0
                if near1 <= far1:
                    stack[top] = right
                    entry[top] = near1
                    top += 1
                if near0 <= far0:
                    stack[top] = left
                    entry[top] = near0
                    top += 1
            else:
                first = (-1 - code) // 8
                for i in range(first, first + (-1 - code) % 8):
                    t_new, u_new, v_new = meet(triangles, i, o, d, t_min, t)
                    if t_new < t:
                        t, u, v, best = t_new, u_new, v_new, i
    hit = Hit(t=t, triangle=-1, u=u, v=v, normal=tm.vec3(0.0, 0.0, 0.0))
    if best >= 0:
        hit.triangle = ti.bit_cast(triangles[best, 12], ti.i32)
        hit.normal = corner(triangles, best, 3)
    return hit


@ti.func
def blocked(o, d, t_min, t_max, nodes: ti.template(), triangles: ti.template()):
    """1 if any triangle lies between t_min and t_max on a ray, else 0; as `closest_hit`."""
    inverse = safe_inverse(d)
    stack = ti.Vector([0 for _ in range(STACK)], ti.i32)
    top = 1
    found = 0
    while top > 0:
        top -= 1
        code = stack[top]
        if code >= 0:
            near0, far0 = enter_box(nodes, code, 0, o, inverse, t_min, t_max)
            near1, far1 = enter_box(nodes, code, 6, o, inverse, t_min, t_max)
            if near1 <= far1:
                stack[top] = ti.bit_cast(nodes[code, 13], ti.i32)
                top += 1
            if near0 <= far0:
                stack[top] = ti.bit_cast(nodes[code, 12], ti.i32)
                top += 1
        else:
            first = (-1 - code) // 8
            for i in range(first, first + (-1 - code) % 8):
                t, u, v = meet(triangles, i, o, d, t_min, t_max)
                if t < t_max:
                    found = 1
                    top = 0
    return found


@ti.func
def box_distance(nodes: ti.template(), node, first: ti.template(), p):
    """Squared distance of a point from a child's box [m2]."""
    total = 0.0
    for k in ti.static(range(3)):
        outside = ti.max(nodes[node, first + k] - p[k], p[k] - nodes[node, first + 3 + k])
        total += ti.max(outside, 0.0) ** 2
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
    top = 1
    least = reach * reach
    best = -1
    point = p
    while top > 0:
        top -= 1
        code = stack[top]
        if entry[top] < least:
            if code >= 0:
                near0 = box_distance(nodes, code, 0, p)
                near1 = box_distance(nodes, code, 6, p)
                left = ti.bit_cast(nodes[code, 12], ti.i32)
                right = ti.bit_cast(nodes[code, 13], ti.i32)
                if near1 < near0:
                    left, right = right, left
                    near0, near1 = near1, near0
                if near1 < least:
                    stack[top] = right
                    entry[top] = near1
                    top += 1
                if near0 < least:
                    stack[top] = left
                    entry[top] = near0
                    top += 1
            else:
                first = (-1 - code) // 8
                for i in range(first, first + (-1 - code) % 8):
                    q = nearest_on(triangles, i, p)
                    gap = tm.dot(q - p, q - p)
                    if gap < least:
                        least = gap
                        best = i
                        point = q
    near = Nearest(distance=ti.sqrt(least), triangle=-1, point=point)
    if best >= 0:
        near.triangle = ti.bit_cast(triangles[best, 12], ti.i32)
    return near
