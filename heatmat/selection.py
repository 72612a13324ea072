"""Which surfaces a `Where` means: key after key, so that the one which leaves nothing is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from heatmat.errors import InputError
from heatmat.interventions import Where
from heatmat.maps import Maps

SURFACES = ("ground", "roof", "wall")
MOST_NAMED = 12
"""Constructions that an error lists."""

Composition = tuple[tuple[str, float], ...]


@dataclass
class Surfaces:
    """All the elements of one kind: facades, roof regions or ground cells.

    Attributes
    ----------
    composition : ndarray of int
    area : ndarray
        [m2], margin included.
    inside : ndarray
        Of `area`, what lies within the reported extent [m2].
    building : ndarray of int
        -1 for ground.
    azimuth_deg : ndarray
        NaN where there is none.
    height : ndarray
        Of the highest point above the base [m], NaN for ground.
    middle : ndarray, shape (n, 2)
        Local [m].
    """

    composition: np.ndarray
    area: np.ndarray
    inside: np.ndarray
    building: np.ndarray
    azimuth_deg: np.ndarray
    height: np.ndarray
    middle: np.ndarray


class Exposure(Protocol):
    """What only a simulation knows of the elements of each kind."""

    def sun_hours(self, kind: str) -> np.ndarray:
        """Hours of direct sun on the window's first day."""

    def warmth(self, kind: str) -> np.ndarray:
        """Mean temperature over the window [K], NaN outside the reported extent."""


