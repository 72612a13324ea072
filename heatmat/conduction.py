"""One-dimensional conduction through a layered slab, as a few exact exponential modes.

The slab between the surface plane and the indoor air (or the deep ground) is a linear system with
one input that a simulation changes, the flux into the surface plane, and one output, the surface
temperature. It is discretised finely once, its eigenmodes are found and balanced, and the `MODES`
combinations that matter are kept. Each of them then marches exactly in time for an input that is
linear over a step, so the only errors left are the reduction (bounded by
`SlabModes.truncation_error`) and the linear interpolation of the flux.

A constant film `REFERENCE_FILM` is part of the system (the surface loses ``h0 * theta`` at all
times); the march adds ``h0 * theta`` back to the flux. This keeps thin sheets, whose time constant
is far under a step, L-stable: without the film they would march by the trapezoidal rule and ring.

References
----------
.. [1] Carslaw and Jaeger, Conduction of Heat in Solids, 2nd ed., Oxford, 1959, chapter 3.
.. [2] Antoulas, Approximation of Large-Scale Dynamical Systems, SIAM, 2005, chapter 7 (balanced
   realisations and their error bound); doi:10.1137/1.9780898718713.
.. [3] Liu and Anderson, Singular perturbation approximation of balanced systems, Int. J. Control
   50(4), 1989; doi:10.1080/00207178908953437.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MODES = 8
"""Modes kept for each construction; the kernels unroll their loops over them."""

REFERENCE_FILM = 16.0
"""Constant surface film inside the modal system [W m-2 K-1]: the middle of what radiation (5 to 6)
and convection (5 to 20) give outdoors. Results do not depend on it; ringing of thin sheets does."""

FASTEST_RATE = 0.05
"""Modes that decay within 20 s are not kept apart [1/s]; the shortest step is 60 s."""

FIRST_CELL = 2.0e-4
"""Width of the first cell below the surface [m]; a tenth of the depth that heat reaches in 10 s
in insulation."""

GROWTH = 1.12
"""Ratio of neighbouring cells. Halving the grid moves no surface temperature by 2 mK (tests)."""


@dataclass(frozen=True)
class SlabLayer:
    """A homogeneous layer, or a massless resistance.

    Attributes
    ----------
    thickness : float
        [m]; ignored for a resistance.
    thermal_conductivity : float
        [W m-1 K-1].
    heat_capacity : float
        Density times specific heat [J m-3 K-1].
    resistance : float
        [m2 K W-1]; above zero makes the layer massless (an air cavity, a film).
    """

    thickness: float = 0.0
    thermal_conductivity: float = 1.0
    heat_capacity: float = 0.0
    resistance: float = 0.0


@dataclass(frozen=True)
class Network:
    """The discretised slab: nodes in a row, joined by conductances.

    Attributes
    ----------
    capacity : ndarray
        Heat capacity of each node [J m-2 K-1], shape (n,).
    conductance : ndarray
        Between neighbours [W m-2 K-1], shape (n - 1,).
    inner_conductance : float
        From the last node to the inner temperature [W m-2 K-1]; 0: adiabatic.
    depth : ndarray
        Depth of each node [m]; a massless layer has none.
    """

    capacity: np.ndarray
    conductance: np.ndarray
    inner_conductance: float
    depth: np.ndarray


def discretise(layers: list[SlabLayer], inner_conductance: float, refine: float = 1.0) -> Network:
    """Nodes at the cell edges of a graded grid, the first at the surface.

    Parameters
    ----------
    layers : list of SlabLayer
        Outside to inside.
    inner_conductance : float
        Film to the inner temperature [W m-2 K-1]; ``inf`` holds the last node at it.
    refine : float
        Divides every cell width; the tests halve it.

    Returns
    -------
    Network
        Linear finite elements with lumped capacities (second order in the cell width).
    """
    capacity = [0.0]
    conductance: list[float] = []
    depth = [0.0]
    width = FIRST_CELL / refine
    for layer in layers:
        if layer.resistance > 0.0:
            conductance.append(1.0 / layer.resistance)
            capacity.append(0.0)
            depth.append(depth[-1])
            width = FIRST_CELL / refine
            continue
        for cell in _graded_cells(layer.thickness, width, refine):
            conductance.append(layer.thermal_conductivity / cell)
            capacity[-1] += 0.5 * cell * layer.heat_capacity
            capacity.append(0.5 * cell * layer.heat_capacity)
            depth.append(depth[-1] + cell)
            width = cell
    # A face without mass, between two resistances, gets 10 J m-2 K-1 (its time constant is under a
    # second), so that the mass matrix can be inverted. No other node: insulation in cells of 0.1 mm
    # holds less than that, and there are many of them.
    masses = np.asarray(capacity)
    masses = np.where(masses > 0.0, masses, 10.0)
    conductances = np.asarray(conductance)
    if np.isinf(inner_conductance):
        return Network(
            masses[:-1], conductances[:-1], float(conductances[-1]), np.asarray(depth)[:-1]
        )
    return Network(masses, conductances, float(inner_conductance), np.asarray(depth))


def _graded_cells(thickness: float, first: float, refine: float) -> np.ndarray:
    """Cell widths that grow geometrically from `first` and fill `thickness` exactly."""
    growth = 1.0 + (GROWTH - 1.0) / refine
    largest = thickness / (24.0 * refine)
    widths: list[float] = []
    width = min(first, largest)
    while sum(widths) + width < thickness:
        widths.append(width)
        width = min(width * growth, max(largest, first))
    cells = np.asarray(widths or [thickness])
    return cells * (thickness / cells.sum())


@dataclass(frozen=True)
class FullModes:
    """Every eigenmode of a network with the reference film at its surface.

    Attributes
    ----------
    rate : ndarray
        Decay rates, positive [1/s], shape (n,).
    surface : ndarray
        Weight of each mode in the surface temperature, and of the surface flux in each mode.
    inner : ndarray
        Weight of the inner temperature in each mode (W m-2 K-1 included).
    """

    rate: np.ndarray
    surface: np.ndarray
    inner: np.ndarray


def eigenmodes(network: Network, film: float = REFERENCE_FILM) -> FullModes:
    """Solve the symmetric eigenproblem of a network."""
    n = network.capacity.size
    stiffness = np.zeros((n, n))
    index = np.arange(n - 1)
    stiffness[index, index] += network.conductance
    stiffness[index + 1, index + 1] += network.conductance
    stiffness[index, index + 1] -= network.conductance
    stiffness[index + 1, index] -= network.conductance
    stiffness[0, 0] += film
    stiffness[-1, -1] += network.inner_conductance
    root = 1.0 / np.sqrt(network.capacity)
    rate, vector = np.linalg.eigh(stiffness * root[:, None] * root[None, :])
    surface = vector[0] * root[0]
    inner = vector[-1] * root[-1] * network.inner_conductance
    return FullModes(np.maximum(rate, 1e-12), surface, inner)


@dataclass(frozen=True)
class SlabModes:
    """The reduced slab: ``theta_s = free + sum(x_k) + direct * f``.

    Attributes
    ----------
    rate : ndarray
        Decay rates of the kept modes [1/s], shape (MODES,), slowest first.
    gain : ndarray
        Steady response of each mode to a unit flux [K m2 W-1], shape (MODES,).
    direct : float
        Response of everything faster [K m2 W-1].
    film : float
        The constant film inside the system [W m-2 K-1].
    full : FullModes
        What the reduction came from; it carries the inner temperature's part.
    truncation_error : float
        Bound on the error of the surface temperature per unit flux at any frequency
        [K m2 W-1]: twice the sum of the dropped Hankel singular values.
    """

    rate: np.ndarray
    gain: np.ndarray
    direct: float
    film: float
    full: FullModes
    truncation_error: float

    def step_coefficients(self, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decay, response to a constant and response to a unit rise over one step.

        Parameters
        ----------
        step : float
            [s].

        Returns
        -------
        tuple of ndarray
            ``(E, A, B)``, each of shape (MODES,): ``x' = E x + A u0 + B (u1 - u0)`` is exact for
            a flux that goes linearly from u0 to u1.
        """
        return exponential_coefficients(self.rate, self.gain, step)


