"""Pictures of a comparison: both sides, the change with its error, and the change by the hour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output import style
from heatmat.output.clock import hour_label, local_times, utc_offset_h, zone_label
from heatmat.output.picture import (
    convergence,
    credits,
    day_label,
    footprint_lines,
    shared_limits,
    show_raster,
)
from heatmat.output.raster import extent_of
from heatmat.output.tables import reported_buildings
from heatmat.units import to_celsius

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANGE = "RdBu_r"
LINES = {"ground": "#009e73", "roof": "#d55e00", "wall": "#0072b2"}
LINEAR = 0.03
"""Part of a scale of changes that is linear."""

FINEST = 0.01
"""Least half width of a scale of changes [K]."""


def telling_time(difference: Any) -> int:
    """Index of the time at which the change, warmer or cooler, is largest on the mean."""
    change = difference.ds["surface_temperature_change"].transpose("time", "y", "x").values
    above = np.nanmean(np.abs(change), axis=(1, 2))
    walls = difference.walls
    if len(walls.table):
        area = walls.table["area"].to_numpy(float)
        above = above + (np.abs(walls.change) * area[:, None]).sum(axis=0) / area.sum()
    return int(np.argmax(above))


def draw_sides(path: str | Path, difference: Any, city: Any) -> Path:
    """Both sides beside each other, seen from above at the telling hour, on one scale."""
    ds, at = difference.ds, telling_time(difference)
    fields = [to_celsius(ds[f"surface_temperature_{side}"][at].values) for side in "ab"]
    low, high = shared_limits(np.stack(fields))
    hour = hour_label(ds["time"].values[at], utc_offset_h(ds))
    with style.styled():
        figure, panels = style.map_panels(extent_of(ds), 2, 1, top=0.88)
        for axes, field, name in zip(panels, fields, ("A: as it is", "B: changed"), strict=True):
            image = show_raster(
                axes, field, ds, cmap=style.temperature_colours(), vmin=low, vmax=high
            )
            footprint_lines(axes, reported_buildings(city, ds), "#00000059", 0.35)
            axes.set_title(name, pad=4.0)
            mean = f"mean {np.nanmean(field):.1f} °C"
            axes.set_title(mean, pad=4.0, loc="right", fontsize=8.0, fontweight="normal")
        style.scale_and_north(figure, panels, extent_of(ds), convergence(ds))
        style.side_colour_bar(figure, image, panels, "°C", "both")
        style.heading(figure, f"Surface temperature at {hour}", day_label(ds))
        style.footer(figure, credits(city, ds))
        return style.save_png(figure, path)


def draw_change(path: str | Path, difference: Any, city: Any) -> Path:
    """B minus A by day and by night, means over the hours, with the walls along the footprints."""
    ds, day = difference.ds, np.asarray(difference.day)
    periods = [(name, part) for name, part in (("day", day), ("night", ~day)) if part.any()]
    change = ds["surface_temperature_change"].transpose("time", "y", "x").values
    fields = [change[part].mean(axis=0) for _, part in periods]
    walls = [_wall_means(difference, part) for _, part in periods]
    with style.styled():
        figure, panels = style.map_panels(
            extent_of(ds), len(periods), 1, top=0.88, panel_width=4.1, right=0.25
        )
        for axes, field, wall, (name, part) in zip(panels, fields, walls, periods, strict=True):
            most = _half_width([field, wall])
            image = show_raster(axes, field, ds, cmap=CHANGE, norm=scale_of(most))
            _wall_lines(axes, difference, wall, most)
            axes.set_title(f"By {name} ({part.sum()} times)", pad=4.0)
            _bar_below(figure, axes, image)
        style.scale_and_north(figure, panels, extent_of(ds), convergence(ds))
        style.heading(
            figure,
            "Change, B minus A",
            "means over the hours [K]; lines: walls; the scale is logarithmic but about zero",
        )
        style.footer(figure, credits(city, ds))
        return style.save_png(figure, path)


def draw_change_at(path: str | Path, difference: Any, city: Any) -> Path:
    """The change at the telling hour, and its standard error."""
    ds, at = difference.ds, telling_time(difference)
    change = ds["surface_temperature_change"][at].values
    error = ds["surface_temperature_change_standard_error"][at].values
    hour = hour_label(ds["time"].values[at], utc_offset_h(ds))
    walls = difference.walls.change[:, at] if len(difference.walls.table) else np.zeros(0)
    most = _half_width([change, walls])
    with style.styled():
        figure, panels = style.map_panels(extent_of(ds), 2, 1, top=0.88, right=0.25)
        image = show_raster(panels[0], change, ds, cmap=CHANGE, norm=scale_of(most))
        _wall_lines(panels[0], difference, walls, most)
        panels[0].set_title(f"Change at {hour}", pad=4.0)
        _bar_below(figure, panels[0], image)
        high = max(float(np.nanpercentile(error, 99.0)), 1e-4)
        image = show_raster(panels[1], error, ds, cmap=style.ERROR, vmin=0.0, vmax=high)
        panels[1].set_title("Its standard error, from pairs", pad=4.0)
        footprint_lines(panels[1], reported_buildings(city, ds), "#ffffff66", 0.35)
        _bar_below(figure, panels[1], image)
        style.scale_and_north(figure, panels, extent_of(ds), convergence(ds))
        style.heading(figure, f"Change at {hour}, B minus A [K]", day_label(ds))
        style.footer(figure, credits(city, ds))
        return style.save_png(figure, path)


def draw_hours(path: str | Path, difference: Any) -> Path:
    """Mean change by the hour: changed surfaces, where there are any, and all others."""
    table = difference.table("changed", hourly=True)
    offset = utc_offset_h(difference.ds)
    local = local_times(difference.ds["time"].values, offset)
    midnight = (local.min() - np.timedelta64(1, "s")).astype("datetime64[D]")
    hours = (local - midnight.astype("datetime64[s]")) / np.timedelta64(3600, "s")
    with style.styled():
        figure = style.new_figure(9.6, 3.9)
        titles = {True: "Changed surfaces", False: "All other surfaces"}
        shown = [changed for changed in titles if (table["changed"] == changed).any()]
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        figure.subplots_adjust(left=0.075, right=0.985, bottom=0.17, top=0.78, wspace=0.16)
        for panel, changed in zip(axes, shown, strict=True):
            part = table[table["changed"] == changed]
            for kind, rows in part.groupby("surface"):
                value = rows["change_k"].to_numpy()
                error = rows["standard_error_k"].to_numpy()
                colour = LINES[str(kind)]
                panel.fill_between(
                    hours, value - error, value + error, color=colour, alpha=0.28, linewidth=0.0
                )
                panel.plot(hours, value, color=colour, linewidth=1.5, label=str(kind))
            panel.axhline(0.0, color=style.MUTED, linewidth=0.6)
            panel.set_title(titles[changed])
            panel.set_xlabel(f"local standard time ({zone_label(offset)}) [h]")
            panel.set_xlim(0.0, float(hours.max()))
            panel.grid(axis="y", color=style.FAINT, linewidth=0.6)
            panel.legend(loc="best")
        axes[0].set_ylabel("mean change [K]")
        style.heading(figure, "Change by the hour, B minus A", "means by area")
        style.footer(figure, ["bands: ± 1 standard error of the sampling"])
        return style.save_png(figure, path)


def scale_of(most: float) -> Any:
    """Colours of changes from -most to most: linear near zero, logarithmic beyond.

    What is painted changes by kelvins and what it shines on by tenths: one linear scale would show
    only the first.
    """
    from matplotlib.colors import SymLogNorm

    return SymLogNorm(LINEAR * most, linscale=0.5, vmin=-most, vmax=most)


def _half_width(fields: list[np.ndarray]) -> float:
    """Limit of a scale about zero that leaves out the last hundredth of what changes."""
    values = np.concatenate([np.abs(field[np.isfinite(field)]).ravel() for field in fields])
    values = values[values > 0.0]
    return max(FINEST, float(np.percentile(values, 99.0))) if values.size else FINEST


def _wall_means(difference: Any, part: np.ndarray) -> np.ndarray:
    return difference.walls.change[:, part].mean(axis=1)


def _wall_lines(axes: Axes, difference: Any, values: np.ndarray, most: float) -> None:
    """Facades in plan, coloured by the mean over their storeys."""
    from matplotlib.collections import LineCollection

    table = difference.walls.table
    if not len(table):
        return
    frame = table.assign(value=values, weight=table["area"], product=values * table["area"])
    by = frame.groupby("facade").agg(
        x0=("x0", "first"), y0=("y0", "first"), x1=("x1", "first"), y1=("y1", "first"),
        product=("product", "sum"), weight=("weight", "sum"),
    )  # fmt: skip
    ends = by[["x0", "y0", "x1", "y1"]].to_numpy(float).reshape(-1, 2, 2)
    shown = (by["product"] / by["weight"]).to_numpy()
    edges = LineCollection(list(ends), colors="#00000066", linewidths=2.0, zorder=3)
    axes.add_collection(edges)
    lines = LineCollection(list(ends), cmap=CHANGE, norm=scale_of(most), linewidths=1.4, zorder=4)
    lines.set_array(shown)
    axes.add_collection(lines)


def _bar_below(figure: Any, axes: Axes, image: Any) -> None:
    """A slim horizontal scale inside the lower left of a panel."""
    box = axes.get_position()
    width, height = figure.get_size_inches()
    frame = figure.add_axes((box.x0, box.y0, 1.9 / width, 0.36 / height), facecolor="white")
    frame.set(xticks=[], yticks=[])
    for spine in frame.spines.values():
        spine.set_visible(False)
    bar_axes = figure.add_axes(
        (box.x0 + 0.12 / width, box.y0 + 0.22 / height, 1.66 / width, 0.08 / height)
    )
    bar = figure.colorbar(image, cax=bar_axes, orientation="horizontal")
    bar.outline.set_visible(False)
    if hasattr(image.norm, "linthresh"):
        most = image.norm.vmax
        ticks = [-most, -LINEAR * most, 0.0, LINEAR * most, most]
        bar.set_ticks(ticks, labels=[f"{tick:.2g}".replace("-", "\u2212") for tick in ticks])
        bar.ax.minorticks_off()
    else:
        bar.ax.locator_params(nbins=5)
    bar_axes.tick_params(length=1.5, width=0.5, pad=1.0, labelsize=6.5)
