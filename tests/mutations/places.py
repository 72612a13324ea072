"""Chosen places of the code, how to break each of them, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """A fault to be put into the code.

    Attributes
    ----------
    name : str
        What is wrong then.
    file : str
        From the root of the repository.
    old, new : str
        Text that occurs exactly once, and what takes its place.
    tests : str
        The cheapest tests that must fail, as pytest takes them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


FORCING = "tests/test_forcing.py::test_"
HEIGHTS = "tests/kernels/test_heightfield.py::test_"
LAW = "tests/validation/test_wall_law.py::test_"
OPEN = "tests/validation/test_open_field.py::test_"
ENCLOSED = "tests/validation/test_enclosures.py::test_"
CITY = "tests/validation/test_city_day.py::test_"
WALL = "tests/kernels/test_wall.py::test_"

TIME_AND_SUN = (
    Mutation(
        "the clock's offset from UTC with the wrong sign",
        "heatmat/solar.py",
        '.astype("datetime64[s]") - shift',
        '.astype("datetime64[s]") + shift',
        FORCING + "sun_against_an_independent_formula",
    ),
    Mutation(
        "radiation of an hour taken half an hour late",
        "heatmat/solar.py",
        "(np.arange(-1, n + 1) + 0.5)",
        "(np.arange(-1, n + 1) + 1.0)",
        FORCING + "linear_half_hour_reads_rows_at_their_middles",
    ),
    Mutation(
        "the sunrise hour keeps its mean, not its energy",
        "heatmat/solar.py",
        "share = per_row / np.maximum(count, 1)",
        "share = np.ones(rows)",
        FORCING + "every_hour_keeps_its_energy",
    ),
    Mutation(
        "azimuth mirrored: morning in the west",
        "heatmat/solar.py",
        "directions[part, 0] = np.cos(elevation)",
        "directions[part, 0] = -np.cos(elevation)",
        FORCING + "sun_against_an_independent_formula",
    ),
    Mutation(
        "true north taken for the grid's, sun and wind on a surface",
        "heatmat/tables.py",
        "turn = np.radians(self.case.maps.convergence_deg)",
        "turn = 0.0 * self.case.maps.convergence_deg",
        WALL + "film_coefficients",
    ),
    Mutation(
        "true north taken for the grid's, shadows",
        "heatmat/solver.py",
        "case.forcing, chunk_steps, stamps, case.maps.convergence_deg",
        "case.forcing, chunk_steps, stamps, 0.0",
        "tests/kernels/test_shadow.py::test_shadows_are_cast_along_the_grids_axes",
    ),
    Mutation(
        "true north taken for the grid's, shadows in the field",
        "heatmat/field.py",
        "self.plan = field_plan(case.forcing, stamps, case.maps.convergence_deg)",
        "self.plan = field_plan(case.forcing, stamps, 0.0)",
        "tests/kernels/test_shadow.py::test_shadows_are_cast_along_the_grids_axes",
    ),
    Mutation(
        "horizontal infrared of the weather file ignored",
        "heatmat/epw.py",
        'columns["horizontal infrared"] > 0.0',
        'columns["horizontal infrared"] > 1e9',
        "tests/test_weather.py::test_every_column_lands_where_it_belongs",
    ),
    Mutation(
        "spin-up days dropped",
        "heatmat/forcing.py",
        'np.datetime64(begin, "s") - np.timedelta64(days, "D")',
        'np.datetime64(begin, "s") - np.timedelta64(0 * days, "D")',
        FORCING + "window_is_open_at_its_start",
    ),
    Mutation(
        "the first day is lived through eight times, not made periodic",
        "heatmat/kernels/march.py",
        "return (x_end - day * x_start) / (1.0 - day) + gain * (slope * shift)",
        "return x_end + 0.0 * gain * (day * slope * shift)",
        LAW + "first_day_is_periodic_without_living_through_it",
    ),
)

GEOMETRY = (
    Mutation(
        "walls look into their own building",
        "heatmat/kernels/starts.py",
        "n = tm.vec3(ey, -ex, 0.0)",
        "n = tm.vec3(-ey, ex, 0.0)",
        HEIGHTS + "starts_stand_in_front_of_their_surfaces",
    ),
    Mutation(
        "a ray is told the wall's other side",
        "heatmat/kernels/heightfield.py",
        "if n.x * d.x + n.y * d.y > 0.0:",
        "if n.x * d.x + n.y * d.y < 0.0:",
        HEIGHTS + "rays_hit_what_brute_force_finds",
    ),
    Mutation(
        "walls half a metre too high",
        "heatmat/kernels/edges.py",
        "< at_a + met.z * (at_b - at_a)",
        "< at_a + 0.5 + met.z * (at_b - at_a)",
        HEIGHTS + "rays_hit_what_brute_force_finds",
    ),
    Mutation(
        "party walls exposed",
        "heatmat/facades.py",
        "*(own - other).T",
        "*own.T",
        "tests/test_maps.py::test_wall_area_of_the_district_agrees_with_sampled_footprints",
    ),
    Mutation(
        "no shadow rays: what faces the sun is lit",
        "heatmat/kernels/visibility.py",
        "    if n.dot(sun) > 0.0:",
        "    if n.dot(sun) > 0.0:\n        found = NO_ROW\n    if n.dot(sun) > 2.0:",
        "tests/kernels/test_shadow.py::test_the_sun_is_seen_where_a_ray_to_it_reaches_the_sky",
    ),
    Mutation(
        "directions even over the hemisphere",
        "heatmat/kernels/sampling.py",
        "z = ti.sqrt(ti.max(0.0, 1.0 - x * x - y * y))",
        "z = 1.0 - x * x - y * y\n    x *= ti.sqrt(1.0 + z)\n    y *= ti.sqrt(1.0 + z)",
        "tests/kernels/test_sampling.py::test_directions_are_cosine_weighted",
    ),
)

