"""Weather: one validated table of what the air, the sun and the sky do."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from heatmat.errors import InputError
from heatmat.ground_wave import GroundWave
from heatmat.times import TYPICAL_YEAR, Stamp, parse_stamp

KINDS = ("typical_year", "single_year", "record", "design_day")


@dataclass(frozen=True)
class Weather:
    """Weather at one site, in rows of equal length.

    Attributes
    ----------
    kind : str
        ``typical_year`` (an EPW that mixes years: the year of a request only sets the sun),
        ``single_year`` (an EPW of one year: with its year, or without a year as a typical one),
        ``record`` (a measured series) or ``design_day`` (one day that repeats).
    time : array [n], datetime64[s]
        End of each row, local standard time.
    interval : float
        Length of a row [s].
    utc_offset : float
        Local standard time minus UTC [h].
    latitude, longitude, elevation : float
        Site [deg north, deg east, m].
    air_temperature, dew_point : array [n]
        At the stamp [K].
    pressure, wind_speed, wind_direction, sky_longwave : array [n]
        At the stamp [Pa, m/s at 10 m in open country, deg from true north, W m-2 horizontal].
    ghi, dni, dhi : array [n]
        Mean of the row before its stamp [W m-2].
    ground_wave : GroundWave
    source : str
        File or description.
    notes : tuple of str
        What the reader filled in or assumed.
    """

    kind: str
    time: np.ndarray
    interval: float
    utc_offset: float
    latitude: float
    longitude: float
    elevation: float
    air_temperature: np.ndarray
    dew_point: np.ndarray
    pressure: np.ndarray
    wind_speed: np.ndarray
    wind_direction: np.ndarray
    sky_longwave: np.ndarray
    ghi: np.ndarray
    dni: np.ndarray
    dhi: np.ndarray
    ground_wave: GroundWave
    source: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def from_epw(cls, path: str | Path) -> Weather:
        """Read an EnergyPlus weather file (see `heatmat.epw.read_epw`)."""
        from heatmat.epw import read_epw

        return read_epw(path)

    @classmethod
    def from_csv(
        cls,
        path: str | Path,
        *,
        latitude: float,
        longitude: float,
        elevation: float = 0.0,
        utc_offset: float | None = None,
    ) -> Weather:
        """Read a measured table (see `heatmat.weather_csv.read_weather_csv`)."""
        from heatmat.weather_csv import read_weather_csv

        return read_weather_csv(
            path,
            latitude=latitude,
            longitude=longitude,
            elevation=elevation,
            utc_offset=utc_offset,
        )

    @classmethod
    def clear_sky(
        cls,
        date: str | datetime.date,
        *,
        tmax: float,
        tmin: float,
        latitude: float,
        longitude: float,
        elevation: float = 0.0,
        wind_speed: float = 2.0,
        wind_direction: float = 225.0,
        dew_point: float | None = None,
        linke_turbidity: float = 3.5,
        utc_offset: float | None = None,
    ) -> Weather:
        """A cloudless design day, temperatures in K (see `heatmat.clear_sky.clear_sky_day`)."""
        from heatmat.clear_sky import clear_sky_day

        return clear_sky_day(
            date,
            tmax=tmax,
            tmin=tmin,
            latitude=latitude,
            longitude=longitude,
            elevation=elevation,
            wind_speed=wind_speed,
            wind_direction=wind_direction,
            dew_point=dew_point,
            linke_turbidity=linke_turbidity,
            utc_offset=utc_offset,
        )

    @property
    def origin(self) -> np.datetime64:
        """Start of the first row, local standard time."""
        return self.time[0] - np.timedelta64(int(self.interval), "s")

    @property
    def length(self) -> float:
        """Length of the table [s]."""
        return len(self.time) * self.interval

    @property
    def repeats(self) -> bool:
        """Whether the table wraps at its end."""
        return self.kind != "record"

    def with_notes(self, *notes: str) -> Weather:
        """A copy with more notes."""
        return replace(self, notes=self.notes + notes)

    def window(self, start: object = None, end: object = None) -> tuple[datetime.datetime, ...]:
        """Start and end of a window on the weather's standard clock.

        Parameters
        ----------
        start, end : str, date, datetime, datetime64 or Stamp, optional
            Times with a zone are converted; without a year they lie in the table's own year (a
            typical year: 2001), an end before the start in the next. Only a design day may do
            without: then it is that day.

        Returns
        -------
        start, end : datetime.datetime

        Raises
        ------
        InputError
            Empty or inverted window, a calendar day the weather does not have, another year.
        """
        if self.kind == "design_day":
            day = self.origin.astype("datetime64[s]").astype(object)
            start = day if start is None else start
            end = day + datetime.timedelta(days=1) if end is None else end
        if start is None or end is None:
            raise InputError("a window needs a start and an end", where="[time]")
        first, last = _as_stamp(start, "start"), _as_stamp(end, "end")
        begin = self._moment(first, self._year_of_request(first), "start")
        stop = self._moment(last, begin.year, "end")
        wraps = self.repeats and self.kind != "design_day"
        if stop <= begin and last.year is None and wraps:
            stop = self._moment(last, begin.year + 1, "end")
        if stop <= begin:
            raise InputError(
                "the window ends before it starts",
                where="[time]",
                expected=f"an end after {begin.isoformat()}",
                got=stop.isoformat(),
            )
        self._check_day(begin, stop)
        return begin, stop

    def _year_of_request(self, stamp: Stamp) -> int:
        if stamp.year is not None:
            if self.kind == "single_year" and stamp.year != self.time[0].astype(object).year:
                raise InputError(
                    "the weather does not cover that year",
                    where="[time] start",
                    expected=f"{self.time[0].astype(object).year} ({self.source})",
                    got=stamp.year,
                    remedy=f"leave out the year: '{stamp.isoformat()[5:]}'",
                )
            return stamp.year
        if self.kind == "typical_year":
            return TYPICAL_YEAR if self.length <= 365 * 86400 else 2004
        return int(self.origin.astype("datetime64[Y]").astype(int)) + 1970

    def _moment(self, stamp: Stamp, year: int, name: str) -> datetime.datetime:
        try:
            return stamp.at_offset(self.utc_offset, year)
        except ValueError:
            raise InputError(
                "the weather has no such day",
                where=f"[time] {name}",
                got=stamp.isoformat(),
                remedy="a typical year has no 29 February",
            ) from None

    def _check_day(self, begin: datetime.datetime, stop: datetime.datetime) -> None:
        if self.kind != "design_day":
            return
        day = self.origin.astype(object)
        if not (begin < day + datetime.timedelta(days=1) and stop > day):
            raise InputError(
                "the window does not hold the design day",
                where="[time]",
                expected=day.date().isoformat(),
                got=f"{begin.isoformat()} to {stop.isoformat()}",
            )

    def position(self, time: ArrayLike) -> np.ndarray:
        """Seconds from the table's start, wrapped where the weather repeats.

        Parameters
        ----------
        time : array [m], datetime64[s]
            Local standard time.

        Raises
        ------
        InputError
            At a time outside the weather, or on a 29 February that it does not have.
        """
        time = np.asarray(time).astype("datetime64[s]")
        if self.kind in ("design_day", "record"):
            seconds = (time - self.origin).astype(float)
        else:
            seconds = self._seconds_of_year(time)
        if self.kind == "record":
            low, high = self.interval, self.length
            outside = (seconds < low) | (seconds > high)
            if np.any(outside):
                raise InputError(
                    "time outside the weather",
                    where=self.source,
                    expected=f"{self.time[0]} to {self.time[-1]}",
                    got=time[outside][0],
                    remedy="spin-up days before the start count too",
                )
            return seconds
        return np.mod(seconds, self.length)

    def _seconds_of_year(self, time: np.ndarray) -> np.ndarray:
        year = time.astype("datetime64[Y]")
        day = (time.astype("datetime64[D]") - year.astype("datetime64[D]")).astype(int)
        second = (time - time.astype("datetime64[D]")).astype(float)
        leap = ((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(
            int
        ) == 366
        if self.length < 365.5 * 86400:
            if np.any(leap & (day == 59) & (second > 0)):
                raise InputError(
                    "the weather has no 29 February",
                    where=self.source,
                    got=time[leap & (day == 59)][0],
                    remedy="leave out the year, or choose another",
                )
            day = day - (leap & (day > 59))
        else:
            day = day + (~leap & (day >= 59))
        return day * 86400.0 + second

    def at(self, name: str, time: ArrayLike) -> np.ndarray:
        """An instantaneous column at `time` [m], linear between rows.

        The wind's direction turns the short way round.
        """
        position = self.position(time)
        values = getattr(self, name)
        rows = self.interval * np.arange(len(values) + 1)
        wrapped = np.concatenate([values[-1:], values])
        if name == "wind_direction":
            wrapped = np.rad2deg(np.unwrap(np.deg2rad(wrapped)))
            return np.mod(np.interp(position, rows, wrapped), 360.0)
        return np.interp(position, rows, wrapped)

    def time_of_year(self, time: ArrayLike) -> np.ndarray:
        """Seconds since the start of the calendar year, for the annual ground wave."""
        time = np.asarray(time).astype("datetime64[s]")
        return (time - time.astype("datetime64[Y]")).astype(float)


def _as_stamp(value: object, name: str) -> Stamp:
    return value if isinstance(value, Stamp) else parse_stamp(value, where=f"[time] {name}")
