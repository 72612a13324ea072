"""The march of a start (`march.march_nonlinear`) with its derivative beside it."""

from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    M_DAY,
    M_GAIN,
    O_CONVECTION,
    O_DAY,
    SLAB,
)
from heatmat.kernels.linear import Line
from heatmat.kernels.march import DRIFT, NONLINEAR_PASSES, PERIODIC, periodic_start
from heatmat.kernels.surface_step import Surface, film_of, slab_of, surface_step, wetness
from heatmat.kernels.tangent_step import (
    limited_slope_tangent,
    periodic_start_tangent,
    slab_tangent_of,
    surface_step_tangent,
)
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti, tm

# Scratch rows of a start: light and longwave that fall on it, and their derivatives
K_SHORT, K_LONG, D_SHORT, D_LONG = range(4)
ROWS = 4

# Share of itself by which the derivative of the modes' start may still move after a pass.
PERIODIC_TANGENT = 0.002


@ti.func
def march_start_tangent(
    row,
    share,
    construction,
    guess,
    d_guess,
    normal,
    wind,
    perimeter_over_area,
    base,
    steps,
    scratch: ti.template(),
    series: ti.template(),
    free: ti.template(),
    d_free: ti.template(),
    modes: ti.template(),
    d_modes: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
    out: ti.template(),
    out_of_step: ti.template(),
    physics,
    switches,
):
    """`march.march_nonlinear` with its derivative, over one chunk that holds everything.

    `out` (rows, times, 2) gets `share` of temperature and derivative.
    """
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    d_absorptance = d_properties[construction, C_ABSORPTANCE]
    d_emissivity = d_properties[construction, C_EMISSIVITY]
    steady = properties[construction, C_STEADY_GAIN]
    d_steady = d_properties[construction, C_STEADY_GAIN]
    slab = slab_of(construction, properties, modes, physics)
    d_slab = slab_tangent_of(construction, d_properties, d_modes, physics)
    place = film_of(
        construction, normal, wind, perimeter_over_area, properties, physics,
        switches[O_CONVECTION],
    )  # fmt: skip
    day = load_modes(modes, construction, M_DAY)
    d_day = load_modes(d_modes, construction, M_DAY)
    gain = load_modes(modes, construction, M_GAIN)
    d_gain = load_modes(d_modes, construction, M_GAIN)
    now = Surface(0.0)
    d_now = Line(0.0)
    now.theta = guess
    start_flux = 0.0
    d_start_flux = 0.0
    if slab.held == SLAB:
        start_flux = (guess - free[construction, 0]) / steady
        d_start_flux = (d_guess - d_free[construction, 0] - d_steady * start_flux) / steady
        d_now.theta = d_guess
    now.modes = gain * start_flux
    d_now.modes = d_gain * start_flux + gain * d_start_flux
    known_before = 0.0
    d_known_before = 0.0
    passes = 1 + NONLINEAR_PASSES
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = steps
        if not last_turn:
            count = switches[O_DAY]
        x_start = now.modes
        d_x_start = d_now.modes
        # Sums over the day: flux, temperature and their derivatives.
        sums = tm.vec4(0.0)
        sum_free = 0.0
        d_sum_free = 0.0
        sum_slope = 0.0
        drift = 0.0
        at = base + ROWS
        known = absorptance * scratch[at + K_SHORT] + emissivity * scratch[at + K_LONG]
        d_known = (
            d_absorptance * scratch[at + K_SHORT]
            + absorptance * scratch[at + D_SHORT]
            + d_emissivity * scratch[at + K_LONG]
            + emissivity * scratch[at + D_LONG]
        )
        if turn == 0:
            known_before = known
            d_known_before = d_known
            now.exchange = start_flux - known
            d_now.exchange = d_start_flux - d_known
        for n in range(1, count + 1):
            at = base + (n + 1) * ROWS
            known_after = absorptance * scratch[at + K_SHORT] + emissivity * scratch[at + K_LONG]
            d_known_after = (
                d_absorptance * scratch[at + K_SHORT]
                + absorptance * scratch[at + D_SHORT]
                + d_emissivity * scratch[at + K_LONG]
                + emissivity * scratch[at + D_LONG]
            )
            before = now
            d_before = d_now
            slope = limited_slope(known_before, known, known_after)
            d_slope = limited_slope_tangent(
                known_before, known, known_after, d_known_before, d_known, d_known_after
            )
            t_air = series[F_AIR, n]
            forced = forced_film(normal, place.forced, series, n)
            wet = wetness(slab, series, n)
            now = surface_step(
                before, before.theta + drift, known, slope, free[construction, n], t_air, forced,
                -1.0, wet, slab, place, physics, switches,
            )  # fmt: skip
            drift = ti.max(-DRIFT, ti.min(DRIFT, now.theta - before.theta))
            if slab.held == SLAB:
                d_now = surface_step_tangent(
                    before, d_before, now, known, slope, d_known, d_slope,
                    d_free[construction, n], t_air, forced, wet, slab, d_slab, place, physics,
                    switches,
                )  # fmt: skip
            sums += tm.vec4(
                known + 0.5 * (before.exchange + now.exchange),
                0.5 * (before.theta + now.theta),
                d_known + 0.5 * (d_before.exchange + d_now.exchange),
                0.5 * (d_before.theta + d_now.theta),
            )
            sum_free += 0.5 * (free[construction, n - 1] + free[construction, n])
            d_sum_free += 0.5 * (d_free[construction, n - 1] + d_free[construction, n])
            sum_slope += now.slope
            if last_turn:
                o = out_of_step[n]
                if o >= 0:
                    out[row, o, 0] += share * now.theta
                    out[row, o, 1] += share * d_now.theta
            known_before = known
            d_known_before = d_known
            known = known_after
            d_known = d_known_after
        if not last_turn and slab.held == SLAB:
            each = 1.0 / ti.cast(count, ti.f32)
            end = now.modes
            d_end = d_now.modes
            now.modes = periodic_start(
                end, x_start, sums.x * each, sums.y * each, sum_free * each, sum_slope * each,
                construction, steady, modes,
            )  # fmt: skip
            d_now.modes = periodic_start_tangent(
                end, x_start, d_end, d_x_start, sums.z * each, sums.w * each, d_sum_free * each,
                sums.x * each, sum_slope * each, steady, d_steady, day, d_day, gain,
            )  # fmt: skip
            still = ti.abs(d_now.modes - d_x_start).sum() <= PERIODIC_TANGENT * (
                ti.abs(d_now.modes).sum() + 1e-9
            )
            if still and ti.abs(now.modes - x_start).sum() < PERIODIC:
                turn = passes - 2
        turn += 1
