"""The library of materials and constructions, and the tables that add to it.

Numbers live in ``heatmat/data/*.csv``, each beside the key of its source and the table or file row
it stands in; ``sources.csv`` spells the keys out. See docs/materials.md.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from heatmat.construction import (
    INSIDE_FILM,
    KINDS,
    PROPERTIES,
    ROUGHNESS,
    Construction,
    Layer,
    Material,
    check_range,
)
from heatmat.errors import InputError, nearest
from heatmat.foliage import foliage
from heatmat.library import (
    ALIASES,
    attic_layers,
    find_construction,
    library,
    material_library,
    sources,
)
from heatmat.units import KELVIN, to_celsius

__all__ = [
    "ALIASES",
    "INSIDE_FILM",
    "PROPERTIES",
    "ROUGHNESS",
    "Construction",
    "Layer",
    "Material",
    "attic_layers",
    "construction_from_dict",
    "construction_rows",
    "find_construction",
    "layer_rows",
    "layers_from_tables",
    "library",
    "material_library",
    "material_rows",
    "sources",
    "with_properties",
]

USER = "set by the user"

LAYER_KEYS = {
    "thickness_m": "thickness",
    "conductivity_w_mk": "thermal_conductivity",
    "density_kg_m3": "density",
    "specific_heat_j_kgk": "specific_heat",
    "resistance_m2k_w": "resistance",
}
"""Words of a layer in a scenario file, and the attribute of `Layer` they set."""

TABLE_KEYS = (
    *PROPERTIES,
    "layers",
    "temperature",
    "kind",
    "pitched",
    "source",
    "description",
    "irrigation",
)
"""Words of a [constructions.NAME] table."""


def with_properties(
    construction: Construction, *, name: str | None = None, **changes: Any
) -> Construction:
    """A changed copy, checked; the construction given stays as it is.

    Parameters
    ----------
    construction : Construction
    name : str, optional
        Name of the copy; default: the same.
    **changes
        Any of albedo, emissivity, solar_transmittance, moisture_availability, roughness.

    Raises
    ------
    InputError
        An unknown property, or a value outside its range.
    """
    for key in changes:
        if key not in PROPERTIES:
            raise InputError(
                f"{key!r} cannot be set",
                where=f"constructions.{construction.name}",
                remedy=nearest(key, PROPERTIES),
            )
    source = construction.source
    if changes:
        source = "; ".join(filter(None, [source, f"{', '.join(changes)} <- {USER}"]))
    return dataclasses.replace(
        construction, name=name or construction.name, source=source, **changes
    )


def irrigation_from_table(table: object, where: str) -> tuple[float, float, float]:
    """``{ from = "20:00", to = "06:00", moisture_availability = 1.0 }`` as `Construction` keeps it.

    Raises
    ------
    InputError
        Another key, no time of day, no length, or a number out of range.
    """
    expected = '{ from = "20:00", to = "06:00", moisture_availability = 1.0 }'
    if not isinstance(table, Mapping) or not {"from", "to"} <= set(table):
        raise InputError("is not a schedule", where=where, expected=expected, got=repr(table))
    _only(table, ("from", "to", "moisture_availability"), where)
    hours = []
    for key in ("from", "to"):
        text = str(table[key])
        found = re.fullmatch(r"(\d{1,2}):(\d{2})(:00)?", text)
        hour = int(found[1]) + int(found[2]) / 60.0 if found and int(found[2]) < 60 else 99.0
        if hour > 24.0:
            raise InputError(
                "is not a time of day", where=f"{where}.{key}", expected='"20:00"', got=text
            )
        hours.append(hour)
    if hours[0] == hours[1]:
        raise InputError("begins when it ends", where=where, expected=expected)
    wet = table.get("moisture_availability", 1.0)
    return check_range("moisture_availability", wet, where), hours[0], hours[1]


def construction_from_dict(
    name: str,
    table: Mapping[str, Any],
    base: Mapping[str, Construction] | None = None,
) -> Construction:
    """A [constructions.NAME] table as a Construction.

    Parameters
    ----------
    name : str
        If `base` has it, the table changes only what it names.
    table : mapping
        albedo, emissivity, solar_transmittance, moisture_availability, roughness, layers or
        temperature ('air' or degrees Celsius); also irrigation, kind, pitched, source, description.
    base : mapping, optional
        What is known already; default: the library.

    Returns
    -------
    Construction
        With the name given, also for an alias.

    Raises
    ------
    InputError
        Unknown word (the nearest valid one is named), missing word, or a number out of range.
    """
    where = f"constructions.{name}"
    if not isinstance(table, Mapping):
        raise InputError("is not a table", where=where, got=repr(table))
    _only(table, TABLE_KEYS, where)
    known = (library() if base is None else base).get(name) or foliage().get(name)
    fields = dict(table)
    if "irrigation" in table:
        fields["irrigation"] = irrigation_from_table(table["irrigation"], f"{where}.irrigation")
    if "layers" in table and "temperature" in table:
        raise InputError("has both layers and temperature", where=where, remedy="keep one")
    if "layers" in table:
        fields |= {
            "layers": layers_from_tables(table["layers"], f"{where}.layers"),
            "temperature": None,
        }
    elif "temperature" in table:
        fields |= {"layers": (), "temperature": _held(table["temperature"], where)}
    fields.setdefault("source", USER if known is None else known.source)
    if fields.setdefault("pitched", bool(known and known.pitched)) not in (True, False):
        raise InputError("pitched is true or false", where=where, got=repr(table["pitched"]))
    fields["attic"] = attic_layers() if fields["pitched"] else ()
    if known is not None:
        if set(table) - {"source"}:
            own = ", ".join(key for key in table if key != "source")
            fields["source"] = f"{own} <- {USER}; {fields['source']}"
        return dataclasses.replace(known, name=name, **fields)
    for key in ("albedo", "emissivity", "layers"):
        if key not in fields:
            raise InputError(
                f"{key} is missing",
                where=where,
                remedy="a new construction needs albedo, emissivity, and layers or temperature; "
                f"or is it a slip: {nearest(name, library())}",
            )
    fields.setdefault("kind", KINDS[0])
    return Construction(name=name, **fields)


def _only(table: Mapping[str, Any], valid: Iterable[str], where: str) -> None:
    """Refuse a word that is not valid there, and name the nearest one."""
    words = tuple(valid)
    for key in table:
        if key not in words:
            raise InputError(f"unknown key {key!r}", where=where, remedy=nearest(key, words))


def _held(value: Any, where: str) -> float | str:
    """'air', or degrees Celsius as kelvin."""
    if isinstance(value, str):
        if value != "air":
            raise InputError(
                "temperature is not one",
                where=where,
                expected="'air' or degrees Celsius",
                got=repr(value),
            )
        return value
    return check_range("temperature", value, where, shift=KELVIN)


def layers_from_tables(layers: Any, where: str) -> tuple[Layer, ...]:
    """Layers from their tables, outside to inside.

    Parameters
    ----------
    layers : list of mapping
        Each with `material` and `thickness_m`, with all four numbers, or with `resistance_m2k_w`.
    where : str
        Names the list in messages.

    Raises
    ------
    InputError
        Unknown word or material, missing word, or a number out of range.
    """
    if not isinstance(layers, (list, tuple)) or not layers:
        raise InputError(
            "layers is not a list of tables",
            where=where.removesuffix(".layers"),
            expected="[{ material = ..., thickness_m = ... }, ...]",
            got=repr(layers),
        )
    return tuple(_layer(entry, f"{where}[{i}]") for i, entry in enumerate(layers))


def _layer(entry: Any, where: str) -> Layer:
    """One layer: a material and its thickness, four numbers, or a resistance."""
    if not isinstance(entry, Mapping):
        raise InputError("is not a table", where=where, got=repr(entry))
    _only(entry, ("material", *LAYER_KEYS), where)
    numbers: dict[str, Any] = {
        LAYER_KEYS[key]: check_range(LAYER_KEYS[key], value, where, label=key)
        for key, value in entry.items()
        if key in LAYER_KEYS
    }
    if "resistance" in numbers:
        if len(entry) > 1:
            raise InputError(
                "a resistance stands alone in its layer",
                where=where,
                got=", ".join(entry),
                remedy="remove the other keys",
            )
        return Layer(**numbers, source=USER)
    material = str(entry.get("material", ""))
    if material:
        materials = material_library()
        if material not in materials:
            raise InputError(
                f"no material is named {material!r}",
                where=where,
                remedy=nearest(material, materials),
            )
        known = materials[material]
        for key in ("thermal_conductivity", "density", "specific_heat"):
            numbers.setdefault(key, getattr(known, key))
    missing = [key for key, field in LAYER_KEYS.items() if field not in numbers][:-1]
    if missing:
        raise InputError(
            f"{', '.join(missing)} missing",
            where=where,
            remedy="give material and thickness_m, or all four numbers, or resistance_m2k_w",
        )
    return Layer(**numbers, material=material, source=USER)


def construction_rows(
    names: Iterable[str] | None = None,
    constructions: Mapping[str, Construction] | None = None,
) -> list[dict[str, Any]]:
    """One flat row a construction, units in the keys, for tables and CSV.

    Parameters
    ----------
    names : iterable of str, optional
        Default: all, aliases left out.
    constructions : mapping, optional
        Default: the library.

    Raises
    ------
    InputError
        An unknown name.
    """
    known = library() if constructions is None else constructions
    if names is None:
        names = [name for name in known if name not in ALIASES or known[name].name == name]
    rows = []
    for construction in (find_construction(name, known) for name in names):
        held = construction.temperature
        rows.append(
            {
                "name": construction.name,
                "kind": construction.kind,
                **{key: getattr(construction, key) for key in PROPERTIES},
                "u_value_w_m2k": round(construction.u_value(), 4),
                "heat_capacity_j_m2k": round(construction.heat_capacity, 1),
                "pitched": construction.pitched,
                "layers": " | ".join(layer.describe() for layer in construction.full_layers),
                "held_temperature_c": to_celsius(held) if isinstance(held, float) else held or "",
                "description": construction.description,
                "source": construction.source,
            }
        )
    return rows


def layer_rows(
    name: str, constructions: Mapping[str, Construction] | None = None
) -> list[dict[str, Any]]:
    """One row a layer of one construction, outside to inside, with the sources of its numbers."""
    rows = []
    for position, layer in enumerate(find_construction(name, constructions).full_layers, start=1):
        material = material_library().get(layer.material)
        rows.append(
            {
                "position": position,
                "material": layer.material,
                **{key: getattr(layer, field) or "" for key, field in LAYER_KEYS.items()},
                "source": layer.source,
                "material_source": material.source if material else "",
            }
        )
    return rows


def material_rows() -> list[dict[str, Any]]:
    """One row a material, units in the keys."""
    return [
        {
            "name": material.name,
            "conductivity_w_mk": material.thermal_conductivity,
            "density_kg_m3": material.density,
            "specific_heat_j_kgk": material.specific_heat,
            "source": material.source,
        }
        for material in material_library().values()
    ]
