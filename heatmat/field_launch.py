"""Launch of the field's march: workers take the blocks of units in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmat.field_links import Bundle
from heatmat.field_time import Stage
from heatmat.field_units import Units
from heatmat.kernels import field_march, layout
from heatmat.kernels.lanes import LANES
from heatmat.kernels.receive import switches_vector
from heatmat.runtime import ti

if TYPE_CHECKING:
    from heatmat.field import Field

WORKERS_BYTES = 4 << 20
"""Scratch memory of all workers, which says how many there are."""

FEWEST_WORKERS = 64
"""However much scratch memory each of them takes."""


@dataclass
class Neighbours:
    """Parts that share what falls on them: see `kernels.field_gather`.

    Attributes
    ----------
    near, weight : ti.Ndarray, shape (parts, most)
    known : ti.Ndarray, shape (parts, sets + 1, LINK_FLOATS)
    """

    near: ti.Ndarray
    weight: ti.Ndarray
    known: ti.Ndarray

    @classmethod
    def none(cls) -> Neighbours:
        """Of texels, which have none."""
        return cls(
            ti.ndarray(dtype=ti.i32, shape=(1, 1)),
            ti.ndarray(dtype=ti.f32, shape=(1, 1)),
            ti.ndarray(dtype=ti.f32, shape=(1, 1, 1)),
        )


def march(
    field: Field,
    bundle: Bundle,
    units: Units,
    neighbours: Neighbours,
    stage: Stage,
    sizes: object,
    stores: tuple,
    begin: ti.Ndarray,
    end: ti.Ndarray,
    out: ti.Ndarray,
    *,
    texels: bool,
    light: bool,
) -> None:
    """Launch `kernels.field_march.march_units` for a bundle and a stage."""
    width = LANES * (4 * stage.rows + stage.steps + 2 + stage.nodes)
    workers = min(units.blocks, max(FEWEST_WORKERS, WORKERS_BYTES // (4 * width)))
    scratch = ti.ndarray(dtype=ti.f32, shape=(workers * width,))
    switches = list(field.tables.switches)
    switches[layout.O_SUN_BITS] = bundle.sun_size(field.rays)
    field_march.march_units(
        int(texels),
        int(field.case.physics.convection[0]),
        units.units,
        units.weight,
        bundle.start_f,
        bundle.start_i,
        bundle.leader,
        bundle.links,
        bundle.count,
        bundle.known,
        bundle.bits,
        neighbours.near,
        neighbours.weight,
        neighbours.known,
        *stores,
        scratch,
        begin,
        end,
        stage.series,
        stage.sun,
        stage.node_of,
        stage.free,
        stage.modes,
        stage.properties,
        field.forcing.classes,
        out,
        stage.out_of_step,
        workers,
        units.blocks,
        bundle.samples,
        int(light),
        sizes,
        field.tables.physics,
        switches_vector(*switches),
    )
