"""Means of replicates that grow by rounds, and how many positions more a wanted error takes.

Surfaces are told apart in units: points asked for, or the strata of a district (kind and
construction). Positions of a unit weigh alike whatever round they came in; units weigh by area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.district_sample import mean_and_error
from heatmat.sampling_plan import REPLICATES

NEGLIGIBLE = 0.01
"""What need not be known to a tolerance: effects under this share of the strongest of their
property, and effects on groups that hold less than this share of all surfaces."""

LEAP = 4
"""Most that the positions of a unit are multiplied by in one round: its error is only known from
the spread of a few replicates."""

LEAST = 1.5
"""Least that they are multiplied by: to add a few and look again until chance agrees would make
errors look smaller than they are."""


@dataclass
class Accuracy:
    """How well effects are known.

    Attributes
    ----------
    relative : ndarray, shape (properties, groups)
        Standard error over effect, both root mean square over the times; NaN without an effect.
    matters : ndarray of bool, shape (properties, groups)
        Not negligible (see `NEGLIGIBLE`).
    """

    relative: np.ndarray
    matters: np.ndarray

    def short(self, tolerance: float) -> np.ndarray:
        """What matters and is not known to a tolerance, (properties, groups)."""
        return self.matters & ~(self.relative <= tolerance)


class Tally:
    """Sums over positions, by unit and replicate.

    Parameters
    ----------
    names : list of str
        Groups of units.
    member : ndarray of bool, shape (groups, units)
    properties, times : int
    """

    def __init__(self, names: list[str], member: np.ndarray, properties: int, times: int) -> None:
        units = member.shape[1]
        self.names, self.member = names, member
        # Of temperatures (first) and of each property: rounds may leave properties out.
        self.count = np.zeros((1 + properties, units, REPLICATES))
        self.weight = np.zeros((1 + properties, units, REPLICATES))
        self.derivative = np.zeros((properties, 2, units, REPLICATES, times))
        self.temperature = np.zeros((units, REPLICATES, times))
        self._area = np.ones((units, REPLICATES))
        self._area_of: int = 0

    def add_area(self, area: np.ndarray, positions: int) -> None:
        """Area of units by replicate [m2], as a sample of so many positions tells it."""
        before = self._area_of
        self._area = (self._area * before + area * positions) / (before + positions)
        self._area_of += positions

    def add(
        self,
        unit: np.ndarray,
        replicate: np.ndarray,
        weight: np.ndarray,
        temperature: np.ndarray,
        derivative: np.ndarray,
        properties: np.ndarray,
    ) -> None:
        """Take in positions.

        Parameters
        ----------
        unit, replicate : ndarray of int, shape (n,)
        weight : ndarray, shape (n,)
            Of a position within its unit; 0 leaves it out.
        temperature : ndarray, shape (n, times)
        derivative : ndarray, shape (properties taken, 2, n, times)
        properties : ndarray of int
            Which ones they are.
        """
        told = np.concatenate([[0], 1 + properties])
        place = unit * REPLICATES + replicate
        for row in np.unique(place[weight > 0.0]):
            u, r = divmod(int(row), REPLICATES)
            rows = np.flatnonzero((place == row) & (weight > 0.0))
            of = weight[rows].astype(float)
            self.count[told, u, r] += rows.size
            self.weight[told, u, r] += of.sum()
            self.temperature[u, r] += of @ temperature[rows].astype(float)
            self.derivative[properties, :, u, r] += of @ derivative[:, :, rows].astype(float)

    def occupied(self) -> Tally:
        """Without groups in which no position fell."""
        kept = (self.member @ self.count[0].sum(axis=1)) > 0
        self.names = [name for name, keep in zip(self.names, kept, strict=True) if keep]
        self.member = self.member[kept]
        return self

    def areas(self) -> np.ndarray:
        """Area of each group [m2]."""
        return self.member @ self._area.mean(axis=1)

    def temperatures(self) -> np.ndarray:
        """Means of groups by replicate, (groups, REPLICATES, times); NaN where there is none."""
        return self._groups_of(self.temperature, self.weight[0])

    def derivatives(self) -> np.ndarray:
        """Means of groups by replicate, (properties, 2, groups, REPLICATES, times)."""
        pairs = zip(self.derivative, self.weight[1:], strict=True)
        return np.stack([self._groups_of(sums, weight) for sums, weight in pairs])

    def _groups_of(self, sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Means from sums (..., units, REPLICATES, times) of so much weight.

        A unit has the same area in every replicate unless one of them missed it: how much roof a
        replicate happens to hold is then no part of the error (post-stratification; Cochran,
        Sampling Techniques, 3rd ed., Wiley 1977, section 5A.9).
        """
        there = np.asarray(weight > 0.0)
        mean = self._area.mean(axis=1, keepdims=True)
        area = np.where(there.all(axis=1, keepdims=True), mean, self._area) * there
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(there, area / weight, 0.0)
            total = (self.member.astype(float) @ area)[:, :, None]
            out = np.einsum("gu,ur,...urt->...grt", self.member.astype(float), each, sums)
            return np.where(total > 0.0, out / total, np.nan)

    def accuracy(self) -> Accuracy:
        """Of the effects by all surfaces."""
        mean, error = mean_and_error(self.derivatives()[:, 0])
        size, wrong = (np.sqrt((a**2).mean(axis=-1)) for a in (mean, error))
        large = self.areas() >= NEGLIGIBLE * self.areas().max()
        with np.errstate(invalid="ignore", divide="ignore"):
            strongest = np.nanmax(np.where(np.isfinite(size), size, 0.0), axis=1, keepdims=True)
            return Accuracy(
                np.where(size > 0.0, wrong / size, np.nan),
                (size >= NEGLIGIBLE * strongest) & (strongest > 0.0) & large,
            )

    def wanted(self, tolerance: float) -> np.ndarray:
        """Positions that units would have to have for all that matters to be known to a tolerance.

        The fewest for each group and property: in proportion to a unit's area and the spread within
        it (Neyman allocation; Cochran, 5.5); the most that any of them wants.

        Returns
        -------
        ndarray, shape (properties, units)
        """
        accuracy = self.accuracy()
        have = self.count[1:].sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            weight = self.weight[1:, :, :, None]
            each = np.where(weight > 0.0, self.derivative[:, 0] / weight, np.nan)
        _, error = mean_and_error(each)  # of the mean of all replicates
        sigma = np.sqrt((error**2).mean(axis=-1) * have)
        area = self._area.mean(axis=1)
        mean, _ = mean_and_error(self.derivatives()[:, 0])
        size = np.sqrt((mean**2).mean(axis=-1))
        need = np.zeros_like(have)
        for p, g in zip(*np.nonzero(accuracy.short(tolerance)), strict=True):
            units = self.member[g] & (have[p] > 0)
            # (A unit that only one replicate has is taken to spread as the others do.)
            known = units & np.isfinite(sigma[p])
            spread = np.where(known, sigma[p], sigma[p][known].mean() if known.any() else 0.0)
            share = np.where(units, area * spread, 0.0) / area[units].sum()
            its = share * share.sum() / (tolerance * size[p, g]) ** 2
            if not np.any(its > have[p]):  # by the spread of strata it were enough: more of all
                its = np.where(units, have[p] * (accuracy.relative[p, g] / tolerance) ** 2, 0.0)
            need[p] = np.maximum(need[p], its)
        need = np.nan_to_num(need)
        need = np.where(need > have, np.maximum(need, LEAST * have), need)
        return np.minimum(need, LEAP * have)
