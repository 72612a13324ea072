"""Tables of a scenario file as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def tables(written: Mapping[str, Mapping[str, Any]]) -> str:
    """Every table with its entries, in order."""
    return (
        "\n".join(line for name, entries in written.items() for line in table(name, entries)) + "\n"
    )


def table(name: str, entries: Mapping[str, Any]) -> list[str]:
    """One table, a line an entry."""
    return [f"[{name}]", *(f"{key} = {value_text(value)}" for key, value in entries.items())]


def value_text(value: Any) -> str:
    """A value; strings, numbers and lists of them are written alike in JSON and TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {value_text(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
