"""Pictures: what is where, what hides what, and which way is north."""

import numpy as np
import pytest
import shapely
import xarray as xr
from PIL import Image

from heatmat.materials import library
from heatmat.output import oblique, picture, style
from heatmat.output.curves import draw_curves, local_hours
from heatmat.output.labels import dominant
from heatmat.output.materials_map import PALETTE, colour_of
from heatmat.output.oblique import Scene, densest_part, draw_oblique, middle_of
from heatmat.output.sampling import fill_gaps
from heatmat.output.solids import clip_segments, roof_polygons
from heatmat.output.zbuffer import Camera, Canvas
from tests.output_case import (
    CRS,
    SOUTH,
    WEST,
    building,
    make_city,
    make_maps,
    make_probes,
    make_times,
    make_walls,
)


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(style, "DPI", 60)


@pytest.fixture(scope="module")
def case():
    city = make_city()
    return city, make_maps(city), make_walls(city)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_picture_is_north_up(case, tmp_path):
    city, maps, _ = case
    corner = np.zeros((maps.sizes["y"], maps.sizes["x"]))
    corner[:20, :30] = 1.0  # north-west
    path = picture.draw_field(
        tmp_path / "a.png", maps, city, corner, title="", subtitle="", label="",
        colours="gray", limits=(0.0, 1.0), outline="none",
    )  # fmt: skip
    image = pixels(path)
    # The panel's box from style.map_panels' margins [inches].
    left, top = round(0.25 * 60), round(0.68 * 60)
    width, height = round(6.6 * 60), round(6.6 * 60 * 160 / 240)
    assert image[top + height // 8, left + width // 8].min() > 240
    assert image[top + height // 8, left + width * 7 // 8].max() < 15
    assert image[top + height * 7 // 8, left + width // 8].max() < 15


def test_limits_are_shared_and_round():
    values = np.append(np.linspace(10.2, 40.7, 10_000), 1000.0)
    assert picture.shared_limits(values) == (10.0, 41.0)
    assert picture.shared_limits(values, outside=0.0) == (10.0, 1000.0)
    assert picture.shared_limits(np.full(4, np.nan)) == (0.0, 1.0)


def test_credits_name_the_source_and_the_share_of_filled_heights(case):
    city, maps, _ = case
    text = " ".join(picture.credits(city, maps))
    assert "© OpenStreetMap contributors" in text
    shares = city.buildings["height_source"].value_counts(normalize=True)
    assert f"{100 * shares['filled']:.0f} % filled" in text


def test_the_scale_bar_is_at_most_a_quarter_of_the_map():
    for span in (37.0, 100.0, 640.0, 12_000.0):
        length = style.nice_length(span)
        assert span / 10.0 < length <= span / 4.0


@pytest.mark.parametrize("azimuth", [0.0, 30.0, 200.0])
def test_pixels_know_the_point_they_show(azimuth):
    camera = Camera(azimuth, 40.0)
    x, y = np.array([3.0, -7.0, 11.0]), np.array([5.0, 2.0, -4.0])
    plane = (9.0, 0.3, -0.2)
    z = plane[0] + plane[1] * x + plane[2] * y
    u, v = camera.project(x, y, z).T
    forward, height = camera.on_slope(*plane)(u, v)
    assert np.allclose(height, z)
    assert np.allclose(camera.plan(u, forward), (x, y))
    ends = (1.0, 2.0, 9.0, -3.0)
    x, y, z = ends[0] + 0.25 * 8.0, ends[1] - 0.25 * 5.0, 6.0
    u, v = camera.project(np.array([x]), np.array([y]), np.array([z])).T
    forward, height = camera.on_wall(ends)(u, v)
    assert np.allclose(height, z)
    assert np.allclose(camera.plan(u, forward), ([x], [y]))


def test_neighbours_share_no_pixel_and_leave_none_out():
    canvas = Canvas(Camera(), (0.0, 0.0, 50.0, 40.0), 100)
    rows, columns = canvas.near.shape
    # random cuts of a quadrilateral through an inner point
    outline = np.array([[3.1, 2.2], [46.3, 5.7], [44.4, 37.9], [1.7, 33.3]])
    inner = np.array([21.3, 17.7])
    seen = np.zeros((rows, columns), dtype=int)
    for k in range(4):
        part = Canvas(Camera(), canvas.box, 100)
        ring = np.array([outline[k], outline[(k + 1) % 4], inner])
        part.fill([ring], Camera().on_slope(0.0, 0.0, 0.0), 1.0, 7)
        seen += part.surface == 7
    canvas.fill([outline], Camera().on_slope(0.0, 0.0, 0.0), 1.0, 7)
    assert seen.max() == 1
    assert np.array_equal(seen == 1, canvas.surface == 7)
    area = shapely.Polygon(outline).area
    # a pixel is 0.5 m; the count differs from the area by a part of the outline's pixels
    assert seen.sum() * 0.25 == pytest.approx(area, rel=0.01)


def test_the_nearer_surface_hides_the_farther_in_any_order():
    camera = Camera(0.0, 45.0)  # looks north
    near, far = (0.0, 0.0, 10.0, 0.0), (0.0, 5.0, 10.0, 5.0)
    results = []
    for order in ((1, 2), (2, 1)):
        canvas = Canvas(camera, (-1.0, -1.0, 11.0, 11.0), 120)
        for number in order:
            ends = near if number == 1 else far
            ring = camera.project(
                np.array([ends[0], ends[2]] * 2)[[0, 1, 3, 2]],
                np.full(4, ends[1]),
                np.array([0.0, 0.0, 8.0, 8.0]),
            )
            canvas.fill([ring], camera.on_wall(ends), float(number), number)
        results.append(canvas.surface.copy())
    assert np.array_equal(*results)
    # The near wall spans v = 0 to 5.66, the far one 3.54 to 9.19: their overlap shows the near.
    column = results[0][:, 60]
    rows = (11.0 - np.array([1.0, 4.5, 7.0])) * 10.0
    assert column[rows.astype(int)].tolist() == [1, 1, 2]


def one_house(**other):
    import geopandas as gpd

    city = make_city()
    polygon = shapely.box(WEST + 40.0, SOUTH + 40.0, WEST + 70.0, SOUTH + 60.0)
    rows = [building("way/1", polygon, 15.0, **other)]
    city.buildings = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)
    city.extent = (WEST, SOUTH, WEST + 120.0, SOUTH + 100.0)
    return city


def test_walls_of_a_house_show_their_own_temperature_and_only_those_in_view():
    city = one_house()
    maps, walls = make_maps(city), make_walls(city)
    by_side = np.array([5.0, 10.0, 20.0, 40.0])[
        (walls.table["azimuth_deg"].to_numpy() / 90.0).round().astype(int) % 4
    ]
    walls.temperature[:] = by_side[:, None] + 273.15
    camera = Camera(30.0, 40.0)  # from the south-west
    canvas = Scene(city, maps, walls, 13, middle_of(maps), camera, 600).paint()
    on_walls = canvas.value[canvas.surface > 3]
    # north 5, east 10, south 20, west 40; float32 kelvin
    assert set(np.unique(on_walls.round(2)).tolist()) == {20.0, 40.0}
    south = (canvas.value.round(2) == 20.0).sum() / canvas.scale**2
    # 30 m long, seen at cos(30 deg); 15 m high, seen at cos(40 deg)
    expected = 30.0 * np.cos(np.radians(30.0)) * 15.0 * np.cos(np.radians(40.0))
    assert south == pytest.approx(expected, rel=0.02)


def test_a_gable_wall_ends_under_its_roof():
    city = one_house(roof_shape="gabled", roof_height=8.0)
    maps, walls = make_maps(city), make_walls(city)
    walls.temperature[:] = 273.15 + 77.0
    camera = Camera(90.0, 20.0)  # looks east, at the west gable
    canvas = Scene(city, maps, walls, 13, middle_of(maps), camera, 800).paint()
    area = (canvas.value.round(1) == 77.0).sum() / canvas.scale**2
    gable = 20.0 * 7.0 + 0.5 * 20.0 * 8.0
    assert area == pytest.approx(gable * np.cos(np.radians(20.0)), rel=0.03)


def test_roof_polygons_are_cut_to_the_extent():
    city = one_house()
    extent = (WEST + 50.0, SOUTH, WEST + 120.0, SOUTH + 100.0)
    origin = np.array(extent[:2])
    ((name, polygon, plane),) = roof_polygons(city.buildings, extent, origin)
    assert name == "way/1"
    assert polygon.area == pytest.approx(20.0 * 20.0)
    assert polygon.bounds == pytest.approx((0.0, 40.0, 20.0, 60.0))
    assert plane == pytest.approx([15.0, 0.0, 0.0])


def test_segments_are_clipped():
    ends = np.array([[-5.0, 5.0, 5.0, 5.0], [2.0, -3.0, 2.0, -1.0], [1.0, 1.0, 2.0, 2.0]])
    cut, inside = clip_segments(ends, np.array([0.0, 0.0, 10.0, 10.0]))
    assert inside.tolist() == [True, False, True]
    assert cut[0].tolist() == [0.0, 5.0, 5.0, 5.0]
    assert cut[2].tolist() == ends[2].tolist()


def test_gaps_are_filled_from_their_neighbours_only():
    values = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, np.nan]])
    once = fill_gaps(values, 1)
    assert once[0, 1] == 1.0
    assert np.isnan(once[0, 2])


