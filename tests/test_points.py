"""Points files as people send them, and TEMPS.csv byte for byte."""

# ruff: noqa: E501 - a table of cases reads best with a case a line

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heatmat.errors import InputError
from heatmat.incident_table import read_incident
from heatmat.points import TEMPS_COLUMNS, as_points, place_of, read_points, write_temps

GOOD = "id,surface,x,y,z\na,ground,10.5,20,\nb,wall,1,2,3.5\nc,any,0,0,\n"


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "p.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


VARIANTS = [
    (GOOD, "utf-8"),
    (GOOD, "utf-8-sig"),
    (GOOD, "utf-16"),
    (GOOD.replace("\n", "\r\n"), "utf-8"),
    (GOOD.replace("\n", "\n\n"), "utf-8"),
    (GOOD.replace(",", ";"), "utf-8"),
    (GOOD.replace(",", ";").replace(".", ","), "utf-8-sig"),
    (GOOD.replace(",", "\t").replace(".", ","), "utf-8"),
    (GOOD.replace(",", ", "), "utf-8"),
    (GOOD.replace("id,surface", "ID,Surface").replace("ground", "Ground"), "utf-8"),
    (GOOD.replace("10.5", '"10,5"'), "utf-8"),
]


@pytest.mark.parametrize(("text", "encoding"), VARIANTS)
def test_the_same_points_however_they_are_written(tmp_path: Path, text: str, encoding: str) -> None:
    points = read_points(write(tmp_path, text, encoding))
    assert points["id"].tolist() == ["a", "b", "c"]
    assert points["surface"].tolist() == ["ground", "wall", "any"]
    assert points["x"].tolist() == [10.5, 1.0, 0.0]
    assert points["z"].tolist()[1] == 3.5
    assert np.isnan(points["z"].tolist()[0])
    assert points["resolution_m"].tolist() == [0.0, 0.0, 0.0]
    assert points["construction"].tolist() == ["", "", ""]
    assert points["azimuth_deg"].isna().all()


def test_optional_columns_and_what_is_not_known(tmp_path: Path) -> None:
    text = "id,surface,x,y,z,azimuth_deg,resolution_m,construction,comment\n1,wall,0,0,1,-90,50,brick_wall,hello\n"
    points = read_points(write(tmp_path, text))
    assert points.loc[0, "azimuth_deg"] == 270.0
    assert points.loc[0, "resolution_m"] == 50.0
    assert points.loc[0, "construction"] == "brick_wall"
    assert points.attrs["ignored_columns"] == ["comment"]
    assert place_of(points, 0, "x").endswith("p.csv: line 2 (1): x")


