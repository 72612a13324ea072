"""Probes of a benchmark scene: walls low and high on every side, roofs, ground; corners apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.city import City

SIDES = 4
LOW, BELOW_TOP = 1.5, 1.5
"""Heights of low probes, and of high ones below the roof's edge [m]."""

SHORTEST = 5.0
"""Walls with probes are at least this long [m]."""

ROOFS, GROUNDS = 2, 3

FRONT = 1.0
"""A wall is outside where this far in front of it nothing stands [m]."""


def choose_probes(city: City, half_width: float, thickness: float) -> pd.DataFrame:
    """Probes amid a city of flat roofs.

    Parameters
    ----------
    city : City
    half_width : float
        Of the square in which probes lie, about the middle of the extent [m].
    thickness : float
        Of the walls; regular probes keep two of them from edges, corners half of one [m].

    Returns
    -------
    DataFrame
        Columns of POINTS.csv, ``kind``, ``building_id``, ``level`` (height above the ground, roofs
        too [m]) and the outward unit normal ``nx``, ``ny``, ``nz``.
    """
    import pandas as pd

    place = _Place(city, half_width)
    rows = [*_walls(place), *_roofs(place, 4.0 * thickness), *_ground(place, 4.0 * thickness)]
    rows += _corners(place, 0.5 * thickness)
    table = pd.DataFrame(rows)
    table.insert(0, "id", [f"{kind} {k}" for k, kind in enumerate(table["kind"])])
    return table


class _Place:
    """Polygons, heights and the square of the probes."""

    def __init__(self, city: City, half_width: float) -> None:
        import shapely

        from heatmat.geodesy import place

        xmin, ymin, xmax, ymax = city.extent
        self.centre = np.array([0.5 * (xmin + xmax), 0.5 * (ymin + ymax)])
        self.half = half_width
        self.convergence = place(city.crs, *self.centre)[2]
        self.polygons = city.buildings.geometry.to_numpy()
        self.height = city.buildings["height"].to_numpy(float)
        self.names = city.buildings["building_id"].to_numpy()
        self.tree = shapely.STRtree(self.polygons)

    def top(self, points: np.ndarray, reach: float = 0.0) -> np.ndarray:
        """Highest roof within `reach` of points, 0 over open ground [m]."""
        import shapely

        where = shapely.buffer(shapely.points(points), reach) if reach else shapely.points(points)
        point, polygon = self.tree.query(where, predicate="intersects")
        top = np.zeros(len(points))
        np.maximum.at(top, point, self.height[polygon])
        return top

    def near(self, points: np.ndarray) -> np.ndarray:
        """Which points lie in the square."""
        return (np.abs(points - self.centre) < self.half).all(axis=1)

    def row(self, kind: str, surface: str, point: Any, **more: Any) -> dict[str, Any]:
        """One probe; horizontal unless `more` says otherwise."""
        flat = {
            "z": np.nan, "azimuth_deg": np.nan, "building_id": "", "level": 0.0,
            "nx": 0.0, "ny": 0.0, "nz": 1.0,
        }  # fmt: skip
        return {
            "kind": kind, "surface": surface, "x": float(point[0]), "y": float(point[1]),
            **flat, **more,
        }  # fmt: skip


