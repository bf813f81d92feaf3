"""What a search gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hits:
    """Tiles found, no row twice, by falling similarity, ties by row; all of the same length."""

    rows: Int64s
    """Rows of the index."""
    similarity: Float32s
    """Inner product of the tile's best cell with the best of the queries."""
    shift: Int64s
    """Which of the queries that was; the first of them if several are as good."""
    cells: Int64s
    """Which cell that was, in the order of the manifest's `cells`; 0 where tiles have one description."""

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, k: int) -> Hits:
        """Keep the best entry of every row, then the best k rows."""
        order = np.lexsort((self.shift, self.cells, self.rows, -self.similarity))
        _, first = np.unique(self.rows[order], return_index=True)
        kept = order[np.sort(first)[:k]]
        return Hits(self.rows[kept], self.similarity[kept], self.shift[kept], self.cells[kept])

    def joined(self, other: Hits) -> Hits:
        return Hits(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.similarity, other.similarity]),
            np.concatenate([self.shift, other.shift]),
            np.concatenate([self.cells, other.cells]),
        )


NO_ROWS: Int64s = np.empty(0, dtype=np.int64)
NO_HITS = Hits(NO_ROWS, np.empty(0, dtype=np.float32), NO_ROWS, NO_ROWS)


class CellHits(NamedTuple):
    """Cells found, by falling similarity, ties by row and cell; all of the same length."""

    rows: Int64s
    cells: Int64s
    similarity: Float32s
    shift: Int64s


class Background(NamedTuple):
    """How similar a description is to places at large: robust mean and standard deviation of inner products."""

    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of chosen tiles."""

    rows: Int64s
    """(M,) rows of the index."""
    similarity: Float32s
    """(M, C, S) inner products of every cell with every query."""
