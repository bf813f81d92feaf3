"""The most similar references of a block of queries, gathered while the gallery passes by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SPARE = 8
"""Candidates kept beyond those asked for, because float32 may swap neighbours."""


class Top:
    """Candidates for the T best references of B queries.

    Args:
        queries: B.
        keep: T; the gallery must have as many references.
    """

    def __init__(self, queries: int, keep: int) -> None:
        self._keep, self._wide = keep, keep + SPARE
        self._similarity = np.full((queries, self._wide), -np.inf, dtype=np.float32)
        self._row = np.full((queries, self._wide), -1, dtype=np.int64)

    def add(self, similarity: Float32s, start: int) -> None:
        """Look at references start ... start + n: (B, n)."""
        query, column = self._candidates(similarity)
        kept_query = np.repeat(np.arange(len(self._row)), self._wide)
        query = np.concatenate([kept_query, query])
        value = np.concatenate([self._similarity.ravel(), similarity[query[kept_query.size :], column]])
        row = np.concatenate([self._row.ravel(), column + start])
        order = np.lexsort((row, -value, query))
        first = np.searchsorted(query[order], np.arange(len(self._row)))
        chosen = order[first[:, None] + np.arange(self._wide)]
        self._similarity, self._row = value[chosen], row[chosen]

    def _candidates(self, similarity: Float32s) -> tuple[Ints, Ints]:
        """Queries and columns that may belong to the best: those beyond the worst kept, or a full selection if many."""
        better = similarity > self._similarity[:, -1:]
        if np.count_nonzero(better) <= 4 * self._row.size or similarity.shape[1] <= self._wide:
            query, column = np.nonzero(better)
            return query, column
        best = np.argpartition(-similarity, self._wide, axis=1)[:, : self._wide]
        return np.repeat(np.arange(len(best)), self._wide), best.ravel()

    def settle(self, exact: Callable[[Ints, Ints], Floats]) -> tuple[Ints, Floats]:
        """Order the candidates by exact similarity, equal ones by row.

        Args:
            exact: (P,) queries and (P,) references -> (P,) similarities.

        Returns:
            (B, T) references and (B, T) similarities, best first.
        """
        value = np.full(self._row.shape, -np.inf)
        query, place = np.nonzero(self._row >= 0)
        value[query, place] = exact(query, self._row[query, place])
        order = np.lexsort((self._row, -value), axis=1)[:, : self._keep]
        return np.take_along_axis(self._row, order, axis=1), np.take_along_axis(value, order, axis=1)
