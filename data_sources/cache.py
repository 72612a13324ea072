"""Answers of services on disk, each with a sidecar that says where it came from.

A file is complete or absent: it is written beside its place and moved there. The sidecar carries
the checksum, so a damaged file is noticed and fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Where some bytes came from.

    Attributes
    ----------
    address : str
        URL without secrets.
    method : str
        ``GET`` or ``POST``.
    params : dict of str to str
        Query parameters or form fields, without secrets.
    date : str
        When it was fetched, ISO 8601 in UTC.
    status : int
        HTTP status.
    content_type, etag, last_modified : str
        As the server said; may be empty.
    size : int
        Bytes, unpacked.
    sha256 : str
        Of the bytes.
    licence, attribution : str
        Under which terms, and whom to name.
    byte_range : str
        ``start-stop`` (half open) where only part of the file was asked for.
    whole_size : int
        Of the whole file in that case [bytes].
    """

    address: str
    method: str = "GET"
    params: dict[str, str] = field(default_factory=dict)
    date: str = ""
    status: int = 200
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    size: int = 0
    sha256: str = ""
    licence: str = ""
    attribution: str = ""
    byte_range: str = ""
    whole_size: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> Provenance | None:
        """The sidecar at `path`; None where it is missing or damaged."""
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{f.name: table[f.name] for f in fields(cls) if f.name in table})
        except (OSError, ValueError, TypeError, RecursionError):
            return None


def now_utc() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def sha256_of(path: Path) -> str:
    """Checksum of a file, read in blocks."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def request_key(method: str, url: str, params: Mapping[str, Any], extra: str = "") -> str:
    """Name of a request's cache entry: a digest of everything that changes the answer."""
    text = json.dumps([method, url, sorted((k, str(v)) for k, v in params.items()), extra])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:40]


class Cache:
    """A folder of answers: ``host/ab/abcdef....bin`` and ``.json``.

    Parameters
    ----------
    folder : Path
        Made when the first answer is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def path(self, host: str, key: str) -> Path:
        """Where an answer lies or would lie; a host cannot lead out of the folder."""
        name = re.sub(r"[^a-z0-9.-]", "_", host.lower()).strip(".") or "host"
        return self.folder / name[:100] / key[:2] / f"{key}.bin"

    def find(self, host: str, key: str, max_age: float | None = None) -> Provenance | None:
        """The provenance of an answer that is there, sound and young enough.

        Parameters
        ----------
        max_age : float, optional
            Seconds; None: any age.
        """
        path = self.path(host, key)
        about = Provenance.read(path.with_suffix(".json"))
        if about is None or not path.is_file() or path.stat().st_size != about.size:
            return None
        if max_age is not None and _age(about.date) > max_age:
            return None
        return about if sha256_of(path) == about.sha256 else None

    def keep(self, host: str, key: str, part: Path, about: Provenance) -> Path:
        """Move a finished file into its place and write the sidecar last."""
        path = self.path(host, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, path)
        write_atomically(path.with_suffix(".json"), json.dumps(about.as_dict(), indent=1))
        return path

    def drop(self, host: str, key: str) -> None:
        """Forget an answer."""
        path = self.path(host, key)
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _age(date: str) -> float:
    try:
        return (now_utc() - datetime.fromisoformat(date)).total_seconds()
    except (ValueError, TypeError):
        return float("inf")
