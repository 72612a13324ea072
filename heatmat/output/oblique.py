"""The district seen from the air at an angle, its walls coloured by their temperature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output import style
from heatmat.output.clock import display_indices, hour_label, utc_offset_h
from heatmat.output.picture import credits, day_label, shared_limits
from heatmat.output.raster import extent_of
from heatmat.output.sampling import raster_sampler
from heatmat.output.tables import buildings_in
from heatmat.output.zbuffer import Camera, Canvas, Sample, edges
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import xarray as xr

    from heatmat.output.style import Extent
    from heatmat.output.walls import WallSeries

PLINTH = 10.0
"""Thickness of the slab that the cut-out district stands on [m]."""

NEUTRAL = (0.80, 0.81, 0.83)
"""Colour of what has no temperature: cut faces and the slab."""

MAX_SPAN = 900.0
"""A picture of more than this [m] shows the middle of the extent: walls must stay readable."""

STEP = 0.05
"""Walls with a temperature stand this far before the neutral faces in their place [m]."""

CUT = 1
"""Number of all surfaces without a temperature; 0 is the ground."""

DETAIL_SPAN = 280.0
"""Side of the square of the closer view [m]: storeys can be told apart."""


def middle_of(maps: xr.Dataset, span: float = MAX_SPAN) -> Extent:
    """The extent, cut to its middle where it is larger than ``span`` [m]."""
    west, south, east, north = extent_of(maps)
    x, y = (west + east) / 2.0, (south + north) / 2.0
    half_x, half_y = min(east - west, span) / 2.0, min(north - south, span) / 2.0
    return x - half_x, y - half_y, x + half_x, y + half_y


def densest_part(maps: xr.Dataset, walls: WallSeries, span: float = DETAIL_SPAN) -> Extent:
    """The square of ``span`` [m] within the extent that holds most wall area, to 20 m."""
    west, south, east, north = extent_of(maps)
    width, depth = min(span, east - west), min(span, north - south)
    table = walls.table
    x = (table["x0"].to_numpy() + table["x1"].to_numpy()) / 2.0
    y = (table["y0"].to_numpy() + table["y1"].to_numpy()) / 2.0
    area = table["area"].to_numpy(dtype=np.float64)
    best, found = -1.0, (west, south)
    for left in np.arange(west, east - width + 1e-6, 20.0):
        column = (x >= left) & (x < left + width)
        for low in np.arange(south, north - depth + 1e-6, 20.0):
            total = area[column & (y >= low) & (y < low + depth)].sum()
            if total > best:
                best, found = float(total), (float(left), float(low))
    return found[0], found[1], found[0] + width, found[1] + depth


def storeys_by_facade(facade: np.ndarray, inside: np.ndarray) -> list[np.ndarray]:
    """Rows of each facade that are in the picture, from the bottom up as the table has them."""
    rows = np.flatnonzero(inside)
    rows = rows[np.argsort(facade[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(facade[rows], prepend=-1))
    return [part for part in np.split(rows, starts) if part.size]


class Scene:
    """Paints ground, roofs and walls of one stamp on a canvas.

    Parameters
    ----------
    city : City
    maps : xarray.Dataset
    walls : WallSeries
    index : int
        Stamp of ``maps`` to show.
    extent : tuple
        Part to show, bounds in the CRS.
    camera : Camera
    width : int
        Pixels of the canvas.
    """

    def __init__(
        self,
        city: Any,
        maps: xr.Dataset,
        walls: WallSeries,
        index: int,
        extent: Extent,
        camera: Camera,
        width: int,
    ) -> None:
        self.maps, self.walls, self.camera, self.index = maps, walls, camera, index
        self.extent = extent
        # Coordinates from the extent's corner: millimetres survive, whatever the northing.
        self.origin = np.array(self.extent[:2])
        self.buildings = buildings_in(city, extent)
        self.planes: dict[str, np.ndarray] = {}
        self.canvas = Canvas(camera, self._frame(), width)
        self.count = CUT

    def paint(self) -> Canvas:
        """Draw everything; order matters for speed alone: what hides most comes first."""
        self._roofs()
        self._walls()
        self._ground()
        return self.canvas

    def _local(self, bounds: Any) -> np.ndarray:
        return np.asarray(bounds, dtype=np.float64) - np.tile(self.origin, len(bounds) // 2)

    def _frame(self) -> tuple[float, float, float, float]:
        _, _, width, depth = self._local(self.extent)
        tallest = float(self.buildings["height"].max()) if len(self.buildings) else 0.0
        x = np.array([0.0, width, width, 0.0] * 2)
        y = np.array([0.0, 0.0, depth, depth] * 2)
        z = np.repeat([-PLINTH, tallest], 4)
        points = self.camera.project(x, y, z)
        (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
        pad = 0.01 * (right - left)
        return left - pad, low - pad, right + pad, high + pad

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _stamp(self, name: str) -> Sample:
        values = self.maps[name].transpose("time", "y", "x")[self.index].values
        return raster_sampler(to_celsius(values), self.maps, self.origin)

    def _ground(self) -> None:
        _, _, width, depth = self._local(self.extent)
        x, y = np.array([0.0, width, width, 0.0]), np.array([0.0, 0.0, depth, depth])
        ring = self.camera.project(x, y, np.zeros(4))
        level, sample = self.camera.on_slope(0.0, 0.0, 0.0), self._stamp("ground_temperature")
        self.canvas.fill([ring], level, sample, 0)
        for k in range(4):
            ends = (x[k], y[k], x[(k + 1) % 4], y[(k + 1) % 4])
            self._wall(ends, -PLINTH, 0.0, np.nan, CUT)

    def _roofs(self) -> None:
        from heatmat.output.solids import roof_polygons

        sample = self._stamp("roof_temperature")
        for identity, polygon, plane in roof_polygons(self.buildings, self.extent, self.origin):
            self.planes[identity] = np.vstack([*self.planes.get(identity, ()), plane])
            z0, gx, gy = plane
            surface = self._next()
            rings = []
            for ring in (polygon.exterior, *polygon.interiors):
                x, y = np.asarray(ring.coords)[:, :2].T
                z = z0 + gx * x + gy * y
                rings.append(self.camera.project(x, y, z))
                for k in range(len(x) - 1):
                    ends = (x[k], y[k], x[k + 1], y[k + 1])
                    # Cut faces stand before what they cut.
                    recess = -2.0 * STEP if self._on_border(ends) else 0.0
                    self._wall(ends, 0.0, (z[k], z[k + 1]), np.nan, CUT, recess=recess)
            self.canvas.fill(rings, self.camera.on_slope(z0, gx, gy), sample, surface)

    def _on_border(self, ends: Sequence[float]) -> bool:
        """Whether an edge was made by cutting at the picture's bounds."""
        _, _, width, depth = self._local(self.extent)
        x0, y0, x1, y1 = ends
        return any(
            abs(a - bound) < 1e-6 and abs(b - bound) < 1e-6
            for a, b, side in ((x0, x1, width), (y0, y1, depth))
            for bound in (0.0, side)
        )

    def _walls(self) -> None:
        from heatmat.output.solids import clip_segments

        table = self.walls.table
        stamp = self.maps["time"].values[self.index]
        column = int(np.argmin(np.abs(np.asarray(self.walls.time) - stamp)))
        celsius = to_celsius(np.asarray(self.walls.temperature[:, column], dtype=np.float64))
        ends = table[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64)
        ends, inside = clip_segments(ends - np.tile(self.origin, 2), self._local(self.extent))
        z0, z1 = (table[name].to_numpy(dtype=np.float64) for name in ("z0", "z1"))
        identity = table["building_id"].astype(str).to_numpy()
        for rows in storeys_by_facade(table["facade"].to_numpy(), inside):
            first = rows[0]
            tops, temperatures = z1[rows], celsius[rows].astype(np.float32)

            def storey(
                x: np.ndarray,
                y: np.ndarray,
                z: np.ndarray,
                tops: np.ndarray = tops,
                temperatures: np.ndarray = temperatures,
            ) -> np.ndarray:
                return temperatures[np.minimum(np.searchsorted(tops, z), len(tops) - 1)]

            self._wall(
                ends[first],
                float(z0[first]),
                float(tops[-1]),
                storey,
                self._next(),
                recess=-STEP,
                below=self._roof_over(identity[first]),
            )

    def _roof_over(self, identity: str) -> Sample | None:
        """Height of a pitched roof, the lower envelope of its planes; None where it is flat."""
        planes = self.planes.get(identity)
        if planes is None or not np.any(planes[:, 1:]):
            return None

        def height(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            tops = [z0 + gx * x + gy * y for z0, gx, gy in planes]
            return np.minimum.reduce(tops) + 0.05

        return height

    def _wall(
        self,
        ends: Any,
        low: float,
        high: float | tuple[float, float],
        value: float | Sample,
        surface: int,
        **options: Any,
    ) -> None:
        """A vertical quadrilateral, drawn where it looks at the viewer."""
        x0, y0, x1, y1 = ends
        if not self.camera.faces(x1 - x0, y1 - y0):
            return
        top0, top1 = high if isinstance(high, tuple) else (high, high)
        ring = self.camera.project(
            np.array([x0, x1, x1, x0]), np.array([y0, y1, y1, y0]), np.array([low, low, top1, top0])
        )
        if abs(ring[1, 0] - ring[0, 0]) < 1e-6:
            return
        self.canvas.fill([ring], self.camera.on_wall(ends), value, surface, **options)


def colours(canvas: Canvas, limits: tuple[float, float], factor: int = 2) -> np.ndarray:
    """Canvas to RGBA bytes, averaged over ``factor`` x ``factor`` pixels to smooth edges."""
    ramp = style.temperature_colours()(np.arange(256))[:, :3]
    table = np.vstack([ramp, NEUTRAL, (1.0, 1.0, 1.0)]).astype(np.float32)
    low, high = limits
    scaled = np.clip((canvas.value - low) * (255.0 / (high - low)), 0.0, 255.0)
    np.nan_to_num(scaled, copy=False, nan=256.0)
    code = scaled.round().astype(np.intp)
    code[canvas.surface < 0] = 257
    line = edges(canvas)
    rows, columns = (size // factor for size in code.shape)
    out = np.zeros((rows, columns, 3), dtype=np.float32)
    for i in range(factor):
        for j in range(factor):
            part = (slice(i, rows * factor, factor), slice(j, columns * factor, factor))
            seen = table.take(code[part], axis=0)
            seen[line[part]] *= 0.45
            out += seen
    return (out / factor**2 * 255.0 + 0.5).astype(np.uint8)


def draw_oblique(
    path: str | Path,
    maps: xr.Dataset,
    city: Any,
    walls: WallSeries,
    *,
    extent: Extent | None = None,
    title: str = "Ground, roofs and walls",
    hour: float = 14.0,
    camera: Camera | None = None,
    width: float = 10.5,
) -> Path:
    """Ground, roofs and walls by temperature in a parallel view from above.

    Parameters
    ----------
    path : path
        PNG file to write.
    maps, city, walls
        As elsewhere; walls are drawn facade by facade and storey by storey.
    extent : tuple, optional
        Part to show, bounds in the CRS; default: the middle of the extent.
    title : str
        Heading.
    hour : float
        Local standard hour of the last day to show, or the nearest.
    camera : Camera, optional
        Default: from the south-west, where the afternoon sun stands on the northern hemisphere.
    width : float
        Width of the view [inches].

    Returns
    -------
    Path
        The file.
    """
    camera = camera or Camera()
    offset = utc_offset_h(maps)
    index = display_indices(maps["time"].values, offset, (hour,))[0]
    extent = extent or middle_of(maps)
    pixels = 2 * round(width * style.DPI)
    canvas = Scene(city, maps, walls, index, extent, camera, pixels).paint()
    seen = canvas.value[np.isfinite(canvas.value)]
    limits = shared_limits(seen)
    image = colours(canvas, limits)
    stamp = hour_label(maps["time"].values[index], offset)
    with style.styled():
        subtitle = f"{stamp}, {day_label(maps)}; seen from {compass(camera.azimuth_deg + 180.0)}"
        return _compose(path, image, limits, (title, subtitle), credits(city, maps))


def draw_detail(path: str | Path, maps: xr.Dataset, city: Any, walls: WallSeries) -> Path:
    """A closer oblique view of the densest part of the extent."""
    extent = densest_part(maps, walls)
    return draw_oblique(
        path, maps, city, walls, extent=extent, title="Walls, storey by storey", width=9.5
    )


def compass(azimuth_deg: float) -> str:
    """The nearest of eight points of the compass, for example ``the south-west``."""
    names = ("north", "north-east", "east", "south-east", "south", "south-west", "west")
    return "the " + (*names, "north-west")[round(azimuth_deg / 45.0) % 8]


def _compose(
    path: str | Path,
    image: np.ndarray,
    limits: tuple[float, float],
    words: tuple[str, str],
    notes: list[str],
) -> Path:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    inches = image.shape[1] / style.DPI
    tall = image.shape[0] / style.DPI
    figure = style.new_figure(inches + 0.8, tall + 0.62)
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0.05 / width, 0.25 / height, inches / width, tall / height), zorder=-1)
    axes.imshow(image, interpolation="none", aspect="auto")
    axes.set_axis_off()
    scale = ScalarMappable(Normalize(*limits), style.temperature_colours())
    style.side_colour_bar(figure, scale, [axes], "°C", "both")
    style.heading(figure, *words)
    style.footer(figure, notes)
    return style.save_png(figure, path)
