"""Rays against brute force over every edge and plane, and no way into a solid."""

import functools

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.case import Case
from heatmat.city import City
from heatmat.kernels import layout
from heatmat.kernels.heightfield import (
    BORDER,
    GROUND,
    ROOF,
    SKY,
    WALL,
    grid_numbers,
    region_at,
    trace,
)
from heatmat.kernels.starts import F1, F2, I1, I2, ivec4
from heatmat.maps import Maps, plane_height
from heatmat.rasterise import maps_from_city
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ensure_device, ti, tm
from heatmat.solver import Solver
from tests.conftest import SEED
from tests.map_city import make_city, messy_city
from tests.physics_case import make_case_of, make_series, plan_requests, wall_requests


@ti.kernel
def trace_many(
    rays: F2,
    out_f: F2,
    out_i: I2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    for i in range(rays.shape[0]):
        hit = trace(
            tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2]),
            tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5]),
            -1,
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
        out_i[i, 0] = hit.status
        out_i[i, 1] = hit.facade
        out_i[i, 2] = hit.region
        out_f[i, 0] = hit.t
        for k in ti.static(range(3)):
            out_f[i, 1 + k] = hit.normal[k]


@ti.kernel
def regions_of(
    points: F2,
    out: I1,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    for i in range(points.shape[0]):
        out[i] = region_at(
            points[i, 0],
            points[i, 1],
            cells,
            blocks,
            block_edges,
            edge_sides,
            grid_f,
            grid_i,
        )


class Rays:
    """A city's rays and regions on the device."""

    def __init__(self, maps: Maps, case: Case | None = None) -> None:
        ensure_device("cpu")
        self.maps, self.case = maps, _bare_case(maps) if case is None else case
        self.field = RayField(self.case)

    def trace(self, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance and normal (n, 4); status, facade, region (n, 3)."""
        field = self.field
        out_f = ti.ndarray(dtype=ti.f32, shape=(len(rays), 4))
        out_i = ti.ndarray(dtype=ti.i32, shape=(len(rays), 3))
        trace_many(
            to_device(rays.astype(np.float32)), out_f, out_i, *field.geometry, field.grid_f,
            field.grid_i,
        )  # fmt: skip
        return out_f.to_numpy().astype(float), out_i.to_numpy()

    def regions(self, xy: np.ndarray) -> np.ndarray:
        field = self.field
        out = ti.ndarray(dtype=ti.i32, shape=(len(xy),))
        regions_of(
            to_device(xy.astype(np.float32)), out, field.cells, field.blocks, field.block_edges,
            field.edge_sides, field.grid_f, field.grid_i,
        )  # fmt: skip
        return out.to_numpy()

    def heights(self, xy: np.ndarray) -> np.ndarray:
        """Height of the surface at points of the plan."""
        region = self.regions(xy)
        return plane_height(self.maps.region_plane[region].astype(float), xy[:, 0], xy[:, 1])


def _bare_case(maps: Maps) -> Case:
    """Only what `RayField` reads."""
    from types import SimpleNamespace

    form = np.zeros((*maps.wind_mean_height.shape, 6), np.float32)
    physics = SimpleNamespace(wind_model=-1.0)
    return SimpleNamespace(  # type: ignore[return-value]
        maps=maps, wind_coefficients=form, physics=physics, default_facade=0
    )


def brute_force(
    maps: Maps, o: np.ndarray, d: np.ndarray, first: int
) -> tuple[int, float, int, float]:
    """Status, distance and facade of one ray by all edges and planes in float64, and how near the
    decision was [m]."""
    a, b = maps.edge_ab[:, :2].astype(float) - o[:2], maps.edge_ab[:, 2:].astype(float) - o[:2]
    side_a = d[0] * a[:, 1] - d[1] * a[:, 0]
    side_b = d[0] * b[:, 1] - d[1] * b[:, 0]
    crossed = (side_a >= 0) != (side_b >= 0)
    index = np.flatnonzero(crossed)
    e = b[index] - a[index]
    t = (a[index, 0] * e[:, 1] - a[index, 1] * e[:, 0]) / (d[0] * e[:, 1] - d[1] * e[:, 0])
    ahead = t > 0
    order = np.argsort(t[ahead])
    index, t = index[ahead][order], t[ahead][order]
    to_left = side_b[index] < side_a[index]
    # The nearest that the ray's plan comes to an end of the edges it passes.
    margin = min(
        np.abs(np.concatenate([side_a[index], side_b[index], [np.inf]])).min()
        / np.hypot(d[0], d[1]),
        np.inf,
    )
    inside = (o[:2] - [maps.west, maps.south]) / maps.resolution
    far = np.where(d[:2] > 0, [maps.nx, maps.ny] - inside, inside) * maps.resolution
    t_edge = np.min(far / np.maximum(np.abs(d[:2]), 1e-12))
    region, before = first, 0.0
    planes = maps.region_plane.astype(float)

    def above(r: int, s: float) -> float:
        p = o + s * d
        return float(p[2] - plane_height(planes[r], p[0], p[1]))

    for k in range(len(t) + 1):
        after = t[k] if k < len(t) else t_edge
        f0, f1 = above(region, before), above(region, after)
        if f1 < 0.0 and f1 < f0:
            clear = max(f0, 0.0)
            return (
                ROOF if region else GROUND,
                before + (after - before) * clear / (clear - f1),
                -1,
                min(margin, abs(f1)),
            )
        margin = min(margin, abs(f1)) if k < len(t) else margin
        if k == len(t):
            break
        left = 0 if to_left[k] else 1
        region = int(maps.edge_regions[index[k], left])
        gap = above(region, after)
        margin = min(margin, abs(gap))
        if gap < 0.0:
            return WALL, float(after), int(maps.edge_facades[index[k], left]), margin
        before = after
    return (SKY if d[2] >= 0 else BORDER), float(t_edge), -1, margin


def sloped_city() -> Maps:
    return maps_from_city(messy_city(np.random.default_rng(SEED), size=90.0, number=35), 1.0)


def flat_city(resolution: float = 2.0) -> Maps:
    rng = np.random.default_rng(SEED + 1)
    court = shapely.box(0, 0, 30, 26).difference(shapely.box(9, 8, 21, 19))
    polygons = [affinity.rotate(court, 33.0), shapely.box(60, 0, 70, 12), shapely.box(70, 0, 84, 9)]
    heights = [15.0, 12.0, 7.5]
    while len(polygons) < 25:
        box = shapely.box(0, 0, *rng.uniform(6, 20, 2))
        box = affinity.rotate(box, rng.uniform(0, 90))
        box = affinity.translate(box, *rng.uniform(-40, 110, 2))
        if not any(box.distance(other) < 0.5 for other in polygons):
            polygons.append(box)
            heights.append(rng.uniform(3, 30))
    return maps_from_city(make_city(polygons, heights), resolution)


def rays_above(rays: Rays, rng: np.random.Generator, count: int) -> np.ndarray:
    """From 1 cm to 20 m above random surfaces, in all directions."""
    maps = rays.maps
    xy = np.array([maps.west, maps.south]) + rng.uniform(0.02, 0.98, (count, 2)) * [
        maps.nx * maps.resolution,
        maps.ny * maps.resolution,
    ]
    xy = xy.astype(np.float32).astype(float)
    z = rays.heights(xy) + 10.0 ** rng.uniform(-2, 1.3, count)
    direction = rng.normal(size=(count, 3)) * [1.0, 1.0, 0.5]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.column_stack([xy, z, direction]).astype(np.float32)


@pytest.mark.parametrize("made", [flat_city, sloped_city])
def test_rays_hit_what_brute_force_finds(rng: np.random.Generator, made) -> None:  # noqa: ANN001
    rays = Rays(made())
    given = rays_above(rays, rng, 4000)
    first = rays.regions(given[:, :2])
    distance, what = rays.trace(given)
    seen: dict[int, int] = {}
    wrong = 0
    for ray, start, near, found in zip(given.astype(float), first, distance, what, strict=True):
        status, t, facade, margin = brute_force(rays.maps, ray[:3], ray[3:], start)
        seen[status] = seen.get(status, 0) + 1
        same = status == found[0] and (status in (SKY, BORDER) or abs(t - near[0]) < 0.01)
        same &= status != WALL or facade == found[1]
        if not same:
            # Rays that pass within 1 mm of a corner or an eave may go either way.
            assert margin < 1e-3, (ray, status, t, facade, found, near, margin)
            wrong += 1
    assert min(seen.get(kind, 0) for kind in (GROUND, ROOF, WALL, SKY, BORDER)) > 20, seen
    assert wrong <= 4  # one in a thousand


def test_regions_are_those_of_the_footprints(rng: np.random.Generator) -> None:
    """Against shapely, on footprints that do not overlap, courtyards and party walls included."""
    city_maps = flat_city(3.0)
    rays = Rays(city_maps)
    xy = rays_above(rays, rng, 20_000)[:, :2].astype(float)
    lines = shapely.linestrings(city_maps.edge_ab.reshape(-1, 2, 2).astype(float))
    near = shapely.distance(shapely.multilinestrings(lines), shapely.points(xy)) < 2e-3
    heights = np.zeros(len(xy))
    faces = shapely.polygonize(lines)
    for face in shapely.get_parts(faces):
        inside = shapely.contains_xy(face, *xy.T)
        if inside.any():
            # One face, one region: the same for all its points, and for no other face.
            regions = np.unique(rays.regions(xy[inside & ~near]))
            assert regions.size <= 1
            heights[inside] = np.abs(city_maps.region_plane[regions[:1], 0]).sum()
    np.testing.assert_allclose(rays.heights(xy)[~near], heights[~near], atol=1e-4)


@functools.cache
def district() -> Rays:
    return Rays(maps_from_city(City.embedded(), 1.0))


def test_no_ray_passes_through_a_wall_of_the_district(rng: np.random.Generator) -> None:
    """Between start and end every ray is above the surface, at ten places each."""
    rays = district()
    given = rays_above(rays, rng, 200_000)
    distance, what = rays.trace(given)
    along = np.where(what[:, 0] >= SKY, 300.0, distance[:, 0])
    maps = rays.maps
    low = np.array([maps.west, maps.south])
    high = low + np.array([maps.nx, maps.ny]) * maps.resolution
    deep = np.zeros(len(given), bool)
    for share in rng.uniform(0.0, 1.0, 10):
        p = given[:, :3].astype(float) + (share * along)[:, None] * given[:, 3:]
        on_map = ((p[:, :2] > low) & (p[:, :2] < high)).all(axis=1)
        # 2 cm: within it float32 and the shift of starts may put a point on either side.
        deep |= on_map & (rays.heights(p[:, :2]) > p[:, 2] + 0.02)
    slipped = (what[:, 0] == WALL) & (what[:, 1] < 0)
    # None is seen. Ten in a million would move no temperature by a millikelvin.
    assert deep.sum() <= 2
    assert slipped.sum() <= 2


def test_starts_stand_in_front_of_their_surfaces(rng: np.random.Generator) -> None:
    """Positions on ground, roofs and all facades of a messy city: outside every solid."""
    case = make_case_of(
        messy_city(np.random.default_rng(SEED), size=90.0, number=35), make_series()
    )
    maps = case.maps
    rays, solver = Rays(maps, case), Solver(case, "cpu")
    corner = np.array([maps.west, maps.south])
    size = np.array([maps.nx, maps.ny]) * maps.resolution
    plan = plan_requests(corner + rng.uniform(0.02, 0.98, (2000, 2)) * size, 1)
    length = np.hypot(*(maps.facade_ab[:, 2:] - maps.facade_ab[:, :2]).T)
    stretches = np.column_stack([0 * length, length, maps.facade_z])
    walls = wall_requests(range(len(length)), stretches, 8)
    for requests, least in ((plan, 1.0), (walls, 0.9)):
        start_f, start_i, _, _ = solver.place(requests)
        place, record = start_f.to_numpy().astype(float), start_i.to_numpy()
        valid = record[:, layout.T_VALID] == 1
        assert valid.mean() >= least  # a wall behind its neighbours may have nothing to show
        above = place[:, layout.S_Z] - rays.heights(place[:, :2])
        assert above[valid].min() > 0.0
        normal = place[valid, layout.S_NX : layout.S_NZ + 1]
        np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-5)
        # Two centimetres back along the normal is the solid, or the ground.
        behind = place[valid, :3] - 0.02 * normal
        assert (rays.heights(behind[:, :2]) > behind[:, 2] - 1e-3).mean() > 0.999
