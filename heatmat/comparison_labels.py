"""What surfaces are called on both sides of a comparison, and which of them were changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from heatmat.construction import Construction
    from heatmat.simulation import Simulation


class Labels:
    """Names of compositions on both sides, and which of them differ in what they are made of."""

    def __init__(self, before: Simulation, after: Simulation) -> None:
        self._a, self._b = before.maps.compositions, after.maps.compositions
        self._known = before.constructions, after.constructions
        self._maps = before.maps, after.maps
        self.names_a = np.array([composition_name(c) for c in self._a], dtype=object)
        self.names_b = np.array([composition_name(c) for c in self._b], dtype=object)

    def of_facades(self, facade: np.ndarray) -> np.ndarray:
        """Whether facades, by index, are made of something else after."""
        return self.changed(*(side.facade_composition[facade] for side in self._maps))

    def changed(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Whether compositions a and b, by index, are different ones."""
        pairs, index = np.unique(np.stack([a, b], axis=1), axis=0, return_inverse=True)
        different = np.array([self._differ(int(i), int(j)) for i, j in pairs], bool)
        return different[index.ravel()] if pairs.size else np.zeros(0, bool)

    def _differ(self, i: int, j: int) -> bool:
        a, b = self._a[i], self._b[j]
        if a != b:
            return True
        before, after = self._known
        return any(_known(before, name) != _known(after, name) for name, _ in a)


def _known(constructions: dict[str, Construction], name: str) -> Construction | None:
    return constructions.get(name)


def composition_name(composition: tuple[tuple[str, float], ...]) -> str:
    """One construction by its name, several with their percentages, largest first."""
    if len(composition) == 1:
        return composition[0][0]
    ordered = sorted(composition, key=lambda entry: -entry[1])
    return " + ".join(f"{100.0 * fraction:.0f} % {name}" for name, fraction in ordered)
