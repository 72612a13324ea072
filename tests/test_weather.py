"""Reading weather: files as they come, and files with every fault we know."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from heatmat.errors import InputError
from heatmat.ground_wave import YEAR, GroundWave
from heatmat.humid_air import (
    dew_point_from_relative_humidity,
    saturation_vapour_pressure,
    standard_pressure,
)
from heatmat.units import to_celsius, to_kelvin
from heatmat.weather import Weather

from .weather_files import epw_rows, write_epw

FILES = {
    "BEL_VLG_Uccle.064470_TMYx.2007-2021.epw": ("typical_year", 1.0, 50.7969),
    "FRA_AR_Lyon-Bron.AP.074800_TMYx.2004-2018.epw": ("typical_year", 1.0, 45.7261),
    "SGP_Singapore-Changi_TMY.epw": ("single_year", 8.0, 1.367),
    "USA_AZ_Maricopa_Phoenix-DeerValley_2018_AMY.epw": ("single_year", -7.0, 33.69),
}


@pytest.fixture(scope="module")
def rows():
    return epw_rows()


@pytest.mark.parametrize("name", FILES)
def test_real_files_read_and_agree_with_pvlib(shared_data, name):
    from pvlib.iotools import read_epw

    path = shared_data / "weather" / name
    weather = Weather.from_epw(path)
    kind, offset, latitude = FILES[name]
    assert (weather.kind, weather.utc_offset) == (kind, offset)
    assert weather.latitude == pytest.approx(latitude, abs=1e-4)
    assert len(weather.time) == 8760
    theirs, _ = read_epw(path)
    assert to_celsius(weather.air_temperature) == pytest.approx(theirs["temp_air"].to_numpy())
    assert weather.dni == pytest.approx(theirs["dni"].to_numpy())
    assert weather.dhi == pytest.approx(theirs["dhi"].to_numpy())
    assert weather.wind_speed == pytest.approx(theirs["wind_speed"].to_numpy())


def test_radiation_off_the_hour_is_noticed(shared_data):
    """Uccle's is centred on the stamp, Lyon's on the hour before, as the format has it."""
    folder = shared_data / "weather"
    uccle = Weather.from_epw(folder / "BEL_VLG_Uccle.064470_TMYx.2007-2021.epw")
    lyon = Weather.from_epw(folder / "FRA_AR_Lyon-Bron.AP.074800_TMYx.2004-2018.epw")
    assert any("0 min before the stamp" in note for note in uccle.notes)
    assert not lyon.notes


def test_minute_zero_and_sixty_mean_the_same(tmp_path):
    a = Weather.from_epw(write_epw(tmp_path / "a.epw", epw_rows(minute=0)))
    b = Weather.from_epw(write_epw(tmp_path / "b.epw", epw_rows(minute=60)))
    assert np.array_equal(a.time, b.time)
    assert a.time[0] == np.datetime64("2005-01-01T01:00:00")


def test_every_column_lands_where_it_belongs(tmp_path, rows):
    """Each column of the file with a value of its own, at noon of the year's second day."""
    changed = [list(row) for row in rows]
    noon = 24 + 11
    changed[noon][6:10] = ["21.5", "9.5", "46", "98765"]
    changed[noon][12:16] = ["345", "612", "701", "123"]
    changed[noon][20:22] = ["235", "3.5"]
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", changed))
    assert to_celsius(weather.air_temperature[noon]) == pytest.approx(21.5)
    assert to_celsius(weather.dew_point[noon]) == pytest.approx(9.5)
    columns = ("pressure", "sky_longwave", "ghi", "dni", "dhi", "wind_direction", "wind_speed")
    found = [getattr(weather, name)[noon] for name in columns]
    assert found == pytest.approx([98765.0, 345.0, 612.0, 701.0, 123.0, 235.0, 3.5])
    assert weather.sky_longwave[noon + 1] == 300.0 and not weather.notes


def test_linear_between_stamps_and_wrap_at_the_years_end(tmp_path, rows):
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", rows))
    # row 0 (01:00) has 0 C, row 1 has 1 C; row 8759 (24:00 of 31 December) has 19 C
    times = np.array(["2005-01-01T01:30", "2005-01-01T00:30"], dtype="datetime64[s]")
    celsius = to_celsius(weather.at("air_temperature", times))
    assert celsius == pytest.approx([0.5, 9.5])
    # the wind's direction turns through north: 350 and 10 degrees, half way 0
    turn = weather.at("wind_direction", times)
    assert np.cos(np.deg2rad(turn)) == pytest.approx([1.0, 1.0])


