"""An endless street: what roulette, hours and tangents of later surfaces leave of the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.kernels import layout
from heatmat.physics import PhysicsOptions
from heatmat.solver import Solver
from heatmat.units import STEFAN_BOLTZMANN
from heatmat.validation.made_case import local, made_case, plan_points, solve, wall_points
from heatmat.validation.outcome import Check, Outcome, Setting, largest
from heatmat.validation.slab_march import make_series
from heatmat.validation.street_day import (
    FACING,
    HEIGHT,
    KNOWN,
    SPOTS,
    WIDTH,
    StreetMarch,
    street_wall,
    weather,
)
from heatmat.validation.street_light import floor_view, radiosity, wall_view

HALF_LENGTH = 2000.0
WHITE = 0.7
"""Albedo of everything, for light; emissivity 1 - this, for longwave."""
STRIPS = 200
HOT = BASE_TEMPERATURE + 30.0
COLD_SKY = 300.0
ACROSS = (0.0, 6.0)
"""Places on the floor, from its middle [m]."""
DAYLIGHT, NIGHT = slice(54, 102), slice(0, 30)
"""Steps of ten minutes: from nine to five, and the first five hours."""


def study(setting: Setting) -> Outcome:
    """Light, longwave and a hot day in an endless street, by paths and by strips."""
    light = light_rows(setting, 16 if setting.quick else 128)
    street = street_rows(setting, 16 if setting.quick else 1024)
    return Outcome(
        title="An endless street",
        against="72 strips of an endless street that exchange everything with everything: view"
        " factors by crossed strings, all bounces by one linear system, the fourth power and"
        " natural convection in full at every strip",
        proves="that what the roulette cuts off comes back on the mean, and what later surfaces"
        " lose that are linear about a reference and march by the hour.",
        does_not_prove="that the balance itself is right: both sides solve the same one.",
        checks=[
            Check("all bounces of light and longwave, largest difference [%]",
                  largest(light["difference [%]"].abs()), 0.5, ""),
            Check("a hot day, mean over the day, largest of six places",
                  largest(street["mean [K]"].abs()), 0.02,
                  note="later surfaces go along tangents, in hours"),
            Check("the same by day", largest(street["mean by day [K]"].abs()), 0.02,
                  note="too cool while the sun is high, by about a thousandth of the day's range:"
                  " the tangent of natural convection at later surfaces"),
        ],
        tables=[
            ("Light and longwave on the floor of a white street, held hot", light),
            ("A hot day in the street, paths less strips", street),
        ],
        notes=[
            f"Blocks {HEIGHT:g} m high, {WIDTH:g} m apart and 4 km long. White: albedo {WHITE:g},"
            f" emissivity {1.0 - WHITE:g}, so that most of what arrives has been reflected. Hot"
            " day: a beam of 800 W/m2, 2.5 m/s, light walls and a dark road whose temperatures"
            " range over 25 to 40 K.",
            "What is left is cool by day: later surfaces go along tangents, taken where typical"
            " surroundings would have them, and the light on second surfaces is that of one ray an"
            " hour. The strips meet their longwave as means of the ends of a step: taken at its end"
            " alone, as an earlier version did, their walls ran 100 s ahead, 0.02 K by day.",
        ],
    )  # fmt: skip


def _street(folder: Path, white: bool) -> Case:
    """Two blocks 4 km long; under the day of the strips, or white and held hot."""
    from shapely import box

    half = 0.5 * WIDTH
    shapes = [
        box(-half - 30.0, -HALF_LENGTH, -half, HALF_LENGTH),
        box(half, -HALF_LENGTH, half + 30.0, HALF_LENGTH),
    ]
    if white:
        changes: dict[str, Any] = {
            "albedo": WHITE, "solar_transmittance": 0.0, "emissivity": 1.0 - WHITE,
            "temperature": HOT, "layers": (), "pitched": False,
        }  # fmt: skip
        series, known = make_series(dhi=200.0, sky=COLD_SKY), None
        facade, ground, physics = "solid_brick_wall", "asphalt_street", PhysicsOptions()
    else:
        changes, series, known = {}, weather(600.0, 2), KNOWN
        facade, ground, physics = "panel", "road", PhysicsOptions(wind_profile="weather_file")
    return made_case(
        folder, shapes, [HEIGHT] * 2, series, extent=(-60.0, -60.0, 60.0, 60.0),
        margin=HALF_LENGTH + 100.0, resolution=8.0, facade=facade, ground=ground, physics=physics,
        constructions=known, changes=changes,
    )  # fmt: skip


def light_rows(setting: Setting, replicates: int = 128) -> pd.DataFrame:
    """Diffuse light and longwave of all bounces on the floor of a white street, held hot."""
    case = _street(setting.folder, True)
    solver = Solver(case, setting.device)
    spots = local(case, np.column_stack([ACROSS, (0.0, 9.0)]))
    mean, error = solve(solver, plan_points(spots, "ground"), 64, replicates, full=True)
    solver.close()
    x = (np.arange(STRIPS) + 0.5) / STRIPS
    sky = np.concatenate(
        [
            [floor_view((u - 0.5) * WIDTH) for u in x],
            np.tile([wall_view(u * HEIGHT) for u in x], 2),
        ]
    )
    strip = ((np.array(ACROSS) / WIDTH + 0.5) * STRIPS).astype(int)
    noon = case.forcing.diffuse_isotropic[144:].argmax()
    falling = case.forcing.diffuse_isotropic[144:][noon]
    light = falling * (sky + radiosity(STRIPS, WHITE, WHITE * sky))
    black = (1.0 - WHITE) * STEFAN_BOLTZMANN * HOT**4
    heat = COLD_SKY * sky + radiosity(STRIPS, WHITE, black + WHITE * COLD_SKY * sky)
    rows = []
    for what, exact, column in (
        ("light", light, layout.Y_INCIDENT_SHORT), ("longwave", heat, layout.Y_INCIDENT_LONG),
    ):  # fmt: skip
        for i, place in enumerate(ACROSS):
            truth, found = exact[strip[i]], mean[i, noon, column]
            rows.append(
                {
                    "what": what,
                    "from the middle [m]": place,
                    "strips [W/m2]": truth,
                    "paths [W/m2]": found,
                    "difference [%]": 100.0 * (found / truth - 1.0),
                    "standard error [%]": 100.0 * error[i, noon, column] / truth,
                }
            )
    return pd.DataFrame(rows)


def street_rows(setting: Setting, replicates: int = 256) -> pd.DataFrame:
    """A hot day by paths and by strips, at three places on the floor and three on a wall."""
    case = _street(setting.folder, False)
    exact, _ = StreetMarch(case, SPOTS, FACING, 200.0).run(5)
    exact = exact[:, 2::3]
    solver = Solver(case, setting.device)
    floor = local(case, np.column_stack([SPOTS[:3, 0], (0.0, 15.0, -20.0)]))
    wall = np.full(3, street_wall(case))
    parts = [
        solve(solver, places, 128, replicates)
        for places in (
            plan_points(floor, "ground"),
            wall_points(wall, np.full(3, HALF_LENGTH), SPOTS[3:, 1]),
        )
    ]
    solver.close()
    mean, error = (np.concatenate([part[i] for part in parts])[..., 0] for i in range(2))
    off = mean - BASE_TEMPERATURE - exact
    names = [f"floor, {x:g} m from the middle" for x in SPOTS[:3, 0]]
    names += [f"wall, {z:g} m up" for z in SPOTS[3:, 1]]
    return pd.DataFrame(
        {
            "place": names,
            "range of the day [K]": np.ptp(exact, axis=1),
            "mean [K]": off.mean(axis=1),
            "mean by day [K]": off[:, DAYLIGHT].mean(axis=1),
            "mean by night [K]": off[:, NIGHT].mean(axis=1),
            "RMSE [K]": np.sqrt((off**2).mean(axis=1)),
            "largest [K]": np.abs(off).max(axis=1),
            "standard error [K]": error.mean(axis=1),
        }
    )
