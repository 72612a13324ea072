"""Models of free-standing boxes for the EnergyPlus engine, written by us.

EnergyPlus describes a building with far more than a surface needs. Everything here that is not a
surface holds the inside boundary simple: air at one temperature by an ideal system, a fixed inside
film, and a lining that exchanges no radiation. What is left to compare is the outside face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from heatmat.construction import Construction, Layer

INSIDE_AIR_C = 22.0
"""Air inside the boxes [C]."""

LINING = Layer(0.001, 1.0, 100.0, 1000.0)
"""Lining of the inside face. It has a little mass: behind a massless one the engine's transfer
functions do not converge at steps of a minute."""

ROUGHNESS = {
    "very_rough": "VeryRough",
    "rough": "Rough",
    "medium_rough": "MediumRough",
    "medium_smooth": "MediumSmooth",
    "smooth": "Smooth",
    "very_smooth": "VerySmooth",
}
SIDES = ("south", "east", "north", "west", "roof")
"""Outside faces of a box, in the order of its walls before it is turned."""
SIDE_AZIMUTH = {"south": 180.0, "east": 90.0, "north": 0.0, "west": 270.0}


MASSIVE = 150e3
"""Heat capacity above which a construction counts as massive [J m-2 K-1]."""


def is_massive(construction: Construction) -> bool:
    """Whether heat capacity, not insulation or metal, rules the surface temperature."""
    return construction.heat_capacity > MASSIVE


@dataclass(frozen=True)
class Box:
    """A free-standing box on the ground.

    Attributes
    ----------
    name : str
        Without spaces.
    wall, roof : Construction
        Of all four walls, and of the roof.
    side, height : float
        Of the square plan, and up [m].
    turned_deg : float
        Clockwise from true north: 0 has walls facing south, east, north and west.
    convection : str
        ``tarp`` or ``doe-2``.
    centre : tuple of float
        East and north [m].
    """

    name: str
    wall: Construction
    roof: Construction
    side: float = 10.0
    height: float = 6.0
    turned_deg: float = 0.0
    convection: str = "tarp"
    centre: tuple[float, float] = (0.0, 0.0)

    def corners(self) -> list[tuple[float, float]]:
        """South-west, south-east, north-east and north-west corners before turning [m]."""
        h, a = 0.5 * self.side, math.radians(-self.turned_deg)
        turned = [
            (x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a))
            for x, y in ((-h, -h), (h, -h), (h, h), (-h, h))
        ]
        return [(self.centre[0] + x, self.centre[1] + y) for x, y in turned]

    def surface(self, side: str) -> str:
        """Name of one of its faces."""
        return f"{self.name}_{side}".upper()

    def azimuth_deg(self, side: str) -> float:
        """Outward azimuth of a wall [deg clockwise from true north]."""
        return (SIDE_AZIMUTH[side] + self.turned_deg) % 360.0


@dataclass(frozen=True)
class Screen:
    """An upright rectangle that shades and reflects.

    Attributes
    ----------
    name : str
    start, end : tuple of float
        Its foot, seen from the front with the start on the left [m east, north].
    height : float
    albedo : float
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    height: float
    albedo: float


@dataclass(frozen=True)
class Period:
    """Days to run.

    Attributes
    ----------
    first, last : tuple of int
        Month and day, both included.
    """

    first: tuple[int, int]
    last: tuple[int, int]


