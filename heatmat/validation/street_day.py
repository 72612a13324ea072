"""A hot day in an endless street, by strips that exchange everything with everything.

The strips know nothing of rays, paths or linearisation: view factors by crossed strings, shadows
by trigonometry, T^4 and natural convection in full at every strip, all bounces by one linear
system, short steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.chunks import to_grid
from heatmat.conduction import REFERENCE_FILM, discretise, eigenmodes, exponential_coefficients
from heatmat.construction import INSIDE_FILM, Construction, Layer
from heatmat.convection import h_conv, is_windward
from heatmat.library import library
from heatmat.prepare import column_layers
from heatmat.units import STEFAN_BOLTZMANN
from heatmat.validation.slab_march import DAY, make_series
from heatmat.wall_law import pad_modes

if TYPE_CHECKING:
    from heatmat.forcing import Forcing

HEIGHT, WIDTH = 12.0, 16.0
"""Of the street [m]."""
OMEGA = 2.0 * np.pi / DAY
STRIPS = 24
WIND, FROM = 2.5, 250.0
SKY = 345.0
SLOW = 0.1
"""Of a mode: what a day leaves of it."""
# Little mass behind insulation; the soil below the road forgets nothing in five days.
ROAD = Construction(
    "road",
    "ground",
    (Layer(0.08, 0.9, 2200.0, 950.0), Layer(0.10, 0.035, 30.0, 1400.0)),
    albedo=0.15,
    emissivity=0.93,
)
WALL = Construction(
    "panel",
    "wall",
    (Layer(0.05, 1.3, 2200.0, 900.0), Layer(0.10, 0.035, 30.0, 1400.0)),
    albedo=0.45,
    emissivity=0.90,
)
KNOWN = {**library(), "road": ROAD, "panel": WALL}


def air(time: np.ndarray) -> np.ndarray:
    """Air temperature at seconds since the start [K]."""
    return BASE_TEMPERATURE + 10.0 - 6.0 * np.cos(OMEGA * (time - 7200.0))


def weather(step: float, days: int) -> Forcing:
    """The same hot day again and again."""
    return make_series(
        days=days, step=step, air=air, sky=SKY, dni=800.0, dhi=120.0, wind=WIND,
        wind_direction=FROM, indoor=BASE_TEMPERATURE + 8.0, deep=BASE_TEMPERATURE + 8.0,
    )  # fmt: skip


@dataclass
class Strip:
    """Surfaces of the street's section: strips that exchange, then points that only look."""

    position: np.ndarray
    normal: np.ndarray
    facing: np.ndarray  # 0 floor, 1 the western wall, 2 the eastern


