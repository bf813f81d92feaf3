"""What is open, in which order it is given up, and who waits for whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from index.shelf import RETRY_S, Shelf
from models.errors import ChecksumMismatch


class Opener:
    """Opens numbers and counts; `broken` ones are damaged."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.broken: set[int] = set()

    def __call__(self, number: int) -> str:
        self.opened.append(number)
        if number in self.broken:
            raise ChecksumMismatch(f"m{number} is damaged.")
        return f"m{number}"


def test_the_longest_unused_is_given_up() -> None:
    opener = Opener()
    shelf = Shelf([1] * 4, opener, max_open=2)
    assert [shelf.get(n) for n in (0, 1, 0, 2, 0, 1)] == ["m0", "m1", "m0", "m2", "m0", "m1"]
    assert opener.opened == [0, 1, 2, 1]
    assert shelf.held == (0, 1)


def test_bytes_are_a_limit_too_but_one_is_always_kept() -> None:
    opener = Opener()
    shelf = Shelf([40, 70, 50, 200], opener, max_open=9, max_bytes=100)
    shelf.get(0)
    shelf.get(2)
    assert list(shelf.held) == [0, 2]
    shelf.get(1)
    assert list(shelf.held) == [1]
    shelf.get(3)
    assert list(shelf.held) == [3]


def test_a_damaged_one_is_told_at_once_and_tried_again_later() -> None:
    opener, now = Opener(), [100.0]
    opener.broken.add(1)
    shelf = Shelf([1, 1], opener, 2, clock=lambda: now[0])
    for _ in range(3):
        with pytest.raises(ChecksumMismatch, match="m1 is damaged"):
            shelf.get(1)
    assert opener.opened == [1]
    shelf.get(0)
    opener.broken.clear()
    now[0] += RETRY_S + 1
    assert (shelf.get(1), shelf.held) == ("m1", (0, 1))


def test_many_want_one_that_is_being_opened_and_it_is_opened_once() -> None:
    go, begun, opened = Event(), Event(), []

    def slowly(number: int) -> int:
        opened.append(number)
        if number == 0:
            begun.set()
            assert go.wait(10)
        return number

    shelf = Shelf([1] * 3, slowly, max_open=3)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(shelf.get, 0) for _ in range(6)]
        assert begun.wait(10)
        assert pool.submit(shelf.get, 1).result(10) == 1, "another is not held up by it"
        assert not any(future.done() for future in waiting)
        go.set()
        assert [future.result(10) for future in waiting] == [0] * 6
    assert sorted(opened) == [0, 1]
