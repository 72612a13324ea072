"""The march of a path's later vertex for many versions of a city side by side.

`later_lanes` for `LANES` versions at once. Rows of `LANES` numbers lie in local arrays, in
loops without a branch (`kernels.lanes`).
"""

from heatmat.kernels.lanes import (
    LANES,
    R_AT_AIR,
    R_CONSTANT,
    R_CONSTANT_SUM,
    R_DECAY,
    R_DIRECT,
    R_EMISSION,
    R_H0,
    R_HELD,
    R_KAPPA,
    R_RISE,
    R_RISE_SUM,
    R_SLAB,
    R_STEADY,
    lane_films,
    lane_forced,
    lane_wetness,
    slope_within,
)
from heatmat.kernels.layout import (
    F_AIR,
    F_CLOCK,
    F_LEEWARD,
    F_PRIESTLEY_TAYLOR,
    F_WIND_X,
    F_WIND_Y,
    F_WINDWARD,
    M_DAY,
    M_GAIN,
    M_LAG,
    MODES,
    O_LINEAR,
    P_BASE,
)
from heatmat.kernels.linear import LINEAR_PASSES, WARMING
from heatmat.kernels.receive_lanes import W_LONG, W_MORE, W_REFERENCE, WAY_ROWS
from heatmat.runtime import ti

# Rows of a vertex that marches: its modes and those of its reference, their start, sums over the
# day, what an hour is given and what it comes to
(
    L_MODES,
    L_MODES_R,
    L_START,
    L_START_R,
    L_LAG,
    L_EXCHANGE,
    L_EXCHANGE_R,
    L_KNOWN_BEFORE,
    L_MORE_BEFORE,
    L_SUM_FLUX,
    L_SUM_THETA,
    L_SUM_FLUX_R,
    L_SUM_THETA_R,
    L_SUM_FREE,
    L_SUM_SLOPE,
    L_KNOWN,
    L_MORE,
    L_AFTER,
    L_MORE_AFTER,
    L_LIKE,
    L_FREE,
    L_FREE_BEFORE,
    L_MEAN_FREE,
    L_FORCED,
    L_WET,
    L_THETA_R,
    L_MEAN_R,
    L_MEAN,
    L_BEFORE,
    L_STEEP,
    L_ROSE,
) = (0, 8, 16, 24, 32, *range(40, 66))
LINE_ROWS = 66


@ti.func
def line_lanes(
    c: ti.template(),
    x: ti.template(),
    reference: ti.template(),
    t_air,
    physics,
    switches,
    mode: ti.template(),
):
    """An hour of all versions along tangents (`linear.line_step`), of the reference or the vertex.

    The reference's tangents are taken at `L_LIKE`, and it decides whether anything evaporates: it
    leaves its temperature in `L_THETA_R` and what then evaporates in `L_WET`.
    """
    state = ti.static(L_MODES + reference * (L_MODES_R - L_MODES))
    exchange_row = ti.static(L_EXCHANGE + reference * (L_EXCHANGE_R - L_EXCHANGE))
    about_row = ti.static(L_THETA_R + reference * (L_LIKE - L_THETA_R))
    linear = ti.cast(switches[O_LINEAR], ti.f32)
    base = physics[P_BASE]
    for q in range(LANES):
        known = x[L_KNOWN * LANES + q]
        rise = slope_within(x[L_KNOWN_BEFORE * LANES + q], known, x[L_AFTER * LANES + q])
        if ti.static(reference == 0):
            known += x[L_MORE * LANES + q]
            rise += 0.5 * (x[L_MORE_AFTER * LANES + q] - x[L_MORE_BEFORE * LANES + q])
        theta = x[about_row * LANES + q]
        h, h_slope = lane_films(c, q, theta, t_air, x[L_FORCED * LANES + q], physics, mode)
        about = theta + linear * (t_air - theta)
        t = about + base
        h_r = 4.0 * c[R_EMISSION * LANES + q] * t * t * t
        convection = h * (t_air - theta) + h_slope * theta
        at_zero = convection - (0.25 * h_r * t - h_r * about)
        slope = c[R_H0 * LANES + q] - h_slope - h_r
        if ti.static(reference == 0):
            # For a temperature that goes straight through the hour, what is exchanged lies off the
            # chord between its ends by a twelfth of their second difference.
            rose = theta - x[L_BEFORE * LANES + q]
            steep = x[L_STEEP * LANES + q]
            known -= ti.select(steep == 0.0, 0.0, rose * (slope - steep) / 12.0)
            x[L_BEFORE * LANES + q] = theta
            x[L_STEEP * LANES + q] = slope
            x[L_ROSE * LANES + q] = rose
        before = x[exchange_row * LANES + q]
        at_end = known + 0.5 * rise
        push = known - 0.5 * rise + before
        rest = rise - before
        history = x[L_FREE * LANES + q] + c[R_DIRECT * LANES + q] * at_end
        history += c[R_CONSTANT_SUM * LANES + q] * push + c[R_RISE_SUM * LANES + q] * rest
        for k in ti.static(range(MODES)):
            history += c[(R_DECAY + k) * LANES + q] * x[(state + k) * LANES + q]
        kappa = c[R_KAPPA * LANES + q]
        wet = x[L_WET * LANES + q]
        if ti.static(reference == 1):
            dry = (history + kappa * at_zero) / (1.0 - kappa * slope)
            wet = ti.select(dry > t_air, wet, 0.0)
            x[L_WET * LANES + q] = wet
        else:
            x[L_SUM_SLOPE * LANES + q] += slope
        wet_zero = at_zero + wet * convection
        wet_slope = slope - wet * h_slope
        after = (history + kappa * wet_zero) / (1.0 - kappa * wet_slope)
        fresh = wet_zero + wet_slope * after
        flux = known + 0.5 * (before + fresh)
        moved = 0.0
        for k in ti.static(range(MODES)):
            old = x[(state + k) * LANES + q]
            new = (
                c[(R_DECAY + k) * LANES + q] * old
                + c[(R_CONSTANT + k) * LANES + q] * push
                + c[(R_RISE + k) * LANES + q] * (rest + fresh)
            )
            moved += x[(L_LAG + k) * LANES + q] * (new - old)
            x[(state + k) * LANES + q] = new
        x[exchange_row * LANES + q] = fresh
        # The mean over the hour is known exactly from the modes.
        mean = x[L_MEAN_FREE * LANES + q] + c[R_STEADY * LANES + q] * flux - moved
        slab = c[R_SLAB * LANES + q] > 0.5
        if ti.static(reference == 1):
            x[L_THETA_R * LANES + q] = ti.select(slab, after, x[L_THETA_R * LANES + q])
            x[L_MEAN_R * LANES + q] = ti.select(slab, mean, x[L_MEAN_R * LANES + q])
            x[L_SUM_FLUX_R * LANES + q] += flux
            x[L_SUM_THETA_R * LANES + q] += mean
        else:
            x[L_MEAN * LANES + q] = ti.select(slab, mean, x[L_MEAN_R * LANES + q])
            x[L_SUM_FLUX * LANES + q] += flux
            x[L_SUM_THETA * LANES + q] += mean
            x[L_SUM_FREE * LANES + q] += x[L_MEAN_FREE * LANES + q]