@dataclass
class Model:
    """What one run of the engine simulates.

    Attributes
    ----------
    boxes : sequence of Box
    period : Period
    outputs : sequence of str
        EnergyPlus' own names of the output variables.
    screens : sequence of Screen
    steps_per_hour : int
    transfer_functions : bool
        Conduction of massive constructions by the engine's default method, which leads in time by
        about a step and fails on slabs of metres; else by its finite differences. Thin metal always
        goes by transfer functions: the finite differences refuse it.
    reflections : bool
        Light reflected by screens, and the boxes' own shadows on the ground.
    inside_air_c : float
    """

    boxes: Sequence[Box]
    period: Period
    outputs: Sequence[str]
    screens: Sequence[Screen] = ()
    steps_per_hour: int = 60
    transfer_functions: bool = False
    reflections: bool = False
    inside_air_c: float = INSIDE_AIR_C
    warmup_days: int = 6
    inside_film: dict[str, float] = field(default_factory=lambda: {"wall": 7.69, "roof": 5.88})

    def epjson(self) -> dict[str, Any]:
        """The model in the engine's input format."""
        whole: dict[str, Any] = {}
        for part in (self._settings(), self._inside(), self._constructions(), self._outputs()):
            whole.update(part)
        surfaces: dict[str, Any] = {}
        films: dict[str, Any] = {}
        for box in self.boxes:
            for name, surface in _surfaces(box).items():
                surfaces[name] = surface
                if surface["outside_boundary_condition"] == "Outdoors":
                    kind = "roof" if surface["surface_type"] == "Roof" else "wall"
                    films[f"film {name}"] = {
                        "surface_name": name,
                        "convection_coefficient_1_location": "Inside",
                        "convection_coefficient_1_type": "Value",
                        "convection_coefficient_1": self.inside_film[kind],
                    }
        whole["BuildingSurface:Detailed"] = surfaces
        whole["SurfaceProperty:ConvectionCoefficients"] = films
        if self.screens:
            whole.update(_screens(self.screens))
        return whole

    def _settings(self) -> dict[str, Any]:
        whole = "FullExteriorWithReflections" if self.reflections else "FullExterior"
        first, last = self.period.first, self.period.last
        return {
            "Version": {"v": {"version_identifier": "25.2"}},
            "SimulationControl": {
                "control": {
                    "run_simulation_for_sizing_periods": "No",
                    "run_simulation_for_weather_file_run_periods": "Yes",
                }
            },
            "Building": {
                "boxes": {
                    "north_axis": 0.0,
                    "terrain": "Country",
                    "solar_distribution": whole,
                    "maximum_number_of_warmup_days": max(25, self.warmup_days),
                    "minimum_number_of_warmup_days": self.warmup_days,
                    "temperature_convergence_tolerance_value": 0.01,
                    "loads_convergence_tolerance_value": 0.01,
                }
            },
            "GlobalGeometryRules": {
                "rules": {
                    "starting_vertex_position": "LowerLeftCorner",
                    "vertex_entry_direction": "Counterclockwise",
                    "coordinate_system": "World",
                }
            },
            "Timestep": {"t": {"number_of_timesteps_per_hour": self.steps_per_hour}},
            "HeatBalanceAlgorithm": {"h": {"algorithm": "ConductionTransferFunction"}},
            "ShadowCalculation": {"s": {"shading_calculation_update_frequency_method": "Timestep"}},
            "Site:GroundReflectance": {
                "g": {f"{month}_ground_reflectance": 0.2 for month in _MONTHS}
            },
            "RunPeriod": {
                "run": {
                    "begin_month": first[0],
                    "begin_day_of_month": first[1],
                    "end_month": last[0],
                    "end_day_of_month": last[1],
                    "use_weather_file_daylight_saving_period": "No",
                    "use_weather_file_holidays_and_special_days": "No",
                    "use_weather_file_rain_indicators": "No",
                    "use_weather_file_snow_indicators": "No",
                }
            },
        }

    def _inside(self) -> dict[str, Any]:
        """Zones whose air an ideal system holds at one temperature."""
        parts: dict[str, Any] = {
            "Zone": {},
            "ZoneControl:Thermostat": {},
            "ZoneHVAC:IdealLoadsAirSystem": {},
            "ZoneHVAC:EquipmentConnections": {},
            "ZoneHVAC:EquipmentList": {},
            "Schedule:Constant": {
                "inside air": {"hourly_value": self.inside_air_c},
                "dual": {"hourly_value": 4},
            },
            "ThermostatSetpoint:DualSetpoint": {
                "setpoint": {
                    "heating_setpoint_temperature_schedule_name": "inside air",
                    "cooling_setpoint_temperature_schedule_name": "inside air",
                }
            },
        }
        for box in self.boxes:
            zone = box.name
            words = {"tarp": "TARP", "doe-2": "DOE-2"}
            parts["Zone"][zone] = {"zone_outside_convection_algorithm": words[box.convection]}
            parts["ZoneControl:Thermostat"][f"{zone} thermostat"] = {
                "zone_or_zonelist_name": zone,
                "control_type_schedule_name": "dual",
                "control_1_object_type": "ThermostatSetpoint:DualSetpoint",
                "control_1_name": "setpoint",
            }
            parts["ZoneHVAC:IdealLoadsAirSystem"][f"{zone} ideal"] = {
                "zone_supply_air_node_name": f"{zone} supply"
            }
            parts["ZoneHVAC:EquipmentList"][f"{zone} list"] = {
                "equipment": [
                    {
                        "zone_equipment_object_type": "ZoneHVAC:IdealLoadsAirSystem",
                        "zone_equipment_name": f"{zone} ideal",
                        "zone_equipment_cooling_sequence": 1,
                        "zone_equipment_heating_or_no_load_sequence": 1,
                    }
                ]
            }
            parts["ZoneHVAC:EquipmentConnections"][f"{zone} nodes"] = {
                "zone_name": zone,
                "zone_conditioning_equipment_list_name": f"{zone} list",
                "zone_air_inlet_node_or_nodelist_name": f"{zone} supply",
                "zone_air_node_name": f"{zone} air",
                "zone_return_air_node_or_nodelist_name": f"{zone} return",
            }
        return parts

    def _constructions(self) -> dict[str, Any]:
        used: dict[str, Construction] = {}
        for box in self.boxes:
            used[box.wall.name], used[box.roof.name] = box.wall, box.roof
        unseen = {
            "roughness": "Smooth",
            "thermal_absorptance": 1e-5,
            "solar_absorptance": 1e-5,
            "visible_absorptance": 1e-5,
        }
        materials: dict[str, Any] = {"lining": {**_material(LINING), **unseen}}
        massless: dict[str, Any] = {"floor": {"thermal_resistance": 10.0, **unseen}}
        constructions: dict[str, Any] = {"floor": {"outside_layer": "floor"}}
        for item in used.values():
            names = []
            for i, layer in enumerate(item.layers):
                names.append(f"{item.name} {i}")
                surface = {
                    "roughness": ROUGHNESS[item.roughness],
                    "thermal_absorptance": item.emissivity,
                    "solar_absorptance": 1.0 - item.albedo,
                    "visible_absorptance": 1.0 - item.albedo,
                }
                if layer.resistance > 0.0:
                    massless[names[-1]] = {"thermal_resistance": layer.resistance, **surface}
                else:
                    materials[names[-1]] = {**_material(layer), **surface}
            names.append("lining")
            keys = ["outside_layer", *(f"layer_{i}" for i in range(2, len(names) + 1))]
            constructions[item.name] = dict(zip(keys, names, strict=True))
        parts = {"Material": materials, "Material:NoMass": massless, "Construction": constructions}
        if not self.transfer_functions:
            parts["SurfaceProperty:HeatTransferAlgorithm:Construction"] = {
                f"{item.name} conduction": {
                    "algorithm": "ConductionFiniteDifference",
                    "construction_name": item.name,
                }
                for item in used.values()
                if is_massive(item)
            }
        return parts

    def _outputs(self) -> dict[str, Any]:
        return {
            "Output:SQLite": {"s": {"option_type": "Simple"}},
            "Output:Variable": {
                name: {"variable_name": name, "reporting_frequency": "Timestep"}
                for name in self.outputs
            },
        }


