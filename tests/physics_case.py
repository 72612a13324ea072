"""Small cases for the tests of the physics: made-up forcing, cities of boxes, and exact answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.construction import Construction
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.physics import PhysicsOptions
from heatmat.prepare import make_case
from heatmat.rasterise import maps_from_city
from heatmat.solver import Requests, Solver
from heatmat.units import STEFAN_BOLTZMANN
from tests.map_city import make_city

DAY = 86400.0
STILL = PhysicsOptions(convection="linear", wind_profile="weather_file")


def make_series(
    *,
    days: float = 2,
    spin_up_days: int = 1,
    step: float = 600.0,
    air: Any = BASE_TEMPERATURE,
    sky: Any = None,
    indoor: Any = BASE_TEMPERATURE,
    deep: Any = BASE_TEMPERATURE,
    dni: float = 0.0,
    dhi: float = 0.0,
    wind: float = 0.0,
    wind_direction: float = 270.0,
    declination: float = 0.35,
    latitude: float = 0.8,
    repeating: bool = False,
) -> Forcing:
    """Forcing of clear days with the sun on a circle, solar time for clock.

    Parameters
    ----------
    days, spin_up_days : int
        All days, and those of them before the window.
    air, sky, indoor, deep : float, array or callable
        A function takes seconds since the start. Default sky: black at air temperature.
    dni, dhi : float
        Direct normal irradiance, and diffuse at noon (a cosine over the day) [W m-2].
    """
    steps = round(days * DAY / step)
    stamps = step * np.arange(steps + 1)

    def at(value: Any) -> np.ndarray:
        made = value(stamps) if callable(value) else value
        return np.broadcast_to(np.asarray(made, float), stamps.shape).copy()

    hour = 2.0 * np.pi * ((stamps[1:] - 0.5 * step) / DAY) - np.pi
    up = np.sin(latitude) * np.sin(declination)
    up = up + np.cos(latitude) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(latitude) * np.sin(declination)
    north = north - np.sin(latitude) * np.cos(declination) * np.cos(hour)
    day = up > 0.0
    diffuse = dhi * np.maximum(up, 0.0)
    beam = dni * day
    temperature = at(air)
    zeros = np.zeros(steps)
    return Forcing(
        time=np.datetime64("2001-06-21T00:00:00", "s") + stamps.astype("timedelta64[s]"),
        utc_offset=0.0,
        step=step,
        spin_up_steps=round(spin_up_days * DAY / step),
        air_temperature=temperature,
        dew_point=temperature - 10.0,
        pressure=np.full(steps + 1, 101325.0),
        wind_speed=at(wind),
        wind_direction=at(wind_direction),
        sky_longwave=STEFAN_BOLTZMANN * temperature**4 if sky is None else at(sky),
        sky_anisotropy_model="isotropic",
        sun_direction=np.stack([east, north, up], axis=1),
        sun_up=day,
        beam_normal=beam,
        diffuse_isotropic=diffuse,
        diffuse_horizon=zeros,
        ghi=beam * np.maximum(up, 0.0) + diffuse,
        dni=beam,
        dhi=diffuse,
        indoor_temperature=at(indoor),
        deep_ground_temperature=at(deep),
        ground_wave=np.array([BASE_TEMPERATURE, 0.0, 0.0, 5e-7]),
        latitude=float(np.degrees(latitude)),
        longitude=0.0,
        repeating=repeating,
    )


def make_case_of(
    city: Any,
    forcing: Forcing,
    *,
    physics: PhysicsOptions = STILL,
    resolution: float = 1.0,
    changes: Mapping[str, Any] | None = None,
    more: Sequence[str] = (),
    constructions: Mapping[str, Construction] | None = None,
    facade: str = "solid_brick_wall",
    ground: str = "asphalt_street",
    roof: str = "bitumen_roof",
) -> Case:
    """A case whose walls, roofs and ground are each of one construction.

    `changes` are set on every construction (albedo, emissivity, ...).
    """
    city.buildings["facade_composition"] = [((facade, 1.0),)] * len(city.buildings)
    city.buildings["roof_construction"] = roof
    city.default_ground = ground
    known = dict(library() if constructions is None else constructions)
    if changes:
        known = {name: dataclasses.replace(item, **changes) for name, item in known.items()}
    maps = maps_from_city(city, resolution)
    return make_case(
        maps, forcing, known, physics, default_facade=facade, default_ground=ground, more=more
    )


def boxes(polygons: Sequence[Any], heights: Sequence[float], **more: Any) -> Any:
    """A city of footprints in metres from an arbitrary origin."""
    return make_city(polygons, heights, **more)


def local(case: Case, x: Any, y: Any) -> np.ndarray:
    """Positions given as in `boxes` in the local frame of the maps."""
    from tests.map_city import ORIGIN

    shift = ORIGIN - np.asarray(case.maps.origin)
    return np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)), -1) + shift


def plan_requests(
    xy: np.ndarray, replicates: int = 8, *, kind: int = -1, half: float = 0.0, seed: int = 1
) -> Requests:
    """Points (or squares) in plan, `replicates` scrambles of each, point by point."""
    count = len(xy) * replicates
    numbers = np.zeros((count, 4), np.float32)
    numbers[:, :2] = np.repeat(xy, replicates, axis=0)
    numbers[:, 2] = half
    return _requests(numbers, layout.REQUEST_PLAN, kind, -1, replicates, seed)


def wall_requests(
    facades: Sequence[int], stretches: np.ndarray, replicates: int = 8, seed: int = 1
) -> Requests:
    """Stretches s0, s1, z0, z1 of facades."""
    numbers = np.repeat(np.asarray(stretches, np.float32), replicates, axis=0)
    facade = np.repeat(np.asarray(facades, np.int32), replicates)
    return _requests(numbers, layout.REQUEST_WALL, layout.ANY_KIND, facade, replicates, seed)


def _requests(
    numbers: np.ndarray, code: int, kind: int, facade: Any, replicates: int, seed: int
) -> Requests:
    count = len(numbers)
    codes = np.zeros((count, 5), np.int32)
    codes[:, layout.R_TYPE] = code
    codes[:, layout.R_KIND] = kind
    codes[:, layout.R_FACADE] = facade
    codes[:, layout.R_REPLICATE] = np.tile(np.arange(replicates), count // replicates)
    keys = np.random.default_rng(seed).integers(0, 2**32, count // replicates, dtype=np.uint64)
    return Requests(
        numbers, codes, np.repeat(keys, replicates).astype(np.uint32), np.full(count, -1, np.int32)
    )


def solve(
    case: Case, requests: Requests, rays: int = 8, replicates: int = 8, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Means over the replicates, and standard errors: shape (points, times, values)."""
    planning = {name: options.pop(name) for name in ("stamps", "chunk_steps") if name in options}
    solver = Solver(case, "cpu", **planning)
    starts = solver.solve(requests, rays, **options)
    assert starts.valid.all()
    values = starts.values.astype(float)
    values = values.reshape(-1, replicates, *values.shape[1:])
    solver.close()
    return values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(replicates)


