"""What several views say together about one building: a Dirichlet over wall materials.

A view is worth counts, as if so many patches of the wall had been drawn and named. Counts add up;
what views of one building get wrong together (a habit of the model, the rear that no camera sees)
does not average out, so the total is bounded. The spread of the Dirichlet is the uncertainty that
`heatmat query --material-uncertainty` draws from. Decision 20 says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_sources.facade_labels.answer import LABELS, CropAnswer
from data_sources.views import HALF_DISTANCE

COUNTS_PER_VIEW = 6.0
"""What a perfect view is worth before the views of the city have said it themselves: shares of a
wall that is half one thing, half another, scatter by 0.19. Stated, not measured."""

COUNTS_COMMON = 12.0
"""All views of a building together are worth less than this (0.14 for such a wall). Stated."""

DOUBT = 20.0
"""The stated counts weigh like so many degrees of freedom against the city's own views."""

OWN_DOUBT = 4.0
"""Likewise, what a building's own disagreement weighs against."""

LEAST_VARIETY = 0.05
"""Of a composition, 1 - sum of squares: below, every difference would count as a contradiction."""


@dataclass(frozen=True)
class Belief:
    """What is known of a facade.

    Attributes
    ----------
    materials : ndarray, shape (8,)
        Dirichlet counts of the wall without its windows, in the order of `LABELS`.
    window : ndarray, shape (2,)
        Beta counts of the window share: window, wall.
    """

    materials: np.ndarray
    window: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Expected shares of the wall materials; they sum to 1."""
        return self.materials / self.materials.sum()

    @property
    def window_share(self) -> float:
        """Expected window share."""
        return float(self.window[0] / self.window.sum())

    @property
    def whole(self) -> np.ndarray:
        """Expected shares of the whole facade, materials and then windows, shape (9,)."""
        return np.append(self.shares * (1.0 - self.window_share), self.window_share)

    @property
    def confidence(self) -> float:
        """Share of the facade that is expected to be named right, 0 to 1.

        One minus the expected total variation distance between the expected composition and the
        true one, half the sum of the mean absolute deviations of the nine shares.
        """
        return float(1.0 - 0.5 * mean_deviation(*self.beta()).sum())

    def beta(self) -> tuple[np.ndarray, np.ndarray]:
        """Parameters of a Beta for each of the nine shares, mean and variance matched."""
        a, b = self.materials, self.materials.sum() - self.materials
        m, v = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1.0))
        wa, wb = self.window
        w, vw = wb / (wa + wb), wa * wb / ((wa + wb) ** 2 * (wa + wb + 1.0))
        mean = np.append(m * w, 1.0 - w)
        variance = np.append(v * vw + v * w**2 + vw * m**2, vw)
        scale = mean * (1.0 - mean) / np.maximum(variance, 1e-12) - 1.0
        scale = np.maximum(scale, 1e-6)
        return mean * scale, (1.0 - mean) * scale


def mean_deviation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """E|X - E X| of Beta(a, b): 2 a^a b^b / (B(a, b) (a + b)^(a + b + 1)).

    Johnson, Kotz and Balakrishnan 1995, Continuous Univariate Distributions 2, chapter 25.
    """
    from scipy.special import betaln, xlogy

    a, b = np.maximum(a, 1e-9), np.maximum(b, 1e-9)
    n = a + b
    return 2.0 * np.exp(xlogy(a, a) + xlogy(b, b) - betaln(a, b) - xlogy(n + 1.0, n))


@dataclass(frozen=True)
class Sight:
    """What one view says, and what it is worth.

    Attributes
    ----------
    building_id, image_id : str
    shares : ndarray, shape (8,)
    window_share : float
        NaN where the model does not say.
    weight : float
        0 to 1.
    area : float
        Wall that it shows [m2].
    """

    building_id: str
    image_id: str
    shares: np.ndarray
    window_share: float
    weight: float
    area: float


def view_weight(
    visibility: float, distance: float, quality: float, angle_deg: float, answer: CropAnswer
) -> float:
    """What a view is worth, 0 to 1: the product of what each of its qualities leaves.

    Parameters
    ----------
    visibility : float
        Share of the wall that the crop shows; from a half on the view counts whole.
    distance : float
        [m]; at 25 m it counts half, as in the choice of views.
    quality : float
        Of the picture, 0 to 1; the worst counts half, as in the choice of views.
    angle_deg : float
        Between the line of sight and the wall's normal.
    answer : CropAnswer
        Its certainty within the facade; where a quarter of the crop is facade, that does not count.
    """
    if not answer.usable:
        return 0.0
    fraction = max(answer.facade_fraction, 1e-6)
    sure = min(1.0, answer.certainty / fraction)
    seen = min(1.0, 2.0 * max(0.0, visibility)) * min(1.0, 4.0 * fraction)
    near = 1.0 / (1.0 + (max(0.0, distance) / HALF_DISTANCE) ** 2)
    frontal = max(0.0, float(np.cos(np.radians(angle_deg))))
    return float(seen * near * (0.5 + 0.5 * np.clip(quality, 0.0, 1.0)) * frontal * sure)


@dataclass(frozen=True)
class Worth:
    """How many counts a view, and all views of a building together, are worth.

    Attributes
    ----------
    per_view, common : float
        For the materials.
    window_per_view, window_common : float
        For the window share.
    """

    per_view: float = COUNTS_PER_VIEW
    common: float = COUNTS_COMMON
    window_per_view: float = COUNTS_PER_VIEW
    window_common: float = COUNTS_COMMON


def worth_of_views(sights: Mapping[str, Sequence[Sight]], common: float = COUNTS_COMMON) -> Worth:
    """How far views of one building scatter says what a view is worth.

    For Dirichlet shares of k counts about a composition m the squared distance to it is expected
    to be (1 - sum of m squared) / (k + 1). The sums over all buildings with several views give k,
    held to the stated value by `DOUBT` degrees of freedom.
    """
    found = []
    for pick in (_shares, _windows):
        variety = DOUBT / (COUNTS_PER_VIEW + 1.0)
        free = DOUBT
        for views in sights.values():
            values, weights = pick(views)
            if len(values) < 2:
                continue
            middle = np.average(values, axis=0, weights=weights)
            scale = _variety(middle)
            variety += float((weights * ((values - middle) ** 2).sum(axis=1)).sum()) / scale
            free += len(values) - 1
        found.append(max(0.5, free / variety - 1.0))
    return Worth(found[0], common, found[1], common)


def combine(views: Sequence[Sight], worth: Worth, prior: Belief) -> Belief:
    """The views of one building on top of what was believed without them.

    Views weigh by the wall they show; a view that contradicts the others takes counts away.
    """
    materials = prior.materials + _counts(
        *_shares(views), _areas(views), worth.per_view, worth.common
    )
    seen = [view for view in views if np.isfinite(view.window_share)]
    window = prior.window
    if seen:
        window = window + _counts(
            *_windows(seen), _areas(seen), worth.window_per_view, worth.window_common
        )
    return Belief(materials, window)


def _counts(
    values: np.ndarray, weights: np.ndarray, areas: np.ndarray, per_view: float, common: float
) -> np.ndarray:
    """Counts that views of shares (views, k) add."""
    counts = per_view * weights
    if counts.sum() <= 0.0:
        return np.zeros(values.shape[1])
    pull = counts * areas
    middle = np.average(values, axis=0, weights=pull)
    total = pull.sum() ** 2 / (pull * areas).sum()  # variance of a mean whose weights differ
    misfit = ((counts + 1.0) * ((values - middle) ** 2).sum(axis=1)).sum() / _variety(middle)
    total /= max(1.0, (OWN_DOUBT + misfit) / (OWN_DOUBT + len(values) - 1))
    # Variances of a Dirichlet go with 1 / (counts + 1): what views share is added to their own.
    total = 1.0 / (1.0 / total + 1.0 / common)
    return np.asarray(total * middle)


def _variety(middle: np.ndarray) -> float:
    return max(LEAST_VARIETY, 1.0 - float((middle**2).sum()))


def _shares(views: Sequence[Sight]) -> tuple[np.ndarray, np.ndarray]:
    values = np.array([view.shares for view in views], float).reshape(-1, len(LABELS))
    return values, np.array([view.weight for view in views], float)


def _windows(views: Sequence[Sight]) -> tuple[np.ndarray, np.ndarray]:
    seen = [view for view in views if np.isfinite(view.window_share)]
    share = np.array([view.window_share for view in seen], float)
    return np.stack([share, 1.0 - share], axis=1), np.array([view.weight for view in seen], float)


def _areas(views: Sequence[Sight]) -> np.ndarray:
    return np.maximum(np.array([view.area for view in views], float), 1e-3)
