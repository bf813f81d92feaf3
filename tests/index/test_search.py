from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from index.bundle import Index
from index.hits import Hits
from index.search import Searcher
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError, ProbeFailed
from models.geo import distance_m, offset
from tests.index.made import LAT, LON, make_index, unit_rows

SIZE = 24
Float32s = NDArray[np.float32]


def _scattered(count: int, lon: float = LON, side_m: float = 3000.0, seed: int = 0) -> Index:
    rng = np.random.default_rng(seed)
    lats, lons = offset(LAT, lon, *rng.uniform(-side_m / 2, side_m / 2, (2, count)))
    return make_index(unit_rows(count, SIZE, seed), lats, lons)


@pytest.fixture(scope="module")
def index() -> Index:
    return _scattered(2000)


@pytest.fixture(scope="module")
def searcher(index: Index) -> Searcher:
    return Searcher(index)


def _brute(index: Index, queries: Float32s, k: int, rows: NDArray[np.int64]) -> tuple[list[int], Float32s, list[int]]:
    scores = queries.astype(np.float64) @ index.vectors[rows].astype(np.float64).T
    best = scores.max(axis=0)
    order = np.lexsort((rows, -best))[:k]
    return rows[order].tolist(), best[order].astype(np.float32), scores.argmax(axis=0)[order].tolist()


def _same(hits: Hits, expected: tuple[list[int], Float32s, list[int]]) -> None:
    assert (hits.rows.tolist(), hits.shift.tolist()) == (expected[0], expected[2])
    assert hits.similarity == pytest.approx(expected[1], abs=1e-6)
    assert [array.dtype.name for array in (hits.rows, hits.similarity, hits.shift)] == ["int64", "float32", "int64"]


@pytest.mark.parametrize("shifts", [1, 2, 24])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_search_is_brute_force(searcher: Searcher, index: Index, shifts: int, k: int) -> None:
    queries = unit_rows(shifts, SIZE, seed=7)
    _same(searcher.search(queries, k), _brute(index, queries, k, np.arange(len(index))))


def test_more_than_there_are_gives_all_of_them() -> None:
    index = _scattered(7)
    hits = Searcher(index).search(unit_rows(3, SIZE, seed=7), 50)
    assert sorted(hits.rows.tolist()) == list(range(7))


def test_a_stored_row_finds_itself(searcher: Searcher, index: Index) -> None:
    hits = searcher.search(index.vectors[[17]].astype(np.float32), 1)
    assert hits.rows.tolist() == [17]
    assert hits.similarity[0] == pytest.approx(1.0, abs=1e-3)


def test_ties_go_by_row_and_by_shift() -> None:
    lats, lons = offset(LAT, LON, np.arange(5.0), np.zeros(5))
    searcher = Searcher(make_index(np.ones((5, SIZE), dtype=np.float32) / SIZE**0.5, lats, lons))
    hits = searcher.search(np.ones((4, SIZE), dtype=np.float32), 5)
    assert hits.rows.tolist() == [0, 1, 2, 3, 4]
    assert hits.shift.tolist() == [0] * 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_queries_that_are_not_finite_are_refused(searcher: Searcher, bad: float) -> None:
    queries = unit_rows(2, SIZE)
    queries[1, 3] = bad
    with pytest.raises(EncoderNonFinite):
        searcher.search(queries, 5)
    with pytest.raises(EncoderNonFinite):
        searcher.search_near(queries, LAT, LON, 100.0, 5)


@pytest.mark.parametrize("shape", [(SIZE,), (1, SIZE + 1), (0, SIZE), (1, 1, SIZE)])
def test_queries_of_another_shape_are_refused(searcher: Searcher, shape: tuple[int, ...]) -> None:
    with pytest.raises(IndexMismatch, match=rf"\(S, {SIZE}\)"):
        searcher.search(np.ones(shape, dtype=np.float32), 5)


