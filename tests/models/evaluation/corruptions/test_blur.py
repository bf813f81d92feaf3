from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.corruptions.blur import defocus_blur, glass_blur, motion_blur, zoom_blur
from models.evaluation.corruptions.kernels import Floats

SIDE = 224


def _star(size: int = SIDE) -> Floats:
    """One white pixel in the middle."""
    pixels = np.zeros((size, size, 3), dtype=np.float32)
    pixels[size // 2, size // 2] = 1
    return pixels


def _rng() -> np.random.Generator:
    return np.random.default_rng(2)


def _spread(pixels: Floats) -> tuple[float, float]:
    """Root mean square distance of the light from its centre, down and across, in pixels."""
    light = pixels[..., 0] / pixels[..., 0].sum()
    at = np.arange(len(light))
    return tuple(float(np.sqrt((p @ at**2) - (p @ at) ** 2)) for p in (light.sum(1), light.sum(0)))  # type: ignore[return-value]


@pytest.mark.parametrize(("severity", "radius"), [(1, 3), (5, 10)])
def test_an_unfocused_point_is_a_disc(severity: int, radius: int) -> None:
    blurred = defocus_blur(_star(), severity, _rng())[..., 0]
    assert blurred.sum() == pytest.approx(1.0, abs=1e-4)
    lit = np.argwhere(blurred > 0.5 / (np.pi * radius**2)) - SIDE // 2
    assert np.hypot(*lit.T).max() == pytest.approx(radius, abs=0.8)
    assert len(lit) == pytest.approx(np.pi * radius**2, rel=0.15)


def test_a_larger_picture_has_a_larger_disc() -> None:
    small, large = (_spread(defocus_blur(_star(size), 3, _rng()))[0] for size in (SIDE, 3 * SIDE))
    assert large == pytest.approx(3 * small, rel=0.02)


def test_motion_draws_a_line_rather_across_than_down() -> None:
    for seed in range(10):
        down, across = _spread(motion_blur(_star(), 4, np.random.default_rng(seed)))
        assert down < across + 1e-3
        assert across > 4


def test_zoom_leaves_the_centre_and_streaks_the_border_outwards() -> None:
    pixels = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    pixels[110:114, 110:114] = 1
    pixels[110:114, 200:204] = 1
    blurred = zoom_blur(pixels, 5, _rng())[..., 0]
    assert blurred[111, 111] > 0.9
    assert blurred[111, 201] < 0.4
    assert blurred[111, 215] > 0.05
    assert blurred[111, 190:197].max() == 0


def test_glass_moves_pixels_no_further_than_its_reach() -> None:
    halves = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    halves[:, SIDE // 2 :] = 1
    seen = glass_blur(halves, 5, _rng())[..., 0]
    assert (seen[:, : SIDE // 2 - 20] == 0).all()
    assert (seen[:, SIDE // 2 + 20 :] == 1).all()
    ragged = seen[:, SIDE // 2]
    assert ragged.std() > 0.05
