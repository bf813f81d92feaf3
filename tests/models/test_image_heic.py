"""HEIC, where pillow-heif is installed, and the other things that begin like one."""

from __future__ import annotations

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageError, ImageTooManyPixels, ImageTooSmall, ImageTypeUnsupported, ImageUndecodable
from models.image import ImageLimits, decode_photo

pillow_heif = pytest.importorskip("pillow_heif")
GPS_IFD, ORIENTATION = 0x8825, 0x0112


def heic(width: int = 96, height: int = 64, exif: Image.Exif | None = None) -> bytes:
    """Dark on the left, light on the right."""
    pillow_heif.register_heif_opener()
    row = np.linspace(0, 255, width).astype(np.uint8)
    image = Image.fromarray(np.repeat(np.repeat(row[None, :, None], height, axis=0), 3, axis=2))
    stream = io.BytesIO()
    image.save(stream, "HEIF", quality=90, **({"exif": exif.tobytes()} if exif else {}))
    return stream.getvalue()


def box(*brands: bytes) -> bytes:
    body = brands[0] + b"\x00\x00\x00\x00" + b"".join(brands[1:])
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + b"\x00" * 64


def test_a_heic_is_a_photo() -> None:
    exif = Image.Exif()
    exif[GPS_IFD] = {1: "N", 2: (52, 30, 0), 3: "E", 4: (13, 24, 0)}
    photo = decode_photo(heic(exif=exif))
    assert (photo.width_px, photo.height_px, photo.pixels.shape) == (96, 64, (64, 96, 3))
    np.testing.assert_allclose(photo.pixels[32, ::19, 0], np.linspace(0, 255, 96)[::19], atol=6)
    assert photo.gps is not None
    assert photo.gps.lat == pytest.approx(52.5)


def test_a_heic_is_turned_once() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photo = decode_photo(heic(exif=exif))
    assert (photo.width_px, photo.height_px, photo.pixels.shape) == (64, 96, (96, 64, 3))
    assert photo.pixels[0, 32, 0] < 20
    assert photo.pixels[-1, 32, 0] > 235


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_part_of_a_heic_is_refused(share: float) -> None:
    data = heic()
    with pytest.raises(ImageUndecodable):
        decode_photo(data[: int(len(data) * share)])


def test_the_limits_hold_for_heic() -> None:
    with pytest.raises(ImageTooManyPixels):
        decode_photo(heic(), limits=ImageLimits(max_pixels=6_000))
    with pytest.raises(ImageTooSmall):
        decode_photo(heic(), limits=ImageLimits(min_side_px=65))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (box(b"avif", b"avif", b"mif1"), ImageTypeUnsupported),
        (box(b"mif1", b"avif"), ImageTypeUnsupported),
        (box(b"isom", b"mp42"), ImageTypeUnsupported),
        (box(b"heic", b"mif1"), ImageUndecodable),
        (box(b"mif1", b"heic"), ImageUndecodable),
    ],
)
def test_what_begins_like_one(data: bytes, error: type[ImageError]) -> None:
    with pytest.raises(ImageError) as caught:
        decode_photo(data)
    assert type(caught.value) is error


def test_without_the_extra_a_heic_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageTypeUnsupported, match="`heic` extra is not installed"):
        decode_photo(data)
