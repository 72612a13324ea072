"""The sun's visibility, which tries the last wall in its way first, against first hits."""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely

from heatmat.field import Field
from heatmat.kernels import layout
from heatmat.kernels.heightfield import SKY
from heatmat.kernels.visibility import start_visibility
from heatmat.ray_benchmark import RaySet, Shots
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.solver import Solver
from tests.conftest import SEED
from tests.map_city import messy_city
from tests.physics_case import boxes, make_case_of, make_series, plan_requests, wall_requests


def test_the_sun_is_seen_where_a_ray_to_it_reaches_the_sky(rng: np.random.Generator) -> None:
    city = messy_city(np.random.default_rng(SEED), size=90.0, number=35)
    case = make_case_of(city, make_series())
    # A day over the city, in arcs of its own, so that consecutive positions have walls in common.
    solver = Solver(case, "cpu")
    height = np.repeat(np.radians([4.0, 20.0, 55.0]), 32)
    turn = np.tile(np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False), 3)
    sun = np.column_stack(
        [np.cos(height) * np.sin(turn), np.cos(height) * np.cos(turn), np.sin(height)]
    ).astype(np.float32)
    nodes, field = to_device(sun), solver.field
    maps = case.maps
    corner, size = np.array([maps.west, maps.south]), np.array([maps.nx, maps.ny])
    plan = plan_requests(corner + rng.uniform(0.02, 0.98, (150, 2)) * size * maps.resolution, 1)
    length = np.hypot(*(maps.facade_ab[:, 2:] - maps.facade_ab[:, :2]).T)
    stretches = np.column_stack([0 * length, length, maps.facade_z])
    for requests in (plan, wall_requests(range(len(length)), stretches, 1)):
        places, records, _, _ = solver.place(requests)
        start, record = places.to_numpy(), records.to_numpy()
        valid = record[:, layout.T_VALID] == 1
        bits = ti.ndarray(dtype=ti.u32, shape=(len(record), 3))
        start_visibility(places, records, nodes, bits, *field.geometry, field.grid_f, field.grid_i)
        words = bits.to_numpy().view(np.uint8)
        lit = np.unpackbits(words, axis=1, bitorder="little").astype(bool)[valid]
        start, record = start[valid], record[valid]
        each = np.repeat(np.arange(len(start)), len(sun))
        ray = np.column_stack([start[each, : layout.S_Z + 1], np.tile(sun, (len(start), 1))])
        regions = record[each, layout.T_REGION].copy()
        shots = Shots(field, RaySet("sun", ray.astype(np.float32), regions))
        shots.first()
        free = shots.what.to_numpy()[:, 0].reshape(lit.shape) == SKY
        normal = start[:, layout.S_NX : layout.S_NZ + 1]
        facing = normal @ sun.T
        clear = np.abs(facing) > 1e-5  # which side of a wall grazing light falls on is rounding
        expected = free & (facing > 0.0)
        np.testing.assert_array_equal(lit[clear], expected[clear])
        assert 0.05 < expected.mean() < 0.95


def test_shadows_are_cast_along_the_grids_axes() -> None:
    """Paths and field: azimuths from true north, less the grid's convergence."""
    case = make_case_of(boxes([shapely.box(0, 0, 8, 8)], [6.0], margin=4.0), make_series(dni=600.0))
    turned = dataclasses.replace(case, maps=dataclasses.replace(case.maps, convergence_deg=20.0))
    forcing = case.forcing
    true = forcing.sun_direction[forcing.spin_up_steps :][forcing.sun_up[forcing.spin_up_steps :]]
    expected = (np.degrees(np.arctan2(true[:, 0], true[:, 1])) - 20.0) % 360.0
    stamps = np.arange(forcing.spin_up_steps + 1, forcing.n_steps + 1)
    for asked in (Solver(turned, "cpu"), Field(turned, 8.0, stamps, device="cpu")):
        nodes = asked.plan.chunks[0].nodes
        azimuth = np.degrees(np.arctan2(nodes[:, 0], nodes[:, 1])) % 360.0
        np.testing.assert_allclose(azimuth, expected, atol=1e-3)
