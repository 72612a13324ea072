"""The sun by sweeps over a raster, against rays to every position."""

from __future__ import annotations

import numpy as np

from heatmat import field_links
from heatmat.chunks import plan_time
from heatmat.field_pixels import parts_of_cells, requests_of_parts
from heatmat.rayfield import RayField, sun_shares
from heatmat.runtime import ensure_device
from heatmat.shadow_map import ShadowMap, map_shadows
from tests.validation.test_city_day import courtyard

SAMPLES = 4


def test_sweeps_and_rays() -> None:
    """Of ground and roofs around a courtyard: 0.1 % of what rays see may differ, at edges.

    A start whose shadow is wrong for an hour would be one that looked behind a wall.
    """
    case = courtyard()
    maps = case.maps
    ensure_device("cpu")
    rays = RayField(case)
    chunk = plan_time(case.forcing, convergence_deg=maps.convergence_deg).chunks[0]
    parts = parts_of_cells(rays, maps.west, maps.south, 1.0, maps.nx, maps.ny, SAMPLES)
    requests = requests_of_parts(parts, np.arange(len(parts), dtype=np.uint32))
    words = (len(chunk.nodes) + 31) // 32
    bundle = field_links.empty_bundle(len(parts), SAMPLES, 4, 1, words)
    bundle.split.fill(0)
    field_links.place_bundle(bundle, requests, rays)
    shadows = map_shadows(case, rays, chunk.nodes)

    def bits(shadows: ShadowMap | None, leap: int) -> np.ndarray:
        before, field_links.LEAP = field_links.LEAP, leap
        try:
            field_links.shade_bundle(
                bundle, chunk.nodes, chunk.node_days, rays, together=False, shadows=shadows
            )
        finally:
            field_links.LEAP = before
        return sun_shares(bundle.bits.to_numpy(), len(chunk.nodes), rays.sun_size) > 0.5

    swept, traced = bits(shadows, field_links.LEAP), bits(None, 1)
    wrong = swept != traced
    assert 0.2 < traced.mean() < 0.9
    assert wrong.mean() < 1e-3
    assert wrong.sum(axis=1).max() * case.forcing.step < 3600.0
    settled = shadows.settled.to_numpy()
    known = np.unpackbits(settled[:, :, 0::2].copy().view(np.uint8)).sum()
    assert known > 0.8 * maps.nx * maps.ny * len(chunk.nodes)


def test_positions_of_some() -> None:
    """Every other position gives the bits that all of them have there."""
    case = courtyard()
    ensure_device("cpu")
    rays = RayField(case)
    chunk = plan_time(case.forcing, convergence_deg=case.maps.convergence_deg).chunks[0]
    shadows = map_shadows(case, rays, chunk.nodes)
    some = np.arange(0, len(chunk.nodes), 2)
    rest = map_shadows(case, rays, chunk.nodes[some])
    for k in (0, 1):
        of_all, of_some = (
            np.unpackbits(
                np.ascontiguousarray(s.settled.to_numpy()[:, :, k::2]).view(np.uint8),
                axis=2, bitorder="little",
            )
            for s in (shadows, rest)
        )  # fmt: skip
        assert np.array_equal(of_all[:, :, some], of_some[:, :, : some.size])
