"""Query points to places on surfaces: snapping, facades, patches, and what is wrong with a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.errors import InputError
from heatmat.kernels import layout
from heatmat.maps import Maps
from heatmat.points import place_of
from heatmat.sampling_plan import KINDS, plan_squares, stream_keys, wall_patches
from heatmat.solver import Requests, Solver

if TYPE_CHECKING:
    import pandas as pd

SNAP = 1.5
"""A point this near to a surface of its kind belongs to it [m] (contracts: POINTS.csv)."""

CORNER = 0.01
"""Wall points keep this far from the ends of their facade [m]."""

_RINGS = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5])
_SPOKES = 2.0 * np.pi * np.arange(16) / 16.0


@dataclass
class Places:
    """Points as requests, with what snapping did.

    Attributes
    ----------
    requests : Requests
    x, y, z : ndarray, shape (n,)
        CRS coordinates [m] after snapping, height above the building's base [m] (walls).
    snap : ndarray, shape (n,)
        Distance moved [m].
    area : ndarray of bool, shape (n,)
        Whether an area is averaged.
    """

    requests: Requests
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    snap: np.ndarray
    area: np.ndarray


def place_points(solver: Solver, points: pd.DataFrame, seed: int) -> Places:
    """Find the surface of every row.

    Parameters
    ----------
    solver : Solver
        Its kernels say what lies where.
    points : DataFrame
        As `heatmat.points.as_points` gives it.
    seed : int

    Raises
    ------
    InputError
        Naming the row: outside the extent, or no such surface within `SNAP`.
    """
    maps = solver.case.maps
    x = points["x"].to_numpy(float) - maps.origin[0]
    y = points["y"].to_numpy(float) - maps.origin[1]
    _check_extent(maps, points, x, y)
    half = 0.5 * points["resolution_m"].to_numpy(float)
    kinds = np.array([KINDS[name] for name in points["surface"]])
    z = np.zeros(x.size)
    snap = np.zeros(x.size)
    keys = stream_keys(
        points["x"].to_numpy(float),
        points["y"].to_numpy(float),
        points["z"].fillna(0.0).to_numpy(),
        0,
        seed,
    )
    is_wall = kinds == KINDS["wall"]
    requests = plan_squares(x, y, half, kinds, keys)
    flat = np.flatnonzero((kinds == KINDS["ground"]) | (kinds == KINDS["roof"]))
    flat = flat[half[flat] == 0.0]
    if flat.size:
        x[flat], y[flat], snap[flat] = _snap_plan(solver, points, x, y, kinds, flat)
        requests.numbers[flat, layout.Q_A] = x[flat]
        requests.numbers[flat, layout.Q_B] = y[flat]
    for row in map(int, np.flatnonzero(is_wall)):
        facade, s, height, snap[row] = _snap_wall(maps, points, x[row], y[row], row)
        z[row] = height
        ends = _patch(maps, facade, s, height, half[row])
        s0, s1, z0, z1 = (np.array([end]) for end in ends)
        one = wall_patches(np.array([facade]), s0, s1, z0, z1, keys[row : row + 1])
        requests.numbers[row], requests.codes[row] = one.numbers[0], one.codes[0]
        ab = maps.facade_ab[facade].astype(float)
        direction = (ab[2:] - ab[:2]) / np.hypot(*(ab[2:] - ab[:2]))
        x[row], y[row] = ab[:2] + s * direction
    return Places(requests, x + maps.origin[0], y + maps.origin[1], z, snap, half > 0.0)


def _check_extent(maps: Maps, points: pd.DataFrame, x: np.ndarray, y: np.ndarray) -> None:
    row0, row1, col0, col1 = maps.window
    north = maps.south + maps.ny * maps.resolution
    west, east = maps.west + col0 * maps.resolution, maps.west + col1 * maps.resolution
    bottom, top = north - row1 * maps.resolution, north - row0 * maps.resolution
    # Half a metre of grace: coordinates written with two decimals on the very edge.
    outside = (x < west - 0.5) | (x > east + 0.5) | (y < bottom - 0.5) | (y > top + 0.5)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        ox, oy = maps.origin
        if "lon" in points.columns:
            raise _outside_in_degrees(
                maps, points, row, (west + ox, bottom + oy, east + ox, top + oy)
            )
        raise InputError(
            "the point lies outside the extent",
            where=place_of(points, row, "x, y"),
            expected=f"x {west + ox:.1f} to {east + ox:.1f}, y {bottom + oy:.1f} to {top + oy:.1f}",
            got=f"{x[row] + ox:.1f}, {y[row] + oy:.1f}",
            remedy="check its coordinates and crs, or widen [city] extent",
        )


def _outside_in_degrees(
    maps: Maps, points: pd.DataFrame, row: int, extent: tuple[float, float, float, float]
) -> InputError:
    """The same for a point that was given in degrees."""
    import pyproj

    turn = pyproj.Transformer.from_crs(maps.crs_wkt, "EPSG:4326", always_xy=True)
    west, south, east, north = turn.transform_bounds(*extent)
    lon, lat = float(points["lon"].iloc[row]), float(points["lat"].iloc[row])
    swapped = west <= lat <= east and south <= lon <= north
    return InputError(
        "the point lies outside the extent",
        where=place_of(points, row, "lon, lat"),
        expected=f"lon {west:.6f} to {east:.6f}, lat {south:.6f} to {north:.6f} degrees",
        got=f"{lon:.6f}, {lat:.6f}",
        remedy="lon and lat are swapped"
        if swapped
        else "check its coordinates, or widen [city] extent",
    )


def _snap_plan(
    solver: Solver,
    points: pd.DataFrame,
    x: np.ndarray,
    y: np.ndarray,
    kinds: np.ndarray,
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest position of the asked kind on rings about each point."""
    radius = np.concatenate([[0.0], np.repeat(_RINGS[1:], _SPOKES.size)])
    angle = np.concatenate([[0.0], np.tile(_SPOKES, _RINGS.size - 1)])
    tried_x = x[rows, None] + radius * np.cos(angle)
    tried_y = y[rows, None] + radius * np.sin(angle)
    zero = np.zeros(tried_x.size)
    found = surface_kind(
        solver, plan_squares(tried_x.ravel(), tried_y.ravel(), zero, zero - 1, zero)
    ).reshape(tried_x.shape)
    fits = found == kinds[rows, None]
    missing = ~fits.any(axis=1)
    if missing.any():
        row = int(rows[np.flatnonzero(missing)[0]])
        raise InputError(
            f"no {points['surface'].iloc[row]} within {SNAP} m",
            where=place_of(points, row, "surface"),
            remedy="move the point, or ask for surface = any",
        )
    first = np.argmax(fits, axis=1)
    index = np.arange(rows.size)
    return tried_x[index, first], tried_y[index, first], radius[first]


