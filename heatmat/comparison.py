"""Differences between two simulations that share their geometry and random streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.placing import Places
    from heatmat.simulation import Simulation


@dataclass
class Difference:
    """B minus A at points and times.

    Attributes
    ----------
    ds : xarray.Dataset
        (point, time): temperature_difference [K], standard_error of the paired difference [K],
        temperature_a and temperature_b [K].
    """

    ds: xr.Dataset

    def to_dataframe(self) -> pd.DataFrame:
        """One row a point and time; differences in kelvin."""
        frame = self.ds.to_dataframe().reset_index(drop=False)
        return frame.drop(columns=["point"], errors="ignore")


def compare(
    before: Simulation,
    after: Simulation,
    points: Any,
    times: Any = None,
    *,
    resolution: float | None = None,
    max_rays: int = 512,
) -> Difference:
    """Temperatures of `after` minus those of `before`, with the error of the difference.

    Both sides follow the same paths, so most of the sampling error cancels; the standard error
    comes from the differences of the replicates, not from the two errors.

    Parameters
    ----------
    before, after : Simulation
        `after` usually is ``before.with_interventions([...])``.
    points : DataFrame or mapping of columns
        As for `Simulation.query`.
    times : sequence, optional
        Some of the output times.
    resolution : float, optional
        [m].
    max_rays : int
        Paths a point takes, the same on both sides.

    Returns
    -------
    Difference

    Raises
    ------
    InputError
        If the two differ in seed, grid or times.
    """
    import xarray as xr

    check_comparable(before, after)
    index = before._select_times(times)
    table, places, a, b = _both(before, after, points, resolution, max_rays)
    a, b = a[:, :, index], b[:, :, index]
    delta = b - a
    count = np.isfinite(delta).sum(axis=1)
    with np.errstate(invalid="ignore"):
        error = np.nanstd(delta, axis=1, ddof=1) / np.sqrt(count)
    ds = xr.Dataset(
        {
            "temperature_difference": (("point", "time"), np.nanmean(delta, axis=1)),
            "standard_error": (("point", "time"), error),
            "temperature_a": (("point", "time"), np.nanmean(a, axis=1)),
            "temperature_b": (("point", "time"), np.nanmean(b, axis=1)),
        },
        coords={
            "time": before.times[index].astype("datetime64[ns]"),
            "id": ("point", table["id"].to_numpy(object)),
            "x": ("point", places.x),
            "y": ("point", places.y),
        },
        attrs={"utc_offset_h": before.forcing.utc_offset, "crs": before.maps.crs_wkt},
    )
    return Difference(ds)


def _both(
    before: Simulation, after: Simulation, points: Any, resolution: float | None, max_rays: int
) -> tuple[pd.DataFrame, Places, np.ndarray, np.ndarray]:
    """Points, where they were found, and the replicates of either side.

    A target that no query reaches: both sides spend exactly `max_rays` on every point.
    """
    from heatmat.paired_points import PairedSolver, patient_paths, shareable
    from heatmat.point_query import check_found, placed_rows, prepared_points, run_query

    table = prepared_points(before, points, resolution)
    prepared_points(after, points, resolution)
    if not shareable(before.solver, after.solver):
        found = []
        for side in (before, after):
            with patient_paths(side.solver):
                table, places, one = run_query(
                    side, points, resolution=resolution, target_error=0.0, max_rays=max_rays
                )
            found.append(one.replicates)
        return table, places, found[0], found[1]
    places = placed_rows(before, table)
    a, b = PairedSolver(before.solver, after.solver).replicates(places, max_rays)
    check_found(table, np.isfinite(a).any(axis=(1, 2)))
    return table, places, a, b


def check_comparable(before: Simulation, after: Simulation) -> None:
    """Refuse two simulations whose paths or times are not the same.

    Raises
    ------
    InputError
        Naming what differs.
    """
    for key, one, other in _pairs(before, after):
        if one != other:
            plain = isinstance(one, int | float | str) and key != "city.crs"
            raise InputError(
                "the two scenarios differ in more than their materials",
                where=key,
                expected=one if plain else "the same on both sides",
                got=other if plain else "different",
                remedy="use the same extent, grid and times, or with_interventions",
            )


def _pairs(before: Simulation, after: Simulation) -> list[tuple[str, Any, Any]]:
    """What must be the same, by the key that sets it, the plainest first."""
    a, b = before.maps, after.maps
    corner = [(m.origin[0] + m.west, m.origin[1] + m.south) for m in (a, b)]
    inner = [
        _box(np.round([x + m.window[2] * m.resolution,
                        y + (m.ny - m.window[1]) * m.resolution,
                        x + m.window[3] * m.resolution,
                        y + (m.ny - m.window[0]) * m.resolution], 6))
        for m, (x, y) in zip((a, b), corner, strict=True)
    ]  # fmt: skip
    clocks = [_clock(side) for side in (before, after)]
    sizes = [side.scenario.field_resolution_m for side in (before, after)]
    return [
        ("seed", before.seed, after.seed),
        ("city.crs", a.crs_wkt, b.crs_wkt),
        ("city.resolution_m", a.resolution, b.resolution),
        ("city.extent", inner[0], inner[1]),
        ("city.margin_m", (a.nx, a.ny, *corner[0]), (b.nx, b.ny, *corner[1])),
        ("city.buildings", a.edge_ab.tobytes(), b.edge_ab.tobytes()),
        ("city.buildings (heights)", a.region_plane.tobytes(), b.region_plane.tobytes()),
        ("city.terrain", a.terrain.tobytes(), b.terrain.tobytes()),
        *((key, clocks[0][key], clocks[1][key]) for key in clocks[0]),
        ("solver.field_resolution_m", sizes[0], sizes[1]),
    ]


def _clock(side: Simulation) -> dict[str, Any]:
    """What a simulation's time consists of, by the key that sets it."""
    scenario, forcing = side.scenario, side.forcing
    return {
        "time.step_min": scenario.step_min,
        "time.output_step_min": scenario.output_step_min,
        # The clock before the window: another one moves both its ends.
        "weather.utc_offset_h": forcing.utc_offset,
        "time.start": str(forcing.time[forcing.spin_up_steps]),
        "time.end": str(forcing.time[-1]),
        "time.spin_up_days": scenario.spin_up_days,
    }


def _box(bounds: np.ndarray) -> str:
    return " ".join(f"{value:.10g}" for value in bounds)
