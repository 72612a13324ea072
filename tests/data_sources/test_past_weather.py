"""A past period from a reanalysis: its sun, its clock, its gaps, and what else a service sends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_sources.errors import MalformedError, NetworkError, RefusedError
from data_sources.http import Session
from data_sources.reanalysis import fetch_reanalysis, parse_period, standard_offset
from data_sources.weather import fetch_weather
from heatmat.errors import InputError
from heatmat.weather import Weather
from tests.data_sources import open_meteo
from tests.data_sources.loopback import Answer, Loopback

BERLIN = (13.41, 52.52)


@pytest.fixture
def short_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fortnight before the period in place of a year: all a test needs, in less time."""
    monkeypatch.setattr("data_sources.reanalysis.LEAD", 14)


@pytest.fixture
def net() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


def session(net: Loopback, tmp_path: Path, **options: Any) -> Session:
    return Session(
        tmp_path / "cache", overrides=net.overrides, clock=net.clock, sleep=net.sleep, **options
    )


def past(
    net: Loopback, tmp_path: Path, archive: open_meteo.Archive, place: tuple[float, float],
    first: str, last: str,
) -> Any:  # fmt: skip
    net.on(open_meteo.HOST, open_meteo.PATH, archive)
    ses = session(net, tmp_path)
    return fetch_weather(*place, 40.0, ses, tmp_path / "city", period=(first, last))


@pytest.mark.usefixtures("short_lead")
def test_the_sun_of_a_past_day_stands_where_it_stood(net: Loopback, tmp_path: Path) -> None:
    """The whole chain: service, table, reader, steps. Half an hour or a summer hour would show."""
    from heatmat.solar import step_radiation

    found = past(net, tmp_path, open_meteo.Archive(), BERLIN, "2023-07-14", "2023-07-14")
    assert found.utc_offset_h == 1.0 and "Europe/Berlin" in found.clock
    assert (found.start, found.end) == ("2023-07-14T00:00", "2023-07-15T00:00")
    table = found.scenario
    weather = Weather.from_csv(
        found.path,
        latitude=table["latitude"],
        longitude=table["longitude"],
        elevation=table["elevation_m"],
    )
    begin, end = weather.window(found.start, found.end)
    assert weather.utc_offset == 1.0
    stamps = np.arange(
        np.datetime64(begin, "s"), np.datetime64(end, "s") + np.timedelta64(1, "s"),
        np.timedelta64(600, "s"),
    )  # fmt: skip
    direction, dni, dhi = step_radiation(
        weather, stamps, BERLIN[1], BERLIN[0], interpolation="mean_preserving", sun_time="mid_step"
    )
    ghi = dni * direction[:, 2] + dhi
    middle = stamps[:-1] + np.timedelta64(300, "s")
    truth, *_ = open_meteo.irradiance(middle - np.timedelta64(3600, "s"), BERLIN[1], BERLIN[0])
    # Means of an hour, spread evenly, against the curve: 4 % of the maximum, mostly at its flanks.
    # A clock an hour off gives 15 %, half an hour 8 %.
    assert np.sqrt(np.mean((ghi - truth) ** 2)) < 0.05 * truth.max()
    hour = (middle - np.datetime64("2023-07-14", "s")) / np.timedelta64(1, "h")
    centre = float(np.sum(hour * ghi) / np.sum(ghi))
    # 12:00 - (13.41 - 15)/15 h + 6.0 min, the equation of time of 14 July (Meeus, table 28)
    assert centre == pytest.approx(12.0 + 1.59 / 15.0 + 6.0 / 60.0, abs=0.03)
    assert not any("radiation fits the sun" in line for line in found.warnings)


@pytest.mark.usefixtures("short_lead")
def test_radiation_of_the_hour_after_the_stamp_is_noticed(net: Loopback, tmp_path: Path) -> None:
    def late(values: list, _: list) -> list:
        return [*values[1:], values[-1]]

    archive = open_meteo.Archive(
        shortwave_radiation=late, direct_normal_irradiance=late, diffuse_radiation=late
    )
    found = past(net, tmp_path, archive, BERLIN, "2023-07-14", "2023-07-14")
    assert any("radiation fits the sun -30 min before" in line for line in found.warnings)


