"""The folder that `fetch` makes: taken up again, and a scenario somebody edited left alone."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heatmat.run_record import sha256_of
from heatmat.rundir import PARTIAL, RunDirectory

CACHE = "cache"
SCENARIO, FRESH = "scenario.toml", "scenario.fetched.toml"


class CityDirectory(RunDirectory):
    """A city folder: like that of a run, but what was missing is asked for again."""

    record_name = "fetch.json"
    may_hold = frozenset({CACHE})

    def __init__(self, path: Path, inputs: dict[str, Any], record: dict[str, Any]) -> None:
        super().__init__(path, inputs, record)
        self.complete = self.complete and record.get("status") == "complete"
        self.resumed = bool(record) and not self.complete

        self._scenario_sha256 = str(record.get("scenario_sha256", ""))

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """As for a run; a scenario that somebody has edited since is left alone."""
        if name == SCENARIO and self.edited:
            name = FRESH
        with super().write(name) as path:
            yield path
        if name == SCENARIO:
            self._scenario_sha256 = sha256_of(self.path / name)

    @property
    def edited(self) -> bool:
        """Whether the scenario is no longer the one that was written here."""
        path = self.path / SCENARIO
        return (
            bool(self._scenario_sha256)
            and path.exists()
            and sha256_of(path) != self._scenario_sha256
        )

    def _write_record(self, fields: dict[str, Any]) -> None:
        super()._write_record({**fields, "scenario_sha256": self._scenario_sha256})

    def give_up(self) -> None:
        """After an error: a folder that holds nothing yet is free for another request."""
        if not self.record.get("outputs"):
            shutil.rmtree(self.path / PARTIAL, ignore_errors=True)
            (self.path / self.record_name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # the cache may hold something
                (self.path / CACHE).rmdir()
            with contextlib.suppress(OSError):
                self.path.rmdir()
