"""Nothing half-written under a final name: write aside, then rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a path beside the final one to write to, and rename it when the block ends well.

    The name keeps its suffix (drivers choose a format by it) and starts with a dot. A file or a
    folder that stood under the final name is replaced; when the block raises, it stays as it was
    and the part that was written is removed.

    Parameters
    ----------
    path : path
        Final name of a file or a folder.

    Yields
    ------
    Path
        Where to write.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".partial-{os.getpid()}-{final.name}")
    _remove(partial)
    try:
        yield partial
        if final.is_dir() and not final.is_symlink():
            _remove(final)
        os.replace(partial, final)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
