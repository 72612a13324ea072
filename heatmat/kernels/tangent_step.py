"""Derivatives of one step of a surface with respect to a property of constructions.

The derivative of the surface temperature obeys the march linearised about the march itself, with
the property's own terms as sources (tangent linear model; Griewank and Walther, Evaluating
Derivatives, 2nd ed., SIAM 2008, doi:10.1137/1.9780898717761, chapter 3). Every name with ``d_`` is
the derivative of the one without it; states are those of `surface_step` and `linear`.
"""

from heatmat.kernels.layout import (
    C_DIRECT,
    C_EMISSIVITY,
    C_FILM,
    C_RISE_GAIN,
    M_CONSTANT,
    M_DECAY,
    M_RISE,
    O_CONVECTION,
    O_LINEAR,
    P_BASE,
    P_SIGMA,
)
from heatmat.kernels.linear import Line
from heatmat.kernels.wall import film, load_modes, modes_vector, signed_cube_root
from heatmat.runtime import ti, tm

# The reference film does not depend on any property: its column carries that of an addition to the
# convection coefficient.
C_CONVECTION = C_FILM

# Half the distance over which the curvature of convection is taken [K].
CURVATURE = 0.1

# Derivatives of what `surface_step.slab_of` gathers, and of the convection coefficient
SlabTangent = ti.types.struct(
    decay=modes_vector,
    constant=modes_vector,
    rise=modes_vector,
    constant_sum=ti.f32,
    rise_sum=ti.f32,
    direct=ti.f32,
    kappa=ti.f32,
    emission=ti.f32,
    film=ti.f32,
)

# Derivatives of an exchange flux along a straight line: at zero, and of its slope
LineTangent = ti.types.struct(exchange=ti.f32, slope=ti.f32)


@ti.func
def slab_tangent_of(construction, d_properties: ti.template(), d_modes: ti.template(), physics):
    """Derivatives of a construction's numbers."""
    constant = load_modes(d_modes, construction, M_CONSTANT)
    rise = load_modes(d_modes, construction, M_RISE)
    return SlabTangent(
        decay=load_modes(d_modes, construction, M_DECAY),
        constant=constant,
        rise=rise,
        constant_sum=constant.sum(),
        rise_sum=rise.sum(),
        direct=d_properties[construction, C_DIRECT],
        kappa=d_properties[construction, C_RISE_GAIN],
        emission=d_properties[construction, C_EMISSIVITY] * physics[P_SIGMA],
        film=d_properties[construction, C_CONVECTION],
    )


@ti.func
def limited_slope_tangent(before, here, after, d_before, d_here, d_after):
    """Derivative of `wall.limited_slope`."""
    a = here - before
    b = after - here
    d_a = d_here - d_before
    d_b = d_after - d_here
    d_s = 0.0
    if a * b > 0.0:
        d_s = 0.5 * (d_a + d_b)
        if 0.5 * ti.abs(a + b) > 2.0 * ti.min(ti.abs(a), ti.abs(b)):
            d_s = 2.0 * ti.select(ti.abs(a) < ti.abs(b), d_a, d_b)
    return d_s


@ti.func
def films_at(theta, t_air, forced, place, physics, switches):
    """Convection coefficient, d(h dT)/dT, and its change per kelvin [W m-2 K-1, W m-2 K-2]."""
    mode = switches[O_CONVECTION]
    h = film(signed_cube_root(theta - t_air), place.natural, forced, place.roughness, physics, mode)
    above = film(
        signed_cube_root(theta + CURVATURE - t_air), place.natural, forced, place.roughness,
        physics, mode,
    )  # fmt: skip
    below = film(
        signed_cube_root(theta - CURVATURE - t_air), place.natural, forced, place.roughness,
        physics, mode,
    )  # fmt: skip
    return tm.vec3(h.x, h.y, 0.5 * (above.y - below.y) / CURVATURE)


@ti.func
def flux_line_tangent(
    theta, d_theta, t_air, forced, wet_factor, slab, d_slab, place, physics, switches
):
    """Derivative of the straight line that `linear.tangent_at` lays, where it is laid moving too.

    `wet_factor` multiplies convection: 1 where nothing evaporates.
    """
    h = films_at(theta, t_air, forced, place, physics, switches)
    about = theta
    d_about = d_theta
    if switches[O_LINEAR] == 1:
        about = t_air
        d_about = 0.0
    t = about + physics[P_BASE]
    unit = 4.0 * t * t * t
    h_r = slab.emission * unit
    d_h_r = d_slab.emission * unit + 3.0 * h_r / t * d_about
    d_at_zero = d_h_r * (0.25 * t - about) - 0.75 * h_r * d_about
    return LineTangent(
        exchange=wet_factor * (d_slab.film * t_air + h.z * theta * d_theta) - d_at_zero,
        slope=-wet_factor * (h.z * d_theta + d_slab.film) - d_h_r,
    )


