"""What was run, from what, with what: the record beside every result, and comparing two."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from heatmat.errors import InputError, OutputError
from heatmat.output.atomic import aside


@contextlib.contextmanager
def output_errors(path: str | Path) -> Iterator[None]:
    """Turn failures to write into errors that name the path; a closed pipe passes."""
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
    members = [path]
    if path.is_dir():
        members = sorted(p for p in path.rglob("*") if p.is_file())
    elif path.suffix.lower() == ".shp":
        members = sorted(p for p in path.parent.glob(f"{path.stem}.*") if p.is_file())
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
    before, after = comparable(old), comparable(new)
    for key in [*after, *(key for key in before if key not in after)]:
        if before.get(key) != after.get(key):
            was, now = before.get(key, "nothing"), after.get(key, "nothing")
            return f"{key} was {_short(was)}, is {_short(now)}"
    return ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "..."


def comparable(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs flattened to dotted keys, paths left out."""
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


def make_record(
    inputs: Mapping[str, Any], fields: Mapping[str, Any], outputs: list[str]
) -> dict[str, Any]:
    """The contents of a run.json: what was asked, what came of it, what was written."""
    asked = {"command": inputs["command"], "options": inputs["options"]}
    read = {"scenario": inputs["scenario"], "inputs": inputs["files"]}
    return {"format": 1, **asked, **fields, **read, "outputs": sorted(outputs)}


def write_record(file: Path, record: Mapping[str, Any]) -> None:
    """Write a run.json, whole or not at all."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    with output_errors(file), aside(file) as partial:
        partial.write_text(text, encoding="utf-8")


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
    asked = ("command", "options", "scenario", "inputs", "outputs")
    if not isinstance(record, dict) or not all(key in record for key in asked):
        raise OutputError("is not a record of a run", where=str(file), remedy="move it away")
    return record


def inputs_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a run.json tells of, as from `run_inputs`."""
    return {
        "command": record["command"],
        "options": record["options"],
        "scenario": record["scenario"],
        "files": record["inputs"],
    }


def refuse_other_inputs(
    path: Path, old: Mapping[str, Any] | None, inputs: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Refuse to mix two runs in one place.

    Raises
    ------
    OutputError
        Naming the first input that differs.
    """
    difference = first_difference(inputs_of(old), inputs) if old else ""
    if difference and not overwrite:
        raise OutputError(
            f"holds a run with other inputs: {difference}",
            where=str(path),
            remedy="choose another place, or give --overwrite",
        )


def commit() -> str:
    """Revision of the checkout that this package runs from; empty for an installed one."""
    return _git("rev-parse", "HEAD")


def changed() -> bool:
    """Whether the package differs from that revision."""
    return bool(_git("status", "--porcelain", "--", Path(__file__).parent.name))


def _git(*words: str) -> str:
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", *words],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


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
