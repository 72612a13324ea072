"""Hourly weather of a past period from a reanalysis: the Open-Meteo archive (ERA5, ECMWF IFS).

Request and answer: https://open-meteo.com/en/docs/historical-weather-api. No key; CC BY 4.0 for the
data, free of charge for non-commercial use. Times are asked for in UTC, where there is no daylight
saving, and written on the standard clock of the place. Radiation is the mean of the hour before its
stamp, which is this package's convention too; the rest holds at the stamp.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.cache import write_atomically
from data_sources.errors import MalformedError, RefusedError
from heatmat.errors import InputError
from heatmat.times import offset_text

if TYPE_CHECKING:
    import numpy as np

    from data_sources.cache import Provenance
    from data_sources.http import Session

URL = "https://archive-api.open-meteo.com/v1/archive"
LICENCE = "CC BY 4.0"
ATTRIBUTION = (
    "Weather data by Open-Meteo.com, doi:10.5281/zenodo.7970649; contains modified Copernicus "
    "Climate Change Service information (ERA5, doi:10.24381/cds.adbb2d47)"
)
FIRST_DAY = datetime.date(1940, 1, 1)
LONGEST = 366
"""Days of a period; a longer one is asked for in parts."""

LEAD = 366
"""Days before the period that are fetched too: the spin-up, and the year's wave in the ground."""

LONGEST_GAP = 3
"""Hours without data that are bridged linearly, radiation excepted."""

# Variable, unit as the service writes it, column of our table, factor
VARIABLES = (
    ("temperature_2m", "°C", "air_temperature_c", 1.0),
    ("dew_point_2m", "°C", "dew_point_c", 1.0),
    ("surface_pressure", "hPa", "pressure_pa", 100.0),
    ("wind_speed_10m", "m/s", "wind_speed_m_s", 1.0),
    ("wind_direction_10m", "°", "wind_direction_deg", 1.0),
    ("shortwave_radiation", "W/m²", "ghi_w_m2", 1.0),
    ("direct_normal_irradiance", "W/m²", "dni_w_m2", 1.0),
    ("diffuse_radiation", "W/m²", "dhi_w_m2", 1.0),
    ("cloud_cover", "%", "cloud_cover", 1.0),
)
RADIATION = ("ghi_w_m2", "dni_w_m2", "dhi_w_m2")


@dataclass(frozen=True)
class Reanalysis:
    """A period of hourly weather, written.

    Attributes
    ----------
    path : Path
        ``weather.csv``.
    longitude, latitude, elevation : float
        Of the model's cell, and the elevation its values were brought to [m].
    utc_offset_h : float
        Standard time of the place.
    zone : str
        Its time zone, empty where the service does not say.
    notes : tuple of str
    provenance : tuple of Provenance
    """

    path: Path
    longitude: float
    latitude: float
    elevation: float
    utc_offset_h: float
    zone: str
    notes: tuple[str, ...]
    provenance: tuple[Provenance, ...]


def parse_period(period: tuple[str, str]) -> tuple[datetime.date, datetime.date]:
    """First and last day of a period.

    Raises
    ------
    InputError
        Not two days in order, before 1940, after today, or longer than 366 days.
    """
    try:
        first, last = (datetime.date.fromisoformat(str(day)) for day in period)
    except (TypeError, ValueError):
        raise InputError(
            "not a period", where="--weather", expected="two days such as 2023-07-10 2023-07-14",
            got=" ".join(map(str, period)) if isinstance(period, tuple | list) else repr(period),
        ) from None  # fmt: skip
    today = datetime.datetime.now(datetime.UTC).date()
    if not (FIRST_DAY <= first <= last <= today):
        raise InputError(
            "not a past period",
            where="--weather",
            expected=f"{FIRST_DAY} to {today}, the first day not after the last",
            got=f"{first} to {last}",
        )
    if (last - first).days >= LONGEST:
        raise InputError(
            "too long", where="--weather", expected=f"at most {LONGEST} days",
            got=f"{(last - first).days + 1} days", remedy="fetch it in parts",
        )  # fmt: skip
    return first, last