def surface_kind(solver: Solver, requests: Requests) -> np.ndarray:
    """Kind of surface at plan positions (0 ground, 1 roof), shape (n,)."""
    kinds = []
    for first in range(0, len(requests), 1 << 18):
        _, start_i, _, _ = solver.place(requests.part(slice(first, first + (1 << 18))))
        kinds.append(start_i.to_numpy()[:, layout.T_KIND])
    return np.concatenate(kinds)


def _snap_wall(
    maps: Maps, points: pd.DataFrame, x: float, y: float, row: int
) -> tuple[int, float, float, float]:
    """Facade, distance along it, height and distance moved of one wall point."""
    z = float(points["z"].iloc[row])
    near = facades_near(maps, x, y)
    ab = maps.facade_ab[near].astype(float)
    edge = ab[:, 2:] - ab[:, :2]
    length = np.maximum(np.hypot(edge[:, 0], edge[:, 1]), 1e-9)
    along = ((x - ab[:, 0]) * edge[:, 0] + (y - ab[:, 1]) * edge[:, 1]) / length
    s = np.clip(along, np.minimum(CORNER, 0.5 * length), np.maximum(length - CORNER, 0.5 * length))
    aside = np.hypot(x - ab[:, 0] - s * edge[:, 0] / length, y - ab[:, 1] - s * edge[:, 1] / length)
    low, high = maps.facade_z[near].astype(float).T
    height = np.clip(z, low + CORNER, np.maximum(high - CORNER, low + CORNER))
    distance = np.hypot(aside, height - z)
    azimuth = points["azimuth_deg"].iloc[row]
    off = np.zeros(length.size)
    if np.isfinite(azimuth):
        facing = np.degrees(np.arctan2(edge[:, 1], -edge[:, 0])) + maps.convergence_deg
        off = np.abs((facing - float(azimuth) + 180.0) % 360.0 - 180.0)
    allowed = (distance <= SNAP) & (off <= 45.0) & (maps.facade_exposed_area[near] > 0.0)
    if not allowed.any():
        wanted = f" facing {azimuth:g} degrees" if np.isfinite(azimuth) else ""
        turned = np.isfinite(azimuth) and bool((distance <= SNAP).any())
        nearest = "turned elsewhere" if turned else "further away"
        if distance.size and not turned:
            nearest = f"{distance.min():.1f} m away"
        raise InputError(
            f"no wall{wanted} within {SNAP} m",
            where=place_of(points, row, "x, y, z"),
            got=f"the nearest is {nearest}",
            remedy="move the point, or mend z (above the building's base) or azimuth_deg",
        )
    # Ties at a corner go to the wall whose normal is nearest to the azimuth asked for.
    score = np.where(allowed, distance + 1e-3 * off, np.inf)
    best = int(np.argmin(score))
    return int(near[best]), float(s[best]), float(height[best]), float(distance[best])


def facades_near(maps: Maps, x: float, y: float) -> np.ndarray:
    """Facades with an edge in the cells within `SNAP` of a point, whatever the city's size."""
    reach = SNAP / maps.resolution
    column = (x - maps.west) / maps.resolution
    row = maps.ny - (y - maps.south) / maps.resolution
    rows = slice(max(0, int(row - reach)), max(0, int(row + reach) + 1))
    columns = slice(max(0, int(column - reach)), max(0, int(column + reach) + 1))
    codes = maps.cell_region[rows, columns]
    edges = [
        maps.boundary_edges[maps.boundary_start[k] : maps.boundary_start[k + 1]]
        for k in -1 - codes[codes < 0]
    ]
    if not edges:
        return np.zeros(0, np.int32)
    facades = np.unique(maps.edge_facades[np.concatenate(edges)])
    return facades[facades >= 0]


def _patch(
    maps: Maps, facade: int, s: float, z: float, half: float
) -> tuple[float, float, float, float]:
    """Rectangle about a wall point, cut to its facade."""
    ab = maps.facade_ab[facade].astype(float)
    length = float(np.hypot(ab[2] - ab[0], ab[3] - ab[1]))
    low, high = (float(v) for v in maps.facade_z[facade])
    if half == 0.0:
        return s, s, z, z
    return max(s - half, 0.0), min(s + half, length), max(z - half, low), min(z + half, high)
