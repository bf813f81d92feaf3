from __future__ import annotations

import numpy as np

from models.normalisation import IMAGENET_MEAN, IMAGENET_STD, normalise, to_bytes


def test_white_is_as_far_from_the_mean_as_imagenet_says() -> None:
    white = normalise(np.full((1, 1, 3), 255, np.uint8), IMAGENET_MEAN, IMAGENET_STD)[:, 0, 0]
    np.testing.assert_allclose(white, [2.2489, 2.4286, 2.64], atol=1e-4)


def test_channels_come_first() -> None:
    picture = np.zeros((2, 5, 3), np.uint8)
    picture[..., 2] = 255
    normalised = normalise(picture, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert (normalised.shape, normalised[2].min(), normalised[:2].max()) == ((3, 2, 5), 1.0, 0.0)


def test_bytes_come_back() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    back = to_bytes(normalise(picture, IMAGENET_MEAN, IMAGENET_STD), IMAGENET_MEAN, IMAGENET_STD)
    np.testing.assert_array_equal(back, picture.transpose(2, 0, 1))


def test_planes_are_what_the_formula_gives_to_the_bit() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    scaled = (picture / np.float32(255.0) - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
    np.testing.assert_array_equal(normalise(picture, IMAGENET_MEAN, IMAGENET_STD), scaled.transpose(2, 0, 1))
