"""Vector files as one plain table: geometries, tags, ids, and the coordinate system they are in."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heatmat.errors import InputError, nearest


@dataclass
class Features:
    """What a vector file holds, before anybody decides what is a building.

    Attributes
    ----------
    geometry : list
        Shapely geometries.
    tags : list of dict
        The attributes of each feature that are not null.
    ids : list of str
        The feature's own id, or its number in the file.
    rows : list of int
        Number of the feature in the file, from 0.
    crs : str or None
        Coordinate system as text, None where the file does not say.
    source : str
        Name of the file, for messages.
    lenient : bool
        True for OpenStreetMap, where anyone may have typed anything: an unreadable tag is counted
        and ignored. False for the user's own tables, where it is an error.
    """

    geometry: list[Any]
    tags: list[dict[str, Any]]
    ids: list[str]
    rows: list[int]
    crs: str | None
    source: str
    lenient: bool

    def where(self, i: int) -> str:
        """File, feature and id of feature `i`, for messages."""
        return f"{self.source}: feature {self.rows[i] + 1} (id {self.ids[i]})"

    def take(self, index: list[int]) -> Features:
        """The features at `index`."""
        return Features(
            [self.geometry[i] for i in index],
            [self.tags[i] for i in index],
            [self.ids[i] for i in index],
            [self.rows[i] for i in index],
            self.crs,
            self.source,
            self.lenient,
        )


def read_features(path: str | Path, attributes: dict[str, str] | None = None) -> Features:
    """Read any vector file that GeoPandas or GDAL's OSM driver reads.

    Parameters
    ----------
    path : str or Path
        GeoJSON, GeoPackage, Shapefile, ... (also .gz), GeoParquet, or .osm/.osm.gz/.pbf.
    attributes : dict, optional
        Our attribute name to the file's, for instance ``{"height": "HAUTEUR"}``.

    Raises
    ------
    InputError
        When the file is missing, empty, unreadable, or lacks a named attribute.
    """
    from heatmat.osm import is_osm, read_osm

    path = Path(path)
    _check_file(path)
    features = read_osm(path) if is_osm(path) else _read_table(path)
    if attributes:
        _rename(features, attributes)
    return features


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError("no such file", where=str(path), remedy="check the path")
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise InputError("a folder, not a file", where=str(path), expected="a vector file")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty", where=str(path))


def _read_table(path: Path) -> Features:
    """A file that GeoPandas reads."""
    import geopandas as gpd
    import pyogrio

    from heatmat.osm import first_words, plain_file

    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".geoparquet")):
            table = gpd.read_parquet(path).reset_index(drop=True)
        else:
            with plain_file(path) as plain, warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                table = pyogrio.read_dataframe(plain, fid_as_index=True, on_invalid="ignore")
            _check_warnings([str(warning.message) for warning in said], path)
    except InputError:
        raise
    except Exception as error:  # GDAL, Arrow and pyogrio raise unrelated classes for a bad file
        raise InputError(
            "not readable as a vector file",
            where=str(path),
            expected="GeoJSON, GeoPackage, Shapefile, ... or .osm/.osm.gz/.osm.pbf",
            got=first_words(error),
        ) from error
    if not isinstance(table, gpd.GeoDataFrame) or len(table) == 0:
        raise InputError("no feature with a geometry in it", where=str(path))
    crs = _own_crs(table, path)
    numbers = [str(value) for value in table.index]
    columns = {str(c): table[c].tolist() for c in table.columns if c != table.geometry.name}
    tags = [
        {name: values[i] for name, values in columns.items() if not _is_null(values[i])}
        for i in range(len(table))
    ]
    ids = [_own_id(tag, number) for tag, number in zip(tags, numbers, strict=True)]
    rows = list(range(len(table)))
    return Features(list(table.geometry), tags, ids, rows, crs, str(path), False)


def _check_warnings(messages: list[str], path: Path) -> None:
    """GDAL renumbers GeoJSON features that share a number, and only warns of it."""
    for message in messages:
        if message.startswith("Several features with id"):
            raise InputError(
                "an id is given twice",
                where=str(path),
                expected="an id of its own for every feature",
                got=message.split(" have been")[0].lower(),
            )


def _own_crs(table: Any, path: Path) -> str | None:
    """The file's coordinate system; None where it has none, or cannot be the one it claims."""
    if table.crs is None:
        return None
    bounds = [abs(float(value)) for value in table.total_bounds]
    if table.crs.is_geographic and any(b > 400.0 for b in bounds if math.isfinite(b)):
        # GeoJSON without a crs member is WGS 84 by RFC 7946; these numbers are metres.
        return None
    return str(table.crs.to_wkt())


def _own_id(tags: dict[str, Any], number: str) -> str:
    for key in ("id", "@id"):
        if key in tags:
            value = tags[key]
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            return str(value)
    return number


def _is_null(value: Any) -> bool:
    if value is None or value == "":
        return True
    try:
        return bool(value != value)  # NaN, NaT
    except TypeError:  # pandas.NA has no truth
        return True
    except ValueError:  # an array
        return False


def _rename(features: Features, attributes: dict[str, str]) -> None:
    """Give the file's attributes our names, in place."""
    present = {name for tags in features.tags for name in tags}
    for ours, theirs in attributes.items():
        if theirs not in present:
            raise InputError(
                f"no attribute {theirs!r}, which attributes.{ours} names",
                where=features.source,
                remedy=nearest(theirs, present) if present else "the features have no attributes",
            )
        for i, tags in enumerate(features.tags):
            if theirs in tags:
                tags[ours] = tags[theirs]
            elif ours in tags:
                del tags[ours]  # the user said where this value comes from
            if ours == "id":
                features.ids[i] = _own_id(tags, features.ids[i])
