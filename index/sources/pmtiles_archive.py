"""Tiles in a PMTiles archive, version 3."""

from __future__ import annotations

import gzip
import json
import mmap
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pmtiles.tile import (
    Compression,
    Entry,
    HeaderDict,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    TileType,
    deserialize_directory,
    deserialize_header,
    tileid_to_zxy,
    zxy_to_tileid,
)

from index.sources.tile_store import (
    DEEPEST_ZOOM,
    TILE_LIMIT_BYTES,
    Listing,
    check_addresses,
    date_of,
    text_of,
)
from models.errors import SourceError, TileUnreadable

PICTURES = (TileType.PNG, TileType.JPEG, TileType.WEBP, TileType.UNKNOWN)
DEEPEST_DIRECTORY, HEADER_BYTES = 3, 127
Ints = NDArray[np.int64]
DAMAGE = (
    OSError, EOFError, ValueError, IndexError, KeyError, OverflowError, TypeError, zlib.error,
    MagicNumberNotFound, SpecVersionUnsupported,
)  # fmt: skip
"""What the library raises on a file that is none of its own."""


@dataclass(frozen=True, slots=True)
class PMTiles:
    """An archive and its directory, (N,) a column, ascending by tile; a `TileStore`."""

    path: Path
    attribution: str
    captured: str | None
    _first: Ints = field(repr=False)
    """Number of a tile on the archive's curve through all zooms."""
    _run: Ints = field(repr=False)
    """So many from there on have the same bytes."""
    _offset: Ints = field(repr=False)
    _length: Ints = field(repr=False)

    @classmethod
    def at(cls, path: Path) -> PMTiles:
        """Find out what an archive holds.

        Raises:
            SourceError: it is no PMTiles archive of version 3, is damaged, or holds no pictures.
        """
        with _mapped(path) as data:
            header, metadata, entries = _contents(path, data)
        _check_header(path, header)
        columns = np.array([(e.tile_id, e.run_length, e.offset, e.length) for e in entries], dtype=np.int64)
        columns = columns.reshape(-1, 4)
        columns = columns[np.argsort(columns[:, 0], kind="stable")]
        columns[:, 2] += header["tile_data_offset"]
        return cls(path, text_of(metadata, "attribution"), date_of(metadata), *columns.T.copy())

    @property
    def kind(self) -> str:
        return "PMTiles"

    @property
    def zooms(self) -> list[int]:
        return [zoom for zoom in range(DEEPEST_ZOOM + 1) if len(self._overlap(zoom)[0])]

    def listing(self, zoom: int) -> Listing:
        low, high = self._overlap(zoom)
        found = [tileid_to_zxy(number)[1:] for a, b in zip(low, high, strict=True) for number in range(int(a), int(b))]
        return check_addresses(zoom, np.array(found, dtype=np.int64).reshape(-1, 2))

    @contextmanager
    def open(self, zoom: int) -> Iterator[PMTilesReader]:
        with _mapped(self.path) as data:
            yield PMTilesReader(self, data, zoom)

    def place(self, zoom: int, x: int, y: int) -> tuple[int, int]:
        """Give offset and length of a tile's bytes; length 0 if there is none."""
        number = zxy_to_tileid(zoom, x, y)
        found = int(np.searchsorted(self._first, number, side="right")) - 1
        if found < 0 or number >= self._first[found] + self._run[found]:
            return 0, 0
        return int(self._offset[found]), int(self._length[found])

    def _overlap(self, zoom: int) -> tuple[Ints, Ints]:
        """Give where the runs that reach into a zoom begin and end in it."""
        start, end = zxy_to_tileid(zoom, 0, 0), zxy_to_tileid(zoom + 1, 0, 0)
        low, high = np.maximum(self._first, start), np.minimum(self._first + self._run, end)
        some = high > low
        return low[some], high[some]


@dataclass(frozen=True, slots=True)
class PMTilesReader:
    archive: PMTiles
    data: mmap.mmap
    zoom: int

    def read(self, x: int, y: int) -> bytes:
        offset, length = self.archive.place(self.zoom, x, y)
        if length > TILE_LIMIT_BYTES:
            raise TileUnreadable(f"The tile has {length} bytes; at most {TILE_LIMIT_BYTES} are read.")
        found = self.data[offset : offset + length]
        if len(found) != length:
            raise TileUnreadable(f"The archive ends before its bytes {offset} to {offset + length}.")
        return found

    def name(self, x: int, y: int) -> str:
        return f"{self.zoom}/{x}/{y}"


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
    except (OSError, ValueError) as error:  # ValueError: it is empty
        raise SourceError(f"{path} cannot be read: {error}.") from error


def _contents(path: Path, data: mmap.mmap) -> tuple[HeaderDict, dict[str, Any], list[Entry]]:
    def get_bytes(offset: int, length: int) -> bytes:
        found = data[offset : offset + length]
        if len(found) != length:
            raise EOFError(f"it ends before byte {offset + length}")
        return found

    def walk(offset: int, length: int, depth: int) -> Iterator[Entry]:
        for entry in deserialize_directory(get_bytes(offset, length)):
            if entry.run_length > 0:
                yield entry
            elif depth < DEEPEST_DIRECTORY:
                yield from walk(header["leaf_directory_offset"] + entry.offset, entry.length, depth + 1)
            else:
                raise ValueError("its directories are nested too deeply")

    try:
        header = deserialize_header(get_bytes(0, HEADER_BYTES))
        said = get_bytes(header["metadata_offset"], header["metadata_length"])
        if said and header["internal_compression"] == Compression.GZIP:
            said = gzip.decompress(said)
        metadata = json.loads(said or b"{}")
        return (
            header,
            metadata if isinstance(metadata, dict) else {},
            list(walk(header["root_offset"], header["root_length"], 0)),
        )
    except json.JSONDecodeError as error:
        raise SourceError(f"{path}: its metadata are not JSON: {error}. Make it again.") from error
    except DAMAGE as error:
        what = str(error)[:200] or type(error).__name__
        raise SourceError(
            f"{path} is not a PMTiles archive of version 3, or damaged: {what}. Copy it again."
        ) from error


def _check_header(path: Path, header: HeaderDict) -> None:
    if header["tile_type"] not in PICTURES:
        raise SourceError(f"{path} holds {header['tile_type'].name} tiles; imagery is PNG, JPEG or WebP.")
    if header["tile_compression"] not in (Compression.NONE, Compression.UNKNOWN):
        raise SourceError(f"{path} holds tiles compressed with {header['tile_compression'].name}; pictures need none.")
