"""The march of texels, pixels and patches of wall from their links: one gather, one march.

A group of starts adds up the series that fall on it and marches the full balance of each of its
constructions. A texel writes the series that leave it, all others the temperatures asked for.
Groups and constructions make units, and `LANES` units march side by side.
"""

from heatmat.kernels.field_incident import (
    N_DAY,
    N_EVERY,
    N_FIRST,
    N_LAST,
    N_NODES,
    N_PASSES,
    N_PERIODIC,
    N_ROWS,
    N_STEPS,
    fill_lanes,
    gather_links,
    gather_near,
    lit_shares,
    sizes_vector,
    write_series,
)
from heatmat.kernels.gather import physics_vector, switches_vector
from heatmat.kernels.heightfield import GROUND, LEAF
from heatmat.kernels.lanes import (
    LANES,
    N_AFTER,
    N_FREE,
    N_FREE_BEFORE,
    N_KNOWN,
    N_SENT,
    R_BRINGS,
    R_EMISSION,
    R_LEAF,
    R_NX,
    R_PASS,
    R_REFLECT,
    R_SLAB,
    R_STEADY,
    R_WEIGHT,
    S_DRIFT,
    S_EMITTED,
    S_EXCHANGE,
    S_KNOWN_BEFORE,
    S_MODES,
    S_PERIODIC,
    S_START,
    S_SUM_FLUX,
    S_SUM_SLOPE,
    S_THETA,
    STATE_ROWS,
    STEP_ROWS,
    STILL_ROWS,
    lane_constants,
    lane_load,
    lane_periodic,
    lane_save,
    step_lanes,
)
from heatmat.kernels.layout import (
    C_EMISSIVITY,
    LINEAR,
    M_GAIN,
    MODES,
    O_LINEAR,
    O_SUN_BITS,
    O_UNSHADED,
    ORIENTATIONS,
    P_BASE,
    S_NX,
    S_NY,
    S_NZ,
    S_PA,
    S_WIND,
    T_KIND,
)
from heatmat.kernels.paths import U2, orientation_class
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.kernels.texels import LINK_FLOATS
from heatmat.runtime import task_stride, ti, tm

# What a surface hands from stage to stage: the first columns of `kernels.layout`'s states.
GROUP_STATE = 14

# Columns of a unit: its place, the first of its starts, which set of rays falls on it,
# construction; units of its texel from this one on (0: not the first of them); 1 unless it only
# fills a block
U_PLACE, U_START, U_WHICH, U_CONSTRUCTION, U_COUNT, U_OWN = range(6)
UNIT_INTS = 6


