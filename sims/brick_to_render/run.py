"""One street's facades from brick to light render: they cool, and what they face warms."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import arguments, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    return what_if(__file__, out, low, "Brick to render in one street")


if __name__ == "__main__":
    given = arguments(__doc__ or "")
    main(given.out, given.low)
