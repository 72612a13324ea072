"""What comes to a path's later vertex in many versions of a city side by side.

`receive.receive` for `LANES` versions at once: the vertex, its sun and its looks are the same in
all of them, what it is made of and what its path brings are not.
"""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.lanes import LANES, R_ABSORPTANCE, R_EMISSIVITY, R_REFLECT
from heatmat.kernels.layout import (
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
from heatmat.kernels.march import beam_cosine, sunlit
from heatmat.kernels.receive import GROUND_VIEW, REFLECTED, ROOF_VIEW, WALL_VIEW, lit_part
from heatmat.runtime import ti

# Rows of an hour of a path, each of `LANES` numbers: light and longwave that come to a vertex, then
# leave it; what it absorbs beyond its reference; what that absorbs.
W_SHORT, W_LONG, W_MORE, W_REFERENCE = range(4)
WAY_ROWS = 4


@ti.func
def receive_lanes(
    c: ti.template(),
    way,
    lit_at,
    slot,
    normal,
    kind,
    brings,
    all_global,
    path,
    first,
    per_hour,
    last,
    day,
    scratch: ti.template(),
    path_bits: ti.template(),
    bits: ti.template(),
    node_of_step: ti.template(),
    hour_lit: ti.template(),
    hours: ti.template(),
    sun: ti.template(),
):
    """`receive.receive` of all versions; the share of the first day's beam that the vertex gets.

    Parameters
    ----------
    way, lit_at : int
        Where in `scratch` the path's rows begin, and the share of each hour's beam.
    """
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    got = 0.0
    could = 1e-6
    told = ti.cast(1 - first, ti.f32)
    for h in range(1, last + 1):
        straight = (
            brings.isotropic * hours[F_ISOTROPIC, h]
            + brings.band * hours[F_BAND, h]
            + brings.border * hours[F_BORDER_SHORT, h]
            + brings.typical * REFLECTED * hours[F_GLOBAL, h]
        )
        known_long = (
            brings.air * hours[F_AIR_RADIATION, h]
            + brings.sky * hours[F_SKY, h]
            + brings.border * hours[F_BORDER_LONG, h]
            + brings.typical * hours[F_SURROUNDINGS, h]
        )
        short_r = view * hours[F_ISOTROPIC, h] + REFLECTED * (1.0 - view) * hours[F_GLOBAL, h]
        long_r = view * hours[F_SKY, h] + (1.0 - view) * hours[F_SURROUNDINGS, h]
        beam = hours[F_BEAM, h] * beam_cosine(normal, hours, h)
        if h <= day:
            could += beam
        seen = 0.0
        if first == 1:
            seen = lit_part(path_bits, path, normal, node_of_step, h, per_hour, sun)
        else:
            seen = sunlit(bits, slot, hour_lit[h])
        beam *= seen
        if h <= day:
            got += beam
        # What is carried counts for nothing where the ground gets all of the global light.
        carry = brings.carry
        leaves = 0.0
        if all_global == 1:
            carry = 0.0
            straight = hours[F_GLOBAL, h]
            leaves = straight
            short_r = straight
            beam = 0.0
            seen = 1.0
        else:
            leaves = told * (straight + beam)
        scratch[lit_at + h] = seen
        at = way + h * WAY_ROWS * LANES
        for q in range(LANES):
            carried = carry * scratch[at + W_SHORT * LANES + q]
            long = known_long + brings.carry * scratch[at + W_LONG * LANES + q]
            short = carried + straight
            absorptance = c[R_ABSORPTANCE * LANES + q]
            emissivity = c[R_EMISSIVITY * LANES + q]
            scratch[at + W_MORE * LANES + q] = absorptance * (short - short_r) + emissivity * (
                long - long_r
            )
            scratch[at + W_REFERENCE * LANES + q] = (
                absorptance * (short_r + beam) + emissivity * long_r
            )
            scratch[at + W_SHORT * LANES + q] = c[R_REFLECT * LANES + q] * (carried + leaves)
            scratch[at + W_LONG * LANES + q] = (1.0 - emissivity) * long
    return got / could