@ti.kernel
def march_units(
    texels: ti.template(),
    mode: ti.template(),
    units: I2,
    unit_weight: F1,
    start_f: F2,
    start_i: I2,
    leader: I1,
    links: I2,
    count: I2,
    known: F3,
    bits: U2,
    near: I2,
    near_weight: F2,
    part_known: F3,
    store: U1,
    stored: ti.i32,
    fresh_store: U1,
    scratch: F1,
    begin: F2,
    state: F2,
    series: F2,
    sun: F2,
    node_of: I1,
    free: F2,
    modes: F2,
    properties: F2,
    classes: F3,
    out: F2,
    out_of_step: I1,
    workers: ti.i32,
    count_blocks: ti.i32,
    samples: ti.i32,
    light_only: ti.i32,
    sizes: sizes_vector,
    physics: physics_vector,
    switches: switches_vector,
):
    """March every unit through one stage.

    Parameters
    ----------
    texels : int, compiled in
        1: write the series that leave; 0: the temperatures.
    mode : int, compiled in
        Convection model.
    units : ndarray, shape (units, UNIT_INTS)
        A whole number of blocks of `LANES`; those of a texel lie in one block.
    unit_weight : ndarray
        Share of the unit's construction in its texel.
    leader : ndarray, shape (starts,)
        First of the starts that are marched together.
    store, fresh_store : ndarray of uint32
        Series that leave the texels, read and written: `stored` words a texel.
    scratch : ndarray
        `field_incident.lane_words` numbers a lane.
    begin, state : ndarray, shape (units, GROUP_STATE)
        Read where the stage does not begin anew, written at its end.
    near, near_weight, part_known : ndarray
        See `heatmat.kernels.field_gather`; of places, which read that module's series in `store`.
    out : ndarray, shape (units, times)
        Temperatures, as departures from the base.
    workers, count_blocks : int
        Loops that share out the blocks; `scratch` has room for one block each.
    light_only : int
        1: leave the longwave as it is and march nothing.
    sizes : vector
        Steps; slots of sun a step; steps a stored word; steps of a day; 1 to repeat the first day
        until periodic, 2 to go on from what an earlier iterate left in `begin`; first stored
        word; stored words; 1 if the stage has output times; sun positions; passes of the
        first day; by how much of its change an iterate goes further, in thousandths; the step whose
        state the next stage begins with; 1 or 2 to take the rays of every other start of a texel.
    """
    sets = count.shape[1]
    rows = sizes[N_ROWS]
    for each in range(workers * ti.static(task_stride())):
        if each % ti.static(task_stride()) != 0:
            continue
        worker = each // ti.static(task_stride())
        # Gathered series, what leaves, what is absorbed, lit shares: rows of lanes.
        gathered = worker * LANES * (4 * rows + sizes[N_STEPS] + 2 + sizes[N_NODES])
        leaving = gathered + 2 * rows * LANES
        absorbed = leaving + 2 * rows * LANES
        lit = absorbed + (sizes[N_STEPS] + 2) * LANES
        first = worker * count_blocks // workers
        for block in range(first, (worker + 1) * count_blocks // workers):
            unit = block * LANES
            c = ti.Vector([0.0] * (STILL_ROWS * LANES))
            s = ti.Vector([0.0] * (STATE_ROWS * LANES))
            for lane in range(LANES):
                i = units[unit + lane, U_START]
                place = units[unit + lane, U_PLACE]
                last = (place + 1) * samples
                normal = tm.vec3(start_f[i, S_NX], start_f[i, S_NY], start_f[i, S_NZ])
                construction = units[unit + lane, U_CONSTRUCTION]
                lane_constants(
                    c, lane, construction, normal, start_f[i, S_WIND], start_f[i, S_PA], properties,
                    modes, physics, mode,
                )  # fmt: skip
                weight = unit_weight[unit + lane]
                c[R_WEIGHT * LANES + lane] = weight
                c[R_LEAF * LANES + lane] = 0.0
                if start_i[i, T_KIND] == LEAF:
                    c[R_LEAF * LANES + lane] = 1.0
                c[R_REFLECT * LANES + lane] *= weight
                c[R_PASS * LANES + lane] = weight * (1.0 - properties[construction, C_EMISSIVITY])
                same = 0
                if lane > 0:
                    if units[unit + lane - 1, U_PLACE] == place and (
                        units[unit + lane - 1, U_WHICH] == units[unit + lane, U_WHICH]
                    ):
                        same = 1
                        if units[unit + lane - 1, U_START] == i:
                            same = 2
                if same > 0:
                    copy_lane(lane, gathered, 2 * rows, scratch)
                    for k in range(LINK_FLOATS):
                        c[(R_BRINGS + k) * LANES + lane] = c[(R_BRINGS + k) * LANES + lane - 1]
                else:
                    if ti.static(texels):
                        gather_links(
                            c, lane, i, last, gathered, sizes, leader, links, count, known, store,
                            stored, scratch,
                        )  # fmt: skip
                    else:
                        gather_near(
                            c, lane, place, units[unit + lane, U_WHICH], sets, gathered, sizes,
                            near, near_weight, part_known, store, stored, scratch,
                        )  # fmt: skip
                if same == 2:
                    copy_lane(lane, lit, sizes[N_NODES], scratch)
                else:
                    lit_shares(
                        lane, i, last, sizes[N_NODES], lit, leader, bits, scratch,
                        switches[O_SUN_BITS],
                    )  # fmt: skip
            unshaded = ti.Vector([0.0] * LANES)
            if switches[O_UNSHADED] == 1:
                for lane in range(LANES):
                    if start_i[units[unit + lane, U_START], T_KIND] == GROUND:
                        unshaded[lane] = 1.0
            fill_lanes(
                texels, c, unshaded, gathered, leaving, absorbed, lit, sizes, series, sun, node_of,
                scratch,
            )  # fmt: skip
            if light_only == 0:
                march_block(
                    texels, mode, c, s, unit, leaving, absorbed, units, scratch, begin, state,
                    series, free, modes, classes, out, out_of_step, sizes, physics, switches,
                )  # fmt: skip
            if ti.static(texels):
                at = ti.Vector([0] * LANES)
                number = ti.Vector([0] * LANES)
                for q in range(LANES):
                    at[q] = units[unit + q, U_PLACE] * stored + sizes[N_FIRST]
                    number[q] = units[unit + q, U_COUNT]
                write_series(
                    at, number, leaving, store, fresh_store, scratch, sizes, light_only
                )  # fmt: skip


@ti.func
def copy_lane(lane, base, rows, scratch: ti.template()):
    """What falls on a lane is what falls on the one before."""
    for row in range(rows):
        scratch[base + row * LANES + lane] = scratch[base + row * LANES + lane - 1]


@ti.func
def first_guess(
    c: ti.template(), s: ti.template(), unit, absorbed, units: ti.template(),
    scratch: ti.template(), free: ti.template(), modes: ti.template(), classes: ti.template(),
    physics,
):  # fmt: skip
    """Surfaces at the mean of the first day of their class, in a steady state."""
    for lane in range(LANES):
        construction = units[unit + lane, U_CONSTRUCTION]
        normal = tm.vec3(
            c[R_NX * LANES + lane], c[(R_NX + 1) * LANES + lane], c[(R_NX + 2) * LANES + lane]
        )
        k = 2 * (construction * ORIENTATIONS + orientation_class(normal))
        theta = 0.5 * (classes[k, 0, 0] + classes[k + 1, 0, 0])
        flux = 0.0
        if c[R_SLAB * LANES + lane] > 0.5:
            flux = (theta - free[construction, 0]) / c[R_STEADY * LANES + lane]
        for m in range(MODES):
            s[(S_MODES + m) * LANES + lane] = modes[construction, M_GAIN + m] * flux
        t = theta + physics[P_BASE]
        known = scratch[absorbed + LANES + lane]
        s[S_THETA * LANES + lane] = theta
        s[S_EMITTED * LANES + lane] = c[R_EMISSION * LANES + lane] * t * t * t * t
        s[S_KNOWN_BEFORE * LANES + lane] = known
        s[S_EXCHANGE * LANES + lane] = flux - known


@ti.func
def march_block(
    texels: ti.template(),
    mode: ti.template(),
    c: ti.template(),
    s: ti.template(),
    unit,
    leaving,
    absorbed,
    units: ti.template(),
    scratch: ti.template(),
    begin: ti.template(),
    state: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    classes: ti.template(),
    out: ti.template(),
    out_of_step: ti.template(),
    sizes,
    physics,
    switches,
):
    """March a block of units through a stage, with the full balance."""
    t = ti.Vector([0.0] * (STEP_ROWS * LANES))
    steps = sizes[N_STEPS]
    every = sizes[N_EVERY]
    calm = 0.0  # what more a lane may move without another pass
    if ti.static(mode == LINEAR):
        if switches[O_LINEAR] == 1:
            calm = 1e9
    passes = 1
    if sizes[N_PERIODIC] == 1:
        passes = sizes[N_PASSES]
        first_guess(c, s, unit, absorbed, units, scratch, free, modes, classes, physics)
    else:
        for lane in range(LANES):
            lane_load(s, lane, begin, unit + lane)
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        number = steps
        if not last_turn:
            number = sizes[N_DAY]
        for k in range(MODES * LANES):
            s[S_START * LANES + k] = s[S_MODES * LANES + k]
        for k in range((S_SUM_SLOPE + 1 - S_SUM_FLUX) * LANES):
            s[S_SUM_FLUX * LANES + k] = 0.0
        for q in range(LANES):
            s[S_DRIFT * LANES + q] = 0.0
            t[N_FREE_BEFORE * LANES + q] = free[units[unit + q, U_CONSTRUCTION], 0]
            t[N_AFTER * LANES + q] = scratch[absorbed + LANES + q]
        if last_turn and sizes[N_PERIODIC] >= 1:
            # What a later iterate begins with.
            for lane in range(LANES):
                lane_save(s, lane, begin, unit + lane)
        for n in range(1, number + 1):
            for q in range(LANES):
                t[N_KNOWN * LANES + q] = t[N_AFTER * LANES + q]
            for q in range(LANES):
                t[N_AFTER * LANES + q] = scratch[absorbed + (n + 1) * LANES + q]
            for q in range(LANES):
                t[N_FREE * LANES + q] = free[units[unit + q, U_CONSTRUCTION], n]
            step_lanes(c, s, t, series, n, calm, physics, switches, mode)
            if n == sizes[N_DAY] and sizes[N_PERIODIC] >= 1:
                for lane in range(LANES):
                    lane_periodic(c, s, lane, n, units[unit + lane, U_CONSTRUCTION], modes)
            if last_turn:
                if ti.static(texels):
                    each = 1.0 / ti.cast(every, ti.f32)
                    at = leaving + (2 * ((n - 1) // every) + 1) * LANES
                    for q in range(LANES):
                        scratch[at + q] += each * c[R_WEIGHT * LANES + q] * t[N_SENT * LANES + q]
                else:
                    o = out_of_step[n]
                    if o >= 0:
                        for q in range(LANES):
                            out[unit + q, o] = s[S_THETA * LANES + q]
                if n == sizes[N_LAST]:
                    for lane in range(LANES):
                        lane_save(s, lane, state, unit + lane)
        if not last_turn:
            for k in range(MODES * LANES):
                s[S_MODES * LANES + k] = s[S_PERIODIC * LANES + k]
        elif sizes[N_PERIODIC] >= 1:
            for lane in range(LANES):
                for k in range(MODES):
                    begin[unit + lane, k] = s[(S_PERIODIC + k) * LANES + lane]
        turn += 1
