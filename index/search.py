"""Search: exact over the whole index through FAISS, exact near a place by scanning the rows that lie there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import faiss
import numpy as np
from numpy.typing import NDArray

from index.bundle import Index
from index.probes import check_probes, probe_recall
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError
from models.geo import distance_m

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
BLOCK_ROWS = 256
ROWS_PER_ADD = 65_536
ROWS_PER_SCAN = 8_192
REACH_SLACK, REACH_SLACK_M = 1.02, 1.0


@dataclass(frozen=True, slots=True)
class Hits:
    """Tiles found, no row twice, by falling similarity, ties by row; all of the same length."""

    rows: Int64s
    """Rows of the index."""
    similarity: Float32s
    """Inner product with the best of the queries."""
    shift: Int64s
    """Which of the queries that was; the first of them if several are as good."""

    def __len__(self) -> int:
        return len(self.rows)


NO_HITS = Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64))


class Searcher:
    """Searches one index; safe for many threads at once.

    Args:
        index: opened and verified.

    Raises:
        ProbeFailed: FAISS does not give the answers that the index's probes expect.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._faiss = _exact_index(index)
        starts = np.arange(0, len(index), BLOCK_ROWS)
        self._blocks = [slice(int(a), int(b)) for a, b in pairwise([*starts, len(index)])]
        self._centres, self._reach_m = _enclose(index, self._blocks)
        check_probes(index.probes, self._top, f"FAISS over {index.title}")

    def search(self, queries: Float32s, k: int) -> Hits:
        """Find the k best tiles of the whole index.

        Args:
            queries: (S, D) float32: one description, or the same one laid out at S headings. A tile's similarity is
                that of its best query, so this is an exact search over headings.
            k: tiles wanted; all of them come back if there are fewer. Among tiles that tie for the last place any
                may be left out.

        Raises:
            EncoderNonFinite: a query holds NaN or infinity (FAISS would answer with row -1).
            IndexMismatch: D is not the index's.
            ParameterError: k is not positive.
        """
        queries = self._checked(queries, k)
        faiss.omp_set_num_threads(1)  # of this thread; on a busy machine waking the others costs more than they give
        similarity, rows = self._faiss.search(queries, min(k, len(self._index)))
        shift = np.broadcast_to(np.arange(len(queries))[:, None], rows.shape)
        real = rows >= 0
        return _best(Hits(rows[real], similarity[real], shift[real]), k)

    def search_near(self, queries: Float32s, lat: float, lon: float, radius_m: float, k: int) -> tuple[Hits, int]:
        """Find the k best tiles whose centres lie within a radius.

        Args:
            queries: as for `search`.
            lat, lon, radius_m: WGS84 degrees and metres.
            k: as for `search`.

        Returns:
            The tiles, and how many were scanned: all inside the radius, 0 where there is none.

        Raises:
            As `search`; ParameterError also for a position or radius that is no such thing.
        """
        queries = self._checked(queries, k)
        rows = self.rows_near(lat, lon, radius_m)
        best = NO_HITS
        for start in range(0, len(rows), ROWS_PER_SCAN):
            part = rows[start : start + ROWS_PER_SCAN]
            scores = self._index.vectors[part].astype(np.float32) @ queries.T
            shift = scores.argmax(axis=1)
            best = _best(_join(best, Hits(part, scores[np.arange(len(part)), shift], shift)), k)
        return best, len(rows)

    def rows_near(self, lat: float, lon: float, radius_m: float) -> Int64s:
        """Give the rows, rising, whose centres lie within a radius; far blocks of the Hilbert order are passed over."""
        if not (abs(lat) <= 90 and abs(lon) <= 180):
            raise ParameterError("prior", f"lat {lat:g}, lon {lon:g} is not a WGS84 position.")
        if not 0 < radius_m < np.inf:
            raise ParameterError("radius_m", f"{radius_m:g} is not a positive length.")
        tiles = self._index.tiles
        away_m = distance_m(self._centres[:, 0], self._centres[:, 1], lat, lon)
        near = np.flatnonzero(away_m <= (radius_m + self._reach_m) * REACH_SLACK + REACH_SLACK_M)
        parts = [np.empty(0, dtype=np.int64)]
        for block in (self._blocks[number] for number in near):
            inside = distance_m(tiles.lat[block], tiles.lon[block], lat, lon) <= radius_m
            parts.append(np.flatnonzero(inside) + block.start)
        return np.concatenate(parts)

    def probe_recall(self) -> float:
        """Give the share of the index's probes that the search answers now; anything below 1 is an alarm."""
        return probe_recall(self._index.probes, self._top)

    def _top(self, queries: Float32s, k: int) -> tuple[Int64s, Float32s]:
        """Answer each query by itself: (P, D) -> (P, k) rows and similarities."""
        hits = [self.search(query[None], k) for query in queries]
        return np.stack([hit.rows for hit in hits]), np.stack([hit.similarity for hit in hits])

    def _checked(self, queries: Float32s, k: int) -> Float32s:
        if k < 1:
            raise ParameterError("top_k", f"{k} is not positive.")
        size = self._index.manifest.embedding.size
        if queries.ndim != 2 or len(queries) == 0 or queries.shape[1] != size:
            raise IndexMismatch(f"{self._index.title} takes queries of (S, {size}) values, not {queries.shape}.")
        if not np.isfinite(queries).all():
            raise EncoderNonFinite("The photo's description holds values that are not finite; nothing was searched.")
        return np.ascontiguousarray(queries, dtype=np.float32)


def _exact_index(index: Index) -> faiss.IndexScalarQuantizer:
    """Hand the stored float16 rows to FAISS, which keeps exactly them."""
    found = faiss.IndexScalarQuantizer(
        index.manifest.embedding.size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    for start in range(0, len(index), ROWS_PER_ADD):
        found.add(index.vectors[start : start + ROWS_PER_ADD].astype(np.float32))
    return found


def _enclose(index: Index, blocks: list[slice]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give a circle around each block: centres (B, 2) as lat, lon (that of a row in it) and radii (B,) in metres."""
    lat, lon = index.tiles.lat, index.tiles.lon
    middles = [(block.start + block.stop) // 2 for block in blocks]
    reach = [float(distance_m(lat[b], lon[b], lat[m], lon[m]).max()) for b, m in zip(blocks, middles, strict=True)]
    return np.stack([lat[middles], lon[middles]], axis=1), np.array(reach)


def _join(one: Hits, other: Hits) -> Hits:
    return Hits(
        np.concatenate([one.rows, other.rows]),
        np.concatenate([one.similarity, other.similarity]),
        np.concatenate([one.shift, other.shift]),
    )


def _best(hits: Hits, k: int) -> Hits:
    """Keep the best shift of every row, then the best k rows."""
    order = np.lexsort((hits.shift, hits.rows, -hits.similarity))
    _, first = np.unique(hits.rows[order], return_index=True)
    kept = order[np.sort(first)[:k]]
    return Hits(hits.rows[kept], hits.similarity[kept], hits.shift[kept])
