from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evaluation.corruptions.catalogue import corrupt
from models.evaluation.corruptions.weather import brightness, fog, snow

Pixels = NDArray[np.uint8]
BLACK = np.zeros((224, 448, 3), dtype=np.float32)


def _rng() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.mark.parametrize("severity", [1, 5])
def test_brightness_raises_the_value_and_keeps_the_colour(severity: int) -> None:
    more = severity / 10
    red, dark, bright = [0.4, 0.2, 0.1], [0.0, 0.0, 0.0], [1.0, 0.5, 0.5]
    changed = brightness(np.array([[red, dark, bright]], dtype=np.float32), severity, _rng())[0]
    assert changed[0] == pytest.approx((0.4 + more) * np.array([1, 0.5, 0.25]), abs=1e-6)
    assert changed[1] == pytest.approx([more] * 3)
    assert changed[2] == pytest.approx(bright)


def test_the_picture_gets_brighter_with_severity(street: Pixels) -> None:
    means = [street.mean(), *(corrupt(street, "brightness", s, 0).mean() for s in range(1, 6))]
    assert (np.diff(means) > 1).all()


def test_fog_hides_contrast_but_not_evenly() -> None:
    stripes = np.zeros((224, 448, 3), dtype=np.float32)
    stripes[:, ::2] = 1
    foggy = fog(stripes, 5, _rng())
    contrast = foggy[:, ::2] - foggy[:, 1::2]
    assert contrast.mean() == pytest.approx(1 / 4.7, abs=0.005)
    assert foggy[:, 1::2].std() > 0.05
    assert foggy.min() > 0.2


def test_fog_and_frost_have_no_seam() -> None:
    for name in ("fog", "frost"):
        drawn = corrupt(np.full((128, 512, 3), 100, dtype=np.uint8), name, 3, 0).astype(int)
        steps = np.abs(np.diff(drawn, axis=1)).mean((0, 2))
        assert np.abs(drawn[:, 0] - drawn[:, -1]).mean() < 2 * steps.mean()


def test_snow_falls_as_streaks_along_the_wind() -> None:
    fallen = snow(BLACK, 5, _rng())[..., 0]
    clear = np.median(fallen)
    assert fallen.max() > clear + 0.3
    down = np.abs(np.diff(fallen, axis=0)).mean()
    across = np.abs(np.diff(fallen, axis=1)).mean()
    assert down < across  # within 45 degrees of the vertical
    assert snow(BLACK, 5, _rng())[0, 0, 0] == snow(BLACK, 5, _rng())[0, 0, 2]
