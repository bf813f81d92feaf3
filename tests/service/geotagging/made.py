"""JPEGs with EXIF made byte by byte, and a reader of EXIF that shares no line with the code under test."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image

from service.geotagging.placement import Placement

PLACEMENT = Placement(
    lat=-33.9163001,
    lon=151.3777002,
    radius_m_68=12.3,
    radius_m_95=33.3,
    confidence=0.91,
    status="localized",
    index="berlin@3",
    model="sample-city@3",
    version="0.1.0",
    heading_deg=222.2,
    heading_accuracy_deg_68=5.0,
)
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}
MAKER_NOTE = bytes(range(256)) * 3
THUMBNAIL = b"\xff\xd8 a thumbnail that no decoder looks into \xff\xd9"
Field = tuple[int, int, bytes]
"""Tag, type, value."""


def number(order: str, value: int, size: int = 4) -> bytes:
    return struct.pack(order + {2: "H", 4: "I"}[size], value)


def directory(order: str, at: int, fields: list[Field], behind: int = 0) -> bytes:
    """Lay out a directory at an offset, its values right behind it."""
    values, start = b"", at + 2 + 12 * len(fields) + 4
    rows = b""
    for tag, kind, value in sorted(fields):
        head = number(order, tag, 2) + number(order, kind, 2) + number(order, len(value) // SIZES[kind])
        if len(value) <= 4:
            rows += head + value.ljust(4, b"\0")
        else:
            rows += head + number(order, start + len(values))
            values += value
    return number(order, len(fields), 2) + rows + number(order, behind) + values


@dataclass(frozen=True)
class Made:
    """What an EXIF block holds."""

    order: str = "<"
    maker_note: bool = True
    thumbnail: bool = True
    gps: list[Field] | None = None
    gps_pointer: int | None = None
    tags_behind: bool = False
    """Fields whose tags are higher than the GPS pointer's."""

    def block(self) -> bytes:
        order = self.order
        fields: list[Field] = [
            (0x010F, 2, b"A maker of cameras\0"),
            (0x0112, 3, number(order, 6, 2)),
            (0x8769, 4, bytes(4)),
        ]
        if self.tags_behind:
            fields.append((0x9C9B, 1, "title".encode("utf-16-le") + b"\0\0"))
        if self.gps is not None or self.gps_pointer is not None:
            fields.append((0x8825, 4, number(order, self.gps_pointer or 0)))
        exif: list[Field] = [(0x9003, 2, b"2026:05:01 12:00:00\0"), (0xA405, 3, number(order, 35, 2))]
        exif += [(0x927C, 7, MAKER_NOTE)] if self.maker_note else []
        exif_at = 8 + len(directory(order, 8, fields))
        gps_at = exif_at + len(directory(order, exif_at, exif))
        gps = directory(order, gps_at, self.gps) if self.gps is not None else b""
        first_at = gps_at + len(gps)
        place = {0x8769: exif_at, **({0x8825: gps_at} if self.gps is not None else {})}
        fields = [(t, k, number(order, place[t])) if t in place else (t, k, v) for t, k, v in fields]
        behind: list[Field] = [(0x0201, 4, bytes(4)), (0x0202, 4, number(order, len(THUMBNAIL)))]
        thumbnail_at = first_at + len(directory(order, first_at, behind))
        behind[0] = (0x0201, 4, number(order, thumbnail_at))
        end = directory(order, first_at, behind) + THUMBNAIL if self.thumbnail else b""
        main = directory(order, 8, fields, first_at if self.thumbnail else 0)
        head = (b"II*\0" if order == "<" else b"MM\0*") + number(order, 8)
        return head + main + directory(order, exif_at, exif) + gps + end


def picture(colour: tuple[int, int, int] = (10, 200, 90)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(stream, "JPEG")
    return stream.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def jpeg(block: bytes | None, before: bytes = b"", behind: bytes = b"", trailer: bytes = b"") -> bytes:
    """A picture whose JFIF segment is followed by `before`, the EXIF block and `behind`."""
    data = picture()
    end = 4 + int.from_bytes(data[4:6], "big")
    exif = b"" if block is None else segment(0xE1, b"Exif\0\0" + block)
    return data[:end] + before + exif + behind + data[end:] + trailer


def exif_block(data: bytes) -> tuple[int, int]:
    """First and last byte, plus one, of the EXIF segment of a JPEG."""
    at = data.index(b"Exif\0\0") - 4
    return at, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def fields_of(block: bytes, at: int) -> tuple[dict[int, tuple[int, int, bytes]], int]:
    """Read a directory: tag -> type, count and value bytes; and where the next one is."""
    order = "<" if block[:2] == b"II" else ">"
    count = struct.unpack_from(order + "H", block, at)[0]
    found = {}
    for row in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, many = struct.unpack_from(order + "HHI", block, row)
        size = SIZES[kind] * many
        start = row + 8 if size <= 4 else struct.unpack_from(order + "I", block, row + 8)[0]
        found[tag] = (kind, many, block[start : start + size])
    return found, struct.unpack_from(order + "I", block, at + 2 + 12 * count)[0]


def everything(data: bytes) -> dict[str, dict[int, tuple[int, int, bytes]]]:
    """Read all directories of a JPEG's EXIF, and its thumbnail."""
    start, end = exif_block(data)
    block = data[start + 10 : end]
    order = "<" if block[:2] == b"II" else ">"
    main, behind = fields_of(block, struct.unpack_from(order + "I", block, 4)[0])
    read = {"main": {tag: field for tag, field in main.items() if tag != 0x8825}}
    for name, tag in (("exif", 0x8769), ("gps", 0x8825)):
        pointed = struct.unpack(order + "I", main[tag][2])[0] if tag in main else 0
        if 8 <= pointed < len(block):
            read[name] = fields_of(block, pointed)[0]
    if behind:
        read["first"] = fields_of(block, behind)[0]
        at, size = (struct.unpack(order + "I", read["first"][tag][2])[0] for tag in (0x0201, 0x0202))
        read["thumbnail"] = {0: (7, size, block[at : at + size])}
    return read
