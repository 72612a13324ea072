"""Roof shapes as planes.

A pitched roof is the lower envelope of a few planes: each holds where it is the lowest, and the
envelope is continuous, so no wall can appear along a ridge, hip or valley. Shapes follow the
Simple 3D Buildings tags of OpenStreetMap (https://wiki.openstreetmap.org/wiki/Key:roof:shape).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely

from heatmat.maps import plane_height

PITCH = np.tan(np.radians(30.0))
"""Slope where the roof's height is unknown: 30 degrees, a common pitch of tiled roofs."""

MAX_SHARE = 0.4
"""Largest share of the building's height that a roof of unknown height may take."""

MIN_FILL = 0.7
"""A footprint that fills less of its bounding rectangle (courtyards, L shapes) has no single
ridge: its roof is flat at mid-height."""

PITCHED = ("gabled", "hipped", "pyramidal", "skillion")


@dataclass
class RoofPieces:
    """Footprints cut along ridges and hips, one plane each.

    Attributes
    ----------
    polygons : ndarray of Polygon, shape (n,)
    part : ndarray of int, shape (n,)
        Row of the footprint a piece comes from.
    planes : ndarray of float64, shape (n, 5)
        As `Maps.region_plane`.
    counts : dict
        Roofs by what was done with them.
    """

    polygons: np.ndarray
    part: np.ndarray
    planes: np.ndarray
    counts: dict[str, float] = field(default_factory=dict)


def roof_pieces(
    polygons: np.ndarray,
    height: np.ndarray,
    shape: np.ndarray,
    roof_height: np.ndarray,
    direction_deg: np.ndarray,
    *,
    outlines: np.ndarray | None = None,
) -> RoofPieces:
    """Cut footprints into pieces with one roof plane each.

    Parameters
    ----------
    polygons : ndarray of Polygon, shape (n,)
        What to cut.
    height : ndarray, shape (n,)
        Top of the roof above the base [m].
    shape : ndarray of str, shape (n,)
        flat, gabled, hipped, pyramidal or skillion; anything else counts as flat at mid-roof.
    roof_height : ndarray, shape (n,)
        Height of the roof, a part of `height` [m]; nan or 0 where unknown.
    direction_deg : ndarray, shape (n,)
        Azimuth in the grid that the main slope faces [degrees]; nan where untagged: then the ridge
        follows the long side of the smallest rectangle around the footprint.
    outlines : ndarray of Polygon, shape (n,), optional
        Footprints that set ridge and eaves, where they differ from what is cut.

    Returns
    -------
    RoofPieces
    """
    outlines = polygons if outlines is None else outlines
    counts: dict[str, float] = {}
    pieces: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    planes: list[np.ndarray] = []
    for row, polygon in enumerate(polygons):
        found, outcome = roof_planes(
            outlines[row], float(height[row]), str(shape[row]), float(roof_height[row]),
            float(direction_deg[row]),
        )  # fmt: skip
        counts[f"roofs_{outcome}"] = counts.get(f"roofs_{outcome}", 0) + 1
        cut, which = split_by_planes(polygon, found)
        pieces.append(cut)
        planes.append(found[which])
        parts.append(np.full(len(cut), row))
    empty = np.empty(0, dtype=object)
    return RoofPieces(
        np.concatenate([empty, *pieces]),
        np.concatenate([np.empty(0, dtype=int), *parts]),
        np.concatenate([np.empty((0, 5)), *planes]),
        counts,
    )


def roof_planes(
    outline: shapely.Polygon, height: float, shape: str, roof_height: float, direction_deg: float
) -> tuple[np.ndarray, str]:
    """Planes whose lower envelope is the roof.

    Parameters
    ----------
    outline : Polygon
    height, roof_height, direction_deg : float
        As in `roof_pieces`.
    shape : str

    Returns
    -------
    planes : ndarray of float64, shape (n, 5)
    outcome : str
        What was made: the shape's name, or why the roof is flat.
    """
    centre = np.array(shapely.get_coordinates(outline.centroid)[0])
    known = np.isfinite(roof_height) and roof_height > 0
    if shape not in PITCHED:
        drop = min(roof_height, height) / 2 if known and shape != "flat" else 0.0
        outcome = "flat" if shape == "flat" else "shape_unsupported"
        return _flat(height - drop, centre), outcome
    middle, along, half_length, half_width = _frame(outline, direction_deg, shape)
    run = {"skillion": 2 * half_width, "pyramidal": min(half_width, half_length)}
    guess = min(PITCH * run.get(shape, half_width), MAX_SHARE * height)
    rise = roof_height if known else guess
    rise = min(rise, height)
    if shape != "skillion" and outline.area < MIN_FILL * 4 * half_length * half_width:
        return _flat(height - rise / 2, centre), "shape_irregular"
    across = np.array([-along[1], along[0]])
    if shape == "skillion":
        fall = rise / (2 * half_width)
        return np.array([_sloping(middle, across, height - rise / 2, fall)]), shape
    # Every slope starts at the eaves; hips have the pitch of the sides, a pyramid one apex.
    slopes = [(across, half_width), (-across, half_width)]
    if shape != "gabled":
        slopes += [(along, half_length), (-along, half_length)]
    pitches = [rise / (reach if shape == "pyramidal" else half_width) for _, reach in slopes]
    return np.array(
        [
            _sloping(middle, facing, height - rise + pitch * reach, pitch)
            for (facing, reach), pitch in zip(slopes, pitches, strict=True)
        ]
    ), shape


