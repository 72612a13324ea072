"""A slab whose surface temperature is known, and the two marches that are to find it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatmat.case import BASE_TEMPERATURE, ConstructionTable, PhysicsNumbers
from heatmat.conduction import (
    MODES,
    FullModes,
    SlabLayer,
    SlabModes,
    discretise,
    eigenmodes,
    slab_modes,
)
from heatmat.convection import h_conv
from heatmat.physics import PhysicsOptions
from heatmat.prepare import physics_numbers
from heatmat.validation.slab_march import DAY, make_series, march_given, slab_case
from heatmat.wall_law import Boundary, Slabs, march, pad_modes

STEP = 600.0
"""The default step [s]."""
FILM = 20.0
"""Convection coefficient of the problems that do not name another [W m-2 K-1]."""

Series = Callable[[np.ndarray], np.ndarray]


def nothing(t: np.ndarray) -> np.ndarray:
    """Zero at all times."""
    return np.zeros(np.shape(t))


@dataclass(frozen=True)
class Problem:
    """A slab, what acts on it, and how warm its surface then is.

    Temperatures are departures from `BASE_TEMPERATURE` [K], times seconds since the start. Every
    problem begins with a day that repeats; what is switched on is so when the first day ends.

    Attributes
    ----------
    name, source : str
    layers : tuple of SlabLayer
        Outside to inside.
    inner : float
        Conductance to the inner temperature [W m-2 K-1]; ``inf`` holds the inner end at it.
    exact : callable
        Surface temperature.
    light : callable
        Absorbed flux [W m-2].
    light_total : callable
        Its integral over time from 0 [J m-2].
    air : callable
        Outside temperature.
    inner_temperature : float
    sky : float
        Incident longwave [W m-2].
    emissivity : float
    film : float or None
        Convection coefficient [W m-2 K-1]; None: natural convection of TARP on an upward surface.
    days : int
        Length of the march.
    begin : float
        Where the comparison begins [s].
    switched : bool
        The light is a step at the end of the first day.
    steady : bool
        Nothing changes: there is no order in time.
    """

    name: str
    source: str
    layers: tuple[SlabLayer, ...]
    inner: float
    exact: Series
    light: Series = nothing
    light_total: Series = nothing
    air: Series = nothing
    inner_temperature: float = 0.0
    sky: float = 0.0
    emissivity: float = 0.0
    film: float | None = FILM
    days: int = 2
    begin: float = 0.0
    switched: bool = False
    steady: bool = False


def compiled(
    problem: Problem, step: float = STEP, refine: float = 1.0, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """The kernels' march: eight modes, single precision.

    Parameters
    ----------
    step : float
        [s].
    refine : float
        Divides the cells of the grid.

    Returns
    -------
    times, temperatures : ndarray
        From `Problem.begin` on [s], [K].
    """
    series = make_series(
        days=problem.days, step=step, air=lambda t: BASE_TEMPERATURE + problem.air(t),
        indoor=BASE_TEMPERATURE + problem.inner_temperature,
    )  # fmt: skip
    case = slab_case(_table(problem, refine), series, _physics())
    times = step * np.arange(series.n_steps + 1)
    one = np.ones(series.n_steps)
    got = march_given(
        case,
        [problem.name],
        short=np.diff(problem.light_total(times)) / step,
        long=problem.sky * one,
        film=None if problem.film is None else problem.film * one,
        device=device,
    )
    return _compared(problem, times[1:], got[0, :, 0])


def readable(
    problem: Problem, step: float = STEP, refine: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The march of `heatmat.wall_law`: every mode, double precision; see `compiled`.

    Its fluxes are linear between stamps, so a step of light is put in the middle between two.
    """
    begin = DAY - 0.5 * step if problem.switched else 0.0
    times = begin + step * np.arange(round((problem.days * DAY - begin) / step) + 1)
    rate, surface, inner = pad_modes([_every_mode(problem.layers, problem.inner, refine)])
    one, row = np.ones(1), np.ones((1, times.size))
    air = BASE_TEMPERATURE + problem.air(times)

    def film(n: int, theta: np.ndarray) -> np.ndarray:
        if problem.film is not None:
            return np.full(1, problem.film)
        return np.asarray(h_conv("tarp", theta - air[n], 0.0, cos_tilt=1.0))

    emissivity, zero = problem.emissivity * one, 0.0 * one
    history = march(
        Slabs(rate, surface, inner, one, emissivity, zero, np.zeros(1, int), zero),
        Boundary(
            step=step,
            shortwave=problem.light(times) * row,
            longwave=problem.sky * row,
            air=air * row,
            inner=(BASE_TEMPERATURE + problem.inner_temperature) * row,
            evaporation=0.0 * row,
            film=film,
        ),
        0 if problem.switched else round(DAY / step),
    )
    return _compared(problem, times[1:], history.temperature[0, 1:] - BASE_TEMPERATURE)


def difference(
    problem: Problem, how: Callable[..., tuple[np.ndarray, np.ndarray]], *given: Any
) -> np.ndarray:
    """March less exact answer at the times compared [K]; `given` goes to the march."""
    times, got = how(problem, *given)
    return got - problem.exact(times)


def _compared(
    problem: Problem, times: np.ndarray, got: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    kept = times >= problem.begin - 1e-6
    return times[kept], got[kept]


def _table(problem: Problem, refine: float) -> ConstructionTable:
    """The slab as the only construction."""
    slab = slab_of(problem.layers, problem.inner, refine)
    zero = np.zeros(1)
    return ConstructionTable(
        names=[problem.name], kinds=["roof"], albedo=zero,
        emissivity=np.array([problem.emissivity]), transmittance=zero, moisture=zero,
        roughness=np.ones(1), held=zero, held_temperature=zero, rate=slab.rate[None],
        gain=slab.gain[None], direct=np.array([slab.direct]), full=[slab.full],
    )  # fmt: skip


@functools.lru_cache(maxsize=128)
def slab_of(layers: tuple[SlabLayer, ...], inner: float, refine: float) -> SlabModes:
    """Modes of a slab, kept from step to step and from wave to wave."""
    return slab_modes(list(layers), inner, modes=MODES, refine=refine)


@functools.lru_cache(maxsize=128)
def _every_mode(layers: tuple[SlabLayer, ...], inner: float, refine: float) -> FullModes:
    return eigenmodes(discretise(list(layers), inner, refine))


@functools.cache
def _physics() -> PhysicsNumbers:
    return physics_numbers(PhysicsOptions(convection="tarp", wind_profile="weather_file"))
