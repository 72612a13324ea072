"""`sweep`: a grid of scenarios, its table and its picture."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.commands.session import Session
from heatmat.commands.study_folder import study_into, write_json, write_table
from heatmat.errors import InputError
from heatmat.units import KELVIN

if TYPE_CHECKING:
    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation
    from heatmat.sweeps import Axis, Sweep

MOST_BARS = 40
"""Scenarios that the picture shows."""


def sweep_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    *,
    vary: Path | None,
    starts: int,
    maps: bool,
    resolution: float | None,
) -> int:
    """Sweep, and write sweep.csv, summary.json and figures/sweep.png; and maps where asked for."""
    axes = read_axes(vary) if vary is not None else None
    files = {"vary": vary} if vary is not None else {}

    def work(simulation: Simulation) -> Callable[[RunDirectory], dict[str, Any]]:
        from heatmat.sweeps import sweep

        found = sweep(simulation, axes, starts=starts)

        def write(folder: RunDirectory) -> dict[str, Any]:
            write_table(folder, "sweep.csv", found.to_dataframe())
            write_json(folder, "summary.json", summary_of(found))
            draw_sweep(folder, found)
            if maps:
                _write_maps(folder, simulation, axes, resolution)
            return {"scenarios": len(found.labels)}

        return write

    options = {"starts": starts, "maps": maps, "resolution_m": resolution}
    return study_into(session, scenario, out, "sweep", options, files, work)


def _write_maps(
    folder: RunDirectory,
    simulation: Simulation,
    axes: list[Axis] | None,
    resolution: float | None,
) -> None:
    """The change that each scenario makes, by hour, and its table, which is written last."""
    from heatmat.output.picture import draw_change
    from heatmat.output.raster import write_temperature_tif, write_zarr
    from heatmat.sweep_maps import sweep_maps

    for part in ("maps", "figures/maps"):
        (folder.path / part).mkdir(parents=True, exist_ok=True)

    def finished(name: str) -> bool:
        return (folder.path / f"maps/{name}.csv").exists()

    members = sweep_maps(simulation, axes, resolution=resolution, finished=finished)
    for member in members:
        change = member.difference.ds
        words = ", ".join(member.label)
        kept = [name for name in change.data_vars if "change" in str(name)]
        write_zarr(folder.file(f"maps/{member.name}.zarr"), change[kept])
        write_temperature_tif(
            folder.file(f"maps/{member.name}.tif"),
            change[["surface_temperature_change"]].rename(
                surface_temperature_change="surface_temperature"
            ),
            quantity=f"change of the surface temperature seen from above: {words}",
        )
        draw_change(
            folder.file(f"figures/maps/{member.name}.png"),
            change,
            simulation.city,
            change["surface_temperature_change"].mean("time").values,
            title=words.replace("_", " "),
            subtitle="change against the city as it is; mean over the window",
        )
        write_table(folder, f"maps/{member.name}.csv", member.difference.table("changed"))


def read_axes(path: Path) -> list[Axis]:
    """The [[axis]] tables of a file.

    Raises
    ------
    InputError
        Where it cannot be read, or holds something else.
    """
    from heatmat.sweeps import axis_of

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("not a readable TOML file", where=str(path), got=str(error)) from None
    unknown = [key for key in tables if key != "axis"]
    if unknown or not isinstance(tables.get("axis"), list):
        raise InputError(
            "a file of axes holds [[axis]] tables", where=str(path), expected="[[axis]]",
            got=unknown[0] if unknown else "none",
        )  # fmt: skip
    return [axis_of(table) for table in tables["axis"]]


def summary_of(found: Sweep) -> dict[str, Any]:
    """Means over the window by scenario and group."""
    mean, _ = found.means()
    change, _ = found.changes()
    window, error = found.window_changes()
    rows = []
    for s, label in enumerate(found.labels):
        groups = {
            name: {
                "mean_c": round(float(mean[s, g].mean()) - KELVIN, 3),
                "change_k": round(float(window[s, g]), 4),
                "largest_change_k": round(float(change[s, g][np.abs(change[s, g]).argmax()]), 4),
                "change_standard_error_k": round(float(error[s, g]), 5),
            }
            for g, name in enumerate(found.groups.names)
        }
        rows.append({**dict(zip(found.axes, label, strict=True)), "groups": groups})
    return {
        "axes": found.axes,
        "times_utc": [str(t)[:19] for t in found.times],
        "area_m2": dict(zip(found.groups.names, np.round(found.groups.areas(), 1), strict=True)),
        "scenarios": rows,
    }


def draw_sweep(folder: RunDirectory, found: Sweep) -> Path:
    """Change of the window's mean of each kind of surface, a row a scenario."""
    from heatmat.output.style import INK, MUTED, new_figure, save_png, styled

    change, error = found.window_changes()
    shown = [g for g, name in enumerate(found.groups.names) if name in ("ground", "roof", "wall")]
    rows = np.arange(1, min(len(found.labels), MOST_BARS + 1))
    colours = {"ground": "#0072B2", "roof": "#D55E00", "wall": "#009E73"}
    path = folder.file("figures/sweep.png")
    path.parent.mkdir(exist_ok=True)
    with styled():
        figure = new_figure(8.0, 1.4 + 0.28 * len(rows))
        axes = figure.add_subplot()
        for place, g in enumerate(shown):
            name = found.groups.names[g]
            at = np.arange(rows.size) + 0.22 * (place - 0.5 * (len(shown) - 1))
            axes.barh(at, change[rows, g], 0.2, xerr=error[rows, g], color=colours[name],
                      label=name, error_kw={"lw": 0.8})  # fmt: skip
        names = [", ".join(found.labels[r]).replace("_", " ") for r in rows]
        axes.set_yticks(range(rows.size), names)
        axes.invert_yaxis()
        axes.axvline(0.0, color=MUTED, lw=0.6)
        axes.grid(axis="x", lw=0.4, alpha=0.5)
        axes.set_axisbelow(True)
        axes.set_xlabel("change of the mean surface temperature over the window, K", color=INK)
        axes.set_title(f"{', '.join(found.axes)}: change against the city as it is")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.tight_layout()
        return save_png(figure, path)
