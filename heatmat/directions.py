"""Derivatives of the constructions' numbers with respect to one of their properties."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.conduction import FullModes, exponential_coefficients
from heatmat.errors import InputError, nearest
from heatmat.kernels import layout
from heatmat.kernels.tangent_step import C_CONVECTION
from heatmat.prepare import construction_table

if TYPE_CHECKING:
    from heatmat.case import Case, ConstructionTable
    from heatmat.chunks import TimePlan
    from heatmat.construction import Construction

UNITS = {
    "albedo": "K",
    "emissivity": "K",
    "conductivity": "K per W/(m K)",
    "thickness": "K per m",
    "convection": "K per W/(m2 K)",
}
"""What a derivative is in, by property; convection is an addition to the coefficient h_c."""

STEP = 1.0e-3
"""Relative step of the central differences of a slab's response, which is double precision; what is
left is 1e-6 of the derivative."""

SMALL = 0.3
"""Share of the largest change under which what a period changes is fitted absolutely; smaller
shares gave a worse fit of what there is in kelvin over all layers of the library."""

NUDGE = 1.0e-4
"""Most that a rate changes, relative, where the coefficients of the march are differentiated."""


@dataclass(frozen=True)
class Direction:
    """A property of some constructions.

    Attributes
    ----------
    property : str
        A key of `UNITS`.
    constructions : tuple of str
    layer : int
        Which homogeneous layer, from outside, for conductivity and thickness.
    """

    property: str
    constructions: tuple[str, ...]
    layer: int = 0

    def __post_init__(self) -> None:
        if self.property not in UNITS:
            raise InputError(
                f"no sensitivity to {self.property!r}", where="sensitivity",
                expected=", ".join(UNITS), remedy=nearest(self.property, UNITS),
            )  # fmt: skip


@dataclass
class Derivatives:
    """What the tangent kernels read of a direction, double precision.

    Attributes
    ----------
    properties, hour_properties : ndarray, shape (constructions, CONSTRUCTION_FLOATS)
    modes, hour_modes : ndarray, shape (constructions, MODE_FLOATS)
    free : ndarray, shape (constructions, stamps)
        Of the inner part of the surface temperature.
    """

    properties: np.ndarray
    hour_properties: np.ndarray
    modes: np.ndarray
    hour_modes: np.ndarray
    free: np.ndarray


def differentiate(
    case: Case,
    plan: TimePlan,
    direction: Direction,
    constructions: Mapping[str, Construction],
    inside_film: Mapping[str, float],
) -> Derivatives:
    """Derivatives of a case's tables along a direction.

    Albedo, emissivity and convection enter as they are; what a layer's conductivity or thickness
    does to the modes of its slab is found by `fit_modes`.
    """
    table = case.constructions
    count = len(table.names)
    hour = case.forcing.step * plan.chunks[0].hours.steps
    day = case.forcing.step * plan.day
    zero = Derivatives(
        np.zeros((count, layout.CONSTRUCTION_FLOATS)),
        np.zeros((count, layout.CONSTRUCTION_FLOATS)),
        np.zeros((count, layout.MODE_FLOATS)),
        np.zeros((count, layout.MODE_FLOATS)),
        np.zeros((count, case.forcing.n_steps + 1 - plan.origin)),
    )
    for name in direction.constructions:
        row = table.index(name)
        columns: dict[int, float] = {}
        if direction.property == "albedo":
            columns = {layout.C_ALBEDO: 1.0, layout.C_ABSORPTANCE: -1.0}
        elif direction.property == "emissivity":
            columns = {layout.C_EMISSIVITY: 1.0}
        elif direction.property == "convection":
            columns = {C_CONVECTION: 1.0}
        elif table.held[row] == 0.0:
            _slab(zero, case, plan, row, direction, constructions[name], inside_film, hour, day)
        for column, value in columns.items():
            zero.properties[row, column] = zero.hour_properties[row, column] = value
    return zero


def _slab(
    into: Derivatives,
    case: Case,
    plan: TimePlan,
    row: int,
    direction: Direction,
    item: Construction,
    inside_film: Mapping[str, float],
    hour: float,
    day: float,
) -> None:
    """Fill in one construction whose layer changes."""
    sides, width = _neighbours(item, direction, inside_film)
    table = case.constructions
    rate, gain, direct = table.rate[row], table.gain[row], table.direct[row : row + 1]
    d_rate, d_gain, d_direct = fit_modes(rate, gain, sides[0].full[0], sides[1].full[0], width)
    nudge = NUDGE / max(np.abs(d_rate / rate).max(), 1e-9)
    for seconds, d_modes, d_properties in (
        (case.forcing.step, into.modes, into.properties),
        (hour, into.hour_modes, into.hour_properties),
    ):
        high, low = (
            _numbers(rate + h * d_rate, gain + h * d_gain, direct + h * d_direct, seconds, day)
            for h in (nudge, -nudge)
        )
        d_modes[row] = (high[0] - low[0]) / (2.0 * nudge)
        d_properties[row] = (high[1] - low[1]) / (2.0 * nudge)
    series = [
        dataclasses.replace(
            case, constructions=dataclasses.replace(side, kinds=[table.kinds[row]])
        ).free_series(0, plan.origin)
        for side in sides
    ]
    into.free[row] = (series[0] - series[1]) / width


def _neighbours(
    item: Construction, direction: Direction, inside_film: Mapping[str, float]
) -> tuple[tuple[ConstructionTable, ConstructionTable], float]:
    """Tables of a construction above and below its property, and how far they are apart."""
    layers = [i for i, layer in enumerate(item.layers) if not layer.resistance]
    if not 0 <= direction.layer < len(layers):
        raise InputError(
            "no such homogeneous layer",
            where=f"sensitivity: {item.name}",
            expected=f"0 to {len(layers) - 1}",
            got=direction.layer,
        )
    index = layers[direction.layer]
    key = "thermal_conductivity" if direction.property == "conductivity" else "thickness"
    value = getattr(item.layers[index], key)

    def table(factor: float) -> ConstructionTable:
        changed = list(item.layers)
        changed[index] = dataclasses.replace(changed[index], **{key: value * factor})
        return construction_table([dataclasses.replace(item, layers=tuple(changed))], inside_film)

    high, middle, low = table(1.0 + STEP), table(1.0), table(1.0 - STEP)
    nodes = [side.full[0].rate.size for side in (high, middle, low)]
    if nodes[0] != nodes[1]:  # a thicker layer gets one more cell just here: take one side
        return (middle, low), STEP * value
    if nodes[2] != nodes[1]:
        return (high, middle), STEP * value
    return (high, low), 2.0 * STEP * value


def fit_modes(
    rate: np.ndarray, gain: np.ndarray, high: FullModes, low: FullModes, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives of reduced modes from the response of the whole slab.

    What the reduction leaves out jumps between neighbouring slabs, which a difference of reduced
    modes would divide by the step. So the derivative of the slab's frequency response, with
    all modes, is fitted by what changes of rates, gains and the direct part do to the reduced one
    (linear least squares over periods from months to minutes). A period weighs by its misfit in
    kelvin: by the flux that surfaces feel at it (see `_flux_spectrum`), relative to the change that
    this causes there, or to `SMALL` of the largest such change where it is less.

    Parameters
    ----------
    rate, gain : ndarray, shape (MODES,)
        Of the reduced slab.
    high, low : FullModes
        Of the slab above and below, which are `width` apart in the property.

    Returns
    -------
    tuple of ndarray
        Derivatives of rate, gain and (1,) direct.
    """
    frequency = np.concatenate([[0.0], np.logspace(-6.5, -1.8, 71)])
    s = 1j * frequency[:, None]

    def response(full: FullModes) -> np.ndarray:
        return (full.surface**2 / (full.rate + s)).sum(axis=1)

    wanted = (response(high) - response(low)) / width
    used = gain > 0.0
    by_gain = rate / (rate + s)  # of modes that gain nothing as well: thin panes have two
    by_rate = gain[used] * s / (rate[used] + s) ** 2 * rate[used]  # of the rate's logarithm
    columns = np.hstack([by_gain, by_rate, np.ones_like(s)])
    columns = np.vstack([columns.real, columns.imag])
    target = np.concatenate([wanted.real, wanted.imag])
    flux = _flux_spectrum(frequency)
    moves = flux * np.abs(wanted)
    weight = np.tile(flux / (moves + SMALL * moves.max() + 1e-30), 2)
    size = np.abs(columns).max(axis=0)
    found = np.linalg.lstsq(
        columns / size * weight[:, None], target * weight, rcond=1.0e-9
    )[0] / size  # fmt: skip
    d_gain, by_log, d_direct = np.split(found, [rate.size, rate.size + int(used.sum())])
    d_rate = np.zeros_like(rate)
    d_rate[used] = by_log * rate[used]
    return d_rate, d_gain, d_direct


