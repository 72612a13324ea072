"""Facades of building outlines for looking at them: straight walls, sampled, and what adjoins them.

Every ring counts, so courtyards have facades, which look inwards. Walls against a neighbour that is
as high are no facades: nobody can see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.errors import InputError

if TYPE_CHECKING:
    import geopandas as gpd

SAMPLE_SPACING = 1.5
"""Along a facade [m]: window bays are 2 to 4 m wide."""

MIN_SAMPLES, MAX_SAMPLES = 3, 60
"""Of one facade, along it."""

LEVELS = 6
"""Heights at which each sample is looked at, at the middles of equal bands from base to top."""

MIN_FACADE = 1.0
"""Shorter facades are not looked for [m]: niches and slips of the drawing."""

SAME_WALL_TURN = np.radians(10.0)
"""Edges that turn less than this against the one before are one facade."""

SAME_WALL_BEND = np.radians(25.0)
"""And no edge of a facade turns more than this against its first."""

ADJOINING = 0.3
"""A building this near in front of a wall stands against it [m]: no camera fits in between."""

DEFAULT_HEIGHT = 9.0
"""Of buildings whose height is not given [m]: three storeys."""

MIN_WALL = 2.0
"""Height of wall that is looked for at least [m], whatever the height of the roof."""


@dataclass
class Buildings:
    """Outlines and heights, plain: one row per polygon (multipolygons taken apart).

    Attributes
    ----------
    polygons : ndarray of shapely.Polygon, shape (n,)
        Exterior rings counter-clockwise, holes clockwise: the building is on the left.
    ids : list of str
        Building id of each polygon; the polygons of a multipolygon share it.
    top, base : ndarray, shape (n,)
        Highest point, and lowest (0 unless it stands on columns) [m above ground].
    eaves : ndarray, shape (n,)
        Top of the walls [m above ground].
    target : ndarray of bool, shape (n,)
        Whether views are wanted; the others only hide.
    """

    polygons: np.ndarray
    ids: list[str]
    top: np.ndarray
    base: np.ndarray
    eaves: np.ndarray
    target: np.ndarray

    @cached_property
    def tree(self) -> Any:
        """The polygons' STRtree."""
        import shapely

        return shapely.STRtree(self.polygons)

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """Rows of each building id."""
        found: dict[str, list[int]] = {}
        for k, name in enumerate(self.ids):
            found.setdefault(name, []).append(k)
        return found


