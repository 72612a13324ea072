"""What falls on the lanes of a block (links or neighbours, sun, known series); what leaves texels.

A lane is a group of starts with one construction. Series of a block are rows of `LANES` numbers.
"""

from heatmat.kernels.lanes import (
    LANES,
    R_ABSORPTANCE,
    R_BRINGS,
    R_EMISSIVITY,
    R_LEAF,
    R_NX,
    R_NY,
    R_NZ,
    R_PASS,
    R_REFLECT,
    slope_within,
)
from heatmat.kernels.layout import (
    F_AIR_RADIATION,
    F_BAND,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SURROUNDINGS,
)
from heatmat.kernels.linear import REFLECTED
from heatmat.kernels.starts import U1
from heatmat.kernels.texels import (
    L_AIR,
    L_BAND,
    L_BORDER,
    L_ISOTROPIC,
    L_SKY,
    L_UNKNOWN,
    LINK_FLOATS,
)
from heatmat.runtime import ti

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

RUN = 32
"""Words that are added up at a time."""

LINK_RUN = 64
"""The same along links, whose series lie anywhere in memory."""


@ti.kernel
def repeat_series(row: U1, store: U1):
    """Give every texel the same series, of as many words as `row` has."""
    for i in range(store.shape[0]):
        store[i] = row[i % row.shape[0]]


