"""Made-up crowns on the maps of small cities."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import shapely

from heatmat.case import Case
from heatmat.foliage import LEAF, TWIG
from heatmat.forcing import Forcing
from heatmat.library import library
from heatmat.maps import Maps
from heatmat.physics import PhysicsOptions
from heatmat.prepare import make_case
from tests.physics_case import STILL, boxes, make_case_of


def with_crowns(maps: Maps, top: np.ndarray, base: np.ndarray, transmissivity: float) -> Maps:
    """Maps with crowns on their ground cells, in leaf all year."""
    there = top > base
    density = np.divide(1.0, top - base, out=np.zeros_like(top), where=there)
    compositions = [*maps.compositions, ((LEAF, 1.0),), ((TWIG, 1.0),)]
    return dataclasses.replace(
        maps,
        crown_top=np.where(there, top, 0.0).astype(np.float32),
        crown_base=np.where(there, base, 0.0).astype(np.float32),
        crown_density=density.astype(np.float32),
        crown_transmissivity=(transmissivity, transmissivity),
        crown_leaf_on=("01-01", "12-31"),
        crown_compositions=(len(compositions) - 2, len(compositions) - 1),
        compositions=compositions,
    )


def shape_of(maps: Maps) -> tuple[int, int]:
    """Shape of the ground's cells."""
    return maps.ny * maps.ground_subdivision, maps.nx * maps.ground_subdivision


def grove(
    forcing: Forcing,
    *,
    half: bool = True,
    top: float = 9.0,
    base: float = 2.5,
    transmissivity: float = 0.2,
    physics: PhysicsOptions = STILL,
    margin: float = 25.0,
    leaf: dict[str, Any] | None = None,
    **options: Any,
) -> Case:
    """A house of 10 m with a wood of one height over the western half of the land, or all of it."""
    house = shapely.box(0.0, 0.0, 10.0, 10.0)
    case = make_case_of(boxes([house], [8.0], margin=margin), forcing, physics=physics, **options)
    shape = shape_of(case.maps)
    there = np.ones(shape, bool)
    if half:
        there[:, shape[1] // 2 :] = False
    maps = with_crowns(
        case.maps, np.where(there, top, 0.0), np.where(there, base, 0.0), transmissivity
    )
    return remake(maps, case, physics, leaf, options.get("changes"))


def remake(
    maps: Maps,
    case: Case,
    physics: PhysicsOptions = STILL,
    leaf: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
) -> Case:
    """The case of other maps; `leaf` changes the leaves, `changes` all else."""
    from heatmat.foliage import foliage

    known = {name: dataclasses.replace(item, **(changes or {})) for name, item in library().items()}
    if leaf is not None:
        known[LEAF] = dataclasses.replace(foliage()[LEAF], **leaf)
    names = [case.compositions[k][0][0] for k in (case.default_facade, case.default_ground)]
    return make_case(
        maps, case.forcing, known, physics, default_facade=names[0], default_ground=names[1]
    )