def test_the_closer_view_goes_where_the_walls_are(case):
    city, maps, walls = case
    west, south, east, north = densest_part(maps, walls, 80.0)
    assert (east - west, north - south) == (80.0, 80.0)
    assert west >= city.extent[0] and north <= city.extent[3]
    # the park in the north-west has no walls
    assert not (west < WEST + 20.0 and south > SOUTH + 70.0)


def test_the_oblique_picture_is_written(case, tmp_path):
    city, maps, walls = case
    image = pixels(draw_oblique(tmp_path / "o.png", maps, city, walls))
    assert image.shape[1] == round((10.5 + 0.8) * 60)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 200


def test_every_construction_of_the_library_has_a_colour_of_its_own():
    names = [name for name in library() if name != "brick_wall"]
    assert set(names) <= set(PALETTE)
    assert len({PALETTE[name] for name in names}) == len(names)
    assert colour_of("my_wall") == colour_of("my_wall")
    assert dominant((("a", 0.3), ("b", 0.7))) == "b"


def test_curves_read_local_hours_and_draw(tmp_path):
    probes = make_probes()
    hours, midnight = local_hours(probes, 2.0)
    assert (hours.min(), hours.max()) == (1.0, 24.0)
    assert str(midnight) == "2023-07-14"
    path = draw_curves(tmp_path / "p.png", probes, offset_h=2.0, notes=["note"])
    assert pixels(path).std() > 10.0


def test_a_run_of_one_stamp_still_draws(case, tmp_path):
    city, _, _ = case
    maps = make_maps(city, 4.0, make_times(1))
    assert isinstance(maps, xr.Dataset)
    assert picture.draw_temperatures(tmp_path / "t.png", maps, city).exists()
    assert oblique.draw_oblique(
        tmp_path / "o.png", maps, city, make_walls(city, make_times(1))
    ).exists()
