"""Copernicus GLO-30 by window and range, and the terrain made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import from_origin

from data_sources.copernicus import read_surface, tile_name, tile_url
from data_sources.elevation import fetch_terrain, import_terrain, lower_envelope
from data_sources.errors import BusyError, MalformedError, NetworkError, TooLargeError
from data_sources.http import Session
from heatmat.errors import InputError
from tests.data_sources import glo30
from tests.data_sources.loopback import Answer, Loopback, Seen, ranged

LYON = (4.82, 45.74, 4.85, 45.77)
CELLS = 720  # a degree: 150 m, enough for planes


@pytest.fixture
def net() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


def session(net: Loopback, tmp_path: Path, **options: Any) -> Session:
    return Session(
        tmp_path / "cache", overrides=net.overrides, clock=net.clock, sleep=net.sleep, **options
    )


def plane(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return 300.0 + 2000.0 * (lon - 4.8) + 3000.0 * (lat - 45.7)


def serve(
    net: Loopback, tmp_path: Path, south: int, west: int,
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray], cells: int = CELLS,
) -> bytes:  # fmt: skip
    content = glo30.tile(tmp_path, south, west, surface, cells)
    net.on(glo30.HOST, glo30.path(south, west), ranged(content))
    return content


def degrees(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of the cell centres of a raster."""
    columns, rows = np.meshgrid(np.arange(dataset.width), np.arange(dataset.height))
    x, y = dataset.transform @ (columns + 0.5, rows + 0.5)
    return pyproj.Transformer.from_crs(dataset.crs, 4326, always_xy=True).transform(x, y)


# --- names ---


@pytest.mark.parametrize(
    ("south", "west", "name"),
    [
        (45, 4, "Copernicus_DSM_COG_10_N45_00_E004_00_DEM"),
        (0, 0, "Copernicus_DSM_COG_10_N00_00_E000_00_DEM"),
        (-1, -1, "Copernicus_DSM_COG_10_S01_00_W001_00_DEM"),
        (-34, 151, "Copernicus_DSM_COG_10_S34_00_E151_00_DEM"),
        (-17, 180, "Copernicus_DSM_COG_10_S17_00_W180_00_DEM"),
        (-17, -181, "Copernicus_DSM_COG_10_S17_00_E179_00_DEM"),
        (68, -180, "Copernicus_DSM_COG_10_N68_00_W180_00_DEM"),
    ],
)
def test_names_of_tiles(south: int, west: int, name: str) -> None:
    assert tile_name(south, west) == name
    url = f"https://copernicus-dem-30m.s3.amazonaws.com/{name}/{name}.tif"
    assert tile_url(south, west) == url


# --- windows ---


def test_only_the_window_travels(net: Loopback, tmp_path: Path) -> None:
    noise = np.random.default_rng(7)
    content = serve(
        net, tmp_path, 45, 4, lambda x, y: plane(x, y) + noise.normal(0, 1, x.shape), 1800
    )
    ses = session(net, tmp_path)
    mosaic = read_surface(LYON, ses)
    travelled = sum(about.size for about in ses.fetched)
    assert len(content) > 8 << 20 and travelled < 0.5 * len(content)
    assert all("range" in seen.headers for seen in net.seen)
    about = mosaic.provenance[0]
    assert about.size == travelled and "COPERNICUS by the European Union" in about.attribution
    rows, columns = mosaic.heights.shape
    lon = mosaic.west + mosaic.step_x * np.arange(columns)
    lat = mosaic.north - mosaic.step_y * np.arange(rows)
    error = mosaic.heights - plane(*np.meshgrid(lon, lat))
    assert abs(error).max() < 6.0  # the noise, 1 m, of some 4000 cells
    # asked again: from the cache, and the same
    asked = len(net.seen)
    assert np.array_equal(read_surface(LYON, session(net, tmp_path)).heights, mosaic.heights)
    assert len(net.seen) == asked


