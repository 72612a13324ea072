"""Street view behind one interface: find images in an area, choose views of facades, keep them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_sources import mapillary, panoramax
from data_sources.errors import NetworkError
from data_sources.facade_outlines import Buildings, Facades, outline_facades, read_buildings
from data_sources.image_files import Fetched, ImageStore
from data_sources.search_boxes import Box
from data_sources.street_image import StreetImage, unique
from data_sources.thinning import thin
from data_sources.view_files import Crop, check_shape, folder_names, write_crops, write_tables
from data_sources.view_pictures import contact_sheet, coverage_map
from data_sources.views import RADIUS, Camera, View, as_camera, choose_views, find_views, seen_share
from data_sources.visibility import Scene
from heatmat.errors import InputError, nearest
from heatmat.geodesy import place

if TYPE_CHECKING:
    import geopandas as gpd

    from data_sources.http import Session
    from heatmat.city import City

SOURCES = {"panoramax": panoramax, "mapillary": mapillary}
ADDRESSES = {"panoramax": panoramax.API, "mapillary": "https://www.mapillary.com"}

ROUNDS = 4
"""Views are chosen anew so often at most when images turn out to be broken."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ViewsResult:
    """What `fetch_views` found and wrote.

    Attributes
    ----------
    counts : dict of str to int
        ``images_found``, ``images_thinned`` (left after thinning), ``images_used``,
        ``images_fetched``, ``images_kept`` (there already), ``facades``, ``facades_seen``,
        ``buildings``, ``buildings_seen``, ``views``.
    coverage : float
        Share of the facade area (m2 above ground, walls to the open) that a chosen view sees.
    skipped : dict of str to int
        Why images were not used, and how many: ``no_heading``, ``inside_building``, ``broken``...
    notes : list of str
        One line each for what a user should know: a service that failed, images cut off by `limit`.
    provenance : list of dict
        For SOURCES.md, a row a source and licence: ``source``, ``licence``, ``authors`` (list),
        ``images``, ``address``.
    table : Path or None
        The ``views.csv`` written, None without any view.
    """

    counts: dict[str, int]
    coverage: float
    skipped: dict[str, int]
    notes: list[str] = field(default_factory=list)
    provenance: list[dict[str, Any]] = field(default_factory=list)
    table: Path | None = None


def find_images(area: Box, source: str, session: Session) -> list[StreetImage]:
    """Every image that a service has in an area.

    Parameters
    ----------
    area : tuple of float
        west, south, east, north [degrees, WGS 84].
    source : str
        ``panoramax`` or ``mapillary`` (needs a token in the environment variable MAPILLARY_TOKEN).
    session : Session
        The HTTP layer.

    Raises
    ------
    InputError
        On an unknown source, a missing token.
    NetworkError
        When the service does not answer.
    """
    return _service(source).find(area, session)[0]


