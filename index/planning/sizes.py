"""Bytes of an index that does not exist yet: vectors by arithmetic, the tile table by writing a piece of one."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from index.geoparquet import write_table
from index.hilbert import hilbert_order
from index.job import ROOM, TILE_BYTES
from index.probes import PROBES, TOP
from index.producer import pixel_digest
from index.stores.profiles import Profile, groups_of, is_exact, lists_for
from index.table import TileTable, make_table
from index.tiles import Tile
from models.errors import UsageError
from models.geo import offset

PIECES = (256, 4096)
"""Rows of the tables that are written to learn what a row costs."""
OTHER_BYTES = 6_000
"""Manifest, quarantine list and the headers of all files."""
NUMBER_BYTES, PACKED = 8, 32
"""Of a row in search.faiss; rows whose codes are packed together, so a list has half of them free."""
DIGITS = re.compile(r"\d+")


PROFILES: tuple[Profile, ...] = get_args(Profile)


def float16_rows(rows: int, size: int) -> int:
    """Bytes of `rows` descriptions of `size` values, as stored."""
    return 2 * rows * size


def search_bytes(profile: Profile, rows: int, size: int) -> int:
    """Bytes of search.faiss: codes and numbers of the rows, and what they are told apart by; 0 if there is none.

    Raises:
        UsageError: see `groups_of`.
    """
    groups = groups_of(size) if profile == "compact" else 0
    if is_exact(profile, rows):
        return 0
    lists = lists_for(rows)
    shared = 4 * lists * size + 8 * lists
    if profile == "balanced":
        return shared + 8 * size + rows * (size + NUMBER_BYTES)
    code = (groups + 1) // 2
    return shared + 4 * 16 * size + rows * (code + NUMBER_BYTES) + lists * PACKED // 2 * code


def possible(size: int) -> list[Profile]:
    """Give the profiles that descriptions of so many values can be kept in."""
    found: list[Profile] = []
    for profile in PROFILES:
        with suppress(UsageError):
            search_bytes(profile, 0, size)
            found.append(profile)
    return found


@dataclass(frozen=True, slots=True)
class Sizes:
    """Says how large an index of so many tiles is."""

    cells: int
    """Descriptions of a tile."""
    values: int
    """Of a description."""
    table_bytes: float
    """Of an empty tile table."""
    row_bytes: float
    """More for each tile."""

    def index_bytes(self, tiles: int, profile: Profile) -> int:
        rows = tiles * self.cells
        probes = min(PROBES, rows) * (4 * self.values + 12 * min(TOP, rows))
        table = self.table_bytes + self.row_bytes * tiles
        vectors = float16_rows(rows, self.values) + search_bytes(profile, rows, self.values)
        return vectors + probes + round(table) + OTHER_BYTES

    def build_bytes(self, tiles: int) -> int:
        """Bytes that a build wants free: its shards stay until the generation made of them is published.

        An index that is already there comes on top.
        """
        reckoned = 2 * tiles * (TILE_BYTES + float16_rows(self.cells, self.values))
        return round(ROOM * max(reckoned, self.index_bytes(tiles, "exact")))


def measure_table(like: Tile, step_m: float) -> tuple[float, float]:
    """Write two tile tables and give the bytes of an empty one and of each row.

    Args:
        like: a tile of the source; ids, dates and names are made after it.
        step_m: distance between centres.
    """
    with tempfile.TemporaryDirectory(prefix="skyfix-plan-") as folder:
        sizes = []
        for rows in PIECES:
            path = Path(folder) / f"{rows}.parquet"
            write_table(path, _table(like, step_m, rows), [_digest(row) for row in range(rows)])
            sizes.append(path.stat().st_size)
    a_row = (sizes[1] - sizes[0]) / (PIECES[1] - PIECES[0])
    return sizes[0] - a_row * PIECES[0], a_row


def _table(like: Tile, step_m: float, rows: int) -> TileTable:
    side = round(rows**0.5)
    row, column = np.divmod(np.arange(rows), side)
    lat, lon = offset(like.lat, like.lon, column * step_m, -row * step_m)
    order = hilbert_order(lat, lon)
    return make_table(
        [numbered_id(like.id, int(row[n]), int(column[n])) for n in order],
        lat[order],
        lon[order],
        like.footprint_m,
        np.full(rows, like.ground_resolution_m),
        [like.captured] * rows,
        [like.source] * rows,
    )


def _digest(row: int) -> str:
    """One like those of tiles, which nothing can compress."""
    return pixel_digest(np.array([[[row % 256, row // 256, 0]]], dtype=np.uint8))


def numbered_id(name: str, row: int, column: int) -> str:
    """Put two numbers in the place of the last two in a tile's id."""
    found = list(DIGITS.finditer(name))[-2:]
    if len(found) < 2:
        return f"{name}-{row:04d}-{column:04d}"
    first, second = found
    return (
        f"{name[: first.start()]}{row:0{len(first[0])}d}"
        f"{name[first.end() : second.start()]}{column:0{len(second[0])}d}{name[second.end() :]}"
    )
