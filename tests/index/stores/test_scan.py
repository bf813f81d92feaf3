from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.hits import Float32s, Int64s
from index.runs import Runs
from index.stores import scan
from index.stores.scan import best_cells_in, best_tiles_in, compare, widen
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError

SIZE = 24


def _vectors(count: int, cells: int = 1) -> NDArray[np.float16]:
    return _eighths((count, cells, SIZE), seed=0).astype(np.float16)


def _queries(count: int) -> Float32s:
    return _eighths((count, SIZE), seed=7).astype(np.float32)


def _eighths(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    """Give values whose inner products no float rounds, so that ties are many and their order is held to the letter."""
    return np.random.default_rng(seed).integers(-8, 9, shape) / 8


def _scores(vectors: NDArray[np.float16], rows: Int64s, queries: Float32s) -> NDArray[np.float64]:
    """(M, C, S), in float64."""
    return np.asarray(np.einsum("mcd,sd->mcs", vectors[rows].astype(np.float64), queries.astype(np.float64)))


def _some_rows(count: int, seed: int = 3) -> Int64s:
    return np.flatnonzero(np.random.default_rng(seed).random(count) < 0.6)


def _finite_halves() -> NDArray[np.float16]:
    every = np.arange(65_536, dtype=np.uint16).view(np.float16)
    return every[np.isfinite(every)]


def test_every_finite_float16_is_widened_exactly() -> None:
    halves = _finite_halves()
    found = np.empty(halves.shape, np.float32)
    widen(halves, found)
    assert np.array_equal(found.view(np.int32), halves.astype(np.float32).view(np.int32))  # signs of zero too


@pytest.mark.parametrize("cells", [1, 3])
@pytest.mark.parametrize("shifts", [1, 5])
@pytest.mark.parametrize("k", [1, 10, 2000])
@pytest.mark.parametrize("count", [900, 20_000], ids=["one piece", "several pieces of several blocks"])
def test_tiles_are_those_of_brute_force(cells: int, shifts: int, k: int, count: int) -> None:
    vectors, rows, queries = _vectors(count, cells), _some_rows(count), _queries(shifts)
    hits = best_tiles_in(vectors, Runs.of(rows), queries, k)
    scores = _scores(vectors, rows, queries).reshape(len(rows), -1)
    order = np.lexsort((rows, -scores.max(axis=1)))[:k]
    assert hits.rows.tolist() == rows[order].tolist()
    assert hits.similarity.tolist() == scores.max(axis=1)[order].tolist()
    assert (hits.cells * shifts + hits.shift).tolist() == scores.argmax(axis=1)[order].tolist()
    types = [array.dtype.name for array in (hits.rows, hits.similarity, hits.shift, hits.cells)]
    assert types == ["int64", "float32", "int64", "int64"]


@pytest.mark.parametrize("k", [1, 10, 5000])
@pytest.mark.parametrize("count", [900, 20_000])
def test_cells_are_those_of_brute_force(k: int, count: int) -> None:
    vectors, rows, queries = _vectors(count, 4), _some_rows(count), _queries(3)
    hits = best_cells_in(vectors, Runs.of(rows), queries, k)
    scores = _scores(vectors, rows, queries).reshape(-1, 3)
    order = np.argsort(-scores.max(axis=1), kind="stable")[:k]
    assert hits.rows.tolist() == rows[order // 4].tolist()
    assert hits.cells.tolist() == (order % 4).tolist()
    assert hits.shift.tolist() == scores.argmax(axis=1)[order].tolist()
    assert hits.similarity.tolist() == scores.max(axis=1)[order].tolist()


def test_pieces_give_every_inner_product_of_the_runs() -> None:
    vectors, rows, queries = _vectors(5000, 3), _some_rows(5000), _queries(2)
    parts = list(compare(vectors, Runs.of(rows), queries))
    assert len(parts) > 1
    assert np.concatenate([tiles for tiles, _ in parts]).tolist() == rows.tolist()
    assert np.array_equal(np.concatenate([scores for _, scores in parts]), _scores(vectors, rows, queries))


@pytest.mark.parametrize("count", [5, 20_000])
def test_ties_go_by_row_and_by_shift(count: int) -> None:
    vectors = np.full((count, 2, SIZE), 0.25, np.float16)
    hits = best_tiles_in(vectors, Runs.of(np.arange(1, count)), np.ones((4, SIZE), np.float32), 3)
    assert (hits.rows.tolist(), hits.cells.tolist(), hits.shift.tolist()) == ([1, 2, 3], [0] * 3, [0] * 3)
    cells = best_cells_in(vectors, Runs.of(np.arange(1, count)), np.ones((4, SIZE), np.float32), 3)
    assert (cells.rows.tolist(), cells.cells.tolist()) == ([1, 1, 2], [0, 1, 0])


def test_no_runs_find_nothing() -> None:
    empty = Runs.of(np.empty(0, np.int64))
    assert len(best_tiles_in(_vectors(5), empty, _queries(1), 3)) == 0
    assert len(best_cells_in(_vectors(5), empty, _queries(1), 3).rows) == 0


def test_plain_and_mapped_vectors_are_the_same(tmp_path: Path) -> None:
    vectors, rows, queries = _vectors(300), _some_rows(300), _queries(1)
    np.save(tmp_path / "vectors.npy", vectors[:, 0])
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    found = best_tiles_in(mapped, Runs.of(rows), queries, 7)
    assert type(found.similarity) is np.ndarray
    assert found.rows.tolist() == best_tiles_in(vectors, Runs.of(rows), queries, 7).rows.tolist()


def test_a_vector_larger_than_a_block_is_compared_too() -> None:
    vectors = np.zeros((3, scan.BLOCK_VALUES + 1), np.float16)
    vectors[1, -1] = 1.0
    queries = np.ones((1, vectors.shape[1]), np.float32)
    assert best_tiles_in(vectors, Runs.of(np.arange(3)), queries, 1).rows.tolist() == [1]


def test_float64_is_refused_not_computed_slowly() -> None:
    queries = _queries(1) / np.sqrt(np.float64(SIZE))
    with pytest.raises(IndexMismatch, match="float64"):
        best_tiles_in(_vectors(5), Runs.of(np.arange(5)), queries, 1)


@pytest.mark.parametrize(
    ("vectors", "queries"),
    [
        (_vectors(5).astype(np.float32), _queries(1)),
        (_vectors(5)[::2], _queries(1)),
        (_vectors(5), _queries(3)[:, ::-1]),
        (_vectors(5), _queries(1)[0]),
        (_vectors(5), _queries(1)[:, :-1].copy()),
        (_vectors(5), np.empty((0, SIZE), np.float32)),
    ],
    ids=["stored float32", "stored strided", "query order", "query of one dimension", "size", "no queries"],
)
def test_arrays_of_another_kind_are_refused(vectors: NDArray[np.float16], queries: Float32s) -> None:
    with pytest.raises(IndexMismatch):
        best_tiles_in(vectors, Runs.of(np.arange(2)), queries, 1)


def test_runs_that_lead_out_of_the_vectors_are_refused() -> None:
    with pytest.raises(IndexMismatch, match="5 tiles"):
        best_tiles_in(_vectors(5), Runs.of(np.arange(3, 6)), _queries(1), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_queries_that_are_not_finite_are_refused(bad: float) -> None:
    queries = _queries(2)
    queries[1, 3] = bad
    for best in (best_tiles_in, best_cells_in):
        with pytest.raises(EncoderNonFinite):
            best(_vectors(5), Runs.of(np.arange(5)), queries, 1)


def test_k_is_positive() -> None:
    with pytest.raises(ParameterError, match="top_k"):
        best_tiles_in(_vectors(5), Runs.of(np.arange(5)), _queries(1), 0)
