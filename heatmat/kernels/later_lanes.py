"""The march of later vertices of sixteen paths side by side, in hours, chunk by chunk of time.

Linear in what a path brings, about a reference: the same slab at the same place with the same sun,
in typical surroundings in place of what this one path brings. Emission and convection of the vertex
go along their tangents at the reference's temperature (`kernels.line_lanes`), so that the answer is
linear in what is random.
"""

from heatmat.kernels.lanes import LANES, R_SLAB, R_STEADY
from heatmat.kernels.later_receive import R_LIT
from heatmat.kernels.layout import (
    F_AIR,
    M_GAIN,
    M_LAG,
    MODES,
    O_DAY,
    O_LINEAR,
    P_BASE,
    X_EMISSION,
    X_FLUX,
    X_KNOWN,
    X_VERTEX,
)
from heatmat.kernels.line_lanes import (
    L_AFTER,
    L_BEFORE,
    L_EXCHANGE,
    L_EXCHANGE_R,
    L_FREE,
    L_FREE_BEFORE,
    L_KNOWN,
    L_KNOWN_BEFORE,
    L_LAG,
    L_LIKE,
    L_MODES,
    L_MODES_R,
    L_MORE,
    L_MORE_AFTER,
    L_MORE_BEFORE,
    L_START,
    L_STEEP,
    L_SUM_FLUX,
    L_SUM_SLOPE,
    LINE_ROWS,
    line_lanes,
    line_periodic,
    line_place,
    line_sent,
)
from heatmat.kernels.linear import LINEAR_PASSES, WARMING
from heatmat.kernels.receive import H_LIT, H_LONG, H_MORE, H_REFERENCE, HOUR_ROWS
from heatmat.runtime import ti

# Rows of a march beyond those of `kernels.line_lanes`: how lit a surface has been of late
L_SUNNY = LINE_ROWS
LATER_ROWS = LINE_ROWS + 1


@ti.func
def begin_lane(
    c: ti.template(), x: ti.template(), lane, construction, like, first_chunk, slot,
    state: ti.template(), free: ti.template(), modes: ti.template(), classes: ti.template(),
):  # fmt: skip
    """State of a lane's slab where its march begins: steady, or as the chunk before left it."""
    for k in range(MODES):
        x[(L_LAG + k) * LANES + lane] = modes[construction, M_LAG + k]
    if first_chunk == 1:
        lit = c[R_LIT * LANES + lane]
        start = classes[like, 0, 0]
        start += lit * (classes[like + 1, 0, 0] - start)
        flux = 0.0
        if c[R_SLAB * LANES + lane] > 0.5:
            flux = (start - free[construction, 0]) / c[R_STEADY * LANES + lane]
        for k in range(MODES):
            x[(L_MODES + k) * LANES + lane] = modes[construction, M_GAIN + k] * flux
            x[(L_MODES_R + k) * LANES + lane] = modes[construction, M_GAIN + k] * flux
        x[L_SUNNY * LANES + lane] = lit
        # The flux that keeps the steady state; what is known is taken off when it is.
        x[L_EXCHANGE_R * LANES + lane] = flux
        x[L_EXCHANGE * LANES + lane] = flux
        x[L_BEFORE * LANES + lane] = start
        x[L_STEEP * LANES + lane] = 0.0
    else:
        for k in range(MODES):
            x[(L_MODES_R + k) * LANES + lane] = state[slot, k]
            x[(L_MODES + k) * LANES + lane] = state[slot, X_VERTEX + k]
        x[L_EXCHANGE_R * LANES + lane] = state[slot, X_FLUX]
        x[L_KNOWN_BEFORE * LANES + lane] = state[slot, X_KNOWN]
        x[L_SUNNY * LANES + lane] = state[slot, X_EMISSION]
        x[L_EXCHANGE * LANES + lane] = state[slot, X_VERTEX + MODES]
        x[L_MORE_BEFORE * LANES + lane] = state[slot, X_VERTEX + MODES + 1]
        x[L_BEFORE * LANES + lane] = state[slot, X_VERTEX + MODES + 2]
        x[L_STEEP * LANES + lane] = state[slot, X_VERTEX + MODES + 3]


@ti.func
def keep_lane(x: ti.template(), lane, slot, state: ti.template()):
    """Keep what `begin_lane` reads."""
    for k in range(MODES):
        state[slot, k] = x[(L_MODES_R + k) * LANES + lane]
        state[slot, X_VERTEX + k] = x[(L_MODES + k) * LANES + lane]
    state[slot, X_FLUX] = x[L_EXCHANGE_R * LANES + lane]
    state[slot, X_KNOWN] = x[L_KNOWN * LANES + lane]
    state[slot, X_EMISSION] = x[L_SUNNY * LANES + lane]
    state[slot, X_VERTEX + MODES] = x[L_EXCHANGE * LANES + lane]
    state[slot, X_VERTEX + MODES + 1] = x[L_MORE * LANES + lane]
    state[slot, X_VERTEX + MODES + 2] = x[L_BEFORE * LANES + lane]
    state[slot, X_VERTEX + MODES + 3] = x[L_STEEP * LANES + lane]


