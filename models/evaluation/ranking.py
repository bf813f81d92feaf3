"""Rank every photo against every tile in blocks: constant memory, however large the gallery.

A block of float32 products decides all references but those within rounding error of the right one; these few are
compared by `paired_products`, so counts of ties are exact and do not depend on blocks or libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import EncoderNonFinite
from models.evaluation.metrics import TieRule
from models.evaluation.similarity import Float32s, Floats, Ints, paired_products, products, rounding_error, rows_of
from models.evaluation.top import Top

Bools = NDArray[np.bool_]
CROWD = 100
"""More than one in so many references within rounding error: the block is multiplied again in float64."""
NEVER = 1 << 40
"""Rank of a query that no reference is right for: beyond any K."""
PAIRS_BYTES = 64 << 20
"""Memory for the descriptions of pairs that are compared exactly."""


@dataclass(frozen=True, slots=True)
class RightAnswers:
    """Which references are right for each query: rows[starts[q] : starts[q + 1]]."""

    starts: Ints
    """(Q + 1,)"""
    rows: Ints

    @classmethod
    def one_each(cls, positive: Ints) -> RightAnswers:
        return cls(np.arange(len(positive) + 1), np.asarray(positive, dtype=np.int64))

    def of(self, queries: Ints) -> tuple[Ints, Ints]:
        """Give the right pairs of some queries: (P,) positions in `queries`, ascending, and (P,) references."""
        counts = self.starts[queries + 1] - self.starts[queries]
        position = np.repeat(np.arange(len(queries)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.rows[self.starts[queries][position] + within]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Where the best right reference of every query stands. Similarities are inner products of unit descriptions."""

    above: Ints
    """(Q,) wrong references that are strictly more similar."""
    tied: Ints
    """(Q,) wrong references that are exactly as similar."""
    similarity: Floats
    """(Q,) of the best right reference; -inf where none is right."""
    shift: Ints
    """(Q,) steps by which the query was turned to match it, of as many as there are around the circle."""
    top: Ints
    """(Q, T) most similar references, best first; equal ones in their order in the gallery."""
    top_similarity: Floats
    """(Q, T)"""

    @classmethod
    def empty(cls, queries: int, keep: int) -> Ranking:
        above, tied, shift = (np.zeros(queries, dtype=np.int64) for _ in range(3))
        top = np.zeros((queries, keep), dtype=np.int64)
        return cls(above, tied, np.full(queries, -np.inf), shift, top, np.zeros((queries, keep)))

    def ranks(self, ties: TieRule) -> Ints:
        """(Q,) zero-based ranks; NEVER where no reference is right."""
        found = self.above + self.tied if ties == "pessimistic" else self.above
        return np.where(np.isneginf(self.similarity), NEVER, found)


@dataclass(frozen=True, slots=True)
class Layout:
    """How descriptions are compared, and in which blocks."""

    columns: int = 1
    cells: int = 1
    """Rows of a reference; the best of them counts."""
    query_block: int = 512
    reference_block: int = 8192
    keep: int = 5
    """Most similar references to report per query."""


