"""`compare`: two scenarios on one grid, and the maps of their difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.commands.session import DEGRADED, DONE, Session
from heatmat.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario


def compare_into(
    session: Session, a: Scenario, b: Scenario, out: Path, *, resolution: float | None
) -> int:
    """Simulate both, and write B minus A; the exit code."""
    from heatmat.run_record import run_inputs
    from heatmat.rundir import RunDirectory

    files = {
        f"{side}.{name}": path
        for side, scenario in (("a", a), ("b", b))
        for name, path in scenario.input_files().items()
    }
    options = {"seed": session.seed, "resolution_m": resolution}
    resolved = {"a": a.resolved(), "b": b.resolved()}
    inputs = run_inputs("compare", resolved, files, options)
    with RunDirectory.open(out, inputs, overwrite=session.overwrite) as folder:
        if folder.complete:
            session.note(f"{out}: complete already, from the same inputs")
            return DEGRADED if folder.record.get("status") == "degraded" else DONE
        return _compare(session, a, b, folder, resolution)


def _compare(
    session: Session, a: Scenario, b: Scenario, folder: RunDirectory, resolution: float | None
) -> int:
    from heatmat.simulation import Simulation

    maps: dict[str, xr.Dataset] = {}
    touched: dict[str, Any] = {}
    device, degraded, city = "", False, None
    with session.progress() as report:
        for side, scenario in (("a", a), ("b", b)):
            with (
                session.timed(side),
                Simulation(
                    scenario,
                    device=session.device.value,
                    seed=session.seed,
                    progress=_prefixed(report, side.upper()),
                    store=SideStore(folder, side),
                ) as simulation,
            ):
                maps[side] = simulation.map(resolution=resolution)
                city, device = simulation.city, simulation.device
                degraded |= simulation.degraded
                touched[side] = simulation.touched_m2
                for warning in simulation.warnings:
                    session.warn(f"{side.upper()}: {warning}")
        with session.timed("writing"):
            change = difference(maps["a"], maps["b"])
            write_comparison(folder, change, city, touched)
    folder.finish(
        seconds={**session.seconds, "total": round(session.total_seconds, 3)},
        warnings=session.warnings,
        device=device,
        seed=session.seed,
        degraded=degraded,
        touched_m2=touched,
    )
    session.note(f"{folder.path}: done in {session.total_seconds:.0f} s")
    return DEGRADED if degraded else DONE


class SideStore:
    """The tiles of one side, kept apart from the other's in the same folder."""

    def __init__(self, folder: RunDirectory, side: str) -> None:
        self.folder, self.side = folder, side

    def load_tile(self, key: str) -> dict[str, np.ndarray] | None:
        """See `RunDirectory.load_tile`."""
        return self.folder.load_tile(f"{self.side}-{key}")

    def save_tile(self, key: str, arrays: dict[str, np.ndarray]) -> None:
        """See `RunDirectory.save_tile`."""
        self.folder.save_tile(f"{self.side}-{key}", arrays)


def _prefixed(report: Any, side: str) -> Any:
    def prefixed(stage: str, *amounts: Any) -> None:
        report(f"{side}: {stage}", *amounts)

    return prefixed


def difference(a: xr.Dataset, b: xr.Dataset) -> xr.Dataset:
    """B minus A on their common grid and times.

    Parameters
    ----------
    a, b : xarray.Dataset
        From `Simulation.map`.

    Returns
    -------
    xarray.Dataset
        The temperatures are differences [K]. The standard error adds both sides' as if they were
        independent; they share their random streams, so it is an upper bound.

    Raises
    ------
    InputError
        Where the two do not lie on the same grid, or not at the same times.
    """
    for name in ("x", "y", "time"):
        one, other = a[name].values, b[name].values
        if one.shape != other.shape or not np.array_equal(one, other):
            raise InputError(
                f"the two scenarios differ in {'times' if name == 'time' else 'extent'}",
                where="compare",
                expected="the same city.extent, resolution and time in both",
                got=f"{one.size} and {other.size} values of {name}",
            )
    change = b.copy()
    for name in ("surface_temperature", "ground_temperature", "roof_temperature"):
        change[name] = b[name] - a[name]
    error = "surface_temperature_standard_error"
    change[error] = np.hypot(a[error], b[error])
    return change


def write_comparison(
    folder: RunDirectory, change: xr.Dataset, city: Any, touched: dict[str, Any]
) -> None:
    """The difference as GeoTIFF, Zarr, numbers and a picture."""
    from heatmat.output.atomic import aside
    from heatmat.output.picture import draw_field
    from heatmat.output.raster import write_temperature_tif, write_zarr

    write_temperature_tif(folder.file("surface_temperature_difference.tif"), change)
    write_zarr(folder.file("difference.zarr"), change)
    summary = {**summarise(change), "touched_m2": touched}
    with aside(folder.file("summary.json")) as partial:
        partial.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    mean = change["surface_temperature"].mean("time").values
    most = float(np.nanmax(np.abs(mean), initial=0.1))
    draw_field(
        folder.file("figures/difference.png"),
        change,
        city,
        mean,
        title="Change of the surface temperature, B minus A",
        subtitle="mean over the window",
        label="K",
        colours="RdBu_r",
        limits=(-most, most),
    )


def summarise(change: xr.Dataset) -> dict[str, Any]:
    """Means of the change over the extent, by surface, over the window and by time [K]."""
    summary: dict[str, Any] = {"times_utc": [str(t)[:19] for t in change["time"].values]}
    for name in ("surface_temperature", "ground_temperature", "roof_temperature"):
        values = change[name]
        by_time = values.mean(("y", "x")).values
        summary[name] = {
            "mean_k": _finite(by_time.mean()),
            "largest_k": _finite(values.max()),
            "smallest_k": _finite(values.min()),
            "by_time_k": [_finite(value) for value in by_time],
        }
    return summary


def _finite(value: Any) -> float | None:
    number = float(value)
    return round(number, 5) if np.isfinite(number) else None
