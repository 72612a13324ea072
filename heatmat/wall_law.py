"""The surface energy balance of slabs marched in time in NumPy: fluxes given, no geometry.

Every eigenmode of each slab is kept and marched exactly for boundary values that are linear over a
step, so the only error left is that linearity. The compiled march reduces the modes and works in
single precision; this one is the readable twin, and what `query --incident` runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heatmat.conduction import REFERENCE_FILM, FullModes, exponential_coefficients
from heatmat.units import STEFAN_BOLTZMANN

Film = Callable[[int, np.ndarray], np.ndarray]
NEWTON_PASSES = 12
NEWTON_TO = 1e-5
"""Surface temperatures are iterated until they move by less [K]."""
PERIODIC_TO = 1e-3
"""Spin-up repeats until no temperature at its end moves by more than this [K]."""
MOST_REPEATS = 60


@dataclass(frozen=True)
class Slabs:
    """The surfaces marched together, one row each.

    Attributes
    ----------
    rate : ndarray, shape (n, modes)
        Decay rates [1/s]; rows are padded with modes of no gain.
    gain_surface, gain_inner : ndarray, shape (n, modes)
        Steady response of each mode to the flux into the surface [K m2 W-1] and to the inner
        temperature.
    absorptance, emissivity, moisture : ndarray, shape (n,)
    held : ndarray, shape (n,)
        0 a slab, 1 held at air temperature, 2 held at `held_temperature`.
    held_temperature : ndarray, shape (n,)
        [K].
    """

    rate: np.ndarray
    gain_surface: np.ndarray
    gain_inner: np.ndarray
    absorptance: np.ndarray
    emissivity: np.ndarray
    moisture: np.ndarray
    held: np.ndarray
    held_temperature: np.ndarray


@dataclass(frozen=True)
class Boundary:
    """What acts on the surfaces, at the stamps; linear between them.

    Attributes
    ----------
    step : float
        [s].
    shortwave, longwave : ndarray, shape (n, stamps)
        Incident [W m-2].
    air, inner : ndarray, shape (n, stamps)
        Temperatures outside and inside [K].
    evaporation : ndarray, shape (n, stamps)
        Share of the available energy that open water evaporates.
    film : callable
        ``film(stamp, surface temperature [n])`` gives h_conv [W m-2 K-1], shape (n,).
    """

    step: float
    shortwave: np.ndarray
    longwave: np.ndarray
    air: np.ndarray
    inner: np.ndarray
    evaporation: np.ndarray
    film: Film


@dataclass
class History:
    """Temperatures and fluxes at the stamps, shape (n, stamps); fluxes into the surface [W m-2]."""

    temperature: np.ndarray
    absorbed: np.ndarray
    net_longwave: np.ndarray
    convection: np.ndarray
    latent: np.ndarray
    conduction: np.ndarray
    h_conv: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> History:
        """All zeros."""
        return cls(*(np.zeros(shape) for _ in range(7)))

    def copy_stamp(self, source: int, target: int) -> None:
        """Let one stamp hold what another holds."""
        for series in vars(self).values():
            series[:, target] = series[:, source]


def pad_modes(modes: list[FullModes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates and gains of slabs with different numbers of modes, shape (n, most)."""
    most = max(item.rate.size for item in modes)
    rate = np.ones((len(modes), most))
    surface, inner = np.zeros_like(rate), np.zeros_like(rate)
    for i, item in enumerate(modes):
        count = item.rate.size
        rate[i, :count] = item.rate
        surface[i, :count] = item.surface**2 / item.rate
        inner[i, :count] = item.surface * item.inner / item.rate
    return rate, surface, inner


def march(slabs: Slabs, boundary: Boundary, period_steps: int) -> History:
    """March from the first stamp to the last.

    Parameters
    ----------
    slabs : Slabs
    boundary : Boundary
    period_steps : int
        Steps of the day that is repeated before the first stamp until periodic; 0 starts from the
        steady state of the first stamp.

    Returns
    -------
    History
        Of the stamps. At each of them absorbed + net longwave + convection + latent + conduction
        is zero.
    """
    return _March(slabs, boundary).run(period_steps)


