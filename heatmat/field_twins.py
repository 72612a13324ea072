"""Whether two fields send the same rays to the same texels, and whether they are the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from heatmat.field import Field


def same_rays(a: Field, b: Field) -> bool:
    """Whether two fields have the same surfaces under the same sun and sky, and so the same rays.

    What they are made of may differ. Compared is what the tracing reads, so that it does not matter
    how the two came about.
    """
    numbers = zip(_numbers(a), _numbers(b), strict=True)
    arrays = zip(_arrays(a), _arrays(b), strict=True)
    return all(one == other for one, other in numbers) and all(
        np.array_equal(one, other) for one, other in arrays
    )


def _numbers(field: Field) -> tuple:
    rays, tables = field.rays, field.tables
    return (
        field.size,
        field.seed,
        tuple(rays.grid_f),
        tuple(rays.grid_i),
        tuple(tables.physics),
        tuple(tables.switches),
    )


def _arrays(field: Field) -> list[np.ndarray]:
    arrays = [array.to_numpy() for array in (*field.rays.geometry, field.rays.facades)]
    arrays.append(field.case.maps.facade_z)
    for chunk in field.plan.chunks:
        arrays += [chunk.nodes, chunk.node_days]
    return arrays


def fingerprint(field: Field) -> str:
    """Digest of the texels' links, materials and forcing: equal for equal fields."""
    digest = hashlib.sha256()
    case = field.case
    for array in (
        field.bundle.links.to_numpy(),
        field.bundle.start_i.to_numpy(),
        case.forcing.air_temperature,
        case.forcing.ghi,
        case.forcing.sky_longwave,
        case.forcing.wind_speed,
        case.constructions.albedo,
        case.constructions.emissivity,
        case.constructions.rate,
        case.constructions.gain,
        case.constructions.held_temperature,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
