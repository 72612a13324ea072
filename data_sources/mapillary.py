"""Mapillary: street images of the Graph API v4, with a token from the environment.

https://www.mapillary.com/developer/api-documentation: ``GET /images?bbox=...&fields=...`` with the
token in the header ``Authorization: OAuth ...``; a box of less than 0.01 square degrees and at most
2000 images an answer, without pages. Where a box holds many images the service answers with an
error that asks for less, whatever the limit; so boxes begin small (its FAQ uses map tiles of zoom
18) and are cut in quarters. Any field may be missing. Image addresses are signed and expire.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError, RefusedError
from data_sources.redaction import Secret
from data_sources.search_boxes import Box, TooMuchError, search_boxes
from data_sources.street_image import (
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
from heatmat.errors import InputError

if TYPE_CHECKING:
    from data_sources.http import Session

NAME = "mapillary"
API = "https://graph.mapillary.com"
TOKEN = "MAPILLARY_TOKEN"  # noqa: S105 - the variable's name, no secret
LICENCE = "CC-BY-SA-4.0"
"""Of every image: https://help.mapillary.com/hc/en-us/articles/115001770409-Licenses."""

LIMIT = 2000
MAX_BOX = 0.003
"""Side of the boxes to begin with [degrees]: 9e-6 square degrees, 0.3 km high."""

DAY = 86400.0
"""Answers are asked for again after this [s]: the image addresses in them expire."""

DOUBT = 45.0
"""Compass and reconstruction further apart than this: one of them is wrong [degrees]."""

FIELDS = (
    "id,camera_type,camera_parameters,is_pano,compass_angle,computed_compass_angle,geometry,"
    "computed_geometry,computed_rotation,captured_at,width,height,quality_score,sequence,creator,thumb_2048_url,"
    "thumb_256_url"
)
REMEDY = f"check the token in {TOKEN}, try again later, or use --street-view panoramax"


def token() -> Secret:
    """The token from the environment.

    Raises
    ------
    InputError
        When there is none.
    """
    value = os.environ.get(TOKEN, "").strip()
    if not value or not value.isascii() or not value.isprintable():
        raise InputError(
            "no token for Mapillary" if not value else "the token for Mapillary is not plain text",
            where=f"environment variable {TOKEN}",
            remedy=f"make one at https://www.mapillary.com/dashboard/developers and set {TOKEN}, "
            "or use --street-view panoramax, which needs none",
        )
    return Secret(value, header="Authorization", prefix="OAuth ")


def find(area: Box, session: Session, limit: int = LIMIT) -> tuple[list[StreetImage], list[str]]:
    """Every image in an area, as `panoramax.find` does.

    Raises
    ------
    InputError
        Without a token.
    NetworkError
        When no part of the area was answered; `RefusedError` with the service's own words.
    """
    secret = token()

    def ask(box: Box) -> tuple[list[StreetImage], bool]:
        rows = _rows(session, box, limit, secret)
        found = [image for image in map(read_image, rows) if image is not None]
        return found, len(rows) >= limit

    images, notes = search_boxes(area, MAX_BOX, ask, NAME)
    return unique(images), notes


def _rows(session: Session, box: Box, limit: int, secret: Secret) -> list[Any]:
    params = {
        "bbox": ",".join(f"{value:.7f}" for value in box),
        "fields": FIELDS,
        "limit": str(limit),
    }
    try:
        answer = session.get_json(
            f"{API}/images",
            params,
            secret=secret,
            expires=DAY,
            licence=LICENCE,
            attribution="Mapillary contributors",
            remedy=REMEDY,
            final=asks_for_less,
        )
    except RefusedError as error:
        if asks_for_less(error.status, error.body):
            raise TooMuchError from None
        raise _explained(error) from None
    rows = entry(answer, "data")
    if entry(answer, "error") is not None or not isinstance(rows, list):
        said = text(entry(answer, "error", "message"))
        raise MalformedError(
            said or "the answer is no list of images", host="graph.mapillary.com", remedy=REMEDY
        )
    return rows


def asks_for_less(status: int, body: bytes) -> bool:
    """Whether an error says that the box holds too many images for one answer."""
    said = text(entry(_parsed(body), "error", "message")).lower()
    return status >= 400 and "reduce the amount of data" in said


