"""One photo through the house: decode, preprocess, encode, search. No HTTP and no threads in here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.coverage import Coverage
from index.gallery import Gallery
from index.manifest import Imagery
from index.tiles import Bounds
from models.image import Photo
from models.provenance import LedgerEntry
from service.likelihood import LikelihoodSource
from service.prepared import Prepared as Prepared
from service.query import Answer, Query
from service.recipe import Recipe
from service.view import View

Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class About:
    """What a localizer is made of, for /info and the metrics."""

    model: str
    model_label: str
    model_licence: str
    model_attribution: str
    model_precision: str
    model_ledger: tuple[LedgerEntry, ...]
    """Licences of weights, training data and code, as they were declared."""
    provider: str
    index: str
    """Name and generation, as in berlin@3; of a region the name alone."""
    index_tiles: int
    index_bounds: Bounds
    index_attribution: str
    index_licence: str
    index_bytes: int
    index_created: datetime
    index_imagery: Imagery | None = None
    """Zooms of its map tiles."""

    @property
    def index_name(self) -> str:
        return self.index.partition("@")[0]


class Localizer(Protocol):
    """Answers a query in four steps, so that each can run where its kind of work belongs."""

    @property
    def about(self) -> About: ...

    @property
    def recipe(self) -> Recipe:
        """What `decode` and `prepare` do, to be done elsewhere."""

    @property
    def gallery(self) -> Gallery:
        """The tiles that photos are compared with."""

    @property
    def likelihoods(self) -> LikelihoodSource | None:
        """What several photos, fixes and tracks are reckoned from; None without calibration."""

    @property
    def coverage(self) -> Coverage:
        """Where there is imagery."""

    def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Give a map tile of the index's own imagery as WebP; None where there is none."""

    @property
    def failures_in_a_row(self) -> int:
        """Runs of the network that failed since one succeeded."""

    def decode(self, data: bytes) -> Photo:
        """Raises ImageError."""

    def prepare(self, photo: Photo, query: Query) -> Prepared:
        """Raises ParameterError."""

    def describe(self, prepared: Prepared) -> Float32s:
        """Give the columns of the photo, (w, E). Raises EncoderError."""

    def describe_many(self, prepared: Sequence[Prepared]) -> list[Float32s]:
        """Do that for photos of one `input_shape` in one run. Raises EncoderError if any is bad."""

    def describe_attended(self, prepared: Sequence[Prepared]) -> list[tuple[Float32s, Float32s | None]]:
        """Do the same, and give the network's attention (h, w) over each input, where it tells it."""

    def search(self, query: Query, prepared: Prepared, columns: Float32s) -> Answer: ...

    def explained(self, query: Query, view: View, answer: Answer) -> Answer:
        """Add to an answer what its first candidate rests on."""

    def probe_recall(self) -> float:
        """Give the share of what the index's probes must find that it finds now; 1 is well.

        Raises:
            EncoderError: the network failed last, and fails again on a grey photo.
        """


def localize(
    localizer: Localizer, data: bytes, query: Query, clock: Callable[[], float] = time.perf_counter
) -> tuple[Answer, dict[str, float]]:
    """Run the four steps here and now; give the answer and the seconds of each stage."""
    marks = [clock()]
    photo = localizer.decode(data)
    marks.append(clock())
    prepared = localizer.prepare(photo, query)
    marks.append(clock())
    view = View(prepared, *described(localizer, [prepared], query.wants_attention)[0])
    marks.append(clock())
    answer = answered(localizer, query, view)
    marks.append(clock())
    stages = ("decode", "preprocess", "inference", "search")
    seconds = {stage: after - before for stage, (before, after) in zip(stages, pairwise(marks), strict=True)}
    return answer, with_posterior(seconds, answer)


def described(
    localizer: Localizer, prepared: Sequence[Prepared], attended: bool
) -> list[tuple[Float32s, Float32s | None]]:
    """Describe photos of one `input_shape`, and say where the network looked if that is wanted."""
    if attended:
        return localizer.describe_attended(prepared)
    return [(columns, None) for columns in localizer.describe_many(prepared)]


def answered(localizer: Localizer, query: Query, view: View) -> Answer:
    """Search, and explain the answer if that is wanted."""
    answer = localizer.search(query, view.prepared, view.columns)
    return localizer.explained(query, view, answer) if query.wants_attention else answer


def with_posterior(seconds: dict[str, float], answer: Answer) -> dict[str, float]:
    """Take the posterior's share out of the search's time, where there was one."""
    if answer.reckoning is None:
        return seconds
    posterior = min(answer.reckoning.seconds, seconds["search"])
    return {**seconds, "search": seconds["search"] - posterior, "posterior": posterior}
