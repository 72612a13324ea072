"""Choices of a path: the construction of a composition, and the first ray that is followed."""

from __future__ import annotations

import numpy as np

from heatmat.kernels import layout
from heatmat.kernels.draws import draw_constructions, draw_primaries, survival_of
from heatmat.rayfield import to_device
from heatmat.runtime import ensure_device, ti


def test_constructions_by_their_shares() -> None:
    ensure_device("cpu")
    numbers = np.array([0.0, 0.49, 0.51, 0.79, 0.81, 0.999], np.float32)
    entries = np.zeros((1, layout.MAX_ENTRIES), np.int32)
    shares = np.zeros((1, layout.MAX_ENTRIES), np.float32)
    entries[0, :3], shares[0, :3] = (7, 3, 5), (0.5, 0.3, 0.2)
    out = ti.ndarray(dtype=ti.i32, shape=(6,))
    draw_constructions(to_device(numbers), 0, to_device(entries), to_device(shares), out)
    assert out.to_numpy().tolist() == [7, 7, 3, 3, 5, 5]


def test_paths_follow_neighbours_among_the_rays_that_hit() -> None:
    ensure_device("cpu")
    first = np.full((1, 8), 0.5, np.float32)
    met = np.array([1, 4, 6])
    first[0, met] = layout.HIT_SURFACE
    numbers = to_device(np.array([0.0, 0.34, 0.67, 0.99], np.float32))
    out = ti.ndarray(dtype=ti.i32, shape=(4,))
    for ray, expected in ((0, [1, 4, 6, 6]), (1, [4, 6, 1, 1]), (3, [1, 4, 6, 6])):
        draw_primaries(numbers, to_device(first), met.size, ray, out)
        assert out.to_numpy().tolist() == expected


def test_survival_follows_the_share_of_hits() -> None:
    ensure_device("cpu")
    vertices = np.array([1, 2, 3, 5], np.int32)
    shares = np.full(4, 0.75, np.float32)
    out = ti.ndarray(dtype=ti.f32, shape=(4,))
    survival_of(to_device(vertices), to_device(shares), 0, out)
    assert out.to_numpy().tolist() == [0.75, 0.75, 0.375, 0.375]
    # Those of differences end less often, at the third surface as at the first.
    survival_of(to_device(vertices), to_device(shares), 1, out)
    np.testing.assert_allclose(out.to_numpy(), np.sqrt(0.75), rtol=1e-6)
