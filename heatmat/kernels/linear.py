"""A step of later vertices, in hours: linear in what their path brings, about a reference.

The reference is the same slab at the same place with the same sun, in typical surroundings in place
of what this one path brings. Emission and convection of the vertex go along their tangents at the
reference's temperature, so that the answer is linear in what is random.
"""

from heatmat.kernels.layout import O_CONVECTION, O_LINEAR, P_BASE
from heatmat.kernels.receive import REFLECTED as REFLECTED
from heatmat.kernels.wall import film, modes_vector, signed_cube_root
from heatmat.runtime import ti

LINEAR_PASSES = 2

# Sum over the modes of how far a pass moved their start [K]; a bound on the temperature's move.
PERIODIC_LINEAR = 0.05

# Part of the way to its lit or shaded temperature that a surface goes in an hour; sets where the
# reference's tangents are taken.
WARMING = 0.4

# Exchange flux along a tangent: at zero, and per kelvin (evaporation not in it); of the part of it
# that is convection too.
Tangent = ti.types.struct(exchange=ti.f32, slope=ti.f32, convection=ti.f32, convection_slope=ti.f32)


@ti.func
def tangent_at(theta, t_air, forced, slab, place, physics, switches):
    """Convection and emission as straight lines through those at a temperature.

    Parameters
    ----------
    theta, t_air : float
        As departures from the base [K].
    forced : float
        From `forced_film`.
    """
    root = signed_cube_root(theta - t_air)
    h = film(root, place.natural, forced, place.roughness, physics, switches[O_CONVECTION])
    about = theta
    if switches[O_LINEAR] == 1:
        about = t_air
    t = about + physics[P_BASE]
    h_r = 4.0 * slab.emission * t * t * t
    at_zero = 0.25 * h_r * t - h_r * about
    convection = h.x * (t_air - theta) + h.y * theta
    return Tangent(
        exchange=convection - at_zero,
        slope=slab.h0 - h.y - h_r,
        convection=convection,
        convection_slope=-h.y,
    )


# A slab that marches along tangents: state at a stamp, as in `surface_step`
Line = ti.types.struct(modes=modes_vector, exchange=ti.f32, theta=ti.f32, ground_flux=ti.f32)


@ti.func
def line_step(before, known, known_slope, free, wet, evaporates, line, slab):
    """State at the end of a step, the exchange going along `line`.

    Parameters
    ----------
    wet : float
        Priestley-Taylor factor times moisture availability.
    evaporates : int
        Whether anything does in this step.
    """
    at_end = known + 0.5 * known_slope
    push = known - 0.5 * known_slope + before.exchange
    rest = known_slope - before.exchange
    at_zero = line.exchange
    slope = line.slope
    if evaporates == 1:
        share = wet / (1.0 - wet)
        at_zero += share * line.convection
        slope += share * line.convection_slope
    history = (
        free
        + (slab.decay * before.modes).sum()
        + slab.constant_sum * push
        + slab.rise_sum * rest
        + slab.direct * at_end
    )
    theta = (history + slab.kappa * at_zero) / (1.0 - slab.kappa * slope)
    exchange = at_zero + slope * theta
    return Line(
        modes=slab.decay * before.modes + slab.constant * push + slab.rise * (rest + exchange),
        exchange=exchange,
        theta=theta,
        ground_flux=at_end + exchange - slab.h0 * theta,
    )
