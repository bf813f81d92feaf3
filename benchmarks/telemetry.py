"""What watching costs a photo: processor time of metrics, and of metrics and traces, against that of the whole answer.

    python -m benchmarks.telemetry

A photo is answered near a prior, with the default bundle and an index of random rows in its layout; that takes so long
that what telemetry adds is lost in its noise. So the addition is measured where there is nothing else: with a localizer
that says the same answer at once, but through the same threads. Blocks without, with metrics and with both take turns,
and the fastest of each are compared, as all noise is on one side. Sockets are left out. Traces go to a collector in
another process; making, packing and sending them counts.
"""

from __future__ import annotations

import argparse
import asyncio
import http.server
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded

import httpx
import numpy as np
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from PIL import Image
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.made_index import CELLS, DEFAULT, random_rows, square_of, write_index
from models.bundle import default_bundle_path, open_model_bundle
from models.image import Photo
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.loading import load_localizer
from service.localizer import Float32s, Localizer, Prepared
from service.metrics import Metrics
from service.otel import OtelTracer
from service.query import Answer, CameraHints, Query, make_prior
from service.settings import Settings
from service.timeline import Timeline
from service.view import View

SIDE, STRIDE_M, PHOTO_PX = 20, 32.0, (1600, 1200)
KINDS = ("without", "with metrics", "with metrics and traces")


class Nothing:
    """A metric that does nothing, and is its own child and its own context."""

    def __getattr__(self, name: str) -> Callable[..., Nothing]:
        return lambda *_, **__: self

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None: ...


class Silent(Metrics):
    """Metrics that count nothing."""

    def _counter(self, name: str, text: str, *labels: str) -> Any:  # noqa: ARG002
        return Nothing()

    _gauge = _counter

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Any:  # noqa: ARG002
        return Nothing()


class Bare:
    """What is left of the telemetry layer when it tells nothing: what the application needs."""

    def __init__(self, app: ASGIApp, **_: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {}).update(request_id="1", timeline=Timeline())
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Kind:
    app: FastAPI
    flush: Callable[[], object]

    def cpu_ms(self, photos: int, body: bytes, at: tuple[float, float]) -> float:
        """Milliseconds of processor time a photo, of all threads, until the last span is sent."""
        return asyncio.run(self._ask(photos, body, at)) * 1000 / photos

    async def _ask(self, photos: int, body: bytes, at: tuple[float, float]) -> float:
        transport = httpx.ASGITransport(app=self.app)
        query = {"lat": at[0], "lon": at[1], "accuracy_m": 30, "fov_deg": 70}
        options: dict[str, Any] = {"content": body, "params": query, "headers": {"Content-Type": "image/jpeg"}}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            started = time.process_time()
            for _ in range(photos):
                (await client.post("/localize", **options)).raise_for_status()
            self.flush()
            return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200, help="a block")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--collector", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.collector:
        collect()
        return
    with tempfile.TemporaryDirectory() as folder, collector() as url:
        localizer, at = made(Path(folder))
        body, whole_kind = jpeg(), without(localizer)
        whole = min(whole_kind.cpu_ms(10, body, at) for _ in range(given.rounds // 2))
        spans = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"))
        kinds = make_kinds(Rehearsed(localizer, body, at), spans)
        taken = [measure(kinds, given.photos, b"photo", at, turn) for turn in range(given.rounds)]
        spans.shutdown()  # type: ignore[no-untyped-call]
    least = [min(times) for times in zip(*taken, strict=True)]
    print(f"a photo without telemetry: {whole:.1f} ms of processor time; {given.rounds} rounds of {given.photos}")
    for place, name in enumerate(KINDS[1:], 1):
        more = least[place] - least[0]
        print(f"{name}: {more:.3f} ms more, ratio {1 + more / whole:.4f}")


def measure(kinds: list[Kind], photos: int, body: bytes, at: tuple[float, float], turn: int) -> list[float]:
    """Milliseconds of each kind, another one first each turn."""
    order = [(turn + place) % len(kinds) for place in range(len(kinds))]
    times = {place: kinds[place].cpu_ms(photos, body, at) for place in order}
    return [times[place] for place in range(len(kinds))]


class Rehearsed:
    """A localizer that has answered one photo and says the same of every other."""

    def __init__(self, localizer: IndexLocalizer, body: bytes, at: tuple[float, float]) -> None:
        query = Query(prior=make_prior(*at, 30.0, 68.0, None), camera=CameraHints(fov_deg=70.0))
        self.about, self.recipe, self.failures_in_a_row = localizer.about, localizer.recipe, 0
        self.likelihoods, self.coverage, self.gallery = None, localizer.coverage, localizer.gallery
        self._photo = localizer.decode(body)
        self._prepared = localizer.prepare(self._photo, query)
        self._columns = localizer.describe(self._prepared)
        self._answer = localizer.search(query, self._prepared, self._columns)

    def decode(self, data: bytes) -> Photo:  # noqa: ARG002
        return self._photo

    def prepare(self, photo: Photo, query: Query) -> Prepared:  # noqa: ARG002
        return self._prepared

    def describe(self, prepared: Prepared) -> Float32s:  # noqa: ARG002
        return self._columns

    def describe_many(self, prepared: Sequence[Prepared]) -> list[Float32s]:
        return [self._columns] * len(prepared)

    def describe_attended(self, prepared: Sequence[Prepared]) -> list[tuple[Float32s, Float32s | None]]:
        return [(self._columns, None)] * len(prepared)

    def explained(self, query: Query, view: View, answer: Answer) -> Answer:  # noqa: ARG002
        return answer

    def search(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer:  # noqa: ARG002
        return self._answer

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:  # noqa: ARG002
        return None

    def probe_recall(self) -> float:
        return 1.0


def without(localizer: Localizer) -> Kind:
    """An application without telemetry."""
    with patch("service.instance.Metrics", Silent), patch("service.app.Telemetry", Bare):
        return Kind(create_app(Settings(), localizer), lambda: None)


def make_kinds(localizer: Localizer, spans: BatchSpanProcessor) -> list[Kind]:
    """One application without telemetry, one with metrics, one with traces too; the localizer is the same."""
    traced = create_app(Settings(), localizer, OtelTracer(spans, "1"))
    return [
        without(localizer),
        Kind(create_app(Settings(), localizer), lambda: None),
        Kind(traced, spans.force_flush),
    ]


def made(folder: Path) -> tuple[IndexLocalizer, tuple[float, float]]:
    """A localizer of the default bundle on an index of random rows, and a place in its middle."""
    bundle = open_model_bundle(default_bundle_path())
    lat, lon = square_of(SIDE, STRIDE_M)
    rows = random_rows(SIDE * SIDE * CELLS.count).reshape(SIDE * SIDE, CELLS.count, DEFAULT.size)
    root = write_index(folder / "index", lat, lon, rows, np.arange(SIDE * SIDE), stride_m=STRIDE_M, model=bundle)
    middle = SIDE * SIDE // 2 + SIDE // 2
    return load_localizer(root), (float(lat[middle]), float(lon[middle]))


def jpeg() -> bytes:
    """A photo of 2 MP that is neither flat nor noise."""
    coarse = np.random.default_rng(0).integers(0, 256, (PHOTO_PX[1] // 25, PHOTO_PX[0] // 25, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize(PHOTO_PX, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=85)
    return stream.getvalue()


class Taken(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def collect() -> None:
    """Take traces until killed."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taken) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


@contextmanager
def collector() -> Iterator[str]:
    with Popen([sys.executable, "-m", "benchmarks.telemetry", "--collector"], stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


if __name__ == "__main__":
    main()
