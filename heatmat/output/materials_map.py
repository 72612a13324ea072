"""Which construction lies where: ground and roofs as areas, facades as coloured lines."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output import style
from heatmat.output.labels import dominant
from heatmat.output.picture import convergence, credits
from heatmat.output.raster import extent_of
from heatmat.output.tables import reported_buildings

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from heatmat.output.walls import WallSeries

PALETTE = {
    "solid_brick_wall": "#a6402f",
    "brick_wall": "#a6402f",
    "insulated_brick_wall": "#cf7a63",
    "concrete_wall": "#70757d",
    "insulated_concrete_wall": "#a3a8af",
    "rendered_masonry_wall": "#d9a441",
    "insulated_render_wall": "#edc97c",
    "stone_wall": "#8f8158",
    "glass_curtain_wall": "#1f9fc4",
    "wood_wall": "#7a5226",
    "metal_wall": "#4a5f9e",
    "bitumen_roof": "#4b4f57",
    "tile_roof": "#c8643f",
    "slate_roof": "#63738c",
    "metal_roof": "#93a9b8",
    "gravel_roof": "#b9a98a",
    "concrete_roof": "#9c9c9a",
    "white_membrane_roof": "#f4f4f0",
    "green_roof": "#7ea352",
    "asphalt_street": "#d6d8dc",
    "concrete_paving": "#e9e6de",
    "setts_street": "#cdc2ae",
    "gravel_ground": "#e6dab6",
    "bare_soil": "#cbab80",
    "grass": "#c3dfa5",
    "water": "#a8d0e8",
}
"""Colours near those of the things themselves; the library's constructions have one each."""

_SPARE = ("#8c6bb1", "#66c2a4", "#fc8d62", "#e78ac3", "#41b6c4", "#b15928", "#6a3d9a", "#33a02c")


def colour_of(construction: str) -> str:
    """Colour of a construction; one that is not in the palette always gets the same spare."""
    spare = _SPARE[zlib.crc32(construction.encode()) % len(_SPARE)]
    return PALETTE.get(construction, spare)


def label_of(construction: str) -> str:
    """A construction's name as words."""
    return construction.replace("_", " ")


def add_areas(axes: Axes, geometries: Any, names: Any, zorder: float, **options: Any) -> None:
    """Polygons with holes, filled with their construction's colour, in the order given."""
    from matplotlib.collections import PathCollection

    paths = [_path(geometry) for geometry in geometries]
    colours = [colour_of(name) for name in names]
    axes.add_collection(PathCollection(paths, facecolors=colours, zorder=zorder, **options))


def _path(geometry: Any) -> Any:
    from matplotlib.path import Path as Outline
    from shapely import get_coordinates, orient_polygons

    rings = []
    for polygon in getattr(geometry, "geoms", [geometry]):
        turned = orient_polygons(polygon)
        rings += [
            Outline(get_coordinates(ring), closed=True)
            for ring in (turned.exterior, *turned.interiors)
        ]
    return Outline.make_compound_path(*rings)


def facade_lines(city: Any, walls: WallSeries) -> tuple[np.ndarray, list[str]]:
    """One line per facade [n, 2, 2] in the CRS, and its dominant construction."""
    table = walls.table.drop_duplicates("facade")
    ends = table[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64).reshape(-1, 2, 2)
    compositions = city.buildings.set_index("building_id")["facade_composition"].to_dict()
    names = [
        dominant(compositions[building]) if building in compositions else str(construction)
        for building, construction in zip(table["building_id"], table["construction"], strict=True)
    ]
    return ends, names


def draw_materials(path: str | Path, maps: xr.Dataset, city: Any, walls: WallSeries) -> Path:
    """Ground and roof constructions as areas, the facades' dominant construction as lines.

    Parameters
    ----------
    path : path
        PNG file to write.
    maps : xarray.Dataset
        For the extent.
    city : City
    walls : WallSeries
        Facades with anything exposed.

    Returns
    -------
    Path
        The file.
    """
    from matplotlib.collections import LineCollection

    extent = extent_of(maps)
    buildings = reported_buildings(city, maps).sort_values("height", kind="stable")
    ground = city.ground[city.ground.geometry.intersects(_box(extent))]
    lines, facades = facade_lines(city, walls)
    with style.styled():
        figure, panels = style.map_panels(extent, panel_width=6.6, right=2.15)
        axes = panels[0]
        axes.set_facecolor(colour_of(city.default_ground))
        add_areas(axes, ground.geometry, ground["construction"], 1.0, linewidths=0.0)
        add_areas(
            axes,
            buildings.geometry,
            buildings["roof_construction"],
            2.0,
            linewidths=0.2,
            edgecolors="#00000040",
        )
        colours = [colour_of(name) for name in facades]
        axes.add_collection(LineCollection(list(lines), colors=colours, linewidths=1.3, zorder=3))
        groups = {
            "Ground": ([city.default_ground, *ground["construction"]], "area"),
            "Roofs": (list(buildings["roof_construction"]), "area"),
            "Facades": (facades, "line"),
        }
        _legend(figure, axes, groups)
        style.scale_and_north(figure, panels, extent, convergence(maps))
        style.heading(
            figure, "Materials", "constructions of ground and roofs; lines: facades' dominant one"
        )
        style.footer(figure, credits(city, maps))
        return style.save_png(figure, path)


def _box(extent: style.Extent) -> Any:
    import shapely

    return shapely.box(*extent)


def _legend(figure: Any, axes: Axes, groups: dict[str, tuple[list[str], str]]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for title, (names, kind) in groups.items():
        if handles:
            handles.append(Patch(color="none", label=" "))
        handles.append(Patch(color="none", label=f"$\\bf{{{title}}}$"))
        for name in sorted(set(names)):
            colour, text = colour_of(name), label_of(name)
            if kind == "line":
                handles.append(Line2D([], [], color=colour, linewidth=2.4, label=text))
            else:
                handles.append(Patch(facecolor=colour, edgecolor="#0000004d", lw=0.4, label=text))
    box = axes.get_position()
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(box.x1 + 0.005, box.y1 + 0.01),
        handlelength=1.5,
        labelspacing=0.45,
        borderaxespad=0.3,
        fontsize=7.6,
    )
