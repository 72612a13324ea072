"""Every path marches its later vertices, from its end to its start."""

from heatmat.kernels.heightfield import (
    GROUND,
)
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
    V_PA,
    V_WIND,
    W_COMPOSITION,
    W_KIND,
    W_ORIENTATION,
    W_STATUS,
)
from heatmat.kernels.linear import (
    march_linear,
)
from heatmat.kernels.paths import (
    U2,
)
from heatmat.kernels.receive import (
    HOUR_ROWS,
    physics_vector,
    pick_construction,
    receive,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.starts import (
    F1,
    F2,
    F3,
    I1,
    I2,
)
from heatmat.runtime import ti, tm


@ti.kernel
def march_paths(
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    path_bits: U2,
    vertex_bits: U2,
    depth: I1,
    path_series: F1,
    vertex_state: F2,
    node_of_step: I1,
    hour_lit: I1,
    hours: F2,
    free: F2,
    modes: F2,
    properties: F2,
    composition_entries: I2,
    composition_shares: F2,
    classes: F3,
    class_hours: F2,
    per_hour: ti.i32,
    count: ti.i32,
    first_chunk: ti.i32,
    keep: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """What the first later vertex of every path sends to its start, hour by hour.

    `path_series` holds `HOUR_ROWS` numbers for each hour of each path; the last two hours are ahead
    of the chunk, which has `count` of them.
    """
    for path in range(depth.shape[0]):
        vertices = depth[path]
        last = hours.shape[1] - 1
        base = path * (last + 1) * HOUR_ROWS
        for back in range(vertices):
            k = vertices - back
            slot = path * (MAX_VERTICES + 1) + k
            n_k = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
            kind = vertex_i[slot, W_KIND]
            construction = pick_construction(
                vertex_i[slot, W_COMPOSITION],
                vertex_f[slot, V_MATERIAL],
                composition_entries,
                composition_shares,
            )
            brings = what_it_brings(
                looks, slot, vertex_i[slot, W_STATUS], n_k.z, k, physics, switches[O_SKY]
            )
            all_global = 0
            if switches[O_UNSHADED] == 1 and kind == GROUND:
                all_global = 1
            lit = receive(
                base,
                slot,
                construction,
                n_k,
                kind,
                brings,
                all_global,
                path,
                ti.select(k == 1, 1, 0),
                per_hour,
                last,
                switches[O_DAY],
                path_series,
                path_bits,
                vertex_bits,
                node_of_step,
                hour_lit,
                hours,
                properties,
            )
            march_linear(
                base,
                slot,
                construction,
                n_k,
                vertex_f[slot, V_WIND],
                vertex_f[slot, V_PA],
                lit,
                count,
                last,
                first_chunk,
                keep,
                path_series,
                vertex_state,
                hours,
                free,
                modes,
                properties,
                classes,
                class_hours,
                2 * (construction * ORIENTATIONS + vertex_i[slot, W_ORIENTATION]),
                physics,
                switches,
            )