@pytest.mark.parametrize("k", [0, -1])
def test_k_is_positive(searcher: Searcher, k: int) -> None:
    with pytest.raises(ParameterError, match="top_k"):
        searcher.search(unit_rows(1, SIZE), k)


def test_any_layout_and_precision_of_queries_will_do(searcher: Searcher) -> None:
    queries = unit_rows(4, SIZE, seed=3)
    expected = searcher.search(queries, 5).rows.tolist()
    assert searcher.search(np.asfortranarray(queries), 5).rows.tolist() == expected
    assert searcher.search(queries.astype(np.float64), 5).rows.tolist() == expected


@pytest.mark.parametrize("lon", [LON, 180.0, -179.99])
@pytest.mark.parametrize("radius_m", [1.0, 100.0, 700.0, 10_000.0])
def test_search_near_is_brute_force(lon: float, radius_m: float) -> None:
    index = _scattered(3000, lon, seed=5)
    searcher, rng = Searcher(index), np.random.default_rng(9)
    for _ in range(10):
        lat0, lon0 = (float(value) for value in offset(LAT, lon, *rng.uniform(-1700, 1700, 2)))
        queries = unit_rows(3, SIZE, seed=int(rng.integers(1000)))
        inside = np.flatnonzero(distance_m(index.tiles.lat, index.tiles.lon, lat0, lon0) <= radius_m)
        hits, scanned = searcher.search_near(queries, lat0, lon0, radius_m, 5)
        assert scanned == len(inside)
        _same(hits, _brute(index, queries, 5, inside))


def test_nothing_near_is_no_hit(searcher: Searcher) -> None:
    hits, scanned = searcher.search_near(unit_rows(1, SIZE), -40.0, LON, 1000.0, 5)
    assert (len(hits), scanned) == (0, 0)


def test_a_large_radius_is_scanned_in_parts(searcher: Searcher, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.stores.scan.CELLS_PER_PIECE", 100)
    queries = unit_rows(2, SIZE, seed=4)
    hits, scanned = searcher.search_near(queries, LAT, LON, 1e5, 20)
    assert scanned == 2000
    _same(hits, _brute(index, queries, 20, np.arange(2000)))


def test_the_rows_of_an_area_are_few_runs() -> None:
    row, column = np.divmod(np.arange(10_000), 100)
    index = make_index(unit_rows(10_000, SIZE), *offset(LAT, LON, column * 16.0, row * 16.0))
    lat, lon = offset(LAT, LON, 800.0, 800.0)
    rows = Searcher(index).rows_near(float(lat), float(lon), 250.0)
    runs = 1 + int((np.diff(rows) > 1).sum())
    assert len(rows) > 700
    assert runs < 40


@pytest.mark.parametrize(
    ("lat", "lon", "radius_m"),
    [(91.0, 0.0, 10.0), (0.0, 181.0, 10.0), (np.nan, 0.0, 10.0), (0.0, 0.0, 0.0), (0.0, 0.0, np.nan), (0, 0, np.inf)],
)
def test_a_place_is_a_place(searcher: Searcher, lat: float, lon: float, radius_m: float) -> None:
    with pytest.raises(ParameterError):
        searcher.search_near(unit_rows(1, SIZE), lat, lon, radius_m, 5)


def test_a_searcher_knows_its_recall(searcher: Searcher) -> None:
    assert searcher.probe_recall() == 1.0


def test_rows_that_do_not_answer_the_probes_are_not_served(index: Index) -> None:
    wrong = Index(index.folder, index.manifest, index.vectors[::-1].copy(), index.tiles, index.probes)
    with pytest.raises(ProbeFailed, match="The search over made@1"):
        Searcher(wrong)


def test_many_threads_get_the_answers_of_one(searcher: Searcher) -> None:
    queries = [unit_rows(4, SIZE, seed=seed) for seed in range(8)]
    expected = [searcher.search(query, 5).rows.tolist() for query in queries]
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            if searcher.search(queries[number], 5).rows.tolist() != expected[number]:
                wrong.append(number)
            searcher.search_near(queries[number], LAT, LON, 500.0, 5)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
