"""The answers of a store as arrays of one length, as probes want them."""

from __future__ import annotations

import numpy as np

from index.hits import Float32s, Int64s
from index.probes import TopRows
from index.stores.store import Layout, VectorStore

NO_ROW = -1


def padded_top(store: VectorStore, layout: Layout) -> TopRows:
    """Give a search that answers each query by itself: (P, D) -> (P, k) rows and similarities.

    Where fewer than k rows come, the rest is NO_ROW with a similarity of minus infinity.
    """

    def top(queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        rows = np.full((len(queries), k), NO_ROW, np.int64)
        similarity = np.full((len(queries), k), -np.inf, np.float32)
        for number, query in enumerate(queries):
            hits = store.best_cells(query[None], k)
            rows[number, : len(hits.rows)] = hits.rows * layout.cells + hits.cells
            similarity[number, : len(hits.rows)] = hits.similarity
        return rows, similarity

    return top
