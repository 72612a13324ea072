"""Light and longwave of a wood whose leaves reflect and let through: all of it is accounted for.

Against photons followed one by one through the same leaves, in NumPy: what they send back, what
reaches the ground and what leaves take add up to all of it, and HeatMat's ground and leaves have
those shares.
"""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.field import Field
from heatmat.field_leaves import leaf_requests
from heatmat.field_solver import FieldSolver
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.requests import Requests
from heatmat.solver import Solver
from heatmat.units import STEFAN_BOLTZMANN
from tests.crown_case import grove
from tests.physics_case import local, make_series, plan_requests
from tests.validation.test_trees import HOUR, hours_of

TOP, TAU = 8.0, 0.3
"""Leaves from the ground on, so that no light comes in below them from the side."""
NOON = 11
HEIGHTS, LEAVES, REPLICATES = 4, 128, 8
"""Gauss points over the height, leaves at each and what their spread is taken from."""
HELD = {"layers": (), "temperature": BASE_TEMPERATURE, "solar_transmittance": 0.0}
SHORT, LONG = 0, 1


def across(rng: np.random.Generator, normal: np.ndarray) -> np.ndarray:
    """Directions with the density of the cosine around normals, shape (n, 3)."""
    side = np.where(np.abs(normal[:, :1]) > 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    a = np.cross(normal, side)
    a /= np.linalg.norm(a, axis=1)[:, None]
    u, turn = rng.random(len(normal)), 2.0 * np.pi * rng.random(len(normal))
    flat = np.sqrt(u)[:, None]
    b = np.cross(normal, a)
    flat_part = a * np.cos(turn)[:, None] + b * np.sin(turn)[:, None]
    return flat * flat_part + np.sqrt(1.0 - u)[:, None] * normal


def photons(albedo: float, beam: np.ndarray | None, count: int = 150_000) -> np.ndarray:
    """Shares sent back, of the ground (black) and of the leaves; light of an even sky, or a beam.

    Leaves turned every way alike are met with the cosine of incidence, and send what they do not
    take from either side, evenly (Ross 1981, The radiation regime and architecture of plant
    stands, chapter 4).
    """
    rng = np.random.default_rng(2)

    def either(n: int) -> np.ndarray:
        return np.where(rng.random(n) < 0.5, 1.0, -1.0)[:, None]

    down = np.tile([0.0, 0.0, -1.0], (count, 1))
    d = across(rng, down) if beam is None else np.tile(-beam, (count, 1))
    z = np.full(count, TOP)
    back = ground = taken = 0
    while z.size:
        z = z + rng.exponential(TOP / -np.log(TAU), z.size) * d[:, 2]
        back, ground = back + int((z > TOP).sum()), ground + int((z < 0.0).sum())
        inside = (z >= 0.0) & (z <= TOP)
        sent = inside & (rng.random(z.size) < albedo)
        taken += int((inside & ~sent).sum())
        z, d = z[sent], d[sent]
        leaf = across(rng, either(z.size) * d)
        d = across(rng, either(z.size) * leaf)
    return np.array([back, ground, taken]) / count


def wood(forcing: Forcing, albedo: float, emissivity: float) -> Case:
    """Leaves and black ground, both held at one temperature."""
    black = {**HELD, "albedo": 0.0, "emissivity": 1.0}
    leaf = {**HELD, "albedo": albedo, "emissivity": emissivity}
    return grove(
        forcing, half=False, top=TOP, base=0.0, transmissivity=TAU, margin=60.0, changes=black,
        leaf=leaf,
    )  # fmt: skip


def places(case: Case) -> tuple[Requests, Requests, np.ndarray]:
    """Leaves over a point, the ground there, and leaf area that each leaf stands for, both sides.

    Of leaves of area a a cubic metre rays meet a / 2 a metre.
    """
    x, y = local(case, [-20.0], [-15.0])[0]
    at, weight = np.polynomial.legendre.leggauss(HEIGHTS)
    z = np.repeat(0.5 * TOP * (1.0 + at), LEAVES)
    numbers, codes = leaf_requests(np.array([[[x, y, h]] * REPLICATES for h in z]))
    codes[:, layout.R_REPLICATE] = np.tile(np.arange(REPLICATES), z.size)
    keys = np.arange(len(codes), dtype=np.uint32)
    leaves = Requests(numbers, codes, keys, np.full(len(codes), -1, np.int32))
    area = np.repeat(0.5 * weight, LEAVES) * 4.0 * -np.log(TAU) / LEAVES
    return leaves, plan_requests(np.array([[x, y]])), area


def budget(solver: Solver | FieldSolver, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Net shortwave and longwave of ground and leaves [W/m2 of land], by replicate."""
    leaves, under, area = places(case)
    found = []
    for requests, rays in ((under, 512), (leaves, 8)):
        starts = solver.solve(requests, rays, full=True)
        assert starts.valid.all()
        both = starts.values[:, NOON, layout.Y_SHORTWAVE : layout.Y_LONGWAVE + 1].astype(float)
        found.append(both.reshape(-1, REPLICATES, 2))
    return found[0][0], np.einsum("i,irk->rk", area, found[1])


def error(by_replicate: np.ndarray) -> np.ndarray:
    """Standard error of the mean over replicates."""
    spread: np.ndarray = by_replicate.std(axis=0, ddof=1) / np.sqrt(REPLICATES)
    return spread


@pytest.mark.parametrize("light", ["diffuse", "beam"])
def test_what_comes_into_a_wood_is_accounted_for(light: str) -> None:
    """In less sent back, less of the ground, less of the leaves is nothing, within the noise."""
    albedo, emissivity, sky = 0.3, 0.9, 250.0
    beamed = light == "beam"
    forcing = make_series(dni=600.0, sky=sky) if beamed else make_series(dhi=200.0, sky=sky)
    case = wood(forcing, albedo, emissivity)
    stamps = hours_of(case)
    solver = Solver(case, "cpu", stamps=stamps)
    ground, leaves = budget(solver, case)
    solver.close()
    last = forcing.spin_up_steps + HOUR * (NOON + 1) - 1
    sun = np.asarray(forcing.sun_direction[last], float)
    falls = forcing.dni[last] * sun[2] if beamed else forcing.dhi[last]
    # All is at one temperature: what the sky lacks is shared out as its light is.
    incoming = {SHORT: float(falls), LONG: sky - STEFAN_BOLTZMANN * BASE_TEMPERATURE**4}
    for kind, sends in ((SHORT, albedo), (LONG, 1.0 - emissivity)):
        expected = photons(sends, sun if beamed and kind == SHORT else None)
        shares = np.stack([ground[:, kind], leaves[:, kind]]) / incoming[kind]
        noise = np.array([error(share) for share in shares])
        assert noise.max() < 0.012
        # Photons leave 0.001, Gauss's four points 0.001, paths that end after six surfaces nothing.
        assert (np.abs(shares.mean(axis=1) - expected[1:]) < 0.003 + 4.0 * noise).all()
        left = 1.0 - expected[0] - shares.sum(axis=0)
        assert abs(left.mean()) < 0.003 + 4.0 * error(left), (kind, left.mean())
    if beamed:
        return
    # The field, by the same leaves: paired, so that their turns drop out.
    field = Field(case, 4.0, stamps)
    field.march_chunk()
    by_field = budget(FieldSolver(field), case)
    less = (sum(by_field) - ground - leaves) / (ground + leaves).mean(axis=0)
    assert error(less).max() < 0.015
    assert (np.abs(less.mean(axis=0)) < 0.01 + 4.0 * error(less)).all(), less.mean(axis=0)
