"""One HTML file about a comparison: what differs, by how much it changes what, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.output.report import escape, image_tag, number, provenance, table, warnings_list
from heatmat.output.report_text import MODEL_UNCERTAINTY, STYLE

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 24
"""Rows of a table on the page; the file beside it has them all."""

CAPTIONS = {
    "change": (
        "What B changes, by day and by night: blue is cooler, red is warmer. Lines are walls, the "
        "mean of their storeys; each panel has its own scale."
    ),
    "change_at": (
        "The hour at which most changes, and the standard error of that change from paired "
        "replicates of both sides."
    ),
    "sides": "Both sides at that hour on one scale.",
    "hours": "Mean change by the hour, of what was changed and of everything else.",
}

PAIRS = (
    "Both sides place the same points and send the same rays, so most of the sampling error leaves "
    "the difference. What is left is told from replicates of the difference: two sets of rays for "
    "ground and roofs, four sets of positions for walls. Errors of means by kind or building come "
    "from two sets each: a single one is known to a factor of two. It says nothing about the "
    "model: what convection, albedo or wind are uncertain by changes both sides, and the "
    "difference with them."
)


def settings_that_differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Dotted key and both values of every setting that is not the same in two resolved scenarios.

    Interventions stand once a side, by their number.
    """
    from heatmat.output.report import flatten

    before, after = dict(flatten(a)), dict(flatten(b))
    keys = [*before, *(key for key in after if key not in before)]
    return [
        (key, before.get(key, "–"), after.get(key, "–"))
        for key in keys
        if before.get(key) != after.get(key)
    ]


def comparison_html(
    *,
    title: str,
    lead: str,
    tables: Mapping[str, pd.DataFrame],
    sentences: Sequence[str],
    explanation: pd.DataFrame,
    touched: Mapping[str, Mapping[str, Mapping[str, float]]],
    settings: Sequence[tuple[str, str, str]],
    figures: Sequence[Path],
    run_info: Mapping[str, Any],
    attribution: str,
) -> str:
    """The whole page as text, loading nothing from anywhere.

    Parameters
    ----------
    title, lead : str
    tables : mapping
        ``changed``, ``construction`` and ``building_id``: from `MapDifference.table`.
    sentences : sequence of str
        The explanation in words.
    explanation : DataFrame
        From `heatmat.explanation.explain`.
    touched : mapping
        Square metres within the extent by side, intervention and surface.
    settings : sequence of tuple
        From `settings_that_differ`.
    figures : sequence of Path
    run_info : mapping
        What run.json holds, or nothing.
    attribution : str
    """
    pictures = "".join(image_tag(path, CAPTIONS.get(path.stem, path.stem)) for path in figures)
    words = "".join(f"<li>{escape(text)}</li>" for text in sentences)
    uncertainty = "".join(f"<p>{text}</p>" for text in MODEL_UNCERTAINTY)
    run = f"<section><h2>What was run</h2>{provenance(run_info)}</section>" if run_info else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · HeatMat</title><style>{STYLE}</style></head><body><main>"
        f'<header><p class="kicker">HeatMat · what-if</p><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(lead)}</p></header>'
        f"<section><h2>What was changed</h2>{touched_table(touched)}</section>"
        f"<section><h2>By how much</h2>{change_table(tables['changed'])}"
        f"<h3>Why</h3><ul>{words or '<li>Nothing changes.</li>'}</ul></section>"
        f"<section><h2>Pictures</h2>{pictures}</section>"
        f"<section><h2>The energy behind it</h2>{energy_table(explanation)}"
        "<p>Changes of the fluxes into the surface, B minus A, at places drawn from each group; "
        "the five terms sum to zero.</p></section>"
        f"<section><h2>By construction</h2>{change_table(tables['construction'])}"
        f"<h2>By building</h2>{change_table(tables['building_id'])}"
        f"<p>The {MOST_ROWS} that change most; all of them, and every hour, lie in the CSV files "
        "beside this page.</p></section>"
        f"<section><h2>How sure</h2><p>{PAIRS}</p>{uncertainty}</section>"
        f"<section><h2>Settings that differ</h2>{settings_table(settings)}</section>"
        f"<section>{warnings_list(run_info)}</section>{run}"
        f"<footer><p>{escape(attribution)}</p></footer></main></body></html>\n"
    )


