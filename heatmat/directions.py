"""Derivatives of the constructions' numbers with respect to one of their properties."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.conduction import exponential_coefficients
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
"""Relative step of the central differences of a slab's numbers, which are double precision; what is
left is 1e-6 of the derivative."""


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

    Albedo, emissivity and convection enter as they are. What a layer's conductivity or thickness
    does to the modes of its slab is a central difference of the modes, on grids with the same
    number of nodes.
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
    into: Derivatives, case: Case, plan: TimePlan, row: int, direction: Direction,
    item: Construction, inside_film: Mapping[str, float], hour: float, day: float,
) -> None:  # fmt: skip
    """Fill in one construction whose layer changes."""
    sides, width = _neighbours(item, direction, inside_film)
    step = case.forcing.step
    for seconds, modes, properties in (
        (step, into.modes, into.properties),
        (hour, into.hour_modes, into.hour_properties),
    ):
        high, low = (_numbers(side, seconds, day) for side in sides)
        modes[row] = (high[0] - low[0]) / width
        properties[row] = (high[1] - low[1]) / width
    series = [
        dataclasses.replace(
            case, constructions=dataclasses.replace(side, kinds=[case.constructions.kinds[row]])
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
            "no such homogeneous layer", where=f"sensitivity: {item.name}",
            expected=f"0 to {len(layers) - 1}", got=direction.layer,
        )  # fmt: skip
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


def _numbers(table: ConstructionTable, step: float, day: float) -> tuple[np.ndarray, np.ndarray]:
    """Mode coefficients and slab properties of a table's only row (`tables.DeviceTables`)."""
    decay, constant, rise = exponential_coefficients(table.rate[0], table.gain[0], step)
    modes = np.concatenate(
        [decay, constant, rise, table.gain[0], np.exp(-table.rate[0] * day),
         1.0 / (table.rate[0] * step)]
    )  # fmt: skip
    properties = np.zeros(layout.CONSTRUCTION_FLOATS)
    properties[layout.C_DIRECT] = table.direct[0]
    properties[layout.C_RISE_GAIN] = rise.sum() + table.direct[0]
    properties[layout.C_STEADY_GAIN] = table.gain[0].sum() + table.direct[0]
    return modes, properties


def directions_of(
    properties: Iterable[str], constructions: Iterable[str], layer: int = 0
) -> list[Direction]:
    """A direction for each of some properties of the same constructions."""
    names = tuple(constructions)
    return [Direction(name, names, layer) for name in properties]
