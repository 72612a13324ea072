"""From a scenario to the parts that a simulation holds: city, maps, forcing, case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from heatmat.prepare import make_case

if TYPE_CHECKING:
    from heatmat.case import Case
    from heatmat.city import City
    from heatmat.field import Field
    from heatmat.forcing import Forcing
    from heatmat.maps import Maps
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

Progress = Callable[..., None]


def silent(stage: str, done: float = 0.0, total: float | None = 1.0) -> None:
    """Progress that nobody asked for."""


def build_parts(scenario: Scenario, progress: Progress) -> tuple[City, Maps, Forcing]:
    """City, maps and forcing of a scenario."""
    from heatmat.info import available_memory
    from heatmat.maps import check_memory
    from heatmat.rasterise import maps_from_city

    progress("city", 0.0, 1.0)
    city = scenario.build_city()
    free = available_memory()
    if free:
        west, south, east, north = city.extent
        check_memory(
            east - west + 2.0 * city.margin,
            north - south + 2.0 * city.margin,
            scenario.resolution_m,
            free,
            where=f"{scenario.path or 'scenario'}: city.resolution_m",
        )
    progress("maps", 0.0, 1.0)
    maps = maps_from_city(city, scenario.resolution_m)
    progress("weather", 0.0, 1.0)
    return city, maps, build_forcing(scenario, maps)


def build_forcing(scenario: Scenario, maps: Maps) -> Forcing:
    """The forcing of a scenario where its maps lie."""
    from heatmat.forcing import make_forcing

    weather = scenario.build_weather(maps.latitude, maps.longitude)
    return make_forcing(
        weather,
        start=scenario.start,
        end=scenario.end,
        step_min=scenario.step_min,
        spin_up_days=scenario.spin_up_days,
        latitude=maps.latitude,
        longitude=maps.longitude,
        physics=scenario.physics(),
    )


def assemble_case(
    scenario: Scenario,
    city: City,
    maps: Maps,
    forcing: Forcing,
    constructions: dict[str, Any],
    more: Iterable[str] = (),
) -> Case:
    """The arrays that the solver runs on, of a city under a weather."""
    return make_case(
        maps,
        forcing,
        constructions,
        scenario.physics(),
        default_facade=city.default_facade,
        default_ground=city.default_ground,
        label=scenario.name,
        more=more,
    )


def building_labels(city: City, maps: Maps) -> tuple[list[str], list[dict[str, object]]]:
    """Parents and tags of the buildings in the maps' order."""
    table = city.buildings
    names = table["building_id"].tolist()
    parent = dict(zip(names, table["parent_id"].astype(str).tolist(), strict=True))
    tag = dict(zip(names, table["tags"].tolist(), strict=True))
    parents = [parent.get(name, "") for name in maps.building_ids]
    tags = [dict(tag.get(name) or {}) for name in maps.building_ids]
    return parents, tags


def new_field(simulation: Simulation, twin: Field | None = None, *, apart: bool = False) -> Field:
    """A simulation's field before it is marched; see `Simulation.field`."""
    from heatmat.field import Field
    from heatmat.field_memory import check_field_memory
    from heatmat.info import available_memory

    solver, scenario = simulation.solver, simulation.scenario
    size, free = scenario.field_resolution_m, available_memory()
    if free:
        where = f"{scenario.path or 'scenario'}: solver.field_resolution_m"
        check_field_memory(solver.case, size, free, where=where)
    return Field(
        solver.case,
        size,
        simulation.stamps,
        seed=simulation.seed,
        rayfield=solver.field,
        twin=twin,
        apart=apart,
    )
