"""Footprints that are hard for maps, and how much of each of their walls is exposed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from heatmat.validation.block import CRS, ORIGIN

if TYPE_CHECKING:
    from heatmat.maps import Maps

SPACING = 80.0
COLUMNS = 4
SAME_ANGLE, SAME_LINE = 0.6, 0.05
"""Walls within [deg] and [m] of a line are one facade."""


@dataclass(frozen=True)
class Plan:
    """Footprints that stand together.

    Attributes
    ----------
    name : str
    shapes : tuple of Polygon or MultiPolygon
        About their own origin, not turned [m].
    heights : tuple of float
        [m].
    turned_deg : float
        Clockwise, when they are put down.
    """

    name: str
    shapes: tuple[Any, ...]
    heights: tuple[float, ...]
    turned_deg: float


def plans() -> list[Plan]:
    """Corners, thin walls, lanes, party walls, courts."""
    from shapely import MultiPolygon, Polygon, box

    ring = box(-15, -12, 15, 12) - box(-7, -5, 7, 5)
    halves: list[Any] = [ring & half for half in (box(-20, -20, 2, 20), box(2, -20, 20, 20))]
    corner = Polygon([(0, 0), (20, 0), (20, 8), (8, 8), (8, 20), (0, 20)])
    wedge = Polygon([(0, 0), (30, 0), (30, 6)])
    made: list[tuple[str, Sequence[Any], Sequence[float]]] = [
        ("convex and concave corners", [corner], [12.0]),
        ("an acute corner", [wedge], [10.0]),
        ("a wall of 0.3 m", [box(0, 0, 20, 0.3)], [4.0]),
        ("an alley of 0.6 m", [box(0, 0, 12, 15), box(12.6, 0, 24, 15)], [14.0, 11.0]),
        ("adjoining roofs, equal", [box(0, 0, 10, 10), box(10, 0, 22, 10)], [9.0, 9.0]),
        ("adjoining roofs, unequal", [box(0, 0, 10, 10), box(10, 2, 22, 9)], [15.0, 6.0]),
        ("a T-junction", [box(0, 0, 20, 10), box(7, 10, 13, 24)], [12.0, 9.0]),
        ("a court by a hole", [ring], [11.0]),
        ("a court by a multipolygon", [MultiPolygon(halves)], [11.0]),
    ]
    angles = (0.0, 17.0, 30.0, 45.0, 61.0, 8.0, 73.0, 22.0, 38.0)
    return [
        Plan(name, tuple(shapes), tuple(heights), angle)
        for (name, shapes, heights), angle in zip(made, angles, strict=True)
    ]


def spot(i: int) -> np.ndarray:
    """Where plan i stands [m east, north]."""
    return SPACING * np.array([i % COLUMNS, i // COLUMNS], float)


def put_down(given: Sequence[Plan]) -> tuple[list[Any], list[float]]:
    """All plans turned and side by side: footprints and heights."""
    from shapely import affinity

    shapes, heights = [], []
    for i, plan in enumerate(given):
        for shape, height in zip(plan.shapes, plan.heights, strict=True):
            turned = affinity.rotate(shape, -plan.turned_deg, origin=(0, 0))
            shapes.append(affinity.translate(turned, *spot(i)))
            heights.append(height)
    return shapes, heights


def true_walls(plan: Plan) -> pd.DataFrame:
    """Azimuth on the grid, distance from the origin and exposed area of each of a plan's walls.

    Notes
    -----
    A wall loses what an adjoining footprint of the plan covers: the length they share times the
    lower of their heights. Walls in one line that look the same way are one.
    """
    from shapely import LineString
    from shapely.geometry.polygon import orient

    pieces = [
        (part, height)
        for shape, height in zip(plan.shapes, plan.heights, strict=True)
        for part in getattr(shape, "geoms", [shape])
    ]
    rows = []
    for i, (part, height) in enumerate(pieces):
        part = orient(part)  # holes run clockwise: solid is on the left everywhere
        for ring in (part.exterior, *part.interiors):
            xy = np.array(ring.coords)
            for a, b in zip(xy[:-1], xy[1:], strict=True):
                wall = LineString([a, b])
                area = wall.length * height
                for j, (other, top) in enumerate(pieces):
                    if j != i:
                        area -= wall.intersection(other.boundary).length * min(height, top)
                normal = np.array([b[1] - a[1], a[0] - b[0]]) / wall.length
                azimuth = np.degrees(np.arctan2(normal[0], normal[1])) + plan.turned_deg
                rows.append((azimuth % 360.0, float(normal @ a), area))
    return _together(pd.DataFrame(rows, columns=["azimuth", "line", "area"]))


def _together(walls: pd.DataFrame) -> pd.DataFrame:
    kept: list[list[float]] = []
    for azimuth, line, area in walls.itertuples(index=False):
        for row in kept:
            if _near(azimuth, row[0]) and abs(line - row[1]) < SAME_LINE:
                row[2] += area
                break
        else:
            kept.append([azimuth, line, area])
    return pd.DataFrame(kept, columns=["azimuth", "line", "area"]).query("area > 1e-6")


def _near(a: Any, b: Any) -> Any:
    return np.abs((a - b + 180.0) % 360.0 - 180.0) < SAME_ANGLE


def wall_rows(maps: Maps, given: Sequence[Plan]) -> pd.DataFrame:
    """Exposed areas of the maps' facades against the footprints' own, one row a plan.

    Parameters
    ----------
    maps : Maps
        Of `put_down(given)` about `ORIGIN`.
    given : sequence of Plan
    """
    ab = maps.facade_ab.astype(float) + np.tile(np.array(maps.origin) - np.array(ORIGIN), 2)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])
    normal = np.column_stack([ab[:, 3] - ab[:, 1], ab[:, 0] - ab[:, 2]])
    normal /= np.hypot(*normal.T)[:, None]
    azimuth = np.degrees(np.arctan2(normal[:, 0], normal[:, 1])) % 360.0
    rows = []
    for i, plan in enumerate(given):
        own = (np.abs(middle - spot(i)) < 0.5 * SPACING).all(axis=1)
        line = ((middle - spot(i)) * normal).sum(axis=1)
        off, used = [], np.zeros(own.size, bool)
        truth = true_walls(plan)
        for angle, distance, area in truth.itertuples(index=False):
            here = own & _near(azimuth, angle) & (np.abs(line - distance) < SAME_LINE)
            used |= here
            off.append(100.0 * abs(maps.facade_exposed_area[here].sum() / area - 1.0))
        rows.append(
            {
                "plan": plan.name,
                "turned [deg]": plan.turned_deg,
                "facades": len(truth),
                "exposed [m2]": truth["area"].sum(),
                "largest difference of a facade [%]": float(np.max(off)),
                "of no facade [m2]": float(maps.facade_exposed_area[own & ~used].sum()),
            }
        )
    return pd.DataFrame(rows)


def write_relation(path: Path, shape: Any, height: float) -> Path:
    """An OpenStreetMap file with one building, a multipolygon relation of its rings."""
    from pyproj import Transformer

    turn = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    lines: list[str] = []
    members: list[tuple[int, str, str]] = []
    node = 0
    for ring, role in [(shape.exterior, "outer"), *((r, "inner") for r in shape.interiors)]:
        refs = []
        for x, y in list(ring.coords)[:-1]:
            node += 1
            lon, lat = turn(x + ORIGIN[0], y + ORIGIN[1])
            lines.append(f'<node id="{node}" lat="{lat:.8f}" lon="{lon:.8f}"/>')
            refs.append(node)
        way = 1000 + len(members)
        inside = "".join(f'<nd ref="{ref}"/>' for ref in [*refs, refs[0]])
        members.append((way, role, f'<way id="{way}">{inside}</way>'))
    lines += [text for _, _, text in members]
    rings = "".join(f'<member type="way" ref="{way}" role="{role}"/>' for way, role, _ in members)
    tags = {"type": "multipolygon", "building": "yes", "height": f"{height:g}"}
    text = "".join(f"<tag k={json.dumps(k)} v={json.dumps(v)}/>" for k, v in tags.items())
    lines.append(f'<relation id="5000">{rings}{text}</relation>')
    path.write_text('<osm version="0.6">' + "\n".join(lines) + "</osm>\n")
    return path
