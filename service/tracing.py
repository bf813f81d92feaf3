"""Traces: who asks for them, and what a request tells them. Without an address for them nothing of this runs.

A span a request and, below it, a span a stage. What they say is closed like the metrics' labels: no coordinates, no
keys, nothing that a client wrote but the ids that it gave its trace and its request, by which logs and traces are
brought together.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Mapping
from typing import Protocol, cast

from models.errors import EnvironmentConflict, UsageError
from service.query import Answer
from service.timeline import Timeline

STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
logger = logging.getLogger("skyfix")


class Trace(Protocol):
    """The span of one request."""

    @property
    def parent_of_others(self) -> str:
        """W3C `traceparent` that names this span."""

    @property
    def exemplar(self) -> dict[str, str] | None:
        """Labels that lead from a bucket to this trace; None if the trace is not kept."""

    def end(self, status: int, timeline: Timeline, answer: Answer | None, rejected: str | None) -> None:
        """Tell how it ended: the HTTP status (499 if the client left), the stages, the answer or the problem's code."""


class Tracer(Protocol):
    def begin(self, headers: Iterable[tuple[bytes, bytes]], method: str, route: str, request_id: str) -> Trace:
        """Begin the span of a request, below the one that its `traceparent` names."""

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""


def open_tracer(endpoint: str | None, version: str, environ: Mapping[str, str]) -> Tracer | None:
    """Make the tracer that the settings or OpenTelemetry's own variables ask for; None if they ask for none.

    Args:
        endpoint: base URL of an OTLP collector over HTTP; wins over the variables.
        version: of this program.

    Raises:
        UsageError: the endpoint is no URL.
        EnvironmentConflict: an endpoint is given and the `otel` extra is not installed. By the variables alone, which
            may be set for everything on a machine, it is a warning.
    """
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise UsageError("SKYFIX_OTLP_ENDPOINT is no http:// or https:// URL, such as http://127.0.0.1:4318.")
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or (endpoint is None and not any(environ.get(name) for name in STANDARD)):
        return None
    try:
        module = importlib.import_module("service.otel")
    except ModuleNotFoundError as error:
        missing = "Traces need OpenTelemetry: install the `otel` extra, as in pip install 'skyfix[otel]'."
        if endpoint is not None:
            raise EnvironmentConflict(missing) from error
        logger.warning("%s None are sent.", missing)
        return None
    return cast(Tracer, module.exporting_to(endpoint, version))
