"""The comparison with the 3D side as a table, pictures and a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from heatmat.arguments import Parser
from heatmat.ending import exit_code
from heatmat.errors import InputError
from heatmat.output.atomic import aside

COLUMNS = (
    ("scene", "name", "{}"),
    ("probes", "probes", "{}"),
    ("mean abs. K", "mean_abs_difference_k", "{:.3f}"),
    ("mean K", "mean_difference_k", "{:+.3f}"),
    ("largest K", "max_abs_difference_k", "{:.2f}"),
    ("combined error K", "combined_error_k", "{:.3f}"),
    ("2.5D s", "seconds_2_5d", "{:.3g}"),
    ("3D s", "seconds_3d", "{:.3g}"),
    ("one instant", "speedup_at_equal_error", "{:.0f}"),
    ("a day", "speedup_at_equal_error_day", "{:.0f}"),
    ("with Embree", "speedup_with_embree_rays", "{:.0f}"),
)
"""Heading, key and format of the table's columns."""


def as_table(reference: dict[str, Any]) -> str:
    """Scenes as rows of plain text."""
    rows = [[heading for heading, _, _ in COLUMNS]]
    for scene in reference["scenes"]:
        rows.append(
            ["-" if scene.get(key) is None else form.format(scene[key]) for _, key, form in COLUMNS]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    title = "against the 3D reference, times to 0.1 K over all probes"
    if any(scene["extrapolated"] for scene in reference["scenes"]):
        title += " (those of 3D paths follow from their variance)"
    return title + ":\n" + "\n".join(lines) + "\n"


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def page_tables(reference: dict[str, Any]) -> dict[str, str]:
    """The tables of docs/reference.md by name, from the measured figures."""
    scenes = reference["scenes"]
    tables = {
        "summary": markdown_table(
            [heading for heading, _, _ in COLUMNS],
            [
                ["-" if s.get(key) is None else form.format(s[key]) for _, key, form in COLUMNS]
                for s in scenes
            ],
        )
    }
    rows = []
    for s in scenes:
        for kind, found in s["by_surface"].items():
            rows.append([s["name"], kind, *_moments(found)])
        if s.get("at_edges"):
            rows.append([s["name"], "at edges and corners (apart)", *_moments(s["at_edges"])])
    heads = ["scene", "surface", "probes", "mean abs. K", "mean K", "largest K"]
    tables["agreement"] = markdown_table(heads, rows)
    rows = []
    for s in scenes:
        for target, found in s["at_errors"].items():
            rows.append(
                [s["name"], target, f"{found['seconds_2_5d']:.3g}", f"{found['seconds_3d']:.3g}",
                 f"{found['speedup']:.0f}", f"{found['seconds_2_5d_day']:.3g}",
                 f"{found['seconds_3d_day']:.3g}", f"{found['speedup_day']:.0f}",
                 f"{found['speedup_day_24_runs']:.0f}", str(found["probes_left_out"])]
            )  # fmt: skip
    heads = ["scene", "error K", "2.5D s", "3D s", "ratio", "2.5D s, day", "3D s, day replayed",
             "ratio, day", "ratio, 24 runs", "probes left out"]  # fmt: skip
    tables["speed"] = markdown_table(heads, rows)
    rows = []
    for s in scenes:
        slow = s["time_shares_3d"]
        for side, shares in (
            ("2.5D", s["time_shares_2_5d"]),
            ("3D, instant", slow["instant"]),
            ("3D, day", slow["day"]),
        ):
            named = (shares[k] for k in ("rays", "shadow_rays", "conduction", "rest"))
            rows.append([s["name"], side, *(f"{100 * share:.0f} %" for share in named)])
    heads = ["scene", "side", "rays", "shadow rays", "conduction", "rest"]
    tables["shares"] = markdown_table(heads, rows)
    rows = []
    for s in scenes:
        cost, head = s["cost_3d"], s["at_errors"]["0.1"]
        followed = head.get("followed_3d", {})
        rows.append(
            [s["name"], f"{1e6 * sum(cost['seconds_a_path']) / 4:.1f}",
             f"{sum(cost['deviation_of_a_path_k']) / 4:.1f}",
             f"{1e6 * cost['seconds_a_path_day']:.1f}",
             f"{cost['deviation_of_a_path_day_k']:.1f}",
             f"{followed.get('paths', float('nan')):.0f}",
             f"{followed.get('standard_error_k', float('nan')):.3f}",
             f"{100 * s['lost_paths']:.3f} %"]
        )  # fmt: skip
    heads = ["scene", "µs a path", "deviation K", "µs a path, day", "deviation K, day",
             "paths followed to 0.1 K", "error they came to K", "lost"]  # fmt: skip
    tables["paths"] = markdown_table(heads, rows)
    return tables | _questions(scenes)


def _questions(scenes: list[dict[str, Any]]) -> dict[str, str]:
    """What comes before the first question, and questions that come few at a time."""
    rows = [
        [s["name"], str(s["triangles"]), f"{s['setup_seconds_2_5d']:.2f}",
         f"{s['setup_seconds_3d']:.2f}", f"{s['break_even_queries']:.1f}"]
        for s in scenes
    ]  # fmt: skip
    heads = ["scene", "triangles", "2.5D set-up s", "3D set-up s", "break-even queries"]
    tables = {"set-up": markdown_table(heads, rows)}
    rows = [
        [s["name"], name, f"{found['seconds_2_5d']:.3g}", f"{found['speedup']:.0f}",
         f"{found['speedup_day']:.0f}"]
        for s in scenes
        if "asked" in s
        for name, found in (
            ("16 scrambles of all probes in a call", s["at_errors"]["0.1"]),
            ("all probes in a call", s["asked"]["one_batch"]),
            ("one probe a call", s["asked"]["alone"]),
        )
    ]  # fmt: skip
    if rows:
        heads = ["scene", "2.5D side", "2.5D s", "one instant", "a day"]
        tables["asked"] = markdown_table(heads, rows)
    return tables


def _moments(found: dict[str, Any]) -> list[str]:
    return [
        str(found["probes"]),
        f"{found['mean_abs_difference_k']:.3f}",
        f"{found['mean_difference_k']:+.3f}",
        f"{found['max_abs_difference_k']:.2f}",
    ]


def with_tables(reference: dict[str, Any], text: str) -> str:
    """A page with the measured tables between its marks; it keeps its words.

    A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``.
    """
    tables = page_tables(reference)
    tables["fourth power"] = _fourth_power(reference["fourth_power"])
    tables["machine"] = "{processor}, {threads} threads, {system}.\n".format(**reference["machine"])
    if "scaling" in reference:
        from heatmat.reference_scaling_report import scaling_tables

        tables |= scaling_tables(reference["scaling"])
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin in text and end in text:
            head, rest = text.split(begin, 1)
            text = head + begin + "\n" + table + "\n" + end + rest.split(end, 1)[1]
    return text


def _fourth_power(found: dict[str, Any]) -> str:
    rows = [
        [label, f"{found[key]['mean']:+.3f}", f"{found[key]['mean_abs']:.3f}",
         f"{found[key]['max_abs']:.2f}"]
        for label, key in (
            ("linear minus T⁴, 2.5D", "linear_minus_fourth_power_2_5d_k"),
            ("linear minus T⁴, 3D", "linear_minus_fourth_power_3d_k"),
            ("2.5D minus 3D, both with T⁴", "difference_2_5d_minus_3d_k"),
        )
    ]  # fmt: skip
    return markdown_table(["", "mean K", "mean abs. K", "largest K"], rows)


def draw(reference: dict[str, Any], folder: Path) -> list[Path]:
    """Pictures of the comparison: temperatures side by side, and error against time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    colours = {"wall": "#b0562c", "roof": "#3c6e8f", "ground": "#5b7f3b"}
    files = []
    scenes = reference["scenes"]
    figure, axes = pyplot.subplots(1, len(scenes), figsize=(4.2 * len(scenes), 4.2), squeeze=False)
    for ax, scene in zip(axes[0], scenes, strict=True):
        for kind, colour in colours.items():
            rows = [r for r in scene["table"] if r["surface"] == kind and not r["at_edge"]]
            x = [t for r in rows for t in r["temperature_3d_c"]]
            y = [t for r in rows for t in r["temperature_2_5d_c"]]
            ax.plot(x, y, "o", ms=4, color=colour, label=kind)
        edge = [r for r in scene["table"] if r["at_edge"]]
        if edge:
            ax.plot([t for r in edge for t in r["temperature_3d_c"]],
                    [t for r in edge for t in r["temperature_2_5d_c"]],
                    "x", ms=5, color="0.5", label="at edges")  # fmt: skip
        low, high = ax.get_xlim()
        ax.plot([low, high], [low, high], color="0.7", lw=0.8, zorder=0)
        ax.set(title=scene["name"], xlabel="3D [°C]", ylabel="2.5D [°C]")
    axes[0][0].legend(frameon=False)
    files.append(_save(figure, folder / "reference_temperatures.png"))
    figure, axes = pyplot.subplots(1, len(scenes), figsize=(4.2 * len(scenes), 3.6), squeeze=False)
    for ax, scene in zip(axes[0], scenes, strict=True):
        curve, cost = scene["curve_2_5d"], scene["cost_3d"]
        ax.loglog(
            curve["seconds"], curve["rms_error_k"], "o-", color="#b0562c", label="2.5D, a day"
        )
        for label, seconds, deviation, colour in (
            ("3D, one instant", sum(cost["seconds_a_path"]) / 4,
             (sum(d**2 for d in cost["deviation_of_a_path_k"]) / 4) ** 0.5, "0.5"),
            ("3D, a day replayed", cost["seconds_a_path_day"],
             cost["deviation_of_a_path_day_k"], "#3c6e8f"),
        ):  # fmt: skip
            errors = [0.8, 0.02]
            ax.loglog([(deviation / e) ** 2 * seconds for e in errors], errors, color=colour,
                      label=label)  # fmt: skip
        ax.axhline(0.1, color="0.85", lw=0.8, zorder=0)
        ax.set(title=scene["name"], xlabel="seconds a probe", ylabel="error [K]")
    axes[0][0].legend(frameon=False, fontsize=8)
    files.append(_save(figure, folder / "reference_error.png"))
    if "scaling" in reference:
        from heatmat.reference_scaling_report import draw_scaling

        files.append(draw_scaling(reference["scaling"], folder))
    return files


def _save(figure: Any, path: Path) -> Path:
    figure.tight_layout()
    with aside(path) as partial:
        figure.savefig(partial, dpi=110)
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", where=str(path), got=str(error)) from None


def main() -> None:
    """Write page and pictures."""
    parser = Parser(description=__doc__)
    parser.add_argument("figures", type=Path, help="JSON of `heatmat benchmark --reference --json`")
    parser.add_argument("page", type=Path, help="a page whose table is written anew")
    parser.add_argument("pictures", type=Path, help="their folder")
    given = parser.parse_args()
    figures, text = _read(given.figures), _read(given.page)
    try:
        reference = json.loads(figures)["reference"]
        text = with_tables(reference, text)
        draw(reference, given.pictures)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            "not the JSON of `heatmat benchmark --reference --json`",
            where=str(given.figures),
            got=repr(error),
        ) from error
    with aside(given.page) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
