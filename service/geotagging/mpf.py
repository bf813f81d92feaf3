"""Further pictures behind a JPEG (CIPA DC-007, Multi-Picture Format): their places, mended where the first one grows.

Places are counted from the header of the list itself, so they change only if that stands before what grew; the size
of the first picture always changes.
"""

from __future__ import annotations

from service.errors import ExifUnusable
from service.geotagging.tiff import Tiff

LIST, ENTRY_BYTES = 0xB002, 16


def mended(data: bytes, changed: bytes, header_at: int, start: int, end: int, growth: int) -> bytes:
    """Give the changed file with a list of pictures that holds for it.

    Args:
        data: the file as it was.
        changed: the file with other bytes in place of `start` to `end`.
        header_at: where the list's TIFF header stood.
        start: first byte that was replaced.
        end: the one behind the last.
        growth: bytes that were added.

    Raises:
        ExifUnusable: the list cannot be read, or a picture was not where it said.
    """
    header = Tiff(data[header_at:])
    listed = header.main.entry(LIST)
    if listed is None or listed.value_at is None or not listed.value or len(listed.value) % ENTRY_BYTES:
        raise ExifUnusable("The JPEG says that it holds more pictures, but not where. Write a side-car for it.")
    is_before = header_at < start
    table = bytearray(listed.value)
    for row in range(0, len(table), ENTRY_BYTES):
        size, offset = (header.number(bytes(table[row + n : row + n + 4])) for n in (4, 8))
        if offset == 0:
            table[row + 4 : row + 8] = header.raw(size + growth, 4) if size else bytes(4)
            continue
        at = header_at + offset
        if at < end or data[at : at + 2] != b"\xff\xd8":
            raise ExifUnusable("A further picture of the JPEG is not where its list says. Write a side-car for it.")
        if is_before:
            table[row + 8 : row + 12] = header.raw(offset + growth, 4)
    at = header_at + listed.value_at + (0 if is_before else growth)
    return changed[:at] + bytes(table) + changed[at + len(table) :]