@ti.func
def line_sent(c: ti.template(), x: ti.template(), q, air, linear, base):
    """What a version or path emits, mean of an hour: that of the fourth power, not of the mean.

    Parameters
    ----------
    air : float
        Mean of the hour, as departure from the base [K].
    linear : float
        One where emission is linear about it.
    """
    mean_r = x[L_MEAN_R * LANES + q]
    about = mean_r + linear * (air - mean_r)
    t = about + base
    h_r = 4.0 * c[R_EMISSION * LANES + q] * t * t * t
    rose = x[L_ROSE * LANES + q]
    swing = (1.0 - linear) * 0.125 * rose * rose / t
    return h_r * (0.25 * t + x[L_MEAN * LANES + q] - about + swing)


@ti.func
def line_place(c: ti.template(), x: ti.template(), hours: ti.template(), h, t_air):
    """Convection's forced part and what may evaporate in an hour; what is held is at its value."""
    clock = hours[F_CLOCK, h]
    share = hours[F_PRIESTLEY_TAYLOR, h]
    before = hours[F_AIR, h - 1]
    for q in range(LANES):
        wet = lane_wetness(c, q, clock, share)
        x[L_WET * LANES + q] = wet / (1.0 - wet)
        x[L_FORCED * LANES + q] = lane_forced(
            c, q, hours[F_WIND_X, h], hours[F_WIND_Y, h], hours[F_WINDWARD, h], hours[F_LEEWARD, h]
        )
        at_air = c[R_AT_AIR * LANES + q]
        held = (1.0 - at_air) * c[R_HELD * LANES + q]
        x[L_THETA_R * LANES + q] = held + at_air * t_air
        x[L_MEAN_R * LANES + q] = held + at_air * 0.5 * (before + t_air)
        x[L_MEAN_FREE * LANES + q] = 0.5 * (x[L_FREE_BEFORE * LANES + q] + x[L_FREE * LANES + q])
        x[L_FREE_BEFORE * LANES + q] = x[L_FREE * LANES + q]


@ti.func
def line_periodic(
    c: ti.template(), x: ti.template(), reference: ti.template(), construction: ti.template(),
    count, modes: ti.template(),
):  # fmt: skip
    """Start of the modes for which the last day would have been periodic (`periodic_start`)."""
    state = ti.static(L_MODES + reference * (L_MODES_R - L_MODES))
    sums = ti.static(reference * (L_SUM_FLUX_R - L_SUM_FLUX))
    begin = ti.static(L_START + reference * (L_START_R - L_START))
    each = 1.0 / ti.cast(count, ti.f32)
    for q in range(LANES):
        flux = each * x[(L_SUM_FLUX + sums) * LANES + q]
        theta = each * x[(L_SUM_THETA + sums) * LANES + q]
        steady = c[R_STEADY * LANES + q]
        slope = each * x[L_SUM_SLOPE * LANES + q]
        shift = slope * (each * x[L_SUM_FREE * LANES + q] + steady * flux - theta)
        shift /= 1.0 - steady * slope
        for k in range(MODES):
            start = x[(begin + k) * LANES + q]
            day = modes[construction[q], M_DAY + k]
            gain = modes[construction[q], M_GAIN + k]
            end = x[(state + k) * LANES + q]
            if c[R_SLAB * LANES + q] > 0.5:
                x[(state + k) * LANES + q] = (end - day * start) / (1.0 - day) + gain * shift


