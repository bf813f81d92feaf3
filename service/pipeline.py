"""Where each step of a photo runs: bounded places in front, one pool a kind of work, the event loop never blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from service.batching import Batcher
from service.deadline import Deadline
from service.errors import DeadlineExceeded, Overloaded
from service.localizer import Float32s, Localizer, Prepared
from service.metrics import Metrics
from service.query import Answer, Query
from service.sizes import Sizes
from service.timeline import Timeline

T = TypeVar("T")
QUEUE = "localize"
INFERENCE = "inference"


@dataclass(frozen=True, slots=True)
class _Photo:
    localizer: Localizer
    prepared: Prepared


class Pipeline:
    """Threads and places for photos."""

    def __init__(self, metrics: Metrics, sizes: Sizes) -> None:
        self._places = sizes.places
        self._taken = 0
        self._metrics = metrics
        self._decoding = ThreadPoolExecutor(sizes.decoding, "decode")
        self._batcher: Batcher[_Photo, Float32s] = Batcher(
            _encode,
            _alike,
            workers=sizes.encoding,
            most=sizes.batch,
            on_batch=metrics.batch_size.labels(INFERENCE).observe,
        )
        self._search = ThreadPoolExecutor(sizes.searching, "search")
        for queue in (QUEUE, INFERENCE):
            metrics.queue_capacity.labels(queue).set(sizes.places)
        metrics.queue_depth.labels(QUEUE).set(0)
        metrics.queue_depth.labels(INFERENCE).set_function(lambda: self._batcher.waiting)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            Overloaded: none is free.
        """
        if self._taken >= self._places:
            raise Overloaded(f"All {self._places} places are taken. Try again in a moment.")
        self._taken += 1
        self._metrics.queue_depth.labels(QUEUE).set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            self._metrics.queue_depth.labels(QUEUE).set(self._taken)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run what belongs to receiving a photo, such as taking a form apart, beside the decoding."""
        return await asyncio.get_running_loop().run_in_executor(self._decoding, work)

    async def localize(
        self, localizer: Localizer, data: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> Answer:
        """Run the four steps on their pools. The timeline gets each stage, `queue` for all waiting, also of failures.

        Raises:
            DeadlineExceeded: before a step whose turn came too late. A step that runs is not cut off.
            What the steps raise.
        """

        async def step(stage: str, pool: Executor, work: Callable[[], T]) -> T:
            submitted = time.perf_counter()
            timed = partial(_timed, work, deadline, timeline, stage, submitted)
            return await asyncio.get_running_loop().run_in_executor(pool, timed)

        photo = await step("decode", self._decoding, lambda: localizer.decode(data))
        prepared = await step("preprocess", self._decoding, lambda: localizer.prepare(photo, query))
        columns = await self._columns(_Photo(localizer, prepared), deadline, timeline)
        answer = await step("search", self._search, lambda: localizer.search(query, prepared, columns))
        if answer.reckoning is not None:
            timeline.give_end("posterior", "search", answer.reckoning.seconds)
        return answer

    async def _columns(self, photo: _Photo, deadline: Deadline, timeline: Timeline) -> Float32s:
        submitted = time.perf_counter()
        try:
            done = await self._batcher.submit(photo, deadline)
        except DeadlineExceeded:
            timeline.add("queue", submitted, time.perf_counter())
            raise
        timeline.add("queue", submitted, done.started)
        timeline.add(INFERENCE, done.started, done.ended)
        return done.result

    def close(self) -> None:
        self._batcher.close()
        for pool in (self._decoding, self._search):
            pool.shutdown(wait=False, cancel_futures=True)


def _encode(photos: Sequence[_Photo]) -> list[Float32s]:
    return photos[0].localizer.describe_many([photo.prepared for photo in photos])


def _alike(photo: _Photo) -> Hashable:
    return id(photo.localizer), photo.prepared.input_shape


def _timed(work: Callable[[], T], deadline: Deadline, timeline: Timeline, stage: str, submitted: float) -> T:
    timeline.add("queue", submitted, time.perf_counter())
    deadline.check()
    with timeline.measure(stage):
        return work()
