"""Forcing on steps: energy, clocks, the sun, and what leaves the machine."""

from __future__ import annotations

import dataclasses
import datetime
import subprocess
import sys

import numpy as np
import pytest

from heatmat.errors import InputError
from heatmat.forcing import Forcing, make_forcing
from heatmat.ground_wave import GroundWave
from heatmat.physics import PhysicsOptions
from heatmat.solar import LARGEST_DNI
from heatmat.units import to_celsius, to_kelvin
from heatmat.weather import Weather

from .weather_files import epw_rows, write_epw

DAY = {"start": "07-14T00:00", "end": "07-15T00:00"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A year whose radiation is 300, 200 and 150 W/m2 from 8:00 to 16:00 every day."""
    return Weather.from_epw(write_epw(tmp_path_factory.mktemp("epw") / "made.epw", epw_rows()))


@pytest.fixture(scope="module")
def clear():
    return Weather.clear_sky(
        "2023-07-14",
        tmax=to_kelvin(33.0),
        tmin=to_kelvin(20.0),
        dew_point=to_kelvin(14.0),
        latitude=60.17,
        longitude=24.94,
        utc_offset=2.0,
    )


@pytest.mark.parametrize("step_min", [1, 5, 10, 15, 60])
@pytest.mark.parametrize("start", ["01-03T00:00", "07-14T07:00"])
def test_every_hour_keeps_its_energy(made, step_min, start):
    end = start.replace("03T", "04T").replace("14T", "15T")
    forcing = make_forcing(made, start=start, end=end, step_min=step_min, spin_up_days=1)
    per_hour = 60 // step_min
    hour_end = forcing.local_time[per_hour::per_hour]
    row = (made.position(hour_end - np.timedelta64(1, "s")) // 3600).astype(int)
    # sums of doubles only; in January part of the hour 15:00 to 16:00 is after sunset at 50 N
    for name in ("dni", "dhi"):
        hourly = getattr(forcing, name).reshape(-1, per_hour).mean(axis=1)
        assert hourly == pytest.approx(getattr(made, name)[row], abs=1e-9)


@pytest.mark.parametrize("step_min", [10, 60])
def test_consistent_file_gives_back_its_global_radiation(shared_data, step_min):
    name = "FRA_AR_Lyon-Bron.AP.074800_TMYx.2004-2018.epw"
    weather = Weather.from_epw(shared_data / "weather" / name)
    forcing = make_forcing(weather, start="06-01T00:00", end="07-01T00:00", step_min=step_min)
    per_hour = 60 // step_min
    hour_end = forcing.local_time[per_hour::per_hour]
    row = (weather.position(hour_end - np.timedelta64(1, "s")) // 3600).astype(int)
    hourly = forcing.ghi.reshape(-1, per_hour).mean(axis=1)
    # the file rounds to 1 W/m2 and took the sun at the middle of the hour: its own closure is good
    # to 9 W/m2 at worst over the year, 2.1 RMS
    assert np.abs(hourly - weather.ghi[row]).max() < 9.0
    assert hourly.mean() == pytest.approx(weather.ghi[row].mean(), rel=0.01)


def test_sunrise_hour_is_squeezed_into_its_lit_part(clear):
    """An hourly file: the beam of the sunrise hour falls only after sunrise."""
    hourly = _hourly(clear)
    forcing = make_forcing(hourly, spin_up_days=1, step_min=1)
    up = forcing.sun_direction[:, 2] > 0.0
    assert not forcing.dni[~up].any()
    assert forcing.dni[up].min() > 0.0
    assert forcing.dni.max() <= LARGEST_DNI
    # sunrise moves by less than a minute against the table it was made from
    fine = make_forcing(clear, spin_up_days=1, step_min=1)
    assert abs(np.flatnonzero(up)[0] - np.flatnonzero(fine.dni > 0.0)[0]) <= 1


def _hourly(weather: Weather) -> Weather:
    """The same day as hourly rows."""
    hours = slice(59, None, 60)
    columns = ("time", "air_temperature", "dew_point", "pressure", "wind_speed")
    values = {name: getattr(weather, name)[hours] for name in columns}
    values |= {n: getattr(weather, n)[hours] for n in ("wind_direction", "sky_longwave")}
    values |= {n: getattr(weather, n).reshape(24, 60).mean(axis=1) for n in ("ghi", "dni", "dhi")}
    return dataclasses.replace(weather, interval=3600.0, **values)


@pytest.mark.parametrize("option", ["mid_step", "end_of_step"])
def test_sun_against_an_independent_formula(made, option):
    """Michalsky's almanac formula (1988) in place of the SPA: they differ by under 0.02 degrees."""
    forcing = make_forcing(made, **DAY, spin_up_days=1, physics=PhysicsOptions(sun_time=option))
    offset = 0.5 if option == "mid_step" else 1.0
    # Of its own, not the forcing's: the file's clock is an hour ahead of UTC, a day goes before.
    step = np.timedelta64(600, "s")
    utc = np.datetime64("2005-07-12T23:00:00") + step * np.arange(288) + int(offset * 600)
    expected = _almanac_sun(utc, 50.0, 15.0)
    cosine = np.sum(forcing.sun_direction * expected, axis=1)
    whole = np.abs(expected[:, 2]) > 0.05  # away from sunrise, where the lit part's middle counts
    assert np.rad2deg(np.arccos(np.clip(cosine[whole], -1, 1))).max() < 0.03


def _almanac_sun(utc, latitude, longitude):
    """Sun vector (east, north, up) after Michalsky (1988), Solar Energy 40, 227-235."""
    n = (utc - np.datetime64("2000-01-01T12:00:00")) / np.timedelta64(86400, "s")
    mean_longitude = np.deg2rad(280.460 + 0.9856474 * n)
    anomaly = np.deg2rad(357.528 + 0.9856003 * n)
    ecliptic = mean_longitude + np.deg2rad(1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.deg2rad(23.439 - 4e-7 * n)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(obliquity) * np.sin(ecliptic))
    sidereal = np.deg2rad(15.0 * ((6.697375 + 0.0657098242 * n + 24 * ((n + 0.5) % 1.0)) % 24))
    hour_angle = sidereal + np.deg2rad(longitude) - ascension
    phi = np.deg2rad(latitude)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.sin(declination) * np.cos(phi) - np.cos(declination) * np.sin(phi) * np.cos(
        hour_angle
    )
    up = np.sin(declination) * np.sin(phi) + np.cos(declination) * np.cos(phi) * np.cos(hour_angle)
    return np.stack([east, north, up], axis=1)


def test_linear_half_hour_reads_rows_at_their_middles(made):
    options = PhysicsOptions(solar_interpolation="linear_half_hour", sun_time="end_of_step")
    forcing = make_forcing(made, **DAY, spin_up_days=1, physics=options)
    local = forcing.local_time[1:]
    hour = (local - local.astype("datetime64[D]")).astype(float) / 3600.0
    # the row that ends at 9:00 holds at 8:30, the row before (dark) at 7:30: at 8:10 two thirds
    at = {h: forcing.dni[np.argmin(np.abs(hour - h))] for h in (7.5, 8 + 1 / 6, 8.5, 12.0)}
    assert list(at.values()) == pytest.approx([0.0, 200.0 * 2 / 3, 200.0, 200.0])


def test_a_start_within_the_hour_changes_nothing(made):
    late = make_forcing(made, start="07-14T06:40", end="07-14T20:20", spin_up_days=1)
    whole = make_forcing(made, start="07-14T06:00", end="07-14T21:00", spin_up_days=1)
    for name in ("dni", "dhi", "beam_normal", "sun_direction"):
        assert np.array_equal(getattr(late, name), getattr(whole, name)[4:-4]), name


def test_window_is_open_at_its_start(made):
    forcing = make_forcing(made, **DAY, step_min=10, spin_up_days=2)
    assert forcing.n_steps == 3 * 144 and forcing.spin_up_steps == 2 * 144
    start = forcing.local_time[forcing.spin_up_steps]
    assert start == np.datetime64("2005-07-14T00:00:00")
    assert forcing.local_time[-1] == np.datetime64("2005-07-15T00:00:00")
    assert forcing.time[-1] == np.datetime64("2005-07-14T23:00:00")
    # instantaneous at the stamp: hour h of the year is h modulo 20, here 194 days and 12 hours
    noon = forcing.spin_up_steps + 12 * 6
    assert to_celsius(forcing.air_temperature[noon]) == pytest.approx((194 * 24 + 11) % 20)


def test_spin_up_wraps_at_new_year(made):
    forcing = make_forcing(made, start="01-01T00:00", end="01-02T00:00", spin_up_days=1)
    december = 364 * 24 + np.arange(1, 24)
    stamps = forcing.air_temperature[6:144:6]
    assert to_celsius(stamps) == pytest.approx((december - 1.0) % 20)


def test_times_with_a_zone_are_moved_to_the_weathers_clock(made):
    zone = datetime.timezone(datetime.timedelta(hours=3))
    start = datetime.datetime(2005, 7, 14, 2, 0, tzinfo=zone)
    forcing = make_forcing(made, start=start, end="2005-07-15T00:00", spin_up_days=1)
    assert forcing.local_time[forcing.spin_up_steps] == np.datetime64("2005-07-14T00:00:00")


def test_clear_day_repeats_exactly(clear):
    forcing = make_forcing(clear, spin_up_days=3)
    assert forcing.repeating and forcing.n_steps == 4 * 144
    for name in ("beam_normal", "diffuse_isotropic", "diffuse_horizon", "sun_direction"):
        days = getattr(forcing, name).reshape(4, 144, -1)
        assert np.array_equal(days[0], days[1]) and np.array_equal(days[0], days[3])
    for name in ("air_temperature", "sky_longwave", "wind_speed"):
        days = getattr(forcing, name)[1:].reshape(4, 144)
        assert np.array_equal(days[0], days[3])


def test_open_ground_receives_the_global_radiation(clear):
    """Beam, circumsolar, isotropic light and band together give horizontal ground its GHI."""
    from heatmat.sky import horizon_band_horizontal_share

    forcing = make_forcing(clear, spin_up_days=1)
    up = np.maximum(forcing.sun_direction[:, 2], 0.0)
    band = forcing.diffuse_horizon * horizon_band_horizontal_share()
    ground = forcing.beam_normal * up + forcing.diffuse_isotropic + band
    high = up > np.cos(np.deg2rad(85.0))  # below, Perez damps the circumsolar light
    assert ground[high] == pytest.approx(forcing.ghi[high], rel=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"step_min": 7}, "divide an hour"),
        ({"step_min": 2.5}, "divide an hour"),
        ({"step_min": 20, "start": "07-14T00:10"}, "not on a step"),
        ({"spin_up_days": 1.5}, "whole days"),
        ({"spin_up_days": 0, "end": "07-14T12:00"}, "whole day"),
        ({"start": "2023-07-14T00:00"}, "does not cover that year"),
        ({"start": "noon"}, "not a time"),
    ],
)
def test_bad_windows(made, options, match):
    with pytest.raises(InputError, match=match):
        make_forcing(made, **(DAY | options))


