"""What comes to later vertices of sixteen paths, and what they do with it before they warm.

The series of a block of paths lie in one array: for each hour `HOUR_ROWS` rows of `LANES` numbers.
"""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.lanes import (
    LANES,
    R_ABSORPTANCE,
    R_BRINGS,
    R_EMISSIVITY,
    R_NX,
    R_NY,
    R_NZ,
    R_REFLECT,
    R_WEIGHT,
    STILL_ROWS,
)
from heatmat.kernels.layout import (
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SUN_X,
    F_SUN_Y,
    F_SUN_Z,
    F_SURROUNDINGS,
)
from heatmat.kernels.march import sunlit
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
    lit_part,
)
from heatmat.runtime import ti

# Rows of constants beyond those of `kernels.lanes`: what a path's rays bring (`receive.Gather`), in
# its order; the view of the typical surroundings is in `R_WEIGHT`; 1 where the light of open ground
# is all that falls there; 1 to reflect what falls straight; the share of the beam that was got
B_ISOTROPIC, B_BAND, B_SKY, B_AIR, B_BORDER, B_TYPICAL, B_CARRY = range(R_BRINGS, R_BRINGS + 7)
R_GLOBAL, R_LIT = STILL_ROWS, STILL_ROWS + 1
CONSTANT_ROWS = STILL_ROWS + 2


@ti.func
def lit_hours(
    lane, way, slot, path, first, normal, per_hour, last, day, lanes_series: ti.template(),
    path_bits: ti.template(), bits: ti.template(), node_of_step: ti.template(),
    hour_lit: ti.template(), sun: ti.template(),
):  # fmt: skip
    """Share of each hour's sun that a vertex sees; `first` = 1 for the first of its path."""
    for h in range(1, last + 1):
        at = way + (h * HOUR_ROWS + H_LIT) * LANES + lane
        seen = 0.0
        if hour_lit[h] >= 0:
            if h > day and hour_lit[h] == hour_lit[ti.max(h - day, 0)]:
                seen = lanes_series[at - day * HOUR_ROWS * LANES]
            elif first == 1:
                seen = lit_part(path_bits, path, normal, node_of_step, h, per_hour, sun)
            else:
                seen = sunlit(bits, slot, hour_lit[h])
        lanes_series[at] = seen


@ti.func
def bring_lane(c: ti.template(), lane, kind, brings, all_global):
    """Fill a lane's constants with what its path's rays bring."""
    c[B_ISOTROPIC * LANES + lane] = brings.isotropic
    c[B_BAND * LANES + lane] = brings.band
    c[B_SKY * LANES + lane] = brings.sky
    c[B_AIR * LANES + lane] = brings.air
    c[B_BORDER * LANES + lane] = brings.border
    c[B_TYPICAL * LANES + lane] = brings.typical
    c[B_CARRY * LANES + lane] = brings.carry
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    c[R_WEIGHT * LANES + lane] = view
    c[R_GLOBAL * LANES + lane] = ti.cast(all_global, ti.f32)


@ti.func
def receive_lanes(
    c: ti.template(), way, first, last, day, lanes_series: ti.template(),
    hours: ti.template(),
):  # fmt: skip
    """Turn the carried series into what the vertices absorb and reflect.

    The light that falls straight on the first vertex of a path (`first` = 1) is left out of what it
    reflects: that part is told by steps. Row `R_LIT` of the constants gets the share of the first
    day's beam that a surface with this normal really gets.
    """
    t = ti.Vector([0.0] * (HOUR_ROWS * LANES))
    got = ti.Vector([0.0] * LANES)
    could = ti.Vector([1e-6] * LANES)
    straight_too = ti.cast(1 - first, ti.f32)
    for h in range(1, last + 1):
        at = way + h * HOUR_ROWS * LANES
        for q in range(HOUR_ROWS * LANES):
            t[q] = lanes_series[at + q]
        isotropic = hours[F_ISOTROPIC, h]
        band = hours[F_BAND, h]
        border_short = hours[F_BORDER_SHORT, h]
        everything = hours[F_GLOBAL, h]
        air = hours[F_AIR_RADIATION, h]
        sky = hours[F_SKY, h]
        border_long = hours[F_BORDER_LONG, h]
        surroundings = hours[F_SURROUNDINGS, h]
        strength = hours[F_BEAM, h]
        sun_x = hours[F_SUN_X, h]
        sun_y = hours[F_SUN_Y, h]
        sun_z = hours[F_SUN_Z, h]
        of_day = ti.select(h <= day, 1.0, 0.0)
        for q in range(LANES):
            typical = c[B_TYPICAL * LANES + q]
            carry = c[B_CARRY * LANES + q]
            carried = carry * t[H_SHORT * LANES + q]
            straight = (
                c[B_ISOTROPIC * LANES + q] * isotropic
                + c[B_BAND * LANES + q] * band
                + c[B_BORDER * LANES + q] * border_short
                + typical * REFLECTED * everything
            )
            long = (
                c[B_AIR * LANES + q] * air
                + c[B_SKY * LANES + q] * sky
                + c[B_BORDER * LANES + q] * border_long
                + typical * surroundings
                + carry * t[H_LONG * LANES + q]
            )
            view = c[R_WEIGHT * LANES + q]
            short_r = view * isotropic + REFLECTED * (1.0 - view) * everything
            long_r = view * sky + (1.0 - view) * surroundings
            cosine = c[R_NX * LANES + q] * sun_x + c[R_NY * LANES + q] * sun_y
            beam = strength * ti.max(0.0, cosine + c[R_NZ * LANES + q] * sun_z)
            could[q] += of_day * beam
            seen = t[H_LIT * LANES + q]
            beam *= seen
            got[q] += of_day * beam
            # Where the light of open ground is all, nothing else is.
            part = 1.0 - c[R_GLOBAL * LANES + q]
            whole = everything * c[R_GLOBAL * LANES + q]
            short_r = part * short_r + whole
            beam *= part
            absorptance = c[R_ABSORPTANCE * LANES + q]
            emissivity = c[R_EMISSIVITY * LANES + q]
            t[H_LIT * LANES + q] = part * seen + c[R_GLOBAL * LANES + q]
            t[H_MORE * LANES + q] = absorptance * (
                part * (carried + straight) + whole - short_r
            ) + emissivity * (long - long_r)
            t[H_REFERENCE * LANES + q] = absorptance * (short_r + beam) + emissivity * long_r
            t[H_SHORT * LANES + q] = c[R_REFLECT * LANES + q] * (
                part * carried + whole + straight_too * (part * straight + beam)
            )
            t[H_LONG * LANES + q] = (1.0 - emissivity) * long
        for q in range(HOUR_ROWS * LANES):
            lanes_series[at + q] = t[q]
    for q in range(LANES):
        c[R_LIT * LANES + q] = got[q] / could[q]
