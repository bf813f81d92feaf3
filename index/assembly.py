"""Putting an index together from parts: rows in Hilbert order, whatever order and shards they were made in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.describer import Float16s
from index.hilbert import hilbert_order
from index.table import TileTable, make_table
from index.tiles import Tile

BLOCK_BYTES = 64 * 1024 * 1024


class Rows(Protocol):
    """(n, D) or (n, C, D) float16, which need not be in memory."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, chosen: NDArray[np.int64], /) -> Float16s:
        """Read some rows."""


class Part(Protocol):
    """Some tiles, without their pixels, and their rows."""

    @property
    def tiles(self) -> Sequence[Tile]: ...

    @property
    def digests(self) -> Sequence[str | None]: ...

    @property
    def rows(self) -> Rows: ...


@dataclass(frozen=True, slots=True)
class Assembly:
    """All rows of an index: row i of `table` comes from row `row[i]` of part `part[i]`."""

    table: TileTable
    digests: Sequence[str | None]
    rows: Sequence[Rows]
    """Of each part."""
    part: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.part)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """(D,) or (C, D)."""
        return tuple(self.rows[0].shape[1:])

    def blocks(self) -> Iterator[Float16s]:
        """Give the rows in their order, (n, …) at a time; they are never all in memory."""
        size = max(1, BLOCK_BYTES // (2 * int(np.prod(self.row_shape))))
        for start in range(0, len(self), size):
            part, row = self.part[start : start + size], self.row[start : start + size]
            block = np.empty((len(part), *self.row_shape), dtype=np.float16)
            for number in np.unique(part):
                here = part == number
                block[here] = self.rows[number][row[here]]
            yield block


def assemble(parts: Sequence[Part], footprint_m: float) -> Assembly:
    """Order the tiles of all parts: along the Hilbert curve, and by id where they share a cell of it."""
    tiles = [tile for part in parts for tile in part.tiles]
    digests = [digest for part in parts for digest in part.digests]
    part = np.concatenate([np.full(len(part.tiles), number, dtype=np.int64) for number, part in enumerate(parts)])
    row = np.concatenate([np.arange(len(part.tiles), dtype=np.int64) for part in parts])
    by_id = np.array(sorted(range(len(tiles)), key=lambda number: tiles[number].id), dtype=np.int64)
    lat, lon = (np.array([getattr(tiles[number], name) for number in by_id]) for name in ("lat", "lon"))
    order = by_id[hilbert_order(lat, lon)]
    ordered = [tiles[number] for number in order]
    table = make_table(
        [tile.id for tile in ordered],
        np.array([tile.lat for tile in ordered]),
        np.array([tile.lon for tile in ordered]),
        footprint_m,
        np.array([tile.ground_resolution_m for tile in ordered]),
        [tile.captured for tile in ordered],
        [tile.source for tile in ordered],
        [tile.attribution for tile in ordered],
    )
    return Assembly(
        table, [digests[number] for number in order], [part.rows for part in parts], part[order], row[order]
    )
