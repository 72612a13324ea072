"""Numbers on disk: a row per building, and a summary of the whole run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output.atomic import aside
from heatmat.output.clock import display_indices, hour_label, iso_stamp, utc_offset_h
from heatmat.output.raster import extent_of, transform_of
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from heatmat.output.walls import WallSeries

HEIGHT_SOURCES = {
    "tagged": "tagged",
    "levels": "from levels",
    "dsm": "from a surface model",
    "filled": "filled",
}
"""Values of ``height_source``, and how a reader is told of them."""


def reported_buildings(city: Any, maps: xr.Dataset) -> gpd.GeoDataFrame:
    """The buildings that touch the reported extent, index reset; the margin's are left out."""
    return buildings_in(city, extent_of(maps))


def buildings_in(city: Any, extent: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """The buildings that touch a window, index reset."""
    import shapely

    inside = city.buildings.geometry.intersects(shapely.box(*extent))
    return city.buildings[inside].reset_index(drop=True)


def height_shares(buildings: gpd.GeoDataFrame) -> dict[str, float]:
    """Share of buildings whose height is tagged, from levels or filled (sums to 1)."""
    shares = buildings["height_source"].value_counts(normalize=True)
    return {source: float(shares.get(source, 0.0)) for source in HEIGHT_SOURCES}


def burn(geometries: Any, values: np.ndarray, maps: xr.Dataset, fill: int) -> np.ndarray:
    """Integers of the polygons that hold the cell centres, [y, x]; later polygons lie over."""
    from rasterio.features import rasterize

    shape = (maps.sizes["y"], maps.sizes["x"])
    shapes = [(geometry, int(value)) for geometry, value in zip(geometries, values, strict=True)]
    if not shapes:
        return np.full(shape, fill, dtype=np.int32)
    return rasterize(
        shapes, out_shape=shape, transform=transform_of(maps), fill=fill, dtype="int32"
    )


def building_raster(buildings: gpd.GeoDataFrame, maps: xr.Dataset) -> np.ndarray:
    """Row of the building over each cell's centre, taller parts over lower ones; -1 is ground."""
    order = np.argsort(buildings["height"].to_numpy(), kind="stable")
    return burn(buildings.geometry.iloc[order], order, maps, fill=-1)


def mean_by_label(
    labels: np.ndarray, values: np.ndarray, weights: np.ndarray, count: int
) -> np.ndarray:
    """Weighted mean of finite values by label.

    Parameters
    ----------
    labels : numpy.ndarray
        [n] integers; negative ones are left out.
    values : numpy.ndarray
        [m, n].
    weights : numpy.ndarray
        [n], for example areas.
    count : int
        Number of labels.

    Returns
    -------
    numpy.ndarray
        [count, m]; not-a-number where a label has no finite value.
    """
    out = np.full((count, len(values)), np.nan)
    for column, row in enumerate(values):
        use = (labels >= 0) & np.isfinite(row) & (weights > 0.0)
        total = np.bincount(labels[use], weights[use], minlength=count)
        mass = np.bincount(labels[use], weights[use] * row[use], minlength=count)
        out[:, column] = np.divide(mass, total, out=np.full(count, np.nan), where=total > 0.0)
    return out


def _celsius(maps: xr.Dataset, name: str) -> np.ndarray:
    values = maps[name].transpose("time", "y", "x").values
    return to_celsius(values.reshape(len(values), -1).astype(np.float32, copy=False))


def buildings_frame(city: Any, maps: xr.Dataset, walls: WallSeries) -> pd.DataFrame:
    """A row per reported building: labels, heights and temperatures in Celsius.

    Wall temperatures are means over area of the building's facades; roof temperatures are means
    over the roof's cells. Both come as mean, min and max over the window, and at the display
    hours of its last day.
    """
    import pandas as pd

    buildings = reported_buildings(city, maps)
    frame = pd.DataFrame(
        {
            "building_id": buildings["building_id"].astype(str),
            "parent_id": buildings["parent_id"].fillna("").astype(str),
            "height_m": buildings["height"],
            "min_height_m": buildings["min_height"],
            "height_source": buildings["height_source"],
            "footprint_m2": buildings.geometry.area,
            "facade_composition": [_composition(c) for c in buildings["facade_composition"]],
            "facade_source": buildings["facade_source"],
            "facade_confidence": buildings["facade_confidence"],
            "roof_construction": buildings["roof_construction"],
            "roof_source": buildings["roof_source"],
            "roof_shape": buildings["roof_shape"],
        }
    )
    row_of = pd.Index(frame["building_id"])
    wall_label = row_of.get_indexer(walls.table["building_id"].astype(str))
    area = walls.table["area"].to_numpy(dtype=np.float64)
    seen = wall_label >= 0
    frame["wall_area_m2"] = np.bincount(wall_label[seen], area[seen], minlength=len(frame))
    wall = mean_by_label(wall_label, to_celsius(walls.temperature.T), area, len(frame))
    label = building_raster(buildings, maps).ravel()
    cover = maps["roof_fraction"].values.ravel()
    roof = mean_by_label(label, _celsius(maps, "roof_temperature"), cover, len(frame))
    offset = utc_offset_h(maps)
    for kind, values, times in (("wall", wall, walls.time), ("roof", roof, maps["time"].values)):
        _add_statistics(frame, kind, values, np.asarray(times), offset)
    return frame


def _composition(composition: Any) -> str:
    return json.dumps({name: round(float(share), 6) for name, share in composition})


def _add_statistics(
    frame: pd.DataFrame, kind: str, values: np.ndarray, times: np.ndarray, offset: float
) -> None:
    known = np.isfinite(values).all(axis=1)
    for name, function in (("mean", np.mean), ("min", np.min), ("max", np.max)):
        column = np.full(len(values), np.nan)
        column[known] = function(values[known], axis=1)
        frame[f"{kind}_temperature_{name}_c"] = column
    for index in display_indices(times, offset):
        hour = hour_label(times[index], offset).replace(":", "")
        frame[f"{kind}_temperature_{hour}_c"] = values[:, index]


def write_buildings_csv(path: str | Path, frame: pd.DataFrame) -> Path:
    """Write :func:`buildings_frame` as CSV."""
    with aside(path) as partial:
        frame.to_csv(partial, index=False, float_format="%.4f", lineterminator="\n")
    return Path(path)


def summary_of(city: Any, maps: xr.Dataset, walls: WallSeries) -> dict[str, Any]:
    """Temperatures by kind and construction, counts, heights and sampling errors.

    Returns
    -------
    dict
        ``window``; ``surface_temperature_c`` with ``ground``, ``roof`` and ``wall``, each with
        mean, min, max and ``by_hour``; ``by_construction`` with the same kinds; ``counts``;
        ``height_sources`` (shares); ``sampling_standard_error_k`` for the maps and the walls.
    """
    offset = utc_offset_h(maps)
    times = maps["time"].values
    kinds = _kinds(city, maps, walls)
    return {
        "window": {
            "first": iso_stamp(times[0], offset),
            "last": iso_stamp(times[-1], offset),
            "stamps": len(times),
            "utc_offset_h": offset,
            "resolution_m": transform_of(maps).a,
            "extent": [float(bound) for bound in extent_of(maps)],
        },
        "surface_temperature_c": {
            kind: _statistics(values, areas, np.asarray(stamps), offset)
            for kind, (values, areas, _, stamps) in kinds.items()
        },
        "by_construction": {
            kind: {
                names[code]: _statistics(_columns(values, use), areas[use], None, offset)
                for code in np.unique(codes).tolist()
                for use in [codes == code]
            }
            for kind, (values, areas, (codes, names), _) in kinds.items()
        },
        "counts": {str(key): _number(value) for key, value in city.counts.items()},
        "height_sources": height_shares(reported_buildings(city, maps)),
        "sampling_standard_error_k": {
            "surface_temperature": _error(maps["surface_temperature_standard_error"].values),
            "wall": _error(walls.standard_error),
        },
    }


def _kinds(
    city: Any, maps: xr.Dataset, walls: WallSeries
) -> dict[str, tuple[np.ndarray, np.ndarray, tuple[np.ndarray, list[str]], np.ndarray]]:
    """Kind -> values [m, n] in Celsius, areas [n], constructions (codes [n], names), stamps [m]."""
    cell = transform_of(maps).a ** 2
    times = maps["time"].values
    cover = maps["roof_fraction"].values.ravel()
    ground_names = [*city.ground["construction"].astype(str), city.default_ground]
    ground_row = burn(city.ground.geometry, np.arange(len(city.ground)), maps, fill=-1).ravel()
    buildings = reported_buildings(city, maps)
    roof_names = [*buildings["roof_construction"].astype(str), city.default_roof]
    roof_row = building_raster(buildings, maps).ravel()
    ground = _celsius(maps, "ground_temperature")
    roof = _celsius(maps, "roof_temperature")
    wall = to_celsius(walls.temperature.T)
    area = walls.table["area"].to_numpy(dtype=np.float64)
    wall_names = list(walls.table["construction"].astype(str))
    every = np.arange(len(wall_names))
    return {
        "ground": (*_known(ground, (1.0 - cover) * cell, ground_row, ground_names), times),
        "roof": (*_known(roof, cover * cell, roof_row, roof_names), times),
        "wall": (*_known(wall, area, every, wall_names), walls.time),
    }


def _known(
    values: np.ndarray, areas: np.ndarray, row: np.ndarray, names: list[str]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, list[str]]]:
    """The samples that have an area and a value at every stamp; names[row] as codes and names."""
    unique = sorted(set(names))
    code_of = np.array([unique.index(name) for name in names], dtype=np.int32)
    use = (areas > 0.0) & np.isfinite(values).all(axis=0)
    return _columns(values, use), areas[use].astype(np.float64), (code_of[row[use]], unique)