@ti.func
def lit_shares(
    lane,
    i,
    last,
    nodes,
    base,
    leader: ti.template(),
    bits: ti.template(),
    scratch: ti.template(),
    size,
):
    """Share of the sun that a group's starts see, at every node; `size` as `layout.SUN_BIT`."""
    members = 0.0
    for other in range(i, last):
        if leader[other] == i:
            members += 1.0
    full = 1
    if size > 0:
        full = 255
    each = 1.0 / (ti.max(members, 1.0) * ti.cast(full, ti.f32))
    if size == 0:
        for word in range((nodes + 31) // 32):
            lit = ti.Vector([0] * 32)
            for other in range(i, last):
                if leader[other] == i:
                    value = bits[other, word]
                    for b in range(32):
                        lit[b] += ti.cast(value >> ti.cast(b, ti.u32), ti.i32) & 1
            for b in range(ti.min(32, nodes - 32 * word)):
                scratch[base + (32 * word + b) * LANES + lane] = each * ti.cast(lit[b], ti.f32)
    else:
        for word in range((nodes + 3) // 4):
            even = ti.u32(0)
            odd = ti.u32(0)
            for other in range(i, last):
                if leader[other] == i:
                    even += bits[other, word] & ti.u32(0x00FF00FF)
                    odd += (bits[other, word] >> ti.u32(8)) & ti.u32(0x00FF00FF)
            for b in range(ti.min(4, nodes - 4 * word)):
                two = ti.select((b & 1) == 1, odd, even)
                value = (two >> ti.cast(8 * (b & 2), ti.u32)) & ti.u32(0xFFFF)
                at = base + (4 * word + b) * LANES + lane
                scratch[at] = each * ti.cast(ti.cast(value, ti.i32), ti.f32)


@ti.func
def gather_links(
    c: ti.template(),
    lane,
    i,
    last,
    base,
    sizes,
    leader: ti.template(),
    links: ti.template(),
    count: ti.template(),
    known: ti.template(),
    store: ti.template(),
    stored,
    scratch: ti.template(),
):
    """Add up what the texels met by a group's rays send, and the shares of the known series.

    Half 1 or 2 takes the rays of every other start, if there are any.
    """
    half = sizes[N_HALF]
    rows = sizes[N_ROWS]
    wanted = half
    if half > 0:
        found = 0
        for other in range(i, last):
            if leader[other] == i and (other & 1) == half - 1:
                found = 1
        wanted *= found
    brings = links_vector(0.0)
    members = 0.0
    for other in range(i, last):
        if leader[other] == i and (wanted == 0 or (other & 1) == wanted - 1):
            members += 1.0
            for k in ti.static(range(LINK_FLOATS)):
                brings[k] += known[other, 0, k]
    members = ti.max(members, 1.0)
    for k in ti.static(range(LINK_FLOATS)):
        c[(R_BRINGS + k) * LANES + lane] = brings[k] / members
    scale = QUANTUM / (members * ti.cast(links.shape[1], ti.f32))
    for run in range((rows + LINK_RUN - 1) // LINK_RUN):
        low = ti.Vector([0] * LINK_RUN)
        high = ti.Vector([0] * LINK_RUN)
        size = ti.min(LINK_RUN, rows - run * LINK_RUN)
        for other in range(i, last):
            if leader[other] == i and (wanted == 0 or (other & 1) == wanted - 1):
                for j in range(count[other, 0]):
                    at = links[other, j] * stored + sizes[N_FIRST] + run * LINK_RUN
                    for r in range(size):
                        word = store[at + r]
                        low[r] += ti.cast(word & ti.u32(0xFFFF), ti.i32)
                        high[r] += ti.cast(word >> ti.u32(16), ti.i32)
        for r in range(size):
            at = base + 2 * (run * LINK_RUN + r) * LANES + lane
            scratch[at] = scale * ti.cast(low[r], ti.f32)
            scratch[at + LANES] = scale * ti.cast(high[r], ti.f32)


@ti.func
def gather_near(
    c: ti.template(),
    lane,
    place,
    which,
    sets,
    base,
    sizes,
    near: ti.template(),
    near_weight: ti.template(),
    part_known: ti.template(),
    part_store: ti.template(),
    stored,
    scratch: ti.template(),
):
    """Mean of what falls on a part and its neighbours, and of the known series' shares.

    `which` is a set of rays, or their number for all of them.
    """
    rows = sizes[N_ROWS]
    brings = links_vector(0.0)
    total = 0.0
    number = 0
    for k in range(near.shape[1]):
        w = near_weight[place, k]
        if w > 0.0:
            total += w
            number = k + 1
            for m in ti.static(range(LINK_FLOATS)):
                brings[m] += w * part_known[near[place, k], which, m]
    for k in ti.static(range(LINK_FLOATS)):
        c[(R_BRINGS + k) * LANES + lane] = brings[k] / total
    scale = QUANTUM / total
    for run in range((rows + RUN - 1) // RUN):
        low = ti.Vector([0.0] * RUN)
        high = ti.Vector([0.0] * RUN)
        size = ti.min(RUN, rows - run * RUN)
        for k in range(number):
            w = near_weight[place, k]
            at = (near[place, k] * (sets + 1) + which) * stored + sizes[N_FIRST] + run * RUN
            for r in range(size):
                word = part_store[at + r]
                low[r] += w * ti.cast(ti.cast(word & ti.u32(0xFFFF), ti.i32), ti.f32)
                high[r] += w * ti.cast(ti.cast(word >> ti.u32(16), ti.i32), ti.f32)
        for r in range(size):
            at = base + 2 * (run * RUN + r) * LANES + lane
            scratch[at] = scale * low[r]
            scratch[at + LANES] = scale * high[r]


@ti.func
def load_row(v: ti.template(), row, base, scratch: ti.template()):
    """One row of a block into row `row` of a local array."""
    for q in range(LANES):
        v[row * LANES + q] = scratch[base + q]


@ti.func
def fill_lanes(
    texels: ti.template(),
    c: ti.template(),
    unshaded: ti.template(),
    gathered,
    leaving,
    absorbed,
    lit,
    sizes,
    series: ti.template(),
    sun: ti.template(),
    node_of: ti.template(),
    scratch: ti.template(),
):
    """What the lanes absorb in every step of a stage; of texels, what they reflect and pass on.

    Parameters
    ----------
    texels : int, compiled in
    unshaded : vector
        1 where the light of open ground is reflected, whatever falls there.
    gathered, leaving, absorbed, lit : int
        Where in `scratch` their rows begin.
    sun : ndarray, shape (slots + 1, 3)
        Beam times sun direction; `N_SUB` slots a step.
    """
    sub = sizes[N_SUB]
    each = 1.0 / ti.cast(sub, ti.f32)
    every = sizes[N_EVERY]
    rows = sizes[N_ROWS]
    steps = sizes[N_STEPS]
    a = ti.Vector([0.0] * (6 * LANES))
    share = ti.Vector([0.0] * LANES)
    beam = ti.Vector([0.0] * LANES)
    takes = ti.Vector([0.0] * LANES)
    sends = ti.Vector([0.0] * (2 * LANES))
    for n in range(1, steps + 1):
        word = (n - 1) // every
        if (n - 1) == word * every:
            load_row(a, 0, gathered + 2 * ti.max(word - 1, 0) * LANES, scratch)
            load_row(a, 1, gathered + (2 * ti.max(word - 1, 0) + 1) * LANES, scratch)
            load_row(a, 2, gathered + 2 * word * LANES, scratch)
            load_row(a, 3, gathered + (2 * word + 1) * LANES, scratch)
            load_row(a, 4, gathered + 2 * ti.min(word + 1, rows - 1) * LANES, scratch)
            load_row(a, 5, gathered + (2 * ti.min(word + 1, rows - 1) + 1) * LANES, scratch)
            for q in range(2 * LANES):
                sends[q] = 0.0
        # A word is a mean; inside it series go on as from its neighbours' means to its own.
        inside = (ti.cast(n - 1 - word * every, ti.f32) + 0.5) / ti.cast(every, ti.f32) - 0.5
        for q in range(LANES):
            beam[q] = 0.0
        for k in range((n - 1) * sub + 1, n * sub + 1):
            if node_of[k] >= 0:
                load_row(share, 0, lit + node_of[k] * LANES, scratch)
                x = each * sun[k, 0]
                y = each * sun[k, 1]
                z = each * sun[k, 2]
                # The mean over leaves that face every way, on one side
                leaf = 0.25 * ti.sqrt(x * x + y * y + z * z)
                for q in range(LANES):
                    on = c[R_NX * LANES + q] * x + c[R_NY * LANES + q] * y
                    on = ti.max(on + c[R_NZ * LANES + q] * z, 0.0)
                    on += c[R_LEAF * LANES + q] * (leaf - on)
                    beam[q] += on * share[q]
        isotropic = series[F_ISOTROPIC, n]
        band = series[F_BAND, n]
        border_short = series[F_BORDER_SHORT, n]
        world = series[F_GLOBAL, n]
        air = series[F_AIR_RADIATION, n]
        sky = series[F_SKY, n]
        border_long = series[F_BORDER_LONG, n]
        around = series[F_SURROUNDINGS, n]
        for q in range(LANES):
            short = a[2 * LANES + q] + beam[q]
            short += inside * slope_within(a[q], a[2 * LANES + q], a[4 * LANES + q])
            long = a[3 * LANES + q]
            long += inside * slope_within(a[LANES + q], a[3 * LANES + q], a[5 * LANES + q])
            short += c[(R_BRINGS + L_ISOTROPIC) * LANES + q] * isotropic
            short += c[(R_BRINGS + L_BAND) * LANES + q] * band
            short += c[(R_BRINGS + L_BORDER) * LANES + q] * border_short
            short += c[(R_BRINGS + L_UNKNOWN) * LANES + q] * (REFLECTED * world)
            long += c[(R_BRINGS + L_AIR) * LANES + q] * air
            long += c[(R_BRINGS + L_SKY) * LANES + q] * sky
            long += c[(R_BRINGS + L_BORDER) * LANES + q] * border_long
            long += c[(R_BRINGS + L_UNKNOWN) * LANES + q] * around
            takes[q] = c[R_ABSORPTANCE * LANES + q] * short + c[R_EMISSIVITY * LANES + q] * long
            if ti.static(texels):
                light = short + unshaded[q] * (world - short)
                sends[q] += c[R_REFLECT * LANES + q] * light
                sends[LANES + q] += c[R_PASS * LANES + q] * long
        for q in range(LANES):
            scratch[absorbed + n * LANES + q] = takes[q]
        if ti.static(texels):
            if n == (word + 1) * every or n == steps:
                part = 1.0 / ti.cast(every, ti.f32)
                for q in range(2 * LANES):
                    scratch[leaving + 2 * word * LANES + q] = part * sends[q]
    for q in range(LANES):
        scratch[absorbed + (steps + 1) * LANES + q] = takes[q]


@ti.func
def write_series(
    at: ti.template(),
    units: ti.template(),
    base,
    store: ti.template(),
    fresh_store: ti.template(),
    scratch: ti.template(),
    sizes,
    light_only,
):
    """Pack what leaves a block's texels, further along the way since the iterate before.

    Parameters
    ----------
    at, units : vector
        Of every lane, the first word of its texel, and the lanes of it from there on: 0 where
        another lane has that texel.
    """
    relax = 0.001 * ti.cast(sizes[N_RELAX], ti.f32)
    scale = 1.0 / QUANTUM
    old = ti.Vector([0] * LANES)
    new = ti.Vector([0] * LANES)
    short = ti.Vector([0.0] * LANES)
    long = ti.Vector([0.0] * LANES)
    for q in range(LANES):
        for k in range(q + 1, q + units[q]):
            for row in range(2 * sizes[N_ROWS]):
                scratch[base + row * LANES + q] += scratch[base + row * LANES + k]
    for row in range(sizes[N_ROWS]):
        if sizes[N_RELAX] > 0 or light_only == 1:
            for q in range(LANES):
                old[q] = ti.cast(store[at[q] + row], ti.i32)
        load_row(short, 0, base + 2 * row * LANES, scratch)
        load_row(long, 0, base + (2 * row + 1) * LANES, scratch)
        for q in range(LANES):
            before = ti.cast(old[q] & 0xFFFF, ti.f32)
            a = scale * short[q] + relax * (scale * short[q] - before)
            before = ti.cast((old[q] >> 16) & 0xFFFF, ti.f32)
            b = scale * long[q] + relax * (scale * long[q] - before)
            low = ti.min(ti.max(ti.cast(a + 0.5, ti.i32), 0), MOST)
            high = ti.min(ti.max(ti.cast(b + 0.5, ti.i32), 0), MOST)
            high = ti.select(light_only == 1, (old[q] >> 16) & 0xFFFF, high)
            new[q] = low | (high << 16)
        for q in range(LANES):
            if units[q] > 0:
                fresh_store[at[q] + row] = ti.cast(new[q], ti.u32)
