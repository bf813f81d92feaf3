from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.corruptions.fields import fractal


def _rough(decay: float) -> float:
    field = fractal((224, 448), decay, np.random.default_rng(0))
    return float(np.abs(np.diff(field, axis=1)).mean())


@pytest.mark.parametrize("shape", [(224, 448), (33, 57), (8, 8)])
def test_fields_are_standardised(shape: tuple[int, int]) -> None:
    field = fractal(shape, 1.7, np.random.default_rng(0))
    assert field.shape == shape
    assert field.mean() == pytest.approx(0.0, abs=1e-4)
    assert field.std() == pytest.approx(1.0, abs=1e-4)


def test_slower_decay_is_rougher() -> None:
    assert _rough(2.0) < _rough(1.7) < _rough(1.4)


def test_octaves_lose_amplitude_by_the_decay() -> None:
    field = fractal((512, 512), 2.0, np.random.default_rng(0))
    power = np.abs(np.fft.fft2(field)) ** 2
    waves = np.hypot(*np.meshgrid(*[np.fft.fftfreq(512) * 512] * 2))
    octaves = [np.sqrt(power[(waves >= low) & (waves < 2 * low)].sum()) for low in (16, 32, 64)]
    assert octaves[0] / octaves[1] == pytest.approx(2.0, rel=0.1)
    assert octaves[1] / octaves[2] == pytest.approx(2.0, rel=0.1)


def test_fields_repeat_at_the_border() -> None:
    field = fractal((128, 512), 2.0, np.random.default_rng(3))
    assert np.abs(field[:, 0] - field[:, -1]).mean() < 2 * np.abs(np.diff(field, axis=1)).mean()
