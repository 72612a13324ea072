"""The march of a path's first vertex, with its full nonlinear balance.

Incoming series are read from per-thread scratch rows; output rows are added to. On the first chunk
the first day is repeated until periodic: after each pass the start of every mode is set from the
pass's own flux, with the mean closed for the feedback of the exchange flux (a Newton step on the
daily mean), which converges in two or three passes even for 2 m of ground. The pass after one that
moved no start by more than `PERIODIC` is the last, or the last of those allowed.
"""

from heatmat.kernels.layout import (
    C_ABSORPTANCE,
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
    F_PRIESTLEY_TAYLOR,
    F_SUN_X,
    F_SUN_Y,
    F_SUN_Z,
    HELD_AT_AIR,
    M_CONSTANT,
    M_DAY,
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
    X_LATENT,
    X_THETA,
    Y_CONDUCTION,
    Y_CONVECTION,
    Y_FILM,
    Y_INCIDENT_LONG,
    Y_INCIDENT_SHORT,
    Y_LATENT,
    Y_LONGWAVE,
    Y_SHORTWAVE,
    Y_TEMPERATURE,
)
from heatmat.kernels.wall import (
    advance,
    film,
    forced_factors,
    limited_slope,
    load_modes,
    modes_vector,
    natural_coefficients,
    signed_cube_root,
)
from heatmat.runtime import ti

NONLINEAR_PASSES = 8

# Sum over the modes of how far a pass moved their start [K], a bound on the temperature's move.
# What is left after that pass is several times less: under 0.01 K against sixty equal days (tests).
PERIODIC = 0.05

# Newton passes of a step: two, and more where the last one moved the temperature by more than
# `STILL` [K], as in long steps in which the sun comes or goes.
NEWTON_PASSES = 8
STILL = 0.02

# Scratch rows of a thread: everything that falls on the first vertex, and the series on its way
# back along a path.
K_SHORT, K_LONG, K_CARRY_SHORT, K_CARRY_LONG = 0, 1, 2, 3
SCRATCH_ROWS = 4

# What a path's ray brings, as factors of known series and of the carried ones
Gather = ti.types.struct(
    isotropic=ti.f32,
    band=ti.f32,
    sky=ti.f32,
    air=ti.f32,
    border=ti.f32,
    carry=ti.f32,
)


@ti.func
def sunlit(bits: ti.template(), slot, node):
    """Visibility bit of a node, 0 for the night (node -1)."""
    lit = 0.0
    if node >= 0:
        word = bits[slot, node >> 5]
        if ((word >> ti.cast(node & 31, ti.u32)) & ti.u32(1)) != ti.u32(0):
            lit = 1.0
    return lit


@ti.func
def beam_cosine(normal, series: ti.template(), n):
    """Cosine of incidence of the beam in step n, 0 from behind."""
    return ti.max(
        0.0,
        normal.x * series[F_SUN_X, n]
        + normal.y * series[F_SUN_Y, n]
        + normal.z * series[F_SUN_Z, n],
    )


@ti.func
def periodic_start(
    x_end, x_start, flux, theta, free, slope, construction, steady, modes: ti.template()
):
    """Start of the modes for which the last pass would have been periodic.

    Parameters
    ----------
    flux, theta, free, slope : float
        Daily means of the flux, the surface temperature, the inner part of it, and d(exchange) /
        d(theta).
    """
    day = load_modes(modes, construction, M_DAY)
    gain = load_modes(modes, construction, M_GAIN)
    shift = (free + steady * flux - theta) / (1.0 - steady * slope)
    return (x_end - day * x_start) / (1.0 - day) + gain * (slope * shift)


