from __future__ import annotations

import numpy as np
import pytest

from index.runs import Runs

ROWS = np.array([0, 1, 2, 5, 8, 9])


def test_runs_are_the_rows_that_made_them() -> None:
    runs = Runs.of(ROWS)
    assert list(runs) == [slice(0, 3), slice(5, 6), slice(8, 10)]
    assert (runs.rows.tolist(), runs.count, len(runs)) == (ROWS.tolist(), 6, 3)
    none = Runs.of(np.empty(0, np.int64))
    assert none.rows.dtype == np.int64
    assert (none.rows.tolist(), none.count, len(none)) == ([], 0, 0)


def test_cells_of_tiles() -> None:
    assert Runs.of(ROWS).times(10).rows.tolist() == [10 * row + cell for row in ROWS.tolist() for cell in range(10)]
    assert Runs.of(ROWS).times(1).rows.tolist() == ROWS.tolist()


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6, 7, 100])
def test_parts_are_full_but_for_the_last(most: int) -> None:
    parts = [part.rows.tolist() for part in Runs.of(ROWS).cut(most)]
    assert parts == [ROWS.tolist()[start : start + most] for start in range(0, len(ROWS), most)]
    assert list(Runs.of(np.empty(0, np.int64)).cut(most)) == []
