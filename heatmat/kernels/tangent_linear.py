"""The march of a later vertex (`later_lanes`) with its derivative beside it."""

from heatmat.kernels.layout import (
    C_STEADY_GAIN,
    F_AIR,
    HELD_AT_AIR,
    LINEAR,
    M_DAY,
    M_GAIN,
    M_LAG,
    O_CONVECTION,
    O_DAY,
    O_LINEAR,
    P_BASE,
    SLAB,
)
from heatmat.kernels.linear import (
    LINEAR_PASSES,
    PERIODIC_LINEAR,
    WARMING,
    Line,
    line_step,
    tangent_at,
)
from heatmat.kernels.march import periodic_start
from heatmat.kernels.receive import H_LIT, H_LONG, H_MORE, H_REFERENCE, HOUR_ROWS
from heatmat.kernels.surface_step import film_of, slab_of, wetness
from heatmat.kernels.tangent_receive import TANGENT_ROWS
from heatmat.kernels.tangent_step import (
    flux_line_tangent,
    limited_slope_tangent,
    line_step_tangent,
    periodic_start_tangent,
    slab_tangent_of,
)
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti, tm


@ti.func
def march_linear_tangent(
    base,
    d_base,
    construction,
    normal,
    wind,
    perimeter_over_area,
    lit,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    free: ti.template(),
    d_free: ti.template(),
    modes: ti.template(),
    d_modes: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
    classes: ti.template(),
    d_classes: ti.template(),
    class_hours: ti.template(),
    d_class_hours: ti.template(),
    c,
    physics,
    switches,
):
    """`later_lanes` for one vertex, with its derivative, over a chunk that holds everything."""
    steady = properties[construction, C_STEADY_GAIN]
    d_steady = d_properties[construction, C_STEADY_GAIN]
    mode = switches[O_CONVECTION]
    slab = slab_of(construction, properties, modes, physics)
    d_slab = slab_tangent_of(construction, d_properties, d_modes, physics)
    place = film_of(construction, normal, wind, perimeter_over_area, properties, physics, mode)
    lag = load_modes(modes, construction, M_LAG)
    d_lag = load_modes(d_modes, construction, M_LAG)
    day = load_modes(modes, construction, M_DAY)
    d_day = load_modes(d_modes, construction, M_DAY)
    gain = load_modes(modes, construction, M_GAIN)
    d_gain = load_modes(d_modes, construction, M_GAIN)
    alone = 0
    if switches[O_LINEAR] == 1 and mode == LINEAR and slab.moisture == 0.0:
        alone = 1
    now = Line(0.0)
    d_now = Line(0.0)
    sunny = lit
    start = classes[c, 0, 0] + lit * (classes[c + 1, 0, 0] - classes[c, 0, 0])
    d_start = d_classes[c] + lit * (d_classes[c + 1] - d_classes[c])
    start_flux = 0.0
    d_start_flux = 0.0
    if slab.held == SLAB:
        start_flux = (start - free[construction, 0]) / steady
        d_start_flux = (d_start - d_free[construction, 0] - d_steady * start_flux) / steady
        d_now.theta = d_start
    now.theta = start
    now.modes = gain * start_flux
    d_now.modes = d_gain * start_flux + gain * d_start_flux
    now_r = now
    d_now_r = d_now
    known_before = 0.0
    d_known_before = 0.0
    more_before = 0.0
    d_more_before = 0.0
    # Of the hour before: the reference's temperature, the slope of its exchange, their derivatives
    theta_before = start
    d_theta_before = d_start
    steep = 0.0
    d_steep = 0.0
    passes = 1 + LINEAR_PASSES
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = last
        if not last_turn:
            count = switches[O_DAY]
        start_modes = now.modes
        start_modes_r = now_r.modes
        d_start_modes = d_now.modes
        d_start_modes_r = d_now_r.modes
        # Sums over the day: flux, temperature and their derivatives; of the reference too.
        sums = tm.vec4(0.0)
        sums_r = tm.vec4(0.0)
        sum_free = 0.0
        d_sum_free = 0.0
        sum_slope = 0.0
        known = path_series[base + HOUR_ROWS + H_REFERENCE]
        more = path_series[base + HOUR_ROWS + H_MORE]
        d_known = path_tangents[d_base + TANGENT_ROWS + H_REFERENCE]
        d_more = path_tangents[d_base + TANGENT_ROWS + H_MORE]
        if turn == 0:
            known_before = known
            more_before = more
            d_known_before = d_known
            d_more_before = d_more
            now_r.exchange = start_flux - known
            now.exchange = start_flux - known - more
            d_now_r.exchange = d_start_flux - d_known
            d_now.exchange = d_start_flux - d_known - d_more
        for h in range(1, count + 1):
            at = base + h * HOUR_ROWS
            d_at = d_base + h * TANGENT_ROWS
            known_after = known
            more_after = more
            d_known_after = d_known
            d_more_after = d_more
            if h < last:
                known_after = path_series[at + HOUR_ROWS + H_REFERENCE]
                more_after = path_series[at + HOUR_ROWS + H_MORE]
                d_known_after = path_tangents[d_at + TANGENT_ROWS + H_REFERENCE]
                d_more_after = path_tangents[d_at + TANGENT_ROWS + H_MORE]
            before = now
            before_r = now_r
            d_before = d_now
            d_before_r = d_now_r
            slope_r = limited_slope(known_before, known, known_after)
            d_slope_r = limited_slope_tangent(
                known_before, known, known_after, d_known_before, d_known, d_known_after
            )
            slope = slope_r + 0.5 * (more_after - more_before)
            d_slope = d_slope_r + 0.5 * (d_more_after - d_more_before)
            wet = wetness(slab, hours, h)
            t_air = hours[F_AIR, h]
            forced = forced_film(normal, place.forced, hours, h)
            mean_free = 0.5 * (free[construction, h - 1] + free[construction, h])
            d_mean_free = 0.5 * (d_free[construction, h - 1] + d_free[construction, h])
            sunny += WARMING * (path_series[at + H_LIT] - sunny)
            like = class_hours[c, h] + sunny * (class_hours[c + 1, h] - class_hours[c, h])
            d_like = d_class_hours[c, h] + sunny * (d_class_hours[c + 1, h] - d_class_hours[c, h])
            mean_r = t_air
            d_mean_r = 0.0
            evaporates = 0
            factor = 1.0
            if slab.held != SLAB:
                now_r.theta = t_air
                if slab.held != HELD_AT_AIR:
                    now_r.theta = slab.held_value
                mean_r = now_r.theta
            elif alone == 0:
                line_r = tangent_at(like, t_air, forced, slab, place, physics, switches)
                now_r = line_step(
                    before_r, known, slope_r, free[construction, h], wet, 0, line_r, slab
                )
                if wet > 0.0 and now_r.theta > t_air:
                    evaporates = 1
                    factor = 1.0 / (1.0 - wet)
                    now_r = line_step(
                        before_r, known, slope_r, free[construction, h], wet, 1, line_r, slab
                    )
                d_line_r = flux_line_tangent(
                    like, d_like, t_air, forced, factor, slab, d_slab, place, physics, switches
                )
                d_now_r = line_step_tangent(
                    before_r, d_before_r, now_r, known, slope_r, d_known, d_slope_r,
                    d_free[construction, h],
                    line_r.slope + (factor - 1.0) * line_r.convection_slope,
                    d_line_r, slab, d_slab,
                )  # fmt: skip
                flux_r = known + 0.5 * (before_r.exchange + now_r.exchange)
                d_flux_r = d_known + 0.5 * (d_before_r.exchange + d_now_r.exchange)
                moved_r = now_r.modes - before_r.modes
                mean_r = mean_free + steady * flux_r - (lag * moved_r).sum()
                d_mean_r = (
                    d_mean_free
                    + d_steady * flux_r
                    + steady * d_flux_r
                    - (d_lag * moved_r + lag * (d_now_r.modes - d_before_r.modes)).sum()
                )
                sums_r += tm.vec4(flux_r, mean_r, d_flux_r, d_mean_r)
            mean = mean_r
            d_mean = d_mean_r
            rose = now_r.theta - theta_before
            d_rose = d_now_r.theta - d_theta_before
            if slab.held == SLAB:
                line = tangent_at(now_r.theta, t_air, forced, slab, place, physics, switches)
                d_line = flux_line_tangent(
                    now_r.theta, d_now_r.theta, t_air, forced, factor, slab, d_slab, place,
                    physics, switches,
                )  # fmt: skip
                falls = known + more
                d_falls = d_known + d_more
                if steep != 0.0:
                    # See `line_lanes.line_lanes`.
                    falls -= rose * (line.slope - steep) / 12.0
                    d_falls -= (
                        d_rose * (line.slope - steep) + rose * (d_line.slope - d_steep)
                    ) / 12.0
                steep = line.slope
                d_steep = d_line.slope
                now = line_step(
                    before, falls, slope, free[construction, h], wet, evaporates, line, slab
                )
                d_now = line_step_tangent(
                    before, d_before, now, falls, slope, d_falls, d_slope,
                    d_free[construction, h],
                    line.slope + (factor - 1.0) * line.convection_slope,
                    d_line, slab, d_slab,
                )  # fmt: skip
                flux = falls + 0.5 * (before.exchange + now.exchange)
                d_flux = d_falls + 0.5 * (d_before.exchange + d_now.exchange)
                moved = now.modes - before.modes
                mean = mean_free + steady * flux - (lag * moved).sum()
                d_mean = (
                    d_mean_free
                    + d_steady * flux
                    + steady * d_flux
                    - (d_lag * moved + lag * (d_now.modes - d_before.modes)).sum()
                )
                sums += tm.vec4(flux, mean, d_flux, d_mean)
                sum_slope += line.slope
                sum_free += mean_free
                d_sum_free += d_mean_free
            theta_before = now_r.theta
            d_theta_before = d_now_r.theta
            if last_turn:
                about = mean_r
                d_about = d_mean_r
                if switches[O_LINEAR] == 1:
                    about = 0.5 * (hours[F_AIR, h - 1] + t_air)
                    d_about = 0.0
                    rose = 0.0
                    d_rose = 0.0
                t = about + physics[P_BASE]
                unit = 4.0 * t * t * t
                h_r = slab.emission * unit
                d_h_r = d_slab.emission * unit + 3.0 * h_r / t * d_about
                # (The fourth power of a mean is less than the mean of fourth powers.)
                swing = 0.125 * rose * rose / t
                d_swing = 0.25 * rose * d_rose / t - swing / t * d_about
                path_series[at + H_LONG] += h_r * (0.25 * t + mean - about + swing)
                path_tangents[d_at + H_LONG] += d_h_r * (0.25 * t + mean - about + swing) + h_r * (
                    d_mean - 0.75 * d_about + d_swing
                )
            known_before = known
            more_before = more
            d_known_before = d_known
            d_more_before = d_more
            known = known_after
            more = more_after
            d_known = d_known_after
            d_more = d_more_after
        if not last_turn and slab.held == SLAB:
            each = 1.0 / ti.cast(count, ti.f32)
            end = now.modes
            d_end = d_now.modes
            now.modes = periodic_start(
                end, start_modes, sums.x * each, sums.y * each, sum_free * each, sum_slope * each,
                construction, steady, modes,
            )  # fmt: skip
            d_now.modes = periodic_start_tangent(
                end, start_modes, d_end, d_start_modes, sums.z * each, sums.w * each,
                d_sum_free * each, sums.x * each, sum_slope * each, steady, d_steady, day, d_day,
                gain,
            )  # fmt: skip
            if alone == 0:
                end = now_r.modes
                d_end = d_now_r.modes
                now_r.modes = periodic_start(
                    end, start_modes_r, sums_r.x * each, sums_r.y * each, sum_free * each,
                    sum_slope * each, construction, steady, modes,
                )  # fmt: skip
                d_now_r.modes = periodic_start_tangent(
                    end, start_modes_r, d_end, d_start_modes_r, sums_r.z * each, sums_r.w * each,
                    d_sum_free * each, sums_r.x * each, sum_slope * each, steady, d_steady, day,
                    d_day, gain,
                )  # fmt: skip
            moved_both = (
                ti.abs(now.modes - start_modes).sum() + ti.abs(now_r.modes - start_modes_r).sum()
            )
            if moved_both < PERIODIC_LINEAR:
                turn = passes - 2
        turn += 1