@ti.func
def march_nonlinear(
    row,
    state_row,
    share,
    construction,
    guess,
    normal,
    wind,
    perimeter_over_area,
    base,
    stride,
    steps,
    write_last,
    first_chunk,
    scratch: ti.template(),
    state: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    properties: ti.template(),
    out: ti.template(),
    out_of_step: ti.template(),
    full_output,
    given_film,
    physics,
    switches,
):
    """March the first vertex with T^4 and natural convection, two Newton passes a step or more.

    Output rows get `share` of the values added: temperature at the stamp, fluxes as means of the
    step that ends there. `given_film` = 1 reads the convection coefficient from the carry row
    (forcing given by the user).
    """
    mode = switches[O_CONVECTION]
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

    x = modes_vector(0.0)
    exchange = 0.0
    known_before = 0.0
    theta_before = guess
    emission_before = emissivity * sigma * (theta_before + kelvin) ** 4
    convection_before = 0.0
    latent_before = 0.0
    ground_flux = 0.0
    start_flux = 0.0
    passes = 1
    if first_chunk == 1:
        passes = 1 + NONLINEAR_PASSES
        if held == SLAB:
            start_flux = (theta_before - free[construction, 0]) / steady
        x = load_modes(modes, construction, M_GAIN) * start_flux
    else:
        for k in ti.static(range(MODES)):
            x[k] = state[state_row, k]
        exchange = state[state_row, X_FLUX]
        known_before = state[state_row, X_KNOWN]
        theta_before = state[state_row, X_THETA]
        emission_before = state[state_row, X_EMISSION]
        ground_flux = state[state_row, X_GROUND_FLUX]
        latent_before = state[state_row, X_LATENT]
        convection_before = exchange - h0 * theta_before + emission_before - latent_before

    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = write_last
        if not last_turn:
            count = day
        x_start = x
        sum_flux = 0.0
        sum_theta = 0.0
        sum_free = 0.0
        sum_slope = 0.0
        short = scratch[base + stride + K_SHORT]
        long = scratch[base + stride + K_LONG]
        known = absorptance * short + emissivity * long
        if turn == 0 and first_chunk == 1:
            known_before = known
            exchange = start_flux - known
        for n in range(1, count + 1):
            after = base + (n + 1) * stride
            short_after = short
            long_after = long
            if n <= steps:
                short_after = scratch[after + K_SHORT]
                long_after = scratch[after + K_LONG]
            known_after = absorptance * short_after + emissivity * long_after
            slope = limited_slope(known_before, known, known_after)
            at_end = known + 0.5 * slope
            t_air = series[F_AIR, n]
            theta = theta_before
            emission = 0.0
            convection = 0.0
            latent = 0.0
            h_c = 0.0
            fresh = 0.0
            if held == SLAB:
                y = advance(x, decay, constant, rise, known, slope, exchange)
                history = free[construction, n] + y.sum() + direct * at_end
                p1 = 0.0
                turns = 0
                moved = 0.0
                while turns < 2 or (turns < NEWTON_PASSES and moved > STILL):
                    turns += 1
                    h_c = scratch[base + n * stride + K_CARRY_SHORT]
                    if given_film == 0:
                        root = signed_cube_root(theta - t_air)
                        h_c = film(
                            root, natural, forced, normal, roughness, series, n, physics, mode
                        )
                    t = theta + kelvin
                    h_r = 4.0 * emissivity * sigma * t * t * t
                    emission = 0.25 * h_r * t
                    if switches[O_LINEAR] == 1:
                        a = t_air + kelvin
                        h_r = 4.0 * emissivity * sigma * a * a * a
                        emission = 0.25 * h_r * a + h_r * (theta - t_air)
                    p1 = h0 - h_c - h_r
                    latent = 0.0
                    if moisture > 0.0:
                        k_pt = moisture * series[F_PRIESTLEY_TAYLOR, n]
                        available = at_end - emission - ground_flux
                        if available > 0.0:
                            latent = -k_pt * available
                            p1 += k_pt * h_r
                    fresh = h0 * theta + h_c * (t_air - theta) - emission + latent
                    theta_next = (history + kappa * (fresh - p1 * theta)) / (1.0 - kappa * p1)
                    moved = ti.abs(theta_next - theta)
                    theta = theta_next
                # The slab was given the flux of the last iterate's tangent.
                fresh = (theta - history) / kappa
                x = y + rise * fresh
            else:
                theta = t_air
                if held != HELD_AT_AIR:
                    theta = properties[construction, C_HELD_VALUE]
                h_c = scratch[base + n * stride + K_CARRY_SHORT]
                if given_film == 0:
                    h_c = film(
                        signed_cube_root(theta - t_air),
                        natural,
                        forced,
                        normal,
                        roughness,
                        series,
                        n,
                        physics,
                        mode,
                    )
            t = theta + kelvin
            emission = emissivity * sigma * t * t * t * t
            if switches[O_LINEAR] == 1:
                a = t_air + kelvin
                emission = emissivity * sigma * a * a * a * (a + 4.0 * (theta - t_air))
            convection = h_c * (t_air - theta)
            if held == SLAB and moisture > 0.0:
                # Evaporation begins at a kink that Newton steps cannot follow: what the slab was
                # given is kept, and evaporation is what closes it.
                latent = fresh - h0 * theta - convection + emission
            if turn == 0 and n == 1 and first_chunk == 1:
                convection_before = convection
                latent_before = latent
            if held != SLAB:
                # No slab: conduction closes the balance in the output below.
                fresh = h0 * theta + convection - emission
            sum_flux += known + 0.5 * (exchange + fresh)
            sum_theta += 0.5 * (theta_before + theta)
            sum_free += 0.5 * (free[construction, n - 1] + free[construction, n])
            sum_slope += h0 - h_c - 4.0 * emission / t
            if last_turn:
                o = out_of_step[n]
                if o >= 0:
                    out[row, o, Y_TEMPERATURE] += share * theta
                    if full_output == 1:
                        mean_emission = 0.5 * (emission_before + emission)
                        mean_convection = 0.5 * (convection_before + convection)
                        mean_latent = 0.5 * (latent_before + latent)
                        into_slab = (
                            known + 0.5 * (exchange + fresh) - 0.5 * h0 * (theta_before + theta)
                        )
                        if held != SLAB:
                            into_slab = known - mean_emission + mean_convection
                        out[row, o, Y_SHORTWAVE] += share * absorptance * short
                        out[row, o, Y_LONGWAVE] += share * (emissivity * long - mean_emission)
                        out[row, o, Y_CONVECTION] += share * mean_convection
                        out[row, o, Y_LATENT] += share * mean_latent
                        out[row, o, Y_CONDUCTION] -= share * into_slab
                        out[row, o, Y_FILM] += share * h_c
                        out[row, o, Y_INCIDENT_SHORT] += share * short
                        out[row, o, Y_INCIDENT_LONG] += share * long
            ground_flux = at_end + fresh - h0 * theta
            exchange = fresh
            known_before = known
            theta_before = theta
            emission_before = emission
            convection_before = convection
            latent_before = latent
            short = short_after
            long = long_after
            known = known_after
            if last_turn and n == steps:
                for k in ti.static(range(MODES)):
                    state[state_row, k] = x[k]
                state[state_row, X_FLUX] = exchange
                state[state_row, X_KNOWN] = known_before
                state[state_row, X_THETA] = theta
                state[state_row, X_EMISSION] = emission
                state[state_row, X_GROUND_FLUX] = ground_flux
                state[state_row, X_LATENT] = latent
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
            if ti.abs(x - x_start).sum() < PERIODIC:
                turn = passes - 2
        turn += 1
