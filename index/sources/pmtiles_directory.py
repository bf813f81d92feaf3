"""Directories of a PMTiles archive: where tiles lie in it, read a leaf at a time."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pmtiles.tile import Compression, HeaderDict, deserialize_header

from index.sources.files import persist

HEADER_BYTES, DEEPEST = 127, 4
DIRECTORY_LIMIT_BYTES, UNPACKED_LIMIT_BYTES = 1 << 24, 1 << 26
KEPT = 64
"""Directories, decoded."""
GZIP = 31
"""zlib's name for it."""
LONGEST = 10
"""Bytes of a number of 64 bits, seven in each."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Directory:
    """(N,) columns, ascending by tile."""

    first: Ints
    """Number of a tile on the archive's curve through all zooms."""
    run: Ints
    """So many from there on have the same bytes; 0: a directory of those up to the next entry lies there."""
    offset: Ints
    length: Ints

    @classmethod
    def of(cls, data: bytes) -> Directory:
        """Decode an unpacked directory.

        Raises:
            ValueError: it is damaged.
        """
        numbers = varints(data)
        count = int(numbers[0]) if len(numbers) else 0
        if count < 0 or len(numbers) != 1 + 4 * count:
            raise ValueError(f"a directory of {count} entries has {len(numbers)} numbers")
        first, run, length, offset = numbers[1:].reshape(4, count)
        return cls(np.cumsum(first), run, _offsets(offset, length), length)

    def last_before(self, number: int) -> int:
        """Give the last entry that begins at or before a tile; -1 if there is none."""
        return int(np.searchsorted(self.first, number, side="right")) - 1


def varints(data: bytes) -> Ints:
    """Decode numbers of seven bits a byte, the lowest first, as protocol buffers have them.

    Raises:
        ValueError: the last has no end, or one has too many bytes.
    """
    values = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(values < 128)
    if len(values) and (not len(ends) or ends[-1] != len(values) - 1):
        raise ValueError("a directory ends within a number")
    starts = np.append(0, ends[:-1] + 1)[: len(ends)]
    sizes = ends - starts + 1
    if len(sizes) and sizes.max() > LONGEST:
        raise ValueError("a directory has a number of more than 64 bits")
    found = np.zeros(len(ends), dtype=np.uint64)
    for place in range(int(sizes.max(initial=0))):
        has = sizes > place
        found[has] |= (values[starts[has] + place] & 127).astype(np.uint64) << np.uint64(7 * place)
    return found.astype(np.int64)


def _offsets(said: Ints, length: Ints) -> Ints:
    """Undo the packing: 0 is where the entry before ended, anything else one more than the offset."""
    given = np.where(said > 0, np.arange(len(said)), 0)
    anchor = np.maximum.accumulate(given)
    before = np.cumsum(length) - length
    return (said[anchor] - 1) + (before - before[anchor])


class Archive:
    """An archive held open; what it lacks or has wrong is raised as OSError, EOFError, ValueError or the library's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.header: HeaderDict = deserialize_header(self.read(0, HEADER_BYTES))
        self._kept: OrderedDict[tuple[int, int], Directory] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        found = persist(lambda: os.pread(self._descriptor, length, offset))
        if len(found) != length:
            raise EOFError(f"it ends before byte {offset + length}")
        return found

    def unpacked(self, offset: int, length: int) -> bytes:
        """Read and unpack what is packed as directories and metadata are."""
        if length > DIRECTORY_LIMIT_BYTES:
            raise ValueError(f"a directory has {length} bytes")
        data, packing = self.read(offset, length), self.header["internal_compression"]
        if packing == Compression.NONE or not data:
            return data
        if packing != Compression.GZIP:
            raise ValueError(f"its directories are packed with {packing.name}; gzip can be read")
        unpacker = zlib.decompressobj(GZIP)
        found = unpacker.decompress(data, UNPACKED_LIMIT_BYTES)
        if not unpacker.eof:
            raise ValueError("a directory is cut off, or larger than any should be")
        return found

    def find(self, number: int) -> tuple[int, int]:
        """Give offset and length of a tile's bytes; length 0 if there is none."""
        at, size = self.header["root_offset"], self.header["root_length"]
        for _ in range(DEEPEST):
            directory = self._directory(at, size)
            entry = directory.last_before(number)
            if entry < 0:
                break
            offset, length = int(directory.offset[entry]), int(directory.length[entry])
            run = int(directory.run[entry])
            if run:
                inside = number < int(directory.first[entry]) + run
                return (self.header["tile_data_offset"] + offset, length) if inside else (0, 0)
            at, size = self.header["leaf_directory_offset"] + offset, length
        return 0, 0

    def runs(self, start: int, end: int) -> Iterator[tuple[Ints, Ints]]:
        """Give where the runs of tiles between two numbers begin and end, a directory at a time."""
        yield from self._runs(self.header["root_offset"], self.header["root_length"], start, end, 1)

    def _runs(self, at: int, size: int, start: int, end: int, depth: int) -> Iterator[tuple[Ints, Ints]]:
        if depth > DEEPEST:
            raise ValueError("its directories are nested too deeply")
        directory = self._directory(at, size)
        low, run = directory.first, directory.run
        after = np.append(low[1:], np.iinfo(np.int64).max)
        high = np.minimum(np.where(run > 0, low + run, after), end)
        some = high > np.maximum(low, start)
        tiles = some & (run > 0)
        if tiles.any():
            yield np.maximum(low, start)[tiles], high[tiles]
        for entry in np.flatnonzero(some & (run == 0)).tolist():
            where = self.header["leaf_directory_offset"] + int(directory.offset[entry])
            part = max(int(low[entry]), start), int(high[entry])
            yield from self._runs(where, int(directory.length[entry]), *part, depth + 1)

    def _directory(self, offset: int, length: int) -> Directory:
        key = (offset, length)
        if key not in self._kept:
            self._kept[key] = Directory.of(self.unpacked(offset, length))
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def addresses(numbers: Ints, zoom: int) -> Ints:
    """Give (N, 2) x and y of tiles of one zoom by their numbers on the curve, which is Hilbert's."""
    position = numbers - ((1 << (2 * zoom)) - 1) // 3
    x, y = np.zeros_like(position), np.zeros_like(position)
    for level in range(zoom):
        side = 1 << level
        right = (position // 2) & side
        down = (position ^ right) & side
        turns = down == 0
        flips = turns & (right != 0)
        x, y = np.where(flips, side - 1 - x, x), np.where(flips, side - 1 - y, y)
        x, y = np.where(turns, y, x) + right, np.where(turns, x, y) + down
        position >>= 1
    return np.stack([x, y], axis=1)
