"""Stamps in UTC inside, local standard time wherever a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

DISPLAY_HOURS = (5.0, 9.0, 14.0, 21.0)
"""Local hours of the four-hour panel: before sunrise, morning, peak, after sunset."""


def utc_offset_h(maps: xr.Dataset) -> float:
    """Offset of local standard time from UTC [h] that the dataset carries, else 0."""
    return float(maps.attrs.get("utc_offset_h", 0.0))


def local_times(times: np.ndarray, offset_h: float) -> np.ndarray:
    """UTC stamps [n] moved to local standard time, datetime64[s]."""
    shift = np.timedelta64(round(offset_h * 3600.0), "s")
    return np.asarray(times).astype("datetime64[s]") + shift


def iso_stamp(time: np.datetime64, offset_h: float) -> str:
    """ISO 8601 with offset, for example ``2023-07-14T14:00:00+02:00``."""
    zone = timezone(timedelta(hours=offset_h))
    seconds = int(time.astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat()


def zone_label(offset_h: float) -> str:
    """Name of local standard time, for example ``UTC+2`` or ``UTC-3:30``."""
    minutes = round(offset_h * 60.0)
    sign = "+" if minutes >= 0 else "-"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")


def hour_label(time: np.datetime64, offset_h: float) -> str:
    """Hour and minute of local standard time; the end of a day is 24:00."""
    local = local_times(np.asarray([time]), offset_h)[0]
    text = str(local)[11:16]
    return "24:00" if text == "00:00" else text


def display_indices(
    times: np.ndarray, offset_h: float, hours: Sequence[float] = DISPLAY_HOURS
) -> list[int]:
    """Indices of the stamps nearest to the given local hours of the window's last day.

    A window is open at its start, so the stamp 24:00 belongs to the day that it ends. Each stamp
    is used once; a window with fewer stamps than hours gives fewer indices, in order of time.
    """
    seconds = local_times(times, offset_h).astype(np.int64)
    day = (seconds[-1] - 1) // 86400
    chosen: list[int] = []
    for hour in hours:
        distance = np.abs(seconds - (day * 86400 + hour * 3600.0))
        distance[chosen] = np.inf if distance.dtype.kind == "f" else np.iinfo(np.int64).max
        index = int(np.argmin(distance))
        if index not in chosen:
            chosen.append(index)
    return sorted(chosen)