def fetch_reanalysis(
    longitude: float, latitude: float, period: tuple[str, str], session: Session, folder: Path
) -> Reanalysis:
    """Fetch a period and write it as ``weather.csv``, with a year of weather before it.

    Parameters
    ----------
    longitude, latitude : float
        Degrees.
    period : tuple of str
        First and last day, on the standard clock of the place.
    session : Session
    folder : Path
        City folder.

    Raises
    ------
    InputError
        On a period that is not a past one.
    NetworkError
        When the service does not answer, not as documented, or has gaps.
    """
    first, last = parse_period(period)
    place = {"latitude": f"{latitude:.5f}", "longitude": f"{longitude:.5f}"}
    zone, offset, about_zone, notes = _zone(place, last, session)
    today = datetime.datetime.now(datetime.UTC).date()
    # A day more on either side: the UTC day begins up to 14 hours from the local one.
    start = max(FIRST_DAY, first - datetime.timedelta(days=LEAD))
    end = min(today, last + datetime.timedelta(days=1))
    answer, provenance = _ask(
        {
            **place,
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
            "hourly": ",".join(name for name, *_ in VARIABLES),
            "timezone": "GMT",
            "wind_speed_unit": "ms",
        },
        session,
    )
    time, columns = _hourly(answer)
    needed = _window(first, last, offset)
    time, columns, gaps = _without_gaps(time, columns, needed)
    notes += gaps
    columns["longwave_down_w_m2"] = _sky_longwave(columns)
    cover = columns.pop("cloud_cover")
    notes.append(
        "sky longwave radiation from air temperature, dew point and total cloud cover (mean "
        f"{float(cover.mean()):.0f} %) after Clark and Allen (1978): the archive has none"
    )
    path = folder / "weather.csv"
    write_atomically(path, _as_csv(time, columns, offset))
    return Reanalysis(
        path=path,
        longitude=_number(answer, "longitude"),
        latitude=_number(answer, "latitude"),
        elevation=_number(answer, "elevation"),
        utc_offset_h=offset,
        zone=zone,
        notes=tuple(notes),
        provenance=(provenance, *about_zone),
    )


def _ask(params: dict[str, str], session: Session) -> tuple[dict[str, Any], Provenance]:
    """An answer that is an object with hourly values, and where it came from."""
    try:
        answer = session.get(
            URL,
            params,
            accept=("application/json",),
            max_bytes=32 << 20,
            licence=LICENCE,
            attribution=ATTRIBUTION,
            remedy="give --weather FILE, or fetch without a period",
            validate=_check_answer,
        )
    except RefusedError as error:
        reason = _reason(error.body)
        if not reason:
            raise
        raise RefusedError(
            f"refuses: {reason}", host=error.host, status=error.status, body=error.body
        ) from None
    return answer.json(), answer.provenance


def _check_answer(content: bytes) -> None:
    """Only an object with hourly values is kept."""
    try:
        table = json.loads(content)
    except (ValueError, RecursionError):
        start = repr(content[:60].decode("utf-8", "replace"))
        raise MalformedError("the answer is not JSON", where=URL, got=start) from None
    hourly = table.get("hourly") if isinstance(table, dict) else None
    if not isinstance(hourly, dict) or not isinstance(hourly.get("time"), list):
        raise MalformedError("the answer has no hourly values", where=URL, got=_reason(content))


def _reason(body: bytes) -> str:
    """What the service says is wrong: ``{"error": true, "reason": "..."}``."""
    try:
        table = json.loads(body)
        return str(table["reason"])[:200] if table.get("error") else ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""


def _zone(
    place: dict[str, str], day: datetime.date, session: Session
) -> tuple[str, float, tuple[Provenance, ...], list[str]]:
    """The place's time zone and its standard offset, asked of the service."""
    one = day.isoformat()
    params = {**place, "start_date": one, "end_date": one, "hourly": "temperature_2m"}
    answer, about = _ask({**params, "timezone": "auto"}, session)
    zone = str(answer.get("timezone", ""))[:60]
    offset = standard_offset(zone, day.year)
    if offset is not None:
        return zone, offset, (about,), []
    said = answer.get("utc_offset_seconds")
    if isinstance(said, int | float) and abs(said) <= 14 * 3600:
        note = (
            f"the standard time of zone {zone or '?'} is not known here: UTC{said / 3600.0:+g} as "
            "the service says, which may include daylight saving"
        )
        return zone, said / 3600.0, (about,), [note]
    offset = float(round(float(place["longitude"]) / 15.0))
    return "", offset, (about,), [f"no time zone given: UTC{offset:+g}, that of the longitude"]


def standard_offset(zone: str, year: int) -> float | None:
    """Hours east of UTC of a zone's clock without daylight saving; None for an unknown zone.

    The smallest offset of the year: clocks are put forward for the summer.
    """
    import zoneinfo

    try:
        info = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    offsets = []
    for month in range(1, 13):
        shift = info.utcoffset(datetime.datetime(year, month, 15, 12))
        if shift is not None:
            offsets.append(shift.total_seconds() / 3600.0)
    return min(offsets) if offsets else None


def _window(first: datetime.date, last: datetime.date, offset: float) -> tuple[Any, Any]:
    """The period in UTC, from its first midnight to the one after its last day."""
    import numpy as np

    shift = np.timedelta64(round(offset * 3600.0), "s")
    return (
        np.datetime64(first, "s") - shift,
        np.datetime64(last + datetime.timedelta(days=1), "s") - shift,
    )


