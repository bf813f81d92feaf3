"""The approximate store: FAISS names candidates among compressed rows, inner products over the stored ones decide."""

from __future__ import annotations

from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from index.hits import CellHits, Float32s, Hits, Int64s
from index.runs import Runs
from index.stores.profiles import Profile
from index.stores.scan import best_cells_in, best_tiles_in
from index.stores.store import Layout
from models.errors import EncoderNonFinite, IndexMismatch

SCANNED_CELLS = 16_384
"""As quick to compare as asking FAISS is."""
FINALISTS, FINAL_SHARE = 64, 4
"""Tiles, at least and as a multiple of those asked for, all of whose cells are compared in the end."""


class Effort(NamedTuple):
    """How hard FAISS looks."""

    probes: int
    """Lists that are searched for every query."""
    short_list: int
    """Candidate cells that are compared exactly."""


class ApproximateStore:
    """Keeps compressed rows in memory or mapped, and reads the stored ones of candidates only; see VectorStore.

    Candidate cells are compared first, then all cells of the tiles of the best, so that a tile's best cell is told
    whether FAISS found it or not.

    Args:
        rows: (N * C, D) float16, C order; meant to be mapped.
        layout: what they are.
        found: the FAISS index of these rows.
        profile: its name.
        effort: how hard to look.
        scanned_cells: `within` of up to so many cells is compared exactly.
    """

    def __init__(
        self,
        rows: NDArray[np.float16],
        layout: Layout,
        found: Any,
        profile: Profile,
        effort: Effort,
        scanned_cells: int = SCANNED_CELLS,
    ) -> None:
        self.layout, self.effort, self._scanned_cells = layout, effort, scanned_cells
        self._rows = rows
        self._vectors = rows.reshape(layout.tiles, layout.cells, layout.size)
        self._faiss, self._profile = found, profile

    @property
    def name(self) -> str:
        return self._profile

    def best_tiles(self, queries: Float32s, k: int, within: Runs | None = None) -> Hits:
        return best_tiles_in(self._vectors, self._candidates(queries, k, within), queries, k)

    def best_cells(self, queries: Float32s, k: int, within: Runs | None = None) -> CellHits:
        return best_cells_in(self._vectors, self._candidates(queries, k, within), queries, k)

    def _candidates(self, queries: Float32s, k: int, within: Runs | None) -> Runs:
        """Give the tiles to compare exactly: at least k, all if there are fewer."""
        check_queries(queries, self.layout.size)
        all_tiles = Runs(np.zeros(1, np.int64), np.array([self.layout.tiles])) if within is None else within
        wanted, short = min(k, all_tiles.count), max(self.effort.short_list, 2 * k)
        if within is not None and within.count * self.layout.cells <= self._scanned_cells:
            return within
        mask = None if within is None else self._mask(within)
        while short < all_tiles.count * self.layout.cells:
            cells = self._ask(queries, short, mask)
            tiles = np.unique(cells // self.layout.cells)
            if len(tiles) >= wanted:
                return self._finalists(cells, queries, max(FINALISTS, FINAL_SHARE * k))
            if len(tiles) * self.layout.cells * 4 < short:  # the lists that were searched hold no more
                break
            short *= 4
        return all_tiles

    def _ask(self, queries: Float32s, short: int, mask: NDArray[np.uint8] | None) -> Int64s:
        """Give the `short` best cells over all queries, rising, as FAISS sees them."""
        faiss.omp_set_num_threads(1)  # of this thread; others are asked by other threads
        selector = None if mask is None else faiss.IDSelectorBitmap(mask)  # type: ignore[call-arg, arg-type]
        asked = faiss.SearchParametersIVF(nprobe=self.effort.probes, sel=selector)  # type: ignore[call-arg]
        similarity, cells = self._faiss.search(queries, min(short, self.layout.rows), params=asked)
        real = (cells.ravel() >= 0) & (cells.ravel() < self.layout.rows)  # -1 fills up lists that hold too few
        similarity, cells = similarity.ravel()[real], cells.ravel()[real]
        order = np.argsort(-similarity, kind="stable")
        _, first = np.unique(cells[order], return_index=True)
        kept: Int64s = np.sort(cells[order[np.sort(first)[:short]]])
        return kept

    def _finalists(self, cells: Int64s, queries: Float32s, most: int) -> Runs:
        """Compare candidate cells by their stored rows and give the tiles of the best."""
        hits = best_cells_in(self._rows, Runs.of(cells), queries, len(cells))
        tiles = hits.rows // self.layout.cells
        _, first = np.unique(tiles, return_index=True)
        return Runs.of(np.sort(tiles[np.sort(first)[:most]]))

    def _mask(self, within: Runs) -> NDArray[np.uint8]:
        """(ceil(R / 8),) a bit for each row, the first the lowest."""
        inside = np.zeros(self.layout.rows, np.bool_)
        for run in within.times(self.layout.cells):
            inside[run] = True
        return np.packbits(inside, bitorder="little")


def check_queries(queries: Float32s, size: int) -> None:
    """Keep from FAISS what it would not notice.

    Raises:
        IndexMismatch: queries are not (S, D) float32 in C order.
        EncoderNonFinite: one holds NaN or infinity.
    """
    if queries.dtype != np.float32 or queries.ndim != 2 or queries.shape[1] != size or not queries.flags.c_contiguous:
        raise IndexMismatch(f"Queries are {queries.dtype} {queries.shape}; they must be float32 (S, {size}), C order.")
    if not np.isfinite(queries).all():
        raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")
