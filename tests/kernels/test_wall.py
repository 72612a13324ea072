"""Kernels and their readable twins: convection, wind, sky. One number, two ways to it."""

import dataclasses

import numpy as np
import pyproj
import pytest
import shapely

from heatmat.convection import h_conv, is_windward, natural_convection
from heatmat.kernels import layout
from heatmat.kernels.gather import physics_vector, sky_weight
from heatmat.kernels.wall import (
    film,
    forced_factors,
    forced_film,
    limited_slope,
    natural_coefficients,
    signed_cube_root,
)
from heatmat.kernels.windfield import wind_factor
from heatmat.physics import PhysicsOptions
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ensure_device, ti, tm
from heatmat.sky import sky_longwave_weight
from heatmat.solver import Solver
from heatmat.tables import to_grid
from heatmat.wind import canopy_coefficients, profile_factor
from tests.physics_case import boxes, make_case_of, make_series

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
vec4 = ti.types.vector(4, ti.f32)


@ti.kernel
def films(given: F2, series: F2, out: F1, physics: physics_vector, mode: ti.i32, stamp: ti.i32):
    """Columns of `given`: temperature difference, normal, wind factor, P/A, roughness."""
    for i in range(out.shape[0]):
        n = tm.vec3(given[i, 1], given[i, 2], given[i, 3])
        natural = natural_coefficients(n.z, physics)
        forced = forced_factors(given[i, 4], given[i, 5], physics, mode)
        root = signed_cube_root(given[i, 0])
        f = forced_film(n, forced, series, stamp)
        out[i] = film(root, natural, f, given[i, 6], physics, mode).x


@ti.kernel
def wind_factors(places: F2, wind: F3, wind_f: vec4, out: F1):
    for i in range(out.shape[0]):
        out[i] = wind_factor(places[i, 0], places[i, 1], places[i, 2], wind, wind_f)


@ti.kernel
def sky_weights(given: F2, out: F1, physics: physics_vector, model: ti.i32):
    for i in range(out.shape[0]):
        out[i] = sky_weight(given[i, 0], given[i, 1], physics, model)


@ti.kernel
def cube_roots(given: F1, out: F1):
    for i in range(out.shape[0]):
        out[i] = signed_cube_root(given[i])


@ti.kernel
def slopes(given: F2, out: F1):
    for i in range(out.shape[0]):
        out[i] = limited_slope(given[i, 0], given[i, 1], given[i, 2])


def run(kernel, given: np.ndarray, *more) -> np.ndarray:  # noqa: ANN001, ANN002
    """Call a kernel that fills one number a row."""
    ensure_device("cpu")
    out = ti.ndarray(dtype=ti.f32, shape=(given.shape[0],))
    kernel(to_device(given.astype(np.float32)), *more[:-1], out, *more[-1])
    return out.to_numpy().astype(float)


def solver_of(physics: PhysicsOptions, **series: float) -> Solver:
    city = boxes([shapely.box(0, 0, 12, 10), shapely.box(30, 5, 45, 20)], [9.0, 14.0])
    return Solver(make_case_of(city, make_series(**series), physics=physics), "cpu")


def surfaces(rng: np.random.Generator, count: int) -> np.ndarray:
    """Rows for `films`: walls, flat and pitched roofs in any wind."""
    tilt = rng.choice([0.0, 8.0, 20.0, 45.0, 90.0], count)
    azimuth = rng.uniform(0, 2 * np.pi, count)
    sine = np.sin(np.radians(tilt))
    return np.stack(
        [
            rng.uniform(-15, 40, count),
            sine * np.sin(azimuth),
            sine * np.cos(azimuth),
            np.cos(np.radians(tilt)),
            rng.uniform(0.05, 1.5, count),
            rng.uniform(0.05, 1.0, count),
            rng.choice([1.0, 1.52, 2.17], count),
        ],
        axis=1,
    )


@pytest.mark.parametrize("model", ["tarp", "doe-2", "mowitt", "linear"])
@pytest.mark.parametrize("speed", [0.0, 4.3])
def test_film_coefficients(rng: np.random.Generator, model: str, speed: float) -> None:
    physics = PhysicsOptions(convection=model, linear_convection=(5.7, 3.8))
    solver = solver_of(physics, wind=speed, wind_direction=200.0)
    tables = solver.tables
    given = surfaces(rng, 2000)
    ensure_device("cpu")
    series = to_device(tables.series(solver.plan.chunks[0]).astype(np.float32))
    got = run(films, given, series, (tables.physics, tables.switches[layout.O_CONVECTION], 7))
    # Wind from 200 degrees true is seen from the grid's north, the azimuths of `given` are grid's.
    from_grid = 200.0 - solver.case.maps.convergence_deg
    azimuth = np.degrees(np.arctan2(given[:, 1], given[:, 2]))
    expected = h_conv(
        model,
        given[:, 0],
        speed * given[:, 4],
        windward=is_windward(azimuth, from_grid, given[:, 3]),
        cos_tilt=given[:, 3],
        roughness=given[:, 6],
        perimeter_over_area=given[:, 5],
        a=5.7,
        b=3.8,
    )
    # Where the wind blows along a wall within 0.1 degrees, float32 may take the other side.
    along = np.abs(np.cos(np.radians(azimuth - from_grid))) < 2e-3
    assert along.sum() < 10
    np.testing.assert_allclose(got[~along], expected[~along], rtol=2e-5, atol=2e-4)


