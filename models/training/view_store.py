"""Training views on disk: the panoramas and tiles of sample cities through the frozen stem, rendered once.

    <store>/city-<seed>/photo-<columns>.npy    float16 (photo draws, P, w + 2, K) what the stem gives for w columns
                        shift-<columns>.npy    float32 (photo draws, P) true shift in columns
                        tiles.npy              float16 (draws, P, K)
                        camera.npy             float32 (draws, P, 2) metres east and north of the tile's centre
                        places.npy             float64 (P, 2) x_m, y_m

Row i of every draw is place i. Every array is read through a memory map.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.artefact import appear_whole
from models.errors import UsageError
from models.sample_city import GENERATION, AerialView, Appearance, City, Places, draw_places, render_panorama
from models.training.architectures import ColumnsModel
from models.training.config import TrainConfig
from models.training.cuts import Canvas, cut
from models.training.data_config import ViewData
from models.training.edges import leave_part
from models.training.kept import city_folder, render_missing
from models.training.photometric import degrade_tile
from models.training.stem_session import StemSession

logger = logging.getLogger(__name__)
Array = NDArray[Any]
CAMERA_HEIGHT_M = (1.4, 2.8)


@dataclass(frozen=True, slots=True)
class CityViews:
    """The views of one city."""

    photos: dict[int, Array]
    shifts: dict[int, NDArray[np.float32]]
    tiles: Array
    camera_m: NDArray[np.float32]
    places: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)


def prepare_views(config: TrainConfig, data: ViewData, store: Path, workers: int = 1) -> list[CityViews]:
    """Render whatever cities are not in the store yet and open all of them.

    Raises:
        UsageError: the store was made for other data or views.
    """
    render_missing(store, _recipe(config, data), data.cities, partial(render_city_views, config, data, store), workers)
    return [open_city_views(data, city_folder(store, city)) for city in data.cities]


def _recipe(config: TrainConfig, data: ViewData) -> dict[str, Any]:
    """All that the kept arrays of one city depend on, but for the number of photo draws.

    More cities may come into the same store, with other draws; a city that is there keeps those it has.
    """
    _, ground, aerial = config.views
    views = {"ground": ground.model_dump(), "aerial": aerial.model_dump(exclude={"cells"})}
    learning = {"recut", "covered", "restyled", "remember", "remember_from_step"}
    kept = data.model_dump(exclude={"cities", "photos", "photo_draws", *learning}) | {"photos": data.kinds}
    return {"generation": GENERATION, "data": kept, **views}


def open_city_views(data: ViewData, folder: Path) -> CityViews:
    return CityViews(
        photos={seen: np.load(folder / f"photo-{seen}.npy", mmap_mode="r") for seen in data.kinds},
        shifts={seen: np.load(folder / f"shift-{seen}.npy") for seen in data.kinds},
        tiles=np.load(folder / "tiles.npy", mmap_mode="r"),
        camera_m=np.load(folder / "camera.npy"),
        places=np.load(folder / "places.npy"),
    )


def render_city_views(config: TrainConfig, data: ViewData, store: Path, seed: int) -> None:
    """Render all views of one city into `<store>/city-<seed>`, whole or not at all."""
    city = City.generate(seed, data.extent_m)
    rng = np.random.default_rng([data.seed, seed])
    places = draw_places(city, data.places, rng, data.min_separation_m)
    stem = StemSession(config)
    with appear_whole(city_folder(store, seed)) as folder:
        np.save(folder / "places.npy", np.stack([places.x_m, places.y_m], axis=1))
        tiles, camera_m = _tiles(config, data, stem, city, places, rng)
        np.save(folder / "tiles.npy", tiles)
        np.save(folder / "camera.npy", camera_m)
        for seen, (rows, shifts) in _photos(config, data, stem, city, places, rng).items():
            np.save(folder / f"photo-{seen}.npy", rows)
            np.save(folder / f"shift-{seen}.npy", shifts)
        logger.info("city %d: %d places", seed, len(places))


def _tiles(
    config: TrainConfig, data: ViewData, stem: StemSession, city: City, places: Places, rng: np.random.Generator
) -> tuple[Array, NDArray[np.float32]]:
    """Each draw has its own time of the year, footprint error and camera offset."""
    _, _, view = config.views
    rows, camera_m = [], []
    for _ in range(data.draws):
        picture = None
        for i in range(len(places)):
            if picture is None or i == len(places) // 2:
                picture = AerialView(city, Appearance.draw(rng))
            offset = rng.uniform(-data.offset_m, data.offset_m, 2)
            error = float(np.clip(rng.normal(1.0, data.footprint_error), 0.85, 1.15))
            x, y = places.x_m[i] - offset[0], places.y_m[i] - offset[1]
            pixels = degrade_tile(picture.tile(x, y, config.footprint_m * error, view.size_px), rng)
            camera = offset / error
            if rng.random() < data.partial_tiles:
                pixels = leave_part(pixels, camera, config.footprint_m / view.size_px, rng)
            rows.append(stem.tile(pixels))
            camera_m.append(camera)
    shape = data.draws, len(places), -1
    return np.stack(rows).reshape(shape), np.array(camera_m, np.float32).reshape(shape)


def _photos(
    config: TrainConfig, data: ViewData, stem: StemSession, city: City, places: Places, rng: np.random.Generator
) -> dict[int, tuple[Array, NDArray[np.float32]]]:
    """Panoramas of each place at a few moments, and one cut of every kind from each."""
    model = config.model
    if not isinstance(model, ColumnsModel):
        raise UsageError("Training views are for azimuth columns.")
    height, width = model.rows * 16, model.columns * 16
    canvas = Canvas(model.columns, height, width, model.margin_columns * 16)
    shape = data.photo_draws, len(places)
    rows: dict[int, list[Array]] = {seen: [np.empty(0)] * (shape[0] * shape[1]) for seen in data.kinds}
    shifts = {seen: np.zeros(shape, np.float32) for seen in data.kinds}
    for draw in range(data.photo_draws):
        order = rng.permutation(len(places))
        for moment in range(data.moments):
            look = Appearance.draw(rng)
            for i in order[moment :: data.moments]:
                seen_by = look.through(Appearance.draw(rng))
                heading, up = float(rng.uniform(0, 360)), float(rng.uniform(*CAMERA_HEIGHT_M))
                panorama = render_panorama(
                    city, seen_by, places.x_m[i], places.y_m[i], heading, width, height, 360.0 * height / width, up
                )
                for seen in data.kinds:
                    pixels, shifts[seen][draw, i] = cut(panorama, heading, seen, canvas, rng)
                    rows[seen][draw * len(places) + i] = stem.photo(pixels)
    return {seen: (_draws(rows[seen], shape), shifts[seen]) for seen in data.kinds}


def _draws(rows: list[Array], shape: tuple[int, int]) -> Array:
    stacked = np.stack(rows)
    return stacked.reshape(*shape, *stacked.shape[1:])