@pytest.mark.usefixtures("short_lead")
@pytest.mark.parametrize(
    ("zone", "place", "now", "standard", "day"),
    [
        ("Europe/Berlin", BERLIN, 7200, "+01:00", "2023-03-26"),  # clocks go forward
        ("Europe/Berlin", BERLIN, 3600, "+01:00", "2023-10-29"),  # and back
        ("America/New_York", (-74.0, 40.7), -14400, "-05:00", "2023-03-12"),
        ("Asia/Kolkata", (72.9, 19.1), 19800, "+05:30", "2023-06-01"),
        ("Australia/Sydney", (151.2, -33.9), 39600, "+10:00", "2023-01-15"),
    ],
)
def test_daylight_saving_never_moves_a_row(
    net: Loopback, tmp_path: Path, zone: str, place: tuple[float, float], now: int,
    standard: str, day: str,
) -> None:  # fmt: skip
    found = past(net, tmp_path, open_meteo.Archive(zone, now), place, day, day)
    lines = found.path.read_text().splitlines()[1:]
    stamps = [line.split(",")[0] for line in lines]
    assert {stamp[16:] for stamp in stamps} == {standard}
    times = np.array([stamp[:16] for stamp in stamps], dtype="datetime64[s]")
    assert set(np.diff(times).astype(int)) == {3600}
    # the day is whole on the standard clock, to its last midnight
    assert np.datetime64(f"{day}T01:00") in times or standard == "+05:30"
    assert times[-1] >= np.datetime64(day, "s") + np.timedelta64(24, "h")
    # warmest at 15:00 local solar time, as the service's weather is made
    inside = (times > np.datetime64(day)) & (
        times <= np.datetime64(day, "s") + np.timedelta64(1, "D")
    )
    air = np.array([float(line.split(",")[1]) for line in lines])
    hour = (times[inside][np.argmax(air[inside])] - np.datetime64(day, "s")) / np.timedelta64(
        1, "h"
    )
    offset = float(standard[:3]) + math.copysign(float(standard[4:]) / 60.0, float(standard[:3]))
    assert hour == pytest.approx(15.0 - place[0] / 15.0 + offset, abs=0.51)


def test_the_table_is_the_services_weather(net: Loopback, tmp_path: Path) -> None:
    found = past(net, tmp_path, open_meteo.Archive(), BERLIN, "2023-07-10", "2023-07-14")
    assert [seen.query["timezone"] for seen in net.seen] == ["auto", "GMT"]
    assert net.seen[1].query["wind_speed_unit"] == "ms"
    weather = Weather.from_csv(found.path, latitude=52.52, longitude=13.41)
    assert weather.wind_speed == pytest.approx(3.0)
    assert weather.pressure == pytest.approx(100850.0)
    assert weather.dew_point == pytest.approx(283.15)
    # Clark and Allen (1978) at 30 % cover, by hand for 20 C and a dew point of 10 C:
    # (0.787 + 0.764 ln(283.15/273)) (1 + 0.0672 - 0.0315 + 0.00756) = 0.8501; x sigma 293.15^4
    row = int(np.argmin(np.abs(weather.air_temperature - 293.15)))
    assert weather.air_temperature[row] == pytest.approx(293.15, abs=0.9)
    expected = 0.8501 * 5.670374e-8 * weather.air_temperature[row] ** 4
    assert weather.sky_longwave[row] == pytest.approx(expected, rel=1e-3)
    assert any("Clark and Allen" in line for line in found.warnings)
    # a year before the period, so that the ground knows its wave and the spin-up its weather
    assert str(weather.time[0])[:10] == "2022-07-09"
    assert "record" not in weather.ground_wave.source
    assert found.distance_km == pytest.approx(2.3, abs=0.2)  # to 13.4 E, 52.5 N
    licences = {about.licence for about in found.provenance}
    assert licences == {"CC BY 4.0"} and len(found.provenance) == 2


@pytest.mark.usefixtures("short_lead")
def test_gaps_are_bridged_or_named(net: Loopback, tmp_path: Path) -> None:
    def hole(first: str, hours: int) -> Any:
        def dig(values: list, time: list) -> list:
            if first not in time:  # the day that is asked for its time zone
                return values
            i = time.index(first)
            return [*values[:i], *[None] * hours, *values[i + hours :]]

        return dig

    short = open_meteo.Archive(temperature_2m=hole("2023-07-12T05:00", 3))
    found = past(net, tmp_path, short, BERLIN, "2023-07-12", "2023-07-12")
    assert any("3 missing hours bridged" in line for line in found.warnings)

    cases = {
        "long": open_meteo.Archive(temperature_2m=hole("2023-07-12T05:00", 4)),
        "sun": open_meteo.Archive(diffuse_radiation=hole("2023-07-12T05:00", 1)),
    }
    for name, archive in cases.items():
        with pytest.raises(MalformedError, match="nothing for 2023-07-12T05:00:00 UTC"):
            past(net, tmp_path / name, archive, BERLIN, "2023-07-12", "2023-07-12")
    before = open_meteo.Archive(temperature_2m=hole("2023-07-02T00:00", 48))
    found = past(net, tmp_path / "before", before, BERLIN, "2023-07-12", "2023-07-12")
    assert found.path.read_text().splitlines()[1].startswith("2023-07-04T01:00+01:00")
    assert any("begins on 2023-07-04" in line for line in found.warnings)


