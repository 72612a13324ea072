"""A city folder whose buildings, ground and trees come from rasters alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from data_sources.area import Area
from data_sources.city_texts import Source, scenario_text
from data_sources.city_wish import Folder, Outcome, Wish
from data_sources.from_rasters import RasterCity, city_from_rasters
from data_sources.local_files import local_file
from heatmat.errors import InputError

if TYPE_CHECKING:
    from data_sources.http import Session

RESOLUTION = 2.0
"""Cells of the scenario that is written [m]."""


def only_rasters(wish: Wish) -> bool:
    """Whether a surface and a terrain model alone say where and what the city is."""
    named = wish.place or wish.bbox or wish.polygon is not None or wish.osm is not None
    return not named and wish.dsm is not None and wish.dem is not None


def raster_folder(
    wish: Wish, session: Session, folder: Folder, say: Callable[[str], None]
) -> Outcome:
    """Make a city folder from ``wish.dsm`` and ``wish.dem``, with canopy and land cover.

    Parameters
    ----------
    wish : Wish
    session : Session
        For the weather.
    folder : Folder
    say : callable
        Told the stage that begins.

    Raises
    ------
    InputError
        When a raster cannot be used.
    """
    from data_sources.city_extras import Extras, add_weather
    from data_sources.city_folder import _write_texts
    from heatmat.city import City

    if wish.dsm is None or wish.dem is None:
        raise InputError("rasters alone need both", where="--dsm and --dem")
    say("buildings from " + wish.dsm.name)
    outcome = Outcome()
    made = city_from_rasters(
        wish.dsm, wish.dem, folder.path, land_cover=wish.land_cover, canopy=wish.canopy
    )
    for name in _files(made):
        folder.file(name)
    west, south, east, north = made.city["extent"]
    area = Area(wish.dsm.stem, made.city["crs"], (west, south, east, north))
    city = City.from_file(
        folder.path / made.city["buildings"],
        extent=area.extent,
        crs=area.crs,
        margin=made.city["margin_m"],
    )
    extras = Extras(city)
    add_weather(
        wish, area, _mean(folder.path / "terrain.tif"), extras, session, folder, say, outcome
    )
    outcome.notes += made.notes
    outcome.rows = [
        ("Buildings", "roofs made from the rasters", made.counts["buildings_from_rasters"]),
        ("Buildings", "blocks of touching roofs", made.counts["raster_blocks"]),
        ("Buildings", "too small, left out", made.counts["raster_buildings_too_small"]),
        ("Buildings", "courtyards", city.counts["courtyards"]),
    ]
    outcome.sources.insert(0, _source(wish, made))
    table = {**made.city, "resolution_m": RESOLUTION}
    trees = table.pop("trees", {})
    made_on = _today()
    text = scenario_text(area, made_on, table, trees, extras.weather, extras.window)
    _write_texts(folder, area, outcome, text)
    return outcome


def _files(made: RasterCity) -> list[str]:
    names = [made.city["buildings"], made.city["terrain"], made.city.get("land_cover")]
    names.append(made.city.get("trees", {}).get("top"))
    return [name for name in names if name]


def _source(wish: Wish, made: RasterCity) -> Source:
    given = [path for path in (wish.dsm, wish.dem, wish.land_cover, wish.canopy) if path]
    note = (
        f"Made from the rasters {', '.join(path.name for path in given)}: a roof is where the "
        "surface stands 2 m or more above the terrain, its height the median."
    )
    items = tuple(local_file(path) for path in given)
    return Source("Buildings, ground, terrain and trees", tuple(_files(made)), note, items)


def _mean(path: Path) -> float:
    """Mean height of the terrain [m]."""
    import rasterio

    with rasterio.open(path) as tif:
        return float(tif.read(1, masked=True).mean())


def _today() -> str:
    from data_sources.cache import now_utc

    return now_utc().date().isoformat()