@dataclass
class Facades:
    """The straight walls of the target buildings, and their samples.

    Attributes
    ----------
    building : ndarray of int, shape (nf,)
        Row in `Buildings`.
    name : list of str
        ``0``, ``1``... along the rings of each building id.
    azimuth_deg : ndarray, shape (nf,)
        Of the outward normal, clockwise from the grid's north.
    length, base, top : ndarray, shape (nf,)
        [m].
    start, end : ndarray, shape (nf, 2)
        Ends [m].
    first : ndarray of int, shape (nf + 1,)
        Samples of facade f are first[f] to first[f + 1].
    sample : ndarray, shape (ns, 2)
        Positions [m].
    normal : ndarray, shape (ns, 2)
        Outward unit normals.
    width : ndarray, shape (ns,)
        Length of wall that each sample stands for [m].
    height : ndarray, shape (ns, LEVELS)
        Heights looked at [m above ground].
    exposed : ndarray of bool, shape (ns, LEVELS)
        Not against a neighbour.
    dropped : dict of str to int
        Walls that are no facades: ``too_short``, ``party_walls``.
    """

    building: np.ndarray
    name: list[str]
    azimuth_deg: np.ndarray
    length: np.ndarray
    base: np.ndarray
    top: np.ndarray
    start: np.ndarray
    end: np.ndarray
    first: np.ndarray
    sample: np.ndarray
    normal: np.ndarray
    width: np.ndarray
    height: np.ndarray
    exposed: np.ndarray
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.length)

    @cached_property
    def sample_facade(self) -> np.ndarray:
        """Facade of each sample, shape (ns,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    @cached_property
    def cell_area(self) -> np.ndarray:
        """Wall area that each sample and level stands for [m2], 0 where not exposed."""
        band = ((self.top - self.base) / LEVELS)[self.sample_facade]
        return np.asarray((self.width * band)[:, None] * self.exposed)

    @cached_property
    def area(self) -> np.ndarray:
        """Exposed area of each facade, shape (nf,) [m2]."""
        cells = self.cell_area.sum(axis=1)
        return np.bincount(self.sample_facade, cells, minlength=len(self))


def read_buildings(
    table: gpd.GeoDataFrame, extent: tuple[float, float, float, float] | None = None
) -> Buildings:
    """Outlines and heights of a table of buildings.

    Parameters
    ----------
    table : GeoDataFrame
        ``geometry`` in metres; ``building_id`` (else the index), ``height``, ``min_height``,
        ``roof_height`` [m] where there are such columns.
    extent : tuple of float, optional
        Only buildings that touch xmin, ymin, xmax, ymax get views.

    Raises
    ------
    InputError
        When the coordinates are not in metres.
    """
    import shapely
    from shapely.geometry.polygon import orient

    crs = table.crs
    if crs is not None and (crs.is_geographic or crs.axis_info[0].unit_name != "metre"):
        raise InputError("the buildings are not in metres", where="street view", got=crs.name)
    shapes, row = shapely.get_parts(np.asarray(table.geometry.values), return_index=True)
    keep = (shapely.get_type_id(shapes) == 3) & ~shapely.is_empty(shapes)
    keep &= np.isfinite(shapely.bounds(shapes)).all(axis=1)
    shapes, row = shapes[keep], row[keep]
    polygons = np.array([orient(p) for p in shapely.force_2d(shapes)], dtype=object)
    names = list(table.get("building_id", table.index))
    top = np.maximum(_column(table, "height", DEFAULT_HEIGHT)[row], MIN_WALL)
    base = np.clip(_column(table, "min_height", 0.0)[row], 0.0, top - MIN_WALL)
    eaves = np.maximum(top - _column(table, "roof_height", 0.0)[row], base + MIN_WALL)
    target = np.ones(len(polygons), dtype=bool)
    if extent is not None and len(polygons):
        target = shapely.intersects(shapely.box(*extent), polygons)
    ids = [str(names[i]) for i in row]
    return Buildings(polygons, ids, top, base, np.minimum(eaves, top), target)


def _column(table: Any, name: str, default: float) -> np.ndarray:
    if name not in table:
        return np.full(len(table), default)
    import pandas as pd

    values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    return np.where(np.isfinite(values), values, default)


def outline_facades(buildings: Buildings) -> Facades:
    """The facades of the target buildings, with their samples."""
    import shapely

    chains: list[tuple[int, str, np.ndarray]] = []
    numbers: dict[str, int] = {}
    too_short = 0
    for k in np.flatnonzero(buildings.target):
        for ring in (buildings.polygons[k].exterior, *buildings.polygons[k].interiors):
            for chain in straight_chains(shapely.get_coordinates(ring)):
                if np.hypot(*np.diff(chain, axis=0).T).sum() < MIN_FACADE:
                    too_short += 1
                    continue
                number = numbers.get(buildings.ids[k], 0)
                numbers[buildings.ids[k]] = number + 1
                chains.append((int(k), str(number), chain))
    facades = _sampled(buildings, chains)
    facades.exposed = ~_adjoined(buildings, facades)
    facades = _without_party_walls(facades)
    facades.dropped["too_short"] = too_short
    return facades


def straight_chains(ring: np.ndarray) -> list[np.ndarray]:
    """A closed ring's vertices, cut where it turns: one chain of points for each straight wall.

    Parameters
    ----------
    ring : ndarray, shape (n + 1, 2)
        First point repeated at the end.
    """
    points = ring[:-1]
    edge = np.roll(points, -1, axis=0) - points
    points, edge = points[np.hypot(*edge.T) > 1e-6], edge[np.hypot(*edge.T) > 1e-6]
    count = len(points)
    if count < 3:
        return []
    angle = np.arctan2(edge[:, 1], edge[:, 0])
    turn = np.abs(_wrapped(angle - np.roll(angle, 1)))
    first = int(np.argmax(turn))  # begin at the sharpest corner
    chains, chain = [], [points[first]]
    begin = angle[first]
    for step in range(count):
        here = (first + step) % count
        following = (here + 1) % count
        chain.append(points[following])
        bend = abs(_wrapped(angle[following] - begin))
        if turn[following] > SAME_WALL_TURN or bend > SAME_WALL_BEND or step == count - 1:
            chains.append(np.array(chain))
            chain, begin = [points[following]], angle[following]
    return chains


def _wrapped(angle: Any) -> Any:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _sampled(buildings: Buildings, chains: list[tuple[int, str, np.ndarray]]) -> Facades:
    """Facades with their samples; all of them exposed as yet."""
    samples, normals, widths, counts, lengths = [], [], [], [], []
    for _, _, chain in chains:
        step = np.diff(chain, axis=0)
        size = np.hypot(*step.T)
        length = float(size.sum())
        count = int(np.clip(np.ceil(length / SAMPLE_SPACING), MIN_SAMPLES, MAX_SAMPLES))
        along = (np.arange(count) + 0.5) / count * length
        passed = np.concatenate([[0.0], np.cumsum(size)])
        piece = np.clip(np.searchsorted(passed, along, side="right") - 1, 0, len(size) - 1)
        direction = step[piece] / size[piece, None]
        samples.append(chain[piece] + direction * (along - passed[piece])[:, None])
        normals.append(np.stack([direction[:, 1], -direction[:, 0]], axis=1))
        widths.append(np.full(count, length / count))
        counts.append(count)
        lengths.append(length)
    building = np.array([k for k, _, _ in chains], dtype=int)
    base, top = buildings.base[building], buildings.eaves[building]
    start = np.array([c[0] for _, _, c in chains]).reshape(-1, 2)
    end = np.array([c[-1] for _, _, c in chains]).reshape(-1, 2)
    chord = end - start
    owner = np.repeat(np.arange(len(chains)), counts)
    share = (np.arange(LEVELS) + 0.5) / LEVELS
    height = base[owner, None] + (top - base)[owner, None] * share
    return Facades(
        building=building,
        name=[name for _, name, _ in chains],
        azimuth_deg=np.degrees(np.arctan2(chord[:, 1], -chord[:, 0])) % 360.0,
        length=np.array(lengths),
        base=base,
        top=top,
        start=start,
        end=end,
        first=np.concatenate([[0], np.cumsum(counts)]).astype(int),
        sample=np.concatenate(samples) if samples else np.zeros((0, 2)),
        normal=np.concatenate(normals) if normals else np.zeros((0, 2)),
        width=np.concatenate(widths) if widths else np.zeros(0),
        height=height,
        exposed=np.ones_like(height, dtype=bool),
        dropped={},
    )


def _adjoined(buildings: Buildings, facades: Facades) -> np.ndarray:
    """Which samples and levels stand against a building, shape (ns, LEVELS)."""
    import shapely

    covered = np.zeros(facades.height.shape, dtype=bool)
    if len(facades.sample) == 0:
        return covered
    front = shapely.points(facades.sample + ADJOINING * facades.normal)
    sample, other = buildings.tree.query(front, predicate="intersects")
    height = facades.height[sample]
    within = (height < buildings.top[other, None]) & (height > buildings.base[other, None])
    np.logical_or.at(covered, sample, within)
    return covered


def _without_party_walls(facades: Facades) -> Facades:
    """Facades with an exposed part; the number of the others is noted."""
    owner = facades.sample_facade
    open_cells = np.bincount(owner, facades.exposed.any(axis=1), minlength=len(facades))
    keep = open_cells > 0
    rows = keep[owner] if len(owner) else np.zeros(0, dtype=bool)
    counts = np.diff(facades.first)[keep]
    return Facades(
        building=facades.building[keep],
        name=[name for name, kept in zip(facades.name, keep, strict=True) if kept],
        azimuth_deg=facades.azimuth_deg[keep],
        length=facades.length[keep],
        base=facades.base[keep],
        top=facades.top[keep],
        start=facades.start[keep],
        end=facades.end[keep],
        first=np.concatenate([[0], np.cumsum(counts)]).astype(int),
        sample=facades.sample[rows],
        normal=facades.normal[rows],
        width=facades.width[rows],
        height=facades.height[rows],
        exposed=facades.exposed[rows],
        dropped={"party_walls": int((~keep).sum())},
    )