def _edges(place: _Place) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Long outline edges that are outside from bottom to top: ends, outward normals, building."""
    import shapely

    parts, owner = shapely.get_parts(place.polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    hole = np.append(False, part[1:] == part[:-1])
    rings = np.where(shapely.is_ccw(rings) == hole, shapely.reverse(rings), rings)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    a, b, building = xy[:-1][same], xy[1:][same], owner[part[ring[:-1][same]]]
    length = np.linalg.norm(b - a, axis=1)
    along = (b - a) / np.maximum(length, 1e-9)[:, None]
    normal = np.stack([along[:, 1], -along[:, 0]], axis=1)  # solid on the left
    middle = 0.5 * (a + b)
    free = (length > SHORTEST) & place.near(middle) & (place.height[building] > 6.0)
    for share in (0.02, 0.5, 0.98):  # open over the whole length, not only in the middle
        free &= place.top(a + share * (b - a) + FRONT * normal) == 0.0
    # Where a higher part stands over the wall, its top is no edge of the roof.
    free &= place.top(middle - 0.3 * normal) == place.height[building]
    return a[free], b[free], normal[free], building[free]


def _wall(place: _Place, kind: str, point: Any, z: float, normal: Any, building: int) -> Any:
    azimuth = np.degrees(np.arctan2(normal[0], normal[1])) + place.convergence
    return place.row(
        kind, "wall", point, z=float(z), azimuth_deg=float(azimuth % 360.0),
        building_id=place.names[building], level=float(z),
        nx=float(normal[0]), ny=float(normal[1]), nz=0.0,
    )  # fmt: skip


def _walls(place: _Place) -> list[Any]:
    """Low and high on the wall nearest to the middle that faces each way."""
    a, b, normal, building = _edges(place)
    azimuth = np.degrees(np.arctan2(normal[:, 0], normal[:, 1]))
    away = np.linalg.norm(0.5 * (a + b) - place.centre, axis=1)
    first = azimuth[np.argmin(away)] if len(away) else 0.0
    rows = []
    for side in range(SIDES):
        turn = np.abs((azimuth - first - 90.0 * side + 180.0) % 360.0 - 180.0)
        facing = np.flatnonzero(turn <= 45.0)
        if len(facing) == 0:
            continue
        k = facing[np.argmin(away[facing])]
        # Off the middle, where symmetry might hide a fault.
        point = a[k] + 0.4 * (b[k] - a[k])
        high = place.height[building[k]] - BELOW_TOP
        rows.append(_wall(place, "wall low", point, LOW, normal[k], building[k]))
        rows.append(_wall(place, "wall high", point, high, normal[k], building[k]))
    return rows


def _grid(place: _Place) -> np.ndarray:
    """Points of a lattice over the square, about its middle first."""
    steps = np.linspace(-0.97, 0.97, 41) * place.half
    x, y = np.meshgrid(steps, steps)
    order = np.argsort(np.hypot(x, y), axis=None, kind="stable")
    return place.centre + np.stack([x.ravel()[order], y.ravel()[order]], axis=1)


def _apart(points: np.ndarray, number: int) -> np.ndarray:
    """Of points the first, then each time the one farthest from those chosen."""
    chosen = list(points[:1])
    while 0 < len(chosen) < number:
        gaps = np.linalg.norm(points[:, None] - np.array(chosen)[None], axis=2).min(axis=1)
        chosen.append(points[int(np.argmax(gaps))])
    return np.array(chosen)


def _roofs(place: _Place, clear: float) -> list[Any]:
    """Roof points clear of edges and higher neighbours."""
    points = _grid(place)
    top = place.top(points)
    ring = clear * np.array([[np.cos(t), np.sin(t)] for t in np.arange(16) * np.pi / 8])
    level = np.all([place.top(points + step) == top for step in ring], axis=0)
    rows = []
    for point in _apart(points[(top > 0.0) & level], ROOFS):
        owner = place.tree.query(_point(point), predicate="intersects")
        k = owner[np.argmax(place.height[owner])]
        rows.append(_roof(place, "roof", point, k))
    return rows


def _roof(place: _Place, kind: str, point: np.ndarray, building: int) -> Any:
    """A probe on a roof."""
    name, level = place.names[building], float(place.height[building])
    return place.row(kind, "roof", point, building_id=name, level=level)


def _point(xy: np.ndarray) -> Any:
    import shapely

    return shapely.Point(*xy)


def _ground(place: _Place, clear: float) -> list[Any]:
    """Open ground clear of walls."""
    points = _grid(place)
    open_ = points[place.top(points, clear) == 0.0]
    return [place.row("ground", "ground", point) for point in _apart(open_, GROUNDS)]


def _corners(place: _Place, inset: float) -> list[Any]:
    """Half a wall's thickness from a building's corner, and from a roof's edge."""
    a, b, normal, building = _edges(place)
    if len(a) == 0:
        return []
    k = int(np.argmin(np.linalg.norm(0.5 * (a + b) - place.centre, axis=1)))
    along = (b[k] - a[k]) / np.linalg.norm(b[k] - a[k])
    half = 0.5 * place.height[building[k]]
    upper = place.height[building[k]] - inset
    roof = 0.5 * (a[k] + b[k]) - inset * normal[k]
    return [
        _wall(place, "corner", a[k] + inset * along, half, normal[k], building[k]),
        _wall(place, "corner", 0.5 * (a[k] + b[k]), upper, normal[k], building[k]),
        _roof(place, "corner", roof, building[k]),
    ]
