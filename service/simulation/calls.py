"""HTTP to the service, one replica after another, patient with a full one."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from service.errors import SimulationFailed

Json = dict[str, Any]
Part = tuple[str, tuple[str | None, bytes, str]]
CALL_LIMIT_S, MOST_TRIES, PAUSE_S, LONGEST_PAUSE_S = 120.0, 12, 0.25, 5.0
TRY_AGAIN = frozenset({429, 503})


class Caller:
    """Asks the addresses by turns, as a round-robin proxy would; counts what had to be asked again."""

    def __init__(
        self, urls: Sequence[str], api_key: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        limits = httpx.Limits(keepalive_expiry=2.0)
        self._clients = [
            httpx.Client(base_url=url, headers=headers, timeout=CALL_LIMIT_S, limits=limits, transport=transport)
            for url in urls
        ]
        self._turn, self._lock = 0, threading.Lock()
        self.asked = self.repeated = 0

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()

    def get(self, path: str) -> Json:
        return self._ask("GET", path)

    def post(self, path: str, parts: Sequence[Part]) -> Json:
        """Post a form."""
        return self._ask("POST", path, files=list(parts))

    def post_json(self, path: str, content: Mapping[str, Any]) -> Json:
        return self._ask("POST", path, json=dict(content))

    def _ask(self, method: str, path: str, **body: Any) -> Json:
        """Ask until there is an answer.

        Raises:
            SimulationFailed: the service refuses, or did not answer in many tries.
        """
        problem = "no answer"
        for attempt in range(MOST_TRIES):
            client = self._next(attempt > 0)
            try:
                reply = client.request(method, path, **body)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__}: {error}"
                time.sleep(min(LONGEST_PAUSE_S, PAUSE_S * 2.0**attempt))
                continue
            if reply.status_code == httpx.codes.OK:
                return dict(reply.json())
            problem = f"{reply.status_code}: {reply.text[:600]}"
            if reply.status_code not in TRY_AGAIN:
                break
            after = reply.headers.get("retry-after", "")
            time.sleep(max(float(after) if after.isdigit() else 0.0, PAUSE_S))
        raise SimulationFailed(f"{method} {path} at {self._clients[0].base_url}: {problem}")

    def _next(self, again: bool) -> httpx.Client:
        with self._lock:
            self.asked += not again
            self.repeated += again
            self._turn += 1
            return self._clients[self._turn % len(self._clients)]