def test_a_typical_year_takes_any_year(tmp_path, rows):
    mixed = [["2012" if i > 5000 else "2005", *row[1:]] for i, row in enumerate(rows)]
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", mixed))
    assert weather.kind == "typical_year"
    begin, end = weather.window("07-14T00:00", "07-15T00:00")
    assert (begin, end) == (datetime.datetime(2001, 7, 14), datetime.datetime(2001, 7, 15))
    begin, _ = weather.window("2023-07-14T00:00", "2023-07-15T00:00")
    assert begin.year == 2023
    # 2024 has a 29 February, the file has not: March finds its own rows
    times = np.array(["2023-03-01T12:00", "2024-03-01T12:00"], dtype="datetime64[s]")
    position = weather.position(times)
    assert position[0] == position[1] == (59 * 24 + 12) * 3600.0
    with pytest.raises(InputError, match="29 February"):
        weather.position(np.array(["2024-02-29T12:00"], dtype="datetime64[s]"))
    begin, end = weather.window("12-31T00:00", "01-01T12:00")
    assert end - begin == datetime.timedelta(days=1, hours=12)


def test_windows_that_make_no_sense(tmp_path, rows):
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", rows))
    with pytest.raises(InputError, match=r"2005.*leave out the year: '07-14"):
        weather.window("2023-07-14T00:00", "2023-07-15T00:00")
    with pytest.raises(InputError, match="ends before"):
        weather.window("2005-07-15T00:00", "2005-07-14T00:00")
    with pytest.raises(InputError, match="no such day"):
        weather.window("02-29T00:00", "03-01T00:00")
    with pytest.raises(InputError, match="start and an end"):
        weather.window()


def _broken(rows, line, column, text):
    changed = [list(row) for row in rows[: line + 1]] + rows[line + 1 :]
    changed[line][column] = text
    return changed


@pytest.mark.parametrize(
    ("line", "column", "text", "match"),
    [
        (4000, 6, "warm", r"4009 dry bulb temperature"),
        (4000, 6, "nan", r"4009 dry bulb temperature"),
        (10, 13, "-50", r"19 global horizontal radiation"),
        (10, 1, "13", r"19 month, day, hour"),
        (10, 3, "9", r"19 month, day, hour"),
        (10, 3, "x", r"19 hour"),
    ],
)
def test_bad_cells_name_file_line_and_field(tmp_path, rows, line, column, text, match):
    path = write_epw(tmp_path / "bad.epw", _broken(rows, line, column, text))
    with pytest.raises(InputError, match=rf"bad\.epw:{match}"):
        Weather.from_epw(path)


def test_truncated_and_foreign_files(tmp_path, rows):
    with pytest.raises(InputError, match="no such file"):
        Weather.from_epw(tmp_path / "none.epw")
    with pytest.raises(InputError, match=r"8760 .*rows.*5000"):
        Weather.from_epw(write_epw(tmp_path / "short.epw", rows[:5000]))
    with pytest.raises(InputError, match="cut off"):
        Weather.from_epw(write_epw(tmp_path / "cut.epw", [*rows[:-1], rows[-1][:12]]))
    for name, text in (("empty", ""), ("html", "<html>"), ("header", "LOCATION,a,b,c,d,e,x,y,z,0")):
        path = tmp_path / f"{name}.epw"
        path.write_text(text)
        with pytest.raises(InputError, match=name):
            Weather.from_epw(path)


def test_missing_codes_are_filled_by_stated_rules(tmp_path, rows):
    changed = [list(row) for row in rows]
    changed[100][6] = "99.9"  # between 19 C (row 99) and 1 C (row 101)
    changed[200][7] = "99.9"
    changed[300][9] = "999999"
    changed[400][12] = "9999"
    changed[500][20] = "999"
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", changed))
    assert to_celsius(weather.air_temperature[100]) == pytest.approx(10.0)
    # row 200: 0 C, 50 % by the Magnus formula: -9.2 C
    assert to_celsius(weather.dew_point[200]) == pytest.approx(-9.2, abs=0.1)
    assert weather.pressure[300] == pytest.approx(float(standard_pressure(100.0)))
    assert 150.0 < weather.sky_longwave[400] < 400.0
    assert weather.wind_direction[500] == weather.wind_direction[499]
    assert len(weather.notes) == 5
    for i in range(100, 110):
        changed[i][6] = "99.9"
    with pytest.raises(InputError, match=r"115 dry bulb temperature: missing for more than 6"):
        Weather.from_epw(write_epw(tmp_path / "gap.epw", changed))