@pytest.mark.usefixtures("short_lead")
def test_the_newest_days_are_not_there_yet(net: Loopback, tmp_path: Path) -> None:
    def unknown(values: list, _: list) -> list:
        return [*values[:-72], *[None] * 72]

    day = (open_meteo.today()).isoformat()
    archive = open_meteo.Archive(**dict.fromkeys(open_meteo.UNITS, unknown))
    with pytest.raises(MalformedError, match="no weather yet for the whole period.*2 to 5 days"):
        past(net, tmp_path, archive, BERLIN, day, day)
    assert not (tmp_path / "city" / "weather.csv").exists()


@pytest.mark.usefixtures("short_lead")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hourly_units": {"wind_speed_10m": "km/h"}}, "wind_speed_10m in another unit"),
        ({"temperature_2m": lambda v, t: v[:-1]}, "no hourly temperature_2m"),
        ({"temperature_2m": lambda v, t: ["warm", *v[1:]]}, "no number"),
        ({"cloud_cover": lambda v, t: None}, "no hourly cloud_cover"),
        ({"time": lambda v, t: [*v[:-1], v[0]]}, "not hour after hour"),
        ({"time": lambda v, t: ["noon", *v[1:]]}, "cannot be read"),
        ({"utc_offset_seconds": 7200}, "not in UTC"),
        ({"hourly": []}, "no hourly values"),
    ],
)
def test_answers_that_are_not_as_documented(
    net: Loopback, tmp_path: Path, change: dict, message: str
) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        past(net, tmp_path, open_meteo.Archive(**change), BERLIN, "2023-07-12", "2023-07-12")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "city" / "weather.csv").exists()


@pytest.mark.usefixtures("short_lead")
def test_refusals_say_the_services_reason(net: Loopback, tmp_path: Path) -> None:
    reason = "Parameter 'start_date' is out of allowed range from 1940-01-01 to 2024-01-01"
    net.on(open_meteo.HOST, open_meteo.PATH, Answer({"error": True, "reason": reason}, 400))
    ses = session(net, tmp_path)
    with pytest.raises(RefusedError, match="refuses: Parameter 'start_date' is out of allowed"):
        fetch_reanalysis(*BERLIN, ("2023-07-12", "2023-07-12"), ses, tmp_path)
    busy = Answer(open_meteo.TOO_MANY, 429, headers={"Retry-After": "60"})
    net.on(open_meteo.HOST, open_meteo.PATH, busy, open_meteo.Archive())
    fetch_reanalysis(*BERLIN, ("2023-07-12", "2023-07-12"), ses, tmp_path)
    assert 60.0 in net.slept
    net.on(open_meteo.HOST, open_meteo.PATH, Answer("<html>", kind="text/html"))
    with pytest.raises(MalformedError, match="another kind"):
        fetch_reanalysis(*BERLIN, ("2023-07-13", "2023-07-13"), ses, tmp_path)


@pytest.mark.usefixtures("short_lead")
def test_a_zone_that_nobody_knows(net: Loopback, tmp_path: Path) -> None:
    moon = open_meteo.Archive("Moon/Tranquility", 7200)
    found = past(net, tmp_path, moon, BERLIN, "2023-07-12", "2023-07-12")
    assert found.utc_offset_h == 2.0
    assert any("may include daylight saving" in line for line in found.warnings)
    none = open_meteo.Archive(timezone_auto=None, utc_offset_seconds_auto=None)
    found = past(net, tmp_path / "b", none, BERLIN, "2023-07-12", "2023-07-12")
    assert found.utc_offset_h == 1.0
    assert any("that of the longitude" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (("2023-07-12", "2023-07-11"), "not a past period"),
        (("1939-12-31", "1940-01-02"), "not a past period"),
        (("2999-01-01", "2999-01-02"), "not a past period"),
        (("2022-01-01", "2023-06-01"), "too long"),
        (("summer", "2023-06-01"), "not a period"),
        (("2023-06-01",), "not a period"),
    ],
)
def test_periods_that_are_none(period: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_period(period)


def test_standard_offsets() -> None:
    assert standard_offset("Europe/Paris", 2023) == 1.0
    assert standard_offset("America/St_Johns", 2023) == -3.5
    assert standard_offset("Australia/Adelaide", 2023) == 9.5
    assert standard_offset("Europe/Dublin", 2023) == 0.0  # its winter time is the daylight one
    assert standard_offset("../../etc/passwd", 2023) is None
    assert standard_offset("", 2023) is None


def test_servers_that_never_answer(net: Loopback, tmp_path: Path) -> None:
    net.on(open_meteo.HOST, open_meteo.PATH, Answer(hang=True))
    net.on("github.com", "/", Answer(hang=True))
    ses = session(net, tmp_path, timeout=(1.0, 0.2), retries=0)
    for period in (("2023-07-12", "2023-07-12"), None):
        with pytest.raises(NetworkError, match="no answer within 0.2 s") as caught:
            fetch_weather(*BERLIN, 40.0, ses, tmp_path / "c", period=period)
        assert "\n" not in str(caught.value) and list((tmp_path / "c").iterdir()) == []
