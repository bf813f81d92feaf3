"""Pictures that are none, or that would cost too much; the bytes are made here."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import Client, check_problem
from tests.service.world import encode, panorama

GREY = np.full((64, 64, 3), 128, np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds ten bytes of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"0" * 10)), (b"IEND", b""))
    parts = [struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for name, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def animation(format_: str) -> bytes:
    stream = io.BytesIO()
    frames = [Image.fromarray(GREY + shade) for shade in (0, 60)]
    frames[0].save(stream, format_, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def jpeg() -> bytes:
    return encode(panorama(3), "JPEG")


IMAGES = {
    "empty": (b"", 422, "image_empty"),
    "eleven bytes": (b"hello world", 422, "image_undecodable"),
    "text": (b"hello world, hello world", 415, "image_type_unsupported"),
    "GIF": (encode(GREY, "GIF"), 415, "image_type_unsupported"),
    "BMP": (encode(GREY, "BMP"), 415, "image_type_unsupported"),
    "TIFF": (encode(GREY, "TIFF"), 415, "image_type_unsupported"),
    "half a JPEG": (jpeg()[: len(jpeg()) // 2], 422, "image_undecodable"),
    "JPEG header only": (jpeg()[:30], 422, "image_undecodable"),
    "half a PNG": (encode(panorama(3))[:300], 422, "image_undecodable"),
    "PNG of 50000 x 50000": (png_header(50_000, 50_000), 422, "image_too_many_pixels"),
    "PNG of 12000 x 12000": (png_header(12_000, 12_000), 422, "image_too_many_pixels"),
    "PNG of 15000 x 800": (png_header(15_000, 800), 422, "image_bad_dimensions"),
    "PNG of 4000 x 40": (png_header(4_000, 40), 422, "image_bad_dimensions"),
    "31 x 31": (encode(GREY[:31, :31]), 422, "image_too_small"),
    "JPEG of 101 scans": (jpeg() + b"\xff\xda" * 101, 422, "image_too_complex"),
    "animated PNG": (animation("PNG"), 422, "image_animated"),
    "animated WebP": (animation("WEBP"), 422, "image_animated"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_bad_images(client: Client, name: str) -> None:
    image, status, code = IMAGES[name]
    check_problem(client.raw(image, "image/jpeg"), status, code)
    check_problem(client.form(image), status, code)
