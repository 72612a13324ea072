"""What the experiments share: arguments, a scenario at full or low resolution, a closing line."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import heatmat as hm

LOW = """
extends = '{scenario}'
[city]
extent = {part}
margin_m = 25
resolution_m = 4.0
[time]
step_min = 30
spin_up_days = 1
[solver]
field_resolution_m = 8.0
"""
"""Seventy metres of it, coarsely: what the tests run."""

MIDDLE = [385950, 6671960, 386020, 6672030]
SQUARE = [385930, 6672190, 386020, 6672260]
"""Parts of the district for that: a crossing of streets, the side of an open square."""


class Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, as `heatmat` does."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit with 2."""
        self.exit(2, f"heatmat: {message}; see --help\n")


def command(main: Callable[[Path, bool], object], about: str) -> None:
    """Run an experiment with ``--out FOLDER`` and ``--low``, as a command."""
    parser = Parser(description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--low", action="store_true", help="a small part at low resolution")
    given = parser.parse_args()
    try:
        given.out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=given.out).close()
    except OSError as error:
        parser.exit(2, f"heatmat: {given.out}: cannot be written: {error.strerror}\n")
    try:
        main(given.out, given.low)
    except hm.HeatMatError as error:
        parser.exit(error.exit_code, f"heatmat: {error}\n")


def load(
    script: str, low: bool, name: str = "scenario.toml", part: list[int] = MIDDLE
) -> hm.Scenario:
    """The scenario beside a script; `low` cuts it down to a part."""
    path = Path(script).resolve().parent / name
    if not low:
        return hm.Scenario.load(path)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / name
        small.write_text(LOW.format(scenario=path.as_posix(), part=part), encoding="utf-8")
        return hm.Scenario.load(small)


def what_if(
    script: str, out: Path, low: bool, title: str, part: list[int] = MIDDLE, report: bool = True
) -> object:
    """The scenario beside a script against the city before it: maps, tables, report in `out`.

    The city before is that of before.toml where there is one, else that without interventions.
    Without `report` there is the table alone.
    """
    scenario = load(script, low, part=part)
    earlier = scenario.without_interventions()
    if (Path(script).resolve().parent / "before.toml").exists():
        earlier = load(script, low, "before.toml", part)
    with hm.Simulation(earlier) as before, before.beside(scenario) as after:
        difference = hm.compare_maps(before, after)
        if report:
            difference.save(out, title=title, figures=not low)
    print(difference.table("changed").round(3).to_string(index=False))
    if report:
        print("\n".join(difference.sentences()))
    return difference
