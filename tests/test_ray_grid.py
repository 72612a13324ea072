"""The grid of the rays: envelopes never too low, regions, and cells that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.kernels.heightfield import BORDER, SKY
from heatmat.kernels.layout import ENVELOPE_SLOPES
from heatmat.ray_benchmark import RaySet, Shots
from heatmat.ray_grid import CELL, LONGEST_DETOUR, build_ray_grid, envelope, regions_at
from heatmat.rayfield import RayField
from tests.kernels.test_heightfield import Rays, flat_city, rays_above, sloped_city


def test_envelopes_bound_every_cone(rng: np.random.Generator) -> None:
    top = rng.uniform(0.0, 30.0, (13, 17)) * (rng.uniform(size=(13, 17)) < 0.2)
    j, i = np.indices(top.shape)
    for drop in (0.4, 2.8, 17.6):
        found = envelope(top, drop)
        # From the nearest points of two cells, as the crow flies.
        apart = np.hypot(
            np.maximum(np.abs(i[..., None, None] - i) - 1, 0),
            np.maximum(np.abs(j[..., None, None] - j) - 1, 0),
        )
        exact = (top - drop * apart).max(axis=(2, 3))
        assert (found >= exact - 1e-9).all()
        # No idle bound: it is that of cones which fall by an eighth less at most.
        assert (found <= (top - drop / LONGEST_DETOUR * apart).max(axis=(2, 3)) + 1e-9).all()


def test_cells_hold_tops_regions_and_envelopes() -> None:
    maps = sloped_city()
    grid = build_ray_grid(maps, 5.0)
    cells = grid.cells.reshape(grid.ny + 2, grid.nx + 2, CELL)
    assert not cells[[0, -1]][..., :2].any() and not cells[:, [0, -1]][..., :2].any()
    # Every cell's own top lies under all its envelopes, and steeper ones lie lower.
    assert (cells[..., 2:] >= cells[..., :1]).all()
    assert (np.diff(cells[..., 2:], axis=2) <= 0.0).all()
    assert cells.shape[2] == 2 + len(ENVELOPE_SLOPES)
    codes = cells[1:-1, 1:-1, 1]
    headings = -1 - codes[codes < 0].astype(int)
    assert (grid.block_edges[headings] == -1).all()
    assert np.unique(headings).size == headings.size == (grid.block_edges == -1).sum()


@pytest.mark.parametrize("made", [flat_city, sloped_city])
def test_regions_are_those_of_the_kernels(rng: np.random.Generator, made) -> None:  # noqa: ANN001
    """NumPy on the maps' cells, the kernel on the rays' cells: one partition."""
    rays = Rays(made())
    xy = rays_above(rays, rng, 20_000)[:, :2].astype(float)
    assert (regions_at(rays.maps, xy) != rays.regions(xy)).sum() <= 1  # on an edge, to rounding


@pytest.mark.parametrize("made", [flat_city, sloped_city])
def test_what_a_ray_hits_does_not_depend_on_the_cells(
    rng: np.random.Generator,
    made,  # noqa: ANN001
) -> None:
    rays = Rays(made())
    given = RaySet("any", rays_above(rays, rng, 20_000), np.full(20_000, -1, np.int32))
    answers = []
    for cell in (1.3, 8.0, 31.0):
        shots = Shots(RayField(rays.case, cell), given)
        shots.first()
        shots.any()
        what, distance = shots.what.to_numpy(), shots.distance.to_numpy()
        meets = (what[:, 0] != SKY) & (what[:, 0] != BORDER)
        # A ray that is stopped early is one that meets something.
        np.testing.assert_array_equal(shots.blocked.to_numpy() == 1, meets)
        answers.append((what, np.where(meets, distance, 0.0)))
    for what, distance in answers[1:]:
        other = (what != answers[0][0]).any(axis=1)
        assert other.sum() <= 2  # rays through a corner, to rounding
        np.testing.assert_allclose(distance[~other], answers[0][1][~other], rtol=1e-5, atol=1e-3)
