"""Both sides of a comparison with EnergyPlus: the same boxes, days and faces."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from heatmat.construction import Construction, Layer
from heatmat.points import read_points
from heatmat.scenario import Scenario
from heatmat.units import KELVIN, STEFAN_BOLTZMANN
from heatmat.validation import boxes as heatmat_boxes
from heatmat.validation.energyplus_engine import Report, run
from heatmat.validation.energyplus_model import INSIDE_AIR_C, SIDES, Box, Model, Period
from heatmat.validation.outcome import Setting

FACE = "Surface Outside Face "
TEMPERATURE = FACE + "Temperature"
SOLAR = FACE + "Incident Solar Radiation Rate per Area"
BEAM = FACE + "Incident Beam Solar Radiation Rate per Area"
LONGWAVE = FACE + "Net Thermal Radiation Heat Gain Rate per Area"
FILM = FACE + "Convection Heat Transfer Coefficient"
AIR = FACE + "Outdoor Air Drybulb Temperature"
OUTPUTS = (TEMPERATURE, SOLAR, BEAM, LONGWAVE, FILM, AIR)

SPIN_UP_DAYS = 9
DAYS = 2
INCIDENT_DAYS = 4
"""Days before the compared ones over which incident fluxes are given."""
INCIDENT_STEP_MIN = 2
CLIMATES = {"Golden": "Golden", "Tampa": "Tampa", "Chicago": "Chicago"}
MATCHED = {
    "convection": "tarp",
    "wind_profile": "power_law",
    "wind_exponent": 0.14,
    "longwave_sky": "sky_air_split",
    "solar_interpolation": "linear_half_hour",
    "sun_time": "mid_step",
    "ground_reflection": "unshaded",
}
"""Options under which HeatMat makes the choices that EnergyPlus makes. The engine takes the sun at
the end of its steps of a minute: over five of them the mean is half a minute after our mid-step and
two minutes before our step's end."""
NEAR_SWITCH = np.timedelta64(30, "m")


def _layers() -> dict[str, tuple[Layer, ...]]:
    brick = Layer(0.20, 0.80, 1800.0, 840.0)
    half = dataclasses.replace(brick, thickness=0.10)
    insulation = Layer(0.10, 0.04, 30.0, 1400.0)
    return {
        "solid_brick": (brick,),
        "dense_concrete": (Layer(0.20, 1.9, 2300.0, 900.0),),
        "insulated_brick": (half, insulation, half),
        "metal_on_insulation": (Layer(0.0015, 50.0, 7800.0, 480.0), insulation),
    }


def study_boxes(full: bool = True) -> list[Box]:
    """Boxes of four constructions: light, dark, dark and turned, dark under DOE-2."""
    boxes = []
    variants = {
        "light": (0.7, 0.0, "tarp"),
        "dark": (0.2, 0.0, "tarp"),
        "turned": (0.2, 30.0, "tarp"),
        "doe2": (0.2, 0.0, "doe-2"),
    }
    for i, (name, layers) in enumerate(_layers().items()):
        for j, (variant, (albedo, turned, convection)) in enumerate(variants.items()):
            if not full and variant in ("light", "doe2"):
                continue
            wall, roof = (
                Construction(
                    f"{name}_{variant}_{kind}", kind, layers, albedo, 0.9, roughness="medium_rough"
                )
                for kind in ("wall", "roof")
            )
            boxes.append(
                Box(
                    f"{name}_{variant}", wall, roof, turned_deg=turned, convection=convection,
                    centre=(120.0 * i, 120.0 * j),
                )
            )  # fmt: skip
    return boxes


@dataclass(frozen=True)
class Days:
    """Days of one climate that are compared.

    Attributes
    ----------
    climate, sky : str
        As in ``Golden``, ``clear``.
    epw : Path
    first : datetime64[D]
        Of the `DAYS` compared, in 2001.
    """

    climate: str
    sky: str
    epw: Path
    first: np.datetime64

    @property
    def name(self) -> str:
        """For tables and folders."""
        return f"{self.climate} {self.sky}"

    @property
    def period(self) -> Period:
        """The compared days and the days before them."""
        return Period(_month_day(self.first - SPIN_UP_DAYS), _month_day(self.first + DAYS - 1))


def _month_day(day: np.datetime64) -> tuple[int, int]:
    _, month, number = str(day).split("-")
    return int(month), int(number)


