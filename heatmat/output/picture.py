"""Maps as pictures: temperature at four hours, sky view, sunlit hours, sampling error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output import style
from heatmat.output.clock import (
    display_indices,
    hour_label,
    local_times,
    utc_offset_h,
    zone_label,
)
from heatmat.output.raster import crs_wkt, extent_of
from heatmat.output.tables import HEIGHT_SOURCES, height_shares, reported_buildings
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import geopandas as gpd
    import xarray as xr
    from matplotlib.axes import Axes


def credits(city: Any, maps: xr.Dataset) -> list[str]:
    """Attribution of the data, and where the building heights come from."""
    shares = height_shares(reported_buildings(city, maps))
    heights = ", ".join(
        f"{100.0 * shares[key]:.0f} % {HEIGHT_SOURCES[key]}"
        for key in shares
        if key != "dsm" or shares[key]
    )
    return [city.attribution.replace("(c)", "©"), f"Building heights: {heights}", "HeatMat"]


def day_label(maps: xr.Dataset) -> str:
    """The window's last day and the clock that the hours are read on."""
    offset = utc_offset_h(maps)
    last = local_times(maps["time"].values[-1:] - np.timedelta64(1, "s"), offset)[0]
    return f"{str(last)[:10]}, local standard time ({zone_label(offset)})"


def shared_limits(
    values: np.ndarray, step: float = 1.0, outside: float = 0.005
) -> tuple[float, float]:
    """Limits on round numbers that leave out a share of the values at either end.

    Parameters
    ----------
    values : numpy.ndarray
        Anything; not-a-number is passed over.
    step : float
        What the limits are multiples of, in the values' unit.
    outside : float
        Share left out at either end: a few sheltered corners must not dull all the rest.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, step
    low, high = np.percentile(finite, (100.0 * outside, 100.0 * (1.0 - outside)))
    low, high = np.floor(low / step) * step, np.ceil(high / step) * step
    return float(low), float(max(high, low + step))


def footprint_lines(axes: Axes, buildings: gpd.GeoDataFrame, colour: str, width: float) -> None:
    """Outlines of the footprints, courtyards too."""
    from matplotlib.collections import LineCollection
    from shapely import get_coordinates

    rings: list[np.ndarray] = []
    for geometry in buildings.geometry:
        for polygon in getattr(geometry, "geoms", [geometry]):
            rings.extend(get_coordinates(r) for r in (polygon.exterior, *polygon.interiors))
    axes.add_collection(LineCollection(rings, colors=colour, linewidths=width, zorder=3))


def show_raster(axes: Axes, values: np.ndarray, maps: xr.Dataset, **options: Any) -> Any:
    """One map, row 0 north, cell for cell."""
    west, south, east, north = extent_of(maps)
    return axes.imshow(
        values,
        extent=(west, east, south, north),
        origin="upper",
        interpolation="none",
        zorder=1,
        **options,
    )


def draw_temperatures(path: str | Path, maps: xr.Dataset, city: Any) -> Path:
    """Surface temperature at four hours of the last day, on one colour scale.

    Parameters
    ----------
    path : path
        PNG file to write.
    maps : xarray.Dataset
        With ``surface_temperature`` (time, y, x) in K.
    city : City
        Footprints, attribution.

    Returns
    -------
    Path
        The file.
    """
    times, offset = maps["time"].values, utc_offset_h(maps)
    indices = display_indices(times, offset)
    series = maps["surface_temperature"].transpose("time", "y", "x")
    fields = [to_celsius(series[index].values) for index in indices]
    low, high = shared_limits(np.stack(fields))
    columns, ramp = 1 if len(fields) == 1 else 2, style.temperature_colours()
    with style.styled():
        figure, panels = style.map_panels(
            extent_of(maps), columns, -(-len(fields) // columns), top=0.88
        )
        for spare in panels[len(fields) :]:
            spare.set_visible(False)
        buildings = reported_buildings(city, maps)
        for axes, index, field in zip(panels, indices, fields, strict=False):
            image = show_raster(axes, field, maps, cmap=ramp, vmin=low, vmax=high)
            dark = np.nanmean(field) < low + 0.4 * (high - low)
            footprint_lines(axes, buildings, "#ffffff59" if dark else "#00000059", 0.35)
            axes.set_title(hour_label(times[index], offset), pad=4.0)
            mean = f"mean {np.nanmean(field):.1f} °C"
            axes.set_title(mean, pad=4.0, loc="right", fontsize=8.0, fontweight="normal")
        style.scale_and_north(figure, panels, extent_of(maps), convergence(maps))
        style.side_colour_bar(figure, image, panels, "°C", "both")
        style.heading(figure, "Surface temperature seen from above", day_label(maps))
        style.footer(figure, credits(city, maps))
        return style.save_png(figure, path)


def convergence(maps: xr.Dataset) -> float:
    """Grid convergence at the extent's centre [deg]: true azimuth = grid azimuth + convergence."""
    import pyproj

    from heatmat.geodesy import place

    west, south, east, north = extent_of(maps)
    crs = pyproj.CRS.from_wkt(crs_wkt(maps))
    return place(crs, (west + east) / 2.0, (south + north) / 2.0)[2]


