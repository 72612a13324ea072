"""Boxes whose temperatures are known, for the 3D paths."""

from __future__ import annotations

import numpy as np

from heatmat.construction import Construction, Layer
from heatmat.reference.climate import Climate
from heatmat.reference.mesh import AIR, ROOF, SLAB_SIDE, SOLID, VOID, Mesh
from heatmat.units import STEFAN_BOLTZMANN

STEPS = 144
BASE = 293.15

# Corners of each side of a box, counter-clockwise seen from outside: -x +x -y +y -z +z
SIDES = [(0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6)]


def box_mesh(
    low: tuple,
    high: tuple,
    *,
    kinds: list[int] | None = None,
    fronts: list[int] | None = None,
    inside_out: bool = False,
) -> Mesh:
    """A solid box; `kinds` and `fronts` label its sides -x +x -y +y -z +z.

    Inside out it is a room in a solid whose faces look into it.
    """
    bounds = np.array([low, high], float)
    corners = np.array([[bounds[k >> a & 1, a] for a in range(3)] for k in range(8)])
    faces = []
    for a, b, c, d in SIDES:
        pair = [(a, b, c), (a, c, d)]
        faces += [f[::-1] for f in pair] if inside_out else pair
    kinds = kinds or [ROOF] * 6
    fronts = fronts or [AIR] * 6
    zero = np.zeros(12, np.int32)
    return Mesh(
        vertices=corners.astype(np.float32),
        faces=np.array(faces, np.int32),
        kind=np.repeat(kinds, 2).astype(np.int32),
        building=zero,
        construction=zero,
        front=np.repeat(fronts, 2).astype(np.int32),
        behind=np.full(12, SOLID, np.int32),
        constructions=("solid",),
        counts={},
    )


def slab_mesh(thickness: float, lower_kind: int, lower_front: int) -> Mesh:
    """A wide slab whose upper face is open to the sky."""
    return box_mesh(
        (-20.0, -20.0, 0.0),
        (20.0, 20.0, thickness),
        kinds=[SLAB_SIDE] * 4 + [lower_kind, ROOF],
        fronts=[VOID] * 4 + [lower_front, AIR],
    )


def solid(
    thickness: float,
    conductivity: float = 0.7,
    density: float = 1700.0,
    heat: float = 900.0,
    albedo: float = 0.3,
    emissivity: float = 0.9,
) -> Construction:
    """A construction of one layer."""
    layer = Layer(thickness, conductivity, density, heat)
    return Construction("solid", "roof", (layer,), albedo, emissivity)


def climate(
    air: np.ndarray | float = 0.0,
    sky: np.ndarray | float | None = None,
    light: np.ndarray | float = 0.0,
    indoor: float = 0.0,
    deep: float = 0.0,
    film: float = 12.0,
) -> Climate:
    """One day of 10-minute steps that repeats; temperatures are departures from `BASE`.

    `light` is diffuse horizontal irradiance at the middles of the steps.
    """
    air = np.broadcast_to(np.asarray(air, float), STEPS + 1)
    sky = air if sky is None else np.broadcast_to(np.asarray(sky, float), STEPS + 1)
    stamps = np.zeros((6, STEPS + 1), np.float32)
    stamps[0], stamps[1], stamps[4], stamps[5] = air, sky, indoor, deep
    stamps[2] = 4.0 * STEFAN_BOLTZMANN * BASE**3
    steps = np.zeros((6, STEPS), np.float32)
    steps[4] = light
    return Climate(stamps, steps, 600.0, STEPS, BASE, film, 0.0, 0.0, 0)


def wave_of_slab(
    frequency: float, c: Construction, film_out: float, film_in: float
) -> tuple[complex, complex]:
    """Surface temperature for a unit wave of what is outside, and of light absorbed [K, K m2 W-1].

    `film_out` joins the surface to the outside temperature, `film_in` the inner face to a constant
    (inf: held). Carslaw and Jaeger 1959, section 3.7: the slab's transfer matrix at a frequency.
    """
    layer = c.layers[0]
    k, capacity = layer.thermal_conductivity, layer.volumetric_heat_capacity
    q = np.sqrt(1j * frequency * capacity / k)
    x = q * layer.thickness
    if np.isinf(film_in):
        into = k * q / np.tanh(x)
    else:
        into = (
            k
            * q
            * (k * q * np.sinh(x) + film_in * np.cosh(x))
            / (k * q * np.cosh(x) + film_in * np.sinh(x))
        )
    return film_out / (film_out + into), 1.0 / (film_out + into)
