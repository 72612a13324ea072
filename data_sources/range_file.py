"""A remote file as a Python file object, read in blocks by range request and kept in the cache.

`rasterio.open(RangeFile(...))` reads a window of a cloud-optimised GeoTIFF without the rest.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError, TooLargeError

if TYPE_CHECKING:
    from data_sources.http import Session

BLOCK = 1 << 18
"""Size of a request [bytes]: an overview and its header fit into few."""


class RangeFile(io.RawIOBase):
    """Reads like a file opened with ``"rb"``.

    Parameters
    ----------
    session : Session
        Its cache holds the blocks.
    url : str
        Of the file.
    block : int
        Bytes a request.
    max_total : int
        Most bytes read in all.
    **options
        Fields of `data_sources.request.Request`: licence, attribution, remedy, secret, ...

    Attributes
    ----------
    size : int
        Of the whole file [bytes], from the first answer.
    etag : str
        Version of the file; another one in a later block is an error.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        *,
        block: int = BLOCK,
        max_total: int = 256 << 20,
        **options: Any,
    ) -> None:
        super().__init__()
        self.session = session
        self.url = url
        self.block = block
        self.max_total = max_total
        self.options = options
        self.etag = ""
        self.size = -1
        self._at = 0
        self._blocks: dict[int, bytes] = {}
        self._load(0)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next bytes; all to the end where `size` is negative."""
        stop = self.size if size is None or size < 0 else min(self.size, self._at + size)
        pieces = []
        while self._at < stop:
            number = self._at // self.block
            piece = self._load(number)
            first = self._at - number * self.block
            taken = piece[first : first + stop - self._at]
            if not taken:
                raise MalformedError("the file ends early", where=self.url)
            pieces.append(taken)
            self._at += len(taken)
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase` wants it."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _load(self, number: int) -> bytes:
        if number in self._blocks:
            return self._blocks[number]
        if (len(self._blocks) + 1) * self.block > self.max_total:
            raise TooLargeError("reads more than the limit", where=self.url, got=self.max_total)
        start = number * self.block
        answer = self.session.get_range(self.url, start, start + self.block, **self.options)
        about = answer.provenance
        if self.size < 0:
            self.size, self.etag = about.whole_size, about.etag
        elif (about.whole_size, about.etag) != (self.size, self.etag):
            self.session.forget(answer)
            raise MalformedError(
                "the file changed while it was read",
                where=about.address,
                remedy="remove what the cache holds of it, and run again",
            )
        self._blocks[number] = answer.content
        return self._blocks[number]
