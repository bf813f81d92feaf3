"""A crew whose workers are objects of this process, and die, differ or stay away as a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.describer import Float16s, describe_batch
from index.engines.fleet import Worker, WorkerLost
from index.engines.handshake import Credentials, credentials_of
from models.encoder import Encoder

Dies = Callable[[int, int], bool]
"""(number of the worker, number of its call) -> whether it dies of it."""


@dataclass(eq=False)
class Local:
    """A worker; once dead it stays dead."""

    number: int
    encoder: Encoder
    shown: Credentials
    dies: Dies
    calls: int = 0
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return f"Worker {self.number}"

    def credentials(self) -> Credentials:
        self._work()
        return self.shown

    def describe(self, pixels: NDArray[np.float32]) -> Float16s:
        self._work()
        return describe_batch(pixels, self.encoder)

    def _work(self) -> None:
        with self.lock:
            self.calls += 1
            self.dead = self.dead or self.dies(self.number, self.calls)
            if self.dead:
                raise WorkerLost(f"{self.name} was lost.")


@dataclass(eq=False)
class LocalCrew:
    """Hires at most `most` workers in all; call 1 of each is the handshake."""

    encoder: Encoder
    dies: Dies = lambda _number, _call: False
    most: int = 1000
    shown: Callable[[int, Credentials], Credentials] = lambda _number, mine: mine
    hired: list[Local] = field(default_factory=list)
    dismissed: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hire(self) -> Local:
        with self.lock:
            number = len(self.hired)
            if number >= self.most:
                raise WorkerLost("nobody is left to hire")
            shown = self.shown(number, credentials_of(self.encoder))
            self.hired.append(Local(number, self.encoder, shown, self.dies))
            return self.hired[-1]

    def dismiss(self, worker: Worker) -> None:
        self.dismissed.update(one.number for one in self.hired if one is worker)
