"""What answers photos over the life of the service: loaded beside the old one, swapped in, asked its probes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from models.errors import EncoderError, ProviderUnavailable, SkyfixError, UsageError
from service.errors import NotReady, UnknownIndex
from service.instance import Service
from service.localizer import Localizer
from service.served import LOADING, Resident

T = TypeVar("T")
Load = Callable[[], Localizer]
FATAL = (ProviderUnavailable, UsageError)
"""What a server cannot outlive at its start, as no later file can mend it."""
ASIDE = "aside"
logger = logging.getLogger("skyfix")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of loading an index: what answers now, or why the old one still does."""

    name: str
    index: str | None = None
    error: Exception | None = None

    @property
    def result(self) -> str:
        return "refused" if self.error else "taken"


class Keeper:
    """Keeps the indexes of a service worth asking. All but loads and probes runs on the event loop.

    Args:
        service: what answers.
        loads: opens, verifies and warms up each index of the service; run one at a time, in a thread of their own.
        canary_every_s: seconds between two looks at the probes.
        strict: an index that cannot be loaded at the start is an error, instead of tried again now and then.
        on_complete: called once every index was loaded.
    """

    def __init__(
        self,
        service: Service,
        loads: Mapping[str, Load],
        canary_every_s: float,
        *,
        strict: bool = True,
        on_complete: Callable[[], None] = lambda: None,
    ) -> None:
        self._service, self._loads, self._every_s, self._strict = service, loads, canary_every_s, strict
        self._one_at_a_time = asyncio.Lock()
        self._next: dict[str, asyncio.Task[Outcome]] = {}
        self._background = set[asyncio.Task[list[Outcome]]]()
        self._on_complete, self._is_complete = on_complete, False

    async def run(self) -> None:
        """Load, and look after what is loaded for ever. Raises what `begin` raises."""
        await self.begin()
        await self.watch()

    async def begin(self) -> None:
        """Load every index for the first time.

        Raises:
            What a load raises, if `strict` or nothing can mend it; else /readyz says so until it can be loaded.
        """
        for key in self._loads:
            outcome = await self._reload_one(key, at_start=True)
            if outcome.error is not None and (self._strict or isinstance(outcome.error, FATAL)):
                raise outcome.error

    async def reload(self, name: str | None = None) -> list[Outcome]:
        """Load the index of that name anew, or all, and answer with what was found if that is worth it.

        What does not verify or does not answer its probes is refused, and the old one goes on. Whoever asks while
        a load runs gets the next one, with all who ask meanwhile: what runs may have read an older pointer.

        Raises:
            UnknownIndex: none is called that.
        """
        wanted = [resident.key for resident in self._service.served if name in (None, resident.name)]
        if not wanted:
            raise UnknownIndex("No index of this name is served here.")
        return [await self._reload_one(key) for key in wanted]

    def reload_in_background(self) -> None:
        """Reload all for a signal, which waits for nothing; the log and the metrics say what came of it."""
        task = asyncio.create_task(self.reload())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _reload_one(self, key: str, *, at_start: bool = False) -> Outcome:
        waiting = self._next.get(key)
        if waiting is None:
            waiting = self._next[key] = asyncio.create_task(self._swap(key, at_start))
        return await asyncio.shield(waiting)

    async def _swap(self, key: str, at_start: bool) -> Outcome:
        async with self._one_at_a_time:
            self._next.pop(key)
            resident = self._service.served[key]
            try:
                localizer = await in_thread(self._loads[key])
                if not at_start and (recall := await in_thread(localizer.probe_recall)) < 1.0:
                    raise NotReady(f"The new index answers only {recall:.0%} of its probes.")
                self._service.install(localizer, key)
            except Exception as error:  # whatever is wrong with it, the old one goes on
                self._refuse(resident, error)
                outcome = Outcome(resident.name, error=error.with_traceback(None))  # it would hold what was loaded
            else:
                outcome = Outcome(resident.name, localizer.about.index)
        if not at_start:
            self._service.metrics.index_swaps.labels(resident.name, outcome.result).inc()
            if outcome.error is None:
                logger.info("reload: %s answers from now on", outcome.index)
        if not self._is_complete and all(each.localizer is not None for each in self._service.served):
            self._is_complete = True
            self._on_complete()
        return outcome

    def _refuse(self, resident: Resident, error: Exception) -> None:
        resident.failed = error.code if isinstance(error, SkyfixError) else "internal"
        reason = str(error) if isinstance(error, SkyfixError) else type(error).__name__
        goes_on = "not ready" if resident.localizer is None else "the old one goes on answering"
        logger.error("index %s cannot be loaded, %s: %s", resident.name, goes_on, reason)

    async def watch(self) -> None:
        """Ask the probes now and then, for ever: what does not answer them is not ready until it does again."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Ask the probes once. A search that raises answers none of them; what is not loaded is tried again."""
        for resident in self._service.served:
            if resident.localizer is not None:
                await self._ask_probes(resident, resident.localizer)
            elif self._began(resident):
                await self._reload_one(resident.key)

    def _began(self, resident: Resident) -> bool:
        return resident.key in self._loads and resident.key not in self._next and resident.failed != LOADING

    async def _ask_probes(self, resident: Resident, localizer: Localizer) -> None:
        try:
            recall = await in_thread(localizer.probe_recall)
        except EncoderError as error:
            logger.error("the network of %s still fails: %s", resident.name, error)
            recall = resident.recall
        except Exception:  # whatever is wrong with it, it is not ready
            logger.exception("the probes could not be asked")
            recall = 0.0
        self._service.note_recall(localizer, recall)
        if recall < 1.0:
            logger.error("only %.0f %% of the probes of %s were answered: not ready", 100 * recall, resident.name)


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

    threading.Thread(target=run, name=ASIDE, daemon=True).start()
    return await future


def wait_for_threads(seconds: float) -> bool:
    """Wait for what `in_thread` still runs; say whether all of it has ended.

    A daemon thread that comes back from C++ while the interpreter ends takes the process down with an abort.
    """
    until = time.monotonic() + seconds
    threads = [thread for thread in threading.enumerate() if thread.name == ASIDE]
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
