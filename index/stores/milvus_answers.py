"""What Milvus answers, held against what was asked before any of it is believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from index.hits import Float32s, Int64s
from models.errors import BackendUnavailable


@dataclass(frozen=True, slots=True)
class Answers:
    """Cells that were found by one search, over all of its queries; of the same length."""

    rows: Int64s
    """Rows of cells."""
    similarity: Float32s
    shift: Int64s
    """Of which query."""
    unseen: float
    """No cell that was left out is more similar to any query than this; -inf where none was."""

    def kept(self, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Answers:
        return Answers(self.rows[mask], self.similarity[mask], self.shift[mask], self.unseen)

    def joined(self, other: Answers) -> Answers:
        return Answers(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.similarity, other.similarity]),
            np.concatenate([self.shift, other.shift]),
            max(self.unseen, other.unseen),
        )

    def best_of(self, places: Int64s) -> tuple[Int64s, Float32s, Int64s]:
        """Keep the best answer of each place, (M,) which may repeat: places, similarities and which answer it was.

        By falling similarity, ties by place; of answers that tie, the one of the first row, then shift.
        """
        order = np.lexsort((self.shift, self.rows, places, -self.similarity))
        _, first = np.unique(places[order], return_index=True)
        chosen = order[np.sort(first)]
        return places[chosen], self.similarity[chosen], chosen


def read_answers(
    where: str, found: list[tuple[list[int], list[float]]], queries: int, limit: int, rows: int
) -> Answers:
    """Check the answers to a search, ids and inner products of each query.

    Raises:
        BackendUnavailable: other than one list a query, longer than asked, ids that no row has or twice, or values
            that are no finite numbers.
    """
    if len(found) != queries:
        raise _nonsense(where, f"{len(found)} lists of hits for {queries} queries")
    parts, unseen = [NOTHING], -np.inf
    for shift, (ids, distances) in enumerate(found):
        try:
            cells, similarity = np.asarray(ids, dtype=np.int64), np.asarray(distances, dtype=np.float32)
        except (ValueError, TypeError, OverflowError) as error:
            raise _nonsense(where, f"hits that are no numbers ({error})") from error
        if cells.ndim != 1 or cells.shape != similarity.shape or len(cells) > limit:
            raise _nonsense(
                where, f"{cells.shape} ids and {similarity.shape} similarities where {limit} were asked for"
            )
        if cells.size and (cells.min() < 0 or cells.max() >= rows or len(np.unique(cells)) != len(cells)):
            raise _nonsense(where, f"rows outside 0 to {rows - 1}, or one twice")
        if not np.isfinite(similarity).all():
            raise _nonsense(where, "similarities that are not finite")
        if len(cells) == limit:
            unseen = max(unseen, float(similarity.min()))
        parts.append(Answers(cells, similarity, np.full(len(cells), shift), -np.inf))
    return Answers(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        np.concatenate([part.shift for part in parts]),
        unseen,
    )


def _nonsense(where: str, what: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"Milvus at {where} answered nonsense: {what}. Push the index again, or look at its server."
    )


NOTHING = Answers(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64), -np.inf)
