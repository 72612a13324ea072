"""Conduction: walks on spheres in a solid, which wait as long as heat takes.

Under a face whose edges are far the solid lies between two planes, and the walk needs no query:
its spheres touch the nearer plane. Where an edge may be near each step asks for the nearest point.

References
----------
Muller 1956, doi:10.1214/aoms/1177728169 (walk on spheres); Haji-Sheikh and Sparrow 1966,
doi:10.1137/0114031 (the time a sphere takes).
"""

from heatmat.reference.layout import (
    ANYWHERE,
    AT_BOUNDARY,
    C_NEAREST,
    C_SOLID_RAYS,
    C_STEPS,
    FACE_BEHIND,
    FACE_FRONT,
    FACE_PLANE,
    N_FAR,
    N_REACH,
    SOLID_A,
    SOLID_DELTA,
    face_normal,
)
from heatmat.reference.rays import closest_hit, closest_point
from heatmat.reference.sampling import TWO_PI, draw, sphere_direction, tangent
from heatmat.runtime import ti, tm

SNAP = 0.05
"""A walk near edges is at the boundary within this share of delta."""

TABLE = 1024
"""Entries of the exit time's quantiles, up to `TAIL`; beyond, one exponential."""

TAIL = 0.95


@ti.func
def exit_time(u, quantiles: ti.template()):
    """First exit of a Brownian path from the middle of a unit ball of unit diffusivity."""
    t = 0.0
    if u < TAIL:
        x = u * ((TABLE - 1) / TAIL)
        k = ti.min(ti.cast(x, ti.i32), TABLE - 2)
        t = quantiles[k] + (x - k) * (quantiles[k + 1] - quantiles[k])
    else:
        # 2 exp(-pi^2 t) are still inside
        t = -ti.log(0.5 * (1.0 - u) + 1e-12) * 0.10132118
    return t


@ti.func
def sideways(e, area, u):
    """Step across `e` with mean square `area`, in a random direction."""
    t = tangent(e)
    return ti.sqrt(area) * (ti.cos(TWO_PI * u) * t + ti.sin(TWO_PI * u) * tm.cross(e, t))


@ti.func
def know_opposite(
    walker: ti.template(),
    x,
    faces: ti.template(),
    labels: ti.template(),
    far,
    nodes: ti.template(),
    triangles: ti.template(),
):
    """Find the face opposite by one ray into the solid."""
    hit = closest_hit(x, -walker.e, 0.0, far, nodes, triangles)
    walker.other = hit.triangle
    if hit.triangle >= 0:
        walker.e_other = face_normal(faces, hit.triangle)
        walker.plane_other = faces[hit.triangle, FACE_PLANE]
        if labels[hit.triangle, FACE_BEHIND] != walker.solid:
            walker.e_other *= -1.0
            walker.plane_other *= -1.0


@ti.func
def change_sides(walker: ti.template(), p, faces: ti.template(), labels: ti.template()):
    """The walk has come to the face opposite: that one is its face now."""
    met = walker.other
    e_met = walker.e_other
    walker.other = walker.face
    walker.e_other = walker.e
    walker.plane_other = faces[walker.face, FACE_PLANE]
    if labels[walker.face, FACE_BEHIND] != walker.solid:
        walker.plane_other *= -1.0
    walker.face = met
    walker.e = e_met
    walker.off = e_met
    walker.p = p
    walker.stage = AT_BOUNDARY


