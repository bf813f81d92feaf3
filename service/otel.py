"""Traces by OpenTelemetry. Only `service.tracing` imports this, when somebody asked for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.query import Answer
from service.timeline import Timeline

HEADERS = (b"traceparent", b"tracestate")
TRACES_PATH, CLOSE_S = "/v1/traces", 3.0
SHORTEST_WAIT_S = 0.001
"""A free thread is had in less; a span for that would say nothing, four times a photo."""
UNNAMED = "unknown_service"
"""What OpenTelemetry calls a service whose name no variable says."""
PROPAGATOR = TraceContextTextMapPropagator()


def exporting_to(endpoint: str | None, version: str) -> OtelTracer:
    """Send spans over OTLP and HTTP from a thread of its own; a collector that is away costs spans, never answers.

    Args:
        endpoint: base URL; None leaves it to OpenTelemetry's own variables.
    """
    url = None if endpoint is None else endpoint.rstrip("/") + TRACES_PATH
    return OtelTracer(BatchSpanProcessor(OTLPSpanExporter(url)), version)


class OtelTracer:
    """Spans to one processor. Sampler, limits and resource are as OTEL_ variables say."""

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        resource = Resource.create({"service.version": version})
        if str(resource.attributes["service.name"]).startswith(UNNAMED):
            resource = resource.merge(Resource({"service.name": "skyfix"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("skyfix", version)

    def begin(self, headers: Iterable[tuple[bytes, bytes]], method: str, route: str, request_id: str) -> OtelTrace:
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name in HEADERS}
        attributes = {"http.request.method": method, "http.route": route, "skyfix.request_id": request_id}
        span = self._tracer.start_span(
            f"{method} {route}", PROPAGATOR.extract(carrier), SpanKind.SERVER, attributes=attributes
        )
        return OtelTrace(self._tracer, span)

    def close(self, within_s: float = CLOSE_S) -> None:
        """Send what is left; the library would wait half a minute for a collector that hangs."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(within_s)


class OtelTrace:
    """One request's span, and the stages below it once they are known."""

    def __init__(self, tracer: api.Tracer, span: api.Span) -> None:
        self._tracer, self._span, self._context = tracer, span, span.get_span_context()
        self._epoch_ns = time.time_ns() - time.perf_counter_ns()

    @property
    def parent_of_others(self) -> str:
        context = self._context
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    @property
    def exemplar(self) -> dict[str, str] | None:
        sampled = self._context.trace_flags.sampled
        return {"trace_id": f"{self._context.trace_id:032x}"} if sampled else None

    def end(self, status: int, timeline: Timeline, answer: Answer | None, rejected: str | None) -> None:
        if self._span.is_recording():
            self._describe(status, answer, rejected)
            inside = api.set_span_in_context(self._span)
            for part in timeline.all_parts():
                if part.stage == "queue" and part.ended - part.started < SHORTEST_WAIT_S:
                    continue
                stage = self._tracer.start_span(part.stage, inside, start_time=self._ns(part.started))
                stage.end(self._ns(part.ended))
        self._span.end()

    def _describe(self, status: int, answer: Answer | None, rejected: str | None) -> None:
        said: dict[str, str | int] = {"http.response.status_code": status}
        if rejected is not None:
            said["error.type"] = rejected
        if answer is not None:
            said |= {"skyfix.status": answer.status or "ranked", "skyfix.mode": answer.mode_used}
            said |= {"skyfix.index": answer.index, "skyfix.model": answer.model}
        self._span.set_attributes(said)
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))

    def _ns(self, moment: float) -> int:
        return self._epoch_ns + int(moment * 1e9)