TOUCHED = {"ground": "ground", "roof": "roofs", "wall": "walls", "crown": "crowns"}
"""Surfaces of the areas that interventions are about, and their headings."""


def touched_table(touched: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Square metres of every intervention, by side and surface."""
    rows = [
        [side.upper(), name, *(number(areas.get(kind), 0) for kind in TOUCHED)]
        for side, interventions in touched.items()
        for name, areas in interventions.items()
    ]
    if not rows:
        return "<p>No interventions: the two scenarios differ in their settings.</p>"
    header = ["side", "intervention", *(f"{name} [m²]" for name in TOUCHED.values())]
    note = (
        "Areas within the extent; trees count wherever they stand. What lies in the margin is "
        "changed too: summary.json has the areas with it as touched_with_margin_m2."
    )
    return table(header, rows, numbers_from=2) + f"<p>{note}</p>"


LABELS = {
    "surface": "surface",
    "changed": "",
    "construction": "construction",
    "construction_after": "becomes",
    "building_id": "building",
}


def change_table(frame: pd.DataFrame) -> str:
    """Means and peaks: the rows that change most over the window, with day and night."""
    keys = [key for key in LABELS if key in frame]
    wide = frame.pivot_table(
        index=keys, columns="period", values=["change_k", "standard_error_k"], dropna=False,
        aggfunc="first", observed=True,
    ).dropna(how="all")  # fmt: skip
    whole = frame[frame["period"] == "all"].set_index(keys)
    if "changed" not in keys:
        whole = whole.loc[whole["change_k"].abs().sort_values(ascending=False).index]
        whole = whole.head(MOST_ROWS)
    rows = []
    for index, row in whole.iterrows():
        names = dict(zip(keys, index if isinstance(index, tuple) else (index,), strict=True))
        rows.append([*(_label(key, names[key]) for key in keys), number(row["area_m2"], 0)]
                    + [_with_error(wide, index, period) for period in ("all", "day", "night")]
                    + [number(row["lowest_k"], 2), number(row["highest_k"], 2)])  # fmt: skip
    header = [
        *(LABELS[key] for key in keys), "area [m²]", "mean change [K]", "by day", "by night",
        "lowest", "highest",
    ]  # fmt: skip
    return table(header, rows, numbers_from=len(keys))


def _label(key: str, value: Any) -> str:
    if key == "changed":
        return "changed" if value else "as before"
    text = str(value)
    return "–" if not text else text if key == "building_id" else text.replace("_", " ")


def _with_error(wide: pd.DataFrame, index: Any, period: str) -> str:
    if ("change_k", period) not in wide.columns:
        return "–"
    change = wide.loc[index, ("change_k", period)]
    error = wide.loc[index, ("standard_error_k", period)]
    digits = 2 if abs(change) >= 0.1 else 3
    return f"{number(change, digits)} ± {_small(error, max(digits, 3))}"


def _small(error: float, digits: int) -> str:
    """An error that is not told as nought."""
    least = 10.0**-digits
    return f"<{least:.{digits}f}" if 0.0 < error < 0.5 * least else number(error, digits)


def energy_table(explanation: pd.DataFrame) -> str:
    """Changes of the energy terms by group [W/m2]."""
    from heatmat.explanation import TERMS

    if explanation.empty:
        return "<p>Nothing changes anywhere.</p>"
    short = ["absorbed light", "net longwave", "convection", "evaporation", "conduction"]
    header = ["", "", "places", "change [K]", *short, "light on it", "longwave on it"]
    rows = [
        [
            row["group"],
            row["period"],
            row["places"],
            f"{number(row['change_k'], 2)} ± {_small(row['standard_error_k'], 2)}",
            *(number(row[column], 1) for column in TERMS.values()),
        ]
        for row in explanation.to_dict("records")
    ]
    return table(header, rows, numbers_from=2)


def settings_table(settings: Sequence[tuple[str, str, str]]) -> str:
    """Keys that are not the same on both sides."""
    if not settings:
        return "<p>None.</p>"
    return table(["key", "A", "B"], settings, numbers_from=9)