def choose_days(climate: str, epw: Path) -> list[Days]:
    """The sunniest and the dullest two days of summer, and the coldest of late January.

    Parameters
    ----------
    climate : str
    epw : Path
    """
    columns = pd.read_csv(epw, skiprows=8, header=None, usecols=[6, 14])
    by_day = columns.to_numpy(float).reshape(365, 24, 2)
    beam, air = by_day[:, :, 1].sum(axis=1), by_day[:, :, 0].mean(axis=1)
    year = np.datetime64("2001-01-01")
    summer = np.arange(151, 240)  # June to late August
    winter = np.arange(12, 45)
    pairs = {
        "clear": summer[np.argmax(beam[summer] + beam[summer + 1])],
        "cloudy": summer[np.argmin(beam[summer] + beam[summer + 1])],
        "winter": winter[np.argmin(air[winter] + air[winter + 1])],
    }
    return [Days(climate, sky, epw, year + int(day)) for sky, day in pairs.items()]


def time_table(days: Days, step_min: int) -> dict[str, object]:
    """The [time] table of the compared days."""
    month, day = _month_day(days.first)
    end_month, end_day = _month_day(days.first + DAYS)
    return {
        "start": f"{month:02d}-{day:02d}T00:00",
        "end": f"{end_month:02d}-{end_day:02d}T00:00",
        "step_min": step_min,
        "output_step_min": 10,
        "spin_up_days": SPIN_UP_DAYS,
    }


def incident_rows(report: Report, emissivity: Mapping[str, float], zone: str) -> pd.DataFrame:
    """FORCING.csv of what EnergyPlus found to fall on its faces, and its film coefficients.

    Parameters
    ----------
    report : Report
    emissivity : mapping
        Of each face.
    zone : str
        Offset written behind every time.


    Notes
    -----
    Its net longwave is that of its surface temperature, so what falls in is net / eps + sigma T^4.
    """
    frames = []
    for face, eps in emissivity.items():
        value = {name: report.values[face, name] for name in OUTPUTS}
        kelvin = value[TEMPERATURE] + KELVIN
        frames.append(
            pd.DataFrame(
                {
                    "id": face,
                    "time": [f"{stamp}{zone}" for stamp in report.time],
                    "incident_shortwave_w_m2": value[SOLAR],
                    "incident_longwave_w_m2": value[LONGWAVE] / eps + STEFAN_BOLTZMANN * kelvin**4,
                    "air_temperature_c": value[AIR],
                    "h_conv_w_m2k": value[FILM],
                }
            ).iloc[1::2]
        )
    return pd.concat(frames, ignore_index=True)


@dataclass
class Compared:
    """Surface temperatures of both sides at the same stamps.

    Attributes
    ----------
    face : list of str
    ours, theirs : ndarray, shape (faces, stamps)
        [C].
    steady : ndarray of bool, shape (faces, stamps)
        No change between lit and unlit within half an hour.
    """

    face: list[str]
    ours: np.ndarray
    theirs: np.ndarray
    steady: np.ndarray

    def rmse(self, chosen: np.ndarray | None = None) -> float:
        """Root mean square difference [K] over some faces."""
        difference = self.ours - self.theirs
        if chosen is not None:
            difference = difference[chosen]
        return float(np.sqrt(np.mean(difference**2)))

    def largest(self, chosen: np.ndarray) -> float:
        """Largest difference [K] away from lit and unlit switches."""
        difference = np.where(self.steady, np.abs(self.ours - self.theirs), 0.0)
        return float(difference[chosen].max())

    def bias(self, chosen: np.ndarray) -> float:
        """Mean of ours minus theirs [K]."""
        return float((self.ours - self.theirs)[chosen].mean())


def align(frame: pd.DataFrame, report: Report) -> Compared:
    """Pair the rows of TEMPS.csv with a report, by face and time."""
    faces = list(dict.fromkeys(frame["id"]))
    ours = frame["surface_temperature_c"].to_numpy().reshape(len(faces), -1)
    stamps = frame["time"].iloc[: ours.shape[1]].str.slice(5, 19)
    own = [str(stamp)[5:] for stamp in report.time]
    at = np.array([own.index(stamp) for stamp in stamps])
    theirs = np.array([report.values[face, TEMPERATURE][at] for face in faces])
    near = int(NEAR_SWITCH / (report.time[1] - report.time[0]))
    steady = []
    for face in faces:
        lit = report.values[face, BEAM] > 0.0
        switches = np.flatnonzero(np.diff(lit.astype(int)))
        steady.append([not np.any(np.abs(switches - i) <= near) for i in at])
    return Compared(faces, ours, theirs, np.array(steady))