@pytest.mark.parametrize(
    ("bounds", "tiles"),
    [
        ((-0.02, -0.02, 0.02, 0.02), [(0, 0), (0, -1), (-1, 0), (-1, -1)]),
        ((179.98, 66.50, -179.98, 66.52), [(66, 179), (66, -180)]),
        ((4.98, 49.99, 5.02, 50.01), [(49, 4), (49, 5), (50, 4), (50, 5)]),
        ((10.30, 59.99, 10.36, 60.01), [(59, 10), (60, 10)]),
        ((-70.01, -50.02, -69.99, -49.98), [(-51, -70), (-50, -70), (-50, -71), (-51, -71)]),
    ],
    ids=["equator", "antimeridian", "50 north", "60 north", "50 south"],
)
def test_tiles_join_without_a_seam(
    net: Loopback, tmp_path: Path, bounds: tuple[float, ...], tiles: list[tuple[int, int]]
) -> None:
    west, south, east, north = bounds
    middle = 0.5 * (south + north)

    def surface(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        return 500.0 + 4000.0 * ((lon - west + 180.0) % 360.0 - 180.0) + 4000.0 * (lat - middle)

    for tile in tiles:
        serve(net, tmp_path, *tile, surface)
    mosaic = read_surface(bounds, session(net, tmp_path))
    assert (mosaic.found, mosaic.missing) == (len(tiles), ())
    rows, columns = mosaic.heights.shape
    lon = mosaic.west + mosaic.step_x * np.arange(columns)
    lat = mosaic.north - mosaic.step_y * np.arange(rows)
    inside = np.ix_(
        (lat >= south) & (lat <= north), (lon >= west) & (lon <= east + 360.0 * (east < west))
    )
    truth = 500.0 + 4000.0 * (lon - west)[None, :] + 4000.0 * (lat - middle)[:, None]
    error = abs(mosaic.heights - truth)[inside]
    # A tile ends up to a cell (0.0028 degrees at 60 north) before the next: its last value is held.
    assert error.max() < 4000.0 * 2.0 / CELLS + 0.01
    away = abs((lon + 0.5) % 1.0 - 0.5) > 2.5 / CELLS
    assert error[:, away[inside[1].ravel()]].max() < 0.01  # a plane, exactly


def test_missing_tiles_are_sea(net: Loopback, tmp_path: Path) -> None:
    serve(net, tmp_path, 43, 5, lambda lon, lat: np.full(lon.shape, 40.0))
    net.on(glo30.HOST, "/", Answer("<Error><Code>NoSuchKey</Code></Error>", 404, "application/xml"))
    ses = session(net, tmp_path)
    half = read_surface((4.95, 43.2, 5.05, 43.3), ses)
    assert half.missing == (tile_name(43, 4),)
    assert set(np.unique(half.heights)) == {0.0, 40.0}
    result = fetch_terrain((3.5, 40.2, 3.6, 40.3), ses, tmp_path)
    assert result.path is None and np.isnan(result.elevation)
    assert "no elevation here" in result.note and "N40_00_E003" in result.note


# --- the terrain ---


def test_a_slope_stays_and_blocks_go(net: Loopback, tmp_path: Path) -> None:
    """Blocks 20 m high, 90 m wide, as far apart, on a slope: 3 of 4 cells are roofs."""

    def town(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        block = (np.floor(lon * 1200.0) % 2 == 0) | (np.floor(lat * 1200.0) % 2 == 0)
        return plane(lon, lat) + 20.0 * block

    content = glo30.tile(tmp_path, 45, 4, town, 3600)
    net.on(glo30.HOST, glo30.path(45, 4), ranged(content))
    result = fetch_terrain(LYON, session(net, tmp_path), tmp_path)
    assert result.path == tmp_path / "terrain.tif"
    with rasterio.open(result.path) as tif:
        assert tif.crs.to_epsg() == 32631 and tif.res == (30.0, 30.0)
        assert tif.units == ("metre",) and "GLO-30" in tif.tags()["source"]
        error = tif.read(1) - plane(*degrees(tif))
        west, north = degrees(tif)[0].min(), degrees(tif)[1].max()
    assert west < LYON[0] and north > LYON[3]
    # The surface's own mean would be 15 m too high; an opening done once only, 2 m.
    assert abs(error).max() < 1.0 and abs(error.mean()) < 0.3
    assert "surface model with buildings and trees" in result.note
    assert result.relief == pytest.approx(3000.0 * 0.03 + 2000.0 * 0.03, abs=12.0)


def test_flat_places_are_flat(net: Loopback, tmp_path: Path) -> None:
    serve(net, tmp_path, 45, 4, lambda lon, lat: 170.0 + 150.0 * (lat - 45.74))
    result = fetch_terrain(LYON, session(net, tmp_path), tmp_path)
    assert result.path is None and not (tmp_path / "terrain.tif").exists()
    assert result.relief == pytest.approx(4.5, abs=1.0)
    assert result.elevation == pytest.approx(172.3, abs=0.5)
    assert "taken as flat at 172 m" in result.note and "less than 10 m" in result.note


def test_the_envelope_keeps_planes_and_wide_hills() -> None:
    y, x = np.mgrid[0:80, 0:80] * 30.0
    slope = (0.1 * x + 0.05 * y).astype(np.float32)
    inner = (slice(12, -12), slice(12, -12))
    assert np.allclose(lower_envelope(slope, (30.0, 30.0))[inner], slope[inner], atol=0.05)
    hill = (60.0 * np.exp(-((x - 1200.0) ** 2 + (y - 1200.0) ** 2) / 600.0**2)).astype(np.float32)
    found = lower_envelope(hill, (30.0, 30.0))
    assert abs(found - hill).max() < 4.0  # rounded at the top by the mean over 300 m
    tower = slope.copy()
    tower[40:44, 40:44] += 100.0
    assert np.allclose(lower_envelope(tower, (30.0, 30.0))[inner], slope[inner], atol=1.0)
    gap = slope.copy()
    gap[40, 40] = np.nan
    assert np.isfinite(lower_envelope(gap, (30.0, 30.0))).all()


def test_the_ground_of_gothenburg_under_its_roofs_and_trees(shared_data: Path) -> None:
    """A surface like GLO-30's, made of one at 2 m with its trees; the terrain under it is known."""

    def read(name: str) -> np.ndarray:
        with rasterio.open(shared_data / "terrain_gothenburg" / f"torgg_{name}.tif") as tif:
            return tif.read(1)

    def coarse(values: np.ndarray) -> np.ndarray:
        rows, columns = (side // 15 for side in values.shape)
        return values[: rows * 15, : columns * 15].reshape(rows, 15, columns, 15).mean((1, 3))

    trees = read("cdsm")
    surface = np.maximum(read("dsm"), read("dem") + np.where(trees > 0.0, trees, 0.0))
    surface, ground = coarse(surface), coarse(read("dem"))
    assert (surface - ground).mean() > 5.0
    error = lower_envelope(surface.astype(np.float32), (30.0, 30.0)) - ground
    assert abs(error.mean()) < 0.5
    # a steep hill 32 m high and 200 m wide is half lost: it is no wider than a block
    assert np.sqrt(np.mean(error**2)) < 3.0
    assert np.percentile(error, 5) > -3.0 and np.percentile(error, 95) < 4.0


# --- what servers do ---


def test_a_broken_line_is_asked_again(net: Loopback, tmp_path: Path) -> None:
    content = glo30.tile(tmp_path, 45, 4, plane, CELLS)
    good = ranged(content)
    stop = min(len(content), 1 << 20)
    part = Answer(
        content[:stop], 206, "image/tiff", {"Content-Range": f"bytes 0-{stop - 1}/{len(content)}"},
        cut=1000,
    )  # fmt: skip
    net.on(glo30.HOST, glo30.path(45, 4), part, Answer("", 503), good)
    assert read_surface(LYON, session(net, tmp_path)).found == 1
    assert len(net.seen) >= 3


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer("", 429, headers={"Retry-After": "999"}), BusyError, "999 s"),
        (Answer("", 500), NetworkError, "500"),
        (Answer(b"II*\0" + bytes(5000), 200), MalformedError, "other bytes than those asked for"),
        (ranged(b"II*\0" + bytes(5000)), MalformedError, "not a readable GeoTIFF"),
        (ranged(b"<html>no</html>", kind="text/html"), MalformedError, "not a readable GeoTIFF"),
    ],
)
def test_servers_that_do_not_give_a_tile(
    net: Loopback, tmp_path: Path, answer: Any, error: type, message: str
) -> None:
    net.on(glo30.HOST, glo30.path(45, 4), answer)
    with pytest.raises(error, match=message) as caught:
        fetch_terrain(LYON, session(net, tmp_path, retries=1), tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "terrain.tif").exists()


