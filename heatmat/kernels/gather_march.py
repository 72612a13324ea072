"""The march of starts with their full balance, sixteen side by side (`march.march_nonlinear`)."""

from heatmat.kernels.lanes import (
    LANES,
    N_AFTER,
    N_CONVECTION,
    N_EMISSION,
    N_FORCED,
    N_FREE,
    N_FREE_BEFORE,
    N_KNOWN,
    N_WET,
    R_ABSORPTANCE,
    R_EMISSION,
    R_EMISSIVITY,
    R_H0,
    R_SLAB,
    R_STEADY,
    R_WEIGHT,
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
    STATE_ROWS,
    STEP_ROWS,
    lane_films,
    lane_load,
    lane_periodic,
    lane_save,
    step_lanes,
)
from heatmat.kernels.layout import (
    F_AIR,
    LINEAR,
    M_GAIN,
    MAX_ENTRIES,
    MODES,
    O_DAY,
    O_LINEAR,
    P_BASE,
    X_LATENT,
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
from heatmat.kernels.march import K_LONG, K_SHORT, NONLINEAR_PASSES, PERIODIC, SCRATCH_ROWS
from heatmat.runtime import ti

# Starts whose constructions are put in blocks together, and the blocks that this takes at most: two
# starts fit into a block whatever they are made of.
GROUP = 64
GROUP_BLOCKS = GROUP // 2
UNIT_INTS = 2

# Rows of the state beyond those of `kernels.lanes`: where the march that counts begins; 1 when that
# is settled; convection and evaporation at the stamp before, and at this one
(
    G_MODES,
    G_EXCHANGE,
    G_THETA,
    G_EMITTED,
    G_KNOWN_BEFORE,
    G_SETTLED,
    G_CONVECTION_BEFORE,
    G_LATENT_BEFORE,
    G_CONVECTION,
    G_LATENT,
    G_EXCHANGE_BEFORE,
    G_THETA_BEFORE,
    G_EMITTED_BEFORE,
) = (STATE_ROWS, *range(STATE_ROWS + 8, STATE_ROWS + 20))
G_ROWS = STATE_ROWS + 20

# Rows of a step beyond those of `kernels.lanes`: what falls, light and
# longwave, in this one and the next
(
    I_SHORT,
    I_LONG,
    I_SHORT_AFTER,
    I_LONG_AFTER,
) = range(STEP_ROWS, STEP_ROWS + 4)
I_ROWS = STEP_ROWS + 4


@ti.func
def incident_lanes(
    c: ti.template(), t: ti.template(), bases: ti.template(), n, scratch: ti.template()
):
    """What falls on the lanes in step `n` and what they absorb of it, as that of the step ahead."""
    for q in range(LANES):
        at = bases[q] + n * SCRATCH_ROWS
        t[I_SHORT_AFTER * LANES + q] = scratch[at + K_SHORT]
        t[I_LONG_AFTER * LANES + q] = scratch[at + K_LONG]
    for q in range(LANES):
        t[N_AFTER * LANES + q] = (
            c[R_ABSORPTANCE * LANES + q] * t[I_SHORT_AFTER * LANES + q]
            + c[R_EMISSIVITY * LANES + q] * t[I_LONG_AFTER * LANES + q]
        )


@ti.func
def begin_starts(
    c: ti.template(), s: ti.template(), t: ti.template(), constructions: ti.template(),
    like: ti.template(), rows: ti.template(), first_chunk, state: ti.template(),
    free: ti.template(), modes: ti.template(), classes: ti.template(), physics,
):  # fmt: skip
    """Surfaces in a steady state at the mean of their class, or as the chunk before left them."""
    for q in range(LANES):
        if first_chunk == 1:
            theta = 0.5 * (classes[like[q], 0, 0] + classes[like[q] + 1, 0, 0])
            flux = 0.0
            if c[R_SLAB * LANES + q] > 0.5:
                flux = (theta - free[constructions[q], 0]) / c[R_STEADY * LANES + q]
            for k in range(MODES):
                s[(S_MODES + k) * LANES + q] = modes[constructions[q], M_GAIN + k] * flux
            about = theta + physics[P_BASE]
            known = t[N_AFTER * LANES + q]
            s[S_THETA * LANES + q] = theta
            s[S_EMITTED * LANES + q] = c[R_EMISSION * LANES + q] * about * about * about * about
            s[S_KNOWN_BEFORE * LANES + q] = known
            s[S_EXCHANGE * LANES + q] = flux - known
        else:
            lane_load(s, q, state, rows[q])
            latent = state[rows[q], X_LATENT]
            s[G_LATENT * LANES + q] = latent
            s[G_CONVECTION * LANES + q] = (
                s[S_EXCHANGE * LANES + q]
                - c[R_H0 * LANES + q] * s[S_THETA * LANES + q]
                + s[S_EMITTED * LANES + q]
                - latent
            )
    keep_begin(s)


@ti.func
def keep_begin(s: ti.template()):
    """Where the next march begins, of the lanes in which that is not settled."""
    for q in range(LANES):
        open_ = s[G_SETTLED * LANES + q] < 0.5
        for k in ti.static(range(MODES)):
            at = (G_MODES + k) * LANES + q
            s[at] = ti.select(open_, s[(S_MODES + k) * LANES + q], s[at])
        s[G_EXCHANGE * LANES + q] = ti.select(
            open_, s[S_EXCHANGE * LANES + q], s[G_EXCHANGE * LANES + q]
        )
        s[G_THETA * LANES + q] = ti.select(open_, s[S_THETA * LANES + q], s[G_THETA * LANES + q])
        s[G_EMITTED * LANES + q] = ti.select(
            open_, s[S_EMITTED * LANES + q], s[G_EMITTED * LANES + q]
        )
        s[G_KNOWN_BEFORE * LANES + q] = ti.select(
            open_, s[S_KNOWN_BEFORE * LANES + q], s[G_KNOWN_BEFORE * LANES + q]
        )


@ti.func
def take_begin(s: ti.template()):
    """Set the lanes to where their march begins."""
    for q in range(LANES):
        for k in ti.static(range(MODES)):
            s[(S_MODES + k) * LANES + q] = s[(G_MODES + k) * LANES + q]
            s[(S_START + k) * LANES + q] = s[(G_MODES + k) * LANES + q]
        s[S_EXCHANGE * LANES + q] = s[G_EXCHANGE * LANES + q]
        s[S_THETA * LANES + q] = s[G_THETA * LANES + q]
        s[S_EMITTED * LANES + q] = s[G_EMITTED * LANES + q]
        s[S_KNOWN_BEFORE * LANES + q] = s[G_KNOWN_BEFORE * LANES + q]
        s[S_DRIFT * LANES + q] = 0.0
    for k in range((S_SUM_SLOPE + 1 - S_SUM_FLUX) * LANES):
        s[S_SUM_FLUX * LANES + k] = 0.0


@ti.func
def settle(
    c: ti.template(), s: ti.template(), steps, constructions: ti.template(), modes: ti.template()
):
    """Set the lanes' begin to the periodic one; how many of them are not settled yet."""
    moved = ti.Vector([0.0] * LANES)
    restless = 0
    for q in range(LANES):
        lane_periodic(c, s, q, steps, constructions[q], modes)
        for k in range(MODES):
            periodic = s[(S_PERIODIC + k) * LANES + q]
            moved[q] += ti.abs(periodic - s[(S_START + k) * LANES + q])
            s[(S_MODES + k) * LANES + q] = periodic
    keep_begin(s)
    for q in range(LANES):
        if moved[q] < PERIODIC:
            s[G_SETTLED * LANES + q] = 1.0
        if s[G_SETTLED * LANES + q] < 0.5:
            restless += 1
    return restless


@ti.func
def fluxes_of_lanes(c: ti.template(), s: ti.template(), t: ti.template()):
    """Convection and evaporation at the end of a step; those at its start are kept."""
    for q in range(LANES):
        s[G_CONVECTION_BEFORE * LANES + q] = s[G_CONVECTION * LANES + q]
        s[G_LATENT_BEFORE * LANES + q] = s[G_LATENT * LANES + q]
        convection = t[N_CONVECTION * LANES + q]
        latent = (
            s[S_EXCHANGE * LANES + q]
            - c[R_H0 * LANES + q] * s[S_THETA * LANES + q]
            - convection
            + t[N_EMISSION * LANES + q]
        )
        wet = t[N_WET * LANES + q] * c[R_SLAB * LANES + q]
        s[G_CONVECTION * LANES + q] = convection
        s[G_LATENT * LANES + q] = ti.select(wet > 0.0, latent, 0.0)


@ti.func
def write_lane(
    c: ti.template(), s: ti.template(), t: ti.template(), q, row, o, t_air, out: ti.template(),
    full_output, physics, mode: ti.template(),
):  # fmt: skip
    """Add a lane's share to its start's output row."""
    share = c[R_WEIGHT * LANES + q]
    theta = s[S_THETA * LANES + q]
    out[row, o, Y_TEMPERATURE] += share * theta
    if full_output == 1:
        known = t[N_KNOWN * LANES + q]
        short = t[I_SHORT * LANES + q]
        long = t[I_LONG * LANES + q]
        emission = 0.5 * (s[G_EMITTED_BEFORE * LANES + q] + s[S_EMITTED * LANES + q])
        convection = 0.5 * (s[G_CONVECTION_BEFORE * LANES + q] + s[G_CONVECTION * LANES + q])
        latent = 0.5 * (s[G_LATENT_BEFORE * LANES + q] + s[G_LATENT * LANES + q])
        into_slab = known - emission + convection
        if c[R_SLAB * LANES + q] > 0.5:
            exchange = 0.5 * (s[G_EXCHANGE_BEFORE * LANES + q] + s[S_EXCHANGE * LANES + q])
            middle = 0.5 * (s[G_THETA_BEFORE * LANES + q] + theta)
            into_slab = known + exchange - c[R_H0 * LANES + q] * middle
        film, _ = lane_films(c, q, theta, t_air, t[N_FORCED * LANES + q], physics, mode)
        emissivity = c[R_EMISSIVITY * LANES + q]
        out[row, o, Y_SHORTWAVE] += share * c[R_ABSORPTANCE * LANES + q] * short
        out[row, o, Y_LONGWAVE] += share * (emissivity * long - emission)
        out[row, o, Y_CONVECTION] += share * convection
        out[row, o, Y_LATENT] += share * latent
        out[row, o, Y_CONDUCTION] -= share * into_slab
        out[row, o, Y_FILM] += share * film
        out[row, o, Y_INCIDENT_SHORT] += share * short
        out[row, o, Y_INCIDENT_LONG] += share * long


@ti.func
def march_start_block(
    c: ti.template(),
    width,
    starts: ti.template(),
    rows: ti.template(),
    bases: ti.template(),
    constructions: ti.template(),
    like: ti.template(),
    steps,
    first_chunk,
    scratch: ti.template(),
    state: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    classes: ti.template(),
    out: ti.template(),
    out_of_step: ti.template(),
    full_output,
    physics,
    switches,
    mode: ti.template(),
):
    """March a block of starts, each with one of its constructions, through a chunk of time.

    Output rows get the share in `R_WEIGHT` of the values added: temperature at the stamp, fluxes as
    means of the step that ends there. On the first chunk the first day is repeated until no lane's
    start moves by more than `PERIODIC`; a lane whose start is settled does not move it any more, so
    that no result depends on its neighbours.

    Parameters
    ----------
    width : int
        Lanes in use.
    starts, rows, bases, constructions, like : vector of int
        Of each lane: output row, row of its state, where its incident series begin, construction,
        class of surfaces like it.
    """
    s = ti.Vector([0.0] * (G_ROWS * LANES))
    t = ti.Vector([0.0] * (I_ROWS * LANES))
    calm = 0.0  # what more a lane may move without another pass
    if ti.static(mode == LINEAR):
        if switches[O_LINEAR] == 1:
            calm = 1e9
    incident_lanes(c, t, bases, 1, scratch)
    begin_starts(
        c, s, t, constructions, like, rows, first_chunk, state, free, modes, classes, physics
    )
    passes = ti.select(first_chunk == 1, 1 + NONLINEAR_PASSES, 1)
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = steps
        if not last_turn:
            count = switches[O_DAY]
        take_begin(s)
        incident_lanes(c, t, bases, 1, scratch)
        for q in range(LANES):
            t[N_FREE_BEFORE * LANES + q] = free[constructions[q], 0]
        for n in range(1, count + 1):
            for q in range(LANES):
                t[N_KNOWN * LANES + q] = t[N_AFTER * LANES + q]
                t[I_SHORT * LANES + q] = t[I_SHORT_AFTER * LANES + q]
                t[I_LONG * LANES + q] = t[I_LONG_AFTER * LANES + q]
                s[G_EXCHANGE_BEFORE * LANES + q] = s[S_EXCHANGE * LANES + q]
                s[G_THETA_BEFORE * LANES + q] = s[S_THETA * LANES + q]
                s[G_EMITTED_BEFORE * LANES + q] = s[S_EMITTED * LANES + q]
            incident_lanes(c, t, bases, n + 1, scratch)
            for q in range(LANES):
                t[N_FREE * LANES + q] = free[constructions[q], n]
            step_lanes(c, s, t, series, n, calm, physics, switches, mode)
            fluxes_of_lanes(c, s, t)
            if last_turn:
                o = out_of_step[n]
                if o >= 0:
                    for q in range(width):
                        write_lane(
                            c, s, t, q, starts[q], o, series[F_AIR, n], out, full_output, physics,
                            mode,
                        )  # fmt: skip
                if n == steps:
                    for q in range(width):
                        lane_save(s, q, state, rows[q])
                        state[rows[q], X_LATENT] = s[G_LATENT * LANES + q]
        if not last_turn:
            if settle(c, s, count, constructions, modes) == 0:
                turn = passes - 2
        turn += 1


@ti.func
def fill_units(
    group, start_i: ti.template(), valid, composition, shares: ti.template(),
    units: ti.template(), unit_count: ti.template(), total,
):  # fmt: skip
    """List the constructions of a group of starts, those of a start within one block.

    `valid` and `composition` are columns of `start_i`; gaps have start -1.
    """
    base = group * GROUP * MAX_ENTRIES
    place = 0
    for start in range(group * GROUP, ti.min((group + 1) * GROUP, total)):
        if start_i[start, valid] == 1:
            number = 0
            for entry in range(MAX_ENTRIES):
                if shares[start_i[start, composition], entry] > 0.0:
                    number += 1
            if place % LANES + number > LANES:
                for gap in range(place, (place // LANES + 1) * LANES):
                    units[base + gap, 0] = -1
                place = (place // LANES + 1) * LANES
            for entry in range(MAX_ENTRIES):
                if shares[start_i[start, composition], entry] > 0.0:
                    units[base + place, 0] = start
                    units[base + place, 1] = entry
                    place += 1
    unit_count[group] = place
