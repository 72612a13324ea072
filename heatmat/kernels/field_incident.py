"""What falls on a group of starts (links or neighbours, sun, known series); what leaves a texel."""

from heatmat.kernels.heightfield import GROUND, LEAF
from heatmat.kernels.layout import (
    F_AIR_RADIATION,
    F_BAND,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SURROUNDINGS,
    O_UNSHADED,
)
from heatmat.kernels.linear import REFLECTED
from heatmat.kernels.texels import (
    L_AIR,
    L_BAND,
    L_BORDER,
    L_ISOTROPIC,
    L_SKY,
    L_UNKNOWN,
    LINK_FLOATS,
)
from heatmat.kernels.wall import limited_slope
from heatmat.runtime import ti, tm

# Series of texels are whole numbers of this [W m-2], light in the lower half of a word: 0.002 K.
QUANTUM = 0.03125
MOST = 65535

# Sizes of a stage
(
    N_STEPS,
    N_SUB,
    N_EVERY,
    N_DAY,
    N_PERIODIC,
    N_FIRST,
    N_ROWS,
    N_OUTPUT,
    N_NODES,
    N_PASSES,
    N_RELAX,
    N_LAST,
    N_HALF,
) = range(13)
STAGE_INTS = 13
sizes_vector = ti.types.vector(STAGE_INTS, ti.i32)
links_vector = ti.types.vector(LINK_FLOATS, ti.f32)


@ti.func
def lit_shares(
    i,
    last,
    nodes,
    members,
    base,
    leader: ti.template(),
    bits: ti.template(),
    scratch: ti.template(),
    size,
):
    """Share of the sun that a group's starts see, at every node; `size` as `layout.SUN_BIT`."""
    full = ti.u32(1)
    if size > 0:
        full = ti.u32(255)
    for node in range(nodes):
        lit = ti.u32(0)
        shift = ti.cast((node & (31 >> size)) << size, ti.u32)
        for other in range(i, last):
            if leader[other] == i:
                lit += (bits[other, node >> (5 - size)] >> shift) & full
        scratch[base + node] = ti.cast(lit, ti.f32) / (members * ti.cast(full, ti.f32))


@ti.func
def gather_links(
    i,
    last,
    base,
    first,
    rows,
    half,
    leader: ti.template(),
    links: ti.template(),
    count: ti.template(),
    known: ti.template(),
    store: ti.template(),
    stored,
    scratch: ti.template(),
):
    """Add up what the texels met by a group's rays send; return the shares of the known series.

    `half` 1 or 2 takes the rays of every other start, if there are any.
    """
    wanted = half
    if half > 0:
        found = 0
        for other in range(i, last):
            if leader[other] == i and (other & 1) == half - 1:
                found = 1
        wanted *= found
    brings = links_vector(0.0)
    members = 0.0
    for c in range(2 * rows):
        scratch[base + c] = 0.0
    for other in range(i, last):
        if leader[other] == i and (wanted == 0 or (other & 1) == wanted - 1):
            members += 1.0
            for k in ti.static(range(LINK_FLOATS)):
                brings[k] += known[other, 0, k]
            for j in range(count[other, 0]):
                at = links[other, j] * stored + first
                for c in range(rows):
                    word = store[at + c]
                    scratch[base + 2 * c] += ti.cast(word & ti.u32(0xFFFF), ti.f32)
                    scratch[base + 2 * c + 1] += ti.cast(word >> ti.u32(16), ti.f32)
    scale = QUANTUM / (members * ti.cast(links.shape[1], ti.f32))
    for c in range(2 * rows):
        scratch[base + c] *= scale
    return brings / members


@ti.func
def gather_near(
    place,
    which,
    sets,
    base,
    first,
    rows,
    near: ti.template(),
    near_weight: ti.template(),
    part_known: ti.template(),
    part_store: ti.template(),
    stored,
    scratch: ti.template(),
):
    """Mean of what falls on a part and its neighbours; return that of the known series' shares.

    `which` is a set of rays, or their number for all of them.
    """
    brings = links_vector(0.0)
    total = 0.0
    for c in range(2 * rows):
        scratch[base + c] = 0.0
    for k in range(near.shape[1]):
        w = near_weight[place, k]
        if w > 0.0:
            total += w
            other = near[place, k]
            for m in ti.static(range(LINK_FLOATS)):
                brings[m] += w * part_known[other, which, m]
            at = (other * (sets + 1) + which) * stored + first
            for c in range(rows):
                word = part_store[at + c]
                scratch[base + 2 * c] += w * ti.cast(word & ti.u32(0xFFFF), ti.f32)
                scratch[base + 2 * c + 1] += w * ti.cast(word >> ti.u32(16), ti.f32)
    for c in range(2 * rows):
        scratch[base + c] *= QUANTUM / total
    return brings / total


