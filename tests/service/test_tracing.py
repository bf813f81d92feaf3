"""Traces: a span a request and a stage, below the caller's, that say nothing private; off unless asked for."""

from __future__ import annotations

import http.server
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from models.errors import EnvironmentConflict, UsageError
from service.admin import create_admin_app
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.otel import OtelTracer
from service.settings import Settings
from service.timeline import Timeline
from service.tracing import STANDARD, open_tracer
from tests.service.conftest import Client
from tests.service.world import LAT, LON

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = (f"00-{TRACE}-{CALLER}-{flags}" for flags in ("01", "00"))
STAGES = {"receive", "decode", "preprocess", "inference", "search", "serialize"}


class Traced(Client):
    """A client of an app whose spans stay in memory."""

    def __init__(self, localizer: IndexLocalizer) -> None:
        self._kept = InMemorySpanExporter()
        self.tracer = OtelTracer(SimpleSpanProcessor(self._kept), "1")
        super().__init__(create_app(Settings(), localizer, self.tracer))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._kept.get_finished_spans()

    def root(self) -> ReadableSpan:
        (root,) = [span for span in self.spans if span.kind is SpanKind.SERVER]
        return root

    def post(self, image: bytes, **headers: str) -> None:
        more = {"Content-Type": "image/png", **headers}
        self.request("POST", "/localize", content=image, params={"lat": LAT, "lon": LON}, headers=more)


@pytest.fixture
def traced(localizer: IndexLocalizer) -> Traced:
    return Traced(localizer)


def test_request_is_a_span_below_the_callers(traced: Traced, photo: bytes) -> None:
    traced.post(photo, traceparent=SAMPLED, **{"X-Request-Id": "r-17"})
    root = traced.root()
    assert root.name == "POST /localize"
    assert root.parent is not None
    assert (f"{root.context.trace_id:032x}", f"{root.parent.span_id:016x}") == (TRACE, CALLER)
    assert dict(root.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/localize",
        "skyfix.request_id": "r-17",
        "http.response.status_code": 200,
        "skyfix.status": "ranked",
        "skyfix.mode": "prior",
        "skyfix.index": "painted@1",
        "skyfix.model": "mean-colour@1",
    }


def test_stages_are_spans_inside_the_request(traced: Traced, photo: bytes) -> None:
    traced.post(photo)
    root = traced.root()
    inside = [span for span in traced.spans if span is not root]
    assert {span.name for span in inside} - {"queue"} == STAGES
    for span in inside:
        assert span.parent == root.context
        assert root.start_time and root.end_time and span.start_time and span.end_time  # noqa: PT018
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time


def test_waiting_is_a_span_only_if_it_is_one(traced: Traced) -> None:
    trace, timeline = traced.tracer.begin([], "POST", "/localize", "1"), Timeline()
    now = time.perf_counter()
    for stage, started, ended in [("queue", 0, 0.0009), ("decode", 0.0009, 0.001), ("queue", 0.001, 0.01)]:
        timeline.add(stage, now + started, now + ended)
    trace.end(200, timeline, None, None)
    assert [span.name for span in traced.spans] == ["decode", "queue", "POST /localize"]


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("OTEL_SERVICE_NAME", "eyes", "eyes"),
        ("OTEL_SERVICE_NAME", "", "skyfix"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=eyes,region=north", "eyes"),
        ("OTEL_RESOURCE_ATTRIBUTES", "region=north", "skyfix"),
    ],
)
def test_service_is_called_as_the_variables_say(
    localizer: IndexLocalizer, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)
    traced = Traced(localizer)
    traced.get("/info")
    assert traced.root().resource.attributes["service.name"] == name
    assert traced.root().resource.attributes["service.version"] == "1"


def test_answer_names_the_span(traced: Traced) -> None:
    given = traced.get("/info", headers={"traceparent": SAMPLED}).headers["traceparent"]
    assert given == f"00-{TRACE}-{traced.root().context.span_id:016x}-01"


def test_refused_photo_says_the_problems_code(traced: Traced) -> None:
    traced.post(b"not a photo")
    root = traced.root()
    assert (root.attributes or {})["error.type"] == "image_undecodable"
    assert root.status.status_code is StatusCode.UNSET
    assert {span.name for span in traced.spans} - {"queue"} == {"POST /localize", "receive", "decode"}


def test_our_own_fault_is_an_error(localizer: IndexLocalizer, photo: bytes) -> None:
    class Broken(IndexLocalizer):
        def decode(self, data: bytes) -> None:  # type: ignore[override]
            raise RuntimeError(len(data))

    broken = Broken.__new__(Broken)
    broken.__dict__ = localizer.__dict__
    traced = Traced(broken)
    traced.post(photo)
    assert traced.root().status.status_code is StatusCode.ERROR
    assert (traced.root().attributes or {})["error.type"] == "internal"
    assert traced.root().events == ()


