"""A lone block in the open: what reaches its walls, its roof and the ground is known in advance."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import shapely

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.kernels import layout
from heatmat.physics import PhysicsOptions
from heatmat.tables import to_grid
from heatmat.units import STEFAN_BOLTZMANN
from tests.physics_case import (
    boxes,
    local,
    make_case_of,
    make_series,
    plan_requests,
    solve,
    wall_requests,
)

ALBEDO = 0.25
SKY = 300.0
BAND = 40.0
NOON = slice(48, 97, 8)


def series(**more):  # noqa: ANN003, ANN201
    made = make_series(dni=700.0, dhi=150.0, sky=SKY, air=BASE_TEMPERATURE + 8.0, **more)
    return dataclasses.replace(made, diffuse_horizon=np.where(made.sun_up, BAND, 0.0))


@functools.cache
def block(**options) -> Case:  # noqa: ANN003
    """Ground held at air temperature, black to longwave: its radiosity is known."""
    held = {"layers": (), "pitched": False, "temperature": "air", "emissivity": 1.0}
    return make_case_of(
        boxes([shapely.box(0, 0, 20, 14)], [40.0], margin=120.0),
        series(),
        physics=PhysicsOptions(**options),
        changes={**held, "albedo": ALBEDO},
        resolution=4.0,
    )


def received(case: Case, replicates: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Incident short and long wave on the four walls at 20 m and the roof, their standard errors
    (surfaces, times, 2), and the walls' normals on the grid."""
    ab = case.maps.facade_ab.astype(float)
    length = np.hypot(*(ab[:, 2:] - ab[:, :2]).T)
    middle = 0.5 * length
    stretch = np.column_stack([middle, middle, 0 * middle + 20.0, 0 * middle + 20.0])
    walls = wall_requests(range(len(ab)), stretch, replicates)
    roof = plan_requests(local(case, [10.0], [7.0]), replicates)
    columns = [layout.Y_INCIDENT_SHORT, layout.Y_INCIDENT_LONG]
    parts = [solve(case, r, 64, replicates, full=True) for r in (walls, roof)]
    mean, error = (np.concatenate([part[i] for part in parts])[..., columns] for i in range(2))
    normal = np.column_stack([ab[:, 3] - ab[:, 1], ab[:, 0] - ab[:, 2]]) / length[:, None]
    return mean, error, normal


def test_light_on_walls_roof_and_border() -> None:
    """Beam, half the isotropic sky, the whole horizon band, half of what the ground reflects."""
    case = block()
    mean, error, normal = received(case)
    forcing = case.forcing
    steps = np.arange(144, 288)
    east, north = to_grid(
        *forcing.sun_direction[steps, :2].T, np.radians(case.maps.convergence_deg)
    )
    cosine = np.maximum(normal[:, :1] * east + normal[:, 1:] * north, 0.0)
    iso, ground = forcing.diffuse_isotropic[steps], ALBEDO * forcing.ghi[steps]
    band = forcing.diffuse_horizon[steps]
    wall = forcing.beam_normal[steps] * cosine + 0.5 * iso + band + 0.5 * ground
    # 20 m up and 130 m from the border nearly all ground is beyond the block's own shadow: that
    # shadow takes up to an eighth of the reflected part on its side.
    shaded = 0.5 * ground * 0.15
    sigma = error[:4, :, 0]
    lit = cosine > 0
    assert sigma[:, NOON].max() < 4.0
    off = mean[:4, :, 0] - wall
    assert (off < 4.5 * sigma + 0.5).all()
    assert (off > -4.5 * sigma - 0.5 - np.where(lit, 0.02, 1.0) * shaded - 0.1 * shaded).all()
    # The roof: everything from above, and the band by its share on the level.
    beam = forcing.beam_normal[steps] * forcing.sun_direction[steps, 2]
    share = np.pi * np.sin(np.radians(6.5)) ** 2
    share /= np.radians(6.5) + 0.5 * np.sin(np.radians(13.0))
    roof = beam + iso + share * band
    assert (np.abs(mean[4, :, 0] - roof) < 4.5 * error[4, :, 0] + 0.5).all()


@pytest.mark.parametrize("model", ["isotropic", "martin_berdahl", "sky_air_split"])
def test_longwave_of_the_sky_models(model: str) -> None:
    case = block(longwave_sky=model)
    mean, error, _ = received(case)
    air = STEFAN_BOLTZMANN * (BASE_TEMPERATURE + 8.0) ** 4
    # Ground at air temperature sends sigma T^4; the wall's half of the sky by each model.
    if model == "isotropic":
        sky = SKY
    elif model == "sky_air_split":
        sky = air - np.sqrt(0.5) * (air - SKY)
    else:
        # Cosine-weighted mean of the weight over a wall's quarter sphere, by quadrature.
        from heatmat.sky import sky_longwave_weight

        m, w = np.polynomial.legendre.leggauss(400)
        up = 0.5 * (m + 1.0)
        # d(cos z) ring of a wall: 2 sqrt(1 - up^2) of the half azimuths, over pi / 2.
        ring = np.sqrt(1.0 - up**2) * sky_longwave_weight(model, up, 0.0)
        sky = air - (0.5 * w * ring).sum() / (np.pi / 4.0) * (air - SKY)
    wall = 0.5 * air + 0.5 * sky
    sigma = error[:4, :, 1]
    assert sigma.max() < 0.6
    assert (np.abs(mean[:4, :, 1] - wall) < 4.5 * sigma + 0.1).all()
    assert (np.abs(mean[4, :, 1] - SKY) < 4.5 * error[4, :, 1] + 0.1).all()


def test_unshaded_ground_reflects_all_global_light() -> None:
    """EnergyPlus's way: half the albedo times the global light, block or no block."""
    case = block(ground_reflection="unshaded")
    mean, error, normal = received(case)
    north = np.flatnonzero(normal[:, 1] > 0.9)
    steps = np.arange(144, 288)
    forcing = case.forcing
    east, north_sun = to_grid(
        *forcing.sun_direction[steps, :2].T, np.radians(case.maps.convergence_deg)
    )
    cosine = np.maximum(normal[north, :1] * east + normal[north, 1:] * north_sun, 0.0)
    wall = forcing.beam_normal[steps] * cosine + 0.5 * forcing.diffuse_isotropic[steps]
    wall = wall + forcing.diffuse_horizon[steps] + 0.5 * ALBEDO * forcing.ghi[steps]
    off = mean[north, :, 0] - wall
    assert (np.abs(off) < 4.5 * error[north, :, 0] + 0.5).all()
