"""Tiles in a PMTiles archive, version 3; nothing of it is held but the directories in use."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pmtiles.tile import (
    Compression,
    HeaderDict,
    MagicNumberNotFound,
    SpecVersionUnsupported,
    TileType,
    zxy_to_tileid,
)

from index.sources.files import check_regular
from index.sources.pmtiles_directory import Archive, addresses
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
MOST_TILES = 1 << 27
"""Of a zoom: their addresses are held."""
DAMAGE = (
    OSError, EOFError, ValueError, IndexError, KeyError, OverflowError, TypeError, zlib.error,
    MagicNumberNotFound, SpecVersionUnsupported,
)  # fmt: skip
"""What is raised on a file that is no archive."""


@dataclass(frozen=True, slots=True)
class PMTiles:
    """An archive; a `TileStore`."""

    path: Path
    attribution: str
    captured: str | None
    zooms: tuple[int, ...]

    @classmethod
    def at(cls, path: Path) -> PMTiles:
        """Find out what an archive holds.

        Raises:
            SourceError: it is no PMTiles archive of version 3, is damaged, or holds no pictures.
        """
        with _opened(path) as archive:
            _check_header(path, archive.header)
            metadata = _metadata(path, archive)
            zooms = tuple(
                zoom for zoom in range(DEEPEST_ZOOM + 1) if next(archive.runs(*_numbers(zoom)), None) is not None
            )
        return cls(path, text_of(metadata, "attribution"), date_of(metadata), zooms)

    @property
    def kind(self) -> str:
        return "PMTiles"

    def listing(self, zoom: int) -> Listing:
        found, count = [], 0
        with _opened(self.path) as archive:
            for low, high in archive.runs(*_numbers(zoom)):
                count += int((high - low).sum())
                if count > MOST_TILES:
                    raise SourceError(
                        f"{self.path} has more than {MOST_TILES:,} tiles at zoom {zoom}. Take a coarser one."
                    )
                within = np.arange(int((high - low).sum())) - np.repeat(
                    np.cumsum(high - low) - (high - low), high - low
                )
                found.append(addresses(np.repeat(low, high - low) + within, zoom))
        return check_addresses(zoom, np.concatenate(found) if found else np.zeros((0, 2), np.int64))

    @contextmanager
    def open(self, zoom: int) -> Iterator[PMTilesReader]:
        with _opened(self.path) as archive:
            yield PMTilesReader(archive, zoom)


@dataclass(frozen=True, slots=True)
class PMTilesReader:
    archive: Archive
    zoom: int

    def read(self, x: int, y: int) -> bytes:
        try:
            offset, length = self.archive.find(zxy_to_tileid(self.zoom, x, y))
            if length <= TILE_LIMIT_BYTES:
                return self.archive.read(offset, length)
        except EOFError as error:
            raise TileUnreadable(f"The archive ends before its bytes {offset} to {offset + length}.") from error
        except DAMAGE as error:
            raise TileUnreadable(f"The archive is damaged there: {_words(error)}.") from error
        raise TileUnreadable(f"The tile has {length} bytes; at most {TILE_LIMIT_BYTES} are read.")

    def name(self, x: int, y: int) -> str:
        return f"{self.zoom}/{x}/{y}"


@contextmanager
def _opened(path: Path) -> Iterator[Archive]:
    """Hold an archive open; whatever is wrong with it becomes a SourceError."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            yield Archive(file.fileno())
    except DAMAGE as error:
        raise SourceError(
            f"{path} is not a PMTiles archive of version 3, or damaged: {_words(error)}. Copy it again."
        ) from error


def _words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def _numbers(zoom: int) -> tuple[int, int]:
    """The first tile of a zoom, and the first of the next."""
    return zxy_to_tileid(zoom, 0, 0), zxy_to_tileid(zoom + 1, 0, 0)


def _metadata(path: Path, archive: Archive) -> dict[str, Any]:
    said = archive.unpacked(archive.header["metadata_offset"], archive.header["metadata_length"])
    try:
        found = json.loads(said or b"{}")
    except ValueError as error:
        raise SourceError(f"{path}: its metadata are not JSON: {error}. Make it again.") from error
    return found if isinstance(found, dict) else {}


def _check_header(path: Path, header: HeaderDict) -> None:
    if header["tile_type"] not in PICTURES:
        raise SourceError(f"{path} holds {header['tile_type'].name} tiles; imagery is PNG, JPEG or WebP.")
    if header["tile_compression"] not in (Compression.NONE, Compression.UNKNOWN):
        raise SourceError(f"{path} holds tiles compressed with {header['tile_compression'].name}; pictures need none.")
