"""What must not change when a city is turned, tilted to the sun, or drawn on another map."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.physics import PhysicsOptions
from heatmat.solver import Solver
from heatmat.validation.block import CRS, ORIGIN, SCENARIO, block_shapes, write_buildings
from heatmat.validation.made_case import local, made_case, plan_points, solve, wall_points
from heatmat.validation.outcome import Setting
from heatmat.validation.slab_march import DAY, make_series
from heatmat.validation.toml_text import tables

ANGLES = (17.0, 30.0, 45.0)
SPOTS = {
    "courtyard": (-3.0, -1.0), "street": (27.0, -3.0), "roof": (-15.0, 10.0),
    "west wall": (-20.0, 9.0), "south wall": (2.0, -15.0), "east wall": (20.0, 3.0),
    "court's south wall": (1.0, -6.0),
}  # fmt: skip
"""Of the block of `heatmat.validation.block` [m]; walls at half their height."""
WALL_HEIGHT = 6.0
PITCH, ROOF_AZIMUTHS = 30.0, (0.0, 17.0, 45.0, 180.0)
SYSTEMS = {CRS: "UTM zone 33", "EPSG:3035": "ETRS89 equal area (LAEA)"}


def rotation_rows(setting: Setting, replicates: int) -> pd.DataFrame:
    """The block turned with its sun and its wind, hour by hour, against the block as it was."""
    base, error = _turned_block(setting, 0.0, replicates)
    rows = []
    for angle in ANGLES:
        mean, sigma = _turned_block(setting, angle, replicates)
        off = np.abs(mean - base)
        for i, name in enumerate(SPOTS):
            rows.append(
                {
                    "turned [deg]": angle,
                    "place": name,
                    "range of the day [K]": float(np.ptp(base[i])),
                    "largest difference [K]": float(off[i].max()),
                    "RMS difference [K]": float(np.sqrt((off[i] ** 2).mean())),
                    "standard error [K]": float(np.sqrt((sigma[i] ** 2 + error[i] ** 2).mean())),
                }
            )
    return pd.DataFrame(rows)


def _turned_block(setting: Setting, angle: float, replicates: int) -> tuple[np.ndarray, np.ndarray]:
    """Hourly temperatures and standard errors at `SPOTS`."""
    from shapely import affinity

    shapes, heights = block_shapes()
    case = made_case(
        setting.folder,
        [affinity.rotate(shape, -angle, origin=(0, 0)) for shape in shapes],
        heights,
        turned_forcing(angle),
        extent=(-60.0, -60.0, 60.0, 60.0),
        physics=PhysicsOptions(),
    )
    turn = np.radians(angle)
    c, s = np.cos(turn), np.sin(turn)
    at = local(case, np.array(list(SPOTS.values())) @ np.array([[c, -s], [s, c]]))
    solver = Solver(case, setting.device)
    walls = np.array(["wall" in name for name in SPOTS])
    facade, along = _on_walls(case, at[walls])
    parts = [
        solve(solver, plan_points(at[~walls]), 64, replicates),
        solve(solver, wall_points(facade, along, np.full(along.size, WALL_HEIGHT)), 64, replicates),
    ]
    solver.close()
    hourly = slice(5, None, 6)
    mean, error = (np.concatenate([part[i] for part in parts])[:, hourly, 0] for i in range(2))
    return mean, error


def turned_forcing(angle: float) -> Forcing:
    """A clear day whose sun and wind are turned clockwise by `angle` degrees."""
    series = make_series(
        air=lambda t: BASE_TEMPERATURE + 8.0 - 6.0 * np.cos(2.0 * np.pi * (t - 7200.0) / DAY),
        sky=330.0, dni=750.0, dhi=120.0, wind=3.0, wind_direction=240.0 + angle,
        indoor=BASE_TEMPERATURE + 7.0, deep=BASE_TEMPERATURE - 2.0,
    )  # fmt: skip
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    sun = series.sun_direction
    east, north = c * sun[:, 0] + s * sun[:, 1], c * sun[:, 1] - s * sun[:, 0]
    return dataclasses.replace(series, sun_direction=np.column_stack([east, north, sun[:, 2]]))


def _on_walls(case: Case, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Facades at places in plan, and how far along them the places are."""
    ab = case.maps.facade_ab.astype(float)
    along = ab[:, 2:] - ab[:, :2]
    length = np.hypot(*along.T)
    unit = along / length[:, None]
    facade, s = np.zeros(len(at), int), np.zeros(len(at))
    for i, place in enumerate(at):
        offset = place - ab[:, :2]
        distance = (offset * unit).sum(axis=1)
        away = np.abs(offset[:, 0] * unit[:, 1] - offset[:, 1] * unit[:, 0])
        away = np.where((distance > 0.0) & (distance < length), away, np.inf)
        facade[i] = int(np.argmin(away))
        s[i] = distance[facade[i]]
    return facade, s


