"""The folder that `fetch` makes: taken up again, and what somebody edited left alone."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heatmat.run_record import sha256_of
from heatmat.rundir import PARTIAL, RunDirectory, remove_outputs

CACHE = "cache"
SCENARIO = "scenario.toml"


def fresh_name(name: str) -> str:
    """Where a file goes whose place an edited one holds: ``scenario.fetched.toml``."""
    path = Path(name)
    return str(path.with_name(f"{path.stem}.fetched{path.suffix}"))


class CityDirectory(RunDirectory):
    """A city folder: like that of a run, but what was missing is asked for again.

    Attributes
    ----------
    kept : list of str
        Files that somebody had edited, in this run.
    """

    record_name = "fetch.json"
    may_hold = frozenset({CACHE})

    def __init__(self, path: Path, inputs: dict[str, Any], record: dict[str, Any]) -> None:
        super().__init__(path, inputs, record)
        self.complete = self.complete and record.get("status") == "complete"
        self.resumed = bool(record) and not self.complete
        self._sha256: dict[str, str] = dict(record.get("sha256", {}))
        self.kept: list[str] = []

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """As for a run; a file that somebody has edited since is left alone."""
        if self._edited(name):
            self.kept.append(name)
            name = fresh_name(name)
        with super().write(name) as path:
            yield path
        if (self.path / name).is_file():
            self._sha256[name] = sha256_of(self.path / name)

    def _edited(self, name: str) -> bool:
        """Whether a file is no longer the one that was written here."""
        path = self.path / name
        return name in self._sha256 and path.is_file() and sha256_of(path) != self._sha256[name]

    def _write_record(self, fields: dict[str, Any]) -> None:
        super()._write_record({**fields, "sha256": self._sha256})

    def give_up(self) -> None:
        """After an error: a folder that was never whole is free for another request.

        What was fetched stays in its cache.
        """
        if SCENARIO in self._sha256:
            return
        remove_outputs(self.path, self.record)
        shutil.rmtree(self.path / PARTIAL, ignore_errors=True)
        (self.path / self.record_name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # the cache may hold something
            (self.path / CACHE).rmdir()
        with contextlib.suppress(OSError):
            self.path.rmdir()
