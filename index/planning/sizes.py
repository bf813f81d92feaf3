"""Bytes of an index that does not exist yet: vectors by arithmetic, the tile table by writing a piece of one."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.geoparquet import write_table
from index.hilbert import hilbert_order
from index.job import ROOM, TILE_BYTES
from index.probes import PROBES, TOP
from index.producer import pixel_digest
from index.table import TileTable, make_table
from index.tiles import Tile
from models.geo import offset

PIECES = (256, 4096)
"""Rows of the tables that are written to learn what a row costs."""
OTHER_BYTES = 6_000
"""Manifest, quarantine list and the headers of all files."""
DIGITS = re.compile(r"\d+")


def float16_rows(rows: int, size: int) -> int:
    """Bytes of `rows` descriptions of `size` values, as stored."""
    return 2 * rows * size


PROFILES: dict[str, Callable[[int, int], int]] = {"exact": float16_rows}
"""Name of a way to keep vectors -> its bytes for (rows, values a row)."""


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

    def index_bytes(self, tiles: int, profile: str) -> int:
        rows = tiles * self.cells
        probes = min(PROBES, rows) * (4 * self.values + 12 * min(TOP, rows))
        table = self.table_bytes + self.row_bytes * tiles
        return PROFILES[profile](rows, self.values) + probes + round(table) + OTHER_BYTES

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
