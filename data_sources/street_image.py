"""One street image as every service describes it, and the reading of fields that may be missing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from data_sources.untrusted import safe_name

EQUIRECTANGULAR_ASPECT = 1.9
"""A picture at least this much wider than high, of unknown field of view, is a full panorama: the
equirectangular projection is twice as wide as high, and photographs are at most 16:9."""


@dataclass(frozen=True)
class StreetImage:
    """What a service says about one image. Whatever it does not say is None or empty.

    Attributes
    ----------
    id, source : str
        The service's id, and its name: ``panoramax`` or ``mapillary``.
    longitude, latitude : float
        WGS 84 [degrees].
    heading_deg : float or None
        Of the middle column, clockwise from true north.
    field_of_view_deg : float or None
        Horizontal; 360 for a panorama.
    is_panorama : bool
        Equirectangular, the whole turn.
    pitch_deg : float or None
        Of the camera's axis above the horizon; None: unknown, taken as level.
    width, height : int or None
        Of the original [pixels]; the file that is fetched may be smaller, in the same shape.
    captured : str
        ISO 8601; empty where unknown.
    licence, author : str
        As the service says; they go with every crop.
    url, thumbnail_url : str
        Addresses of the picture to look at, and of a small one. Signed ones expire.
    quality : float or None
        0 (useless) to 1, the service's own judgement.
    position_accuracy_m : float or None
        Of the camera's place.
    heading_doubtful : bool
        The compass and the reconstruction differ by more than 45 degrees.
    sequence : str
        The drive or walk it belongs to.
    page : str
        Where a person can look at it.
    """

    id: str
    source: str
    longitude: float
    latitude: float
    heading_deg: float | None = None
    field_of_view_deg: float | None = None
    is_panorama: bool = False
    pitch_deg: float | None = None
    width: int | None = None
    height: int | None = None
    captured: str = ""
    licence: str = ""
    author: str = ""
    url: str = ""
    thumbnail_url: str = ""
    quality: float | None = None
    position_accuracy_m: float | None = None
    heading_doubtful: bool = False
    sequence: str = ""
    page: str = ""

    @property
    def key(self) -> str:
        """Name of the image in files: source and id, safe as a file name, one for each image."""
        return f"{safe_name(self.source)}-{unique_name(self.id)}"

    @property
    def date(self) -> str:
        """Day of capture, ``YYYY-MM-DD``, or empty."""
        return self.captured[:10]


def unique_name(identifier: str) -> str:
    """A safe file name that no other identifier has, also where case does not count.

    Plain lower-case identifiers stay as they are; of others a digest is added.
    """
    name = safe_name(identifier, "image")
    if name == identifier == identifier.lower():
        return name
    return f"{name[:60]}-{hashlib.sha256(identifier.encode('utf-8', 'replace')).hexdigest()[:8]}"


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> float | None:
    """A finite number within limits, else None; numbers written as text count."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return read if math.isfinite(read) and low <= read <= high else None


def text(value: Any, limit: int = 200) -> str:
    """A text on one line, cut at a length, else empty: control characters become spaces."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    plain = "".join(c if c.isprintable() else " " for c in str(value)[: 4 * limit])
    return " ".join(plain.split())[:limit]


def web_address(value: Any) -> str:
    """An http or https address, else empty; addresses are longer than other texts."""
    plain = text(value, 4000)
    return plain if plain.startswith(("https://", "http://")) else ""


def heading(value: Any) -> float | None:
    """A compass angle brought into [0, 360), else None."""
    angle = number(value, -1e4, 1e4)
    return None if angle is None else angle % 360.0


def pixels(value: Any) -> int | None:
    """A side of an image in pixels, else None."""
    read = number(value, 1, 10**6)
    return None if read is None else int(read)


def entry(table: Any, *names: str) -> Any:
    """A nested entry of JSON, None where any level is missing or of another kind."""
    for name in names:
        if not isinstance(table, Mapping):
            return None
        table = table.get(name)
    return table


def point(geometry: Any) -> tuple[float, float] | None:
    """Longitude and latitude of a GeoJSON point, None where it is none or out of range."""
    coordinates = entry(geometry, "coordinates")
    if entry(geometry, "type") != "Point" or not isinstance(coordinates, list):
        return None
    if len(coordinates) < 2:
        return None
    longitude = number(coordinates[0], -180.0, 180.0)
    latitude = number(coordinates[1], -90.0, 90.0)
    if longitude is None or latitude is None or (longitude, latitude) == (0.0, 0.0):
        return None
    return longitude, latitude


def time_text(value: Any) -> str:
    """A time as ISO 8601: read from such a text or from milliseconds since 1970, else empty."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00")).isoformat()
        except ValueError:
            return ""
    milliseconds = number(value, 0.0, 4.1e12)  # to the year 2099
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000.0, UTC).isoformat()


def unique(images: Iterable[StreetImage]) -> list[StreetImage]:
    """The images, each once: areas that touch give those on their border twice."""
    found: dict[tuple[str, str], StreetImage] = {}
    for image in images:
        found.setdefault((image.source, image.id), image)
    return list(found.values())
