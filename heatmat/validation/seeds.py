"""Queries asked with many seeds: errors against rays, reported errors, bias of few rays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.estimate import Estimate, estimate
from heatmat.placing import place_points
from heatmat.points import as_points
from heatmat.sampling_plan import pick
from heatmat.validation.block import block_points
from heatmat.validation.made_case import temperatures

if TYPE_CHECKING:
    from heatmat.simulation import Simulation
    from heatmat.solver import Requests

FEW, MANY = 16, 256
"""Rays of one start, for the bias of few."""


class Asked:
    """Places of the block, asked with one random stream after the other.

    Parameters
    ----------
    simulation : Simulation
    names : sequence of str
        Of `heatmat.validation.block.PLACES`.
    rng : numpy.random.Generator
        Of the streams.
    """

    def __init__(
        self, simulation: Simulation, names: Sequence[str], rng: np.random.Generator
    ) -> None:
        self.names, self.solver, self._rng = list(names), simulation.solver, rng
        points = as_points(block_points(names), crs=simulation.maps.crs_wkt)
        places = place_points(self.solver, points, simulation.seed)
        self.requests, self.area = places.requests, places.area

    def again(self, rows: Sequence[int] | np.ndarray, seeds: int) -> Requests:
        """Rows (place, seed), each with a stream of its own."""
        many = pick(self.requests, np.repeat(np.asarray(rows), seeds))
        drawn = self._rng.integers(0, 2**32, len(many), dtype=np.uint64)
        many.keys[:] = drawn.astype(np.uint32)
        return many

    def query(self, rays: int, seeds: int, target: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Temperatures and reported errors of whole queries, shape (places, seeds, times).

        With a target error [K] they take as many rays as that needs, `rays` at most.
        """
        mean: list[np.ndarray] = [np.empty(0)] * len(self.names)
        error = list(mean)
        for area in (False, True):
            rows = np.flatnonzero(self.area == area)
            if rows.size == 0:
                continue
            found: Estimate = estimate(
                self.solver,
                self.again(rows, seeds),
                target_error=target,
                max_rays=rays,
                area=area,
            )
            for i, row in enumerate(rows):
                part = slice(i * seeds, (i + 1) * seeds)
                mean[row], error[row] = found.mean[part, :, 0], found.error[part]
        return np.stack(mean), np.stack(error)


def rms(values: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Root mean square."""
    return np.sqrt(np.mean(values**2, axis=axis))


def reference(asked: Asked, scrambles: int) -> np.ndarray:
    """Temperatures from many scrambles of `MANY` rays at one start, shape (places, times) [K]."""
    rows = np.arange(len(asked.names))
    places = asked.again(rows, 1)
    return temperatures(asked.solver, places, MANY, scrambles).mean(axis=1)


def error_rows(asked: Asked, truth: np.ndarray, numbers: Sequence[int], seeds: int) -> pd.DataFrame:
    """Root mean square error of queries against their rays; one row a place, and all together."""
    off = np.array(
        [rms(asked.query(rays, seeds)[0] - truth[:, None], (1, 2)) for rays in numbers]
    ).T
    off = np.vstack([off, rms(off, 0)])
    rows = []
    for name, errors in zip([*asked.names, "all"], off, strict=True):
        slope = np.polyfit(np.log(numbers), np.log(errors), 1)[0]
        half = len(numbers) // 2
        last = np.polyfit(np.log(numbers[half:]), np.log(errors[half:]), 1)[0]
        rows.append(
            {
                "place": name,
                **{str(n): float(e) for n, e in zip(numbers, errors, strict=True)},
                "slope": float(slope),
                "last slope": float(last),
            }
        )
    return pd.DataFrame(rows)


def spread_rows(asked: Asked, rays: int, seeds: int, target: float = 0.0) -> pd.DataFrame:
    """Root mean square of reported errors over the spread of the answers."""
    mean, error = asked.query(rays, seeds, target)
    reported = rms(error, (1, 2))
    spread = np.sqrt(mean.var(axis=1, ddof=1).mean(axis=1))
    return pd.DataFrame(
        {
            "place": asked.names,
            "seeds": seeds,
            "reported [K]": reported,
            "spread [K]": spread,
            "reported / spread": reported / spread,
        }
    )


def bias_rows(asked: Asked, truth: np.ndarray, seeds: int) -> pd.DataFrame:
    """The mean of many answers from `FEW` rays against the reference."""
    found = temperatures(asked.solver, asked.again(np.arange(len(asked.names)), 1), FEW, seeds)
    bias = found.mean(axis=1) - truth
    error = np.sqrt(found.var(axis=1, ddof=1).mean(axis=1))
    return pd.DataFrame(
        {
            "place": asked.names,
            "error of 16 rays [K]": error,
            "bias [K]": rms(bias, 1),
            "bias, mean over the day [K]": bias.mean(axis=1),
            "bias / error": rms(bias, 1) / error,
            "of which chance": 1.0 / np.sqrt(seeds) + 0.0 * error,
        }
    )
