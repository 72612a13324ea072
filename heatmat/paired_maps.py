"""Two simulations of one city side by side: what every pixel and storey has on either side.

Both sides place the same starts and send the same rays. A pixel's parts are marched with each of
their two sets of rays apart (which read the two halves of the field), storeys with each of their
replicates apart: the error of a difference is that of the differences of the sets, not a sum of two
errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from heatmat.field import Field
    from heatmat.field_map import PixelGrid
    from heatmat.field_places import TileRays
    from heatmat.maps import Maps
    from heatmat.solver import Requests

SIZES = 10.0 ** np.arange(-4.0, 2.0, 0.5)
"""Root mean squares of differences [K] between which the errors of parts are pooled."""

SET_ROWS = 4
"""Most replicates of a group's mean: two sets of rays, or four draws of a storey."""

RAYS = 16
"""First rays of a set of a start, in place of those of single maps (`field_map.FINE`): what tracing
for both sides at once saves is spent on more of them."""

CHANGED_POSITIONS, CHANGED_RAYS = 8, 16
"""Positions in a replicate of a storey that is made of something else after, and rays of each. Most
of its error is where the sun's shadow lies: root mean squares over a facade and a day are 0.10 K
with two positions in each replicate, 0.05 K with four, 0.03 K with eight."""

PairTile = dict[str, np.ndarray]


@dataclass
class Sides:
    """The two fields and the maps of either side."""

    field_a: Field
    field_b: Field
    maps_a: Maps
    maps_b: Maps

    def tile_rays(self) -> TileRays | None:
        """Room for a tile's rays where both sides send the same ones, else None."""
        from heatmat.field_places import TileRays

        return TileRays() if self._same_rays else None

    @cached_property
    def _same_rays(self) -> bool:
        from heatmat.field_twins import same_rays

        return same_rays(self.field_a, self.field_b)


def pair_rows(
    sides: Sides, grid: PixelGrid, rows: tuple[int, int], origin: tuple[float, float], seed: int
) -> PairTile:
    """Some rows of pixels on both sides.

    Returns
    -------
    dict of str to ndarray
        (pixels, times) in kelvin: surface_, ground_ and roof_temperature of a and their change b
        minus a, so that equal sides give exactly zero; what `pooled_error` needs for the error of
        the change; and groups of parts, see `group_sums`.
    """
    from heatmat.field_errors import pixel_squares
    from heatmat.field_map import _weighted, march_rows

    shared = sides.tile_rays()
    a, b = (
        march_rows(side, grid, rows, origin, seed, audit_all=True, rays=RAYS, shared=shared)
        for side in (sides.field_a, sides.field_b)
    )
    pixels = (rows[1] - rows[0]) * grid.nx
    share = a.share / np.maximum(np.bincount(a.pixel, a.share, pixels), 1e-9)[a.pixel]
    share = share.astype(np.float32)
    kind, before = a.values.kind, a.values.mean
    each = b.values.sets - a.values.sets
    change = each.mean(axis=1)
    tile: PairTile = {}
    of_kind = {"surface": share, "ground": share * (kind == 0), "roof": share * (kind == 1)}
    for name, weight in of_kind.items():
        tile[f"{name}_temperature"] = _weighted(before, weight, a.pixel, pixels)
        tile[f"{name}_change"] = _changes(change, weight, a.pixel, pixels)
    error = 0.5 * np.abs(each[:, 1] - each[:, 0])
    known = np.isfinite(change).all(axis=1)
    tile["part_pixel"] = a.pixel.astype(np.int32)
    tile["part_square"] = (share**2).astype(np.float32)
    tile["part_class"] = error_classes(change, b.values.composition, share)
    tile["audit_class"] = tile["part_class"][known]
    tile["audit_weight"] = tile["part_square"][known]
    tile["audit_square"] = error[known] ** 2
    tile["audit_pixels"] = pixel_squares(each, share, a.pixel, pixels, np.flatnonzero(known))
    k = grid.divide
    keys = np.stack(
        [kind, a.values.composition, b.values.composition, sides.maps_a.region_building[a.region]],
        axis=1,
    )
    area = a.share.astype(float) * (grid.size / k) ** 2
    return tile | group_sums(keys[known], area[known], before[known], each[known])


def pair_patches(sides: Sides, places: Requests, changed: np.ndarray) -> PairTile:
    """Patches of wall on both sides.

    Parameters
    ----------
    changed : ndarray of bool, shape (patches,)
        Patches that are made of something else after: the light that falls on them does not cancel,
        so that they have more positions.

    Returns
    -------
    dict of str to ndarray
        (patches, times) in kelvin: wall_temperature of a, wall_change and wall_error; and
        wall_sets (patches, replicates, times), the change by each replicate.
    """
    from heatmat.field_walls import EFFORT, POSITIONS, march_patches
    from heatmat.sampling_plan import pick

    parts = []
    for index, positions, effort in (
        (np.flatnonzero(~changed), POSITIONS, EFFORT),
        (np.flatnonzero(changed), CHANGED_POSITIONS, replace(EFFORT, rays=CHANGED_RAYS)),
    ):
        if index.size:
            shared = sides.tile_rays()
            (whole, a), (_, b) = (
                march_patches(
                    field, pick(places, index), shared, positions=positions, effort=effort
                )
                for field in (sides.field_a, sides.field_b)
            )
            each = b - a
            parts.append((index, whole, *_mean_and_error(each), each))
    columns = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    order = np.argsort(columns[0])
    names = ("temperature", "change", "error", "sets")
    return {
        f"wall_{name}": array[order].astype(np.float32)
        for name, array in zip(names, columns[1:], strict=True)
    }


