"""OpenStreetMap extracts from disk: .osm, .osm.gz, .osm.pbf, no network.

GDAL's OSM driver assembles the areas: closed ways and multipolygon relations with their inner
rings, so a courtyard is a hole. A relation whose ways lie partly outside the extract is left out by
GDAL, or comes without a geometry where its ways do not close. `data/osmconf.ini` says which closed
ways are areas.
"""

from __future__ import annotations

import gzip
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from heatmat.errors import InputError
from heatmat.features import Features

OSM_SUFFIXES = (".osm", ".osm.gz", ".osm.pbf", ".pbf")
OSM_ATTRIBUTION = "(c) OpenStreetMap contributors, ODbL 1.0"
OSM_CONFIGURATION = Path(__file__).parent / "data" / "osmconf.ini"
MAX_UNCOMPRESSED_BYTES = 2 * 1024**3
"""A .gz that unpacks to more than this is refused [bytes]: a guard against gzip bombs."""


def is_osm(path: Path) -> bool:
    """Whether the file's name is that of an OpenStreetMap extract."""
    return path.name.lower().endswith(OSM_SUFFIXES)


def read_osm(path: Path) -> Features:
    """Read the tagged points, lines and areas of an OpenStreetMap extract.

    Parameters
    ----------
    path : Path
        A .osm (XML), .osm.gz or .osm.pbf file.

    Returns
    -------
    Features
        In WGS 84 (EPSG:4326); ids are ``node/1``, ``way/1``, ``relation/1``.

    Raises
    ------
    InputError
        When the file is not readable as OpenStreetMap data.
    """
    with plain_file(path) as plain:
        layers = [_read_layer(plain, path, name) for name in ("multipolygons", "lines", "points")]
    geometry = [shape for layer in layers for shape in layer[0]]
    tags = [tag for layer in layers for tag in layer[1]]
    ids = [name for layer in layers for name in layer[2]]
    if not geometry:
        raise InputError(
            "no point, line or area in it",
            where=str(path),
            expected="an OpenStreetMap extract",
            remedy="check that the download is complete",
        )
    return Features(geometry, tags, ids, list(range(len(ids))), "EPSG:4326", str(path), True)


def _read_layer(plain: Path, path: Path, layer: str) -> tuple[list[Any], list[dict], list[str]]:
    """One layer's geometries, tags and ids. SQL, so that the driver skips the other layers."""
    import pyogrio

    try:
        with warnings.catch_warnings():
            # GDAL warns of rings that do not close: relations cut by the extract's border. Shapely
            # refuses them, and on_invalid makes that a missing geometry, which is counted later.
            warnings.simplefilter("ignore", RuntimeWarning)
            table = pyogrio.read_dataframe(
                plain,
                sql=f"SELECT * FROM {layer}",
                on_invalid="ignore",
                CONFIG_FILE=str(OSM_CONFIGURATION),
            )
    except Exception as error:  # pyogrio has several unrelated classes for a bad file
        raise InputError(
            "not readable as OpenStreetMap data",
            where=str(path),
            expected=".osm, .osm.gz or .osm.pbf",
            got=first_words(error),
        ) from error
    tags = [_as_tags(value) for value in table["all_tags"].tolist()]
    return list(table.geometry), tags, _identifiers(table, layer)


def first_words(error: Exception) -> str:
    """What a library says went wrong, without its advice."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.split(";")[0].rstrip(".")


def _as_tags(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _identifiers(table: Any, layer: str) -> list[str]:
    """``node/1``, ``way/1``, ``relation/1``: areas are ways where they have no relation's id."""
    kind = {"points": "node", "lines": "way", "multipolygons": "relation"}[layer]
    numbers = table["osm_id"].tolist()
    if layer != "multipolygons":
        return [f"{kind}/{number}" for number in numbers]
    ways = table["osm_way_id"].tolist()
    return [
        f"{kind}/{number}" if isinstance(number, str) else f"way/{way}"
        for number, way in zip(numbers, ways, strict=True)
    ]


@contextmanager
def plain_file(path: Path) -> Iterator[Path]:
    """The file itself, or a temporary unpacked copy of a .gz (no more than the limit)."""
    if not path.name.lower().endswith(".gz"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="heatmat-") as folder:
        plain = Path(folder) / path.name[: -len(".gz")]
        _unpack(path, plain)
        yield plain


def _unpack(path: Path, plain: Path) -> None:
    size = 0
    try:
        with gzip.open(path, "rb") as packed, open(plain, "wb") as out:
            while block := packed.read(1 << 20):
                size += len(block)
                if size > MAX_UNCOMPRESSED_BYTES:
                    raise InputError(
                        "unpacks to more than the limit",
                        where=str(path),
                        expected=f"at most {MAX_UNCOMPRESSED_BYTES / 1024**3:g} GiB",
                        remedy="cut out a smaller area, or use .osm.pbf",
                    )
                out.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError("not a complete gzip file", where=str(path), got=str(error)) from error
