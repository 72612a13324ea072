"""Which material carries how much of the district's surface heat island: Shapley shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import heatmat as hm
from sims.experiment import arguments, load

if TYPE_CHECKING:
    import pandas as pd


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
    figure = Figure(figsize=(9.0, 4.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for name, part in rows.groupby("part", sort=False):
        whole = name == "heat island"
        axes.plot(
            range(1, len(part) + 1),
            part["shapley_k"],
            label=str(name).replace("_", " "),
            color="black" if whole else None,
            linewidth=2.2 if whole else 1.4,
        )
    axes.axhline(0.0, color="grey", linewidth=0.6)
    axes.set_xlim(1, rows["time"].nunique())
    axes.set_xlabel("local standard time [h]")
    axes.set_ylabel("share of the surface heat island [K]")
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(path)


if __name__ == "__main__":
    given = arguments(__doc__ or "")
    main(given.out, given.low)
