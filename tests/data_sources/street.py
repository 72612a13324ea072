"""Made-up streets for the tests of views: boxes of known height, cameras, painted panoramas."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
from PIL import Image

from data_sources.facade_outlines import Facades, outline_facades, read_buildings
from data_sources.street_image import StreetImage
from data_sources.views import Camera, as_camera, find_views
from data_sources.visibility import Scene

TODAY = date(2026, 6, 1)


def table(*rows: tuple[Any, ...], crs: str | None = None) -> gpd.GeoDataFrame:
    """Rows of building id, polygon, height and, where it stands on columns, min_height."""
    records = [
        {
            "building_id": name,
            "geometry": shape,
            "height": float(height),
            "min_height": float(rest[0]) if rest else 0.0,
        }
        for name, shape, height, *rest in rows
    ]
    return gpd.GeoDataFrame(records, geometry="geometry", crs=crs)


def scene(*rows: tuple[Any, ...]) -> Scene:
    buildings = read_buildings(table(*rows))
    return Scene(buildings, outline_facades(buildings))


def facing(facades: Facades, building: int, azimuth: float) -> int:
    """The one facade of a building that looks that way."""
    found = [
        f
        for f in range(len(facades))
        if facades.building[f] == building
        and abs((facades.azimuth_deg[f] - azimuth + 180) % 360 - 180) < 1
    ]
    assert len(found) == 1
    return found[0]


def seen_levels(made: Scene, camera: tuple[float, float], facade: int) -> np.ndarray:
    """What a camera sees of a facade, shape (samples, LEVELS), by `Scene.look`."""
    sight = made.look(np.array(camera), 60.0)
    first, last = made.facades.first[facade], made.facades.first[facade + 1]
    shown = np.zeros((last - first, made.facades.height.shape[1]), dtype=bool)
    inside = (sight.sample >= first) & (sight.sample < last)
    shown[sight.sample[inside] - first] = sight.seen[inside]
    return shown


def image(name: str = "a", **fields: Any) -> StreetImage:
    """A panorama that looks north, taken a year before `TODAY`."""
    about = {
        "source": "panoramax",
        "longitude": 9.0,
        "latitude": 48.0,
        "heading_deg": 0.0,
        "field_of_view_deg": 360.0,
        "is_panorama": True,
        "captured": "2025-06-01T10:00:00+00:00",
        "licence": "etalab-2.0",
        "author": "somebody",
        "url": f"https://pictures.example.org/{name}.jpg",
    }
    return StreetImage(id=name, **(about | fields))


def camera(x: float, y: float, name: str = "a", **fields: Any) -> Camera:
    made = as_camera(image(name, **fields), np.array([x, y]), 0.0, TODAY)
    assert isinstance(made, Camera), made
    return made


def painted_panorama(width: int, heading_deg: float) -> np.ndarray:
    """A panorama whose pixels hold the direction they look in: east, north, up; float."""
    azimuth = np.radians(heading_deg) + ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    height = width // 2
    elevation = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    a, e = np.meshgrid(azimuth, elevation)
    return np.stack([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)], axis=-1)


def encoded(kind="JPEG", size=(512, 256), mode="RGB", colour="tan", **options):
    """The bytes of an image of one colour."""
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, kind, **options)
    return stream.getvalue()


def png_head(width, height):
    """The beginning of a PNG that says it is that large, cut in its first data."""

    def chunk(kind, content):
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(999)))[:20]


def front_view(made, looks, building=0, azimuth=180.0):
    """The view of a building's facade that looks that way."""
    facade = facing(made.facades, building, azimuth)
    return next(v for v in find_views(made, [looks]) if v.facade == facade)
