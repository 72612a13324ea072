"""The wall law without a city: made-up forcing, slabs as a case, and the compiled march on them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case, ConstructionTable, PhysicsNumbers
from heatmat.chunks import plan_time
from heatmat.conduction import SlabLayer
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.units import STEFAN_BOLTZMANN

if TYPE_CHECKING:
    from heatmat.maps import Maps

DAY = 86400.0


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
    step : float
        [s].
    air, sky, indoor, deep : float, array or callable
        [K], the sky [W m-2]. A function takes seconds since the start. Default sky: black at air
        temperature.
    dni, dhi : float
        Direct normal irradiance, and diffuse at noon (a cosine over the day) [W m-2].
    wind, wind_direction : float, array or callable
        [m s-1], where it comes from [deg].
    declination, latitude : float
        [rad].
    repeating : bool
        Every day is the same.
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


def slab_case(table: ConstructionTable, forcing: Forcing, physics: PhysicsNumbers) -> Case:
    """A case of slabs alone: its maps are no more than a north that is the grid's."""
    return Case(
        maps=cast("Maps", SimpleNamespace(convergence_deg=0.0)),
        forcing=forcing,
        constructions=table,
        physics=physics,
        wind_coefficients=np.zeros((1, 1, 6), np.float32),
        compositions=[((name, 1.0),) for name in table.names],
        default_facade=0,
        default_ground=0,
    )


def march_given(
    case: Case,
    names: Sequence[str],
    *,
    short: np.ndarray,
    long: np.ndarray,
    film: np.ndarray | None = None,
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0),
    chunk_steps: int | None = None,
    device: str = "cpu",
) -> np.ndarray:
    """Run the compiled wall law on incident series.

    Parameters
    ----------
    case : Case
        Only its constructions, forcing and physics are used; see `slab_case`.
    names : sequence of str
        Constructions, one a surface.
    short, long : ndarray, shape (steps,)
        Step means of what falls on every surface [W m-2].
    film : ndarray, shape (steps,), optional
        Convection coefficient at the end of each step; default: the case's correlation.
    normal : tuple of float
        Outward normal of every surface.
    chunk_steps : int, optional
        Steps marched at a time.
    device : str
        See `heatmat.runtime.ensure_device`.

    Returns
    -------
    ndarray, shape (surfaces, steps, layout.OUTPUTS)
        Temperature as departure from `BASE_TEMPERATURE`, then the fluxes.
    """
    from heatmat.kernels.idealised import march_given as kernel
    from heatmat.rayfield import to_device
    from heatmat.runtime import ensure_device, ti
    from heatmat.tables import DeviceTables

    ensure_device(device)
    plan = plan_time(case.forcing, chunk_steps)
    tables, count = DeviceTables(case, plan), len(names)
    state = ti.ndarray(dtype=ti.f32, shape=(count, layout.STATE_FLOATS))
    rows = np.array([case.constructions.index(name) for name in names], np.int32)
    pieces = []
    for chunk in plan.chunks:
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
    return np.concatenate(pieces, axis=1)


def surface_impedance(
    layers: Sequence[SlabLayer], inner_conductance: float, omega: np.ndarray
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
