"""Training pairs on disk: rendered once per city, kept as arrays, read through memory maps.

    <store>/city-<seed>/shot-<fov>-<orientation>.npy    ground, one row a place
                        shift-<fov>-<orientation>.npy   float32 (P,), true shift in columns
                        tiles.npy                       aerial, (P, draws, 3, S, S)
                        places.npy                      float64 (P, 2) x_m, y_m

The arrays hold uint8 pixels, (3, H, W) each.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.artefact import appear_whole
from models.bundle import AerialView, AnyGroundView
from models.evaluation.photographs import Setting, Shake, photograph_places
from models.normalisation import to_bytes
from models.preprocess import ground_input
from models.sample_city import GENERATION, Appearance, City, draw_places
from models.sample_city import AerialView as CityFromAbove
from models.training.config import TrainConfig
from models.training.data_config import CityData, Shot
from models.training.kept import city_folder, render_missing

logger = logging.getLogger(__name__)
Array = NDArray[Any]
TILES_PER_APPEARANCE = 300
FOV_JITTER_DEG, TILT_DEG = 4.0, 2.0


@dataclass(frozen=True, slots=True)
class CityPairs:
    """The pairs of one city; row i of every array is place i."""

    shots: dict[str, Array]
    shifts: dict[str, NDArray[np.float32]]
    tiles: Array
    places: NDArray[np.float64]


def prepare(config: TrainConfig, data: CityData, store: Path, workers: int = 1) -> list[CityPairs]:
    """Render whatever cities are not in the store yet and open all of them.

    Raises:
        UsageError: the store was made for other data, views or seed.
    """
    render_missing(store, _recipe(config, data), data.cities, partial(render_city, config, data, store), workers)
    return [open_city(data, city_folder(store, city)) for city in data.cities]


def _recipe(config: TrainConfig, data: CityData) -> dict[str, Any]:
    """All that the kept arrays depend on: networks of the same input may share a store."""
    embedding, ground, aerial = config.views
    views = {"columns": embedding.columns, "ground": ground.model_dump(), "aerial": aerial.model_dump()}
    return {"generation": GENERATION, "data": data.model_dump(), **views}


def open_city(data: CityData, folder: Path) -> CityPairs:
    names = [shot.name for shot in data.shots]
    return CityPairs(
        shots={name: np.load(folder / f"shot-{name}.npy", mmap_mode="r") for name in names},
        shifts={name: np.load(folder / f"shift-{name}.npy") for name in names},
        tiles=np.load(folder / "tiles.npy", mmap_mode="r"),
        places=np.load(folder / "places.npy"),
    )


def render_city(config: TrainConfig, data: CityData, store: Path, seed: int) -> None:
    """Render all pairs of one city into `<store>/city-<seed>`, whole or not at all."""
    city = City.generate(seed, data.extent_m)
    rng = np.random.default_rng([data.seed, seed])
    places = draw_places(city, data.places, rng, data.min_separation_m)
    with appear_whole(city_folder(store, seed)) as folder:
        np.save(folder / "places.npy", np.stack([places.x_m, places.y_m], axis=1))
        np.save(folder / "tiles.npy", _tiles(config, data, city, places.x_m, places.y_m, rng))
        for shot in data.shots:
            pictures, shift = _shots(config, city, shot, places.x_m, places.y_m, rng)
            np.save(folder / f"shot-{shot.name}.npy", pictures)
            np.save(folder / f"shift-{shot.name}.npy", shift)
            logger.info("city %d: %d photos of kind %s", seed, len(pictures), shot.name)


def _tiles(config: TrainConfig, data: CityData, city: City, x: Array, y: Array, rng: np.random.Generator) -> Array:
    """(P, draws, ...): all tiles of one draw share an appearance in blocks."""
    _, _, view = config.views
    draws = []
    for _ in range(data.tile_draws):
        pixels = []
        picture = None
        for i in range(len(x)):
            if i % TILES_PER_APPEARANCE == 0 or picture is None:
                picture = CityFromAbove(city, Appearance.draw(rng))
            dx, dy = rng.uniform(-data.offset_m, data.offset_m, 2)
            pixels.append(picture.tile(x[i] + dx, y[i] + dy, config.footprint_m, view.size_px))
        draws.append(np.stack(pixels).transpose(0, 3, 1, 2))
    return np.stack(draws, axis=1)


def _shots(
    config: TrainConfig, city: City, shot: Shot, x: Array, y: Array, rng: np.random.Generator
) -> tuple[Array, NDArray[np.float32]]:
    embedding, view, _ = config.views
    setting = Setting(shot.fov_deg, shot.orientation)
    headings = rng.uniform(0, 360, len(x))
    shake = Shake(_fov_jitter_deg(shot.fov_deg, embedding.columns), TILT_DEG)
    photos = photograph_places(city, setting, x, y, headings, [int(rng.integers(2**31))], shake)
    canvases, shifts = [], np.zeros(len(x), dtype=np.float32)
    for i, (pixels, camera) in enumerate(photos):
        ready = ground_input(pixels, camera, view, embedding)
        canvases.append(to_bytes(ready.pixels, view.mean, view.std))
        left = headings[i] - ready.seen * 180.0 / embedding.columns
        shifts[i] = ready.firsts[0] if camera.heading_deg is not None else left * embedding.columns / 360.0
    shifts %= embedding.columns
    return np.stack(canvases), shifts


def _fov_jitter_deg(fov_deg: float, columns: int) -> float:
    """Give the largest jitter, at most FOV_JITTER_DEG, under which every photo of a kind sees as many columns."""
    seen = fov_deg * columns / 360.0
    room = 0.5 - abs(seen - round(seen))
    return min(FOV_JITTER_DEG, 0.99 * room * 360.0 / columns)


def normalise(pixels: Array, view: AnyGroundView | AerialView) -> torch.Tensor:
    """(B, 3, H, W) uint8 -> float32 as the networks take it."""
    mean, std = torch.tensor(view.mean)[:, None, None], torch.tensor(view.std)[:, None, None]
    return (torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255 - mean) / std
