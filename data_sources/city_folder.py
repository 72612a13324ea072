"""From an area to a city folder: read, repair, write, and say where everything is from."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.area import (
    Area,
    area_around,
    area_of_bounds,
    area_of_polygon,
    parse_bbox,
    rectangle,
)
from data_sources.cache import Provenance, now_utc, sha256_of
from data_sources.city_extras import Extras, add_extras, add_views, check_wish
from data_sources.city_files import write_buildings, write_ground, write_roads
from data_sources.city_texts import Source, count_rows, scenario_text, sources_text
from data_sources.city_wish import Folder, Outcome, Wish
from data_sources.osm import (
    ATTRIBUTION,
    LICENCE,
    account,
    building_bounds,
    read_extract,
    survey,
)
from data_sources.raster_folder import only_rasters, raster_folder
from heatmat.buildings import count_buildings
from heatmat.city import City
from heatmat.errors import InputError
from heatmat.features import Features

if TYPE_CHECKING:
    from data_sources.http import Session

MARGIN = 200.0
"""Geometry this far around the window shades and radiates [m]."""

FILLING = 110.0
"""Beyond the margin buildings are still read, since they fill heights [m]."""

NAMED_RADIUS = 400.0
"""Half the side of the window around a place that is not an area of its own [m]."""

RESOLUTION = 2.0
"""Cells of the scenario that is written [m]: walls and roofs are exact whatever it is."""

LARGEST_NAMED = 5000.0
"""Longest side of a named area that is fetched whole without being asked twice [m]."""


@dataclass
class _Read:
    """The map data of an area before it is a city."""

    features: Features
    counts: Counter[str]
    source: Source


def fetch_city(wish: Wish, session: Session, folder: Folder, say: Callable[[str], None]) -> Outcome:
    """Make a city folder.

    Parameters
    ----------
    wish : Wish
    session : Session
        For everything that is not on disk.
    folder : Folder
    say : callable
        Told the stage that begins.

    Raises
    ------
    HeatMatError
        When there is no map data: without it there is no city. Weather, terrain and views that
        cannot be had are listed in ``missing``.
    """
    check_wish(wish)
    if only_rasters(wish):
        return raster_folder(wish, session, folder, say)
    outcome = Outcome()
    area, read, margin = _map_data(wish, session, say)
    say("buildings and ground")
    city = City.from_features(read.features, crs=area.crs, extent=area.extent, margin=margin)
    kept = Counter(city.counts)
    kept["repaired"] += read.counts.pop("repaired", 0)
    kept["overlapping_pairs"] = _overlaps(city)
    kept["ground_layers"] = len(city.ground)
    extras = add_extras(wish, area, city, session, folder, say, outcome)
    city = extras.city
    count_buildings(city.buildings, kept)
    box = _box(area.extent, margin)
    files = _write_layers(city, read.features, box, folder)
    source = read.source
    outcome.sources.insert(0, Source(source.title, tuple(files), source.note, source.provenance))
    add_views(wish, city, session, folder, say, outcome)
    outcome.rows = count_rows(account(read.features, box) + read.counts, kept) + outcome.rows
    table: dict[str, Any] = {"buildings": "buildings.geojson"}
    table |= {"ground": "ground.geojson"} if "ground.geojson" in files else {}
    table |= {"crs": area.crs, "extent": list(area.extent), "margin_m": margin}
    _write_texts(folder, area, outcome, _scenario(area, extras, table))
    return outcome


def _write_layers(city: City, features: Features, box: Any, folder: Folder) -> list[str]:
    """The vector files that hold something; their names."""
    with folder.write("buildings.geojson") as path:
        write_buildings(city, path)
    files = ["buildings.geojson"]
    if len(city.ground):
        with folder.write("ground.geojson") as path:
            write_ground(city, path)
        files.append("ground.geojson")
    with folder.write("roads.geojson") as path:
        write_roads(features, box, city.crs, path)
    return [*files, "roads.geojson"]


def _scenario(area: Area, extras: Extras, table: dict[str, Any]) -> str:
    """The text of scenario.toml."""
    defaults = {
        "default_facade": "solid_brick_wall",
        "default_roof": "bitumen_roof",
        "default_ground": "asphalt_street",
    }
    city = {**table, "resolution_m": RESOLUTION, **extras.city_table, **defaults}
    made = now_utc().date().isoformat()
    return scenario_text(area, made, city, extras.trees_table, extras.weather, extras.window)


def _map_data(
    wish: Wish, session: Session, say: Callable[[str], None]
) -> tuple[Area, _Read, float]:
    """The window, its OpenStreetMap features, and the width around it that they cover [m]."""
    area = _asked_area(wish, session, say)
    if wish.osm is not None:
        say("reading " + wish.osm.name)
        features = read_extract(wish.osm)
        found = survey(wish.osm)
        lost = Counter(no_geometry=found.lost(features))
        read = _Read(features, lost, _file_source(wish.osm))
        if area is not None:
            _check_reach(area, features, wish.osm)
            return area, read, MARGIN
        bounds = found.bounds or building_bounds(features)
        area = area_of_bounds(bounds, wish.osm.name.split(".")[0], str(wish.osm))
        return area, read, _overhang(features, area)
    from data_sources.osm_online import fetch_features

    if area is None:
        raise InputError(
            "nothing says which place",
            where="fetch",
            expected="a PLACE, --bbox, --polygon or --osm",
            remedy='for example: heatmat fetch "Place Bellecour, Lyon" --radius 400 --out lyon/',
        )
    say("map data from OpenStreetMap")
    counts: Counter[str] = Counter()
    before = len(session.fetched)
    features = fetch_features(area.degrees(MARGIN + FILLING), session, counts)
    read = _Read(features, counts, _service_source(session.fetched[before:]))
    return area, read, MARGIN


def _check_reach(area: Area, features: Features, path: Path) -> None:
    """Refuse an area that an extract does not touch, and say so where its axes are swapped."""
    import shapely

    reach = shapely.total_bounds([shape for shape in features.geometry if shape is not None])
    west, south, east, north = area.degrees()
    if west < reach[2] and reach[0] < east and south < reach[3] and reach[1] < north:
        return
    swapped = south < reach[2] and reach[0] < north and west < reach[3] and reach[1] < east
    raise InputError(
        "the extract does not reach the area",
        where=str(path),
        expected="a part of " + ",".join(f"{value:.4f}" for value in reach) + " (W,S,E,N)",
        got=",".join(f"{value:.4f}" for value in (west, south, east, north)),
        remedy="latitude and longitude look swapped: longitude goes first"
        if swapped
        else "give an area within it, or an extract of the place",
    )


def _asked_area(wish: Wish, session: Session, say: Callable[[str], None]) -> Area | None:
    """The window that the options name; None where only a file does."""
    given = [name for name in ("place", "bbox", "polygon") if getattr(wish, name)]
    if len(given) > 1:
        raise InputError(
            "two ways to say where",
            where="fetch",
            got=" and ".join(given),
            remedy="give one of PLACE, --bbox, --polygon",
        )
    if wish.radius is not None and not wish.place:
        raise InputError("a radius goes with a place", where="--radius", remedy="name the PLACE")
    if wish.bbox:
        return area_of_bounds(parse_bbox(wish.bbox), "Area " + wish.bbox)
    if wish.polygon is not None:
        return area_of_polygon(wish.polygon)
    if not wish.place:
        return None
    from data_sources.osm_online import find_place

    say("finding " + wish.place)
    name, lon, lat, box = find_place(wish.place, session)
    if wish.radius is not None:
        return area_around(lon, lat, wish.radius, name)
    area = rectangle((box[0], box[1], box[2], box[3]), name)
    if area.longest > LARGEST_NAMED:
        raise InputError(
            "too large to be fetched whole without being asked twice",
            where=wish.place,
            got=f"{area.longest / 1000.0:.0f} km: {name}",
            remedy="say how much of it: --radius 400",
        )
    return area if area.longest >= 200.0 else area_around(lon, lat, NAMED_RADIUS, name)


def _overhang(features: Features, area: Area) -> float:
    """How far buildings reach beyond the window [m], in tens, at most `MARGIN`."""
    from pyproj import Transformer

    west, south, east, north = building_bounds(features)
    turn = Transformer.from_crs("EPSG:4326", area.crs, always_xy=True)
    box = turn.transform_bounds(west, south, east, north)
    out = [area.extent[i] - box[i] for i in (0, 1)] + [box[i] - area.extent[i] for i in (2, 3)]
    return float(min(MARGIN, 10.0 * math.ceil(max(0.0, *out) / 10.0)))


def _file_source(path: Path) -> Source:
    about = Provenance(
        address=f"file {path.name}",
        method="file",
        date=now_utc().isoformat(timespec="seconds"),
        size=path.stat().st_size,
        sha256=sha256_of(path),
        licence=LICENCE,
        attribution=ATTRIBUTION,
    )
    return Source("Buildings, ground and trees", (), "OpenStreetMap, from a file.", (about,))


def _service_source(fetched: Sequence[Provenance]) -> Source:
    note = "OpenStreetMap, through osmnx from the Overpass API."
    return Source("Buildings, ground and trees", (), note, tuple(fetched))


def _overlaps(city: City) -> int:
    """Pairs of footprints that share more than 0.1 m2; where they do, the higher counts."""
    import numpy as np
    import shapely

    shapes = city.buildings.geometry.to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = first < second
    first, second = first[pairs], second[pairs]
    crossing = ~shapely.touches(shapes[first], shapes[second])
    first, second = first[crossing], second[crossing]
    area = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    return int(np.count_nonzero(area > 0.1))


def _box(extent: tuple[float, float, float, float], margin: float) -> Any:
    import shapely

    west, south, east, north = extent
    return shapely.box(west - margin, south - margin, east + margin, north + margin)


def _write_texts(folder: Folder, area: Area, outcome: Outcome, scenario: str) -> None:
    texts = {
        "scenario.toml": scenario,
        "SOURCES.md": sources_text(area, outcome.sources, outcome.rows),
        "provenance.json": json.dumps(_record(area, outcome), indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        with folder.write(name) as path:
            path.write_text(text, encoding="utf-8")


def _record(area: Area, outcome: Outcome) -> dict[str, Any]:
    """provenance.json: the same as SOURCES.md, for machines, and complete."""
    return {
        "place": area.name,
        "crs": area.crs,
        "extent": list(area.extent),
        "bounds_degrees": list(area.degrees()),
        "counts": [{"of": a, "what": b, "number": n} for a, b, n in outcome.rows],
        "sources": [
            {
                "title": source.title,
                "files": list(source.files),
                "note": source.note,
                "provenance": [item.as_dict() for item in source.provenance],
            }
            for source in outcome.sources
        ],
        "missing": outcome.missing,
        "notes": outcome.notes,
    }
