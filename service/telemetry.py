"""The outermost layer of a request: its id, its metrics, its trace, and the last net under unexpected errors."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import METHODS, OTHER_METHOD, UNMATCHED, Metrics
from service.problems import INTERNAL, INTERNAL_DETAIL, problem
from service.route_labels import RouteLabels, label_of
from service.timeline import Timeline
from service.tracing import Trace, Tracer

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CLIENT_GONE = 499
logger = logging.getLogger("skyfix")


class Telemetry:
    """ASGI middleware: counts, times and traces every request.

    The application finds `request_id` and `timeline` in its state, and leaves there an `answer`, or `answers`
    of several photos, or in `rejected` the code of a problem.

    Args:
        router: of the application, with all its routes once the first request comes.
        routes: paths that may become a label.
        tracer: None if nobody wants traces.
        untraced: paths that are asked too often to be worth a trace, those of probes.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        router: Router,
        routes: frozenset[str],
        tracer: Tracer | None = None,
        untraced: frozenset[str] = frozenset(),
    ) -> None:
        self._app, self._metrics, self._tracer = app, metrics, tracer
        self._untraced = frozenset(map(label_of, untraced))
        known = [route for route in router.routes if isinstance(route, Route) and route.path in routes]
        self._labels = RouteLabels(route.path for route in known)
        self._methods = {label_of(route.path): frozenset(route.methods or ()) for route in known}
        for path, methods in self._methods.items():
            for method in methods:
                metrics.know(method, path)
        metrics.request_seconds.labels(OTHER_METHOD, UNMATCHED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = self._labels.find(scope["path"]) or UNMATCHED
        method = scope["method"] if scope["method"] in self._methods.get(route, METHODS) else OTHER_METHOD
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = _request_id(scope)
        state["timeline"] = Timeline()
        trace = self._trace(scope, method, route, request_id)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                if trace is not None:
                    headers["traceparent"] = trace.parent_of_others
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
            finally:
                self._tell(method, route, status or CLIENT_GONE, time.perf_counter() - started, state, trace)

    def _trace(self, scope: Scope, method: str, route: str, request_id: str) -> Trace | None:
        if self._tracer is None or route in self._untraced:
            return None
        return self._tracer.begin(scope["headers"], method, route, request_id)

    def _tell(
        self, method: str, route: str, status: int, seconds: float, state: dict[str, Any], trace: Trace | None
    ) -> None:
        exemplar = None if trace is None else trace.exemplar
        answered = (method, route) if method in self._methods.get(route, ()) else (OTHER_METHOD, UNMATCHED)
        self._metrics.request_seconds.labels(*answered).observe(seconds, exemplar)
        self._metrics.requests.labels(method, route, str(status)).inc()
        timeline: Timeline = state["timeline"]
        for part in (timeline, *timeline.photos):
            self._metrics.count_stages(part.seconds(whole=False), exemplar)
        if "rejected" in state:
            self._metrics.rejected.labels(state["rejected"]).inc()
        for answer in (state["answer"],) if "answer" in state else state.get("answers", ()):
            self._metrics.count(answer)
        if trace is not None:
            trace.end(status, state["timeline"], state.get("answer"), state.get("rejected"))


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
