"""What a field and its maps will hold in memory, before any of it is made."""

from __future__ import annotations

import numpy as np

from heatmat.case import Case
from heatmat.errors import MemoryLimitError
from heatmat.field_texels import SAMPLES, count_wall_texels
from heatmat.field_time import series_words

REGIONS = 2.0
"""Regions of a coarse cell, on average at most (1.5 at 4 m in Paris)."""

COPIES = 3
"""Series of every texel at a time: what is read, what is written, and the other half's."""

START_BYTES = 230
"""Of a texel's start: record, links, shares, request, with the host's copies of them."""

UNIT_BYTES = 260
"""Of a texel beside its starts: states of two stages, unit, tables."""

BASE_BYTES = 700 << 20
"""What Python, the compiled kernels and a tile of a map take."""


def count_texels(case: Case, size: float) -> float:
    """Upper estimate of a field's texels of `size` [m]."""
    maps = case.maps
    cells = maps.nx * maps.ny * maps.resolution**2 / size**2
    return REGIONS * cells + count_wall_texels(maps, size)


def field_memory(case: Case, size: float) -> int:
    """Upper estimate of what a run with a field holds [bytes].

    Parameters
    ----------
    case : Case
    size : float
        Of the texels [m].
    """
    texels = count_texels(case, size)
    words = series_words(case.forcing)
    # The sun's positions of half hours, a bit each.
    sun = 4 * (2 + words // 64)
    each = 4 * words * COPIES + SAMPLES * (START_BYTES + sun) + UNIT_BYTES
    return int(texels * each) + BASE_BYTES


def check_field_memory(case: Case, size: float, limit: int, *, where: str = "") -> int:
    """Refuse a field that would not fit, before anything is allocated.

    Parameters
    ----------
    limit : int
        What may be used [bytes].
    where : str
        Named in the error.

    Returns
    -------
    int
        The estimate [bytes].

    Raises
    ------
    MemoryLimitError
        With the finest texels that fit as its remedy.
    """
    needed = field_memory(case, size)
    if needed <= limit:
        return needed
    sizes = size * 2.0 ** (0.5 * np.arange(1, 9))
    fits = next((s for s in sizes if field_memory(case, s) <= limit), None)
    remedy = "shorten the window or take a smaller extent"
    if fits is not None:
        remedy = f"set [solver] field_resolution_m = {np.ceil(2.0 * fits) / 2.0:g}, or {remedy}"
    raise MemoryLimitError(
        "the field would not fit into memory",
        where=where,
        expected=f"at most {limit / 2**30:.1f} GiB",
        got=f"{needed / 2**30:.1f} GiB",
        remedy=remedy,
    )
