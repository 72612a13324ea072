"""The march of a start in many versions of a city side by side (`march.march_nonlinear`)."""

from heatmat.kernels.lanes import (
    LANES,
    N_AFTER,
    N_FREE,
    N_FREE_BEFORE,
    N_KNOWN,
    R_ABSORPTANCE,
    R_EMISSION,
    R_EMISSIVITY,
    R_SLAB,
    R_STEADY,
    S_DRIFT,
    S_EMITTED,
    S_EXCHANGE,
    S_KNOWN_BEFORE,
    S_MODES,
    S_PERIODIC,
    S_START,
    S_SUM_FLUX,
    S_SUM_SLOPE,
    S_THETA,
    lane_periodic,
    step_lanes,
)
from heatmat.kernels.layout import LINEAR, M_GAIN, MODES, O_DAY, O_LINEAR, ORIENTATIONS, P_BASE
from heatmat.kernels.paths import orientation_class
from heatmat.runtime import ti

# Marches of the first day before the one that counts: all versions alike, so that none depends on
# those beside it. Two more move no temperature of the demo district by more than 1.3 mK.
DAYS = 3


@ti.func
def march_start_lanes(
    start,
    construction: ti.template(),
    part: ti.template(),
    normal,
    falls,
    steps,
    c: ti.template(),
    s: ti.template(),
    t: ti.template(),
    scratch: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    classes: ti.template(),
    out: ti.template(),
    out_of_step: ti.template(),
    physics,
    switches,
    mode: ti.template(),
):
    """`march.march_nonlinear` of all versions; `out` gets `part` of the temperatures added."""
    calm = 0.0  # what more a lane may move without another pass
    if ti.static(mode == LINEAR):
        if switches[O_LINEAR] == 1:
            calm = 1e9
    for q in range(LANES):
        k = 2 * (construction[q] * ORIENTATIONS + orientation_class(normal))
        theta = 0.5 * (classes[k, 0, 0] + classes[k + 1, 0, 0])
        flux = 0.0
        if c[R_SLAB * LANES + q] > 0.5:
            flux = (theta - free[construction[q], 0]) / c[R_STEADY * LANES + q]
        for m in range(MODES):
            s[(S_MODES + m) * LANES + q] = modes[construction[q], M_GAIN + m] * flux
        about = theta + physics[P_BASE]
        at = falls + 2 * LANES + q
        known = (
            c[R_ABSORPTANCE * LANES + q] * scratch[at]
            + c[R_EMISSIVITY * LANES + q] * scratch[at + LANES]
        )
        s[S_THETA * LANES + q] = theta
        s[S_EMITTED * LANES + q] = c[R_EMISSION * LANES + q] * about * about * about * about
        s[S_KNOWN_BEFORE * LANES + q] = known
        s[S_EXCHANGE * LANES + q] = flux - known
    for turn in range(1 + DAYS):
        last_turn = turn == DAYS
        number = steps
        if not last_turn:
            number = switches[O_DAY]
        for k in range(MODES * LANES):
            s[S_START * LANES + k] = s[S_MODES * LANES + k]
        for k in range((S_SUM_SLOPE + 1 - S_SUM_FLUX) * LANES):
            s[S_SUM_FLUX * LANES + k] = 0.0
        for q in range(LANES):
            at = falls + 2 * LANES + q
            s[S_DRIFT * LANES + q] = 0.0
            t[N_FREE_BEFORE * LANES + q] = free[construction[q], 0]
            t[N_AFTER * LANES + q] = (
                c[R_ABSORPTANCE * LANES + q] * scratch[at]
                + c[R_EMISSIVITY * LANES + q] * scratch[at + LANES]
            )
        for n in range(1, number + 1):
            at = falls + 2 * (n + 1) * LANES
            for q in range(LANES):
                t[N_KNOWN * LANES + q] = t[N_AFTER * LANES + q]
            for q in range(LANES):
                t[N_AFTER * LANES + q] = (
                    c[R_ABSORPTANCE * LANES + q] * scratch[at + q]
                    + c[R_EMISSIVITY * LANES + q] * scratch[at + LANES + q]
                )
            for q in range(LANES):
                t[N_FREE * LANES + q] = free[construction[q], n]
            step_lanes(c, s, t, series, n, calm, physics, switches, mode)
            if last_turn:
                o = out_of_step[n]
                if o >= 0:
                    for q in range(LANES):
                        out[start, o, q] += part[q] * s[S_THETA * LANES + q]
        if not last_turn:
            for q in range(LANES):
                lane_periodic(c, s, q, number, construction[q], modes)
            for k in range(MODES * LANES):
                s[S_MODES * LANES + k] = s[S_PERIODIC * LANES + k]
