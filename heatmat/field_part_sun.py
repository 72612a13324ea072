"""The sun on parts of pixels: shares of them, with the edges of shadows where they lie."""

from __future__ import annotations

import numpy as np

from heatmat.field_links import LEAP, Bundle, join_bundle
from heatmat.field_pixels import Parts
from heatmat.kernels import field_sun, layout, part_sun
from heatmat.kernels.heightfield import G_CROWNS
from heatmat.kernels.part_shade import PROBES
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ti
from heatmat.shadow_map import ShadowMap


def share_words(words: int) -> int:
    """Words of bytes for as many positions as `words` have bits."""
    return words << layout.SUN_BYTE


def shade_parts(
    bundle: Bundle,
    parts: Parts,
    nodes: np.ndarray,
    days: np.ndarray,
    field: RayField,
    shadows: ShadowMap,
) -> None:
    """Shares of the sun of every part's starts, and which of them march as one.

    Parameters
    ----------
    bundle : Bundle
        With starts placed, as many a part as it has samples, and `shares`.
    nodes, days : ndarray
        See `kernels.field_sun.sun_bits`.
    """
    rows, number = _probe_rows(parts)
    probe_f = ti.ndarray(dtype=ti.f32, shape=(number, layout.START_FLOATS))
    probe_i = ti.ndarray(dtype=ti.i32, shape=(number, layout.START_INTS))
    probe_i.fill(0)
    probe = to_device(rows)
    corners = ti.ndarray(dtype=ti.i32, shape=(len(parts), PROBES))
    words = bundle.bits.shape[1] >> layout.SUN_BYTE
    seen = ti.ndarray(dtype=ti.u32, shape=(number, words))
    towards = to_device(nodes)
    of_parts = (
        to_device(parts.cell.astype(np.int32)),
        to_device(parts.region),
        to_device(parts.inside),
        parts.columns,
        ti.Vector([*parts.corner, parts.size, 0.0], ti.f32),
        bundle.samples,
        bundle.start_f,
    )
    part_sun.place_probes(
        *of_parts,
        bundle.start_i,
        field.planes,
        to_device(parts.clear.astype(np.int32)),
        probe,
        corners,
        probe_f,
        probe_i,
    )
    bare = ti.Vector([field.grid_i[k] if k != G_CROWNS else 0 for k in range(4)], ti.i32)
    city = (*field.geometry, field.grid_f)
    field_sun.sun_bits(
        probe_f, probe_i, towards, to_device(days), seen, LEAP, *shadows.arguments(None), *city,
        bare,
    )  # fmt: skip
    part_sun.part_shares(
        *of_parts, probe, corners, probe_i, seen, towards, bundle.bits, *city, field.grid_i
    )
    join_bundle(bundle, field, together=False)


def _probe_rows(parts: Parts) -> tuple[np.ndarray, int]:
    """Which probes each part has, int32 (parts, PROBES), and how many there are.

    Cells that no edge comes near share their corners: all around one lie in the same region.
    """
    which = np.arange(PROBES)
    rows = np.empty((len(parts), PROBES), np.int32)
    cell = parts.cell[parts.clear]
    across = parts.columns + 1
    corner = (cell // parts.columns)[:, None] * across + (cell % parts.columns)[:, None]
    corner = corner + (which >> 1) * across + (which & 1)
    used = np.zeros(int(corner.max(initial=0)) + 1, bool)
    used[corner] = True
    number = np.cumsum(used, dtype=np.int32)
    rows[parts.clear] = number[corner] - 1
    shared = int(number[-1])
    alone = np.flatnonzero(~parts.clear)
    rows[alone] = shared + PROBES * np.arange(alone.size)[:, None] + which
    return rows, shared + PROBES * alone.size
