"""Outside insulation of all masonry walls on a clear winter day: outside faces lose their heat."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    return what_if(__file__, out, low, "Insulated facades in winter")


if __name__ == "__main__":
    command(main, __doc__ or "")
