"""Asphalt to concrete paving: cooler ground, and more light on the walls beside it."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    return what_if(__file__, out, low, "Light paving")


if __name__ == "__main__":
    command(main, __doc__ or "")
