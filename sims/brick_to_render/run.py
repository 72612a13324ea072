"""One street's facades from brick to light render: they cool, and what they face warms."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    return what_if(__file__, out, low, "Brick to render in one street")


if __name__ == "__main__":
    command(main, __doc__ or "")
