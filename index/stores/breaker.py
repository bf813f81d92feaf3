"""A circuit breaker: who failed three times in a row is left alone for a while, so that nobody waits for him."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES, REST_S = 3, 10.0


class Breaker:
    """Says whether a call may be tried; safe for many threads at once.

    Closed while calls succeed. Open after some failures in a row: nothing is tried. Half open after a rest: one call is
    let through, and what becomes of it closes or opens the breaker again.

    Args:
        failures: in a row, that open it.
        rest_s: seconds that it stays open; also how long the one trial may take before another is let through.
        clock: seconds that never go back.
    """

    def __init__(
        self, failures: int = FAILURES, rest_s: float = REST_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures, self._rest_s, self._clock = failures, rest_s, clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._open_until_s = -1.0

    def may_try(self) -> bool:
        """Let a call through, or not; in the half open state only the first one asked for."""
        with self._lock:
            if self._in_a_row < self._failures:
                return True
            if self._clock() < self._open_until_s:
                return False
            self._open_until_s = self._clock() + self._rest_s
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._in_a_row = 0

    def failed(self) -> None:
        with self._lock:
            self._in_a_row += 1
            self._open_until_s = self._clock() + self._rest_s

    @property
    def rest_left_s(self) -> float:
        """Seconds until a call may be tried; 0 if one may now."""
        with self._lock:
            if self._in_a_row < self._failures:
                return 0.0
            return max(0.0, self._open_until_s - self._clock())
