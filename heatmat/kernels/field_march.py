"""The march of texels, pixels and patches of wall from their links: one gather, one march.

A group of starts (the samples of a texel, or of one replicate of a pixel) adds up the series of
the texels that its rays met, and marches the full balance of each of its constructions. A texel
writes the series that leave it, all others the temperatures asked for.
"""

from heatmat.kernels.gather import physics_vector, switches_vector
from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    F_AIR_RADIATION,
    F_BAND,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_PRIESTLEY_TAYLOR,
    F_SKY,
    F_SURROUNDINGS,
    M_GAIN,
    MAX_ENTRIES,
    MODES,
    O_CONVECTION,
    O_UNSHADED,
    ORIENTATIONS,
    P_BASE,
    S_NX,
    S_NY,
    S_NZ,
    S_PA,
    S_WIND,
    SLAB,
    T_COMPOSITION,
    T_KIND,
)
from heatmat.kernels.linear import REFLECTED
from heatmat.kernels.march import DRIFT, load_surface, periodic_start, save_surface
from heatmat.kernels.paths import U2, orientation_class
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.kernels.surface_step import Surface, film_of, slab_of, surface_step
from heatmat.kernels.texels import (
    L_AIR,
    L_BAND,
    L_BORDER,
    L_ISOTROPIC,
    L_SKY,
    L_UNKNOWN,
    LINK_FLOATS,
)
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti, tm

# Series of texels are whole numbers of this [W m-2], light in the lower half of a word: 0.002 K.
QUANTUM = 0.03125
MOST = 65535

# A pass of the first day that moved the starts of the modes by less, in sum [K], is the last but
# one.
PERIODIC = 0.05

# What a surface hands from stage to stage: the first columns of `kernels.layout`'s states.
GROUP_STATE = 14

# Rows of `out` after the temperatures of the sets
Z_EMITTED, Z_GROUND, Z_ROOF = range(3)
OUT_MORE = 3

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
    N_LAG,
    N_RELAX,
) = range(12)
STAGE_INTS = 12
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
):
    """Share of a group's starts that see the sun, at every node."""
    for node in range(nodes):
        lit = ti.u32(0)
        for other in range(i, last):
            if leader[other] == i:
                lit += (bits[other, node >> 5] >> ti.cast(node & 31, ti.u32)) & ti.u32(1)
        scratch[base + node] = ti.cast(lit, ti.f32) / members


@ti.func
def gather_links(
    i,
    last,
    base,
    first,
    rows,
    leader: ti.template(),
    links: ti.template(),
    count: ti.template(),
    known: ti.template(),
    store: ti.template(),
    stored,
    scratch: ti.template(),
):
    """Add up what the texels met by a group's rays send; return the shares of the known series."""
    brings = links_vector(0.0)
    members = 0.0
    for c in range(2 * rows):
        scratch[base + c] = 0.0
    for other in range(i, last):
        if leader[other] == i:
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


