"""Open water in place of a paved square: a stirred basin, cooler than its setts day and night."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import SQUARE, command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder; at low resolution, the table alone."""
    return what_if(__file__, out, low, "Open water", SQUARE, report=not low)


if __name__ == "__main__":
    command(main, __doc__ or "")
