"""What comes to a later vertex of a path, and what it does with it before it warms."""

from heatmat.kernels.heightfield import (
    GROUND,
    ROOF,
)
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
    HIT_BORDER,
    MARTIN_BERDAHL,
    MAX_ENTRIES,
    P_BAND_SINE,
    P_MARTIN_BERDAHL,
    P_MARTIN_NORM,
    PHYSICS_FLOATS,
    PHYSICS_INTS,
    SKY_AIR_SPLIT,
)
from heatmat.kernels.march import (
    beam_cosine,
    sunlit,
)
from heatmat.runtime import ti

physics_vector = ti.types.vector(PHYSICS_FLOATS, ti.f32)
switches_vector = ti.types.vector(PHYSICS_INTS, ti.i32)


# How fast surroundings turn from those of a dark court into sunny ones with the share of sky; it
# decides on noise alone (but for the seventh surface of a path, which is never looked at).
OPEN = 1.5

# Sky view factors of typical surroundings: half-open street, roof, street wall; and the share of
# the global light that comes back from them. They set only where tangents are taken.
GROUND_VIEW, ROOF_VIEW, WALL_VIEW = 0.6, 0.95, 0.35
REFLECTED = 0.1

# Rows of a path's series: what comes to a vertex, then what leaves it; what it absorbs beyond its
# reference, what that absorbs, and how much of its beam it gets.
H_SHORT, H_LONG, H_MORE, H_REFERENCE, H_LIT = 0, 1, 2, 3, 4
HOUR_ROWS = 5

# What a path's ray brings, as factors of known series and of the carried ones
Gather = ti.types.struct(
    isotropic=ti.f32,
    band=ti.f32,
    sky=ti.f32,
    air=ti.f32,
    border=ti.f32,
    typical=ti.f32,
    carry=ti.f32,
)


@ti.func
def sky_weight(up, normal_z, physics, model):
    """Share of the sky's shortfall below air-temperature radiation that a sky ray sees.

    ``L = sigma T_air^4 - weight (sigma T_air^4 - L_horizontal)``; one if isotropic.
    """
    g = 1.0
    if model == MARTIN_BERDAHL:
        g = ti.exp(-physics[P_MARTIN_BERDAHL] / ti.max(up, 1e-4)) * physics[P_MARTIN_NORM]
    elif model == SKY_AIR_SPLIT:
        g = ti.sqrt(0.5 * (1.0 + normal_z))
    return g


@ti.func
def known_rays(primaries: ti.template(), start, normal_z, physics, model):
    """What the rays of a start or a vertex bring; `carry` is the share that hit a surface."""
    b = Gather(isotropic=0.0, band=0.0, sky=0.0, air=0.0, border=0.0, typical=0.0, carry=0.0)
    each = 1.0 / ti.cast(primaries.shape[1], ti.f32)
    for j in range(primaries.shape[1]):
        up = primaries[start, j]
        if up > -1.0:
            g = sky_weight(up, normal_z, physics, model)
            b.isotropic += each
            if up < physics[P_BAND_SINE]:
                b.band += each
            b.sky += each * g
            b.air += each * (1.0 - g)
        elif up == HIT_BORDER:
            b.border += each
        else:
            b.carry += each
    return b


@ti.func
def what_it_brings(looks: ti.template(), slot, onward, normal_z, physics, model):
    """Factors of the known series, and of the carried one, for what falls on a later vertex.

    A path that ends by roulette brings likely surroundings in place of the surfaces that were met:
    between the air and typical ones in the sun, the more sky is seen. One that goes on brings the
    difference to them over the survival probability: `onward` is one over that (`V_ONWARD`).
    """
    b = known_rays(looks, slot, normal_z, physics, model)
    open_sky = ti.min(1.0, OPEN * b.isotropic)
    b.typical = b.carry * (1.0 - onward) * open_sky
    b.air += b.carry * (1.0 - onward) * (1.0 - open_sky)
    b.carry *= onward
    return b


@ti.func
def pick_construction(composition, u, composition_entries: ti.template(), shares: ti.template()):
    """Construction of a composition, drawn by its shares."""
    chosen = composition_entries[composition, 0]
    total = shares[composition, 0]
    for k in ti.static(range(1, MAX_ENTRIES)):
        if u >= total and shares[composition, k] > 0.0:
            chosen = composition_entries[composition, k]
        total += shares[composition, k]
    return chosen


@ti.func
def lit_part(
    bits: ti.template(),
    row,
    normal,
    node_of_step: ti.template(),
    hour,
    per_hour,
    sun: ti.template(),
):
    """Share of an hour's beam that reaches a surface, by its steps and their cosines.

    Without the cosines ground that the sun reaches towards noon would get too little.
    """
    got = 0.0
    could = 1e-6
    for n in range((hour - 1) * per_hour + 1, hour * per_hour + 1):
        node = node_of_step[n]
        if node >= 0:
            weight = 1e-3 + beam_cosine(normal, sun, n)
            could += weight
            got += weight * sunlit(bits, row, node)
    return got / could


@ti.func
def receive(
    base,
    slot,
    construction,
    normal,
    kind,
    brings,
    all_global,
    path,
    first,
    per_hour,
    last,
    day,
    path_series: ti.template(),
    path_bits: ti.template(),
    bits: ti.template(),
    node_of_step: ti.template(),
    hour_lit: ti.template(),
    hours: ti.template(),
    sun: ti.template(),
    properties: ti.template(),
):
    """Turn the carried series into what the vertex absorbs and reflects.

    The light that falls straight on the first vertex of a path (`first` = 1) is left out of what it
    reflects: that part is told by steps.

    Returns
    -------
    float
        Share of the first day's beam that a surface with this normal really gets.
    """
    albedo = properties[construction, C_ALBEDO]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    got = 0.0
    could = 1e-6
    for h in range(1, last + 1):
        at = base + h * HOUR_ROWS
        carried = brings.carry * path_series[at + H_SHORT]
        straight = (
            brings.isotropic * hours[F_ISOTROPIC, h]
            + brings.band * hours[F_BAND, h]
            + brings.border * hours[F_BORDER_SHORT, h]
            + brings.typical * REFLECTED * hours[F_GLOBAL, h]
        )
        short = carried + straight
        long = (
            brings.air * hours[F_AIR_RADIATION, h]
            + brings.sky * hours[F_SKY, h]
            + brings.border * hours[F_BORDER_LONG, h]
            + brings.typical * hours[F_SURROUNDINGS, h]
            + brings.carry * path_series[at + H_LONG]
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
        if all_global == 1:
            short = hours[F_GLOBAL, h]
            short_r = short
            carried = short
            straight = 0.0
            beam = 0.0
            seen = 1.0
        path_series[at + H_LIT] = seen
        path_series[at + H_MORE] = absorptance * (short - short_r) + emissivity * (long - long_r)
        path_series[at + H_REFERENCE] = absorptance * (short_r + beam) + emissivity * long_r
        path_series[at + H_SHORT] = albedo * (carried + (1 - first) * (straight + beam))
        path_series[at + H_LONG] = (1.0 - emissivity) * long
    return got / could
