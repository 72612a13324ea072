"""Images from outside: decoded within limits, and kept with their licence and origin beside them.

Nothing is believed before the header is read: kind and size are checked first, then the picture is
decoded. What cannot be used raises `BrokenImageError` with the reason in a word or two, whatever
the decoder thought of it.
"""

from __future__ import annotations

import io
import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_sources.cache import now_utc, sha256_of, write_atomically
from data_sources.errors import NetworkError
from data_sources.redaction import clean_url
from data_sources.street_image import StreetImage
from data_sources.untrusted import inside

if TYPE_CHECKING:
    from PIL import Image

    from data_sources.http import Session

MAX_BYTES = 48 << 20
"""Of one image as it travels: panoramas of 60 megapixels are 5 to 30 MB."""

MAX_PIXELS = 80_000_000
"""Of one image, before it is decoded: 12 600 x 6 300, 240 MB unpacked."""

MIN_SIDE = 64
"""Smaller images are of no use [pixels]."""

MAX_WIDTH = 8192
"""Wider JPEGs are decoded at half the size or less, which their format allows [pixels]."""

FORMATS = ("JPEG", "PNG", "WEBP")
KINDS = ("image/", "application/octet-stream", "binary/octet-stream")


class BrokenImageError(Exception):
    """A picture cannot be used; the text says why, in a word or two."""


def decode(source: Path | bytes, preview: bool = False, min_side: int = MIN_SIDE) -> np.ndarray:
    """The picture as red, green and blue, shape (h, w, 3), uint8, the right way up.

    Parameters
    ----------
    source : Path or bytes
        JPEG, PNG or WebP in any colour model.
    preview : bool
        Decode JPEGs at an eighth of the size: enough to know that all of it is there.
    min_side : int
        Pictures with a shorter side are refused [pixels].

    Raises
    ------
    BrokenImageError
        ``not_an_image``, ``too_many_pixels``, ``too_small``, ``truncated`` or ``undecodable``.
    """
    from PIL import Image, UnidentifiedImageError

    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with warnings.catch_warnings():
        # The limit below is lower than the size that Pillow warns about.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(stream, formats=FORMATS) as opened:
                return _pixels(opened, preview, min_side)
        except BrokenImageError:
            raise
        except UnidentifiedImageError:
            raise BrokenImageError("not_an_image") from None
        except Image.DecompressionBombError:
            raise BrokenImageError("too_many_pixels") from None
        except Exception as error:  # decoders raise nearly anything on hostile bytes
            truncated = "truncated" in str(error).lower()
            raise BrokenImageError("truncated" if truncated else "undecodable") from None


def _pixels(opened: Image.Image, preview: bool, min_side: int) -> np.ndarray:
    from PIL import ImageOps

    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise BrokenImageError("too_many_pixels")
    if min(width, height) < min_side:
        raise BrokenImageError("too_small")
    if preview or width > MAX_WIDTH:
        factor = 8 if preview else 2
        opened.draft("RGB", (width // factor, height // factor))  # JPEG alone; others ignore it
    opened.load()
    picture: Image.Image = opened
    try:
        picture = ImageOps.exif_transpose(opened)
    except Exception:  # noqa: BLE001, S110 - damaged EXIF data: as it lies
        picture = opened
    if picture.mode.startswith("I"):  # 16 bits of grey: a conversion would cut them off at 255
        grey = np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    return np.asarray(picture.convert("RGB"), dtype=np.uint8)


@dataclass
class Fetched:
    """What became of the images that were asked for.

    Attributes
    ----------
    paths : dict of str to Path
        Image key to file, where it is there and sound.
    failed : dict of str to str
        Image key to why it is not: as in `decode`, or ``not_fetched``.
    aspects : dict of str to float
        Image key to width over height, the right way up, of those in `paths`.
    new : int
        How many were fetched now; the others lay there.
    errors : list of str
        The first lines that the services gave for images not fetched.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    aspects: dict[str, float] = field(default_factory=dict)
    new: int = 0
    errors: list[str] = field(default_factory=list)


class ImageStore:
    """A folder of images: ``KEY.jpg``, and ``KEY.json`` with its origin, written last.

    Parameters
    ----------
    folder : Path
        Made when the first image is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def fetch(
        self,
        images: Sequence[StreetImage],
        session: Session,
        progress: Callable[[str], None] | None = None,
    ) -> Fetched:
        """Fetch what is not there yet, several at a time, and look whether it can be decoded."""
        from data_sources.http import Request

        result = Fetched()
        missing: list[StreetImage] = []
        for image in images:
            about = self._known(image)
            if about is None:
                missing.append(image)
            elif about.get("broken"):
                result.failed[image.key] = str(about["broken"])
            else:
                result.paths[image.key] = self._path(image)
                result.aspects[image.key] = float(about["aspect"])
        requests = [
            Request(
                image.url,
                accept=KINDS,
                max_bytes=MAX_BYTES,
                licence=image.licence,
                attribution=image.author,
                cache_as=f"{image.source}:{image.id}",
            )
            for image in missing
        ]
        ended = 0

        def done(i: int, outcome: Any) -> None:
            nonlocal ended
            ended += 1
            if isinstance(outcome, NetworkError):
                result.failed[missing[i].key] = "not_fetched"
                result.errors += [str(outcome)] if len(result.errors) < 3 else []
            else:
                self._keep(missing[i], outcome, session, result)
            if progress is not None and (ended % 50 == 0 or ended == len(missing)):
                progress(f"street view: {ended} of {len(missing)} images")

        session.get_many(requests, done=done)
        return result

    def _path(self, image: StreetImage) -> Path:
        return inside(self.folder, f"{image.key}.jpg")

    def _known(self, image: StreetImage) -> dict[str, Any] | None:
        """What was noted of an image that is there and sound, or is known to be broken."""
        path = self._path(image)
        try:
            about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(about, dict) or about.get("id") != image.id:
            return None
        if about.get("broken"):
            return about
        sound = path.is_file() and sha256_of(path) == about.get("sha256")
        return about if sound and isinstance(about.get("aspect"), float) else None

    def _keep(self, image: StreetImage, response: Any, session: Session, result: Fetched) -> None:
        path = self._path(image)
        path.parent.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = asdict(image)
        about["url"] = session.clean(clean_url(image.url).split("?")[0])
        about["thumbnail_url"] = ""  # may be signed, too
        about |= {"fetched": now_utc().isoformat(timespec="seconds"), "broken": ""}
        about |= {"sha256": response.provenance.sha256, "bytes": response.provenance.size}
        try:
            height, width = decode(response.path, preview=True).shape[:2]
            about["aspect"] = result.aspects[image.key] = width / height
            part = path.with_suffix(".part")
            shutil.copyfile(response.path, part)
            part.replace(path)
            result.paths[image.key] = path
            result.new += 1
        except BrokenImageError as error:
            about["broken"] = result.failed[image.key] = str(error)
        write_atomically(path.with_suffix(".json"), session.clean(json.dumps(about, indent=1)))
        session.forget(response)  # it would lie there twice
