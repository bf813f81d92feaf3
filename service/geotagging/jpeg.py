"""The segments of a JPEG, and a new EXIF segment in it while every other byte stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import ExifFull, ExifUnusable
from service.geotagging.gps_tags import gps_fields
from service.geotagging.mpf import mended
from service.geotagging.placement import Placement
from service.geotagging.tiff import EMPTY, Tiff

SOI, APP0, APP1, APP2, SOS, EOI = 0xD8, 0xE0, 0xE1, 0xE2, 0xDA, 0xD9
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
EXIF, XMP, MPF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"MPF\0"
MOST_BYTES = 0xFFFF
"""A segment's length, which counts its own two bytes."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment between the start of the image and its first scan."""

    marker: int
    start: int
    """Of the 0xFF before its marker."""
    payload_at: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Give the segments up to the first scan.

    Raises:
        ExifUnusable: it is no JPEG, or something between the segments is none.
    """
    if data[:2] != b"\xff\xd8":
        raise ExifUnusable("The file does not begin as a JPEG does.")
    at = 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] == b"\xff":
            at += 1
        marker = data[at + 1] if data[at : at + 1] == b"\xff" and at + 1 < len(data) else 0
        if marker in (SOS, EOI):
            return
        if marker in ALONE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker == 0 or length < 2 or end > len(data):
            raise ExifUnusable(f"Something at byte {start} is no JPEG segment.")
        yield Segment(marker, at, at + 4, end)
        at = end


def payload(data: bytes, marker: int, prefix: bytes) -> bytes | None:
    """Give what the first segment of a kind holds behind its prefix."""
    for segment in segments(data):
        if segment.marker == marker and data.startswith(prefix, segment.payload_at):
            return data[segment.payload_at + len(prefix) : segment.end]
    return None


def with_position(data: bytes, placement: Placement) -> bytes:
    """Give a JPEG whose EXIF holds a position; all else is as it was, to the byte.

    Args:
        data: a JPEG whose EXIF holds no position but one of Skyfix's own, which is replaced.
        placement: what to write.

    Raises:
        ExifFull: the EXIF segment would be longer than a segment can be.
        ExifUnusable: the JPEG or its EXIF is damaged, or it holds more pictures whose places cannot be told.
    """
    present = list(segments(data))
    exif = next((s for s in present if s.marker == APP1 and data.startswith(EXIF, s.payload_at)), None)
    tiff = Tiff(EMPTY if exif is None else data[exif.payload_at + len(EXIF) : exif.end])
    kept, fields, cut_at = gps_fields(tiff, placement)
    block = EXIF + tiff.with_gps(kept, fields, cut_at)
    if len(block) + 2 > MOST_BYTES:
        raise ExifFull(
            f"The EXIF segment would have {len(block) + 2} bytes with a position; it has at most {MOST_BYTES}. "
            "Write a side-car for this photo."
        )
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    start, end = (exif.start, exif.end) if exif else (behind_app0(present),) * 2
    changed = data[:start] + segment + data[end:]
    more = next((s for s in present if s.marker == APP2 and data.startswith(MPF, s.payload_at)), None)
    if more is None:
        return changed
    return mended(data, changed, more.payload_at + len(MPF), start, end, len(segment) - (end - start))


def behind_app0(present: list[Segment]) -> int:
    """Where a first EXIF segment goes: behind JFIF, which wants to come first."""
    at = 2
    for segment in present:
        if segment.marker != APP0:
            break
        at = segment.end
    return at
