"""Nothing half-written under a final name: write aside, then rename."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: str | Path) -> Iterator[Path]:
    """Give a path beside the final one to write to, and rename it when the block ends well.

    A file replaces a file and a folder a folder; when the block raises, what stood under the final
    name stays as it was and the part that was written is removed.

    Parameters
    ----------
    path : path
        Final name of a file or a folder.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OSError
        Under the final name stands a folder and a file was written, or the other way round, or
        something that is neither.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(final)
    _remove(partial)
    try:
        yield partial
        _make_room(final, partial.is_dir())
        os.replace(partial, final)
    except BaseException:
        _remove(partial)
        raise


def partial_name(final: Path) -> Path:
    """Where `aside` writes: it keeps the suffix, by which drivers choose, and starts with a dot."""
    return final.with_name(f".partial-{os.getpid()}-{final.name}")


def _make_room(final: Path, for_folder: bool) -> None:
    if final.is_dir() and not for_folder:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
    if final.exists() and not final.is_dir() and (for_folder or not final.is_file()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
    if for_folder:
        _remove(final)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
