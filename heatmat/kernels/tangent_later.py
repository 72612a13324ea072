"""Derivatives of what paths bring: the march of later vertices with its tangent beside it."""

from heatmat.kernels.heightfield import GROUND, ROOF
from heatmat.kernels.layout import (
    C_ABSORPTANCE,
    C_ALBEDO,
    C_EMISSIVITY,
    C_STEADY_GAIN,
    F_AIR,
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SURROUNDINGS,
    HELD_AT_AIR,
    LINEAR,
    M_DAY,
    M_GAIN,
    M_LAG,
    MAX_VERTICES,
    O_CONVECTION,
    O_DAY,
    O_LINEAR,
    O_SKY,
    O_UNSHADED,
    ORIENTATIONS,
    P_BASE,
    SLAB,
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
    LINEAR_PASSES,
    PERIODIC_LINEAR,
    WARMING,
    Line,
    line_step,
    tangent_at,
)
from heatmat.kernels.march import beam_cosine, periodic_start
from heatmat.kernels.paths import U2
from heatmat.kernels.receive import (
    GROUND_VIEW,
    H_LIT,
    H_LONG,
    H_MORE,
    H_REFERENCE,
    H_SHORT,
    HOUR_ROWS,
    REFLECTED,
    ROOF_VIEW,
    WALL_VIEW,
    physics_vector,
    pick_construction,
    receive,
    switches_vector,
    what_it_brings,
)
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.kernels.surface_step import film_of, slab_of, wetness
from heatmat.kernels.tangent_step import (
    flux_line_tangent,
    limited_slope_tangent,
    line_step_tangent,
    periodic_start_tangent,
    slab_tangent_of,
)
from heatmat.kernels.wall import forced_film, limited_slope, load_modes
from heatmat.runtime import ti, tm

# Rows of a path's derivatives, as the first four of its series
TANGENT_ROWS = 4

# Rows of the derivatives of known series (`d_hours`, `d_series`)
D_BORDER_SHORT, D_BORDER_LONG, D_SURROUNDINGS = range(3)


@ti.func
def receive_tangent(
    base,
    d_base,
    construction,
    normal,
    kind,
    brings,
    all_global,
    first,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    d_hours: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
):
    """Derivative of `receive.receive`, taken before that overwrites the carried series.

    The share of the beam that the vertex sees is not known yet: see `beam_tangent`.
    """
    albedo = properties[construction, C_ALBEDO]
    absorptance = properties[construction, C_ABSORPTANCE]
    emissivity = properties[construction, C_EMISSIVITY]
    d_albedo = d_properties[construction, C_ALBEDO]
    d_absorptance = d_properties[construction, C_ABSORPTANCE]
    d_emissivity = d_properties[construction, C_EMISSIVITY]
    view = WALL_VIEW
    if kind == GROUND:
        view = GROUND_VIEW
    elif kind == ROOF:
        view = ROOF_VIEW
    for h in range(1, last + 1):
        at = base + h * HOUR_ROWS
        d_at = d_base + h * TANGENT_ROWS
        carried = brings.carry * path_series[at + H_SHORT]
        d_carried = brings.carry * path_tangents[d_at + H_SHORT]
        straight = (
            brings.isotropic * hours[F_ISOTROPIC, h]
            + brings.band * hours[F_BAND, h]
            + brings.border * hours[F_BORDER_SHORT, h]
            + brings.typical * REFLECTED * hours[F_GLOBAL, h]
        )
        d_straight = brings.border * d_hours[D_BORDER_SHORT, h]
        long = (
            brings.air * hours[F_AIR_RADIATION, h]
            + brings.sky * hours[F_SKY, h]
            + brings.border * hours[F_BORDER_LONG, h]
            + brings.typical * hours[F_SURROUNDINGS, h]
            + brings.carry * path_series[at + H_LONG]
        )
        d_long = (
            brings.border * d_hours[D_BORDER_LONG, h]
            + brings.typical * d_hours[D_SURROUNDINGS, h]
            + brings.carry * path_tangents[d_at + H_LONG]
        )
        short_r = view * hours[F_ISOTROPIC, h] + REFLECTED * (1.0 - view) * hours[F_GLOBAL, h]
        long_r = view * hours[F_SKY, h] + (1.0 - view) * hours[F_SURROUNDINGS, h]
        d_long_r = (1.0 - view) * d_hours[D_SURROUNDINGS, h]
        short = carried + straight
        d_short = d_carried + d_straight
        if all_global == 1:
            short = hours[F_GLOBAL, h]
            short_r = short
            carried = short
            straight = 0.0
            d_short = 0.0
            d_carried = 0.0
            d_straight = 0.0
        told = ti.cast(1 - first, ti.f32)
        path_tangents[d_at + H_MORE] = (
            d_absorptance * (short - short_r)
            + absorptance * d_short
            + d_emissivity * (long - long_r)
            + emissivity * (d_long - d_long_r)
        )
        path_tangents[d_at + H_REFERENCE] = (
            d_absorptance * short_r + d_emissivity * long_r + emissivity * d_long_r
        )
        path_tangents[d_at + H_SHORT] = d_albedo * (carried + told * straight) + albedo * (
            d_carried + told * d_straight
        )
        path_tangents[d_at + H_LONG] = (1.0 - emissivity) * d_long - d_emissivity * long


