"""The output folder: what was run, resuming, replacing, and never a half-written file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from heatmat.errors import InputError, OutputError
from heatmat.output.atomic import aside

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
        with _as_output_error(path), aside(path) as partial:
            with open(partial, "w", encoding="utf-8", newline="") as stream:
                yield stream


@contextlib.contextmanager
def _as_output_error(path: str | Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            "cannot be written",
            where=str(path),
            got=error.strerror or str(error),
            remedy="choose another place or make room",
        ) from error


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, of a folder's files in order, or of a shapefile with its companions."""
    path = Path(path)
    digest = hashlib.sha256()
    if path.is_dir():
        members = sorted(p for p in path.rglob("*") if p.is_file())
    elif path.suffix.lower() == ".shp":
        members = sorted(p for p in path.parent.glob(f"{path.stem}.*") if p.is_file())
    else:
        members = [path]
    for member in members:
        if len(members) > 1:
            digest.update(member.name.encode())
        try:
            with open(member, "rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise InputError("cannot be read", where=str(member), got=error.strerror) from None
    return digest.hexdigest()


def run_inputs(
    command: str,
    resolved: Mapping[str, Any],
    files: Mapping[str, Path],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that decides a result, fit for JSON and for comparing two runs.

    Parameters
    ----------
    command : str
    resolved : mapping
        `Scenario.resolved()`.
    files : mapping
        `Scenario.input_files()` and other input files, by name.
    options : mapping
        Command-line values that change the result, the seed among them.
    """
    hashed = {
        name: {"path": str(path), "sha256": sha256_of(path)}
        for name, path in files.items()
        if not str(path).startswith("/vsi")
    }
    return json.loads(
        json.dumps(
            {
                "command": command,
                "options": dict(options),
                "scenario": dict(resolved),
                "files": hashed,
            }
        )
    )


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first input that differs, with both values; "" where none does.

    Where a file lies does not matter, what it holds does; comments in a scenario file do not.
    """
    before, after = _comparable(old), _comparable(new)
    for key in [*after, *(key for key in before if key not in after)]:
        if before.get(key) != after.get(key):
            was, now = before.get(key, "nothing"), after.get(key, "nothing")
            return f"{key} was {_short(was)}, is {_short(now)}"
    return ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "..."


def _comparable(inputs: Mapping[str, Any]) -> dict[str, Any]:
    files = dict(inputs.get("files", {}))
    flat: dict[str, Any] = {"command": inputs.get("command")}
    for name, entry in files.items():
        if name.startswith("scenario"):  # its content is compared key by key
            continue
        flat[f"{name} (sha256)"] = entry["sha256"]
    _flatten(inputs.get("options", {}), "", flat)
    _flatten(inputs.get("scenario", {}), "", flat)
    for name in files:
        flat.pop(name, None)
    return flat


def _flatten(value: Any, prefix: str, into: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _flatten(item, f"{prefix}.{key}" if prefix else str(key), into)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for i, item in enumerate(value, start=1):
            _flatten(item, f"{prefix}[{i}]", into)
    else:
        into[prefix] = value


class RunDirectory:
    """The folder of one run.

    Attributes
    ----------
    path : Path
    inputs : dict
        As from `run_inputs`.
    complete : bool
        True when an earlier run with the same inputs has finished: nothing is left to do.
    resumed : bool
        True when an earlier run with the same inputs was interrupted.
    """

    def __init__(self, path: Path, inputs: dict[str, Any], record: dict[str, Any]) -> None:
        self.path = path
        self.inputs = inputs
        self.record = record
        self.complete = record.get("status") in ("complete", "degraded")
        self.resumed = bool(record) and not self.complete
        self._outputs: list[str] = list(record.get("outputs", [])) if self.complete else []
        self._lock: IO[str] | None = None

    @classmethod
    def open(
        cls, path: str | Path, inputs: dict[str, Any], *, overwrite: bool = False
    ) -> RunDirectory:
        """Take hold of a folder: new, resumed or complete.

        Raises
        ------
        OutputError
            It holds something else, other inputs (the first that differs is named), or another
            process is writing to it.
        """
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise OutputError("is a file", where=str(path), expected="a folder")
        old = _read_record(path)
        if (
            old is None
            and path.is_dir()
            and any(not p.name.startswith(".") for p in path.iterdir())
        ):
            raise OutputError(
                f"is not empty and holds no {RUN_FILE}",
                where=str(path),
                remedy="choose a new or empty folder",
            )
        difference = first_difference(old["inputs"], inputs) if old else ""
        if old and difference and not overwrite:
            raise OutputError(
                f"holds a run with other inputs: {difference}",
                where=str(path),
                remedy="choose another folder, or give --overwrite",
            )
        with _as_output_error(path):
            path.mkdir(parents=True, exist_ok=True)
            (path / PARTIAL).mkdir(exist_ok=True)
        self = cls(path, inputs, {} if overwrite else (old or {}))
        self._take_lock()
        if overwrite and old:
            remove_outputs(path, old)
        if not self.complete:
            self._write_record({"status": "running", "inputs": inputs})
        return self

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
        return self.path / name

    @contextlib.contextmanager
    def write(self, name: str) -> Iterator[Path]:
        """A path to write an output file or folder to; it gets its name when whole."""
        with _as_output_error(self.path / name), aside(self.file(name)) as partial:
            yield partial
        self._write_record({"status": "running", "inputs": self.inputs})

    @property
    def fingerprint(self) -> str:
        """A short digest of the inputs: tiles of other inputs are never taken up."""
        text = json.dumps(_comparable(self.inputs), sort_keys=True)
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
        with _as_output_error(path), aside(path) as partial:
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
                "inputs": self.inputs,
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

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write_record(self, record: dict[str, Any]) -> None:
        self.record = {"format": 1, **record, "outputs": sorted(self._outputs)}
        with _as_output_error(self.path / RUN_FILE), aside(self.path / RUN_FILE) as partial:
            partial.write_text(
                json.dumps(self.record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )


def _read_record(path: Path) -> dict[str, Any] | None:
    return read_record(path / RUN_FILE)


def read_record(file: Path) -> dict[str, Any] | None:
    """A run.json as a dict; None where there is none.

    Raises
    ------
    OutputError
        Where it is there and is not one of HeatMat's.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("inputs"), dict):
        raise OutputError("is not a record of a run", where=str(file), remedy="move it away")
    return record


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


def versions() -> dict[str, str]:
    """Versions of HeatMat, Python and the libraries that shape a result."""
    import platform
    from importlib import metadata

    from heatmat import __version__

    found = {"heatmat": __version__, "python": platform.python_version()}
    for name in ("numpy", "taichi", "pvlib", "geopandas", "shapely", "rasterio", "pyproj"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
