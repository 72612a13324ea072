"""A wood's light: what the way through it takes is what its leaves take; and its nights."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.case import BASE_TEMPERATURE
from heatmat.field_leaves import leaf_requests
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.solver import Requests
from tests.crown_case import grove
from tests.physics_case import local, make_series, plan_requests, solve
from tests.validation.test_trees import FULL, HOUR, hours_of, july

TOP, BASE, TAU = 12.0, 4.0, 0.3
"""A wood of 8 m of leaves that let pass three tenths straight down."""
BLACK = {"albedo": 0.0, "solar_transmittance": 0.0}
NOON = 11
LEAVES = 256
"""At each height, each with its normal."""


def absorbed_by_leaves(forcing: Forcing) -> tuple[float, float, float]:
    """Light that ground and leaves of a wide wood absorb, and their standard error together.

    Shares of what falls on the wood, per area of land. Both are black.
    """
    number = LEAVES
    case = grove(
        forcing, half=False, top=TOP, base=BASE, transmissivity=TAU, margin=60.0, changes=BLACK,
        leaf=BLACK,
    )  # fmt: skip
    x, y = local(case, [-20.0], [-15.0])[0]
    # Gauss points over the height of the leaves.
    at, weight = np.polynomial.legendre.leggauss(4)
    z = np.repeat(BASE + 0.5 * (TOP - BASE) * (1.0 + at), number)
    replicates = 8
    numbers, codes = leaf_requests(np.array([[[x, y, h]] * replicates for h in z]))
    codes[:, layout.R_REPLICATE] = np.tile(np.arange(replicates), z.size)
    count = z.size * replicates
    leaves = Requests(
        numbers, codes, np.arange(count, dtype=np.uint32), np.full(count, -1, np.int32)
    )
    stamps = hours_of(case)
    light, error = solve(case, leaves, rays=16, stamps=stamps, full=True)
    under = plan_requests(np.array([[x, y]]))
    ground, noise = solve(case, under, rays=256, stamps=stamps, full=True)
    last = case.forcing.spin_up_steps + HOUR * (NOON + 1) - 1
    falls = case.forcing.dhi[last]
    # Leaves turned every way alike, of area a: rays meet a / 2 of them a metre (Ross 1981, The
    # radiation regime and architecture of plant stands, chapter 4), and both sides take light.
    area = 2.0 * -np.log(TAU) / (TOP - BASE)
    share = np.repeat(0.5 * (TOP - BASE) * weight * 2.0 * area / falls / number, number)
    shortwave = layout.Y_SHORTWAVE
    taken = float(share @ light[:, NOON, shortwave])
    spread = np.hypot(
        np.linalg.norm(share * error[:, NOON, shortwave]), noise[0, NOON, shortwave] / falls
    )
    return float(ground[0, NOON, shortwave]) / falls, taken, float(spread)


def test_light_that_a_wood_takes_its_leaves_have() -> None:
    """Under an even sky: absorbed and passed are all of it. `test_leaf_energy` has other leaves."""
    ground, leaves, spread = absorbed_by_leaves(make_series(dhi=200.0))
    # Gauss's four points leave 0.1 % of this profile.
    assert abs(ground + leaves - 1.0) < 0.003 + 4.0 * spread, (ground, leaves, spread)
    assert spread < 0.02


@pytest.mark.parametrize("ground", ["asphalt_street", "setts_street", "grass", "bare_soil"])
def test_a_crown_keeps_the_ground_from_the_cold_sky(ground: str) -> None:
    """Without any sun, so that under the crown as much is stored as beside it: warmer under it."""
    dark = make_series(
        sky=290.0, wind=2.0,
        air=lambda s: BASE_TEMPERATURE + 9.0 - 6.0 * np.cos(2 * np.pi * (s / 86400.0 - 0.125)),
    )  # fmt: skip
    case = grove(dark, physics=FULL, transmissivity=0.03, top=12.0, base=3.0, ground=ground)
    points = local(case, [-14.0, 16.0], [-6.0, -6.0])
    mean, error = solve(case, plan_requests(points), rays=16, stamps=hours_of(case))
    more = mean[0, :, 0] - mean[1, :, 0]
    assert (more > 1.0 + 4.0 * np.hypot(*error[..., 0])).all(), more


NIGHTS = {"asphalt_street": (22, 4), "grass": (21, 4), "concrete_paving": (3, 4)}
"""Grounds, and the hours from which to which a clear day's night is warmer under a crown."""

COOLER = {"setts_street": (22, 4), "concrete_paving": (20, 20)}
"""What takes up so much by day that it is warmer in the open, and the hours in which it is."""


def more_by_night(ground: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ground under a crown less that in the open, its standard error, and the former less the air.

    At the hours 0 to 23 of a clear July day [K].
    """
    case = grove(july(), physics=FULL, transmissivity=0.03, top=12.0, base=3.0, ground=ground)
    points = local(case, [-14.0, 16.0], [-6.0, -6.0])
    stamps = hours_of(case)
    mean, error = solve(case, plan_requests(points), rays=16, stamps=stamps)
    under = mean[0, :, 0] - case.forcing.air_temperature[stamps]
    rows = mean[0, :, 0] - mean[1, :, 0], np.hypot(*error[..., 0]), under
    return tuple(np.roll(row, 1) for row in rows)  # type: ignore[return-value]


def hours(begin: int, end: int) -> np.ndarray:
    """The full hours of a night from one to another."""
    return np.arange(begin, end + 1 + 24 * (end < begin)) % 24


@pytest.mark.parametrize("ground", dict.fromkeys([*NIGHTS, *COOLER]))
def test_the_night_after_a_clear_day(ground: str) -> None:
    """Against what was measured by night under trees: grass, since of paving we know of none.

    A pasture under conifers that covered 77 % of it stayed within half a degree of the air in
    radiation frosts, with 7 % it was 11.5 K colder (Feldhake 2002, Proximity to conifers minimizes
    frost exposure, 92nd Annual Report of the Northern Nut Growers Association, 101-108).
    """
    more, error, under = more_by_night(ground)
    for sign, table in ((1, NIGHTS), (-1, COOLER)):
        if ground in table:
            night = hours(*table[ground])
            assert (sign * more > 4.0 * error)[night].all(), (ground, more[night])
    if ground == "grass":
        night = hours(*NIGHTS[ground])
        assert (more[night] < 11.0).all()
        # Half a degree about the air, and what a warm July day leaves in the soil by morning.
        assert (-0.5 < under[night]).all() and (under[night] < 1.5).all()
