"""Facades that no image shows: from neighbours alike, else from a stated regional default.

A neighbour counts by how near it is and how alike in use, height and age. How much alike neighbours
really are made is read off the city: each building with images is predicted from the others, and
the misses set how many counts a prediction is worth.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_sources.facade_labels.answer import LABELS
from data_sources.facade_labels.evidence import Belief

REACH = 60.0
"""Distance over which a neighbour's weight falls to 1/e [m]: the next houses of a row. Stated."""

FARTHEST = 300.0
"""No neighbour is taken from beyond [m]: some blocks of one time."""

HEIGHT_RATIO = 1.5
"""Heights that differ by this factor weigh exp(-1/2). Stated."""

AGE_SPAN = 25.0
"""So do years of building that differ by this [years]: about a building period. Stated."""

UNKNOWN_AGE, UNKNOWN_USE, OTHER_USE = 0.6, 0.5, 0.15
"""What a neighbour counts whose age or use one of the two does not tell, and one of another use."""

ENOUGH = 0.05
"""With less weight of neighbours in all, a facade is the regional default."""

NEIGHBOUR_COUNTS = 0.7
"""What the neighbours' mean is worth before the city's own misses are known. Stated: under 1, since
most walls are of one thing, and a mean of several says only how likely each is."""

DEFAULT_COUNTS = 0.5
"""What the regional default is worth. Stated."""

DOUBT = 5.0
"""The stated counts weigh like so many buildings against the city's own misses."""

USES = {
    "home": "apartments bungalow cabin detached dormitory farm house houseboat residential"
    " semidetached_house static_caravan terrace yes;house",
    "work": "commercial kiosk office retail supermarket hotel bank",
    "industry": "industrial manufacture warehouse hangar factory storage depot digester silo",
    "public": "civic college government hospital kindergarten library museum public school"
    " train_station transportation university sports_hall stadium",
    "worship": "cathedral chapel church monastery mosque religious shrine synagogue temple",
    "minor": "barn bicycle_parking boathouse carport cowshed garage garages greenhouse hut roof"
    " service shed stable toilets",
}
"""Values of `building` (OpenStreetMap wiki, Key:building) by use."""

_USE = {value: use for use, values in USES.items() for value in values.split()}


@dataclass(frozen=True)
class Buildings:
    """What neighbours are compared by; one entry a building.

    Attributes
    ----------
    ids : list of str
    place : ndarray, shape (n, 2)
        [m]
    height : ndarray, shape (n,)
        [m]
    year : ndarray, shape (n,)
        NaN where not known.
    use : ndarray of str, shape (n,)
        Empty where not known.
    whole : list of str
        The building that each is a part of, its own id where it is none.
    """

    ids: list[str]
    place: np.ndarray
    height: np.ndarray
    year: np.ndarray
    use: np.ndarray
    whole: list[str]

    @functools.cached_property
    def log_height(self) -> np.ndarray:
        """Natural logarithm of the height in metres, at least 0, shape (n,)."""
        return np.log(np.maximum(self.height, 1.0))

    @functools.cached_property
    def group(self) -> np.ndarray:
        """A number for each building that `whole` names, shape (n,)."""
        return np.unique(np.array(self.whole, dtype=str), return_inverse=True)[1]

    @functools.cached_property
    def use_code(self) -> np.ndarray:
        """A number for each use, -1 where it is not known, shape (n,)."""
        codes = np.unique(self.use.astype(str), return_inverse=True)[1]
        return np.where(self.use == "", -1, codes)


def use_of(tags: Mapping[str, Any]) -> str:
    """The kind of use that tags tell; empty where they do not (``building=yes``)."""
    for key in ("building", "building:part"):
        word = str(tags.get(key, "")).strip().lower()
        if word in _USE:
            return _USE[word]
    return ""


def year_of(tags: Mapping[str, Any]) -> float:
    """Year of building from ``start_date``; NaN where there is none.

    Reads what the OpenStreetMap wiki (Key:start_date) gives as examples: ``1857``, ``1857-03``,
    ``1850s``, ``~1855``, ``before 1855``, ``1850..1860`` (their middle), ``C19`` (1850).
    """
    text = str(tags.get("start_date", "")).strip()
    century = re.search(r"\bC(\d{1,2})\b", text)
    if century:
        return (int(century[1]) - 1) * 100.0 + 50.0
    years = [float(y) for y in re.findall(r"(?<!\d)([12]\d{3})(?!\d)", text)[:2]]
    if not years:
        return float("nan")
    decade = 5.0 if re.search(r"\d0s", text) else 0.0
    return float(np.mean(years if ".." in text else years[:1])) + decade


def similarity(buildings: Buildings, i: int, others: np.ndarray) -> np.ndarray:
    """How much each of `others` counts for building `i`, 0 to 1; parts of one building 1."""
    apart = np.linalg.norm(buildings.place[others] - buildings.place[i], axis=1)
    near = np.exp(-apart / REACH) * (apart <= FARTHEST)
    height = buildings.log_height
    tall = np.exp(-0.5 * ((height[others] - height[i]) / np.log(HEIGHT_RATIO)) ** 2)
    years = buildings.year[others] - buildings.year[i]
    age = np.where(np.isnan(years), UNKNOWN_AGE, np.exp(-0.5 * (years / AGE_SPAN) ** 2))
    use, own = buildings.use_code[others], buildings.use_code[i]
    alike = np.where((use < 0) | (own < 0), UNKNOWN_USE, np.where(use == own, 1.0, OTHER_USE))
    whole = buildings.group[others] == buildings.group[i]
    return np.where(whole, 1.0, near * tall * age * alike)


