"""Random numbers of the kernels: nets after scrambling, the right density, streams apart."""

import numpy as np
import pytest
from scipy import stats

from heatmat.kernels.draws import draw_directions, draw_points, draw_uniforms
from heatmat.runtime import ensure_device, ti


def points(keys: np.ndarray, count: int, first: int = 0) -> np.ndarray:
    """Scrambled points, shape (keys, count, 2)."""
    ensure_device("cpu")
    device = ti.ndarray(dtype=ti.u32, shape=keys.shape)
    device.from_numpy(keys.astype(np.uint32))
    out = ti.ndarray(dtype=ti.f32, shape=(keys.size, count, 2))
    draw_points(device, out, first)
    return out.to_numpy()


@pytest.mark.parametrize("first", [0, 64, 960])
def test_aligned_powers_of_two_are_nets(rng: np.random.Generator, first: int) -> None:
    """Every elementary interval of area 1 / 64 holds one of 64 points, whatever the scramble."""
    drawn = points(rng.integers(0, 2**32, 40, dtype=np.uint64), 64, first)
    for columns in range(7):
        nx, ny = 2**columns, 2 ** (6 - columns)
        cell = np.floor(drawn[..., 0] * nx) * ny + np.floor(drawn[..., 1] * ny)
        assert (np.sort(cell, axis=1) == np.arange(64)).all()


def test_scrambles_are_uniform_and_apart(rng: np.random.Generator) -> None:
    keys = rng.integers(0, 2**32, 4096, dtype=np.uint64)
    drawn = points(keys, 4)
    for dimension in range(2):
        one = drawn[:, 1, dimension]  # the same index in every stream
        assert stats.kstest(one, "uniform").pvalue > 1e-3
        # Neighbouring keys, and the two dimensions, know nothing of each other: five standard
        # errors of a correlation.
        assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 5 / np.sqrt(keys.size)
    assert abs(np.corrcoef(drawn[:, 1, 0], drawn[:, 1, 1])[0, 1]) < 5 / np.sqrt(keys.size)
    consecutive = points(np.arange(4096, dtype=np.uint64), 1)[:, 0, 0]
    assert abs(np.corrcoef(consecutive[:-1], consecutive[1:])[0, 1]) < 5 / np.sqrt(4096)
    assert stats.kstest(consecutive, "uniform").pvalue > 1e-3


def test_scrambled_nets_beat_independent_draws(rng: np.random.Generator) -> None:
    """A smooth integral over 256 points: the net's spread is a small part of 1 / sqrt(n)."""
    drawn = points(rng.integers(0, 2**32, 200, dtype=np.uint64), 256)
    value = np.exp(drawn[..., 0] + drawn[..., 1]).mean(axis=1)
    exact = (np.e - 1.0) ** 2
    independent = np.sqrt(((np.e**2 - 1) / 2) ** 2 - exact**2) / 16.0
    assert value.std() < 0.05 * independent
    assert abs(value.mean() - exact) < 4 * value.std() / np.sqrt(200)


def test_plain_numbers_are_uniform(rng: np.random.Generator) -> None:
    ensure_device("cpu")
    keys = ti.ndarray(dtype=ti.u32, shape=(64,))
    keys.from_numpy(np.arange(64, dtype=np.uint32))
    out = ti.ndarray(dtype=ti.f32, shape=(64, 1024))
    draw_uniforms(keys, out)
    drawn = out.to_numpy()
    counts = np.histogram(drawn, bins=64, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-3
    lag = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in drawn]
    assert np.abs(lag).max() < 5 / np.sqrt(1024)
    assert drawn.max() < 1.0 and drawn.min() >= 0.0


@pytest.mark.parametrize(
    "normal",
    [(0, 0, 1), (0, 0, -1), (1, 0, 0), (0, -1, 0), (0.6, 0.0, 0.8), (-0.48, 0.6, 0.64)],
)
def test_directions_are_cosine_weighted(rng: np.random.Generator, normal: tuple) -> None:
    """Equal counts in rings of equal sin^2 and in equal sectors about the normal."""
    ensure_device("cpu")
    drawn = rng.random((40_000, 2)).astype(np.float32)
    given = ti.ndarray(dtype=ti.f32, shape=drawn.shape)
    given.from_numpy(drawn)
    out = ti.ndarray(dtype=ti.f32, shape=(drawn.shape[0], 3))
    draw_directions(given, *map(float, normal), out)
    directions = out.to_numpy().astype(float)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, atol=1e-5)
    n = np.asarray(normal, float)
    cosine = directions @ n
    assert cosine.min() > -1e-5
    one = np.cross(n, [0, 1, 0] if abs(n[1]) < 0.9 else [1, 0, 0])
    one /= np.linalg.norm(one)
    angle = np.arctan2(directions @ np.cross(n, one), directions @ one)
    counts = np.histogram2d(cosine**2, angle, bins=(8, 12), range=((0, 1), (-np.pi, np.pi)))[0]
    assert stats.chisquare(counts.ravel()).pvalue > 1e-3
