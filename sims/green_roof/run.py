"""Bitumen roofs to green roofs: what a moist substrate takes away, and what it keeps by night."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder; at low resolution, the table alone."""
    return what_if(__file__, out, low, "Green roofs", report=not low)


if __name__ == "__main__":
    command(main, __doc__ or "")
