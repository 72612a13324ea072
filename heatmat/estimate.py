"""Means and standard errors over replicates, and the loop that adds rays until they are small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heatmat.sampling_plan import REPLICATES, pick, replicate
from heatmat.solver import Requests, Solver, Starts

RAYS_FIRST = 8
"""Paths of a start to begin with; the mean of so few biases the first vertex by under 0.02 K."""

RAYS_MOST = 64
"""Paths of a start at most; beyond, a query takes more positions."""

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
    samples: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Estimate:
    """Query places, doubling paths where the standard error is still too large.

    Paths of a start double first (they also thin the noise inside its nonlinear balance), then
    positions. A place stops when the root mean square over time of its error, at the upper 90 %
    bound, is under `target_error`, or at `max_rays`.

    Parameters
    ----------
    target_error : float
        [K].
    max_rays : int
        Paths a place may spend in its last round.
    samples : int
        Positions a replicate starts with.
    """
    places_count = len(places)
    result: Estimate | None = None
    active = np.arange(places_count)
    rays = RAYS_FIRST
    while active.size:
        requests = replicate(pick(places, active), samples)
        advance = _progress(progress, 1.0 - active.size / places_count, len(requests))
        part = average(
            solver.solve(requests, rays, full=True, progress=advance), active.size, samples, rays
        )
        result = part if result is None else _replace(result, active, part)
        level = np.sqrt(np.nanmean(part.error**2, axis=1))
        spent = REPLICATES * samples * rays
        again = (level * UPPER_90 > target_error) & part.valid
        if 2 * spent > max_rays:
            break
        active = active[again]
        if rays < RAYS_MOST:
            rays *= 2
        else:
            samples *= 2
    assert result is not None
    return result


def _progress(
    report: Callable[[float], None] | None, settled: float, total: int
) -> Callable[[int], None] | None:
    """Starts done, told as the share of all places: `settled` needs no more rays."""
    if report is None:
        return None
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report(settled + (1.0 - settled) * min(1.0, done / total))

    return advance


def _replace(whole: Estimate, index: np.ndarray, part: Estimate) -> Estimate:
    for name in ("mean", "error", "rays", "valid", "replicates"):
        getattr(whole, name)[index] = getattr(part, name)
    for name, values in part.starts.items():
        whole.starts[name][index] = values
    return whole