def _explained(error: RefusedError) -> RefusedError:
    """The service's own words in place of the bare status."""
    said = _parsed(error.body)
    message = text(entry(said, "error", "message"))
    if not message:
        return error
    kind, code = text(entry(said, "error", "type")), text(entry(said, "error", "code"))
    return RefusedError(
        message,
        host=error.host,
        status=error.status,
        got=" ".join(filter(None, [kind, f"code {code}" if code else ""])),
        remedy=REMEDY,
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def read_image(row: Any) -> StreetImage | None:
    """An image from one row of the answer; None without an id, a place or an address.

    Place and direction of the reconstruction are taken before those of the camera's own sensors.
    """
    place = point(entry(row, "computed_geometry")) or point(entry(row, "geometry"))
    name = text(entry(row, "id"))
    address = web_address(entry(row, "thumb_2048_url"))
    if place is None or not name or not address:
        return None
    compass = heading(entry(row, "compass_angle"))
    computed = heading(entry(row, "computed_compass_angle"))
    kind = text(entry(row, "camera_type")).lower()
    panorama = kind in ("spherical", "equirectangular") or (
        not kind and entry(row, "is_pano") is True
    )
    width, height = pixels(entry(row, "width")), pixels(entry(row, "height"))
    author = text(entry(row, "creator", "username"))
    return StreetImage(
        id=name,
        source=NAME,
        longitude=place[0],
        latitude=place[1],
        heading_deg=compass if computed is None else computed,
        field_of_view_deg=360.0 if panorama else _field_of_view(row, kind, width, height),
        is_panorama=panorama,
        pitch_deg=_pitch(entry(row, "computed_rotation"), computed),
        width=width,
        height=height,
        captured=time_text(entry(row, "captured_at")),
        licence=LICENCE,
        author=author or "Mapillary contributor",
        url=address,
        thumbnail_url=web_address(entry(row, "thumb_256_url")),
        quality=number(entry(row, "quality_score"), 0.0, 1.0),
        heading_doubtful=_apart(compass, computed) > DOUBT,
        sequence=text(entry(row, "sequence")),
        page=f"https://www.mapillary.com/app/?pKey={name}" if name.isalnum() else "",
    )


def _field_of_view(row: Any, kind: str, width: int | None, height: int | None) -> float | None:
    """Horizontal, of a photograph, from the reconstruction's focal length.

    ``camera_parameters`` is focal, k1, k2, the focal length in units of the longer side (OpenSfM,
    https://opensfm.org/docs/geometry.html). A fisheye is another projection: None.
    """
    parameters = entry(row, "camera_parameters")
    if kind == "fisheye" or not isinstance(parameters, list) or not parameters:
        return None
    focal = number(parameters[0], 0.15, 10.0)
    if focal is None:
        return None
    share = 1.0 if not width or not height else width / max(width, height)
    return math.degrees(2 * math.atan(0.5 * share / focal))


def _pitch(rotation: Any, computed: float | None) -> float | None:
    """Of the camera's axis above the horizon, from the reconstruction's rotation.

    ``computed_rotation`` turns east, north, up into the camera's right, down, ahead, as an axis
    times an angle (OpenSfM, https://opensfm.org/docs/geometry.html). The heading that follows from
    it must be that of ``computed_compass_angle`` to 5 degrees; else it is not believed: None.
    """
    if not isinstance(rotation, list) or len(rotation) != 3 or computed is None:
        return None
    parts = [number(value, -7.0, 7.0) for value in rotation]
    x, y, z = (0.0 if part is None else part for part in parts)
    angle = math.sqrt(x * x + y * y + z * z)
    if None in parts or angle < 1e-9:
        return None
    x, y, z = x / angle, y / angle, z / angle
    # The row of Rodrigues' matrix that gives what lies ahead: the camera's axis in the world.
    rest, sine = 1 - math.cos(angle), math.sin(angle)
    east, north, up = z * x * rest - y * sine, z * y * rest + x * sine, 1 - (x * x + y * y) * rest
    heading_deg = math.degrees(math.atan2(east, north)) % 360.0
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, up))))
    return pitch if _apart(heading_deg, computed) < 5.0 and abs(pitch) <= 60.0 else None


def _apart(a: float | None, b: float | None) -> float:
    return 0.0 if a is None or b is None else abs((a - b + 180.0) % 360.0 - 180.0)