@ti.func
def beam_tangent(
    base,
    d_base,
    construction,
    normal,
    all_global,
    first,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    d_properties: ti.template(),
):
    """What `receive_tangent` left out: the beam that the vertex turned out to see."""
    if all_global == 0:
        d_albedo = d_properties[construction, C_ALBEDO]
        d_absorptance = d_properties[construction, C_ABSORPTANCE]
        told = ti.cast(1 - first, ti.f32)
        for h in range(1, last + 1):
            beam = (
                hours[F_BEAM, h]
                * beam_cosine(normal, hours, h)
                * path_series[base + h * HOUR_ROWS + H_LIT]
            )
            path_tangents[d_base + h * TANGENT_ROWS + H_REFERENCE] += d_absorptance * beam
            path_tangents[d_base + h * TANGENT_ROWS + H_SHORT] += d_albedo * told * beam


@ti.func
def march_linear_tangent(
    base,
    d_base,
    construction,
    normal,
    wind,
    perimeter_over_area,
    lit,
    last,
    path_series: ti.template(),
    path_tangents: ti.template(),
    hours: ti.template(),
    free: ti.template(),
    d_free: ti.template(),
    modes: ti.template(),
    d_modes: ti.template(),
    properties: ti.template(),
    d_properties: ti.template(),
    classes: ti.template(),
    d_classes: ti.template(),
    class_hours: ti.template(),
    d_class_hours: ti.template(),
    c,
    physics,
    switches,
):
    """`linear.march_linear` with its derivative, over one chunk of time that holds everything."""
    steady = properties[construction, C_STEADY_GAIN]
    d_steady = d_properties[construction, C_STEADY_GAIN]
    mode = switches[O_CONVECTION]
    slab = slab_of(construction, properties, modes, physics)
    d_slab = slab_tangent_of(construction, d_properties, d_modes, physics)
    place = film_of(construction, normal, wind, perimeter_over_area, properties, physics, mode)
    lag = load_modes(modes, construction, M_LAG)
    d_lag = load_modes(d_modes, construction, M_LAG)
    day = load_modes(modes, construction, M_DAY)
    d_day = load_modes(d_modes, construction, M_DAY)
    gain = load_modes(modes, construction, M_GAIN)
    d_gain = load_modes(d_modes, construction, M_GAIN)
    alone = 0
    if switches[O_LINEAR] == 1 and mode == LINEAR and slab.moisture == 0.0:
        alone = 1
    now = Line(0.0)
    d_now = Line(0.0)
    sunny = lit
    start = classes[c, 0, 0] + lit * (classes[c + 1, 0, 0] - classes[c, 0, 0])
    d_start = d_classes[c] + lit * (d_classes[c + 1] - d_classes[c])
    start_flux = 0.0
    d_start_flux = 0.0
    if slab.held == SLAB:
        start_flux = (start - free[construction, 0]) / steady
        d_start_flux = (d_start - d_free[construction, 0] - d_steady * start_flux) / steady
        d_now.theta = d_start
    now.theta = start
    now.modes = gain * start_flux
    d_now.modes = d_gain * start_flux + gain * d_start_flux
    now_r = now
    d_now_r = d_now
    known_before = 0.0
    d_known_before = 0.0
    more_before = 0.0
    d_more_before = 0.0
    passes = 1 + LINEAR_PASSES
    turn = 0
    while turn < passes:
        last_turn = turn == passes - 1
        count = last
        if not last_turn:
            count = switches[O_DAY]
        start_modes = now.modes
        start_modes_r = now_r.modes
        d_start_modes = d_now.modes
        d_start_modes_r = d_now_r.modes
        # Sums over the day: flux, temperature and their derivatives; of the reference too.
        sums = tm.vec4(0.0)
        sums_r = tm.vec4(0.0)
        sum_free = 0.0
        d_sum_free = 0.0
        sum_slope = 0.0
        known = path_series[base + HOUR_ROWS + H_REFERENCE]
        more = path_series[base + HOUR_ROWS + H_MORE]
        d_known = path_tangents[d_base + TANGENT_ROWS + H_REFERENCE]
        d_more = path_tangents[d_base + TANGENT_ROWS + H_MORE]
        if turn == 0:
            known_before = known
            more_before = more
            d_known_before = d_known
            d_more_before = d_more
            now_r.exchange = start_flux - known
            now.exchange = start_flux - known - more
            d_now_r.exchange = d_start_flux - d_known
            d_now.exchange = d_start_flux - d_known - d_more
        for h in range(1, count + 1):
            at = base + h * HOUR_ROWS
            d_at = d_base + h * TANGENT_ROWS
            known_after = known
            more_after = more
            d_known_after = d_known
            d_more_after = d_more
            if h < last:
                known_after = path_series[at + HOUR_ROWS + H_REFERENCE]
                more_after = path_series[at + HOUR_ROWS + H_MORE]
                d_known_after = path_tangents[d_at + TANGENT_ROWS + H_REFERENCE]
                d_more_after = path_tangents[d_at + TANGENT_ROWS + H_MORE]
            before = now
            before_r = now_r
            d_before = d_now
            d_before_r = d_now_r
            slope_r = limited_slope(known_before, known, known_after)
            d_slope_r = limited_slope_tangent(
                known_before, known, known_after, d_known_before, d_known, d_known_after
            )
            slope = slope_r + 0.5 * (more_after - more_before)
            d_slope = d_slope_r + 0.5 * (d_more_after - d_more_before)
            wet = wetness(slab, hours, h)
            t_air = hours[F_AIR, h]
            forced = forced_film(normal, place.forced, hours, h)
            mean_free = 0.5 * (free[construction, h - 1] + free[construction, h])
            d_mean_free = 0.5 * (d_free[construction, h - 1] + d_free[construction, h])
            sunny += WARMING * (path_series[at + H_LIT] - sunny)
            like = class_hours[c, h] + sunny * (class_hours[c + 1, h] - class_hours[c, h])
            d_like = d_class_hours[c, h] + sunny * (d_class_hours[c + 1, h] - d_class_hours[c, h])
            mean_r = t_air
            d_mean_r = 0.0
            evaporates = 0
            factor = 1.0
            if slab.held != SLAB:
                now_r.theta = t_air
                if slab.held != HELD_AT_AIR:
                    now_r.theta = slab.held_value
                mean_r = now_r.theta
            elif alone == 0:
                line_r = tangent_at(like, t_air, forced, slab, place, physics, switches)
                now_r = line_step(
                    before_r, known, slope_r, free[construction, h], wet, 0, line_r, slab
                )
                if wet > 0.0 and now_r.theta > t_air:
                    evaporates = 1
                    factor = 1.0 / (1.0 - wet)
                    now_r = line_step(
                        before_r, known, slope_r, free[construction, h], wet, 1, line_r, slab
                    )
                d_line_r = flux_line_tangent(
                    like, d_like, t_air, forced, factor, slab, d_slab, place, physics, switches
                )
                d_now_r = line_step_tangent(
                    before_r, d_before_r, now_r, known, slope_r, d_known, d_slope_r,
                    d_free[construction, h],
                    line_r.slope + (factor - 1.0) * line_r.convection_slope,
                    d_line_r, slab, d_slab,
                )  # fmt: skip
                flux_r = known + 0.5 * (before_r.exchange + now_r.exchange)
                d_flux_r = d_known + 0.5 * (d_before_r.exchange + d_now_r.exchange)
                moved_r = now_r.modes - before_r.modes
                mean_r = mean_free + steady * flux_r - (lag * moved_r).sum()
                d_mean_r = (
                    d_mean_free
                    + d_steady * flux_r
                    + steady * d_flux_r
                    - (d_lag * moved_r + lag * (d_now_r.modes - d_before_r.modes)).sum()
                )
                sums_r += tm.vec4(flux_r, mean_r, d_flux_r, d_mean_r)
            mean = mean_r
            d_mean = d_mean_r
            if slab.held == SLAB:
                line = tangent_at(now_r.theta, t_air, forced, slab, place, physics, switches)
                now = line_step(
                    before, known + more, slope, free[construction, h], wet, evaporates, line, slab
                )
                d_line = flux_line_tangent(
                    now_r.theta, d_now_r.theta, t_air, forced, factor, slab, d_slab, place,
                    physics, switches,
                )  # fmt: skip
                d_now = line_step_tangent(
                    before, d_before, now, known + more, slope, d_known + d_more, d_slope,
                    d_free[construction, h],
                    line.slope + (factor - 1.0) * line.convection_slope,
                    d_line, slab, d_slab,
                )  # fmt: skip
                flux = known + more + 0.5 * (before.exchange + now.exchange)
                d_flux = d_known + d_more + 0.5 * (d_before.exchange + d_now.exchange)
                moved = now.modes - before.modes
                mean = mean_free + steady * flux - (lag * moved).sum()
                d_mean = (
                    d_mean_free
                    + d_steady * flux
                    + steady * d_flux
                    - (d_lag * moved + lag * (d_now.modes - d_before.modes)).sum()
                )
                sums += tm.vec4(flux, mean, d_flux, d_mean)
                sum_slope += line.slope
                sum_free += mean_free
                d_sum_free += d_mean_free
            if last_turn:
                about = mean_r
                d_about = d_mean_r
                if switches[O_LINEAR] == 1:
                    about = 0.5 * (hours[F_AIR, h - 1] + t_air)
                    d_about = 0.0
                t = about + physics[P_BASE]
                unit = 4.0 * t * t * t
                h_r = slab.emission * unit
                d_h_r = d_slab.emission * unit + 3.0 * h_r / t * d_about
                path_series[at + H_LONG] += h_r * (0.25 * t + mean - about)
                path_tangents[d_at + H_LONG] += d_h_r * (0.25 * t + mean - about) + h_r * (
                    d_mean - 0.75 * d_about
                )
            known_before = known
            more_before = more
            d_known_before = d_known
            d_more_before = d_more
            known = known_after
            more = more_after
            d_known = d_known_after
            d_more = d_more_after
        if not last_turn and slab.held == SLAB:
            each = 1.0 / ti.cast(count, ti.f32)
            end = now.modes
            d_end = d_now.modes
            now.modes = periodic_start(
                end, start_modes, sums.x * each, sums.y * each, sum_free * each, sum_slope * each,
                construction, steady, modes,
            )  # fmt: skip
            d_now.modes = periodic_start_tangent(
                end, start_modes, d_end, d_start_modes, sums.z * each, sums.w * each,
                d_sum_free * each, sums.x * each, sum_slope * each, steady, d_steady, day, d_day,
                gain,
            )  # fmt: skip
            if alone == 0:
                end = now_r.modes
                d_end = d_now_r.modes
                now_r.modes = periodic_start(
                    end, start_modes_r, sums_r.x * each, sums_r.y * each, sum_free * each,
                    sum_slope * each, construction, steady, modes,
                )  # fmt: skip
                d_now_r.modes = periodic_start_tangent(
                    end, start_modes_r, d_end, d_start_modes_r, sums_r.z * each, sums_r.w * each,
                    d_sum_free * each, sums_r.x * each, sum_slope * each, steady, d_steady, day,
                    d_day, gain,
                )  # fmt: skip
            moved_both = (
                ti.abs(now.modes - start_modes).sum() + ti.abs(now_r.modes - start_modes_r).sum()
            )
            if moved_both < PERIODIC_LINEAR:
                turn = passes - 2
        turn += 1


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
                looks, slot, vertex_i[slot, W_STATUS], normal.z, k, physics, switches[O_SKY]
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
                hours, properties,
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