def run_engine(setting: Setting, days: Days, model: Model, read_days: int) -> Report:
    """EnergyPlus over the compared days and those before them, of which the last are read."""
    setting.progress(f"EnergyPlus, {days.name}")
    return run(model, days.epw, setting.folder / days.name.replace(" ", "-") / "engine", read_days)


def wall_law_alone(
    setting: Setting,
    days: Days,
    boxes: Sequence[Box],
    report: Report,
    *,
    sides: Sequence[str] = SIDES,
    indoor_c: float = INSIDE_AIR_C,
) -> Compared:
    """Its incident fluxes and coefficients through `query --incident`.

    Parameters
    ----------
    setting, days, boxes
    report : Report
        Of the engine, the days before the compared ones included.
    sides : sequence of str
        Faces that are compared.
    indoor_c : float
        Air inside [C].
    """
    from heatmat.incident import query_incident

    folder = setting.folder / days.name.replace(" ", "-")
    faces = {box.surface(side): (box, side) for box in boxes for side in sides}
    made = {face: box.roof if side == "roof" else box.wall for face, (box, side) in faces.items()}
    points = pd.DataFrame(
        {
            "id": list(faces),
            "surface": ["roof" if side == "roof" else "wall" for _, side in faces.values()],
            "construction": [item.name for item in made.values()],
        }
    )
    points.to_csv(folder / "incident-points.csv", index=False)
    emissivity = {face: item.emissivity for face, item in made.items()}
    rows = incident_rows(report, emissivity, "+00:00")
    rows.to_csv(folder / "incident.csv", index=False)
    time = time_table(days, INCIDENT_STEP_MIN)
    time |= {key: f"2001-{time[key]}:00+00:00" for key in ("start", "end")}
    scenario = Scenario.load(
        heatmat_boxes.write_scenario(
            folder / "incident.toml", boxes, time=time, physics={"indoor_temperature_c": indoor_c}
        )
    )
    frame = query_incident(
        scenario,
        read_points(folder / "incident-points.csv", positions=False),
        folder / "incident.csv",
    )
    return align(frame, report)


def from_the_weather_file(
    setting: Setting,
    days: Days,
    boxes: Sequence[Box],
    report: Report,
    physics: dict[str, object],
    *,
    label: str,
    step_min: int = 10,
    ground: str = heatmat_boxes.GROUND,
) -> Compared:
    """HeatMat's whole way, from the weather file to faces in a city.

    Parameters
    ----------
    setting, days, boxes, report
        As elsewhere.
    physics : dict
        The [physics] table.
    label : str
        Folder of its files.
    step_min : int
    ground : str
        Construction of all ground.
    """
    from heatmat.simulation import Simulation

    setting.progress(f"HeatMat, {days.name}, {label}")
    folder = setting.folder / days.name.replace(" ", "-") / label.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    heatmat_boxes.write_city(folder, boxes, site_of(days.epw))
    frames = []
    for convection in sorted({box.convection for box in boxes}):
        path = heatmat_boxes.write_scenario(
            folder / f"{convection}.toml",
            boxes,
            time=time_table(days, step_min),
            physics={"indoor_temperature_c": INSIDE_AIR_C, **physics, "convection": convection},
            epw=days.epw,
            ground=ground,
        )
        scenario = Scenario.load(path)
        with Simulation(scenario, device=setting.device, seed=setting.seed) as simulation:
            points = read_points(folder / "points.csv", crs=simulation.city.crs)
            mine = [
                f for box in boxes if box.convection == convection for f in map(box.surface, SIDES)
            ]
            points = points[points["id"].isin(mine)].reset_index(drop=True)
            frames.append(simulation.query(points).to_dataframe())
    return align(pd.concat(frames, ignore_index=True), report)


def site_of(epw: Path) -> tuple[float, float]:
    """Longitude and latitude of a weather file [deg]."""
    with epw.open() as stream:
        fields = stream.readline().split(",")
    return float(fields[7]), float(fields[6])
