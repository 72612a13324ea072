"""Derivatives of what comes to a later vertex, and of what it does before it warms."""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_EMISSIVITY,
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SURROUNDINGS,
)
from heatmat.kernels.march import beam_cosine
from heatmat.kernels.receive import (
    GROUND_VIEW,
    H_LIT,
    H_LONG,
    H_MORE,
    H_REFERENCE,
    H_SHORT,
    HOUR_ROWS,
    REFLECTED,
    ROOF_VIEW,
    WALL_VIEW,
)
from heatmat.runtime import ti

# Rows of a path's derivatives, as the first four of its series
TANGENT_ROWS = 4

# Rows of the derivatives of known series (`d_hours`, `d_series`)
D_BORDER_SHORT, D_BORDER_LONG, D_SURROUNDINGS = range(3)


@ti.func
def receive_tangent(
    base,
    d_base,
    construction,
    normal,
    kind,
    brings,
    all_global,
    first,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    d_hours: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
):
    """Derivative of `receive.receive`, taken before that overwrites the carried series.

    The share of the beam that the vertex sees is not known yet: see `beam_tangent`.
    """
    albedo = properties[construction, C_ALBEDO]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    d_albedo = d_properties[construction, C_ALBEDO]
    d_absorptance = d_properties[construction, C_ABSORPTANCE]
    d_emissivity = d_properties[construction, C_EMISSIVITY]
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    for h in range(1, last + 1):
        at = base + h * HOUR_ROWS
        d_at = d_base + h * TANGENT_ROWS
        carried = brings.carry * path_series[at + H_SHORT]
        d_carried = brings.carry * path_tangents[d_at + H_SHORT]
        straight = (
            brings.isotropic * hours[F_ISOTROPIC, h]
            + brings.band * hours[F_BAND, h]
            + brings.border * hours[F_BORDER_SHORT, h]
            + brings.typical * REFLECTED * hours[F_GLOBAL, h]
        )
        d_straight = brings.border * d_hours[D_BORDER_SHORT, h]
        long = (
            brings.air * hours[F_AIR_RADIATION, h]
            + brings.sky * hours[F_SKY, h]
            + brings.border * hours[F_BORDER_LONG, h]
            + brings.typical * hours[F_SURROUNDINGS, h]
            + brings.carry * path_series[at + H_LONG]
        )
        d_long = (
            brings.border * d_hours[D_BORDER_LONG, h]
            + brings.typical * d_hours[D_SURROUNDINGS, h]
            + brings.carry * path_tangents[d_at + H_LONG]
        )
        short_r = view * hours[F_ISOTROPIC, h] + REFLECTED * (1.0 - view) * hours[F_GLOBAL, h]
        long_r = view * hours[F_SKY, h] + (1.0 - view) * hours[F_SURROUNDINGS, h]
        d_long_r = (1.0 - view) * d_hours[D_SURROUNDINGS, h]
        short = carried + straight
        d_short = d_carried + d_straight
        if all_global == 1:
            short = hours[F_GLOBAL, h]
            short_r = short
            carried = short
            straight = 0.0
            d_short = 0.0
            d_carried = 0.0
            d_straight = 0.0
        told = ti.cast(1 - first, ti.f32)
        path_tangents[d_at + H_MORE] = (
            d_absorptance * (short - short_r)
            + absorptance * d_short
            + d_emissivity * (long - long_r)
            + emissivity * (d_long - d_long_r)
        )
        path_tangents[d_at + H_REFERENCE] = (
            d_absorptance * short_r + d_emissivity * long_r + emissivity * d_long_r
        )
        path_tangents[d_at + H_SHORT] = d_albedo * (carried + told * straight) + albedo * (
            d_carried + told * d_straight
        )
        path_tangents[d_at + H_LONG] = (1.0 - emissivity) * d_long - d_emissivity * long


@ti.func
def beam_tangent(
    base,
    d_base,
    construction,
    normal,
    all_global,
    first,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    d_properties: ti.template(),
):
    """What `receive_tangent` left out: the beam that the vertex turned out to see."""
    if all_global == 0:
        d_albedo = d_properties[construction, C_ALBEDO]
        d_absorptance = d_properties[construction, C_ABSORPTANCE]
        told = ti.cast(1 - first, ti.f32)
        for h in range(1, last + 1):
            beam = (
                hours[F_BEAM, h]
                * beam_cosine(normal, hours, h)
                * path_series[base + h * HOUR_ROWS + H_LIT]
            )
            path_tangents[d_base + h * TANGENT_ROWS + H_REFERENCE] += d_absorptance * beam
            path_tangents[d_base + h * TANGENT_ROWS + H_SHORT] += d_albedo * told * beam
