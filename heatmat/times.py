"""Stamps as people write them: a typical year needs no year, a zone is optional."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatmat.errors import InputError

_STAMP = re.compile(
    r"^(?:(?P<year>\d{4})-)?(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.0*)?)?)?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?$"
)
EXPECTED = "a time such as '07-14T00:00', '2023-07-14T00:00' or '2023-07-14T00:00+01:00'"
TYPICAL_YEAR = 2001
"""Stands in for the year where none is given; not a leap year."""


@dataclass(frozen=True)
class Stamp:
    """A point in time as written.

    Attributes
    ----------
    year : int or None
        None in a typical year.
    month, day, hour, minute, second : int
        Hour 0 to 23; a written 24:00 becomes 00:00 of the next day.
    utc_offset_h : float or None
        Hours east of UTC; None means the weather's local standard time.
    """

    year: int | None
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0
    utc_offset_h: float | None = None

    def naive(self, year: int | None = None) -> datetime.datetime:
        """The calendar time without zone; `year` stands in where none was written.

        Raises
        ------
        ValueError
            29 February in a year without one.
        """
        chosen = self.year if self.year is not None else (year or TYPICAL_YEAR)
        return datetime.datetime(chosen, self.month, self.day, self.hour, self.minute, self.second)

    def at_offset(self, utc_offset_h: float, year: int | None = None) -> datetime.datetime:
        """The calendar time on a clock `utc_offset_h` hours east of UTC."""
        shift = 0.0 if self.utc_offset_h is None else utc_offset_h - self.utc_offset_h
        return self.naive(year) + datetime.timedelta(hours=shift)

    def isoformat(self) -> str:
        """Canonical text: `[YYYY-]MM-DDTHH:MM[:SS][+HH:MM]`."""
        year = "" if self.year is None else f"{self.year:04d}-"
        text = f"{year}{self.month:02d}-{self.day:02d}T{self.hour:02d}:{self.minute:02d}"
        if self.second:
            text += f":{self.second:02d}"
        return text if self.utc_offset_h is None else text + offset_text(self.utc_offset_h)


def offset_text(utc_offset_h: float) -> str:
    """Hours east of UTC as `+HH:MM`."""
    minutes = round(utc_offset_h * 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _zone_hours(text: str | None) -> float | None:
    if text is None:
        return None
    if text == "Z":
        return 0.0
    digits = text[1:].replace(":", "")
    hours = int(digits[:2]) + int(digits[2:]) / 60.0
    return -hours if text[0] == "-" else hours


def parse_stamp(value: object, *, where: str = "") -> Stamp:
    """Read a stamp from text or from a `date`, `datetime` or NumPy/pandas time.

    Raises
    ------
    InputError
        Where it is no time of the calendar.
    """
    if isinstance(value, datetime.date | datetime.datetime) or hasattr(value, "isoformat"):
        text = value.isoformat()
    else:
        text = str(value).strip()
    match = _STAMP.match(text)
    if match is None:
        raise InputError("not a time", where=where, expected=EXPECTED, got=repr(text))
    part = match.groupdict()
    year = int(part["year"]) if part["year"] else None
    hour, minute = int(part["hour"] or 0), int(part["minute"] or 0)
    midnight = hour == 24 and minute == 0
    try:
        moment = datetime.datetime(
            # 29 February without a year is left to the weather to accept or refuse
            year if year is not None else 2000,
            int(part["month"]),
            int(part["day"]),
            0 if midnight else hour,
            minute,
            int(part["second"] or 0),
        )
        if midnight:
            moment += datetime.timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputError("not a time", where=where, expected=EXPECTED, got=repr(text)) from None
    return Stamp(
        moment.year if year is not None else None,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        _zone_hours(part["zone"]),
    )


def as_utc(times: Any, utc_offset_h: float, *, like: Any) -> np.ndarray:
    """Times as UTC stamps.

    Parameters
    ----------
    times : sequence of str, datetime or datetime64
        Naive ones are on the weather's clock; without a year they take that of `like`.
    utc_offset_h : float
        Of the weather's clock.
    like : datetime64
        A stamp (UTC) of the run.

    Returns
    -------
    ndarray of datetime64[s]
    """
    year = int(str(np.datetime64(like, "Y")))
    one = isinstance(times, str) or not hasattr(times, "__iter__")
    wanted = []
    for value in [times] if one else times:
        text = str(value.astype("datetime64[s]")) if isinstance(value, np.datetime64) else value
        local = parse_stamp(text, where="times").at_offset(utc_offset_h, year)
        wanted.append(np.datetime64(local - datetime.timedelta(hours=utc_offset_h), "s"))
    return np.array(wanted)
