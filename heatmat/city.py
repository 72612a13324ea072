"""City: the footprints, heights, labels and ground of a place, as vectors with their sources."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.buildings import building_table, count_buildings
from heatmat.crs import check_extent, choose_crs, project
from heatmat.errors import InputError
from heatmat.features import Features, read_features
from heatmat.footprints import building_rows, is_polygon, make_footprints, resolve_parts
from heatmat.ground import ground_from_osm, ground_from_table
from heatmat.heights import HEIGHT_SOURCES

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj

    from heatmat.crown_rasters import Trees

DISTRICT = Path(__file__).parent / "data" / "district"
NEIGHBOURHOOD = 300.0
"""Features this far beyond the margin are still read, since they may fill a height [m]."""


_MENDED = (
    ("no_geometry", "buildings without a geometry dropped"),
    ("repaired", "self-crossing footprints repaired"),
    ("too_small_dropped", "footprints without an area dropped"),
)


@dataclass(frozen=True)
class City:
    """A place as vectors: what stands where, how high, of what, and how we know.

    Attributes
    ----------
    buildings : GeoDataFrame
        One row per polygon (courtyards are holes, parts are rows of their own): ``building_id``,
        ``parent_id``, ``geometry``, ``height`` and ``min_height`` (m above the building's base; the
        height is that of the roof's top), ``roof_shape``, ``roof_height`` (m, part of the height),
        ``roof_direction_deg``, ``height_source`` (tagged, levels, dsm, filled) and ``height_rule``
        (how it was filled: neighbours, one_storey, median, default), ``facade_composition``
        (tuples of construction and fraction), ``facade_source``, ``facade_confidence``,
        ``roof_construction``, ``roof_source``, ``tags``. Where rows overlap the higher one counts.
    ground : GeoDataFrame
        ``geometry``, ``construction``, ``kind``; later rows lie over earlier ones.
    extent : tuple of float
        Reported window xmin, ymin, xmax, ymax in `crs` [m].
    margin : float
        Geometry this far outside the extent shades and radiates [m].
    crs : pyproj.CRS
        Projected, in metres.
    default_facade, default_roof, default_ground : str
        Constructions where nothing else is known.
    trees : GeoDataFrame or None
        Points and lines of trees.
    counts : dict of str to int
        What was read, repaired, filled and dropped.
    attribution : str
        Whom to name beside pictures and results.
    crowns : Trees or None
        How trees become crowns; None: they stand aside.
    terrain : path or None
        Raster of the ground's elevation; None: flat.
    """

    buildings: gpd.GeoDataFrame
    ground: gpd.GeoDataFrame
    extent: tuple[float, float, float, float]
    margin: float
    crs: pyproj.CRS
    default_facade: str
    default_roof: str
    default_ground: str
    trees: gpd.GeoDataFrame | None
    counts: dict[str, int]
    attribution: str
    crowns: Trees | None = None
    terrain: str | Path | None = None

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        extent: Any = None,
        crs: str | None = None,
        margin: float = 200.0,
        attributes: dict[str, str] | None = None,
        ground: str | Path | None = None,
        default_facade: str = "solid_brick_wall",
        default_roof: str = "bitumen_roof",
        default_ground: str = "asphalt_street",
    ) -> City:
        """Read a city from a file of building footprints.

        Parameters
        ----------
        path : str or Path
            Anything GeoPandas reads, or an OpenStreetMap extract (.osm, .osm.gz, .osm.pbf).
        extent : sequence of 4 float, optional
            Reported window xmin, ymin, xmax, ymax in `crs` [m]; default: the buildings' bounds.
        crs : str, optional
            Projected system in metres; default: the file's own if it is one, else the UTM zone.
        margin : float
            Width around the extent that is kept because it shades and radiates [m].
        attributes : dict, optional
            Our attribute name to the file's, such as ``{"height": "HAUTEUR"}``.
        ground : str or Path, optional
            Another file with the ground: polygons with a `ground` attribute that names a
            construction, or an OpenStreetMap extract. Default: those in `path` itself.
        default_facade, default_roof, default_ground : str
            Constructions where nothing else is known.

        Raises
        ------
        InputError
            When a file, value, extent or coordinate system must be mended.
        """
        return cls.from_features(
            read_features(path, attributes),
            extent=extent,
            crs=crs,
            margin=margin,
            ground=None if ground is None else read_features(ground),
            default_facade=default_facade,
            default_roof=default_roof,
            default_ground=default_ground,
        )

    @classmethod
    def from_features(
        cls,
        features: Features,
        *,
        extent: Any = None,
        crs: str | None = None,
        margin: float = 200.0,
        ground: Features | None = None,
        default_facade: str = "solid_brick_wall",
        default_roof: str = "bitumen_roof",
        default_ground: str = "asphalt_street",
    ) -> City:
        """A city from features that were read or fetched already; they are projected in place.

        Parameters and errors are those of `from_file`.
        """
        if not (math.isfinite(margin) and margin >= 0.0):
            raise InputError("not a width", where="city.margin_m", expected=">= 0 m", got=margin)
        window = None if extent is None else check_extent(extent)
        counts: Counter[str] = Counter()
        counts["read"] = len(features.geometry)
        rows = building_rows(features, counts)
        if not rows:
            raise InputError(
                "no building polygon in it",
                where=features.source,
                expected="polygons, in OpenStreetMap data with a building tag",
                got=_kinds(features),
            )
        system = _to_metres(features, rows, crs)
        near = _near(features, rows, window, margin)
        counts["outside"] += len(rows) - len(near)
        footprints = resolve_parts(make_footprints(features, near, counts), counts)
        table = building_table(footprints, features.lenient, default_facade, default_roof, counts)
        table = table.set_crs(system)
        window = window or _bounds(table)
        box = _box(window, margin)
        buildings = _select(table, window, box, features.source)
        counts["polygons_outside"] += len(table) - len(buildings)
        count_buildings(buildings, counts)
        layers = features if ground is None else _other(ground, system)
        return cls(
            buildings=buildings,
            ground=_ground_table(layers, box, system),
            extent=window,
            margin=float(margin),
            crs=system,
            default_facade=default_facade,
            default_roof=default_roof,
            default_ground=default_ground,
            trees=_trees(features, box, system),
            counts=dict(counts),
            attribution=_attribution(features, layers),
        )

    @classmethod
    def embedded(
        cls, extent: tuple[float, float, float, float] | None = None, margin: float = 200.0
    ) -> City:
        """The district that comes with the package: central Helsinki, from OpenStreetMap.

        About half a square kilometre; see ATTRIBUTION.md beside the data.

        Parameters
        ----------
        extent : tuple of float, optional
            A part of it, in its own system (EPSG:32635); default: all.
        margin : float
            Around a part [m].
        """
        about = json.loads((DISTRICT / "district.json").read_text(encoding="utf-8"))
        if extent is not None:
            about |= {"extent": extent, "margin": margin}
        keys = ("extent", "crs", "margin", "default_facade", "default_roof", "default_ground")
        options = {key: about[key] for key in keys}
        city = cls.from_file(DISTRICT / "district.geojson.gz", **options)
        return replace(city, attribution=about["attribution"])

    @property
    def height_shares(self) -> dict[str, float]:
        """Shares of the buildings by where their height is from; they sum to 1."""
        total = max(1, len(self.buildings))
        source = self.buildings["height_source"]
        return {name: float((source == name).sum()) / total for name in HEIGHT_SOURCES}

    def notes(self) -> list[str]:
        """What was mended or dropped when the buildings were read, a sentence each."""
        return [f"{self.counts[key]} {text}" for key, text in _MENDED if self.counts.get(key)]

    def constructions(self) -> dict[str, str]:
        """Every construction the city names, each with one place that names it."""
        names = {
            self.default_facade: "city.default_facade",
            self.default_roof: "city.default_roof",
            self.default_ground: "city.default_ground",
        }
        for row in self.buildings.itertuples():
            for name, _ in row.facade_composition:
                names.setdefault(name, f"building {row.building_id}, {row.facade_source}")
            where = f"building {row.building_id}, {row.roof_source}"
            names.setdefault(row.roof_construction, where)
        for i, name in enumerate(self.ground["construction"]):
            names.setdefault(name, f"ground polygon {i + 1}")
        return names


def _kinds(features: Features) -> str:
    kinds = Counter(g.geom_type for g in features.geometry if g is not None)
    return ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()) or "nothing"


def _to_metres(features: Features, rows: list[int], crs: str | None) -> pyproj.CRS:
    """Project every feature, in place, to the system that `choose_crs` picks; return that."""
    import numpy as np
    import shapely

    bounds = shapely.bounds([features.geometry[i] for i in rows])
    finite = bounds[np.isfinite(bounds).all(axis=1)]
    if len(finite) == 0:
        raise InputError("a coordinate is not a finite number", where=features.where(rows[0]))
    whole = (*finite[:, :2].min(axis=0), *finite[:, 2:].max(axis=0))
    source, target = choose_crs(features.crs, whole, crs, features.source)
    project(features, source, target)
    return target


def _other(features: Features, system: pyproj.CRS) -> Features:
    """A separate ground file, projected to the city's system."""
    from pyproj import CRS

    source = CRS.from_user_input(features.crs) if features.crs else system
    project(features, source, system)
    if not features.lenient and not any("ground" in tags for tags in features.tags):
        raise InputError(
            "no feature with a ground attribute",
            where=features.source,
            expected="polygons whose attribute ground names a construction",
        )
    return features


def _near(features: Features, rows: list[int], window: Any, margin: float) -> list[int]:
    """Those of `rows` within the neighbourhood of the window; all without a window."""
    import numpy as np
    import shapely

    if window is None:
        return rows
    reach = margin + NEIGHBOURHOOD
    bounds = shapely.bounds([features.geometry[i] for i in rows])
    apart = (bounds[:, 0] > window[2] + reach) | (bounds[:, 2] < window[0] - reach)
    apart |= (bounds[:, 1] > window[3] + reach) | (bounds[:, 3] < window[1] - reach)
    near = [rows[k] for k in np.flatnonzero(~apart)]
    if not near:
        raise _nothing_there(window, _total(bounds), features.source)
    return near


def _nothing_there(window: Any, bounds: Any, where: str) -> InputError:
    return InputError(
        "the extent touches no building",
        where=where,
        expected="an overlap with the buildings' bounds [" + _numbers(bounds) + "]",
        got=f"extent [{_numbers(window)}]",
        remedy="give the extent in city.crs, in metres",
    )


def _numbers(values: Any) -> str:
    return ", ".join(f"{float(value):.1f}" for value in values)


def _total(bounds: Any) -> tuple[float, ...]:
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _bounds(table: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    xmin, ymin, xmax, ymax = (float(value) for value in table.total_bounds)
    return xmin, ymin, xmax, ymax


def _box(window: tuple[float, ...], margin: float) -> Any:
    import shapely

    return shapely.box(
        window[0] - margin, window[1] - margin, window[2] + margin, window[3] + margin
    )


def _select(table: gpd.GeoDataFrame, window: Any, box: Any, where: str) -> gpd.GeoDataFrame:
    """The buildings that touch the window and its margin, whole."""
    import shapely

    if not table.intersects(shapely.box(*window)).any():
        raise _nothing_there(window, table.total_bounds, where)
    return table[table.intersects(box)].reset_index(drop=True)


def _ground_table(features: Features, box: Any, system: pyproj.CRS) -> gpd.GeoDataFrame:
    import geopandas as gpd

    rows = (ground_from_osm if features.lenient else ground_from_table)(features, box)
    columns: dict[str, list[Any]] = {
        "construction": [construction for _, construction, _ in rows],
        "kind": [kind for kind, _, _ in rows],
    }
    return gpd.GeoDataFrame(columns, geometry=[shape for *_, shape in rows], crs=system)


def _trees(features: Features, box: Any, system: pyproj.CRS) -> gpd.GeoDataFrame | None:
    """Points and rows of trees; None without any."""
    import geopandas as gpd

    rows = [
        i
        for i, (shape, tags) in enumerate(zip(features.geometry, features.tags, strict=True))
        if tags.get("natural") in ("tree", "tree_row")
        and shape is not None
        and not is_polygon(shape)
        and shape.intersects(box)
    ]
    if not rows:
        return None
    columns = {"tree_id": [features.ids[i] for i in rows], "tags": [features.tags[i] for i in rows]}
    return gpd.GeoDataFrame(columns, geometry=[features.geometry[i] for i in rows], crs=system)


def _attribution(*sources: Features) -> str:
    from heatmat.osm import OSM_ATTRIBUTION

    if any(source.lenient for source in sources):
        return OSM_ATTRIBUTION
    return "Buildings: " + Path(sources[0].source).name
