"""Thermal paths, followed back in time from a probe until they meet a known temperature.

At a boundary the balance of a half cell of thickness delta / 2 is read as an expectation: the path
waits, gathers what air and sun give there, and goes on by conduction or by radiation with the
shares of k / delta and h_r. In a solid it walks on spheres. Sources are gathered at every visit
(next-event estimation), so a path ends only at the sky, at the deep ground or by roulette on its
weight.

References
----------
Fournier et al. 2016, doi:10.1088/1742-6596/676/1/012007 (radiative, convective and conductive
paths in one algorithm); Tregan et al. 2020, doi:10.1088/1742-6596/1564/1/012001 (transient paths);
Bati et al. 2023, doi:10.1145/3592121 (the path space).
"""

from heatmat.reference.climate import AIR, DEEP, INDOOR, WIND
from heatmat.reference.layout import (
    ABSORPTANCE,
    AT_BOUNDARY,
    BETWEEN,
    C_LOST,
    C_VISITS,
    COUNTS,
    EMISSIVITY,
    F1,
    F2,
    F3,
    FACE_BEHIND,
    FACE_BOUNDARY,
    FACE_FILM,
    FACE_FRONT,
    FACE_GROUND,
    FACE_SURFACE,
    FILM,
    GROUND_WIND_HEIGHT,
    HELD,
    I1,
    I2,
    K_LIGHT,
    K_RATE,
    K_SQUARES,
    K_SUM,
    K_VALUE,
    K_WEIGHT,
    K_ZERO,
    LOST,
    N_EXCHANGE,
    N_EXPONENT,
    N_FILM_A,
    N_FILM_B,
    N_ROULETTE,
    N_STEP,
    N_WIND,
    OUTDOOR,
    OVER,
    SEALED,
    SOLID_A,
    SOLID_C,
    SOLID_DELTA,
    SOLID_K,
    U1,
    Walker,
    face_normal,
    settings_vector,
)
from heatmat.reference.light import gather_light, is_day
from heatmat.reference.longwave import emission, follow_ray
from heatmat.reference.sampling import draw, draw_pair, hash_pair
from heatmat.reference.time_rows import at_stamp, moment_of
from heatmat.reference.walk import sideways, step_anywhere, step_between
from heatmat.runtime import ti, tm


@ti.func
def wind_factor(height, exponent):
    """Wind at a height over the wind at 10 m."""
    factor = 1.0
    if exponent > 0.0:
        factor = ti.pow(ti.max(height, 1e-4) / 10.0, exponent)
    return factor


@ti.func
def survives(walker: ti.template(), scratch: ti.template(), task, live, u, settings):
    """Roulette on the weight: 1 goes on, at full weight where it was small."""
    goes = 1
    if walker.usual < settings[N_ROULETTE]:
        goes = 0
        if u < walker.usual:
            goes = 1
            for i in range(live):
                scratch[task, K_WEIGHT, i] /= walker.usual
            walker.usual = 1.0
    return goes


@ti.func
def cross_contact(walker: ti.template(), labels: ti.template(), solids: ti.template(), settings):
    """At the face between two solids: wait, and go on in either, as k / delta shares it."""
    beyond = labels[walker.face, FACE_FRONT]
    if beyond == walker.solid:
        beyond = labels[walker.face, FACE_BEHIND]
    here = solids[walker.solid, SOLID_K] / solids[walker.solid, SOLID_DELTA]
    there = solids[beyond, SOLID_K] / solids[beyond, SOLID_DELTA]
    cells = (
        solids[walker.solid, SOLID_DELTA] * solids[walker.solid, SOLID_C]
        + solids[beyond, SOLID_DELTA] * solids[beyond, SOLID_C]
    )
    walker.lag += 0.5 * cells / settings[N_STEP] / (here + there)
    if draw(walker.state) * (here + there) < there:
        walker.solid = beyond
        walker.e *= -1.0
        walker.other = -2
    walker.off = walker.e


