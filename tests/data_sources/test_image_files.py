"""Images as services send them: broken ones have a reason, whole ones become RGB."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from PIL import Image

from data_sources.image_files import MAX_PIXELS, BrokenImageError, decode
from tests.data_sources.street import encoded, png_head

HOST, STORE = "api.panoramax.xyz", "pictures.example.org"
EAST, NORTH = 513000.0, 5402000.0  # UTM zone 32, near Stuttgart: the grid turns 0.1 degrees


def two_colours():
    """Left red, right blue."""
    picture = np.zeros((256, 512, 3), dtype=np.uint8)
    picture[:, :256, 0] = picture[:, 256:, 2] = 255
    return Image.fromarray(picture)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not_an_image"),
        (b"<html>gone</html>", "not_an_image"),
        (encoded()[:200], "truncated"),
        (encoded(size=(2048, 1024), colour="red")[:-3000], "truncated"),
        (encoded(size=(1, 1)), "too_small"),
        (encoded(size=(4000, 20)), "too_small"),
        (png_head(20_000, 20_000), "too_many_pixels"),
        (png_head(10_000, 9_000), "too_many_pixels"),  # which the decoder itself would take
        (png_head(4_000_000, 4_000_000), "too_many_pixels"),
        (png_head(512, 256), "truncated"),
        (encoded("GIF"), "not_an_image"),
        (encoded("TIFF"), "not_an_image"),
        (b"%PDF-1.4\n" + bytes(999), "not_an_image"),
    ],
)
def test_broken_image_has_a_reason(content, reason):
    with pytest.raises(BrokenImageError) as caught:
        decode(content)
    allowed = {reason, "undecodable"} if reason == "truncated" else {reason}
    assert str(caught.value) in allowed


def test_real_20000_by_20000_image_is_refused_before_it_is_decoded(monkeypatch):
    assert 20_000**2 > MAX_PIXELS
    content = encoded("PNG", (20_000, 20_000), "1", 0)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BrokenImageError, match="too_many_pixels"):
        decode(content)


@pytest.mark.parametrize("position", range(20, 600, 29))
def test_damaged_bytes_never_raise_anything_else(position):
    content = bytearray(encoded(size=(256, 128)))
    content[position % len(content)] ^= 0xFF
    with contextlib.suppress(BrokenImageError):
        assert decode(bytes(content)).shape[2] == 3


@pytest.mark.parametrize(
    ("kind", "mode", "colour"),
    [
        ("JPEG", "CMYK", (0, 0, 0, 0)),
        ("JPEG", "L", 255),
        ("PNG", "RGBA", (255, 255, 255, 255)),
        ("PNG", "P", 0),
        ("PNG", "I;16", 65535),
        ("PNG", "1", 1),
        ("WEBP", "RGB", "white"),
    ],
)
def test_every_colour_model_becomes_rgb(kind, mode, colour):
    pixels = decode(encoded(kind, mode=mode, colour=colour))
    assert pixels.shape == (256, 512, 3) and pixels.dtype == np.uint8
    if mode != "P":
        assert pixels.min() >= 250  # all of these are white


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_tag_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    two_colours().save(stream, "JPEG", exif=exif)
    pixels = decode(stream.getvalue()).astype(int)
    assert pixels.shape == ((256, 512, 3) if orientation <= 4 else (512, 256, 3))
    # Where the red half (row 0 and column 0 of the file are at...) lies, by the EXIF standard.
    red = pixels[..., 0] > pixels[..., 2]
    half = {
        **dict.fromkeys((1, 4), red[:, :250].all()),
        **dict.fromkeys((2, 3), red[:, 262:].all()),
        **dict.fromkeys((5, 6), red[:250].all()),
        **dict.fromkeys((7, 8), red[262:].all()),
    }
    assert half[orientation]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_matter():
    stream = io.BytesIO()
    two_colours().save(stream, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(20))
    assert decode(stream.getvalue()).shape == (256, 512, 3)


def test_wide_panoramas_are_decoded_at_half_the_size():
    assert decode(encoded(size=(8400, 4200))).shape == (2100, 4200, 3)
