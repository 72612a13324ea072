"""Case to device: constructions, physics and the forcing of a chunk as kernels read them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import Chunk, TimePlan, to_grid
from heatmat.conduction import REFERENCE_FILM, exponential_coefficients
from heatmat.humid_air import priestley_taylor_factor
from heatmat.kernels import layout
from heatmat.kernels.receive import physics_vector, switches_vector
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.units import STEFAN_BOLTZMANN

if TYPE_CHECKING:
    from heatmat.reference_classes import ReferenceClasses


@dataclass
class ChunkForcing:
    """Device arrays of one chunk.

    Attributes
    ----------
    series : ti.Ndarray, shape (layout.FORCING_ROWS, steps + 2)
    free : ti.Ndarray, shape (constructions, steps + 2)
    classes : ti.Ndarray, shape (classes, 1, 1)
        Mean temperatures over the first day.
    class_hours : ti.Ndarray, shape (classes, hours + 1)
        Temperatures at the ends of hours.
    node_of_step, out_of_step : ti.Ndarray, shape (steps + 2,)
    hours : ti.Ndarray, shape (layout.FORCING_ROWS, hours + 1)
        Hours as later vertices march them: steps are means, stamps those at their ends.
    sun : ti.Ndarray, shape (4, steps + steps ahead + 1)
        Beam and sun of every step of these hours, the first rows of the forcing.
    hour_free : ti.Ndarray, shape (constructions, hours + 1)
    hour_lit : ti.Ndarray, shape (hours + 2,)
    """

    series: ti.Ndarray
    free: ti.Ndarray
    classes: ti.Ndarray
    class_hours: ti.Ndarray
    node_of_step: ti.Ndarray
    out_of_step: ti.Ndarray
    hours: ti.Ndarray
    sun: ti.Ndarray
    hour_free: ti.Ndarray
    hour_lit: ti.Ndarray


class DeviceTables:
    """Constructions and physics on the device; forcing by chunk, kept once made."""

    def __init__(self, case: Case, plan: TimePlan) -> None:
        self.case = case
        self.plan = plan
        self.modes, self.properties = self._march(case.forcing.step)
        self.hour_modes, self.hour_properties = self._march(
            case.forcing.step * plan.chunks[0].hours.steps
        )
        entries, shares = case.composition_arrays()
        self.entries, self.shares = to_device(entries), to_device(shares.astype(np.float32))
        self.physics, self.switches, self.hour_switches = self._physics()
        self.free = np.stack(
            [case.free_series(i, plan.origin) for i in range(len(case.constructions.names))]
        )
        self._chunks: dict[int, ChunkForcing] = {}

    def _march(self, step: float) -> tuple[ti.Ndarray, ti.Ndarray]:
        """Mode coefficients and properties for a march in these steps [s]."""
        table = self.case.constructions
        decay, constant, rise = exponential_coefficients(table.rate, table.gain, step)
        day = np.exp(-table.rate * self.case.forcing.step * self.plan.day)
        lag = 1.0 / (table.rate * step)
        modes = np.concatenate([decay, constant, rise, table.gain, day, lag], axis=1)
        # What is next to nothing is nothing: subnormal numbers are slow.
        modes[np.abs(modes) < 1e-20] = 0.0
        return to_device(modes.astype(np.float32)), to_device(self._properties(rise))

    def _properties(self, rise: np.ndarray) -> np.ndarray:
        table = self.case.constructions
        rows = np.zeros((len(table.names), layout.CONSTRUCTION_FLOATS), np.float32)
        rows[:, layout.C_ALBEDO] = table.albedo
        rows[:, layout.C_ABSORPTANCE] = 1.0 - table.albedo - table.transmittance
        rows[:, layout.C_EMISSIVITY] = table.emissivity
        rows[:, layout.C_DIRECT] = table.direct
        rows[:, layout.C_FILM] = REFERENCE_FILM
        rows[:, layout.C_ROUGHNESS] = table.roughness
        rows[:, layout.C_MOISTURE] = table.moisture
        if table.irrigation is not None:
            rows[:, layout.C_WATERED : layout.C_WATER_TO + 1] = table.irrigation
        rows[:, layout.C_HELD] = table.held
        rows[:, layout.C_HELD_VALUE] = table.held_temperature - BASE_TEMPERATURE
        rows[:, layout.C_RISE_GAIN] = rise.sum(axis=1) + table.direct
        rows[:, layout.C_STEADY_GAIN] = table.gain.sum(axis=1) + table.direct
        return rows

    def _physics(self) -> tuple:
        physics = self.case.physics
        model = physics.convection
        mode = int(model[0])
        numbers = np.zeros(layout.PHYSICS_FLOATS, np.float32)
        numbers[layout.P_UNSTABLE], numbers[layout.P_UNSTABLE_BASE] = model[5], model[6]
        numbers[layout.P_STABLE], numbers[layout.P_STABLE_BASE] = model[7], model[8]
        numbers[layout.P_TILT] = 1.0
        if mode == layout.MOWITT:
            numbers[layout.P_UNSTABLE] = numbers[layout.P_STABLE] = model[9]
            numbers[layout.P_UNSTABLE_BASE] = numbers[layout.P_STABLE_BASE] = 1.0
            numbers[layout.P_TILT] = 0.0
        numbers[layout.P_EXPONENT_WINDWARD], numbers[layout.P_EXPONENT_LEEWARD] = model[2], model[4]
        if mode == layout.LINEAR:
            numbers[layout.P_CONSTANT] = model[1]
            numbers[layout.P_EXPONENT_WINDWARD] = numbers[layout.P_EXPONENT_LEEWARD] = 1.0
        numbers[layout.P_BASE] = BASE_TEMPERATURE
        numbers[layout.P_SIGMA] = STEFAN_BOLTZMANN
        numbers[layout.P_MARTIN_BERDAHL], numbers[layout.P_MARTIN_NORM] = physics.martin_berdahl
        numbers[layout.P_BAND_SINE] = physics.band_sine
        numbers[layout.P_STEP] = self.case.forcing.step
        switches = np.zeros(layout.PHYSICS_INTS, np.int32)
        switches[layout.O_CONVECTION] = mode
        switches[layout.O_SKY] = physics.sky_model
        switches[layout.O_LINEAR] = int(physics.linear_longwave)
        switches[layout.O_UNSHADED] = int(physics.unshaded_ground)
        switches[layout.O_DAY] = self.plan.day
        # The wall law alone brings no maps worth the name.
        crowns = getattr(self.case.maps, "has_crowns", False)
        switches[layout.O_SUN_BITS] = layout.SUN_BYTE if crowns else layout.SUN_BIT
        by_hour = switches.copy()
        by_hour[layout.O_DAY] //= self.plan.chunks[0].hours.steps
        return (
            physics_vector(*numbers.tolist()),
            switches_vector(*switches.tolist()),
            switches_vector(*by_hour.tolist()),
        )

    def series(self, chunk: Chunk, ahead: int = 0) -> np.ndarray:
        """Forcing rows of a chunk with one lookahead step and `ahead` more, float32.

        At the end of the plan the lookahead repeats the last step.
        """
        forcing, physics = self.case.forcing, self.case.physics
        begin = self.plan.origin + chunk.begin
        stamps = np.minimum(np.arange(begin, begin + chunk.steps + 2 + ahead), forcing.n_steps)
        # Row n of a step quantity is the step that ends at stamp n; row 0 is not read.
        steps = np.clip(stamps - 1, 0, forcing.n_steps - 1)
        rows = np.zeros((layout.FORCING_ROWS, stamps.size))
        rows[layout.F_BEAM] = forcing.beam_normal[steps] * forcing.sun_up[steps]
        turn = np.radians(self.case.maps.convergence_deg)
        sun = forcing.sun_direction[steps]
        rows[layout.F_SUN_X], rows[layout.F_SUN_Y] = to_grid(sun[:, 0], sun[:, 1], turn)
        rows[layout.F_SUN_Z] = sun[:, 2]
        rows[layout.F_ISOTROPIC] = forcing.diffuse_isotropic[steps]
        # The band's factor of an open wall becomes pi times its radiance.
        band = np.arcsin(physics.band_sine)
        rows[layout.F_BAND] = (
            np.pi * forcing.diffuse_horizon[steps] / (band + 0.5 * np.sin(2.0 * band))
        )
        air = STEFAN_BOLTZMANN * forcing.air_temperature**4
        before = np.maximum(stamps - 1, 0)
        rows[layout.F_SKY] = 0.5 * (forcing.sky_longwave[stamps] + forcing.sky_longwave[before])
        rows[layout.F_AIR_RADIATION] = 0.5 * (air[stamps] + air[before])
        rows[layout.F_AIR] = forcing.air_temperature[stamps] - BASE_TEMPERATURE
        model = physics.convection
        wind = np.maximum(forcing.wind_speed[stamps], 0.0)
        if int(model[0]) == layout.LINEAR:
            rows[layout.F_WINDWARD] = rows[layout.F_LEEWARD] = model[2] * wind
        else:
            rows[layout.F_WINDWARD] = model[1] * wind ** model[2]
            rows[layout.F_LEEWARD] = model[3] * wind ** model[4]
        origin = np.radians(forcing.wind_direction[stamps])
        rows[layout.F_WIND_X], rows[layout.F_WIND_Y] = to_grid(np.sin(origin), np.cos(origin), turn)
        rows[layout.F_PRIESTLEY_TAYLOR] = priestley_taylor_factor(
            forcing.air_temperature[stamps], forcing.pressure[stamps]
        )
        rows[layout.F_GLOBAL] = forcing.ghi[steps]
        clock = forcing.local_time[stamps].astype("datetime64[s]")
        rows[layout.F_CLOCK] = (clock - clock.astype("datetime64[D]")).astype(float) / 3600.0
        return rows.astype(np.float32)

    def free_rows(self, chunk: Chunk, ahead: int = 0) -> np.ndarray:
        """The inner part of the surface temperatures at a chunk's stamps, float32."""
        stamps = np.arange(chunk.begin, chunk.begin + chunk.steps + 2 + ahead)
        stamps = np.minimum(stamps, self.plan.total)
        return self.free[:, stamps].astype(np.float32)

    def chunk(self, chunk: Chunk, references: "ReferenceClasses") -> ChunkForcing:
        """Everything of one chunk on the device."""
        if chunk.begin not in self._chunks:
            hours = chunk.hours
            ahead = hours.last * hours.steps - chunk.steps
            rows = self.series(chunk, ahead)
            free = self.free_rows(chunk, ahead)
            classes, border_short, border_long, surroundings, class_hours = references.march(
                chunk, rows, free
            )
            rows[layout.F_BORDER_SHORT] = border_short
            rows[layout.F_BORDER_LONG] = border_long
            rows[layout.F_SURROUNDINGS] = surroundings
            out = np.full(chunk.steps + 2, -1, np.int32)
            out[chunk.output_steps] = np.arange(chunk.outputs)
            shown = slice(0, chunk.steps + 2)
            ends = np.arange(0, hours.last + 1) * hours.steps
            self._chunks[chunk.begin] = ChunkForcing(
                series=to_device(np.ascontiguousarray(rows[:, shown])),
                free=to_device(np.ascontiguousarray(free[:, shown])),
                classes=to_device(classes),
                class_hours=to_device(np.ascontiguousarray(class_hours)),
                node_of_step=to_device(chunk.node_of_step),
                out_of_step=to_device(out),
                sun=to_device(np.ascontiguousarray(rows[: layout.F_SUN_Z + 1])),
                hours=to_device(by_hour(rows, hours.steps, hours.last)),
                hour_free=to_device(np.ascontiguousarray(free[:, ends])),
                hour_lit=to_device(hours.lit),
            )
        return self._chunks[chunk.begin]


def by_hour(rows: np.ndarray, steps: int, last: int) -> np.ndarray:
    """Forcing rows of `last` hours from those of steps, shape (FORCING_ROWS, last + 1).

    The beam of an hour is its mean vector: strength, and where it comes from.
    """
    inside = rows[:, 1 : last * steps + 1].reshape(len(rows), last, steps)
    whole = np.zeros((len(rows), last + 1))
    whole[:, 1:] = inside.mean(axis=2)
    axes = [layout.F_SUN_X, layout.F_SUN_Y, layout.F_SUN_Z]
    beam = (inside[layout.F_BEAM] * inside[axes]).mean(axis=2)
    strength = np.sqrt((beam**2).sum(axis=0))
    whole[layout.F_BEAM, 1:] = strength
    whole[axes, 1:] = beam / np.maximum(strength, 1e-6)
    stamps = np.arange(0, last + 1) * steps
    for row in layout.STAMP_ROWS:
        whole[row] = rows[row, stamps]
    return whole.astype(np.float32)