def fetch_views(
    city: City | gpd.GeoDataFrame,
    session: Session,
    folder: Path,
    *,
    sources: Sequence[str] = ("panoramax",),
    spacing_m: float = 8.0,
    per_building: int = 5,
    limit: int = 2000,
    progress: Progress | None = None,
    today: date | None = None,
) -> ViewsResult:
    """Find, choose, fetch and cut the best views of every building's facades.

    Parameters
    ----------
    city : City or GeoDataFrame
        Buildings in metres: ``geometry`` and ``building_id``, ``height``, ``min_height`` (0 where
        absent). Of a City those in the extent get views; those in the margin only hide.
    session : Session
        The HTTP layer.
    folder : Path
        City folder; everything is written to ``folder/views`` (see `view_files`).
    sources : sequence of str
        Of `SOURCES`.
    spacing_m : float
        Distance along the street that thinning leaves between images of one direction [m].
    per_building : int
        Views of each building at most.
    limit : int
        Images that are fetched at most; the best are kept, and the others counted.
    progress : callable, optional
        Is told one line per stage.
    today : date, optional
        From which the age of images counts.

    Returns
    -------
    ViewsResult

    Raises
    ------
    InputError
        On an unknown source, a missing token, a coordinate system that is not metric.
    NetworkError
        When no source answers at all; where one of several does not, a note says so.
    """
    say = progress or (lambda _: None)
    services = {name: _service(name) for name in sources}
    buildings, crs = _buildings(city)
    facades = outline_facades(buildings)
    area, convergence = _surroundings(buildings, crs)
    images, notes = _find_all(area, services, session)
    say(f"street view: {len(images)} images found")
    skipped: Counter[str] = Counter()
    scene = Scene(buildings, facades)
    cameras = _cameras(images, scene, crs, convergence, today or date.today(), skipped)
    cameras = [cameras[i] for i in thin(cameras, spacing_m)]
    say(f"street view: {len(cameras)} images after thinning, {len(facades)} facades")
    candidates = find_views(scene, cameras)
    building_of = [buildings.ids[k] for k in facades.building]
    store = ImageStore(Path(folder) / "views" / "_images")
    chosen, fetched, left_out = _choose_and_fetch(
        facades, building_of, candidates, cameras, store, session, per_building, limit, skipped, say
    )
    if left_out:
        notes.append(f"street view: {left_out} images left out by the limit of {limit}")
    notes += fetched.errors
    crops = _write(
        Path(folder) / "views", buildings, facades, building_of, cameras, chosen, fetched,
        convergence, skipped,
    )  # fmt: skip
    if any(skipped.values()):
        reasons = (f"{n} {why.replace('_', ' ')}" for why, n in sorted(skipped.items()) if n)
        notes.append("street view: not used: " + ", ".join(reasons))
    coverage, _ = seen_share(facades, [crop.view for crop in crops])
    used = {crop.view.camera for crop in crops}
    counts = {
        "images_found": len(images),
        "images_thinned": len(cameras),
        "images_used": len(used),
        "images_fetched": fetched.new,
        "images_kept": len(fetched.paths) - fetched.new,
        "facades": len(facades),
        "facades_seen": len({crop.view.facade for crop in crops}),
        "facades_too_short": facades.dropped["too_short"],
        "party_walls": facades.dropped["party_walls"],
        "buildings": len({buildings.ids[k] for k in np.flatnonzero(buildings.target)}),
        "buildings_seen": len({building_of[crop.view.facade] for crop in crops}),
        "views": len(crops),
    }
    say(f"street view: {len(crops)} views of {counts['buildings_seen']} buildings")
    return ViewsResult(
        counts=counts,
        coverage=coverage,
        skipped={name: count for name, count in sorted(skipped.items()) if count},
        notes=notes,
        provenance=_provenance([cameras[i].image for i in sorted(used)]),
        table=Path(folder) / "views" / "views.csv" if crops else None,
    )


def _service(name: str) -> Any:
    if name not in SOURCES:
        raise InputError(
            "no such source of street images",
            where="street view",
            expected=" or ".join(SOURCES),
            got=name,
            remedy=nearest(name, SOURCES),
        )
    if name == "mapillary":
        mapillary.token()  # before anything is asked for
    return SOURCES[name]


def _buildings(city: Any) -> tuple[Buildings, Any]:
    """Buildings, and their coordinate system."""
    table = getattr(city, "buildings", city)
    crs = getattr(city, "crs", None)
    if crs is None:
        raise InputError(
            "the buildings have no coordinate system",
            where="street view",
            expected="a projected one in metres",
        )
    extent = city.extent if hasattr(city, "extent") else None
    buildings = read_buildings(table, extent)
    if not buildings.target.any():
        raise InputError("no building to look at", where="street view")
    return buildings, crs


def _surroundings(buildings: Buildings, crs: Any) -> tuple[Box, float]:
    """The area to search [degrees], and true azimuth minus grid azimuth in its middle."""
    import shapely
    from pyproj import Transformer

    bounds = shapely.total_bounds(buildings.polygons[buildings.target])
    low, high = bounds[:2] - RADIUS, bounds[2:] + RADIUS
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(low[0], low[1], high[0], high[1])
    middle = (low + high) / 2
    _, _, convergence = place(crs, float(middle[0]), float(middle[1]))
    return (west, south, east, north), convergence


def _find_all(
    area: Box, services: dict[str, Any], session: Session
) -> tuple[list[StreetImage], list[str]]:
    """Images of all services; a service that fails leaves a note, unless all do."""
    images: list[StreetImage] = []
    notes: list[str] = []
    failures: list[NetworkError] = []
    for name, service in services.items():
        try:
            found, remarks = service.find(area, session)
        except NetworkError as error:
            failures.append(error)
            notes.append(f"{name}: {error}")
            continue
        images += found
        notes += remarks
    if failures and len(failures) == len(services):
        raise failures[0]
    west, south, east, north = area
    return [
        image
        for image in unique(images)
        if west <= image.longitude <= east and south <= image.latitude <= north
    ], notes