def draw_field(
    path: str | Path,
    maps: xr.Dataset,
    city: Any,
    values: np.ndarray,
    *,
    title: str,
    subtitle: str,
    label: str,
    colours: str,
    limits: tuple[float, float],
    outline: str = "#00000059",
    extend: str = "neither",
) -> Path:
    """One map [y, x] with its colour bar, scale bar, north arrow and credits."""
    with style.styled():
        figure, panels = style.map_panels(extent_of(maps), panel_width=6.6)
        axes = panels[0]
        image = show_raster(axes, values, maps, cmap=colours, vmin=limits[0], vmax=limits[1])
        footprint_lines(axes, reported_buildings(city, maps), outline, 0.45)
        style.scale_and_north(figure, panels, extent_of(maps), convergence(maps))
        style.side_colour_bar(figure, image, panels, label, extend)
        style.heading(figure, title, subtitle)
        style.footer(figure, credits(city, maps))
        return style.save_png(figure, path)


def draw_change(
    path: str | Path, maps: xr.Dataset, city: Any, values: np.ndarray, *, title: str, subtitle: str
) -> Path:
    """A map [y, x] of changes in kelvin: blue is cooler, red warmer, white no change."""
    most = max(abs(limit) for limit in shared_limits(values, step=0.01))
    return draw_field(
        path, maps, city, values, title=title, subtitle=subtitle, label="K", colours="RdBu_r",
        limits=(-most, most), extend="both",
    )  # fmt: skip


def draw_sky_view_factor(path: str | Path, maps: xr.Dataset, city: Any) -> Path:
    """Sky view factor of ground and roofs, 0 to 1."""
    return draw_field(
        path,
        maps,
        city,
        maps["sky_view_factor"].values,
        title="Sky view factor",
        subtitle="share of the hemisphere, by cosine, that a surface seen from above sees as sky",
        label="",
        colours=style.SKY_VIEW,
        limits=(0.0, 1.0),
    )


def draw_sunlit_hours(path: str | Path, maps: xr.Dataset, city: Any) -> Path:
    """Hours of direct sun on the first day of the window."""
    values = maps["sunlit_hours"].values
    return draw_field(
        path,
        maps,
        city,
        values,
        title="Sunlit hours",
        subtitle="hours of direct sun on the first day of the window",
        label="hours",
        colours=style.SUNLIT,
        limits=(0.0, shared_limits(values, outside=0.0)[1]),
    )


def draw_standard_error(path: str | Path, maps: xr.Dataset, city: Any) -> Path:
    """Sampling error of the surface temperature: root mean square over the window."""
    error = maps["surface_temperature_standard_error"].transpose("time", "y", "x").values
    values = np.sqrt(np.mean(np.square(error, dtype=np.float32), axis=0, dtype=np.float32))
    return draw_field(
        path,
        maps,
        city,
        values,
        title="Sampling error of the surface temperature",
        subtitle="one standard error, root mean square over the window; holds no model error",
        label="K",
        colours=style.ERROR,
        limits=(0.0, shared_limits(values, 0.02, 0.02)[1]),
        outline="#ffffff66",
        extend="max",
    )


def draw_maps(folder: Path, maps: xr.Dataset, city: Any) -> Sequence[Path]:
    """The four map pictures, into ``folder``."""
    return [
        draw_temperatures(folder / "temperature.png", maps, city),
        draw_sky_view_factor(folder / "sky_view_factor.png", maps, city),
        draw_sunlit_hours(folder / "sunlit_hours.png", maps, city),
        draw_standard_error(folder / "standard_error.png", maps, city),
    ]
