"""How recall on a sample city falls under every condition, against the clear day, photo by photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.artefact import Frozen
from models.encoder import Encoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.conditions import Condition, all_conditions, moment_of, spoil
from models.evaluation.gallery import Gallery
from models.evaluation.metrics import ranks
from models.evaluation.photographs import Photo, Setting
from models.evaluation.scoring import describe_photos, score
from models.evaluation.settings import Orientation

Ints = NDArray[np.int64]
OnProgress = Callable[[int, int], None]


class Endured(Frozen):
    """Recall under one condition; drops are that of the clear day minus this one, of the same photos."""

    condition: str
    family: str
    severity: int | None
    fov_deg: float
    orientation: Orientation
    recall_at_1: float
    recall_at_5: float
    drop_at_1: float
    drop_at_5: float
    drop_at_1_error: float
    """Standard error of `drop_at_1`: photos are drawn, the pairing is kept."""


class Endurance(Frozen):
    """A model under all conditions, by setting, then in the order of the conditions; the clear day comes first."""

    protocol: str
    queries: int
    gallery: int
    rows: tuple[Endured, ...]


def measure_endurance(
    benchmark: CityBenchmark,
    encoder: Encoder,
    settings: Sequence[Setting],
    severities: Sequence[int],
    *,
    seed: int = 0,
    on_progress: OnProgress = lambda *_: None,
) -> Endurance:
    """Measure every condition in every setting against the centre gallery.

    At most two sets of photos are held, that of the clear day and that of one other moment: memory grows with the
    places, not with the conditions.

    Args:
        benchmark: city and places.
        encoder: the model; tiles are described once.
        settings: fields of view and orientations.
        severities: 1 to 5, of the corruptions.
        seed: of corruptions and occlusion.
        on_progress: told how many rows of how many are done.
    """
    gallery, conditions = benchmark.centres(encoder), all_conditions(severities)
    rows: list[Endured] = []
    for setting in settings:
        found = _ranked(benchmark, encoder, setting, conditions, gallery, seed)
        clear: Ints | None = None
        for condition, rank in zip(conditions, found, strict=True):
            clear = rank if clear is None else clear
            rows.append(_row(condition, setting, rank, clear))
            on_progress(len(rows), len(settings) * len(conditions))
    protocol = f"sample-city-centre, seed {benchmark.seed}"
    return Endurance(protocol=protocol, queries=len(benchmark.x_m), gallery=len(gallery), rows=tuple(rows))


def _ranked(
    benchmark: CityBenchmark,
    encoder: Encoder,
    setting: Setting,
    conditions: Sequence[Condition],
    gallery: Gallery,
    seed: int,
) -> Iterator[Ints]:
    """Rank the right tile of every photo, condition by condition: (Q,) each."""
    clear: list[Photo] = []
    for condition in conditions:
        photos = clear
        if condition.rendered:
            photos = benchmark.take_photos(setting, moment_of(condition))
            clear = clear or photos
        spoiled = spoil(photos, condition, seed, encoder.manifest)
        scores = score(describe_photos(encoder, spoiled), gallery.rows)
        yield ranks(scores.similarity, np.arange(len(photos)))


def _row(condition: Condition, setting: Setting, rank: Ints, clear: Ints) -> Endured:
    drops = {k: (clear < k).astype(float) - (rank < k) for k in (1, 5)}
    return Endured(
        condition=condition.name,
        family=condition.family,
        severity=condition.severity,
        fov_deg=setting.fov_deg,
        orientation=setting.orientation,
        recall_at_1=float((rank < 1).mean()),
        recall_at_5=float((rank < 5).mean()),
        drop_at_1=float(drops[1].mean()),
        drop_at_5=float(drops[5].mean()),
        drop_at_1_error=float(drops[1].std() / len(rank) ** 0.5),
    )
