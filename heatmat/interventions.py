"""What-if changes as plain data, and the pure function that applies them to maps."""

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
    polygon : tuple of (x, y)
        In the scenario's CRS; a surface is inside when its middle is.
    azimuth_deg : (from, to)
        Outward azimuth of walls and sloping roofs, clockwise from true north; may pass north.
    """

    surface: tuple[str, ...] = ()
    construction: tuple[str, ...] = ()
    building_id: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    polygon: tuple[tuple[float, float], ...] = ()
    azimuth_deg: tuple[float, float] | None = None


@dataclass(frozen=True)
class Intervention:
    """One change: `set` some properties on a copy, or put another `construction` there.

    Attributes
    ----------
    name : str
        Names the changed copies: ``bitumen_roof+cool roofs``.
    where : Where
    set : dict
        Property of `Construction` to its new value.
    construction : str or None
        The name of the construction that replaces what is there.
    """

    name: str
    where: Where = field(default_factory=Where)
    set: Mapping[str, Any] = field(default_factory=dict)
    construction: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as a scenario file would hold it."""
        where = {
            key: list(value)
            for key, value in vars(self.where).items()
            if value is not None and len(value)
        }
        entry: dict[str, Any] = {"name": self.name, "where": where}
        if self.set:
            entry["set"] = dict(self.set)
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
    return Intervention(
        name=table.name,
        where=Where(
            surface=tuple(where.surface or ()),
            construction=tuple(where.construction or ()),
            building_id=tuple(where.building_id or ()),
            tag=tuple(where.tag or ()),
            polygon=tuple((x, y) for x, y in where.polygon or ()),
            azimuth_deg=tuple(where.azimuth_deg) if where.azimuth_deg else None,
        ),
        set=table.set_.model_dump(exclude_none=True) if table.set_ else {},
        construction=table.construction,
    )
