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
from service.localizer import Float32s, Localizer, answered, described
from service.metrics import Metrics
from service.prepared import Prepared
from service.query import Answer, Query
from service.room.threads import Room, ThreadRoom, timed_step
from service.sizes import Sizes
from service.timeline import Timeline
from service.view import View

T = TypeVar("T")
QUEUE = "localize"
INFERENCE = "inference"
Described = tuple[Float32s, Float32s | None]
"""Columns, and where the network looked."""


@dataclass(frozen=True, slots=True)
class _Photo:
    localizer: Localizer
    prepared: Prepared
    attended: bool


@dataclass(slots=True)
class Held:
    """Places that a request holds."""

    pipeline: Pipeline
    places: int

    def grow(self, wanted: int) -> int:
        """Take as many more as are free, up to `wanted` in all; give how many are held now."""
        self.pipeline.grow(self, wanted)
        return self.places


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
        self._batcher: Batcher[_Photo, Described] = Batcher(
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
    def place(self, weight: int = 1) -> Iterator[Held]:
        """Hold places.

        Args:
            weight: how many, for what may bring several photos at once. Never more than there are.

        Raises:
            Overloaded: so many are not free.
        """
        held = Held(self, min(weight, self._places))
        if self._taken + held.places > self._places:
            free = "All" if self._taken == self._places else f"{self._taken} of"
            raise Overloaded(f"{free} {self._places} places are taken. Try again in a moment.")
        self._take(held.places)
        try:
            yield held
        except MemoryError:
            raise Overloaded("There is no memory left for the photo. Try again in a moment.") from None
        finally:
            self._take(-held.places)

    def _take(self, places: int) -> None:
        self._taken += places
        self._metrics.queue_depth.labels(QUEUE).set(self._taken)

    def grow(self, held: Held, wanted: int) -> None:
        """Take as many more places as are free, up to `wanted` in all."""
        more = max(0, min(wanted - held.places, self._places - self._taken))
        held.places += more
        self._take(more)

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
        view = await self.view(localizer, data, query, deadline, timeline)
        answer = await self.search(lambda: answered(localizer, query, view), deadline, timeline)
        if answer.reckoning is not None:
            timeline.give_end("posterior", "search", answer.reckoning.seconds)
        return answer

    async def view(
        self, localizer: Localizer, data: bytes, query: Query, deadline: Deadline, timeline: Timeline
    ) -> View:
        """Decode, prepare and encode one photo. Raises as `localize`."""
        prepared = await self._room.prepare(localizer, data, query, deadline, timeline)
        timeline.size_px = prepared.size_px
        photo = _Photo(localizer, prepared, query.wants_attention)
        return View(prepared, *await self._described(photo, deadline, timeline))

    async def search(self, work: Callable[[], T], deadline: Deadline, timeline: Timeline) -> T:
        """Run a search, or what is reckoned from one, in its turn. Raises as `localize`."""
        timed = partial(timed_step, work, deadline, timeline, "search", time.perf_counter())
        return await asyncio.get_running_loop().run_in_executor(self._search, timed)

    async def _described(self, photo: _Photo, deadline: Deadline, timeline: Timeline) -> Described:
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


def _encode(photos: Sequence[_Photo]) -> list[Described]:
    return described(photos[0].localizer, [photo.prepared for photo in photos], photos[0].attended)


def _alike(photo: _Photo) -> Hashable:
    return id(photo.localizer), photo.prepared.input_shape, photo.attended
