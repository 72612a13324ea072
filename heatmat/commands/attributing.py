"""`attribute`: what each material carries of the surface heat island; tables, picture, page."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.commands.session import Session
from heatmat.commands.study_folder import study_into, write_json, write_page, write_table
from heatmat.district_sample import mean_and_error
from heatmat.errors import InputError

if TYPE_CHECKING:
    from heatmat.attribution import Attribution
    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

TITLES = {
    "all": "All surfaces",
    "ground": "Mean temperature of the ground",
    "roof": "Mean temperature of roofs",
    "wall": "Mean temperature of walls",
}
GAP = (
    "<p>Replaced one at a time, the groups leave {gap} K of the materials' part unexplained: what "
    "they do to each other.</p>"
)

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#444444")
FORM = "#b8bec6"

LEAD = (
    "The surface heat island is the mean temperature of all surfaces of the district less that of "
    "an open, flat, unshaded meadow under the same weather: {island} K over the window. The rural "
    "reference is {reference}: every group of constructions was replaced by it, in {scenarios} "
    "combinations along the same rays. A Shapley value is the mean of what a group adds over all "
    "orders in which the groups could be built; form is what the shape of the city does where all "
    "of it is made of the reference. Together they are the heat island."
)


def attribute_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    *,
    groups: Path | None,
    starts: int,
) -> int:
    """Attribution with its tables, picture and page."""
    asked = read_groups(groups) if groups is not None else {}
    files = {"groups": groups} if groups is not None else {}

    def work(simulation: Simulation) -> Callable[[RunDirectory], dict[str, Any]]:
        from heatmat.attribution import attribute

        found = attribute(
            simulation, asked.get("groups"), reference=asked.get("reference"), starts=starts
        )

        def write(folder: RunDirectory) -> dict[str, Any]:
            write_table(folder, "attribution.csv", found.to_dataframe())
            summary = summary_of(found)
            write_json(folder, "summary.json", summary)
            picture = draw_attribution(folder, found, scenario.name)
            page(folder, found, summary, picture, scenario.name)
            return {"scenarios": found.scenarios, "shapley_residual_k": found.residual}

        return write

    return study_into(session, scenario, out, "attribute", {"starts": starts}, files, work)


def read_groups(path: Path) -> dict[str, Any]:
    """[groups] and [reference] of a file.

    Raises
    ------
    InputError
        Where it cannot be read, or holds something else.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("not a readable TOML file", where=str(path), got=str(error)) from None
    for key, value in tables.items():
        if key not in ("groups", "reference") or not isinstance(value, dict):
            raise InputError(
                "a file of groups holds two tables", where=f"{path}: {key}",
                expected='[groups] name = ["construction"], [reference] wall = "construction"',
            )  # fmt: skip
    return tables


def summary_of(found: Attribution) -> dict[str, Any]:
    """Window, day and night means by part [K], for each measure."""
    areas = found.measures.areas()
    measures: dict[str, Any] = {}
    for m, measure in enumerate(found.measures.names):
        island = found.city[m] - found.meadow
        parts = {
            name: {
                **_spans(found, found.shapley[p, m]),
                "replaced_alone_k": _round(mean_and_error(found.last[p, m])[0].mean()),
                "alone_in_meadow_k": _round(mean_and_error(found.alone[p, m])[0].mean()),
                "area_m2": _round(found.part_area[p], 1),
                "per_m2_k": _round(
                    mean_and_error(found.shapley[p, m])[0].mean() * areas[m] / found.part_area[p]
                ),
                "in_all_k_m2": _round(mean_and_error(found.shapley[p, m])[0].mean() * areas[m], 1),
            }
            for p, name in enumerate(found.parts)
        }
        measures[measure] = {
            "area_m2": _round(areas[m], 1),
            "heat_island": _spans(found, island),
            "form": _spans(found, found.rural[m] - found.meadow),
            "parts": parts,
            "one_at_a_time_gap_k": _round(found.gap[m].mean()),
        }
    return {
        "reference": found.reference,
        "groups": found.members,
        "scenarios": found.scenarios,
        "shapley_residual_k": found.residual,
        "order_standard_error_k": None if found.order_error is None
        else _round(np.nanmax(found.order_error)),
        "times_utc": [str(t)[:19] for t in found.times],
        "measures": measures,
    }  # fmt: skip


def _spans(found: Attribution, by_replicate: np.ndarray) -> dict[str, float | None]:
    """Means over the window, by day and by night, and the standard error of the first."""
    mean, error = mean_and_error(by_replicate.mean(axis=1), axis=-1)
    by_time, _ = mean_and_error(by_replicate)
    return {
        "mean_k": _round(mean),
        "standard_error_k": _round(error, 5),
        "day_k": _round(by_time[found.day].mean()) if found.day.any() else None,
        "night_k": _round(by_time[~found.day].mean()) if (~found.day).any() else None,
        "largest_k": _round(by_time[np.abs(by_time).argmax()]),
    }


