"""Derivatives of temperatures at the starts, from recorded paths; and of reference classes."""

from heatmat.kernels.gather import within_hour
from heatmat.kernels.heightfield import GROUND
from heatmat.kernels.layout import (
    C_ALBEDO,
    F_AIR,
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
from heatmat.kernels.march import beam_cosine, sun_share, sunlit
from heatmat.kernels.paths import U2, orientation_class, paths_followed
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
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.kernels.tangent_march import (
    D_LONG,
    D_SHORT,
    K_LONG,
    K_SHORT,
    ROWS,
    march_start_tangent,
)
from heatmat.kernels.tangent_receive import D_BORDER_LONG, D_BORDER_SHORT, TANGENT_ROWS
from heatmat.runtime import ti, tm


@ti.func
def add_beam_tangent(
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
    d_series: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
    entries: ti.template(),
    shares: ti.template(),
    physics,
    switches,
):
    """`gather.add_beam` with its derivative: what falls straight on a path's first vertex."""
    slot = path * (MAX_VERTICES + 1) + 1
    if switches[O_UNSHADED] == 0 or vertex_i[slot, W_KIND] != GROUND:
        normal = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
        construction = pick_construction(
            vertex_i[slot, W_COMPOSITION], vertex_f[slot, V_MATERIAL], entries, shares
        )
        factor = weight * properties[construction, C_ALBEDO]
        d_factor = weight * d_properties[construction, C_ALBEDO]
        b = what_it_brings(
            looks, slot, vertex_f[slot, V_ONWARD], normal.z, physics, switches[O_SKY]
        )
        for n in range(1, steps + 2):
            at = base + n * ROWS
            falls = (
                b.isotropic * series[F_ISOTROPIC, n]
                + b.band * series[F_BAND, n]
                + b.border * series[F_BORDER_SHORT, n]
                + REFLECTED * b.typical * series[F_GLOBAL, n]
            )
            node = node_of_step[n]
            if node >= 0:
                falls += (
                    series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sunlit(path_bits, path, node)
                )
            scratch[at + K_SHORT] += factor * falls
            scratch[at + D_SHORT] += (
                d_factor * falls + factor * b.border * d_series[D_BORDER_SHORT, n]
            )


@ti.kernel
def gather_tangents(
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
    path_tangents: F1,
    scratch: F1,
    node_of_step: I1,
    series: F2,
    d_series: F2,
    hours: F2,
    free: F2,
    d_free: F2,
    modes: F2,
    d_modes: F2,
    properties: F2,
    d_properties: F2,
    d_of_paths: F2,
    entries: I2,
    shares: F2,
    classes: F3,
    d_classes: F1,
    out: F3,
    out_of_step: I1,
    steps: ti.i32,
    per_hour: ti.i32,
    others: ti.f32,
    physics: physics_vector,
    switches: switches_vector,
):
    """Temperatures of every start and their derivatives, from its recorded paths.

    Parameters
    ----------
    d_properties, d_of_paths : ndarray
        Derivatives of the constructions' numbers, for starts and for what paths meet first.
    others : float
        1 to have the derivatives of what falls on a start, 0 for those of its own surface alone.
    out : ndarray, shape (starts, times, 2)
        Zero on entry.
    """
    for start in range(start_f.shape[0]):
        if start_i[start, T_VALID] == 1:
            base = start * (series.shape[1] + 1) * ROWS
            normal = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            total = known_rays(primaries, start, normal.z, physics, switches[O_SKY])
            used = paths_followed(depth, start, rays)
            weight = total.carry / ti.max(1.0, ti.cast(used, ti.f32))
            last = hours.shape[1] - 1
            for n in range(1, steps + 2):
                at = base + n * ROWS
                hour = 1 + (n - 1) // per_hour
                share = 1.0
                if hours[F_GLOBAL, hour] > 0.1:
                    share = series[F_GLOBAL, n] / hours[F_GLOBAL, hour]
                u = (ti.cast(n - 1 - (hour - 1) * per_hour, ti.f32) + 0.5) / per_hour - 0.5
                earlier = ti.max(hour - 1, 1)
                sums = tm.vec4(0.0)
                for ray in range(used):
                    path = (start * rays + ray) * (last + 1)
                    at_0 = (path + earlier) * HOUR_ROWS
                    at_1 = (path + hour) * HOUR_ROWS
                    d_0 = (path + earlier) * TANGENT_ROWS
                    d_1 = (path + hour) * TANGENT_ROWS
                    sums += tm.vec4(
                        path_series[at_1 + H_SHORT],
                        within_hour(
                            path_series[at_0 + H_LONG],
                            path_series[at_1 + H_LONG],
                            path_series[at_1 + HOUR_ROWS + H_LONG],
                            u,
                        ),
                        others * path_tangents[d_1 + H_SHORT],
                        others
                        * within_hour(
                            path_tangents[d_0 + H_LONG],
                            path_tangents[d_1 + H_LONG],
                            path_tangents[d_1 + TANGENT_ROWS + H_LONG],
                            u,
                        ),
                    )
                sums *= weight
                scratch[at + K_SHORT] = (
                    share * sums.x
                    + total.isotropic * series[F_ISOTROPIC, n]
                    + total.band * series[F_BAND, n]
                    + total.border * series[F_BORDER_SHORT, n]
                    + series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sun_share(start_bits, start, node_of_step[n], switches[O_SUN_BITS])
                )
                scratch[at + K_LONG] = (
                    sums.y
                    + total.air * series[F_AIR_RADIATION, n]
                    + total.sky * series[F_SKY, n]
                    + total.border * series[F_BORDER_LONG, n]
                )
                scratch[at + D_SHORT] = share * sums.z + total.border * d_series[D_BORDER_SHORT, n]
                scratch[at + D_LONG] = sums.w + total.border * d_series[D_BORDER_LONG, n]
            for ray in range(used):
                add_beam_tangent(
                    start * rays + ray, weight, base, steps, scratch, looks, vertex_f, vertex_i,
                    path_bits, node_of_step, series, d_series, properties, d_of_paths, entries,
                    shares, physics, switches,
                )  # fmt: skip
            composition = start_i[start, T_COMPOSITION]
            for entry in range(MAX_ENTRIES):
                part = shares[composition, entry]
                if part > 0.0:
                    construction = entries[composition, entry]
                    c = 2 * (construction * ORIENTATIONS + orientation_class(normal))
                    march_start_tangent(
                        start, part, construction, 0.5 * (classes[c, 0, 0] + classes[c + 1, 0, 0]),
                        0.5 * (d_classes[c] + d_classes[c + 1]), normal, start_f[start, S_WIND],
                        start_f[start, S_PA], base, steps, scratch, series, free, d_free, modes,
                        d_modes, properties, d_properties, out, out_of_step, physics, switches,
                    )  # fmt: skip


@ti.kernel
def class_tangents(
    count: ti.i32,
    scratch: F1,
    series: F2,
    free: F2,
    d_free: F2,
    modes: F2,
    d_modes: F2,
    properties: F2,
    d_properties: F2,
    out: F3,
    all_steps: I1,
    class_construction: I1,
    class_normal: F2,
    class_environment: F2,
    last: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """`idealised.reference_surfaces` with the derivative of every class."""
    for c in range(count):
        base = c * (series.shape[1] + 1) * ROWS
        normal = tm.vec3(class_normal[c, 0], class_normal[c, 1], class_normal[c, 2])
        view = class_environment[c, 0]
        for n in range(1, last + 2):
            at = base + n * ROWS
            m = ti.min(n, last)
            scratch[at + K_SHORT] = (
                class_environment[c, 1] * series[F_BEAM, m] * beam_cosine(normal, series, m)
                + view * series[F_ISOTROPIC, m]
                + class_environment[c, 2] * series[F_GLOBAL, m]
            )
            scratch[at + K_LONG] = (
                view * series[F_SKY, m] + (1.0 - view) * series[F_AIR_RADIATION, m]
            )
            scratch[at + D_SHORT] = 0.0
            scratch[at + D_LONG] = 0.0
        march_start_tangent(
            c, 1.0, class_construction[c], series[F_AIR, 0], 0.0, normal, class_environment[c, 3],
            class_environment[c, 4], base, last, scratch, series, free, d_free, modes, d_modes,
            properties, d_properties, out, all_steps, physics, switches,
        )  # fmt: skip