@ti.func
def step_between(
    walker: ti.template(),
    tally: ti.template(),
    faces: ti.template(),
    labels: ti.template(),
    solids: ti.template(),
    quantiles: ti.template(),
    settings,
    all_nodes: ti.template(),
    all_triangles: ti.template(),
    edge_nodes: ti.template(),
    edge_triangles: ti.template(),
):
    """One step between the plane of the face and that of the face opposite."""
    delta = solids[walker.solid, SOLID_DELTA]
    a = solids[walker.solid, SOLID_A]
    tally[C_STEPS] += 1
    x = walker.p - walker.depth * walker.e
    left = walker.clear - tm.distance(x, walker.anchor)
    if left < 1.5 * delta:
        # Within the ball the face is one plane and the foot stays on it: a new ball about the
        # foot is as sure.
        tally[C_NEAREST] += 1
        near = closest_point(walker.p, settings[N_REACH], edge_nodes, edge_triangles)
        walker.clear = near.distance
        walker.anchor = walker.p
        left = walker.clear - walker.depth
    if left < 1.5 * delta:
        walker.p = x
        walker.clear = -1.0
        walker.stage = ANYWHERE
    else:
        if walker.other == -2:
            tally[C_SOLID_RAYS] += 1
            know_opposite(walker, x, faces, labels, settings[N_FAR], all_nodes, all_triangles)
        far = 1e9
        if walker.other >= 0:
            far = ti.max(0.0, walker.plane_other - tm.dot(walker.e_other, x))
        depth = ti.max(0.0, walker.depth)
        near_face = depth < 0.999 * delta
        if near_face or far < 0.999 * delta:
            # The layer under a face: along its normal to either side of it, in the mean time that
            # takes; across it heat spreads meanwhile.
            gap = far
            n = walker.e_other
            if near_face:
                gap = depth
                n = walker.e
            out = draw(walker.state) * delta < delta - gap
            wait = (delta * delta - gap * gap) / (6.0 * a)
            if out:
                wait = gap * (2.0 * delta - gap) / (6.0 * a)
            walker.lag += wait
            spread = sideways(n, 4.0 * a * wait, draw(walker.state))
            if near_face:
                walker.p += spread
                walker.depth = delta
                if out:
                    walker.off = walker.e
                    walker.stage = AT_BOUNDARY
            elif out:
                change_sides(walker, x + far * n + spread, faces, labels)
            else:
                x += spread - (delta - far) * n
                walker.depth = tm.dot(walker.p - x, walker.e)
                walker.p = x + walker.depth * walker.e
        else:
            radius = ti.min(left, ti.min(depth, far))
            walker.lag += radius * radius / a * exit_time(draw(walker.state), quantiles)
            d = sphere_direction(tm.vec2(draw(walker.state), draw(walker.state)))
            up = tm.dot(d, walker.e)
            walker.depth -= radius * up
            walker.p += radius * (d - up * walker.e)


@ti.func
def step_anywhere(
    walker: ti.template(),
    tally: ti.template(),
    faces: ti.template(),
    labels: ti.template(),
    solids: ti.template(),
    quantiles: ti.template(),
    settings,
    all_nodes: ti.template(),
    all_triangles: ti.template(),
):
    """One step near edges: to the sphere about the walker that touches the nearest face."""
    tally[C_STEPS] += 1
    tally[C_NEAREST] += 1
    near = closest_point(walker.p, settings[N_REACH], all_nodes, all_triangles)
    radius = near.distance
    if near.triangle >= 0 and radius < SNAP * solids[walker.solid, SOLID_DELTA]:
        back = walker.p - near.point
        walker.face = near.triangle
        walker.p = near.point
        walker.e = face_normal(faces, near.triangle)
        walker.other = -2
        walker.stage = AT_BOUNDARY
        if labels[near.triangle, FACE_FRONT] == walker.solid:
            walker.e *= -1.0
        else:
            # Where solids meet at an edge the nearest face may be the neighbour's.
            walker.solid = labels[near.triangle, FACE_BEHIND]
        # Across an edge the open lies opposite to where the walk came from.
        walker.off = walker.e
        if radius > 1e-5:
            walker.off = -back / radius
    else:
        a = solids[walker.solid, SOLID_A]
        walker.lag += radius * radius / a * exit_time(draw(walker.state), quantiles)
        walker.p += radius * sphere_direction(tm.vec2(draw(walker.state), draw(walker.state)))
