from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.evaluation.corruptions.catalogue import corrupt
from models.evaluation.corruptions.digital import contrast, pixelate

Pixels = NDArray[np.uint8]


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("severity", "kept"), [(1, 0.4), (5, 0.05)])
def test_contrast_shrinks_the_deviation_about_the_mean(severity: int, kept: float) -> None:
    pixels = np.random.default_rng(0).random((30, 40, 3)).astype(np.float32)
    flatter = contrast(pixels, severity, _rng())
    assert flatter.std((0, 1)) == pytest.approx(kept * pixels.std((0, 1)), rel=1e-3)
    assert flatter.mean((0, 1)) == pytest.approx(pixels.mean((0, 1)), abs=1e-5)


def test_pixels_become_blocks_of_their_mean() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    blocks = corrupt(pixels, "pixelate", 5, 0).reshape(16, 4, 16, 4, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    means = pixels.reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.abs(blocks[:, 0, :, 0] - means).max() <= 1


def test_blocks_grow_with_the_picture() -> None:
    pixels = np.random.default_rng(0).random((448, 896, 3)).astype(np.float32)
    blocks = pixelate(pixels, 5, _rng()).reshape(56, 8, 112, 8, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_jpeg_leaves_little_to_store(street: Pixels) -> None:
    sizes, rough = [], corrupt(street, "gaussian_noise", 1, 0)
    for picture in (rough, corrupt(rough, "jpeg_compression", 1, 0), corrupt(rough, "jpeg_compression", 5, 0)):
        file = BytesIO()
        Image.fromarray(picture).save(file, format="PNG")
        sizes.append(file.tell())
    assert sizes[0] > sizes[1] > sizes[2]