def _mean_and_error(each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of changes by replicate, and their standard errors [K], (patches, times).

    Replicates that read the same half of the field go together. By how much is told by the
    difference between the halves, over all patches: one patch has too few replicates to tell.
    """
    known = np.isfinite(each)
    count = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.nansum(each, axis=1) / count
        away = np.where(known, each - change[:, None], 0.0)
        square = (away**2).sum(axis=1) / (count - 1) / count
    whole = known.all(axis=(1, 2))
    halves = 0.5 * (each[whole, 0::2].mean(axis=1) - each[whole, 1::2].mean(axis=1))
    together, apart = np.square(halves).sum(), square[whole].sum()
    if apart > 0.0:
        square = square * max(1.0, together / apart)
    return change, np.sqrt(square)


def error_classes(change: np.ndarray, composition: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Classes in which the errors of changes are alike.

    Composition after, size of the change, whole pixel or not. Where nothing changes at all the
    class is one whose error is zero.
    """
    from heatmat.field_errors import WHOLE

    with np.errstate(invalid="ignore"):
        size = np.sqrt(np.nan_to_num(change**2).mean(axis=1))
    step = np.where(size > 0.0, 1 + np.searchsorted(SIZES, size), 0)
    found = composition * (SIZES.size + 2) + step
    return (2 * found + (share < WHOLE)).astype(np.int32)


def _changes(change: np.ndarray, weight: np.ndarray, pixel: np.ndarray, pixels: int) -> np.ndarray:
    """Weighted means of changes by pixel [K], float32; NaN where there is no weight."""
    chosen = np.flatnonzero(weight > 0.0)
    chosen = chosen[np.argsort(pixel[chosen], kind="stable")]
    out = np.full((pixels, change.shape[1]), np.nan, np.float32)
    if chosen.size:
        where = pixel[chosen]
        first = np.flatnonzero(np.append(True, where[1:] != where[:-1]))
        total = np.add.reduceat(change[chosen] * weight[chosen, None], first, axis=0)
        out[where[first]] = total / np.add.reduceat(weight[chosen], first)[:, None]
    return out


def group_sums(
    keys: np.ndarray, area: np.ndarray, before: np.ndarray, each: np.ndarray
) -> PairTile:
    """Sums over parts of one kind, composition before and after, and building.

    Parameters
    ----------
    keys : ndarray of int, shape (parts, 4)
        Kind, composition of a, composition of b, building.
    area : ndarray, shape (parts,)
        [m2].
    before : ndarray, shape (parts, times)
        Temperatures of a [K].
    each : ndarray, shape (parts, sets, times)
        Changes by each set of rays [K].

    Returns
    -------
    dict of str to ndarray
        group_key (n, 4), group_area (n,), group_before (n, times) and group_sets
        (n, SET_ROWS, times) times area, group_low and group_high (n, times): least and largest
        change of a part.
    """
    found, index = np.unique(keys, axis=0, return_inverse=True)
    index = index.ravel()
    order = np.argsort(index, kind="stable")
    first = np.searchsorted(index[order], np.arange(len(found)))
    times = before.shape[1]
    sets = np.full((len(found), SET_ROWS, times), np.nan)
    if not len(found):
        empty = np.zeros((0, times))
        return {
            "group_key": found.reshape(0, 4), "group_area": np.zeros(0), "group_before": empty,
            "group_sets": sets, "group_low": empty, "group_high": empty,
        }  # fmt: skip
    weight = area[order, None]
    for s in range(each.shape[1]):
        sets[:, s] = np.add.reduceat(weight * each[order, s], first, axis=0)
    change = np.nanmean(each, axis=1)[order]
    return {
        "group_key": found,
        "group_area": np.add.reduceat(area[order], first),
        "group_before": np.add.reduceat(weight * before[order], first, axis=0),
        "group_sets": sets,
        "group_low": np.minimum.reduceat(change, first, axis=0),
        "group_high": np.maximum.reduceat(change, first, axis=0),
    }


def pair_map(
    sides: Callable[[], Sides],
    grid: PixelGrid,
    origin: tuple[float, float],
    seed: int,
    words: int,
    *,
    load: Callable[[str], PairTile | None] = lambda key: None,
    save: Callable[[str, PairTile], None] = lambda key, tile: None,
    progress: Callable[[float], None] = lambda done: None,
) -> tuple[PairTile, list[PairTile]]:
    """All pixels of both sides, with the standard errors of the change; and the groups by tile.

    `sides` is called where a tile is not there yet; the rest is as in `field_map.gather_map`.
    """
    from heatmat.field_errors import pooled_error
    from heatmat.field_map import map_tiles

    tiles: list[PairTile] = []
    for rows in map_tiles(grid, 2 * words, RAYS):
        key = f"pair-{grid.size:g}-{rows[0]}"
        tile = load(key)
        if tile is None:
            tile = pair_rows(sides(), grid, rows, origin, seed)
            save(key, tile)
        tiles.append(tile)
        progress(rows[1] / grid.ny)
    errors = pooled_error(tiles, tiles[0]["surface_temperature"].shape[1])
    names = [n for n in tiles[0] if not n.startswith(("part_", "audit_", "group_"))]
    whole = {name: np.concatenate([tile[name] for tile in tiles]) for name in names}
    whole["change_error"] = np.concatenate(errors)
    groups = [{n: v for n, v in t.items() if n.startswith("group_")} for t in tiles]
    return whole, groups
