"""A made-up district with made-up temperatures, for the tests of what HeatMat writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from heatmat.units import to_kelvin

CRS = "EPSG:32635"
WEST, SOUTH = 385_000.0, 6_672_000.0
OFFSET_H = 2.0


def building(identity: str, polygon: Any, height: float, **other: Any) -> dict[str, Any]:
    """A row of City.buildings with defaults."""
    row = {
        "building_id": identity,
        "parent_id": "",
        "geometry": polygon,
        "height": height,
        "min_height": 0.0,
        "roof_shape": "flat",
        "roof_height": 0.0,
        "roof_direction_deg": np.nan,
        "height_source": "levels",
        "facade_composition": (("solid_brick_wall", 1.0),),
        "facade_source": "default",
        "facade_confidence": 0.0,
        "roof_construction": "bitumen_roof",
        "roof_source": "default",
        "tags": {},
    }
    return {**row, **other}


def make_city(width: float = 240.0, depth: float = 160.0, seed: int = 1) -> Any:
    """Courtyard blocks and slabs on a grid of streets, a park in the north-west corner."""
    import geopandas as gpd
    import pyproj
    import shapely
    from shapely import affinity

    random = np.random.default_rng(seed)
    facades = ["solid_brick_wall", "rendered_brick_wall", "glass_curtain_wall", "concrete_wall"]
    roofs = ["bitumen_roof", "metal_roof", "clay_tile_roof", "gravel_roof"]
    rows = []
    for x in np.arange(10.0, width - 40.0, 70.0):
        for y in np.arange(10.0, depth - 30.0, 60.0):
            if x < 60.0 and y > depth - 80.0:
                continue
            block = shapely.box(x, y, x + 52.0, y + 44.0)
            if random.random() < 0.7:
                block = block - shapely.box(x + 13.0, y + 12.0, x + 39.0, y + 32.0)
            block = affinity.translate(affinity.rotate(block, 7.0, "center"), WEST, SOUTH)
            name = f"way/{len(rows)}"
            facade = facades[random.integers(4)]
            rows.append(
                building(
                    name,
                    block,
                    float(random.integers(3, 8) * 3.2),
                    height_source=["tagged", "levels", "filled"][random.integers(3)],
                    facade_composition=((facade, 0.75), ("double_glazing", 0.25)),
                    roof_construction=roofs[random.integers(4)],
                )
            )
    park = affinity.translate(shapely.box(0.0, depth - 60.0, 60.0, depth), WEST, SOUTH)
    ground = gpd.GeoDataFrame(
        {"construction": ["grass"], "kind": ["park"]}, geometry=[park], crs=CRS
    )
    extent = (WEST, SOUTH, WEST + width, SOUTH + depth)
    return SimpleNamespace(
        buildings=gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS),
        ground=ground,
        extent=extent,
        margin=0.0,
        crs=pyproj.CRS(CRS),
        default_facade="solid_brick_wall",
        default_roof="bitumen_roof",
        default_ground="asphalt_street",
        trees=None,
        counts={"read": len(rows), "height_tagged": 1},
        attribution="© OpenStreetMap contributors, ODbL 1.0",
    )


def make_times(hours: int = 24) -> np.ndarray:
    """Hourly UTC stamps of a day that starts at local midnight, (start, end]."""
    start = np.datetime64("2023-07-14T00:00:00") - np.timedelta64(int(OFFSET_H * 3600), "s")
    return start + np.arange(1, hours + 1) * np.timedelta64(3600, "s")


def diurnal(times: np.ndarray, mean: Any, swing: Any, peak: Any) -> np.ndarray:
    """A cosine over the local day [K]: mean and swing in Celsius, peak in local hours."""
    hours = (times - times[0]) / np.timedelta64(3600, "s") + 1.0
    phase = np.cos(2.0 * np.pi * (hours[:, None] - np.ravel(peak)[None, :]) / 24.0)
    return to_kelvin(np.ravel(mean) + np.ravel(swing) * phase)


def make_maps(city: Any, resolution: float = 2.0, times: np.ndarray | None = None) -> Any:
    """Maps with warm roofs, shaded strips north of buildings, a cool park; x and y tilt them."""
    import xarray as xr
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    times = make_times() if times is None else times
    xmin, ymin, xmax, ymax = city.extent
    nx, ny = round((xmax - xmin) / resolution), round((ymax - ymin) / resolution)
    grid = from_origin(xmin, ymax, resolution, resolution)
    kind = {"out_shape": (ny, nx), "transform": grid, "dtype": "float32"}
    shapes = list(zip(city.buildings.geometry, city.buildings["height"], strict=True))
    height = rasterize(shapes, fill=0.0, **kind)
    park = rasterize([(g, 1.0) for g in city.ground.geometry], fill=0.0, **kind)
    roof = height > 0.0
    shaded = np.zeros_like(roof)
    for step in range(1, 16):
        shaded |= np.roll(height, -step, axis=0) > step * resolution * 0.9
    shaded &= ~roof
    mean = np.where(roof, 30.0, np.where(park > 0.0, 21.0, np.where(shaded, 23.0, 29.0)))
    swing = np.where(roof, 18.0, np.where(park > 0.0, 7.0, np.where(shaded, 5.0, 14.0)))
    values = diurnal(times, mean, swing, np.full(mean.shape, 14.0)).reshape(-1, ny, nx)
    values = values.astype(np.float32)
    dims = ("time", "y", "x")
    views = np.where(roof, 0.95, np.where(shaded, 0.45, 0.7)).astype(np.float32)
    return xr.Dataset(
        {
            "surface_temperature": (dims, values),
            "surface_temperature_standard_error": (dims, np.full_like(values, 0.08)),
            "ground_temperature": (dims, np.where(roof, np.nan, values)),
            "roof_temperature": (dims, np.where(roof, values, np.nan)),
            "roof_fraction": (("y", "x"), roof.astype(np.float32)),
            "sky_view_factor": (("y", "x"), views),
            "sunlit_hours": (("y", "x"), views * 15.0),
        },
        coords={
            "time": times,
            "x": xmin + (np.arange(nx) + 0.5) * resolution,
            "y": ymax - (np.arange(ny) + 0.5) * resolution,
        },
        attrs={"crs_wkt": city.crs.to_wkt(), "utc_offset_h": OFFSET_H, "resolution_m": resolution},
    )


def make_walls(city: Any, times: np.ndarray | None = None, storey: float = 3.0) -> Any:
    """Every footprint edge cut into storeys; walls peak when the sun is on their azimuth."""
    import pandas as pd
    from shapely import get_coordinates
    from shapely.geometry.polygon import orient

    from heatmat.output.walls import WallSeries

    times = make_times() if times is None else times
    rows = []
    facade = 0
    for _, one in city.buildings.iterrows():
        polygon = orient(one["geometry"], 1.0)
        for ring in (polygon.exterior, *polygon.interiors):
            points = get_coordinates(ring)
            for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
                dx, dy = x1 - x0, y1 - y0
                length = float(np.hypot(dx, dy))
                azimuth = float(np.degrees(np.arctan2(dy, -dx)) % 360.0)
                storeys = max(1, round(one["height"] / storey))
                for level in range(storeys):
                    low, high = (one["height"] * (level + k) / storeys for k in (0, 1))
                    rows.append(
                        (facade, one["building_id"], azimuth, x0, y0, x1, y1, low, high)
                        + (one["facade_composition"][0][0], length * (high - low))
                    )
                facade += 1
    columns = ["facade", "building_id", "azimuth_deg", "x0", "y0", "x1", "y1", "z0", "z1"]
    table = pd.DataFrame(rows, columns=[*columns, "construction", "area"])
    south = np.cos(np.radians(table["azimuth_deg"].to_numpy() - 180.0))
    peak = 14.0 + 4.5 * np.sin(np.radians(table["azimuth_deg"].to_numpy() - 180.0))
    swing = 7.0 + 5.0 * south + 0.08 * table["z1"].to_numpy()
    temperature = diurnal(times, 24.0 + 2.0 * south, swing, peak).T.astype(np.float32)
    return WallSeries(table, times, temperature, np.full_like(temperature, 0.1))


def make_probes(times: np.ndarray | None = None) -> Any:
    """TEMPS.csv rows of a roof, a street and four walls."""
    import pandas as pd

    times = make_times() if times is None else times
    kinds = [
        ("roof", "roof", 30.0, 20.0, 13.5, "bitumen_roof"),
        ("street", "ground", 28.0, 12.0, 14.5, "asphalt_street"),
        ("wall north", "wall", 22.0, 4.0, 15.0, "solid_brick_wall"),
        ("wall east", "wall", 24.0, 8.0, 10.0, "solid_brick_wall"),
        ("wall south", "wall", 26.0, 10.0, 13.5, "solid_brick_wall"),
        ("wall west", "wall", 25.0, 9.0, 17.5, "solid_brick_wall"),
    ]
    air = diurnal(times, 24.0, 6.0, 16.0)[:, 0] - to_kelvin(0.0)
    frames = []
    for name, surface, mean, swing, peak, construction in kinds:
        celsius = diurnal(times, mean, swing, peak)[:, 0] - to_kelvin(0.0)
        frames.append(
            pd.DataFrame(
                {
                    "id": name,
                    "time": pd.DatetimeIndex(times, tz="UTC").tz_convert("+02:00"),
                    "surface": surface,
                    "x": WEST + 20.0,
                    "y": SOUTH + 20.0,
                    "z": 5.0,
                    "building_id": "way/0",
                    "construction": construction,
                    "surface_temperature_c": celsius,
                    "standard_error_k": 0.3,
                    "air_temperature_c": air,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def make_run_info() -> dict[str, Any]:
    """What run.json holds, with a string that must be escaped."""
    return {
        "inputs": {
            "command": "run",
            "options": {"resolution_m": 2.0},
            "scenario": {"physics": {"convection": "tarp <script>"}},
            "files": {"buildings": {"path": "/data/<city>.geojson", "sha256": "ab" * 32}},
        },
        "versions": {"heatmat": "0.1.0", "taichi": "1.7.4", "python": "3.11.9"},
        "device": "cpu",
        "seed": 0,
        "seconds": {"maps": 3.2, "field": 12.0},
        "warnings": ["2 footprints repaired & <kept>"],
    }
