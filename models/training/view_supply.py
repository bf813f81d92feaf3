"""Batches of training views: each tile with a photo of every group, and positions in it to tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import UsageError
from models.networks.azimuth import by_rows
from models.spatial_loss import NEAR_M, Remembered
from models.training.architectures import ColumnsModel
from models.training.batch import SeenPhotos, ViewBatch
from models.training.config import TrainConfig
from models.training.data_config import PhotoKind, ViewData
from models.training.model import azimuth_size, ray_size
from models.training.parallel import World
from models.training.restyle import Packed, restyle
from models.training.tile_memory import Places, TileMemory
from models.training.view_store import CityViews

Front = NDArray[np.float16]
CITIES_PER_BATCH = 2
"""Few, so that many negatives share a city's style."""


class ViewSupply:
    """Draws batches by seed and step alone; only what is remembered of other tiles depends on the run so far."""

    def __init__(self, config: TrainConfig, data: ViewData, cities: list[CityViews], world: World) -> None:
        self._config, self._data, self._cities, self._world = config, data, cities, world
        model = config.model
        if not isinstance(model, ColumnsModel):
            raise UsageError("Training views are for azimuth columns.")
        self._columns, self._rows = model.columns, model.rows
        self._packed_photo, self._packed_tile = azimuth_size(model).packed, ray_size(model, config.footprint_m).packed
        self._memory = TileMemory([len(city) for city in cities], (model.columns, model.channels))
        self._last: Places = np.zeros((0, 2), np.int64)

    @property
    def steps_per_epoch(self) -> int:
        return max(1, sum(map(len, self._cities)) // self._config.schedule.batch)

    def batch(self, step: int) -> ViewBatch:
        config, data = self._config, self._data
        rng = np.random.default_rng([config.seed, step])
        kinds = [self._draw_kind(group, rng) for group in data.groups]
        tiles, camera, places = [], [], []
        photos: list[tuple[list[Front], list[NDArray[np.float32]]]] = [([], []) for _ in kinds]
        chosen = rng.choice(len(self._cities), size=min(CITIES_PER_BATCH, len(self._cities)), replace=False)
        for number, part in zip(chosen, np.array_split(np.arange(config.schedule.batch), len(chosen)), strict=True):
            city = self._cities[number]
            rows = np.sort(rng.choice(len(city), size=len(part), replace=len(part) > len(city)))
            draws = rng.integers(len(city.tiles), size=len(part))
            tiles.append(city.tiles[draws, rows])
            camera.append(city.camera_m[draws, rows])
            places.append(np.stack([np.full(len(rows), number), rows], axis=1))
            for kind, (fronts, shifts) in zip(kinds, photos, strict=True):
                front, shift = self._photos(city, rows, kind, rng)
                fronts.append(front)
                shifts.append(shift)
        truth = np.concatenate(camera)
        positions = self._positions(truth, rng)
        away = np.linalg.norm(positions - truth[:, None], axis=2)
        mine = self._world.share(np.arange(config.schedule.batch))
        seen_photos = []
        for fronts, shifts in photos:
            whole = np.concatenate(fronts)
            self._cover(whole, rng)
            seen = self._restyled(_tensor(whole), self._packed_photo, rng)
            seen_photos.append(SeenPhotos(seen[mine], _tensor(np.concatenate(shifts)[mine])))
        self._last = np.concatenate(places)
        seen_tiles = self._restyled(_tensor(np.concatenate(tiles))[:, None], self._packed_tile, rng)[:, 0]
        return ViewBatch(
            seen_tiles[mine],
            _tensor(positions[mine]),
            _tensor(away[mine]),
            tuple(seen_photos),
            self._remembered(chosen) if data.remember and step >= data.remember_from_step else None,
        )

    def _remembered(self, cities: NDArray[np.int64]) -> Remembered:
        """What is known of these cities' tiles; a tile of the photo's own place is no negative."""
        known, columns = self._memory.recall(cities)
        same_city = self._last[:, None, 0] == known[None, :, 0]
        where = [np.array([self._cities[c].places[r] for c, r in part]).reshape(-1, 2) for part in (self._last, known)]
        apart_m = np.linalg.norm(where[0][:, None] - where[1][None], axis=2)
        return Remembered(_tensor(columns), torch.from_numpy(~same_city | (apart_m > NEAR_M)))

    def _draw_kind(self, group: str, rng: np.random.Generator) -> int:
        kinds: list[PhotoKind] = [photo for photo in self._data.photos if photo.group == group]
        weights = np.array([photo.weight for photo in kinds])
        return kinds[rng.choice(len(kinds), p=weights / weights.sum())].columns

    def _photos(
        self, city: CityViews, rows: NDArray[np.int64], seen: int, rng: np.random.Generator
    ) -> tuple[Front, NDArray[np.float32]]:
        """Photos of `seen` columns (B, seen + 2, K) and their shifts (B,), some cut anew out of the panorama."""
        draws = rng.integers(len(city.photos[seen]), size=len(rows))
        front, shift = city.photos[seen][draws, rows], city.shifts[seen][draws, rows]
        whole = self._data.kinds[0]
        if seen == whole or whole != self._columns:
            return front, shift
        for i in np.flatnonzero(rng.random(len(rows)) < self._data.recut):
            start = int(rng.integers(whole))
            panorama = city.photos[whole][draws[i], rows[i], 1:-1]
            front[i] = panorama[np.arange(start - 1, start + seen + 1) % whole]
            shift[i] = (city.shifts[whole][draws[i], rows[i]] + start) % whole
        return front, shift

    def _cover(self, front: Front, rng: np.random.Generator) -> None:
        """Put, in place, a block of the next photo's features over some photos (B, w + 2, K)."""
        covered = np.flatnonzero(rng.random(len(front)) < self._data.covered)
        others = front[(covered + 1) % len(front)]
        for number, other in zip(covered, others, strict=True):
            wide = max(1, round(rng.uniform(0.1, 0.4) * front.shape[1]))
            left = int(rng.integers(front.shape[1] - wide + 1))
            top = int(rng.integers(self._rows - 1))
            low = int(rng.integers(top + 2, self._rows + 1))
            source = by_rows(other[left : left + wide], self._rows)
            for mine, theirs in zip(by_rows(front[number, left : left + wide], self._rows), source, strict=True):
                mine[:, :, top:low] = theirs[:, :, top:low]

    def _restyled(self, features: Tensor, packed: Packed, rng: np.random.Generator) -> Tensor:
        if self._data.restyled > 0:
            restyle(features, packed, self._data.restyled, rng)
        return features

    def _positions(self, truth: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
        """(B, P, 2): one near the camera, others anywhere in the inner part of the tile."""
        spread = self._config.loss.spread
        near = truth[:, None] + np.clip(rng.normal(0, spread.jitter_m, (len(truth), 1, 2)), -4, 4)
        others = rng.uniform(-spread.reach_m, spread.reach_m, (len(truth), spread.positions - 1, 2))
        return np.concatenate([near, others], axis=1)

    def observe(self, step: int, ground: Tensor, aerial: Tensor) -> None:
        """Keep how the tiles of the last batch were described."""
        del step, ground
        if self._data.remember:
            self._memory.note(self._last, aerial.cpu().numpy())

    def state(self) -> dict[str, Any]:
        return self._memory.state() if self._data.remember else {}

    def restore(self, state: dict[str, Any]) -> None:
        if self._data.remember:
            self._memory.restore(state)


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()  # several times as fast as NumPy from float16
