"""Means and standard errors over replicates, and the loop that adds rays until they are small."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from heatmat.sampling_plan import REPLICATES, pick, replicate
from heatmat.solver import Requests, Starts
from heatmat.start_batches import StartBatches

PATHS_FIRST = 8
"""Paths of a replicate to begin with; the mean of so few biases a point by under 0.02 K."""

RAYS_MOST = 16
"""Paths of one start at a point; beyond, more starts."""

COARSE = 0.2
"""Standard error [K] from which on places begin with `PATHS_FIRST` paths."""

RAYS_AREA = 2
"""Paths of one start within an area: positions matter more than what one of them sees.

Measured on 50 m squares of the embedded district at 256 paths a replicate: standard error 1.3 K
with 64 paths from each of 4 positions, 0.10 K with 2 from each of 128."""

LEAP = 16
"""Most times as many paths as before, since the error of a round is only roughly known."""

NORMAL_90 = 1.2816
"""Standard deviations below which a tenth of a normal distribution lies under its mean."""

HOURS_COUNT = 0.5, 1.5
"""How much of what hours tell independently of each other is counted, and as how many hours at
most. All of it would be bold, since eight replicates hardly tell it: the bound then holds for 84 %
of groups of eight in place of 91 to 93 % (40 walls of Paris and of the embedded district)."""


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


@dataclass
class Sums:
    """What starts came to, summed over the samples of each replicate.

    Attributes
    ----------
    values : ndarray, shape (places, replicates, times, values)
    number : ndarray of int, shape (places, replicates)
        Valid samples.
    paths : ndarray of int, shape (places,)
        Paths spent.
    starts : dict of str to ndarray
        As in `Estimate`.
    """

    values: np.ndarray
    number: np.ndarray
    paths: np.ndarray
    starts: dict[str, np.ndarray]

    def add(self, index: np.ndarray, part: Sums) -> None:
        """Add later samples of some of the places."""
        before, new = self.number[index].sum(axis=1), part.number.sum(axis=1)
        share = new / np.maximum(before + new, 1)
        for name, values in part.starts.items():
            whole = self.starts[name]
            if name in MEANS:
                whole[index] += share * (values - whole[index])
            else:
                whole[index[before == 0]] = values[before == 0]
        self.values[index] += part.values
        self.number[index] += part.number
        self.paths[index] += part.paths

    def estimate(self, index: np.ndarray | slice = slice(None)) -> Estimate:
        """Means and standard errors.

        A replicate without a valid position does not count; with fewer than two the error is NaN.
        """
        number = self.number[index]
        counted = number > 0
        # A place without an exposed surface is told as not valid: NumPy need not say so too.
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            by_replicate = self.values[index] / number[..., None, None]
            mean = np.nanmean(np.where(counted[..., None, None], by_replicate, np.nan), axis=1)
            temperature = by_replicate[..., 0]
            spread = (
                np.nanstd(np.where(counted[..., None], temperature, np.nan), axis=1, ddof=1)
                / np.sqrt(counted.sum(axis=1))[:, None]
            )
        return Estimate(
            mean=mean,
            error=spread,
            rays=self.paths[index],
            valid=np.asarray(counted.any(axis=1)),
            starts={name: values[index] for name, values in self.starts.items()},
            replicates=temperature,
        )


MEANS = ("sky_view", "sunlit_hours")
"""What is told of all starts of a place together; the rest is that of the first."""


def sums(starts: Starts, places: int, samples: int, rays: int) -> Sums:
    """Sum rows ordered (place, replicate, sample)."""
    valid = starts.valid.reshape(places, -1, samples)
    values = starts.values.reshape(*valid.shape, *starts.values.shape[1:]).astype(np.float64)
    return Sums(
        values=(values * valid[..., None, None]).sum(axis=2),
        number=valid.sum(axis=2),
        paths=np.full(places, valid.shape[1] * samples * rays),
        starts=_describe(starts, valid),
    )


def average(starts: Starts, places: int, samples: int, rays: int) -> Estimate:
    """Average rows ordered (place, replicate, sample), see `Sums.estimate`."""
    return sums(starts, places, samples, rays).estimate()


def _describe(starts: Starts, valid: np.ndarray) -> dict[str, np.ndarray]:
    flat = valid.reshape(valid.shape[0], -1)
    first = np.argmax(flat, axis=1) + np.arange(flat.shape[0]) * flat.shape[1]
    count = np.maximum(flat.sum(axis=1), 1)
    described = {
        name: getattr(starts, name)[first]
        for name in ("kind", "composition", "facade", "region", "position")
    }
    for name in MEANS:
        grouped = getattr(starts, name).reshape(flat.shape)
        described[name] = (grouped * flat).sum(axis=1) / count
    return described


def estimate(
    solver: StartBatches,
    places: Requests,
    *,
    target_error: float,
    max_rays: int,
    area: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Estimate:
    """Query places, with more paths where the standard error is still too large.

    Rounds go on along the same sequences, and all of them count. A place stops when the root mean
    square over time of its error, at the upper 90 % bound, is under `target_error`, or when more
    paths would pass `max_rays`.

    Parameters
    ----------
    target_error : float
        [K]; 0 spends `max_rays` everywhere.
    max_rays : int
        Paths a place may spend.
    area : bool
        Places are areas, not points.
    """
    most = max(1, max_rays // REPLICATES)
    rays = _rays(most, target_error, area)
    if not area and rays * solver.more_rays <= most:
        rays *= solver.more_rays
    whole: Sums | None = None
    done = np.zeros(len(places), int)
    # Samples of a replicate that each place is to have.
    wanted = np.full(len(places), max(1, PATHS_FIRST // rays))
    while (wanted > done).any():
        waiting = np.flatnonzero(wanted > done)
        # Places that go on from the same sample to the same are one batch.
        step = min((int(done[i]), int(wanted[i])) for i in waiting)
        active = waiting[(done[waiting] == step[0]) & (wanted[waiting] == step[1])]
        samples = step[1] - step[0]
        requests = replicate(pick(places, active), samples, first=step[0])
        part = sums(
            solver.solve(
                requests, rays, full=True,
                progress=_share(progress, 1.0 - waiting.size / len(places),
                                active.size / len(places), len(requests)),
            ),
            active.size, samples, rays,
        )  # fmt: skip
        if whole is None:
            whole = part
        else:
            whole.add(active, part)
        done[active] = wanted[active]
        found = whole.estimate(active)
        more = _factor(found, target_error) * found.valid
        room = most // (rays * done[active])
        wanted[active] = done[active] * np.maximum(1, np.minimum(more, room))
    assert whole is not None
    found = found if active.size == len(places) else whole.estimate()
    return stopped_error(found, target_error) if target_error > 0.0 else found


def _rays(most: int, target_error: float, area: bool) -> int:
    """Paths of one start, of `most` that a replicate may spend."""
    if area:
        return RAYS_AREA
    return PATHS_FIRST if target_error >= COARSE or most < RAYS_MOST else RAYS_MOST


def samples_spent(max_rays: int, area: bool, at_most: int = RAYS_MOST) -> tuple[int, int]:
    """Paths of a start, and samples of a replicate, that `estimate` ends with at a target of 0.

    `at_most`: paths of one start at a point, where there are so many.
    """
    most = max(1, max_rays // REPLICATES)
    rays = _rays(most, 0.0, area)
    if rays == RAYS_MOST and most >= at_most:
        rays = at_most
    samples = max(1, PATHS_FIRST // rays)
    while (factor := min(LEAP, most // (rays * samples))) > 1:
        samples *= factor
    return rays, samples


def _share(
    progress: Callable[[float], None] | None, settled: float, share: float, total: int
) -> Callable[[int], None]:
    """Progress of one round as part of the whole."""
    count = 0

    def advance(new: int) -> None:
        nonlocal count
        count += new
        if progress is not None:
            progress(settled + share * min(1.0, count / total))

    return advance


def _factor(found: Estimate, target: float) -> np.ndarray:
    """How many times as many samples places should have; 1 for those that are done, (places,)."""
    level = _level(found)
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.clip((level / target) ** 2, 2.0, LEAP)
    # Powers of two: nets stay whole.
    factor = 2 ** np.floor(np.log2(np.nan_to_num(wanted, nan=2.0))).astype(int)
    # Without a target all rays are spent: replicates may agree by chance where little is in sight.
    return np.where((level > target) | (target == 0.0), factor, 1)


def upper_bound(replicates: np.ndarray) -> np.ndarray:
    """Upper 90 % bound of the root mean square error over time, over its estimate, (places,).

    Parameters
    ----------
    replicates : ndarray, shape (places, replicates, times)

    Notes
    -----
    The mean of the hours' variances spreads as a chi-square with tr(C)^2 / tr(C^2) times as many
    degrees of freedom as one hour has (Satterthwaite 1946, doi:10.2307/3002019), C the covariance
    of the hours; both traces come without bias from the sample's (Srivastava 2005, Journal of the
    Japan Statistical Society 35, 251). The chi-square's quantile is Wilson and Hilferty's (1931,
    doi:10.1073/pnas.17.12.684).
    """
    free = _degrees_of_freedom(replicates)
    return (1.0 - 2.0 / (9.0 * free) - NORMAL_90 * np.sqrt(2.0 / (9.0 * free))) ** -1.5


def stopped_error(found: Estimate, target: float) -> Estimate:
    """Errors of places that stopped because theirs seemed small enough.

    Places stop sooner where their replicates happen to agree, and what is left to tell is too low:
    0.8 of the spread in shade. Given an estimate s^2 with n degrees of freedom, and no more known
    of a variance than that its size may be any, its mean is s^2 n / (n - 2), whatever made the
    sampling stop (Box and Tiao 1973, Bayesian Inference in Statistical Analysis, section 2.3).
    Errors far below the target would have stopped anyhow: theirs grow by less, with the square.
    """
    free = _degrees_of_freedom(found.replicates)
    level = _level(found)
    # Those that ran out of rays did not stop for agreeing.
    near = np.where(level <= target, level / target, 0.0) ** 2
    factor = 1.0 + near * (np.sqrt(free / (free - 2.0)) - 1.0)
    return replace(found, error=found.error * factor[:, None])


def _level(found: Estimate) -> np.ndarray:
    """Upper 90 % bound of the root mean square error over time [K], (places,)."""
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        mean = np.sqrt(np.nanmean(found.error**2, axis=1))
        return np.asarray(upper_bound(found.replicates) * mean)


def _degrees_of_freedom(replicates: np.ndarray) -> np.ndarray:
    """Of the mean of the hours' variances, (places,)."""
    number = replicates.shape[1] - 1
    away = replicates - replicates.mean(axis=1, keepdims=True)
    gram = np.matmul(away, away.transpose(0, 2, 1)) / number
    trace = np.trace(gram, axis1=1, axis2=2)
    square = number**2 / ((number - 1) * (number + 2)) * (
        (gram**2).sum(axis=(1, 2)) - trace**2 / number
    )  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        hours = (trace**2 - 2.0 * square / number) / square
    share, most = HOURS_COUNT
    # Where replicates agree, or are not all there, an hour tells all.
    free: np.ndarray = number * np.clip(
        1.0 + share * (np.nan_to_num(hours, nan=1.0) - 1.0), 1.0, most
    )
    return free
