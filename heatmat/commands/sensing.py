"""`sensitivity`: derivatives as a table by kind, construction and hour, and as a map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.commands.session import Session
from heatmat.commands.study_folder import study_into, write_json, write_table

if TYPE_CHECKING:
    import xarray as xr

    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.sensitivities import Sensitivity
    from heatmat.simulation import Simulation

LABELS = {
    "all": "by all selected surfaces together",
    "own": "by a place's own surface alone",
    "others": "by what the selected surfaces around a place send to it",
}
WORDS = {
    "albedo": "0.1 more albedo",
    "emissivity": "0.1 more emissivity",
    "conductivity": "Layer that conducts 0.1 W/(m K) more",
    "thickness": "Layer thicker by 1 cm",
    "convection": "1 W/(m² K) more convection",
}


def sensitivity_into(
    session: Session,
    scenario: Scenario,
    out: Path,
    *,
    properties: list[str],
    where: dict[str, Any] | None,
    layer: int,
    starts: int,
    tolerance: float | None,
    resolution: float,
) -> int:
    """Tables of all properties, and maps of the first one."""

    def work(simulation: Simulation) -> Callable[[RunDirectory], dict[str, Any]]:
        from heatmat.sensitivities import sensitivity, sensitivity_map

        found = sensitivity(
            simulation, properties, where=where, layer=layer, starts=starts, tolerance=tolerance
        )
        session.note(accuracy_line(found, tolerance))
        maps = sensitivity_map(
            simulation, properties[0], where=where, layer=layer, resolution=resolution
        )

        def write(folder: RunDirectory) -> dict[str, Any]:
            write_table(folder, "sensitivity.csv", found.to_dataframe())
            write_json(folder, "summary.json", {**summary_of(found), "tolerance": tolerance})
            write_maps(folder, simulation, maps)
            return {"properties": properties}

        return write

    options = {
        "properties": properties,
        "where": where or {},
        "layer": layer,
        "starts": starts,
        "tolerance": tolerance,
        "resolution_m": resolution,
    }
    return study_into(session, scenario, out, "sensitivity", options, {}, work)


def accuracy_line(found: Sensitivity, tolerance: float | None) -> str:
    """How well effects are known, in a sentence."""
    accuracy = found.accuracy
    count = int(accuracy.matters.sum())
    worst = found.short_of(0.0)
    sampled = f"{found.positions:,} positions"
    if not worst:
        return f"sensitivity: {sampled}; nothing has an effect"
    short = worst if tolerance is None else found.short_of(tolerance)
    property, group, error = max(short or worst, key=lambda row: row[2])
    named = f"{property} on {group} {error:.2%}"
    if tolerance is None:
        return (
            f"sensitivity: {sampled}; largest relative standard error of {count} effects that "
            f"matter: {named}; --tolerance 0.5% goes on until all are under that"
        )
    if not short:
        return (
            f"sensitivity: {sampled}; all {count} effects that matter are known to {tolerance:.2%}"
        )
    return (
        f"sensitivity: {sampled}, the most; {len(short)} of {count} effects that matter are not "
        f"known to {tolerance:.2%}, worst: {named}"
    )


def summary_of(found: Sensitivity) -> dict[str, Any]:
    """Window means by property and group, kelvin for the change named."""
    from heatmat.sensitivities import PER, SIDES

    mean, error = found.means()
    rows: dict[str, Any] = {}
    for p, name in enumerate(found.properties):
        rows[name] = {
            "change": PER[name],
            "groups": {
                group: {
                    f"effect_{side}_k": {
                        "mean": _round(mean[p, i, g].mean() * PER[name]),
                        "strongest": _round(
                            mean[p, i, g][np.abs(mean[p, i, g]).argmax()] * PER[name]
                        ),
                        "standard_error": _round(np.sqrt((error[p, i, g] ** 2).mean()) * PER[name]),
                    }
                    for i, side in enumerate(SIDES)
                }
                | {
                    "relative_standard_error": _round(found.accuracy.relative[p, g]),
                    "matters": bool(found.accuracy.matters[p, g]),
                }
                for g, group in enumerate(found.groups)
            },
        }
    return {"selected": found.selected, "positions": found.positions, "properties": rows}


def _round(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def write_maps(folder: RunDirectory, simulation: Simulation, maps: xr.Dataset) -> None:
    """The maps as Zarr and GeoTIFF, and their means over the window as pictures."""
    from heatmat.output.picture import draw_change
    from heatmat.output.raster import write_temperature_tif, write_zarr

    write_zarr(folder.file("sensitivity.zarr"), maps)
    name = maps.attrs["property"]
    write_temperature_tif(
        folder.file("sensitivity.tif"),
        maps[["effect_all"]].rename(effect_all="surface_temperature"),
        quantity=f"change of the surface temperature: {WORDS[name]}, {LABELS['all']}",
    )
    folder.file("figures/sensitivity_all.png").parent.mkdir(exist_ok=True)
    means = {side: maps[f"effect_{side}"].mean("time").values for side in ("all", "own")}
    means["others"] = means["all"] - means["own"]
    for side, mean in means.items():
        draw_change(
            folder.file(f"figures/sensitivity_{side}.png"),
            maps,
            simulation.city,
            mean,
            title=WORDS[name],
            subtitle=f"{LABELS[side]}; mean over the window",
        )
