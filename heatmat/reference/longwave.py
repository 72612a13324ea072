"""Longwave: what a surface emits, and the ray that a path follows to what warmed it."""

from heatmat.reference.climate import AIR, EXCHANGE, SKY
from heatmat.reference.layout import (
    C_EDGE,
    C_RAYS,
    EMISSIVITY,
    FACE_BEHIND,
    FACE_SURFACE,
    K_RATE,
    K_VALUE,
    K_WEIGHT,
    K_ZERO,
    LIFT,
    LOST,
    N_BASE,
    N_FAR,
    N_SIGMA,
    OVER,
    land_on,
)
from heatmat.reference.rays import closest_hit
from heatmat.reference.sampling import draw, draw_pair, lambert_direction
from heatmat.reference.time_rows import at_stamp, moment_of
from heatmat.runtime import ti, tm

MOST_REFLECTIONS = 200


@ti.func
def emission(face, m, picard, stamps: ti.template(), rise: ti.template(), settings):
    """Black emission above that of the air as `zero` + `rate` x departure [W m-2, W m-2 K-1].

    Linear about the air's temperature, or (`picard` = 1) about that plus `rise` of the face.
    """
    air = at_stamp(stamps, AIR, m)
    rate = at_stamp(stamps, EXCHANGE, m)
    zero = -rate * air
    if picard == 1:
        about = air + rise[face, m.step]
        hot = about + settings[N_BASE]
        cold = air + settings[N_BASE]
        rate = 4.0 * settings[N_SIGMA] * hot * hot * hot
        risen = (hot * hot + cold * cold) * (hot + cold) * (hot - cold)
        zero = settings[N_SIGMA] * risen - rate * about
    return tm.vec2(zero, rate)


@ti.func
def follow_ray(
    walker: ti.template(),
    tally: ti.template(),
    scratch: ti.template(),
    task,
    instants: ti.template(),
    live,
    picard,
    index,
    key,
    sobol,
    labels: ti.template(),
    surfaces: ti.template(),
    stamps: ti.template(),
    day,
    total,
    settings,
    rise: ti.template(),
    nodes: ti.template(),
    triangles: ti.template(),
):
    """Cosine-weighted rays from the walker's face to the sky, or to the surface that absorbs it.

    What comes in counts as the temperature at which the surface that was left would emit as much:
    (L - zero) / rate of that surface (`K_ZERO`, `K_RATE`).
    """
    x = walker.p + LIFT * walker.off
    n = walker.e
    reflections = 0
    while True:
        d = lambert_direction(n, draw_pair(walker.state, walker.pairs, index, key, sobol))
        tally[C_RAYS] += 1
        hit = closest_hit(x, d, 0.0, settings[N_FAR], nodes, triangles)
        if hit.triangle < 0:
            row = SKY
            if d.z <= 0.0:
                row = AIR  # past the rim of the ground
                tally[C_EDGE] += 1
            for i in range(live):
                m = moment_of(instants[i] - walker.lag, day, total)
                sky = at_stamp(stamps, EXCHANGE, m) * (
                    at_stamp(stamps, row, m) - at_stamp(stamps, AIR, m)
                )
                seen = (sky - scratch[task, K_ZERO, i]) / scratch[task, K_RATE, i]
                scratch[task, K_VALUE, i] += scratch[task, K_WEIGHT, i] * seen
            walker.stage = OVER
            break
        reflections += 1
        if tm.dot(d, hit.normal) > 0.0 or reflections > MOST_REFLECTIONS:
            walker.stage = LOST
            break
        n = hit.normal
        x = x + hit.t * d
        if draw(walker.state) < surfaces[labels[hit.triangle, FACE_SURFACE], EMISSIVITY]:
            land_on(walker, hit.triangle, x, n, labels[hit.triangle, FACE_BEHIND])
            if picard == 1:
                for i in range(live):
                    m = moment_of(instants[i] - walker.lag, day, total)
                    here = emission(hit.triangle, m, picard, stamps, rise, settings)
                    rate = scratch[task, K_RATE, i]
                    seen = (here.x - scratch[task, K_ZERO, i]) / rate
                    scratch[task, K_VALUE, i] += scratch[task, K_WEIGHT, i] * seen
                    scratch[task, K_WEIGHT, i] *= here.y / rate
            break
        x += LIFT * n
