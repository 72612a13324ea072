"""Geometry of the paths: where rays go and which surfaces see the sun, for any material.

A path is traced once. Scenarios that differ in materials, weather or physics march over the same
records, so a what-if shares its rays exactly.
"""

from heatmat.kernels.crowns import K_LEAF, K_LEAF_PA
from heatmat.kernels.heightfield import (
    BORDER,
    G_CROWNS,
    GROUND,
    LEAF,
    ROOF,
    SKY,
    grid_numbers,
    nothing_met,
    trace,
)
from heatmat.kernels.layout import (
    HIT_BORDER,
    HIT_SURFACE,
    LOOKS,
    MAX_VERTICES,
    R_REPLICATE,
    R_SAMPLE,
    S_NX,
    S_NY,
    S_NZ,
    S_X,
    S_Y,
    S_Z,
    T_REGION,
    T_VALID,
    V_MATERIAL,
    V_NX,
    V_NY,
    V_NZ,
    V_ONWARD,
    V_PA,
    V_WIND,
    V_X,
    V_Y,
    V_Z,
    W_COMPOSITION,
    W_KIND,
    W_ORIENTATION,
    W_REGION,
)
from heatmat.kernels.sampling import TWO_PI, combine, cosine_direction, sobol_2d, uniform
from heatmat.kernels.starts import F1, F2, F3, I1, I2, OFFSET, U1, ground_label, ivec4, vec4
from heatmat.kernels.windfield import wind_factor
from heatmat.runtime import ti, tm

U2 = ti.types.ndarray(dtype=ti.u32, ndim=2)


@ti.func
def survival(vertex, share, patient):
    """Probability that a path goes on from its vertex: of geometry alone, whatever it would bring.

    `share` of the vertex's rays met surfaces: what little they bring is asked for seldom. Most of
    the noise of a temperature is which surfaces a start's paths meet first, that of a difference
    between two sides is what paths leave out: `patient` = 1 is for those.
    """
    p = ti.sqrt(share)
    if patient == 0:
        p = ti.select(vertex > 2, 0.5, 1.0) * share
    return p


@ti.func
def orientation_class(n):
    """0 for surfaces that look up, 1 to 16 for walls by azimuth."""
    o = 0
    if n.z < 0.5:
        a = ti.atan2(n.x, n.y)
        k = ti.cast(ti.floor(a / TWO_PI * 16.0 + 16.5), ti.i32)
        o = 1 + k % 16
    return o


@ti.func
def path_key(keys: ti.template(), request_i: ti.template(), start):
    """Random stream of a start: its own and its replicate's."""
    return combine(keys[start], ti.cast(request_i[start, R_REPLICATE], ti.u32))


@ti.func
def look_value(status, up):
    """What is kept of a ray: its upward component if it reaches the sky, else what it met."""
    value = HIT_SURFACE
    if status == SKY:
        value = up
    elif status == BORDER:
        value = HIT_BORDER
    return value


