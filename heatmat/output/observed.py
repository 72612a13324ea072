"""Modelled and measured surface temperatures in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from heatmat.output.atomic import aside

if TYPE_CHECKING:
    import pandas as pd

PANELS = 6
"""Series drawn at most; the table holds all."""


def draw_observed(path: str | Path, pairs: pd.DataFrame) -> Path:
    """Draw the series of every id over time, and one against the other.

    Parameters
    ----------
    path : path
        PNG file to write.
    pairs : DataFrame
        From `heatmat.observed`.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(pairs["id"]))[:PANELS]
    figure = Figure(figsize=(11, 1.2 + 2.4 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 2, squeeze=False, width_ratios=(3, 1))
    for (series, scatter), name in zip(axes, names, strict=True):
        rows = pairs[pairs["id"] == name]
        series.plot(rows["time"], rows["observed_c"], color="k", lw=1.2, label="measured")
        series.plot(rows["time"], rows["modelled_c"], color="#d55e00", lw=1.2, label="modelled")
        if rows["air_c"].notna().any():
            series.plot(rows["time"], rows["air_c"], color="0.6", lw=0.8, label="air")
        series.set_title(str(name), loc="left")
        series.set_ylabel("surface temperature [C]")
        series.legend(frameon=False, ncols=3, fontsize=8)
        series.xaxis.set_major_locator(_days())
        ends = [np.nanmin(rows[["observed_c", "modelled_c"]]), np.nanmax(rows["observed_c"])]
        scatter.plot(rows["observed_c"], rows["modelled_c"], ".", ms=3, color="#d55e00")
        scatter.plot(ends, ends, color="k", lw=0.8)
        scatter.set_xlabel("measured [C]")
        scatter.set_ylabel("modelled [C]")
        scatter.set_aspect("equal", adjustable="datalim")
    axes[-1, 0].set_xlabel("UTC")
    with aside(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
    return Path(path)


def _days() -> object:
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(maxticks=8)
