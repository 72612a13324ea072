"""Every sampler against its density: chi-square tests, corrected for their number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from heatmat.kernels import layout
from heatmat.sampling_plan import KINDS, plan_squares, wall_patches
from heatmat.solver import Requests, Solver
from heatmat.validation.block import ANNEX, ANNEX_HEIGHT, ORIGIN, OUTER, block_shapes

NORMALS = (
    (0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.6, 0.0, 0.8),
    (-0.48, 0.6, 0.64),
)  # fmt: skip
SHARES = (0.5, 0.3, 0.15, 0.05)
"""Of a composition of four constructions."""
LEAST = 5.0
"""Cells with fewer expected draws are put together."""


def sampler_rows(solver: Solver, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row a test: sampler, draws, cells and p-value.

    Parameters
    ----------
    solver : Solver
        Of the block.
    draws : int
        Of each sampler, a power of two.
    rng : numpy.random.Generator
    """
    tests = [
        *_numbers(draws, rng),
        *_directions(draws, rng),
        *_choices(draws, rng),
        *_positions(solver, draws, rng),
        *_recorded(solver, draws // 4, rng),
    ]
    return pd.DataFrame(tests, columns=["sampler", "draws", "cells", "p-value"])


def corrected(p_values: np.ndarray) -> float:
    """Probability that the least of so many independent p-values is as small (Sidak 1967)."""
    return float(-np.expm1(p_values.size * np.log1p(-p_values.min())))


Row = tuple[str, int, int, float]


def chi_square(name: str, counts: np.ndarray, shares: np.ndarray) -> Row:
    """Counts against the shares that they should have, small cells together."""
    from scipy.stats import chi2

    counts, shares = counts.ravel().astype(float), shares.ravel() / shares.sum()
    total = counts.sum()
    order = np.argsort(-shares)
    counts, expected = counts[order], total * shares[order]
    enough = max(1, int((expected >= LEAST).sum()))
    if enough < counts.size:
        counts = np.append(counts[:enough], counts[enough:].sum())
        expected = np.append(expected[:enough], expected[enough:].sum())
    known = expected > 0.0
    if counts[~known].any():
        return name, int(total), int(known.sum()), 0.0  # a draw where none may be
    statistic = float(((counts - expected)[known] ** 2 / expected[known]).sum())
    return name, int(total), int(known.sum()), float(chi2.sf(statistic, known.sum() - 1))


def _cells(x: np.ndarray, y: np.ndarray, nx: int, ny: int) -> np.ndarray:
    """Counts in equal cells of the unit square."""
    edges = [np.linspace(0.0, 1.0, nx + 1), np.linspace(0.0, 1.0, ny + 1)]
    return np.histogram2d(x, y, edges)[0]


def _keys(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 2**32, count, dtype=np.uint64).astype(np.uint32)


def _numbers(draws: int, rng: np.random.Generator) -> list[Row]:
    """Points of scrambled sequences: one of each, since points of one are too even by design."""
    from heatmat.kernels.draws import draw_points, draw_uniforms
    from heatmat.rayfield import to_device
    from heatmat.runtime import ti

    rows = []
    for name, keys in (
        ("Sobol points, random streams", _keys(draws, rng)),
        ("Sobol points, neighbouring streams", np.arange(draws, dtype=np.uint32)),
    ):
        out = ti.ndarray(dtype=ti.f32, shape=(draws, 2, 2))
        draw_points(to_device(keys), out, 4)
        points = out.to_numpy().astype(float)
        counts = _cells(points[:, 0, 0], points[:, 0, 1], 16, 16)
        rows.append(chi_square(name, counts, np.ones((16, 16))))
        # The fifth and the sixth point of a sequence never share a half.
        halves = _cells(points[:, 0, 0], points[:, 1, 0], 2, 2)
        rows.append(chi_square(f"{name}, one and the next", halves, np.array([[0, 1], [1, 0]])))
    out = ti.ndarray(dtype=ti.f32, shape=(draws // 256, 256))
    draw_uniforms(to_device(np.arange(draws // 256, dtype=np.uint32)), out)
    plain = out.to_numpy().astype(float)
    pairs = _cells(plain[:, :-1].ravel(), plain[:, 1:].ravel(), 16, 16)
    rows.append(chi_square("plain numbers", np.histogram(plain, 64, (0, 1))[0], np.ones(64)))
    rows.append(chi_square("plain numbers, one and the next", pairs, np.ones((16, 16))))
    return rows


def _directions(draws: int, rng: np.random.Generator) -> list[Row]:
    """Equal counts in rings of equal sin^2 and in equal sectors about the normal."""
    from heatmat.kernels.draws import draw_directions
    from heatmat.rayfield import to_device
    from heatmat.runtime import ti

    rows = []
    for normal in NORMALS:
        given = to_device(rng.random((draws, 2)).astype(np.float32))
        out = ti.ndarray(dtype=ti.f32, shape=(draws, 3))
        draw_directions(given, *normal, out)
        directions, n = out.to_numpy().astype(float), np.array(normal)
        one = np.cross(n, [0, 1, 0] if abs(n[1]) < 0.9 else [1, 0, 0])
        one /= np.linalg.norm(one)
        angle = np.arctan2(directions @ np.cross(n, one), directions @ one)
        ring = np.clip(directions @ n, 0.0, 1.0) ** 2
        counts = _cells(ring, angle / (2.0 * np.pi) + 0.5, 8, 12)
        name = "directions about " + " ".join(f"{x:g}" for x in normal)
        rows.append(chi_square(name, counts, np.ones((8, 12))))
    return rows


def _choices(draws: int, rng: np.random.Generator) -> list[Row]:
    """Constructions by their shares, and the first ray that a path follows."""
    from heatmat.kernels.draws import draw_constructions, draw_primaries
    from heatmat.rayfield import to_device
    from heatmat.runtime import ti

    def numbers() -> object:
        return to_device(rng.random(draws).astype(np.float32))

    out = ti.ndarray(dtype=ti.i32, shape=(draws,))
    entries = np.zeros((1, layout.MAX_ENTRIES), np.int32)
    shares = np.zeros((1, layout.MAX_ENTRIES), np.float32)
    entries[0, : len(SHARES)], shares[0, : len(SHARES)] = np.arange(len(SHARES)), SHARES
    draw_constructions(numbers(), 0, to_device(entries), to_device(shares), out)
    counts = np.bincount(out.to_numpy(), minlength=len(SHARES))
    rows = [chi_square("constructions of a composition", counts, np.array(SHARES))]
    first = np.full((1, 64), 0.5, np.float32)
    met = rng.permutation(64)[:23]
    first[0, met] = layout.HIT_SURFACE
    for ray in (0, 5):
        draw_primaries(numbers(), to_device(first), met.size, ray, out)
        counts = np.bincount(out.to_numpy(), minlength=64)
        rows.append(
            chi_square(f"first ray that path {ray} follows", counts, np.isin(np.arange(64), met))
        )
    return rows


def _positions(solver: Solver, draws: int, rng: np.random.Generator) -> list[Row]:
    """Starts in a square and on a patch of wall, where parts of both are not asked for."""
    maps = solver.case.maps
    shift = np.array(ORIGIN) - np.array(maps.origin)
    return [_in_a_square(solver, shift, kind, draws, rng) for kind in ("ground", "roof", "any")] + [
        _on_a_wall(solver, shift, draws, rng)
    ]


def _squares(
    middle: np.ndarray, half: float, kind: str, draws: int, rng: np.random.Generator
) -> Requests:
    """The same square again and again, each with a random stream of its own."""
    one = np.ones(draws)
    kinds = np.full(draws, KINDS[kind])
    return plan_squares(middle[0] * one, middle[1] * one, half * one, kinds, _keys(draws, rng))


def _in_a_square(
    solver: Solver, shift: np.ndarray, kind: str, draws: int, rng: np.random.Generator
) -> Row:
    """A square of 24 m over a corner of the court: cells by their area of the kind."""
    from shapely import box, union_all

    middle, half, cells = np.array([-8.0, -6.0]), 12.0, 8
    requests = _squares(middle + shift, half, kind, draws, rng)
    place, valid = _placed(solver, requests)
    assert valid.all()
    low = middle - half
    edges = [np.linspace(a, a + 2.0 * half, cells + 1) for a in low]
    found = place[:, :2] - shift
    counts = np.histogram2d(found[:, 0], found[:, 1], edges)[0]
    size = 2.0 * half / cells
    built = union_all(block_shapes()[0])
    area = np.empty((cells, cells))
    for i in range(cells):
        for j in range(cells):
            x, y = low[0] + i * size, low[1] + j * size
            roof = built.intersection(box(x, y, x + size, y + size)).area
            area[i, j] = {"roof": roof, "ground": size**2 - roof, "any": size**2}[kind]
    return chi_square(f"positions in a square, {kind}", counts, np.where(area > 1e-9, area, 0.0))


def _on_a_wall(solver: Solver, shift: np.ndarray, draws: int, rng: np.random.Generator) -> Row:
    """The block's west wall, which its annex covers in part."""
    maps = solver.case.maps
    ab = maps.facade_ab.astype(float) - np.tile(shift, 2)
    west = -0.5 * OUTER[0]
    long = np.abs(ab[:, 3] - ab[:, 1]) > 0.9 * OUTER[1]
    facade = int(np.flatnonzero(long & (np.abs(ab[:, [0, 2]] - west) < 0.01).all(axis=1))[0])
    top = float(maps.facade_z[facade, 1])
    one = np.ones(draws)
    requests = wall_patches(
        np.full(draws, facade), 0.0 * one, OUTER[1] * one, 0.0 * one, top * one, _keys(draws, rng)
    )
    place, valid = _placed(solver, requests)
    assert valid.all()
    along, up = 15, 12
    edges = (np.linspace(-0.5, 0.5, along + 1) * OUTER[1], np.linspace(0.0, top, up + 1))
    counts = np.histogram2d(place[:, 1] - shift[1], place[:, 2], edges)[0]
    wide, high = np.diff(edges[0])[0], np.diff(edges[1])[0]
    beside = np.clip(np.minimum(edges[0][1:], ANNEX[3]) - np.maximum(edges[0][:-1], ANNEX[1]), 0, 9)
    under = np.clip(np.minimum(edges[1][1:], ANNEX_HEIGHT) - edges[1][:-1], 0.0, high)
    area = wide * high - beside[:, None] * under[None, :]
    return chi_square(
        "positions on a wall over a lower neighbour", counts, np.where(area > 1e-9, area, 0.0)
    )


def _placed(solver: Solver, requests: Requests) -> tuple[np.ndarray, np.ndarray]:
    """Positions and validity of starts."""
    start_f, start_i, _, _ = solver.place(requests)
    place = start_f.to_numpy()[:, layout.S_X : layout.S_Z + 1].astype(float)
    return place, start_i.to_numpy()[:, layout.T_VALID] == 1


def _recorded(solver: Solver, draws: int, rng: np.random.Generator) -> list[Row]:
    """Paths from the courtyard as the solver recorded them: numbers drawn on, and the roulette."""
    from scipy.stats import norm

    from heatmat.runtime import ti

    at = np.array(ORIGIN) - np.array(solver.case.maps.origin)
    solver.solve(_squares(at, 0.0, "ground", draws, rng), 1)
    count = draws * (layout.MAX_VERTICES + 1)
    number = solver._buffer("vertex_f", (count, layout.VERTEX_FLOATS)).to_numpy()
    looks = solver._buffer("looks", (count, layout.LOOKS)).to_numpy()
    depth = solver._buffer("depth", (draws,), ti.i32).to_numpy()
    shape = (draws, layout.MAX_VERTICES + 1)
    met = (looks == layout.HIT_SURFACE).mean(axis=1).reshape(shape)
    went_on = (number[:, layout.V_ONWARD] > 0.0).reshape(shape)
    material = number[:, layout.V_MATERIAL].reshape(shape)
    rows = []
    for k in range(1, layout.MAX_VERTICES):
        here = depth >= k
        drawn = material[here, k]
        if k <= 3:
            rows.append(
                chi_square(f"number for the construction of surface {k}",
                           np.histogram(drawn, 16, (0.0, 1.0))[0], np.ones(16))
            )  # fmt: skip
        p = met[here, k] * (1.0 if k <= 2 else 0.5)
        spread = np.sqrt((p * (1.0 - p)).sum())
        z = (went_on[here, k].sum() - p.sum()) / spread
        rows.append((f"roulette at surface {k}", int(here.sum()), 2, float(2.0 * norm.sf(abs(z)))))
    return rows
