"""The march of a path's first vertex, with its full nonlinear balance.

Incoming series are read from per-thread scratch rows; output rows are added to. On the first chunk
the first day is repeated until periodic: after each pass the start of every mode is set from the
pass's own flux, with the mean closed for the feedback of the exchange flux (a Newton step on the
daily mean), which converges in two or three passes even for 2 m of ground. The pass after one that
moved no start by more than `PERIODIC` is the last, or the last of those allowed.
"""

from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    F_SUN_X,
    F_SUN_Y,
    F_SUN_Z,
    M_DAY,
    M_GAIN,
    MODES,
    O_CONVECTION,
    O_DAY,
    P_BASE,
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
from heatmat.kernels.surface_step import Surface, film_of, slab_of, surface_step, wetness
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti

NONLINEAR_PASSES = 8

# Sum over the modes of how far a pass moved their start [K], a bound on the temperature's move.
# What is left after that pass is several times less: under 0.01 K against sixty equal days (tests).
PERIODIC = 0.05

# Most that a first guess goes beyond the last temperature [K].
DRIFT = 1.0

# Scratch rows of a thread: what falls on the first vertex, and convection coefficients if given.
K_SHORT, K_LONG, K_FILM = 0, 1, 2
SCRATCH_ROWS = 4


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
def sun_share(bits: ti.template(), slot, node, size):
    """Share of the sun that a start sees at a node, 0 for the night; `size` as `layout.SUN_BIT`."""
    share = 0.0
    if node >= 0:
        word = bits[slot, node >> (5 - size)] >> ti.cast((node & (31 >> size)) << size, ti.u32)
        full = ti.u32(1)
        if size > 0:
            full = ti.u32(255)
        share = ti.cast(word & full, ti.f32) / ti.cast(full, ti.f32)
    return share


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
def save_surface(state: ti.template(), row, surface, known):
    """Keep a surface, and what it absorbed in its last step, for the next chunk of time."""
    for k in ti.static(range(MODES)):
        state[row, k] = surface.modes[k]
    state[row, X_FLUX] = surface.exchange
    state[row, X_KNOWN] = known
    state[row, X_THETA] = surface.theta
    state[row, X_EMISSION] = surface.emission
    state[row, X_GROUND_FLUX] = surface.ground_flux
    state[row, X_LATENT] = surface.latent


@ti.func
def load_surface(state: ti.template(), row, slab):
    """What `save_surface` kept: the surface, and what it absorbed [W m-2]."""
    surface = Surface(0.0)
    surface.modes = load_modes(state, row, 0)
    surface.exchange = state[row, X_FLUX]
    surface.theta = state[row, X_THETA]
    surface.emission = state[row, X_EMISSION]
    surface.ground_flux = state[row, X_GROUND_FLUX]
    surface.latent = state[row, X_LATENT]
    surface.convection = (
        surface.exchange - slab.h0 * surface.theta + surface.emission - surface.latent
    )
    return surface, state[row, X_KNOWN]


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
    """March the first vertex with T^4 and natural convection.

    Output rows get `share` of the values added: temperature at the stamp, fluxes as means of the
    step that ends there. `given_film` = 1 reads the convection coefficient from its row
    (forcing given by the user).
    """
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    steady = properties[construction, C_STEADY_GAIN]
    mode = switches[O_CONVECTION]
    day = switches[O_DAY]
    slab = slab_of(construction, properties, modes, physics)
    place = film_of(construction, normal, wind, perimeter_over_area, properties, physics, mode)
    now = Surface(0.0)
    now.theta = guess
    known_before = 0.0
    start_flux = 0.0
    passes = 1
    if first_chunk == 1:
        passes = 1 + NONLINEAR_PASSES
        if slab.held == SLAB:
            start_flux = (guess - free[construction, 0]) / steady
        now.modes = load_modes(modes, construction, M_GAIN) * start_flux
        t = guess + physics[P_BASE]
        now.emission = slab.emission * t * t * t * t
    else:
        now, known_before = load_surface(state, state_row, slab)

    filled = ti.max(steps + 1, write_last)
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = write_last
        if not last_turn:
            count = day
        x_start = now.modes
        sum_flux = 0.0
        sum_theta = 0.0
        sum_free = 0.0
        sum_slope = 0.0
        # A first guess goes on as the last steps did, but not across a jump of what falls on it.
        drift = 0.0
        short = scratch[base + stride + K_SHORT]
        long = scratch[base + stride + K_LONG]
        known = absorptance * short + emissivity * long
        if turn == 0 and first_chunk == 1:
            known_before = known
            now.exchange = start_flux - known
        for n in range(1, count + 1):
            after = base + (n + 1) * stride
            short_after = short
            long_after = long
            if n < filled:
                short_after = scratch[after + K_SHORT]
                long_after = scratch[after + K_LONG]
            known_after = absorptance * short_after + emissivity * long_after
            given = -1.0
            if given_film == 1:
                given = scratch[base + n * stride + K_FILM]
            before = now
            now = surface_step(
                before,
                before.theta + drift,
                known,
                limited_slope(known_before, known, known_after),
                free[construction, n],
                series[F_AIR, n],
                forced_film(normal, place.forced, series, n),
                given,
                wetness(slab, series, n),
                slab,
                place,
                physics,
                switches,
            )
            drift = ti.max(-DRIFT, ti.min(DRIFT, now.theta - before.theta))
            if turn == 0 and n == 1 and first_chunk == 1:
                before.convection = now.convection
                before.latent = now.latent
            mean_flux = known + 0.5 * (before.exchange + now.exchange)
            sum_flux += mean_flux
            sum_theta += 0.5 * (before.theta + now.theta)
            sum_free += 0.5 * (free[construction, n - 1] + free[construction, n])
            sum_slope += now.slope
            if last_turn:
                o = out_of_step[n]
                if o >= 0:
                    out[row, o, Y_TEMPERATURE] += share * now.theta
                    if full_output == 1:
                        mean_emission = 0.5 * (before.emission + now.emission)
                        mean_convection = 0.5 * (before.convection + now.convection)
                        mean_latent = 0.5 * (before.latent + now.latent)
                        into_slab = mean_flux - 0.5 * slab.h0 * (before.theta + now.theta)
                        if slab.held != SLAB:
                            into_slab = known - mean_emission + mean_convection
                        out[row, o, Y_SHORTWAVE] += share * absorptance * short
                        out[row, o, Y_LONGWAVE] += share * (emissivity * long - mean_emission)
                        out[row, o, Y_CONVECTION] += share * mean_convection
                        out[row, o, Y_LATENT] += share * mean_latent
                        out[row, o, Y_CONDUCTION] -= share * into_slab
                        out[row, o, Y_FILM] += share * now.film
                        out[row, o, Y_INCIDENT_SHORT] += share * short
                        out[row, o, Y_INCIDENT_LONG] += share * long
            known_before = known
            short = short_after
            long = long_after
            known = known_after
            if last_turn and n == steps:
                save_surface(state, state_row, now, known_before)
        if not last_turn and slab.held == SLAB:
            now.modes = periodic_start(
                now.modes,
                x_start,
                sum_flux / count,
                sum_theta / count,
                sum_free / count,
                sum_slope / count,
                construction,
                steady,
                modes,
            )
            if ti.abs(now.modes - x_start).sum() < PERIODIC:
                turn = passes - 2
        turn += 1
