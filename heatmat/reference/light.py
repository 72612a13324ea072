"""Shortwave at a visit: the beam by shadow rays, the rest by a walk from face to face."""

from heatmat.reference.climate import BAND, BEAM, ISOTROPIC, SUN_X, SUN_Y, SUN_Z
from heatmat.reference.layout import (
    ALBEDO,
    C_RAYS,
    C_SHADOWS,
    FACE_SURFACE,
    K_LIGHT,
    K_VALUE,
    LIFT,
    N_BAND_SINE,
    N_FAR,
    N_SHORTWAVE,
)
from heatmat.reference.rays import blocked, closest_hit
from heatmat.reference.sampling import draw, draw_pair, lambert_direction
from heatmat.reference.time_rows import at_middle, moment_of
from heatmat.runtime import ti, tm


@ti.func
def sun_of(step, steps: ti.template()):
    """Direction of the sun of a step."""
    return tm.vec3(steps[SUN_X, step], steps[SUN_Y, step], steps[SUN_Z, step])


@ti.func
def beam_on(n, m, steps: ti.template()):
    """Beam that falls on a surface unless something is in the way [W m-2].

    The sun's place, and so its shadows, hold over a step; how much falls is linear between the
    middles of steps.
    """
    beam = 0.0
    sun = sun_of(m.step, steps)
    if sun.z > 0.0 and tm.dot(sun, n) > 0.0:
        a = steps[BEAM, m.before] * ti.max(0.0, tm.dot(sun_of(m.before, steps), n))
        b = steps[BEAM, m.after] * ti.max(0.0, tm.dot(sun_of(m.after, steps), n))
        beam = a + m.middle * (b - a)
    return beam


@ti.func
def is_day(m, steps: ti.template()):
    """Whether there is any light at a moment."""
    total = ti.abs(steps[BEAM, m.before]) + ti.abs(steps[BEAM, m.after])
    total += ti.abs(steps[ISOTROPIC, m.before]) + ti.abs(steps[ISOTROPIC, m.after])
    return total > 0.0


@ti.func
def gather_light(
    walker: ti.template(),
    tally: ti.template(),
    scratch: ti.template(),
    task,
    instants: ti.template(),
    live,
    stride,
    index,
    key,
    sobol,
    labels: ti.template(),
    surfaces: ti.template(),
    steps: ti.template(),
    day,
    total,
    settings,
    nodes: ti.template(),
    triangles: ti.template(),
):
    """Add to the path's values what light brings to the walker's point.

    With a stride over one each visit looks at the sun for every stride-th instant only, from a
    random one on, and counts what it finds that many times.
    """
    y = walker.p + LIFT * walker.off
    n = walker.e
    passed = 1.0
    bounce = 0
    while True:
        first = 0
        if stride > 1:
            first = ti.min(ti.cast(draw(walker.state) * stride, ti.i32), stride - 1)
        for k in range((live - first + stride - 1) // stride):
            i = first + k * stride
            m = moment_of(instants[i] - walker.lag, day, total)
            beam = beam_on(n, m, steps)
            if beam > 0.0:
                tally[C_SHADOWS] += 1
                sun = sun_of(m.step, steps)
                if blocked(y, sun, 0.0, settings[N_FAR], nodes, triangles) == 0:
                    seen = passed * beam * ti.cast(stride, ti.f32)
                    scratch[task, K_VALUE, i] += scratch[task, K_LIGHT, i] * seen
        chance = settings[N_SHORTWAVE]
        if bounce > 0:
            chance = ti.min(0.9, passed)
        if draw(walker.state) >= chance:
            break
        passed /= chance
        d = lambert_direction(n, draw_pair(walker.state, walker.pairs, index, key, sobol))
        tally[C_RAYS] += 1
        hit = closest_hit(y, d, 0.0, settings[N_FAR], nodes, triangles)
        if hit.triangle < 0:
            if d.z > 0.0:
                for i in range(live):
                    m = moment_of(instants[i] - walker.lag, day, total)
                    bright = at_middle(steps, ISOTROPIC, m)
                    if d.z < settings[N_BAND_SINE]:
                        bright += at_middle(steps, BAND, m)
                    scratch[task, K_VALUE, i] += scratch[task, K_LIGHT, i] * passed * bright
            break
        n = hit.normal
        y = y + hit.t * d + LIFT * n
        passed *= surfaces[labels[hit.triangle, FACE_SURFACE], ALBEDO]
        bounce += 1
