"""The buildings of a city folder: what is known of them, and facades written back into the file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_sources.facade_labels.beliefs import TAG_LABELS, Known
from data_sources.facade_labels.compositions import FIELDS
from data_sources.facade_labels.evidence import Belief
from data_sources.facade_labels.fill_in import Buildings, use_of, year_of
from heatmat.errors import InputError
from heatmat.facade_evidence import fits
from heatmat.library import library
from heatmat.output.atomic import aside
from heatmat.scenario import Scenario
from heatmat.tag_constructions import facade_of

SCENARIO = "scenario.toml"


@dataclass(frozen=True)
class CityBuildings:
    """The buildings file of a city folder.

    Attributes
    ----------
    path : Path
        GeoJSON.
    collection : dict
        What it holds.
    ids : list of str or None
        Of each feature that is a building; None for trees and the like.
    tags : dict of str to dict
        Attributes by building id, without what an earlier run wrote.
    edited : list of str
        Buildings whose composition somebody has changed since it was written.
    buildings : Buildings
    default_facade : str
        Construction.
    own_walls : list of str
        Wall constructions that the scenario adds to the library.
    """

    path: Path
    collection: dict[str, Any]
    ids: list[str | None]
    tags: dict[str, dict[str, Any]]
    edited: list[str]
    buildings: Buildings
    default_facade: str
    own_walls: list[str]

    def known(self, default: Belief) -> Known:
        """Tags and what is stated by hand, beside a regional default."""
        tags: dict[str, tuple[str, str, str]] = {}
        stated: dict[str, Mapping[str, float]] = {}
        for name, own in self.tags.items():
            composition, source, _ = facade_of(own, self.default_facade, f"building {name}")
            if source in ("facade_composition", "facade"):
                stated[name] = dict(composition)
            elif source != "default":
                value = " ".join(str(own[source]).split())[:80]
                tags[name] = source, value, TAG_LABELS[composition[0][0]]
        return Known(self.buildings, default, tags, stated)


def read_city(city: Path) -> CityBuildings:
    """Read the buildings of a city folder.

    Raises
    ------
    InputError
        When there is no scenario, or its buildings are in no GeoJSON file.
    """
    path = city / SCENARIO
    if not path.is_file():
        raise InputError(
            "is not a city folder",
            where=str(city),
            expected=SCENARIO,
            remedy=f"make one: heatmat fetch PLACE --street-view panoramax --out {city}",
        )
    scenario = Scenario.load(path)
    table = scenario.tables.city
    file = None if table is None or table.buildings is None else Path(table.buildings)
    if file is None or file.suffix.lower() not in (".geojson", ".json"):
        raise InputError(
            "facades can be written into GeoJSON alone",
            where=f"{path}: city.buildings",
            got=str(file),
            remedy="convert the file to buildings.geojson and name that",
        )
    collection = _load(file)
    own = (table.attributes.id if table is not None else None) or ""
    ids = [_own_id(feature, i, own) for i, feature in enumerate(collection["features"])]
    made = scenario.build_city()
    rows: dict[str, Any] = {}
    for row in made.buildings.to_dict("records"):
        rows.setdefault(feature_id(row["building_id"], set(ids)), row)
    known = library()
    walls = [
        name
        for name, item in scenario.constructions().items()
        if item.kind == "wall" and name not in known
    ]
    return _assemble(file, collection, ids, rows, made.default_facade, walls)


def _load(file: Path) -> dict[str, Any]:
    try:
        collection = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("not readable as GeoJSON", where=str(file), got=str(error)) from None
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise InputError("not a FeatureCollection", where=str(file))
    return collection


def _own_id(feature: Mapping[str, Any], number: int, key: str) -> str:
    """The id that a city gives to a feature."""
    properties = feature.get("properties") or {}
    for name in (key, "id", "@id"):
        value = properties.get(name) if name else None
        if value not in (None, ""):
            return (
                str(int(value)) if isinstance(value, float) and value == int(value) else str(value)
            )
    value = feature.get("id", number)
    return str(value)


def feature_id(building_id: str, features: Collection[str]) -> str:
    """The feature that a building is: a feature of several polygons becomes ``id#1``, ``id#2``."""
    whole = building_id.rpartition("#")[0]
    return whole if building_id not in features and whole in features else building_id


def _assemble(
    file: Path,
    collection: dict[str, Any],
    ids: list[str],
    rows: Mapping[str, Mapping[str, Any]],
    default_facade: str,
    walls: list[str],
) -> CityBuildings:
    names = [name for name in dict.fromkeys(ids) if name in rows]
    tags, edited = {}, []
    for name in names:
        own = dict(rows[name]["tags"])
        written = "facade_evidence" in own
        if written and not fits(own):
            edited.append(name)
        for key in FIELDS if fits(own) else FIELDS[1:]:
            own.pop(key, None)
        tags[name] = own
    middles = [rows[name]["geometry"].representative_point() for name in names]
    heights = [float(rows[name]["height"]) for name in names]
    buildings = Buildings(
        ids=names,
        place=np.array([(p.x, p.y) for p in middles], float).reshape(-1, 2),
        height=np.array(heights),
        year=np.array([year_of(tags[name]) for name in names], float),
        use=np.array([use_of(tags[name]) for name in names], dtype=object),
        whole=[str(tags[name].get("part_of") or name) for name in names],
    )
    present = [name if name in rows else None for name in ids]
    return CityBuildings(file, collection, present, tags, edited, buildings, default_facade, walls)


def write_facades(city: CityBuildings, fields: Mapping[str, Mapping[str, Any]]) -> bool:
    """Write facades into the buildings file, aside and then renamed; whether anything changed.

    Parameters
    ----------
    city : CityBuildings
    fields : mapping
        Building id to the fields of its facade. Of a building that is not in it, and whose
        composition was changed by hand, what an earlier run said of the old one is taken away.
    """
    changed = False
    for feature, name in zip(city.collection["features"], city.ids, strict=True):
        if name is None:
            continue
        before = feature.get("properties") or {}
        kept = {key: value for key, value in before.items() if key not in FIELDS}
        if name in fields:
            after = kept | dict(fields[name])
        elif name in city.edited:
            after = {k: v for k, v in before.items() if k not in FIELDS[1:]}
            after["facade_source"] = "stated"
        else:
            continue
        changed |= after != before
        feature["properties"] = after
    if changed:
        with aside(city.path) as part:
            _dump(city.collection, part)
    return changed


def _dump(collection: Mapping[str, Any], path: Path) -> None:
    """GeoJSON with a feature a line."""
    head = {key: value for key, value in collection.items() if key != "features"}
    lines = [json.dumps(f, ensure_ascii=False) for f in collection["features"]]
    text = json.dumps(head, ensure_ascii=False)[:-1]
    body = ",\n".join(lines)
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        out.write(f'{text}, "features": [\n{body}\n]}}\n')
