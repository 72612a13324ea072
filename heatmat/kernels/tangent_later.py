"""Derivatives of what paths bring: every path marches its later vertices with their tangents."""

from heatmat.kernels.heightfield import GROUND
from heatmat.kernels.layout import (
    MAX_VERTICES,
    O_DAY,
    O_SKY,
    O_UNSHADED,
    ORIENTATIONS,
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
from heatmat.kernels.paths import U2
from heatmat.kernels.receive import (
    HOUR_ROWS,
    physics_vector,
    pick_construction,
    receive,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.kernels.tangent_linear import march_linear_tangent
from heatmat.kernels.tangent_receive import TANGENT_ROWS, beam_tangent, receive_tangent
from heatmat.runtime import ti, tm


@ti.kernel
def march_path_tangents(
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    path_bits: U2,
    vertex_bits: U2,
    depth: I1,
    path_series: F1,
    path_tangents: F1,
    node_of_step: I1,
    hour_lit: I1,
    hours: F2,
    sun: F2,
    d_hours: F2,
    free: F2,
    d_free: F2,
    modes: F2,
    d_modes: F2,
    properties: F2,
    d_properties: F2,
    entries: I2,
    shares: F2,
    classes: F3,
    d_classes: F1,
    class_hours: F2,
    d_class_hours: F2,
    per_hour: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """`later.march_paths` with the derivatives of every path's series in `path_tangents`."""
    for path in range(depth.shape[0]):
        vertices = depth[path]
        last = hours.shape[1] - 1
        base = path * (last + 1) * HOUR_ROWS
        d_base = path * (last + 1) * TANGENT_ROWS
        if vertices > 0:
            # Beyond its last vertex a path brings nothing that depends on the property.
            for i in range((last + 1) * TANGENT_ROWS):
                path_tangents[d_base + i] = 0.0
        for back in range(vertices):
            k = vertices - back
            slot = path * (MAX_VERTICES + 1) + k
            normal = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
            kind = vertex_i[slot, W_KIND]
            construction = pick_construction(
                vertex_i[slot, W_COMPOSITION], vertex_f[slot, V_MATERIAL], entries, shares
            )
            brings = what_it_brings(
                looks, slot, vertex_f[slot, V_ONWARD], normal.z, physics, switches[O_SKY]
            )
            all_global = 0
            if switches[O_UNSHADED] == 1 and kind == GROUND:
                all_global = 1
            first = ti.select(k == 1, 1, 0)
            receive_tangent(
                base, d_base, construction, normal, kind, brings, all_global, first, last,
                path_series, path_tangents, hours, d_hours, properties, d_properties,
            )  # fmt: skip
            lit = receive(
                base, slot, construction, normal, kind, brings, all_global, path, first, per_hour,
                last, switches[O_DAY], path_series, path_bits, vertex_bits, node_of_step, hour_lit,
                hours, sun, properties,
            )  # fmt: skip
            beam_tangent(
                base, d_base, construction, normal, all_global, first, last, path_series,
                path_tangents, hours, d_properties,
            )  # fmt: skip
            march_linear_tangent(
                base, d_base, construction, normal, vertex_f[slot, V_WIND], vertex_f[slot, V_PA],
                lit, last, path_series, path_tangents, hours, free, d_free, modes, d_modes,
                properties, d_properties, classes, d_classes, class_hours, d_class_hours,
                2 * (construction * ORIENTATIONS + vertex_i[slot, W_ORIENTATION]), physics,
                switches,
            )  # fmt: skip
