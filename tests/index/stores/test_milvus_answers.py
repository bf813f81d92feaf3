from __future__ import annotations

import numpy as np
import pytest

from index.runs import Runs
from index.stores.milvus_answers import read_answers
from index.stores.milvus_filter import expression, fewer, holds, split
from models.errors import BackendUnavailable

GOOD = ([3, 1], [0.5, 0.25])
NUMBERS = np.array([0, 2, 3, 4, 50, 60, 61, 62, 63, 90])
RUNS = Runs.of(NUMBERS)


def test_answers_are_put_together_and_say_what_was_left_out() -> None:
    answers = read_answers("here", [GOOD, ([2], [0.75])], queries=2, limit=2, rows=5)
    assert answers.rows.tolist() == [3, 1, 2]
    assert answers.shift.tolist() == [0, 0, 1]
    assert answers.unseen == 0.25  # the first list is full
    assert answers.best_of(answers.rows // 2)[0].tolist() == [1, 0]
    assert read_answers("here", [GOOD], queries=1, limit=3, rows=5).unseen == -np.inf


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ([GOOD, GOOD], "2 lists of hits for 1 queries"),
        ([([1, 5], [0.5, 0.25])], "rows outside 0 to 4"),
        ([([-1], [0.5])], "rows outside"),
        ([([2, 2], [0.5, 0.5])], "or one twice"),
        ([([1], [float("nan")])], "not finite"),
        ([([1, 2, 3], [0.3, 0.2, 0.1])], "where 2 were asked for"),
        ([([1, 2], [0.3])], "ids and"),
        ([(["one"], [0.3])], "no numbers"),
        ([([1 << 70], [0.3])], "no numbers"),
    ],
)
def test_nonsense_is_refused(found: list[tuple[list[int], list[float]]], what: str) -> None:
    with pytest.raises(BackendUnavailable, match=f"answered nonsense: .*{what}"):
        read_answers("here", found, queries=1, limit=2, rows=5)


def test_runs_become_an_expression() -> None:
    assert expression(RUNS) == (
        "tile == 0 or (tile >= 2 and tile < 5) or tile == 50 or (tile >= 60 and tile < 64) or tile == 90"
    )


def test_fewer_runs_close_the_smallest_gaps() -> None:
    assert expression(fewer(RUNS, 3)) == "(tile >= 0 and tile < 5) or (tile >= 50 and tile < 64) or tile == 90"
    assert fewer(RUNS, 5) is RUNS
    assert expression(fewer(RUNS, 1)) == "(tile >= 0 and tile < 91)"


def test_parts_hold_all_runs_between_them() -> None:
    parts = list(split(RUNS, 2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert np.concatenate([part.rows for part in parts]).tolist() == NUMBERS.tolist()


def test_holds_says_which_tiles_are_inside() -> None:
    every = np.arange(-1, 100)
    assert every[holds(RUNS, every)].tolist() == NUMBERS.tolist()
    assert not holds(Runs.of(NUMBERS[:0]), every).any()
