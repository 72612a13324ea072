"""Steps of many surfaces side by side: `surface_step` written for lanes of a vector unit.

Whatever a step reads and writes lies in local arrays of rows of `LANES` numbers, and every loop
over lanes is free of branches: compilers then turn it into vector instructions (16 numbers at once
where a processor can; 17 ns a step of a surface in place of 110 on the machine it was written on).
"""

from heatmat.kernels.branchless import cube_root, slope_within
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
    C_WATER_FROM,
    C_WATER_TO,
    C_WATERED,
    DOE_2,
    F_AIR,
    F_CLOCK,
    F_LEEWARD,
    F_PRIESTLEY_TAYLOR,
    F_WIND_X,
    F_WIND_Y,
    F_WINDWARD,
    HELD_AT_AIR,
    LINEAR,
    M_CONSTANT,
    M_DAY,
    M_DECAY,
    M_GAIN,
    M_RISE,
    MODES,
    MOWITT,
    O_LINEAR,
    P_BASE,
    P_CONSTANT,
    P_SIGMA,
    SLAB,
    X_EMISSION,
    X_FLUX,
    X_GROUND_FLUX,
    X_KNOWN,
    X_LATENT,
    X_THETA,
)
from heatmat.kernels.march import DRIFT
from heatmat.kernels.surface_step import NEWTON_PASSES, STILL, WET_STILL
from heatmat.kernels.wall import forced_factors, natural_coefficients
from heatmat.runtime import ti

LANES = 16

# Rows of what stays the same over a march
(
    R_DECAY,
    R_CONSTANT,
    R_RISE,
    R_CONSTANT_SUM,
    R_RISE_SUM,
    R_DIRECT,
    R_KAPPA,
    R_CONDUCTANCE,
    R_EMISSION,
    R_MOISTURE,
    R_WATERED,
    R_WATER_FROM,
    R_WATER_TO,
    R_SLAB,
    R_AT_AIR,
    R_HELD,
    R_UNSTABLE,
    R_STABLE,
    R_WINDWARD,
    R_LEEWARD,
    R_ROUGHNESS,
    R_NX,
    R_NY,
    R_NZ,
    R_H0,
    R_ABSORPTANCE,
    R_EMISSIVITY,
    R_STEADY,
    R_REFLECT,
    R_PASS,
    R_WEIGHT,
    R_LEAF,
    R_BRINGS,
) = (0, 8, 16, *range(24, 54))
STILL_ROWS = 60

# Rows of the state at a stamp
(
    S_MODES,
    S_EXCHANGE,
    S_THETA,
    S_GROUND,
    S_EMITTED,
    S_SLOPE,
    S_KNOWN_BEFORE,
    S_DRIFT,
    S_START,
    S_SUM_FLUX,
    S_SUM_THETA,
    S_SUM_FREE,
    S_SUM_SLOPE,
    S_PERIODIC,
) = (0, *range(8, 15), 15, *range(23, 27), 27)
STATE_ROWS = 35

# Rows of one step
(
    N_KNOWN,
    N_AFTER,
    N_FREE,
    N_FREE_BEFORE,
    N_FORCED,
    N_HISTORY,
    N_WET,
    N_STILL,
    N_MOVED,
    N_THETA,
    N_EMISSION,
    N_CONVECTION,
    N_PUSH,
    N_REST,
    N_SLOPE,
    N_SENT,
) = range(16)
STEP_ROWS = 16


