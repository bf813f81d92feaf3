"""Where each step of a photo runs: bounded places in front, one pool a kind of work, the event loop never blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from service.errors import Overloaded
from service.localizer import Localizer, with_posterior
from service.metrics import Metrics
from service.query import Answer, Query

T = TypeVar("T")
QUEUE = "localize"


class Pipeline:
    """Threads and places for photos.

    Args:
        places: photos inside at once, uploads included; one more is refused.
        decode_threads: photos decoded at once; the network and the search run one at a time.
    """

    def __init__(self, metrics: Metrics, places: int, decode_threads: int) -> None:
        self._places = places
        self._taken = 0
        self._metrics = metrics
        self._decoding = ThreadPoolExecutor(decode_threads, "decode")
        self._inference = ThreadPoolExecutor(1, "inference")
        self._search = ThreadPoolExecutor(1, "search")
        metrics.queue_capacity.labels(QUEUE).set(places)
        metrics.queue_depth.labels(QUEUE).set(0)

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

    async def localize(self, localizer: Localizer, data: bytes, query: Query) -> tuple[Answer, dict[str, float]]:
        """Run the four steps on their pools; give the answer and the seconds of each stage, `queue` all waiting."""
        seconds = {"decode": 0.0, "preprocess": 0.0, "queue": 0.0, "inference": 0.0, "search": 0.0}

        async def step(stage: str, pool: Executor, work: Callable[[], T]) -> T:
            submitted = time.perf_counter()
            result, started, ended = await asyncio.get_running_loop().run_in_executor(pool, _timed, work)
            seconds["queue"] += started - submitted
            seconds[stage] = ended - started
            return result

        photo = await step("decode", self._decoding, lambda: localizer.decode(data))
        prepared = await step("preprocess", self._decoding, lambda: localizer.prepare(photo, query))
        columns = await step("inference", self._inference, lambda: localizer.describe(prepared))
        answer = await step("search", self._search, lambda: localizer.search(query, prepared, columns))
        return answer, with_posterior(seconds, answer)

    def close(self) -> None:
        for pool in (self._decoding, self._inference, self._search):
            pool.shutdown(wait=False, cancel_futures=True)


def _timed(work: Callable[[], T]) -> tuple[T, float, float]:
    started = time.perf_counter()
    return work(), started, time.perf_counter()
