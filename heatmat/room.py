"""Device memory that tiles take up one by one: fresh pages cost more than what fills them."""

from __future__ import annotations

from heatmat.runtime import ti

SPARE = 0.05
"""Rows more than were asked for: the next tile may need a few more."""


class Room:
    """Arrays by name; what they hold is left as it was."""

    def __init__(self) -> None:
        self._held: dict[str, ti.Ndarray] = {}

    def take(self, name: str, dtype: object, rows: int, *columns: int) -> ti.Ndarray:
        """An array with at least so many rows, the one of before if it is large enough."""
        kept = self._held.pop(name, None)
        if kept is None or kept.shape[0] < rows or kept.shape[1:] != columns:
            kept = None  # frees it first
            kept = ti.ndarray(dtype=dtype, shape=(int((1.0 + SPARE) * rows) + 1, *columns))
        self._held[name] = kept
        return kept

    def clear(self) -> None:
        """Give all of it back."""
        self._held.clear()
