"""Reading scenario files: TOML, `extends`, and the paths they name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from heatmat.errors import InputError

Location = tuple[str | int, ...]
PATH_KEYS: tuple[tuple[str, ...], ...] = (
    ("city", "buildings"),
    ("city", "ground"),
    ("city", "terrain"),
    ("city", "land_cover"),
    ("city", "trees", "top"),
    ("weather", "epw"),
    ("weather", "csv"),
    ("physics", "indoor_temperature_c", "csv"),
)
# Choosing one of these drops the others that a base file chose.
EXCLUSIVE: dict[tuple[str, ...], tuple[str, ...]] = {
    ("weather",): ("epw", "csv", "clear_sky"),
    ("city",): ("buildings", "embedded"),
    ("constructions", "*"): ("layers", "temperature"),
}


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy="check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder", where=str(path), expected="a file") from None
    except UnicodeDecodeError as error:
        raise InputError(
            "not UTF-8 text",
            where=str(path),
            got=f"byte {error.start} that is not UTF-8",
            remedy="save it as UTF-8",
        ) from None
    except OSError as error:
        raise InputError("cannot be read", where=str(path), got=error.strerror) from None


def read_toml(path: Path) -> dict[str, Any]:
    """One TOML file as nested dicts, or an InputError with line and column."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            "not valid TOML",
            where=str(path),
            got=str(error),
            remedy="text needs quotes; a table starts with [name]",
        ) from None


def resolve_paths(tables: dict[str, Any], folder: Path) -> None:
    """Make the paths in `tables` absolute, relative ones from `folder`; in place."""
    for keys in PATH_KEYS:
        table: Any = tables
        for key in keys[:-1]:
            table = table.get(key) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(table.get(keys[-1]), str):
            table[keys[-1]] = _absolute(table[keys[-1]], folder)
    entries = tables.get("interventions")
    for entry in entries if isinstance(entries, list) else []:
        where = entry.get("where") if isinstance(entry, dict) else None
        if isinstance(where, dict) and isinstance(where.get("polygon"), str):
            where["polygon"] = _absolute(where["polygon"], folder)


def _absolute(text: str, folder: Path) -> str:
    if text.startswith("/vsi"):  # GDAL's own virtual paths (zip, S3) are not files of ours
        return text
    return str((folder / Path(text).expanduser()).resolve())


def read_scenario(path: Path) -> tuple[dict[str, Any], dict[Location, Path], list[Path]]:
    """Follow `extends` from `path` and merge, later files winning.

    Returns
    -------
    tables : dict
        Merged, with absolute paths and without `extends`.
    origins : dict
        The file each key came from.
    files : list of Path
        Every scenario file that was read, the named one first.
    """
    return _read(path, ())


def _read(
    path: Path, chain: tuple[Path, ...]
) -> tuple[dict[str, Any], dict[Location, Path], list[Path]]:
    resolved = path.resolve()
    if resolved in chain:
        loop = " -> ".join(p.name for p in (*chain[chain.index(resolved) :], resolved))
        raise InputError("scenarios extend each other in a circle", where=str(path), got=loop)
    tables = read_toml(path)
    base_name = tables.pop("extends", None)
    resolve_paths(tables, path.parent)
    merged: dict[str, Any] = {}
    origins: dict[Location, Path] = {}
    files: list[Path] = []
    if base_name is not None:
        if not isinstance(base_name, str):
            raise InputError(
                "wrong value",
                where=f"{path}: extends",
                expected="a file name",
                got=repr(base_name),
            )
        base_path = path.parent / Path(base_name).expanduser()
        if not base_path.exists():
            raise InputError(
                "no such file",
                where=f"{path}: extends",
                got=base_name,
                remedy="paths are relative to the file that names them",
            )
        merged, origins, files = _read(base_path, (*chain, resolved))
    merge(merged, tables, path, origins)
    return merged, origins, [path, *files]


def merge(
    base: dict[str, Any],
    later: dict[str, Any],
    path: Path,
    origins: dict[Location, Path],
    location: tuple[str, ...] = (),
) -> None:
    """Lay `later` over `base` in place: tables merge, interventions append, values replace."""
    pattern = ("constructions", "*") if location[:1] == ("constructions",) else location
    rivals = EXCLUSIVE.get(pattern, ())
    if any(key in later for key in rivals):
        for key in rivals:
            base.pop(key, None)
    for key, value in later.items():
        here = (*location, key)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value, path, origins, here)
        elif here == ("interventions",) and isinstance(value, list):
            earlier = base.get(key)
            count = len(earlier) if isinstance(earlier, list) else 0
            base[key] = [*(earlier if isinstance(earlier, list) else []), *value]
            origins.update({("interventions", count + i): path for i in range(len(value))})
        else:
            base[key] = value
            origins[here] = path
