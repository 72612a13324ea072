"""What every command shares while it runs: progress, notes, clocks, and a clean standard output."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heatmat.commands.options import DeviceName

if TYPE_CHECKING:
    from heatmat.scenario import Scenario

DONE, DEGRADED = 0, 3
Progress = Callable[..., None]


@dataclass
class Session:
    """One command's options and what it has to say.

    Attributes
    ----------
    device : DeviceName
    seed : int
    quiet, verbose, overwrite : bool
    warnings : list of str
        For run.json and standard error.
    seconds : dict of str to float
        Wall time by stage.
    """

    device: DeviceName = DeviceName.auto
    seed: int = 0
    quiet: bool = False
    verbose: bool = False
    overwrite: bool = False
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.verbose:
            warnings.simplefilter("ignore")
        self._begun = time.perf_counter()

    def note(self, text: str) -> None:
        """A line on standard error, unless quiet."""
        if not self.quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def detail(self, text: str) -> None:
        """A line on standard error when verbose."""
        if self.verbose:
            self.note(text)

    def warn(self, text: str) -> None:
        """A warning, once: on standard error and kept for run.json."""
        if text not in self.warnings:
            self.warnings.append(text)
            self.note(f"heatmat: warning: {text}")

    def load(self, path: Any) -> Scenario:
        """Read a scenario, and pass its warnings on."""
        from heatmat.scenario import Scenario

        scenario = Scenario.load(path)
        for warning in scenario.warnings:
            self.warn(warning)
        return scenario

    @property
    def total_seconds(self) -> float:
        """Wall time since the command began."""
        return time.perf_counter() - self._begun

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add a block's wall time to `seconds`."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + spent, 3)
            self.detail(f"{stage}: {spent:.2f} s")

    @contextlib.contextmanager
    def progress(self) -> Iterator[Progress]:
        """A callable ``report(stage, done, total)`` that draws bars on standard error.

        Standard output stays shut meanwhile: whatever a library prints goes to standard error, so
        that results alone reach it.
        """
        with _stdout_to_stderr():
            if self.quiet or not sys.stderr.isatty():
                yield self._report_plainly()
            else:
                with _bars() as report:
                    yield report

    def _report_plainly(self) -> Progress:
        """A line when a stage begins: for logs, where bars would be noise."""
        seen: set[str] = set()

        def report(stage: str, done: float = 0.0, total: float | None = None) -> None:
            if stage not in seen:
                seen.add(stage)
                self.note(f"[{self.total_seconds:6.1f} s] {stage}")

        return report


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    tasks: dict[str, TaskID] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bars:

        def report(stage: str, done: float = 0.0, total: float | None = 1.0) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    if not bars.tasks[earlier].finished:
                        bars.update(earlier, completed=bars.tasks[earlier].total)
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report
        for task in tasks.values():
            bars.update(task, completed=bars.tasks[task].total)


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Point file descriptor 1 at standard error, where there are such descriptors."""
    try:
        sys.stdout.flush()
        real, kept, error = sys.stdout.fileno(), os.dup(sys.stdout.fileno()), sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # captured by a test or a notebook
        yield
        return
    try:
        os.dup2(error, real)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, real)
        os.close(kept)
