"""A row of trees along the sunny side of a street: what lies in their shade by day and night."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder; at low resolution, the table alone."""
    return what_if(__file__, out, low, "Street trees", report=not low)


if __name__ == "__main__":
    command(main, __doc__ or "")