@ti.kernel
def march_groups(
    start_f: F2,
    start_i: I2,
    leader: I1,
    links: I2,
    count: I2,
    known: F3,
    bits: U2,
    split: I1,
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
    entries: I2,
    shares: F2,
    classes: F3,
    out: F3,
    weights: F2,
    out_of_step: I1,
    first_place: ti.i32,
    count_places: ti.i32,
    samples: ti.i32,
    row_entries: ti.i32,
    texels: ti.i32,
    light_only: ti.i32,
    sizes: sizes_vector,
    physics: physics_vector,
    switches: switches_vector,
):
    """March every group of starts through one stage.

    Parameters
    ----------
    leader : ndarray, shape (starts,)
        First of the starts that are marched together.
    split : ndarray, shape (places,)
        1: march each set of rays for itself, to tell the error of their mean.
    store, fresh_store : ndarray of uint32
        Series that leave the texels, read and written: `stored` words a texel.
    begin, state : ndarray, shape (groups x row_entries, GROUP_STATE)
        Read where the stage does not begin anew, and written at its end. Groups are the texels if `texels` is 1, else the starts.
    near, near_weight, part_known : ndarray
        See `heatmat.kernels.field_gather`; of places, which read that module's series in `store`.
    out : ndarray, shape (places, sets + OUT_MORE, times)
        Sums of temperatures; `weights` (places, sets + OUT_MORE) those of their weights.
    first_place, count_places : int
        Places of this launch; `scratch` has room for so many.
    texels : int
        1: write the series that leave; 0: the temperatures.
    light_only : int
        1: leave the longwave as it is and march nothing.
    sizes : vector
        Steps; slots of sun a step; steps a stored word; steps of a day; 1 to repeat the first day
        until periodic, 2 to go on from what an earlier iterate left in `begin`; first stored
        word; stored words; 1 if the stage has output times; sun positions; most passes of the
        first day; by how much of a step the ground flux is extrapolated, and by how much of its
        change an iterate goes further, in thousandths.
    """
    sets = count.shape[1]
    width = 2 * (sizes[N_ROWS] + sizes[N_STEPS] + 2) + sizes[N_NODES]
    for here in range(count_places):
        place = first_place + here
        base = here * width
        lit = base + width - sizes[N_NODES]
        turns = 1
        if split[place] == 1:
            turns = sets
        last = (place + 1) * samples
        for i in range(place * samples, last):
            if leader[i] == i:
                normal = tm.vec3(start_f[i, S_NX], start_f[i, S_NY], start_f[i, S_NZ])
                kind = start_i[i, T_KIND]
                composition = start_i[i, T_COMPOSITION]
                members = count_members(i, last, leader)
                for turn in range(turns):
                    brings = links_vector(0.0)
                    if texels == 1:
                        brings = gather_links(
                            i,
                            last,
                            base,
                            sizes[N_FIRST],
                            sizes[N_ROWS],
                            leader,
                            links,
                            count,
                            known,
                            store,
                            stored,
                            scratch,
                        )
                    else:
                        which = turn
                        if turns == 1:
                            which = sets
                        brings = gather_near(
                            place,
                            which,
                            sets,
                            base,
                            sizes[N_FIRST],
                            sizes[N_ROWS],
                            near,
                            near_weight,
                            part_known,
                            store,
                            stored,
                            scratch,
                        )
                    lit_shares(i, last, sizes[N_NODES], members, lit, leader, bits, scratch)
                    fill_incident(normal, brings, base, sizes, series, sun, node_of, scratch)
                    row = i * sets + turn
                    weight = members
                    if texels == 1:
                        row = place
                        weight = 1.0
                        for c in range(2 * sizes[N_ROWS]):
                            scratch[base + c] = 0.0
                    for entry in range(MAX_ENTRIES):
                        share = shares[composition, entry]
                        if share > 0.0 and texels == 1:
                            reflect_light(
                                share * properties[entries[composition, entry], C_ALBEDO],
                                kind,
                                base,
                                scratch,
                                series,
                                sizes,
                                switches,
                            )
                        if share > 0.0 and light_only == 0:
                            march_entry(
                                place,
                                turn,
                                sets,
                                row * row_entries + entry,
                                share * weight,
                                entries[composition, entry],
                                kind,
                                normal,
                                start_f[i, S_WIND],
                                start_f[i, S_PA],
                                base,
                                scratch,
                                begin,
                                state,
                                series,
                                free,
                                modes,
                                properties,
                                classes,
                                out,
                                weights,
                                out_of_step,
                                texels,
                                sizes,
                                physics,
                                switches,
                            )
                if texels == 1:
                    write_series(
                        place, base, stored, store, fresh_store, scratch, sizes, light_only
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


@ti.func
def march_entry(
    place,
    row_out,
    sets,
    state_row,
    weight,
    construction,
    kind,
    normal,
    wind,
    perimeter_over_area,
    base,
    scratch: ti.template(),
    begin: ti.template(),
    state: ti.template(),
    series: ti.template(),
    free: ti.template(),
    modes: ti.template(),
    properties: ti.template(),
    classes: ti.template(),
    out: ti.template(),
    weights: ti.template(),
    out_of_step: ti.template(),
    texels,
    sizes,
    physics,
    switches,
):
    """March one construction of a group through a stage, with the full balance.

    `weight` is the construction's share, times the starts of the group unless it is a texel.
    """
    steps = sizes[N_STEPS]
    every = sizes[N_EVERY]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    steady = properties[construction, C_STEADY_GAIN]
    slab = slab_of(construction, properties, modes, physics)
    film = film_of(
        construction, normal, wind, perimeter_over_area, properties, physics,
        switches[O_CONVECTION],
    )  # fmt: skip
    at_1 = base + 2 * (sizes[N_ROWS] + 1)
    stored_weight = weight / ti.cast(every, ti.f32)
    now = Surface(0.0)
    known_before = 0.0
    start_flux = 0.0
    lag = 0.001 * ti.cast(sizes[N_LAG], ti.f32)
    flux_earlier = now.ground_flux
    passes = 1
    if sizes[N_PERIODIC] == 1:
        passes = sizes[N_PASSES]
    if sizes[N_PERIODIC] == 1:
        c = 2 * (construction * ORIENTATIONS + orientation_class(normal))
        now.theta = 0.5 * (classes[c, 0, 0] + classes[c + 1, 0, 0])
        if slab.held == SLAB:
            start_flux = (now.theta - free[construction, 0]) / steady
        now.modes = load_modes(modes, construction, M_GAIN) * start_flux
        t = now.theta + physics[P_BASE]
        now.emission = slab.emission * t * t * t * t
    else:
        now, known_before = load_surface(begin, state_row, slab)
        flux_earlier = now.ground_flux
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = steps
        if not last_turn:
            count = sizes[N_DAY]
        x_start = now.modes
        x_periodic = now.modes
        sum_flux = 0.0
        sum_theta = 0.0
        sum_free = 0.0
        sum_slope = 0.0
        drift = 0.0
        known = absorptance * scratch[at_1] + emissivity * scratch[at_1 + 1]
        if turn == 0 and sizes[N_PERIODIC] == 1:
            known_before = known
            now.exchange = start_flux - known
        if last_turn and sizes[N_PERIODIC] >= 1:
            # What a later iterate begins with.
            save_surface(begin, state_row, now, known_before)
        for n in range(1, count + 1):
            known_after = known
            if n < steps:
                after = at_1 + 2 * n
                known_after = absorptance * scratch[after] + emissivity * scratch[after + 1]
            # Evaporation knows the ground flux of a solver step ago, not of a long step ago.
            flux = now.ground_flux
            now.ground_flux = flux + lag * (flux - flux_earlier)
            flux_earlier = flux
            before = now
            now = surface_step(
                before,
                before.theta + drift,
                known,
                limited_slope(known_before, known, known_after),
                free[construction, n],
                series[F_AIR, n],
                forced_film(normal, film.forced, series, n),
                -1.0,
                slab.moisture * series[F_PRIESTLEY_TAYLOR, n],
                slab,
                film,
                physics,
                switches,
            )
            drift = ti.max(-DRIFT, ti.min(DRIFT, now.theta - before.theta))
            if sizes[N_PERIODIC] >= 1 and n <= sizes[N_DAY]:
                sum_flux += known + 0.5 * (before.exchange + now.exchange)
                sum_theta += 0.5 * (before.theta + now.theta)
                sum_free += 0.5 * (free[construction, n - 1] + free[construction, n])
                sum_slope += now.slope
                if n == sizes[N_DAY] and slab.held == SLAB:
                    x_periodic = periodic_start(
                        now.modes,
                        x_start,
                        sum_flux / n,
                        sum_theta / n,
                        sum_free / n,
                        sum_slope / n,
                        construction,
                        steady,
                        modes,
                    )
            if last_turn and texels == 1:
                c = base + 2 * ((n - 1) // every)
                scratch[c + 1] += stored_weight * (
                    0.5 * (before.emission + now.emission)
                    + (1.0 - emissivity) * scratch[at_1 + 2 * n - 1]
                )
            elif last_turn:
                o = out_of_step[n]
                if o >= 0:
                    t = now.theta + physics[P_BASE]
                    out[place, row_out, o] += weight * now.theta
                    out[place, sets + Z_EMITTED, o] += weight * emissivity * t * t * t * t
                    if kind == GROUND:
                        out[place, sets + Z_GROUND, o] += weight * now.theta
                    elif kind == ROOF:
                        out[place, sets + Z_ROOF, o] += weight * now.theta
            known_before = known
            known = known_after
        if not last_turn:
            now.modes = x_periodic
            if ti.abs(x_periodic - x_start).sum() < PERIODIC:
                turn = passes - 2
        elif sizes[N_PERIODIC] >= 1:
            for k in ti.static(range(MODES)):
                begin[state_row, k] = x_periodic[k]
        turn += 1
    save_surface(state, state_row, now, known_before)
    if texels == 0 and sizes[N_OUTPUT] == 1:
        weights[place, row_out] += weight
        weights[place, sets + Z_EMITTED] += weight * emissivity
        if kind == GROUND:
            weights[place, sets + Z_GROUND] += weight
        elif kind == ROOF:
            weights[place, sets + Z_ROOF] += weight
