"""docs/scenario.md against the schema: every key, its default and its range, and nothing else."""

from __future__ import annotations

import json
import re
import typing
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from heatmat import scenario_schema as schema
from heatmat.construction import PROPERTIES
from heatmat.incident_table import RANGES
from heatmat.materials import LAYER_KEYS, TABLE_KEYS
from heatmat.points import COLUMNS, TEMPS_COLUMNS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "scenario.md").read_text("utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "[city]": schema.CityTable,
    "[city.attributes]": schema.CityAttributes,
    "[city.trees]": schema.CityTrees,
    "[weather]": schema.WeatherTable,
    "weather.clear_sky": schema.ClearSky,
    "[time]": schema.TimeTable,
    "[physics]": schema.PhysicsTable,
    "[solver]": schema.SolverTable,
    "[[interventions]]": schema.InterventionTable,
    "where": schema.WhereTable,
    "set": schema.SetTable,
    "add": schema.AddTable,
    "trees": schema.PlantTable,
}
# Tables of their own, which have their own section or line.
ELSEWHERE = {
    "[city]": {"attributes", "trees"},
    "[weather]": {"clear_sky"},
    "[[interventions]]": set(),
}


def section(heading: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ `?{re.escape(heading)}`?.*?\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert found, f"no section {heading}"
    return found[1]


def rows(heading: str) -> dict[str, list[str]]:
    """Key to the cells after it, of the tables in a section."""
    table = {}
    for line in section(heading).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `"):
            table[cells[0].strip("`")] = cells[1:]
    return table


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The words of a table as a file writes them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def default_text(field: FieldInfo) -> str:
    """A default as TOML would write it."""
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    assert value is not PydanticUndefined
    if isinstance(value, BaseModel):
        given = value.model_dump(exclude_none=True)
        inner = ", ".join(f"{name} = {item:g}" for name, item in given.items())
        return f"`{{ {inner} }}`" if inner else "none"
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{json.dumps(value)}`"


def range_text(field: FieldInfo) -> str:
    """`0 to 5000` for numbers, the words for choices, empty for the rest."""
    marks = [*field.metadata, *_inner_metadata(field.annotation)]
    low = next((m.ge for m in marks if isinstance(m, Ge)), None)
    over = next((m.gt for m in marks if isinstance(m, Gt)), None)
    high = next((m.le for m in marks if isinstance(m, Le)), None)
    assert not any(isinstance(m, Lt) for m in marks)
    if high is not None:
        start = f"above {over:g}" if over is not None else f"{low:g}"
        return f"{start} to {high:.10g}"
    words = _words(field.annotation)
    return ", ".join(f"`{word}`" for word in words)


def _inner_metadata(annotation: Any) -> list[Any]:
    """Constraints inside `X | None` and Annotated, not those of list items."""
    found: list[Any] = []
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        for mark in marks:
            found += getattr(mark, "metadata", None) or [mark]
        return found + _inner_metadata(inner)
    if type(None) in typing.get_args(annotation):
        for part in typing.get_args(annotation):
            found += _inner_metadata(part)
    return found


def _words(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(word) for word in typing.get_args(annotation)]
    return [w for part in typing.get_args(annotation) for w in _words(part)]


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_stands_with_its_default_and_range(heading: str) -> None:
    expected = {
        key: field
        for key, field in keys(SECTIONS[heading]).items()
        if key not in ELSEWHERE.get(heading, set())
    }
    written = rows(heading)
    assert set(written) == set(expected)
    for key, field in expected.items():
        default, allowed = written[key][0], written[key][1]
        assert default == default_text(field), key
        if span := range_text(field):
            assert allowed.startswith(span), f"{key}: {allowed} is not {span}"


def test_top_level_tables_all_have_a_section() -> None:
    for name in schema.ScenarioTables.model_fields:
        assert re.search(rf"`(\[+{name}|{name} =)", PAGE), name


def test_words_of_constructions_and_layers_stand_there() -> None:
    text = section("[constructions.NAME]")
    for word in (*TABLE_KEYS, *LAYER_KEYS, "material", *PROPERTIES):
        assert f"`{word}`" in text, word


def test_columns_of_the_tables_stand_there() -> None:
    for word in COLUMNS:
        assert f"`{word}`" in section("POINTS.csv"), word
    for word in TEMPS_COLUMNS:
        assert f"`{word}`" in section("TEMPS.csv"), word
    for word, (low, high, _) in RANGES.items():
        row = rows("FORCING.csv")[word]
        assert f"{low:g} to {high:g}" in row[0], word


def test_outputs_of_run_stand_there() -> None:
    from heatmat.output.run_files import RunFiles

    files = object.__new__(RunFiles)
    files.maps = _Crs()  # type: ignore[assignment]
    files.walls = files.city = None  # type: ignore[assignment]
    files.probes = [1]  # type: ignore[assignment]
    files.offset = 0.0
    text = section("What a run writes")
    names = [name for name, _ in files._data()] + ["report.html", "run.json"]
    for name in names:
        assert f"`{name}`" in text, name


class _Crs:
    """Enough of a dataset for the list of files."""

    attrs = {"crs": "EPSG:32635"}
