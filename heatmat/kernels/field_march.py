"""The march of texels, pixels and patches of wall from their links: one gather, one march.

A group of starts adds up the series that fall on it and marches the full balance of each of its
constructions. A texel writes the series that leave it, all others the temperatures asked for.
"""

from heatmat.kernels.field_incident import (
    N_DAY,
    N_EVERY,
    N_FIRST,
    N_HALF,
    N_LAST,
    N_NODES,
    N_OUTPUT,
    N_PASSES,
    N_PERIODIC,
    N_ROWS,
    N_STEPS,
    count_members,
    fill_incident,
    gather_links,
    gather_near,
    links_vector,
    lit_shares,
    reflect_light,
    sizes_vector,
    write_series,
)
from heatmat.kernels.gather import physics_vector, switches_vector
from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    M_GAIN,
    MAX_ENTRIES,
    MODES,
    O_CONVECTION,
    O_SUN_BITS,
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
from heatmat.kernels.march import DRIFT, load_surface, periodic_start, save_surface
from heatmat.kernels.paths import U2, orientation_class
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.kernels.surface_step import Surface, film_of, slab_of, surface_step, wetness
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti, tm

# A pass of the first day that moved the starts of the modes by less, in sum [K], is the last but
# one.
PERIODIC = 0.05

# What a surface hands from stage to stage: the first columns of `kernels.layout`'s states.
GROUP_STATE = 14

# Rows of `out` after the temperatures of the sets
Z_EMITTED, Z_GROUND, Z_ROOF = range(3)
OUT_MORE = 3


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
        Read where the stage does not begin anew, written at its end; a group is a texel or a start.
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
        first day; by how much of its change an iterate goes further, in thousandths; the step whose
        state the next stage begins with; 1 or 2 to take the rays of every other start of a texel.
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
                            sizes[N_HALF],
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
                    lit_shares(
                        i, last, sizes[N_NODES], members, lit, leader, bits, scratch,
                        switches[O_SUN_BITS],
                    )  # fmt: skip
                    fill_incident(normal, kind, brings, base, sizes, series, sun, node_of, scratch)
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
                wetness(slab, series, n),
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
            if last_turn and n == sizes[N_LAST]:
                save_surface(state, state_row, now, known_before)
        if not last_turn:
            now.modes = x_periodic
            if ti.abs(x_periodic - x_start).sum() < PERIODIC:
                turn = passes - 2
        elif sizes[N_PERIODIC] >= 1:
            for k in ti.static(range(MODES)):
                begin[state_row, k] = x_periodic[k]
        turn += 1
    if texels == 0 and sizes[N_OUTPUT] == 1:
        weights[place, row_out] += weight
        weights[place, sets + Z_EMITTED] += weight * emissivity
        if kind == GROUND:
            weights[place, sets + Z_GROUND] += weight
        elif kind == ROOF:
            weights[place, sets + Z_ROOF] += weight
