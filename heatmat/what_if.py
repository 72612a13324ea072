"""Interventions applied to maps: new labels on the same geometry, as a pure function of arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from heatmat.areas_within import extent_box, facades_within, ground_within, regions_within
from heatmat.construction import PROPERTIES, Construction
from heatmat.errors import InputError
from heatmat.interventions import Intervention
from heatmat.maps import Maps
from heatmat.planting import CLEARANCE, plant
from heatmat.selection import (
    SURFACES,
    Composition,
    Exposure,
    Selector,
    Surfaces,
    inside_polygon,
)

__all__ = ["SURFACES", "Applied", "apply_interventions", "inside_polygon", "region_plan_areas"]

MOST_ENTRIES = 8
"""Constructions of one composition (`kernels.layout.MAX_ENTRIES`)."""


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
        By intervention and surface, the area selected within the extent [m2]: of a facade the share
        that a change of constructions is about, of a changed composition the share that changes
        hands; crowns also beyond it. A change to what is there already selects and touches it all
        the same.
    touched_with_margin_m2 : dict of str to dict of str to float
        The same with the margin around the extent, and buildings that reach out of it whole.
    notes : list of str
        What a reader should know of what was not done.
    """

    maps: Maps
    constructions: dict[str, Construction]
    touched_m2: dict[str, dict[str, float]] = field(default_factory=dict)
    touched_with_margin_m2: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def apply_interventions(
    maps: Maps,
    constructions: Mapping[str, Construction],
    interventions: Iterable[Intervention],
    *,
    parents: Sequence[str] | None = None,
    tags: Sequence[Mapping[str, object]] | None = None,
    exposure: Exposure | None = None,
    obstacles: Sequence[object] = (),
) -> Applied:
    """Change what surfaces are made of; the maps given stay as they are.

    Later interventions see what earlier ones left, and win. A change that leaves a construction as
    it is puts no copy in its place: the labels, and all that follows, are then the same.

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
    exposure : Exposure, optional
        Needed for `sun_hours` and `hottest`.
    obstacles : sequence of polygon, optional
        What rows of trees keep away from (`planting.obstacles_of`).

    Raises
    ------
    InputError
        Where a selection matches nothing, or names what is not known.
    """
    known = dict(constructions)
    ancestors = {name: {name, item.name} for name, item in known.items()}
    groups = {"ground": _ground(maps), "roof": _roofs(maps), "wall": _walls(maps)}
    table = list(maps.compositions)
    selector = Selector(maps, parents, tags, exposure)
    touched: dict[str, dict[str, float]] = {}
    whole: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    for entry in interventions:
        if entry.trees:
            maps, area, left_out = plant(
                dataclasses.replace(maps, compositions=table), entry.trees, entry.name, obstacles
            )
            if left_out:
                notes.append(
                    f"{entry.name}: {left_out} trees of the row left out, within"
                    f" {CLEARANCE:g} m of a carriageway or a wall"
                )
            table[:] = maps.compositions
            touched[entry.name] = whole[entry.name] = {"crown": area}
            continue
        change = _Change(entry, known, ancestors)
        share = np.array([change.selected_share(composition) for composition in table])
        masks = selector.select(entry.where, entry.name, groups, table, share)
        areas = {
            kind: _apply(change, groups[kind], mask, table)
            for kind, mask in masks.items()
            if mask.any()
        }
        touched[entry.name] = {kind: inside for kind, (inside, _) in areas.items()}
        whole[entry.name] = {kind: area for kind, (_, area) in areas.items()}
    changed = dataclasses.replace(
        maps,
        compositions=table,
        facade_composition=groups["wall"].composition,
        region_composition=_with_roofs(maps, groups["roof"]),
        ground_composition=groups["ground"].composition.reshape(maps.ground_composition.shape),
    )
    return Applied(changed, known, touched, whole, notes)