@dataclass(frozen=True)
class Filling:
    """What a building is believed to be without a look at it.

    Attributes
    ----------
    belief : Belief
    rule : str
        ``neighbours`` or ``regional_default``.
    neighbours : tuple of str
        Ids of those that count most, at most five.
    """

    belief: Belief
    rule: str
    neighbours: tuple[str, ...] = ()


class FillIn:
    """Fills from buildings that are known.

    Parameters
    ----------
    buildings : Buildings
    known : mapping of str to Belief
        By building id, from images, tags or corrections.
    default : Belief
        The regional default.
    """

    def __init__(self, buildings: Buildings, known: Mapping[str, Belief], default: Belief) -> None:
        from scipy.spatial import cKDTree

        self.buildings, self.default = buildings, default
        self._rows = np.array([i for i, n in enumerate(buildings.ids) if n in known], int)
        beliefs = [known[buildings.ids[i]] for i in self._rows]
        self._shares = np.array([b.shares for b in beliefs]).reshape(-1, len(LABELS))
        self._windows = np.array([[b.window_share] for b in beliefs]).reshape(-1, 1)
        self._own = np.array([(b.materials.sum(), b.window.sum()) for b in beliefs]).reshape(-1, 2)
        self._near = cKDTree(buildings.place[self._rows]) if len(self._rows) else None
        self.counts = self._fit()

    def fill(self, i: int) -> Filling:
        """What building number `i` is believed to be from the others."""
        found, weight = self._others(i)
        total = float(weight.sum())
        if total < ENOUGH:
            return Filling(self.default, "regional_default")
        shares, windows = self._mean(found, weight)
        trust = total / (total + 1.0)
        counts = [trust * c + (1.0 - trust) * DEFAULT_COUNTS for c in self.counts]
        belief = Belief(counts[0] * shares, counts[1] * np.array([windows, 1.0 - windows]))
        best = found[np.argsort(-weight)][:5]
        names = tuple(self.buildings.ids[self._rows[k]] for k in best)
        return Filling(belief, "neighbours", names)

    def _others(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Known buildings that count for `i`, as positions in `_rows`, and how much."""
        if self._near is None:
            return np.empty(0, int), np.empty(0)
        reach = self._near.query_ball_point(self.buildings.place[i], FARTHEST)
        found = np.sort(np.array(reach, int))
        found = found[self._rows[found] != i]
        return found, similarity(self.buildings, i, self._rows[found])

    def _mean(self, found: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
        """Weighted mean composition, the default counting like a weight of `ENOUGH`."""
        total = weight.sum() + ENOUGH
        shares = (weight @ self._shares[found] + ENOUGH * self.default.shares) / total
        windows = weight @ self._windows[found, 0] + ENOUGH * self.default.window_share
        return shares, float(windows / total)

    def _fit(self) -> tuple[float, float]:
        """Counts that a prediction is worth, for materials and windows.

        Of Dirichlet shares of k counts about m the squared distance to m is expected to be
        (1 - sum of m squared) / (k + 1); what the known composition is itself unsure of is taken
        off.
        """
        miss = [DOUBT / (NEIGHBOUR_COUNTS + 1.0)] * 2
        free = [DOUBT] * 2
        for k, i in enumerate(self._rows):
            found, weight = self._others(int(i))
            if weight.sum() < ENOUGH:
                continue
            shares, window = self._mean(found, weight)
            pairs = (
                (shares, self._shares[k]),
                (_two(window), _two(float(self._windows[k, 0]))),
            )
            for n, (guess, true) in enumerate(pairs):
                scale = max(0.05, 1.0 - float((guess**2).sum()))
                own = (1.0 - float((true**2).sum())) / (self._own[k, n] + 1.0)
                miss[n] += (float(((guess - true) ** 2).sum()) - own) / scale
                free[n] += 1.0
        fitted = [
            np.clip(f / max(m, 1e-3) - 1.0, 0.1, 30.0) for f, m in zip(free, miss, strict=True)
        ]
        return float(fitted[0]), float(fitted[1])


def _two(share: float) -> np.ndarray:
    return np.array([share, 1.0 - share])


def regional_default(label: str, window_share: float = 0.25, certain: float = 0.6) -> Belief:
    """A stated default: mostly one material, the others alike.

    Parameters
    ----------
    label : str
        Of `LABELS`.
    window_share : float
        Of the facade; a quarter is a stated judgement for European towns.
    certain : float
        Share of `label`; the others share the rest.
    """
    shares = np.full(len(LABELS), (1.0 - certain) / (len(LABELS) - 1))
    shares[LABELS.index(label)] = certain
    return Belief(DEFAULT_COUNTS * shares, 10.0 * _two(window_share))


def default_of(shares: Mapping[str, float], window_share: float) -> Belief:
    """The regional default that a table states; labels that it leaves out count a hundredth."""
    given = np.array([max(float(shares.get(label, 0.0)), 0.01) for label in LABELS])
    return Belief(DEFAULT_COUNTS * given / given.sum(), 10.0 * _two(window_share))