@ti.func
def lane_constants(
    c: ti.template(), lane, construction, normal, wind, perimeter_over_area,
    properties: ti.template(), modes: ti.template(), physics, mode: ti.template(),
):  # fmt: skip
    """Fill a lane's constants: the slab and the film of `kernels.surface_step`."""
    constant_sum = 0.0
    rise_sum = 0.0
    for k in range(MODES):
        c[(R_DECAY + k) * LANES + lane] = modes[construction, M_DECAY + k]
        c[(R_CONSTANT + k) * LANES + lane] = modes[construction, M_CONSTANT + k]
        c[(R_RISE + k) * LANES + lane] = modes[construction, M_RISE + k]
        constant_sum += modes[construction, M_CONSTANT + k]
        rise_sum += modes[construction, M_RISE + k]
    c[R_CONSTANT_SUM * LANES + lane] = constant_sum
    c[R_RISE_SUM * LANES + lane] = rise_sum
    c[R_DIRECT * LANES + lane] = properties[construction, C_DIRECT]
    held = properties[construction, C_HELD]
    kappa = properties[construction, C_RISE_GAIN]
    c[R_KAPPA * LANES + lane] = kappa
    c[R_CONDUCTANCE * LANES + lane] = 0.0
    c[R_SLAB * LANES + lane] = 0.0
    if held == SLAB:
        c[R_CONDUCTANCE * LANES + lane] = 1.0 / kappa
        c[R_SLAB * LANES + lane] = 1.0
    c[R_AT_AIR * LANES + lane] = 0.0
    if held == HELD_AT_AIR:
        c[R_AT_AIR * LANES + lane] = 1.0
    c[R_HELD * LANES + lane] = properties[construction, C_HELD_VALUE]
    c[R_EMISSION * LANES + lane] = properties[construction, C_EMISSIVITY] * physics[P_SIGMA]
    c[R_MOISTURE * LANES + lane] = properties[construction, C_MOISTURE]
    c[R_WATERED * LANES + lane] = properties[construction, C_WATERED]
    c[R_WATER_FROM * LANES + lane] = properties[construction, C_WATER_FROM]
    c[R_WATER_TO * LANES + lane] = properties[construction, C_WATER_TO]
    natural = natural_coefficients(normal.z, physics)
    forced = forced_factors(wind, perimeter_over_area, physics, mode)
    c[R_UNSTABLE * LANES + lane] = natural.x
    c[R_STABLE * LANES + lane] = natural.y
    c[R_WINDWARD * LANES + lane] = forced.x
    c[R_LEEWARD * LANES + lane] = forced.y
    c[R_ROUGHNESS * LANES + lane] = properties[construction, C_ROUGHNESS]
    c[R_NX * LANES + lane] = normal.x
    c[R_NY * LANES + lane] = normal.y
    c[R_NZ * LANES + lane] = normal.z
    c[R_H0 * LANES + lane] = properties[construction, C_FILM]
    c[R_ABSORPTANCE * LANES + lane] = properties[construction, C_ABSORPTANCE]
    c[R_EMISSIVITY * LANES + lane] = properties[construction, C_EMISSIVITY]
    c[R_STEADY * LANES + lane] = properties[construction, C_STEADY_GAIN]
    c[R_REFLECT * LANES + lane] = properties[construction, C_ALBEDO]


@ti.func
def lane_load(s: ti.template(), lane, state: ti.template(), row):
    """A lane's surface from where `lane_save` kept it."""
    for k in range(MODES):
        s[(S_MODES + k) * LANES + lane] = state[row, k]
    s[S_EXCHANGE * LANES + lane] = state[row, X_FLUX]
    s[S_KNOWN_BEFORE * LANES + lane] = state[row, X_KNOWN]
    s[S_THETA * LANES + lane] = state[row, X_THETA]
    s[S_EMITTED * LANES + lane] = state[row, X_EMISSION]
    s[S_GROUND * LANES + lane] = state[row, X_GROUND_FLUX]


@ti.func
def lane_save(s: ti.template(), lane, state: ti.template(), row):
    """Keep a lane's surface for the next stage (`kernels.march.save_surface`)."""
    for k in range(MODES):
        state[row, k] = s[(S_MODES + k) * LANES + lane]
    state[row, X_FLUX] = s[S_EXCHANGE * LANES + lane]
    state[row, X_KNOWN] = s[S_KNOWN_BEFORE * LANES + lane]
    state[row, X_THETA] = s[S_THETA * LANES + lane]
    state[row, X_EMISSION] = s[S_EMITTED * LANES + lane]
    state[row, X_GROUND_FLUX] = s[S_GROUND * LANES + lane]
    state[row, X_LATENT] = 0.0


@ti.func
def lane_films(c: ti.template(), q, theta, t_air, forced, physics, mode: ti.template()):
    """Convection coefficient of lane `q`, and d(h (T - T_air)) / dT (`kernels.wall.film`)."""
    roughness = c[R_ROUGHNESS * LANES + q]
    root = cube_root(theta - t_air)
    h_n = ti.max(c[R_UNSTABLE * LANES + q] * root, -c[R_STABLE * LANES + q] * root)
    h = h_n + roughness * forced
    share = 1.0
    if ti.static(mode == DOE_2):
        whole = ti.sqrt(h_n * h_n + forced * forced) + 1e-12
        h = h_n + roughness * (whole - h_n)
        share = 1.0 + roughness * (h_n / whole - 1.0)
    elif ti.static(mode == MOWITT):
        h = ti.sqrt(h_n * h_n + forced * forced) + 1e-12
        share = h_n / h
    elif ti.static(mode == LINEAR):
        h = physics[P_CONSTANT] + forced
        share = 0.0
    return h, h + share * h_n * (1.0 / 3.0)


