"""Opened members of a region: opened when first asked for, one at a time each, the longest unused given up."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from models.errors import BundleError

Opened = TypeVar("Opened")
MAX_OPEN = 64
RETRY_S = 30.0
"""So long a member that could not be opened is not tried again: reading it anew for every question helps nobody."""


class Shelf(Generic[Opened]):
    """Keeps opened things by number; safe for many threads at once.

    What is given up stays alive as long as somebody still uses it.

    Args:
        sizes: bytes of each.
        open_one: opens one of them by its number; its BundleErrors are remembered for a while.
        max_open: how many are kept.
        max_bytes: how many bytes of them are kept; None for any. The one asked for last always is.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        open_one: Callable[[int], Opened],
        max_open: int,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sizes, self._open_one, self._clock = sizes, open_one, clock
        self._max_open, self._max_bytes = max(1, max_open), max_bytes
        self._lock, self._opening = Lock(), [Lock() for _ in sizes]
        self._held: OrderedDict[int, Opened] = OrderedDict()
        self._failed: dict[int, tuple[float, BundleError]] = {}

    def get(self, number: int) -> Opened:
        """Give one, opened; others that want it meanwhile wait, and open nothing.

        Raises:
            BundleError: it cannot be opened, or could not a moment ago.
        """
        found = self._look(number)
        if found is not None:
            return found
        with self._opening[number]:
            found = self._look(number)
            if found is not None:
                return found
            self._raise_what_failed(number)
            try:
                found = self._open_one(number)
            except BundleError as error:
                with self._lock:
                    self._failed[number] = (self._clock() + RETRY_S, error)
                raise
            with self._lock:
                self._failed.pop(number, None)
                self._held[number] = found
                self._give_up()
            return found

    @property
    def held(self) -> tuple[int, ...]:
        """Numbers of those that are open, the longest unused first."""
        with self._lock:
            return tuple(self._held)

    def _look(self, number: int) -> Opened | None:
        with self._lock:
            if number not in self._held:
                return None
            self._held.move_to_end(number)
            return self._held[number]

    def _raise_what_failed(self, number: int) -> None:
        with self._lock:
            until, error = self._failed.get(number, (0.0, None))
        if error is not None and self._clock() < until:
            raise type(error)(str(error)) from error

    def _give_up(self) -> None:
        while len(self._held) > 1 and (len(self._held) > self._max_open or self._too_large()):
            self._held.popitem(last=False)

    def _too_large(self) -> bool:
        return self._max_bytes is not None and sum(self._sizes[number] for number in self._held) > self._max_bytes
