"""`query --incident`: surface temperatures from given fluxes, without a city."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.case import held_code
from heatmat.conduction import FullModes, discretise, eigenmodes
from heatmat.construction import Construction
from heatmat.errors import InputError, nearest
from heatmat.humid_air import priestley_taylor_factor, standard_pressure
from heatmat.incident_table import read_incident
from heatmat.points import TEMPS_COLUMNS, place_of
from heatmat.prepare import inner_conductance, slab_layers
from heatmat.times import offset_text, parse_stamp
from heatmat.units import to_celsius, to_kelvin
from heatmat.wall_law import Boundary, History, Slabs, march, pad_modes

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.physics import PhysicsOptions
    from heatmat.scenario import Scenario

DEEP_GROUND = 2.0
"""Depth of the lower boundary of ground columns [m]."""
DAY = 86400.0


def query_incident(
    scenario: Scenario,
    points: pd.DataFrame,
    forcing: str | Path,
    *,
    progress: Callable[..., None] | None = None,
) -> pd.DataFrame:
    """Temperatures of surfaces whose incident fluxes are given.

    Parameters
    ----------
    scenario : Scenario
        Its window, steps, physics and constructions; [city] and [weather] may be missing.
    points : DataFrame
        From `heatmat.points.read_points`; each needs a `construction`. `tilt_deg` defaults to 90
        for walls and 0 for the rest.
    forcing : path
        FORCING.csv. Wind, where given in place of h_conv, is that near the surface.
    progress : callable, optional
        ``progress(stage, done, total)``.

    Returns
    -------
    DataFrame
        The columns of TEMPS.csv: temperatures at the stamps, fluxes as means over the step that
        ends there.

    Raises
    ------
    InputError
    """
    import pandas as pd

    clock = _Clock(scenario)
    table = read_incident(
        forcing, ids=list(points["id"]), utc_offset_h=clock.offset, year=clock.year
    )
    frames = []
    for done, group in enumerate(_same_times(points, table)):
        if progress is not None:
            progress("wall law", done, 1 + done)
        frames.append(_Group(scenario, clock, points.loc[group], table).frame())
    order = {name: i for i, name in enumerate(points["id"])}
    frame = pd.concat(frames, ignore_index=True)
    frame = frame.sort_values("id", key=lambda ids: ids.map(order), kind="stable")
    return frame.reset_index(drop=True)[list(TEMPS_COLUMNS)]


class _Clock:
    """The scenario's window in UTC."""

    def __init__(self, scenario: Scenario) -> None:
        self.weather: Any = None
        table = scenario.tables.weather
        self.offset = 0.0
        if table is not None and table.clear_sky is not None:
            self.offset = table.clear_sky.utc_offset_h or 0.0
        elif table is not None and table.utc_offset_h is not None:
            self.offset = table.utc_offset_h
        made = table is not None and table.clear_sky is not None
        if not made and scenario.has_weather:
            self.weather = scenario.build_weather()
            self.offset = float(self.weather.utc_offset)
        start, end = parse_stamp(scenario.start), parse_stamp(scenario.end)
        self.year = start.year
        if self.year is None and table is not None and table.clear_sky is not None:
            self.year = int(table.clear_sky.date[:4])
        self.start = self._utc(start.at_offset(0.0, self.year), start.utc_offset_h)
        self.end = self._utc(end.at_offset(0.0, self.year), end.utc_offset_h)
        self.step = 60.0 * scenario.step_min
        self.output_step = 60.0 * scenario.output_step_min

    def _utc(self, moment: datetime.datetime, zone: float | None) -> np.datetime64:
        # A stamp with a zone is in UTC already; one without is on the weather's clock.
        shift = self.offset if zone is None else 0.0
        return np.datetime64(moment - datetime.timedelta(hours=shift), "s")

    def iso(self, stamps: np.ndarray) -> list[str]:
        """ISO 8601 on the weather's clock."""
        local = stamps + np.timedelta64(round(self.offset * 3600.0), "s")
        zone = offset_text(self.offset)
        return [f"{stamp}{zone}" for stamp in local]


def _same_times(points: pd.DataFrame, table: pd.DataFrame) -> list[list[int]]:
    """Points whose forcing has the same times, so that they march together."""
    groups: dict[bytes, list[int]] = {}
    times = {name: rows["time"].to_numpy() for name, rows in table.groupby("id", sort=False)}
    for index, name in points["id"].items():
        groups.setdefault(times[name].tobytes(), []).append(int(index))  # type: ignore[call-overload]
    return list(groups.values())


