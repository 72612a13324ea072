"""A stand-in for the Open-Meteo archive, with a sun that is known.

Request and answer are shaped after https://open-meteo.com/en/docs/historical-weather-api ("API
Documentation", "JSON Return Object", "Errors"): `hourly` holds one array a variable and `time` in
ISO 8601 without seconds, on the clock that `timezone` names; `hourly_units` the units; radiation is
the mean of the preceding hour; latitude and longitude are those of the model's cell. Refusals of
the free service: https://github.com/open-meteo/open-meteo/issues/439.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from tests.data_sources.loopback import Answer, Seen

HOST = "archive-api.open-meteo.com"
PATH = "/v1/archive"
UNITS = {
    "temperature_2m": "°C",
    "dew_point_2m": "°C",
    "surface_pressure": "hPa",
    "wind_speed_10m": "m/s",
    "wind_direction_10m": "°",
    "shortwave_radiation": "W/m²",
    "direct_normal_irradiance": "W/m²",
    "diffuse_radiation": "W/m²",
    "cloud_cover": "%",
}
TOO_MANY = {
    "error": True,
    "reason": "Minutely API request limit exceeded. Please try again in one minute.",
}


def sine_elevation(time: np.ndarray, latitude: float, longitude: float) -> np.ndarray:
    """Sine of the sun's elevation at UTC times; Spencer (1971), good to 0.2 degrees.

    Declination and equation of time by Fourier series, Search 2(5), 172.
    """
    day = (time - time.astype("datetime64[Y]")) / np.timedelta64(1, "D")
    g = 2.0 * np.pi * day / 365.0
    declination = (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g) + 0.000907 * np.sin(2 * g)
    )  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g) - 0.040849 * np.sin(2 * g)
    )  # fmt: skip
    hour = (time - time.astype("datetime64[D]")) / np.timedelta64(1, "h")
    angle = np.deg2rad(15.0 * (hour + longitude / 15.0 + minutes / 60.0 - 12.0))
    phi = np.deg2rad(latitude)
    return np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)


def irradiance(
    time: np.ndarray, latitude: float, longitude: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """GHI, DNI, DHI at UTC times: a beam of 800 W/m2 and 80 of diffuse light, less when low."""
    up = np.maximum(sine_elevation(time, latitude, longitude), 0.0)
    dni, dhi = 800.0 * up / (up + 0.1), 80.0 * up / (up + 0.1)
    return dni * up + dhi, dni, dhi


def hour_means(time: np.ndarray, latitude: float, longitude: float) -> list[np.ndarray]:
    """Means of the hour before each stamp."""
    within = np.arange(2.5, 60.0, 5.0) * 60.0
    moments = time[:, None] - within.astype("timedelta64[s]")
    return [values.mean(axis=1) for values in irradiance(moments, latitude, longitude)]


class Archive:
    """Answers requests; `zone` and `offset_now` are what `timezone=auto` gives.

    Parameters
    ----------
    zone : str
        IANA name.
    offset_now : int
        Seconds; with daylight saving where that is in force at the time of the request.
    change : dict
        What to overwrite. Entries of `hourly`: callables that get its list and the times; of the
        answer in UTC: values; of that with `timezone=auto`: values named with ``_auto`` behind.
    """

    def __init__(self, zone: str = "Europe/Berlin", offset_now: int = 7200, **change: Any) -> None:
        self.zone, self.offset_now, self.change = zone, offset_now, change

    def __call__(self, seen: Seen) -> Answer:
        query = seen.query
        latitude, longitude = float(query["latitude"]), float(query["longitude"])
        names = query["hourly"].split(",")
        unknown = [name for name in names if name not in UNITS]
        if unknown:
            reason = f"Cannot initialize WeatherVariable from invalid String value {unknown[0]}"
            return Answer({"error": True, "reason": f"{reason} for key hourly"}, 400)
        local = query.get("timezone", "GMT") == "auto"
        offset = self.offset_now if local else 0
        first = np.datetime64(query["start_date"], "s")
        last = np.datetime64(query["end_date"], "s") + np.timedelta64(23, "h")
        clock = np.arange(first, last + np.timedelta64(1, "s"), np.timedelta64(3600, "s"))
        utc = clock - np.timedelta64(offset, "s")
        ghi, dni, dhi = hour_means(utc, latitude, longitude)
        hour = (utc - utc.astype("datetime64[D]")) / np.timedelta64(1, "h") + longitude / 15.0
        values = {
            "temperature_2m": 20.0 + 6.0 * np.cos(2.0 * np.pi * (hour - 15.0) / 24.0),
            "dew_point_2m": np.full(len(utc), 10.0),
            "surface_pressure": np.full(len(utc), 1008.5),
            "wind_speed_10m": np.full(len(utc), 3.0)
            * (1.0 if query.get("wind_speed_unit") == "ms" else 3.6),
            "wind_direction_10m": np.full(len(utc), 270.0),
            "shortwave_radiation": ghi,
            "direct_normal_irradiance": dni,
            "diffuse_radiation": dhi,
            "cloud_cover": np.full(len(utc), 30.0),
        }
        hourly: dict[str, Any] = {"time": [str(t)[:16] for t in clock]}
        hourly |= {name: [round(float(v), 2) for v in values[name]] for name in names}
        units = {"time": "iso8601"} | {name: UNITS[name] for name in names}
        if query.get("wind_speed_unit") != "ms" and "wind_speed_10m" in units:
            units["wind_speed_10m"] = "km/h"
        answer = {
            "latitude": round(latitude * 10.0) / 10.0,
            "longitude": round(longitude * 10.0) / 10.0,
            "generationtime_ms": 2.2,
            "utc_offset_seconds": offset,
            "timezone": self.zone if local else "GMT",
            "timezone_abbreviation": "GMT+2" if local else "GMT",
            "elevation": 38.0,
            "hourly_units": units,
            "hourly": hourly,
        }
        for key, value in self.change.items():
            if key in hourly:
                hourly[key] = value(hourly[key], hourly["time"])
            elif key == "hourly_units":
                units.update(value)
            elif local == key.endswith("_auto"):
                answer[key.removesuffix("_auto")] = value
        return Answer(answer)


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