def _round(value: Any, digits: int = 4) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def draw_attribution(folder: RunDirectory, found: Attribution, name: str) -> Path:
    """Parts of the heat island of all surfaces: by hour stacked, and the means of the window."""
    from heatmat.output.clock import local_times
    from heatmat.output.style import INK, MUTED, new_figure, save_png, styled

    m = found.measures.names.index("all")
    series = [mean_and_error(found.shapley[p, m])[0] for p in range(len(found.parts))]
    series.append(mean_and_error(found.rural[m])[0] - found.meadow)
    names = [*(name.replace("_", " ") for name in found.parts), "form"]
    colours = [*(COLOURS[p % len(COLOURS)] for p in range(len(found.parts))), FORM]
    whole = mean_and_error(found.city[m])[0] - found.meadow
    local = local_times(found.times, found.utc_offset_h)
    hours = (local - local[0].astype("datetime64[D]")) / np.timedelta64(1, "h")
    path = folder.file("figures/attribution.png")
    path.parent.mkdir(exist_ok=True)
    with styled():
        figure = new_figure(9.0, 4.6)
        left, right = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
        up, down = np.zeros(hours.size), np.zeros(hours.size)
        step = float(np.diff(hours).min()) if hours.size > 1 else 1.0
        for values, colour, label in zip(series, colours, names, strict=True):
            base = np.where(values >= 0.0, up, down)
            left.bar(hours, values, 0.9 * step, bottom=base, color=colour, label=label)
            up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
        left.plot(hours, whole, color=INK, lw=1.6, marker="o", ms=2.5, label="heat island")
        left.axhline(0.0, color=MUTED, lw=0.6)
        if hours[-1] <= 24.0:
            left.set_xticks(range(0, 25, 3))
        left.set_xlabel("hour, local standard time")
        left.set_ylabel("K above the open meadow")
        left.set_title("By hour; the line is the heat island")
        means = [float(values.mean()) for values in series]
        errors = [
            float(mean_and_error(part.mean(axis=1), axis=-1)[1])
            for part in (*found.shapley[:, m], found.rural[m] - found.meadow)
        ]
        rows = np.arange(len(names))
        right.barh(rows, means, 0.7, xerr=errors, color=colours, error_kw={"lw": 0.8})
        right.set_yticks(rows, names)
        right.invert_yaxis()
        right.axvline(0.0, color=MUTED, lw=0.6)
        right.set_xlabel("mean over the window, K")
        right.set_title(f"Together {whole.mean():.1f} K")
        figure.tight_layout()
        return save_png(figure, path)


def page(
    folder: RunDirectory, found: Attribution, summary: dict[str, Any], picture: Path, name: str
) -> None:
    """report.html: the picture, a table a measure, and what it rests on."""
    from heatmat.output.report import escape, number, table

    sections = []
    for measure, part in summary["measures"].items():
        rows = [
            [
                label.replace("_", "\u00a0"), number(entry["area_m2"], 0),
                number(entry["mean_k"], 3), number(entry["standard_error_k"], 3),
                number(entry["day_k"], 2),
                number(entry["night_k"], 2), number(entry["replaced_alone_k"], 3),
                number(entry["per_m2_k"], 2), number(1e-4 * entry["in_all_k_m2"], 1),
            ]
            for label, entry in part["parts"].items()
        ]  # fmt: skip
        for label in ("form", "heat_island"):
            entry = part[label]
            rows.append(
                [label.replace("_", "\u00a0"), "", number(entry["mean_k"], 3),
                 number(entry["standard_error_k"], 3), number(entry["day_k"], 2),
                 number(entry["night_k"], 2), "", "", ""]
            )  # fmt: skip
        header = ("", "m²", "K", "±", "day K", "night K", "alone K", "K a m²", "K ha")
        gap = number(part["one_at_a_time_gap_k"], 3)
        sections.append((TITLES[measure], table(header, rows) + GAP.format(gap=gap)))
    lines = [
        "K: Shapley value, mean over the window with the standard error of the sampling over "
        "positions and rays; alone K: what replacing this group alone would take away; K a m²: "
        "what each of its square metres adds to one square metre of these surfaces; K ha: the "
        "same in all, kelvin times hectares. attribution.csv has every hour.",
        *(
            f"{group}: {', '.join(items)}.".replace("_", " ")
            for group, items in found.members.items()
            if items != [group]
        ),
        f"The shares leave {found.residual:.0e} K of the heat island out.",
        "The plane beyond the map and trees stay as they are. A meadow on a wall is a thought "
        "experiment: give other references with --groups.",
    ]
    notes = "".join(f"<p>{escape(line)}</p>" for line in lines)
    island = number(summary["measures"]["all"]["heat_island"]["mean_k"], 2)
    write_page(
        folder,
        f"{name}: what carries the surface heat island",
        LEAD.format(
            island=island, reference=reference_words(found.reference), scenarios=found.scenarios
        ),
        [*sections, ("What it rests on", notes)],
        [(picture, "Parts of the surface heat island by hour, and their means over the window.")],
    )


def reference_words(reference: dict[str, str]) -> str:
    """The reference in words: one construction for several surfaces is told once."""
    kinds = {"ground": "ground", "roof": "roofs", "wall": "walls"}
    by_name: dict[str, list[str]] = {}
    for kind, name in reference.items():
        by_name.setdefault(name, []).append(kinds[kind])
    return "; ".join(f"{name} on {', '.join(where)}" for name, where in by_name.items()).replace(
        "_", " "
    )
