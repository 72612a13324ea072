"""Diurnal curves of probe points, with the sampling error as a band."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heatmat.output import style
from heatmat.output.clock import local_times, zone_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_HORIZONTAL = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#56b4e9")
_WALLS = {"north": "#0072b2", "east": "#e69f00", "south": "#d55e00", "west": "#009e73"}
_OTHER = ("#cc79a7", "#56b4e9", "#000000", "#f0e442")


def label_of(identity: str, construction: str) -> str:
    """``wall_north`` of ``solid_brick_wall`` as ``Wall north (solid brick wall)``."""
    words = str(identity).replace("_", " ").replace("-", " ")
    return f"{words[:1].upper()}{words[1:]} ({str(construction).replace('_', ' ')})"


def _colour(identity: str, number: int) -> str:
    for side, colour in _WALLS.items():
        if side in str(identity).lower():
            return colour
    return _OTHER[number % len(_OTHER)]


def local_hours(probes: pd.DataFrame, offset_h: float) -> tuple[np.ndarray, np.datetime64]:
    """Hours since the local midnight that precedes the first row, and that midnight."""
    import pandas as pd

    stamps = pd.DatetimeIndex(pd.to_datetime(probes["time"], utc=True)).tz_localize(None)
    local = local_times(stamps.to_numpy(), offset_h)
    midnight = (local.min() - np.timedelta64(1, "s")).astype("datetime64[D]")
    hours = (local - midnight.astype("datetime64[s]")) / np.timedelta64(3600, "s")
    return hours.astype(np.float64), midnight


def draw_curves(
    path: str | Path, probes: pd.DataFrame, *, offset_h: float, notes: list[str]
) -> Path:
    """Surface temperature of probes over the window: ground and roofs left, walls right.

    Parameters
    ----------
    path : path
        PNG file to write.
    probes : pandas.DataFrame
        Rows with TEMPS.csv's columns; walls whose id names a side of the compass get its colour.
    offset_h : float
        Offset of local standard time from UTC [h].
    notes : list of str
        Credits below the panels.

    Returns
    -------
    Path
        The file.
    """
    hours, midnight = local_hours(probes, offset_h)
    probes = probes.assign(hour=hours)
    on_wall = probes["surface"] == "wall"
    with style.styled():
        figure = style.new_figure(9.6, 4.4)
        left, right = figure.subplots(1, 2, sharey=True)
        figure.subplots_adjust(left=0.065, right=0.985, bottom=0.16, top=0.80, wspace=0.06)
        _panel(left, "Ground and roofs", probes[~on_wall], probes)
        _panel(right, "Walls", probes[on_wall], probes)
        low, high = left.get_ylim()
        left.set_ylim(low, high + 0.28 * (high - low))  # room for the legends
        left.set_ylabel("surface temperature [°C]")
        for axes in (left, right):
            axes.set_xlabel(f"local standard time ({zone_label(offset_h)}) [h]")
        span = _span(midnight, hours.max())
        style.heading(figure, "Surface temperature over the day", span)
        style.footer(figure, ["bands: ± 1 standard error of the sampling", *notes])
        return style.save_png(figure, path)


def _span(midnight: np.datetime64, hours: float) -> str:
    last = midnight + np.timedelta64(int(np.ceil(hours / 24.0)) - 1, "D")
    return str(midnight) if last == midnight else f"{midnight} to {last}"


def _panel(axes: Axes, title: str, rows: pd.DataFrame, everything: pd.DataFrame) -> None:
    air = everything.groupby("hour")["air_temperature_c"].first()
    axes.plot(air.index, air, color=style.MUTED, linewidth=1.1, linestyle=(0, (4, 2)), label="Air")
    for number, (identity, one) in enumerate(rows.groupby("id", sort=False)):
        first = one.iloc[0]
        walls = first["surface"] == "wall"
        colour = _colour(str(identity), number) if walls else _HORIZONTAL[number % len(_HORIZONTAL)]
        value, error = one["surface_temperature_c"], one["standard_error_k"]
        label = label_of(str(identity), first["construction"])
        axes.fill_between(
            one["hour"], value - error, value + error, color=colour, alpha=0.28, linewidth=0.0
        )
        axes.plot(one["hour"], value, color=colour, linewidth=1.5, label=label)
    _clock_axis(axes, float(everything["hour"].max()))
    axes.set_title(title)
    axes.grid(axis="y", color=style.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", handlelength=1.4, labelspacing=0.35)
    axes.margins(y=0.05)


def _clock_axis(axes: Axes, last: float) -> None:
    """Ticks every three hours for a day, every day beyond three."""
    step = 3.0 if last <= 24.0 else (6.0 if last <= 72.0 else 24.0)
    axes.set_xlim(0.0, last)
    ticks = np.arange(0.0, last + 1e-9, step)
    axes.set_xticks(ticks)
    axes.set_xticklabels([_tick(tick, last) for tick in ticks])


def _tick(hour: float, last: float) -> str:
    if last > 72.0:
        return f"day {hour / 24.0:.0f}"
    return f"{hour if hour == last else hour % 24.0:.0f}"