def _number(answer: dict[str, Any], key: str) -> float:
    value = answer.get(key)
    return float(value) if isinstance(value, int | float) else math.nan


def _hourly(answer: dict[str, Any]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times (UTC) and columns in our units, NaN where the service has null."""
    import numpy as np

    if answer.get("utc_offset_seconds", 0) != 0:
        raise MalformedError("the times are not in UTC as asked for", where=URL)
    hourly, units = answer["hourly"], answer.get("hourly_units") or {}
    try:
        time = np.array([str(t)[:16] for t in hourly["time"]], dtype="datetime64[s]")
    except ValueError as error:
        raise MalformedError("a time cannot be read", where=URL, got=str(error)) from None
    if len(time) < 48 or np.any(np.diff(time) != np.timedelta64(3600, "s")):
        raise MalformedError(
            "the times are not hour after hour", where=URL, got=f"{len(time)} rows"
        )
    columns = {}
    for name, unit, ours, factor in VARIABLES:
        values = hourly.get(name)
        if not isinstance(values, list) or len(values) != len(time):
            raise MalformedError(f"no hourly {name}", where=URL, expected=f"{len(time)} values")
        if units.get(name) != unit:
            raise MalformedError(
                f"{name} in another unit", where=URL, expected=unit, got=units.get(name)
            )
        try:
            numbers = np.array([np.nan if v is None else float(v) for v in values])
        except (TypeError, ValueError):
            raise MalformedError(f"{name} holds something that is no number", where=URL) from None
        columns[ours] = numbers * factor
    return time, columns


def _without_gaps(
    time: np.ndarray, columns: dict[str, np.ndarray], needed: tuple[Any, Any]
) -> tuple[np.ndarray, dict[str, np.ndarray], list[str]]:
    """Rows without gaps that hold the period, and a day before it for the spin-up.

    The newest days are still missing in a reanalysis; rows before the last long gap are dropped
    where they lie before the period.
    """
    import numpy as np

    bridged = 0
    for name, values in columns.items():
        if name not in RADIATION:
            bridged += _bridge(values, turns=name == "wind_direction_deg")
    whole = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    inside = (time >= needed[0]) & (time <= needed[1])
    lost = inside & ~whole
    if lost.any() or not inside.any() or time[-1] < needed[1] or time[0] > needed[0]:
        when = time[lost][0] if lost.any() else needed[1]
        raise MalformedError(
            "the archive has no weather yet for the whole period",
            where=URL,
            expected=f"every hour from {needed[0]} to {needed[1]} UTC",
            got=f"nothing for {when} UTC",
            remedy="the newest days come 2 to 5 days late; a period ends with its last midnight",
        )
    before = np.flatnonzero(~whole & (time < needed[0]))
    after = np.flatnonzero(~whole & (time > needed[1]))
    first = before[-1] + 1 if len(before) else 0
    last = after[0] if len(after) else len(time)
    notes = [f"{bridged} missing hours bridged linearly"] if bridged else []
    if first and (needed[0] - time[first]) < np.timedelta64(364, "D"):
        notes.append(f"the record begins on {str(time[first])[:10]}, after a gap")
    keep = slice(first, last)
    return time[keep], {name: values[keep] for name, values in columns.items()}, notes


def _bridge(values: np.ndarray, turns: bool) -> int:
    """Fill gaps of up to `LONGEST_GAP` rows between known ones, in place; how many were filled.

    A direction holds its last value: half way from 350 to 10 degrees lies north, not south.
    """
    import numpy as np
    from scipy.ndimage import label

    groups, count = label(np.isnan(values))
    known = np.flatnonzero(~np.isnan(values))
    filled = 0
    for i in range(1, count + 1):
        rows = np.flatnonzero(groups == i)
        if len(rows) <= LONGEST_GAP and rows[0] > 0 and rows[-1] < len(values) - 1:
            last = values[rows[0] - 1]
            values[rows] = last if turns else np.interp(rows, known, values[known])
            filled += len(rows)
    return filled


def _sky_longwave(columns: dict[str, np.ndarray]) -> np.ndarray:
    from heatmat.sky import cloudy_sky_longwave
    from heatmat.units import to_kelvin

    air, dew = to_kelvin(columns["air_temperature_c"]), to_kelvin(columns["dew_point_c"])
    return cloudy_sky_longwave(air, dew, 0.1 * columns["cloud_cover"])


def _as_csv(time: np.ndarray, columns: dict[str, np.ndarray], offset: float) -> str:
    import numpy as np

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", *columns])
    zone = offset_text(offset)
    local = time + np.timedelta64(round(offset * 3600.0), "s")
    stamps = [f"{str(t)[:16]}{zone}" for t in local]
    table = [[f"{value:.6g}" for value in values] for values in columns.values()]
    writer.writerows(zip(stamps, *table, strict=True))
    return text.getvalue()
