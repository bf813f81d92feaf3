"""What Prometheus sees. Every label set is closed: nothing a client sends becomes a label."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from models import errors as library
from models.errors import SkyfixError
from service import errors as http
from service.fleet.fix import Corrected
from service.fleet.fix import Status as FixStatus
from service.localizer import About
from service.query import Answer, Status
from service.served import Resident
from service.timeline import STAGES

T = TypeVar("T")
Exemplar = dict[str, str] | None
REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STAGE_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD, UNMATCHED = "OTHER", "unmatched"
USUAL_STATUSES = ("200", "429", "500", "503", "504")
"""Counted from 0 on every route, so that the first error is an increase."""
BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
CONFIDENCE_BUCKETS = tuple(tenth / 10 for tenth in range(1, 11))
RADIUS_BUCKETS_M = (5.0, 10.0, 15.0, 25.0, 50.0, 100.0, 250.0, 1000.0, 10_000.0)
STATUSES = (*get_args(Status), "ranked")
"""`ranked` is what a model without calibration answers."""
MODES = ("prior", "global")
COMPONENTS = ("model", "index")
PROBED = "10"
"""Best rows that a probe asks for."""
RELOADS = ("taken", "refused")
WORKER_ENDS = ("late", "died", "lied", "recycled")
CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
REFUSALS = (
    library.ParameterError,
    library.ImageError,
    library.EncoderError,
    library.BackendUnavailable,
    http.RequestError,
    http.Refused,
    http.Unavailable,
)
"""What a request can end in."""


def reasons() -> set[str]:
    """Give the problem codes that requests are refused with, those of the router and of crashes included."""
    kinds = [kind for module in (library, http) for kind in vars(module).values() if isinstance(kind, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, SkyfixError) and issubclass(kind, REFUSALS)}
    return codes | {"internal", "not_found", "method_not_allowed", "header_timeout"}


class Metrics:
    """All series of one app, in a registry of its own."""

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began; a third more series, for nothing that is asked here
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, processor time, open files and start of the process
        self.requests = self._counter("http_requests", "Requests answered.", "method", "route", "status")
        self.request_seconds = self._histogram(
            "http_request_duration_seconds",
            "Seconds from headers to last byte, the upload included.",
            REQUEST_BUCKETS_S,
            "method",
            "route",
        )
        self.in_flight = self._gauge("http_requests_in_flight", "Requests being answered.", "route")
        self.stage_seconds = self._histogram(
            "stage_duration_seconds", "Seconds of one photo in a stage, failed ones included.", STAGE_BUCKETS_S, "stage"
        )
        self.batch_size = self._histogram("batch_size", "Photos in one run.", BATCH_BUCKETS, "stage")
        self.localizations = self._counter("localizations", "Photos answered.", "status", "mode")
        self.confidence = self._histogram("confidence_ratio", "Confidence of answers.", CONFIDENCE_BUCKETS)
        self.radius_95 = self._histogram("radius95_meters", "Radius of answers that holds 95 %.", RADIUS_BUCKETS_M)
        self.prior_distance = self._histogram(
            "prior_distance_meters", "From the prior to the position that was answered instead.", RADIUS_BUCKETS_M
        )
        self.fixes = self._counter("fixes", "Fixes corrected, kept or refused belief.", "status")
        self.fix_correction = self._histogram(
            "fix_correction_meters", "From a fix to where it was corrected to.", RADIUS_BUCKETS_M
        )
        self.rejected = self._counter("rejected", "Requests refused, by problem code.", "reason")
        self.key_reloads = self._counter("key_file_reloads", "Times the key file was read again.", "result")
        self.decode_workers = self._gauge("decode_workers", "Processes that decode photos; 0 where threads do.")
        self.decode_workers_ended = self._counter("decode_workers_ended", "Decode processes that ended.", "reason")
        self.log_lines_dropped = self._counter("log_lines_dropped", "Log lines that could not be written.")
        self.queue_depth = self._gauge("queue_depth", "Places taken.", "queue")
        self.queue_capacity = self._gauge("queue_capacity", "Places there are.", "queue")
        self.index_vectors = self._gauge("index_vectors", "Tiles in a served index.", "index")
        self.index_bytes = self._gauge("index_bytes", "Size of a served index.", "index")
        self.index_swaps = self._counter("index_swaps", "Times model and index were loaded anew.", "index", "result")
        self.probe_recall = self._gauge(
            "index_probe_recall_ratio", "Share of the probes answered when last asked.", "index", "k"
        )
        self.index_age = self._gauge("index_age_seconds", "Seconds since a served index was built.", "index")
        self.index_ready = self._gauge("index_ready", "1 when an index can answer.", "index")
        self.model_info = self._gauge("model_info", "A served model; always 1.", "model")
        self.index_info = self._gauge("index_info", "A served index and its generation; always 1.", "index")
        self.build_info = self._gauge("build_info", "Running program; always 1.", "version")
        self.degraded = self._gauge(
            "execution_provider_degraded", "1 when the network runs elsewhere than wished.", "requested", "actual"
        )
        self.ready = self._gauge("ready", "1 when a component can answer.", "component")
        self.warm_up_seconds = self._gauge(
            "warmup_duration_seconds", "Seconds the last load took: open, verify, warm up."
        )
        self._begin(version)

    def _begin(self, version: str) -> None:
        """Let every series whose labels are known be there from the start, at 0."""
        self.build_info.labels(version).set(1)
        self.stages = {stage: self.stage_seconds.labels(stage) for stage in STAGES}
        for component in COMPONENTS:
            self.ready.labels(component).set(0)
        for reason in WORKER_ENDS:
            self.decode_workers_ended.labels(reason)
        for result in RELOADS:
            self.key_reloads.labels(result)
        for status in STATUSES:
            for mode in MODES:
                self.localizations.labels(status, mode)
        for fix_status in get_args(FixStatus):
            self.fixes.labels(fix_status)
        for reason in sorted(reasons()):
            self.rejected.labels(reason)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace="skyfix", registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace="skyfix", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, namespace="skyfix", registry=self.registry, buckets=buckets)

    def know(self, method: str, route: str) -> None:
        """Begin the series of a route."""
        self.request_seconds.labels(method, route)
        for status in USUAL_STATUSES:
            self.requests.labels(method, route, status)

    def count(self, answer: Answer) -> None:
        """Note what was answered."""
        self.localizations.labels(answer.status or "ranked", answer.mode_used).inc()
        if answer.reckoning is not None:
            self.confidence.observe(answer.reckoning.confidence)
            self.radius_95.observe(answer.reckoning.radius_m_95)
        best = answer.candidates[0] if answer.candidates else None
        if best is not None and best.distance_to_prior_m is not None and answer.status in ("localized", None):
            self.prior_distance.observe(best.distance_to_prior_m)

    def count_fixes(self, corrected: Iterable[Corrected]) -> None:
        """Note what became of the fixes of a call."""
        for fix in corrected:
            self.fixes.labels(fix.status).inc()
            if fix.status == "corrected":
                self.fix_correction.observe(fix.moved_m)

    def count_stages(self, seconds: Mapping[str, float], exemplar: Exemplar = None) -> None:
        """Note how long a photo was in each stage."""
        for stage, value in seconds.items():
            self.stages[stage].observe(value, exemplar)

    def count_refused_on_the_wire(self, code: str, status: int | None) -> None:
        """Note a connection that was refused or closed before there was a request."""
        self.rejected.labels(code).inc()
        if status is not None:
            self.requests.labels(OTHER_METHOD, UNMATCHED, str(status)).inc()

    def timing(self, load: Callable[[], T]) -> Callable[[], T]:
        """Wrap what loads a model and an index, so that the time of the last success is shown."""

        def timed() -> T:
            started = time.perf_counter()
            loaded = load()
            self.warm_up_seconds.set(time.perf_counter() - started)
            return loaded

        return timed

    def serve(self, served: Iterable[Resident], provider_policy: str) -> None:
        """Show the models and the indexes as they are now, and nothing of what they were."""
        for gauge in (self.index_vectors, self.index_bytes, self.index_age, self.model_info, self.index_info):
            gauge.clear()
        for gauge in (self.degraded, self.probe_recall, self.index_ready):
            gauge.clear()
        wished = CPU_PROVIDER if provider_policy == "cpu" else CUDA_PROVIDER
        unready = [resident.unready for resident in served]
        self.ready.labels("model").set(float(all(resident.localizer is not None for resident in served)))
        self.ready.labels("index").set(float(not any(unready)))
        for resident in served:
            self.index_ready.labels(resident.name).set(float(resident.unready is None))
            for result in RELOADS:
                self.index_swaps.labels(resident.name, result)
            if resident.about is not None:
                self._show(resident.name, resident.about, resident.recall, wished)

    def _show(self, name: str, about: About, recall: float, wished: str) -> None:
        self.index_vectors.labels(name).set(about.index_tiles)
        self.index_bytes.labels(name).set(about.index_bytes)
        self.index_age.labels(name).set_function(lambda: max(0.0, time.time() - about.index_created.timestamp()))
        self.probe_recall.labels(name, PROBED).set(recall)
        self.model_info.labels(about.model).set(1)
        self.index_info.labels(about.index).set(1)
        self.degraded.labels(wished, about.provider).set(float(wished != about.provider))