def test_a_record_covers_only_itself(tmp_path):
    lines = ["time,air_temperature_c,dew_point_c,wind_speed_m_s,ghi_w_m2,dhi_w_m2"]
    times = np.datetime64("2023-07-10T00:00") + 30 * np.arange(241) * np.timedelta64(60, "s")
    lines += [f"{t}+01:00,{20 + i % 5},10,1.5,300,120" for i, t in enumerate(times)]
    path = tmp_path / "record.csv"
    path.write_text("\n".join(lines))
    weather = Weather.from_csv(path, latitude=50.0, longitude=15.0)
    window = {"start": "2023-07-13T00:00", "end": "2023-07-15T00:00"}
    forcing = make_forcing(weather, **window, spin_up_days=3)
    assert forcing.n_steps == 5 * 144
    # 30 min rows: stamp 3 (0:30) is row 1
    assert to_celsius(forcing.air_temperature[3]) == pytest.approx(21.0)
    with pytest.raises(InputError, match="outside the weather"):
        make_forcing(weather, **window, spin_up_days=4)
    with pytest.raises(InputError, match="outside the weather"):
        make_forcing(weather, start="2023-07-14T00:00", end="2023-07-16T00:00", spin_up_days=1)


def test_indoor_number_daily_schedule_and_dated_schedule(made, tmp_path):
    daily = tmp_path / "daily.csv"
    daily.write_text("time,temperature_c\n06:00,18\n18:00,24\n")
    forcing = make_forcing(
        made, **DAY, spin_up_days=1, physics=PhysicsOptions(indoor_temperature=str(daily))
    )
    celsius = to_celsius(forcing.indoor_temperature).reshape(-1)
    # linear: 21 at noon, and at midnight half way back from 24 to 18
    assert celsius[72] == pytest.approx(21.0) and celsius[144] == pytest.approx(21.0)
    dated = tmp_path / "dated.csv"
    dated.write_text("time;temperature_c\n2005-07-12T00:00;20,5\n2005-07-16T00:00;24,5\n")
    forcing = make_forcing(
        made, **DAY, spin_up_days=1, physics=PhysicsOptions(indoor_temperature=str(dated))
    )
    assert to_celsius(forcing.indoor_temperature[[0, -1]]) == pytest.approx([21.5, 23.5])
    with pytest.raises(InputError, match="does not cover the run"):
        make_forcing(
            made, **DAY, spin_up_days=4, physics=PhysicsOptions(indoor_temperature=str(dated))
        )
    plain = make_forcing(made, **DAY, spin_up_days=1)
    assert np.all(plain.indoor_temperature == to_kelvin(22.0))


