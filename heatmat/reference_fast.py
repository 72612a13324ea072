"""The 2.5D side as the comparison sees it: error against effort, by the engine's own rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from heatmat.estimate import RAYS_MOST, average, estimate
from heatmat.placing import place_points
from heatmat.points import as_points
from heatmat.reference_benchmark import Clock
from heatmat.reference_scenes import Probe
from heatmat.sampling_plan import pick, replicate
from heatmat.simulation import Simulation

SCRAMBLES = 16
"""Independent scrambles behind each point of an error curve."""

REPEATS = 3
"""Costs are the least of so many: other work on the machine only ever slows it."""


@dataclass(frozen=True)
class Curve:
    """Time and error of one query at growing effort.

    Attributes
    ----------
    paths : ndarray of int, shape (sizes,)
        Paths of one query.
    seconds : ndarray, shape (sizes,)
        Of one query of one probe, in a batch of all of them; processor time of all threads.
    error : ndarray, shape (sizes, probes, times)
        Root mean square difference of the scrambles to the truth [K].
    """

    paths: np.ndarray
    seconds: np.ndarray
    error: np.ndarray

    def seconds_to(self, target: float, rms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Time at which each probe's error falls to `target`.

        Parameters
        ----------
        target : float
            [K].
        rms : ndarray, shape (sizes, probes)
            Error taken together over the times that count.

        Returns
        -------
        seconds : ndarray, shape (probes,)
            Interpolated between sizes in the logarithms; of the smallest size where that is good
            enough; nan where the largest is not.
        reached : ndarray of bool, shape (probes,)
        """
        # A larger size is at least as good in truth; what the curve wiggles is 16 scrambles' noise.
        smooth = np.minimum.accumulate(rms, axis=0)
        seconds = np.full(rms.shape[1], np.nan)
        for p in range(rms.shape[1]):
            good = np.flatnonzero(smooth[:, p] <= target)
            if not good.size:
                continue
            k = good[0]
            if k == 0:
                seconds[p] = self.seconds[0]
                continue
            high, low = np.log(smooth[k - 1, p]), np.log(smooth[k, p])
            share = (high - np.log(target)) / max(high - low, 1e-9)
            a, b = np.log(self.seconds[k - 1]), np.log(self.seconds[k])
            seconds[p] = np.exp(a + share * (b - a))
        return seconds, np.isfinite(seconds)


class FastSide:
    """Probes of one scene in the 2.5D engine.

    Parameters
    ----------
    simulation : Simulation
    probes : sequence of Probe
    seed : int
    """

    def __init__(self, simulation: Simulation, probes: list[Probe], seed: int) -> None:
        self.simulation = simulation
        azimuth = [
            np.degrees(np.arctan2(p.normal[0], p.normal[1])) + simulation.maps.convergence_deg
            for p in probes
        ]
        table = {
            "id": [p.name for p in probes],
            "surface": [p.surface for p in probes],
            "x": [p.x for p in probes],
            "y": [p.y for p in probes],
            "z": [p.z for p in probes],
            "azimuth_deg": [
                a % 360.0 if p.surface == "wall" else np.nan
                for a, p in zip(azimuth, probes, strict=True)
            ],
        }
        points = as_points(table, crs=simulation.maps.crs_wkt)
        self.solver = simulation.solver
        self.places = place_points(self.solver, points, seed).requests

    def truth(self, target: float, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Temperatures with a small error, and that error [K], shape (probes, times)."""
        found = estimate(self.solver, self.places, target_error=target, max_rays=most)
        return found.mean[:, :, 0], found.error

    def curve(self, truth: np.ndarray, truth_error: np.ndarray, sizes: list[int]) -> Curve:
        """Error and time at several sizes: `SCRAMBLES` independent queries of one scramble each."""
        n = len(self.places)
        seconds, errors = [], []
        for size in sizes:
            rays = min(size, RAYS_MOST)
            samples = size // rays
            # Other scrambles than those of the truth, which are numbers 0 to 7.
            requests = replicate(self.places, samples, replicates=SCRAMBLES)
            requests.codes[:, 4] += 64
            least, starts = self._timed(requests, rays)
            seconds.append(least / (n * SCRAMBLES))
            found = average(starts, n, samples, rays).replicates
            square = ((found - truth[:, None, :]) ** 2).mean(axis=1) - truth_error**2
            errors.append(np.sqrt(np.maximum(square, 1e-8)))
        return Curve(np.array(sizes), np.array(seconds), np.array(errors))

    def seconds_asked(self, sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """What a query costs where fewer come together than the curve's 16 scrambles of each probe.

        A call of the engine has a cost of its own, which a large batch shares.

        Parameters
        ----------
        sizes : list of int
            Paths of a query.

        Returns
        -------
        tuple of ndarray, shape (sizes,)
            Seconds of one query of one probe: in one batch of all probes, and alone (the mean of
            three probes) [s].
        """
        n = len(self.places)
        together, alone = [], []
        for size in sizes:
            rays = min(size, RAYS_MOST)
            samples = size // rays
            least, _ = self._timed(replicate(self.places, samples, replicates=1), rays)
            together.append(least / n)
            single = [
                self._timed(replicate(pick(self.places, row), samples, replicates=1), rays)
                for row in np.unique([0, n // 2, n - 1])[:, None]
            ]
            alone.append(float(np.mean([least for least, _ in single])))
        return np.array(together), np.array(alone)

    def _timed(self, requests: Any, rays: int) -> tuple[float, Any]:
        """Least seconds of a few calls, after one to warm up, and what the last one answers."""
        self.solver.solve(requests, rays)
        least, starts = np.inf, None
        for _ in range(REPEATS):
            clock = Clock(self.solver.device)
            starts = self.solver.solve(requests, rays)
            least = min(least, clock.read())
        return least, starts
