"""The study of size and resolution as tables and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from heatmat.output.atomic import aside
from heatmat.reference_report import markdown_table


def scaling_tables(found: dict[str, Any]) -> dict[str, str]:
    """Tables of docs/reference.md by name, from `heatmat.reference_scaling.scaling`."""
    rows = [
        [
            str(r["buildings"]), str(r["triangles"]),
            f"{r['setup_seconds_2_5d']:.2f}", f"{r['setup_seconds_3d']:.2f}",
            f"{1e3 * r['seconds_2_5d']:.2f}", f"{1e3 * r['seconds_3d']:.0f}",
            f"{1e6 * r['seconds_a_path_3d']:.1f}", f"{r['seconds_3d'] / r['seconds_2_5d']:.0f}",
            str(r["probes_left_out"]),
        ]
        for r in found["buildings"]
    ]  # fmt: skip
    heads = ["buildings", "triangles", "2.5D set-up s", "3D set-up s", "2.5D ms a probe",
             "3D ms a probe", "3D µs a path", "ratio", "probes left out"]  # fmt: skip
    tables = {"scaling": markdown_table(heads, rows)}
    cells = [r for r in found["resolution"] if "cell_m" in r]
    cuts = [r for r in found["resolution"] if "triangles" in r]
    rows = [
        [f"2.5D, cells of {r['cell_m']:g} m", f"{r['setup_seconds_2_5d']:.2f}",
         f"{1e3 * r['seconds_2_5d']:.2f}", f"{_largest(r, cells[0], 'temperature_c'):.3f}"]
        for r in cells
    ]  # fmt: skip
    rows += [
        [f"3D, {r['triangles']} triangles", f"{r['setup_seconds_3d']:.2f}",
         f"{1e3 * r['seconds_3d']:.0f}", f"{_largest(r, cuts[0], 'temperature_3d_c'):.3f}"]
        for r in cuts
    ]  # fmt: skip
    heads = ["resolution", "set-up s", "ms a probe", "largest change of a probe K"]
    tables["resolution"] = markdown_table(heads, rows)
    return tables


def _largest(record: dict[str, Any], first: dict[str, Any], key: str) -> float:
    return max(abs(a - b) for a, b in zip(record[key], first[key], strict=True))


def draw_scaling(found: dict[str, Any], folder: Path) -> Path:
    """Time of one probe, and of the set-up, against the number of buildings."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    records = found["buildings"]
    number = [r["buildings"] for r in records]
    figure, axes = pyplot.subplots(1, 2, figsize=(8.4, 3.6))
    for ax, name, title in (
        (axes[0], "seconds", f"one probe to {found['target_k']:g} K"),
        (axes[1], "setup_seconds", "set-up"),
    ):
        for side, label, colour in (("2_5d", "2.5D", "#b0562c"), ("3d", "3D", "#3c6e8f")):
            seconds = [r[f"{name}_{side}"] for r in records]
            ax.loglog(number, seconds, "o-", color=colour, label=label)
        ax.set(title=title, xlabel="buildings", ylabel="processor seconds")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    path = folder / "reference_scaling.png"
    with aside(path) as partial:
        figure.savefig(partial, dpi=110)
    pyplot.close(figure)
    return path