BAD = [
    ("", "the table is empty"),
    ("id,surface,x,y,z\n", "the table has no rows"),
    ("id,surface,x\na,ground,1\n", "missing column 'y' (got id, surface, x)"),
    ("surface,x,y\nground,1,2\n", "missing column 'id'"),
    ("id,x,y\na,1,2\n", "missing column 'surface'"),
    ("id,surface,lon\na,ground,1\n", "missing column 'lat'"),
    ("id,surface,x,y,lon,lat\na,ground,1,2,3,4\n", "both x, y and lon, lat are given"),
    ("id,surface,x,x,y\na,ground,1,2,3\n", "line 1: column given twice (got 'x')"),
    ("id,surface,x,y,azimut_deg\na,ground,1,2,3\n", "unknown column (got 'azimut_deg'); did you mean 'azimuth_deg'?"),
    ("id,surface,x,y\na,rof,1,2\n", "line 2: surface: unknown surface (expected ground, roof, wall or any, got 'rof'); did you mean 'roof'?"),
    ("id,surface,x,y\na,,1,2\n", "line 2: surface: unknown surface"),
    ("id,surface,x,y\na,ground,1,2\na,ground,1,2\n", "line 3: id: duplicate id (got 'a'); line 2 has it already"),
    ("id,surface,x,y\n,ground,1,2\n", "line 2: id: missing id"),
    ("id,surface,x,y\na,ground,one,2\n", "line 2: x: wrong number (expected a number, got 'one')"),
    ("id,surface,x,y\na,ground,,2\n", "line 2: x: wrong number (expected a number, got nothing)"),
    ("id,surface,x,y\na,ground,nan,2\n", "line 2: x: wrong number (expected a number, got 'nan')"),
    ("id,surface,x,y\na,ground,inf,2\n", "line 2: x: wrong number"),
    ("id,surface,x,y\na,ground,1.234,5;6\n", "line 2: y: wrong number"),
    ("id;surface;x;y\na;ground;1.234,5;6\n", "line 2: x: wrong number (expected a number, got '1.234,5')"),
    ("id,surface,x,y\na,ground,1,5,2,5\n", "line 2: wrong number of fields (expected 4, got 6); with decimal commas, separate"),
    ("id,surface,x,y\na,ground,1\n", "line 2: wrong number of fields (expected 4, got 3)"),
    ("id,surface,x,y\na,wall,1,2\n", "line 2: z: wrong height (expected metres above the building's base, at least 0, got nothing)"),
    ("id,surface,x,y,z\na,wall,1,2,-1\n", "line 2: z: wrong height"),
    ("id,surface,x,y,z\na,ground,1,2,x\n", "line 2: z: wrong height (expected a number, or nothing, got 'x')"),
    ("id,surface,lon,lat\na,ground,1,95\n", "line 2: lat: wrong number (expected a number from -90 to 90 degrees, got '95')"),
    ("id,surface,x,y,resolution_m\na,ground,1,2,-3\n", "line 2: resolution_m: wrong number (expected a number from 0 to 10000 m"),
    ("id,surface,x,y,azimuth_deg\na,ground,1,2,N\n", "line 2: azimuth_deg: wrong number"),
    ("id,surface,x,y,tilt_deg\na,ground,1,2,200\n", "line 2: tilt_deg: wrong number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_every_fault_names_file_line_and_column(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_points(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert expected in line
    assert "\n" not in line


def test_faults_are_gathered(tmp_path: Path) -> None:
    rows = "".join(f"{i},rof,x,2\n" for i in range(10))
    with pytest.raises(InputError, match=r"20 faults: .*and 12 more"):
        read_points(write(tmp_path, "id,surface,x,y\n" + rows))


def test_not_there_a_folder_and_not_text(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"id,surface\n\xff\xfa")
    for name, expected in (("n.csv", "no such file"), ("", "is a folder"), ("b.csv", "not UTF-8")):
        with pytest.raises(InputError, match=expected):
            read_points(tmp_path / name)


def test_lon_lat_become_x_y_of_the_scenario(tmp_path: Path) -> None:
    path = write(tmp_path, "id,surface,lon,lat\na,ground,24.95,60.17\n")
    points = read_points(path, crs="EPSG:32635")
    # pyproj itself is the reference; what is tested is the order of the axes.
    assert points.loc[0, "x"] == pytest.approx(386_270, abs=300)
    assert points.loc[0, "y"] == pytest.approx(6_672_150, abs=300)
    later = as_points(read_points(path), crs="EPSG:32635")
    assert later.loc[0, "x"] == points.loc[0, "x"]


def test_data_frames_and_geo_data_frames() -> None:
    import geopandas as gpd
    from shapely.geometry import Point

    frame = pd.DataFrame({"surface": ["ground", "roof"], "x": [1.0, 2.0], "y": [3.0, 4.0]})
    assert as_points(frame)["id"].tolist() == ["0", "1"]
    layer = gpd.GeoDataFrame({"surface": ["roof"]}, geometry=[Point(24.95, 60.17)], crs=4326)
    assert as_points(layer, crs="EPSG:32635").loc[0, "x"] == pytest.approx(386_270, abs=300)
    with pytest.raises(InputError, match="points: row 1: x: wrong number"):
        as_points(frame.assign(x=[1.0, np.nan]))
    with pytest.raises(InputError, match="there are no points"):
        as_points(frame.iloc[:0])


def test_positions_do_not_matter_when_the_fluxes_are_given(tmp_path: Path) -> None:
    points = read_points(
        write(tmp_path, "id,surface,construction,tilt_deg\na,wall,brick_wall,90\n"), positions=False
    )
    assert points.loc[0, "tilt_deg"] == 90.0
    assert np.isnan(points.loc[0, "x"])


def temps() -> pd.DataFrame:
    values: dict[str, object] = dict.fromkeys(TEMPS_COLUMNS, 0.12345678)
    values |= {"id": "a", "time": "2023-07-14T01:00:00+02:00", "surface": "ground"}
    values |= {"building_id": "", "construction": "asphalt_street", "rays": 1024}
    values |= {"conduction_w_m2": -0.0001, "z": np.nan, "x": 385000.1234}
    return pd.DataFrame([values])


def test_temps_has_the_fixed_columns_and_no_more(tmp_path: Path) -> None:
    frame = temps().assign(other=1)[["other", *TEMPS_COLUMNS[::-1]]]
    write_temps(frame, tmp_path / "new" / "t.csv")
    header, row = (tmp_path / "new" / "t.csv").read_text().splitlines()
    assert header == (
        "id,time,surface,x,y,z,building_id,construction,surface_temperature_c,standard_error_k,"
        "absorbed_shortwave_w_m2,net_longwave_w_m2,convection_w_m2,latent_w_m2,conduction_w_m2,"
        "air_temperature_c,h_conv_w_m2k,incident_shortwave_w_m2,incident_longwave_w_m2,rays,"
        "snap_distance_m"
    )
    assert row == (
        "a,2023-07-14T01:00:00+02:00,ground,385000.123,0.123,,,asphalt_street,0.1235,0.1235,0.123,"
        "0.123,0.123,0.123,0.000,0.1235,0.1235,0.123,0.123,1024,0.123"
    )
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["t.csv"]


def test_standard_output_gets_pure_csv(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("-", "/dev/stdout"):
        write_temps(temps(), path)
        out = capsys.readouterr().out
        assert out.startswith("id,time,surface,")
        assert len(out.splitlines()) == 2


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    if sys.platform == "win32":
        return
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_temps(temps(), pipe)
    reader.join(timeout=10)
    assert read[0].count("\n") == 2
    assert pipe.is_fifo()


FORCING = (
    "id,time,incident_shortwave_w_m2,incident_longwave_w_m2,air_temperature_c,h_conv_w_m2k\n"
    "a,2023-07-14T00:00,0,300,15,10\n"
    "a,2023-07-14T01:00,10,300,15,10\n"
)


def test_incident_forcing(tmp_path: Path) -> None:
    frame = read_incident(write(tmp_path, FORCING), ids=["a"], utc_offset_h=2.0)
    assert str(frame["time"].iloc[0]) == "2023-07-13 22:00:00"
    assert frame["incident_shortwave_w_m2"].tolist() == [0.0, 10.0]


BAD_FORCING = [
    (FORCING.replace("h_conv_w_m2k", "h"), ["a"], "missing column (expected h_conv_w_m2k, or wind_speed_m_s)"),
    (FORCING.replace("air_temperature_c", "air"), ["a"], "missing column 'air_temperature_c'"),
    (FORCING.replace("T01", "T00"), ["a"], "line 3: time: times do not increase"),
    (FORCING.replace("2023-07-14T01", "14.7."), ["a"], "line 3: time: not a time"),
    (FORCING.replace("10,300", ",300"), ["a"], "line 3: incident_shortwave_w_m2: wrong number (expected a number from -20 to 2000 W/m2, got nothing)"),
    (FORCING.replace("300,15", "300,288"), ["a"], "line 2: air_temperature_c: wrong number"),
    (FORCING, ["a", "b"], "id 'b': too few rows for a point (expected at least two, got 0)"),
    (FORCING.replace("h_conv_w_m2k", "h_conv_w_m2k,inside_air_temperature_c,inside_surface_temperature_c").replace("15,10", "15,10,22,20"), ["a"], "two inside boundaries"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ids", "expected"), BAD_FORCING)
def test_faults_of_the_forcing(tmp_path: Path, text: str, ids: list[str], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        read_incident(write(tmp_path, text), ids=ids)
    assert expected in str(caught.value)
