"""Batches from the rendered pairs of sample cities."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.training.batch import Batch
from models.training.config import TrainConfig
from models.training.data_config import CityData
from models.training.parallel import World
from models.training.store import CityPairs, normalise


class CitySupply:
    """Batches of one kind of photo from two cities, so that many negatives share their style."""

    def __init__(self, config: TrainConfig, data: CityData, pairs: list[CityPairs], world: World) -> None:
        self._config, self._data, self._pairs, self._world = config, data, pairs, world

    @property
    def steps_per_epoch(self) -> int:
        return max(1, sum(len(city.places) for city in self._pairs) // self._config.schedule.batch)

    def batch(self, step: int) -> Batch:
        return draw_batch(self._config, self._data, self._pairs, step, self._world)

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        """Nothing is mined here."""

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """A batch depends on seed and step alone."""


def draw_batch(config: TrainConfig, data: CityData, pairs: list[CityPairs], step: int, world: World) -> Batch:
    """Draw the batch of a step, or the share of one process; a pure function of seed and step."""
    rng = np.random.default_rng([config.seed, step])
    weights = np.array([shot.weight for shot in data.shots])
    shot = data.shots[rng.choice(len(data.shots), p=weights / weights.sum())]
    _, ground_view, aerial_view = config.views
    chosen = rng.choice(len(pairs), size=min(2, len(pairs)), replace=False)
    share = np.array_split(np.arange(config.schedule.batch), len(chosen))
    ground, aerial, shift = [], [], []
    for city, part in zip(chosen, share, strict=True):
        rows = np.sort(rng.choice(len(pairs[city].places), size=len(part), replace=False))
        draws = rng.integers(pairs[city].tiles.shape[1], size=len(part))
        ground.append(pairs[city].shots[shot.name][rows])
        aerial.append(np.stack([pairs[city].tiles[row, draw] for row, draw in zip(rows, draws, strict=True)]))
        shift.append(pairs[city].shifts[shot.name][rows])
    mine = world.share(np.arange(config.schedule.batch))
    return Batch(
        normalise(np.concatenate(ground)[mine], ground_view),
        normalise(np.concatenate(aerial)[mine], aerial_view),
        torch.from_numpy(np.concatenate(shift)[mine]),
    )
