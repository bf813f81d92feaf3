"""Shortcuts are hunted in the data: what tells a pair without looking at the place must stay near chance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.sample_city import AerialView, Appearance, City, draw_places, render_panorama
from models.training.cuts import Canvas, cut
from models.training.photometric import degrade_tile

PLACES = 160
CANVAS = Canvas(columns=32, height_px=64, width_px=256, margin_px=16)
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def pairs() -> tuple[list[Pixels], list[Pixels]]:
    """Photos and tiles of one city, as they are drawn for training."""
    city = City.generate(41, 500.0)
    rng = np.random.default_rng(5)
    places = draw_places(city, PLACES, rng, 18.0)
    picture, look = AerialView(city, Appearance.draw(rng)), Appearance.draw(rng)
    photos, tiles = [], []
    for x, y in zip(places.x_m, places.y_m, strict=True):
        tiles.append(degrade_tile(picture.tile(x, y, 160.0, 80), rng))
        seen_by = look.through(Appearance.draw(rng))
        photos.append(cut(render_panorama(city, seen_by, x, y, 0.0, 256, 64, 90.0, 2.0), 0.0, 32, CANVAS, rng)[0])
    return photos, tiles


def _histogram(pixels: Pixels) -> Floats:
    counts, _ = np.histogramdd(pixels.reshape(-1, 3), bins=(4, 4, 4), range=[(0, 256)] * 3)
    return np.asarray(np.sqrt(counts.ravel() / counts.sum()), np.float64)


def _mean(pixels: Pixels) -> Floats:
    return np.asarray(pixels.reshape(-1, 3).mean(0), np.float64)


def _chroma(pixels: Pixels) -> Floats:
    mean = _mean(pixels)
    return np.asarray(mean / mean.sum(), np.float64)


def _sky(pixels: Pixels) -> Floats:
    """Brightness of the top rows, of a tile that of all: what both cameras would share if they met the same day."""
    rows = pixels[14:22] if pixels.shape[0] == 64 else pixels
    return np.array([rows.mean()])


def _noise(pixels: Pixels) -> Floats:
    grey = pixels.astype(float).mean(2)
    return np.array([np.median(np.abs(np.diff(grey, axis=1))), np.median(np.abs(np.diff(grey, axis=0)))])


@pytest.mark.parametrize("describe", [_histogram, _mean, _chroma, _sky, _noise], ids=lambda f: f.__name__)
def test_colours_brightness_and_noise_do_not_tell_the_pair(
    pairs: tuple[list[Pixels], list[Pixels]], describe: object
) -> None:
    assert callable(describe)
    ground, aerial = (np.stack([describe(p) for p in side]) for side in pairs)
    ground, aerial = (side - side.mean(0) for side in (ground, aerial))
    gap = np.linalg.norm(ground[:, None] - aerial[None], axis=2)
    hits = int((gap.argmin(1) == np.arange(PLACES)).sum())
    assert hits <= 7  # one is expected by chance; eight or more in 160 happens once in 90,000 such tests


def test_moments_of_the_two_views_are_drawn_apart() -> None:
    rng = np.random.default_rng(0)
    suns = np.array([[Appearance.draw(rng).sun_azimuth_deg, Appearance.draw(rng).sun_azimuth_deg] for _ in range(400)])
    assert abs(np.corrcoef(suns.T)[0, 1]) < 0.2
