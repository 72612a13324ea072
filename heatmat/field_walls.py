"""Storeys from the field: positions spread over every patch of wall, gathered and marched."""

from collections.abc import Callable

import numpy as np

from heatmat.field import Field
from heatmat.field_places import Effort, TileRays, gather_tile
from heatmat.sampling_plan import pick, replicate
from heatmat.solver import Requests

EFFORT = Effort(samples=1, rays=32, sets=1)
"""Effort for one position."""

REPLICATES, POSITIONS = 4, 2
"""Independent draws of a storey's positions, and positions in each."""

TILE, TILE_WORDS = 4096, 1 << 21
"""Most storeys of a tile, and most words of series of one position of each."""


def gather_walls(
    field: Callable[[], Field],
    places: Requests,
    words: int,
    *,
    load: Callable[[str], dict | None] = lambda key: None,
    save: Callable[[str, dict], None] = lambda key, tile: None,
    progress: Callable[[float], None] = lambda done: None,
) -> dict[str, np.ndarray]:
    """Mean temperatures of patches of wall with their standard errors.

    Parameters
    ----------
    field : callable
        Gives the field, marched; called where a tile is not there yet.
    places : Requests
        One row a patch.
    words : int
        Length of a texel's series; tiles of long windows are smaller.
    load, save : callable
        Finished tiles, by key.

    Returns
    -------
    dict of str to ndarray
        surface_temperature and surface_temperature_standard_error [K], (patches, times); NaN where
        a patch is covered.
    """
    tiles = []
    size = max(64, min(TILE, TILE_WORDS // words))
    for first in range(0, len(places), size):
        key = f"field-{first}"
        tile = load(key)
        if tile is None:
            index = np.arange(first, min(first + size, len(places)))
            tile = _tile(field(), pick(places, index))
            save(key, tile)
        tiles.append(tile)
        progress(min(1.0, (first + size) / len(places)))
    return {name: np.concatenate([tile[name] for tile in tiles]) for name in tiles[0]}


def march_patches(
    field: Field,
    places: Requests,
    shared: TileRays | None = None,
    *,
    positions: int = POSITIONS,
    effort: Effort = EFFORT,
) -> tuple[np.ndarray, np.ndarray]:
    """Means of patches [K]: of all positions (patches, times), and of each replicate's.

    The second, (patches, REPLICATES, times), is NaN where a replicate has no exposed position.

    Parameters
    ----------
    shared : TileRays, optional
        See `field_places.gather_tile`.
    positions : int
        In each replicate, an even number.
    """
    shape = (len(places), REPLICATES, positions // 2, 2)
    starts = replicate(places, positions, replicates=REPLICATES)
    # Pairs of starts read the two halves of the field in turn: so whole replicates do.
    order = np.arange(len(starts)).reshape(shape).transpose(0, 2, 1, 3).ravel()
    chunk = field.plan.chunks[field.done - 1]
    values, _ = gather_tile(field, pick(starts, order), effort, chunk, shared=shared)
    found = np.where(values.valid[:, None], values.mean, np.nan)
    mean = np.empty_like(found)
    mean[order] = found
    mean = mean.reshape(len(places), REPLICATES, positions, -1)
    number = np.isfinite(mean).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.nansum(mean, axis=2) / number
        whole = np.nansum(mean, axis=(1, 2)) / number.sum(axis=1)
    return whole, each


def _tile(field: Field, places: Requests) -> dict[str, np.ndarray]:
    whole, each = march_patches(field, places)
    known = np.isfinite(each)
    count = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        away = np.where(known, each - whole[:, None], 0.0)
        error = np.sqrt((away**2).sum(axis=1) / (count - 1) / count)
    return {
        "surface_temperature": whole.astype(np.float32),
        "surface_temperature_standard_error": error.astype(np.float32),
    }
