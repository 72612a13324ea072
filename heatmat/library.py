"""Loads the library of materials and constructions from ``heatmat/data/*.csv``, once."""

from __future__ import annotations

import csv
import functools
import importlib.resources
from collections.abc import Iterable, Mapping
from typing import Any

from heatmat.construction import PROPERTIES, Construction, Layer, Material
from heatmat.errors import InputError, nearest

ALIASES = {"brick_wall": "solid_brick_wall"}
"""Other names a construction answers to."""

ATTIC = "(attic)"
"""What lies behind every pitched roof, in construction_layers.csv."""


def _rows(name: str) -> list[dict[str, str]]:
    """The rows of one table of the package's data folder."""
    path = importlib.resources.files("heatmat") / "data" / name
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@functools.cache
def sources() -> Mapping[str, str]:
    """Citation key to full reference."""
    return {
        row["key"]: f"{row['citation']}. {row['url']}".rstrip(". ") for row in _rows("sources.csv")
    }


def _join(labelled: Iterable[tuple[str, str]]) -> str:
    """``albedo: slum: ...; emissivity: ...``, equal citations merged."""
    by_source: dict[str, list[str]] = {}
    for label, source in labelled:
        by_source.setdefault(source, []).append(label)
    if len(by_source) == 1:
        return next(iter(by_source))
    return "; ".join(f"{', '.join(labels)} <- {source}" for source, labels in by_source.items())


@functools.cache
def _materials() -> dict[str, Material]:
    columns = {
        "thermal_conductivity": "thermal_conductivity_w_mk",
        "density": "density_kg_m3",
        "specific_heat": "specific_heat_j_kgk",
    }
    return {
        row["name"]: Material(
            name=row["name"],
            source=_join((key, row[f"{key}_source"]) for key in columns),
            **{key: float(row[column]) for key, column in columns.items()},
        )
        for row in _rows("materials.csv")
    }


def material_library() -> dict[str, Material]:
    """The materials by name (a fresh dict; the entries are immutable)."""
    return dict(_materials())


@functools.cache
def _layers() -> dict[str, tuple[Layer, ...]]:
    """Construction name to its layers, in file order, outside to inside."""
    stacks: dict[str, list[Layer]] = {}
    for row in _rows("construction_layers.csv"):
        if row["resistance_m2k_w"]:
            layer = Layer(resistance=float(row["resistance_m2k_w"]), source=row["source"])
        else:
            material = _materials()[row["material"]]
            layer = Layer.of(material, float(row["thickness_m"]), row["source"])
        stacks.setdefault(row["construction"], []).append(layer)
    return {name: tuple(stack) for name, stack in stacks.items()}


def attic_layers() -> tuple[Layer, ...]:
    """What lies behind a pitched roof: half the roof space, attic air, half, ceiling.

    The roof space of a tiled roof with boards or felt has 0.2 m2K/W (EN ISO 6946:2017, Table 9).
    Half of it stands on either side of one lumped node of air, 1 m deep; below it the ceiling's
    insulation and board. Numbers and sources: rows ``(attic)`` of construction_layers.csv.
    """
    return _layers()[ATTIC]


@functools.cache
def _constructions() -> dict[str, Construction]:
    numbers = PROPERTIES[:4]
    entries = {}
    for row in _rows("constructions.csv"):
        pitched = row["pitched"] == "1"
        values: dict[str, Any] = {key: float(row[key]) for key in numbers}
        entries[row["name"]] = Construction(
            name=row["name"],
            kind=row["kind"],
            layers=_layers()[row["name"]],
            roughness=row["roughness"],
            source=_join((key, row[f"{key}_source"]) for key in PROPERTIES),
            pitched=pitched,
            attic=attic_layers() if pitched else (),
            description=row["description"],
            **values,
        )
    return entries | {alias: entries[name] for alias, name in ALIASES.items()}


def library() -> dict[str, Construction]:
    """The constructions by name (a fresh dict; the entries are immutable).

    Aliases are keys too: ``library()["brick_wall"].name`` is ``"solid_brick_wall"``.
    """
    return dict(_constructions())


def find_construction(
    name: str, constructions: Mapping[str, Construction] | None = None, *, where: str = ""
) -> Construction:
    """The construction of that name, or an InputError that names the nearest one."""
    known = _constructions() if constructions is None else constructions
    if name not in known:
        raise InputError(
            f"no construction is named {name!r}", where=where, remedy=nearest(name, known)
        )
    return known[name]
