"""A park and its streets with the trees that are mapped there, against the same without them."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if

PARK = [385930, 6671815, 386000, 6671885]
"""Lawns, paths and an avenue, for the version at low resolution."""


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder; at low resolution, the table alone."""
    return what_if(__file__, out, low, "Mapped trees", PARK, report=not low)


if __name__ == "__main__":
    command(main, __doc__ or "")