class Selector:
    """Finds the elements that a `Where` selects.

    Parameters
    ----------
    maps : Maps
    parents, tags, exposure
        See `what_if.apply_interventions`.
    """

    def __init__(
        self,
        maps: Maps,
        parents: Sequence[str] | None,
        tags: Sequence[Mapping[str, object]] | None,
        exposure: Exposure | None,
    ) -> None:
        self.maps, self.parents, self.tags, self.exposure = maps, parents, tags, exposure

    def select(
        self,
        where: Where,
        name: str,
        groups: Mapping[str, Surfaces],
        table: Sequence[Composition],
        share: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Boolean masks over the elements of each kind.

        Parameters
        ----------
        where : Where
        name : str
            Of the intervention, for messages.
        groups : dict of str to Surfaces
        table : sequence of composition
        share : ndarray, shape (compositions,)
            Of each composition, what `where.construction` means.

        Raises
        ------
        InputError
            Where nothing is left, naming the key that left nothing.
        """
        masks = {kind: surfaces.area > 0.0 for kind, surfaces in groups.items()}
        used: list[str] = []
        for key, test in self._tests(where, groups, share):
            before = {kind: mask.copy() for kind, mask in masks.items()}
            if key == "hottest":
                masks = self._hottest(float(where.hottest or 0.0), masks, groups, share)
            else:
                for kind in (kind for kind, mask in masks.items() if mask.any()):
                    masks[kind] &= test(kind)
            if not any(mask.any() for mask in masks.values()):
                raise _empty(name, where, key, used, _names(before, groups, table))
            used.append(key)
        return masks

    def _tests(
        self, where: Where, groups: Mapping[str, Surfaces], share: np.ndarray
    ) -> list[tuple[str, Callable[[str], np.ndarray]]]:
        """The keys given, each with its test of the elements of a kind; cheap ones first."""

        def of(get: Callable[[Surfaces], np.ndarray]) -> Callable[[str], np.ndarray]:
            return lambda kind: get(groups[kind])

        tests: dict[str, Callable[[str], np.ndarray]] = {}
        if where.surface:
            tests["surface"] = lambda kind: np.array(kind in where.surface)
        if where.building_id:
            chosen = self._by_id(where.building_id)
            tests["building_id"] = of(lambda s: _of_buildings(s, chosen))
        if where.tag:
            tagged = self._by_tag(where.tag)
            tests["tag"] = of(lambda s: _of_buildings(s, tagged))
        if where.polygon:
            inside = self._inside(where.polygon)
            tests["polygon"] = of(lambda s: inside(s.middle))
        if where.azimuth_deg is not None:
            first, last = where.azimuth_deg
            tests["azimuth_deg"] = of(lambda s: between_azimuths(s.azimuth_deg, first, last))
        if where.height_m is not None:
            low, high = where.height_m
            tests["height_m"] = of(lambda s: (s.height >= low) & (s.height <= high))
        if where.construction:
            tests["construction"] = of(lambda s: share[s.composition] > 0.0)
        if where.sun_hours is not None:
            tests["sun_hours"] = self._sunny(where.sun_hours)
        if where.hottest is not None:
            tests["hottest"] = lambda kind: np.array(True)
        return list(tests.items())

    def _sunny(self, limits: tuple[float, float]) -> Callable[[str], np.ndarray]:
        def test(kind: str) -> np.ndarray:
            hours = self._known("sun_hours").sun_hours(kind)
            return (hours >= limits[0]) & (hours <= limits[1])

        return test

    def _known(self, key: str) -> Exposure:
        if self.exposure is None:
            raise InputError(
                f"{key} is only known to a simulation",
                where=f"interventions: where.{key}",
                remedy="use it in a scenario, or with Simulation.with_interventions",
            )
        return self.exposure

    def _hottest(
        self,
        fraction: float,
        masks: Mapping[str, np.ndarray],
        groups: Mapping[str, Surfaces],
        share: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """The warmest elements until they make up the fraction of the selected area."""
        exposure = self._known("hottest")
        warmth = {
            kind: np.where(mask, exposure.warmth(kind), np.nan)
            for kind, mask in masks.items()
            if mask.any()
        }
        every = np.concatenate(list(warmth.values()))
        area = np.concatenate(
            [groups[kind].area * share[groups[kind].composition] for kind in warmth]
        ).astype(float)
        area = np.where(np.isfinite(every), area, 0.0)
        order = np.argsort(-np.nan_to_num(every, nan=-1.0), kind="stable")
        reached = np.cumsum(area[order]) - area[order]
        chosen = np.zeros(every.size, bool)
        # The element that passes the fraction still counts: at least one always does.
        chosen[order] = (reached < fraction * area.sum() * (1.0 - 1e-9)) & (area[order] > 0.0)
        parts = np.split(chosen, np.cumsum([w.size for w in warmth.values()])[:-1])
        found = dict(zip(warmth, parts, strict=True))
        return {kind: found.get(kind, np.zeros_like(mask)) for kind, mask in masks.items()}

    def _by_id(self, wanted: tuple[str, ...]) -> np.ndarray:
        ids, parents = self.maps.building_ids, self.parents or [""] * len(self.maps.building_ids)
        unknown = [name for name in wanted if name not in ids and name not in parents]
        if unknown:
            raise InputError(
                "no such building", where="interventions: where.building_id", got=unknown[0],
                remedy="ids are listed in buildings.csv of a run",
            )  # fmt: skip
        return np.array([i in wanted or p in wanted for i, p in zip(ids, parents, strict=True)])

    def _by_tag(self, wanted: tuple[str, ...]) -> np.ndarray:
        if self.tags is None:
            raise InputError("the buildings' tags are not known here", where="where.tag")
        pairs = [text.partition("=") for text in wanted]

        def has(tag: Mapping[str, object]) -> bool:
            return any(k in tag and (not equals or str(tag[k]) == v) for k, equals, v in pairs)

        return np.array([has(tag) for tag in self.tags])

    def _inside(
        self, polygon: tuple[tuple[float, float], ...] | str
    ) -> Callable[[np.ndarray], np.ndarray]:
        origin = np.asarray(self.maps.origin, float)
        if isinstance(polygon, str):
            import shapely

            area = read_polygons(polygon, self.maps.crs_wkt)
            shapely.prepare(area)
            return lambda middle: shapely.contains_xy(area, middle + origin)
        corners = np.asarray(polygon, float) - origin
        return lambda middle: inside_polygon(middle, corners)


def _of_buildings(surfaces: Surfaces, chosen: np.ndarray) -> np.ndarray:
    on_building = surfaces.building >= 0
    return on_building & chosen[np.where(on_building, surfaces.building, 0)]


def between_azimuths(azimuth: np.ndarray, first: float, last: float) -> np.ndarray:
    """Whether azimuths lie from `first` clockwise to `last` [degrees]; never where NaN."""
    known = ~np.isnan(azimuth)
    if last - first >= 360.0:
        return known
    return known & (np.nan_to_num((azimuth - first) % 360.0) <= (last - first) % 360.0)


def inside_polygon(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Whether points lie in a polygon, by the number of its edges east of them (even-odd rule).

    Parameters
    ----------
    points : ndarray, shape (n, 2)
    corners : ndarray, shape (m, 2)
        In order; the last joins the first.
    """
    inside = np.zeros(len(points), bool)
    x, y = points[:, 0], points[:, 1]
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if ay == by:
            continue
        spans = (ay > y) != (by > y)
        inside ^= spans & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return inside


def read_polygons(path: str, crs_wkt: str) -> Any:
    """The union of a vector file's polygons, in the maps' CRS (shapely geometry).

    Raises
    ------
    InputError
        Where the file cannot be read or has no polygons; a file without a CRS is taken to be in
        the maps' own.
    """
    import geopandas as gpd

    place = f"interventions: where.polygon = {path!r}"
    try:
        frame = gpd.read_file(path)
    except Exception as error:  # GDAL raises its own for every driver
        raise InputError("not a vector file", where=place, got=type(error).__name__) from error
    kinds = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])
    if not kinds.any():
        raise InputError("holds no polygons", where=place, expected="polygons")
    frame = frame[kinds]
    if frame.crs is not None:
        frame = frame.to_crs(crs_wkt)
    return frame.geometry.union_all()


def _names(
    masks: Mapping[str, np.ndarray], groups: Mapping[str, Surfaces], table: Sequence[Composition]
) -> str:
    """Constructions of the surfaces that were left, for the remedy."""
    found = {
        name
        for kind, mask in masks.items()
        for index in np.unique(groups[kind].composition[mask])
        for name, _ in table[int(index)]
    }
    names = sorted(found)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _empty(name: str, where: Where, key: str, used: list[str], names: str) -> InputError:
    given = where.given()
    selection = ", ".join(f"{k} = {value}" for k, value in given.items()) or "everything"
    after = f" after {', '.join(used)}" if used else ""
    return InputError(
        f"the selection matches no surface: none is left by where.{key}{after}",
        where=f"interventions {name!r}",
        got=selection,
        remedy=f"what was left until then is made of {names}" if names else "",
    )
