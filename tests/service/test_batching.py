from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from models.errors import EncoderNonFinite
from service.batching import Batcher
from service.deadline import NEVER, Deadline
from service.errors import DeadlineExceeded


class Worker:
    """Doubles numbers while its gate is open, and remembers what it was given; -1 is bad, -2 is a bug."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.busy.set()
        assert self.gate.wait(10)
        if -1 in items:
            raise EncoderNonFinite("bad")
        if -2 in items:
            raise ZeroDivisionError
        return [2 * item for item in items]


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 20))


async def held(worker: Worker, batcher: Batcher[int, int]) -> asyncio.Task[Any]:
    """Keep the worker busy with 0 until its gate is opened."""
    worker.gate.clear()
    first = asyncio.create_task(batcher.submit(0, NEVER))
    await asyncio.to_thread(worker.busy.wait, 10)
    return first


def test_an_idle_worker_takes_a_single_item_at_once() -> None:
    worker = Worker()

    async def ask() -> None:
        done = await Batcher(worker, lambda _: 0, most=8).submit(3, NEVER)
        assert done.result == 6
        assert done.started <= done.ended

    run(ask())
    assert worker.batches == [[3]]


def test_what_waits_goes_together_oldest_first_and_no_more_than_most() -> None:
    worker, sizes = Worker(), list[int]()

    async def ask() -> None:
        batcher = Batcher(worker, lambda _: 0, most=3, on_batch=sizes.append)
        first = await held(worker, batcher)
        others = [asyncio.create_task(batcher.submit(number, NEVER)) for number in range(1, 6)]
        await asyncio.sleep(0)
        worker.gate.set()
        assert [(await task).result for task in (first, *others)] == [0, 2, 4, 6, 8, 10]

    run(ask())
    assert worker.batches == [[0], [1, 2, 3], [4, 5]]
    assert sizes == [1, 3, 2]


def test_only_what_is_alike_goes_together_and_the_rest_keeps_its_turn() -> None:
    worker = Worker()

    async def ask() -> None:
        batcher = Batcher(worker, lambda item: item % 2, most=8)
        first = await held(worker, batcher)
        others = [asyncio.create_task(batcher.submit(number, NEVER)) for number in (1, 2, 3, 4, 5)]
        await asyncio.sleep(0)
        worker.gate.set()
        await asyncio.gather(first, *others)

    run(ask())
    assert worker.batches == [[0], [1, 3, 5], [2, 4]]


def test_one_bad_item_spoils_no_other() -> None:
    worker = Worker()

    async def ask() -> None:
        batcher = Batcher(worker, lambda _: 0, most=8)
        first = await held(worker, batcher)
        good, bad, other = (asyncio.create_task(batcher.submit(number, NEVER)) for number in (1, -1, 2))
        await asyncio.sleep(0)
        worker.gate.set()
        assert [(await task).result for task in (first, good, other)] == [0, 2, 4]
        with pytest.raises(EncoderNonFinite):
            await bad

    run(ask())
    assert worker.batches == [[0], [1, -1, 2], [1], [-1], [2]]


def test_a_bug_reaches_whoever_asked_and_the_worker_lives_on() -> None:
    worker = Worker()

    async def ask() -> None:
        batcher = Batcher(worker, lambda _: 0)
        with pytest.raises(ZeroDivisionError):
            await batcher.submit(-2, NEVER)
        assert (await batcher.submit(4, NEVER)).result == 8

    run(ask())


def test_what_nobody_waits_for_is_not_run() -> None:
    worker = Worker()

    async def ask() -> None:
        batcher = Batcher(worker, lambda _: 0, most=8)
        first = await held(worker, batcher)
        gone = asyncio.create_task(batcher.submit(1, NEVER))
        late = asyncio.create_task(batcher.submit(2, Deadline.after(0.0)))
        kept = asyncio.create_task(batcher.submit(3, Deadline.after(60.0)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        worker.gate.set()
        with pytest.raises(DeadlineExceeded):
            await late
        assert [(await task).result for task in (first, kept)] == [0, 6]

    run(ask())
    assert worker.batches == [[0], [3]]


def test_workers_run_side_by_side() -> None:
    worker, both = Worker(), threading.Barrier(2, timeout=10)

    def run_pair(items: Sequence[int]) -> list[int]:
        both.wait()
        return worker(items)

    async def ask() -> None:
        batcher = Batcher(run_pair, lambda _: 0, workers=2)
        await asyncio.gather(batcher.submit(1, NEVER), batcher.submit(2, NEVER))

    run(ask())
    assert sorted(worker.batches) == [[1], [2]]


def test_a_closed_batcher_ends_its_threads() -> None:
    before = set(threading.enumerate())
    batcher = Batcher(Worker(), lambda _: 0, workers=3)
    mine = set(threading.enumerate()) - before
    assert len(mine) == 3
    batcher.close()
    for thread in mine:
        thread.join(10)
    assert not any(thread.is_alive() for thread in mine)
