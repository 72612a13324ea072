"""Bodies of answers unpacked block by block, so that no gzip bomb lands in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from data_sources.errors import MalformedError

STEP = 1 << 20
"""Unpacked at a time [bytes]."""


class CutShortError(Exception):
    """Gzip data that ends before its end."""


class Plain:
    """A body as it is."""

    def feed(self, block: bytes) -> Iterable[bytes]:
        """The unpacked pieces of the next block."""
        return [block]

    def finish(self) -> None:
        """Raise `CutShortError` where something is missing."""


class Gzip(Plain):
    """A gzip body."""

    def __init__(self) -> None:
        self.machine = zlib.decompressobj(31)

    def feed(self, block: bytes) -> Iterable[bytes]:
        """The unpacked pieces of the next block, none larger than `STEP`."""
        while block and not self.machine.eof:
            yield self.machine.decompress(block, STEP)
            block = self.machine.unconsumed_tail

    def finish(self) -> None:
        """Raise `CutShortError` where something is missing."""
        if not self.machine.eof:
            raise CutShortError


def unpacker(encoding: str, host: str) -> Plain:
    """For a Content-Encoding; only what was asked for."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return Plain()
    if encoding in ("gzip", "x-gzip"):
        return Gzip()
    raise MalformedError("sent an encoding nobody asked for", host=host, got=encoding[:40])