@ti.func
def count_members(i, last, leader: ti.template()):
    """Starts that march with start `i`."""
    members = 0.0
    for other in range(i, last):
        if leader[other] == i:
            members += 1.0
    return members


@ti.func
def fill_incident(
    normal,
    kind,
    brings,
    base,
    sizes,
    series: ti.template(),
    sun: ti.template(),
    node_of: ti.template(),
    scratch: ti.template(),
):
    """Light and longwave that fall on a group in every step of a stage, after its gathered rows.

    Parameters
    ----------
    sun : ndarray, shape (slots + 1, 3)
        Beam times sun direction; `N_SUB` slots a step.
    """
    sub = sizes[N_SUB]
    each = 1.0 / ti.cast(sub, ti.f32)
    every = sizes[N_EVERY]
    lit = base + 2 * (sizes[N_ROWS] + sizes[N_STEPS] + 2)
    for n in range(1, sizes[N_STEPS] + 1):
        word = (n - 1) // every
        c = base + 2 * word
        at = base + 2 * (sizes[N_ROWS] + n)
        short = scratch[c]
        long = scratch[c + 1]
        if every > 1:
            # A word is a mean; inside it series go on as from its neighbours' means to its own.
            inside = (ti.cast(n - 1 - word * every, ti.f32) + 0.5) / ti.cast(every, ti.f32) - 0.5
            before = base + 2 * ti.max(word - 1, 0)
            after = base + 2 * ti.min(word + 1, sizes[N_ROWS] - 1)
            short += inside * limited_slope(scratch[before], short, scratch[after])
            long += inside * limited_slope(scratch[before + 1], long, scratch[after + 1])
        beam = 0.0
        for k in range((n - 1) * sub + 1, n * sub + 1):
            if node_of[k] >= 0:
                on = normal.x * sun[k, 0] + normal.y * sun[k, 1] + normal.z * sun[k, 2]
                if kind == LEAF:
                    # The mean over leaves that face every way, on one side
                    on = 0.25 * tm.length(tm.vec3(sun[k, 0], sun[k, 1], sun[k, 2]))
                beam += ti.max(on, 0.0) * scratch[lit + node_of[k]]
        scratch[at] = (
            short
            + each * beam
            + brings[L_ISOTROPIC] * series[F_ISOTROPIC, n]
            + brings[L_BAND] * series[F_BAND, n]
            + brings[L_BORDER] * series[F_BORDER_SHORT, n]
            + brings[L_UNKNOWN] * REFLECTED * series[F_GLOBAL, n]
        )
        scratch[at + 1] = (
            long
            + brings[L_AIR] * series[F_AIR_RADIATION, n]
            + brings[L_SKY] * series[F_SKY, n]
            + brings[L_BORDER] * series[F_BORDER_LONG, n]
            + brings[L_UNKNOWN] * series[F_SURROUNDINGS, n]
        )


@ti.func
def reflect_light(
    albedo, kind, base, scratch: ti.template(), series: ti.template(), sizes, switches
):
    """Add the light that a texel sends back to its stored rows."""
    factor = albedo / ti.cast(sizes[N_EVERY], ti.f32)
    at_1 = base + 2 * (sizes[N_ROWS] + 1)
    for n in range(1, sizes[N_STEPS] + 1):
        light = scratch[at_1 + 2 * (n - 1)]
        if switches[O_UNSHADED] == 1 and kind == GROUND:
            light = series[F_GLOBAL, n]
        scratch[base + 2 * ((n - 1) // sizes[N_EVERY])] += factor * light


@ti.func
def write_series(
    texel,
    base,
    stored,
    store: ti.template(),
    fresh_store: ti.template(),
    scratch: ti.template(),
    sizes,
    light_only,
):
    """Pack what leaves a texel, further along the way that it went since the iterate before."""
    relax = 0.001 * ti.cast(sizes[N_RELAX], ti.f32)
    for c in range(sizes[N_ROWS]):
        at = texel * stored + sizes[N_FIRST] + c
        word = store[at]
        short_old = ti.cast(word & ti.u32(0xFFFF), ti.f32)
        long_old = ti.cast(word >> ti.u32(16), ti.f32)
        short_new = scratch[base + 2 * c] / QUANTUM
        long_new = scratch[base + 2 * c + 1] / QUANTUM
        short = ti.cast(short_new + relax * (short_new - short_old) + 0.5, ti.i32)
        long = ti.cast(long_new + relax * (long_new - long_old) + 0.5, ti.i32)
        low = ti.cast(ti.min(ti.max(short, 0), MOST), ti.u32)
        high = ti.cast(ti.min(ti.max(long, 0), MOST), ti.u32)
        if light_only == 1:
            high = word >> ti.u32(16)
        fresh_store[at] = low | (high << ti.u32(16))
