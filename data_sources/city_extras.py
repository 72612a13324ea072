"""What joins the map data in a city folder: terrain, measured heights, trees, weather, views.

None of it is needed for a folder that runs. What was asked for and is not to be had is listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.area import Area
from data_sources.cache import Provenance
from data_sources.city_texts import Source
from data_sources.city_wish import Folder, Outcome, Wish
from data_sources.errors import NetworkError
from data_sources.local_files import local_file
from heatmat.errors import InputError
from heatmat.trees import BASE_FRACTION

if TYPE_CHECKING:
    from data_sources.http import Session
    from heatmat.city import City

DESIGN_DAY = {"tmax_c": 32.0, "tmin_c": 20.0, "wind_m_s": 2.0, "linke_turbidity": 3.5}
"""A hot clear day where no weather was asked for: assumed, the same everywhere."""

TREE_LINES = (
    ("trees_placed", "crowns in trees.gpkg"),
    ("trees_from_rows", "of them along rows, every 8 m"),
    ("tree_size_tagged", "height and crown tagged"),
    ("tree_size_crown", "height from the crown"),
    ("tree_size_trunk", "size from the trunk"),
    ("tree_size_height", "crown from the height"),
    ("tree_size_assumed", "size assumed: 10 m"),
    ("tree_tags_not_usable", "sizes that cannot be, taken as missing"),
    ("tree_in_row_drawn_too", "in a row, drawn by themselves too"),
    ("trees_inside_buildings", "inside a building, left out"),
    ("crowns_cut_at_walls", "crowns cut back to a wall"),
)
PERIOD = re.compile(r"^(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})$")


@dataclass
class Extras:
    """What the scenario says of it.

    Attributes
    ----------
    city : City
        With measured heights, where there was a surface model.
    city_table, trees_table, weather : dict
        Keys of [city], [city.trees], [weather].
    window : tuple of str or None
        start and end of [time]; None where the weather is a day of its own.
    """

    city: City
    city_table: dict[str, Any] = field(default_factory=dict)
    trees_table: dict[str, Any] = field(default_factory=dict)
    weather: dict[str, Any] = field(default_factory=dict)
    window: tuple[str, str] | None = None


def check_wish(wish: Wish) -> None:
    """Refuse at once what would fail after minutes of fetching.

    Raises
    ------
    InputError
    """
    from data_sources.street_view import SOURCES
    from heatmat.errors import nearest

    for name in wish.views:
        if name not in SOURCES:
            raise InputError(
                f"no street view service {name!r}",
                where="--street-view",
                remedy=nearest(name, SOURCES),
            )
    if "mapillary" in wish.views and not os.environ.get("MAPILLARY_TOKEN"):
        raise InputError(
            "Mapillary needs a token",
            where="--street-view mapillary",
            remedy="set the environment variable MAPILLARY_TOKEN",
        )
    _check_weather(wish.weather)
    if wish.terrain not in ("glo30", "flat"):
        raise InputError(
            "unknown terrain",
            where="--terrain",
            expected="glo30 or flat",
            got=wish.terrain,
            remedy="a raster of yours goes into --dem",
        )
    if wish.dsm is not None and wish.dem is None:
        raise InputError(
            "a surface model needs its terrain model", where="--dsm", remedy="give --dem too"
        )


def _check_weather(weather: str) -> None:
    """A file must be there; nothing else can be told before it is asked for."""
    asked = weather in ("nearest", "clear-sky") or PERIOD.match(weather)
    if asked or weather.lower().startswith(("http://", "https://")):
        return
    if not Path(weather).expanduser().is_file():
        raise InputError(
            "no such file",
            where=f"--weather {weather}",
            expected="nearest, clear-sky, FROM/TO as two dates, or an .epw file or its address",
            remedy="check the path",
        )


def add_extras(
    wish: Wish,
    area: Area,
    city: City,
    session: Session,
    folder: Folder,
    say: Callable[[str], None],
    outcome: Outcome,
) -> Extras:
    """Everything beside the map data.

    Raises
    ------
    InputError
        When a file of the user's must be mended; a service that fails is listed in the outcome.
    """
    extras = Extras(city)
    elevation = _terrain(wish, area, extras, session, folder, say, outcome)
    _rasters(wish, area, extras, folder, say, outcome)
    _crowns(extras.city, folder, outcome)
    if extras.city.trees is not None:
        # A table in the scenario, so that the trees count; a raster has put its own there.
        extras.trees_table.setdefault("base_fraction", BASE_FRACTION)
    add_weather(wish, area, elevation, extras, session, folder, say, outcome)
    return extras


def add_views(
    wish: Wish,
    city: City,
    session: Session,
    folder: Folder,
    say: Callable[[str], None],
    outcome: Outcome,
) -> None:
    """Street views of the facades, where asked for."""
    if not wish.views:
        return
    from data_sources.street_view import fetch_views

    with _listed("street views", outcome):
        result = fetch_views(
            city, session, folder.path, sources=wish.views, progress=say, limit=wish.max_images
        )
        folder.file("views")
        outcome.notes += result.notes
        items = tuple(
            Provenance(
                address=str(item.get("address", item.get("source", ""))),
                licence=str(item.get("licence", "")),
                attribution=_credit(item),
            )
            for item in result.provenance
        )
        buildings, seen = result.counts.get("buildings", 0), result.counts.get("buildings_seen", 0)
        note = (
            f"{result.counts.get('views', 0)} views of {seen} of {buildings} buildings; a chosen "
            f"view sees {100.0 * result.coverage:.0f} % of the facade area. Licence, author, "
            "position and date of each image: views/."
        )
        outcome.sources.append(Source("Street views", ("views",), note, items))


def _credit(item: dict[str, Any]) -> str:
    authors = [str(name) for name in item.get("authors", [])]
    named = ", ".join(authors[:20]) + (" and others" if len(authors) > 20 else "")
    return f"Images: {item.get('source', 'street view')}" + (f", {named}" if named else "")


@contextmanager
def _listed(what: str, outcome: Outcome) -> Iterator[None]:
    """A service that fails leaves a line in the outcome, and the folder without its part."""
    try:
        yield
    except NetworkError as error:
        outcome.missing.append(f"{what}: {error}")


def _terrain(
    wish: Wish,
    area: Area,
    extras: Extras,
    session: Session,
    folder: Folder,
    say: Callable[[str], None],
    outcome: Outcome,
) -> float:
    """Terrain into the folder; mean height above sea [m], NaN where unknown."""
    from data_sources.elevation import fetch_terrain, import_terrain

    bounds = area.degrees(extras.city.margin)
    result = None
    if wish.dem is not None:
        say("terrain from " + wish.dem.name)
        folder.file("terrain.tif")
        result = import_terrain(wish.dem, bounds, folder.path)
    elif wish.terrain == "glo30":
        say("terrain")
        with _listed("terrain", outcome):
            result = fetch_terrain(bounds, session, folder.path)
    if result is None:
        outcome.sources.append(Source("Terrain", (), "The ground is taken as flat.", ()))
        return float("nan")
    if result.path is not None:
        folder.file(result.path.name)
        extras.city_table["terrain"] = result.path.name
    outcome.notes.append(result.note)
    files = () if result.path is None else (result.path.name,)
    outcome.sources.append(Source("Terrain", files, result.note + ".", result.provenance))
    return float(result.elevation)


def _rasters(
    wish: Wish,
    area: Area,
    extras: Extras,
    folder: Folder,
    say: Callable[[str], None],
    outcome: Outcome,
) -> None:
    """Heights from the user's surface model, canopy and land cover, over the window and margin."""
    from data_sources.from_rasters import import_canopy
    from data_sources.land_cover_codes import import_land_cover
    from data_sources.raster_heights import heights_from_rasters
    from data_sources.rasters import own_grid, read_metres

    items: tuple[Provenance, ...]
    if wish.dsm is not None and wish.dem is not None:
        say("heights from " + wish.dsm.name)
        measured = heights_from_rasters(extras.city.buildings, wish.dsm, wish.dem)
        extras.city = replace(extras.city, buildings=measured.buildings)
        outcome.notes += measured.notes
        note = f"Heights of footprints: {wish.dsm.name} minus {wish.dem.name}."
        items = (local_file(wish.dsm), local_file(wish.dem))
        outcome.sources.append(Source("Measured heights", ("buildings.geojson",), note, items))
    west, south, east, north = area.extent
    margin = extras.city.margin
    box = (west - margin, south - margin, east + margin, north + margin)
    for path, option in ((wish.canopy, "--canopy"), (wish.land_cover, "--land-cover")):
        if path is None:
            continue
        say(f"{option[2:]} from {path.name}")
        grid = own_grid(path, extras.city.crs, where=option, bounds=box)
        if option == "--canopy":
            heights = read_metres(path, grid, where=option)
            extras.trees_table["top"] = import_canopy(heights, grid, folder.path, path.name)
            folder.file("canopy.tif")
            note, items = f"From {path.name}.", (local_file(path),)
            source = Source("Tree canopy", ("canopy.tif",), note, items)
        else:
            target, legend = import_land_cover(path, grid, folder.path)
            folder.file(target.name)
            extras.city_table |= {"land_cover": target.name, "land_cover_legend": legend}
            note, items = f"UMEP codes of {path.name}.", (local_file(path),)
            source = Source("Land cover", (target.name,), note, items)
        outcome.sources.append(source)


