"""Trees and evaporation: the furnace, the energy of leaves, days and nights of crowns and grass."""

from __future__ import annotations

import numpy as np
import shapely

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.field import Field
from heatmat.field_leaves import leaf_requests
from heatmat.field_map import PixelGrid, gather_map
from heatmat.field_time import series_words
from heatmat.kernels import layout
from heatmat.kernels.texels import LEAF_LAYERS
from heatmat.physics import PhysicsOptions
from heatmat.solver import Requests
from heatmat.units import STEFAN_BOLTZMANN
from tests.crown_case import grove
from tests.physics_case import boxes, local, make_case_of, make_series, plan_requests, solve

FULL = PhysicsOptions()
HOUR = 6
"""Steps of an hour."""


def july(**more: object) -> object:
    """A clear day of 18 to 30 C, the hottest at 15 h."""
    values: dict = {
        "dni": 800.0, "dhi": 120.0, "sky": 340.0, "wind": 2.0,
        "air": lambda s: BASE_TEMPERATURE + 9.0 - 6.0 * np.cos(2 * np.pi * (s / 86400.0 - 3 / 24)),
    }  # fmt: skip
    return make_series(**{**values, **more})


def hours_of(case: Case) -> np.ndarray:
    """Stamps at the full hours of the window."""
    forcing = case.forcing
    return np.arange(forcing.spin_up_steps + HOUR, forcing.n_steps + 1, HOUR)


def field_of(case: Case, half: float = 16.0, cell: float = 4.0) -> tuple[Field, np.ndarray]:
    """The field, and temperatures of a map of it [K], (y, x, hours)."""
    field = Field(case, 4.0, hours_of(case))
    field.march_chunk()
    n = int(2 * half / cell)
    grid = PixelGrid(-half, half, cell, n, n)
    words = series_words(case.forcing)
    found = gather_map(lambda: field, grid, case.maps.origin, 0, words)
    return field, found["surface_temperature"].reshape(n, n, -1)


def test_furnace_with_trees() -> None:
    """Everything at one temperature stays there: 2 mK, as without trees."""
    case = grove(make_series())
    points = local(case, [-10.0, 5.0, 20.0], [-5.0, -6.0, 2.0])
    mean, error = solve(case, plan_requests(points), stamps=hours_of(case))
    assert np.abs(mean[..., 0] - BASE_TEMPERATURE).max() < 0.002
    assert error.max() < 1e-4
    _, temperature = field_of(case)
    assert np.abs(temperature - BASE_TEMPERATURE).max() < 0.0021  # stored series: 0.03 W/m2


def test_a_wood_that_absorbs_nothing_keeps_all_light() -> None:
    """White leaves over white ground under an even sky: as light everywhere as under the sky."""
    even = make_series(dhi=200.0)
    white = {"albedo": 1.0, "solar_transmittance": 0.0}
    case = grove(even, half=False, transmissivity=0.6, margin=45.0, changes=white, leaf=white)
    points = local(case, [-12.0], [-5.0])
    mean, error = solve(case, plan_requests(points), rays=64, stamps=hours_of(case), full=True)
    noon = 11
    sky = case.forcing.dhi[case.forcing.spin_up_steps + HOUR * (noon + 1) - 1]
    assert sky > 100.0
    got = mean[0, noon, layout.Y_INCIDENT_SHORT] / sky
    off = error[0, noon, layout.Y_INCIDENT_SHORT] / sky
    # Paths end after six surfaces: in a wood of optical depth 0.5 some hundredths are then missing.
    assert -0.06 - 4.0 * off < got - 1.0 < 4.0 * off


def test_under_a_crown_days_are_cooler_and_nights_warmer() -> None:
    case = grove(july(), physics=FULL, transmissivity=0.03, top=12.0, base=3.0)
    under, beside = local(case, [-14.0, 16.0], [-6.0, -6.0])
    mean, error = solve(
        case, plan_requests(np.stack([under, beside])), rays=16, stamps=hours_of(case)
    )
    shade, sun = mean[0, :, 0], mean[1, :, 0]
    # Bitumen in the shade of 471 trees of Sydney, summer, noon to 3 pm: 20.9 K cooler than in the
    # sun, standard deviation 5.8 (Kaluarachichi, Tjoelker and Pfautsch 2020, Temperature reduction
    # in urban surface materials through tree shading, doi:10.3390/f11111141).
    noon = sun[12:15] - shade[12:15]
    assert (20.9 - 2 * 5.8 < noon).all() and (noon < 20.9 + 2 * 5.8).all()
    # Before sunrise the crown hides the sky: warmer, though the day left less in the ground.
    night = slice(0, 4)
    assert (shade[night] > sun[night] + 4.0 * np.hypot(*error[:, night, 0])).all()
    _, temperature = field_of(case)
    by_field = temperature[5, 0] - temperature[5, 7]
    assert by_field[13] < -10.0
    # A pixel of 4 m and a point of it, 16 paths: both know the surface to some tenths.
    assert abs(temperature[5, 0, 13] - shade[13]) < 2.0


