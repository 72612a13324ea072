"""What moves a street's temperatures: one choice at a time, by how much."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from heatmat.validation.outcome import Outcome, Setting
from heatmat.validation.toml_text import tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STOREY = 3.2
STOREYS = 5
WIDTH = 15.0
LENGTH = 120.0
DEPTH = 12.0
DAY = "2023-07-14"

BASE: dict[str, dict[str, Any]] = {
    "city": {
        "buildings": "street.geojson", "resolution_m": 2.0, "margin_m": 40.0,
        "default_facade": "solid_brick_wall",
    },
    "weather": {
        "clear_sky": {
            "date": DAY, "tmax_c": 32.0, "tmin_c": 19.0, "wind_m_s": 2.5, "dew_point_c": 14.0,
            "linke_turbidity": 3.5, "utc_offset_h": 1.0,
        }
    },
    "time": {
        "start": f"{DAY}T00:00", "end": "2023-07-15T00:00", "step_min": 10, "output_step_min": 60,
        "spin_up_days": 3,
    },
    "physics": {},
    "solver": {"target_error_k": 0.05, "max_rays": 8192},
}  # fmt: skip

CHOICES: dict[str, list[tuple[str, str, str, Any]]] = {
    "convection": [
        ("doe-2", "physics", "convection", "doe-2"),
        ("mowitt", "physics", "convection", "mowitt"),
        ("4 + 4 v", "physics", "convection", "linear"),
    ],
    "wind of the weather file": [
        ("1 m/s", "weather", "wind_m_s", 1.0),
        ("5 m/s", "weather", "wind_m_s", 5.0),
    ],
    "wind in the street": [
        ("as at the station", "physics", "wind_profile", "weather_file"),
        ("power law", "physics", "wind_profile", "power_law"),
    ],
    "sky, longwave": [
        ("Martin-Berdahl", "physics", "longwave_sky", "martin_berdahl"),
        ("sky and air split", "physics", "longwave_sky", "sky_air_split"),
    ],
    "sky, diffuse light": [("isotropic", "physics", "sky_diffuse", "isotropic")],
    "indoor air": [
        ("18 C", "physics", "indoor_temperature_c", 18.0),
        ("26 C", "physics", "indoor_temperature_c", 26.0),
    ],
    "facade": [
        ("light render, insulated", "city", "default_facade", "insulated_render_wall"),
        ("concrete", "city", "default_facade", "concrete_wall"),
        ("curtain wall", "city", "default_facade", "glass_curtain_wall"),
    ],
    "height": [
        ("a storey less", "street", "storeys", STOREYS - 1),
        ("a storey more", "street", "storeys", STOREYS + 1),
    ],
}
"""One choice at a time: what it concerns, its name, where it stands, and its value."""


def write_street(folder: Path, storeys: int) -> None:
    """Two rows of houses along a street that runs from north to south, in UTM zone 33."""
    x0, y0 = 600000.0, 5340000.0
    features = []
    for name, west in (("west", -0.5 * WIDTH - DEPTH), ("east", 0.5 * WIDTH)):
        ring = [
            (x0 + west, y0), (x0 + west + DEPTH, y0), (x0 + west + DEPTH, y0 + LENGTH),
            (x0 + west, y0 + LENGTH), (x0 + west, y0),
        ]  # fmt: skip
        features.append(
            {
                "type": "Feature",
                "properties": {"id": name, "height": STOREY * storeys},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    collection = {"type": "FeatureCollection", "crs": crs, "features": features}
    (folder / "street.geojson").write_text(json.dumps(collection))


def probes() -> pd.DataFrame:
    """Both walls low and high, and the street's middle and sides, half way along."""
    x0, y = 600000.0, 5340000.0 + 0.5 * LENGTH
    rows = []
    for side, sign in (("west", -1.0), ("east", 1.0)):
        for z in (1.5, 12.0):
            rows.append(
                {
                    "id": f"{side} wall {z:g} m", "surface": "wall", "x": x0 + sign * 0.5 * WIDTH,
                    "y": y, "z": z, "azimuth_deg": 90.0 if side == "west" else 270.0,
                }
            )  # fmt: skip
    for name, x in (("west side", -5.0), ("middle", 0.0), ("east side", 5.0)):
        rows.append({"id": f"ground {name}", "surface": "ground", "x": x0 + x, "y": y})
    return pd.DataFrame(rows)