class _Change:
    """What an intervention does to a composition; copies of constructions are made on demand."""

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

    def selected_share(self, composition: Composition) -> float:
        """Share of a composition that `where.construction` means."""
        return sum(fraction for name, fraction in composition if self.matches(name))

    def result(self, old: Composition) -> tuple[Composition, float]:
        """The composition after the change, and the share of the area that it is about."""
        if self.entry.share:
            return self._with_shares(old)
        merged: dict[str, float] = {}
        for name, fraction in old:
            new = self.replacement(name) if self.matches(name) else name
            merged[new] = merged.get(new, 0.0) + fraction
        return tuple(merged.items()), self.selected_share(old)

    def replacement(self, name: str) -> str:
        """What stands in the place of a construction."""
        old = self.known[name]
        if self.entry.construction is not None:
            new = self.known[self.entry.construction]
            alias = old.name == new.name and _same(old, new)
            return name if alias else self.entry.construction
        copy = f"{name}+{self.entry.name}"
        if copy not in self.known:
            changed = self._tried(old)
            if _same(old, changed):
                self.ancestors[name].add(copy)  # later interventions may name it all the same
                return name
            self.known[copy] = dataclasses.replace(changed, name=copy)
            self.ancestors[copy] = self.ancestors[name] | {copy}
        return copy

    def _tried(self, old: Construction) -> Construction:
        """The changed copy; what is wrong with it names the intervention."""
        try:
            return self._changed(old)
        except InputError as error:
            raise InputError(
                error.what,
                where=f"interventions {self.entry.name!r}: {error.where}",
                expected=error.expected,
                got=error.got,
                remedy=error.remedy or "choose by where.construction what can be changed so",
            ) from None

    def _changed(self, old: Construction) -> Construction:
        """A copy with the layers of `add`, the finish, and the properties of `set`."""
        from heatmat.materials import layers_from_tables

        changes: dict[str, object] = {}
        add = self.entry.add
        where = "add"
        outside = layers_from_tables(add["outside"], f"{where}.outside") if "outside" in add else ()
        inside = layers_from_tables(add["inside"], f"{where}.inside") if "inside" in add else ()
        if outside or inside:
            if not old.layers:
                raise InputError(
                    "a surface held at a temperature has no layers to add to",
                    where=where, got=old.name,
                )  # fmt: skip
            if inside and old.kind == "ground":
                raise InputError(
                    "ground has no inside", where=f"{where}.inside", got=old.name,
                    remedy="add layers outside, or choose other surfaces",
                )  # fmt: skip
            changes["layers"] = (*outside, *old.layers, *inside)
        if "finish" in add:
            finish = self.known[add["finish"]]
            changes |= {key: getattr(finish, key) for key in PROPERTIES}
        return dataclasses.replace(old, **(changes | dict(self.entry.set)))  # type: ignore[arg-type]

    def _with_shares(self, old: Composition) -> tuple[Composition, float]:
        """Named fractions as asked for, the others in their old proportions."""
        target = self.entry.share
        role = {name: self._target_of(name) for name, _ in old}
        there = {t: sum(f for n, f in old if role[n] == t) for t in target}
        rest = sum(f for name, f in old if role[name] is None)
        left = 1.0 - sum(target.values())
        if left > 1e-9 and rest <= 0.0:
            raise InputError(
                "the fractions leave a rest that nothing in the composition could take",
                where=f"interventions {self.entry.name!r}: share",
                expected="fractions that sum to 1, or surfaces with something else in them",
                got=", ".join(f"{name} {fraction:g}" for name, fraction in old),
            )
        new: dict[str, float] = {}
        for name, fraction in old:
            t = role[name]
            scale = left / rest if t is None else target[t] / there[t]
            new[name] = fraction * scale
        new |= {t: value for t, value in target.items() if there[t] <= 0.0}
        new = {name: value for name, value in new.items() if value > 1e-9}
        before = dict(old)
        gained = sum(max(0.0, value - before.get(name, 0.0)) for name, value in new.items())
        if gained < 1e-9:
            return old, 0.0
        if len(new) > MOST_ENTRIES:
            raise InputError(
                "too many constructions in one composition",
                where=f"interventions {self.entry.name!r}: share",
                expected=f"at most {MOST_ENTRIES}", got=len(new),
            )  # fmt: skip
        return tuple(new.items()), gained

    def _target_of(self, name: str) -> str | None:
        """The key of `share` that a construction answers to."""
        names = self.ancestors.get(name, {name})
        return next((t for t in self.entry.share if t in names), None)


