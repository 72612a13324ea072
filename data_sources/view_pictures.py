"""Pictures of the chosen views: one sheet per building, and a map of what is covered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_sources.facade_outlines import Buildings, Facades
from data_sources.view_files import Crop
from data_sources.views import Camera

if TYPE_CHECKING:
    from PIL import Image

TILE = (360, 300)  # pixels, picture and caption
CAPTION = 48
COLUMNS = 3
PLAN_RADIUS = 45.0  # m around the building
INK, PAPER, OWN, OTHERS, LINE = "#222222", "#ffffff", "#9db7d5", "#dddddd", "#c2410c"


def contact_sheet(
    path: Path,
    building_id: str,
    buildings: Buildings,
    facades: Facades,
    cameras: Sequence[Camera],
    crops: Sequence[Crop],
    convergence_deg: float,
) -> None:
    """A sheet of one building: a plan with the cameras, then its crops, best first."""
    from PIL import Image, ImageDraw, ImageFont

    tiles = 1 + len(crops)
    columns = min(COLUMNS, tiles)
    rows = -(-tiles // columns)
    sheet = Image.new("RGB", (columns * TILE[0], rows * TILE[1]), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    sheet.paste(_plan(building_id, buildings, facades, cameras, crops), (0, 0))
    draw.text((6, TILE[1] - CAPTION + 4), f"{building_id[:50]}, north up", INK, font)
    for number, crop in enumerate(crops, start=1):
        x, y = number % columns * TILE[0], number // columns * TILE[1]
        with Image.open(crop.path) as picture:
            shown = picture.convert("RGB")
        shown.thumbnail((TILE[0] - 8, TILE[1] - CAPTION - 8))
        sheet.paste(shown, (x + 4, y + 4))
        for line, words in enumerate(_caption(crop, facades, cameras, convergence_deg)):
            draw.text((x + 6, y + TILE[1] - CAPTION + 15 * line), words, INK, font)
    sheet.save(path, "JPEG", quality=85)


def _caption(
    crop: Crop, facades: Facades, cameras: Sequence[Camera], convergence_deg: float
) -> list[str]:
    view, image = crop.view, cameras[crop.view.camera].image
    azimuth = (facades.azimuth_deg[view.facade] + convergence_deg) % 360.0
    return [
        f"{crop.rank}: facade {facades.name[view.facade]} to {azimuth:.0f} deg, "
        f"{view.distance:.0f} m, {view.angle_deg:.0f} deg aslant",
        f"coverage {view.coverage:.0%}, score {view.score:.2f}, {image.date or 'no date'}",
        f"{image.source}, {image.author[:24]}, {image.licence[:16]}",
    ]


def _plan(
    building_id: str,
    buildings: Buildings,
    facades: Facades,
    cameras: Sequence[Camera],
    crops: Sequence[Crop],
) -> Image.Image:
    """The building in its surroundings, and which camera looks at which facade."""
    import shapely
    from PIL import Image, ImageDraw, ImageFont

    side, scale_up = TILE[1] - CAPTION, 2
    own = buildings.rows[building_id]
    bounds = shapely.total_bounds(buildings.polygons[own])
    middle = (bounds[:2] + bounds[2:]) / 2
    radius = PLAN_RADIUS + 0.5 * float((bounds[2:] - bounds[:2]).max())
    pixel = scale_up * side / (2 * radius)
    canvas = Image.new("RGB", (scale_up * TILE[0], scale_up * side), PAPER)
    draw = ImageDraw.Draw(canvas)
    centre = np.array([scale_up * TILE[0], scale_up * side]) / 2

    def at(points: Any) -> list[tuple[float, float]]:
        moved = centre + (np.asarray(points) - middle) * pixel * [1, -1]
        return [(float(x), float(y)) for x, y in np.atleast_2d(moved)]

    box = shapely.box(*(middle - 2 * radius), *(middle + 2 * radius))
    for k in sorted(buildings.tree.query(box)):
        polygon = buildings.polygons[k]
        draw.polygon(at(polygon.exterior.coords), OWN if k in own else OTHERS, INK)
        for hole in polygon.interiors:
            draw.polygon(at(hole.coords), PAPER, INK)
    font = ImageFont.load_default(12 * scale_up)
    for crop in crops:
        camera = cameras[crop.view.camera].position
        a, b = facades.start[crop.view.facade], facades.end[crop.view.facade]
        draw.line(at([a, b]), LINE, 3 * scale_up)
        draw.line(at([camera, (a + b) / 2]), LINE, scale_up)
        (x, y) = at(camera)[0]
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), LINE)
        draw.text((x + 8, y - 8), str(crop.rank), INK, font)
    return canvas.resize((TILE[0], side), Image.Resampling.LANCZOS)


def coverage_map(
    path: Path,
    buildings: Buildings,
    facades: Facades,
    shares: np.ndarray,
    cameras: Sequence[Camera],
    used: set[int],
    title: str,
) -> None:
    """Facades coloured by the share that a view shows, on the outlines, with the cameras."""
    import shapely
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.figure import Figure

    targets = buildings.polygons[buildings.target]
    bounds = shapely.total_bounds(targets if len(targets) else buildings.polygons)
    size = bounds[2:] - bounds[:2]
    shape = float(np.clip((size[1] + 40) / (size[0] + 40), 0.3, 1.6))
    figure = Figure(figsize=(10, 8 * shape + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    origin = np.floor(bounds[:2])
    outlines = [shapely.get_coordinates(p.exterior) - origin for p in buildings.polygons]
    holes = [shapely.get_coordinates(r) - origin for p in buildings.polygons for r in p.interiors]
    axes.add_collection(
        PolyCollection(outlines, facecolors="#ececec", edgecolors="#c8c8c8", lw=0.4)
    )
    axes.add_collection(PolyCollection(holes, facecolors="white", edgecolors="#c8c8c8", lw=0.4))
    if len(facades):
        lines = np.stack([facades.start, facades.end], axis=1) - origin
        unseen = lines[shares == 0.0]
        axes.add_collection(LineCollection(list(unseen), colors="#555555", lw=0.8))
        order = np.argsort(shares)
        order = order[shares[order] > 0.0]
        walls = LineCollection(
            list(lines[order]), array=shares[order], cmap="viridis", clim=(0, 1), lw=2.5
        )
        axes.add_collection(walls)
        figure.colorbar(
            walls,
            ax=axes,
            label="share of the facade that a view shows (thin grey: none)",
            shrink=0.8,
        )
    for chosen, colour, dot, label in (
        (False, "#9a9a9a", 4, "image, not used"),
        (True, LINE, 14, "image, used"),
    ):
        points = [c.position - origin for i, c in enumerate(cameras) if (i in used) == chosen]
        if points:
            x, y = np.array(points).T
            axes.scatter(x, y, s=dot, c=colour, label=label, zorder=3, lw=0)
    axes.set(xlim=(-20, size[0] + 20), ylim=(-20, size[1] + 20), title=title)
    axes.set_aspect("equal")
    axes.set(xlabel="east [m]", ylabel="north [m]")
    if cameras:
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(path, dpi=130)
