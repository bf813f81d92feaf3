"""The outermost layer of a request: its id, its metrics, and the last net under unexpected errors."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import METHODS, OTHER_METHOD, UNMATCHED, Metrics
from service.problems import INTERNAL, INTERNAL_DETAIL, problem

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499
logger = logging.getLogger("skyfix")


class Telemetry:
    """ASGI middleware: gives `scope["state"]["request_id"]`, counts and times every request.

    Args:
        routes: paths that may become a label.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in self._routes else UNMATCHED
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(scope)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        started = time.perf_counter()
        with self._metrics.in_flight.labels(route).track_inprogress():
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                status = CLIENT_GONE
            except Exception:  # the outermost loop: log once, answer without a word of what happened
                logger.exception("request %s failed", request_id)
                state["rejected"] = INTERNAL
                if not status:
                    await problem(500, INTERNAL, INTERNAL_DETAIL, request_id)(scope, receive, send_with_id)
        self._metrics.request_seconds.labels(method, route).observe(time.perf_counter() - started)
        self._metrics.requests.labels(method, route, str(status)).inc()
        if "rejected" in state:
            self._metrics.rejected.labels(state["rejected"]).inc()


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
