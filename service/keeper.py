"""What answers photos over the life of the service: loaded beside the old one, swapped in, asked its probes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from models.errors import SkyfixError
from service.app import Service
from service.errors import NotReady
from service.localizer import Localizer

T = TypeVar("T")
logger = logging.getLogger("skyfix")


class Keeper:
    """Keeps a service in a localizer that is worth asking. All but `load` and the probes runs on the event loop.

    Args:
        service: what answers.
        load: opens, verifies and warms up a localizer; runs in a thread of its own.
        canary_every_s: seconds between two looks at the probes.
    """

    def __init__(self, service: Service, load: Callable[[], Localizer], canary_every_s: float) -> None:
        self._service, self._load, self._every_s = service, load, canary_every_s
        self._reloading: asyncio.Task[str] | None = None

    async def begin(self) -> None:
        """Load for the first time. Raises what `load` raises."""
        self._service.install(await in_thread(self._load))

    async def reload(self) -> str:
        """Load anew and answer with that; give its index's title. Whoever asks meanwhile waits for the same one.

        Raises:
            SkyfixError: what was found does not verify or does not answer; the old one goes on answering.
        """
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._swap())
        return await asyncio.shield(self._reloading)

    def reload_in_background(self) -> None:
        """Do that for a signal, which waits for nothing; the log and the metrics say what came of it."""
        task = asyncio.create_task(self.reload())
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception())

    async def _swap(self) -> str:
        swaps = self._service.metrics.index_swaps
        try:
            localizer = await in_thread(self._load)
            if (recall := localizer.probe_recall()) < 1.0:
                raise NotReady(f"The new index answers only {recall:.0%} of its probes.")
        except Exception as error:
            swaps.labels("refused").inc()
            reason = str(error) if isinstance(error, SkyfixError) else type(error).__name__
            logger.error("reload refused, the old index goes on answering: %s", reason)
            raise
        self._service.install(localizer)
        swaps.labels("taken").inc()
        logger.info("reload: %s answers from now on", localizer.about.index)
        return localizer.about.index

    async def watch(self) -> None:
        """Ask the probes now and then, for ever: what does not answer them is not ready until it does again."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Ask the probes once. A search that raises answers none of them."""
        try:
            localizer = self._service.localizer_even_if_unwell
        except NotReady:
            return
        try:
            recall = await in_thread(localizer.probe_recall)
        except Exception:  # whatever is wrong with it, it is not ready
            logger.exception("the probes could not be asked")
            recall = 0.0
        self._service.note_recall(localizer, recall)
        if recall < 1.0:
            logger.error("only %.0f %% of the probes were answered: not ready", 100 * recall)


async def in_thread(work: Callable[[], T]) -> T:
    """Run work in a daemon thread, so that a signal meanwhile need not wait for it. Raises what it raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[], None]) -> None:
        if not future.done():
            put()

    def run() -> None:
        put: Callable[[], None]
        try:
            result = work()
        except Exception as raised:  # handed on to whoever waits, whatever it is
            error = raised
            put = lambda: future.set_exception(error)  # noqa: E731
        else:
            put = lambda: future.set_result(result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(settle, put)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return await future
