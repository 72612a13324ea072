"""Everything that is written of a comparison, one file after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output.atomic import aside
from heatmat.output.raster import crs_wkt, write_temperature_tif, write_zarr

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.map_comparison import MapDifference

NAMES = ("surface_temperature", "ground_temperature", "roof_temperature")
TABLES = {
    "change_by_surface.csv": ("changed",),
    "change_by_construction.csv": ("construction", "construction_after"),
    "change_by_building.csv": ("building_id",),
}


def write_comparison(
    folder: Path,
    difference: MapDifference,
    *,
    title: str,
    explanation: pd.DataFrame,
    settings: list[tuple[str, str, str]],
    run_info: Mapping[str, Any],
    city: Any,
    file: Callable[[str], Path] | None = None,
    figures: bool = True,
) -> list[Path]:
    """Write a comparison's maps, tables, pictures and page.

    Parameters
    ----------
    folder : Path
    difference : MapDifference
    title : str
    explanation : DataFrame
        From `heatmat.explanation.explain`.
    settings : list of tuple
        From `settings_that_differ`.
    run_info : mapping
        For the page; may be empty.
    city : City
    file : callable, optional
        Gives the path of a named output; default: that name in `folder`.
    figures : bool
        Whether to draw.
    """
    place = file or (lambda name: folder / name)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    written = [
        write_temperature_tif(
            place("surface_temperature_difference.tif"),
            _as_temperature(difference.ds),
            "change of the surface temperature seen from above, B minus A",
        ),
        write_zarr(place("difference.zarr"), difference.ds),
        *_tables(place, difference, explanation),
    ]
    summary = summarise(difference, explanation)
    written.append(_write_json(place("summary.json"), summary))
    drawn = _draw(place, difference, city) if figures else []
    page = _page(difference, title, explanation, settings, drawn, run_info, city)
    with aside(place("report.html")) as partial:
        partial.write_text(page, encoding="utf-8")
    return [*written, *drawn, place("report.html")]


def _as_temperature(ds: xr.Dataset) -> xr.Dataset:
    """The change under the name that the GeoTIFF writer looks for."""
    return ds[["surface_temperature_change"]].rename(
        surface_temperature_change="surface_temperature"
    )


def _tables(
    place: Callable[[str], Path], difference: MapDifference, explanation: pd.DataFrame
) -> list[Path]:
    frames = {name: difference.table(*by) for name, by in TABLES.items()}
    frames["change_by_hour.csv"] = difference.table("changed", hourly=True)
    frames["explanation.csv"] = explanation
    written = []
    for name, frame in frames.items():
        with aside(place(name)) as partial:
            frame.to_csv(partial, index=False, float_format="%.6g")
        written.append(place(name))
    if len(difference.walls.table):
        written.append(_write_walls(place("walls_difference.gpkg"), difference))
    return written


def _write_walls(path: Path, difference: MapDifference) -> Path:
    """A row a storey: its line, its mean change by day and night, and the error of the mean."""
    import geopandas as gpd
    import shapely

    walls, day = difference.walls, np.asarray(difference.day)
    table = walls.table
    columns = {
        "facade": table["facade"],
        "building_id": table["building_id"].astype(str),
        "azimuth_deg": table["azimuth_deg"],
        "z_min_m": table["z0"],
        "z_max_m": table["z1"],
        "area_m2": table["area"],
        "construction": table["construction"].astype(str),
        "construction_after": table["construction_after"].astype(str),
        "changed": table["changed"].astype(bool),
        "change_mean_k": walls.change.mean(axis=1),
        "change_min_k": walls.change.min(axis=1),
        "change_max_k": walls.change.max(axis=1),
        "standard_error_k": np.sqrt((walls.error**2).mean(axis=1)),
    }
    for name, part in (("day", day), ("night", ~day)):
        if part.any():
            columns[f"change_{name}_k"] = walls.change[:, part].mean(axis=1)
    ends = table[["x0", "y0", "x1", "y1"]].to_numpy(float).reshape(-1, 2, 2)
    frame = gpd.GeoDataFrame(
        columns, geometry=shapely.linestrings(ends), crs=crs_wkt(difference.ds)
    )
    with aside(path) as partial:
        frame.to_file(partial, driver="GPKG", layer="walls", engine="pyogrio")
    return path


def summarise(difference: MapDifference, explanation: pd.DataFrame) -> dict[str, Any]:
    """Means of the change over the extent, by surface, over the window and by time [K]."""
    from heatmat.explanation import sentences

    ds = difference.ds
    summary: dict[str, Any] = {"times_utc": [str(t)[:19] for t in ds["time"].values]}
    for name in NAMES:
        summary[name] = _figures(ds[f"{name}_change"].transpose("time", ...).values)
    error = ds["surface_temperature_change_standard_error"].values
    summary["standard_error_rms_k"] = _finite(np.sqrt(np.nanmean(np.square(error, dtype=float))))
    if len(difference.walls.table):
        summary["wall"] = difference.table().query("surface == 'wall'").to_dict("records")
    summary["touched_m2"] = difference.touched_m2
    summary["touched_with_margin_m2"] = difference.touched_with_margin_m2
    summary["explanation"] = sentences(explanation)
    return summary


def _figures(values: np.ndarray) -> dict[str, Any]:
    flat = values.reshape(values.shape[0], -1)
    known = np.isfinite(flat)
    with np.errstate(invalid="ignore"):
        by_time = np.where(known, flat, 0.0).sum(axis=1) / known.sum(axis=1)
    some = known.any()
    return {
        "mean_k": _finite(by_time.mean()),
        "largest_k": _finite(flat[known].max()) if some else None,
        "smallest_k": _finite(flat[known].min()) if some else None,
        "by_time_k": [_finite(value) for value in by_time],
    }


def _finite(value: Any) -> float | None:
    figure = float(value)
    return round(figure, 5) if np.isfinite(figure) else None


def _write_json(path: Path, content: Any) -> Path:
    with aside(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _draw(place: Callable[[str], Path], difference: MapDifference, city: Any) -> list[Path]:
    from heatmat.output import comparison_pictures as pictures

    return [
        pictures.draw_change(place("figures/change.png"), difference, city),
        pictures.draw_change_at(place("figures/change_at.png"), difference, city),
        pictures.draw_sides(place("figures/sides.png"), difference, city),
        pictures.draw_hours(place("figures/hours.png"), difference),
    ]


def _page(
    difference: MapDifference,
    title: str,
    explanation: pd.DataFrame,
    settings: list[tuple[str, str, str]],
    figures: list[Path],
    run_info: Mapping[str, Any],
    city: Any,
) -> str:
    from heatmat.explanation import sentences
    from heatmat.output.comparison_report import comparison_html

    ds = difference.ds
    lead = (
        f"B minus A over {ds.sizes['time']} times, {int(np.sum(difference.day))} of them by day, "
        f"at {float(ds.attrs['resolution_m']):g} m. Temperatures are those of surfaces, not of air."
    )
    return comparison_html(
        title=title,
        lead=lead,
        tables={
            "changed": difference.table("changed"),
            "construction": difference.table("construction", "construction_after"),
            "building_id": difference.table("building_id"),
        },
        sentences=sentences(explanation),
        explanation=explanation,
        touched=difference.touched_m2,
        settings=settings,
        figures=figures,
        run_info=run_info,
        attribution=city.attribution.replace("(c)", "©"),
    )
