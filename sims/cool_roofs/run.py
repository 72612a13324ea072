"""All dark roofs get an albedo of 0.7: what it does to them, and to what looks at them."""

from __future__ import annotations

from pathlib import Path

from sims.experiment import command, what_if


def main(out: Path, low: bool = False) -> object:
    """Run it into a folder."""
    return what_if(__file__, out, low, "Cool roofs")


if __name__ == "__main__":
    command(main, __doc__ or "")