def _crowns(city: City, folder: Folder, outcome: Outcome) -> None:
    """The sizes of the trees, for reading; a simulation takes them from the buildings file."""
    if city.trees is None:
        return
    from data_sources.trees import crowns, write_trees

    table, counts = crowns(city.trees, city.buildings)
    with folder.write("trees.gpkg") as path:
        write_trees(table, path)
    outcome.rows += [("trees", text, counts[key]) for key, text in TREE_LINES if counts.get(key)]
    note = "Crowns of the trees in OpenStreetMap, sized by the rules in docs/data-sources.md."
    outcome.sources.append(Source("Tree crowns", ("trees.gpkg",), note, ()))


def add_weather(
    wish: Wish,
    area: Area,
    elevation: float,
    extras: Extras,
    session: Session,
    folder: Folder,
    say: Callable[[str], None],
    outcome: Outcome,
) -> None:
    """Weather into the folder; a clear design day where none was asked for or none is to be had."""
    from data_sources.weather import fetch_weather

    longitude, latitude = area.centre
    result = None
    if wish.weather != "clear-sky":
        say("weather")
        period = PERIOD.match(wish.weather)
        options: dict[str, Any] = {}
        if period:
            options["period"] = (period[1], period[2])
        elif wish.weather != "nearest":
            options["epw"] = wish.weather
        with _listed("weather", outcome):
            result = fetch_weather(longitude, latitude, elevation, session, folder.path, **options)
    if result is None:
        extras.weather = {"clear_sky": design_day(latitude)}
        note = (
            f"Assumed, not measured: a clear day of {DESIGN_DAY['tmin_c']:g} to "
            f"{DESIGN_DAY['tmax_c']:g} C. For a file or a service: --weather."
        )
        outcome.sources.append(Source("Weather", (), note, ()))
        return
    folder.file(result.path.name)
    extras.weather = dict(result.scenario)
    extras.window = (result.start, result.end)
    outcome.notes += [result.clock, *(f"weather: {line}" for line in result.warnings)]
    note = f"{result.station}, {result.distance_km:.0f} km away. {_sentence(result.clock)}"
    outcome.sources.append(Source("Weather", (result.path.name,), note, result.provenance))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def design_day(latitude: float) -> dict[str, Any]:
    """The clear day of July or, south of the equator, January."""
    return {"date": "2023-07-15" if latitude >= 0.0 else "2023-01-15", **DESIGN_DAY}