def rank(
    ground: Float32s,
    aerial: Float32s,
    right: RightAnswers,
    turns: Ints,
    layout: Layout | None = None,
    on_done: Callable[[int], None] | None = None,
) -> Ranking:
    """Compare all queries with all references.

    Args:
        ground: (Q, W * E) descriptions laid at their first possible column; may be a memory map.
        aerial: (N * C, W * E); may be a memory map.
        right: right references of every query.
        turns: (Q,) 1 where the heading is known, W or 2 W where it is searched.
        layout: columns, cells and block sizes.
        on_done: told the number of queries finished.

    Raises:
        EncoderNonFinite: a description holds NaN or infinity.
    """
    layout = layout or Layout()
    found, done = Ranking.empty(len(ground), min(layout.keep, len(aerial) // layout.cells)), 0
    for queries, tries in _query_blocks(turns, layout.query_block):
        _rank_block(_Block(ground, aerial, right, queries, tries, layout), found)
        done += len(queries)
        if on_done:
            on_done(done)
    return found


def _query_blocks(turns: Ints, size: int) -> Iterator[tuple[Ints, int]]:
    """Blocks of queries that are turned equally often."""
    for tries in np.unique(turns):
        alike = np.flatnonzero(turns == tries)
        for start in range(0, len(alike), size):
            yield alike[start : start + size], int(tries)


class _Block:
    """Some queries against the whole gallery."""

    def __init__(
        self, ground: Float32s, aerial: Float32s, right: RightAnswers, queries: Ints, turns: int, layout: Layout
    ) -> None:
        self.queries, self.aerial, self.turns, self.layout = queries, aerial, turns, layout
        self.ground = np.ascontiguousarray(ground[queries], dtype=np.float32)
        self.right_query, self.right_row = right.of(queries)

    def references(self) -> Iterator[tuple[int, Float32s]]:
        cells = self.layout.cells
        step = max(1, self.layout.reference_block // cells)
        for start in range(0, len(self.aerial) // cells, step):
            rows = self.aerial[start * cells : (start + step) * cells]
            yield start, np.ascontiguousarray(rows, dtype=np.float32)

    def multiply(self, references: NDArray[np.float32]) -> Float32s:
        found = products(self.ground, references, self.layout.columns, self.turns, self.layout.cells)
        if not np.isfinite(found.sum()):
            raise EncoderNonFinite("A description holds NaN or infinity. Export the embeddings again.")
        return found

    def best_right(self) -> tuple[Floats, Ints]:
        """Similarity and shift of every query's best right reference; the first of equal ones."""
        values, shifts = self.pairs(self.right_query, self.aerial, self.right_row)
        best, shift = np.full(len(self.queries), -np.inf), np.zeros(len(self.queries), dtype=np.int64)
        order = np.lexsort((-values, self.right_query))
        query, first = np.unique(self.right_query[order], return_index=True)
        best[query], shift[query] = values[order][first], shifts[order][first]
        return best, shift

    def pairs(self, query: Ints, references: Float32s, row: Ints) -> tuple[Floats, Ints]:
        """Exact products of chosen pairs, a bounded number of rows in memory at a time."""
        values, shifts = np.empty(len(query)), np.empty(len(query), dtype=np.int64)
        cells = self.layout.cells
        step = max(1, PAIRS_BYTES // (32 * references.shape[1] * cells))
        for start in range(0, len(query), step):
            part = slice(start, start + step)
            rows = np.asarray(references[rows_of(row[part], cells)], dtype=np.float32)
            found = paired_products(self.ground[query[part]], rows, self.layout.columns, self.turns, cells)
            values[part], shifts[part] = found
        return values, shifts


def _rank_block(block: _Block, found: Ranking) -> None:
    true, shift = block.best_right()
    top = Top(len(block.queries), found.top.shape[1])
    above, tied = (np.zeros(len(block.queries), dtype=np.int64) for _ in range(2))
    for start, references in block.references():
        similarity = block.multiply(references)
        top.add(similarity, start)
        wrong = _wrong(block, similarity.shape, start)
        more, equal = _compare(block, references, similarity, wrong, true)
        above += more
        tied += equal
    found.above[block.queries], found.tied[block.queries] = above, tied
    found.similarity[block.queries], found.shift[block.queries] = true, shift
    rows, values = top.settle(lambda query, row: block.pairs(query, block.aerial, row)[0])
    found.top[block.queries], found.top_similarity[block.queries] = rows, values


def _wrong(block: _Block, shape: tuple[int, ...], start: int) -> Bools:
    wrong = np.ones(shape, dtype=bool)
    here = (block.right_row >= start) & (block.right_row < start + shape[1])
    wrong[block.right_query[here], block.right_row[here] - start] = False
    return wrong


def _compare(
    block: _Block, references: Float32s, similarity: Float32s, wrong: Bools, true: Floats
) -> tuple[Ints, Ints]:
    """Count the wrong references of one block that are above and that are equal to `true`: (B,) each."""
    above, near = _split(similarity, wrong, true, rounding_error(block.ground, references))
    if np.count_nonzero(near) * CROWD > near.size:
        wide, tall = block.ground.astype(np.float64), references.astype(np.float64)
        again = products(wide, tall, block.layout.columns, block.turns, block.layout.cells)
        above, near = _split(again, wrong, true, rounding_error(wide, tall))
    query, row = np.nonzero(near)
    value, _ = block.pairs(query, references, row)
    more = np.bincount(query[value > true[query]], minlength=len(true))
    equal = np.bincount(query[value == true[query]], minlength=len(true))
    return above.sum(axis=1, dtype=np.int64) + more, equal


def _split(similarity: NDArray[np.floating], wrong: Bools, true: Floats, error: float) -> tuple[Bools, Bools]:
    """Wrong references that are surely above, and those too near to tell."""
    high = np.nextafter((true + error).astype(similarity.dtype), np.inf)[:, None]
    low = np.nextafter((true - error).astype(similarity.dtype), -np.inf)[:, None]
    above = (similarity > high) & wrong
    return above, (similarity >= low) & (similarity <= high) & wrong