def surface_impedance(
    layers: Sequence[Any], inner_conductance: float, omega: np.ndarray
) -> np.ndarray:
    """Surface temperature per flux into the surface of a layered slab, by transfer matrices.

    Parameters
    ----------
    layers : sequence of SlabLayer
        Outside to inside.
    inner_conductance : float
        [W m-2 K-1]; ``inf`` holds the inner end.
    omega : ndarray
        Angular frequencies [rad s-1], may hold 0.

    Returns
    -------
    ndarray of complex
        [K m2 W-1].

    Notes
    -----
    Carslaw and Jaeger (1959), section 3.7, in the form of a transmission line, which does not
    overflow for thick layers.
    """
    with np.errstate(divide="ignore"):
        below = np.full(omega.shape, 1.0 / inner_conductance, complex)
    for layer in reversed(layers):
        if layer.resistance > 0.0:
            below = below + layer.resistance
            continue
        wave = np.sqrt(1j * np.maximum(omega, 1e-12) * layer.heat_capacity
                       / layer.thermal_conductivity)  # fmt: skip
        own = 1.0 / (layer.thermal_conductivity * wave)
        tanh = np.tanh(wave * layer.thickness)
        below = (below + own * tanh) / (1.0 + below / own * tanh)
    return below


def march_given(
    case: Case,
    names: Sequence[str],
    *,
    short: np.ndarray,
    long: np.ndarray,
    film: np.ndarray | None = None,
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0),
    chunk_steps: int | None = None,
) -> np.ndarray:
    """Run the compiled wall law on incident series.

    Parameters
    ----------
    names : sequence of str
        Constructions, one a surface.
    short, long : ndarray, shape (steps,)
        Step means of what falls on every surface [W m-2].
    film : ndarray, shape (steps,), optional
        Convection coefficient at the end of each step; default: the case's correlation.

    Returns
    -------
    ndarray, shape (surfaces, steps, layout.OUTPUTS)
        Temperature as departure from `BASE_TEMPERATURE`, then the fluxes.
    """
    from heatmat.kernels.idealised import march_given as kernel
    from heatmat.rayfield import to_device
    from heatmat.runtime import ti

    solver = Solver(case, "cpu", chunk_steps=chunk_steps)
    tables, count = solver.tables, len(names)
    state = ti.ndarray(dtype=ti.f32, shape=(count, layout.STATE_FLOATS))
    rows = np.array([case.constructions.index(name) for name in names], np.int32)
    pieces = []
    for chunk in solver.plan.chunks:
        stamps = np.minimum(np.arange(chunk.begin, chunk.begin + chunk.steps + 2), short.size)
        scratch = np.zeros((count, chunk.steps + 3, 4), np.float32)
        scratch[:, : stamps.size, 0] = short[np.maximum(stamps - 1, 0)]
        scratch[:, : stamps.size, 1] = long[np.maximum(stamps - 1, 0)]
        if film is not None:
            scratch[:, : stamps.size, 2] = film[np.maximum(stamps - 1, 0)]
        out = ti.ndarray(dtype=ti.f32, shape=(count, chunk.steps, layout.OUTPUTS))
        out.fill(0.0)
        kernel(
            to_device(scratch.ravel()),
            state,
            to_device(tables.series(chunk).astype(np.float32)),
            to_device(tables.free_rows(chunk)),
            tables.modes,
            tables.properties,
            to_device(np.tile(np.array(normal, np.float32), (count, 1))),
            to_device(np.tile(np.array([1.0, 0.4], np.float32), (count, 1))),
            to_device(rows),
            out,
            to_device(np.arange(-1, chunk.steps + 1, dtype=np.int32)),
            chunk.steps,
            int(chunk.first),
            int(film is not None),
            tables.physics,
            tables.switches,
        )
        pieces.append(out.to_numpy().astype(float))
    solver.close()
    return np.concatenate(pieces, axis=1)
