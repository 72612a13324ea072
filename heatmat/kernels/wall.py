"""The wall law in kernels: one step of a slab with its surface balance, nonlinear and linear.

The slab is the modal system of `heatmat.conduction`. Temperatures are departures from the base
temperature; ``known`` is absorbed short and long wave (a step mean with a slope inside the step),
``exchange`` is what depends on the surface temperature (emission, convection, evaporation, and the
reference film added back), linear between stamps.
"""

from heatmat.kernels.layout import (
    DOE_2,
    F_LEEWARD,
    F_WIND_X,
    F_WIND_Y,
    F_WINDWARD,
    LINEAR,
    MODES,
    MOWITT,
    P_CONSTANT,
    P_EXPONENT_LEEWARD,
    P_EXPONENT_WINDWARD,
    P_STABLE,
    P_STABLE_BASE,
    P_TILT,
    P_UNSTABLE,
    P_UNSTABLE_BASE,
    TARP,
)
from heatmat.runtime import ti, tm

modes_vector = ti.types.vector(MODES, ti.f32)


@ti.func
def load_modes(modes: ti.template(), construction, first):
    """One group of mode coefficients as a vector."""
    v = modes_vector(0.0)
    for k in ti.static(range(MODES)):
        v[k] = modes[construction, first + k]
    return v


@ti.func
def natural_coefficients(normal_z, physics):
    """Natural convection factors (unstable, stable) of |dT|^(1/3) at a tilt."""
    c = ti.abs(normal_z) * physics[P_TILT]
    # The maximum keeps the compiler from moving the divisions into the march.
    return ti.max(
        tm.vec2(
            physics[P_UNSTABLE] / (physics[P_UNSTABLE_BASE] - c),
            physics[P_STABLE] / (physics[P_STABLE_BASE] + c),
        ),
        1e-9,
    )


@ti.func
def forced_factors(wind, perimeter_over_area, physics, mode):
    """Factors of the windward and leeward series at a place, from its wind factor."""
    f = tm.vec2(
        ti.pow(wind, physics[P_EXPONENT_WINDWARD]), ti.pow(wind, physics[P_EXPONENT_LEEWARD])
    )
    if mode == TARP:
        f *= ti.sqrt(perimeter_over_area)
    return f


@ti.func
def forced_film(normal, forced, series: ti.template(), n):
    """Forced convection at stamp n before roughness [W m-2 K-1], from `forced_factors`."""
    windward = normal.x * series[F_WIND_X, n] + normal.y * series[F_WIND_Y, n] >= -1e-4
    f = forced.y * series[F_LEEWARD, n]
    # As `heatmat.convection.is_windward`: no lee side within 5 degrees of horizontal.
    if windward or normal.z > 0.9962:
        f = forced.x * series[F_WINDWARD, n]
    return f


@ti.func
def film(signed_root, natural, f, roughness, physics, mode):
    """Convection coefficient h, and d(h (T - T_air)) / dT there [W m-2 K-1].

    Parameters
    ----------
    signed_root : float
        Cube root of surface minus air temperature, with its sign.
    natural : vec2
        From `natural_coefficients`.
    f : float
        From `forced_film`.
    """
    h_n = ti.max(natural.x * signed_root, -natural.y * signed_root)
    h = h_n + roughness * f
    share = 1.0  # dh / dh_n; h_n itself grows with the cube root
    if mode == DOE_2:
        whole = ti.sqrt(h_n * h_n + f * f) + 1e-12
        h = h_n + roughness * (whole - h_n)
        share = 1.0 + roughness * (h_n / whole - 1.0)
    elif mode == MOWITT:
        h = ti.sqrt(h_n * h_n + f * f) + 1e-12
        share = h_n / h
    elif mode == LINEAR:
        h = physics[P_CONSTANT] + f
        share = 0.0
    return tm.vec2(h, h + share * h_n / 3.0)


@ti.func
def signed_cube_root(x):
    """Cube root that keeps the sign, to 1e-6 of its value, without a division.

    The inverse root is guessed from a third of the exponent; six terms of the binomial series of
    what is left then suffice (pow costs ten times as much and would be a third of the march).
    """
    a = ti.abs(x) + 1e-12
    y = ti.bit_cast(1419900416 - ti.raw_div(ti.bit_cast(ti.cast(a, ti.f32), ti.i32), 3), ti.f32)
    r = 1.0 - a * y * y * y
    y *= 1.0 + r * (1 / 3 + r * (2 / 9 + r * (14 / 81 + r * (35 / 243 + r * (91 / 729)))))
    root = a * y * y
    return ti.select(x < 0.0, -root, root)


@ti.func
def advance(x, decay, constant, rise, known, slope, exchange):
    """Modes after a step with the new exchange flux still missing: ``+ rise * exchange_new``.

    Parameters
    ----------
    known : float
        Mean of the known flux over the step [W m-2].
    slope : float
        Its rise over the step [W m-2].
    exchange : float
        Exchange flux at the start of the step [W m-2].
    """
    return decay * x + constant * (known - 0.5 * slope + exchange) + rise * (slope - exchange)


@ti.func
def limited_slope(before, here, after):
    """Rise of a series over a step from its neighbours' means, none across a jump (van Leer)."""
    a = here - before
    b = after - here
    s = 0.0
    if a * b > 0.0:
        s = 0.5 * (a + b)
        m = 2.0 * ti.min(ti.abs(a), ti.abs(b))
        if ti.abs(s) > m:
            s = m * s / ti.abs(s)
    return s