@ti.func
def lane_wetness(c: ti.template(), q, clock, share):
    """Share of the available energy that evaporates, by the clock (`surface_step.wetness`)."""
    begins = c[R_WATER_FROM * LANES + q]
    ends = c[R_WATER_TO * LANES + q]
    after = ti.select(clock >= begins, 1, 0)
    early = ti.select(clock < ends, 1, 0)
    on = ti.select(begins < ends, after * early, ti.max(after, early))
    on *= ti.select(begins == ends, 0, 1)
    return ti.select(on == 1, c[R_WATERED * LANES + q], c[R_MOISTURE * LANES + q]) * share


@ti.func
def lane_forced(c: ti.template(), q, wind_x, wind_y, windward, leeward):
    """Forced convection, no lee side within 5 degrees of horizontal (`wall.forced_film`)."""
    facing = c[R_NX * LANES + q] * wind_x + c[R_NY * LANES + q] * wind_y
    facing = ti.max(facing + 1e-4, c[R_NZ * LANES + q] - 0.9962)
    return ti.select(
        facing >= 0.0, c[R_WINDWARD * LANES + q] * windward, c[R_LEEWARD * LANES + q] * leeward
    )


@ti.func
def tangent_lanes(
    c: ti.template(), t: ti.template(), t_air, physics, switches, mode: ti.template()
):  # fmt: skip
    """One Newton pass of the lanes that move (`surface_step.tangent_step`); how many still do."""
    base = physics[P_BASE]
    linear = ti.cast(switches[O_LINEAR], ti.f32)
    restless = 0
    for q in range(LANES):
        theta = t[N_THETA * LANES + q]
        forced = t[N_FORCED * LANES + q]
        h, h_slope = lane_films(c, q, theta, t_air, forced, physics, mode)
        about = theta + base + linear * (t_air - theta)
        h_r = 4.0 * c[R_EMISSION * LANES + q] * about * about * about
        emission = 0.25 * h_r * about + linear * h_r * (theta - t_air)
        convection = h * (t_air - theta)
        slope = c[R_H0 * LANES + q] - h_slope - h_r
        flux = c[R_H0 * LANES + q] * theta + convection - emission
        wet = ti.select(theta > t_air, t[N_WET * LANES + q], 0.0)
        flux += wet * convection
        slope -= wet * h_slope
        kappa = c[R_KAPPA * LANES + q]
        moved = (t[N_HISTORY * LANES + q] - theta + kappa * flux) / (1.0 - kappa * slope)
        moved *= c[R_SLAB * LANES + q]
        # What stands still is left alone: a lane does not depend on its neighbours.
        moving = t[N_MOVED * LANES + q] > t[N_STILL * LANES + q]
        t[N_THETA * LANES + q] = ti.select(moving, theta + moved, theta)
        t[N_EMISSION * LANES + q] = ti.select(
            moving, emission + h_r * moved, t[N_EMISSION * LANES + q]
        )
        t[N_CONVECTION * LANES + q] = ti.select(
            moving, convection - h_slope * moved, t[N_CONVECTION * LANES + q]
        )
        t[N_SLOPE * LANES + q] = ti.select(moving, slope, t[N_SLOPE * LANES + q])
        distance = ti.select(moving, ti.abs(moved), 0.0)
        t[N_MOVED * LANES + q] = distance
        restless += ti.select(distance > t[N_STILL * LANES + q], 1, 0)
    return restless


