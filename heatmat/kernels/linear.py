"""The march of later vertices, in hours: linear in what their path brings, about a reference.

The reference is the same slab at the same place with the same sun, in typical surroundings in place
of what this one path brings. Emission and convection of the vertex go along their tangents at the
reference's temperature, so that the answer is linear in what is random.
"""

from heatmat.kernels.layout import (
    C_STEADY_GAIN,
    F_AIR,
    HELD_AT_AIR,
    LINEAR,
    M_GAIN,
    M_LAG,
    MODES,
    O_CONVECTION,
    O_DAY,
    O_LINEAR,
    P_BASE,
    SLAB,
    X_EMISSION,
    X_FLUX,
    X_GROUND_FLUX,
    X_KNOWN,
    X_THETA,
    X_VERTEX,
)
from heatmat.kernels.march import (
    periodic_start,
)
from heatmat.kernels.receive import (
    H_LIT,
    H_LONG,
    H_MORE,
    H_REFERENCE,
    HOUR_ROWS,
)
from heatmat.kernels.receive import REFLECTED as REFLECTED
from heatmat.kernels.surface_step import (
    film_of,
    slab_of,
    wetness,
)
from heatmat.kernels.wall import (
    film,
    forced_film,
    limited_slope,
    load_modes,
    modes_vector,
    signed_cube_root,
)
from heatmat.runtime import ti

LINEAR_PASSES = 2

# Sum over the modes of how far a pass moved their start [K]; a bound on the temperature's move.
PERIODIC_LINEAR = 0.05

# Part of the way to its lit or shaded temperature that a surface goes in an hour; sets where the
# reference's tangents are taken.
WARMING = 0.4

# Exchange flux along a tangent: at zero, and per kelvin (evaporation not in it); of the part of it
# that is convection too.
Tangent = ti.types.struct(exchange=ti.f32, slope=ti.f32, convection=ti.f32, convection_slope=ti.f32)


@ti.func
def tangent_at(theta, t_air, forced, slab, place, physics, switches):
    """Convection and emission as straight lines through those at a temperature.

    Parameters
    ----------
    theta, t_air : float
        As departures from the base [K].
    forced : float
        From `forced_film`.
    """
    root = signed_cube_root(theta - t_air)
    h = film(root, place.natural, forced, place.roughness, physics, switches[O_CONVECTION])
    about = theta
    if switches[O_LINEAR] == 1:
        about = t_air
    t = about + physics[P_BASE]
    h_r = 4.0 * slab.emission * t * t * t
    at_zero = 0.25 * h_r * t - h_r * about
    convection = h.x * (t_air - theta) + h.y * theta
    return Tangent(
        exchange=convection - at_zero,
        slope=slab.h0 - h.y - h_r,
        convection=convection,
        convection_slope=-h.y,
    )


# A slab that marches along tangents: state at a stamp, as in `surface_step`
Line = ti.types.struct(modes=modes_vector, exchange=ti.f32, theta=ti.f32, ground_flux=ti.f32)


@ti.func
def line_step(before, known, known_slope, free, wet, evaporates, line, slab):
    """State at the end of a step, the exchange going along `line`.

    Parameters
    ----------
    wet : float
        Priestley-Taylor factor times moisture availability.
    evaporates : int
        Whether anything does in this step.
    """
    at_end = known + 0.5 * known_slope
    push = known - 0.5 * known_slope + before.exchange
    rest = known_slope - before.exchange
    at_zero = line.exchange
    slope = line.slope
    if evaporates == 1:
        share = wet / (1.0 - wet)
        at_zero += share * line.convection
        slope += share * line.convection_slope
    history = (
        free
        + (slab.decay * before.modes).sum()
        + slab.constant_sum * push
        + slab.rise_sum * rest
        + slab.direct * at_end
    )
    theta = (history + slab.kappa * at_zero) / (1.0 - slab.kappa * slope)
    exchange = at_zero + slope * theta
    return Line(
        modes=slab.decay * before.modes + slab.constant * push + slab.rise * (rest + exchange),
        exchange=exchange,
        theta=theta,
        ground_flux=at_end + exchange - slab.h0 * theta,
    )