def _same(one: Construction, other: Construction) -> bool:
    """Whether two constructions are the same to the solver, whatever they are called."""
    plain = [dataclasses.replace(c, name="", source="", description="") for c in (one, other)]
    return plain[0] == plain[1]


def _apply(
    change: _Change, surfaces: Surfaces, mask: np.ndarray, table: list[Composition]
) -> tuple[float, float]:
    """Relabel masked surfaces in place; the area it is about [m2], within the extent and in all."""
    inside = whole = 0.0
    before = surfaces.composition
    after = before.copy()
    for index in np.unique(before[mask]):
        composition, share = change.result(table[int(index)])
        here = mask & (before == index)
        if composition != table[int(index)]:
            if composition not in table:
                table.append(composition)
            after[here] = table.index(composition)
        inside += share * float(surfaces.inside[here].sum(dtype=np.float64))
        whole += share * float(surfaces.area[here].sum(dtype=np.float64))
    surfaces.composition = after
    return inside, whole


def _walls(maps: Maps) -> Surfaces:
    ends = maps.facade_ab.astype(float)
    return Surfaces(
        composition=maps.facade_composition,
        area=maps.facade_exposed_area,
        inside=maps.facade_exposed_area * facades_within(maps, extent_box(maps)),
        building=maps.facade_building,
        azimuth_deg=maps.facade_azimuth_deg(),
        height=maps.facade_z[:, 1].astype(float),
        middle=(ends[:, :2] + ends[:, 2:]) / 2.0,
    )


def _roofs(maps: Maps) -> Surfaces:
    """Roof regions: all but those of the ground."""
    regions = np.flatnonzero(maps.region_building >= 0)
    plane = maps.region_plane[regions].astype(float)
    steepness = np.hypot(plane[:, 1], plane[:, 2])
    # A roof faces where it falls: against its gradient.
    grid = np.degrees(np.arctan2(-plane[:, 1], -plane[:, 2]))
    azimuth = np.where(steepness > 1e-6, (grid + maps.convergence_deg) % 360.0, np.nan)
    true = np.sqrt(1.0 + steepness**2)
    return Surfaces(
        composition=maps.region_composition[regions],
        area=region_plan_areas(maps)[regions] * true,
        inside=regions_within(maps, extent_box(maps))[regions] * true,
        building=maps.region_building[regions],
        azimuth_deg=azimuth,
        height=maps.region_top[regions].astype(float),
        middle=plane[:, 3:5],
    )


def _with_roofs(maps: Maps, roofs: Surfaces) -> np.ndarray:
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


def _ground(maps: Maps) -> Surfaces:
    middle = ground_middles(maps)
    k = maps.ground_subdivision
    step = maps.resolution / k
    building = np.repeat(np.repeat(maps.building_index, k, axis=0), k, axis=1)
    none = np.broadcast_to(np.nan, building.size)
    area = np.where(building.reshape(-1) < 0, step * step, 0.0)
    return Surfaces(
        composition=maps.ground_composition.reshape(-1),
        area=area,
        inside=area * ground_within(maps),
        building=np.full(building.size, -1),
        azimuth_deg=none,
        height=none,
        middle=middle,
    )


def ground_middles(maps: Maps) -> np.ndarray:
    """Middles of the cells of `maps.ground_composition`, local [m], shape (cells, 2)."""
    rows, columns = maps.ground_composition.shape
    step = maps.resolution / maps.ground_subdivision
    x = maps.west + (np.arange(columns) + 0.5) * step
    y = maps.south + (rows - np.arange(rows) - 0.5) * step
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).reshape(-1, 2)
