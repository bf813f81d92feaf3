"""The exact store: every row is compared, plain vectors by FAISS, azimuth columns at all headings at once.

Columns are correlated by frequency (`models.correlation`), which finds a few candidates; these are then compared by
plain inner products, which decide. A small part of the rows is compared without either, run by run.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.hits import CellHits, Float32s, Hits, Int64s
from index.runs import Runs
from index.stores.scan import best_cells_in, best_of_cells, best_tiles_in
from index.stores.store import Layout
from models.correlation import ROUNDING, Spectra, turns_of

ROWS_PER_ADD = 65_536
SPARE = 64
"""Candidates beyond those asked for; only more of them within rounding of the last place could hide one."""
SCAN_SHARE = 6
"""Inner products of one cell cost as much as the correlation of six."""


class ExactStore:
    """Overlooks nothing; see VectorStore.

    Args:
        rows: (N * C, D) float16, C order.
        layout: what they are.
    """

    name = "exact"

    def __init__(self, rows: NDArray[np.float16], layout: Layout) -> None:
        self.layout, self._rows = layout, rows
        self._by_tile = rows.reshape(layout.tiles, layout.cells, layout.size)
        plain = layout.columns == layout.cells == 1
        self._faiss: Any = _flat(rows) if plain else None
        self._spectra = None if plain else Spectra.of(rows, layout.columns, layout.cells)

    def best_tiles(self, queries: Float32s, k: int, within: Runs | None = None) -> Hits:
        if within is not None and not self._correlation_pays(within):
            return best_tiles_in(self._by_tile, within, queries, k)
        if self._spectra is None:
            return self._ask_faiss(queries, k)
        tiles = np.arange(self.layout.tiles) if within is None else within.rows
        best = _peaks(self._spectra, queries).reshape(-1, self.layout.cells).max(axis=1)[tiles]
        return best_tiles_in(self._by_tile, Runs.of(tiles[_candidates(best, k, queries)]), queries, k)

    def best_cells(self, queries: Float32s, k: int, within: Runs | None = None) -> CellHits:
        if within is not None and not self._correlation_pays(within):
            return best_cells_in(self._by_tile, within, queries, k)
        if self._spectra is None:
            hits = self._ask_faiss(queries, k)
            return CellHits(hits.rows, hits.cells, hits.similarity, hits.shift)
        cells = np.arange(self.layout.rows) if within is None else within.times(self.layout.cells).rows
        cells = cells[_candidates(_peaks(self._spectra, queries)[cells], k, queries)]
        return best_of_cells(self._rows, self.layout, cells, queries, k)

    def _correlation_pays(self, within: Runs) -> bool:
        return self._spectra is not None and within.count * SCAN_SHARE > self.layout.tiles

    def _ask_faiss(self, queries: Float32s, k: int) -> Hits:
        faiss.omp_set_num_threads(1)  # of this thread; on a busy machine waking the others costs more than they give
        similarity, rows = self._faiss.search(queries, min(k, self.layout.rows))
        shift = np.broadcast_to(np.arange(len(queries))[:, None], rows.shape)
        real = rows >= 0
        return Hits(rows[real], similarity[real], shift[real], np.zeros_like(rows[real])).best(k)


def _flat(rows: NDArray[np.float16]) -> Any:
    """Hand the stored float16 rows to FAISS, which keeps exactly them."""
    found = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for start in range(0, len(rows), ROWS_PER_ADD):
        found.add(rows[start : start + ROWS_PER_ADD].astype(np.float32))
    return found


def _peaks(spectra: Spectra, queries: Float32s) -> Float32s:
    """(S, D) -> (N * C,) inner products with the best query, within ROUNDING for unit descriptions."""
    base, turns = turns_of(queries, spectra.columns)
    return np.concatenate([curves.max(axis=(0, 1)) for _, curves in spectra.curves(base, turns)])


def _candidates(best: Float32s, k: int, queries: Float32s) -> Int64s:
    """Give, rising, the places of all that may be among the k best once rounding is taken away."""
    if k + SPARE >= len(best):
        return np.arange(len(best))
    wide = np.argpartition(-best, k + SPARE)[: k + SPARE]
    longest = float(np.linalg.norm(queries, axis=1).max())
    least = np.partition(best[wide], -k)[-k] - 2 * ROUNDING * longest
    return np.sort(wide[best[wide] >= least])
