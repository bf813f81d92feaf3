"""Work-conserving batching: whenever a worker is free it takes what waits. No timer holds an idle one back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.errors import SkyfixError
from service.deadline import Deadline
from service.errors import DeadlineExceeded

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """A result, and when its batch was taken and done (`time.perf_counter`)."""

    result: Result
    started: float
    ended: float


@dataclass(eq=False, slots=True)
class _Job(Generic[Item, Result]):
    item: Item
    key: Hashable
    deadline: Deadline
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Done[Result]]

    def settle(self, outcome: Done[Result] | BaseException) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            self.loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Done[Result] | BaseException) -> None:
        if self.future.done():  # whoever asked is gone
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Batcher(Generic[Item, Result]):
    """Workers that run items together, those with the same key, oldest first.

    An item whose asker is gone or whose deadline has passed is not run. If a batch fails, its items are run one by
    one, so that one bad item spoils no other.

    Args:
        run: items, at least one and at most `most`, to as many results.
        key_of: items can be run together if this is equal.
        workers: batches at a time.
        most: items a batch.
        on_batch: told how many items ran together, in a worker.
        name: of the threads.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        key_of: Callable[[Item], Hashable],
        *,
        workers: int = 1,
        most: int = 1,
        on_batch: Callable[[int], None] | None = None,
        name: str = "encode",
    ) -> None:
        self._run, self._key_of, self._most, self._on_batch = run, key_of, most, on_batch
        self._waiting: deque[_Job[Item, Result]] = deque()
        self._wake = threading.Condition()
        self._closed = False
        for number in range(workers):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    async def submit(self, item: Item, deadline: Deadline) -> Done[Result]:
        """Wait for an item's turn and its result.

        Raises:
            DeadlineExceeded: its deadline passed before its turn.
            What `run` raises for this item.
        """
        loop = asyncio.get_running_loop()
        job = _Job(item, self._key_of(item), deadline, loop, loop.create_future())
        with self._wake:
            self._waiting.append(job)
            self._wake.notify()
        return await job.future

    @property
    def waiting(self) -> int:
        """Items that no worker has taken yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Take nothing more; what runs is finished."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                batch = self._take()
            if batch:
                self._answer(batch)

    def _take(self) -> list[_Job[Item, Result]]:
        """The oldest job that is still wanted, and others that can go with it; others keep their order."""
        batch: list[_Job[Item, Result]] = []
        left: deque[_Job[Item, Result]] = deque()
        while self._waiting and len(batch) < self._most:
            job = self._waiting.popleft()
            if job.future.done():
                continue
            if job.deadline.passed:
                job.settle(DeadlineExceeded("The time that was allowed ran out before its turn came."))
            elif batch and job.key != batch[0].key:
                left.append(job)
            else:
                batch.append(job)
        self._waiting.extendleft(reversed(left))
        return batch

    def _answer(self, batch: list[_Job[Item, Result]]) -> None:
        started = time.perf_counter()
        if self._on_batch is not None:
            self._on_batch(len(batch))
        try:
            results = self._run([job.item for job in batch])
        except SkyfixError as error:
            if len(batch) == 1:
                batch[0].settle(error)
                return
            for job in batch:
                self._answer([job])
            return
        except BaseException as error:  # the thread lives on; whoever asked hears of it
            for job in batch:
                job.settle(error)
            return
        ended = time.perf_counter()
        for job, result in zip(batch, results, strict=True):
            job.settle(Done(result, started, ended))
