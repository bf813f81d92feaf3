"""Pictures on which an imported model is tried: held-out pairs, or places of a city rendered on the spot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelManifest, StretchedView
from models.camera import Camera, GroundInput
from models.errors import ParameterError, UsageError
from models.exporting.certificate import Sample
from models.image import decode_photo
from models.pairs import read_pairs
from models.preprocess import aerial_input, crop_to_footprint, ground_input

Pixels = NDArray[np.uint8]
CITY_SEED = 4099
"""Of a city that nothing was trained on."""
MOST_PAIRS = 400
"""Held-out photos that are kept in memory; of more, so many are taken, evenly spread."""
CITY_M_PER_PLACE = 40.0
SMALLEST_CITY_M = 240.0


def held_out_sample(path: Path, manifest: ModelManifest) -> Sample:
    """Make a sample of a pairs file: its photos, and every aerial image that belongs to one of them.

    Raises:
        SourceError: as `read_pairs`.
        ImageError: a file that is not a usable image.
        UsageError: a photo whose field of view the model does not take.
    """
    pairs = read_pairs(path)
    count = len(pairs)
    if count > MOST_PAIRS:
        pairs = [pairs[number * count // MOST_PAIRS] for number in range(MOST_PAIRS)]
    shot = [(_read(pair.ground), pair.camera(heading_known=True)) for pair in pairs]
    resolution = {pair.aerial: pair.ground_resolution_m for pair in pairs}
    footprint_m = manifest.aerial.footprint_m
    tiles = [crop_to_footprint(_read(file), step_m, footprint_m) for file, step_m in resolution.items()]
    which = f"{len(pairs)} of {count}" if count > len(pairs) else f"all {count}"
    return _sample(f"{which} held-out pairs of {path.name}, {len(tiles)} aerial images", shot, tiles, manifest)


def city_sample(places: int, manifest: ModelManifest) -> Sample:
    """Render places of a sample city: a photo of the model's field of view and a centred tile for each.

    Raises:
        UsageError: fewer than two places.
    """
    from models.evaluation.photographs import Setting, photograph_places
    from models.sample_city import AerialView as CityFromAbove
    from models.sample_city import Appearance, City, draw_places

    if places < 2:
        raise UsageError(f"--sample-places is {places}; at least 2 places are needed to compare anything.")
    view = manifest.aerial
    fov_deg = manifest.ground.fov_deg if isinstance(manifest.ground, StretchedView) else 360.0
    city = City.generate(CITY_SEED, max(SMALLEST_CITY_M, CITY_M_PER_PLACE * math.sqrt(places)))
    rng = np.random.default_rng([CITY_SEED, places])
    chosen = draw_places(city, places, rng)
    heading_deg = rng.uniform(0, 360, places)
    shot = photograph_places(city, Setting(fov_deg, "known"), chosen.x_m, chosen.y_m, heading_deg, [CITY_SEED, 1])
    above = CityFromAbove(city, Appearance.draw(np.random.default_rng([CITY_SEED, 2])))
    at = zip(chosen.x_m, chosen.y_m, strict=True)
    tiles = [above.tile(float(x), float(y), view.footprint_m, view.size_px) for x, y in at]
    text = f"{places} places of a synthetic city (seed {CITY_SEED}), rendered photos of {fov_deg:g} degrees"
    return _sample(f"{text} and {len(tiles)} tiles", shot, tiles, manifest)


def _read(file: Path) -> Pixels:
    return decode_photo(file.read_bytes()).pixels


def _sample(
    text: str, shot: Iterable[tuple[Pixels, Camera]], tiles: Iterable[Pixels], manifest: ModelManifest
) -> Sample:
    photos: list[GroundInput] = []
    for pixels, camera in shot:
        try:
            photos.append(ground_input(pixels, camera, manifest.ground, manifest.embedding))
        except ParameterError as error:
            raise UsageError(f"Photo {len(photos) + 1} of the sample does not fit the model: {error.detail}") from error
    return Sample(text, photos, [aerial_input(tile, manifest.aerial) for tile in tiles])