def _columns(values: np.ndarray, use: np.ndarray) -> np.ndarray:
    """The columns in use, each row side by side in memory: boolean indexing would stride them."""
    return np.compress(use, values, axis=1)


def _statistics(
    values: np.ndarray, areas: np.ndarray, times: np.ndarray | None, offset: float
) -> dict[str, Any]:
    """Mean (by area), minimum and maximum of [m, n] values; by stamp too where times are given."""
    if not areas.size:
        return {"area_m2": 0.0, "mean": None, "min": None, "max": None}
    means = [float(row.astype(np.float64) @ areas / areas.sum()) for row in values]
    out: dict[str, Any] = {
        "area_m2": _number(areas.sum()),
        "mean": _number(np.mean(means)),
        "min": _number(values.min()),
        "max": _number(values.max()),
    }
    if times is not None:
        out["by_hour"] = [
            {
                "time": iso_stamp(stamp, offset),
                "mean": _number(mean),
                "min": _number(row.min()),
                "max": _number(row.max()),
            }
            for stamp, mean, row in zip(times, means, values, strict=True)
        ]
    return out


def _error(values: np.ndarray) -> dict[str, float | None]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"rms": None, "p95": None, "max": None}
    return {
        "rms": _number(np.sqrt(np.mean(finite.astype(np.float64) ** 2))),
        "p95": _number(np.percentile(finite, 95.0)),
        "max": _number(finite.max()),
    }


def _number(value: Any) -> Any:
    """A plain number for JSON, to four decimals; anything else as it is."""
    if isinstance(value, (int, np.integer, bool)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return round(float(value), 4) if np.isfinite(value) else None
    return value


def write_summary_json(path: str | Path, summary: Mapping[str, Any]) -> Path:
    """Write :func:`summary_of` as JSON, two spaces of indent."""
    text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
    with aside(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return Path(path)