def _material(layer: Layer) -> dict[str, float]:
    return {
        "thickness": layer.thickness,
        "conductivity": layer.thermal_conductivity,
        "density": layer.density,
        "specific_heat": layer.specific_heat,
    }


_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip


def _vertices(points: Sequence[tuple[float, float, float]]) -> list[dict[str, float]]:
    keys = ("vertex_x_coordinate", "vertex_y_coordinate", "vertex_z_coordinate")
    return [dict(zip(keys, point, strict=True)) for point in points]


def _surfaces(box: Box) -> dict[str, Any]:
    """Four walls, a roof and an adiabatic floor."""
    corners, top = box.corners(), box.height
    faces: dict[str, Any] = {}
    for i, side in enumerate(SIDES[:4]):
        (ax, ay), (bx, by) = corners[i], corners[(i + 1) % 4]
        ring = [(ax, ay, 0.0), (bx, by, 0.0), (bx, by, top), (ax, ay, top)]
        faces[box.surface(side)] = _outdoors("Wall", box, box.wall.name, ring)
    ring = [(x, y, top) for x, y in corners]
    faces[box.surface("roof")] = _outdoors("Roof", box, box.roof.name, ring)
    floor = _outdoors("Floor", box, "floor", [(x, y, 0.0) for x, y in reversed(corners)])
    floor |= {
        "outside_boundary_condition": "Adiabatic",
        "sun_exposure": "NoSun",
        "wind_exposure": "NoWind",
    }
    faces[box.surface("floor")] = floor
    return faces


def _outdoors(
    kind: str, box: Box, construction: str, ring: Sequence[tuple[float, float, float]]
) -> dict[str, Any]:
    return {
        "surface_type": kind,
        "construction_name": construction,
        "zone_name": box.name,
        "outside_boundary_condition": "Outdoors",
        "sun_exposure": "SunExposed",
        "wind_exposure": "WindExposed",
        "vertices": _vertices(ring),
    }


def _screens(screens: Sequence[Screen]) -> dict[str, Any]:
    shading, reflectance = {}, {}
    for screen in screens:
        (ax, ay), (bx, by) = screen.start, screen.end
        ring = [(ax, ay, 0.0), (bx, by, 0.0), (bx, by, screen.height), (ax, ay, screen.height)]
        shading[screen.name] = {"vertices": _vertices(ring)}
        reflectance[f"{screen.name} light"] = {
            "shading_surface_name": screen.name,
            "diffuse_solar_reflectance_of_unglazed_part_of_shading_surface": screen.albedo,
            "diffuse_visible_reflectance_of_unglazed_part_of_shading_surface": screen.albedo,
        }
    return {"Shading:Building:Detailed": shading, "ShadingProperty:Reflectance": reflectance}
