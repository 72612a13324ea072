"""compare-observed: pairs by id and time, by pixel, and what they are reduced to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from heatmat.cli import main
from heatmat.errors import InputError
from heatmat.observed import pair_with_maps, pair_with_temps, read_observed, statistics
from heatmat.units import KELVIN

HOURS = [f"2023-07-14T{h:02d}:00:00+02:00" for h in range(1, 24)]
MODEL = np.linspace(20.0, 42.0, 23)


@pytest.fixture
def temps(tmp_path: Path) -> Path:
    path = tmp_path / "TEMPS.csv"
    pd.DataFrame(
        {
            "id": "07",
            "time": HOURS,
            "surface_temperature_c": MODEL,
            "standard_error_k": 0.1,
            "absorbed_shortwave_w_m2": np.where(np.arange(23) < 12, 0.0, 300.0),
            "air_temperature_c": 25.0,
        }
    ).to_csv(path, index=False)
    return path


def observations(
    path: Path, rows: list[str], header: str = "id,time,surface_temperature_c"
) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_bias_and_night_are_those_that_were_put_in(temps: Path, tmp_path: Path) -> None:
    """Measured one kelvin over the model by night and two under by day, in another time zone."""
    utc = [f"2023-07-14T{h:02d}:30:00Z" for h in range(21)]  # half way between the model's stamps
    between = MODEL[1:22] + 0.5 * (MODEL[1] - MODEL[0])
    # The flux between the last dark stamp and the first lit one is above zero: day.
    day = np.arange(21) >= 10
    seen = between + np.where(day, -2.0, 1.0)
    rows = [f"07,{t},{v:.6f}" for t, v in zip(utc, seen, strict=True)]
    pairs = pair_with_temps(
        temps, read_observed(observations(tmp_path / "o.csv", rows), places=False)
    )
    found = statistics(pairs).iloc[0]
    assert found["rows"] == 21
    assert found["day_bias_k"] == pytest.approx(2.0, abs=1e-5)
    assert found["night_bias_k"] == pytest.approx(-1.0, abs=1e-5)
    assert found["rmse_k"] == pytest.approx(np.sqrt((10 + 4 * 11) / 21), abs=1e-5)
    assert found["skill"] == pytest.approx(
        1.0 - found["rmse_k"] ** 2 / np.mean((25.0 - seen) ** 2), abs=1e-5
    )


def test_rows_outside_the_run_are_counted(
    temps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "07,2023-07-14T10:00:00+02:00,30",
        "07,2023-07-16T10:00:00+02:00,30",
        "x,2023-07-14T01:00Z,1",
    ]
    path = observations(tmp_path / "o.csv", rows)
    out = tmp_path / "pairs.csv"
    assert main(["compare-observed", str(temps), str(path), "--out", str(out)]) == 3
    printed = capsys.readouterr()
    assert "2 of 3 rows" in printed.err
    assert printed.out.splitlines()[1].startswith("07,1,-1.000,")
    assert len(pd.read_csv(out)) == 1
    assert out.with_suffix(".png").stat().st_size > 1000


def maps(folder: Path) -> Path:
    """Two by two pixels of 10 m near Vienna; the north-east one has only ground."""
    time = pd.date_range("2023-07-14T00:00", periods=5, freq="6h")
    shape = (5, 2, 2)
    ground = np.full(shape, KELVIN + 20.0)
    ground[:, 0, 1] += np.arange(5)
    roof = np.full(shape, KELVIN + 40.0)
    roof[:, 0, 1] = np.nan
    dims = ("time", "y", "x")
    dataset = xr.Dataset(
        {
            "surface_temperature": (dims, ground),
            "ground_temperature": (dims, ground),
            "roof_temperature": (dims, roof),
            "surface_temperature_standard_error": (dims, np.full(shape, 0.05)),
        },
        coords={"time": time, "y": [5341005.0, 5340995.0], "x": [601005.0, 601015.0]},
    )
    from pyproj import CRS

    dataset["spatial_ref"] = ((), 0, {"crs_wkt": CRS.from_epsg(32633).to_wkt()})
    dataset.to_zarr(folder / "result.zarr", zarr_format=2)
    return folder


def test_maps_are_read_at_the_pixel_that_holds_the_sensor(tmp_path: Path) -> None:
    maps(tmp_path)
    rows = [
        "a,2023-07-14T06:00Z,20.5,601012,5341001,ground",
        "a,2023-07-14T15:00Z,22.5,601012,5341001,ground",
        "b,2023-07-14T12:00Z,41.0,601003,5341001,roof",
    ]
    path = observations(tmp_path / "o.csv", rows, "id,time,surface_temperature_c,x,y,surface")
    pairs = pair_with_maps(tmp_path, read_observed(path, places=True))
    assert pairs["modelled_c"].tolist() == pytest.approx([21.0, 22.5, 40.0], abs=1e-4)
    assert pairs["day"].all()
    assert statistics(pairs)["id"].tolist() == ["a", "b", "all"]


def test_sensors_by_longitude_and_latitude(tmp_path: Path) -> None:
    from pyproj import Transformer

    maps(tmp_path)
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(601012, 5341001)
    path = observations(
        tmp_path / "o.csv", [f"a,2023-07-14T06:00Z,20,{lon},{lat}"],
        "id,time,surface_temperature_c,lon,lat",
    )  # fmt: skip
    assert pair_with_maps(tmp_path, read_observed(path, places=True))["modelled_c"][0] == (
        pytest.approx(21.0, abs=1e-4)
    )


@pytest.mark.parametrize(
    ("rows", "header", "what"),
    [
        (["a,2023-07-14T06:00Z,20"], "id,time,surface_temperature_c", "do not say where"),
        (["a,2023-07-14T06:00Z,20,0,0"], "id,time,surface_temperature_c,x,y", "outside the maps"),
        (
            ["a,2023-07-14T06:00Z,20,601012,5341001,roof"],
            "id,time,surface_temperature_c,x,y,surface",
            "holds no roof",
        ),
        (
            ["a,2023-07-14T06:00Z,20,601012,5341001,wall"],
            "id,time,surface_temperature_c,x,y,surface",
            "walls are compared through TEMPS.csv",
        ),
        (["a,noon,20,1,1"], "id,time,surface_temperature_c,x,y", "line 2"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, rows: list[str], header: str, what: str
) -> None:
    maps(tmp_path)
    path = observations(tmp_path / "o.csv", rows, header)
    with pytest.raises(InputError, match=what):
        pair_with_maps(tmp_path, read_observed(path, places=True))


def test_ids_that_do_not_meet(temps: Path, tmp_path: Path) -> None:
    path = observations(tmp_path / "o.csv", ["7,2023-07-14T10:00Z,30"])
    with pytest.raises(InputError, match="no id is in both"):
        pair_with_temps(temps, read_observed(path, places=False))
