"""Difference maps of a grid of scenarios: one after the other, against the same city as it is.

The city's geometry, its field and its shadow rays are made once; each scenario marches a field of
its own along the rays of that one (`Simulation.field`). One scenario's maps are in memory at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heatmat.map_comparison import MapDifference, compare_maps
from heatmat.sweeps import Axis, facade_axis, grid_of

if TYPE_CHECKING:
    from heatmat.simulation import Simulation


@dataclass
class Member:
    """A scenario of the grid.

    Attributes
    ----------
    name : str
        Number and labels, fit for a file.
    label : tuple of str
        Of each axis.
    difference : MapDifference
        Against the city as it is.
    """

    name: str
    label: tuple[str, ...]
    difference: MapDifference


def sweep_maps(
    simulation: Simulation,
    axes: Sequence[Axis | Mapping[str, Any]] | None = None,
    *,
    resolution: float | None = None,
    finished: Callable[[str], bool] = lambda name: False,
) -> Iterator[Member]:
    """Maps and walls of every scenario minus those of the city as it is.

    Parameters
    ----------
    simulation : Simulation
    axes : sequence of Axis or mapping, optional
        As for `heatmat.sweeps.sweep`.
    resolution : float, optional
        Pixel side [m]; default: the scenario's.
    finished : callable
        Says by name which members are there already and left out.

    Yields
    ------
    Member
        Let go of when the next one is asked for.
    """
    _, cells = grid_of(axes or [facade_axis(simulation.constructions)])
    for number, cell in enumerate(cells, 1):
        label = tuple(text for text, _ in cell)
        name = f"{number:03d}-" + "-".join(_fit(text) for text in label)
        if finished(name):
            continue
        changes = [change for _, change in cell if change is not None]
        after = simulation.with_interventions(changes)
        yield Member(name, label, compare_maps(simulation, after, resolution=resolution))
        after.close()


def _fit(text: str) -> str:
    return "".join(c if c.isalnum() or c in "._" else "_" for c in text)
