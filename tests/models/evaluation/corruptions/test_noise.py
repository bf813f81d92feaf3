from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.corruptions.kernels import Floats
from models.evaluation.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise

Noise = Callable[[Floats, int, np.random.Generator], Floats]
GREY = np.full((200, 200, 3), 0.5, dtype=np.float32)


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize(
    ("noise", "severity", "deviation"),
    [
        (gaussian_noise, 1, 0.08),
        (gaussian_noise, 5, 0.38),
        (speckle_noise, 1, 0.15 * 0.5),
        (speckle_noise, 5, 0.6 * 0.5),
        (shot_noise, 1, (0.5 / 60) ** 0.5),
        (shot_noise, 5, (0.5 / 3) ** 0.5),
    ],
)
def test_noise_has_its_deviation_and_no_bias(noise: Noise, severity: int, deviation: float) -> None:
    added = noise(GREY, severity, _rng()) - GREY
    assert added.std() == pytest.approx(deviation, rel=0.02)
    assert abs(added.mean()) < 0.01


def test_black_has_no_shot_or_speckle_noise() -> None:
    assert (shot_noise(0 * GREY, 5, _rng()) == 0).all()
    assert (speckle_noise(0 * GREY, 5, _rng()) == 0).all()


def test_impulses_are_black_or_white_in_equal_parts() -> None:
    values = impulse_noise(GREY, 5, _rng())
    assert set(np.unique(values).tolist()) == {0.0, 0.5, 1.0}
    assert (values == 0).mean() == pytest.approx(0.135, abs=0.005)
    assert (values == 1).mean() == pytest.approx(0.135, abs=0.005)
