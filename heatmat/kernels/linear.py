"""The march of later vertices: linear in what their path brings, about a reference beside it."""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_DIRECT,
    C_EMISSIVITY,
    C_FILM,
    C_HELD,
    C_HELD_VALUE,
    C_MOISTURE,
    C_RISE_GAIN,
    C_ROUGHNESS,
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
    HELD_AT_AIR,
    M_CONSTANT,
    M_DECAY,
    M_GAIN,
    M_RISE,
    MODES,
    O_CONVECTION,
    O_DAY,
    O_LINEAR,
    P_BASE,
    P_SIGMA,
    SLAB,
    X_EMISSION,
    X_FLUX,
    X_GROUND_FLUX,
    X_KNOWN,
    X_REFERENCE,
    X_REFERENCE_GROUND,
    X_THETA,
)
from heatmat.kernels.march import (
    K_CARRY_LONG,
    K_CARRY_SHORT,
    beam_cosine,
    periodic_start,
    sunlit,
)
from heatmat.kernels.wall import (
    advance,
    film,
    forced_factors,
    forced_film,
    load_modes,
    modes_vector,
    natural_coefficients,
    signed_cube_root,
)
from heatmat.runtime import ti

LINEAR_PASSES = 3

# Sum over the modes of how far a pass moved their start [K]; a bound on the temperature's move.
PERIODIC_LINEAR = 0.05

# Sky view factors of typical surroundings: half-open street, roof, street wall; and the share of
# the global light that comes back from them. They set only where tangents are taken.
GROUND_VIEW, ROOF_VIEW, WALL_VIEW = 0.6, 0.95, 0.35
REFLECTED = 0.1


@ti.func
def lit_share(
    normal, bits: ti.template(), slot, node_of_step: ti.template(), series: ti.template(), days
):
    """Share of the first day's beam that a surface with this normal really gets."""
    got = 0.0
    could = 1e-6
    for n in range(1, days + 1):
        node = node_of_step[n]
        if node >= 0:
            b = series[F_BEAM, n] * beam_cosine(normal, series, n)
            could += b
            got += b * sunlit(bits, slot, node)
    return got / could


