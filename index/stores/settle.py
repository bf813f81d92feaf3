"""Candidates are settled by inner products in float32 over the stored rows, whoever found them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from index.hits import NO_HITS, NO_ROWS, CellHits, Float32s, Hits, Int64s
from index.stores.store import Layout

CELLS_PER_SCAN = 8_192
Float16s = NDArray[np.float16]


def best_tiles_of(rows: Float16s, layout: Layout, tiles: Int64s, queries: Float32s, k: int) -> Hits:
    """Compare all cells of some tiles with the queries and keep the k best tiles.

    Args:
        rows: (N * C, D), of the whole store, in memory or mapped.
        layout: of the store.
        tiles: rising, none twice.
        queries: (S, D).
    """
    best = NO_HITS
    for part, scores in scan_tiles(rows, layout, tiles, queries):
        flat = scores.reshape(len(part), -1)
        place = flat.argmax(axis=1)
        cell, shift = np.divmod(place, len(queries))
        best = best.joined(Hits(part, flat[np.arange(len(part)), place], shift, cell)).best(k)
    return best


def best_cells_of(rows: Float16s, layout: Layout, cells: Int64s, queries: Float32s, k: int) -> CellHits:
    """Compare some cells with the queries and keep the k best; `cells` are rows of the store, rising, none twice."""
    kept, similarity, shift = NO_ROWS, np.empty(0, np.float32), NO_ROWS
    for start in range(0, len(cells), CELLS_PER_SCAN):
        part = cells[start : start + CELLS_PER_SCAN]
        scores = rows[part].astype(np.float32) @ queries.T  # (M, S)
        kept = np.concatenate([kept, part])
        similarity = np.concatenate([similarity, scores.max(axis=1)])
        shift = np.concatenate([shift, scores.argmax(axis=1)])
        order = np.lexsort((kept, -similarity))[:k]
        kept, similarity, shift = kept[order], similarity[order], shift[order]
    return CellHits(*np.divmod(kept, layout.cells), similarity, shift)


def scan_tiles(rows: Float16s, layout: Layout, tiles: Int64s, queries: Float32s) -> Iterator[tuple[Int64s, Float32s]]:
    """Compare some tiles at a time: their numbers (M,) and inner products (M, C, S)."""
    step = max(1, CELLS_PER_SCAN // layout.cells)
    by_tile = rows.reshape(layout.tiles, -1)
    for start in range(0, len(tiles), step):
        part = tiles[start : start + step]
        cells = by_tile[part].astype(np.float32).reshape(len(part) * layout.cells, layout.size)
        yield part, (cells @ queries.T).reshape(len(part), layout.cells, len(queries))