@ti.func
def march_later_lanes(
    c: ti.template(),
    x: ti.template(),
    constructions: ti.template(),
    like: ti.template(),
    slots: ti.template(),
    active,
    way,
    count_hours,
    last,
    first_chunk,
    keep,
    lanes_series: ti.template(),
    state: ti.template(),
    hours: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    class_hours: ti.template(),
    physics,
    switches,
    mode: ti.template(),
):
    """March later vertices that have received their series; what they emit joins what they reflect.

    Hours 1 to `last` are written; the state kept, where `keep` = 1, is that at the end of hour
    `count_hours`. Lanes from `active` on are idle. No lane depends on those beside it: all repeat
    the first day as often.

    Three temperatures, each the place where the next one's tangents are taken: `L_LIKE`, between a
    shaded and a lit surface of its class as the sun came and went; the reference; the vertex.

    Parameters
    ----------
    constructions, like, slots : vector of int
        Of each lane: its construction, the shaded class of surfaces like it, its vertex.
    way : int
        Where in `lanes_series` the block's rows begin.
    """
    linear = ti.cast(switches[O_LINEAR], ti.f32)
    passes = ti.select(first_chunk == 1, 1 + LINEAR_PASSES, 1)
    for turn in range(passes):
        last_turn = turn == passes - 1
        count = last
        if not last_turn:
            count = switches[O_DAY]
        for k in range(2 * MODES * LANES):
            x[L_START * LANES + k] = x[L_MODES * LANES + k]
        for k in range((L_SUM_SLOPE + 1 - L_SUM_FLUX) * LANES):
            x[L_SUM_FLUX * LANES + k] = 0.0
        at = way + HOUR_ROWS * LANES
        for q in range(LANES):
            x[L_MORE_AFTER * LANES + q] = lanes_series[at + H_MORE * LANES + q]
            x[L_AFTER * LANES + q] = lanes_series[at + H_REFERENCE * LANES + q]
            x[L_FREE_BEFORE * LANES + q] = free[constructions[q], 0]
        if turn == 0 and first_chunk == 1:
            for q in range(LANES):
                known = x[L_AFTER * LANES + q]
                more = x[L_MORE_AFTER * LANES + q]
                x[L_KNOWN_BEFORE * LANES + q] = known
                x[L_MORE_BEFORE * LANES + q] = more
                x[L_EXCHANGE_R * LANES + q] -= known
                x[L_EXCHANGE * LANES + q] -= known + more
        for h in range(1, count + 1):
            t_air = hours[F_AIR, h]
            at = way + h * HOUR_ROWS * LANES
            ahead = at + ti.select(h < last, HOUR_ROWS * LANES, 0)
            for q in range(LANES):
                x[L_KNOWN * LANES + q] = x[L_AFTER * LANES + q]
                x[L_MORE * LANES + q] = x[L_MORE_AFTER * LANES + q]
            for q in range(LANES):
                x[L_MORE_AFTER * LANES + q] = lanes_series[ahead + H_MORE * LANES + q]
                x[L_AFTER * LANES + q] = lanes_series[ahead + H_REFERENCE * LANES + q]
                sunny = x[L_SUNNY * LANES + q]
                sunny += WARMING * (lanes_series[at + H_LIT * LANES + q] - sunny)
                x[L_SUNNY * LANES + q] = sunny
            for q in range(LANES):
                shaded = class_hours[like[q], h]
                sunlit = class_hours[like[q] + 1, h]
                x[L_LIKE * LANES + q] = shaded + x[L_SUNNY * LANES + q] * (sunlit - shaded)
                x[L_FREE * LANES + q] = free[constructions[q], h]
            line_place(c, x, hours, h, t_air)
            line_lanes(c, x, 1, t_air, physics, switches, mode)
            line_lanes(c, x, 0, t_air, physics, switches, mode)
            if last_turn:
                air = 0.5 * (hours[F_AIR, h - 1] + t_air)
                for q in range(LANES):
                    sent = line_sent(c, x, q, air, linear, physics[P_BASE])
                    lanes_series[at + H_LONG * LANES + q] += sent
                if h == count_hours and keep == 1:
                    for q in range(active):
                        keep_lane(x, q, slots[q], state)
            for q in range(LANES):
                x[L_KNOWN_BEFORE * LANES + q] = x[L_KNOWN * LANES + q]
                x[L_MORE_BEFORE * LANES + q] = x[L_MORE * LANES + q]
        if not last_turn:
            line_periodic(c, x, 1, constructions, count, modes)
            line_periodic(c, x, 0, constructions, count, modes)
