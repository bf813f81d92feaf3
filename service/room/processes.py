"""The room that the service runs: decode workers that can be killed, and are replaced while the others go on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.errors import SkyfixError
from service.batching import Batcher
from service.deadline import Deadline
from service.errors import DeadlineExceeded
from service.localizer import Localizer
from service.prepared import Prepared
from service.query import Query
from service.room.child import RAN_OUT, Child, Job, WorkerLost
from service.room.wire import WorkerCrashed
from service.timeline import Timeline

START_S, AGAIN_S = 30.0, 1.0
RECYCLED_AFTER = 10_000
"""Photos that a worker decodes before it makes way for a new one."""
MEMORY_BYTES, BYTES_PER_PIXEL = 1 << 30, 40
"""Address space of a worker: its own, and what decoding the largest picture may take, copies included."""
DECODE_S = 2.5
logger = logging.getLogger("skyfix")


@dataclass(frozen=True, slots=True)
class Watched:
    """What is told of the workers to whoever wants to know."""

    alive: Callable[[int], None] = lambda _: None
    ended: Callable[[str], None] = lambda _: None
    """With `late`, `died`, `lied` or `recycled`."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    deadline: Deadline
    timeline: Timeline
    submitted: float


class ProcessRoom:
    """As many workers as photos may be decoded at once.

    A thread a worker talks to it; one more thread makes workers, and lives as long as they do, as the kernel ends a
    worker with the thread that made it.

    Args:
        workers: processes.
        max_pixels: of the largest picture; it decides the memory of a worker.
        decode_s: time that a photo may take; then its worker is killed.
        recycled_after: photos of a worker.
        cook: `MODULE:FUNCTION` that workers run on a photo instead of their own, for tests.
        watched: told what becomes of workers.
    """

    def __init__(
        self,
        workers: int,
        max_pixels: int = 24_000_000,
        *,
        decode_s: float = DECODE_S,
        recycled_after: int = RECYCLED_AFTER,
        cook: str | None = None,
        watched: Watched | None = None,
    ) -> None:
        self._memory_bytes = MEMORY_BYTES + BYTES_PER_PIXEL * max_pixels
        self._decode_s, self._recycled_after, self._cook = decode_s, recycled_after, cook
        self._watched = watched or Watched()
        self._idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._lock, self._children, self._closed = threading.Lock(), set[Child](), threading.Event()
        for _ in range(workers):
            self._wanted.put(True)
        self._maker = threading.Thread(target=self._make, name="decode-workers", daemon=True)
        self._maker.start()
        self._batcher: Batcher[_Waiting, Prepared] = Batcher(
            self._answer, lambda _: None, workers=workers, name="decode"
        )

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers there are."""
        with self._lock:
            return [child.pid for child in self._children]

    async def prepare(
        self, localizer: Localizer, photo: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> Prepared:
        waiting = _Waiting(Job(localizer.recipe, query, photo), deadline, timeline, time.perf_counter())
        left_s = None if deadline.at is None else max(0.0, deadline.at - time.monotonic())
        try:
            async with asyncio.timeout(left_s):
                return (await self._batcher.submit(waiting, deadline)).result
        except TimeoutError:  # the worker may end what it does: clients with little time must not cost workers
            raise DeadlineExceeded(RAN_OUT) from None

    def close(self) -> None:
        """End the workers and the threads that talk to them."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._batcher.close()
        self._wanted.put(False)
        with self._lock:
            children = list(self._children)
        for child in children:  # the maker may be waiting for one that has not started yet
            child.kill()
        self._maker.join()

    def _answer(self, batch: Sequence[_Waiting]) -> list[Prepared]:
        (waiting,) = batch
        child = self._take(waiting.deadline)
        started = time.perf_counter()
        waiting.timeline.add("queue", waiting.submitted, started)
        try:
            spent, outcome = child.make_ready(waiting.job, self._decode_s)
        except WorkerLost as loss:
            waiting.timeline.add("decode", started, time.perf_counter())
            self._forget(child, loss.reason)
            raise loss.answer from None
        except WorkerCrashed as error:
            self._put_back(child)
            logger.error("a photo could not be prepared: %s", error)
            raise
        except BaseException:  # such as no memory for the answer: half of it may still be on its way
            self._forget(child, "died")
            raise
        self._put_back(child)
        ended = time.perf_counter()
        waiting.timeline.add("decode", started, ended - spent.preprocess_s)
        if isinstance(outcome, SkyfixError):
            raise outcome
        waiting.timeline.add("preprocess", ended - spent.preprocess_s, ended)
        return [outcome]

    def _take(self, deadline: Deadline) -> Child:
        """Give an idle worker that is alive; there are no more photos than workers, so one is on its way at least."""
        until = time.monotonic() + START_S if deadline.at is None else deadline.at
        while True:
            try:
                child = self._idle.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise DeadlineExceeded(RAN_OUT) from None
            if child.is_alive:
                return child
            self._forget(child, "died")

    def _put_back(self, child: Child) -> None:
        if child.done < self._recycled_after:
            self._idle.put(child)
        else:
            self._forget(child, "recycled")

    def _forget(self, child: Child, reason: str) -> None:
        child.kill()
        with self._lock:
            self._children.discard(child)
            self._watched.alive(len(self._children))
        if self._closed.is_set():
            return
        reason, _, more = reason.partition(": ")
        self._watched.ended(reason)
        if reason != "recycled":
            logger.warning("a decode worker was replaced: %s%s", reason, f" ({more})" if more else "")
        self._wanted.put(True)

    def _make(self) -> None:
        while self._wanted.get():
            wanted = 1
            with contextlib.suppress(queue.Empty):
                while self._wanted.get_nowait():
                    wanted += 1
                break
            made = [child for child in (self._begin() for _ in range(wanted)) if child is not None]
            for child in made:
                if child.wait_until_started(START_S):
                    self._idle.put(child)
                elif not self._closed.is_set():
                    logger.error("a decode worker did not start")
                    self._closed.wait(AGAIN_S)
                    self._forget(child, "died")
        with self._lock:
            for child in self._children:
                child.kill()
            self._children.clear()

    def _begin(self) -> Child | None:
        try:
            child = Child(self._memory_bytes, self._cook)
        except OSError as error:
            logger.error("no decode worker can be started: %s", error.strerror)
            self._closed.wait(AGAIN_S)
            self._wanted.put(True)
            return None
        with self._lock:
            self._children.add(child)
            self._watched.alive(len(self._children))
        return child
