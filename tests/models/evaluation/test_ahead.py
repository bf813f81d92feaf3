from __future__ import annotations

import threading
import time

import pytest

from models.evaluation.ahead import AHEAD, batches, map_ahead


def test_results_come_in_order() -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(map_ahead(slow_at_first, range(100))) == [item * item for item in range(100)]


def test_work_is_never_far_ahead() -> None:
    begun: set[int] = set()
    lock = threading.Lock()

    def note(item: int) -> int:
        with lock:
            begun.add(item)
        return item

    stream = map_ahead(note, range(1000))
    for _ in range(10):
        next(stream)
    time.sleep(0.05)
    assert len(begun) <= 10 + AHEAD
    stream.close()  # type: ignore[attr-defined]


def test_the_first_error_is_raised() -> None:
    def fail(item: int) -> int:
        if item == 3:
            raise LookupError(item)
        return item

    stream = map_ahead(fail, range(10))
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError):
        next(stream)


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
def test_batches(count: int, sizes: list[int]) -> None:
    cut = list(batches(range(count), 4))
    assert [len(batch) for batch in cut] == sizes
    assert [item for batch in cut for item in batch] == list(range(count))
