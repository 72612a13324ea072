"""Points that rays meet nearby: marched for themselves, in place of the coarse texels around them.

Seen from a corner a texel is large, and where a shadow's edge cuts it, it may be off by more than a
kelvin at the ray's end. Such points are starts like any other, with their own sun, and what leaves
them is kept beside the field as if they were texels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.field_launch import Neighbours, march
from heatmat.field_links import Bundle, empty_bundle, link_bundle, place_bundle, shade_bundle
from heatmat.field_units import texel_units
from heatmat.kernels import layout
from heatmat.kernels.field_march import GROUP_STATE
from heatmat.kernels.texels import NEAR_PLAN, NOT_NEAR
from heatmat.requests import Requests
from heatmat.runtime import ti

if TYPE_CHECKING:
    from heatmat.chunks import Chunk
    from heatmat.field import Field
    from heatmat.field_places import Effort

NEAR_RAYS = 4
"""Rays of a point that another point's ray met nearby, a power of two."""

SCRAMBLE = 0x9E3779B9
"""Turns the number of a ray into a random stream of its own."""


def near_requests(
    near: tuple[ti.Ndarray, ti.Ndarray], requests: Requests
) -> tuple[np.ndarray, Requests]:
    """Where in the links the near hits stand, and the points that they met."""
    facade = near[1].to_numpy()
    at = np.flatnonzero(facade.ravel() != NOT_NEAR)
    facade = facade.ravel()[at]
    codes = np.zeros((at.size, 5), np.int32)
    plan = facade == NEAR_PLAN
    codes[:, layout.R_TYPE] = np.where(plan, layout.REQUEST_PLAN, layout.REQUEST_WALL)
    codes[:, layout.R_KIND] = layout.ANY_KIND
    codes[:, layout.R_FACADE] = facade
    start, slot = np.divmod(at, near[1].shape[1])
    codes[:, layout.R_SAMPLE] = 0
    with np.errstate(over="ignore"):
        number = (1 + slot).astype(np.uint32) * np.uint32(SCRAMBLE)
        number ^= requests.codes[start, layout.R_SAMPLE].astype(np.uint32) * np.uint32(0x85EBCA6B)
        number ^= requests.codes[start, layout.R_REPLICATE].astype(np.uint32) << np.uint32(16)
        keys = requests.keys[start].astype(np.uint32) + number
    numbers = near[0].to_numpy().reshape(-1, 4)[at]
    return at, Requests(numbers, codes, keys, np.full(at.size, -1, np.int32))


def march_near(
    field: Field,
    bundle: Bundle,
    near: tuple[ti.Ndarray, ti.Ndarray],
    requests: Requests,
    effort: Effort,
    chunk: Chunk,
) -> ti.Ndarray:
    """March the near hits of a bundle and point its links at them.

    Returns
    -------
    ti.Ndarray of uint32
        Series that leave the points, `field.words` each.
    """
    from heatmat.field import PASSES

    none = ti.ndarray(dtype=ti.u32, shape=(1,))
    if effort.near <= 0.0:
        return none
    at, points = near_requests(near, requests)
    if not at.size:
        return none
    here = empty_bundle(at.size, 1, NEAR_RAYS, 1, field.sun_words)
    codes, keys = place_bundle(here, points, field.rays)
    link_bundle(here, codes, keys, field.rays, field.lookup, field.tables)
    shade_bundle(
        here, chunk.nodes, chunk.node_days, field.rays, together=True, shadows=field.shadow_map
    )
    entries, shares = field.case.composition_arrays()
    units = texel_units(here, entries, shares)
    store = ti.ndarray(dtype=ti.u32, shape=(at.size * field.words,))
    begin, end = (ti.ndarray(dtype=ti.f32, shape=(units.count, GROUP_STATE)) for _ in range(2))
    first = 0
    for stage in field.place_stages:
        march(
            field,
            here,
            units,
            Neighbours.none(),
            stage,
            stage.sizes(first, PASSES),
            (field.store, field.words, store),
            begin,
            end,
            ti.ndarray(dtype=ti.f32, shape=(1, 1)),
            texels=True,
            light=False,
        )
        begin, end = end, begin
        first += stage.rows
    links = bundle.links.to_numpy().ravel()
    found = here.start_i.to_numpy()[:, layout.T_VALID] == 1
    # What rounding hides behind a corner stays with the texel.
    links[at[found]] = field.texels.count + np.flatnonzero(found)
    bundle.links.from_numpy(links.reshape(bundle.links.shape))
    return store
