"""One line for every fault in a scenario: file, dotted key, expected, got, remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from heatmat.errors import InputError, nearest
from heatmat.scenario_schema import (
    AddTable,
    CityAttributes,
    CityTable,
    CityTrees,
    ClearSky,
    InsideFilm,
    InterventionTable,
    PhysicsTable,
    ScenarioTables,
    SetTable,
    SolverTable,
    TimeTable,
    WeatherTable,
    WhereTable,
)
from heatmat.text_table import join_faults

_TABLE_AT: dict[tuple[str, ...], type[BaseModel]] = {
    (): ScenarioTables,
    ("city",): CityTable,
    ("city", "attributes"): CityAttributes,
    ("city", "trees"): CityTrees,
    ("weather",): WeatherTable,
    ("weather", "clear_sky"): ClearSky,
    ("time",): TimeTable,
    ("physics",): PhysicsTable,
    ("physics", "inside_film_w_m2k"): InsideFilm,
    ("solver",): SolverTable,
    ("interventions",): InterventionTable,
    ("interventions", "where"): WhereTable,
    ("interventions", "set"): SetTable,
    ("interventions", "add"): AddTable,
}


def valid_keys(location: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand in the table at `location`, as written in TOML."""
    table = _TABLE_AT.get(tuple(part for part in location if isinstance(part, str)))
    if table is None:
        return []
    keys = [field.alias or name for name, field in table.model_fields.items()]
    return keys + ["extends"] if table is ScenarioTables else keys


def dotted(location: tuple[str | int, ...]) -> str:
    """`("interventions", 0, "set")` as `interventions[1].set`: people count from one."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def _range_words(context: dict[str, Any]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return " and ".join(f"{words[key]} {context[key]:g}" for key in words if key in context)


_PLAIN_WORDS = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "heatmat":
        return str(context["text"])
    if kind in _PLAIN_WORDS:
        return _PLAIN_WORDS[kind]
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return "a number " + _range_words(context)
    if kind == "literal_error":
        return str(context["expected"])
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"a list of {wanted} values"
    if kind == "string_too_short":
        return "a name that is not empty"
    return error["msg"].lower()


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _location(error: ErrorDetails) -> tuple[str | int, ...]:
    """Where the fault is, without the branch names pydantic adds for unions."""
    parts: list[str | int] = []
    for part in error["loc"]:
        if isinstance(part, str) and ("[" in part or part in ("str", "list", "float")):
            continue
        parts.append(part)
    return tuple(parts)


def _as_input_error(error: ErrorDetails, where: str) -> InputError:
    location = _location(error)
    place = f"{where}: {dotted(location)}" if where else dotted(location)
    if error["type"] == "extra_forbidden":
        keys = valid_keys(location[:-1])
        return InputError("unknown key", where=place, remedy=nearest(str(location[-1]), keys))
    if error["type"] == "missing":
        return InputError("missing key", where=place, remedy="add it")
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        words = [w.strip(" '") for w in _expected(error).replace(" or ", ",").split(",")]
        return InputError(
            "unknown word",
            where=place,
            got=_shown(error["input"]),
            remedy=nearest(error["input"], words),
        )
    return InputError(
        "wrong value", where=place, expected=_expected(error), got=_shown(error["input"])
    )


def validate_tables(
    tables: dict[str, Any],
    *,
    where: str = "",
    origins: dict[tuple[str | int, ...], Path] | None = None,
) -> ScenarioTables:
    """Check merged tables against the schema.

    Parameters
    ----------
    tables : dict
        As TOML gives them, `extends` already followed.
    where : str
        The scenario file, for the messages.
    origins : dict, optional
        The file that each key came from where it is not `where` itself.

    Raises
    ------
    InputError
        One line with every fault: file, dotted key, expected, got, remedy.
    """
    try:
        return ScenarioTables.model_validate(tables)
    except ValidationError as error:
        faults, seen = [], set()
        for detail in error.errors(include_url=False):
            location = _location(detail)
            if location in seen:  # the second branch of a union says nothing new
                continue
            seen.add(location)
            origin = _origin(origins or {}, location)
            faults.append(_as_input_error(detail, str(origin) if origin else where))
        raise join_faults(faults, where) from None


def _origin(
    origins: dict[tuple[str | int, ...], Path], location: tuple[str | int, ...]
) -> Path | None:
    for length in range(len(location), 0, -1):
        if location[:length] in origins:
            return origins[location[:length]]
    return None
