"""What every VectorStore must do, whoever finds the rows: a test class per store inherits these tests.

Rows come in loose groups, as descriptions of neighbouring places do, and a query is a stored row that was disturbed,
laid at every heading; all of it is made by code and held against inner products in float64.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from index.hits import NO_ROWS, CellHits, Float32s, Hits, Int64s
from index.runs import Runs
from index.stores.store import Layout, VectorStore
from models.columns import turned

Float16s = NDArray[np.float16]
Floats = NDArray[np.float64]

EXACT = 1e-4
LAYOUTS = {
    "plain vectors": Layout(tiles=1500, cells=1, columns=1, size=48),
    "cells of plain vectors": Layout(tiles=500, cells=3, columns=1, size=48),
    "columns": Layout(tiles=1500, cells=1, columns=8, size=48),
    "cells of columns": Layout(tiles=300, cells=5, columns=8, size=48),
}
GROUP = 10
QUESTIONS = 40


class Made(NamedTuple):
    rows: Float16s
    """(N * C, D) of unit norm, up to rounding."""
    queries: list[Float32s]
    """(W, D) each, of unit norm."""
    targets: Int64s
    """The row that each was made of."""


@cache
def made(layout: Layout) -> Made:
    rng = np.random.default_rng(layout.rows + layout.columns)
    centres = rng.standard_normal((layout.rows // GROUP, layout.size))
    rows = np.repeat(centres, GROUP, axis=0) + 0.7 * rng.standard_normal((layout.rows, layout.size))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    halves = rows.astype(np.float16)
    targets = rng.choice(layout.rows, QUESTIONS, replace=False)
    photos = halves[targets].astype(np.float32) + 0.05 * rng.standard_normal((QUESTIONS, layout.size))
    photos /= np.linalg.norm(photos, axis=1, keepdims=True)
    every = np.arange(layout.columns)
    queries = [turned(photo.astype(np.float32), every, layout.columns) for photo in photos]
    return Made(halves, queries, targets)


def scores_of(rows: Float16s, layout: Layout, queries: Float32s) -> Floats:
    """(N, C, S) inner products in float64."""
    products = rows.astype(np.float64) @ queries.astype(np.float64).T
    return products.reshape(layout.tiles, layout.cells, len(queries))


class Conformance:
    """Inherit as `class TestSomething(Conformance)` and give `store_of`."""

    recall: ClassVar[float] = 1.0
    """Share of answers that must be found of those that inner products give."""

    def store_of(self, rows: Float16s, layout: Layout, folder: Path) -> VectorStore:
        """Make a store of (N * C, D) rows; `folder` is its own."""
        raise NotImplementedError

    @pytest.fixture(params=list(LAYOUTS))
    def layout(self, request: pytest.FixtureRequest) -> Layout:
        return LAYOUTS[str(request.param)]

    @pytest.fixture
    def store(self, layout: Layout, tmp_path: Path) -> VectorStore:
        return self.store_of(made(layout).rows, layout, tmp_path)

    def test_it_says_what_it_is(self, store: VectorStore, layout: Layout) -> None:
        assert store.layout == layout
        assert store.name

    @pytest.mark.parametrize("k", [1, 10])
    def test_tiles_are_those_of_inner_products(self, store: VectorStore, layout: Layout, k: int) -> None:
        rows, questions, _ = made(layout)
        found = 0.0
        for queries in questions:
            hits = store.best_tiles(queries, k)
            scores = scores_of(rows, layout, queries)
            assert len(hits) == k
            check_tiles(hits, scores)
            least = np.sort(scores.max(axis=(1, 2)))[-k]
            found += float((hits.similarity >= least - EXACT).mean())
        assert found / len(questions) >= self.recall

    @pytest.mark.parametrize("k", [1, 10])
    def test_cells_are_those_of_inner_products(self, store: VectorStore, layout: Layout, k: int) -> None:
        rows, questions, _ = made(layout)
        found = 0.0
        for queries in questions:
            hits = store.best_cells(queries, k)
            scores = scores_of(rows, layout, queries)
            assert len(hits.rows) == k
            check_cells(hits, scores)
            least = np.sort(scores.max(axis=2).ravel())[-k]
            found += float((hits.similarity >= least - EXACT).mean())
        assert found / len(questions) >= self.recall

    def test_the_row_that_a_query_was_made_of_comes_first(self, store: VectorStore, layout: Layout) -> None:
        _, questions, targets = made(layout)
        first = [store.best_cells(queries, 1) for queries in questions]
        right = np.array([int(hit.rows[0] * layout.cells + hit.cells[0]) for hit in first]) == targets
        assert right.mean() >= self.recall
        as_laid = [hit.shift[0] == 0 for hit, good in zip(first, right.tolist(), strict=True) if good]
        assert all(as_laid)  # the heading at which the row was stored

    def test_a_list_of_all_holds_each_tile_once(self, store: VectorStore, layout: Layout) -> None:
        rows, questions, _ = made(layout)
        hits = store.best_tiles(questions[0], layout.tiles + 5)
        assert np.array_equal(np.sort(hits.rows), np.arange(layout.tiles))
        check_tiles(hits, scores_of(rows, layout, questions[0]))
        cells = store.best_cells(questions[0], layout.rows + 5)
        assert np.array_equal(np.sort(cells.rows * layout.cells + cells.cells), np.arange(layout.rows))

    @pytest.mark.parametrize("share", [0.02, 0.5])
    def test_only_tiles_of_the_given_runs_come(self, store: VectorStore, layout: Layout, share: float) -> None:
        rows, questions, _ = made(layout)
        inside = np.flatnonzero(np.random.default_rng(1).random(layout.tiles) < share)
        for queries in questions[:10]:
            scores = scores_of(rows, layout, queries)
            hits = store.best_tiles(queries, 5, Runs.of(inside))
            assert len(hits) == min(5, len(inside))
            assert np.isin(hits.rows, inside).all()
            check_tiles(hits, scores)
            cells = store.best_cells(queries, 5, Runs.of(inside))
            assert len(cells.rows) == min(5, len(inside) * layout.cells)
            assert np.isin(cells.rows, inside).all()
            check_cells(cells, scores)

    def test_few_tiles_are_compared_exactly(self, store: VectorStore, layout: Layout) -> None:
        rows, questions, _ = made(layout)
        inside = np.arange(7, 13)
        hits = store.best_tiles(questions[0], 3, Runs.of(inside))
        best = scores_of(rows, layout, questions[0])[inside].max(axis=(1, 2))
        assert np.abs(hits.similarity - np.sort(best)[:-4:-1]).max() <= EXACT

    def test_of_no_tiles_none_comes(self, store: VectorStore, layout: Layout) -> None:
        queries, nothing = made(layout).queries[0], Runs.of(NO_ROWS)
        check_types(store.best_tiles(queries, 5, nothing), 0)
        check_types(store.best_cells(queries, 5, nothing), 0)

    def test_one_heading_is_enough(self, store: VectorStore, layout: Layout) -> None:
        rows, questions, _ = made(layout)
        hits = store.best_tiles(questions[1][:1], 5)
        assert not hits.shift.any()
        check_tiles(hits, scores_of(rows, layout, questions[1][:1]))

    def test_of_headings_that_tie_the_first_is_told(self, store: VectorStore, layout: Layout) -> None:
        twice = np.repeat(made(layout).queries[0][:1], 3, axis=0)
        assert not store.best_tiles(twice, 5).shift.any()
        assert not store.best_cells(twice, 5).shift.any()

    def test_rows_that_tie_come_once_each(self, layout: Layout, tmp_path: Path) -> None:
        rows = made(layout).rows.copy()
        rows[: layout.cells * 4] = rows[0]
        store = self.store_of(rows, layout, tmp_path)
        query = rows[:1].astype(np.float32)
        hits = store.best_tiles(query, 4)
        assert sorted(hits.rows.tolist()) == [0, 1, 2, 3]
        assert not hits.cells.any()  # the first of equal cells
        check_tiles(hits, scores_of(rows, layout, query))

    def test_threads_get_what_one_gets(self, store: VectorStore, layout: Layout) -> None:
        questions = made(layout).queries
        alone = [store.best_tiles(queries, 10).rows.tolist() for queries in questions]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda queries: store.best_tiles(queries, 10).rows.tolist(), questions * 3))
        assert together == alone * 3


def check_tiles(hits: Hits, scores: Floats) -> None:
    """Hold tiles against (N, C, S) inner products: right values, the best cell and shift of each, in falling order."""
    check_types(hits, len(hits.rows))
    assert len(np.unique(hits.rows)) == len(hits)
    of_tiles = scores[hits.rows].reshape(len(hits), -1)
    assert np.abs(hits.similarity - of_tiles.max(axis=1)).max(initial=0) <= EXACT
    told = scores[hits.rows, hits.cells, hits.shift]
    assert np.abs(hits.similarity - told).max(initial=0) <= EXACT


def check_cells(hits: CellHits, scores: Floats) -> None:
    check_types(hits, len(hits.rows))
    assert len(np.unique(hits.rows * scores.shape[1] + hits.cells)) == len(hits.rows)
    of_cells = scores[hits.rows, hits.cells]
    assert np.abs(hits.similarity - of_cells.max(axis=1)).max(initial=0) <= EXACT
    told = scores[hits.rows, hits.cells, hits.shift]
    assert np.abs(hits.similarity - told).max(initial=0) <= EXACT


def check_types(hits: Hits | CellHits, count: int) -> None:
    """int64 numbers, float32 similarities, falling, ties by row; all of one length."""
    for numbers in (hits.rows, hits.cells, hits.shift):
        assert numbers.dtype == np.int64
        assert numbers.shape == (count,)
    assert hits.similarity.dtype == np.float32
    assert hits.similarity.shape == (count,)
    steps = np.diff(hits.similarity)
    assert (steps <= 0).all()
    assert (np.diff(hits.rows)[steps == 0] >= 0).all()
