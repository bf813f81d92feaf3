"""The room of small tests and of systems without processes to spare: photos are decoded in threads of the service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from service.deadline import Deadline
from service.localizer import Localizer
from service.prepared import Prepared
from service.query import Query
from service.timeline import Timeline

T = TypeVar("T")


class Room(Protocol):
    """Where photos are decoded and projected."""

    async def prepare(
        self, localizer: Localizer, photo: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> Prepared:
        """Make a photo ready; a photo whose sender is gone, or whose deadline has passed, is not begun.

        Raises:
            DeadlineExceeded: its turn came too late, or it was cut off.
            ImageError, ParameterError: the photo, or what is asked of it, is at fault.
        """

    def close(self) -> None:
        """End, with all that was begun."""


class ThreadRoom:
    """Nothing is cut off here: a photo that takes a minute takes a thread for a minute."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "decode")

    async def prepare(
        self, localizer: Localizer, photo: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> Prepared:
        async def step(stage: str, work: Callable[[], T]) -> T:
            timed = partial(timed_step, work, deadline, timeline, stage, time.perf_counter())
            return await asyncio.get_running_loop().run_in_executor(self._pool, timed)

        decoded = await step("decode", lambda: localizer.decode(photo))
        return await step("preprocess", lambda: localizer.prepare(decoded, query))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def timed_step(work: Callable[[], T], deadline: Deadline, timeline: Timeline, stage: str, submitted: float) -> T:
    """Do work in a thread whose turn has come: note how long it waited and how long it takes."""
    timeline.add("queue", submitted, time.perf_counter())
    deadline.check()
    with timeline.measure(stage):
        return work()
