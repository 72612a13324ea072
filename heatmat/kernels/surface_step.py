"""One step of a surface: its slab, and the balance of what falls on it with what it gives away.

`slab_of` and `film_of` gather what stays the same over a march; `surface_step` takes the state at a
stamp to the next. Emission and convection are followed by their tangents, taken anew until the
surface stands still, so that the fluxes of a step close exactly.
"""

from heatmat.kernels.layout import (
    C_DIRECT,
    C_EMISSIVITY,
    C_FILM,
    C_HELD,
    C_HELD_VALUE,
    C_MOISTURE,
    C_RISE_GAIN,
    C_ROUGHNESS,
    C_WATER_FROM,
    C_WATER_TO,
    C_WATERED,
    F_CLOCK,
    F_PRIESTLEY_TAYLOR,
    HELD_AT_AIR,
    LINEAR,
    M_CONSTANT,
    M_DECAY,
    M_RISE,
    O_CONVECTION,
    O_LINEAR,
    P_BASE,
    P_SIGMA,
    SLAB,
)
from heatmat.kernels.wall import (
    film,
    forced_factors,
    load_modes,
    modes_vector,
    natural_coefficients,
    signed_cube_root,
)
from heatmat.runtime import ti, tm

# Newton passes of a step: one, and more where the last one moved the temperature by more than
# `STILL` [K]: what a tangent leaves of such a move is under 2e-4 K, but where natural convection
# sets in (at the air's temperature), 1e-3 K.
NEWTON_PASSES = 8
STILL = 0.1
# ... of a surface that evaporates, whose tangent is an order steeper on the warm side of the air
WET_STILL = 0.01

# What a construction is to a march. ``known`` is what it absorbs, step means [W m-2].
Slab = ti.types.struct(
    decay=modes_vector,
    constant=modes_vector,
    rise=modes_vector,
    constant_sum=ti.f32,
    rise_sum=ti.f32,
    direct=ti.f32,
    h0=ti.f32,
    kappa=ti.f32,
    conductance=ti.f32,
    emission=ti.f32,
    moisture=ti.f32,
    watered=ti.f32,
    water_from=ti.f32,
    water_to=ti.f32,
    held=ti.f32,
    held_value=ti.f32,
)

# What a place is to convection
Film = ti.types.struct(normal=tm.vec3, natural=tm.vec2, forced=tm.vec2, roughness=ti.f32)

# State at a stamp: modes, exchange flux [W m-2], temperature as departure from the base [K], flux
# into the slab [W m-2]; and of the step that led there: convection coefficient [W m-2 K-1],
# emission, convection, evaporation (positive into the surface but for emission) [W m-2], and
# d(exchange) / d(theta).
Surface = ti.types.struct(
    modes=modes_vector,
    exchange=ti.f32,
    theta=ti.f32,
    ground_flux=ti.f32,
    film=ti.f32,
    emission=ti.f32,
    convection=ti.f32,
    latent=ti.f32,
    slope=ti.f32,
)


@ti.func
def slab_of(construction, properties: ti.template(), modes: ti.template(), physics):
    """Numbers of a construction as a march wants them."""
    constant = load_modes(modes, construction, M_CONSTANT)
    rise = load_modes(modes, construction, M_RISE)
    direct = properties[construction, C_DIRECT]
    kappa = properties[construction, C_RISE_GAIN]
    held = properties[construction, C_HELD]
    conductance = 0.0
    if held == SLAB:
        conductance = 1.0 / kappa
    return Slab(
        decay=load_modes(modes, construction, M_DECAY),
        constant=constant,
        rise=rise,
        constant_sum=constant.sum(),
        rise_sum=rise.sum(),
        direct=direct,
        h0=properties[construction, C_FILM],
        kappa=kappa,
        conductance=conductance,
        emission=properties[construction, C_EMISSIVITY] * physics[P_SIGMA],
        moisture=properties[construction, C_MOISTURE],
        watered=properties[construction, C_WATERED],
        water_from=properties[construction, C_WATER_FROM],
        water_to=properties[construction, C_WATER_TO],
        held=held,
        held_value=properties[construction, C_HELD_VALUE],
    )


@ti.func
def wetness(slab, series: ti.template(), n):
    """Share of the available energy that evaporates at stamp n, by the clock where watered."""
    moisture = slab.moisture
    if slab.water_from != slab.water_to:
        clock = series[F_CLOCK, n]
        after = clock >= slab.water_from
        before = clock < slab.water_to
        on = after and before
        if slab.water_from > slab.water_to:
            on = after or before
        if on:
            moisture = slab.watered
    return moisture * series[F_PRIESTLEY_TAYLOR, n]


@ti.func
def film_of(construction, normal, wind, perimeter_over_area, properties: ti.template(), physics,
            mode):  # fmt: skip
    """Convection at a place, from its normal, wind factor and perimeter over area."""
    return Film(
        normal=normal,
        natural=natural_coefficients(normal.z, physics),
        forced=forced_factors(wind, perimeter_over_area, physics, mode),
        roughness=properties[construction, C_ROUGHNESS],
    )


