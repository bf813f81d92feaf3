from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.normalisation import IMAGENET_MEAN, IMAGENET_STD, normalise
from models.resize import stretch

TRANSGEO = {
    "pre_cvusa_ground": (80, (224, 1232), (112, 616)),
    "pre_cvusa_sat_256": (81, (750, 750), (256, 256)),
    "pre_cvusa_sat_320": (81, (750, 750), (320, 320)),
    "pre_vigor_ground": (83, (1024, 2048), (320, 640)),
    "pre_vigor_sat_320": (84, (640, 640), (320, 320)),
    "pre_vigor_sat_400": (84, (640, 640), (400, 400)),
}
SAMPLE4GEO = {
    "pre_s4g_cvusa_ground_uint8": (80, (224, 1232), (140, 768)),
    "pre_s4g_sat_384_uint8": (81, (750, 750), (384, 384)),
    "pre_s4g_cvact_ground_uint8": (82, (832, 1664), (140, 768)),
    "pre_s4g_vigor_ground_uint8": (83, (1024, 2048), (384, 768)),
    "pre_s4g_vigor_sat_uint8": (84, (640, 640), (384, 384)),
}
ONE_LEVEL = 1.01 / 255 / min(IMAGENET_STD)


def _noise(seed: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.RandomState(seed).randint(0, 256, (*size, 3)).astype(np.uint8)


def _row(*levels: int) -> NDArray[np.uint8]:
    return np.repeat(np.array(levels, dtype=np.uint8)[None, :, None], 3, axis=2)


@pytest.mark.parametrize("name", TRANSGEO)
def test_transgeo_inputs_equal_the_published_ones(shared: Path, name: str) -> None:
    seed, size, wanted = TRANSGEO[name]
    made = normalise(stretch(_noise(seed, size), *wanted, "antialiased"), IMAGENET_MEAN, IMAGENET_STD)
    golden = np.load(shared / "golden" / "small_goldens.npz")[name]
    np.testing.assert_allclose(made[:, ::8, ::8], golden, atol=ONE_LEVEL, rtol=0)


@pytest.mark.parametrize("name", SAMPLE4GEO)
def test_sample4geo_inputs_equal_the_published_ones(shared: Path, name: str) -> None:
    seed, size, wanted = SAMPLE4GEO[name]
    made = stretch(_noise(seed, size), *wanted, "linear")[::8, ::8]
    golden = np.load(shared / "golden" / "small_goldens.npz")[name]
    assert np.array_equal(made, golden)


def test_linear_does_not_average_what_it_skips() -> None:
    stripes = _row(0, 0, 100, 200, 0, 0, 50, 250)
    assert stretch(stripes, 1, 2, "linear")[0, :, 0].tolist() == [50, 25]
    assert stretch(stripes, 1, 2, "antialiased")[0, 0, 0] not in (0, 50)


def test_linear_enlarges_between_pixel_centres_and_repeats_the_edge() -> None:
    assert stretch(_row(0, 200), 1, 4, "linear")[0, :, 0].tolist() == [0, 50, 150, 200]
    assert stretch(_row(0, 200).transpose(1, 0, 2), 4, 1, "linear")[:, 0, 0].tolist() == [0, 50, 150, 200]


@pytest.mark.parametrize("resampling", ["linear", "antialiased"])
def test_a_picture_of_the_right_size_stays_and_can_be_written_to(resampling: str) -> None:
    pixels = _noise(1, (6, 9))
    made = stretch(pixels, 6, 9, resampling)  # type: ignore[arg-type]
    assert np.array_equal(made, pixels)
    assert made.flags.writeable
    assert made is not pixels


def test_one_pixel_fills_any_size() -> None:
    assert (stretch(_row(77), 5, 3, "linear") == 77).all()
