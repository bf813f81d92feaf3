"""The EXIF and XMP blocks inside a photo, found without decoding a pixel."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import ExifUnusable, SidecarUnusable
from service.geotagging.gps_tags import read_gps
from service.geotagging.jpeg import APP1, EXIF, XMP, payload
from service.geotagging.placement import Found
from service.geotagging.tiff import Tiff
from service.geotagging.xmp import read_xmp

PNG, PNG_XMP = b"\x89PNG\r\n\x1a\n", b"XML:com.adobe.xmp\0"
MOST_INFLATED = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Blocks:
    tiff: bytes | None = None
    xmp: bytes | None = None


def found_inside(data: bytes) -> Found | None:
    """Give the position that a photo holds, in its EXIF or its XMP; damaged blocks count as absent."""
    try:
        blocks = blocks_of(data)
    except (ExifUnusable, ValueError, zlib.error):
        return None
    for read, block in ((_in_exif, blocks.tiff), (_in_xmp, blocks.xmp)):
        found = read(block) if block else None
        if found is not None:
            return found
    return None


def _in_exif(block: bytes) -> Found | None:
    try:
        return read_gps(Tiff(block))
    except ExifUnusable:
        return None


def _in_xmp(block: bytes) -> Found | None:
    try:
        return read_xmp(block, "xmp")
    except SidecarUnusable:
        return None


def blocks_of(data: bytes) -> Blocks:
    """Find the blocks of a JPEG, PNG, WebP or HEIC.

    Raises:
        ExifUnusable, ValueError, zlib.error: the file is damaged.
    """
    if data.startswith(b"\xff\xd8"):
        return Blocks(payload(data, APP1, EXIF), payload(data, APP1, XMP))
    if data.startswith(PNG):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        chunks = dict(_riff(data))
        return Blocks(_bare(chunks.get(b"EXIF")), chunks.get(b"XMP "))
    if data[4:8] == b"ftyp":
        return _heif(data)
    return Blocks()


def _bare(block: bytes | None) -> bytes | None:
    """Some writers put the prefix that JPEG needs in front of the block elsewhere too."""
    return None if block is None else block.removeprefix(EXIF)


def _png(data: bytes) -> Blocks:
    tiff = xmp = None
    at = len(PNG)
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"eXIf":
            tiff = _bare(data[at + 8 : at + 8 + size])
        elif kind == b"iTXt" and data.startswith(PNG_XMP, at + 8):
            xmp = _png_text(data[at + 8 + len(PNG_XMP) : at + 8 + size])
        at += 12 + size
    return Blocks(tiff, xmp)


def _png_text(raw: bytes) -> bytes:
    """Give the text of an iTXt chunk behind its keyword: two flags, language, translated keyword, text."""
    _, _, text = raw[2:].split(b"\0", 2)
    return zlib.decompressobj().decompress(text, MOST_INFLATED) if raw[:1] == b"\1" else text


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _heif(data: bytes) -> Blocks:
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return Blocks()
    try:
        info = pillow_heif.open_heif(io.BytesIO(data)).info
    except (RuntimeError, OSError, EOFError, SyntaxError, LookupError) as error:  # damage is told by any of them
        raise ValueError(str(error)) from error
    return Blocks(_bare(info.get("exif")), info.get("xmp"))
