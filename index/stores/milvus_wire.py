"""The line to a Milvus server: every call ends by its deadline, whatever the other side does.

pymilvus bounds its remote calls but not what it does around them (it dials again with pauses that grow), so calls run
in a few threads that are waited for no longer than the deadline. A call that is given up ends by itself a little later.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from index.stores.breaker import Breaker
from models.errors import BackendRefused, BackendUnavailable, UsageError

DEADLINE_S = 2.0
THREADS = 16
LEAST_S, PAUSE_S = 0.25, 0.05
"""Budget that one more try is worth, and the pause before it."""
CONNECT_FAILED = 2
SERVER = re.compile(r"(https?|tcp)://\S+|unix:\S+")
Found = TypeVar("Found")


class Wire:
    """Calls to one server, dialled at the first; safe for many threads at once.

    Args:
        uri: `http(s)://host:port`, or a path that ends in `.db`, which milvus-lite serves in this process.
        token: `user:password` or an API key; empty for none.
        deadline_s: of a call, unless it says another.
        breaker: shared by all calls.

    Raises:
        UsageError: such a URI cannot be.
        ModuleNotFoundError: the extra `milvus` is not installed.
    """

    def __init__(
        self, uri: str, token: str = "", *, deadline_s: float = DEADLINE_S, breaker: Breaker | None = None
    ) -> None:
        if not SERVER.fullmatch(uri) and not uri.endswith(".db"):
            raise UsageError(
                f"{without_secrets(uri)!r} is no Milvus server: give http://host:19530, https://host, "
                "or the path of a file that ends in .db."
            )
        _check_installed()
        self.where = without_secrets(uri)
        self._uri, self._token, self._deadline_s = uri, token, deadline_s
        self._breaker = breaker or Breaker()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="milvus")
        self._client: Any = None
        self._dialling = Lock()

    def call(self, what: str, ask: Callable[[Any, float], Found], deadline_s: float | None = None) -> Found:
        """Ask the server, twice if the first time failed early.

        Args:
            what: is asked, for messages: "a search".
            ask: given a MilvusClient and the seconds it may take; must be safe to do twice.
            deadline_s: seconds for all of it.

        Raises:
            BackendUnavailable: no answer in time, or no connection, or nobody was asked as all failed lately.
            BackendRefused: the server answered that it will not.
        """
        if not self._breaker.may_try():
            raise BackendUnavailable(
                f"Milvus at {self.where} failed several times in a row; {what} is not tried for another "
                f"{self._breaker.rest_left_s:.0f} s."
            )
        end = time.monotonic() + (deadline_s or self._deadline_s)
        try:
            found = self._try_twice(what, ask, end)
        except BackendRefused:
            self._breaker.succeeded()  # somebody answered
            raise
        except BackendUnavailable:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return found

    def close(self) -> None:
        """Hang up; later calls fail."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _try_twice(self, what: str, ask: Callable[[Any, float], Found], end: float) -> Found:
        try:
            return self._try(what, ask, end)
        except BackendRefused:
            raise
        except BackendUnavailable:
            if end - time.monotonic() < LEAST_S:
                raise
            time.sleep(PAUSE_S)
            return self._try(what, ask, end)

    def _try(self, what: str, ask: Callable[[Any, float], Found], end: float) -> Found:
        limit_s = end - time.monotonic()
        task = self._threads.submit(self._ask, ask, end)
        try:
            return task.result(max(0.0, limit_s))
        except (BackendUnavailable, UsageError):
            raise
        except TimeoutError:
            task.cancel()
            raise BackendUnavailable(
                f"Milvus at {self.where} did not answer {what} within {limit_s:.1f} s. Is it up and not overloaded?"
            ) from None
        except Exception as error:  # whatever pymilvus and gRPC make of a peer that is gone, or is no Milvus
            raise self._translated(what, error) from error

    def _ask(self, ask: Callable[[Any, float], Found], end: float) -> Found:
        return ask(self._dialled(end), _left_s(end))

    def _dialled(self, end: float) -> Any:
        if self._client is not None:
            return self._client
        if not self._dialling.acquire(timeout=_left_s(end)):
            raise TimeoutError
        try:
            if self._client is None:
                self._client = _dial(self._uri, self._token, _left_s(end))
            return self._client
        finally:
            self._dialling.release()

    def _translated(self, what: str, error: Exception) -> BackendUnavailable:
        from pymilvus import MilvusException

        said = " ".join(without_secrets(str(error)).split())[:300]
        if isinstance(error, MilvusException) and isinstance(error.code, int) and error.code > CONNECT_FAILED:
            return BackendRefused(f"Milvus at {self.where} refused {what}: {said}")
        return BackendUnavailable(f"Milvus at {self.where} gave no answer to {what}: {said}")


def without_secrets(text: str) -> str:
    """Leave out `user:password@` of every URI."""
    return re.sub(r"//[^/@\s]+@", "//", text)


def _check_installed() -> None:
    import pymilvus  # noqa: F401

    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback of all that it raises as well


def _dial(uri: str, token: str, limit_s: float) -> Any:
    from pymilvus import MilvusClient

    return MilvusClient(uri, token=token, timeout=limit_s, dedicated=True)


def _left_s(end: float) -> float:
    return max(0.01, end - time.monotonic())
