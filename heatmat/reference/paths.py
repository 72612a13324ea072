"""Thermal paths, followed back in time from a probe until they meet a known temperature.

At a boundary the balance of a half cell of thickness delta / 2 is read as an expectation: the path
waits, gathers what air and sun give there, and goes on by conduction or by radiation with the
shares of k / delta and h_r. In a solid it walks on spheres. Sources are gathered at every visit
(next-event estimation), so a path has no other end than a small weight, the sky or the deep
ground; weights are cut by roulette.

References
----------
Fournier et al. 2016, doi:10.1088/1742-6596/676/1/012007 (radiative, convective and conductive
paths in one algorithm); Tregan et al. 2020, doi:10.1088/1742-6596/1564/1/012001 (transient paths);
Bati et al. 2023, doi:10.1145/3592121 (the path space); Muller 1956,
doi:10.1214/aoms/1177728169 (walk on spheres).
"""

from heatmat.reference.climate import (
    AIR,
    BAND,
    BEAM,
    DEEP,
    EXCHANGE,
    INDOOR,
    ISOTROPIC,
    SKY,
    SUN_X,
    SUN_Y,
    SUN_Z,
    WIND,
)
from heatmat.reference.rays import blocked, closest_hit, closest_point
from heatmat.reference.sampling import (
    TWO_PI,
    draw,
    draw_pair,
    hash_pair,
    lambert_direction,
    sphere_direction,
    tangent,
)
from heatmat.reference.time_rows import at_middle, at_stamp, moment_of
from heatmat.runtime import ti, tm

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
I1 = ti.types.ndarray(dtype=ti.i32, ndim=1)
I2 = ti.types.ndarray(dtype=ti.i32, ndim=2)
U1 = ti.types.ndarray(dtype=ti.u32, ndim=1)

# Boundaries: open air, film to the indoor air, deep temperature held, no flux, another solid
OUTDOOR, FILM, HELD, SEALED, CONTACT = range(5)

# Stages of a path: at a boundary; in a solid between two known planes; in a solid, anywhere; over
AT_BOUNDARY, BETWEEN, ANYWHERE, OVER, LOST = range(5)

# Columns of the faces: normal, plane, film; boundary, surface, solid behind, solid in front
FACE_X, FACE_Y, FACE_Z, FACE_PLANE, FACE_FILM = range(5)
FACE_BOUNDARY, FACE_SURFACE, FACE_BEHIND, FACE_FRONT, FACE_GROUND = range(5)

# Columns of the solids [W m-1 K-1, J m-3 K-1, m2 per step, m] and of the surfaces
SOLID_K, SOLID_C, SOLID_A, SOLID_DELTA = range(4)
ABSORPTANCE, ALBEDO, EMISSIVITY = range(3)

# Settings of a run
(
    N_STEP,
    N_FILM_A,
    N_FILM_B,
    N_EXPONENT,
    N_WIND,
    N_EXCHANGE,
    N_BAND_SINE,
    N_ROULETTE,
    N_SHORTWAVE,
    N_REACH,
    N_BASE,
    N_SIGMA,
    N_FAR,
) = range(13)
settings_vector = ti.types.vector(13, ti.f32)

# What is counted
COUNTS = 8
(
    C_RAYS,
    C_SHADOWS,
    C_SOLID_RAYS,
    C_STEPS,
    C_NEAREST,
    C_VISITS,
    C_LOST,
    C_EDGE,
) = range(COUNTS)

GROUND_WIND_HEIGHT = 2.0
"""Height at which the ground takes its wind [m], as everywhere in HeatMat."""

LIFT = 1e-3
"""Rays start this far off their surface [m]."""

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
        t = -ti.log(0.5 * (1.0 - u) + 1e-12) * 0.10132118
    return t


@ti.func
def wind_factor(height, exponent):
    """Wind at a height over the wind at 10 m."""
    factor = 1.0
    if exponent > 0.0:
        factor = ti.pow(ti.max(height, 1e-4) / 10.0, exponent)
    return factor


@ti.func
def sideways(e, area, u):
    """Step across `e` with mean square `area`, in a random direction."""
    t = tangent(e)
    return ti.sqrt(area) * (ti.cos(TWO_PI * u) * t + ti.sin(TWO_PI * u) * tm.cross(e, t))