def test_missing_beam_is_closed_from_the_other_two(tmp_path, rows):
    changed = [list(row) for row in rows]
    noon = 200 * 24 + 11
    changed[noon][14] = "9999"
    weather = Weather.from_epw(write_epw(tmp_path / "w.epw", changed))
    assert 100.0 < weather.dni[noon] < 300.0
    changed[noon][15] = "9999"
    with pytest.raises(InputError, match=f"{noon + 9} radiation"):
        Weather.from_epw(write_epw(tmp_path / "x.epw", changed))


CSV = "time,air_temperature_c,wind_speed_m_s,relative_humidity,ghi_w_m2,dhi_w_m2,longwave_down_w_m2"


def _csv(tmp_path, lines, header=CSV, name="m.csv", **options):
    path = tmp_path / name
    path.write_bytes("\n".join([header, *lines]).encode(options.pop("encoding", "utf-8")))
    options = {"latitude": 50.0, "longitude": 15.0, "utc_offset": 1.0} | options
    return Weather.from_csv(path, **options)


def _hours(n, separator=",", comma=False):
    for i in range(n):
        text = separator.join(
            [f"2023-07-14T{i:02d}:00", f"{20 + i}.5", "2.0", "60", "500.0", "100.0", "350.0"]
        )
        yield text.replace(".", ",") if comma else text


def test_csv_plain_and_as_spreadsheets_write_it(tmp_path):
    plain = _csv(tmp_path, _hours(20))
    exported = _csv(
        tmp_path, _hours(20, ";", comma=True), CSV.replace(",", ";"), encoding="utf-8-sig"
    )
    for name in ("time", "air_temperature", "dew_point", "dni", "dhi"):
        assert np.array_equal(getattr(plain, name), getattr(exported, name))
    assert plain.kind == "record" and plain.interval == 3600.0
    assert plain.sky_longwave[0] == 350.0 and all("wind_direction" in note for note in plain.notes)
    # at 13:00 the hour before has a sun of 61.0 to 61.6 degrees: (500 - 100) / sin = 455 to 458
    assert 450.0 < plain.dni[13] < 460.0


def test_csv_offset_in_the_times_or_from_the_caller(tmp_path):
    lines = [line.replace(":00,", ":00+02:00,", 1) for line in _hours(5)]
    weather = _csv(tmp_path, lines, utc_offset=None)
    assert weather.utc_offset == 2.0
    assert weather.time[0] == np.datetime64("2023-07-14T00:00:00")
    # 15 degrees east is the middle of UTC+1
    assumed = _csv(tmp_path, _hours(5), utc_offset=None)
    assert assumed.utc_offset == 1.0
    assert any("zone of the longitude" in note for note in assumed.notes)


def test_csv_without_longwave_says_what_it_assumed(tmp_path):
    lines = [line.rsplit(",", 1)[0] for line in _hours(5)]
    weather = _csv(tmp_path, lines, CSV.rsplit(",", 1)[0])
    assert "cloudless" in " ".join(weather.notes)
    assert np.all((weather.sky_longwave > 300.0) & (weather.sky_longwave < 450.0))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x: [x[0], x[2], x[1], *x[3:]], r"m\.csv:4 time: times are not in order"),
        (lambda x: [x[0], x[0], *x[1:]], r"m\.csv:3 time: time appears twice"),
        (lambda x: [*x[:2], *x[3:]], r"m\.csv:4 time: rows are not equally spaced"),
        (lambda x: [x[0].replace("20.5", "nan"), *x[1:]], r"m\.csv:2 air_temperature_c"),
        (lambda x: [x[0].replace("20.5", ""), *x[1:]], r"m\.csv:2 air_temperature_c"),
        (lambda x: [x[0].replace("20.5", "20,5"), *x[1:]], r"m\.csv:2.*semicolons"),
        (lambda x: [line.replace(",60,", ",0.6,") for line in x], "percent"),
        (lambda x: [x[0].replace("T00", "T31"), *x[1:]], r"m\.csv:2 time: not a time"),
        (lambda x: [], "no rows"),
    ],
)
def test_csv_faults_name_line_and_column(tmp_path, change, match):
    with pytest.raises(InputError, match=match):
        _csv(tmp_path, change(list(_hours(6))))


def test_csv_missing_columns_name_the_nearest(tmp_path):
    with pytest.raises(InputError, match="air_temperature_c.*did you mean 'air_temp_c'"):
        _csv(tmp_path, _hours(3), CSV.replace("air_temperature_c", "air_temp_c"))
    with pytest.raises(InputError, match="radiation is not known.*got dhi_w_m2"):
        _csv(tmp_path, _hours(3), CSV.replace("ghi_w_m2", "other"))


