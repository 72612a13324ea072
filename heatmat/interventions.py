"""What-if changes as plain data: which surfaces, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Where:
    """Which surfaces an intervention touches; every key given must hold, any item of it will do.

    Attributes
    ----------
    surface : tuple of {'ground', 'roof', 'wall'}
    construction : tuple of str
        Names as they stand after earlier interventions; a changed copy still answers to the
        name it was copied from.
    building_id : tuple of str
        A building's id, or the id of the building that a part belongs to.
    tag : tuple of str
        ``key=value`` or ``key`` (any value), from the buildings' own attributes.
    polygon : tuple of (x, y), or str
        Corners in the scenario's CRS, or a vector file of polygons in any; a surface is inside
        when its middle is.
    azimuth_deg : (from, to)
        Outward azimuth of walls and sloping roofs, clockwise from true north; may pass north.
    height_m : (from, to)
        Height of a wall's upper edge or of a roof's highest point above the building's base [m];
        ground has none.
    sun_hours : (from, to)
        Hours of direct sun on the window's first day, clouds left aside [h]; means of a wall or
        roof, ground metre by metre.
    hottest : float
        Share of the selected area with the highest mean temperature over the window, in a run of
        the city before any intervention; inside the reported extent.
    """

    surface: tuple[str, ...] = ()
    construction: tuple[str, ...] = ()
    building_id: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    polygon: tuple[tuple[float, float], ...] | str = ()
    azimuth_deg: tuple[float, float] | None = None
    height_m: tuple[float, float] | None = None
    sun_hours: tuple[float, float] | None = None
    hottest: float | None = None

    def given(self) -> dict[str, Any]:
        """The keys that are set, as a scenario file would hold them."""
        plain: dict[str, Any] = {}
        for key, value in vars(self).items():
            if isinstance(value, (str, float, int)):
                if value != "":
                    plain[key] = value
            elif value:
                plain[key] = [list(v) if isinstance(v, tuple) else v for v in value]
        return plain


@dataclass(frozen=True)
class Intervention:
    """One change to the surfaces of `where`.

    Attributes
    ----------
    name : str
        Names the changed copies: ``bitumen_roof+cool roofs``.
    where : Where
    set : dict
        Property of `Construction` to its new value, on a copy.
    construction : str or None
        The name of the construction that replaces what is there.
    add : dict
        Layers on a copy: ``outside`` and ``inside``, each a list of layer tables from outside to
        inside as in [constructions.NAME]; ``finish`` names the construction whose surface
        (albedo, emissivity, transmittance, moisture, roughness) the copy gets.
    share : dict
        Construction to its new fraction of the composition; the others keep their proportions.
    trees : dict
        Trees to plant, in place of a change to surfaces: see `heatmat.planting.plant`.
    """

    name: str
    where: Where = field(default_factory=Where)
    set: Mapping[str, Any] = field(default_factory=dict)
    construction: str | None = None
    add: Mapping[str, Any] = field(default_factory=dict)
    share: Mapping[str, float] = field(default_factory=dict)
    trees: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The entry as a scenario file would hold it."""
        entry: dict[str, Any] = {"name": self.name, "where": self.where.given()}
        for key in ("set", "add", "share", "trees"):
            if getattr(self, key):
                entry[key] = dict(getattr(self, key))
        if self.construction is not None:
            entry["construction"] = self.construction
        return entry


def as_tables(interventions: Iterable[Intervention | Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Interventions as tables for the schema to check, whatever they came as."""
    return [
        entry.to_dict() if isinstance(entry, Intervention) else dict(entry)
        for entry in interventions
    ]


def from_table(table: Any) -> Intervention:
    """An `Intervention` from a checked `InterventionTable`."""
    where = table.where
    polygon = where.polygon or ()
    return Intervention(
        name=table.name,
        where=Where(
            surface=tuple(where.surface or ()),
            construction=tuple(where.construction or ()),
            building_id=tuple(where.building_id or ()),
            tag=tuple(where.tag or ()),
            polygon=polygon if isinstance(polygon, str) else tuple((x, y) for x, y in polygon),
            azimuth_deg=_pair(where.azimuth_deg),
            height_m=_pair(where.height_m),
            sun_hours=_pair(where.sun_hours),
            hottest=where.hottest,
        ),
        set=table.set_.model_dump(exclude_none=True) if table.set_ else {},
        construction=table.construction,
        add=table.add.model_dump(exclude_none=True) if table.add else {},
        share=dict(table.share or {}),
        trees=table.trees.model_dump(exclude_none=True) if table.trees else {},
    )


def _pair(values: list[float] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])
