"""The texts of a city folder: scenario.toml, SOURCES.md, and the table of what was read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_sources.area import Area
from data_sources.cache import Provenance


@dataclass(frozen=True)
class Source:
    """One thing that a city folder was made of.

    Attributes
    ----------
    title : str
        What it is, as a heading.
    files : tuple of str
        Names in the folder that hold it.
    note : str
        What was taken, and how.
    provenance : tuple of Provenance
        Where it came from; empty for what is assumed.
    """

    title: str
    files: tuple[str, ...]
    note: str
    provenance: tuple[Provenance, ...] = field(default=())


HEIGHT_LINES = (
    ("height_tagged", "height tagged"),
    ("height_from_levels", "height from levels (3.0 m each, and the roof)"),
    ("height_from_dsm", "height from a surface model minus terrain"),
    ("height_filled_neighbours", "height filled: median of the neighbours within 100 m"),
    ("height_filled_one_storey", "height filled: a kind that has one storey"),
    ("height_filled_median", "height filled: median of the area"),
    ("height_filled_default", "height filled: three storeys"),
)
BUILDING_LINES = (
    ("buildings", "buildings and parts in the folder"),
    *HEIGHT_LINES,
    ("parts", "building parts"),
    ("courtyards", "courtyards"),
    ("roofs_pitched", "pitched roofs"),
    ("min_height_filled", "raised above open ground, stand as if filled down"),
    ("overlapping_pairs", "pairs that overlap; the higher counts there"),
    ("repaired", "self-crossing outlines repaired"),
    ("outlines_replaced", "outlines wholly replaced by their parts"),
    ("parts_above_outline", "parts higher than their outline says; the part is believed"),
    ("parts_without_outline", "parts without an outline, kept"),
    ("twins_dropped", "outlines given twice, one dropped"),
    ("too_small_dropped", "outlines without an area dropped"),
    ("polygons_outside", "read to fill heights, beyond the margin"),
    ("unreadable_tags", "tags without a readable number, taken as missing"),
    ("height_zero", "heights of 0, taken as missing"),
    ("min_height_dropped", "min_height not below the height, dropped"),
    ("roof_shape_flattened", "roof shapes that are not modelled, flat here"),
)
READ_LINES = (
    ("buildings", "buildings and parts"),
    ("ground_areas", "ground areas"),
    ("ways_width_tagged", "ways, width tagged"),
    ("ways_width_lanes", "ways, width from lanes (3.25 m each)"),
    ("ways_width_class", "ways, width by class"),
    ("rails", "railway tracks"),
    ("trees", "trees"),
    ("tree_rows", "rows of trees"),
    ("underground", "below ground, in tunnels or indoors, not used"),
    ("no_geometry", "no geometry (cut by the border of the data), not used"),
    ("elements_malformed", "elements without what their kind must have, not used"),
    ("outside", "outside the window and its margin, not used"),
    ("points_other", "other points (signs, shops, ...), not used"),
    ("lines_other", "other lines (fences, borders, ...), not used"),
    ("areas_other", "other areas (uses that say nothing of the surface), not used"),
    ("untagged", "without a tag, not used"),
)


def count_rows(read: Mapping[str, int], kept: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """Heading, line and number, in the order to print; lines of 0 are left out."""
    total = sum(read.get(key, 0) for key, _ in READ_LINES)
    rows = [("read", "features", total)]
    rows += [("of these", text, read[key]) for key, text in READ_LINES if read.get(key)]
    rows += [("buildings", text, kept[key]) for key, text in BUILDING_LINES if kept.get(key)]
    return [*rows, ("ground", "layers", kept.get("ground_layers", 0))]


def table_text(rows: Sequence[tuple[str, str, int]]) -> str:
    """The counts for standard output."""
    width = max(len(text) for _, text, _ in rows)
    lines, last = [], ""
    for heading, text, number in rows:
        shown = heading if heading != last else ""
        lines.append(f"{shown:<10}{text:<{width}}  {number:>7}")
        last = heading
    return "\n".join(lines)


def sources_text(
    area: Area, sources: Sequence[Source], rows: Sequence[tuple[str, str, int]]
) -> str:
    """SOURCES.md: whom to name, and where each file is from."""
    west, south, east, north = area.degrees()
    credits = []
    for source in sources:
        for item in source.provenance:
            if item.attribution and item.attribution not in credits:
                credits.append(item.attribution)
    lines = [f"# Sources of {_plain(area.name)}", ""]
    lines += [f"Window {west:.6f}, {south:.6f}, {east:.6f}, {north:.6f} (W, S, E, N), {area.crs}."]
    lines += ["", "## Name these beside every picture and result", ""]
    lines += [f"- {_plain(credit)}" for credit in credits] or ["- nobody: all is assumed"]
    for source in sources:
        lines += ["", f"## {source.title}", "", source.note]
        if source.files:
            lines += ["", "In: " + ", ".join(f"`{name}`" for name in source.files)]
        lines += _provenance_lines(source.provenance)
    lines += ["", "## What was read, and what became of it", "", "| | | number |", "|---|---|---:|"]
    lines += [f"| {heading} | {text} | {number} |" for heading, text, number in rows]
    return "\n".join(lines) + "\n"


def _provenance_lines(items: Sequence[Provenance]) -> list[str]:
    lines = []
    for item in items[:20]:
        lines += ["", f"- address: {_plain(item.address)}", f"  - fetched: {item.date}"]
        lines += [f"  - licence: {_plain(item.licence)}"] if item.licence else []
        lines += [f"  - sha256: {item.sha256}"] if item.sha256 else []
    if len(items) > 20:
        lines += ["", f"- and {len(items) - 20} more, all in `provenance.json`"]
    return lines


def _plain(text: str) -> str:
    """Text from outside on one line, so that it cannot pose as a heading or a table."""
    return " ".join(str(text).split()).replace("|", "/").replace("`", "'").replace("<", "(")


def scenario_text(
    area: Area,
    made: str,
    city: Mapping[str, Any],
    trees: Mapping[str, Any],
    weather: Mapping[str, Any],
    window: tuple[str, str] | None,
) -> str:
    """scenario.toml, ready to run."""
    lines = [
        f"# {_plain(area.name)}: made by heatmat fetch, {made}.",
        "# Where every number is from, and whom to name: SOURCES.md.",
        "format = 1",
        "",
        "[city]",
        *[f"{key} = {toml(value)}" for key, value in city.items()],
    ]
    if trees:
        lines += ["", "[city.trees]", *[f"{key} = {toml(value)}" for key, value in trees.items()]]
    lines += ["", "[weather]", *[f"{key} = {toml(value)}" for key, value in weather.items()]]
    if window is not None:
        lines += ["", "[time]", f"start = {toml(window[0])}", f"end = {toml(window[1])}"]
    return "\n".join(lines) + "\n"


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: object) -> str:
    text = str(name)
    return text if text.replace("_", "").replace("-", "").isalnum() else json.dumps(text)
