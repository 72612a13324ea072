"""From recorded paths to temperatures in many versions of a city, `LANES` of them side by side.

A version differs from the next by what its surfaces are made of. What rays met, what the sun sees
and what falls straight from sky and sun is read once for all of them; slabs and what they send to
each other march in vector instructions (`kernels.lanes`, `kernels.line_lanes`). The equations are
those of `later.march_paths` and `gather.gather`.
"""

from heatmat.kernels.gather import within_hour
from heatmat.kernels.heightfield import GROUND
from heatmat.kernels.lanes import LANES, STATE_ROWS, STEP_ROWS, STILL_ROWS, lane_constants
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
    O_DAY,
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
    V_PA,
    V_WIND,
    W_COMPOSITION,
    W_KIND,
    W_ORIENTATION,
)
from heatmat.kernels.line_lanes import march_line_lanes
from heatmat.kernels.march import beam_cosine, sun_share, sunlit
from heatmat.kernels.paths import U2, paths_followed
from heatmat.kernels.receive import (
    REFLECTED,
    known_rays,
    physics_vector,
    pick_construction,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.receive_lanes import W_LONG, W_SHORT, WAY_ROWS, receive_lanes
from heatmat.kernels.start_lanes import march_start_lanes
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.runtime import ti, tm


def version_words(hours: int, steps: int) -> int:
    """Numbers of scratch a start: a path's hours and their sum, its sun, what falls on the start.

    Parameters
    ----------
    hours, steps : int
        Hours that later vertices march, and steps of the start.
    """
    return LANES * ((WAY_ROWS + 2) * (hours + 1) + 2 * (steps + 2)) + hours + 1


@ti.func
def version_constructions(row, u, compositions, entries: ti.template(), shares: ti.template()):
    """Construction that a composition's draw `u` gives in each version."""
    chosen = ti.Vector([0] * LANES)
    for q in range(LANES):
        chosen[q] = pick_construction(q * compositions + row, u, entries, shares)
    return chosen


@ti.func
def add_path(
    path,
    way,
    lit_at,
    sums,
    last,
    per_hour,
    compositions,
    c: ti.template(),
    looks: ti.template(),
    vertex_f: ti.template(),
    vertex_i: ti.template(),
    path_bits: ti.template(),
    vertex_bits: ti.template(),
    depth: ti.template(),
    scratch: ti.template(),
    node_of_step: ti.template(),
    hour_lit: ti.template(),
    hours: ti.template(),
    sun: ti.template(),
    hour_free: ti.template(),
    hour_modes: ti.template(),
    hour_properties: ti.template(),
    entries: ti.template(),
    shares: ti.template(),
    classes: ti.template(),
    class_hours: ti.template(),
    physics,
    switches,
    mode: ti.template(),
):
    """March a path's later vertices, and add what the first of them sends to `sums`."""
    vertices = depth[path]
    for h in range(1, last + 1):
        for q in range(LANES):
            scratch[way + (h * WAY_ROWS + W_SHORT) * LANES + q] = 0.0
            scratch[way + (h * WAY_ROWS + W_LONG) * LANES + q] = 0.0
    for back in range(vertices):
        k = vertices - back
        slot = path * (MAX_VERTICES + 1) + k
        normal = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
        kind = vertex_i[slot, W_KIND]
        construction = version_constructions(
            vertex_i[slot, W_COMPOSITION], vertex_f[slot, V_MATERIAL], compositions, entries, shares
        )
        like = ti.Vector([0] * LANES)
        for q in range(LANES):
            like[q] = 2 * (construction[q] * ORIENTATIONS + vertex_i[slot, W_ORIENTATION])
            lane_constants(
                c, q, construction[q], normal, vertex_f[slot, V_WIND], vertex_f[slot, V_PA],
                hour_properties, hour_modes, physics, mode,
            )  # fmt: skip
        brings = what_it_brings(
            looks, slot, vertex_f[slot, V_ONWARD], normal.z, physics, switches[O_SKY]
        )
        all_global = 0
        if switches[O_UNSHADED] == 1 and kind == GROUND:
            all_global = 1
        lit = receive_lanes(
            c, way, lit_at, slot, normal, kind, brings, all_global, path, ti.select(k == 1, 1, 0),
            per_hour, last, switches[O_DAY] // per_hour, scratch, path_bits, vertex_bits,
            node_of_step, hour_lit, hours, sun,
        )  # fmt: skip
        march_line_lanes(
            c, construction, like, lit, way, lit_at, last, switches[O_DAY] // per_hour, scratch,
            hours, hour_free, hour_modes, classes, class_hours, physics, switches, mode,
        )  # fmt: skip
    for h in range(1, last + 1):
        at = way + h * WAY_ROWS * LANES
        for q in range(LANES):
            scratch[sums + 2 * h * LANES + q] += scratch[at + W_SHORT * LANES + q]
            scratch[sums + (2 * h + 1) * LANES + q] += scratch[at + W_LONG * LANES + q]


@ti.func
def add_first_beam(
    path,
    weight,
    falls,
    steps,
    compositions,
    straight: ti.template(),
    scratch: ti.template(),
    looks: ti.template(),
    vertex_f: ti.template(),
    vertex_i: ti.template(),
    path_bits: ti.template(),
    node_of_step: ti.template(),
    series: ti.template(),
    properties: ti.template(),
    entries: ti.template(),
    shares: ti.template(),
    physics,
    switches,
):
    """`gather.add_beam`: the beam off a path's first vertex by steps; the rest into `straight`."""
    slot = path * (MAX_VERTICES + 1) + 1
    if switches[O_UNSHADED] == 0 or vertex_i[slot, W_KIND] != GROUND:
        normal = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
        construction = version_constructions(
            vertex_i[slot, W_COMPOSITION], vertex_f[slot, V_MATERIAL], compositions, entries, shares
        )
        b = what_it_brings(
            looks, slot, vertex_f[slot, V_ONWARD], normal.z, physics, switches[O_SKY]
        )
        factor = ti.Vector([0.0] * LANES)
        for q in range(LANES):
            factor[q] = weight * properties[construction[q], C_ALBEDO]
            straight[q] += factor[q] * b.isotropic
            straight[LANES + q] += factor[q] * b.band
            straight[2 * LANES + q] += factor[q] * b.border
            straight[3 * LANES + q] += factor[q] * REFLECTED * b.typical
        for n in range(1, steps + 2):
            node = node_of_step[n]
            if node >= 0:
                beam = (
                    series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sunlit(path_bits, path, node)
                )
                if beam > 0.0:
                    for q in range(LANES):
                        scratch[falls + 2 * n * LANES + q] += factor[q] * beam


@ti.kernel
def march_versions(
    first: ti.i32,
    count: ti.i32,
    start_f: F2,
    start_i: I2,
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    start_bits: U2,
    path_bits: U2,
    vertex_bits: U2,
    primaries: F2,
    depth: I1,
    rays: ti.i32,
    scratch: F1,
    node_of_step: I1,
    hour_lit: I1,
    series: F2,
    hours: F2,
    sun: F2,
    free: F2,
    hour_free: F2,
    modes: F2,
    hour_modes: F2,
    properties: F2,
    hour_properties: F2,
    entries: I2,
    shares: F2,
    classes: F3,
    class_hours: F2,
    out: F3,
    out_of_step: I1,
    steps: ti.i32,
    per_hour: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
    mode: ti.template(),
):
    """Temperatures of some starts in `LANES` versions, over one chunk of time.

    Parameters
    ----------
    first, count : int
        Starts of this launch; `scratch` has room for so many.
    entries, shares : ndarray, shape (LANES * compositions, MAX_ENTRIES)
        Tables of the versions, one below the other.
    out : ndarray, shape (starts, times, LANES)
        Zero on entry.
    mode : int, compiled in
        Convection model.
    """
    last = hours.shape[1] - 1
    compositions = entries.shape[0] // LANES
    for here in range(count):
        start = first + here
        if start_i[start, T_VALID] == 1:
            # A path's hours, their sum over the paths, the sun on the path, what falls on the start
            way = here * (LANES * ((WAY_ROWS + 2) * (last + 1) + 2 * (steps + 2)) + last + 1)
            sums = way + LANES * WAY_ROWS * (last + 1)
            falls = sums + LANES * 2 * (last + 1)
            lit_at = falls + LANES * 2 * (steps + 2)
            c = ti.Vector([0.0] * (STILL_ROWS * LANES))
            normal = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            total = known_rays(primaries, start, normal.z, physics, switches[O_SKY])
            used = paths_followed(depth, start, rays)
            weight = total.carry / ti.max(1.0, ti.cast(used, ti.f32))
            for k in range(2 * (last + 1) * LANES):
                scratch[sums + k] = 0.0
            for ray in range(used):
                add_path(
                    start * rays + ray, way, lit_at, sums, last, per_hour, compositions, c, looks,
                    vertex_f, vertex_i, path_bits, vertex_bits, depth, scratch, node_of_step,
                    hour_lit, hours, sun, hour_free, hour_modes, hour_properties, entries, shares,
                    classes, class_hours, physics, switches, mode,
                )  # fmt: skip
            for n in range(1, steps + 2):
                hour = 1 + (n - 1) // per_hour
                # Light within an hour goes with the light of the sky.
                share = weight
                if hours[F_GLOBAL, hour] > 0.1:
                    share = weight * series[F_GLOBAL, n] / hours[F_GLOBAL, hour]
                u = (ti.cast(n - 1 - (hour - 1) * per_hour, ti.f32) + 0.5) / per_hour - 0.5
                short = (
                    total.isotropic * series[F_ISOTROPIC, n]
                    + total.band * series[F_BAND, n]
                    + total.border * series[F_BORDER_SHORT, n]
                    + series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sun_share(start_bits, start, node_of_step[n], switches[O_SUN_BITS])
                )
                long = (
                    total.air * series[F_AIR_RADIATION, n]
                    + total.sky * series[F_SKY, n]
                    + total.border * series[F_BORDER_LONG, n]
                )
                of_hour = sums + 2 * hour * LANES
                earlier = sums + 2 * ti.max(hour - 1, 1) * LANES
                at = falls + 2 * n * LANES
                for q in range(LANES):
                    scratch[at + q] = share * scratch[of_hour + q] + short
                    scratch[at + LANES + q] = (
                        weight
                        * within_hour(
                            scratch[earlier + LANES + q],
                            scratch[of_hour + LANES + q],
                            scratch[of_hour + 3 * LANES + q],
                            u,
                        )
                        + long
                    )
            straight = ti.Vector([0.0] * (4 * LANES))
            for ray in range(used):
                add_first_beam(
                    start * rays + ray, weight, falls, steps, compositions, straight, scratch,
                    looks, vertex_f, vertex_i, path_bits, node_of_step, series, properties,
                    entries, shares, physics, switches,
                )  # fmt: skip
            for n in range(1, steps + 2):
                for q in range(LANES):
                    scratch[falls + 2 * n * LANES + q] += (
                        straight[q] * series[F_ISOTROPIC, n]
                        + straight[LANES + q] * series[F_BAND, n]
                        + straight[2 * LANES + q] * series[F_BORDER_SHORT, n]
                        + straight[3 * LANES + q] * series[F_GLOBAL, n]
                    )
            s = ti.Vector([0.0] * (STATE_ROWS * LANES))
            t = ti.Vector([0.0] * (STEP_ROWS * LANES))
            row = start_i[start, T_COMPOSITION]
            for entry in range(MAX_ENTRIES):
                part = ti.Vector([0.0] * LANES)
                construction = ti.Vector([0] * LANES)
                most = 0.0
                for q in range(LANES):
                    part[q] = shares[q * compositions + row, entry]
                    construction[q] = entries[q * compositions + row, entry]
                    if part[q] <= 0.0:  # marched beside the others for nothing
                        construction[q] = entries[q * compositions + row, 0]
                    most = ti.max(most, part[q])
                if most > 0.0:
                    for q in range(LANES):
                        lane_constants(
                            c, q, construction[q], normal, start_f[start, S_WIND],
                            start_f[start, S_PA], properties, modes, physics, mode,
                        )  # fmt: skip
                    march_start_lanes(
                        start, construction, part, normal, falls, steps, c, s, t, scratch, series,
                        free, modes, classes, out, out_of_step, physics, switches, mode,
                    )  # fmt: skip
