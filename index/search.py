"""Search: exact over the whole index, exact near a place by scanning the rows that lie there.

Azimuth columns are correlated by frequency (`models.correlation`), which gives all headings of all cells at once and
finds a few candidates; these are then compared by plain inner products, which decide. Plain vectors, which have
neither headings nor cells, are searched by FAISS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.hits import NO_HITS, Background, CellHits, Evidence, Float32s, Hits, Int64s
from index.nearby import Nearby
from index.probes import check_probes, probe_recall
from models.background import background_rows, centre_and_spread
from models.correlation import ROUNDING, Spectra, turns_of
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError

ROWS_PER_ADD = 65_536
CELLS_PER_SCAN = 8_192
SPARE = 64
"""Candidates beyond those asked for; only more of them within rounding of the last place could hide one."""
SCAN_SHARE = 6
"""Inner products of one cell cost as much as the correlation of six."""


class Searcher:
    """Searches one index; safe for many threads at once.

    In every method `queries` is (S, D) float32: one description, or the same one laid out at S headings. A cell's
    similarity is the inner product with its best query, a tile's that of its best cell, so that all of this is exact
    over headings.

    Args:
        index: opened and verified.

    Raises:
        ProbeFailed: the search does not give the answers that the index's probes expect.

    Every method that takes queries raises EncoderNonFinite where one holds NaN or infinity, IndexMismatch where D is
    not the index's, and ParameterError where a number or place makes no sense.
    """

    def __init__(self, index: Index) -> None:
        self._index, self._nearby = index, Nearby(index.tiles)
        self._columns, self._cells = index.manifest.embedding.columns, index.cell_count
        self._rows = index.cell_rows  # (N * C, D)
        plain = self._columns == self._cells == 1
        self._faiss: Any = _exact_index(self._rows) if plain else None
        self._spectra = None if plain else Spectra.of(self._rows, self._columns, self._cells)
        self._background = Spectra.of(self._rows[background_rows(len(self._rows))], self._columns)
        check_probes(index.probes, self._top, f"The search over {index.title}")

    def search(self, queries: Float32s, k: int) -> Hits:
        """Find the k best tiles of the whole index.

        All come back if there are fewer. Among tiles that tie for the last place any may be left out.
        """
        queries = self._checked(queries, k)
        if self._spectra is None:
            return self._search_plain(queries, k)
        best = _peaks(self._spectra, queries).reshape(-1, self._cells).max(axis=1)
        return self._settle(_candidates(best, k, queries), queries, k)

    def search_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie within a radius of a place (WGS84 degrees).

        Returns:
            The tiles, and how many were scanned: all inside the radius, 0 where there is none.
        """
        queries, rows = self._checked(queries, k), self.rows_near(lat, lon, radius_m)
        scanned = len(rows)
        if self._spectra is not None and scanned * SCAN_SHARE > len(self._index):
            best = _peaks(self._spectra, queries).reshape(-1, self._cells).max(axis=1)
            rows = rows[_candidates(best[rows], k, queries)]
        return self._settle(rows, queries, k), scanned

    def top_cells(self, queries: Float32s, k: int) -> CellHits:
        """Find the k best cells of the whole index, as `search` finds tiles."""
        queries = self._checked(queries, k)
        if self._spectra is None:
            hits = self._search_plain(queries, k)
            return CellHits(hits.rows, hits.cells, hits.similarity, hits.shift)
        found = _candidates(_peaks(self._spectra, queries), k, queries)
        scores = self._rows[found].astype(np.float32) @ queries.T  # (M, S)
        best = scores.max(axis=1)
        order = np.lexsort((found, -best))[:k]
        return CellHits(*np.divmod(found[order], self._cells), best[order], scores[order].argmax(axis=1))

    def evidence(self, queries: Float32s, rows: Int64s) -> Evidence:
        """Compare every cell of chosen tiles with every query."""
        queries = self._checked(queries)
        parts = [np.empty((0, self._cells, len(queries)), np.float32)]
        return Evidence(rows, np.concatenate([*parts, *(scores for _, scores in self._scan(rows, queries))]))

    def background(self, queries: Float32s) -> Background:
        """Say how similar the description is to the places of this index at large, at the best shift of each.

        Over up to 4,096 cells, evenly spread and the same every time; their inner products, like all others here, are
        those of a photo whose unseen columns are zero (`models.columns.mean_cosine_scale`).
        """
        centre, spread = centre_and_spread(_peaks(self._background, self._checked(queries)))
        return Background(float(centre), float(spread))

    def rows_near(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a radius of a place."""
        return self._nearby.rows(lat, lon, radius_m)

    def neighbourhood(self, rows: Int64s, radius_m: float) -> Int64s:
        """Give the rows, rising, of the tiles whose centres lie within a radius of that of any of some tiles."""
        return self._nearby.around(rows, radius_m)

    def probe_recall(self) -> float:
        """Give the share of the index's probes that the search answers now; anything below 1 is an alarm."""
        return probe_recall(self._index.probes, self._top)

    def _search_plain(self, queries: Float32s, k: int) -> Hits:
        faiss.omp_set_num_threads(1)  # of this thread; on a busy machine waking the others costs more than they give
        similarity, rows = self._faiss.search(queries, min(k, len(self._index)))
        shift = np.broadcast_to(np.arange(len(queries))[:, None], rows.shape)
        real = rows >= 0
        return Hits(rows[real], similarity[real], shift[real], np.zeros_like(rows[real])).best(k)

    def _settle(self, rows: Int64s, queries: Float32s, k: int) -> Hits:
        """Compare tiles by inner products in float32 and keep the k best."""
        best = NO_HITS
        for part, scores in self._scan(rows, queries):
            flat = scores.reshape(len(part), -1)
            place = flat.argmax(axis=1)
            cell, shift = np.divmod(place, len(queries))
            best = best.joined(Hits(part, flat[np.arange(len(part)), place], shift, cell)).best(k)
        return best

    def _scan(self, rows: Int64s, queries: Float32s) -> Iterator[tuple[Int64s, Float32s]]:
        """Some tiles at a time: (M,) rows and (M, C, S) inner products."""
        step = max(1, CELLS_PER_SCAN // self._cells)
        by_tile = self._rows.reshape(len(self._index), -1)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            cells = by_tile[part].astype(np.float32).reshape(len(part) * self._cells, -1)
            yield part, (cells @ queries.T).reshape(len(part), self._cells, len(queries))

    def _top(self, queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        """Answer each query by itself: (P, D) -> (P, k) rows of `Index.cell_rows` and similarities."""
        hits = [self.top_cells(query[None], k) for query in queries]
        rows = [hit.rows * self._cells + hit.cells for hit in hits]
        return np.stack(rows), np.stack([hit.similarity for hit in hits])

    def _checked(self, queries: Float32s, k: int = 1) -> Float32s:
        if k < 1:
            raise ParameterError("top_k", f"{k} is not positive.")
        size = self._index.manifest.embedding.size
        if queries.ndim != 2 or len(queries) == 0 or queries.shape[1] != size:
            raise IndexMismatch(f"{self._index.title} takes queries of (S, {size}) values, not {queries.shape}.")
        if not np.isfinite(queries).all():
            raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")
        return np.ascontiguousarray(queries, dtype=np.float32)


def _exact_index(rows: NDArray[np.float16]) -> Any:
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
