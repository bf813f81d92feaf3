from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import UsageError
from models.evaluation.corruptions import CORRUPTIONS, SEVERITIES, contact_sheet, corrupt, psnr_db

Pixels = NDArray[np.uint8]
DRAWN = [name for name, corruption in CORRUPTIONS.items() if corruption.drawn]
FIXED = [name for name, corruption in CORRUPTIONS.items() if not corruption.drawn]
every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)


def test_these_are_the_corruptions_of_the_benchmark() -> None:
    assert list(CORRUPTIONS) == [
        *("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
        *("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
        *("snow", "frost", "fog", "brightness", "spatter"),
        *("contrast", "pixelate", "jpeg_compression"),
    ]
    assert [corruption.number for corruption in CORRUPTIONS.values()] == list(range(16))


@every_corruption
def test_the_psnr_falls_with_severity(street: Pixels, name: str) -> None:
    fall = np.mean([[psnr_db(street, corrupt(street, name, s, seed)) for s in SEVERITIES] for seed in range(3)], axis=0)
    assert (np.diff(fall) < 0).all(), fall
    assert 6 < fall[-1] < fall[0] < 40


@every_corruption
def test_the_same_arguments_give_the_same_bytes(street: Pixels, name: str) -> None:
    before = street.copy()
    first = corrupt(street, name, 3, 11)
    assert first.tobytes() == corrupt(before, name, 3, 11).tobytes()
    assert (street == before).all()
    assert not np.shares_memory(first, street)


@pytest.mark.parametrize("name", DRAWN)
def test_another_seed_draws_another_picture(street: Pixels, name: str) -> None:
    assert (corrupt(street, name, 2, 1) != corrupt(street, name, 2, 2)).any()


@pytest.mark.parametrize("name", FIXED)
def test_what_is_not_drawn_does_not_depend_on_the_seed(street: Pixels, name: str) -> None:
    assert (corrupt(street, name, 2, 1) == corrupt(street, name, 2, 2)).all()


@every_corruption
@pytest.mark.parametrize("shape", [(32, 32, 3), (37, 101, 3), (101, 37, 3), (8, 9, 3), (300, 50, 3)])
@pytest.mark.parametrize("severity", [1, 5])
def test_every_size_is_changed_and_kept(name: str, shape: tuple[int, int, int], severity: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    changed = corrupt(pixels, name, severity, 0)
    assert changed.shape == shape
    assert changed.dtype == np.uint8
    assert (changed != pixels).any()


@every_corruption
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_constant_picture_is_no_trouble(name: str, grey: int) -> None:
    changed = corrupt(np.full((40, 120, 3), grey, dtype=np.uint8), name, 5, 0)
    if CORRUPTIONS[name].family == "blur" or name in ("contrast", "pixelate", "jpeg_compression"):
        assert np.abs(changed.astype(int) - grey).max() <= 1
    else:
        assert changed.shape == (40, 120, 3)


@pytest.mark.parametrize(
    ("name", "severity", "seed", "message"),
    [
        ("rain", 1, 0, "unknown corruption 'rain'; there are gaussian_noise, .*, jpeg_compression"),
        ("fog", 0, 0, "severity 0: expected 1"),
        ("fog", 6, 0, "severity 6: expected 1"),
        ("fog", 1, -1, "seed -1"),
    ],
)
def test_wrong_use_is_refused(street: Pixels, name: str, severity: int, seed: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        corrupt(street, name, severity, seed)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((32, 32, 3), dtype=np.float32),
        np.zeros((32, 32), dtype=np.uint8),
        np.zeros((32, 32, 4), dtype=np.uint8),
        np.zeros((7, 32, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(pixels: Pixels) -> None:
    with pytest.raises(UsageError, match="expected uint8"):
        corrupt(pixels, "fog", 1, 0)


def test_psnr_of_known_pictures() -> None:
    black = np.zeros((4, 4, 3), dtype=np.uint8)
    assert psnr_db(black, black) == float("inf")
    assert psnr_db(black, black + 255) == pytest.approx(0.0)
    assert psnr_db(black + 10, black) == pytest.approx(28.1308, abs=1e-4)
    with pytest.raises(UsageError, match="one shape"):
        psnr_db(black, black[:2])


def test_the_contact_sheet_shows_all(street: Pixels) -> None:
    small = street[::4, ::4]  # 32 x 96
    sheet = np.asarray(contact_sheet(small, 7))
    assert sheet.shape == (16 * 32, 5 * 96, 3)
    assert (sheet[10 * 32 : 11 * 32, 96:192] == corrupt(small, "fog", 2, 7)).all()