@ti.func
def step_lanes(
    c: ti.template(), s: ti.template(), t: ti.template(), series: ti.template(), n, calm,
    physics, switches, mode: ti.template(),
):  # fmt: skip
    """All lanes through step `n` (`surface_step.surface_step`).

    Rows `N_KNOWN`, `N_AFTER`, `N_FREE` of `t` are given: what is absorbed in this step and the
    next, and the inner part of the temperature at its end. `calm` is added to what counts as still.
    """
    t_air = series[F_AIR, n]
    clock = series[F_CLOCK, n]
    share = series[F_PRIESTLEY_TAYLOR, n]
    wind_x = series[F_WIND_X, n]
    wind_y = series[F_WIND_Y, n]
    windward = series[F_WINDWARD, n]
    leeward = series[F_LEEWARD, n]
    for q in range(LANES):
        known = t[N_KNOWN * LANES + q]
        exchange = s[S_EXCHANGE * LANES + q]
        rise = slope_within(s[S_KNOWN_BEFORE * LANES + q], known, t[N_AFTER * LANES + q])
        at_end = known + 0.5 * rise
        push = known - 0.5 * rise + exchange
        rest = rise - exchange
        history = t[N_FREE * LANES + q] + c[R_DIRECT * LANES + q] * at_end
        history += c[R_CONSTANT_SUM * LANES + q] * push + c[R_RISE_SUM * LANES + q] * rest
        for k in ti.static(range(MODES)):
            history += c[(R_DECAY + k) * LANES + q] * s[(S_MODES + k) * LANES + q]
        wet = lane_wetness(c, q, clock, share)
        t[N_WET * LANES + q] = wet / (1.0 - wet)
        t[N_STILL * LANES + q] = calm + ti.select(wet > 0.0, WET_STILL, STILL)
        t[N_MOVED * LANES + q] = 1e30
        t[N_FORCED * LANES + q] = lane_forced(c, q, wind_x, wind_y, windward, leeward)
        held = ti.select(c[R_AT_AIR * LANES + q] > 0.5, t_air, c[R_HELD * LANES + q])
        guess = s[S_THETA * LANES + q] + s[S_DRIFT * LANES + q]
        t[N_THETA * LANES + q] = ti.select(c[R_SLAB * LANES + q] > 0.5, guess, held)
        t[N_HISTORY * LANES + q] = history
        t[N_PUSH * LANES + q] = push
        t[N_REST * LANES + q] = rest
    restless = tangent_lanes(c, t, t_air, physics, switches, mode)
    passes = 1
    while passes < NEWTON_PASSES and restless > 0:
        passes += 1
        restless = tangent_lanes(c, t, t_air, physics, switches, mode)
    for q in range(LANES):
        theta = t[N_THETA * LANES + q]
        h0 = c[R_H0 * LANES + q]
        fresh = ti.select(
            c[R_SLAB * LANES + q] > 0.5,
            (theta - t[N_HISTORY * LANES + q]) * c[R_CONDUCTANCE * LANES + q],
            h0 * theta + t[N_CONVECTION * LANES + q] - t[N_EMISSION * LANES + q],
        )
        known = t[N_KNOWN * LANES + q]
        push = t[N_PUSH * LANES + q]
        rest = t[N_REST * LANES + q]
        exchange = s[S_EXCHANGE * LANES + q]
        before = s[S_THETA * LANES + q]
        s[S_SUM_FLUX * LANES + q] += known + 0.5 * (exchange + fresh)
        s[S_SUM_THETA * LANES + q] += 0.5 * (before + theta)
        s[S_SUM_FREE * LANES + q] += 0.5 * (t[N_FREE_BEFORE * LANES + q] + t[N_FREE * LANES + q])
        s[S_SUM_SLOPE * LANES + q] += t[N_SLOPE * LANES + q]
        t[N_FREE_BEFORE * LANES + q] = t[N_FREE * LANES + q]
        emission = t[N_EMISSION * LANES + q]
        t[N_SENT * LANES + q] = 0.5 * (s[S_EMITTED * LANES + q] + emission)
        s[S_EMITTED * LANES + q] = emission
        for k in ti.static(range(MODES)):
            s[(S_MODES + k) * LANES + q] = (
                c[(R_DECAY + k) * LANES + q] * s[(S_MODES + k) * LANES + q]
                + c[(R_CONSTANT + k) * LANES + q] * push
                + c[(R_RISE + k) * LANES + q] * (rest + fresh)
            )
        s[S_EXCHANGE * LANES + q] = fresh
        s[S_THETA * LANES + q] = theta
        s[S_DRIFT * LANES + q] = ti.max(-DRIFT, ti.min(DRIFT, theta - before))
        # What is known at the end of a step is `push + rest`.
        s[S_GROUND * LANES + q] = push + rest + fresh - h0 * theta
        s[S_KNOWN_BEFORE * LANES + q] = known


@ti.func
def lane_periodic(
    c: ti.template(), s: ti.template(), lane, steps, construction, modes: ti.template()
):
    """Start of a lane's modes for which its last day would have been periodic.

    As `kernels.march.periodic_start`, into rows `S_PERIODIC`; the start itself of what has no slab.
    """
    each = 1.0 / ti.cast(steps, ti.f32)
    steady = c[R_STEADY * LANES + lane]
    flux = each * s[S_SUM_FLUX * LANES + lane]
    theta = each * s[S_SUM_THETA * LANES + lane]
    free = each * s[S_SUM_FREE * LANES + lane]
    slope = each * s[S_SUM_SLOPE * LANES + lane]
    shift = slope * (free + steady * flux - theta) / (1.0 - steady * slope)
    for k in range(MODES):
        start = s[(S_START + k) * LANES + lane]
        day = modes[construction, M_DAY + k]
        gain = modes[construction, M_GAIN + k]
        end = s[(S_MODES + k) * LANES + lane]
        whole = (end - day * start) / (1.0 - day) + gain * shift
        s[(S_PERIODIC + k) * LANES + lane] = whole
        if c[R_SLAB * LANES + lane] < 0.5:
            s[(S_PERIODIC + k) * LANES + lane] = start
