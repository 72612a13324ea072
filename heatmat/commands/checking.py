"""What `check` says: the scenario is sound, and what a run of it would take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from heatmat.errors import MemoryLimitError
from heatmat.info import available_cpus, available_memory

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.commands.session import Progress
    from heatmat.scenario import Scenario

PLACE_SECONDS = 1.0e-3
"""Time of a pixel or of a storey of a facade over a day of 144 steps, on one core [s]: measured on
the demo with 2 cores in November 2026. `heatmat benchmark` tells of the machine at hand."""

SETUP_SECONDS = 20.0
"""Reading, maps, compilation of the kernels, pictures [s]."""

STOREY_AREA = 18.0
"""Facade area of one storey of a report, a typical one [m2]."""

WORKING_BYTES = 1 << 30
"""Interpreter, libraries, Taichi and one batch of paths [bytes]."""

RESOLUTIONS = (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 50.0)


def check_report(scenario: Scenario, progress: Progress) -> list[tuple[str, str]]:
    """Names and findings, in the order to print.

    Reads every file of the scenario, and computes the forcing; builds maps only to try
    interventions on them; writes nothing.

    Raises
    ------
    HeatMatError
        Whatever a run would stumble over before its first ray.
    """
    from heatmat.forcing import make_forcing
    from heatmat.scenario_build import city_position

    progress("city")
    city = scenario.build_city()
    latitude, longitude = city_position(city)
    progress("weather")
    weather = scenario.build_weather(latitude, longitude)
    forcing = make_forcing(
        weather,
        start=scenario.start,
        end=scenario.end,
        step_min=scenario.step_min,
        spin_up_days=scenario.spin_up_days,
        latitude=latitude,
        longitude=longitude,
        physics=scenario.physics(),
    )
    outputs = (forcing.n_steps - forcing.spin_up_steps) * scenario.step_min
    outputs //= scenario.output_step_min
    lines = [
        ("scenario", scenario.name),
        ("city", _city_line(city)),
        ("place", f"{latitude:.4f} N, {longitude:.4f} E, {city.crs.to_string()}"),
        ("weather", str(getattr(weather, "source", ""))),
        ("window", f"{scenario.start} to {scenario.end}, {outputs} times"),
        ("steps", f"{forcing.n_steps} of {scenario.step_min} min, spin-up included"),
        *_cost_lines(scenario, city, forcing.n_steps, outputs),
    ]
    lines += intervention_lines(scenario, progress)
    lines += [("note", note) for note in city.notes()]
    lines += [("note", str(note)) for note in forcing.notes]
    lines += [("warning", warning) for warning in scenario.warnings]
    return lines


def intervention_lines(scenario: Scenario, progress: Progress) -> list[tuple[str, str]]:
    """What each intervention touches.

    `hottest` needs a run of the city as it is: the area is then that among which it will choose.

    Raises
    ------
    InputError
        Where a selection matches nothing.
    """
    from dataclasses import replace

    from heatmat.simulation import Simulation

    if not scenario.interventions:
        return []
    tried = [
        replace(entry, where=replace(entry.where, hottest=None)) for entry in scenario.interventions
    ]
    hottest = {entry.name: entry.where.hottest for entry in scenario.interventions}
    scenario = scenario.without_interventions().with_interventions(tried)
    lines = []
    for name, areas in Simulation(scenario, progress=progress).touched_m2.items():
        parts = ", ".join(f"{kind} {area:,.0f} m2" for kind, area in areas.items())
        share = hottest[name]
        among = "" if share is None else f"the hottest {100 * share:g} % of "
        lines.append(("intervention", f"{name}: {among}{parts}"))
    return lines


def _city_line(city: City) -> str:
    count = len(city.buildings)
    filled = int((city.buildings["height_source"] == "filled").sum())
    west, south, east, north = city.extent
    return (
        f"{count} buildings ({filled} without a height, filled), "
        f"{east - west:.0f} x {north - south:.0f} m and {city.margin:g} m around"
    )


def _cost_lines(scenario: Scenario, city: City, steps: int, outputs: int) -> list[tuple[str, str]]:
    """Memory, time and the resolutions that fit.

    Raises
    ------
    MemoryLimitError
        Where the scenario's own resolution would not fit.
    """
    size = scenario.resolution_m
    needed = peak_bytes(city, size, outputs)
    free = available_memory()
    fitting = [r for r in RESOLUTIONS if not free or peak_bytes(city, r, outputs) <= free]
    finest = f"{fitting[0]:g} m" if fitting else "none of those tried"
    if free and needed > free:
        raise MemoryLimitError(
            "a run would not fit into memory",
            where=f"{scenario.path or 'scenario'}: city.resolution_m",
            expected=f"at most {free / 2**30:.1f} GiB",
            got=f"{needed / 2**30:.1f} GiB at {size:g} m",
            remedy=f"finest resolution that fits: {finest}",
        )
    seconds = run_seconds(city, size, steps)
    cores = available_cpus()
    free_text = f" of {free / 2**30:.1f} GiB free" if free else ""
    return [
        ("grid", "{} x {} cells of {:g} m".format(*_grid(city, size), size)),
        ("memory", f"about {needed / 2**30:.1f} GiB{free_text}"),
        ("time", f"about {_duration(seconds)} on {cores} CPU cores"),
        ("resolution", f"finest that fits: {finest}"),
    ]


def _grid(city: City, resolution: float) -> tuple[int, int]:
    west, south, east, north = city.extent
    return (
        math.ceil((east - west + 2 * city.margin) / resolution),
        math.ceil((north - south + 2 * city.margin) / resolution),
    )


def _pixels(city: City, resolution: float) -> float:
    west, south, east, north = city.extent
    return (east - west) * (north - south) / resolution**2


def peak_bytes(city: City, resolution: float, outputs: int) -> int:
    """Most memory that a run would hold [bytes], an upper estimate."""
    from heatmat.maps import memory_estimate

    nx, ny = _grid(city, resolution)
    # Four float32 maps a time; the writers copy one of them.
    results = 5 * 4 * outputs * _pixels(city, resolution)
    return int(2 * memory_estimate(nx, ny, resolution) + results + WORKING_BYTES)


def run_seconds(city: City, resolution: float, steps: int) -> float:
    """Wall time of a run on this machine's CPU [s], within a factor of two or three."""
    buildings = city.buildings
    storeys = float((buildings.geometry.length * buildings["height"]).sum()) / STOREY_AREA
    places = _pixels(city, resolution) + storeys
    return SETUP_SECONDS + places * PLACE_SECONDS * steps / 144.0 / available_cpus()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
