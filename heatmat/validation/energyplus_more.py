"""Two more comparisons with EnergyPlus: a slab of metres, and a wall with a block opposite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from heatmat.construction import Construction, Layer
from heatmat.points import read_points
from heatmat.scenario import Scenario
from heatmat.validation.boxes import write_city, write_scenario
from heatmat.validation.energyplus_compare import (
    DAYS,
    MATCHED,
    OUTPUTS,
    SOLAR,
    SPIN_UP_DAYS,
    Compared,
    Days,
    run_engine,
    site_of,
    study_boxes,
    time_table,
    wall_law_alone,
)
from heatmat.validation.energyplus_model import Box, Model, Screen
from heatmat.validation.outcome import Setting

DEEP_C = 15.0
"""Below the slab [C]."""
GAP = 10.0
"""Between the wall and the block opposite [m]."""
SCREEN_ALBEDO = 0.5


def asphalt_slab(setting: Setting, day: Days) -> Compared:
    """The wall law of 1.9 m of asphalt, gravel and soil, as the roof of a cellar.

    The engine takes two-minute steps: its finite differences are slow at one.
    """
    layers = (
        Layer(0.10, 0.75, 2100.0, 920.0),
        Layer(0.30, 1.4, 1900.0, 900.0),
        Layer(1.50, 1.0, 1800.0, 1200.0),
    )
    slab = Construction("slab", "roof", layers, 0.1, 0.95, roughness="rough")
    wall = study_boxes()[0].wall
    box = Box("cellar", wall, slab)
    model = Model(
        [box], day.period, OUTPUTS, steps_per_hour=30, inside_air_c=DEEP_C, warmup_days=90
    )
    mine = dataclasses.replace(setting, folder=setting.folder / "slab")
    report = run_engine(mine, day, model, DAYS + SPIN_UP_DAYS)
    return wall_law_alone(mine, day, [box], report, sides=("roof",), indoor_c=DEEP_C)


def canyon_light(setting: Setting, day: Days) -> pd.DataFrame:
    """Light on a wall with a block opposite that shades it and reflects on it.

    Returns
    -------
    DataFrame
        For south, east and west walls: daily light on them by both, by EnergyPlus without the
        block, and by HeatMat with a black front.
    """
    wall, roof = study_boxes()[0].wall, study_boxes()[0].roof
    white = dataclasses.replace(wall, name="opposite", albedo=SCREEN_ALBEDO)
    rows = []
    for side in ("south", "east", "west"):
        mine = dataclasses.replace(setting, folder=setting.folder / f"canyon-{side}")
        box = Box("front", wall, roof)
        opposite, screen = _opposite(box, side, white, roof)
        alone = _daily(run_engine(_at(mine, "alone"), day, Model([box], day.period, (SOLAR,)), DAYS)
                       .values[box.surface(side), SOLAR])  # fmt: skip
        with_block = Model([box], day.period, (SOLAR,), screens=[screen], reflections=True)
        theirs = _daily(run_engine(mine, day, with_block, DAYS).values[box.surface(side), SOLAR])
        ours, single = (
            _light_on(mine, day, dataclasses.replace(box, wall=front), opposite, side)
            for front in (wall, dataclasses.replace(wall, name="black", albedo=0.0))
        )
        rows.append(
            {
                "wall": side,
                "EnergyPlus alone [kWh/m2]": alone,
                "EnergyPlus with the block [kWh/m2]": theirs,
                "HeatMat with the block [kWh/m2]": ours,
                "difference [%]": 100.0 * (ours / theirs - 1.0),
                "the same, front black [%]": 100.0 * (single / theirs - 1.0),
            }
        )
    return pd.DataFrame(rows)


def _light_on(setting: Setting, day: Days, box: Box, opposite: Box, side: str) -> float:
    """HeatMat's daily light on a whole wall, by squares of 2 m [kWh/m2]."""
    from heatmat.simulation import Simulation

    folder = setting.folder / box.wall.name
    folder.mkdir(parents=True, exist_ok=True)
    write_city(folder, [box, opposite], site_of(day.epw))
    path = write_scenario(
        folder / "canyon.toml",
        [box, opposite],
        time=time_table(day, 5),
        physics={**MATCHED, "ground_reflection": "traced"},
        epw=day.epw,
    )
    with Simulation(Scenario.load(path), device=setting.device, seed=setting.seed) as simulation:
        points = read_points(folder / "points.csv", crs=simulation.city.crs)
        middle = points[points["id"] == box.surface(side)].iloc[0]
        turn = np.radians(middle["azimuth_deg"] - simulation.maps.convergence_deg)
        rows = []
        for along in np.arange(-4.0, 4.1, 2.0):
            for z in np.arange(1.0, box.height, 2.0):
                x, y = middle["x"] + along * np.cos(turn), middle["y"] - along * np.sin(turn)
                rows.append({"id": f"{along:g} {z:g}", "surface": "wall", "x": x, "y": y, "z": z,
                             "azimuth_deg": middle["azimuth_deg"]})  # fmt: skip
        frame = simulation.query(
            pd.DataFrame(rows), resolution=2.0, target_error=0.1
        ).to_dataframe()
    return _daily(frame["incident_shortwave_w_m2"].to_numpy())


def _at(setting: Setting, name: str) -> Setting:
    return dataclasses.replace(setting, folder=setting.folder / name)


def _daily(power: np.ndarray) -> float:
    """Mean W/m2 over the compared days as kWh/m2 a day."""
    return float(power.mean()) * 24.0 / 1000.0


def _opposite(box: Box, side: str, wall: Construction, roof: Construction) -> tuple[Box, Screen]:
    """A block as long as the box on the other side of the gap, and its face for the engine."""
    east, north = {"south": (0.0, -1.0), "east": (1.0, 0.0), "west": (-1.0, 0.0)}[side]
    away = box.side + GAP
    other = dataclasses.replace(
        box, name="opposite", wall=wall, roof=roof, centre=(east * away, north * away)
    )
    # Its face towards the box: seen from the box, from left to right.
    foot = 0.5 * box.side
    x, y = other.centre[0] - east * foot, other.centre[1] - north * foot
    left = (x - north * foot, y + east * foot)
    right = (x + north * foot, y - east * foot)
    return other, Screen("opposite", left, right, box.height, SCREEN_ALBEDO)
