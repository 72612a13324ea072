"""Standard errors of pixels: audited parts tell those of all that are like them."""

import numpy as np

from heatmat.field_places import PlaceValues

SKY_CLASSES = np.array([0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 0.98])
"""Sky view factors between which the error of parts of one composition is pooled."""

SUN_CLASSES = np.array([3.0, 6.0, 9.0])
"""Hours in the sun between which it is: the error of shaded ground is a fifth larger than the mean
of its sky class (200 seeds of `heatmat.validation.seeds_field`)."""

WHOLE = 0.99
"""Share from which a part is a whole pixel to the classes of errors."""

Tile = dict[str, np.ndarray]


def error_classes(values: PlaceValues, share: np.ndarray) -> np.ndarray:
    """Classes of parts whose errors are alike, int32: composition, sky, sun, whole pixel or not."""
    found = values.composition * (SKY_CLASSES.size + 1)
    found = found + np.searchsorted(SKY_CLASSES, values.sky_view)
    found = found * (SUN_CLASSES.size + 1)
    found += np.searchsorted(SUN_CLASSES, values.sunlit_hours)
    # What has only part of a pixel shares its rays with fewer others.
    return (2 * found + (share < WHOLE)).astype(np.int32)


def pixel_squares(
    sets: np.ndarray, share: np.ndarray, pixel: np.ndarray, pixels: int, audited: np.ndarray
) -> np.ndarray:
    """Squared errors of pixels [K2] by their two sets, and by their parts as if independent: sums.

    Neighbouring parts send different rays of one sequence, which makes the mean of a few better
    than independent rays would, and blocks of parts repeat it, which makes that of many worse.
    """
    both = np.zeros(2)
    whole = np.bincount(pixel[audited], minlength=pixels) == np.bincount(pixel, minlength=pixels)
    chosen = audited[whole[pixel[audited]]]
    if chosen.size and np.bincount(pixel[chosen]).max() > 1:
        apart = 0.5 * (sets[chosen, 1] - sets[chosen, 0]) * share[chosen, None]
        order = np.argsort(pixel[chosen], kind="stable")
        where = pixel[chosen][order]
        first = np.flatnonzero(np.append(True, where[1:] != where[:-1]))
        both[0] = np.square(np.add.reduceat(apart[order], first, axis=0), dtype=float).sum()
        both[1] = np.square(apart, dtype=float).sum()
    return both


def pooled_error(tiles: list[Tile], times: int) -> list[np.ndarray]:
    """Standard errors of the pixels of every tile [K], float32 (pixels, times)."""
    pixels = [tile["surface_temperature"].shape[0] for tile in tiles]
    return np.split(pixel_errors(tiles, pixels, times), np.cumsum(pixels)[:-1])


def pixel_errors(tiles: list[Tile], pixels: list[int], times: int) -> np.ndarray:
    """Standard errors of all pixels [K], float32 (pixels, times).

    The error of a part is the root mean square of its class (composition, sky view, hours in the
    sun, whole pixel or not) over the audited parts of the whole map; classes without one take the
    mean of all. Parts count by the square of their share of a pixel, as they do in its error. What
    parts of a pixel have in common comes in by `pixel_squares`.
    """
    classes = np.concatenate([tile["audit_class"] for tile in tiles])
    squares = np.concatenate([tile["audit_square"] for tile in tiles])
    weight = np.concatenate(
        [tile.get("audit_weight", np.ones(tile["audit_class"].size)) for tile in tiles]
    )
    number = 1 + max(int(tile["part_class"].max(initial=0)) for tile in tiles)
    count = np.bincount(classes, weight, minlength=number)
    variance = np.empty((number, times))
    for t in range(times):
        total = np.bincount(classes, weight * squares[:, t], minlength=number)
        every = np.average(squares[:, t], weights=weight) if classes.size else np.nan
        variance[:, t] = np.where(count > 0.0, total / np.maximum(count, 1e-12), every)
    out = np.full((sum(pixels), times), np.nan, np.float32)
    begin = 0
    for tile, size in zip(tiles, pixels, strict=True):
        order = np.argsort(tile["part_pixel"], kind="stable")
        where = tile["part_pixel"][order]
        if where.size:
            first = np.flatnonzero(np.append(True, where[1:] != where[:-1]))
            parts = variance[tile["part_class"][order]] * tile["part_square"][order][:, None]
            out[begin + where[first]] = np.sqrt(np.add.reduceat(parts, first, axis=0))
        begin += size
    together, apart = np.sum([tile.get("audit_pixels", np.zeros(2)) for tile in tiles], axis=0)
    if apart > 0.0:
        out *= np.float32(np.sqrt(together / apart))
    return out
