"""How many connections the limit on open files leaves room for, and what is said when it is reached all the same."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import time
from collections.abc import Callable
from typing import Any

OWN_FILES = 64
"""Descriptors left to everything but connections: listeners, mapped indexes, decoders, the log."""
SILENCE_S = 10.0
logger = logging.getLogger("skyfix")


def connections_allowed(wanted: int) -> int:
    """Raise the limit on open files as far as needed and allowed; give the connections it has room for, or `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - OWN_FILES))


class AcceptErrors:
    """Exception handler of the event loop: that no connection can be accepted is said now and then only.

    asyncio says it a hundred times a second, with a traceback, and tries again after one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._again = clock, -SILENCE_S

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE) or "socket" not in context:
            loop.default_exception_handler(context)
        elif self._clock() >= self._again:
            self._again = self._clock() + SILENCE_S
            logger.error("no file descriptors are left for connections: %s; accepting again when some are", error)
