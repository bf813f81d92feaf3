"""When each stage of a request and its photos ran: told at its end to the answer, the metrics and the trace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

STAGES = ("receive", "decode", "preprocess", "queue", "inference", "search", "posterior", "serialize")


class Part(NamedTuple):
    """A stage from when to when, by `time.perf_counter`."""

    stage: str
    started: float
    ended: float


@dataclass(slots=True)
class Timeline:
    """Parts in the order in which they ended; a photo waits several times, so `queue` comes more than once.

    Any thread may add.
    """

    parts: list[Part] = field(default_factory=list)
    size_px: tuple[int, int] | None = None
    """Width and height of the photo, once it is decoded."""
    photos: list[Timeline] = field(default_factory=list)
    """Of the photos of a request that brought several."""

    def photo(self) -> Timeline:
        """Begin the timeline of one photo of several."""
        self.photos.append(Timeline())
        return self.photos[-1]

    def add(self, stage: str, started: float, ended: float) -> None:
        self.parts.append(Part(stage, started, ended))

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add what runs inside, also if it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, started, time.perf_counter())

    def give_end(self, stage: str, of: str, seconds: float) -> None:
        """Call the last so many seconds of a stage another one: the posterior runs inside the search."""
        place = next(number for number, part in enumerate(self.parts) if part.stage == of)
        whole = self.parts[place]
        cut = max(whole.started, whole.ended - seconds)
        self.parts[place : place + 1] = [Part(of, whole.started, cut), Part(stage, cut, whole.ended)]

    def all_parts(self) -> list[Part]:
        """Its own parts, then those of its photos."""
        return [*self.parts, *(part for photo in self.photos for part in photo.parts)]

    def seconds(self, *, whole: bool = True) -> dict[str, float]:
        """Sum up each stage that ran, in the order of STAGES.

        Args:
            whole: with its photos, whose stages may have run side by side.
        """
        sums = dict.fromkeys(STAGES, 0.0)
        parts = self.all_parts() if whole else self.parts
        for part in parts:
            sums[part.stage] += part.ended - part.started
        ran = {part.stage for part in parts}
        return {stage: sums[stage] for stage in STAGES if stage in ran}


def server_timing(seconds: Mapping[str, float]) -> str:
    """Write stages as the header Server-Timing has them."""
    return ", ".join(f"{stage};dur={value * 1000:.2f}" for stage, value in seconds.items())