def exponential_coefficients(
    rate: np.ndarray, gain: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First-order-hold coefficients of ``x' = rate * (gain * u - x)`` over `step`."""
    z = rate * step
    decay = np.exp(-z)
    constant = gain * -np.expm1(-z)
    mean = np.where(z > 1e-6, -np.expm1(-z) / np.maximum(z, 1e-300), 1.0 - 0.5 * z)
    return decay, constant, gain * (1.0 - mean)


def slab_modes(
    layers: list[SlabLayer],
    inner_conductance: float,
    *,
    film: float = REFERENCE_FILM,
    modes: int = MODES,
    refine: float = 1.0,
) -> SlabModes:
    """Reduce a slab to a few modes by balanced singular perturbation.

    The system is symmetric, so its Gramian is its cross-Gramian and one eigenproblem balances it;
    the reduced system is symmetric again, with real rates and positive gains (an RC ladder).

    Parameters
    ----------
    layers : list of SlabLayer
        Outside to inside.
    inner_conductance : float
        [W m-2 K-1]; ``inf`` holds the inner end at the inner temperature, 0 is adiabatic.
    film : float
        Constant surface film [W m-2 K-1].
    modes : int
        How many to keep.
    refine : float
        Grid refinement.

    Returns
    -------
    SlabModes
    """
    full = eigenmodes(discretise(layers, inner_conductance, refine), film)
    slow = full.rate < FASTEST_RATE
    weight, full_rate = full.surface[slow], full.rate[slow]
    gramian = weight[:, None] * weight[None, :] / (full_rate[:, None] + full_rate[None, :])
    values, vectors = np.linalg.eigh(gramian)
    order = np.argsort(values)[::-1]
    kept, rest = np.split(vectors[:, order], [min(modes, order.size)], axis=1)
    # numpy's eigh is accurate to eps * largest value: what is dropped below that is noise.
    dropped = np.clip(values[order[modes:]], 0.0, None).sum()
    # The states left out follow the kept ones at once (they are residualised, not cut off): exact
    # in the limit of slow changes, with the same bound at any frequency.
    stiffness, load = kept.T @ (full_rate[:, None] * kept), kept.T @ weight
    if rest.shape[1]:
        coupling = kept.T @ (full_rate[:, None] * rest)
        follow = np.linalg.solve(rest.T @ (full_rate[:, None] * rest), coupling.T).T
        load = load - follow @ (rest.T @ weight)
        stiffness = stiffness - follow @ coupling.T
    rate, rotation = np.linalg.eigh(stiffness)
    reduced = rotation.T @ load
    gain = reduced**2 / rate
    # What is too fast to be kept follows late by its time constants: the fastest mode kept takes as
    # much of it as is late by as much, so that the response is exact to first order in frequency.
    late = np.sum(full.surface[~slow] ** 2 / full.rate[~slow] ** 2)
    if rate.size:
        gain[-1] += late * rate[-1]
    # Modes that a thin slab can do without gain nothing; derivatives of its response use them.
    spare = FASTEST_RATE * 0.5 ** np.arange(modes - rate.size)
    rates, gains = np.append(rate, spare), np.append(gain, np.zeros(spare.size))
    direct = float(np.sum(full.surface**2 / full.rate) - gain.sum())
    return SlabModes(rates, gains, direct, film, full, float(2.0 * dropped))


def free_response(full: FullModes, inner: np.ndarray, step: float, period_steps: int) -> np.ndarray:
    """Surface temperature that the inner temperature alone causes, periodic over the first day.

    Parameters
    ----------
    full : FullModes
        All modes of the slab.
    inner : ndarray
        Inner temperature at the stamps, as a departure from the base temperature [K], shape (N+1,).
    step : float
        [s].
    period_steps : int
        Steps of the day that is repeated before the first stamp.

    Returns
    -------
    ndarray
        Departure of the surface temperature at the stamps [K], shape (N+1,).
    """
    steady = full.surface * full.inner / full.rate
    if np.ptp(inner) == 0.0:
        return np.full(inner.shape, inner[0] * steady.sum())
    decay, constant, rise = exponential_coefficients(full.rate, steady, step)
    state = np.zeros_like(decay)
    period = min(period_steps, inner.size - 1)
    for n in range(period):
        state = decay * state + constant * inner[n] + rise * (inner[n + 1] - inner[n])
    state = state / (1.0 - decay**period)
    out = np.empty(inner.shape)
    out[0] = state.sum()
    for n in range(inner.size - 1):
        state = decay * state + constant * inner[n] + rise * (inner[n + 1] - inner[n])
        out[n + 1] = state.sum()
    return out
