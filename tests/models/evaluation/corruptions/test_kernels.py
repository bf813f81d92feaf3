from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.corruptions.kernels import Floats, as_bytes, convolve, disc, gaussian, scale_of, streak


@pytest.mark.parametrize(
    ("shape", "scale"), [((224, 1232, 3), 1.0), ((128, 512), 128 / 224), ((1024, 2048, 3), 1024 / 224), ((32, 32), 0.5)]
)
def test_the_shorter_side_sets_the_scale(shape: tuple[int, ...], scale: float) -> None:
    assert scale_of(shape) == pytest.approx(scale)


@pytest.mark.parametrize("kernel", [disc(3.0), disc(0.7), disc(4.0, 0.5), gaussian(1.3), streak(20.0, 5.0, 30.0)])
def test_kernels_are_centred_and_keep_the_light(kernel: Floats) -> None:
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum() == pytest.approx(1.0, abs=1e-5)
    assert kernel.min() > -1e-6


def test_a_disc_is_even_inside() -> None:
    kernel = disc(3.0)
    assert kernel.shape == (7, 7)
    assert kernel[3, 3] == pytest.approx(1 / (np.pi * 9), rel=0.03)
    assert kernel[0, 0] == 0


def test_a_streak_starts_at_the_centre_and_fades_to_the_right() -> None:
    kernel = streak(8.0, 4.0, 0.0)
    middle = len(kernel) // 2
    assert kernel[middle].sum() == pytest.approx(1.0)
    assert (np.diff(kernel[middle, middle + 1 : middle + 8]) < 0).all()
    assert kernel[middle, :middle].sum() == pytest.approx(0.0)


def test_a_streak_points_counter_clockwise_from_the_right() -> None:
    kernel = streak(8.0, 4.0, 90.0)
    middle = len(kernel) // 2
    assert kernel[:middle].sum() > 0.7  # upwards: lower rows


def test_convolution_is_the_sum_it_says() -> None:
    pixels = np.random.default_rng(0).random((9, 11, 2)).astype(np.float32)
    kernel = np.random.default_rng(1).random((3, 5)).astype(np.float32)
    padded = np.pad(pixels, ((1, 1), (2, 2), (0, 0)), mode="symmetric")
    expected = sum(kernel[i, j] * padded[2 - i : 11 - i, 4 - j : 15 - j] for i in range(3) for j in range(5))
    assert convolve(pixels, kernel) == pytest.approx(expected, abs=1e-5)
    assert convolve(pixels[..., 0], kernel) == pytest.approx(expected[..., 0], abs=1e-5)


def test_a_kernel_may_be_larger_than_the_picture() -> None:
    assert convolve(np.ones((5, 6), dtype=np.float32), disc(20.0)) == pytest.approx(np.ones((5, 6)), abs=1e-5)


def test_values_are_clipped_and_rounded() -> None:
    assert as_bytes(np.array([-0.2, 0.0, 0.499 / 255, 0.501 / 255, 1.0, 3.0], dtype=np.float32)).tolist() == [
        *(0, 0, 0, 1, 255, 255)
    ]
