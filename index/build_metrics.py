"""How a build is doing, as a text file for node_exporter's textfile collector."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from index.gathering import Progress

EVERY_S = 5.0


@dataclass(slots=True)
class Meter:
    """How fast tiles are described, and how long the rest will take."""

    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def tiles_per_s(self, done: Progress) -> float:
        return (done.indexed - done.resumed) / max(self.clock() - self._started, 1e-9)

    def eta_s(self, done: Progress) -> float | None:
        """Seconds to go, None as long as nobody knows."""
        rate = self.tiles_per_s(done)
        return max(0, done.total - done.indexed - done.quarantined) / rate if rate else None


class BuildMetrics:
    """Gauges of one job, written to a file every few seconds and at its end; the file is replaced, never torn.

    Args:
        path: the file; its name must end with .prom for node_exporter.
        job: what is done: build, add, update.
        index: name of the index folder.
    """

    def __init__(self, path: Path, job: str, index: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._labels, self._clock = path, {"job_kind": job, "index": index}, clock
        self._registry, self._last = CollectorRegistry(), -EVERY_S
        self._tiles = self._gauge("tiles", "Tiles so far.", "state")
        self._expected = self._gauge("tiles_expected", "Tiles that the source is expected to have.")
        self._rate = self._gauge("tiles_per_second", "Tiles described a second in this run.")
        self._eta = self._gauge("eta_seconds", "Seconds that the rest will probably take; NaN as long as unknown.")
        self._state = self._gauge("state", "1 for the state that the job is in.", "state")
        self._updated = self._gauge("last_update_timestamp_seconds", "When this file was written.")
        self._meter = Meter(clock)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"skyfix_index_build_{name}", text, (*self._labels, *labels), registry=self._registry)

    def show(self, done: Progress) -> None:
        """Take note, and write if the last time is long enough ago."""
        eta_s = self._meter.eta_s(done)
        self._tiles.labels(**self._labels, state="indexed").set(done.indexed)
        self._tiles.labels(**self._labels, state="quarantined").set(done.quarantined)
        self._expected.labels(**self._labels).set(done.total)
        self._rate.labels(**self._labels).set(self._meter.tiles_per_s(done))
        self._eta.labels(**self._labels).set(float("nan") if eta_s is None else eta_s)
        if self._clock() - self._last >= EVERY_S:
            self._write("running")

    def end(self, state: str) -> None:
        """Write a last time: `published`, `stopped` or `failed`."""
        self._eta.labels(**self._labels).set(0 if state == "published" else float("nan"))
        self._write(state)

    def _write(self, state: str) -> None:
        for name in ("running", "published", "stopped", "failed"):
            self._state.labels(**self._labels, state=name).set(name == state)
        self._updated.labels(**self._labels).set(time.time())
        self._last = self._clock()
        with suppress(OSError):  # a build is worth more than its metrics
            write_to_textfile(str(self._path), self._registry)
