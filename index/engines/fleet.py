"""Workers elsewhere as one describer: a lost one is replaced and its batch repeated, a different one refused."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.engines.describing import Float16s
from index.engines.handshake import Credentials, check_credentials, credentials_of
from models.encoder import Encoder
from models.errors import ExecutorUnavailable

RETRIES = 3
"""Times that a batch is repeated after its worker was lost."""
AT_ONCE = 2
"""Batches handed to a worker at once: one is on its way while the other is described."""


class WorkerLost(Exception):
    """A worker died, or did not come up."""


class Worker(Protocol):
    """One session of the model, elsewhere. Its methods wait, and are called from several threads."""

    @property
    def name(self) -> str: ...

    def credentials(self) -> Credentials:
        """Open the model there and say what it is. Raises WorkerLost, WorkerRefused."""

    def describe(self, pixels: NDArray[np.float32]) -> Float16s:
        """Describe (N, 3, S, S) as `describe_batch` does. Raises WorkerLost."""


class Crew(Protocol):
    """Where workers come from."""

    def hire(self) -> Worker:
        """Begin to start one. Raises WorkerLost."""

    def dismiss(self, worker: Worker) -> None:
        """End one, dead or alive."""


@dataclass(slots=True, eq=False)
class _Seat:
    worker: Worker
    changing: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False


class Fleet:
    """Workers behind one queue; use `open_fleet`.

    A worker that is lost is replaced, and proves itself as the first ones did. If no other comes up in its place, the
    rest go on without it. A batch moves on with the next free worker, so rows depend on none of this.

    Args:
        encoder: the model as this process has it; workers are held against it.
        crew: where workers come from.
        size: how many.
    """

    def __init__(self, encoder: Encoder, crew: Crew, size: int) -> None:
        self._encoder, self._crew = encoder, crew
        self._mine = credentials_of(encoder)
        self._change = threading.Condition()
        self._ended = False
        self._why = ""
        self._pool = ThreadPoolExecutor(size * AT_ONCE, "worker")
        self._seats: list[_Seat] = []
        self._hired: list[Worker] = []
        """Not dismissed yet; also those that have not proved themselves."""
        self._free: deque[_Seat] = deque()
        self.at_once = size * AT_ONCE

    @property
    def encoder(self) -> Encoder:
        return self._encoder

    def start(self, size: int) -> None:
        """Hire all workers at once. Raises ExecutorUnavailable unless all come up, WorkerRefused for another model."""
        try:
            for future in [self._pool.submit(self._hire) for _ in range(size)]:
                self._seats.append(_Seat(future.result()))
        except WorkerLost as error:
            raise ExecutorUnavailable(
                f"Only {len(self._seats)} of {size} workers came up: {error} Make room for them, or ask for fewer with "
                "--ray-workers, and run the same command again."
            ) from error
        self._free.extend(self._seats * AT_ONCE)

    def submit(self, batch: list[NDArray[np.float32]]) -> Future[Float16s]:
        return self._pool.submit(self._describe, batch)

    def end(self) -> None:
        """Dismiss all; work that is under way is given up."""
        with self._change:
            self._ended = True
            self._change.notify_all()
            hired = list(self._hired)
        for worker in hired:
            self._dismiss(worker)
        self._pool.shutdown(cancel_futures=True)

    def _describe(self, batch: list[NDArray[np.float32]]) -> Float16s:
        pixels, lost = np.stack(batch), ""
        for _ in range(1 + RETRIES):
            seat = self._take()
            worker = seat.worker
            try:
                return worker.describe(pixels)
            except WorkerLost as error:
                lost = str(error)
                self._replace(seat, worker)
            finally:
                self._give_back(seat)
        raise _unavailable(f"A batch of {len(batch)} lost its worker {1 + RETRIES} times, last: {lost}")

    def _take(self) -> _Seat:
        with self._change:
            while not self._free or self._ended:
                if self._ended or all(seat.closed for seat in self._seats):
                    raise _unavailable(f"No worker is left. {self._why}")
                self._change.wait()
            return self._free.popleft()

    def _give_back(self, seat: _Seat) -> None:
        with self._change:
            if not seat.closed:
                self._free.append(seat)
            self._change.notify_all()

    def _replace(self, seat: _Seat, lost: Worker) -> None:
        """Put another worker in a seat, or close it where none comes up; once for all batches that the worker had."""
        with seat.changing:
            if self._ended or seat.closed or seat.worker is not lost:
                return
            self._dismiss(lost)
            try:
                seat.worker = self._hire()
            except WorkerLost as error:
                with self._change:
                    self._why, seat.closed = str(error), True
                    self._free = deque(other for other in self._free if other is not seat)

    def _hire(self) -> Worker:
        worker = self._crew.hire()
        with self._change:
            self._hired.append(worker)
            ended = self._ended
        try:
            if ended:
                raise WorkerLost("The work has ended.")
            check_credentials(self._mine, worker.credentials(), worker.name)
        except BaseException:
            self._dismiss(worker)
            raise
        return worker

    def _dismiss(self, worker: Worker) -> None:
        with self._change:
            if worker not in self._hired:
                return
            self._hired.remove(worker)
        self._crew.dismiss(worker)


@contextmanager
def open_fleet(encoder: Encoder, crew: Crew, size: int) -> Iterator[Fleet]:
    """Hire workers, and dismiss them in the end.

    Raises:
        ExecutorUnavailable, WorkerRefused: see Fleet.start; also from the futures of `submit`.
    """
    fleet = Fleet(encoder, crew, size)
    try:
        fleet.start(size)
        yield fleet
    finally:
        fleet.end()


def _unavailable(what: str) -> ExecutorUnavailable:
    return ExecutorUnavailable(
        f"{what} Run the same command again, with this or the local engine; what is done is kept."
    )