@ti.kernel
def follow(
    live: ti.i32,
    stride: ti.i32,
    picard: ti.i32,
    probe_face: I1,
    probe_point: F2,
    keys: U1,
    instants: F1,
    replicates: ti.i32,
    first_replicate: ti.i32,
    blocks: ti.i32,
    paths: ti.i32,
    sobol: ti.i32,
    longest: ti.i32,
    faces: F2,
    labels: I2,
    solids: F2,
    surfaces: F2,
    stamps: F2,
    steps: F2,
    day: ti.i32,
    total: ti.i32,
    quantiles: F1,
    settings: settings_vector,
    rise: F2,
    air_nodes: ti.types.ndarray(),
    air_triangles: ti.types.ndarray(),
    all_nodes: ti.types.ndarray(),
    all_triangles: ti.types.ndarray(),
    edge_nodes: ti.types.ndarray(),
    edge_triangles: ti.types.ndarray(),
    scratch: F3,
    counted: I2,
):
    """Follow `paths` paths from each probe, replicate and block of paths.

    Parameters
    ----------
    live : int
        Instants that one path answers: its geometry is replayed for each of them, with the lag
        from each and with weights for what differs in the shares of the modes.
    stride : int
        See `heatmat.reference.light.gather_light`.
    picard : int
        See `heatmat.reference.longwave.emission`.
    scratch : ndarray, shape (tasks, SCRATCH_ROWS, live)
        Rows K_SUM and K_SQUARES get the sums of the paths' values and their squares [K departure].
    counted : ndarray, shape (tasks, COUNTS)
    """
    for task in range(probe_face.shape[0] * replicates * blocks):
        block = task % blocks
        replicate = first_replicate + (task // blocks) % replicates
        probe = task // (blocks * replicates)
        key = hash_pair(keys[probe], ti.cast(replicate, ti.u32))
        tally = ti.Vector.zero(ti.i32, COUNTS)
        for i in range(live):
            scratch[task, K_SUM, i] = 0.0
            scratch[task, K_SQUARES, i] = 0.0
        for local in range(paths):
            index = ti.cast(block * paths + local, ti.u32)
            for i in range(live):
                scratch[task, K_VALUE, i] = 0.0
                scratch[task, K_WEIGHT, i] = 1.0
            start = probe_face[probe]
            p = tm.vec3(probe_point[probe, 0], probe_point[probe, 1], probe_point[probe, 2])
            e = face_normal(faces, start)
            walker = Walker(
                p=p, depth=0.0, face=start, solid=labels[start, FACE_BEHIND], stage=AT_BOUNDARY,
                e=e, off=e, other=-2, e_other=e, plane_other=0.0, anchor=p, clear=-1.0, lag=0.0,
                usual=1.0, state=hash_pair(hash_pair(key, ti.u32(7)), index), pairs=0,
            )  # fmt: skip
            events = 0
            while walker.stage < OVER:
                events += 1
                if events > longest:
                    walker.stage = LOST
                elif walker.stage == BETWEEN:
                    step_between(
                        walker, tally, faces, labels, solids, quantiles, settings, all_nodes,
                        all_triangles, edge_nodes, edge_triangles,
                    )  # fmt: skip
                elif walker.stage != AT_BOUNDARY:
                    step_anywhere(
                        walker, tally, faces, labels, solids, quantiles, settings, all_nodes,
                        all_triangles,
                    )  # fmt: skip
                else:
                    tally[C_VISITS] += 1
                    inward = solids[walker.solid, SOLID_K] / solids[walker.solid, SOLID_DELTA]
                    half_cell = 0.5 * solids[walker.solid, SOLID_DELTA] / settings[N_STEP]
                    half_cell *= solids[walker.solid, SOLID_C]
                    boundary = labels[walker.face, FACE_BOUNDARY]
                    walker.stage = BETWEEN  # conduction goes on, unless something else does
                    if boundary == OUTDOOR:
                        surface = labels[walker.face, FACE_SURFACE]
                        height = walker.p.z
                        if labels[walker.face, FACE_GROUND] == 1:
                            height = GROUND_WIND_HEIGHT
                        wind = settings[N_FILM_B] * wind_factor(height, settings[N_EXPONENT])
                        emissivity = surfaces[surface, EMISSIVITY]
                        usual_r = emissivity * settings[N_EXCHANGE]
                        usual_h = inward + settings[N_FILM_A] + wind * settings[N_WIND] + usual_r
                        u = draw_pair(walker.state, walker.pairs, index, key, sobol)
                        wait = -ti.log(1.0 - u.x) * half_cell / usual_h
                        walker.lag += wait
                        spread = 4.0 * solids[walker.solid, SOLID_A] * wait
                        if walker.clear - tm.distance(walker.p, walker.anchor) > 4.0 * ti.sqrt(
                            spread
                        ):
                            walker.p += sideways(walker.e, spread, draw(walker.state))
                        by_conduction = inward / (inward + usual_r)
                        conducts = u.y < by_conduction
                        bright = False
                        for i in range(live):
                            m = moment_of(instants[i] - walker.lag, day, total)
                            film = settings[N_FILM_A] + wind * at_stamp(stamps, WIND, m)
                            emits = emission(walker.face, m, picard, stamps, rise, settings)
                            here = scratch[task, K_WEIGHT, i]
                            here /= inward + film + emissivity * emits.y
                            scratch[task, K_VALUE, i] += here * film * at_stamp(stamps, AIR, m)
                            scratch[task, K_LIGHT, i] = here * surfaces[surface, ABSORPTANCE]
                            bright = bright or is_day(m, steps)
                            share = inward / by_conduction
                            if not conducts:
                                share = emissivity * emits.y / (1.0 - by_conduction)
                            scratch[task, K_WEIGHT, i] = here * share
                            scratch[task, K_ZERO, i] = emits.x
                            scratch[task, K_RATE, i] = emits.y
                        walker.usual *= (inward + usual_r) / usual_h
                        if bright:
                            gather_light(
                                walker, tally, scratch, task, instants, live, stride, index, key,
                                sobol, labels, surfaces, steps, day, total, settings, air_nodes,
                                air_triangles,
                            )  # fmt: skip
                        if survives(walker, scratch, task, live, draw(walker.state), settings) == 0:
                            walker.stage = OVER
                        elif not conducts:
                            walker.stage = AT_BOUNDARY
                            follow_ray(
                                walker, tally, scratch, task, instants, live, picard, index, key,
                                sobol, labels, surfaces, stamps, day, total, settings, rise,
                                air_nodes, air_triangles,
                            )  # fmt: skip
                    elif boundary == FILM:
                        film = faces[walker.face, FACE_FILM]
                        u = draw_pair(walker.state, walker.pairs, index, key, sobol)
                        walker.lag += -ti.log(1.0 - u.x) * half_cell / (inward + film)
                        share = inward / (inward + film)
                        for i in range(live):
                            m = moment_of(instants[i] - walker.lag, day, total)
                            brings = (1.0 - share) * at_stamp(stamps, INDOOR, m)
                            scratch[task, K_VALUE, i] += scratch[task, K_WEIGHT, i] * brings
                            scratch[task, K_WEIGHT, i] *= share
                        walker.usual *= share
                        if survives(walker, scratch, task, live, u.y, settings) == 0:
                            walker.stage = OVER
                    elif boundary == HELD:
                        for i in range(live):
                            m = moment_of(instants[i] - walker.lag, day, total)
                            brings = at_stamp(stamps, DEEP, m)
                            scratch[task, K_VALUE, i] += scratch[task, K_WEIGHT, i] * brings
                        walker.stage = OVER
                    elif boundary == SEALED:
                        walker.lag += half_cell / inward
                    else:
                        cross_contact(walker, labels, solids, settings)
                    walker.depth = solids[walker.solid, SOLID_DELTA]
            if walker.stage == LOST:
                tally[C_LOST] += 1
            else:
                for i in range(live):
                    scratch[task, K_SUM, i] += scratch[task, K_VALUE, i]
                    scratch[task, K_SQUARES, i] += scratch[task, K_VALUE, i] ** 2
        for k in ti.static(range(COUNTS)):
            counted[task, k] = tally[k]
