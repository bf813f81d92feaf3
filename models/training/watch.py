"""What is looked at between epochs: recall on places that are not trained on."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from models.datasets.catalogue import open_dataset
from models.datasets.pairset import PairSet, Positions
from models.encoder import Encoder
from models.errors import UsageError
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.photographs import Setting
from models.evaluation.protocols import find_protocol
from models.evaluation.run import evaluate_protocol
from models.training.config import TrainConfig, Validation
from models.training.data_config import CityData, PairData, ViewData

logger = logging.getLogger(__name__)
PROTOCOL_OF = {"cvact": "cvact-val", "university": "university-street", "pairs": "own"}
"""Where a protocol's name is not the data set's."""


EVERY_VIEW = tuple(Setting(fov_deg, "unknown") for fov_deg in (360.0, 180.0, 90.0, 70.0))


class Watch(Protocol):
    def recall(self, encoder: Encoder) -> dict[str, float]:
        """Recall at 1, 5 and 1 %, each in [0, 1], by name; ties count against the model."""


class CityWatch:
    """Places of a sample city, for every kind of photo trained on."""

    def __init__(self, data: CityData | ViewData, plan: Validation) -> None:
        shots = data.shots if isinstance(data, CityData) else ()
        self._settings = [Setting(shot.fov_deg, shot.orientation) for shot in shots] or list(EVERY_VIEW)
        self._benchmark = CityBenchmark.render(plan.city, plan.places, plan.extent_m)

    def recall(self, encoder: Encoder) -> dict[str, float]:
        rows = self._benchmark.score(encoder, self._settings)
        found = dict[str, float]()
        for setting, row in zip(self._settings, rows, strict=True):
            for name, value in (("R@1", row.recall_at_1), ("R@5", row.recall_at_5), ("R@1%", row.recall_at_1_percent)):
                found[f"{setting.name} {name}"] = round(value, 4)
        return found


class SplitWatch:
    """The validation split of a data set, by the protocol of `skyfix evaluate`."""

    def __init__(self, data: PairData, seed: int) -> None:
        self._data, self._seed = data, seed
        root = Path(data.validation_root or data.root)
        if data.kind == "pairs" and root.is_file() and root == Path(data.root):
            logger.warning("%s is trained on and watched alike; give data.validation_root for an honest look.", root)
        pairs = open_dataset(data.kind, root, data.validation_split, labels=data.labels)
        self._pairs = pairs if data.validation_queries is None else evenly(pairs, data.validation_queries)

    def recall(self, encoder: Encoder) -> dict[str, float]:
        name = PROTOCOL_OF.get(self._data.kind, self._data.kind)
        settings = find_protocol(name).settings(encoder.manifest, orientation=self._data.orientation, seed=self._seed)
        result = evaluate_protocol(encoder, self._pairs, name, settings)
        shares = {"R@1": result.recall_at_1, "R@5": result.recall_at_5, "R@1%": result.recall_at_1_percent}
        return {name: round(value, 4) for name, value in shares.items()}


def open_watch(config: TrainConfig) -> Watch:
    """Make ready what the configuration validates on, before anything is trained.

    Raises:
        DatasetError: the validation split is not laid out as it should be.
    """
    if isinstance(config.data, PairData):
        return SplitWatch(config.data, config.seed)
    if config.validation is None:
        raise UsageError("Sample cities need a [validation] city.")
    return CityWatch(config.data, config.validation)


def evenly(pairs: PairSet, count: int) -> PairSet:
    """Keep so many photos, evenly spread over the split; the gallery stays whole."""
    if count >= len(pairs):
        return pairs
    rows = np.linspace(0, len(pairs) - 1, count).round().astype(np.int64)
    at = pairs.positions
    return replace(
        pairs,
        ground=tuple(pairs.ground[row] for row in rows),
        positive=pairs.positive[rows],
        semi_positive=pairs.semi_positive[rows],
        heading_deg=pairs.heading_deg[rows],
        fov_deg=pairs.fov_deg[rows],
        positions=None if at is None else Positions(at.frame, at.ground[rows], at.aerial),
    )
