"""What stands for a local model where the hub's commit does: a digest of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja")
WHOLE = 64 << 20
"""Files up to this size are read whole [bytes]."""

SAMPLES, SAMPLE = 64, 64 << 10
"""Of larger ones so many pieces of this size [bytes], evenly spread: 15 GB of weights in under a
second. Training touches every piece, so two states of one model differ."""


def folder_digest(folder: Path) -> str:
    """Forty hex digits from names, sizes and contents of a model's files.

    Parameters
    ----------
    folder : Path
        With config.json in it.
    """
    total = hashlib.sha256()
    for path in sorted(folder.expanduser().iterdir()):
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        size = path.stat().st_size
        total.update(f"{path.name}\0{size}\0".encode())
        with open(path, "rb") as stream:
            if size <= WHOLE:
                total.update(stream.read())
                continue
            for k in range(SAMPLES):
                stream.seek(k * (size - SAMPLE) // (SAMPLES - 1))
                total.update(stream.read(SAMPLE))
    return total.hexdigest()[:40]
