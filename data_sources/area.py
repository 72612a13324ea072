"""The rectangle that is asked for: from a box in degrees, a polygon, a place and radius, a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from heatmat.crs import utm_code
from heatmat.errors import InputError

MIN_SIDE, MAX_SIDE = 20.0, 20_000.0
"""Sides of an area that make sense [m]: a house, and what public servers give in one sitting."""


@dataclass(frozen=True)
class Area:
    """A window in a metric grid.

    Attributes
    ----------
    name : str
        For headings: the place, or the box.
    crs : str
        EPSG code of the UTM zone.
    extent : tuple of float
        xmin, ymin, xmax, ymax in `crs` [m], whole metres.
    """

    name: str
    crs: str
    extent: tuple[float, float, float, float]

    def degrees(self, margin: float = 0.0) -> tuple[float, float, float, float]:
        """West, south, east, north of the extent grown by `margin` [m]."""
        from pyproj import Transformer

        west, south, east, north = self.extent
        box = (west - margin, south - margin, east + margin, north + margin)
        turn = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        w, s, e, n = turn.transform_bounds(*box)
        return float(w), float(s), float(e), float(n)

    @property
    def longest(self) -> float:
        """The longer side [m]."""
        return max(self.extent[2] - self.extent[0], self.extent[3] - self.extent[1])

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle [degrees]."""
        from pyproj import Transformer

        west, south, east, north = self.extent
        turn = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        lon, lat = turn.transform(0.5 * (west + east), 0.5 * (south + north))
        return float(lon), float(lat)


def parse_bbox(text: str) -> tuple[float, float, float, float]:
    """``W,S,E,N`` in degrees.

    Raises
    ------
    InputError
        When it is not four numbers in that order.
    """
    form = "W,S,E,N in degrees, such as 4.830,45.755,4.836,45.760"
    try:
        values = [float(part) for part in text.replace(";", ",").split(",")]
    except ValueError:
        raise InputError("not four numbers", where="--bbox", expected=form, got=text) from None
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise InputError("not four numbers", where="--bbox", expected=form, got=text)
    west, south, east, north = values
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and north <= 90):
        hint = ""
        if abs(west) <= 90 and abs(east) <= 90 and max(abs(south), abs(north)) <= 180:
            hint = "latitude and longitude look swapped"
        raise InputError("outside the Earth", where="--bbox", expected=form, got=text, remedy=hint)
    if not (west < east and south < north):
        raise InputError("empty or inverted", where="--bbox", expected=form, got=text)
    return west, south, east, north


def area_of_bounds(
    bounds: tuple[float, float, float, float], name: str, where: str = "--bbox"
) -> Area:
    """The area around a box in degrees.

    Raises
    ------
    InputError
        When it is too small or too large to be meant.
    """
    return _checked(rectangle(bounds, name), where)


def rectangle(bounds: tuple[float, float, float, float], name: str) -> Area:
    """The area around a box in degrees, of whatever size."""
    from pyproj import Transformer

    west, south, east, north = bounds
    crs = utm_code(0.5 * (west + east), 0.5 * (south + north))
    turn = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    box = turn.transform_bounds(west, south, east, north)
    whole = (
        float(math.floor(box[0])),
        float(math.floor(box[1])),
        float(math.ceil(box[2])),
        float(math.ceil(box[3])),
    )
    return Area(name, crs, whole)


def area_around(lon: float, lat: float, radius: float, name: str) -> Area:
    """The square of 2 x 2 radii around a point."""
    from pyproj import Transformer

    crs = utm_code(lon, lat)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    x, y, half = round(x), round(y), float(math.ceil(radius))
    return _checked(Area(name, crs, (x - half, y - half, x + half, y + half)), "--radius")


def area_of_polygon(path: Path) -> Area:
    """The rectangle around the polygons of a vector file."""
    import shapely
    from pyproj import CRS, Transformer

    from heatmat.features import read_features
    from heatmat.footprints import is_polygon

    features = read_features(path)
    shapes = [shape for shape in features.geometry if is_polygon(shape)]
    if not shapes:
        raise InputError("no polygon in it", where=str(path), expected="the outline of an area")
    box = tuple(shapely.total_bounds(shapes))
    source = CRS.from_user_input(features.crs or "EPSG:4326")
    turn = Transformer.from_crs(source, "EPSG:4326", always_xy=True)
    bounds = turn.transform_bounds(*box)
    if not all(map(math.isfinite, bounds)):
        raise InputError(
            "the coordinates do not fit the coordinate system", where=str(path), got=source.name
        )
    return area_of_bounds(bounds, path.stem, str(path))


def _checked(area: Area, where: str) -> Area:
    width, height = area.extent[2] - area.extent[0], area.extent[3] - area.extent[1]
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise InputError(
            "an area of a size that makes no sense here",
            where=where,
            expected=f"sides of {MIN_SIDE:g} m to {MAX_SIDE / 1000:g} km",
            got=f"{width:.0f} x {height:.0f} m",
            remedy="give a smaller --radius or --bbox" if max(width, height) > MAX_SIDE else "",
        )
    return area