@ti.func
def march_line_lanes(
    c: ti.template(),
    construction: ti.template(),
    like: ti.template(),
    lit,
    way,
    lit_at,
    last,
    day,
    scratch: ti.template(),
    hours: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    classes: ti.template(),
    class_hours: ti.template(),
    physics,
    switches,
    mode: ti.template(),
):
    """`later_lanes.march_later_lanes` of all versions, over a chunk of time that holds everything.

    The first day is always marched twice before it counts: no version depends on those beside it.

    Parameters
    ----------
    construction, like : vector of int
        Of each version: its construction, and the shaded class of surfaces like it.
    """
    x = ti.Vector([0.0] * (LINE_ROWS * LANES))
    sunny = lit
    for q in range(LANES):
        shaded = classes[like[q], 0, 0]
        start = shaded + lit * (classes[like[q] + 1, 0, 0] - shaded)
        flux = 0.0
        if c[R_SLAB * LANES + q] > 0.5:
            flux = (start - free[construction[q], 0]) / c[R_STEADY * LANES + q]
        for k in range(MODES):
            x[(L_MODES + k) * LANES + q] = modes[construction[q], M_GAIN + k] * flux
            x[(L_MODES_R + k) * LANES + q] = x[(L_MODES + k) * LANES + q]
            x[(L_LAG + k) * LANES + q] = modes[construction[q], M_LAG + k]
        known = scratch[way + (WAY_ROWS + W_REFERENCE) * LANES + q]
        more = scratch[way + (WAY_ROWS + W_MORE) * LANES + q]
        x[L_KNOWN_BEFORE * LANES + q] = known
        x[L_MORE_BEFORE * LANES + q] = more
        x[L_EXCHANGE_R * LANES + q] = flux - known
        x[L_EXCHANGE * LANES + q] = flux - known - more
    for turn in range(1 + LINEAR_PASSES):
        last_turn = turn == LINEAR_PASSES
        count = last
        if not last_turn:
            count = day
        for k in range(2 * MODES * LANES):
            x[L_START * LANES + k] = x[L_MODES * LANES + k]
        for k in range((L_SUM_SLOPE + 1 - L_SUM_FLUX) * LANES):
            x[L_SUM_FLUX * LANES + k] = 0.0
        for q in range(LANES):
            x[L_AFTER * LANES + q] = scratch[way + (WAY_ROWS + W_REFERENCE) * LANES + q]
            x[L_MORE_AFTER * LANES + q] = scratch[way + (WAY_ROWS + W_MORE) * LANES + q]
            x[L_FREE_BEFORE * LANES + q] = free[construction[q], 0]
        for h in range(1, count + 1):
            at = way + h * WAY_ROWS * LANES
            ahead = at
            if h < last:
                ahead += WAY_ROWS * LANES
            sunny += WARMING * (scratch[lit_at + h] - sunny)
            t_air = hours[F_AIR, h]
            for q in range(LANES):
                x[L_KNOWN * LANES + q] = x[L_AFTER * LANES + q]
                x[L_MORE * LANES + q] = x[L_MORE_AFTER * LANES + q]
            for q in range(LANES):
                x[L_AFTER * LANES + q] = scratch[ahead + W_REFERENCE * LANES + q]
                x[L_MORE_AFTER * LANES + q] = scratch[ahead + W_MORE * LANES + q]
            for q in range(LANES):
                shaded = class_hours[like[q], h]
                x[L_LIKE * LANES + q] = shaded + sunny * (class_hours[like[q] + 1, h] - shaded)
                x[L_FREE * LANES + q] = free[construction[q], h]
            line_place(c, x, hours, h, t_air)
            line_lanes(c, x, 1, t_air, physics, switches, mode)
            line_lanes(c, x, 0, t_air, physics, switches, mode)
            if last_turn:
                air = 0.5 * (hours[F_AIR, h - 1] + t_air)
                linear = ti.cast(switches[O_LINEAR], ti.f32)
                for q in range(LANES):
                    sent = line_sent(c, x, q, air, linear, physics[P_BASE])
                    scratch[at + W_LONG * LANES + q] += sent
            for q in range(LANES):
                x[L_KNOWN_BEFORE * LANES + q] = x[L_KNOWN * LANES + q]
                x[L_MORE_BEFORE * LANES + q] = x[L_MORE * LANES + q]
        if not last_turn:
            line_periodic(c, x, 1, construction, count, modes)
            line_periodic(c, x, 0, construction, count, modes)