@ti.func
def history_tangent(
    before, d_before, known, known_slope, d_known, d_known_slope, d_free, slab, d_slab
):
    """Derivative of the temperature that a surface would have without an exchange at the end."""
    at_end = known + 0.5 * known_slope
    push = known - 0.5 * known_slope + before.exchange
    rest = known_slope - before.exchange
    d_push = d_known - 0.5 * d_known_slope + d_before.exchange
    d_rest = d_known_slope - d_before.exchange
    return (
        d_free
        + (d_slab.decay * before.modes + slab.decay * d_before.modes).sum()
        + d_slab.constant_sum * push
        + slab.constant_sum * d_push
        + d_slab.rise_sum * rest
        + slab.rise_sum * d_rest
        + d_slab.direct * at_end
        + slab.direct * (d_known + 0.5 * d_known_slope)
    )


@ti.func
def state_tangent(
    before, d_before, known, known_slope, d_known, d_known_slope, d_theta, exchange, d_exchange,
    slab, d_slab,
):  # fmt: skip
    """Derivative of the state at the end of a step whose temperature and flux are known."""
    push = known - 0.5 * known_slope + before.exchange
    rest = known_slope - before.exchange + exchange
    d_push = d_known - 0.5 * d_known_slope + d_before.exchange
    d_rest = d_known_slope - d_before.exchange + d_exchange
    return Line(
        modes=d_slab.decay * before.modes
        + slab.decay * d_before.modes
        + d_slab.constant * push
        + slab.constant * d_push
        + d_slab.rise * rest
        + slab.rise * d_rest,
        exchange=d_exchange,
        theta=d_theta,
        ground_flux=d_known + 0.5 * d_known_slope + d_exchange - slab.h0 * d_theta,
    )


@ti.func
def line_step_tangent(
    before, d_before, now, known, known_slope, d_known, d_known_slope, d_free, slope, d_line,
    slab, d_slab,
):  # fmt: skip
    """Derivative of `linear.line_step`, which led from `before` to `now` along `slope`."""
    history = history_tangent(
        before, d_before, known, known_slope, d_known, d_known_slope, d_free, slab, d_slab
    )
    d_flux = d_line.exchange + d_line.slope * now.theta
    d_theta = (history + d_slab.kappa * now.exchange + slab.kappa * d_flux) / (
        1.0 - slab.kappa * slope
    )
    return state_tangent(
        before, d_before, known, known_slope, d_known, d_known_slope, d_theta, now.exchange,
        d_flux + slope * d_theta, slab, d_slab,
    )  # fmt: skip


@ti.func
def surface_step_tangent(
    before, d_before, now, known, known_slope, d_known, d_known_slope, d_free, t_air, forced, wet,
    slab, d_slab, place, physics, switches,
):  # fmt: skip
    """Derivative of `surface_step.surface_step`, which led from `before` to `now`."""
    theta = now.theta
    h = films_at(theta, t_air, forced, place, physics, switches)
    factor = 1.0
    if wet > 0.0 and theta > t_air:
        factor = 1.0 / (1.0 - wet)
    t = theta + physics[P_BASE]
    unit = t * t * t * t
    h_r = 4.0 * slab.emission * t * t * t
    if switches[O_LINEAR] == 1:
        a = t_air + physics[P_BASE]
        h_r = 4.0 * slab.emission * a * a * a
        unit = a * a * a * (a + 4.0 * (theta - t_air))
    d_flux = -factor * d_slab.film * (theta - t_air) - d_slab.emission * unit
    slope = slab.h0 - factor * h.y - h_r
    history = history_tangent(
        before, d_before, known, known_slope, d_known, d_known_slope, d_free, slab, d_slab
    )
    d_theta = (history + d_slab.kappa * now.exchange + slab.kappa * d_flux) / (
        1.0 - slab.kappa * slope
    )
    return state_tangent(
        before, d_before, known, known_slope, d_known, d_known_slope, d_theta, now.exchange,
        d_flux + slope * d_theta, slab, d_slab,
    )  # fmt: skip


@ti.func
def periodic_start_tangent(
    x_end, x_start, d_x_end, d_x_start, d_flux, d_theta, d_free, flux, slope, steady, d_steady,
    day, d_day, gain,
):  # fmt: skip
    """Derivative of `march.periodic_start` at convergence, where its shift is nought.

    Parameters
    ----------
    d_flux, d_theta, d_free, flux, slope : float
        Daily means.
    """
    d_shift = (d_free + d_steady * flux + steady * d_flux - d_theta) / (1.0 - steady * slope)
    rest = 1.0 - day
    return (
        (d_x_end - d_day * x_start - day * d_x_start) / rest
        + (x_end - day * x_start) * d_day / (rest * rest)
        + gain * (slope * d_shift)
    )
