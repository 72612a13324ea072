"""Simulation: a scenario made ready, and the questions it answers."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.case import Case
from heatmat.errors import InputError
from heatmat.simulation_parts import (
    Progress,
    assemble_case,
    build_forcing,
    build_parts,
    building_labels,
    new_field,
    silent,
)

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from heatmat.exposure import SurfaceExposure
    from heatmat.field import Field
    from heatmat.map_query import Walls
    from heatmat.maps import Maps
    from heatmat.result import Result
    from heatmat.scenario import Scenario
    from heatmat.solver import Solver


class Simulation:
    """A city under a weather, ready to be asked.

    Parameters
    ----------
    scenario : Scenario
    device : str
        ``auto``, ``cpu``, ``cuda``, ``vulkan`` or ``metal``; the first simulation of a process
        fixes it.
    seed : int
        Of the random streams. The same seed gives the same numbers on any number of threads.
    progress : callable, optional
        ``progress(stage, done, total)`` while it works.
    store : RunDirectory or look-alike, optional
        Has ``load_tile(key)`` and ``save_tile(key, arrays)``: finished tiles of a map are kept
        there and taken up again.

    Raises
    ------
    HeatMatError
        Whatever is wrong with the scenario's files, or the device.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        device: str = "auto",
        seed: int = 0,
        progress: Progress | None = None,
        store: Any = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.progress = progress or silent
        self.store = store
        self.warnings: list[str] = []
        self.degraded = False
        self.city, self._bare_maps, self.forcing = build_parts(scenario, self.progress)
        self._extra: set[str] = set()
        self._device = device
        self._solver: Solver | None = None
        self._field: Field | None = None
        self._exposure: SurfaceExposure | None = None
        self._label()

    def _label(self) -> None:
        """Maps and constructions after the scenario's interventions."""
        scenario = self.scenario
        self.maps: Maps = self._bare_maps
        self.constructions = scenario.constructions()
        self.touched_m2: dict[str, dict[str, float]] = {}
        self.touched_with_margin_m2: dict[str, dict[str, float]] = {}
        self.notes = [*self.city.notes(), *self.forcing.notes]
        if scenario.interventions:
            from heatmat.planting import obstacles_of
            from heatmat.what_if import apply_interventions

            parents, tags = building_labels(self.city, self._bare_maps)
            trees = any(entry.trees for entry in scenario.interventions)
            applied = apply_interventions(
                self._bare_maps, self.constructions, scenario.interventions,
                parents=parents, tags=tags, exposure=self._bare_exposure(),
                obstacles=obstacles_of(self.city) if trees else (),
            )  # fmt: skip
            self.notes += applied.notes
            self.maps, self.constructions = applied.maps, applied.constructions
            self.touched_m2 = applied.touched_m2
            self.touched_with_margin_m2 = applied.touched_with_margin_m2

    def _bare_exposure(self) -> SurfaceExposure:
        """Sun and warmth of the city before any intervention, found when first asked for."""
        from heatmat.exposure import SurfaceExposure

        if self._exposure is None:
            bare = copy.copy(self)
            bare.scenario = self.scenario.without_interventions()
            bare.store, bare.warnings, bare.maps = None, [], self._bare_maps
            bare._extra, bare._solver, bare._field = set(), None, None
            bare.constructions, bare.touched_m2 = bare.scenario.constructions(), {}
            self._exposure = SurfaceExposure(bare)
        return self._exposure

    @property
    def case(self) -> Case:
        """The arrays that the solver runs on."""
        return self.solver.case

    @property
    def solver(self) -> Solver:
        """The solver, made when first needed."""
        if self._solver is None:
            from heatmat.solver import Solver

            self.progress("solver", 0.0, 1.0)
            case = assemble_case(
                self.scenario, self.city, self.maps, self.forcing, self.constructions, self._extra
            )
            self._solver = Solver(case, self._device, stamps=self.stamps)
            self.progress("solver", 1.0, 1.0)
        return self._solver

    @property
    def device(self) -> str:
        """The device in use."""
        return self.solver.device

    @property
    def stamps(self) -> np.ndarray:
        """Forcing stamps of the scenario's output times."""
        forcing = self.forcing
        every = round(60.0 * self.scenario.output_step_min / forcing.step)
        return np.arange(forcing.spin_up_steps + every, forcing.n_steps + 1, every)

    @property
    def times(self) -> np.ndarray:
        """Output times, UTC, datetime64[s]."""
        return self.forcing.time[self.stamps]

    def _select_times(self, times: Any) -> np.ndarray:
        """Indices into `times` of what was asked for (None: all)."""
        if times is None:
            return np.arange(self.times.size)
        from heatmat.times import as_utc

        wanted = as_utc(times, self.forcing.utc_offset, like=self.times[0])
        index = np.searchsorted(self.times, wanted)
        found = (index < self.times.size) & (
            self.times[np.minimum(index, self.times.size - 1)] == wanted
        )
        if not found.all():
            missing = wanted[np.flatnonzero(~found)[0]]
            raise InputError(
                "not one of the simulated output times",
                where="times",
                expected=f"{self.times[0]}Z to {self.times[-1]}Z every "
                f"{self.scenario.output_step_min} minutes",
                got=f"{missing}Z",
                remedy="choose [time] start, end and output_step_min to hold it",
            )
        return index

    def query(
        self,
        points: Any,
        times: Any = None,
        *,
        resolution: float | None = None,
        target_error: float | None = None,
        max_rays: int | None = None,
        method: str = "auto",
    ) -> Result:
        """Temperatures and fluxes at points.

        Parameters
        ----------
        points : DataFrame, GeoDataFrame or mapping of columns
            Columns of POINTS.csv: id, surface, x, y (or lon, lat), z, azimuth_deg, resolution_m,
            construction.
        times : sequence of datetime-like, optional
            Some of the output times; naive ones are in the weather's standard time.
        resolution : float, optional
            Side of the square averaged about every point that does not bring its own [m].
        target_error : float, optional
            Standard error to reach [K]; default: the scenario's.
        max_rays : int, optional
            Most paths a point may take; default: the scenario's.
        method : str
            ``paths``; ``field``, which costs less a point and leaves an error of its own (both in
            the result's attributes); ``auto`` takes the cheaper (`query_method.choose_method`).

        Returns
        -------
        Result

        Raises
        ------
        InputError
            Naming the row and what is wrong with it.
        """
        from heatmat.point_query import query_points

        return query_points(
            self,
            points,
            self._select_times(times),
            resolution=resolution,
            target_error=self.scenario.target_error_k if target_error is None else target_error,
            max_rays=self.scenario.max_rays if max_rays is None else max_rays,
            method=method,
        )

    @property
    def has_field(self) -> bool:
        """Whether the field is there already."""
        return self._field is not None

    def field(self, twin: Field | None = None, *, apart: bool = False) -> Field:
        """The field of the case, made and marched when first needed.

        Every surface of the city on coarse texels (`[solver] field_resolution_m`), from which maps
        and walls gather.

        Parameters
        ----------
        twin : Field, optional
            Of another version of the city, whose rays are taken where they are the same.
        apart : bool
            With independent halves (see `Field`); one without them is made anew.
        """
        if self._field is None or apart > self._field.apart:
            self.progress("field", 0.0, 1.0)
            field = new_field(self, twin, apart=apart)
            field.march_chunk()
            self._field = field
            self.progress("field", 1.0, 1.0)
        return self._field

    def save_field(self, path: str | Path) -> None:
        """Write the field to a .npz file, marched first where it is not yet.

        Parameters
        ----------
        path : str or Path
            Written aside first, then renamed.
        """
        from heatmat.field_files import save_field

        save_field(self.field(), path)

    def load_field(self, path: str | Path) -> None:
        """Take up a field that `save_field` wrote, in place of marching.

        Where this simulation's time goes on after the saved one's, which must be the same until
        then, only the rest is marched. Maps, walls and queries then gather from it as ever.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        InputError
            If the file is missing, damaged or of another city, weather, seed or resolution.
        """
        from heatmat.field_files import load_field

        field = new_field(self)
        load_field(field, path)
        self._field = field

    def map(
        self, resolution: float | None = None, times: Any = None, *, method: str = "field"
    ) -> xr.Dataset:
        """Temperatures over the whole window, seen from above.

        Parameters
        ----------
        resolution : float, optional
            Pixel side [m]; default: the scenario's.
        times : sequence of datetime-like, optional
            Some of the output times.
        method : str
            ``field`` gathers from the field; ``paths`` follows paths from every pixel: slow, with
            an error of its own and none of the field's.

        Returns
        -------
        xarray.Dataset
            (time, y, x), row 0 north, kelvin: surface_temperature,
            surface_temperature_standard_error, radiometric_temperature (mean of emissivity T^4
            over mean emissivity, to the quarter), ground_temperature, roof_temperature; (y, x):
            roof_fraction, sky_view_factor, sunlit_hours.
        """
        from heatmat.map_query import query_map

        return query_map(
            self,
            resolution or self.scenario.resolution_m,
            self._select_times(times),
            method,
        )

    def walls(
        self, storey_height: float = 3.0, times: Any = None, *, method: str = "field"
    ) -> Walls:
        """Temperatures of every facade, storey by storey.

        Parameters
        ----------
        storey_height : float
            Facades are cut into equal storeys near this height [m].
        times : sequence of datetime-like, optional
        method : str
            ``field`` or ``paths``, as for maps.

        Returns
        -------
        Walls
        """
        from heatmat.map_query import query_walls

        return query_walls(self, storey_height, self._select_times(times), method)

    def with_interventions(self, interventions: Iterable[Any]) -> Simulation:
        """The same city changed; geometry, weather and random streams are shared.

        Parameters
        ----------
        interventions : iterable of Intervention or mapping
            As in a scenario's [[interventions]], applied after its own.
        """
        other = copy.copy(self)
        other.scenario = self.scenario.with_interventions(interventions)
        other.warnings, other._extra, other._solver, other._field = [], set(), None, None
        other.store = None  # its tiles are those of the city as it was
        other._label()
        return other

    def beside(self, scenario: Scenario) -> Simulation:
        """Another scenario with the same seed; the city is shared where both name the same.

        Parameters
        ----------
        scenario : Scenario
            May differ in anything; what is not the same is made anew.
        """
        mine = self.scenario
        if mine._city is not scenario._city or mine.tables.city != scenario.tables.city:
            return Simulation(scenario, device=self._device, seed=self.seed, progress=self.progress)
        other = copy.copy(self)
        other.scenario, other.store = scenario, None
        other.warnings, other._extra, other._solver, other._field = [], set(), None, None
        climate = ("weather", "time", "physics")
        if (mine._weather, mine._physics) != (scenario._weather, scenario._physics) or any(
            getattr(mine.tables, name) != getattr(scenario.tables, name) for name in climate
        ):
            other.forcing = build_forcing(scenario, self._bare_maps)
        other._exposure = None
        other._label()
        return other

    def need_constructions(self, names: Iterable[str]) -> None:
        """Make sure that the solver knows constructions that a query names."""
        missing = {name for name in names if name} - self._extra
        known = {name for name in missing if ((name, 1.0),) in self.case.compositions}
        if missing - known:
            self._extra |= missing
            self._solver = None
            self._field = None

    def close(self) -> None:
        """Let go of the device's memory."""
        if self._solver is not None:
            self._solver.close()
            self._solver = None
        self._field = None

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def build_case(scenario: Scenario, progress: Progress | None = None) -> Case:
    """The prepared case of a scenario, interventions applied, without a device.

    Parameters
    ----------
    scenario : Scenario
    progress : callable, optional
    """
    simulation = Simulation(scenario, progress=progress)
    return assemble_case(
        scenario,
        simulation.city,
        simulation.maps,
        simulation.forcing,
        simulation.constructions,
    )
