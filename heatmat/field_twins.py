"""Whether two versions of a city send the same rays, and whether two fields are the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmat.chunks import TimePlan
    from heatmat.field import Field
    from heatmat.rayfield import RayField
    from heatmat.solver import Solver
    from heatmat.tables import DeviceTables

    Parts = tuple[RayField, DeviceTables, TimePlan]


def same_rays(a: Field, b: Field) -> bool:
    """Whether two fields have the same surfaces under the same sun and sky, and so the same rays.

    What they are made of may differ. Compared is what the tracing reads, so that it does not matter
    how the two came about.
    """
    if (a.size, a.seed) != (b.size, b.seed):
        return False
    return _same((a.rays, a.tables, a.plan), (b.rays, b.tables, b.plan))


def same_tracing(a: Solver, b: Solver) -> bool:
    """The same of two solvers, whose paths may then be traced once."""
    return _same((a.field, a.tables, a.plan), (b.field, b.tables, b.plan))


def _same(a: Parts, b: Parts) -> bool:
    numbers = zip(_numbers(*a), _numbers(*b), strict=True)
    return all(one == other for one, other in numbers) and all(
        np.array_equal(one, other) for one, other in zip(_arrays(*a), _arrays(*b), strict=False)
    )


def _numbers(rays: RayField, tables: DeviceTables, plan: TimePlan) -> tuple:
    return (
        len(plan.chunks),
        tuple(rays.grid_f),
        tuple(rays.grid_i),
        tuple(tables.physics),
        tuple(tables.switches),
    )


def _arrays(rays: RayField, tables: DeviceTables, plan: TimePlan) -> Iterator[np.ndarray]:
    for array in (*rays.geometry, rays.facades):
        yield array.to_numpy()
    yield tables.case.maps.facade_z
    for chunk in plan.chunks:
        yield from (chunk.nodes, chunk.node_days)


def fingerprint(field: Field, steps: int) -> str:
    """Digest of the texels' links, materials and forcing of the first `steps` steps.

    Equal for fields that are equal until then.
    """
    digest = hashlib.sha256()
    case, chunk = field.case, field.plan.chunks[0]
    for array in (
        field.bundle.links.to_numpy(),
        field.bundle.start_i.to_numpy(),
        np.array([*field.tables.physics, *field.tables.switches], np.float32),
        field.tables.series(chunk)[:, : steps + 1],
        field.tables.free_rows(chunk)[:, : steps + 1],
        case.constructions.albedo,
        case.constructions.emissivity,
        case.constructions.rate,
        case.constructions.gain,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
