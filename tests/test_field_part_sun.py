"""The sun on parts of pixels against a ray from every point of their lattice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from heatmat import field_links
from heatmat.case import Case
from heatmat.chunks import plan_time
from heatmat.field_part_sun import shade_parts, share_words
from heatmat.field_pixels import LATTICE, Parts, parts_of_cells, requests_of_parts
from heatmat.kernels import layout
from heatmat.rayfield import RayField, sun_shares
from heatmat.runtime import ensure_device
from heatmat.sampling_plan import KINDS, plan_squares
from heatmat.shadow_map import map_shadows
from tests.validation.test_city_day import courtyard

SAMPLES = 4

EVERY = 7
"""One part in so many is held against rays."""

FINE = 3
"""Rays along a side of the square around a point of a part's lattice."""


@pytest.fixture(scope="module")
def here() -> SimpleNamespace:
    """A courtyard on the device, with its sun positions and the parts of a turned-over grid."""
    case: Case = courtyard()
    maps = case.maps
    ensure_device("cpu")
    rays = RayField(case)
    chunk = plan_time(case.forcing, convergence_deg=maps.convergence_deg).chunks[0]
    # Edges cross these cells where they like.
    nx, ny = int(maps.nx * maps.resolution / 1.3) - 1, int(maps.ny * maps.resolution / 1.3) - 1
    parts = parts_of_cells(rays, maps.west + 0.37, maps.south + 0.23, 1.3, nx, ny, SAMPLES)
    found = SimpleNamespace(case=case, rays=rays, chunk=chunk, parts=parts)
    found.shares = shares(found)
    return found


def shares(here: SimpleNamespace) -> np.ndarray:
    """What `shade_parts` gives, (parts, samples, positions)."""
    words = (len(here.chunk.nodes) + 31) // 32
    bundle = field_links.empty_bundle(len(here.parts), SAMPLES, 4, 1, share_words(words))
    bundle.shares = True
    bundle.split.fill(0)
    requests = requests_of_parts(here.parts, np.arange(len(here.parts), dtype=np.uint32))
    field_links.place_bundle(bundle, requests, here.rays)
    shadows = map_shadows(here.case, here.rays, here.chunk.nodes)
    nodes, days = here.chunk.nodes, here.chunk.node_days
    shade_parts(bundle, here.parts, nodes, days, here.rays, shadows)
    seen = sun_shares(bundle.bits.to_numpy(), len(nodes), layout.SUN_BYTE)
    return seen.reshape(len(here.parts), SAMPLES, -1)


def points_of(parts: Parts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Part, x and y of `FINE` x `FINE` points around every point of the parts' lattices."""
    inside = np.unpackbits(parts.inside.view(np.uint8), axis=1, bitorder="little")
    part, point = (np.repeat(a, FINE**2) for a in np.nonzero(inside))
    step = parts.size / LATTICE
    cell = parts.cell[part]
    within = np.tile(np.arange(FINE**2), part.size // FINE**2)
    column = point % LATTICE + (within % FINE + 0.5) / FINE
    row = point // LATTICE + (within // FINE + 0.5) / FINE
    x = parts.corner[0] + cell % parts.columns * parts.size + column * step
    y = parts.corner[1] + cell // parts.columns * parts.size + row * step
    return part, x, y


def by_rays(
    here: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, every: int = EVERY
) -> np.ndarray:
    """Lit share of one part in `every` at every position: rays from where it is its region's."""
    monkeypatch.setattr(field_links, "LEAP", 1)
    part, x, y = points_of(here.parts)
    chosen = part % every == 0
    part, x, y = part[chosen] // every, x[chosen], y[chosen]
    nodes = here.chunk.nodes
    zero = np.zeros(x.size)
    requests = plan_squares(x, y, zero, np.full(x.size, KINDS["any"]), np.zeros(x.size, np.uint32))
    bundle = field_links.empty_bundle(x.size, 1, 4, 1, (len(nodes) + 31) // 32)
    bundle.split.fill(0)
    field_links.place_bundle(bundle, requests, here.rays)
    field_links.shade_bundle(bundle, nodes, here.chunk.node_days, here.rays, together=True)
    lit = sun_shares(bundle.bits.to_numpy(), len(nodes), layout.SUN_BIT)
    own = bundle.start_i.to_numpy()[:, layout.T_REGION] == here.parts.region[::every][part]
    total = np.zeros((part.max() + 1, len(nodes)))
    np.add.at(total, part[own], lit[own])
    return total / np.bincount(part[own])[:, None]


def test_shares_are_those_of_rays_from_everywhere(
    here: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an edge crosses a part, four positions are 0.15 off (root mean square).

    Walls and what they shade of the lattice's squares leave 0.017: squares that reach beyond their
    region, walls that were not looked for. The sweeps are wrong at less than one position in a
    thousand.
    """
    found, true = here.shares.mean(axis=1)[::EVERY], by_rays(here, monkeypatch)
    crossed = (true > 0.01) & (true < 0.99)
    away = found - true
    assert 0.01 < crossed.mean() < 0.2
    assert np.sqrt(np.mean(away[crossed] ** 2)) < 0.022
    assert abs(away.mean()) < 5e-4
    assert (np.abs(away) > 0.3).mean() < 1e-3


def test_light_and_shade_between_corners_of_one_kind(
    here: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2,300 positions at which parts of 5 m are partly lit, 94 have corners that are all alike.

    Next to positions with unlike corners all the same is looked for: 41 are left.
    """
    maps, size = here.case.maps, 5.0
    nx, ny = (int(n * maps.resolution / size) - 1 for n in (maps.nx, maps.ny))
    parts = parts_of_cells(here.rays, maps.west + 0.37, maps.south + 0.23, size, nx, ny, SAMPLES)
    large = SimpleNamespace(case=here.case, rays=here.rays, chunk=here.chunk, parts=parts)
    found = shares(large).mean(axis=1)
    true = by_rays(large, monkeypatch, every=1)
    missed = ((found == 0.0) & (true > 0.05)) | ((found == 1.0) & (true < 0.95))
    assert ((true > 0.05) & (true < 0.95)).sum() > 1500
    assert missed.sum() < 60


def test_one_start_at_most_is_partly_lit(here: SimpleNamespace) -> None:
    """A mean over sun and shade is not what convection cools: starts have one or the other."""
    partly = (here.shares > 0.0) & (here.shares < 1.0)
    assert partly.any()
    assert partly.sum(axis=1).max() == 1
    assert (np.diff(here.shares, axis=1) <= 0.0).all()
