"""Tiles in an MBTiles file: SQLite, rows counted from the south."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.sources.files import check_regular
from index.sources.tile_store import (
    DEEPEST_ZOOM,
    TILE_LIMIT_BYTES,
    Listing,
    check_addresses,
    date_of,
    text_of,
)
from index.tiles import BadTile
from models.errors import SourceError, TileDuplicate, TileIdInvalid, TileUnreadable

FORMATS = ("png", "jpg", "jpeg", "webp", "image/png", "image/jpeg", "image/webp")
DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""The second where SQLite quotes what is damaged."""
METADATA_ROWS, MOST_STRAYS, LOCK_WAIT_S = 1000, 1000, 1.0
ADDRESSES = (
    "SELECT tile_column, tile_row FROM tiles "
    "WHERE zoom_level = ? AND typeof(tile_column) = 'integer' AND typeof(tile_row) = 'integer'"
)
TILE = (
    "SELECT length(tile_data), CASE WHEN length(tile_data) <= ? THEN CAST(tile_data AS BLOB) END FROM tiles "
    "WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
)


@dataclass(frozen=True, slots=True)
class MBTiles:
    """An MBTiles file, 1.0 to 1.3; a `TileStore`."""

    path: Path
    zooms: tuple[int, ...]
    attribution: str
    captured: str | None
    beyond: tuple[int, ...] = ()
    """Zooms that do not exist."""

    @classmethod
    def at(cls, path: Path) -> MBTiles:
        """Find out what a file holds.

        Raises:
            SourceError: it is no MBTiles file, is damaged or locked, or holds no pictures.
        """
        with _connect(path) as database:
            rows = database.execute("SELECT name, value FROM metadata").fetchmany(METADATA_ROWS)
            metadata = {str(name): str(value) for name, value in rows}
            found = database.execute(
                "SELECT DISTINCT zoom_level FROM tiles WHERE typeof(zoom_level) = 'integer' ORDER BY zoom_level"
            ).fetchall()
        form = metadata.get("format", "png").lower()
        if form not in FORMATS:
            raise SourceError(f"{path} holds tiles of the format {form[:40]}; imagery is PNG, JPEG or WebP.")
        zooms = tuple(zoom for (zoom,) in found if 0 <= zoom <= DEEPEST_ZOOM)
        beyond = tuple(zoom for (zoom,) in found if zoom not in zooms)[:MOST_STRAYS]
        return cls(path, zooms, text_of(metadata, "attribution"), date_of(metadata), beyond)

    @property
    def kind(self) -> str:
        return "MBTiles"

    def listing(self, zoom: int) -> Listing:
        with _connect(self.path) as database:
            found = np.fromiter(database.execute(ADDRESSES, (zoom,)), dtype=np.dtype((np.int64, 2)))
        listing = check_addresses(zoom, np.unique(found, axis=0), flipped=True)
        strays = [
            BadTile(str(other), TileIdInvalid.code, f"Zooms run from 0 to {DEEPEST_ZOOM}.") for other in self.beyond
        ]
        return Listing(listing.addresses, [*strays, *listing.strays])

    @contextmanager
    def open(self, zoom: int) -> Iterator[MBTilesReader]:
        with _connect(self.path) as database:
            yield MBTilesReader(database, zoom)


@dataclass(frozen=True, slots=True)
class MBTilesReader:
    database: sqlite3.Connection
    zoom: int

    def read(self, x: int, y: int) -> bytes:
        row = (1 << self.zoom) - 1 - y
        try:
            found = self.database.execute(TILE, (TILE_LIMIT_BYTES, self.zoom, x, row)).fetchmany(2)
        except DAMAGE as error:
            raise TileUnreadable(f"The database is damaged there: {error}.") from error
        if len(found) > 1 and found[0] != found[1]:
            raise TileDuplicate("The database holds it more than once, with different pixels.")
        if not found or found[0][0] is None:
            raise TileUnreadable("The database has no data for it.")
        length, data = found[0]
        if data is None:
            raise TileUnreadable(f"The tile has {length} bytes; at most {TILE_LIMIT_BYTES} are read.")
        return bytes(data)

    def name(self, x: int, y: int) -> str:
        return f"{self.zoom}/{x}/{y}"


@contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading only; whatever SQLite says of it becomes a SourceError."""
    check_regular(path)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_WAIT_S)) as database:
            database.text_factory = lambda text: text.decode(errors="replace")
            database.execute("PRAGMA trusted_schema = OFF")
            yield database
    except DAMAGE as error:
        raise SourceError(
            f"{path} is not an MBTiles file that can be read: {error}. Copy it again, or close what writes to it."
        ) from error