def test_natural_part(rng: np.random.Generator) -> None:
    tables = solver_of(PhysicsOptions(convection="tarp"), wind=0.0).tables
    given = surfaces(rng, 500)
    series = to_device(np.zeros((layout.FORCING_ROWS, 4), np.float32))
    got = run(films, given, series, (tables.physics, layout.TARP, 1))
    expected = natural_convection(given[:, 0], given[:, 3])
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-4)


def test_cube_roots(rng: np.random.Generator) -> None:
    given = np.concatenate([rng.uniform(-60, 60, 4000), 10.0 ** rng.uniform(-6, 1, 1000), [0.0]])
    got = run(cube_roots, given, ())
    # 1e-12 is added below the root: 1e-4 at zero, where the film coefficient has no say.
    np.testing.assert_allclose(got, np.cbrt(given), rtol=3e-6, atol=1.1e-4)


def test_slopes_are_limited() -> None:
    given = np.array([[1, 2, 3], [0, 0, 5], [0, 4, 4], [3, 5, 4], [0, 1, 9], [9, 8, 1]], float)
    np.testing.assert_allclose(run(slopes, given, ()), [1, 0, 0, 0, 2, -2])


@pytest.mark.parametrize("profile", ["canopy", "power_law", "weather_file"])
def test_wind_factors(rng: np.random.Generator, profile: str) -> None:
    """The right cell of the urban form, counted from the north, and the right profile."""
    physics = PhysicsOptions(wind_profile=profile, wind_exponent=0.22)
    case = solver_of(physics).case
    maps = case.maps
    shape = (3, 4)
    form = rng.uniform([4, 0.05, 0.02], [25, 0.6, 0.5], (*shape, 3)).astype(np.float32)
    coefficients = canopy_coefficients(*np.moveaxis(form, -1, 0))
    side = max(maps.nx / shape[1], maps.ny / shape[0]) * maps.resolution
    coarse = dataclasses.replace(maps, wind_cell=side)
    field = RayField(
        dataclasses.replace(case, maps=coarse, wind_coefficients=coefficients.astype(np.float32))
    )
    places = np.stack(
        [
            maps.west + rng.uniform(0, maps.nx * maps.resolution, 3000),
            maps.south + rng.uniform(0, maps.ny * maps.resolution, 3000),
            rng.uniform(0.0, 60.0, 3000),
        ],
        axis=1,
    ).astype(np.float32)
    got = run(wind_factors, places, field.wind, field.wind_f, ())
    column = ((places[:, 0] - maps.west) // side).astype(int)
    row = ((maps.south + maps.ny * maps.resolution - places[:, 1]) // side).astype(int)
    expected = profile_factor(
        profile, places[:, 2], *np.moveaxis(form[row, column], -1, 0), exponent=0.22
    )
    # Two of the 3000 may lie on a cell's border, on the other side in float32.
    off = np.abs(got - expected) > 2e-4 * np.maximum(expected, 0.05)
    assert off.sum() <= 2


@pytest.mark.parametrize("model", ["isotropic", "martin_berdahl", "sky_air_split"])
def test_sky_weights(model: str) -> None:
    tables = solver_of(PhysicsOptions(longwave_sky=model)).tables
    up, tilt = np.meshgrid(np.linspace(0.01, 1, 30), [0.0, 0.5, 1.0])
    given = np.stack([up.ravel(), tilt.ravel()], axis=1)
    got = run(sky_weights, given, (tables.physics, tables.switches[layout.O_SKY]))
    expected = sky_longwave_weight(model, given[:, 0], given[:, 1])
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("place", [(2.35, 48.85), (4.85, 45.75), (6.9, 60.2), (18.4, -33.9)])
def test_true_north_to_grid_north(place: tuple[float, float]) -> None:
    """A step to the true north, projected, is where the kernels' vector points."""
    longitude, latitude = place
    zone = int((longitude + 180) // 6) + 1
    crs = pyproj.CRS.from_epsg((32600 if latitude > 0 else 32700) + zone)
    projection = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    convergence = pyproj.Proj(crs).get_factors(longitude, latitude).meridian_convergence
    here = np.array(projection.transform(longitude, latitude))
    for azimuth in (0.0, 70.0, 200.0):
        there = pyproj.Geod(ellps="WGS84").fwd(longitude, latitude, azimuth, 50.0)[:2]
        step = np.array(projection.transform(*there)) - here
        step /= np.linalg.norm(step)
        got = to_grid(
            np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth)), np.radians(convergence)
        )
        np.testing.assert_allclose(got, step, atol=1e-4)  # 50 m are not quite a point
    assert abs(convergence) > 0.3
