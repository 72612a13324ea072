"""Rays through crowns: closed forms, a sum by small steps, both ways alike, leaves met."""

from __future__ import annotations

import numpy as np
import shapely

from heatmat.case import Case
from heatmat.kernels import layout
from heatmat.kernels.heightfield import G_CROWNS, LEAF, SKY
from heatmat.kernels.ray_batch import crown_depths
from heatmat.ray_benchmark import RaySet, Shots
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ensure_device, ti
from heatmat.solver import Solver
from tests.crown_case import grove, remake, shape_of, with_crowns
from tests.physics_case import boxes, local, make_case_of, make_series, plan_requests

TAU = 0.2


def depths(field: RayField, rays: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Optical depths of rays."""
    out = ti.ndarray(dtype=ti.f32, shape=(len(rays),))
    crown_depths(
        to_device(rays.astype(np.float32)), to_device(ends.astype(np.float32)), out, field.blocks,
        int(field.grid_i[G_CROWNS]),
    )  # fmt: skip
    return out.to_numpy()


def ragged(rng: np.random.Generator) -> Case:
    """A house among crowns of every height, with gaps."""
    house = shapely.box(0.0, 0.0, 10.0, 10.0)
    case = make_case_of(boxes([house], [8.0], margin=30.0), make_series())
    shape = shape_of(case.maps)
    top = rng.uniform(3.0, 15.0, shape) * (rng.random(shape) < 0.5)
    return remake(with_crowns(case.maps, top, rng.uniform(0.1, 0.6, shape) * top, TAU), case)


def random_rays(rng: np.random.Generator, case: Case, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays between points in the box of the crowns, and their lengths."""
    maps = case.maps
    corner = np.array([maps.west, maps.south, 0.0])
    size = np.array([maps.nx, maps.ny, 16.0]) * [maps.resolution, maps.resolution, 1.0]
    a, b = (corner + rng.uniform(0.02, 0.98, (count, 3)) * size for _ in range(2))
    length = np.linalg.norm(b - a, axis=1)
    return np.column_stack([a, (b - a) / length[:, None]]), length


def test_the_sun_through_a_wood_of_one_height_is_the_closed_form() -> None:
    case = grove(make_series(), half=False, margin=60.0, transmissivity=TAU, top=12.0, base=3.0)
    solver = Solver(case, "cpu")
    up = solver.plan.chunks[0].nodes[:, 2]
    high = up > 0.35  # a ray then leaves the wood through its top
    shares = solver.sun_shares(plan_requests(local(case, np.linspace(-30, -20, 9), -5.0), 1))
    expected = np.exp(np.log(TAU) / up[high])
    assert high.sum() > 30
    # Kept in 255 parts; half of one is 0.002.
    assert np.abs(shares[:, high] - expected).max() < 0.0021
    solver.close()


def test_depths_of_ragged_crowns_are_the_sums_of_small_steps(rng: np.random.Generator) -> None:
    ensure_device("cpu")
    case = ragged(rng)
    maps, field = case.maps, RayField(case)
    rays, length = random_rays(rng, case, 300)
    found = depths(field, rays, length)
    s = (np.arange(4000) + 0.5) / 4000 * length[:, None]
    p = rays[:, None, :3] + s[..., None] * rays[:, None, 3:]
    cell = maps.resolution / maps.ground_subdivision
    column = ((p[..., 0] - maps.west) / cell).astype(int)
    row = shape_of(maps)[0] - 1 - ((p[..., 1] - maps.south) / cell).astype(int)
    inside = (p[..., 2] > maps.crown_base[row, column]) & (p[..., 2] < maps.crown_top[row, column])
    k = -np.log(TAU) * maps.crown_density[row, column] * inside
    summed = k.mean(axis=1) * length
    # A step of 1 to 2 cm at every face of a column, of which a ray meets some twenty.
    assert np.abs(found - summed).max() < 0.1
    assert np.abs(found - summed).mean() < 0.01
    assert found.max() > 3.0


def test_a_ray_and_its_reverse_meet_the_same_leaves(rng: np.random.Generator) -> None:
    ensure_device("cpu")
    case = ragged(rng)
    field = RayField(case)
    rays, length = random_rays(rng, case, 2000)
    back = np.column_stack([rays[:, :3] + length[:, None] * rays[:, 3:], -rays[:, 3:]])
    ahead, behind = depths(field, rays, length), depths(field, back, length)
    assert ahead.mean() > 0.5
    # Rounding of single precision, at grazing columns of extinction 1 /m.
    assert np.abs(ahead - behind).max() < 5e-3


def test_rays_end_on_leaves_as_often_as_they_should(rng: np.random.Generator) -> None:
    case = grove(make_series(), half=False, margin=60.0, transmissivity=TAU, top=12.0, base=3.0)
    solver = Solver(case, "cpu")
    count = 20000
    up = 0.8
    turn = rng.uniform(0.0, 2.0 * np.pi, count)
    flat = np.sqrt(1.0 - up**2)
    start = np.column_stack([local(case, rng.uniform(-30, -10, count), -5.0), np.full(count, 0.01)])
    d = np.column_stack([flat * np.cos(turn), flat * np.sin(turn), np.full(count, up)])
    rays = np.column_stack([start, d]).astype(np.float32)
    shots = Shots(solver.field, RaySet("up", rays, np.zeros(count, np.int32)))
    shots.first()
    status, distance = shots.what.to_numpy()[:, 0], shots.distance.to_numpy()
    passed, k = np.exp(np.log(TAU) / up), -np.log(TAU) / 9.0
    error = np.sqrt(passed * (1.0 - passed) / count)
    assert abs((status == SKY).mean() - passed) < 4.0 * error
    met = status == LEAF
    # The way in the crown of those that end there: exponential, cut at the top.
    way = distance[met] - 2.99 / up
    whole = 9.0 / up
    mean = 1.0 / k - whole * passed / (1.0 - passed)
    assert abs(way.mean() - mean) < 4.0 * way.std() / np.sqrt(met.sum())
    assert (met | (status == SKY)).all()
    assert shots.what.to_numpy()[met, 2].max() == -1  # over no region
    solver.close()


def test_where_no_tree_stands_nothing_changes(rng: np.random.Generator) -> None:
    case = make_case_of(boxes([shapely.box(0, 0, 10, 10)], [8.0], margin=25.0), make_series())
    bare = RayField(case)
    none = np.zeros(shape_of(case.maps))
    field = RayField(remake(with_crowns(case.maps, none, none, TAU), case))
    assert int(field.grid_i[G_CROWNS]) == 0 and field.sun_size == layout.SUN_BIT
    assert field.blocks.shape == bare.blocks.shape
