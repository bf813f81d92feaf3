"""The TIFF block of EXIF, read and given a GPS directory without moving a byte of what is in it.

MakerNotes hold offsets that only their maker knows, so nothing may move: a new directory goes to the end of the block
and one pointer is changed. Where the main directory has no such pointer, a copy of it that has one goes to the end too.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import ExifUnusable

GPS_POINTER, LONG, ENTRY_BYTES = 0x8825, 4, 12
ORDERS = {b"II*\0": "little", b"MM\0*": "big"}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes a value of each TIFF type."""
MOST_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """A field of a directory: its 12 bytes as they stand, and its value wherever that stands."""

    tag: int
    raw: bytes
    value: bytes
    value_at: int | None
    """Offset of a value that does not fit into the field."""


@dataclass(frozen=True, slots=True)
class Directory:
    at: int
    entries: tuple[Entry, ...]
    end: bytes
    """The four bytes that point to the next directory."""

    def entry(self, tag: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.tag == tag), None)


class Tiff:
    """A TIFF block.

    Raises:
        ExifUnusable: it is none, or its main directory is cut off.
    """

    def __init__(self, data: bytes) -> None:
        if data[:4] not in ORDERS or len(data) < 8:
            raise ExifUnusable("The EXIF block does not begin as TIFF does.")
        self.data = data
        self.little = ORDERS[data[:4]] == "little"
        self.main = self.directory(self.number(data[4:8]))

    def number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.little else "big")

    def raw(self, number: int, size: int) -> bytes:
        return number.to_bytes(size, "little" if self.little else "big")

    def directory(self, at: int) -> Directory:
        """Read a directory; values that point out of the block count as empty.

        Raises:
            ExifUnusable: it reaches beyond the block.
        """
        count = self.number(self.data[at : at + 2])
        end = at + 2 + count * ENTRY_BYTES
        if at < 8 or count > MOST_ENTRIES or end + 4 > len(self.data):
            raise ExifUnusable(f"A directory of the EXIF block, at byte {at}, is cut off.")
        starts = range(at + 2, end, ENTRY_BYTES)
        return Directory(at, tuple(self._entry(start) for start in starts), self.data[end : end + 4])

    def _entry(self, at: int) -> Entry:
        raw = self.data[at : at + ENTRY_BYTES]
        size = SIZES.get(self.number(raw[2:4]), 0) * self.number(raw[4:8])
        if size <= 4:
            return Entry(self.number(raw[:2]), raw, raw[8 : 8 + size], None)
        start = self.number(raw[8:12])
        return Entry(self.number(raw[:2]), raw, self.data[start : start + size], start)

    def gps(self) -> Directory | None:
        """Give the GPS directory; one that is pointed to and is not there counts as absent."""
        pointer = self.main.entry(GPS_POINTER)
        if pointer is None:
            return None
        try:
            return self.directory(self.number(pointer.raw[8:12]))
        except ExifUnusable:
            return None

    def laid_out(self, at: int, kept: list[bytes], fields: dict[int, tuple[int, bytes]]) -> bytes:
        """Lay out a directory for offset `at`.

        Args:
            at: where it will stand.
            kept: fields as they stand elsewhere in the block, 12 bytes each, damaged ones and twins too.
            fields: tag -> type and value, of the new ones.
        """
        count = len(kept) + len(fields)
        values, values_at = b"", at + 2 + count * ENTRY_BYTES + 4
        rows = [(self.number(raw[:2]), raw) for raw in kept]
        for tag, (kind, value) in fields.items():
            head = self.raw(tag, 2) + self.raw(kind, 2) + self.raw(len(value) // SIZES[kind], 4)
            if len(value) <= 4:
                rows.append((tag, head + value.ljust(4, b"\0")))
                continue
            rows.append((tag, head + self.raw(values_at + len(values), 4)))
            values += value + b"\0" * (len(value) % 2)
        rows.sort(key=lambda row: row[0])
        return self.raw(count, 2) + b"".join(raw for _, raw in rows) + bytes(4) + values

    def with_gps(self, kept: list[bytes], fields: dict[int, tuple[int, bytes]], cut_at: int | None = None) -> bytes:
        """Give the block with a GPS directory at its end.

        Args:
            kept: fields of the present one that stay.
            fields: the new ones.
            cut_at: where the present one begins, if the block shall end there first.
        """
        base = self.data if cut_at is None else self.data[:cut_at]
        base += b"\0" * (len(base) % 2)
        pointer = next((n for n, entry in enumerate(self.main.entries) if entry.tag == GPS_POINTER), None)
        if pointer is not None:
            field_at = self.main.at + 2 + pointer * ENTRY_BYTES
            field = self._pointer(len(base))
            base = base[:field_at] + field + base[field_at + ENTRY_BYTES :]
            return base + self.laid_out(len(base), kept, fields)
        rows = [entry.raw for entry in self.main.entries]
        gps_at = len(base) + 2 + (len(rows) + 1) * ENTRY_BYTES + 4
        place = next((n for n, entry in enumerate(self.main.entries) if entry.tag > GPS_POINTER), len(rows))
        rows.insert(place, self._pointer(gps_at))
        main = self.raw(len(rows), 2) + b"".join(rows) + self.main.end
        return base[:4] + self.raw(len(base), 4) + base[8:] + main + self.laid_out(gps_at, kept, fields)

    def _pointer(self, at: int) -> bytes:
        return self.raw(GPS_POINTER, 2) + self.raw(LONG, 2) + self.raw(1, 4) + self.raw(at, 4)


EMPTY = b"II*\0\x08\0\0\0" + bytes(2) + bytes(4)
"""A block with an empty main directory."""
