"""Panoramax: open street pictures from a federation of servers, searched without a token.

The search is STAC's (https://api.panoramax.xyz/api/docs, "GET /api/search"): a box in degrees, at
most 1000 pictures an answer, as a FeatureCollection. Any field may be null. An answer that is full
is taken for cut off, and its box is searched again in quarters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError
from data_sources.search_boxes import Box, search_boxes
from data_sources.street_image import (
    EQUIRECTANGULAR_ASPECT,
    StreetImage,
    entry,
    heading,
    number,
    pixels,
    point,
    text,
    time_text,
    unique,
    web_address,
)

if TYPE_CHECKING:
    from data_sources.http import Session

NAME = "panoramax"
API = "https://api.panoramax.xyz"
"""The catalogue of the whole federation."""

LIMIT = 1000
MAX_BOX = 0.02
"""Side of a box that is searched at once [degrees]: about 2 km."""

WEEK = 7 * 86400.0
"""Answers to searches are asked for again after this [s]: new pictures come in."""

REMEDY = "try again later, or run with --street-view none"


def find(area: Box, session: Session, limit: int = LIMIT) -> tuple[list[StreetImage], list[str]]:
    """Every picture in an area.

    Parameters
    ----------
    area : tuple of float
        west, south, east, north [degrees].
    session : Session
        The HTTP layer.
    limit : int
        Pictures asked for at once.

    Returns
    -------
    (list of StreetImage, list of str)
        The pictures, and a line for each thing that went wrong in part.

    Raises
    ------
    NetworkError
        When no part of the area was answered.
    """

    def ask(box: Box) -> tuple[list[StreetImage], bool]:
        features = _features(session, box, limit)
        found = [image for image in map(read_item, features) if image is not None]
        return found, len(features) >= limit

    images, notes = search_boxes(area, MAX_BOX, ask, NAME)
    return unique(images), notes


def _features(session: Session, box: Box, limit: int) -> list[Any]:
    params = {"bbox": ",".join(f"{value:.7f}" for value in box), "limit": str(limit)}
    answer = session.get_json(
        f"{API}/api/search", params, expires=WEEK, attribution="Panoramax", remedy=REMEDY
    )
    features = entry(answer, "features")
    if not isinstance(features, list):
        raise MalformedError(
            "the answer is no list of pictures",
            host="api.panoramax.xyz",
            expected="a FeatureCollection",
            got=text(str(answer), 80),
            remedy=REMEDY,
        )
    return features


def read_item(item: Any) -> StreetImage | None:
    """A picture from one feature of the answer; None without an id, a place or an address.

    Field names as in https://gitlab.com/panoramax/server/api (STAC 1.0 with the view and
    perspective-imagery extensions). ``pers:pitch`` is the EXIF's PosePitchDegrees or Camera.Pitch:
    up is positive.
    """
    place = point(entry(item, "geometry"))
    name = text(entry(item, "id"))
    address = web_address(entry(item, "assets", "sd", "href"))
    address = address or web_address(entry(item, "assets", "hd", "href"))
    if place is None or not name or not address:
        return None
    properties = entry(item, "properties")
    camera = entry(properties, "pers:interior_orientation")
    size = entry(camera, "sensor_array_dimensions")
    size = size if isinstance(size, list) and len(size) == 2 else [None, None]
    width, height = pixels(size[0]), pixels(size[1])
    fov = number(entry(camera, "field_of_view"), 1.0, 360.0)
    panorama = fov == 360.0
    if fov is None and width and height:
        panorama = width >= EQUIRECTANGULAR_ASPECT * height
    return StreetImage(
        id=name,
        source=NAME,
        longitude=place[0],
        latitude=place[1],
        heading_deg=heading(entry(properties, "view:azimuth")),
        field_of_view_deg=360.0 if panorama else fov,
        is_panorama=panorama,
        pitch_deg=number(entry(properties, "pers:pitch"), -60.0, 60.0),
        width=width,
        height=height,
        captured=time_text(entry(properties, "datetime")),
        licence=text(entry(properties, "license")) or _licence(item),
        author=_author(item),
        url=address,
        thumbnail_url=web_address(entry(item, "assets", "thumb", "href")),
        position_accuracy_m=number(entry(properties, "quality:horizontal_accuracy"), 0.0, 1e5),
        sequence=text(entry(item, "collection")),
        page=_page(name),
    )


def _licence(item: Any) -> str:
    """The title or address of the item's link to its licence, else empty."""
    links = entry(item, "links")
    for link in links if isinstance(links, list) else []:
        if entry(link, "rel") == "license":
            return text(entry(link, "title")) or text(entry(link, "href"))
    return ""


def _author(item: Any) -> str:
    """The producer of the picture, else the last of its providers, who is nearest to it."""
    producer = text(entry(item, "properties", "geovisio:producer"))
    providers = entry(item, "providers")
    if producer or not isinstance(providers, list):
        return producer
    names = [text(entry(provider, "name")) for provider in providers]
    return next((name for name in reversed(names) if name), "")


def _page(name: str) -> str:
    """Where a person can look at the picture; only for ids that look like ids."""
    plain = name.replace("-", "")
    return f"https://api.panoramax.xyz/#focus=pic&pic={name}" if plain.isalnum() else ""
