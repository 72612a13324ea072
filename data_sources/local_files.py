"""Where a file of the user's came from, as far as it can be known."""

from __future__ import annotations

from pathlib import Path

from data_sources.cache import Provenance, now_utc, sha256_of


def local_file(path: str | Path) -> Provenance:
    """Name, size and checksum of a file; its licence and its makers are the user's to know."""
    path = Path(path)
    return Provenance(
        address=f"file {path.name}",
        method="file",
        date=now_utc().isoformat(timespec="seconds"),
        size=path.stat().st_size,
        sha256=sha256_of(path),
        licence="not stated: that of whoever published it",
        attribution=f"whoever published {path.name}",
    )
