"""Five days that grow hotter: what cool roofs and insulated walls do to day and night of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import heatmat as hm
from sims.experiment import command, load

if TYPE_CHECKING:
    import pandas as pd

POINTS = {
    "id": ["roof", "street", "south wall", "north wall"],
    "surface": ["roof", "ground", "wall", "wall"],
    "x": [385985.0, 385970.0, 385971.7, 385966.2],
    "y": [6672010.0, 6671993.0, 6672002.7, 6671985.0],
    "z": [0.0, 0.0, 6.0, 6.0],
}


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    scenario = load(__file__, low)
    before = hm.Simulation(scenario.without_interventions())
    with before, before.with_interventions(scenario.interventions) as after:
        change = hm.compare(before, after, POINTS, max_rays=64 if low else 1024)
    frame = change.to_dataframe()
    frame.to_csv(out / "change.csv", index=False)
    if not low:
        draw(frame, out / "heat_wave.png")
    return change


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Each point without and with the changes, over the five days."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.6), dpi=120, layout="constrained")
    for axes, (name, rows) in zip(
        figure.subplots(2, 2, sharex=True).ravel(), frame.groupby("id", sort=False), strict=True
    ):
        days = (rows["time"] - rows["time"].iloc[0]).dt.total_seconds() / 86400.0
        for side, label, colour in (("a", "as it is", "#d55e00"), ("b", "changed", "#0072b2")):
            axes.plot(days, rows[f"temperature_{side}"] - 273.15, color=colour, label=label)
        axes.set_title(str(name), loc="left", fontweight="bold")
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylabel("surface temperature [°C]")
        axes.set_xlabel("day of the heat wave")
    lines, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper right", ncols=2, frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    command(main, __doc__ or "")
