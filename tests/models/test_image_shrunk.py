"""Large pictures that are no JPEG, averaged down for those who ask."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from models.image import decode_photo


def picture(mode: str) -> Image.Image:
    """200 wide, 120 high, a shade for each square of 20."""
    shades = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    return Image.fromarray(np.kron(shades, np.ones((20, 20, 1), np.uint8))).convert(
        mode, palette=Image.Palette.ADAPTIVE, colors=64
    )


def file(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_every_mode_shrinks_to_its_own_colours(mode: str) -> None:
    image = picture(mode)
    photo = decode_photo(file(image, "PNG"), long_side_px=50, shrink=True)
    assert (photo.width_px, photo.height_px, photo.pixels.shape) == (200, 120, (30, 50, 3))
    np.testing.assert_array_equal(photo.pixels[2::5, 2::5], np.asarray(image.convert("RGB"))[10::20, 10::20])


def test_the_long_side_keeps_its_length_and_the_picture_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = decode_photo(file(picture("RGB"), "WEBP", lossless=True, exif=exif), long_side_px=70, shrink=True)
    assert (photo.width_px, photo.height_px, photo.pixels.shape) == (120, 200, (100, 60, 3))


@pytest.mark.parametrize("shade", [0, 257, 25_700, 65_535])
def test_sixteen_bits_become_eight(shade: int) -> None:
    image = Image.fromarray(np.full((64, 64), shade, np.uint16))
    assert np.unique(decode_photo(file(image, "PNG"), long_side_px=32, shrink=True).pixels) == [shade // 257]
