from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from index.bundle import Index
from index.report.aliasing import Twins, find_twins, step_m
from index.report.verdict import Judged, headline, judge, most_confusable, sentence
from index.search import Searcher
from models.cells import Cells
from models.columns import turned
from models.geo import distance_m, offset
from tests.index.made import LAT, LON, make_index, unit_rows

COLUMNS, SIZE = 8, 8 * 6
Rows = NDArray[np.int64]


def _unit_columns(count: int, seed: int = 0) -> NDArray[np.float32]:
    """(count, SIZE), every column of norm 1 / sqrt(W)."""
    columns = unit_rows(count * COLUMNS, SIZE // COLUMNS, seed) / np.float32(COLUMNS**0.5)
    return np.asarray(columns.reshape(count, SIZE), dtype=np.float32)


def _line(vectors: NDArray[np.float32], step_m: float, columns: int = COLUMNS, cells: Cells | None = None) -> Index:
    """Tiles in a row from west to east."""
    lat, lon = offset(LAT, LON, np.arange(len(vectors)) * step_m, np.zeros(len(vectors)))
    return make_index(vectors, lat, lon, columns, cells)


def _row_of(index: Index, number: int) -> int:
    return list(index.tiles.id).index(str(number))


def test_a_planted_twin_is_found_with_its_turn() -> None:
    vectors = _unit_columns(40)
    vectors[33] = turned(vectors[4], np.array([3]), COLUMNS)[0]
    index = _line(vectors, 20.0)
    twins = find_twins(index, np.array([_row_of(index, 4)]), 150.0)
    assert twins.twin.tolist() == [_row_of(index, 33)]
    assert twins.similarity[0] == pytest.approx(1.0, abs=2e-3)
    assert twins.turn_deg[0] == 135.0
    assert twins.beside[0] < 0.9


def test_a_twin_nearer_than_asked_for_does_not_count() -> None:
    vectors = _unit_columns(40)
    vectors[9] = vectors[4]
    index = _line(vectors, 20.0)
    twins = find_twins(index, np.array([_row_of(index, 4)]), 150.0)
    assert twins.twin[0] != _row_of(index, 9)
    assert find_twins(index, np.array([_row_of(index, 4)]), 90.0).twin[0] == _row_of(index, 9)


@pytest.mark.parametrize(
    ("columns", "cells"), [(COLUMNS, None), (1, None), (COLUMNS, Cells(per_side=3, spacing_m=4.0))]
)
def test_twins_are_those_that_a_plain_comparison_finds(columns: int, cells: Cells | None) -> None:
    count, inside = 60, 1 if cells is None else cells.count
    vectors = _unit_columns(count * inside, seed=2).reshape(count, inside, SIZE)
    index = _line(vectors[:, 0] if cells is None else vectors, 12.0, columns, cells)
    rows = np.arange(0, count, 7)
    twins = find_twins(index, rows, 200.0)
    lat, lon = index.tiles.lat, index.tiles.lon
    flat = index.cell_rows.astype(np.float32)
    for number, row in enumerate(rows.tolist()):
        far = np.repeat(distance_m(lat[row], lon[row], lat, lon) > 200.0, inside)
        turns = turned(flat[row * inside + inside // 2], np.arange(columns), columns)
        similarity = np.where(far, (flat @ turns.T).max(axis=1), -np.inf)
        assert twins.similarity[number] == pytest.approx(similarity.max(), abs=1e-5)
        assert twins.twin[number] == similarity.argmax() // inside
        assert twins.typical[number] == pytest.approx(similarity[far].mean(), abs=1e-5)


def test_a_narrow_view_is_compared_by_the_columns_it_sees() -> None:
    vectors = _unit_columns(40)
    north = (COLUMNS - 1, 0)
    vectors.reshape(40, COLUMNS, -1)[30, north] = vectors.reshape(40, COLUMNS, -1)[0, north]
    index = _line(vectors, 20.0)
    rows = np.array([_row_of(index, 0)])
    whole, narrow = find_twins(index, rows, 150.0), find_twins(index, rows, 150.0, 90.0)
    assert narrow.fov_deg == 90.0
    assert (narrow.twin[0], narrow.turn_deg[0]) == (_row_of(index, 30), 0.0)
    assert narrow.similarity[0] == pytest.approx(1.0, abs=2e-3)
    assert whole.similarity[0] < 0.9


def test_where_nothing_lies_far_away_nobody_can_say() -> None:
    index = _line(_unit_columns(5), 10.0)
    twins = find_twins(index, np.arange(5), 150.0)
    judged = judge(twins)
    assert (twins.twin == -1).all()
    assert np.isnan(twins.similarity).all()
    assert not judged.known.any()
    assert "nobody can say" in headline([(twins, judged)])
    assert most_confusable(twins, index.tiles) == []


def test_the_verdict_counts_twins_against_the_ground_beside() -> None:
    step = np.linspace(0.0, 0.4, 30)  # neighbours on the ground are neighbours on the sphere
    ends = unit_rows(2, SIZE, seed=3)
    vectors = (np.cos(step)[:, None] * ends[0] + np.sin(step)[:, None] * ends[1]).astype(np.float32)
    vectors[20:24] = vectors[2:6]  # four places that exist twice
    index = _line(vectors, 16.0, columns=1)
    twins = find_twins(index, np.arange(30), 200.0)
    judged = judge(twins)
    told = {int(index.tiles.id[row]) for row in np.flatnonzero(judged.is_twin).tolist()}
    assert {2, 3, 4, 5, 20, 21, 22, 23} <= told
    assert step_m(index) == 32.0
    assert f"{len(told)} (" in sentence(twins, judged)
    assert "not without" in headline([(twins, judged)])


def test_pairs_that_join_the_same_neighbourhoods_are_listed_once() -> None:
    vectors = unit_rows(60, SIZE)
    vectors[40:43] = vectors[5:8]
    vectors[58] = vectors[20]
    index = _line(vectors, 20.0, columns=1)
    pairs = most_confusable(find_twins(index, np.arange(60), 150.0), index.tiles, most=2)
    ends = [{int(index.tiles.id[row]) for row in (pair.row, pair.twin)} for pair in pairs]
    assert {20, 58} in ends
    assert any(end in ({5, 40}, {6, 41}, {7, 42}) for end in ends)
    assert {round(pair.distance_m) for pair in pairs} == {700, 760}


def test_the_search_agrees_on_the_best_far_tile() -> None:
    index = _line(_unit_columns(50, seed=9), 30.0)
    row = 25
    twins = find_twins(index, np.array([row]), 400.0)
    query = turned(index.cell_rows[row].astype(np.float32), np.arange(COLUMNS), COLUMNS)
    hits = Searcher(index).search(query, 50)
    lat, lon = index.tiles.lat, index.tiles.lon
    far = distance_m(lat[hits.rows], lon[hits.rows], lat[row], lon[row]) > 400.0
    assert hits.rows[far][0] == twins.twin[0]
    assert hits.shift[far][0] * 360 / COLUMNS == twins.turn_deg[0]


@pytest.mark.parametrize(
    ("twins_of_100", "answer"), [(15, "yes,"), (16, "mostly;"), (50, "mostly;"), (51, "not without")]
)
def test_the_answer_follows_the_share_of_places_with_a_twin(twins_of_100: int, answer: str) -> None:
    number = np.arange(100)
    floats = np.zeros(100, np.float32)
    twins = Twins(number, number, floats, np.zeros(100), floats, floats, fov_deg=90.0, far_m=150.0)
    judged = Judged(number < twins_of_100, number < 0, number >= 0)
    assert headline([(twins, judged)]).startswith(f"Photos 90° wide: {answer}")
