"""One look for all figures: type, colours, scale bar, north arrow, credits.

Colour maps are perceptually uniform and read in grey and by colour-blind eyes: inferno for
temperature, cividis for hours of sun, a grey ramp for the sky view factor. Categorical colours of
lines follow Okabe and Ito (2008), https://jfly.uni-koeln.de/color/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output.atomic import aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

INK = "#20242b"
MUTED = "#6a727d"
FAINT = "#d9dde2"
SKY_VIEW = "bone"
SUNLIT = "cividis"
ERROR = "viridis"
DPI = 180

Extent = tuple[float, float, float, float]

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def temperature_colours() -> ListedColormap:
    """Inferno without its blackest tenth, so that night-time streets stay legible."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    return ListedColormap(matplotlib.colormaps["inferno"](np.linspace(0.1, 1.0, 256)))


@contextmanager
def styled() -> Iterator[None]:
    """Draw with HeatMat's look, leaving the caller's Matplotlib settings alone."""
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure [inches] on the Agg canvas, without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def save_png(figure: Figure, path: str | Path) -> Path:
    """Save as PNG, written aside and renamed, without a date: the same data, the same bytes."""
    with aside(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": "HeatMat"})
    return Path(path)


def bare_map(axes: Axes, extent: Extent) -> None:
    """A map's axes: equal scales, no ticks, a hair-line frame, exactly the extent."""
    axes.set_aspect("equal")
    axes.set_xlim(extent[0], extent[2])
    axes.set_ylim(extent[1], extent[3])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, color=MUTED)


def nice_length(span: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is at most a quarter of the span [m]."""
    limit = span / 4.0
    power = 10.0 ** np.floor(np.log10(limit))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= limit))


def scale_and_north(
    figure: Figure, panels: Sequence[Axes], extent: Extent, convergence_deg: float = 0.0
) -> None:
    """A scale bar and an arrow to true north, above the right end of the top panels.

    Parameters
    ----------
    figure, panels
        As :func:`map_panels` gives them.
    extent : tuple
        Bounds of each panel in the CRS [m].
    convergence_deg : float
        Grid convergence: true azimuth = grid azimuth + convergence, so true north lies at the
        grid azimuth -convergence.
    """
    width, height = figure.get_size_inches()
    box = max((panel.get_position() for panel in panels), key=lambda p: (p.x1, p.y1))
    length = nice_length(extent[2] - extent[0])
    bar = length / (extent[2] - extent[0]) * box.width * width
    right, y = box.x1 * width, height - 0.40
    overlay = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=-1)
    overlay.set(xlim=(0.0, width), ylim=(0.0, height))
    overlay.set_axis_off()
    angle = np.radians(-convergence_deg)
    tilt = np.array([np.sin(angle), np.cos(angle)])
    centre = np.array([right - 0.08, y + 0.03])
    overlay.annotate(
        "",
        xy=tuple(centre + 0.14 * tilt),
        xytext=tuple(centre - 0.14 * tilt),
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
    )
    top = centre + 0.21 * tilt
    overlay.text(top[0], top[1], "N", fontsize=7.5, fontweight="bold", ha="center", va="center")
    end = right - 0.34
    x = [end - bar, end - bar, end, end]
    overlay.plot(x, [y + 0.04, y - 0.03, y - 0.03, y + 0.04], color=INK, linewidth=1.1)
    label = f"{length:g} m" if length < 1000.0 else f"{length / 1000.0:g} km"
    overlay.text(end - bar / 2.0, y + 0.02, label, fontsize=7.5, ha="center", va="bottom")


def map_panels(
    extent: Extent,
    columns: int = 1,
    rows: int = 1,
    panel_width: float = 4.3,
    top: float = 0.68,
    gap: float = 0.30,
    right: float = 0.85,
) -> tuple[Figure, list[Axes]]:
    """A figure whose map panels have exactly the extent's proportions.

    Parameters
    ----------
    extent : tuple
        Bounds of the map in the CRS.
    columns, rows : int
        Number of panels.
    panel_width, top, gap, right : float
        Width of a panel, room above the panels, between rows and right of them [inches].

    Returns
    -------
    figure, list of axes
        Panels row by row, ready to draw on.
    """
    aspect = (extent[3] - extent[1]) / (extent[2] - extent[0])
    panel_height = panel_width * aspect
    side, bottom, between = 0.25, 0.32, 0.12
    width = side + columns * panel_width + (columns - 1) * between + right
    height = top + rows * panel_height + (rows - 1) * gap + bottom
    figure = new_figure(width, height)
    panels = []
    for row in range(rows):
        for column in range(columns):
            left = side + column * (panel_width + between)
            low = height - top - (row + 1) * panel_height - row * gap
            box = (left / width, low / height, panel_width / width, panel_height / height)
            axes = figure.add_axes(box)
            bare_map(axes, extent)
            panels.append(axes)
    return figure, panels


def side_colour_bar(
    figure: Figure, artist: Any, panels: Sequence[Axes], label: str, extend: str = "neither"
) -> Any:
    """A slim colour bar right of the panels, with the label above it.

    ``extend`` is Matplotlib's: pointed ends where values go beyond the limits.
    """
    width, height = figure.get_size_inches()
    boxes = [panel.get_position() for panel in panels]
    low, high = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    left = max(box.x1 for box in boxes) + 0.14 / width
    span = min(high - low, 3.6 / height)
    middle = (low + high) / 2.0
    axes = figure.add_axes((left, middle - span / 2.0, 0.12 / width, span))
    bar = figure.colorbar(artist, cax=axes, extend=extend, extendfrac=0.025)
    bar.outline.set_visible(False)
    axes.tick_params(length=2.0, width=0.5, pad=2.0)
    pad = 9.0 if extend in ("both", "max") else 5.0
    axes.set_title(label, fontsize=8.5, fontweight="normal", loc="left", pad=pad)
    return bar


def heading(figure: Figure, title: str, subtitle: str = "") -> None:
    """Title and subtitle, flush left above the panels."""
    width, height = figure.get_size_inches()
    left = 0.25 / width
    figure.text(
        left, 1.0 - 0.16 / height, title, fontsize=13.0, fontweight="bold", ha="left", va="top"
    )
    if subtitle:
        figure.text(
            left, 1.0 - 0.43 / height, subtitle, fontsize=8.5, color=MUTED, ha="left", va="top"
        )


def footer(figure: Figure, parts: Sequence[str]) -> None:
    """Credits and notes, small, flush left below the panels."""
    width, height = figure.get_size_inches()
    text = "   ·   ".join(part for part in parts if part)
    figure.text(
        0.25 / width, 0.10 / height, text, fontsize=6.8, color=MUTED, ha="left", va="bottom"
    )
