"""Scenario: everything a simulation needs to know, checked, from TOML or from Python objects."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat import interventions as interventions_
from heatmat import scenario_checks as checks
from heatmat.errors import InputError
from heatmat.interventions import Intervention
from heatmat.scenario_faults import validate_tables
from heatmat.scenario_files import PATH_KEYS, Location, read_scenario, resolve_paths
from heatmat.scenario_schema import ScenarioTables

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.materials import Construction
    from heatmat.physics import PhysicsOptions
    from heatmat.weather import Weather


class Scenario:
    """City, weather, window, physics, constructions and interventions of one simulation.

    Parameters
    ----------
    city : City, mapping or path, optional
        A `City`, a table with the keys of [city], or a file of buildings.
    weather : Weather, mapping or path, optional
        A `Weather`, a table with the keys of [weather], or an .epw or .csv file.
    time, physics, solver : mapping, optional
        Tables with the keys of [time], [physics], [solver]; `physics` may be a `PhysicsOptions`.
    constructions : mapping, optional
        Name to `Construction`, or to a table with the keys of [constructions.NAME].
    interventions : iterable of Intervention or mapping, optional

    Raises
    ------
    InputError
        One line with every fault found.
    """

    def __init__(
        self,
        city: City | Mapping[str, Any] | str | Path | None = None,
        weather: Weather | Mapping[str, Any] | str | Path | None = None,
        time: Mapping[str, Any] | None = None,
        physics: PhysicsOptions | Mapping[str, Any] | None = None,
        constructions: Mapping[str, Construction | Mapping[str, Any]] | None = None,
        interventions: Iterable[Intervention | Mapping[str, Any]] = (),
        solver: Mapping[str, Any] | None = None,
    ) -> None:
        tables: dict[str, Any] = {"interventions": interventions_.as_tables(interventions)}
        self._city = self._take(tables, "city", city)
        self._weather = self._take(tables, "weather", weather)
        self._physics = self._take(tables, "physics", physics)
        for name, table in (("time", time), ("solver", solver)):
            if table is not None:
                tables[name] = dict(table)
        given = dict(constructions or {})
        self._constructions = {n: c for n, c in given.items() if not isinstance(c, Mapping)}
        tables["constructions"] = {n: dict(c) for n, c in given.items() if isinstance(c, Mapping)}
        resolve_paths(tables, Path.cwd())
        self._finish(tables, path=None, files=[], origins={})

    @staticmethod
    def _take(tables: dict[str, Any], name: str, value: Any) -> Any:
        """Put tables and paths into `tables`; hand back anything else as the object it is."""
        if isinstance(value, str | Path):
            is_csv = str(value).lower().endswith(".csv")
            key = "buildings" if name == "city" else "csv" if is_csv else "epw"
            tables[name] = {key: str(value)}
        elif isinstance(value, Mapping):
            tables[name] = copy.deepcopy(dict(value))
        elif value is not None:
            return value
        return None

    @classmethod
    def load(cls, path: str | Path) -> Scenario:
        """Read a scenario file (TOML), following `extends`.

        Raises
        ------
        InputError
            For anything wrong in the file: one line that names file, key and remedy.
        """
        path = Path(path)
        tables, origins, files = read_scenario(path)
        self = cls.__new__(cls)
        self._city = self._weather = self._physics = None
        self._constructions = {}
        self._finish(tables, path=path, files=files, origins=origins)
        return self

    @classmethod
    def embedded(cls, *, quick: bool = False) -> Scenario:
        """The demo: the district that comes with HeatMat on a clear hot day.

        The day is a stated design day, not a measured one: 33 and 20 degrees Celsius, 2 m/s.

        Parameters
        ----------
        quick : bool
            One day of spin-up and coarser sampling.
        """
        weather = {
            "clear_sky": {
                "date": "2023-07-14",
                "tmax_c": 33.0,
                "tmin_c": 20.0,
                "wind_m_s": 2.0,
                "dew_point_c": 14.0,
                "linke_turbidity": 3.5,
                "utc_offset_h": 2.0,
            }
        }
        return cls(
            city={"embedded": True, "resolution_m": 2.0 if quick else 1.0},
            weather=weather,
            time={"spin_up_days": 1 if quick else 3},
            solver={"target_error_k": 0.3 if quick else 0.1},
        )

    def _finish(
        self,
        tables: dict[str, Any],
        *,
        path: Path | None,
        files: list[Path],
        origins: dict[Location, Path],
    ) -> None:
        self.path = path
        self._files = files
        self._where = str(path) if path is not None else "scenario"
        self.tables: ScenarioTables = validate_tables(tables, where=self._where, origins=origins)
        self.warnings: list[str] = checks.warnings(self.tables)
        known = self.constructions()
        self.start, self.end = checks.consistent(
            self.tables, known, where=self._where, weather=self._weather
        )
        self.interventions: tuple[Intervention, ...] = tuple(
            interventions_.from_table(table) for table in self.tables.interventions
        )

    # --- plain values -------------------------------------------------------------------------

    @property
    def has_city(self) -> bool:
        """Whether there is a city at all; `query --incident` can do without."""
        return self._city is not None or self.tables.city is not None

    @property
    def has_weather(self) -> bool:
        """Whether there is any weather; `query --incident` can do without that too."""
        return self._weather is not None or self.tables.weather is not None

    @property
    def name(self) -> str:
        """A short name for titles: the file's stem, else 'scenario'."""
        if self.path is not None:
            generic = self.path.stem == "scenario"
            return self.path.resolve().parent.name if generic else self.path.stem
        table = self.tables.city
        return "demo" if table is not None and table.embedded else "scenario"

    @property
    def step_min(self) -> int:
        """Time step of the march [min]."""
        return self.tables.time.step_min

    @property
    def output_step_min(self) -> int:
        """Interval of the reported times [min]."""
        return self.tables.time.output_step_min

    @property
    def spin_up_days(self) -> int:
        """Days simulated before the window [d]."""
        return self.tables.time.spin_up_days

    @property
    def resolution_m(self) -> float:
        """Cell size of the maps [m]."""
        return self.tables.city.resolution_m if self.tables.city is not None else 1.0

    @property
    def target_error_k(self) -> float:
        """Standard error at which a query stops [K]."""
        return self.tables.solver.target_error_k

    @property
    def max_rays(self) -> int:
        """Most rays a query may spend."""
        return self.tables.solver.max_rays

    @property
    def field_resolution_m(self) -> float:
        """Texel size of the radiosity field [m]."""
        return self.tables.solver.field_resolution_m

    # --- what it is made of -------------------------------------------------------------------

    def constructions(self) -> dict[str, Construction]:
        """The library with this scenario's own constructions laid over it."""
        merged = checks.build_constructions(self.tables.constructions, where=self._where)
        merged.update(self._constructions)
        return merged

    def physics(self) -> PhysicsOptions:
        """The physical choices, as the forcing and the solver read them."""
        if self._physics is not None:
            return self._physics
        from heatmat.scenario_build import build_physics

        return build_physics(self)

    def build_city(self) -> City:
        """Read the city (seconds for a district).

        Raises
        ------
        InputError
            Where there is no [city], or its files are faulty.
        """
        if self._city is not None:
            return self._city
        if self.tables.city is None:
            raise InputError("missing table", where=f"{self._where}: city", remedy="add [city]")
        from heatmat.scenario_build import build_city

        return build_city(self)

    def build_weather(
        self, latitude: float | None = None, longitude: float | None = None
    ) -> Weather:
        """Read or make the weather.

        Parameters
        ----------
        latitude, longitude : float, optional
            Where a clear-sky day takes place [degrees]; default: the middle of the city.
        """
        if self._weather is not None:
            return self._weather
        if self.tables.weather is None:
            raise InputError(
                "missing table", where=f"{self._where}: weather", remedy="add [weather]"
            )
        from heatmat.scenario_build import build_weather

        return build_weather(self, latitude, longitude)

    def with_interventions(
        self, interventions: Iterable[Intervention | Mapping[str, Any]]
    ) -> Scenario:
        """A copy with more interventions after its own."""
        other = copy.copy(self)
        tables = self.tables.model_dump(by_alias=True, exclude_none=True)
        tables["interventions"] = [
            *tables.get("interventions", []),
            *interventions_.as_tables(interventions),
        ]
        other._finish(tables, path=self.path, files=self._files, origins={})
        return other

    def without_interventions(self) -> Scenario:
        """A copy of the city as it is, before any intervention."""
        other = copy.copy(self)
        tables = self.tables.model_dump(by_alias=True, exclude_none=True)
        tables["interventions"] = []
        other._finish(tables, path=self.path, files=self._files, origins={})
        return other

    # --- provenance ---------------------------------------------------------------------------

    def resolved(self) -> dict[str, Any]:
        """Every key with defaults filled in, fit for JSON; paths are absolute."""
        resolved = self.tables.model_dump(mode="json", by_alias=True, exclude_none=True)
        resolved["interventions"] = [entry.to_dict() for entry in self.interventions]
        resolved["time"].update(start=self.start, end=self.end)
        for name, thing in (
            ("city", self._city),
            ("weather", self._weather),
            ("physics", self._physics),
        ):
            if thing is not None:
                resolved[name] = checks.describe_object(thing)
        for name, construction in self._constructions.items():
            resolved["constructions"][name] = checks.describe_object(construction)
        return resolved

    def input_files(self) -> dict[str, Path]:
        """Dotted key to the file it names, and `scenario`, `scenario[2]`... for the TOML files."""
        named: dict[str, Path] = {}
        for i, path in enumerate(self._files, start=1):
            named["scenario" if i == 1 else f"scenario[{i}]"] = Path(path)
        tables = self.tables.model_dump(by_alias=True)
        for keys in PATH_KEYS:
            value: Any = tables
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, str):
                named[".".join(keys)] = Path(value)
        for i, entry in enumerate(self.interventions, start=1):
            if isinstance(entry.where.polygon, str):
                named[f"interventions[{i}].where.polygon"] = Path(entry.where.polygon)
        return named

    def __repr__(self) -> str:
        """Short, for interactive use."""
        count = len(self.interventions)
        return f"Scenario({self.name!r}, {self.start} to {self.end}, {count} interventions)"