def temperatures(setting: Setting, label: str, change: tuple[str, str, Any] | None) -> pd.DataFrame:
    """Walls and ground by day and by night under one choice [C].

    Parameters
    ----------
    setting : Setting
    label : str
        Folder of its files.
    change : tuple, optional
        Table, key and value that differ from `BASE`.
    """
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

    folder = setting.folder / label.replace(" ", "-").replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    written = {name: dict(table) for name, table in BASE.items()}
    storeys = STOREYS
    if change is not None:
        table, key, value = change
        if table == "street":
            storeys = int(value)
        elif table == "weather":
            written["weather"] = {"clear_sky": {**BASE["weather"]["clear_sky"], key: value}}
        else:
            written[table][key] = value
    write_street(folder, storeys)
    (folder / "street.toml").write_text("format = 1\n" + tables(written))
    scenario = Scenario.load(folder / "street.toml")
    with Simulation(scenario, device=setting.device, seed=setting.seed) as simulation:
        frame = simulation.query(probes()).to_dataframe()
    hour = pd.to_datetime(frame["time"].str.slice(0, 19)).dt.hour
    kind = frame["surface"]
    celsius = frame["surface_temperature_c"]
    return pd.DataFrame(
        {
            f"{name} {when}": [celsius[(kind == name) & np.isin(hour, hours)].mean()]
            for name in ("wall", "ground")
            for when, hours in (("12 to 16 h", range(12, 17)), ("0 to 5 h", range(0, 6)))
        }
    )


def study(setting: Setting) -> Outcome:
    """Vary every choice alone, and draw by how much it moves the street."""
    base = temperatures(setting, "base", None)
    rows = []
    for topic, alternatives in CHOICES.items():
        for name, *change in alternatives[:1] if setting.quick else alternatives:
            setting.progress(f"{topic}: {name}")
            moved = (
                temperatures(setting, f"{topic} {name}", (change[0], change[1], change[2])) - base
            )
            rows.append({"choice": topic, "in place of the base": name, **_row(moved)})
    table = pd.DataFrame(rows)
    return Outcome(
        title="What matters",
        against="itself, one choice changed at a time",
        proves="nothing; it shows which choices a street's temperatures hang on, so that a user"
        " knows where better input pays.",
        does_not_prove="that any of the choices is right.",
        tables=[("Change of the mean temperature [K]", table)],
        figures=[_tornado(table)],
        notes=[
            f"A street {WIDTH:g} m wide from north to south between rows of {STOREYS} storeys"
            f" ({STOREY:g} m each), brick, at 48 N on a clear day in July (32 C, 2.5 m/s at"
            " 10 m in the open); four points on its walls and three on its asphalt. Base: "
            + ", ".join(f"{name} {value:.1f} C" for name, value in _row(base).items())
            + "."
        ],
    )


def _row(frame: pd.DataFrame) -> Mapping[str, float]:
    return {str(name): float(frame[name].iloc[0]) for name in frame.columns}


def _tornado(table: pd.DataFrame) -> tuple[str, Figure]:
    """Bars of every choice, the widest on top, for each surface and time of day."""
    from matplotlib.figure import Figure

    measures = list(table.columns[2:])
    figure = Figure(figsize=(11, 7), layout="constrained")
    for axes, measure in zip(figure.subplots(2, 2).ravel(), measures, strict=True):
        span = table.groupby("choice")[measure].agg(["min", "max"])
        low, high = span["min"].clip(upper=0.0), span["max"].clip(lower=0.0)
        order = (high - low).sort_values().index
        axes.barh(order, high[order], color="#d55e00")
        axes.barh(order, low[order], color="#0072b2")
        axes.axvline(0.0, color="k", lw=0.8)
        axes.set_title(measure, loc="left", fontsize=10)
        axes.set_xlabel("change of the mean [K]")
    return "Each choice alone, cooler in blue and warmer in red", figure