class _March:
    def __init__(self, slabs: Slabs, boundary: Boundary) -> None:
        self.slabs, self.boundary = slabs, boundary
        step = boundary.step
        self.decay, self.constant, self.rise = exponential_coefficients(
            slabs.rate, slabs.gain_surface, step
        )
        _, self.inner_constant, self.inner_rise = exponential_coefficients(
            slabs.rate, slabs.gain_inner, step
        )
        self.kappa = self.rise.sum(axis=1)
        self.history = History.empty(boundary.air.shape)
        self.slope = np.zeros(boundary.air.shape[0])

    def run(self, period_steps: int) -> History:
        x, flux = self._steady()
        if period_steps > 0:
            x, flux = self._periodic(x, flux, period_steps)
            self.history.copy_stamp(period_steps, 0)
        for n in range(1, self.boundary.air.shape[1]):
            x, flux, _ = self._step(n, x, flux)
        return self.history

    def _steady(self) -> tuple[np.ndarray, np.ndarray]:
        """The state that the first stamp's boundary would keep for ever."""
        slabs, inner = self.slabs, self.boundary.inner[:, :1]
        free = slabs.gain_inner * inner
        guess = self.boundary.air[:, 0]
        theta, flux = self._surface(0, free.sum(axis=1), slabs.gain_surface.sum(axis=1), guess)
        return slabs.gain_surface * flux[:, None] + free, flux

    def _periodic(
        self, x: np.ndarray, flux: np.ndarray, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Repeat the first day until its end is its beginning."""
        slabs, boundary = self.slabs, self.boundary
        day = np.exp(-slabs.rate * boundary.step * steps)
        steady = slabs.gain_surface.sum(axis=1)
        means = _weights(steps)
        free = slabs.gain_inner.sum(axis=1) * (boundary.inner[:, : steps + 1] @ means)
        for _ in range(MOST_REPEATS):
            start, first = x, x.sum(axis=1)
            fluxes, thetas, slopes = [flux], [first], []
            for n in range(1, steps + 1):
                x, flux, theta = self._step(n, x, flux)
                fluxes.append(flux)
                thetas.append(theta)
                slopes.append(self.slope)
            if np.max(np.abs(thetas[-1] - first), initial=0.0) < PERIODIC_TO:
                break
            # The start for which this day would have been periodic, and what the daily means
            # would then shift by; without the second part heavy slabs take weeks.
            slope = np.mean(slopes, axis=0)
            mean_flux, mean_theta = np.array(fluxes).T @ means, np.array(thetas).T @ means
            shift = (free + steady * mean_flux - mean_theta) / (1.0 - steady * slope)
            x = (x - day * start) / (1.0 - day)
            x = x + slabs.gain_surface * (slope * shift)[:, None]
        return x, flux

    def _step(
        self, n: int, x: np.ndarray, flux: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One step to stamp `n`: the modes, the flux that drives them, the surface temperature."""
        before, after = self.boundary.inner[:, n - 1 : n], self.boundary.inner[:, n : n + 1]
        y = self.decay * x + (self.constant - self.rise) * flux[:, None]
        y += self.inner_constant * before + self.inner_rise * (after - before)
        theta, fresh = self._surface(n, y.sum(axis=1), self.kappa, x.sum(axis=1))
        return y + self.rise * fresh[:, None], fresh, theta

    def _surface(
        self, n: int, known: np.ndarray, kappa: np.ndarray, guess: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve theta = known + kappa * flux(theta) at stamp `n`, and note the fluxes."""
        slabs, boundary, history = self.slabs, self.boundary, self.history
        air = boundary.air[:, n]
        absorbed = slabs.absorptance * boundary.shortwave[:, n]
        received = slabs.emissivity * boundary.longwave[:, n]
        evaporation = slabs.moisture * boundary.evaporation[:, n]
        fixed = np.where(slabs.held == 1, air, slabs.held_temperature)
        theta = np.where(slabs.held > 0, fixed, guess)
        for _ in range(NEWTON_PASSES):
            h_c = boundary.film(n, theta)
            emitted = slabs.emissivity * STEFAN_BOLTZMANN * theta**4
            # A share w of evaporation and convection together is w / (1 - w) of convection.
            share = np.where(theta > air, evaporation / (1.0 - evaporation), 0.0)
            latent = share * h_c * (air - theta)
            into = absorbed + received - emitted + h_c * (air - theta) + latent
            self.slope = REFERENCE_FILM - (1.0 + share) * h_c - 4.0 * emitted / theta
            residual = known + kappa * (into + REFERENCE_FILM * theta) - theta
            change = np.where(slabs.held > 0, 0.0, residual / (1.0 - kappa * self.slope))
            if np.max(np.abs(change), initial=0.0) < NEWTON_TO:
                break
            theta = theta + change
        history.temperature[:, n] = theta
        history.absorbed[:, n] = absorbed
        history.net_longwave[:, n] = received - emitted
        history.convection[:, n] = h_c * (air - theta)
        history.latent[:, n] = latent
        history.conduction[:, n] = -into
        history.h_conv[:, n] = h_c
        return theta, into + REFERENCE_FILM * theta


def _weights(steps: int) -> np.ndarray:
    """Trapezoidal weights of a mean over `steps` steps, shape (steps + 1,)."""
    weights = np.ones(steps + 1)
    weights[[0, -1]] = 0.5
    return weights / steps
