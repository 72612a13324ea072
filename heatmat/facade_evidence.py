"""What a buildings file says of how sure a facade's composition is, and draws from that.

``facade_evidence`` stands beside ``facade_composition``: Dirichlet counts of the constructions of
the wall and Beta counts of its windows. `heatmat materials` writes both. A composition that was
edited since no longer fits its evidence, and is then taken for certain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DECIMALS = 4
"""Of a share, where compositions are compared."""


@dataclass(frozen=True)
class FacadeEvidence:
    """How sure a composition is.

    Attributes
    ----------
    names : tuple of str
        Constructions of the wall.
    counts : ndarray, shape (names,)
        Their Dirichlet counts.
    window : str
        Construction of the windows.
    window_counts : tuple of float
        Beta counts of the window share: window, wall.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    window: str
    window_counts: tuple[float, float]

    def mean(self, names: list[str]) -> np.ndarray:
        """Expected shares of the constructions that `draw` names."""
        window = self.window_counts[0] / sum(self.window_counts)
        shares = dict.fromkeys(names, 0.0)
        for name, count in zip(self.names, self.counts, strict=True):
            shares[name] += float(count / self.counts.sum()) * (1.0 - window)
        shares[self.window] += window
        return np.array(list(shares.values()))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[list[str], np.ndarray]:
        """Compositions as likely as the evidence says.

        Returns
        -------
        tuple of list of str and ndarray
            Constructions, those of the wall first, and shares, shape (count, constructions).
        """
        # Gamma draws, one a construction: equal numbers for equal places in the list.
        wall = rng.standard_gamma(np.maximum(self.counts, 1e-3), (count, self.counts.size))
        total = wall.sum(axis=1, keepdims=True)
        mean = self.counts / self.counts.sum()
        wall = np.where(total > 0.0, wall / np.where(total > 0.0, total, 1.0), mean)
        a, b = (max(value, 1e-3) for value in self.window_counts)
        window = rng.beta(a, b, (count, 1))
        names, shares = list(self.names), wall * (1.0 - window)
        if self.window in names:
            shares[:, names.index(self.window)] += window[:, 0]
            return names, shares
        return [*names, self.window], np.hstack([shares, window])


def composition_digest(composition: Mapping[str, Any]) -> str:
    """A short digest of a composition, whatever the order of its entries."""
    rounded = {str(k): round(float(v), DECIMALS) for k, v in composition.items()}
    text = json.dumps(rounded, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_json(value: Any) -> Any:
    """A value that is JSON, or text that holds it; None where it is neither."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def fits(tags: Mapping[str, Any]) -> bool:
    """Whether a building's composition is the one that its evidence was written for."""
    composition, evidence = (
        read_json(tags.get(key)) for key in ("facade_composition", "facade_evidence")
    )
    if not isinstance(composition, dict) or not isinstance(evidence, dict):
        return False
    try:
        return bool(evidence.get("of") == composition_digest(composition))
    except (TypeError, ValueError):
        return False


def evidence_of(tags: Mapping[str, Any]) -> FacadeEvidence | None:
    """The evidence of a building; None where there is none, or none of its composition."""
    if not fits(tags):
        return None
    stored = read_json(tags["facade_evidence"])
    try:
        counts = {str(name): float(value) for name, value in stored["counts"].items()}
        window = stored["window"]
        pair = float(window["counts"][0]), float(window["counts"][1])
        name = str(window["construction"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None
    values = np.array(list(counts.values()))
    if not values.size or not np.isfinite([*values, *pair]).all() or min(*values, *pair) < 0.0:
        return None
    if values.sum() <= 0.0 or sum(pair) <= 0.0:
        return None
    return FacadeEvidence(tuple(counts), values, name, pair)


def most_likely(mean: np.ndarray, most: int) -> list[int]:
    """Positions of the largest expected shares, at most so many, in order."""
    return sorted(int(i) for i in np.argsort(-mean, kind="stable")[:most])
