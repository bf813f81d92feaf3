from __future__ import annotations

import numpy as np
import pytest

from models.errors import UsageError
from models.training.disjoint import Batch, Exclusion


def _dealt(exclusion: Exclusion, size: int, batches: int) -> list[list[int]]:
    return [batch.rows for batch in exclusion.deal(np.random.default_rng(0), size, batches)]


def test_every_row_is_dealt_once() -> None:
    rows = _dealt(Exclusion(12), 4, 3)
    assert sorted(np.ravel(rows).tolist()) == list(range(12))


def test_rows_that_share_a_tile_come_apart_and_wait_for_the_next_batch() -> None:
    """A hundred pairs, two on each of fifty tiles: only the last batches may have to deal a row again."""
    rows = _dealt(Exclusion(100, np.arange(100)[:, None] // 2), 10, 10)
    assert all(len({row // 2 for row in batch}) == 10 for batch in rows)
    assert len(np.unique(rows)) >= 98


def test_any_of_several_tiles_excludes() -> None:
    batch = Batch(Exclusion(3, np.array([[1, 2], [2, 3], [3, 4]])))
    assert [batch.add(row) for row in (0, 1, 2)] == [True, False, True]


def test_tile_ids_may_be_any_integers() -> None:
    batch = Batch(Exclusion(3, np.array([[2**62], [-5], [2**62]])))
    assert [batch.add(row) for row in (0, 1, 2)] == [True, True, False]


def test_a_row_stands_in_a_batch_once() -> None:
    batch = Batch(Exclusion(3))
    assert [batch.add(1), batch.add(1)] == [True, False]


def test_the_first_that_fits_is_taken() -> None:
    batch = Batch(Exclusion(4))
    batch.add(0)
    assert batch.add_first([0, 2, 3])
    assert not batch.add_first([0, 2])
    assert batch.rows == [0, 2]


def test_when_no_row_is_left_that_fits_earlier_ones_are_dealt_again() -> None:
    """Nine of ten pairs share a tile: every batch of two holds the tenth."""
    exclusion = Exclusion(10, np.array([[0]] * 9 + [[1]]))
    assert all(9 in batch and len(batch) == 2 for batch in _dealt(exclusion, 2, 5))


def test_the_only_free_row_of_many_is_found() -> None:
    tiles = np.zeros((5000, 1), dtype=int)
    tiles[4321] = 1
    batch = Batch(Exclusion(5000, tiles))
    batch.add(0)
    assert batch.fill(np.random.default_rng(0), 2)
    assert batch.rows == [0, 4321]


def test_a_batch_that_cannot_go_on_is_drawn_anew() -> None:
    """The pair in the middle shares a tile with both others, which go together."""
    exclusion = Exclusion(3, np.array([[1, 2], [2, 3], [3, 4]]))
    stuck = Batch(exclusion)
    stuck.add(1)
    assert sorted(exclusion.complete(np.random.default_rng(0), stuck, 2).tolist()) == [0, 2]


def test_what_cannot_be_is_an_error() -> None:
    exclusion = Exclusion(6, np.zeros((6, 4), dtype=int))
    with pytest.raises(UsageError, match="batch of 2 pairs without a common tile"):
        exclusion.complete(np.random.default_rng(0), Batch(exclusion), 2)


@pytest.mark.parametrize("shape", [(5,), (4, 2), (5, 1, 1)])
def test_tile_ids_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"give \(5, k\)"):
        Exclusion(5, np.zeros(shape, dtype=int))