def test_spans_say_nothing_private(traced: Traced, photo: bytes) -> None:
    secret, lat, lon = "k3y" * 8, f"{LAT}0012345", f"{LON}0054321"
    headers = {"X-API-Key": secret, "User-Agent": "agent-zebra", "baggage": "lat=52.5", "X-Request-Id": "request-17"}
    files = {"image": ("zebra.png", photo, "image/png")}
    traced.request("POST", "/localize", files=files, data={"lat": lat, "lon": lon}, headers=headers)
    traced.request("GET", "/zebra?lat=52.5&key=zebra")
    told = " ".join(span.to_json() for span in traced.spans)
    assert "POST /localize" in told
    assert "GET unmatched" in told
    assert "request-17" in told
    assert [word for word in (secret, "zebra", lat, lon, "0012345", "0054321", "127.0.0.1") if word in told] == []


@pytest.mark.parametrize("header", ["", "00-zz-zz-01", f"00-{'0' * 32}-{CALLER}-01", "x" * 10_000, SAMPLED.upper()])
def test_nonsense_begins_a_trace_of_its_own(traced: Traced, header: str) -> None:
    assert traced.get("/info", headers={"traceparent": header}).status_code == 200
    assert f"{traced.root().context.trace_id:032x}" != TRACE


def test_unsampled_trace_costs_no_spans_and_goes_on(traced: Traced, photo: bytes) -> None:
    traced.post(photo, traceparent=UNSAMPLED)
    assert traced.spans == ()
    assert traced.get("/info", headers={"traceparent": UNSAMPLED}).headers["traceparent"].split("-")[1::2] == [
        TRACE,
        "00",
    ]


def test_probes_are_not_traced(traced: Traced) -> None:
    assert "traceparent" not in traced.get("/livez").headers
    traced.get("/readyz")
    assert traced.spans == ()


def test_buckets_lead_to_traces_where_openmetrics_is_spoken(traced: Traced, photo: bytes) -> None:
    async def reload(_: str | None) -> object:
        return ""

    traced.post(photo, traceparent=SAMPLED)
    admin = Client(create_admin_app(traced.app.state.service.metrics, reload))  # type: ignore[arg-type]
    spoken = admin.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert spoken.headers["content-type"].startswith("application/openmetrics-text")
    marked = [line for line in spoken.text.splitlines() if f'# {{trace_id="{TRACE}"}}' in line]
    assert {line.partition("{")[0] for line in marked} == {
        "skyfix_http_request_duration_seconds_bucket",
        "skyfix_stage_duration_seconds_bucket",
    }
    assert TRACE not in admin.get("/metrics").text


def test_nothing_is_sent_unless_asked_for(localizer: IndexLocalizer, photo: bytes) -> None:
    assert open_tracer(None, "1", {}) is None
    assert open_tracer("http://127.0.0.1:4318", "1", {"OTEL_SDK_DISABLED": "true"}) is None
    assert open_tracer(None, "1", {STANDARD[0]: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}) is None
    assert "traceparent" not in Client(create_app(Settings(), localizer)).raw(photo).headers


def test_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(UsageError, match="SKYFIX_OTLP_ENDPOINT"):
        open_tracer("collector:4318", "1", {})


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delitem(sys.modules, "service.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(EnvironmentConflict, match=r"skyfix\[otel\]"):
        open_tracer("http://127.0.0.1:4318", "1", {})
    with caplog.at_level(logging.WARNING, "skyfix"):
        assert open_tracer(None, "1", {STANDARD[1]: "http://127.0.0.1:4318"}) is None
    assert "otel" in caplog.text


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted to /v1/traces."""

    names: list[str]

    def do_POST(self) -> None:
        message = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        spans = [span for each in message.resource_spans for scope in each.scope_spans for span in scope.spans]
        services = {a.value.string_value for each in message.resource_spans for a in each.resource.attributes}
        assert self.path == "/v1/traces"
        assert "skyfix" in services
        self.names.extend(span.name for span in spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str]]]:
    names: list[str] = []
    handler = type("Kept", (Collector,), {"names": names})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", names
        server.shutdown()


def test_a_collector_gets_them_over_http(
    localizer: IndexLocalizer, photo: bytes, collector: tuple[str, list[str]]
) -> None:
    url, names = collector
    client = Client(create_app(Settings(otlp_endpoint=url), localizer))
    assert client.raw(photo).status_code == 200
    client.app.state.service.tracer.close()
    assert set(names) - {"queue"} == {"POST /localize", *STAGES}


def test_a_collector_that_hangs_holds_up_neither_answers_nor_the_end(localizer: IndexLocalizer, photo: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(create_app(Settings(otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"), localizer))
        answers = [client.raw(photo) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert json.loads(answers[-1].text)["candidates"]
        started = time.monotonic()
        client.app.state.service.tracer.close(0.2)
        assert time.monotonic() - started < 5