def test_deep_ground_from_the_weather_or_a_number(made):
    # amplitude 9 K, coldest on 24 January: at 2 m (damping depth 2.54 m) the minimum comes
    # 2 / 2.54 rad or 45.7 days later and is 9 exp(-2 / 2.54) = 4.10 K under the mean
    seasonal = dataclasses.replace(made, ground_wave=GroundWave(283.0, 9.0, 23 * 86400.0))
    forcing = make_forcing(seasonal, start="03-10T00:00", end="03-11T00:00")
    deep = forcing.deep_ground_temperature
    assert deep == pytest.approx(np.full(len(deep), 283.0 - 4.10), abs=0.01)
    assert forcing.ground_temperature(2.0, 7) == pytest.approx(deep[7], abs=1e-9)
    held = make_forcing(made, **DAY, physics=PhysicsOptions(deep_ground_temperature=280.0))
    assert np.all(held.deep_ground_temperature == 280.0)
    assert np.all(held.ground_temperature(np.array([0.0, 1.0])) == 280.0)


def test_far_weather_is_noted(made):
    assert not make_forcing(made, **DAY, latitude=50.5, longitude=15.5).notes
    # 3 degrees of longitude at 50 N: 3 * 111.2 * cos(50 deg) = 214 km
    assert "214 km" in make_forcing(made, **DAY, longitude=18.0).notes[0]


def test_options_name_the_nearest_word():
    with pytest.raises(InputError, match="did you mean 'martin_berdahl'"):
        PhysicsOptions(longwave_sky="martin-berdahl")


def test_forcing_survives_a_file_with_numpy_alone(clear, tmp_path):
    forcing = make_forcing(clear, spin_up_days=1)
    path = tmp_path / "forcing.npz"
    np.savez(path, **forcing.to_arrays())
    with np.load(path) as arrays:
        again = Forcing.from_arrays(arrays)
    for name, value in forcing.to_arrays().items():
        assert np.array_equal(value, again.to_arrays()[name]), name
    assert isinstance(again.repeating, bool) and isinstance(again.spin_up_steps, int)
    script = (
        "import sys, heatmat.forcing, heatmat.convection, heatmat.wind, heatmat.physics\n"
        "heavy = {'pandas', 'pvlib', 'pydantic', 'geopandas', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
