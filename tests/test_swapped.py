"""Latitude and longitude in the wrong order: said, and in the units that the user gave."""

from __future__ import annotations

import types

import numpy as np
import pytest
import shapely

from heatmat.commands.checking import check_report
from heatmat.crs import choose_crs
from heatmat.errors import InputError
from heatmat.placing import _check_extent
from heatmat.points import as_points
from heatmat.scenario import Scenario

from .weather_files import epw_rows, write_epw

LON, LAT = 4.8798, 45.7579  # Villeurbanne


def town(folder, *, swapped):
    import geopandas as gpd

    x, y = (LAT, LON) if swapped else (LON, LAT)
    boxes = [shapely.box(x, y, x + 2e-4, y + 2e-4), shapely.box(x + 3e-4, y, x + 5e-4, y + 2e-4)]
    gpd.GeoDataFrame({"height": [9.0, 12.0]}, geometry=boxes, crs=4326).to_file(
        folder / "town.geojson"
    )
    write_epw(folder / "lyon.epw", epw_rows(), lat=45.73, lon=5.08, zone=1.0)
    (folder / "s.toml").write_text(
        'format = 1\n[city]\nbuildings = "town.geojson"\nmargin_m = 10\n'
        '[weather]\nepw = "lyon.epw"\n[time]\nstart = "07-14T00:00"\nend = "07-15T00:00"\n'
    )
    return Scenario.load(folder / "s.toml")


def notes(scenario):
    return [text for name, text in check_report(scenario, lambda *_: None) if name == "note"]


def test_check_says_that_the_order_looks_wrong(tmp_path):
    swapped = [line for line in notes(town(tmp_path, swapped=True)) if "swapped" in line]
    assert len(swapped) == 1 and "km from the city" in swapped[0]
    assert "4.880 N, 45.758 E" in swapped[0]


def test_check_is_silent_where_the_order_is_right(tmp_path):
    assert not [line for line in notes(town(tmp_path, swapped=False)) if "km from" in line]


def test_degrees_that_only_fit_the_other_way_round():
    with pytest.raises(InputError, match="swapped"):
        choose_crs("EPSG:4326", (35.6, 139.7, 35.7, 139.8), None, "tokyo.geojson")


def maps():
    return types.SimpleNamespace(
        crs_wkt="EPSG:32631", resolution=1.0, ny=100, window=(0, 100, 0, 100), south=-50.0,
        west=-50.0, origin=(646_000.0, 5_069_000.0),
    )  # fmt: skip


def outside(lon, lat):
    points = as_points({"id": ["a"], "surface": ["ground"], "lon": [lon], "lat": [lat]},
                       crs="EPSG:32631")  # fmt: skip
    x, y = (points[k].to_numpy() - o for k, o in zip("xy", maps().origin, strict=True))
    _check_extent(maps(), points, np.asarray(x), np.asarray(y))


def test_points_in_degrees_are_answered_in_degrees():
    outside(4.8775, 45.7591)  # within: nothing is raised
    with pytest.raises(InputError) as caught:
        outside(4.9, 45.76)
    text = str(caught.value)
    assert "lon 4.87" in text and "lat 45.7" in text and "got 4.900000, 45.760000" in text
    assert "646" not in text  # no metres
    with pytest.raises(InputError, match="lon and lat are swapped"):
        outside(45.7591, 4.8775)