def test_csv_with_global_radiation_alone_is_split(tmp_path):
    weather = _csv(tmp_path, _hours(20), CSV.replace("dhi_w_m2", "other"))
    assert "Erbs" in " ".join(weather.notes)
    # 12:30: 500 of a possible 1319 sin(61.4 deg) = 1158 W/m2, clearness k = 0.432; by hand
    # 0.9511 - 0.1604 k + 4.388 k^2 - 16.638 k^3 + 12.336 k^4 = 0.788, slope -2.2
    assert weather.dhi[13] / 500.0 == pytest.approx(0.788, abs=0.01)
    assert weather.dni[13] > 100.0


def test_clear_sky_day_follows_its_numbers():
    weather = Weather.clear_sky(
        "2023-07-14",
        tmax=to_kelvin(33.0),
        tmin=to_kelvin(20.0),
        dew_point=to_kelvin(14.0),
        latitude=60.17,
        longitude=24.94,
        utc_offset=2.0,
    )
    celsius = to_celsius(weather.air_temperature)
    assert celsius.max() == pytest.approx(33.0) and celsius.min() == pytest.approx(20.0, abs=0.02)
    # coldest at 5:00, warmest from 14:00 to 15:00 apparent solar time; the sun is 26 min behind
    # the clock here (20 min of longitude, 6 min of the equation of time)
    hour = (weather.time - weather.origin).astype(float) / 3600.0
    assert hour[celsius.argmin()] == pytest.approx(5.43, abs=0.1)
    assert hour[celsius > 32.99].mean() == pytest.approx(14.93, abs=0.1)
    assert hour[weather.ghi.argmax()] == pytest.approx(12.43, abs=0.1)
    # closes, and lies between the haze and the sky above: 62 to 75 % of 1361 sin(51.5 deg)
    assert 660.0 < weather.ghi.max() < 800.0
    assert weather.ghi[hour < 3.0].max() == 0.0


def test_clear_sky_refuses_impossible_days():
    site = {"latitude": 60.0, "longitude": 25.0}
    with pytest.raises(InputError, match="tmax"):
        Weather.clear_sky("2023-07-14", tmax=290.0, tmin=300.0, **site)
    with pytest.raises(InputError, match="dew point"):
        Weather.clear_sky("2023-07-14", tmax=300.0, tmin=290.0, dew_point=295.0, **site)
    with pytest.raises(InputError, match="date"):
        Weather.clear_sky("14 July", tmax=300.0, tmin=290.0, **site)


def test_ground_wave_fits_a_known_year_and_decays_with_depth():
    hours = (np.arange(8760) + 0.5) * 3600.0
    coldest = 30.0 * 86400.0
    air = 285.0 - 9.0 * np.cos(2 * np.pi * (hours - coldest) / YEAR)
    wave = GroundWave.from_year(air, hours)
    assert wave.mean == pytest.approx(285.0, abs=1e-3)
    assert wave.amplitude == pytest.approx(9.0, abs=1e-3)
    assert wave.coldest == pytest.approx(coldest, abs=600.0)
    # at one damping depth: 1/e of the amplitude, one radian (58.1 days) later
    deep = wave.temperature(wave.damping_depth, hours)
    assert 285.0 - deep.min() == pytest.approx(9.0 / np.e, rel=1e-3)
    assert hours[deep.argmin()] - coldest == pytest.approx(YEAR / (2 * np.pi), abs=3600.0)


def test_ground_wave_obeys_the_heat_equation():
    wave = GroundWave(285.0, 9.0, 2e6)
    z, t, dz, dt = 1.3, 1.1e7, 0.01, 3600.0
    rate = (wave.temperature(z, t + dt) - wave.temperature(z, t - dt)) / (2 * dt)
    curvature = (
        wave.temperature(z + dz, t) - 2 * wave.temperature(z, t) + wave.temperature(z - dz, t)
    ) / dz**2
    # central differences: relative error of order (dz / 2.5 m)^2
    assert rate == pytest.approx(wave.diffusivity * curvature, rel=1e-3)


def test_humid_air_against_tables():
    # ASHRAE Handbook of Fundamentals 2021, chapter 1, table 3: 2.3392 kPa at 20 C, 7.3835 at 40 C
    assert saturation_vapour_pressure(to_kelvin(20.0)) == pytest.approx(2339.2, rel=4e-3)
    assert saturation_vapour_pressure(to_kelvin(40.0)) == pytest.approx(7383.5, rel=4e-3)
    dew = dew_point_from_relative_humidity(to_kelvin(25.0), 0.5)
    half = 0.5 * saturation_vapour_pressure(to_kelvin(25.0))
    assert saturation_vapour_pressure(dew) == pytest.approx(half, rel=1e-9)
    # ISO 2533: 89875 Pa at 1000 m
    assert standard_pressure(1000.0) == pytest.approx(89875.0, abs=20.0)
