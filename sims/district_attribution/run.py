"""Which material carries how much of the district's surface heat island: Shapley shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import heatmat as hm
from sims.experiment import command, load

if TYPE_CHECKING:
    import pandas as pd

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442", "#444444")
FORM = "#b8bec6"


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with hm.Simulation(load(__file__, low)) as simulation:
        found = hm.attribute(simulation, **({"starts": 64, "paths": 8} if low else {}))
    frame = found.to_dataframe()
    frame.to_csv(out / "attribution.csv", index=False)
    if not low:
        draw(frame, out / "attribution.png")
    print(f"largest residual of the shares {found.residual:.1e} K")
    return found


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Kelvin that each material adds to the mean of all surfaces, by the hour."""
    from matplotlib.figure import Figure

    rows = frame[frame["measure"] == "all"]
    hours = range(1, rows["time"].nunique() + 1)
    figure = Figure(figsize=(9.0, 4.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    up, down = [0.0] * len(hours), [0.0] * len(hours)
    for colour, (name, part) in zip(COLOURS, rows.groupby("part", sort=False), strict=False):
        share = part["shapley_k"].tolist()
        label = str(name).replace("_", " ")
        if name == "heat island":
            axes.plot(hours, share, "o-", color="#20242b", ms=3, label=label)
            continue
        base = [u if value > 0 else d for value, u, d in zip(share, up, down, strict=True)]
        axes.bar(hours, share, 0.9, base, color=FORM if name == "form" else colour, label=label)
        up = [u + max(value, 0.0) for u, value in zip(up, share, strict=True)]
        down = [d + min(value, 0.0) for d, value in zip(down, share, strict=True)]
    axes.axhline(0.0, color="grey", linewidth=0.6)
    axes.set_xticks(range(0, 25, 3))
    axes.set_xlabel("local standard time [h]")
    axes.set_ylabel("share of the surface heat island [K]")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    command(main, __doc__ or "")
