"""Several versions of one city in one case: made of other things, which stand where they stood.

Every surface gets a joint label, one for each combination of compositions that it has in the
versions. Rays are traced over the joint labels; a version is then a table that says which
composition a joint label means.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.case import Case
from heatmat.errors import InputError
from heatmat.maps import Maps
from heatmat.prepare import make_case

if TYPE_CHECKING:
    from heatmat.construction import Construction
    from heatmat.simulation import Simulation

Composition = tuple[tuple[str, float], ...]


@dataclass
class Variants:
    """Versions of a city that share their geometry.

    Attributes
    ----------
    case : Case
        Maps with joint labels, and the constructions of all versions.
    compositions : list of list of tuple
        Of each version: what each joint label means, as long as ``case.compositions``.
    """

    case: Case
    compositions: list[list[Composition]]

    @property
    def count(self) -> int:
        """Number of versions."""
        return len(self.compositions)

    def tables(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Construction rows and shares of each version (`Case.composition_arrays`)."""
        return [
            dataclasses.replace(self.case, compositions=rows).composition_arrays()
            for rows in self.compositions
        ]


def join_variants(sides: Sequence[Simulation], more: Iterable[str] = ()) -> Variants:
    """Put simulations of the same geometry into one case.

    Parameters
    ----------
    sides : sequence of Simulation
        The first decides geometry, weather and physics; the others come from its
        `with_interventions`, or are it.
    more : iterable of str
        Constructions to have a label of their own for, in every version the same.

    Raises
    ------
    InputError
        If a side has another geometry.
    """
    first = sides[0]
    for side in sides[1:]:
        same = side.maps.edge_ab is first.maps.edge_ab and side.forcing is first.forcing
        if same and getattr(side.maps, "crown_top", None) is not getattr(
            first.maps, "crown_top", None
        ):
            raise InputError(
                "versions of one city have the same trees",
                where="variants",
                remedy="compare cities with other trees by `heatmat compare`",
            )
        if not same:
            raise InputError(
                "versions of one city must come from one simulation",
                where="variants",
                remedy="make them with Simulation.with_interventions",
            )
    known: dict[str, Construction] = dict(first.constructions)
    names = [_merge(known, side.constructions) for side in sides]
    labels, index = joint_labels([side.maps for side in sides])
    versions: list[list[Composition]] = [
        [_renamed(side.maps.compositions[int(i)], name) for i in rows]
        for side, name, rows in zip(sides, names, index, strict=True)
    ]
    # Labels that mean the same in all versions: the plane beyond the map, unlabelled walls, leaves.
    crowns = {first.maps.compositions[i] for i in _crown_labels(first.maps)}
    default = {((first.city.default_facade, 1.0),), ((first.city.default_ground, 1.0),)}
    fixed = sorted({*default, *crowns, *(((name, 1.0),) for name in more)})
    at = {entry: len(versions[0]) + i for i, entry in enumerate(fixed)}
    for rows in versions:
        rows.extend(fixed)
    used = {name for rows in versions for entry in rows for name, _ in entry}
    maps = dataclasses.replace(first.maps, compositions=versions[0], **labels)
    if crowns:
        crowned = [first.maps.compositions[i] for i in first.maps.crown_compositions]
        maps = dataclasses.replace(
            maps,
            crown_compositions=(at[crowned[0]], at[crowned[1]]),
        )
    case = make_case(
        maps,
        first.forcing,
        known,
        first.scenario.physics(),
        default_facade=first.city.default_facade,
        default_ground=first.city.default_ground,
        label=first.scenario.name,
        more=sorted(used),
    )
    case = dataclasses.replace(
        case,
        default_facade=at[((first.city.default_facade, 1.0),)],
        default_ground=at[((first.city.default_ground, 1.0),)],
    )
    for rows in versions:
        rows.extend(case.compositions[len(rows) :])
    return Variants(case, versions)


def _crown_labels(maps: Maps) -> tuple[int, ...]:
    return tuple(maps.crown_compositions) if getattr(maps, "has_crowns", False) else ()


def _merge(known: dict[str, Construction], more: dict[str, Construction]) -> dict[str, str]:
    """Add constructions that are not known yet; how each name of `more` is called in `known`."""
    called = {}
    for name, item in more.items():
        free, number = name, 1
        while free in known and known[free] is not item and known[free] != item:
            number += 1
            free = f"{name} ({number})"
        known.setdefault(free, item)
        called[name] = free
    return called


def _renamed(composition: Composition, name: dict[str, str]) -> Composition:
    return tuple((name[construction], share) for construction, share in composition)


def joint_labels(maps: Sequence[Maps]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """One label for each combination of compositions that a surface has in some maps.

    Returns
    -------
    tuple
        The label arrays of joint maps by field of `Maps`; and for each of `maps`, the composition
        that each joint label stands for.
    """
    labels: dict[str, Any] = {}
    index: list[list[np.ndarray]] = [[] for _ in maps]
    used = 0
    for name in ("facade_composition", "region_composition", "ground_composition"):
        own = [getattr(side, name).ravel() for side in maps]
        code = own[0].astype(np.int64)
        for side, flat in zip(maps[1:], own[1:], strict=True):
            if not np.array_equal(flat, own[0]):
                _, code = np.unique(code * len(side.compositions) + flat, return_inverse=True)
        _, where, code = np.unique(code, return_index=True, return_inverse=True)
        labels[name] = (code + used).reshape(getattr(maps[0], name).shape).astype(np.int32)
        used += where.size
        for rows, flat in zip(index, own, strict=True):
            rows.append(flat[where])
    return labels, [np.concatenate(rows) for rows in index]