def section(points: np.ndarray, facing: np.ndarray) -> tuple[Strip, np.ndarray, np.ndarray]:
    """Strips and points, the views of the strips from all of them, and of the sky."""
    half, n = 0.5 * WIDTH, STRIPS
    ends = [np.linspace((-half, 0), (half, 0), n + 1)]
    ends += [np.linspace((x, 0), (x, HEIGHT), n + 1) for x in (-half, half)]
    a = np.concatenate([e[:-1] for e in ends])
    b = np.concatenate([e[1:] for e in ends])
    which = np.concatenate([np.repeat([0, 1, 2], n), facing])
    position = np.concatenate([0.5 * (a + b), points])
    normal = np.array([(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)])[which]

    def gap(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return np.hypot(*(p[:, None] - q[None, :]).transpose(2, 0, 1))

    views = np.zeros((len(which), 3 * n))
    # Crossed strings between strips, sines of the two edges' directions from points.
    strings = np.abs(gap(a, b) + gap(b, a) - gap(a, a) - gap(b, b))
    views[: 3 * n] = strings / (2.0 * gap(a, b).diagonal()[:, None])
    for i in range(3 * n, len(which)):
        tangent = np.array([normal[i, 1], -normal[i, 0]])
        with np.errstate(invalid="ignore"):  # a strip's end in the point itself, on its own wall
            sines = [(e - position[i]) @ tangent / np.hypot(*(e - position[i]).T) for e in (a, b)]
        views[i] = 0.5 * np.abs(sines[0] - sines[1])
    views[which[:, None] == which[None, : 3 * n]] = 0.0
    sky = 1.0 - views.sum(axis=1)
    return Strip(position, normal, which), views, sky


def lit(strips: Strip, sun: np.ndarray) -> np.ndarray:
    """Share of each strip (of 25 places on it) that the opposite wall does not shade."""
    if sun[2] <= 0.0:
        return np.zeros(len(strips.facing))
    half = 0.5 * WIDTH
    width = np.where(strips.facing == 0, WIDTH, HEIGHT) / STRIPS
    width[3 * STRIPS :] = 0.0
    along = np.where(strips.facing[:, None] == 0, [[1.0, 0.0]], [[0.0, 1.0]])
    places = (np.arange(25) + 0.5) / 25 - 0.5
    p = strips.position[:, None] + (places[None, :, None] * width[:, None, None]) * along[:, None]
    reach = np.where(sun[0] > 0, half - p[..., 0], half + p[..., 0])
    free = p[..., 1] + reach * sun[2] / max(abs(sun[0]), 1e-9) > HEIGHT
    return free.mean(axis=1)


class StreetMarch:
    """All strips and points, step by step."""

    def __init__(self, case: Case, points: np.ndarray, facing: np.ndarray, step: float) -> None:
        self.case, self.step = case, step
        self.strips, self.views, self.sky_view = section(points, facing)
        self.ground = self.strips.facing == 0
        self.own = own = slice(0, 3 * STRIPS)
        items = [ROAD if g else WALL for g in self.ground]
        modes = {
            kind: eigenmodes(discretise(column_layers(item), film))
            for kind, item, film in ((True, ROAD, np.inf), (False, WALL, INSIDE_FILM["wall"]))
        }
        rate, self.gain, inner = pad_modes([modes[bool(g)] for g in self.ground])
        self.decay, self.constant, self.rise = exponential_coefficients(rate, self.gain, step)
        self.free = 8.0 * inner.sum(axis=1)
        self.emissivity = np.array([item.emissivity for item in items])
        self.albedo = np.array([item.albedo for item in items])
        unit = np.eye(3 * STRIPS)
        self.light = np.linalg.inv(unit - self.albedo[own, None] * self.views[own])
        self.heat = np.linalg.inv(unit - (1 - self.emissivity[own, None]) * self.views[own])
        azimuth = np.array([0.0, 90.0, 270.0])[self.strips.facing] + case.maps.convergence_deg
        self.up = np.where(self.ground, 1.0, 0.0)
        self.windward = is_windward(azimuth, FROM, self.up)
        edge = float(case.maps.facade_perimeter_over_area[street_wall(case)])
        self.edge = np.where(self.ground, 0.4, edge)

    def shortwave(
        self, beam: float, sun: np.ndarray, shadow_sun: np.ndarray, diffuse: float
    ) -> np.ndarray:
        """Light on every strip and point, all bounces [W m-2].

        A point is lit or not where the solver asks for it, at the middle of its ten-minute step:
        a shadow's edge that passes between is not what this test is about.
        """
        normal = self.strips.normal
        cosine = np.maximum(normal[:, 0] * sun[0] + normal[:, 1] * sun[2], 0.0)
        seen = lit(self.strips, sun)
        seen[3 * STRIPS :] = lit(self.strips, shadow_sun)[3 * STRIPS :]
        direct = beam * seen * cosine + diffuse * self.sky_view
        return direct + self.views @ (self.light @ (self.albedo[self.own] * direct[self.own]))

    def longwave(self, theta: np.ndarray) -> np.ndarray:
        """What falls on every strip and point [W m-2]."""
        eps, own = self.emissivity[self.own], self.own
        emitted = eps * STEFAN_BOLTZMANN * (theta[own] + BASE_TEMPERATURE) ** 4
        leaving = self.heat @ (emitted + (1.0 - eps) * SKY * self.sky_view[own])
        return SKY * self.sky_view + self.views @ leaving

    def exchange(self, theta: np.ndarray, t_air: float) -> tuple[np.ndarray, np.ndarray]:
        """Emission and convection with the reference film, and their slope."""
        h = h_conv(
            "tarp", theta - t_air, WIND, windward=self.windward, cos_tilt=self.up,
            perimeter_over_area=self.edge,
        )  # fmt: skip
        emitted = self.emissivity * STEFAN_BOLTZMANN * (theta + BASE_TEMPERATURE) ** 4
        slope = REFERENCE_FILM - h - 4.0 * emitted / (theta + BASE_TEMPERATURE)
        return REFERENCE_FILM * theta + h * (t_air - theta) - emitted, slope

    def run(self, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Temperatures of the points at the stamps of the last day, and the light on them."""
        series = weather(self.step, days)
        turn = np.radians(self.case.maps.convergence_deg)
        sun = series.sun_direction.copy()
        sun[:, 0], sun[:, 1] = to_grid(sun[:, 0], sun[:, 1], turn)
        theta = np.full(self.ground.size, 10.0)
        flux = None
        kappa = self.rise.sum(axis=1)
        day = round(DAY / self.step)
        slow = self.decay**day > SLOW
        total, temperatures, lights = 0.0 * theta, [], []
        for n in range(series.n_steps):
            middle = sun[3 * (n // 3) + 1]
            short = self.shortwave(
                series.beam_normal[n], sun[n], middle, series.diffuse_isotropic[n]
            )
            t_air = series.air_temperature[n + 1] - BASE_TEMPERATURE
            fallen = self.longwave(theta)
            for _ in range(2):
                # Means of the step: of its ends, for what surfaces send one another.
                long = 0.5 * (fallen + self.longwave(theta))
                known = (1 - self.albedo) * short + self.emissivity * long
                if flux is None:
                    steady = (theta - self.free) / self.gain.sum(axis=1)
                    x, flux = self.gain * steady[:, None], steady - known
                y = self.decay * x + self.constant * (known + flux)[:, None]
                y -= self.rise * flux[:, None]
                history = self.free + y.sum(axis=1)
                for _ in range(3):
                    fresh, slope = self.exchange(theta, t_air)
                    theta = history + kappa * (fresh - slope * theta)
                    theta = theta / (1.0 - kappa * slope)
            flux = (theta - history) / kappa
            x = y + self.rise * flux[:, None]
            total = total + known + flux
            if n % day == day - 1:
                # What forgets slowly goes where the mean of the day leads it: the days are equal.
                x = np.where(slow, self.gain * (total / day)[:, None], x)
                total = 0.0 * theta
            if n >= series.n_steps - day:
                temperatures.append(theta[3 * STRIPS :])
                lights.append(short[3 * STRIPS :])
        return np.array(temperatures).T, np.array(lights).T


def street_wall(case: Case) -> int:
    """The facade of the western block that looks into the street."""
    ab = case.maps.facade_ab.astype(float)
    east = (ab[:, 3] - ab[:, 1]) > 3000.0
    return int(np.flatnonzero(east)[np.argmin(ab[east, 0])])


SPOTS = np.array([[0.0, 0.0], [-5.0, 0.0], [6.5, 0.0], [-8.0, 2.0], [-8.0, 6.0], [-8.0, 11.0]])
FACING = np.array([0, 0, 0, 1, 1, 1])