def test_leaves_balance_their_own_energy() -> None:
    """What leaves absorb they give away again, by longwave, convection and evaporation."""
    case = grove(july(), physics=FULL, transmissivity=0.03, top=12.0, base=3.0)
    x, y = local(case, [-14.0], [-6.0])[0]
    high, low = ([[x, y, z]] * 8 for z in (11.8, 3.2))
    numbers, codes = leaf_requests(np.array([high, low]))
    codes[:, layout.R_REPLICATE] = np.tile(np.arange(8), 2)
    keys = np.arange(16, dtype=np.uint32)
    requests = Requests(numbers, codes, keys, np.full(16, -1, np.int32))
    mean, _ = solve(case, requests, rays=16, stamps=hours_of(case), full=True)
    fluxes = mean[..., layout.Y_SHORTWAVE : layout.Y_CONDUCTION + 1]
    assert np.abs(fluxes.sum(axis=2)).max() < 0.05
    assert np.abs(mean[..., layout.Y_CONDUCTION]).max() < 3.0  # a leaf stores next to nothing
    noon = 12
    air = case.forcing.air_temperature[hours_of(case)][noon]
    sunlit, shaded = mean[:, noon, layout.Y_TEMPERATURE] - air
    # Crowns of 67 trees of Berlin were nearly as warm as the air on average, and by species at most
    # 1.9 to 5.6 K warmer (Meier and Scherer 2012, Spatial and temporal variability of urban tree
    # canopy temperature during summer 2010 in Berlin, doi:10.1007/s00704-012-0631-0).
    assert 1.0 < sunlit < 5.6 and -3.0 < shaded < 1.5
    assert mean[0, noon, layout.Y_LATENT] < -30.0


def test_the_field_s_leaves_grow_darker_from_the_top() -> None:
    case = grove(july(), physics=FULL, transmissivity=0.03, top=12.0, base=3.0)
    field, _ = field_of(case)
    leaves = int(field.texels.texel_i[3])
    assert field.texels.count - leaves > 20 * LEAF_LAYERS
    rows = field.store.to_numpy().reshape(-1, field.words)[leaves:]
    last = sum(stage.rows for stage in field.stages)  # series may have room beyond
    noon = last - 24 + 1  # half hours: 12 h to 12.30
    light = (rows[:, noon] & 0xFFFF).reshape(-1, LEAF_LAYERS).mean(axis=0) / 32.0
    long = (rows[:, noon] >> 16) / 32.0
    air = case.forcing.air_temperature[case.forcing.spin_up_steps + 12 * HOUR]
    low, high = STEFAN_BOLTZMANN * (air + np.array([-3.0, 12.0])) ** 4
    assert low < long.min() and long.max() < high
    assert light[2] > 1.5 * light[1] > 1.5 * light[0] > 0.0


def grass(step: float, ground: str = "grass", moisture: float | None = None) -> np.ndarray:
    """Temperatures of open ground at the hours of a July day [K]."""
    house = shapely.box(0.0, 0.0, 10.0, 10.0)
    case = make_case_of(
        boxes([house], [8.0], margin=25.0), july(step=step), physics=FULL, ground=ground,
        changes=None if moisture is None else {"moisture_availability": moisture},
    )  # fmt: skip
    every = round(3600.0 / step)
    stamps = np.arange(case.forcing.spin_up_steps + every, case.forcing.n_steps + 1, every)
    point = local(case, [20.0], [-15.0])
    return solve(case, plan_requests(point), rays=8, stamps=stamps)[0][0, :, 0]


def test_grass_has_one_night_whatever_the_step() -> None:
    """A lagged ground flux gave it two, 1 to 2 K apart."""
    fine, coarse = grass(600.0), grass(3600.0)
    night = np.r_[0:3, 20:24]
    # What steps of an hour leave of a night without sun.
    assert np.abs(fine - coarse)[night].max() < 0.25


def test_watered_grass_is_cooler_than_dry_soil_and_asphalt_as_measured() -> None:
    """Around noon in July, against what was measured in summer.

    Mean differences in Erzurum: asphalt 6.5 K over soil, 5.3 K soil over grass, 11.8 K asphalt over
    grass (Yilmaz, Toy, Irmak, Yilmaz and Bulut 2008, Determination of temperature differences
    between asphalt concrete, soil and grass surfaces, Atmosfera 21(2), 135-146): noon is above the
    mean. Parking lots of Phoenix, noon to 3 pm: asphalt 59.4, mulch of granite 44.1, turf 32.8 C
    (Celestian and Martin 2004, Rhizosphere, surface, and air temperature patterns at parking lots
    in Phoenix, doi:10.48044/jauf.2004.029, Table 2). Sydney: shade took 1.2 K more from bare soil
    than from bitumen (22.1 and 20.9 K; doi:10.3390/f11111141). So what was measured of asphalt
    less bare ground spans -1.2 to 15.3 K; the library's soil is dry through and through.
    """
    lawn, soil, asphalt = (grass(600.0, name) for name in ("grass", "bare_soil", "asphalt_street"))
    noon, daylight = slice(11, 15), slice(6, 18)
    drier, paved, bare = (soil - lawn)[noon], (asphalt - lawn)[noon], (asphalt - soil)[noon]
    assert (drier > 5.3).all() and (drier < 26.6).all()
    assert (paved > 11.8).all() and (paved < 26.6).all()
    assert (bare > -1.2).all() and (bare < 15.3).all()
    # Erzurum's 6.5 K are those of soil that holds water: 5.9 K where half of it evaporates.
    moist = grass(600.0, "bare_soil", 0.5)
    assert abs((asphalt - moist)[daylight].mean() - 6.5) < 1.5  # dry soil: 0.8 K
