"""A remote GeoTIFF read by window: only the byte ranges that GDAL asks for travel."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from data_sources.errors import MalformedError, NetworkError
from data_sources.range_file import RangeFile

if TYPE_CHECKING:
    from data_sources.cache import Provenance
    from data_sources.http import Session


class RasterFile(RangeFile):
    """A `RangeFile` for GDAL, which makes an end of file of every failure.

    Attributes
    ----------
    failure : NetworkError or None
        What the server did; `open_remote` raises it.
    """

    def __init__(self, session: Session, url: str, **options: Any) -> None:
        self.failure: NetworkError | None = None
        super().__init__(session, url, **options)

    def read(self, size: int = -1) -> bytes:
        """As `RangeFile.read`, empty after a failure."""
        if self.failure is not None:
            return b""
        try:
            return super().read(size)
        except NetworkError as error:
            self.failure = error
            return b""

    def close(self) -> None:
        """GDAL opens and closes the file more than once: what was read stays."""

    def provenance(self) -> Provenance:
        """One entry for all blocks that were read."""
        first = self.session.get_range(self.url, 0, self.block, **self.options).provenance
        if len(self._blocks) == 1:
            return first
        size = sum(map(len, self._blocks.values()))
        return dataclasses.replace(first, byte_range=self._spans(), size=size, sha256="")

    def _spans(self) -> str:
        """The ranges that were read, neighbours joined."""
        numbers = sorted(self._blocks)
        starts = [i for i in numbers if i - 1 not in self._blocks]
        stops = [i + 1 for i in numbers if i + 1 not in self._blocks]
        ends = [min(stop * self.block, self.size) for stop in stops]
        return ", ".join(f"{a * self.block}-{b}" for a, b in zip(starts, ends, strict=True))


@contextlib.contextmanager
def open_remote(file: RasterFile) -> Iterator[Any]:
    """The file opened with rasterio.

    Raises
    ------
    NetworkError
        What the server said, or that the file is no GeoTIFF.
    """
    import rasterio
    from rasterio.errors import RasterioError

    name = file.url.rsplit("/", 1)[-1]

    def opener(path: str, mode: str = "r", **_: Any) -> RasterFile:
        if mode.startswith("r") and path.endswith(name) and file.failure is None:
            file.seek(0)
            return file
        raise FileNotFoundError(path)  # side files that GDAL looks for

    try:
        # No look at neighbouring files: each would be a request.
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(name, opener=opener, driver="GTiff") as dataset,
        ):
            yield dataset
    except (RasterioError, OSError) as error:
        if file.failure is not None:
            raise file.failure from None
        raise MalformedError(
            "the file is not a readable GeoTIFF",
            where=file.url,
            got=str(error).splitlines()[0][:100] if str(error) else type(error).__name__,
            remedy="remove what the cache holds of it, and run again",
        ) from None
    if file.failure is not None:
        raise file.failure