def _cameras(
    images: Sequence[StreetImage],
    scene: Scene,
    crs: Any,
    convergence: float,
    today: date,
    skipped: Counter[str],
) -> list[Camera]:
    """Images with a place and a direction, outside of buildings; the others are counted."""
    from pyproj import Transformer

    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_metres.transform([i.longitude for i in images], [i.latitude for i in images])
    cameras = []
    for image, position in zip(images, np.stack([x, y], axis=-1).reshape(-1, 2), strict=True):
        camera = as_camera(image, position, convergence, today)
        if not image.licence:  # what nobody licensed may not be kept and shown
            camera = "no_licence"
        if isinstance(camera, Camera) and scene.inside(camera.position):
            camera = "inside_building"
        if isinstance(camera, str):
            skipped[camera] += 1
        else:
            cameras.append(camera)
    return cameras


def _choose_and_fetch(
    facades: Facades,
    building_of: Sequence[str],
    candidates: Sequence[View],
    cameras: Sequence[Camera],
    store: ImageStore,
    session: Session,
    per_building: int,
    limit: int,
    skipped: Counter[str],
    say: Progress,
) -> tuple[list[View], Fetched, int]:
    """Views whose images are there and sound; where one is not, the next best take its place."""
    without: set[int] = set()
    total = Fetched()
    left_out = 0
    chosen: list[View] = []
    for _ in range(ROUNDS):
        chosen = choose_views(facades, building_of, candidates, per_building, without)
        over = _beyond(chosen, limit)
        if over:
            left_out += len(over)
            without |= over
            chosen = [view for view in chosen if view.camera not in without]
        wanted = sorted({view.camera for view in chosen})
        new = [cameras[i].image for i in wanted if cameras[i].image.key not in total.paths]
        fetched = store.fetch(new, session, say)
        total.paths |= fetched.paths
        total.new += fetched.new
        total.errors = (total.errors + fetched.errors)[:3]
        bad = dict(fetched.failed)
        for i in wanted:
            image = cameras[i].image
            if image.key in fetched.paths:
                fault = check_shape(cameras[i], fetched.aspects[image.key])
                bad |= {image.key: fault} if fault else {}
        skipped.update(bad.values())
        broken = {i for i in wanted if cameras[i].image.key in bad}
        without |= broken
        if not broken:
            break
    return [v for v in chosen if v.camera not in without], total, left_out


def _beyond(views: Sequence[View], limit: int) -> set[int]:
    """The cameras that add least, beyond the number that may be fetched."""
    worth: Counter[int] = Counter()
    for view in views:
        worth[view.camera] += float(view.worth.sum())  # type: ignore[assignment]
    return {camera for camera, _ in worth.most_common()[max(0, limit) :]}


def _write(
    folder: Path,
    buildings: Buildings,
    facades: Facades,
    building_of: Sequence[str],
    cameras: Sequence[Camera],
    chosen: Sequence[View],
    fetched: Fetched,
    convergence: float,
    skipped: Counter[str],
) -> list[Crop]:
    """Crops, tables, sheets and the map."""
    folder.mkdir(parents=True, exist_ok=True)
    names = folder_names(buildings.ids)
    crops = write_crops(
        folder, facades, building_of, cameras, chosen, fetched.paths, names, convergence, skipped
    )
    coverage, shares = seen_share(facades, [crop.view for crop in crops])
    write_tables(folder, facades, building_of, cameras, crops, shares, convergence)
    by_building: dict[str, list[Crop]] = {}
    for crop in crops:
        by_building.setdefault(building_of[crop.view.facade], []).append(crop)
    for name, group in by_building.items():
        sheet = folder / names[name] / "contact.jpg"
        if any(crop.new for crop in group) or not sheet.is_file():
            contact_sheet(sheet, name, buildings, facades, cameras, group, convergence)
    used = {crop.view.camera for crop in crops}
    title = f"{len(crops)} views, {coverage:.0%} of the facade area"
    coverage_map(folder / "coverage.png", buildings, facades, shares, cameras, used, title)
    return crops


def _provenance(images: Sequence[StreetImage]) -> list[dict[str, Any]]:
    """A row a source and licence: whom to name."""
    groups: dict[tuple[str, str], list[StreetImage]] = {}
    for image in images:
        groups.setdefault((image.source, image.licence), []).append(image)
    return [
        {
            "source": source,
            "licence": licence,
            "authors": sorted({image.author for image in group if image.author}),
            "images": len(group),
            "address": ADDRESSES[source],
        }
        for (source, licence), group in sorted(groups.items())
    ]
