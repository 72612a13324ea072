"""Means and standard errors over replicates, and the loop that adds rays until they are small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heatmat.sampling_plan import REPLICATES, pick, replicate
from heatmat.solver import Requests, Solver, Starts

PATHS_FIRST = 8
"""Paths of a replicate to begin with; the mean of so few biases a point by under 0.02 K."""

RAYS_MOST = 64
"""Paths of one start at a point; beyond, more starts."""

RAYS_AREA = 2
"""Paths of one start within an area: positions matter more than what one of them sees.

Measured on 50 m squares of the embedded district at 256 paths a replicate: standard error 1.3 K
with 64 paths from each of 4 positions, 0.10 K with 2 from each of 128."""

LEAP = 16
"""Most times as many paths as in the round before, since its error is only roughly known."""

UPPER_90 = 1.57
"""Upper 90 % bound of a standard error from 8 replicates: sqrt(7 / 2.833), chi-square."""


@dataclass
class Estimate:
    """What a set of places came to.

    Attributes
    ----------
    mean : ndarray, shape (places, times, values)
        Temperature [K] first, then the fluxes.
    error : ndarray, shape (places, times)
        Standard error of the temperature [K].
    rays : ndarray of int, shape (places,)
        Paths spent.
    valid : ndarray of bool, shape (places,)
        Whether any position of the place exists.
    starts : dict of str to ndarray
        Of the first valid start of each place: kind, composition, facade, region, position; and
        means of sky_view and sunlit_hours.
    replicates : ndarray, shape (places, REPLICATES, times)
        Temperatures of each replicate [K], for paired differences.
    """

    mean: np.ndarray
    error: np.ndarray
    rays: np.ndarray
    valid: np.ndarray
    starts: dict[str, np.ndarray]
    replicates: np.ndarray


def average(starts: Starts, places: int, samples: int, rays: int) -> Estimate:
    """Average rows ordered (place, replicate, sample).

    A replicate without a valid position does not count; with fewer than two the error is NaN.
    """
    shape = (places, -1, samples)
    valid = starts.valid.reshape(shape)
    values = starts.values.reshape(*valid.shape, *starts.values.shape[1:]).astype(np.float64)
    weight = valid[..., None, None].astype(float)
    number = valid.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_replicate = (values * weight).sum(axis=2) / number[..., None, None]
        counted = number > 0
        mean = np.nanmean(np.where(counted[..., None, None], by_replicate, np.nan), axis=1)
        temperature = by_replicate[..., 0]
        spread = (
            np.nanstd(np.where(counted[..., None], temperature, np.nan), axis=1, ddof=1)
            / np.sqrt(counted.sum(axis=1))[:, None]
        )
    any_valid = counted.any(axis=1)
    return Estimate(
        mean=mean,
        error=spread,
        rays=np.full(places, valid.shape[1] * samples * rays),
        valid=any_valid,
        starts=_describe(starts, valid),
        replicates=temperature,
    )


def _describe(starts: Starts, valid: np.ndarray) -> dict[str, np.ndarray]:
    flat = valid.reshape(valid.shape[0], -1)
    first = np.argmax(flat, axis=1) + np.arange(flat.shape[0]) * flat.shape[1]
    count = np.maximum(flat.sum(axis=1), 1)
    described = {
        name: getattr(starts, name)[first]
        for name in ("kind", "composition", "facade", "region", "position")
    }
    for name in ("sky_view", "sunlit_hours"):
        grouped = getattr(starts, name).reshape(flat.shape)
        described[name] = (grouped * flat).sum(axis=1) / count
    return described


def estimate(
    solver: Solver,
    places: Requests,
    *,
    target_error: float,
    max_rays: int,
    area: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Estimate:
    """Query places, with more paths where the standard error is still too large.

    Each round takes a power of two times as many paths as the one before, as its error asks for,
    but rather fewer than too many. A place stops when the root mean square over time of its error,
    at the upper 90 % bound, is under `target_error`, or when more paths would pass `max_rays`.

    Parameters
    ----------
    target_error : float
        [K]; 0 spends `max_rays` everywhere.
    max_rays : int
        Paths a place may spend in its last round.
    area : bool
        Places are areas, not points.
    """
    most = RAYS_AREA if area else RAYS_MOST
    result: Estimate | None = None
    # Paths of a replicate that each place waits for; 0: done.
    waits = np.full(len(places), PATHS_FIRST)
    while waits.any():
        paths = int(waits[waits > 0].min())
        active = np.flatnonzero(waits == paths)
        rays = min(paths, most)
        samples = paths // rays
        requests = replicate(pick(places, active), samples)
        done, settled = 0, float(np.mean(waits == 0))

        def advance(
            count: int, total: int = len(requests), share: float = active.size / len(places)
        ) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(settled + share * min(1.0, done / total))  # noqa: B023

        part = average(
            solver.solve(requests, rays, full=True, progress=advance), active.size, samples, rays
        )
        result = part if result is None else _replace(result, active, part)
        waits[active] = np.where(
            part.valid, _next_paths(part.error, paths, target_error, max_rays), 0
        )
    assert result is not None
    return result


def _next_paths(error: np.ndarray, paths: int, target: float, max_rays: int) -> np.ndarray:
    """Paths of a replicate that places go on with, 0 for those that are done, shape (places,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        level = UPPER_90 * np.sqrt(np.nanmean(error**2, axis=1))
        wanted = np.clip((level / target) ** 2, 2.0, LEAP)
    room = max(1.0, max_rays / (REPLICATES * paths))
    factor = 2 ** np.floor(np.log2(np.minimum(np.nan_to_num(wanted, nan=2.0), room))).astype(int)
    return np.where((level > target) & (factor > 1), paths * factor, 0)


def _replace(whole: Estimate, index: np.ndarray, part: Estimate) -> Estimate:
    for name in ("mean", "error", "rays", "valid", "replicates"):
        getattr(whole, name)[index] = getattr(part, name)
    for name, values in part.starts.items():
        whole.starts[name][index] = values
    return whole