@ti.func
def march_linear(
    slot,
    construction,
    normal,
    wind,
    perimeter_over_area,
    kind,
    lit,
    brings,
    all_global,
    base,
    stride,
    steps,
    first_chunk,
    scratch: ti.template(),
    state: ti.template(),
    bits: ti.template(),
    node_of_step: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    properties: ti.template(),
    classes: ti.template(),
    class_shaded,
    physics,
    switches,
):
    """March a later vertex and turn the carried incoming series into its radiosity series.

    Emission, convection and evaporation are linear about a reference that marches beside it (its
    numbers end in `_r`): the same slab at the same place with the same sun, in the typical
    surroundings of its kind in place of what this one path brings. So the answer is linear in what
    is random, and the tangent is still taken where this surface is. Steps 1 to `steps` + 1 are
    written (the extra one is the lookahead of the first vertex); the state kept is that of stamp
    `steps`.
    """
    mode = switches[O_CONVECTION]
    albedo = properties[construction, C_ALBEDO]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    direct = properties[construction, C_DIRECT]
    h0 = properties[construction, C_FILM]
    roughness = properties[construction, C_ROUGHNESS]
    moisture = properties[construction, C_MOISTURE]
    held = properties[construction, C_HELD]
    kappa = properties[construction, C_RISE_GAIN]
    steady = properties[construction, C_STEADY_GAIN]
    decay = load_modes(modes, construction, M_DECAY)
    constant = load_modes(modes, construction, M_CONSTANT)
    rise = load_modes(modes, construction, M_RISE)
    natural = natural_coefficients(normal.z, physics)
    forced = forced_factors(wind, perimeter_over_area, physics, mode)
    sigma = physics[P_SIGMA]
    kelvin = physics[P_BASE]
    day = switches[O_DAY]

    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    x = modes_vector(0.0)
    x_r = modes_vector(0.0)
    exchange = 0.0
    exchange_r = 0.0
    known_before_r = 0.0
    theta_r = 0.0
    ground_flux_r = 0.0
    known_before = 0.0
    theta_before = 0.0
    emission_before = 0.0
    ground_flux = 0.0
    start_flux = 0.0
    passes = 1
    if first_chunk == 1:
        passes = 1 + LINEAR_PASSES
        # Start from the steady state at the reference's daily mean.
        start = classes[class_shaded, 0, 0] + lit * (
            classes[class_shaded + 1, 0, 0] - classes[class_shaded, 0, 0]
        )
        if held == SLAB:
            start_flux = (start - free[construction, 0]) / steady
        x = load_modes(modes, construction, M_GAIN) * start_flux
        x_r = x
        theta_before = start
        theta_r = start
    else:
        for k in ti.static(range(MODES)):
            x[k] = state[slot, k]
            x_r[k] = state[slot, X_REFERENCE + k]
        exchange_r = state[slot, X_REFERENCE + X_FLUX]
        known_before_r = state[slot, X_REFERENCE + X_KNOWN]
        theta_r = state[slot, X_REFERENCE + X_THETA]
        ground_flux_r = state[slot, X_REFERENCE_GROUND]
        exchange = state[slot, X_FLUX]
        known_before = state[slot, X_KNOWN]
        theta_before = state[slot, X_THETA]
        emission_before = state[slot, X_EMISSION]
        ground_flux = state[slot, X_GROUND_FLUX]

    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = steps + 1
        if not last_turn:
            count = day
        x_start = x
        x_start_r = x_r
        sum_flux_r = 0.0
        sum_theta_r = 0.0
        sum_flux = 0.0
        sum_theta = 0.0
        sum_free = 0.0
        sum_slope = 0.0
        for n in range(1, count + 1):
            at = base + n * stride
            short = (
                brings.isotropic * series[F_ISOTROPIC, n]
                + brings.band * series[F_BAND, n]
                + brings.border * series[F_BORDER_SHORT, n]
                + brings.carry * scratch[at + K_CARRY_SHORT]
            )
            long = (
                brings.air * series[F_AIR_RADIATION, n]
                + brings.sky * series[F_SKY, n]
                + brings.border * series[F_BORDER_LONG, n]
                + brings.carry * scratch[at + K_CARRY_LONG]
            )
            beam = (
                series[F_BEAM, n]
                * beam_cosine(normal, series, n)
                * sunlit(bits, slot, node_of_step[n])
            )
            short += beam
            short_r = (
                beam
                + view * series[F_ISOTROPIC, n]
                + REFLECTED * (1.0 - view) * series[F_GLOBAL, n]
            )
            long_r = view * series[F_SKY, n] + (1.0 - view) * series[F_SURROUNDINGS, n]
            if all_global == 1:
                short = series[F_GLOBAL, n]
                short_r = short
            known = absorptance * short + emissivity * long
            known_r = absorptance * short_r + emissivity * long_r
            if turn == 0 and n == 1 and first_chunk == 1:
                known_before = known
                known_before_r = known_r
                exchange = start_flux - known  # the flux that keeps the steady state
                exchange_r = start_flux - known_r
            slope = known - known_before
            slope_r = known_r - known_before_r
            t_air = series[F_AIR, n]
            # Tangents at the reference's temperature a step ago: a kelvin off moves them little.
            reference = theta_r
            if switches[O_LINEAR] == 1:
                reference = t_air
            t_ref = reference + kelvin
            h_r = 4.0 * emissivity * sigma * t_ref * t_ref * t_ref
            emitted_at_zero = 0.25 * h_r * t_ref - h_r * reference
            root = signed_cube_root(theta_r - t_air)
            f = forced_film(normal, forced, series, n)
            h_c = film(root, natural, f, roughness, physics, mode)
            theta = 0.0
            if held == SLAB:
                p0 = h_c.x * (t_air - theta_r) + h_c.y * theta_r - emitted_at_zero
                p1 = h0 - h_c.y - h_r
                p0_r = p0
                if moisture > 0.0:
                    # Priestley-Taylor with the ground flux of the step before.
                    k_pt = moisture * series[F_PRIESTLEY_TAYLOR, n]
                    open_r = known_r + 0.5 * slope_r - emitted_at_zero - ground_flux_r
                    if open_r - h_r * theta_r > 0.0:
                        p0 -= k_pt * (known + 0.5 * slope - emitted_at_zero - ground_flux)
                        p0_r -= k_pt * open_r
                        p1 += k_pt * h_r
                y = advance(x, decay, constant, rise, known, slope, exchange)
                history = free[construction, n] + y.sum() + direct * (known + 0.5 * slope)
                theta = (history + kappa * p0) / (1.0 - kappa * p1)
                fresh = p0 + p1 * theta
                x = y + rise * fresh
                y_r = advance(x_r, decay, constant, rise, known_r, slope_r, exchange_r)
                history_r = free[construction, n] + y_r.sum() + direct * (known_r + 0.5 * slope_r)
                fresh_theta_r = (history_r + kappa * p0_r) / (1.0 - kappa * p1)
                fresh_r = p0_r + p1 * fresh_theta_r
                x_r = y_r + rise * fresh_r
                sum_flux += known + 0.5 * (exchange + fresh)
                sum_theta += 0.5 * (theta_before + theta)
                sum_flux_r += known_r + 0.5 * (exchange_r + fresh_r)
                sum_theta_r += 0.5 * (theta_r + fresh_theta_r)
                sum_free += 0.5 * (free[construction, n - 1] + free[construction, n])
                sum_slope += p1
                exchange = fresh
                exchange_r = fresh_r
                ground_flux = known + 0.5 * slope + fresh - h0 * theta
                ground_flux_r = known_r + 0.5 * slope_r + fresh_r - h0 * fresh_theta_r
                theta_r = fresh_theta_r
            else:
                theta = t_air
                if held != HELD_AT_AIR:
                    theta = properties[construction, C_HELD_VALUE]
                t = theta + kelvin
                h_r = 4.0 * emissivity * sigma * t * t * t
                emitted_at_zero = 0.25 * h_r * t - h_r * theta
                if switches[O_LINEAR] == 1:
                    h_r = 4.0 * emissivity * sigma * t_ref * t_ref * t_ref
                    emitted_at_zero = 0.25 * h_r * t_ref - h_r * t_air
            emission = emitted_at_zero + h_r * theta
            if n == 1 and turn == 0 and first_chunk == 1:
                emission_before = emission
            if last_turn:
                scratch[at + K_CARRY_SHORT] = albedo * short
                scratch[at + K_CARRY_LONG] = (
                    0.5 * (emission_before + emission) + (1.0 - emissivity) * long
                )
                if n == steps:
                    for k in ti.static(range(MODES)):
                        state[slot, k] = x[k]
                        state[slot, X_REFERENCE + k] = x_r[k]
                    state[slot, X_REFERENCE + X_FLUX] = exchange_r
                    state[slot, X_REFERENCE + X_KNOWN] = known_r
                    state[slot, X_REFERENCE + X_THETA] = theta_r
                    state[slot, X_REFERENCE_GROUND] = ground_flux_r
                    state[slot, X_FLUX] = exchange
                    state[slot, X_KNOWN] = known
                    state[slot, X_THETA] = theta
                    state[slot, X_EMISSION] = emission
                    state[slot, X_GROUND_FLUX] = ground_flux
            known_before = known
            known_before_r = known_r
            theta_before = theta
            emission_before = emission
        if not last_turn and held == SLAB:
            x = periodic_start(
                x,
                x_start,
                sum_flux / count,
                sum_theta / count,
                sum_free / count,
                sum_slope / count,
                construction,
                steady,
                modes,
            )
            x_r = periodic_start(
                x_r,
                x_start_r,
                sum_flux_r / count,
                sum_theta_r / count,
                sum_free / count,
                sum_slope / count,
                construction,
                steady,
                modes,
            )
            if ti.abs(x - x_start).sum() + ti.abs(x_r - x_start_r).sum() < PERIODIC_LINEAR:
                turn = passes - 2
        turn += 1
