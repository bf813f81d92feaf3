"""Batches of training views: each tile with a wide and a narrow photo, and positions in it to tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.training.batch import SeenPhotos, ViewBatch
from models.training.config import TrainConfig
from models.training.data_config import PhotoKind, ViewData
from models.training.parallel import World
from models.training.view_store import CityViews

CITIES_PER_BATCH = 2
"""Few, so that many negatives share a city's style."""


class ViewSupply:
    """Draws batches by seed and step alone."""

    def __init__(self, config: TrainConfig, data: ViewData, cities: list[CityViews], world: World) -> None:
        self._config, self._data, self._cities, self._world = config, data, cities, world

    @property
    def steps_per_epoch(self) -> int:
        return max(1, sum(map(len, self._cities)) // self._config.schedule.batch)

    def batch(self, step: int) -> ViewBatch:
        config = self._config
        rng = np.random.default_rng([config.seed, step])
        wide, narrow = (self._draw_kind(group, rng) for group in ("wide", "narrow"))
        tiles, camera, photos = [], [], {seen: ([], []) for seen in (wide, narrow)}  # type: ignore[var-annotated]
        chosen = rng.choice(len(self._cities), size=min(CITIES_PER_BATCH, len(self._cities)), replace=False)
        for number, part in zip(chosen, np.array_split(np.arange(config.schedule.batch), len(chosen)), strict=True):
            city = self._cities[number]
            rows = np.sort(rng.choice(len(city), size=len(part), replace=len(part) > len(city)))
            draws = rng.integers(len(city.tiles), size=len(part))
            tiles.append(np.stack([city.tiles[draw, row] for draw, row in zip(draws, rows, strict=True)]))
            camera.append(city.camera_m[draws, rows])
            for seen, (fronts, shifts) in photos.items():
                fronts.append(city.photos[seen][rows])
                shifts.append(city.shifts[seen][rows])
        truth = np.concatenate(camera)
        positions = self._positions(truth, rng)
        away = np.linalg.norm(positions - truth[:, None], axis=2)
        mine = self._world.share(np.arange(config.schedule.batch))
        kinds = [
            SeenPhotos(_tensor(np.concatenate(f)[mine]), _tensor(np.concatenate(s)[mine]))
            for f, s in (photos[seen] for seen in (wide, narrow))
        ]
        return ViewBatch(
            _tensor(np.concatenate(tiles)[mine]), _tensor(positions[mine]), _tensor(away[mine]), (kinds[0], kinds[1])
        )

    def _draw_kind(self, group: str, rng: np.random.Generator) -> int:
        kinds: list[PhotoKind] = [photo for photo in self._data.photos if photo.group == group]
        weights = np.array([photo.weight for photo in kinds])
        return kinds[rng.choice(len(kinds), p=weights / weights.sum())].columns

    def _positions(self, truth: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
        """(B, P, 2): one near the camera, others anywhere in the inner part of the tile."""
        spread = self._config.loss.spread
        near = truth[:, None] + np.clip(rng.normal(0, spread.jitter_m, (len(truth), 1, 2)), -4, 4)
        others = rng.uniform(-spread.reach_m, spread.reach_m, (len(truth), spread.positions - 1, 2))
        return np.concatenate([near, others], axis=1)

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        """Nothing is mined here."""

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """A batch depends on seed and step alone."""


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
