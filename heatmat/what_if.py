"""Interventions applied to maps: new labels on the same geometry, as a pure function of arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from heatmat.construction import Construction
from heatmat.errors import InputError
from heatmat.interventions import Intervention, Where
from heatmat.maps import Maps

Composition = tuple[tuple[str, float], ...]
SURFACES = ("ground", "roof", "wall")


@dataclass
class Applied:
    """Maps with changed labels.

    Attributes
    ----------
    maps : Maps
        The same geometry (shared arrays) with new compositions.
    constructions : dict of str to Construction
        Those given and the changed copies.
    touched_m2 : dict of str to dict of str to float
        By intervention and surface, the area that changed [m2], margin included.
    """

    maps: Maps
    constructions: dict[str, Construction]
    touched_m2: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass
class _Surfaces:
    """All the elements of one kind: facades, roof regions or ground cells."""

    composition: np.ndarray
    area: np.ndarray
    building: np.ndarray
    azimuth_deg: np.ndarray
    middle: np.ndarray


def apply_interventions(
    maps: Maps,
    constructions: Mapping[str, Construction],
    interventions: Iterable[Intervention],
    *,
    parents: Sequence[str] | None = None,
    tags: Sequence[Mapping[str, object]] | None = None,
) -> Applied:
    """Change what surfaces are made of; the maps given stay as they are.

    Later interventions see what earlier ones left, and win.

    Parameters
    ----------
    maps : Maps
    constructions : mapping
        By name.
    interventions : iterable of Intervention
    parents : sequence of str, optional
        The building that each of ``maps.building_ids`` is a part of, "" for none.
    tags : sequence of mapping, optional
        The attributes of each of ``maps.building_ids``.

    Raises
    ------
    InputError
        Where a selection matches nothing, or names what is not known.
    """
    known = dict(constructions)
    ancestors = {name: {name, item.name} for name, item in known.items()}
    groups = {"ground": _ground(maps), "roof": _roofs(maps), "wall": _walls(maps)}
    table = list(maps.compositions)
    places = _Places(maps, parents, tags)
    touched: dict[str, dict[str, float]] = {}
    for entry in interventions:
        change = _Change(entry, known, ancestors)
        areas = {
            kind: _apply(change, groups[kind], places.mask(entry.where, groups[kind]), table)
            for kind in entry.where.surface or SURFACES
        }
        touched[entry.name] = {kind: area for kind, area in areas.items() if area > 0.0}
        if not touched[entry.name]:
            raise _nothing_matches(entry, table)
    changed = dataclasses.replace(
        maps,
        compositions=table,
        facade_composition=groups["wall"].composition,
        region_composition=_with_roofs(maps, groups["roof"]),
        ground_composition=groups["ground"].composition.reshape(maps.ground_composition.shape),
    )
    return Applied(changed, known, touched)


class _Change:
    """What an intervention does to the construction of a surface; copies are made on demand."""

    def __init__(
        self,
        entry: Intervention,
        known: dict[str, Construction],
        ancestors: dict[str, set[str]],
    ) -> None:
        self.entry, self.known, self.ancestors = entry, known, ancestors

    def matches(self, name: str) -> bool:
        wanted = self.entry.where.construction
        return not wanted or bool(self.ancestors.get(name, {name}) & set(wanted))

    def replacement(self, name: str) -> str:
        if self.entry.construction is not None:
            return self.entry.construction
        new = f"{name}+{self.entry.name}"
        if new not in self.known:
            self.known[new] = dataclasses.replace(
                self.known[name], name=new, **dict(self.entry.set)
            )
            self.ancestors[new] = self.ancestors[name] | {new}
        return new


def _apply(
    change: _Change, surfaces: _Surfaces, mask: np.ndarray, table: list[Composition]
) -> float:
    """Relabel the masked surfaces in place; the area that changed [m2]."""
    area = 0.0
    before = surfaces.composition
    after = before.copy()
    for index in np.unique(before[mask]):
        old = table[int(index)]
        share = sum(fraction for name, fraction in old if change.matches(name))
        if share == 0.0:
            continue
        merged: dict[str, float] = {}
        for name, fraction in old:
            new = change.replacement(name) if change.matches(name) else name
            merged[new] = merged.get(new, 0.0) + fraction
        composition = tuple(merged.items())
        if composition not in table:
            table.append(composition)
        here = mask & (before == index)
        after[here] = table.index(composition)
        area += share * float(surfaces.area[here].sum(dtype=np.float64))
    surfaces.composition = after
    return area


def _nothing_matches(entry: Intervention, table: list[Composition]) -> InputError:
    names = sorted({name for composition in table for name, _ in composition})
    where = entry.to_dict()["where"]
    selection = ", ".join(f"{key} = {value}" for key, value in where.items()) or "everything"
    return InputError(
        "the selection matches no surface",
        where=f"interventions {entry.name!r}",
        got=selection,
        remedy=f"constructions in this city: {', '.join(names)}",
    )


class _Places:
    """Which elements a `Where` selects by place: building, tag, azimuth, polygon."""

    def __init__(
        self,
        maps: Maps,
        parents: Sequence[str] | None,
        tags: Sequence[Mapping[str, object]] | None,
    ) -> None:
        self.maps, self.parents, self.tags = maps, parents, tags

    def mask(self, where: Where, surfaces: _Surfaces) -> np.ndarray:
        """Boolean mask over the elements."""
        mask = surfaces.area > 0.0
        if where.building_id:
            mask &= self._of_buildings(surfaces, self._by_id(where.building_id))
        if where.tag:
            mask &= self._of_buildings(surfaces, self._by_tag(where.tag))
        if where.azimuth_deg is not None:
            first, last = where.azimuth_deg
            mask &= ~np.isnan(surfaces.azimuth_deg)
            if last - first < 360.0:
                span = (last - first) % 360.0
                mask &= np.nan_to_num((surfaces.azimuth_deg - first) % 360.0) <= span
        if where.polygon:
            corners = np.asarray(where.polygon, float) - np.asarray(self.maps.origin, float)
            mask &= inside_polygon(surfaces.middle, corners)
        return mask

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

    @staticmethod
    def _of_buildings(surfaces: _Surfaces, chosen: np.ndarray) -> np.ndarray:
        on_building = surfaces.building >= 0
        return on_building & chosen[np.where(on_building, surfaces.building, 0)]


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


def _walls(maps: Maps) -> _Surfaces:
    ends = maps.facade_ab.astype(float)
    return _Surfaces(
        composition=maps.facade_composition,
        area=maps.facade_exposed_area,
        building=maps.facade_building,
        azimuth_deg=maps.facade_azimuth_deg(),
        middle=(ends[:, :2] + ends[:, 2:]) / 2.0,
    )


def _roofs(maps: Maps) -> _Surfaces:
    """Roof regions: all but those of the ground."""
    regions = np.flatnonzero(maps.region_building >= 0)
    plane = maps.region_plane[regions].astype(float)
    steepness = np.hypot(plane[:, 1], plane[:, 2])
    # A roof faces where it falls: against its gradient.
    grid = np.degrees(np.arctan2(-plane[:, 1], -plane[:, 2]))
    azimuth = np.where(steepness > 1e-6, (grid + maps.convergence_deg) % 360.0, np.nan)
    plan = region_plan_areas(maps)
    return _Surfaces(
        composition=maps.region_composition[regions],
        area=plan[regions] * np.sqrt(1.0 + steepness**2),
        building=maps.region_building[regions],
        azimuth_deg=azimuth,
        middle=plane[:, 3:5],
    )


def _with_roofs(maps: Maps, roofs: _Surfaces) -> np.ndarray:
    composition = maps.region_composition.copy()
    composition[maps.region_building >= 0] = roofs.composition
    return composition


def region_plan_areas(maps: Maps) -> np.ndarray:
    """Plan area of each region [m2], shape (nr,): the shoelace sum over the edges around it.

    Region 0, the ground, surrounds all others: its own figure means nothing.
    """
    ax, ay, bx, by = maps.edge_ab.astype(float).T
    twice = ax * by - bx * ay
    count = maps.region_plane.shape[0]
    areas = np.zeros(count)
    for side, sign in ((0, 0.5), (1, -0.5)):  # the region left of a -> b is walked anticlockwise
        region = maps.edge_regions[:, side]
        known = region >= 0
        areas += np.bincount(region[known], sign * twice[known], minlength=count)
    return np.maximum(areas, 0.0)


def _ground(maps: Maps) -> _Surfaces:
    k = maps.ground_subdivision
    step = maps.resolution / k
    building = np.repeat(np.repeat(maps.building_index, k, axis=0), k, axis=1)
    rows, columns = building.shape
    x = maps.west + (np.arange(columns) + 0.5) * step
    y = maps.south + (rows - np.arange(rows) - 0.5) * step
    middle = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).reshape(-1, 2)
    return _Surfaces(
        composition=maps.ground_composition.reshape(-1),
        area=np.where(building.reshape(-1) < 0, step * step, 0.0),
        building=np.full(building.size, -1),
        azimuth_deg=np.broadcast_to(np.nan, building.size),
        middle=middle,
    )