@ti.kernel
def trace_primaries(
    request_i: I2,
    keys: U1,
    start_f: F2,
    start_i: I2,
    primaries: F2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """First rays of every start: the sky is known at once, so many of them cost little.

    `primaries` (starts, rays) gets the upward component of rays that reach the sky, else
    `HIT_SURFACE` or `HIT_BORDER`.
    """
    for start in range(start_f.shape[0]):
        if start_i[start, T_VALID] == 1:
            count = primaries.shape[1]
            key = combine(path_key(keys, request_i, start), ti.u32(16))
            first = request_i[start, R_SAMPLE] * count
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            for j in range(count):
                d = cosine_direction(n, sobol_2d(ti.cast(first + j, ti.u32), key))
                hit = trace(
                    o,
                    d,
                    start_i[start, T_REGION],
                    cells,
                    blocks,
                    block_edges,
                    edge_sides,
                    planes,
                    grid_f,
                    grid_i,
                )
                primaries[start, j] = look_value(hit.status, d.z)


@ti.func
def count_hits(primaries: ti.template(), start):
    """Primary rays of a start that met a surface of the map."""
    hits = 0
    for j in range(primaries.shape[1]):
        if primaries[start, j] == HIT_SURFACE:
            hits += 1
    return hits


@ti.func
def paths_sent(hits, count, rays, patient):
    """Paths that a start follows, of `count` rays with `hits`: fewer where it mostly sees sky."""
    share = ti.cast(hits, ti.f32) / ti.cast(count, ti.f32)
    share = 1.6 * ti.select(patient == 1, ti.sqrt(share), share)
    return ti.min(rays, ti.cast(ti.ceil(share * ti.cast(rays, ti.f32)), ti.i32))


@ti.func
def paths_followed(depth: ti.template(), start, rays):
    """Paths that a start followed: each of them met a surface, and they are the first ones."""
    used = 0
    while used < rays and depth[start * rays + used] > 0:
        used += 1
    return used


@ti.func
def chosen_primary(primaries: ti.template(), start, ray, hits, u):
    """Index of the primary ray that path `ray` follows.

    Paths follow neighbours in the sequence, from a random first one on: neighbours of a net are
    spread evenly over all directions, rays at even distances in it are not.
    """
    wanted = (ti.min(ti.cast(u * ti.cast(hits, ti.f32), ti.i32), hits - 1) + ray) % hits
    found = -1
    seen = 0
    for j in range(primaries.shape[1]):
        if primaries[start, j] == HIT_SURFACE:
            if seen == wanted:
                found = j
            seen += 1
    return found


@ti.kernel
def trace_paths(
    request_i: I2,
    keys: U1,
    start_f: F2,
    start_i: I2,
    primaries: F2,
    looks: F2,
    vertex_f: F2,
    vertex_i: I2,
    depth: I1,
    rays: ti.i32,
    patient: ti.i32,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    region_composition: I1,
    region_pa: F1,
    facade_info: F2,
    facade_composition: I1,
    ground: I2,
    wind: F3,
    grid_f: grid_numbers,
    grid_i: ivec4,
    wind_f: vec4,
    ground_cell: ti.f32,
    default_facade: ti.i32,
):
    """Trace `rays` paths from every valid start, along primaries that hit, and record them.

    Slot ``(start * rays + ray) * (MAX_VERTICES + 1) + k`` holds vertex k. From every vertex `LOOKS`
    rays are traced, kept in `looks` as primaries are, and one of those that hit is followed.
    `V_ONWARD` of a slot is one over the probability that the path went on from it (`survival`), or
    0 where it ends.
    """
    for path in range(start_f.shape[0] * rays):
        start = path // rays
        depth[path] = 0
        if start_i[start, T_VALID] == 1:
            ray = path - start * rays
            key = path_key(keys, request_i, start)
            index = ti.cast(request_i[start, R_SAMPLE] * rays + ray, ti.u32)
            offset = uniform(ti.cast(request_i[start, R_SAMPLE], ti.u32), combine(key, ti.u32(4)))
            hits = count_hits(primaries, start)
            used = paths_sent(hits, primaries.shape[1], rays, patient)
            primary = -1
            if ray < used:
                primary = chosen_primary(primaries, start, ray, hits, offset)
            o = tm.vec3(start_f[start, S_X], start_f[start, S_Y], start_f[start, S_Z])
            n = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            region = start_i[start, T_REGION]
            k = 0
            luck = 0.0
            chance = 1.0
            going = 1
            d = n
            hit = nothing_met()
            if primary < 0:
                going = 0
            while going == 1:
                slot = path * (MAX_VERTICES + 1) + k
                followed = request_i[start, R_SAMPLE] * primaries.shape[1] + primary
                level_key = combine(key, ti.cast(16 + 4 * k, ti.u32))
                first = ti.cast(index, ti.i32) * LOOKS
                # The looks of a later vertex, then the ray that is followed: all through one call,
                # since every call of `trace` is compiled anew.
                look = ti.select(k > 0, 0, LOOKS)
                while look <= LOOKS:
                    if look < LOOKS:
                        followed = first + look
                    elif k > 0:
                        met = count_hits(looks, slot)
                        chance = survival(k, ti.cast(met, ti.f32) / LOOKS, patient)
                        if met == 0 or k == MAX_VERTICES or luck >= chance:
                            going = 0
                        else:
                            u = uniform(index, combine(key, ti.cast(18 + 4 * k, ti.u32)))
                            followed = first + chosen_primary(looks, slot, 0, met, u)
                    if going == 1:
                        d = cosine_direction(n, sobol_2d(ti.cast(followed, ti.u32), level_key))
                        hit = trace(
                            o,
                            d,
                            region,
                            cells,
                            blocks,
                            block_edges,
                            edge_sides,
                            planes,
                            grid_f,
                            grid_i,
                        )
                        if look < LOOKS:
                            looks[slot, look] = look_value(hit.status, d.z)
                    look += 1
                if going == 0:
                    break
                if hit.status == SKY or hit.status == BORDER:
                    going = 0
                else:
                    vertex_f[slot, V_ONWARD] = 1.0 / chance
                    k += 1
                    slot += 1
                    n = hit.normal
                    p = o + hit.t * d
                    o = p + OFFSET * n
                    region = hit.region
                    composition = 0
                    pa = 0.4
                    z_wind = p.z
                    if hit.status == GROUND:
                        composition = ground_label(p.x, p.y, ground, grid_f, ground_cell)
                        z_wind = 2.0
                    elif hit.status == ROOF:
                        composition = region_composition[hit.region]
                        pa = region_pa[hit.region]
                    elif hit.status == LEAF:
                        composition = ti.cast(blocks[grid_i[G_CROWNS] + K_LEAF], ti.i32)
                        pa = blocks[grid_i[G_CROWNS] + K_LEAF_PA]
                    else:
                        composition = default_facade
                        if hit.facade >= 0:
                            composition = facade_composition[hit.facade]
                            pa = facade_info[hit.facade, 0]
                    drawn = sobol_2d(index, combine(key, ti.cast(17 + 4 * k, ti.u32)))
                    luck = drawn.y
                    vertex_f[slot, V_X] = o.x
                    vertex_f[slot, V_Y] = o.y
                    vertex_f[slot, V_Z] = o.z
                    vertex_f[slot, V_NX] = n.x
                    vertex_f[slot, V_NY] = n.y
                    vertex_f[slot, V_NZ] = n.z
                    vertex_f[slot, V_WIND] = wind_factor(p.x, p.y, z_wind, wind, wind_f)
                    vertex_f[slot, V_PA] = pa
                    vertex_f[slot, V_MATERIAL] = drawn.x
                    vertex_f[slot, V_ONWARD] = 0.0
                    vertex_i[slot, W_COMPOSITION] = composition
                    vertex_i[slot, W_KIND] = hit.status
                    vertex_i[slot, W_REGION] = region
                    vertex_i[slot, W_ORIENTATION] = orientation_class(n)
            depth[path] = k
