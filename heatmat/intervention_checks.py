"""What the schema cannot see of interventions: names, files, and keys that exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.errors import InputError, nearest

if TYPE_CHECKING:
    from heatmat.materials import Construction
    from heatmat.scenario_schema import InterventionTable, ScenarioTables


def unknown_construction(
    name: str, constructions: Mapping[str, Construction], place: str
) -> InputError:
    """The fault of a name that the library and the scenario do not have."""
    return InputError(
        "unknown construction", where=place, got=repr(name), remedy=nearest(name, constructions)
    )


def faults(
    tables: ScenarioTables, constructions: Mapping[str, Construction], where: str
) -> list[InputError]:
    """Everything wrong with [[interventions]] that can be told without the city.

    Parameters
    ----------
    tables : ScenarioTables
    constructions : mapping
        The library with the scenario's own.
    where : str
        The scenario file, for messages.
    """
    found, seen = [], set()
    known = dict.fromkeys(constructions)
    for i, entry in enumerate(tables.interventions, start=1):
        place = f"{where}: interventions[{i}]"
        properties = entry.set_.model_dump(exclude_none=True) if entry.set_ else {}
        added = entry.add.model_dump(exclude_none=True) if entry.add else {}
        found += _one_change(entry, bool(properties or added), place)
        if entry.name in seen:
            found.append(
                InputError(
                    "duplicate name",
                    where=f"{place}.name",
                    got=repr(entry.name),
                    remedy="give each intervention its own name",
                )
            )
        seen.add(entry.name)
        named = [(entry.construction, "construction"), (added.get("finish"), "add.finish")]
        named += [(name, "share") for name in entry.share or ()]
        found += [
            unknown_construction(name, constructions, f"{place}.{key}")
            for name, key in named
            if name is not None and name not in constructions
        ]
        found += [
            unknown_construction(name, constructions, f"{place}.where.construction")
            for name in entry.where.construction or ()
            if name not in known
        ]
        found += _layers(added, place) + _polygon(entry.where.polygon, place)
        # Later entries may name the copies that this one makes.
        copies = bool(properties or added)
        known |= {f"{name}+{entry.name}": None for name in list(known)} if copies else {}
    return found


def _one_change(entry: InterventionTable, copies: bool, place: str) -> list[InputError]:
    given = [
        word
        for word, there in (
            ("set or add", copies),
            ("construction", entry.construction is not None),
            ("share", entry.share is not None),
            ("trees", entry.trees is not None),
        )
        if there
    ]
    if len(given) == 1:
        return []
    return [
        InputError(
            "an intervention changes one thing",
            where=place,
            expected="set = { ... } and/or add = { ... }, or construction = 'NAME', "
            "or share = { ... }, or trees = { ... }",
            got=" and ".join(given) or "none of them",
        )
    ]


def _layers(added: Mapping[str, Any], place: str) -> list[InputError]:
    from heatmat.materials import layers_from_tables

    found = []
    for side in ("outside", "inside"):
        if side in added:
            try:
                layers_from_tables(added[side], f"{place}.add.{side}")
            except InputError as error:
                found.append(error)
    return found


def _polygon(polygon: Any, place: str) -> list[InputError]:
    if isinstance(polygon, str) and not polygon.startswith("/vsi") and not Path(polygon).exists():
        return [
            InputError(
                "no such file",
                where=f"{place}.where.polygon",
                got=polygon,
                remedy="paths are relative to the file that names them",
            )
        ]
    if isinstance(polygon, list) and len(polygon) < 3:
        return [
            InputError(
                "wrong value",
                where=f"{place}.where.polygon",
                expected="at least three [x, y]",
                got=str(polygon),
            )
        ]
    return []
