from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.training.photometric import change_colours, degrade_tile


def _picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def test_shapes_stay_and_the_seed_decides() -> None:
    first, again = (change_colours(_picture(), np.random.default_rng(4)) for _ in range(2))
    assert first.shape == (32, 48, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)


def test_hardly_any_picture_keeps_its_mean_colour() -> None:
    mean = _picture().mean((0, 1))
    off = [np.abs(change_colours(_picture(), np.random.default_rng(s)).mean((0, 1)) - mean).max() for s in range(60)]
    assert np.mean(np.array(off) > 3) > 0.6


def test_some_pictures_are_grey_and_most_are_not() -> None:
    spread = [
        np.ptp(change_colours(_picture(), np.random.default_rng(s)).astype(int), axis=2).mean() for s in range(80)
    ]
    grey = np.mean(np.array(spread) < 25)
    assert 0.02 < grey < 0.4


def test_half_of_the_tiles_lose_resolution() -> None:
    tile = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)

    def detail(pixels: NDArray[np.uint8]) -> float:
        grey = pixels.astype(float).mean(2)
        return float(np.abs(np.diff(grey, axis=1)).mean() / (grey.std() + 1))

    kept = [detail(degrade_tile(tile, np.random.default_rng(s))) / detail(tile) for s in range(60)]
    assert 0.25 < np.mean(np.array(kept) < 0.7) < 0.8
