"""The output folder: what was run, resuming, replacing, and never a half-written file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from heatmat.errors import OutputError
from heatmat.output.atomic import aside, partial_name
from heatmat.run_record import (
    comparable,
    make_record,
    output_errors,
    read_record,
    refuse_other_inputs,
    versions,
    write_record,
)

RUN_FILE = "run.json"
PARTIAL = ".partial"
STREAMS = {"-": "stdout", "/dev/stdout": "stdout", "/dev/fd/1": "stdout",
           "/proc/self/fd/1": "stdout", "/dev/stderr": "stderr", "/dev/fd/2": "stderr"}  # fmt: skip


def is_stream(path: str | Path) -> bool:
    """Whether writing there is not making a file: standard output, a pipe, a device."""
    text = str(path)
    return text in STREAMS or (
        os.path.exists(text) and not os.path.isfile(text) and not os.path.isdir(text)
    )


@contextlib.contextmanager
def open_output(path: str | Path) -> Iterator[IO[str]]:
    """Text stream to a file that appears whole under its name, or to a stream as it comes.

    Raises
    ------
    OutputError
        Where the file cannot be made (no rights, disk full...).
    """
    name = STREAMS.get(str(path))
    if name is not None:
        stream = getattr(sys, name)
        yield stream
        stream.flush()
    elif is_stream(path):
        with open(path, "w", encoding="utf-8", newline="") as stream:
            yield stream
    else:
        with (
            output_errors(path),
            aside(path) as partial,
            open(partial, "w", encoding="utf-8", newline="") as stream,
        ):
            yield stream


def expect_writable(path: str | Path) -> None:
    """Find out before the work, not after it, that a file cannot be made.

    Raises
    ------
    OutputError
        It is a folder, or beside it (or in the nearest folder that there is) no file can be made.
    """
    if is_stream(path):
        return
    final = Path(path).absolute()
    nearest = next((place for place in final.parents if os.path.lexists(place)), final.parent)
    with output_errors(path):
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        probe = partial_name(nearest / final.name)  # asking for rights is not enough on Windows
        probe.touch()
        probe.unlink()


class RunDirectory:
    """The folder of one run.

    Attributes
    ----------
    path : Path
    inputs : dict
        As from `run_inputs`.
    complete : bool
        True when an earlier run with the same inputs has finished and its outputs are all there:
        nothing is left to do.
    resumed : bool
        True when an earlier run with the same inputs was interrupted.
    record : dict
        What run.json holds.
    """

    record_name = RUN_FILE
    may_hold: frozenset[str] = frozenset()  # what a folder without a record may hold already

    def __init__(self, path: Path, inputs: dict[str, Any], record: dict[str, Any]) -> None:
        self.path = path
        self.inputs = inputs
        self.record = record
        self._outputs: list[str] = list(record.get("outputs", []))
        whole = all((path / name).exists() for name in self._outputs)
        self.complete = record.get("status") in ("complete", "degraded") and whole
        self.resumed = bool(record) and not self.complete
        self._lock: IO[str] | None = None

    @classmethod
    def open(cls, path: str | Path, inputs: dict[str, Any], *, overwrite: bool = False) -> Self:
        """Take hold of a folder: new, resumed or complete.

        Raises
        ------
        OutputError
            It holds something else, other inputs (the first that differs is named), or another
            process is writing to it.
        """
        path = Path(path)
        old = cls._allowed(path, inputs, overwrite)
        with output_errors(path):
            (path / PARTIAL).mkdir(parents=True, exist_ok=True)
        self = cls(path, inputs, {} if overwrite else old)
        self._take_lock()
        _remove_leftovers(path)
        if overwrite and old:
            remove_outputs(path, old)
        if not self.complete:
            self._write_record({"status": "running"})
        return self

    @classmethod
    def look(cls, path: str | Path, inputs: dict[str, Any], *, overwrite: bool = False) -> Self:
        """The folder as `open` would find it, and refuse it; nothing is written or locked.

        What a command checks between the two leaves no trace where it refuses.
        """
        path = Path(path)
        old = cls._allowed(path, inputs, overwrite)
        return cls(path, inputs, {} if overwrite else old)

    @classmethod
    def _allowed(cls, path: Path, inputs: dict[str, Any], overwrite: bool) -> dict[str, Any]:
        """The record that a folder holds, where these inputs may go into it."""
        if path.exists() and not path.is_dir():
            raise OutputError(
                "is a file",
                where=str(path),
                expected="a folder",
                remedy="give another --out, or move the file away",
            )
        old = read_record(path / cls.record_name)
        if old is None and _holds_files(path, cls.may_hold):
            raise OutputError(
                f"is not empty and holds no {cls.record_name}",
                where=str(path),
                remedy="choose a new or empty folder",
            )
        refuse_other_inputs(path, old, inputs, overwrite=overwrite)
        return old or {}

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two runs into one folder are the user's to avoid
            return
        self._lock = open(self.path / PARTIAL / "lock", "w")  # noqa: SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise OutputError(
                "another process is writing to this folder",
                where=str(self.path),
                remedy="wait for it, or choose another folder",
            ) from None

    def file(self, name: str) -> Path:
        """The final path of an output, noted in run.json from now on."""
        if name not in self._outputs:
            self._outputs.append(name)
            self._write_record({"status": "running"})
        return self.path / name

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """A path to write an output file or folder to; it gets its name when whole."""
        with output_errors(self.path / name), aside(self.file(name)) as partial:
            yield partial

    @property
    def fingerprint(self) -> str:
        """A short digest of the inputs: tiles of other inputs are never taken up."""
        text = json.dumps(comparable(self.inputs), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _tile(self, key: str) -> Path:
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in key)
        return self.path / PARTIAL / f"{self.fingerprint}-{safe}.npz"

    def load_tile(self, key: str) -> dict[str, np.ndarray] | None:
        """What an interrupted run saved under `key`, or None."""
        import zipfile

        try:
            with np.load(self._tile(key), allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, zipfile.BadZipFile):  # damaged: computed again
            return None

    def save_tile(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a finished part, so that an interrupted run goes on after it."""
        path = self._tile(key)
        with output_errors(path), aside(path) as partial:
            np.savez(partial, **dict(arrays))  # type: ignore[arg-type]

    def finish(
        self,
        *,
        seconds: Mapping[str, float] | float,
        warnings: list[str],
        device: str = "",
        seed: int = 0,
        degraded: bool = False,
        **more: Any,
    ) -> None:
        """Write the final run.json and drop what was kept for resuming."""
        shutil.rmtree(self.path / PARTIAL, ignore_errors=True)
        self._write_record(
            {
                "status": "degraded" if degraded else "complete",
                "versions": versions(),
                "device": device,
                "seed": seed,
                "seconds": seconds,
                "warnings": list(warnings),
                **more,
            }
        )
        self.close()

    def close(self) -> None:
        """Let go of the folder; an unfinished run can be taken up again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        if self.complete:
            shutil.rmtree(self.path / PARTIAL, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write_record(self, fields: dict[str, Any]) -> None:
        self.record = make_record(self.inputs, fields, self._outputs)
        write_record(self.path / self.record_name, self.record)


def _holds_files(path: Path, besides: frozenset[str]) -> bool:
    if not path.is_dir():
        return False
    return any(not p.name.startswith(".") and p.name not in besides for p in path.iterdir())


def _remove_leftovers(path: Path) -> None:
    """Half-written files of a run that was killed; the lock says that nobody writes them now."""
    for leftover in path.glob(".partial-*"):
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def remove_outputs(path: Path, record: Mapping[str, Any]) -> None:
    """Remove what a run.json lists, and nothing else; names that lead outside are left alone."""
    root = path.resolve()
    for name in [*record.get("outputs", []), PARTIAL]:
        target = path / str(name)
        inside = root in target.parent.resolve().joinpath(target.name).parents
        if not inside or target.name in ("", ".", ".."):
            continue
        if name == PARTIAL:  # the lock is held in it
            for kept in target.glob("*.npz"):
                kept.unlink()
        elif target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