def split_by_planes(polygon: shapely.Polygon, planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a polygon where each of several planes is the lowest.

    Parameters
    ----------
    polygon : Polygon
    planes : ndarray, shape (n, 5)

    Returns
    -------
    pieces : ndarray of Polygon
    which : ndarray of int
        Row of `planes` for each piece.
    """
    if len(planes) == 1:
        return np.array([polygon], dtype=object), np.zeros(1, dtype=int)
    # No larger than needed: coordinates of the half-planes' corners are as exact as they are small.
    reach = 4.0 * max(polygon.bounds[2] - polygon.bounds[0], polygon.bounds[3] - polygon.bounds[1])
    pieces: list[shapely.Polygon] = []
    which: list[int] = []
    for index, plane in enumerate(planes):
        part: shapely.Geometry = polygon
        for other in np.delete(planes, index, axis=0):
            part = shapely.intersection(part, _lower_side(plane, other, polygon, reach))
        found = [p for p in shapely.get_parts(part) if p.geom_type == "Polygon" and p.area > 1e-4]
        pieces += found
        which += [index] * len(found)
    out = np.empty(len(pieces), dtype=object)
    out[:] = pieces
    return out, np.array(which, dtype=int)


def _lower_side(
    plane: np.ndarray, other: np.ndarray, polygon: shapely.Polygon, reach: float
) -> shapely.Polygon:
    """The square of size `reach` beside the line where two planes meet, where `plane` is lower."""
    x, y = polygon.centroid.coords[0]
    gradient = plane[1:3] - other[1:3]
    size = float(np.hypot(*gradient))
    excess = float(plane_height(plane, x, y) - plane_height(other, x, y))  # type: ignore[arg-type]
    if size < 1e-12:  # parallel: one of them is lower everywhere
        return shapely.box(x - reach, y - reach, x + reach, y + reach) if excess < 0 else (
            shapely.Polygon()
        )  # fmt: skip
    normal = gradient / size  # towards where `plane` is higher
    foot = np.array([x, y]) - normal * excess / size
    side = np.array([-normal[1], normal[0]])
    corners = [foot - reach * side, foot + reach * side]
    return shapely.Polygon([*corners, corners[1] - 2 * reach * normal,
                            corners[0] - 2 * reach * normal])  # fmt: skip


def _frame(
    outline: shapely.Polygon, direction_deg: float, shape: str
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Centre, unit vector along the ridge, half length along it and half width across it.

    For a skillion the vector across the ridge, along turned left, points down the slope.
    """
    if np.isfinite(direction_deg):
        angle = np.radians(direction_deg)
        across = np.array([np.sin(angle), np.cos(angle)])
        along = np.array([across[1], -across[0]])
    else:
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline))
        sides = np.diff(corners[:3], axis=0)
        lengths = np.hypot(sides[:, 0], sides[:, 1])
        along = sides[lengths.argmax()] / lengths.max()
        across = np.array([-along[1], along[0]])
        # An untagged direction is a coin's throw: south of the two, so that it is repeatable.
        if shape == "skillion" and (across[1] > 0 or (across[1] == 0 and across[0] < 0)):
            along, across = -along, -across
    points = shapely.get_coordinates(outline.exterior)
    u, v = points @ along, points @ across
    middle = along * (u.min() + u.max()) / 2 + across * (v.min() + v.max()) / 2
    return middle, along, float(np.ptp(u)) / 2, float(np.ptp(v)) / 2


def _flat(z: float, centre: np.ndarray) -> np.ndarray:
    return np.array([[z, 0.0, 0.0, centre[0], centre[1]]])


def _sloping(middle: np.ndarray, facing: np.ndarray, z: float, pitch: float) -> np.ndarray:
    """A plane of height z at `middle` that falls by `pitch` per metre towards `facing`."""
    return np.array([z, -pitch * facing[0], -pitch * facing[1], middle[0], middle[1]])
