"""What a validation study found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Check:
    """One figure against what was asked of it.

    Attributes
    ----------
    what : str
    value : float
    limit : float
    unit : str
    at_least : bool
        The value is to be no less than the limit, in place of no more.
    note : str
        Where the limit is missed: what was learnt.
    """

    what: str
    value: float
    limit: float
    unit: str = "K"
    at_least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure is reached; never for one that is not a number."""
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit


def largest(values: ArrayLike) -> float:
    """The largest of values, not a number where one of them is not: pandas would leave it out."""
    return float(np.max(np.asarray(values, float)))


def least(values: ArrayLike) -> float:
    """The least of values, not a number where one of them is not."""
    return float(np.min(np.asarray(values, float)))


@dataclass
class Outcome:
    """What one study shows.

    Attributes
    ----------
    title : str
    against : str
        What HeatMat is compared with, and who made it.
    proves, does_not_prove : str
        A sentence or two each.
    checks : list of Check
    tables : list of (caption, DataFrame)
    figures : list of (caption, Figure)
    notes : list of str
        Paragraphs.
    seconds, cpu_seconds : float
        By the clock, and of all processors, other engines' processes included. Set by the runner.
    """

    title: str
    against: str
    proves: str
    does_not_prove: str
    checks: list[Check] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    figures: list[tuple[str, Figure]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def missed(self) -> list[Check]:
        """Checks whose figure is not reached."""
        return [check for check in self.checks if not check.holds]


@dataclass(frozen=True)
class Setting:
    """How a study is to run.

    Attributes
    ----------
    folder : Path
        For its scratch files.
    quick : bool
        Fewer cases and seeds.
    device : str
    seed : int
        Of HeatMat's random streams.
    data : Path, optional
        Folder of measured and real data that is not part of the package.
    solweig_python : Path, optional
        Interpreter that has the solweig package.
    progress : callable
        ``progress(text)``.
    """

    folder: Path
    quick: bool = False
    device: str = "auto"
    seed: int = 0
    data: Path | None = None
    solweig_python: Path | None = None
    progress: Callable[[str], None] = lambda text: None

    @property
    def paris(self) -> Path | None:
        """The city file of Paris in `data`; None where it is not there, or the version is short."""
        if self.data is None or self.quick:
            return None
        path = self.data / "osm_paris" / "paris_9e10e.osm"
        return path if path.exists() else None

    def without_paris(self) -> list[str]:
        """A sentence for the page where Paris is not there."""
        return [] if self.paris is not None else ["Paris was left out: no osm_paris in --data."]
