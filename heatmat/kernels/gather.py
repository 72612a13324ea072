"""From recorded paths to temperatures: every path carries its series back to its start."""

from heatmat.kernels.gather_march import GROUP, GROUP_BLOCKS, fill_units, march_start_block
from heatmat.kernels.heightfield import GROUND
from heatmat.kernels.lanes import LANES, R_WEIGHT, STILL_ROWS, lane_constants
from heatmat.kernels.layout import (
    C_ALBEDO,
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    MAX_ENTRIES,
    MAX_VERTICES,
    O_SKY,
    O_SUN_BITS,
    O_UNSHADED,
    ORIENTATIONS,
    S_NX,
    S_NY,
    S_NZ,
    S_PA,
    S_WIND,
    T_COMPOSITION,
    T_VALID,
    V_MATERIAL,
    V_NX,
    V_NY,
    V_NZ,
    V_ONWARD,
    W_COMPOSITION,
    W_KIND,
)
from heatmat.kernels.march import (
    K_LONG,
    K_SHORT,
    SCRATCH_ROWS,
    beam_cosine,
    sun_share,
    sunlit,
)
from heatmat.kernels.paths import (
    U2,
    orientation_class,
    paths_followed,
)
from heatmat.kernels.receive import (
    H_LONG,
    H_SHORT,
    HOUR_ROWS,
    REFLECTED,
    known_rays,
    physics_vector,
    pick_construction,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.receive import sky_weight as sky_weight
from heatmat.kernels.starts import (
    F1,
    F2,
    F3,
    I1,
    I2,
)
from heatmat.runtime import ti, tm


@ti.func
def within_hour(before, here, after, u):
    """Value at `u` (-0.5 to 0.5) of the hour of a parabola with the means of three hours."""
    return (
        here
        + 0.5 * (after - before) * u
        + 0.5 * (after - 2.0 * here + before) * (u * u - 1.0 / 12.0)
    )


@ti.func
def add_beam(
    path,
    weight,
    base,
    steps,
    scratch: ti.template(),
    looks: ti.template(),
    vertex_f: ti.template(),
    vertex_i: ti.template(),
    path_bits: ti.template(),
    node_of_step: ti.template(),
    series: ti.template(),
    properties: ti.template(),
    composition_entries: ti.template(),
    shares: ti.template(),
    physics,
    switches,
):
    """Add the beam off a path's first vertex, step by step: it comes and goes within an hour.

    Returns
    -------
    vec4
        What else falls on it straight and is reflected, as factors of the series of the isotropic
        sky, the horizon band, the border and the global light.
    """
    slot = path * (MAX_VERTICES + 1) + 1
    others = tm.vec4(0.0)
    if switches[O_UNSHADED] == 0 or vertex_i[slot, W_KIND] != GROUND:
        normal = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
        construction = pick_construction(
            vertex_i[slot, W_COMPOSITION], vertex_f[slot, V_MATERIAL], composition_entries, shares
        )
        factor = weight * properties[construction, C_ALBEDO]
        b = what_it_brings(
            looks, slot, vertex_f[slot, V_ONWARD], normal.z, physics, switches[O_SKY]
        )
        others = factor * tm.vec4(b.isotropic, b.band, b.border, REFLECTED * b.typical)
        for n in range(1, steps + 2):
            node = node_of_step[n]
            if sunlit(path_bits, path, node) > 0.0:
                scratch[base + n * SCRATCH_ROWS + K_SHORT] += (
                    factor * series[F_BEAM, n] * beam_cosine(normal, series, n)
                )
    return others


@ti.kernel
def gather(
    start_f: F2,
    start_i: I2,
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    start_bits: U2,
    path_bits: U2,
    primaries: F2,
    depth: I1,
    rays: ti.i32,
    path_series: F1,
    hour_before: F1,
    scratch: F1,
    node_of_step: I1,
    series: F2,
    hours: F2,
    properties: F2,
    composition_entries: I2,
    composition_shares: F2,
    out_view: F2,
    steps: ti.i32,
    per_hour: ti.i32,
    first_chunk: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """What falls on every start from its recorded paths, for one chunk of time.

    `scratch` gets rows of light and longwave for each step of a start, `out_view` the share of rays
    that saw the sky.
    """
    for start in range(start_f.shape[0]):
        if start_i[start, T_VALID] == 1:
            stride = SCRATCH_ROWS
            base = start * (series.shape[1] + 1) * SCRATCH_ROWS
            normal = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            total = known_rays(primaries, start, normal.z, physics, switches[O_SKY])
            used = paths_followed(depth, start, rays)
            weight = total.carry / ti.max(1.0, ti.cast(used, ti.f32))
            out_view[start, 0] = total.isotropic
            # The sum over the paths is left in the series of the first of them.
            last = hours.shape[1] - 1
            first = start * rays * (last + 1) * HOUR_ROWS
            for ray in range(1, used):
                path = (start * rays + ray) * (last + 1) * HOUR_ROWS
                for h in range(1, last + 1):
                    at = h * HOUR_ROWS
                    path_series[first + at + H_SHORT] += path_series[path + at + H_SHORT]
                    path_series[first + at + H_LONG] += path_series[path + at + H_LONG]
            if used == 0:
                for h in range(1, last + 1):
                    path_series[first + h * HOUR_ROWS + H_SHORT] = 0.0
                    path_series[first + h * HOUR_ROWS + H_LONG] = 0.0
            before = hour_before[start]
            if first_chunk == 1:
                before = path_series[first + HOUR_ROWS + H_LONG]
            hour_before[start] = path_series[first + (steps // per_hour) * HOUR_ROWS + H_LONG]
            for n in range(1, steps + 2):
                at = base + n * stride
                hour = 1 + (n - 1) // per_hour
                of_hour = first + hour * HOUR_ROWS
                # Light within an hour goes with the light of the sky.
                share = 1.0
                if hours[F_GLOBAL, hour] > 0.1:
                    share = series[F_GLOBAL, n] / hours[F_GLOBAL, hour]
                long_before = before
                if hour > 1:
                    long_before = path_series[of_hour - HOUR_ROWS + H_LONG]
                u = (ti.cast(n - 1 - (hour - 1) * per_hour, ti.f32) + 0.5) / per_hour - 0.5
                reflected = weight * share * path_series[of_hour + H_SHORT]
                sent = weight * within_hour(
                    long_before,
                    path_series[of_hour + H_LONG],
                    path_series[of_hour + HOUR_ROWS + H_LONG],
                    u,
                )
                scratch[at + K_SHORT] = (
                    reflected
                    + total.isotropic * series[F_ISOTROPIC, n]
                    + total.band * series[F_BAND, n]
                    + total.border * series[F_BORDER_SHORT, n]
                    + series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sun_share(start_bits, start, node_of_step[n], switches[O_SUN_BITS])
                )
                scratch[at + K_LONG] = (
                    sent
                    + total.air * series[F_AIR_RADIATION, n]
                    + total.sky * series[F_SKY, n]
                    + total.border * series[F_BORDER_LONG, n]
                )
            straight = tm.vec4(0.0)
            for ray in range(used):
                straight += add_beam(
                    start * rays + ray,
                    weight,
                    base,
                    steps,
                    scratch,
                    looks,
                    vertex_f,
                    vertex_i,
                    path_bits,
                    node_of_step,
                    series,
                    properties,
                    composition_entries,
                    composition_shares,
                    physics,
                    switches,
                )
            for n in range(1, steps + 2):
                scratch[base + n * stride + K_SHORT] += (
                    straight.x * series[F_ISOTROPIC, n]
                    + straight.y * series[F_BAND, n]
                    + straight.z * series[F_BORDER_SHORT, n]
                    + straight.w * series[F_GLOBAL, n]
                )


@ti.kernel
def march_starts(
    start_f: F2,
    start_i: I2,
    scratch: F1,
    units: I2,
    unit_count: I1,
    start_state: F2,
    series: F2,
    free: F2,
    modes: F2,
    properties: F2,
    composition_entries: I2,
    composition_shares: F2,
    classes: F3,
    out: F3,
    out_of_step: I1,
    steps: ti.i32,
    first_chunk: ti.i32,
    full_output: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
    mode: ti.template(),
):
    """Temperatures of every start from what falls on it, for one chunk of time.

    `out` (starts, output times, values) must be zero on entry. `units` and `unit_count` have room
    for the constructions of groups of starts (`gather_march`). `mode`, compiled in: convection
    model.
    """
    total_starts = start_f.shape[0]
    for group in range((total_starts + GROUP - 1) // GROUP):
        fill_units(
            group, start_i, T_VALID, T_COMPOSITION, composition_shares, units, unit_count,
            total_starts,
        )  # fmt: skip
    for block in range((total_starts + GROUP - 1) // GROUP * GROUP_BLOCKS):
        group = block // GROUP_BLOCKS
        within = block - group * GROUP_BLOCKS
        width = 0
        unit = group * GROUP * MAX_ENTRIES + within * LANES
        for lane in range(ti.min(LANES, unit_count[group] - within * LANES)):
            if units[unit + lane, 0] >= 0:
                width = lane + 1
        if width > 0:
            c = ti.Vector([0.0] * (STILL_ROWS * LANES))
            of = ti.Vector([0] * LANES)
            rows = ti.Vector([0] * LANES)
            bases = ti.Vector([0] * LANES)
            constructions = ti.Vector([0] * LANES)
            like = ti.Vector([0] * LANES)
            for lane in range(LANES):
                # Idle lanes do what the first one does, and are not listened to.
                from_ = unit + ti.select(lane < width, lane, 0)
                start = units[from_, 0]
                composition = start_i[start, T_COMPOSITION]
                construction = composition_entries[composition, units[from_, 1]]
                normal = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
                of[lane] = start
                rows[lane] = start * MAX_ENTRIES + units[from_, 1]
                bases[lane] = start * (series.shape[1] + 1) * SCRATCH_ROWS
                constructions[lane] = construction
                like[lane] = 2 * (construction * ORIENTATIONS + orientation_class(normal))
                lane_constants(
                    c, lane, construction, normal, start_f[start, S_WIND], start_f[start, S_PA],
                    properties, modes, physics, mode,
                )  # fmt: skip
                c[R_WEIGHT * LANES + lane] = composition_shares[composition, units[from_, 1]]
            march_start_block(
                c, width, of, rows, bases, constructions, like, steps, first_chunk, scratch,
                start_state, series, free, modes, classes, out, out_of_step, full_output, physics,
                switches, mode,
            )  # fmt: skip
