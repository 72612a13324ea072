"""Every path marches its later vertices, from its end to its start, sixteen paths side by side."""

from heatmat.kernels.heightfield import GROUND
from heatmat.kernels.lanes import LANES, lane_constants
from heatmat.kernels.later_lanes import LATER_ROWS, begin_lane, march_later_lanes
from heatmat.kernels.later_receive import CONSTANT_ROWS, bring_lane, lit_hours, receive_lanes
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
    H_LONG,
    H_SHORT,
    HOUR_ROWS,
    physics_vector,
    pick_construction,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.runtime import ti, tm

# Paths that are put in order together, a whole number of blocks of lanes
GROUP = 16 * LANES


@ti.kernel
def march_paths(
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    path_bits: U2,
    vertex_bits: U2,
    depth: I1,
    order: I1,
    lanes_series: F1,
    path_series: F1,
    vertex_state: F2,
    node_of_step: I1,
    hour_lit: I1,
    hours: F2,
    sun: F2,
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
    mode: ti.template(),
):
    """What the first later vertex of every path sends to its start, hour by hour.

    `path_series` holds `HOUR_ROWS` numbers for each hour of each path; the last two hours are ahead
    of the chunk, which has `count` of them. `order` (a whole number of blocks of `LANES`, at least
    the paths) gets the paths by their depth, so that those side by side end together;
    `lanes_series` has room for the series of all blocks. `mode`, compiled in: convection model.
    """
    total = depth.shape[0]
    for group in range((total + GROUP - 1) // GROUP):
        begin = group * GROUP
        place = begin
        for back in range(MAX_VERTICES + 1):
            for path in range(begin, ti.min(begin + GROUP, total)):
                if depth[path] == MAX_VERTICES - back:
                    order[place] = path
                    place += 1
    for block in range((total + LANES - 1) // LANES):
        last = hours.shape[1] - 1
        width = ti.min(LANES, total - block * LANES)
        vertices = depth[order[block * LANES]]
        c = ti.Vector([0.0] * (CONSTANT_ROWS * LANES))
        x = ti.Vector([0.0] * (LATER_ROWS * LANES))
        way = block * (last + 1) * HOUR_ROWS * LANES
        slots = ti.Vector([0] * LANES)
        constructions = ti.Vector([0] * LANES)
        like = ti.Vector([0] * LANES)
        for back in range(vertices):
            k = vertices - back
            active = 0
            for lane in range(LANES):
                # Idle lanes do what the first one does, and are not listened to.
                path = order[block * LANES]
                if lane < width:
                    if depth[order[block * LANES + lane]] >= k:
                        path = order[block * LANES + lane]
                        active = lane + 1
                slot = path * (MAX_VERTICES + 1) + k
                slots[lane] = slot
                n_k = tm.vec3(vertex_f[slot, V_NX], vertex_f[slot, V_NY], vertex_f[slot, V_NZ])
                construction = pick_construction(
                    vertex_i[slot, W_COMPOSITION],
                    vertex_f[slot, V_MATERIAL],
                    composition_entries,
                    composition_shares,
                )
                constructions[lane] = construction
                like[lane] = 2 * (construction * ORIENTATIONS + vertex_i[slot, W_ORIENTATION])
                lane_constants(
                    c, lane, construction, n_k, vertex_f[slot, V_WIND], vertex_f[slot, V_PA],
                    properties, modes, physics, mode,
                )  # fmt: skip
                kind = vertex_i[slot, W_KIND]
                brings = what_it_brings(
                    looks, slot, vertex_f[slot, V_ONWARD], n_k.z, physics, switches[O_SKY]
                )
                all_global = ti.select(switches[O_UNSHADED] == 1 and kind == GROUND, 1, 0)
                bring_lane(c, lane, kind, brings, all_global)
                lit_hours(
                    lane, way, slot, path, ti.select(k == 1, 1, 0), n_k, per_hour, last,
                    switches[O_DAY], lanes_series, path_bits, vertex_bits, node_of_step, hour_lit,
                    sun,
                )  # fmt: skip
            receive_lanes(
                c, way, ti.select(k == 1, 1, 0), last, switches[O_DAY], lanes_series, hours
            )
            for lane in range(LANES):
                begin_lane(
                    c, x, lane, constructions[lane], like[lane], first_chunk, slots[lane],
                    vertex_state, free, modes, classes,
                )  # fmt: skip
            march_later_lanes(
                c, x, constructions, like, slots, active, way, count, last, first_chunk, keep,
                lanes_series, vertex_state, hours, free, modes, class_hours, physics, switches,
                mode,
            )  # fmt: skip
        for lane in range(width):
            path = order[block * LANES + lane]
            if depth[path] > 0:
                base = path * (last + 1) * HOUR_ROWS
                for h in range(1, last + 1):
                    at = way + h * HOUR_ROWS * LANES + lane
                    path_series[base + h * HOUR_ROWS + H_SHORT] = lanes_series[at + H_SHORT * LANES]
                    path_series[base + h * HOUR_ROWS + H_LONG] = lanes_series[at + H_LONG * LANES]