def roof_rows(setting: Setting) -> pd.DataFrame:
    """Beam absorbed by roofs of 30 degrees, all day, against the cosine of its incidence."""
    from shapely import affinity, box

    side, far = 10.0, 150.0
    rise = side * np.tan(np.radians(PITCH))
    convergence = _convergence()
    shapes, places = [], []
    for i, azimuth in enumerate(ROOF_AZIMUTHS):
        plan = affinity.rotate(box(-5, -5, 5, 5), -(azimuth - convergence), origin=(0, 0))
        places.append((far * (i % 2), far * (i // 2)))
        shapes.append(affinity.translate(plan, *places[-1]))
    n = len(shapes)
    case = made_case(
        setting.folder, shapes, [6.0 + rise] * n, make_series(dni=800.0),
        extent=(-60.0, -60.0, far + 60.0, far + 60.0),
        changes={"albedo": 0.0, "solar_transmittance": 0.0},
        columns={
            "roof:shape": ["skillion"] * n, "roof:height": [rise] * n,
            "roof:direction": list(ROOF_AZIMUTHS),
        },
    )  # fmt: skip
    solver = Solver(case, setting.device)
    at = local(case, np.array(places))
    mean, _ = solve(solver, plan_points(at, "roof"), 8, 2, full=True)
    solver.close()
    first = case.forcing.spin_up_steps
    sun, beam = case.forcing.sun_direction[first:], case.forcing.beam_normal[first:]
    rows = []
    for i, azimuth in enumerate(ROOF_AZIMUTHS):
        up, across = np.cos(np.radians(PITCH)), np.sin(np.radians(PITCH))
        normal = [across * np.sin(np.radians(azimuth)), across * np.cos(np.radians(azimuth)), up]
        cosine = sun @ np.array(normal)
        # Lower suns see the other roofs, 150 m away.
        told = (cosine > 0.1) & (sun[:, 2] > 0.1) & (beam > 0.0)
        found = mean[i, told, layout.Y_SHORTWAVE] / beam[told]
        dark = (cosine < -0.01) & (beam > 0.0)
        rows.append(
            {
                "azimuth [deg]": azimuth,
                "steps": int(told.sum()),
                "largest difference [%]": float(100.0 * np.abs(found / cosine[told] - 1.0).max()),
                "light from behind [W/m2]": float(
                    np.abs(mean[i, dark, layout.Y_SHORTWAVE]).max(initial=0.0)
                ),
            }
        )
    return pd.DataFrame(rows)


def _convergence() -> float:
    """True azimuth less grid azimuth at `ORIGIN` [deg]."""
    from pyproj import Proj

    proj = Proj(CRS)
    lon, lat = proj(*ORIGIN, inverse=True)
    return float(proj.get_factors(lon, lat).meridian_convergence)


def system_rows(setting: Setting, rays: int) -> pd.DataFrame:
    """Walls of the block in two projected systems whose norths are degrees apart."""
    found = {name: _in_system(setting, name, rays) for name in SYSTEMS}
    first, second = found.values()
    off = first["c"] - second["c"]
    return pd.DataFrame(
        [
            {
                "wall": name,
                "largest difference [K]": float(np.abs(off[i]).max()),
                "RMS difference [K]": float(np.sqrt((off[i] ** 2).mean())),
                "standard error [K]": float(
                    np.sqrt((first["se"][i] ** 2 + second["se"][i] ** 2).mean())
                ),
                "norths apart [deg]": abs(first["north"] - second["north"]),
            }
            for i, name in enumerate(first["id"])
        ]
    )


def _in_system(setting: Setting, crs: str, rays: int) -> dict[str, Any]:
    from pyproj import Transformer
    from shapely import transform

    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

    folder = setting.folder / crs.replace(":", "-")
    folder.mkdir(exist_ok=True)
    degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    shapes, heights = block_shapes()

    def turn(xy: np.ndarray) -> np.ndarray:
        moved = xy + np.array(ORIGIN)
        return np.column_stack(degrees.transform(moved[:, 0], moved[:, 1]))

    write_buildings(
        folder / "block.geojson", [transform(shape, turn) for shape in shapes], heights,
        "urn:ogc:def:crs:OGC:1.3:CRS84", (0.0, 0.0),
    )  # fmt: skip
    x, y = Transformer.from_crs(CRS, crs, always_xy=True).transform(*ORIGIN)
    city = {
        **SCENARIO["city"], "crs": crs, "extent": [x - 60.0, y - 60.0, x + 60.0, y + 60.0],
    }  # fmt: skip
    path = folder / "block.toml"
    path.write_text("format = 1\n" + tables({**SCENARIO, "city": city}))
    return _walls_of(setting, path, turn, rays, Scenario, Simulation)


def _walls_of(
    setting: Setting, path: Path, turn: Any, rays: int, scenario: Any, simulation: Any
) -> dict[str, Any]:
    """Hourly temperatures of the block's walls, found by longitude and latitude."""
    walls = {name: xy for name, xy in SPOTS.items() if "wall" in name}
    lonlat = turn(np.array(list(walls.values())))
    points = pd.DataFrame(
        {
            "id": list(walls), "surface": "wall", "lon": lonlat[:, 0], "lat": lonlat[:, 1],
            "z": WALL_HEIGHT,
        }
    )  # fmt: skip
    with simulation(scenario.load(path), device=setting.device, seed=setting.seed) as asked:
        frame = asked.query(points, target_error=0.0, max_rays=rays).to_dataframe()
        north = asked.maps.convergence_deg
    shape = (len(walls), -1)
    return {
        "id": list(walls), "north": north,
        "c": frame["surface_temperature_c"].to_numpy().reshape(shape),
        "se": frame["standard_error_k"].to_numpy().reshape(shape),
    }  # fmt: skip
