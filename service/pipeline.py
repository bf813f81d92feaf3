"""Where each step of a photo runs: bounded places in front, one pool a kind of work, the event loop never blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from service.batching import Batcher
from service.deadline import Deadline
from service.errors import DeadlineExceeded, Overloaded
from service.localizer import Float32s, Localizer
from service.metrics import Metrics
from service.prepared import Prepared
from service.query import Answer, Query
from service.room.threads import Room, ThreadRoom, timed_step
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
    """Threads and places for photos.

    Args:
        room: where photos are decoded, closed with the pipeline; threads when None.
    """

    def __init__(self, metrics: Metrics, sizes: Sizes, room: Room | None = None) -> None:
        self._places = sizes.places
        self._taken = 0
        self._metrics = metrics
        self._receiving = ThreadPoolExecutor(sizes.decoding, "receive")
        self._room: Room = room or ThreadRoom(sizes.decoding)
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
        except MemoryError:
            raise Overloaded("There is no memory left for the photo. Try again in a moment.") from None
        finally:
            self._taken -= 1
            self._metrics.queue_depth.labels(QUEUE).set(self._taken)

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Run what belongs to receiving a photo, such as taking a form apart, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._receiving, work)

    async def localize(
        self, localizer: Localizer, data: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> Answer:
        """Run the four steps on their pools. The timeline gets each stage, `queue` for all waiting, also of failures.

        Raises:
            DeadlineExceeded: before a step whose turn came too late. Of steps that run only decoding is cut off.
            What the steps raise.
        """

        prepared = await self._room.prepare(localizer, data, query, deadline, timeline)
        timeline.size_px = prepared.size_px
        columns = await self._columns(_Photo(localizer, prepared), deadline, timeline)
        search = partial(localizer.search, query, prepared, columns)
        timed = partial(timed_step, search, deadline, timeline, "search", time.perf_counter())
        answer = await asyncio.get_running_loop().run_in_executor(self._search, timed)
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
        self._room.close()
        for pool in (self._receiving, self._search):
            pool.shutdown(wait=False, cancel_futures=True)


def _encode(photos: Sequence[_Photo]) -> list[Float32s]:
    return photos[0].localizer.describe_many([photo.prepared for photo in photos])


def _alike(photo: _Photo) -> Hashable:
    return id(photo.localizer), photo.prepared.input_shape