RADIATION = (
    Mutation(
        "no cosine of incidence on the beam",
        "heatmat/kernels/march.py",
        "    return ti.max(\n        0.0,\n        normal.x * series[F_SUN_X, n]",
        "    return ti.select(normal.z > -2.0, 1.0,\n        normal.x * series[F_SUN_X, n]",
        OPEN + "light_on_walls_roof_and_border",
    ),
    Mutation(
        "circumsolar light counted twice",
        "heatmat/sky.py",
        "dhi * (1.0 - f1) - share * band",
        "dhi - share * band",
        "tests/test_sky.py::test_open_ground_and_wall_get_what_pvlib_says",
    ),
    Mutation(
        "the horizon band as bright as on the level",
        "heatmat/tables.py",
        "(band + 0.5 * np.sin(2.0 * band))",
        "(np.pi * np.sin(band) ** 2)",
        OPEN + "light_on_walls_roof_and_border",
    ),
    Mutation(
        "the sky as warm as the air",
        "heatmat/kernels/receive.py",
        "g = sky_weight(up, normal_z, physics, model)",
        "g = 0.0 * sky_weight(up, normal_z, physics, model)",
        OPEN + "longwave_of_the_sky_models",
    ),
    Mutation(
        "light is reflected once only",
        "heatmat/kernels/later_receive.py",
        "carried = carry * t[H_SHORT * LANES + q]",
        "carried = 0.0 * carry * t[H_SHORT * LANES + q]",
        ENCLOSED + "light_of_all_bounces_in_a_canyon",
    ),
    Mutation(
        "roulette not compensated",
        "heatmat/kernels/paths.py",
        "vertex_f[slot, V_ONWARD] = 1.0 / chance",
        "vertex_f[slot, V_ONWARD] = 1.0",
        ENCLOSED + "light_of_all_bounces_in_a_canyon",
    ),
    Mutation(
        "no reflected longwave",
        "heatmat/kernels/later_receive.py",
        "t[H_LONG * LANES + q] = (1.0 - emissivity) * long",
        "t[H_LONG * LANES + q] = 0.0 * long",
        ENCLOSED + "furnace",
    ),
    Mutation(
        "albedo and emissivity swapped",
        "heatmat/prepare.py",
        "albedo=np.array([item.albedo for item in items]),\n"
        "        emissivity=np.array([item.emissivity for item in items]),",
        "albedo=np.array([item.emissivity for item in items]),\n"
        "        emissivity=np.array([item.albedo for item in items]),",
        ENCLOSED + "longwave_of_a_canyon_with_held_surfaces",
    ),
    Mutation(
        "an hour's exchange between surfaces comes an hour late",
        "heatmat/kernels/gather.py",
        "of_hour = first + hour * HOUR_ROWS",
        "of_hour = first + ti.max(1, hour - 1) * HOUR_ROWS",
        ENCLOSED + "longwave_between_surfaces_keeps_time",
    ),
)

BALANCE = (
    Mutation(
        "convection with the wrong sign",
        "heatmat/kernels/surface_step.py",
        "convection = h.x * (t_air - theta)",
        "convection = h.x * (theta - t_air)",
        LAW + "the_compiled_march_and_its_readable_twin",
    ),
    Mutation(
        "leeward taken for windward, kernels",
        "heatmat/kernels/wall.py",
        "normal.y * series[F_WIND_Y, n] >= -1e-4",
        "normal.y * series[F_WIND_Y, n] <= -1e-4",
        WALL + "film_coefficients",
    ),
    Mutation(
        "urban form read from the next column",
        "heatmat/kernels/windfield.py",
        "ix = ti.cast(ti.floor((x - wind_f[0]) / wind_f[2]), ti.i32)",
        "ix = ti.cast(ti.floor((x - wind_f[0]) / wind_f[2]), ti.i32) + 1",
        WALL + "wind_factors",
    ),
    Mutation(
        "evaporation with the wrong sign",
        "heatmat/kernels/surface_step.py",
        "flux += share * convection",
        "flux -= share * convection",
        CITY + "five_fluxes_balance_everywhere",
    ),
    Mutation(
        "the rise of the light within a step with the wrong sign",
        "heatmat/kernels/surface_step.py",
        "push = known - 0.5 * known_slope",
        "push = known + 0.5 * known_slope",
        LAW + "closed_forms_at_the_default_step",
    ),
    Mutation(
        "layers inside out",
        "heatmat/prepare.py",
        "for layer in construction.full_layers",
        "for layer in construction.full_layers[::-1]",
        "tests/test_conduction.py::test_layers_stand_in_their_order",
    ),
    Mutation(
        "wall and roof films swapped",
        "heatmat/prepare.py",
        'inside_film["roof" if construction.kind == "roof" else "wall"]',
        'inside_film["wall" if construction.kind == "roof" else "roof"]',
        LAW + "steady_layers",
    ),
    Mutation(
        "deep ground ignored: rooms below the streets",
        "heatmat/case.py",
        'if table.kinds[construction] == "ground":',
        'if table.kinds[construction] == "earth":',
        "tests/validation/test_city_day.py::test_rooms_warm_walls_and_the_deep_ground_streets",
    ),
)