@ti.func
def march_linear(
    base,
    slot,
    construction,
    normal,
    wind,
    perimeter_over_area,
    lit,
    count_hours,
    last,
    first_chunk,
    keep,
    path_series: ti.template(),
    state: ti.template(),
    hours: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    properties: ti.template(),
    classes: ti.template(),
    class_hours: ti.template(),
    class_shaded,
    physics,
    switches,
):
    """March a later vertex that has received its series; what it emits joins what it reflects.

    Hours 1 to `last` are written; the state kept, where `keep` = 1, is that at the end of hour
    `count_hours`.

    Three temperatures, each the place where the next one's tangents are taken: `like`, between a
    shaded and a lit surface of its class as the sun came and went; the reference; the vertex.
    """
    steady = properties[construction, C_STEADY_GAIN]
    mode = switches[O_CONVECTION]
    day = switches[O_DAY]
    slab = slab_of(construction, properties, modes, physics)
    place = film_of(construction, normal, wind, perimeter_over_area, properties, physics, mode)
    lag = load_modes(modes, construction, M_LAG)
    # Where nothing depends on a temperature, the reference has nothing to tell.
    alone = 0
    if switches[O_LINEAR] == 1 and mode == LINEAR and slab.moisture == 0.0:
        alone = 1
    now = Line(0.0)
    now_r = Line(0.0)
    known_before = 0.0
    more_before = 0.0
    sunny = lit
    start_flux = 0.0
    passes = 1
    if first_chunk == 1:
        passes = 1 + LINEAR_PASSES
        # Start from the steady state at the daily mean of a surface like it.
        start = classes[class_shaded, 0, 0] + lit * (
            classes[class_shaded + 1, 0, 0] - classes[class_shaded, 0, 0]
        )
        if slab.held == SLAB:
            start_flux = (start - free[construction, 0]) / steady
        now.theta = start
        now.modes = load_modes(modes, construction, M_GAIN) * start_flux
        now_r = now
    else:
        now_r.modes = load_modes(state, slot, 0)
        now_r.exchange = state[slot, X_FLUX]
        known_before = state[slot, X_KNOWN]
        now_r.theta = state[slot, X_THETA]
        sunny = state[slot, X_EMISSION]
        now_r.ground_flux = state[slot, X_GROUND_FLUX]
        now.modes = load_modes(state, slot, X_VERTEX)
        now.exchange = state[slot, X_VERTEX + MODES]
        now.theta = state[slot, X_VERTEX + MODES + 1]
        now.ground_flux = state[slot, X_VERTEX + MODES + 2]
        more_before = state[slot, X_VERTEX + MODES + 3]

    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = last
        if not last_turn:
            count = day
        start_modes = now.modes
        start_modes_r = now_r.modes
        sum_flux_r = 0.0
        sum_theta_r = 0.0
        sum_flux = 0.0
        sum_theta = 0.0
        sum_free = 0.0
        sum_slope = 0.0
        more = path_series[base + HOUR_ROWS + H_MORE]
        known = path_series[base + HOUR_ROWS + H_REFERENCE]
        if turn == 0 and first_chunk == 1:
            known_before = known
            more_before = more
            now_r.exchange = start_flux - known  # the flux that keeps the steady state
            now.exchange = start_flux - known - more
        for h in range(1, count + 1):
            at = base + h * HOUR_ROWS
            more_after = more
            known_after = known
            if h < last:
                more_after = path_series[at + HOUR_ROWS + H_MORE]
                known_after = path_series[at + HOUR_ROWS + H_REFERENCE]
            before = now
            before_r = now_r
            slope_r = limited_slope(known_before, known, known_after)
            # What the path brings is not limited: the answer is linear in it.
            slope = slope_r + 0.5 * (more_after - more_before)
            wet = wetness(slab, hours, h)
            t_air = hours[F_AIR, h]
            forced = forced_film(normal, place.forced, hours, h)
            mean_free = 0.5 * (free[construction, h - 1] + free[construction, h])
            sunny += WARMING * (path_series[at + H_LIT] - sunny)
            shaded = class_hours[class_shaded, h]
            like = shaded + sunny * (class_hours[class_shaded + 1, h] - shaded)
            mean_r = t_air
            evaporates = 0
            if slab.held != SLAB:
                now_r.theta = t_air
                mean_r = 0.5 * (hours[F_AIR, h - 1] + t_air)
                if slab.held != HELD_AT_AIR:
                    now_r.theta = slab.held_value
                    mean_r = now_r.theta
            elif alone == 0:
                line_r = tangent_at(like, t_air, forced, slab, place, physics, switches)
                now_r = line_step(
                    before_r, known, slope_r, free[construction, h], wet, 0, line_r, slab
                )
                if wet > 0.0 and now_r.theta > t_air:
                    # Warmer than the air if dry: it is if wet, too, and evaporates.
                    evaporates = 1
                    now_r = line_step(
                        before_r, known, slope_r, free[construction, h], wet, 1, line_r, slab
                    )
                flux_r = known + 0.5 * (before_r.exchange + now_r.exchange)
                mean_r = mean_free + steady * flux_r - (lag * (now_r.modes - before_r.modes)).sum()
                sum_flux_r += flux_r
                sum_theta_r += mean_r
            line = tangent_at(now_r.theta, t_air, forced, slab, place, physics, switches)
            mean = mean_r
            if slab.held == SLAB:
                now = line_step(
                    before, known + more, slope, free[construction, h], wet, evaporates, line, slab
                )
                flux = known + more + 0.5 * (before.exchange + now.exchange)
                # The mean over the hour is known exactly from the modes.
                mean = mean_free + steady * flux - (lag * (now.modes - before.modes)).sum()
                sum_flux += flux
                sum_theta += mean
                sum_slope += line.slope
                sum_free += mean_free
            if last_turn:
                about = mean_r
                if switches[O_LINEAR] == 1:
                    about = 0.5 * (hours[F_AIR, h - 1] + t_air)
                t = about + physics[P_BASE]
                h_r = 4.0 * slab.emission * t * t * t
                path_series[at + H_LONG] += h_r * (0.25 * t + mean - about)
                if h == count_hours and keep == 1:
                    for k in ti.static(range(MODES)):
                        state[slot, k] = now_r.modes[k]
                        state[slot, X_VERTEX + k] = now.modes[k]
                    state[slot, X_FLUX] = now_r.exchange
                    state[slot, X_KNOWN] = known
                    state[slot, X_THETA] = now_r.theta
                    state[slot, X_EMISSION] = sunny
                    state[slot, X_GROUND_FLUX] = now_r.ground_flux
                    state[slot, X_VERTEX + MODES] = now.exchange
                    state[slot, X_VERTEX + MODES + 1] = now.theta
                    state[slot, X_VERTEX + MODES + 2] = now.ground_flux
                    state[slot, X_VERTEX + MODES + 3] = more
            known_before = known
            more_before = more
            known = known_after
            more = more_after
        if not last_turn and slab.held == SLAB:
            days = ti.cast(count, ti.f32)
            now.modes = periodic_start(
                now.modes,
                start_modes,
                sum_flux / days,
                sum_theta / days,
                sum_free / days,
                sum_slope / days,
                construction,
                steady,
                modes,
            )
            if alone == 0:
                now_r.modes = periodic_start(
                    now_r.modes,
                    start_modes_r,
                    sum_flux_r / days,
                    sum_theta_r / days,
                    sum_free / days,
                    sum_slope / days,
                    construction,
                    steady,
                    modes,
                )
            moved = (
                ti.abs(now.modes - start_modes).sum() + ti.abs(now_r.modes - start_modes_r).sum()
            )
            if moved < PERIODIC_LINEAR:
                turn = passes - 2
        turn += 1