class _Group:
    """Points that share the times of their forcing."""

    def __init__(
        self, scenario: Scenario, clock: _Clock, points: pd.DataFrame, table: pd.DataFrame
    ) -> None:
        self.scenario, self.clock, self.points = scenario, clock, points.reset_index(drop=True)
        self.points.attrs.update(points.attrs)
        self.physics = scenario.physics()
        self.rows = dict(iter(table.groupby("id", sort=False)))
        self.source = str(table.attrs["source"])
        self.times = self.rows[self.points["id"].iloc[0]]["time"].to_numpy().astype("datetime64[s]")
        self.columns = set(table.columns)
        self._lay_grid()

    def _lay_grid(self) -> None:
        """Stamps of the march: back from the window's start as far as the rows go."""
        clock, times = self.clock, self.times.astype(float)
        start, end = float(clock.start.astype(float)), float(clock.end.astype(float))
        for name, moment, fits in (
            ("start", clock.start, times[0] <= start),
            ("end", clock.end, end <= times[-1]),
        ):
            if not fits:
                raise InputError(
                    f"the forcing does not cover the window's {name}",
                    where=f"{self.source}: id {self.points['id'].iloc[0]!r}",
                    expected=f"rows that span {moment} UTC",
                    got=f"{self.times[0]} to {self.times[-1]} UTC",
                )
        interval = float(np.diff(times).min())
        self.substeps = max(1, int(np.ceil(clock.step / max(interval, 1.0) - 1e-9)))
        self.dt = clock.step / self.substeps
        before = int((start - times[0]) / clock.step) * self.substeps
        count = round((end - start) / self.dt)
        self.grid = start + self.dt * np.arange(-before, count + 1)
        self.before = before

    def series(self, column: str) -> np.ndarray:
        """A column at the stamps of the march, shape (points, stamps)."""
        times = self.times.astype(float)
        return np.array(
            [np.interp(self.grid, times, self.rows[name][column]) for name in self.points["id"]]
        )

    def frame(self) -> pd.DataFrame:
        """March, and lay out the rows of TEMPS.csv."""
        slabs, constructions = self._slabs()
        boundary = self._boundary(constructions)
        day = round(DAY / self.dt)
        history = march(slabs, boundary, day if self.before >= day else 0)
        return self._rows(history, boundary, constructions)

    def _slabs(self) -> tuple[Slabs, list[Construction]]:
        known = self.scenario.constructions()
        constructions, modes = [], []
        for i, name in enumerate(self.points["construction"]):
            if name not in known:
                place = place_of(self.points, i, "construction")
                what = "unknown construction" if name else "a construction is needed here"
                raise InputError(
                    what, where=place, got=repr(name) if name else "nothing",
                    remedy=nearest(name, known) if name else "name one of `heatmat constructions`",
                )  # fmt: skip
            item = known[name]
            constructions.append(item)
            modes.append(self._modes(item))
        rate, surface, inner = pad_modes(modes)
        held = np.array([held_code(item.temperature) for item in constructions]).reshape(-1, 2)
        slabs = Slabs(
            rate=rate,
            gain_surface=surface,
            gain_inner=inner,
            absorptance=np.array([1 - c.albedo - c.solar_transmittance for c in constructions]),
            emissivity=np.array([c.emissivity for c in constructions]),
            moisture=np.array([c.moisture_availability for c in constructions]),
            held=held[:, 0].astype(int),
            held_temperature=held[:, 1],
        )
        return slabs, constructions

    def _modes(self, item: Construction) -> FullModes:
        if item.temperature is not None:
            return FullModes(np.ones(1), np.zeros(1), np.zeros(1))
        conductance = inner_conductance(item, self.physics.inside_film)
        if "inside_surface_temperature_c" in self.columns:
            conductance = float("inf")
        return eigenmodes(discretise(slab_layers(item), conductance))

    def _boundary(self, constructions: list[Construction]) -> Boundary:
        air = to_kelvin(self.series("air_temperature_c"))
        elevation = float(getattr(self.clock.weather, "elevation", 0.0))
        return Boundary(
            step=self.dt,
            shortwave=np.maximum(self.series("incident_shortwave_w_m2"), 0.0),
            longwave=self.series("incident_longwave_w_m2"),
            air=air,
            inner=self._inner(constructions),
            evaporation=priestley_taylor_factor(air, standard_pressure(elevation)),
            film=self._film(constructions, air),
        )

    def _inner(self, constructions: list[Construction]) -> np.ndarray:
        for column in ("inside_surface_temperature_c", "inside_air_temperature_c"):
            if column in self.columns:
                return to_kelvin(self.series(column))
        return np.array([self._inner_of(item) for item in constructions])

    def _inner_of(self, item: Construction) -> np.ndarray:
        """Indoor air, or the ground at the lower end of a column [K], at the stamps."""
        from heatmat.indoor import indoor_series

        shift = np.timedelta64(round(self.clock.offset * 3600.0), "s")
        local = np.round(self.grid).astype("int64").astype("datetime64[s]") + shift
        if item.kind != "ground":
            return indoor_series(self.physics.indoor_temperature, local, self.clock.offset)
        deep = self.physics.deep_ground_temperature
        if not isinstance(deep, str):
            return np.full(local.shape, float(deep))
        if self.clock.weather is None:
            raise InputError(
                "the temperature below the ground is not known",
                where="physics.deep_ground_temperature_c",
                remedy="give it in Celsius, or add [weather]",
            )
        weather = self.clock.weather
        return weather.ground_wave.temperature(DEEP_GROUND, weather.time_of_year(local))

    def _film(
        self, constructions: list[Construction], air: np.ndarray
    ) -> Callable[[int, np.ndarray], np.ndarray]:
        if "h_conv_w_m2k" in self.columns:
            given = self.series("h_conv_w_m2k")
            return lambda n, theta: given[:, n]
        return wind_film(
            self.physics,
            self.series("wind_speed_m_s"),
            self._windward(),
            np.cos(np.radians(self._tilt())),
            [item.roughness for item in constructions],
            air,
        )

    def _tilt(self) -> np.ndarray:
        tilt = self.points["tilt_deg"].to_numpy(float)
        default = np.where(self.points["surface"] == "wall", 90.0, 0.0)
        return np.where(np.isnan(tilt), default, tilt)

    def _windward(self) -> np.ndarray:
        """Which surfaces face the wind at each stamp; all where its direction is not known."""
        from heatmat.convection import is_windward

        shape = (len(self.points), self.grid.size)
        if "wind_direction_deg" not in self.columns:
            return np.ones(shape, bool)
        # A direction jumps from 360 to 0: the row nearest in time is taken, not a mean.
        times = self.times.astype(float)
        nearest_row = np.abs(self.grid[:, None] - times[None, :]).argmin(axis=1)
        azimuth = self.points["azimuth_deg"].to_numpy(float)
        tilt = np.cos(np.radians(self._tilt()))
        facing = []
        for i, name in enumerate(self.points["id"]):
            direction = self.rows[name]["wind_direction_deg"].to_numpy()[nearest_row]
            unknown = np.isnan(azimuth[i])
            facing.append(unknown | is_windward(azimuth[i], direction, tilt[i]))
        return np.array(facing)

    def _rows(
        self, history: History, boundary: Boundary, constructions: list[Construction]
    ) -> pd.DataFrame:
        import pandas as pd

        every = round(self.clock.output_step / self.dt)
        at = np.arange(self.before + every, self.grid.size, every)
        if at.size == 0:
            raise InputError(
                "the window is shorter than output_step_min", where="time.output_step_min"
            )
        stamps = np.round(self.grid[at]).astype("int64").astype("datetime64[s]")
        values = {
            "surface_temperature_c": to_celsius(history.temperature[:, at]),
            "absorbed_shortwave_w_m2": self._means(history.absorbed, at),
            "net_longwave_w_m2": self._means(history.net_longwave, at),
            "convection_w_m2": self._means(history.convection, at),
            "latent_w_m2": self._means(history.latent, at),
            "conduction_w_m2": self._means(history.conduction, at),
            "air_temperature_c": to_celsius(boundary.air[:, at]),
            "h_conv_w_m2k": history.h_conv[:, at],
            "incident_shortwave_w_m2": self._means(boundary.shortwave, at),
            "incident_longwave_w_m2": self._means(boundary.longwave, at),
        }
        count = at.size
        frame = pd.DataFrame(
            {name: np.repeat(self.points[name].to_numpy(), count) for name in
             ("id", "surface", "x", "y", "z")}
        )  # fmt: skip
        frame["time"] = self.clock.iso(stamps) * len(self.points)
        frame["building_id"] = ""
        frame["construction"] = np.repeat([item.name for item in constructions], count)
        for name, series in values.items():
            frame[name] = series.reshape(-1)
        return frame.assign(standard_error_k=0.0, rays=0, snap_distance_m=np.nan)

    def _means(self, stamps: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Means over the step that ends at each output, shape (points, outputs)."""
        steps = 0.5 * (stamps[:, 1:] + stamps[:, :-1])
        sums = np.concatenate([np.zeros((len(stamps), 1)), np.cumsum(steps, axis=1)], axis=1)
        return (sums[:, at] - sums[:, at - self.substeps]) / self.substeps


def wind_film(
    physics: PhysicsOptions,
    speed: np.ndarray,
    windward: np.ndarray,
    cos_tilt: np.ndarray,
    roughness: list[str],
    air: np.ndarray,
) -> Callable[[int, np.ndarray], np.ndarray]:
    """h_conv of the named correlation as a function of stamp and surface temperature.

    Parameters
    ----------
    speed, windward, air : ndarray, shape (n, stamps)
        Wind near the surface [m s-1], whether it blows on it, air temperature [K].
    cos_tilt : ndarray, shape (n,)
    roughness : list of str
    """
    from heatmat.convection import h_conv, roughness_multiplier

    multiplier = np.array([roughness_multiplier(name) for name in roughness])
    a, b = physics.linear_convection

    def film(n: int, theta: np.ndarray) -> np.ndarray:
        return h_conv(
            physics.convection,
            theta - air[:, n],
            speed[:, n],
            windward=windward[:, n],
            cos_tilt=cos_tilt,
            roughness=multiplier,
            a=a,
            b=b,
        )

    return film
