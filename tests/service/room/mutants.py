"""Damaged pictures: small real files of every kind, each changed in a way that follows from its number."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tests.service.world import encode, panorama

SMALL = panorama(5)[::4, ::4]


def seeds() -> list[bytes]:
    """Files to damage, metadata included."""
    exif = Image.Exif()
    exif[0x0112], exif[0x8825] = 6, {1: "N", 2: (52, 30, 0), 3: "E", 4: (13, 24, 0)}
    found = [
        encode(SMALL, "JPEG", exif=exif, xmp=b"<x>equirectangular</x>", comment=b"note"),
        encode(SMALL, "JPEG", progressive=True),
        encode(SMALL, "PNG", exif=exif),
        encode(SMALL, "WEBP", exif=exif),
        encode(SMALL, "WEBP", lossless=True),
    ]
    palette = io.BytesIO()
    Image.fromarray(SMALL).quantize(16).save(palette, "PNG", transparency=3)
    found.append(palette.getvalue())
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return found
    pillow_heif.register_heif_opener()
    return [*found, encode(SMALL, "HEIF", quality=50)]


def mutant(seed: bytes, number: int) -> bytes:
    """Change a file: bits, bytes of its head, runs of 0 or 255, a part left out, doubled, moved, or its end cut off."""
    rng = np.random.default_rng(number)
    data = bytearray(seed)
    for _ in range(int(rng.integers(1, 5))):
        at, size = int(rng.integers(len(data))), int(rng.integers(1, 65))
        match int(rng.integers(8)):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at % min(200, len(data))] = int(rng.integers(256))
            case 2:
                data[at : at + size] = bytes([int(rng.choice([0, 255]))]) * len(data[at : at + size])
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[at : at + size]
            case 5:
                to = int(rng.integers(len(data)))
                data[to:to] = rng.bytes(size)
            case 6:
                data[at : at + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
            case _:
                del data[max(1, len(data) - size) :]
        if not data:
            return b""
    return bytes(data)