def _flux_spectrum(frequency: np.ndarray) -> np.ndarray:
    """Flux into surfaces at angular frequencies [1/s], relative to that at a day.

    Sun and shadow give it a day and its parts, ever less towards minutes (a day that jumps has
    harmonics that fall as their number), weather a tenth from day to day; the mean weighs as much
    as a day, which keeps the mean temperature right.
    """
    daily = 2.0 * np.pi / 86400.0
    flux = np.where(frequency >= 0.9 * daily, daily / np.maximum(frequency, 1e-12), 0.1)
    flux[frequency == 0.0] = 1.0
    return flux


def _numbers(
    rate: np.ndarray, gain: np.ndarray, direct: np.ndarray, step: float, day: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mode coefficients and slab properties of a construction (as in `tables.DeviceTables`)."""
    decay, constant, rise = exponential_coefficients(rate, gain, step)
    modes = np.concatenate([decay, constant, rise, gain, np.exp(-rate * day), 1.0 / (rate * step)])
    properties = np.zeros(layout.CONSTRUCTION_FLOATS)
    properties[layout.C_DIRECT] = direct[0]
    properties[layout.C_RISE_GAIN] = rise.sum() + direct[0]
    properties[layout.C_STEADY_GAIN] = gain.sum() + direct[0]
    return modes, properties


def directions_of(
    properties: Iterable[str], constructions: Iterable[str], layer: int = 0
) -> list[Direction]:
    """A direction for each of some properties of the same constructions."""
    names = tuple(constructions)
    return [Direction(name, names, layer) for name in properties]