# Where a tangent leads: temperature, emission, convection, convection coefficient, d(exchange) /
# d(theta), and how far it went.
Tangent = ti.types.struct(
    theta=ti.f32, emission=ti.f32, convection=ti.f32, film=ti.f32, slope=ti.f32, moved=ti.f32
)


@ti.func
def tangent_step(theta, history, t_air, forced, given_film, wet, slab, place, physics, switches):
    """One Newton pass of the balance from `theta`.

    A wet share w of what is available, which is evaporation and convection together, evaporates:
    w / (1 - w) of convection, while the surface is warmer than the air.

    Parameters
    ----------
    history : float
        Temperature that the surface would have without an exchange at the end of the step.
    wet : float
        Priestley-Taylor factor times the moisture availability, under one.
    """
    mode = switches[O_CONVECTION]
    root = signed_cube_root(theta - t_air)
    h = film(root, place.natural, forced, place.roughness, physics, mode)
    if given_film >= 0.0:
        h = tm.vec2(given_film, given_film)
    t = theta + physics[P_BASE]
    h_r = 4.0 * slab.emission * t * t * t
    emission = 0.25 * h_r * t
    if switches[O_LINEAR] == 1:
        a = t_air + physics[P_BASE]
        h_r = 4.0 * slab.emission * a * a * a
        emission = 0.25 * h_r * a + h_r * (theta - t_air)
    convection = h.x * (t_air - theta)
    slope = slab.h0 - h.y - h_r
    moved = 0.0
    if slab.held == SLAB:
        flux = slab.h0 * theta + convection - emission
        if wet > 0.0 and theta > t_air:
            share = wet / (1.0 - wet)
            flux += share * convection
            slope -= share * h.y
        moved = (history - theta + slab.kappa * flux) / (1.0 - slab.kappa * slope)
    # Along the tangents: the balance of the new temperature closes by itself.
    return Tangent(
        theta=theta + moved,
        emission=emission + h_r * moved,
        convection=convection - h.y * moved,
        film=h.x,
        slope=slope,
        moved=ti.abs(moved),
    )


@ti.func
def surface_step(
    before,
    guess,
    known,
    known_slope,
    free,
    t_air,
    forced,
    given_film,
    wet,
    slab,
    place,
    physics,
    switches,
):
    """State at the end of a step from the one at its start.

    Parameters
    ----------
    before : Surface
        State at the start.
    guess : float
        Where the first tangent is taken, as departure from the base [K].
    known, known_slope : float
        Absorbed short and long wave: mean over the step, and rise over it [W m-2].
    free : float
        Inner part of the surface temperature at the end of the step [K].
    t_air : float
        Air at the end, as departure from the base [K].
    forced : float
        From `forced_film` for the end of the step.
    given_film : float
        Convection coefficient [W m-2 K-1] in place of the correlation's; negative: none given.
    wet : float
        Priestley-Taylor factor at the end, times the moisture availability.
    slab, place : Slab, Film

    Returns
    -------
    Surface
    """
    at_end = known + 0.5 * known_slope
    push = known - 0.5 * known_slope + before.exchange
    rest = known_slope - before.exchange
    history = (
        free
        + (slab.decay * before.modes).sum()
        + slab.constant_sum * push
        + slab.rise_sum * rest
        + slab.direct * at_end
    )
    still = STILL
    if wet > 0.0:
        still = WET_STILL
    if switches[O_LINEAR] == 1 and (switches[O_CONVECTION] == LINEAR or given_film >= 0.0):
        still = 1e9
    first = guess
    if slab.held != SLAB:
        first = t_air
        if slab.held != HELD_AT_AIR:
            first = slab.held_value
    end = tangent_step(
        first, history, t_air, forced, given_film, wet, slab, place, physics, switches
    )
    if end.moved > still:
        # Apart from the first, which is mostly the only one: loops cost more than the pass.
        passes = 1
        while passes < NEWTON_PASSES and end.moved > still:
            passes += 1
            end = tangent_step(
                end.theta, history, t_air, forced, given_film, wet, slab, place, physics, switches
            )
    theta = end.theta
    latent = 0.0
    fresh = slab.h0 * theta + end.convection - end.emission
    if slab.held == SLAB:
        # (No slab: whoever asks closes the balance by conduction.)
        fresh = (theta - history) * slab.conductance
        if wet > 0.0:
            # Evaporation begins at a kink, the temperature of the air: what the slab was given is
            # kept, and evaporation is what closes it.
            latent = fresh - slab.h0 * theta - end.convection + end.emission
    return Surface(
        modes=slab.decay * before.modes + slab.constant * push + slab.rise * (rest + fresh),
        exchange=fresh,
        theta=theta,
        ground_flux=at_end + fresh - slab.h0 * theta,
        film=end.film,
        emission=end.emission,
        convection=end.convection,
        latent=latent,
        slope=end.slope,
    )