def test_a_server_that_never_answers(net: Loopback, tmp_path: Path) -> None:
    net.on(glo30.HOST, glo30.path(45, 4), Answer(hang=True))
    ses = session(net, tmp_path, timeout=(1.0, 0.2), retries=0)
    with pytest.raises(NetworkError, match="no answer within 0.2 s") as caught:
        fetch_terrain(LYON, ses, tmp_path)
    assert "\n" not in str(caught.value) and not (tmp_path / "terrain.tif").exists()


def test_no_network_is_one_line(net: Loopback, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="runs offline.*without terrain") as caught:
        fetch_terrain(LYON, session(net, tmp_path, offline=True), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_tile_cut_short_or_changed_is_noticed(net: Loopback, tmp_path: Path) -> None:
    noise = np.random.default_rng(7)
    content = glo30.tile(
        tmp_path, 45, 4, lambda x, y: plane(x, y) + noise.normal(0, 1, x.shape), 1800
    )
    half = len(content) // 5
    net.on(glo30.HOST, glo30.path(45, 4), ranged(content[:half]))
    with pytest.raises(NetworkError):
        read_surface(LYON, session(net, tmp_path / "a"))

    first, second = ranged(content, '"v1"'), ranged(content, '"v2"')

    def changing(seen: Seen) -> Answer:
        return (first if seen.headers["range"].startswith("bytes=0-") else second)(seen)

    net.on(glo30.HOST, glo30.path(45, 4), changing)
    with pytest.raises(NetworkError, match="changed while it was read"):
        read_surface(LYON, session(net, tmp_path / "b"))


def test_a_tile_of_elsewhere_is_refused(net: Loopback, tmp_path: Path) -> None:
    content = glo30.tile(tmp_path, 44, 4, plane, CELLS)
    net.on(glo30.HOST, glo30.path(45, 4), ranged(content))
    with pytest.raises(MalformedError, match="not the tile that its name says"):
        read_surface(LYON, session(net, tmp_path))


def test_a_tile_that_would_not_fit_in_memory_is_refused(net: Loopback, tmp_path: Path) -> None:
    side, step = 200_000, 1.0 / 200_000
    with rasterio.open(
        tmp_path / "bomb.tif", "w", driver="GTiff", dtype="float32", count=1, width=side,
        height=side, crs="EPSG:4326", sparse_ok=True, tiled=True, blockxsize=4096, blockysize=4096,
        transform=from_origin(4.0 - step / 2, 46.0 + step / 2, step, step), compress="deflate",
    ):  # fmt: skip
        pass
    content = (tmp_path / "bomb.tif").read_bytes()
    net.on(glo30.HOST, glo30.path(45, 4), ranged(content))
    with pytest.raises(MalformedError, match="not the tile that its name says"):
        read_surface(LYON, session(net, tmp_path))


def test_more_than_the_limit_is_not_read(
    net: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_sources.copernicus.MAX_TILE_BYTES", 1 << 20)
    noise = np.random.default_rng(7)
    serve(net, tmp_path, 45, 4, lambda x, y: plane(x, y) + noise.normal(0, 1, x.shape), 1800)
    with pytest.raises(TooLargeError, match="more than the limit"):
        read_surface(LYON, session(net, tmp_path))
    with pytest.raises(InputError, match="too large for one terrain"):
        read_surface((0.0, 40.0, 9.0, 50.0), session(net, tmp_path))


# --- a terrain model of the user's ---


def test_a_terrain_model_in_feet_and_degrees(tmp_path: Path) -> None:
    lon0, lat0, step = 4.80, 45.80, 0.0005
    lon = lon0 + step * (np.arange(200) + 0.5)
    lat = lat0 - step * (np.arange(200) + 0.5)
    metres = plane(*np.meshgrid(lon, lat)).astype(np.float32)
    feet = metres / np.float32(0.3048)
    feet[:, :60] = -32768.0
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", dtype="float32", count=1, width=200, height=200,
        crs="EPSG:4326", transform=from_origin(lon0, lat0, step, step), nodata=-32768.0,
    ) as tif:  # fmt: skip
        tif.write(feet, 1)
        tif.set_band_unit(1, "ft")
    result = import_terrain(tmp_path / "dem.tif", LYON, tmp_path)
    assert "25% of the area without data" in result.note or "% of the area without" in result.note
    with rasterio.open(result.path or "") as out:
        values, (x, y) = out.read(1), degrees(out)
        known = x > lon0 + 61 * step
        assert np.allclose(values[known], plane(x, y)[known], atol=0.3)
        assert out.res[0] < 60.0 and out.crs.to_epsg() == 32631
    with pytest.raises(InputError, match="--dem: .*dem.tif: the raster has no data in the area"):
        import_terrain(tmp_path / "dem.tif", (10.0, 50.0, 10.01, 50.01), tmp_path)
