"""The march of later vertices, in hours: linear in what their path brings, about a reference.

The reference is the same slab at the same place with the same sun, in typical surroundings in place
of what this one path brings; it takes the full balance. What the path brings beyond it moves the
surface along the reference's tangents, so that the answer is linear in what is random.
"""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_PRIESTLEY_TAYLOR,
    F_SKY,
    F_SURROUNDINGS,
    M_GAIN,
    M_LAG,
    MODES,
    O_CONVECTION,
    O_DAY,
    O_LINEAR,
    P_BASE,
    SLAB,
    X_DIFFERENCE,
)
from heatmat.kernels.march import (
    beam_cosine,
    load_surface,
    periodic_start,
    save_surface,
    sunlit,
)
from heatmat.kernels.surface_step import Surface, film_of, slab_of, surface_step
from heatmat.kernels.wall import forced_film, limited_slope, load_modes, modes_vector
from heatmat.runtime import ti

LINEAR_PASSES = 3

# Sum over the modes of how far a pass moved their start [K]; a bound on the temperature's move.
PERIODIC_LINEAR = 0.05

# Sky view factors of typical surroundings: half-open street, roof, street wall; and the share of
# the global light that comes back from them. They set only where tangents are taken.
GROUND_VIEW, ROOF_VIEW, WALL_VIEW = 0.6, 0.95, 0.35
REFLECTED = 0.1

# Rows of a path's series: what comes to a vertex, then what leaves it; what it absorbs beyond its
# reference, and what that absorbs.
H_SHORT, H_LONG, H_MORE, H_REFERENCE = 0, 1, 2, 3
HOUR_ROWS = 4

# What a path's ray brings, as factors of known series and of the carried ones
Gather = ti.types.struct(
    isotropic=ti.f32,
    band=ti.f32,
    sky=ti.f32,
    air=ti.f32,
    border=ti.f32,
    typical=ti.f32,
    carry=ti.f32,
)


@ti.func
def lit_part(bits: ti.template(), row, node_of_step: ti.template(), hour, per_hour):
    """Share of an hour's steps with the sun up that see it."""
    on = 0.0
    up = 1e-6
    for i in range(1, per_hour + 1):
        node = node_of_step[(hour - 1) * per_hour + i]
        if node >= 0:
            up += 1.0
            on += sunlit(bits, row, node)
    return on / up