QUESTIONS = (
    Mutation(
        "standard errors of one replicate, not of their mean",
        "heatmat/estimate.py",
        "/ np.sqrt(counted.sum(axis=1))[:, None]",
        "/ np.sqrt(np.ones(len(counted)))[:, None]",
        "tests/test_estimate.py::test_standard_error_is_that_of_the_replicates_mean",
    ),
    Mutation(
        "convection with the wrong sign in the field",
        "heatmat/kernels/lanes.py",
        "convection = h * (t_air - theta)",
        "convection = h * (theta - t_air)",
        "tests/test_field.py::test_field_against_paths",
    ),
    Mutation(
        "texels send each other twice what they send",
        "heatmat/kernels/field_incident.py",
        "scale = QUANTUM / (members * ti.cast(links.shape[1], ti.f32))",
        "scale = 2.0 * QUANTUM / (members * ti.cast(links.shape[1], ti.f32))",
        "tests/test_field.py::test_furnace",
    ),
)

GREEN = (
    Mutation(
        "leaves show rays one side alone",
        "heatmat/kernels/crowns.py",
        "ti.select((combine(key, ti.u32(4)) & ti.u32(1)) == ti.u32(0), 1.0, -1.0)",
        "ti.select((combine(key, ti.u32(4)) & ti.u32(1)) == ti.u32(2), -1.0, 1.0)",
        "tests/kernels/test_leaf_normals.py::test_leaves_show_rays_either_side",
    ),
    Mutation(
        "crowns a tenth denser than their transmissivity says",
        "heatmat/crowns.py",
        "depth * maps.crown_density",
        "1.1 * depth * maps.crown_density",
        "tests/kernels/test_crowns.py::test_the_sun_through_a_wood_of_one_height_is_the_closed_form",
    ),
    Mutation(
        "watering over midnight never on",
        "heatmat/kernels/lanes.py",
        "ti.select(begins < ends, after * early, ti.max(after, early))",
        "after * early",
        "tests/test_water.py",
    ),
    Mutation(
        "no water evaporates",
        "heatmat/kernels/lanes.py",
        "c[R_WATERED * LANES + q], c[R_MOISTURE * LANES + q]) * share",
        "c[R_WATERED * LANES + q], c[R_MOISTURE * LANES + q]) * 0.0 * share",
        "tests/test_water.py",
    ),
    Mutation(
        "deep water mixed down to one metre, not two",
        "heatmat/data/construction_layers.csv",
        "water,1,mixed_water,2.0,",
        "water,1,mixed_water,1.0,",
        "tests/test_water.py::test_a_day_moves_the_marched_layer_as_the_closed_form_says",
    ),
    Mutation(
        "hills mirrored: south in the north",
        "heatmat/kernels/terrain.py",
        "v = (y - blocks[first + H_SOUTH]) / blocks[first + H_CELL]",
        "v = ti.cast(ny, ti.f32) - 1.0 - (y - blocks[first + H_SOUTH]) / blocks[first + H_CELL]",
        "tests/test_terrain.py::test_a_scarp_takes_its_part_of_sky_and_sun",
    ),
    Mutation(
        "hills do not hide the sun",
        "heatmat/kernels/heightfield.py",
        "if over_hills(o, d, FAR, blocks, first) < FAR:",
        "if over_hills(o, d, FAR, blocks, first) < 0.0:",
        "tests/test_terrain.py::test_a_scarp_takes_its_part_of_sky_and_sun",
    ),
    Mutation(
        "buildings stand as high as the land under them",
        "heatmat/rasterise.py",
        "    cells = _rasters(regions, grid, counts)\n",
        "    cells = _rasters(regions, grid, counts)\n"
        '    cells["height"] = cells["height"] + _land(city, grid, {})["terrain"]\n',
        "tests/test_terrain.py::test_buildings_keep_one_base",
    ),
    Mutation(
        "rows of trees across carriageways",
        "heatmat/planting.py",
        "clear[near] = False",
        "clear[near] = True",
        "tests/test_planting.py",
    ),
)

MUTATIONS = (*TIME_AND_SUN, *GEOMETRY, *RADIATION, *BALANCE, *QUESTIONS, *GREEN)