@ti.func
def beam_on(n, m, steps: ti.template()):
    """Beam that falls on a surface unless something is in the way [W m-2]."""
    a = steps[BEAM, m.before] * ti.max(
        0.0,
        n.x * steps[SUN_X, m.before] + n.y * steps[SUN_Y, m.before] + n.z * steps[SUN_Z, m.before],
    )
    b = steps[BEAM, m.after] * ti.max(
        0.0,
        n.x * steps[SUN_X, m.after] + n.y * steps[SUN_Y, m.after] + n.z * steps[SUN_Z, m.after],
    )
    return a + m.middle * (b - a)


@ti.func
def sun_at(m, steps: ti.template()):
    """Direction of the sun of the step that holds a moment."""
    return tm.vec3(steps[SUN_X, m.step], steps[SUN_Y, m.step], steps[SUN_Z, m.step])


@ti.kernel
def follow(
    count: ti.template(),
    picard: ti.i32,
    probe_face: I1,
    probe_point: F2,
    keys: U1,
    instants: F1,
    replicates: ti.i32,
    first_replicate: ti.i32,
    blocks: ti.i32,
    paths: ti.i32,
    first_path: ti.i32,
    sobol: ti.i32,
    longest: ti.i32,
    face_f: F2,
    face_i: I2,
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
    sums: F3,
    counted: I2,
):
    """Follow `paths` paths from each probe, replicate and block of paths.

    Parameters
    ----------
    count : int
        Instants that one path answers, 1 or more: its geometry is replayed for each of them, with
        the lag from each and with weights for what differs in the shares of the modes.
    picard : int
        1: the longwave is linear about air temperature + `rise` of each face, else about the air's.
    sums : ndarray, shape (tasks, 2, count)
        Sum and sum of squares of the paths' values [K departure].
    counted : ndarray, shape (tasks, COUNTS)
    """
    for task in range(probe_face.shape[0] * replicates * blocks):
        block = task % blocks
        replicate = first_replicate + (task // blocks) % replicates
        probe = task // (blocks * replicates)
        key = hash_pair(keys[probe], ti.cast(replicate, ti.u32))
        tally = ti.Vector.zero(ti.i32, COUNTS)
        total_1 = ti.Vector.zero(ti.f32, count)
        total_2 = ti.Vector.zero(ti.f32, count)
        for local in range(paths):
            index = ti.cast(first_path + block * paths + local, ti.u32)
            state = hash_pair(hash_pair(key, ti.u32(7)), index)
            pairs = 0
            value = ti.Vector.zero(ti.f32, count)
            w = ti.Vector.zero(ti.f32, count) + 1.0
            own_rate = ti.Vector.zero(ti.f32, count) + 1.0  # 4 sigma T^3 and emission at theta = 0
            own_zero = ti.Vector.zero(ti.f32, count)  # of the surface that a ray left
            light = ti.Vector.zero(ti.f32, count)
            usual = 1.0  # weight with the mean coefficients: roulette looks at this one
            lag = 0.0
            face = probe_face[probe]
            p = tm.vec3(probe_point[probe, 0], probe_point[probe, 1], probe_point[probe, 2])
            e = tm.vec3(face_f[face, FACE_X], face_f[face, FACE_Y], face_f[face, FACE_Z])
            off = e  # where rays start: away from every face near by
            solid = face_i[face, FACE_BEHIND]
            stage = AT_BOUNDARY
            depth = 0.0
            anchor = p
            clear = -1.0  # no edge is nearer to the anchor than this; below zero: not known
            other = -2  # the face opposite; -1: none, -2: not known
            e_other = e
            plane_other = 0.0
            events = 0
            while stage < OVER:
                events += 1
                if events > longest:
                    stage = LOST
                    break
                delta = solids[solid, SOLID_DELTA]
                a = solids[solid, SOLID_A]
                inward = solids[solid, SOLID_K] / delta
                half_cell = 0.5 * delta * solids[solid, SOLID_C] / settings[N_STEP]
                leaves = 0  # 1: conduction goes on at depth delta
                if stage == AT_BOUNDARY:
                    tally[C_VISITS] += 1
                    boundary = face_i[face, FACE_BOUNDARY]
                    if boundary == HELD:
                        for i in range(count):
                            m = moment_of(instants[i] - lag, day, total)
                            value[i] += w[i] * at_stamp(stamps, DEEP, m)
                        stage = OVER
                    elif boundary == OUTDOOR:
                        surface = face_i[face, FACE_SURFACE]
                        height = p.z
                        if face_i[face, FACE_GROUND] == 1:
                            height = GROUND_WIND_HEIGHT
                        wind = settings[N_FILM_B] * wind_factor(height, settings[N_EXPONENT])
                        emissivity = surfaces[surface, EMISSIVITY]
                        usual_r = emissivity * settings[N_EXCHANGE]
                        usual_h = inward + settings[N_FILM_A] + wind * settings[N_WIND] + usual_r
                        u = draw_pair(state, pairs, index, key, sobol)
                        wait = -ti.log(1.0 - u.x) * half_cell / usual_h
                        lag += wait
                        away = 4.0 * a * wait
                        if clear - tm.distance(p, anchor) > 4.0 * ti.sqrt(away):
                            p += sideways(e, away, draw(state))
                        by_conduction = inward / (inward + usual_r)
                        conducts = u.y < by_conduction
                        some_light = 0.0
                        for i in range(count):
                            m = moment_of(instants[i] - lag, day, total)
                            air = at_stamp(stamps, AIR, m)
                            rate = at_stamp(stamps, EXCHANGE, m)
                            film = settings[N_FILM_A] + wind * at_stamp(stamps, WIND, m)
                            zero = -rate * air
                            if picard == 1:
                                about = air + rise[face, m.step]
                                hot = about + settings[N_BASE]
                                rate = 4.0 * settings[N_SIGMA] * hot * hot * hot
                                cold = air + settings[N_BASE]
                                zero = (
                                    settings[N_SIGMA]
                                    * (hot * hot + cold * cold)
                                    * (hot + cold)
                                    * (hot - cold)
                                    - rate * about
                                )
                            here = w[i] / (inward + film + emissivity * rate)
                            value[i] += here * film * air
                            light[i] = here * surfaces[surface, ABSORPTANCE]
                            some_light += (
                                ti.abs(steps[BEAM, m.before])
                                + ti.abs(steps[BEAM, m.after])
                                + ti.abs(steps[ISOTROPIC, m.before])
                                + ti.abs(steps[ISOTROPIC, m.after])
                            )
                            if conducts:
                                w[i] = here * inward / by_conduction
                            else:
                                w[i] = here * emissivity * rate / (1.0 - by_conduction)
                                own_rate[i] = rate
                                own_zero[i] = zero
                        usual *= (inward + usual_r) / usual_h
                        # Light: the beam here, and a walk of its own for what is diffuse.
                        y = p + LIFT * off
                        n_y = e
                        passed = 1.0
                        bounce = 0
                        while some_light > 0.0:
                            for i in range(count):
                                m = moment_of(instants[i] - lag, day, total)
                                beam = beam_on(n_y, m, steps)
                                sun = sun_at(m, steps)
                                if beam > 0.0 and tm.dot(sun, n_y) > 0.0 and sun.z > 0.0:
                                    tally[C_SHADOWS] += 1
                                    if (
                                        blocked(
                                            y, sun, 0.0, settings[N_FAR], air_nodes, air_triangles
                                        )
                                        == 0
                                    ):
                                        value[i] += light[i] * passed * beam
                            chance = settings[N_SHORTWAVE]
                            if bounce > 0:
                                chance = ti.min(0.9, passed)
                            if draw(state) >= chance:
                                break
                            passed /= chance
                            d = lambert_direction(n_y, draw_pair(state, pairs, index, key, sobol))
                            tally[C_RAYS] += 1
                            hit = closest_hit(y, d, 0.0, settings[N_FAR], air_nodes, air_triangles)
                            if hit.triangle < 0:
                                if d.z > 0.0:
                                    for i in range(count):
                                        m = moment_of(instants[i] - lag, day, total)
                                        bright = at_middle(steps, ISOTROPIC, m)
                                        if d.z < settings[N_BAND_SINE]:
                                            bright += at_middle(steps, BAND, m)
                                        value[i] += light[i] * passed * bright
                                break
                            n_y = hit.normal
                            y = y + hit.t * d + LIFT * n_y
                            passed *= surfaces[face_i[hit.triangle, FACE_SURFACE], ALBEDO]
                            bounce += 1
                        if usual < settings[N_ROULETTE]:
                            if draw(state) < usual:
                                w /= usual
                                usual = 1.0
                            else:
                                stage = OVER
                        if stage == AT_BOUNDARY:
                            if conducts:
                                leaves = 1
                            else:
                                # Radiation: surfaces absorb with their emissivity, or reflect.
                                x = p + LIFT * off
                                n = e
                                while True:
                                    d = lambert_direction(
                                        n, draw_pair(state, pairs, index, key, sobol)
                                    )
                                    tally[C_RAYS] += 1
                                    hit = closest_hit(
                                        x, d, 0.0, settings[N_FAR], air_nodes, air_triangles
                                    )
                                    if hit.triangle < 0:
                                        row = SKY
                                        if d.z <= 0.0:
                                            row = AIR  # past the rim of the ground
                                            tally[C_EDGE] += 1
                                        for i in range(count):
                                            m = moment_of(instants[i] - lag, day, total)
                                            seen = at_stamp(stamps, row, m)
                                            if picard == 1:
                                                sky = at_stamp(stamps, EXCHANGE, m) * (
                                                    seen - at_stamp(stamps, AIR, m)
                                                )
                                                seen = (sky - own_zero[i]) / own_rate[i]
                                            value[i] += w[i] * seen
                                        stage = OVER
                                        break
                                    if tm.dot(d, hit.normal) > 0.0:
                                        stage = LOST
                                        break
                                    n = hit.normal
                                    x = x + hit.t * d
                                    met = face_i[hit.triangle, FACE_SURFACE]
                                    if draw(state) < surfaces[met, EMISSIVITY]:
                                        face = hit.triangle
                                        p = x
                                        e = n
                                        off = n
                                        solid = face_i[face, FACE_BEHIND]
                                        clear = -1.0
                                        other = -2
                                        if picard == 1:
                                            for i in range(count):
                                                m = moment_of(instants[i] - lag, day, total)
                                                air = at_stamp(stamps, AIR, m)
                                                about = air + rise[face, m.step]
                                                hot = about + settings[N_BASE]
                                                cold = air + settings[N_BASE]
                                                rate = 4.0 * settings[N_SIGMA] * hot * hot * hot
                                                zero = (
                                                    settings[N_SIGMA]
                                                    * (hot * hot + cold * cold)
                                                    * (hot + cold)
                                                    * (hot - cold)
                                                    - rate * about
                                                )
                                                value[i] += (
                                                    w[i] * (zero - own_zero[i]) / own_rate[i]
                                                )
                                                w[i] *= rate / own_rate[i]
                                        break
                                    x += LIFT * n
                    elif boundary == FILM:
                        film = face_f[face, FACE_FILM]
                        u = draw_pair(state, pairs, index, key, sobol)
                        wait = -ti.log(1.0 - u.x) * half_cell / (inward + film)
                        lag += wait
                        share = inward / (inward + film)
                        for i in range(count):
                            m = moment_of(instants[i] - lag, day, total)
                            value[i] += w[i] * (1.0 - share) * at_stamp(stamps, INDOOR, m)
                        w *= share
                        usual *= share
                        leaves = 1
                        if usual < settings[N_ROULETTE]:
                            if u.y < usual:
                                w /= usual
                                usual = 1.0
                            else:
                                stage = OVER
                                leaves = 0
                    elif boundary == SEALED:
                        lag += half_cell / inward
                        leaves = 1
                    else:
                        beyond = face_i[face, FACE_FRONT]
                        turned = 1.0
                        if beyond == solid:
                            beyond = face_i[face, FACE_BEHIND]
                        there = solids[beyond, SOLID_K] / solids[beyond, SOLID_DELTA]
                        cell = (
                            0.5
                            * solids[beyond, SOLID_DELTA]
                            * solids[beyond, SOLID_C]
                            / settings[N_STEP]
                        )
                        lag += (half_cell + cell) / (inward + there)
                        leaves = 1
                        if draw(state) * (inward + there) < there:
                            solid = beyond
                            delta = solids[solid, SOLID_DELTA]
                            turned = -1.0
                            other = -2
                        e *= turned
                        off = e
                    if leaves == 1:
                        depth = delta
                        stage = BETWEEN
                elif stage == BETWEEN:
                    tally[C_STEPS] += 1
                    x = p - depth * e
                    left = clear - tm.distance(x, anchor)
                    if left < 1.5 * delta:
                        tally[C_NEAREST] += 1
                        # Within the ball the face is one plane and the foot stays on it: a new
                        # ball about the foot is as sure.
                        near = closest_point(p, settings[N_REACH], edge_nodes, edge_triangles)
                        clear = near.distance
                        anchor = p
                        left = clear - depth
                    if left < 1.5 * delta:
                        p = x
                        clear = -1.0
                        stage = ANYWHERE
                    else:
                        if other == -2:
                            tally[C_SOLID_RAYS] += 1
                            hit = closest_hit(x, -e, 0.0, settings[N_FAR], all_nodes, all_triangles)
                            other = hit.triangle
                            if other >= 0:
                                e_other = tm.vec3(
                                    face_f[other, FACE_X],
                                    face_f[other, FACE_Y],
                                    face_f[other, FACE_Z],
                                )
                                plane_other = face_f[other, FACE_PLANE]
                                if face_i[other, FACE_BEHIND] != solid:
                                    e_other *= -1.0
                                    plane_other *= -1.0
                        far = 1e9
                        if other >= 0:
                            far = plane_other - tm.dot(e_other, x)
                        if depth < 0.999 * delta:
                            # The layer under the face: along its normal to either side of it.
                            if draw(state) * delta < delta - depth:
                                wait = depth * (2.0 * delta - depth) / (6.0 * a)
                                lag += wait
                                p += sideways(e, 4.0 * a * wait, draw(state))
                                off = e
                                stage = AT_BOUNDARY
                            else:
                                wait = (delta * delta - depth * depth) / (6.0 * a)
                                lag += wait
                                p += sideways(e, 4.0 * a * wait, draw(state))
                                depth = delta
                        elif far < 0.999 * delta:
                            far = ti.max(far, 0.0)
                            if draw(state) * delta < delta - far:
                                wait = far * (2.0 * delta - far) / (6.0 * a)
                                lag += wait
                                met = other
                                old = e
                                p = (
                                    x
                                    + far * e_other
                                    + sideways(e_other, 4.0 * a * wait, draw(state))
                                )
                                other = face
                                face = met
                                e = e_other
                                e_other = old
                                plane_other = face_f[other, FACE_PLANE]
                                if face_i[other, FACE_BEHIND] != solid:
                                    plane_other *= -1.0
                                off = e
                                stage = AT_BOUNDARY
                            else:
                                wait = (delta * delta - far * far) / (6.0 * a)
                                lag += wait
                                x += sideways(e_other, 4.0 * a * wait, draw(state))
                                x -= (delta - far) * e_other
                                depth = tm.dot(p - x, e)
                                p = x + depth * e
                        else:
                            radius = ti.min(left, ti.min(depth, far))
                            lag += radius * radius / a * exit_time(draw(state), quantiles)
                            d = sphere_direction(tm.vec2(draw(state), draw(state)))
                            up = tm.dot(d, e)
                            depth -= radius * up
                            p += radius * (d - up * e)
                else:
                    tally[C_STEPS] += 1
                    tally[C_NEAREST] += 1
                    near = closest_point(p, settings[N_REACH], all_nodes, all_triangles)
                    radius = near.distance
                    if near.triangle >= 0 and radius < SNAP * delta:
                        face = near.triangle
                        back = p - near.point
                        p = near.point
                        e = tm.vec3(
                            face_f[face, FACE_X], face_f[face, FACE_Y], face_f[face, FACE_Z]
                        )
                        if face_i[face, FACE_BEHIND] != solid:
                            if face_i[face, FACE_FRONT] == solid:
                                e = -e
                            else:
                                stage = LOST
                        # Across an edge the open lies opposite to where the walk came from.
                        off = e
                        if radius > 1e-5:
                            off = -back / radius
                        other = -2
                        clear = -1.0
                        if stage != LOST:
                            stage = AT_BOUNDARY
                    else:
                        lag += radius * radius / a * exit_time(draw(state), quantiles)
                        p += radius * sphere_direction(tm.vec2(draw(state), draw(state)))
            if stage == LOST:
                tally[C_LOST] += 1
            else:
                for i in range(count):
                    total_1[i] += value[i]
                    total_2[i] += value[i] * value[i]
        for i in range(count):
            sums[task, 0, i] = total_1[i]
            sums[task, 1, i] = total_2[i]
        for k in ti.static(range(COUNTS)):
            counted[task, k] = tally[k]
