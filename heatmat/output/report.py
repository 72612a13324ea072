"""One HTML file that says what was run, with what, how sure it is and what it leaves out."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heatmat.output.atomic import aside
from heatmat.output.report_text import CAPTIONS, LIMITS, MODEL_UNCERTAINTY, STYLE

PAIRED = ("sky_view_factor", "sunlit_hours", "materials", "standard_error")
"""Figures that stand two abreast."""

IMAGE_WIDTH = 1600
"""Figures are embedded at most this wide [pixels]; the full ones lie in figures/."""


def escape(value: Any) -> str:
    """Anything as text that is safe between tags and in attributes."""
    return html.escape(str(value), quote=True)


def image_tag(path: Path, caption: str) -> str:
    """A figure with its image inside as base64 WebP (about a third of the PNG's size)."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGB")
        if picture.width > IMAGE_WIDTH:
            height = round(picture.height * IMAGE_WIDTH / picture.width)
            picture = picture.resize((IMAGE_WIDTH, height), Image.Resampling.LANCZOS)
        data = io.BytesIO()
        picture.save(data, "WEBP", quality=88, method=1)
        size = f'width="{picture.width}" height="{picture.height}"'
    code = base64.b64encode(data.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" {size} src="data:image/webp;base64,{code}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def table(header: Sequence[Any], rows: Sequence[Sequence[Any]], numbers_from: int = 1) -> str:
    """An HTML table; columns from ``numbers_from`` on are set as numbers."""
    if not rows:
        return ""

    def cells(values: Sequence[Any], tag: str) -> str:
        parts = []
        for column, value in enumerate(values):
            kind = ' class="n"' if column >= numbers_from else ""
            parts.append(f"<{tag}{kind}>{escape(value)}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(cells(row, "td") for row in rows)
    return (
        f'<div class="scroll"><table><thead>{cells(header, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def number(value: float | None, digits: int = 1) -> str:
    """A number with a true minus sign, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def temperature_table(summary: Mapping[str, Any], hours: Sequence[int]) -> str:
    """Ground, roofs and walls: mean, min and max, and the mean at chosen stamps."""
    kinds = summary["surface_temperature_c"]
    titles = {"ground": "Ground", "roof": "Roofs", "wall": "Walls"}
    stamps: list[dict[str, Any]] = next(
        (kind["by_hour"] for kind in kinds.values() if "by_hour" in kind), []
    )
    header = ["°C", "mean", "min", "max", *(clock(stamps[i]["time"]) for i in hours if stamps)]
    rows = []
    for kind, values in kinds.items():
        series = values.get("by_hour")
        at = [number(series[i]["mean"]) if series else "–" for i in hours if stamps]
        rows.append(
            [titles.get(kind, kind), *(number(values[key]) for key in ("mean", "min", "max")), *at]
        )
    return table(header, rows)


def clock(stamp: str) -> str:
    """Hour and minute of an ISO stamp; the end of a day is 24:00."""
    text = stamp[11:16]
    return "24:00" if text == "00:00" else text


def construction_table(summary: Mapping[str, Any]) -> str:
    """Every construction in the extent, by kind, with its area."""
    rows = [
        [
            name.replace("_", " "),
            kind,
            number(values["area_m2"], 0),
            *(number(values[key]) for key in ("mean", "min", "max")),
        ]
        for kind, constructions in summary["by_construction"].items()
        for name, values in constructions.items()
    ]
    header = ["construction", "surface", "area [m²]", "mean [°C]", "min [°C]", "max [°C]"]
    return table(header, rows, numbers_from=2)


def uncertainty(summary: Mapping[str, Any]) -> str:
    """Sampling errors as a table, and what they leave out as prose."""
    errors = summary["sampling_standard_error_k"]
    titles = {"surface_temperature": "Seen from above", "wall": "Walls"}
    rows = [
        [titles.get(name, name), *(number(values[key], 3) for key in ("rms", "p95", "max"))]
        for name, values in errors.items()
    ]
    numbers = table(["standard error [K]", "rms", "95th percentile", "max"], rows)
    return numbers + "".join(f"<p>{text}</p>" for text in MODEL_UNCERTAINTY)


def heights_sentence(summary: Mapping[str, Any]) -> str:
    """Where the building heights come from."""
    shares = summary["height_sources"]
    measured = f"{100.0 * shares['dsm']:.0f} % from a surface model, " if shares.get("dsm") else ""
    return (
        f"Building heights: {100.0 * shares['tagged']:.0f} % tagged, "
        f"{100.0 * shares['levels']:.0f} % from numbers of levels, {measured}"
        f"{100.0 * shares['filled']:.0f} % filled by rule."
    )


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested tables as dotted keys with their values."""
    if isinstance(value, Mapping):
        pairs: list[tuple[str, str]] = []
        for key, item in value.items():
            pairs += flatten(item, f"{prefix}.{key}" if prefix else str(key))
        return pairs
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        pairs = []
        for count, item in enumerate(value, start=1):
            pairs += flatten(item, f"{prefix}[{count}]")
        return pairs
    return [(prefix, str(value))]


def provenance(run_info: Mapping[str, Any]) -> str:
    """Inputs with their digests, options, versions, device, seconds, the resolved scenario."""
    inputs = run_info.get("inputs", {})
    scenario = inputs.get("scenario", run_info.get("scenario", {}))
    files = [
        [name, Path(str(entry["path"])).name, entry["sha256"]]
        for name, entry in inputs.get("files", {}).items()
    ]
    versions = ", ".join(f"{name} {v}" for name, v in run_info.get("versions", {}).items())
    facts = [
        ("device", run_info.get("device", "")),
        ("seed", run_info.get("seed", "")),
        ("versions", versions),
        *((f"seconds: {k}" if k else "seconds", v) for k, v in _seconds(run_info)),
        *(pair for pair in flatten(inputs.get("options", {})) if pair[0] != "seed"),
    ]
    facts += [
        (
            f"intervention: {name}",
            ", ".join(f"{kind} {area:,.0f} m²" for kind, area in areas.items()),
        )
        for name, areas in run_info.get("touched_m2", {}).items()
    ]
    facts = [(name, value) for name, value in facts if value not in ("", "None")]
    parts = [table(["", ""], facts, numbers_from=9)]
    if files:
        parts.append("<h3>Inputs</h3>" + table(["input", "file", "sha256"], files, numbers_from=9))
    if scenario:
        listing = table(["key", "value"], flatten(scenario), numbers_from=9)
        parts.append(f"<details><summary>Resolved scenario</summary>{listing}</details>")
    return "".join(parts)


def _seconds(run_info: Mapping[str, Any]) -> list[tuple[str, str]]:
    seconds = run_info.get("seconds", {})
    if not isinstance(seconds, Mapping):
        seconds = {"": seconds}
    return [(str(name), f"{float(value):.1f}") for name, value in seconds.items()]


def warnings_list(run_info: Mapping[str, Any]) -> str:
    """Warnings of the run, or nothing."""
    items = "".join(f"<li>{escape(text)}</li>" for text in run_info.get("warnings", []))
    return f"<h2>Warnings</h2><ul>{items}</ul>" if items else ""


def report_html(
    *,
    title: str,
    summary: Mapping[str, Any],
    run_info: Mapping[str, Any],
    figures: Sequence[Path],
    hours: Sequence[int],
    attribution: str,
) -> str:
    """The whole page as text.

    Parameters
    ----------
    title : str
        Name of the place or scenario.
    summary : mapping
        As from ``summary_of``.
    run_info : mapping
        What run.json holds: inputs, versions, device, seed, seconds, warnings.
    figures : sequence of Path
        PNG files, in the order to show.
    hours : sequence of int
        Indices of the stamps whose means the first table shows.
    attribution : str
        Credits of the data.

    Returns
    -------
    str
        HTML that loads nothing from anywhere.
    """
    window = summary["window"]
    span = f"{window['first'][:16].replace('T', ' ')} to {window['last'][:16].replace('T', ' ')}"
    west, south, east, north = window["extent"]
    lead = (
        f"{east - west:.0f} m × {north - south:.0f} m at {window['resolution_m']:g} m; "
        f"{window['stamps']} stamps, {span} (UTC{window['utc_offset_h']:+g} h). "
        + heights_sentence(summary)
    )
    wide = _images(path for path in figures if path.stem not in PAIRED)
    narrow = _images(path for path in figures if path.stem in PAIRED)
    limits = "".join(f"<li>{text}</li>" for text in LIMITS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · HeatMat</title><style>{STYLE}</style></head><body><main>"
        f'<header><p class="kicker">HeatMat · urban surface temperatures</p>'
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p></header>'
        f"<section><h2>Temperatures</h2>{temperature_table(summary, hours)}</section>"
        f"<section><h2>Pictures</h2>{wide}"
        f'<div class="pairs">{narrow}</div></section>'
        f"<section><h2>By construction</h2>{construction_table(summary)}"
        "<p>A cell counts for the construction that covers most of it. Cells that straddle a roof "
        "edge or a path mix surfaces, so the extremes of small or narrow areas are those of their "
        "neighbours and of the sampling: read the means, and query points for a single surface."
        "</p></section>"
        f"<section><h2>How sure</h2>{uncertainty(summary)}</section>"
        f"<section><h2>What is not modelled</h2><ul>{limits}</ul></section>"
        f"<section>{warnings_list(run_info)}</section>"
        f"<section><h2>What was run</h2>{provenance(run_info)}</section>"
        f"<footer><p>{escape(attribution)}</p></footer></main></body></html>\n"
    )


def _images(paths: Iterable[Path]) -> str:
    return "".join(image_tag(path, CAPTIONS.get(path.stem, path.stem)) for path in paths)


def write_report(path: str | Path, page: str) -> Path:
    """Write the page, UTF-8."""
    with aside(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return Path(path)