@ti.func
def receive(
    base,
    slot,
    construction,
    normal,
    kind,
    brings,
    all_global,
    path,
    first,
    per_hour,
    last,
    day,
    path_series: ti.template(),
    path_bits: ti.template(),
    bits: ti.template(),
    node_of_step: ti.template(),
    hour_lit: ti.template(),
    hours: ti.template(),
    properties: ti.template(),
):
    """Turn the carried series into what the vertex absorbs and reflects.

    The beam that the first vertex of a path (`first` = 1) reflects is left out: it
    is told by steps.

    Returns
    -------
    float
        Share of the first day's beam that a surface with this normal really gets.
    """
    albedo = properties[construction, C_ALBEDO]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    got = 0.0
    could = 1e-6
    for h in range(1, last + 1):
        at = base + h * HOUR_ROWS
        short = (
            brings.isotropic * hours[F_ISOTROPIC, h]
            + brings.band * hours[F_BAND, h]
            + brings.border * hours[F_BORDER_SHORT, h]
            + brings.typical * REFLECTED * hours[F_GLOBAL, h]
            + brings.carry * path_series[at + H_SHORT]
        )
        long = (
            brings.air * hours[F_AIR_RADIATION, h]
            + brings.sky * hours[F_SKY, h]
            + brings.border * hours[F_BORDER_LONG, h]
            + brings.typical * hours[F_SURROUNDINGS, h]
            + brings.carry * path_series[at + H_LONG]
        )
        short_r = view * hours[F_ISOTROPIC, h] + REFLECTED * (1.0 - view) * hours[F_GLOBAL, h]
        long_r = view * hours[F_SKY, h] + (1.0 - view) * hours[F_SURROUNDINGS, h]
        beam = hours[F_BEAM, h] * beam_cosine(normal, hours, h)
        if h <= day:
            could += beam
        if first == 1:
            beam *= lit_part(path_bits, path, node_of_step, h, per_hour)
        else:
            beam *= sunlit(bits, slot, hour_lit[h])
        if h <= day:
            got += beam
        if all_global == 1:
            short = hours[F_GLOBAL, h]
            short_r = short
            beam = 0.0
        path_series[at + H_MORE] = absorptance * (short - short_r) + emissivity * (long - long_r)
        path_series[at + H_REFERENCE] = absorptance * (short_r + beam) + emissivity * long_r
        path_series[at + H_SHORT] = albedo * (short + (1 - first) * beam)
        path_series[at + H_LONG] = (1.0 - emissivity) * long
    return got / could


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
    class_shaded,
    physics,
    switches,
):
    """March a later vertex that has received its series; what it emits joins what it reflects.

    Hours 1 to `last` are written; the state kept, where `keep` = 1, is that at the end of hour
    `count_hours`.
    """
    steady = properties[construction, C_STEADY_GAIN]
    mode = switches[O_CONVECTION]
    day = switches[O_DAY]
    slab = slab_of(construction, properties, modes, physics)
    place = film_of(construction, normal, wind, perimeter_over_area, properties, physics, mode)
    lag = load_modes(modes, construction, M_LAG)
    now = Surface(0.0)
    known_before = 0.0
    start_flux = 0.0
    # What is beyond the reference: modes, exchange flux, temperature, flux into the slab, absorbed
    x = modes_vector(0.0)
    exchange = 0.0
    theta = 0.0
    ground_flux = 0.0
    more_before = 0.0
    passes = 1
    if first_chunk == 1:
        passes = 1 + LINEAR_PASSES
        # Start from the steady state at the daily mean of a surface like it.
        start = classes[class_shaded, 0, 0] + lit * (
            classes[class_shaded + 1, 0, 0] - classes[class_shaded, 0, 0]
        )
        now.theta = start
        if slab.held == SLAB:
            start_flux = (start - free[construction, 0]) / steady
        now.modes = load_modes(modes, construction, M_GAIN) * start_flux
        t = start + physics[P_BASE]
        now.emission = slab.emission * t * t * t * t
    else:
        now, known_before = load_surface(state, slot, slab)
        x = load_modes(state, slot, X_DIFFERENCE)
        exchange = state[slot, X_DIFFERENCE + MODES]
        theta = state[slot, X_DIFFERENCE + MODES + 1]
        ground_flux = state[slot, X_DIFFERENCE + MODES + 2]
        more_before = state[slot, X_DIFFERENCE + MODES + 3]

    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = last
        if not last_turn:
            count = day
        x_start = x
        x_start_r = now.modes
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
            now.exchange = start_flux - known  # the flux that keeps the steady state
            exchange = -more
        for h in range(1, count + 1):
            at = base + h * HOUR_ROWS
            more_after = more
            known_after = known
            if h < last:
                more_after = path_series[at + HOUR_ROWS + H_MORE]
                known_after = path_series[at + HOUR_ROWS + H_REFERENCE]
            before = now
            known_slope = limited_slope(known_before, known, known_after)
            wet = slab.moisture * hours[F_PRIESTLEY_TAYLOR, h]
            t_air = hours[F_AIR, h]
            now = surface_step(
                before,
                before.theta,
                known,
                known_slope,
                free[construction, h],
                t_air,
                forced_film(normal, place.forced, hours, h),
                -1.0,
                wet,
                slab,
                place,
                physics,
                switches,
            )
            # Not limited: linear in what the path brings.
            slope = 0.5 * (more_after - more_before)
            at_end = more + 0.5 * slope
            push = more - 0.5 * slope + exchange
            rest = slope - exchange
            t = now.theta + physics[P_BASE]
            if switches[O_LINEAR] == 1:
                t = t_air + physics[P_BASE]
            h_r = 4.0 * slab.emission * t * t * t
            flux = more + 0.5 * exchange
            x_before = x
            if slab.held == SLAB:
                given = 0.0
                available = known + 0.5 * known_slope - now.emission - before.ground_flux
                if wet > 0.0 and available > 0.0:
                    given = -wet * (at_end - ground_flux)
                history = (
                    (slab.decay * x).sum()
                    + slab.constant_sum * push
                    + slab.rise_sum * rest
                    + slab.direct * at_end
                )
                theta = (history + slab.kappa * given) / (1.0 - slab.kappa * now.slope)
                exchange = given + now.slope * theta
                x = slab.decay * x + slab.constant * push + slab.rise * (rest + exchange)
            flux += 0.5 * exchange
            ground_flux = at_end + exchange - slab.h0 * theta
            flux_r = known + 0.5 * (before.exchange + now.exchange)
            mean_free = 0.5 * (free[construction, h - 1] + free[construction, h])
            mean_r = mean_free + steady * flux_r - (lag * (now.modes - before.modes)).sum()
            mean = steady * flux - (lag * (x - x_before)).sum()
            if slab.held != SLAB:
                mean_r = now.theta
                mean = 0.0
            sum_flux += flux
            sum_theta += mean
            sum_flux_r += flux_r
            sum_theta_r += mean_r
            sum_free += mean_free
            sum_slope += now.slope
            if last_turn:
                # Of the hour's mean temperature, which the modes give exactly.
                t = mean_r + physics[P_BASE]
                emission = slab.emission * t * t * t * t
                if switches[O_LINEAR] == 1:
                    a = 0.5 * (hours[F_AIR, h - 1] + t_air) + physics[P_BASE]
                    emission = slab.emission * a * a * a * (4.0 * t - 3.0 * a)
                path_series[at + H_LONG] += emission + h_r * mean
                if h == count_hours and keep == 1:
                    save_surface(state, slot, now, known)
                    for k in ti.static(range(MODES)):
                        state[slot, X_DIFFERENCE + k] = x[k]
                    state[slot, X_DIFFERENCE + MODES] = exchange
                    state[slot, X_DIFFERENCE + MODES + 1] = theta
                    state[slot, X_DIFFERENCE + MODES + 2] = ground_flux
                    state[slot, X_DIFFERENCE + MODES + 3] = more
            known_before = known
            more_before = more
            known = known_after
            more = more_after
        if not last_turn and slab.held == SLAB:
            days = ti.cast(count, ti.f32)
            x = periodic_start(
                x,
                x_start,
                sum_flux / days,
                sum_theta / days,
                0.0,
                sum_slope / days,
                construction,
                steady,
                modes,
            )
            now.modes = periodic_start(
                now.modes,
                x_start_r,
                sum_flux_r / days,
                sum_theta_r / days,
                sum_free / days,
                sum_slope / days,
                construction,
                steady,
                modes,
            )
            moved = ti.abs(x - x_start).sum() + ti.abs(now.modes - x_start_r).sum()
            if moved < PERIODIC_LINEAR:
                turn = passes - 2
        turn += 1
